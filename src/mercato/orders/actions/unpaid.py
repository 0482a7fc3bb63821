"""Orders that wait for money from outside, and got none in the days that their channel gives."""

from datetime import timedelta

import structlog

from mercato.contracts.payments import ProviderKind
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict
from mercato.orders.actions.cancel import cancel
from mercato.orders.actions.resume import attempt
from mercato.orders.parts import Parts
from mercato.orders.store import unpaid as store

BATCH = 100

log = structlog.get_logger()


async def cancel_unpaid(parts: Parts) -> int:
    """Cancel what is overdue, so that its goods are free; returns how many. An order that changes at this
    moment, because its money comes in, stays."""
    offers = await parts.payments.providers(SYSTEM_CONTEXT)
    outside = [offer.code for offer in offers if offer.kind is ProviderKind.MANUAL]
    now, canceled = clock.now(), 0
    for code in await store.channels_with_unpaid(parts.db, providers=outside):
        channel = await parts.channels.of(code)
        if channel.unpaid_days is None:
            continue
        before = now - timedelta(days=channel.unpaid_days)
        days = f"{channel.unpaid_days} day" + ("" if channel.unpaid_days == 1 else "s")
        rows = await store.overdue(parts.db, channel=code, providers=outside, before=before, limit=BATCH)
        for order_id, version in rows:
            error = await attempt(
                cancel(
                    parts,
                    SYSTEM_CONTEXT,
                    order_id=order_id,
                    reason=f"not paid within {days}",
                    version=version,
                )
            )
            canceled += error is None
            if error is not None and not isinstance(error, Conflict):
                log.warning("unpaid order not canceled", order_id=str(order_id), error=repr(error))
    return canceled
