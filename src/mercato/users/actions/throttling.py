"""Slowing down whoever tries too often. A try is counted before its work: many at once gain nothing."""

from datetime import datetime

from mercato.kernel.db import Queries
from mercato.kernel.errors import Throttled
from mercato.kernel.ids import digest
from mercato.users.domain import ThrottleRule
from mercato.users.store import sessions


def throttle_key(rule: ThrottleRule, *parts: str) -> bytes:
    """What tries are counted by; only its hash is stored."""
    return digest("\0".join((rule.name, *parts)))


async def admit(db: Queries, rule: ThrottleRule, *parts: str, now: datetime) -> None:
    """Count a try. Raises Throttled with `retry_after_s` while tries must wait."""
    blocked_until = await _count(db, rule, parts, now)
    if blocked_until is not None:
        seconds = max(1, round((blocked_until - now).total_seconds() + 0.5))
        raise Throttled(
            "too_many_tries",
            f"Too many tries: wait {_in_words(seconds)}, then try again.",
            data={"retry_after_s": seconds},
        )


async def give_back(db: Queries, rule: ThrottleRule, *parts: str) -> None:
    """The try has turned out to be a good one: it does not count."""
    await sessions.give_try_back(db, key=throttle_key(rule, *parts))


async def forget(db: Queries, rule: ThrottleRule, *parts: str) -> None:
    """Start to count anew."""
    await sessions.forget_tries(db, key=throttle_key(rule, *parts))


async def may_mail(db: Queries, rule: ThrottleRule, *parts: str, now: datetime) -> bool:
    """Count a mail; False when the last one of this kind is too recent."""
    return await _count(db, rule, parts, now) is None


async def _count(db: Queries, rule: ThrottleRule, parts: tuple[str, ...], now: datetime) -> datetime | None:
    return await sessions.count_try(
        db,
        key=throttle_key(rule, *parts),
        waits_s=rule.waits_s,
        forget_before=now - rule.forget_after,
        now=now,
    )


def _in_words(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{-(-seconds // 60)} minutes"
