"""Granted refunds and how far they were sent, as the contract shows them."""

from collections.abc import Sequence

from mercato.contracts.orders import GrantedLine, GrantedRefund, RefundExecution, RefundStatus
from mercato.kernel.money import Money
from mercato.orders.granting import Grant, Left
from mercato.orders.records import Execution, LineRow


def granted_refunds(
    grants: Sequence[Grant], tries: Sequence[Execution], currency: str, *, to_go_back: int
) -> list[GrantedRefund]:
    """Each grant with the tries to send it; `to_go_back` is what has not gone back of all of them."""
    left = to_go_back - sum(one.amount or 0 for one in tries if one.done_at is None)
    withdrawals = {grant.withdraws: grant for grant in grants if grant.withdraws is not None}
    return [
        _granted(
            grant,
            [one for one in tries if _is_of(one, grant)],
            withdrawals.get(grant.id),
            currency,
            is_left=left > 0,
        )
        for grant in grants
    ]


def left_lines(left: Left, lines: Sequence[LineRow], currency: str) -> list[GrantedLine]:
    """What may still be granted of each line."""
    return [
        GrantedLine(
            line.id, line.name, left.lines[line.id].quantity, Money(left.lines[line.id].amount, currency)
        )
        for line in lines
    ]


def _granted(
    grant: Grant, tries: Sequence[Execution], withdrawal: Grant | None, currency: str, *, is_left: bool
) -> GrantedRefund:
    sent = sum(one.amount or 0 for one in tries if one.error_code is None)
    is_waiting = any(one.done_at is None for one in tries)
    may_act = grant.is_by_staff and is_left and not is_waiting and withdrawal is None
    return GrantedRefund(
        id=grant.id,
        amount=Money(grant.amount, currency),
        lines=[
            GrantedLine(line.line_id, line.name, line.quantity, Money(line.amount, currency))
            for line in grant.lines
        ],
        delivery=Money(grant.delivery, currency),
        reason=grant.reason,
        granted_at=grant.granted_at,
        granted_by=grant.granted_by,
        change_id=grant.change_id,
        executions=[_execution(one, currency) for one in tries],
        may_execute=may_act and sent < grant.amount,
        may_withdraw=may_act and not sent,
        withdraws=grant.withdraws,
        withdrawn_at=withdrawal.granted_at if withdrawal else None,
        withdrawn_by=withdrawal.granted_by if withdrawal else None,
    )


def _execution(one: Execution, currency: str) -> RefundExecution:
    status = RefundStatus.OPEN if one.done_at is None else RefundStatus.SENT
    return RefundExecution(
        id=one.id,
        status=RefundStatus.FAILED if one.error_code else status,
        amount=Money(one.amount or 0, currency),
        created_at=one.created_at,
        created_by=one.actor,
        finished_at=one.done_at,
        code=one.error_code,
        detail=one.error,
    )


def _is_of(one: Execution, grant: Grant) -> bool:
    is_of_change = grant.change_id is not None and one.data.get("change_id") == str(grant.change_id)
    return one.id == grant.intent_id or one.data.get("grant_id") == str(grant.id) or is_of_change
