"""What was decided of each promotion: given or refused, why, and who is told."""

from uuid import UUID

from mercato.carts.pricing.model import (
    Applied,
    Basket,
    Candidate,
    CompiledPromotion,
    PriceRules,
    Recorder,
    Refused,
)
from mercato.carts.pricing.promotions import APPLIED, REASONS
from mercato.carts.pricing.rewards import Cuts
from mercato.contracts.carts import Discount
from mercato.kernel.money import Money

KEPT_DISCOUNTS = 500
"""Amounts of one promotion; beyond it they are made anew."""


class Verdicts:
    """The promotions of one basket, as they are decided."""

    def __init__(self, basket: Basket, rules: PriceRules, record: Recorder | None) -> None:
        self._coupons = basket.coupons
        self._rules = rules
        self.record = record
        self.applied: list[Applied] = []
        self.given: set[UUID] = set()
        self._reasons: dict[str, str] = {}
        """Coupon code in lower case → what came of it."""

    def accept(self, candidate: Candidate, amount: int) -> None:
        """It gives `amount` minor units."""
        one, code = candidate.one, candidate.code
        self.given.add(one.id)
        self.applied.append(Applied(one.promotion, amount, code, candidate.coupon_id))
        if code is not None:
            self._reasons[code.lower()] = APPLIED

    def refuse(self, candidate: Candidate, reason: str) -> None:
        if candidate.code is not None:
            self._reasons[candidate.code.lower()] = reason
        self.note(candidate, reason)

    def refused(self) -> list[Refused]:
        """The codes that give nothing, in the order in which the cart has them."""
        found = []
        for code in self._coupons:
            reason = self._reasons.get(code.lower(), "unknown")
            if reason != APPLIED:
                found.append(Refused(code, reason))
        return found

    def take(self, candidate: Candidate, cuts: Cuts) -> None:
        """The candidate takes its cuts off their lines, and each line says so."""
        one, code, known = candidate.one, candidate.code, {}
        if candidate.coupon_id is None:
            code, known = one.promotion.coupon_code, one.discounts
        if len(known) > KEPT_DISCOUNTS:
            known.clear()
        label, currency = one.promotion.label, self._rules.currency
        for priced, cut in zip(*cuts, strict=True):
            if cut:
                found = known.get(cut)
                if found is None:
                    found = known[cut] = Discount(one.id, label, Money(cut, currency), code)
                priced.discounts.append(found)
                priced.total -= cut

    def note(self, candidate: Candidate, reason: str, amount: int | None = None) -> None:
        if self.record is not None:
            one = candidate.one
            self.record.note(
                one.promotion.name, applied=reason == APPLIED, reason=reason, amount=amount,
                detail=REASONS.get(reason, ""), subject_id=one.id,
            )  # fmt: skip

    def end_step(self, step: str, before: int, after: int) -> None:
        if self.record is not None:
            self.record.end_step(step, before, after)

    def note_missing_codes(self) -> None:
        """Explain names, to staff, the promotions that wait for a code or are switched off; and to everybody
        the codes of theirs that nobody knows."""
        if self.record is None:
            return
        given = {code.lower() for code in self._coupons}
        waiting: list[CompiledPromotion] = []
        if self.record.for_staff:
            waiting += [one for code, one in self._rules.by_code.items() if code not in given]
            waiting += [one for one in self._rules.idle if one.id not in self.given]
        for one in waiting:
            self.note(Candidate(one), "needs_code" if one.promotion.is_active else "inactive")
        for code in self._coupons:
            if code.lower() not in self._reasons:
                self.record.note(code, applied=False, reason="unknown", detail=REASONS["unknown"])
