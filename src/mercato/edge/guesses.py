"""Slowing down whoever fails again and again: at guessing coupons and gift cards, at trying cards.

Only failures count; they are forgotten after a quarter of an hour without one, not by a success: a guesser
could have one at will. Whoever is signed in is counted by their account, everybody
else by their address: so a stranger cannot make a signed-in customer wait, not even from the same house.
When very many fail at once, from wherever, each may fail less often; who has not failed is never refused.
Counted in this process: a shop of several lets through that many times more, and no try costs a statement.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

import msgspec

from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Throttled

MAX_KNOWN = 20_000


class Rule(msgspec.Struct, frozen=True):
    """How failures of one kind slow down: `free` are without a wait, then waits double up to `longest_s`."""

    name: str
    free: int
    free_in_a_flood: int
    flood: int
    """Failures of everybody within a minute that make a flood."""
    longest_s: int = 600
    forget_after_s: int = 900


RULES = {
    "codes": Rule("codes", free=10, free_in_a_flood=3, flood=300),
    "payments": Rule("payments", free=6, free_in_a_flood=2, flood=120),
}
FAILURES = {
    "codes": frozenset({"coupon_invalid", "gift_card_invalid"}),
    "payments": frozenset({"declined"}),
}
"""Codes of errors that count; a form page says `count_failure` instead."""


class _Known:
    __slots__ = ("count", "last_s", "until_s")

    def __init__(self) -> None:
        self.count = 0
        self.last_s = 0.0
        self.until_s = 0.0


class Guesses:
    """The failures of this process, by who failed."""

    def __init__(
        self, rules: dict[str, Rule] | None = None, now_s: Callable[[], float] = clock.monotonic_s
    ) -> None:
        self.rules = rules or RULES
        self._now_s = now_s
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._recent: dict[str, deque[float]] = {name: deque() for name in self.rules}

    def admit(self, name: str, ctx: Context) -> None:
        """Raise Throttled with `retry_after_s` while this one must wait."""
        known, now = self._known.get((name, who_of(ctx))), self._now_s()
        if known is not None and known.until_s > now:
            seconds = int(known.until_s - now) + 1
            raise Throttled(
                "too_many_tries", f"Too many tries: wait {seconds} seconds, then try again.",
                data={"retry_after_s": seconds},
            )  # fmt: skip

    def failed(self, name: str, ctx: Context) -> None:
        """Count a failure; later ones wait longer."""
        rule, now, key = self.rules[name], self._now_s(), (name, who_of(ctx))
        if not key[1]:
            return
        known = self._known.setdefault(key, _Known())
        self._known.move_to_end(key)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        if now - known.last_s > rule.forget_after_s:
            known.count = 0
        known.count, known.last_s = known.count + 1, now
        over = known.count - (rule.free_in_a_flood if self._is_flood(rule, now) else rule.free)
        if over > 0:
            known.until_s = now + min(rule.longest_s, 2 ** min(over - 1, 20))

    def _is_flood(self, rule: Rule, now: float) -> bool:
        recent = self._recent[rule.name]
        recent.append(now)
        while recent and (now - recent[0] > 60 or len(recent) > rule.flood):
            recent.popleft()
        return len(recent) >= rule.flood


def who_of(ctx: Context) -> str:
    """The account; for guests the address, of IPv6 the network that one household has.

    Empty for loopback: behind a proxy that is not named in `trusted_proxies` it would be everybody.
    """
    if ctx.principal.id is not None:
        return str(ctx.principal.id)
    try:
        address = ip_address(ctx.client_address)
    except ValueError:
        return ctx.client_address
    if address.is_loopback:
        return ""
    return str(IPv6Address(int(address) >> 64 << 64)) if isinstance(address, IPv6Address) else str(address)
