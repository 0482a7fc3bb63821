"""Every table is known: it keeps something about people and says what becomes of it, or it keeps nothing.

The canary finds what it was given to write; this finds a table that nobody thought of.
"""

import asyncpg

from mercato.audit import personal_store as audit
from mercato.carriers import personal_store as carriers
from mercato.carts.store import personal as carts
from mercato.compose import MODULES
from mercato.notifications import personal_store as notifications
from mercato.orders.store import personal as orders
from mercato.payments.store import personal as payments
from mercato.privacy import store as privacy
from mercato.users.store import erasing as users

KEEPERS = (audit, carriers, carts, notifications, orders, payments, privacy, users)
OF_EVENTS = {"outbox", "inbox", "dead_letters"}
"""Purged of a person's events by `kernel/messaging/traces.py`, for every service that is a keeper."""
EMPTY_OF_PEOPLE = {
    "stock": "units and places; acts name staff",
    "catalog": "goods; imports name staff",
    "simulator": "another company's books: amounts and test cards",
    "simulated_carrier": "another company's books; recipients are forgotten with the label",
}
"""Schemas without anything about customers."""
WITHOUT_PEOPLE = {
    "audit.chain": "hashes",
    "carriers.senders": "where the shop sends from",
    "carriers.webhooks": "numbers of parcels",
    "carts.coupons": "codes", "carts.customer_groups": "names of groups", "carts.delivery_calendars": "days",
    "carts.delivery_methods": "prices", "carts.delivery_zones": "places", "carts.list_prices": "prices",
    "carts.price_lists": "prices", "carts.promotions": "rules", "carts.redemptions": "ids of carts",
    "carts.tax_classes": "rules", "carts.tax_rates": "rules", "carts.tax_zones": "rules",
    "edge.failures": "keyed hashes, gone after a quarter of an hour",
    "edge.policy_reports": "addresses of pages without their query, gone after a while",
    "edge.replies": "sealed with the client's own key, gone after a day",
    "kernel.jobs": "finished ones about a person are deleted with their events",
    "kernel.schedules": "times",
    "orders.acts": "keys of requests",
    "orders.document_series": "numbers", "orders.fulfillment_lines": "units", "orders.sales": "amounts",
    "orders.sellers": "the shop itself",
    "payments.ledger": "amounts", "payments.webhooks": "references of the provider",
    "privacy.erasures": "whom, until it is done", "privacy.retention_runs": "counts",
    "users.api_keys": "staff's machines", "users.roles": "rights", "users.signing_keys": "keys",
    "users.challenges": "deleted with the account, gone after minutes",
    "users.refresh_tokens": "digests, deleted with their session",
    "users.throttles": "digests, gone after a day", "users.user_roles": "deleted with the account",
}  # fmt: skip


async def test_every_table_says_what_becomes_of_a_person_in_it(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "select schemaname || '.' || tablename as name, tablename from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    await connection.close()
    found = {row["name"] for row in rows if row["tablename"] not in OF_EVENTS | {"migrations"}}
    said = {table.table for keeper in KEEPERS for table in keeper.TABLES}
    known = said | set(WITHOUT_PEOPLE)
    unknown = {name for name in found - known if name.partition(".")[0] not in EMPTY_OF_PEOPLE}
    assert unknown == set(), "say in the service's personal tables what becomes of a person in these"
    assert known - found == set(), "these are gone: take them off the lists"


def test_every_service_that_keeps_something_about_people_is_asked() -> None:
    asked = {"privacy", *MODULES["privacy"].needs}
    kept = {table.table.partition(".")[0] for keeper in KEEPERS for table in keeper.TABLES}
    assert kept == asked
