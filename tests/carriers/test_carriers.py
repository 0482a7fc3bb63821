"""Rates that nobody waits for, labels that are bought once, parcels that are told where they are."""

import asyncio
from datetime import timedelta

import pytest

from carriers.conftest import HOME, MARA, NOWHERE, STAFF, Depot
from mercato.carriers.carrier_kit import Bench, CarrierContract
from mercato.carriers.providers import port
from mercato.contracts.carriers import Place, Sender, TrackingStatus
from mercato.kernel import clock, standard_webhooks
from mercato.kernel.context import GUEST, SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Invalid, Unauthenticated, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money

ROUNDS = 20
UTRECHT = Place("NL", "3511 AB")


async def rates(depot: Depot, weight_g: int = 1200) -> list[tuple[str, int]]:
    answer = await depot.carriers.rates(
        SYSTEM_CONTEXT, destination=UTRECHT, weight_g=weight_g, value=Money(2400, "EUR")
    )
    return [(rate.service, rate.price.amount) for rate in answer.rates]


async def test_the_simulated_carrier_keeps_the_contract(depot: Depot) -> None:
    def webhook(number: str, age: timedelta) -> tuple[dict[str, str], bytes]:
        body = b'{"tracking_number":"%s"}' % number.encode()
        secret = b"carrier-webhooks:" + b"s" * 32
        return standard_webhooks.sign(secret, webhook_id="e1", at=clock.now() - age, body=body), body

    bench = Bench(carrier=depot.simulator, sender=HOME, recipient=MARA, refused=NOWHERE, webhook=webhook)
    checks = CarrierContract(bench).checks()
    for check in checks:
        await check()
    assert len(checks) == 12


async def test_rates_go_by_weight_and_are_remembered(depot: Depot) -> None:
    assert await rates(depot) == [("economy", 510), ("express", 1230)]
    assert await rates(depot, 2001) == [("economy", 570), ("express", 1350)]
    await depot.carriers.set_simulated_fault(STAFF, fault="down")
    assert await rates(depot) == [("economy", 510), ("express", 1230)]


async def test_a_carrier_that_is_down_is_named_and_soon_not_asked_any_more(depot: Depot) -> None:
    await depot.carriers.set_simulated_fault(STAFF, fault="down")
    for weight_g in (100, 200, 300, 400):
        answer = await depot.carriers.rates(
            SYSTEM_CONTEXT, destination=UTRECHT, weight_g=weight_g, value=Money(2400, "EUR")
        )
        assert (answer.rates, answer.away) == ([], ["simulated"])
    assert (await depot.carriers.carriers(STAFF))[0].circuit == "closed"  # labels have their own
    assert depot.carriers._engine.rate_breakers["simulated"].circuit.value == "open"


async def test_a_slow_carrier_is_not_waited_for(depot: Depot) -> None:
    await depot.carriers.set_simulated_fault(STAFF, fault="slow")
    begun = clock.monotonic_s()
    assert await rates(depot) == []
    assert clock.monotonic_s() - begun < port.RATES_TIMEOUT_S + 1.5


async def test_a_label_is_bought_once_for_its_reference(depot: Depot) -> None:
    reference = new_id()
    first = await depot.buy(reference)
    again = await depot.buy(reference)
    assert again == first
    assert (first.price, await depot.sold()) == (Money(510, "EUR"), 1)
    file = await depot.carriers.label_file(STAFF, label_id=first.id)
    assert file.name == f"label-{first.tracking_number}.pdf" and file.content.startswith(b"%PDF-")
    with pytest.raises(Conflict, match="label_exists"):
        await depot.buy(reference, service="express")
    assert await depot.sold() == 1
    await depot.assert_books_agree()


async def test_many_at_once_buy_one_label(depot: Depot) -> None:
    for _ in range(ROUNDS):
        reference = new_id()
        bought = await asyncio.gather(*(depot.buy(reference) for _ in range(4)))
        assert len({label.tracking_number for label in bought}) == 1
    assert await depot.sold() == ROUNDS
    facts = await depot.db.fetchval(
        "select count(*) from carriers.outbox where subject = 'carriers.label_bought'"
    )
    assert facts == ROUNDS


