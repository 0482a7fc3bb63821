"""What was decided of each promotion: given or refused, why, and who is told."""

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
from mercato.contracts.carts import Promotion


class Verdicts:
    """The promotions of one basket, as they are decided."""

    def __init__(self, basket: Basket, rules: PriceRules, record: Recorder | None) -> None:
        self._coupons = basket.coupons
        self._rules = rules
        self.record = record
        self.applied: list[Applied] = []
        self.given: set[int] = set()
        """Their places."""
        self._reasons: dict[str, str] = {}
        """Coupon code in lower case → what came of it."""

    def accept(self, candidate: Candidate, amount: int) -> None:
        """It gives `amount` minor units."""
        one, code = candidate.one, candidate.code
        self.given.add(one.place)
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

    def note(self, candidate: Candidate, reason: str, amount: int | None = None) -> None:
        if self.record is not None:
            one = candidate.one
            self.record.note(
                one.promotion.name, applied=reason == APPLIED, reason=reason, amount=amount,
                detail=_sentence(reason, one.promotion, self.record), subject_id=one.id,
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
            waiting += [one for one in self._rules.idle if one.place not in self.given]
        for one in waiting:
            self.note(Candidate(one), "needs_code" if one.promotion.is_active else "inactive")
        for code in self._coupons:
            if code.lower() not in self._reasons:
                self.record.note(code, applied=False, reason="unknown", detail=REASONS["unknown"])


def _sentence(reason: str, promotion: Promotion, record: Recorder) -> str:
    """The reason with its numbers; what is left of a budget is for staff."""
    if reason == "below_minimum":
        return f"It needs a subtotal of {record.text(promotion.minimum_subtotal or 0)}."
    if reason == "too_few":
        return f"It needs {promotion.minimum_quantity} units of its goods."
    if reason == "budget_spent" and record.for_staff and promotion.budget is not None:
        left = record.text(max(promotion.budget - promotion.spent, 0))
        return f"Of its budget {left} is left, which does not cover it."
    return REASONS.get(reason, "")
