"""The part of the orders service that hands out papers."""

from uuid import UUID

from mercato.contracts.orders import Document, DocumentFile, DocumentList, OrderPaymentStatus, Seller
from mercato.kernel.acts import acted, changes_between
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, NotFound
from mercato.orders.actions import paper_files
from mercato.orders.actions import papers as actions
from mercato.orders.domain import SETTLED
from mercato.orders.service.part import Part
from mercato.orders.store import papers, reading

PAID = SETTLED | {OrderPaymentStatus.PARTIALLY_REFUNDED}


class DocumentsPart(Part):
    """Implements `contracts.orders.Documents`."""

    async def documents(self, ctx: Context, *, order_id: UUID) -> DocumentList:
        await self._reach(ctx, "read_orders", order_id=order_id)
        found = await self._list(order_id, for_staff=True)
        may_write = ctx.principal.may("write_orders")
        return DocumentList(found.items, found.may_issue_invoice and may_write)

    async def issue_invoice(self, ctx: Context, *, order_id: UUID) -> Document:
        await self._reach(ctx, "write_orders", order_id=order_id)
        return await actions.issue_invoice(self._parts, ctx, order_id=order_id)

    async def document_file(self, ctx: Context, *, document_id: UUID) -> DocumentFile:
        ctx.principal.require("read_orders")
        return await paper_files.file_of(self._parts, document_id=document_id)

    async def packing_slip(self, ctx: Context, *, fulfillment_id: UUID) -> DocumentFile:
        await self._reach_parcel(ctx, "read_fulfillments", fulfillment_id=fulfillment_id)
        return await paper_files.packing_slip(self._parts, fulfillment_id=fulfillment_id)

    async def buyer_documents(self, ctx: Context, *, number: str, token: str | None = None) -> DocumentList:
        order_id = await self._id_for_buyer(ctx, number=number, email=None, token=token)
        return await self._list(order_id, for_staff=False)

    async def request_invoice(self, ctx: Context, *, number: str, token: str | None = None) -> Document:
        order_id = await self._id_for_buyer(ctx, number=number, email=None, token=token)
        return await actions.issue_invoice(self._parts, ctx, order_id=order_id, must_be_paid=True)

    async def buyer_document_file(
        self, ctx: Context, *, number: str, document_id: UUID, token: str | None = None
    ) -> DocumentFile:
        order_id = await self._id_for_buyer(ctx, number=number, email=None, token=token)
        return await paper_files.file_of(self._parts, document_id=document_id, order_id=order_id)

    async def sellers(self, ctx: Context) -> list[Seller]:
        ctx.principal.require("read_settings")
        return await papers.sellers(self._parts.db)

    async def save_seller(self, ctx: Context, *, seller: Seller) -> Seller:
        ctx.principal.require("write_settings")
        await self._parts.channels.of(seller.channel)
        async with self._parts.db.transaction() as tx:
            known = await papers.seller_of(tx, channel=seller.channel)
            saved = await papers.save_seller(tx, seller=seller)
            if saved is None:
                data = {"version": known.version if known else 0}
                raise Conflict("version_conflict", "Someone changed it meanwhile; look again.", data=data)
            about, told = ("channel", seller.channel), changes_between(known, saved)
            done = acted(ctx, "seller.changed", *about, label=seller.channel, changes=told)
            await self._parts.outbox.add(tx, done)
        return saved

    async def _list(self, order_id: UUID, *, for_staff: bool) -> DocumentList:
        view = await reading.view(self._parts.db, order_id=order_id)
        if view is None:
            raise NotFound(detail="There is no such order.")
        issued = await papers.of_order(self._parts.db, order_id=order_id)
        seller = await papers.seller_of(self._parts.db, channel=view.channel)
        is_due = for_staff or view.payment_status in PAID
        may_issue = actions.may_issue(view.status, is_due, issued, seller)
        return DocumentList([each.document for each in issued], may_issue)