async def test_a_label_whose_reply_is_lost_is_found_again_and_not_bought_twice(depot: Depot) -> None:
    reference = new_id()
    await depot.carriers.set_simulated_fault(STAFF, fault="lost_reply")
    with pytest.raises(Unavailable):
        await depot.buy(reference)
    assert (await depot.sold(), await depot.carriers.labels(STAFF, references=[reference])) == (1, [])
    await depot.carriers.set_simulated_fault(STAFF, fault="")
    await depot.db.execute("update carriers.labels set due_at = now() - interval '1 second'")
    await depot.sweep()

    labels = await depot.carriers.labels(STAFF, references=[reference])
    assert len(labels) == 1 and await depot.sold() == 1
    await depot.assert_books_agree()


async def test_a_refused_address_leaves_nothing_and_can_be_put_right(depot: Depot) -> None:
    reference = new_id()
    with pytest.raises(Invalid, match="knows no place called Nowhere"):
        await depot.buy(reference, recipient=NOWHERE)
    assert (await depot.sold(), await depot.db.fetchval("select count(*) from carriers.labels")) == (0, 0)
    assert (await depot.buy(reference)).reference == reference


async def test_no_label_without_a_place_to_send_from_or_the_right(depot: Depot) -> None:
    with pytest.raises(Conflict, match="sender_unknown"):
        await depot.buy(channel="other")
    with pytest.raises(Invalid, match="unknown_carrier"):
        await depot.buy(carrier="stork")
    guest = Context(principal=GUEST)
    with pytest.raises(Unauthenticated):
        await depot.carriers.labels(guest, references=[new_id()])
    with pytest.raises(Unauthenticated):
        await depot.carriers.save_sender(guest, sender=Sender("default", HOME, 2))
    with pytest.raises(Conflict, match="version_conflict"):
        await depot.carriers.save_sender(STAFF, sender=Sender("default", HOME, 7))
    assert await depot.sold() == 0


async def test_what_the_carrier_sees_is_told_once_and_in_order(depot: Depot) -> None:
    label = await depot.buy()
    for status in (TrackingStatus.IN_TRANSIT, TrackingStatus.DELIVERED):
        await depot.carriers.scan_simulated_parcel(
            STAFF, tracking_number=label.tracking_number, status=status
        )
    for _ in range(2):
        await depot.deliver_webhooks()
    rows = await depot.db.fetch("select scan_id, tracking_number from simulated_carrier.webhooks")
    for row in rows:  # each once more, as carriers do
        headers, body = depot.simulator.webhook(row)
        await depot.carriers.receive_webhook(SYSTEM_CONTEXT, carrier="simulated", headers=headers, body=body)

    assert await depot.told() == ["created", "in_transit", "delivered"]
    tracking = (await depot.carriers.labels(STAFF, references=[label.reference]))[0].tracking
    assert [(one.status.value, one.place) for one in tracking] == [
        ("created", "Berlin"), ("in_transit", "Utrecht"), ("delivered", "Utrecht"),
    ]  # fmt: skip


async def test_a_webhook_that_comes_while_the_carrier_is_away_is_handled_later(depot: Depot) -> None:
    label = await depot.buy()
    await depot.carriers.scan_simulated_parcel(
        STAFF, tracking_number=label.tracking_number, status=TrackingStatus.IN_TRANSIT
    )
    await depot.carriers.set_simulated_fault(STAFF, fault="down")
    await depot.deliver_webhooks()
    assert await depot.told() == []
    await depot.carriers.set_simulated_fault(STAFF, fault="")
    await depot.db.execute("update carriers.webhooks set due_at = now() - interval '1 second'")
    await depot.sweep()
    assert await depot.told() == ["created", "in_transit"]


async def test_a_forged_webhook_is_refused_and_keeps_nothing(depot: Depot) -> None:
    with pytest.raises(Invalid, match="signature_invalid"):
        await depot.carriers.receive_webhook(
            SYSTEM_CONTEXT,
            carrier="simulated",
            headers={"webhook-id": "x"},
            body=b"{}",
        )
    assert await depot.db.fetchval("select count(*) from carriers.webhooks") == 0
