"""The papers of an order: invoices and credit notes with gapless numbers, packing slips."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import Code, Email, ShortText, Version
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent

ShortLine = Annotated[str, msgspec.Meta(max_length=120)]
FooterText = Annotated[str, msgspec.Meta(max_length=1000)]
NumberPrefix = Annotated[str, msgspec.Meta(min_length=1, max_length=12, pattern=r"^[A-Z0-9][A-Z0-9/-]*$")]


class DocumentKind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceTime(StrEnum):
    """When the invoice of an order is issued by itself; on request, somebody asks for it."""

    ON_REQUEST = "on_request"
    PAID = "paid"
    SHIPPED = "shipped"


class Document(msgspec.Struct, frozen=True):
    """One issued paper. It never changes: a mistake is put right by a credit note."""

    id: UUID
    order_id: UUID
    kind: DocumentKind
    number: str
    total: Money
    issued_at: datetime
    invoice_number: str | None = None
    """Of a credit note: the invoice that it takes back, wholly or in part."""


class DocumentFile(msgspec.Struct, frozen=True):
    """A document to be downloaded: tagged PDF."""

    name: str
    content: bytes


class DocumentList(msgspec.Struct, frozen=True):
    """The papers of an order, oldest first, and whether its invoice can be asked for now."""

    items: list[Document]
    may_issue_invoice: bool


class Seller(msgspec.Struct, frozen=True, kw_only=True):
    """Who sells in a channel, as it stands on its papers, and how these are numbered.

    Channels with the same `series` are numbered together: one seller with two channels.
    """

    channel: Code
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    address: Annotated[list[ShortLine], msgspec.Meta(min_length=1, max_length=6)]
    country: Annotated[str, msgspec.Meta(min_length=2, max_length=2, pattern="^[A-Z]{2}$")]
    vat_id: ShortLine | None = None
    registration: ShortLine | None = None
    """Register and number, as the law of some countries wants it."""
    email: Email | None = None
    website: ShortText | None = None
    bank: ShortText | None = None
    """Where a transfer goes: IBAN and bank."""
    footer: FooterText = ""
    series: Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern="^[a-z0-9-]+$")] = "default"
    invoice_prefix: NumberPrefix = "INV-"
    credit_note_prefix: NumberPrefix = "CN-"
    issue: InvoiceTime = InvoiceTime.ON_REQUEST
    version: Version = 1


class Documents(Protocol):
    """The part of the orders contract about papers."""

    @idempotent
    async def documents(self, ctx: Context, *, order_id: UUID) -> DocumentList:
        """Needs `read_orders`."""

    async def issue_invoice(self, ctx: Context, *, order_id: UUID) -> Document:
        """Needs `write_orders`: the invoice, issued now unless it was before; with credit notes for what was
        refunded already. Raises Conflict: seller_unknown, illegal_transition."""

    @idempotent
    async def document_file(self, ctx: Context, *, document_id: UUID) -> DocumentFile:
        """Needs `read_orders`: the same bytes each time."""

    @idempotent
    async def packing_slip(self, ctx: Context, *, fulfillment_id: UUID) -> DocumentFile:
        """Needs `read_fulfillments`: what is in the parcel, without prices."""

    @idempotent
    async def buyer_documents(self, ctx: Context, *, number: str, token: str | None = None) -> DocumentList:
        """For the order's customer, or with the order's token. Else NotFound."""

    async def request_invoice(self, ctx: Context, *, number: str, token: str | None = None) -> Document:
        """The buyer wants the invoice. Raises Conflict: seller_unknown, illegal_transition (not paid yet)."""

    @idempotent
    async def buyer_document_file(
        self, ctx: Context, *, number: str, document_id: UUID, token: str | None = None
    ) -> DocumentFile: ...

    @idempotent
    async def sellers(self, ctx: Context) -> list[Seller]:
        """Needs `read_settings`."""

    async def save_seller(self, ctx: Context, *, seller: Seller) -> Seller:
        """Needs `write_settings`; the first is version 1. Raises Conflict("version_conflict")."""
