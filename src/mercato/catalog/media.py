"""The page route that shows pictures. Runs in the edge; the pictures come through the contract."""

import re
from typing import Annotated

from litestar import Response, get
from litestar.params import Parameter

from mercato.contracts.catalog import Catalog
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.kernel.web import PUBLIC

FORMATS = {"avif": "image/avif", "webp": "image/webp", "jpeg": "image/jpeg"}

_NAME = re.compile(r"([0-9a-f]{32})-(\d{3,4})\.(avif|webp|jpeg)")


@get("/media/{name:str}", permission=PUBLIC)
async def show_picture(
    ctx: Context, catalog: Catalog, name: Annotated[str, Parameter(max_length=60)]
) -> Response[bytes]:
    """A picture by its name `<key>-<width>.<format>`; what a name shows never changes."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise NotFound("image_not_found", "There is no such picture.")
    key, width, image_format = parts[1], int(parts[2]), parts[3]
    content = await catalog.rendition(ctx, key=key, width=width, image_format=image_format)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": f'"{key}-{width}"'}
    return Response(content, media_type=FORMATS[image_format], headers=headers)


page_routes = [show_picture]
