"""One mail to everyone who asked for it when a variant is back in stock."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from mercato.contracts.stock import StockBack
from mercato.kernel import clock
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.db import Database, Tx
from mercato.kernel.errors import Denied, FieldError, Invalid, NotFound, Throttled
from mercato.kernel.ids import digest, new_id
from mercato.notifications import alert_store as alerts
from mercato.notifications import store
from mercato.notifications.events import NewMessage

TEMPLATE = "stock_back"
EMAIL_MAX = 50
"""Goods that one address may wait for; what is asked for beyond that is dropped without a word."""
CLIENT_MAX = 20
CLIENT_WINDOW = timedelta(hours=1)
KEEP_WAITING = timedelta(days=365)
KEEP_NOTIFIED = timedelta(days=30)
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")


class _Letter(msgspec.Struct, frozen=True):
    """What the mail says; `token` ends all such mails."""

    name: str
    path: str
    token: str


class StockAlerts:
    """Who waits for what, and the mails when it is there."""

    def __init__(self, database: Database, secret: str, ring: Callable[[], None]) -> None:
        self._database = database
        self._secret = secret.encode()
        self._ring = ring

    async def watch(self, ctx: Context, *, variant_id: UUID, email: str, name: str, path: str) -> None:
        """Note the wish once; the answer never tells whether it was there. Raises Invalid, Throttled."""
        if ctx.principal.kind is not PrincipalKind.SYSTEM:
            raise Denied(detail="Only the shop itself knows what may be waited for.")
        address = email.strip()
        if not _EMAIL.fullmatch(address):
            text = "Enter an e-mail address such as name@example.com."
            raise Invalid(detail=text, errors=[FieldError("email", "invalid", text)])
        now, client = clock.now(), digest(ctx.client_address)
        if await alerts.asked_by(self._database, client=client, since=now - CLIENT_WINDOW) >= CLIENT_MAX:
            raise Throttled(detail="Too many at once; try again in an hour.")
        await alerts.add(
            self._database, alert_id=new_id(), variant_id=variant_id, email=address, locale=ctx.locale,
            name=name, path=path, client=client, most=EMAIL_MAX, now=now,
        )  # fmt: skip

    async def unwatch(self, *, token: str) -> None:
        """End all waiting of the address that the token was mailed to. Raises NotFound."""
        alert_id = self._alert_of(token)
        if alert_id is None:
            raise NotFound("not_found", "This link is not complete; copy all of it from the mail.")
        await alerts.forget_address_of(self._database, alert_id=alert_id)

    async def hear(self, tx: Tx, events: Sequence[StockBack]) -> None:
        """Queue one mail to each who waits for what is back: the effect of the subscription."""
        rows = await alerts.take(
            tx,
            event_ids=[event.event_id for event in events],
            variant_ids=[event.variant_id for event in events],
            now=clock.now(),
        )
        messages = [
            NewMessage(
                event_id=row["event_id"], about=row["variant_id"], recipient=row["email"],
                template=TEMPLATE, locale=row["locale"],
                data=msgspec.json.encode(
                    _Letter(row["name"], row["path"], self._token_of(row["id"]))
                ).decode(),
            )
            for row in rows
        ]  # fmt: skip
        if messages and await store.insert_messages(tx, messages=messages, now=clock.now()):
            tx.after_commit(self._ring)

    async def sweep(self) -> None:
        """Forget who was told a while ago, and who has waited in vain for long."""
        now = clock.now()
        await alerts.sweep(
            self._database, waiting_before=now - KEEP_WAITING, notified_before=now - KEEP_NOTIFIED
        )

    def _token_of(self, alert_id: UUID) -> str:
        mac = hmac.digest(self._secret, b"stock-alert:" + alert_id.bytes, hashlib.sha256)[:18]
        return f"{alert_id.hex}.{urlsafe_b64encode(mac).decode()}"

    def _alert_of(self, token: str) -> UUID | None:
        try:
            alert_id = UUID(hex=token.partition(".")[0])
        except ValueError:
            return None
        known = hmac.compare_digest(self._token_of(alert_id).encode(), token.encode())
        return alert_id if known else None
