"""What the carriers ask for a parcel: all at once, briefly, and remembered for a while."""

import asyncio
import math

import msgspec

from mercato.carriers.engine import Engine
from mercato.carriers.providers.port import CarrierRate, RateRequest
from mercato.contracts.carriers import Place, Rate, RateAnswer
from mercato.kernel import clock
from mercato.kernel.cache import Cache
from mercato.kernel.errors import Invalid, Unavailable
from mercato.kernel.money import Money

STEP_G = 100
"""Weights are rounded up to this: carts that differ by less share an answer."""
KEPT_S = 300.0
CACHE_BYTES = 2_000_000
RATE_BYTES = 300


class Kept(msgspec.Struct, frozen=True):
    rates: list[CarrierRate]
    at_s: float


class Rates:
    """Asks the carriers, each behind its breaker; an answer is good for five minutes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: Cache[Kept] = Cache(CACHE_BYTES)

    async def ask(
        self, *, destination: Place, weight_g: int, value: Money, carrier: str | None
    ) -> RateAnswer:
        """Raises Invalid("unknown_carrier") for a carrier that this shop does not have."""
        codes = list(self._engine.carriers) if carrier is None else [self._engine.carrier(carrier).code]
        rounded = math.ceil(max(weight_g, 1) / STEP_G) * STEP_G
        request = RateRequest(destination, rounded, value)
        answers = await asyncio.gather(*(self._of(code, request) for code in codes))
        rates = [
            Rate(code, rate.service, self._name(code, rate.service), rate.price, rate.days)
            for code, found in zip(codes, answers, strict=True)
            for rate in found or ()
            if rate.price.currency == value.currency
        ]
        away = [code for code, found in zip(codes, answers, strict=True) if found is None]
        return RateAnswer(sorted(rates, key=lambda rate: (rate.price.amount, rate.days)), away)

    async def _of(self, code: str, request: RateRequest) -> list[CarrierRate] | None:
        """The rates of one carrier; None when it is away."""
        key = (code, request.destination, request.weight_g, request.value.currency)
        kept = self._kept.get(key)
        now_s = clock.monotonic_s()
        if kept is not None and now_s - kept.at_s < KEPT_S:
            return kept.rates
        try:
            rates = await self._engine.ask_rates(code, lambda carrier: carrier.rates(request))
        except Invalid:
            rates = []
        except Unavailable:
            return None
        self._kept.put(key, Kept(rates, now_s), RATE_BYTES * (len(rates) + 1))
        return rates

    def _name(self, code: str, service: str) -> str:
        carrier = self._engine.carrier(code)
        return next((each.name for each in carrier.services if each.code == service), service)
