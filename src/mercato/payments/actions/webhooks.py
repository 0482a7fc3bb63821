"""Webhooks: checked, kept once, then handled by asking the provider how the payment stands."""

from collections.abc import Mapping
from datetime import timedelta

from mercato.kernel import clock
from mercato.kernel.errors import Unavailable
from mercato.kernel.failpoints import failpoint
from mercato.payments.actions.pay import refresh
from mercato.payments.engine import Engine
from mercato.payments.store import operations as store

AGAIN_AFTER_S = 10


async def receive(engine: Engine, *, provider: str, headers: Mapping[str, str], body: bytes) -> None:
    """Take one webhook in; the second delivery of the same event does nothing.

    Raises Invalid("signature_invalid"). A provider that is out of reach while we ask it back is no error
    for the sender: the webhook is kept and handled later.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    event = engine.provider(provider).parse_webhook(lower, body)
    is_new = await store.insert_webhook(
        engine.database,
        provider=provider,
        event_id=event.event_id,
        reference=event.reference,
        due_at=clock.now() + timedelta(seconds=AGAIN_AFTER_S),
    )
    failpoint("payments.webhook_stored")
    if is_new:
        await handle(engine, provider=provider, event_id=event.event_id, reference=event.reference)


async def handle(engine: Engine, *, provider: str, event_id: str, reference: str) -> None:
    """Bring the payment named by a kept webhook up to date."""
    try:
        await refresh(engine, provider=provider, reference=reference)
    except Unavailable as error:
        await store.mark_webhook(engine.database, provider, event_id, error=str(error))
        return
    await store.mark_webhook(engine.database, provider, event_id, error=None)
