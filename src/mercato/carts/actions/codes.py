"""Codes that nobody can guess, many at a time."""

import secrets
from uuid import UUID

from mercato.carts.actions.staff import Office
from mercato.carts.store import coupons as store
from mercato.contracts.carts import NewCodes, Promotion
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict
from mercato.kernel.ids import new_id

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without letters and digits that look alike in print."""
MAX_ROUNDS = 5
GUESSES = 1000
"""There are at least this many times more possible codes than are made at once."""


async def make(office: Office, ctx: Context, *, promotion_id: UUID, codes: NewCodes) -> int:
    """Store so many new codes, all or none. One that exists already is replaced by another.

    Raises Conflict("codes_exhausted").
    """
    if len(ALPHABET) ** codes.length < codes.count * GUESSES:
        raise Conflict("codes_exhausted", "Make the codes longer: so few could be guessed.")
    now = clock.now()
    batch = codes.batch.strip() or f"{now:%Y-%m-%d %H:%M}"
    async with office.db.transaction() as tx:
        promotion = await office.within(tx, ctx, Promotion, promotion_id)
        await store.await_codes(tx, promotion_id=promotion_id)
        missing = codes.count
        for _ in range(MAX_ROUNDS):
            made = {_code(codes) for _ in range(missing)}
            missing -= await store.insert(
                tx, promotion_id=promotion_id, channel=promotion.channel, ids=sorted(new_id() for _ in made),
                codes=sorted(made), batch=batch, usage_limit=codes.usage_limit, now=now,
            )  # fmt: skip
            if not missing:
                break
        else:
            raise Conflict("codes_exhausted", "Too many codes of this form exist; take another prefix.")
        await office.note(tx, ctx, "codes_made", promotion)
    office.tell()
    return codes.count


def _code(codes: NewCodes) -> str:
    return codes.prefix + "".join(secrets.choice(ALPHABET) for _ in range(codes.length))
