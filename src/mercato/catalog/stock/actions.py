"""The verbs of holding: one owner, many owners at once, an owner who wants something else now."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import asyncpg

from mercato.catalog.stock.domain import HoldRequest, decide_holds, views_of
from mercato.catalog.stock.store import holds as store
from mercato.catalog.stock.store.changes import Change, events_of
from mercato.contracts.stock import Hold
from mercato.kernel import clock
from mercato.kernel.db import Database
from mercato.kernel.errors import Unavailable
from mercato.kernel.messaging.outbox import Outbox

MAX_TRIES = 5

Tell = Callable[[Sequence[Change]], None]


def expires_at(request: HoldRequest) -> datetime:
    return clock.now() + timedelta(minutes=request.minutes)


async def hold_one(db: Database, tell: Tell, request: HoldRequest) -> Hold:
    """Hold for one owner in one statement; again only when another call of the same owner is under way.

    Raises Unavailable("hold_busy").
    """
    for _ in range(MAX_TRIES):
        try:
            row = await store.hold(db, request=request, expires_at=expires_at(request))
        except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
            continue
        tell(row.changes)
        if row.is_held or row.is_renewed or row.hold == "allocated":
            return Hold([])
        if row.hold == "new":
            return Hold(row.shortages)
        if row.hold == "differs":
            try:
                return await _replace(db, tell, request)
            except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
                continue
    raise Unavailable("hold_busy", "This cart is being completed elsewhere; try again.")


class _Refused(Exception):
    """Rolls a replacement back: the hold from before stays as it was."""


async def _replace(db: Database, tell: Tell, request: HoldRequest) -> Hold:
    """Give back what the owner holds and hold what it wants now: both, or nothing changes."""
    shortages = []
    changes: list[Change] = []
    try:
        async with db.transaction() as tx:
            held = await store.held_variants(tx, owner=request.owner)
            await store.lock_levels(tx, variant_ids=[*held, *(d.variant_id for d in request.demands)])
            changes += await store.release(tx, owners=[request.owner], actor=request.actor)
            row = await store.hold(tx, request=request, expires_at=expires_at(request))
            changes += row.changes
            if not (row.is_held or row.hold == "allocated"):
                shortages = row.shortages
                raise _Refused
    except _Refused:
        return Hold(shortages)
    tell(changes)
    return Hold([])


async def hold_many(db: Database, outbox: Outbox, tell: Tell, requests: Sequence[HoldRequest]) -> list[Hold]:
    """Answer holds that piled up: lock once, decide in order of arrival, write once.

    Owners who hold something already go one by one, and so does everyone when a race spoils the batch.
    """
    if len(requests) == 1:
        return [await hold_one(db, tell, requests[0])]
    owners = [request.owner for request in requests]
    answers: dict[int, Hold] = {}
    if len(set(owners)) == len(owners):
        try:
            answers = await _hold_new(db, outbox, tell, requests)
        except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError):
            answers = {}
    for index, request in enumerate(requests):
        if index not in answers:
            answers[index] = await hold_one(db, tell, request)
    return [answers[index] for index in range(len(requests))]


async def _hold_new(
    db: Database, outbox: Outbox, tell: Tell, requests: Sequence[HoldRequest]
) -> dict[int, Hold]:
    """The answers, by place in `requests`, to those whose owner holds nothing yet."""
    changes: list[Change] = []
    async with db.transaction() as tx:
        variants = sorted({demand.variant_id for request in requests for demand in request.demands})
        channels = sorted({request.channel for request in requests})
        levels, routes = await store.lock_levels(tx, variant_ids=variants, channels=channels)
        known = await store.known_owners(tx, owners=[request.owner for request in requests])
        new = [index for index, request in enumerate(requests) if request.owner not in known]
        before = views_of(levels, routes)
        holds, pieces = decide_holds([requests[index] for index in new], levels, routes)
        if pieces:
            await store.insert_holds(
                tx,
                pieces=pieces,
                expires_at={requests[index].owner: expires_at(requests[index]) for index in new},
                actors={requests[index].owner: requests[index].actor for index in new},
            )
            seen = views_of(levels, routes)
            changes = [
                Change(variant_id, view.room, view.availability)
                for variant_id, view in seen.items()
                if (view.availability, view.channels)
                != (before[variant_id].availability, before[variant_id].channels)
            ]
            facts = [
                event
                for change in changes
                for event in events_of(
                    change, before[change.variant_id].availability, seen[change.variant_id].channels
                )
            ]
            await outbox.add(tx, *facts)
    tell(changes)
    return dict(zip(new, holds, strict=True))
