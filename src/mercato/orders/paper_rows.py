"""Invoices and credit notes as stored: all that stands on them. Amounts in minor units."""

from datetime import date
from uuid import UUID

import msgspec

from mercato.contracts.orders import DocumentKind, Seller
from mercato.contracts.shared import Address


class PaperLine(msgspec.Struct, frozen=True, gc=False):
    """A row: `total` is after `discount`, with tax when the prices include it."""

    name: str
    detail: str
    quantity: int
    unit_price: int
    discount: int
    total: int
    line_id: UUID | None = None
    """The line of the order; not known on papers of old."""


class PaperTax(msgspec.Struct, frozen=True, gc=False):
    """Tax of one rate: `rate` is a fraction as text; of goods without tax the name is empty."""

    name: str
    rate: str
    net: int
    tax: int

    @property
    def gross(self) -> int:
        return self.net + self.tax


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """The whole content of one document."""

    kind: DocumentKind
    number: str
    issued_on: date
    order_number: str
    ordered_on: date
    supplied_on: date | None
    locale: str
    currency: str
    seller: Seller
    buyer: Address
    ship_to: Address
    buyer_vat_id: str | None = None
    is_reverse_charge: bool = False
    lines: list[PaperLine]
    delivery_name: str
    delivery: int
    taxes: list[PaperTax]
    """By rate, with one row for what bears no tax: their gross amounts sum to the total."""
    tax_included: bool
    total: int
    paid: int
    reason: str = ""
    invoice_number: str | None = None
    invoice_issued_on: date | None = None
    adds_to: str | None = None
    """Of a further invoice: the number of the order's first one."""
