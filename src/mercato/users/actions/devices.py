"""Whoever signs in from where this account was never used before is told to its owner."""

from datetime import datetime
from typing import Any

from mercato.contracts.users import SignedInFromNewDevice
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.users.devices import device_of, fingerprint_of
from mercato.users.parts import Parts
from mercato.users.store import personal


async def note(parts: Parts, tx: Tx, ctx: Context, account: Any, *, now: datetime) -> None:
    """Remember the device of a sign-in; a new one is mailed, but not the very first."""
    fingerprint = fingerprint_of(ctx.user_agent, ctx.client_address)
    if await personal.note_device(tx, user_id=account["id"], fingerprint=fingerprint, now=now):
        seen = SignedInFromNewDevice(
            user_id=account["id"], email=account["email"], name=account["name"], locale=account["locale"],
            device=device_of(ctx.user_agent), client_address=ctx.client_address,
        )  # fmt: skip
        await parts.outbox.add(tx, seen)
