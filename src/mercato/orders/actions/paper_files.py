"""Papers as files: the pages of an issued document are kept, packing slips are as they are now."""

from pathlib import Path
from typing import Final
from uuid import UUID

from mercato.contracts.orders import DocumentFile
from mercato.kernel import clock
from mercato.kernel.errors import NotFound
from mercato.orders.documents import sheets
from mercato.orders.parts import Parts
from mercato.orders.store import after, papers, reading

TEMPLATES: Final = Path(__file__).parent.parent / "documents" / "templates"


async def file_of(parts: Parts, *, document_id: UUID, order_id: UUID | None = None) -> DocumentFile:
    """The pages of a document, set when first asked for and kept; `order_id` must be its order when given."""
    found = await papers.kept(parts.db, document_id=document_id)
    if found is None or (order_id is not None and found.order_id != order_id):
        raise NotFound(detail="There is no such document.")
    pdf = found.pdf
    if pdf is None:
        made = await parts.press.pdf(
            TEMPLATES / "paper.typ", sheets.sheet_of(found.paper), at=found.issued_at
        )
        pdf = await papers.keep_file(parts.db, document_id=document_id, pdf=made, at=clock.now())
    return DocumentFile(f"{found.number.replace('/', '-')}.pdf", pdf)


async def packing_slip(parts: Parts, *, fulfillment_id: UUID) -> DocumentFile:
    """What is in a parcel, as it is now. Raises NotFound."""
    order_id = await after.order_of_parcel(parts.db, fulfillment_id=fulfillment_id)
    view = None if order_id is None else await reading.view(parts.db, order_id=order_id)
    if view is None:
        raise NotFound(detail="There is no such fulfillment.")
    parcel = next(parcel for parcel in view.parcels if parcel.id == fulfillment_id)
    seller = await papers.seller_of(parts.db, channel=view.channel)
    slip = sheets.slip_of(view, parcel, seller)
    pdf = await parts.press.pdf(TEMPLATES / "packing_slip.typ", slip, at=parcel.created_at)
    return DocumentFile(f"packing-slip-{view.number}.pdf", pdf)
