"""Changes of orders as stored, and what they are worked out from."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.carts import TaxLine
from mercato.contracts.orders import ChangeAction, ChangeKind, ChangeLine, ChangeStatus, OrderChange
from mercato.kernel.money import Money
from mercato.orders.records import LineRow


class ChangePart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a change as stored. `new` is the line that it adds, with today's price and its tax."""

    action: ChangeAction
    line_id: UUID
    variant_id: UUID
    name: str
    sku: str
    options: dict[str, str]
    quantity: int
    amount: int = 0
    reason: str = ""
    received: int = 0
    restocked: int = 0
    new: LineRow | None = None
    tax_name: str = ""
    tax_rate: str = ""
    tax: int = 0
    """How much tax is in `amount`, of what is added or taken off."""
    list_price: int = 0


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """The amounts of an order that follow from its lines."""

    subtotal: int
    discount: int
    delivery_price: int
    tax: int
    tax_included: bool
    total: int
    tax_lines: list[TaxLine]
    item_count: int
    currency: str
    paid_by_credit: int = 0


class Amended(msgspec.Struct, frozen=True):
    """An order's lines and amounts after a change."""

    lines: list[LineRow]
    sums: Sums


class ChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A change as stored. `credit` is what it promises back when all goes as previewed, `credited` what it
    has promised so far."""

    id: UUID
    order_id: UUID
    kind: ChangeKind
    status: ChangeStatus
    lines: list[ChangePart]
    total_before: int
    total_change: int
    credit: int
    credited: int = 0
    fee: int = 0
    delivery_credit: int = 0
    reason: str
    created_at: datetime
    created_by: str
    confirmed_at: datetime | None = None
    received_at: datetime | None = None
    closed_at: datetime | None = None
    papered_at: datetime | None = None
    """When the papers of the order told of it."""

    @property
    def added(self) -> list[tuple[UUID, int]]:
        """Units per variant that have to be held for it."""
        return self._units(ChangeAction.ADD)

    @property
    def removed(self) -> list[tuple[UUID, int]]:
        """Units per variant that are free again through it."""
        return self._units(ChangeAction.REMOVE)

    @property
    def restocked(self) -> list[tuple[UUID, int]]:
        return [(part.variant_id, part.restocked) for part in self.lines if part.restocked]

    def _units(self, action: ChangeAction) -> list[tuple[UUID, int]]:
        return [(part.variant_id, part.quantity) for part in self.lines if part.action is action]

    def shown(self, currency: str) -> OrderChange:
        """The change as the contract shows it."""

        def money(amount: int) -> Money:
            return Money(amount, currency)

        is_back = self.received_at is not None
        credit = self.credited if is_back else self.credit
        return OrderChange(
            id=self.id,
            order_id=self.order_id,
            kind=self.kind,
            status=self.status,
            lines=[_line(part, currency) for part in self.lines],
            total_before=money(self.total_before),
            total_after=money(self.total_before + self.total_change),
            credit=money(credit),
            difference=money(self.total_change - credit),
            reason=self.reason,
            created_at=self.created_at,
            created_by=self.created_by,
            confirmed_at=self.confirmed_at,
            received_at=self.received_at,
            closed_at=self.closed_at,
            fee=money(self.fee) if self.fee else None,
        )


def _line(part: ChangePart, currency: str) -> ChangeLine:
    values: dict[str, Any] = {
        name: getattr(part, name) for name in ChangeLine.__struct_fields__ if name != "amount"
    }
    return ChangeLine(**values, amount=Money(part.amount, currency))
