"""Price step 6: what gift cards and store credit pay of the total. Pure; balances are arguments."""

from collections.abc import Sequence

from mercato.contracts.carts import AppliedCredit, CartLine, PriceEntry, PriceStep, Problem
from mercato.contracts.payments.credit import CreditBalance, CreditUse
from mercato.kernel.money import Money


def applied(total: Money, balances: Sequence[CreditBalance]) -> tuple[list[AppliedCredit], list[Problem]]:
    """Each balance pays what the ones before it have left, as far as it goes."""
    left = total.amount
    credits: list[AppliedCredit] = []
    problems: list[Problem] = []
    for balance in balances:
        reason = _why_not(balance, total.currency)
        if reason is not None:
            problems.append(Problem("gift_card_invalid", coupon=balance.label, reason=reason))
        usable = 0 if reason is not None else balance.available.amount
        part = min(left, usable)
        left -= part
        amount = Money(part, total.currency)
        credits.append(
            AppliedCredit(balance.account_id, balance.kind, balance.label, amount, balance.available)
        )
    return credits, problems


def payable(total: Money, lines: Sequence[CartLine]) -> Money:
    """What balances may pay of the total: not for other gift cards."""
    cards = sum(line.total.amount for line in lines if line.is_gift_card)
    return total - Money(min(cards, total.amount), total.currency) if cards else total


def paid_by(credits: Sequence[AppliedCredit], currency: str) -> Money:
    return Money(sum(one.amount.amount for one in credits), currency)


def uses_of(credits: Sequence[AppliedCredit]) -> list[CreditUse]:
    """What to take of which balance; those that pay nothing are left out."""
    return [
        CreditUse(one.account_id, one.kind, one.label, one.amount.amount) for one in credits if one.amount
    ]


def step_of(total: Money, credits: Sequence[AppliedCredit]) -> PriceStep:
    """The step as `explain` shows it."""
    entries = [
        PriceEntry(one.label, bool(one.amount), "applied" if one.amount else "nothing_left", one.amount)
        for one in credits
    ]
    return PriceStep("credit", total, total - paid_by(credits, total.currency), entries)


def _why_not(balance: CreditBalance, currency: str) -> str | None:
    if balance.refusal is not None:
        return balance.refusal
    if balance.available.currency != currency:
        return "other_currency"
    return "empty" if balance.available.amount <= 0 else None
