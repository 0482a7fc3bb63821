"""Units that staff refunded and that are still to be shipped are told of; what came back is not."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from mercato.admin.refunded import refunded_units, unnamed_amount
from mercato.contracts.orders import ChangeKind, ChangeStatus, GrantedLine, GrantedRefund, OrderChange
from mercato.kernel.ids import new_id
from support.money import eur

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINE, OTHER = new_id(), new_id()


def refund(
    units: int, line_id: UUID = LINE, *, change_id: UUID | None = None, at: datetime | None = None
) -> GrantedRefund:
    return GrantedRefund(
        id=new_id(), amount=eur(units * 100), lines=[GrantedLine(line_id, "Mug", units, eur(units * 100))],
        delivery=eur(0), reason="", granted_at=NOW, granted_by="staff", change_id=change_id, executions=[],
        may_execute=False, withdrawn_at=at,
    )  # fmt: skip


def change(kind: ChangeKind) -> OrderChange:
    return OrderChange(
        id=new_id(), order_id=new_id(), kind=kind, status=ChangeStatus.CONFIRMED, lines=[],
        total_before=eur(0), total_after=eur(0), credit=eur(0), difference=eur(0), reason="",
        created_at=NOW, created_by="staff",
    )  # fmt: skip


def test_only_units_that_staff_refunded_and_nobody_took_off_are_told_of() -> None:
    edit, back = change(ChangeKind.EDIT), change(ChangeKind.RETURN)
    refunds = [
        refund(3),
        refund(-2, change_id=edit.id),
        refund(1, OTHER),
        refund(-1, OTHER, change_id=edit.id),
    ]
    refunds += [refund(5, change_id=back.id), refund(4, at=NOW)]
    assert refunded_units(refunds, [edit, back]) == {LINE: 1}
    assert refunded_units([], []) == {}


def test_what_names_no_item_is_told_of() -> None:
    plain, kept = refund(3), refund(7, OTHER)
    plain = msgspec.structs.replace(plain, amount=eur(500), delivery=eur(50))
    gone = msgspec.structs.replace(refund(2), lines=[])
    back = msgspec.structs.replace(refund(-2), lines=[], withdraws=gone.id)
    assert unnamed_amount([plain, kept, gone, back], "EUR") == eur(150)
    assert unnamed_amount([kept, gone], "EUR") == eur(200)
    assert not unnamed_amount([kept], "EUR")
