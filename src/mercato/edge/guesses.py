"""Slowing down whoever fails again and again: at guessing coupons and gift cards, at trying cards.

Only failures count; they are forgotten after a quarter of an hour without one, not by a success: a guesser
could have one at will. Whoever is signed in is counted by their account, everybody
else by their address: so a stranger cannot make a signed-in customer wait, not even from the same house.
When very many fail at once, from wherever, each may fail less often; who has not failed is never refused.
This is the memory of one process; `shared_guesses` keeps the processes of a shop in step.
"""

import hmac
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv6Address, ip_address

import msgspec

from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Throttled

MAX_KNOWN = 20_000
FORGET_AFTER = timedelta(minutes=15)
FLOOD_WINDOW = timedelta(minutes=1)


class Rule(msgspec.Struct, frozen=True):
    """How failures of one kind slow down: `free` are without a wait, then waits double up to `longest_s`."""

    name: str
    free: int
    free_in_a_flood: int
    flood: int
    """Failures of everybody within a minute that make a flood."""
    longest_s: int = 600
    forget_after_s: int = int(FORGET_AFTER.total_seconds())


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
        self,
        rules: dict[str, Rule] | None = None,
        now_s: Callable[[], float] = clock.monotonic_s,
        secret: str = "",
    ) -> None:
        self.rules = rules or RULES
        self._now_s = now_s
        self._secret = b"guesses:" + secret.encode()
        self._known: OrderedDict[tuple[str, bytes], _Known] = OrderedDict()
        self._recent: dict[str, deque[float]] = {name: deque() for name in self.rules}

    def admit(self, name: str, ctx: Context) -> None:
        """Raise Throttled with `retry_after_s` while this one must wait."""
        known, now = self._known.get((name, self.key_of(ctx))), self._now_s()
        if known is not None and known.until_s > now:
            seconds = int(known.until_s - now) + 1
            raise Throttled(
                "too_many_tries", f"Too many tries: wait {seconds} seconds, then try again.",
                data={"retry_after_s": seconds},
            )  # fmt: skip

    def key_of(self, ctx: Context) -> bytes:
        """Who it is, so that nobody can read it; empty for whom nothing is counted."""
        who = who_of(ctx)
        return hmac.digest(self._secret, who.encode(), "sha256")[:16] if who else b""

    def failed(self, name: str, ctx: Context) -> None:
        """Count a failure in this process; later ones wait longer."""
        rule, now, who = self.rules[name], self._now_s(), self.key_of(ctx)
        if not who:
            return
        known = self._known.get((name, who))
        is_fresh = known is not None and now - known.last_s <= rule.forget_after_s
        count = known.count + 1 if known is not None and is_fresh else 1
        self.learn(name, who, count, self._recently(rule, now))

    def learn(self, name: str, who: bytes, count: int, of_everybody: int, *, age_s: float = 0) -> None:
        """Somebody has failed `count` times, the last one `age_s` ago, and everybody so often in a minute."""
        rule = self.rules.get(name)
        if rule is None:
            return
        known = self._known.setdefault((name, who), _Known())
        self._known.move_to_end((name, who))
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        known.count, known.last_s = count, self._now_s() - age_s
        over = count - (rule.free_in_a_flood if of_everybody >= rule.flood else rule.free)
        if over > 0:
            known.until_s = max(known.until_s, known.last_s + min(rule.longest_s, 2 ** min(over - 1, 20)))

    def _recently(self, rule: Rule, now: float) -> int:
        """Failures of everybody within a minute, as far as they matter."""
        recent = self._recent[rule.name]
        recent.append(now)
        while recent and (now - recent[0] > 60 or len(recent) > rule.flood):
            recent.popleft()
        return len(recent)


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
