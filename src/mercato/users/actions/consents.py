"""What people agree to: decisions are added, never changed, each with its time and where it was made."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.contracts.users import Consent, ConsentChanged, Consents, Purpose
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Queries, Tx
from mercato.kernel.ids import new_id
from mercato.users.parts import Parts
from mercato.users.store import personal

MAX_HISTORY = 200


async def consents_of(db: Queries, *, user_id: UUID) -> Consents:
    """What holds now and how it came to be."""
    rows = await personal.consents_of(db, user_id=user_id, limit=MAX_HISTORY)
    history = [Consent(Purpose(row["purpose"]), row["is_given"], row["source"], row["at"]) for row in rows]
    given = await personal.given_consents(db, user_id=user_id)
    return Consents([purpose for purpose in Purpose if purpose in given], history)


async def set_consent(
    parts: Parts, ctx: Context, *, purpose: Purpose, is_given: bool, source: str
) -> Consents:
    """Note a decision of whoever asks."""
    user_id = ctx.principal.require_own_user_id()
    async with parts.database.transaction() as tx:
        await note(
            parts, tx, user_id=user_id, purposes=[purpose], is_given=is_given, source=source,
            client_address=ctx.client_address, now=clock.now(),
        )  # fmt: skip
        return await consents_of(tx, user_id=user_id)


async def note(
    parts: Parts,
    tx: Tx,
    *,
    user_id: UUID,
    purposes: Sequence[str],
    is_given: bool,
    source: str,
    client_address: str,
    now: datetime,
) -> None:
    """Add decisions that change something, and tell who sends."""
    changed = await personal.insert_consents(
        tx, ids=[new_id() for _ in purposes], user_id=user_id, purposes=purposes, is_given=is_given,
        source=source, client_address=client_address, now=now,
    )  # fmt: skip
    await parts.outbox.add(
        tx,
        *(
            ConsentChanged(user_id=user_id, purpose=purpose, is_given=is_given, source=source)
            for purpose in changed
        ),
    )
