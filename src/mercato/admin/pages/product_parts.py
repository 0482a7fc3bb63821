"""What belongs to a product and is saved by itself: its stock and its pictures."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body

from mercato.admin.forms import FormData, done, text, whole
from mercato.admin.pages.product import act_on
from mercato.admin.product_desk import ProductDesk
from mercato.contracts.catalog import Catalog
from mercato.contracts.stock import Stock
from mercato.kernel.errors import Invalid
from mercato.kernel.web import LARGE_BODY_BYTES

MOVES = {"earlier": -1, "later": 1}
UploadForm = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)]


@post("/admin/products/{product_id:uuid}/stock", permission="write_stock")
async def set_stock(
    desk: ProductDesk, catalog: Catalog, stock: Stock, product_id: UUID, data: FormData
) -> Response[str]:
    """Set what is physically there of one variant at one location."""

    async def act() -> object:
        variant_id, location_id = UUID(text(data, "variant_id")), UUID(text(data, "location_id"))
        on_hand = whole(data, "on_hand")
        if on_hand is None:
            raise Invalid("empty", "Enter how many units are there.")
        return await stock.set_on_hand(
            desk.ctx,
            variant_id=variant_id,
            location_id=location_id,
            on_hand=on_hand,
            version=whole(data, "version"),
        )

    back = done(f"/admin/products/{product_id}", "stock_set")
    return await act_on(desk, catalog, stock, product_id, act, back)


@post(
    "/admin/products/{product_id:uuid}/images",
    permission="write_products",
    request_max_body_size=LARGE_BODY_BYTES,
)
async def add_image(
    desk: ProductDesk, catalog: Catalog, stock: Stock, product_id: UUID, data: UploadForm
) -> Response[str]:
    """Add a picture; it needs a text for those who cannot see it."""

    async def act() -> object:
        upload, alt = data.get("file"), text(data, "alt")
        if not isinstance(upload, UploadFile) or not (content := await upload.read()):
            raise Invalid("empty", "Choose a picture first.")
        if not alt:
            raise Invalid("empty", "Describe the picture for those who cannot see it.")
        return await catalog.upload_image(
            desk.ctx, product_id=product_id, content=content, alt=alt[:300], file_name=upload.filename[:200]
        )

    back = done(f"/admin/products/{product_id}", "image_added")
    return await act_on(desk, catalog, stock, product_id, act, back, typed_alt=text(data, "alt"))


@post("/admin/products/{product_id:uuid}/images/{image_id:uuid}", permission="write_products")
async def change_image(
    desk: ProductDesk,
    catalog: Catalog,
    stock: Stock,
    product_id: UUID,
    image_id: UUID,
    data: FormData,
) -> Response[str]:
    """Change its text, move it, or delete it: the button that was pressed says which."""
    wanted = text(data, "act")

    async def act() -> object:
        if wanted == "delete":
            return await catalog.delete_image(desk.ctx, product_id=product_id, image_id=image_id)
        place = whole(data, "position") or 0
        return await catalog.update_image(
            desk.ctx,
            product_id=product_id,
            image_id=image_id,
            alt=text(data, "alt")[:300] or None,
            position=max(0, place + MOVES.get(wanted, 0)),
        )

    back = done(f"/admin/products/{product_id}", "image_deleted" if wanted == "delete" else "saved")
    return await act_on(desk, catalog, stock, product_id, act, back)


routes = [set_stock, add_image, change_image]
