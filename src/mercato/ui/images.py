"""Pictures for pages: a <picture> element with AVIF and WebP renditions in several widths."""

from functools import lru_cache
from typing import Protocol

from markupsafe import Markup, escape

WIDTHS = (160, 320, 480, 640, 960, 1600)
"""Widths in which the catalog renders pictures, in pixels."""


class ImageLike(Protocol):
    """The picture of a product or a category."""

    @property
    def key(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def alt(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


@lru_cache(maxsize=4096)
def srcset(key: str, image_format: str, original_width: int) -> str:
    """The renditions of one format for a srcset attribute, none wider than the original."""
    widths = [width for width in WIDTHS if width <= original_width] or [WIDTHS[0]]
    return ", ".join(f"/media/{key}-{width}.{image_format} {width}w" for width in widths)


def rendition(key: str, width: int, image_format: str = "webp") -> str:
    """The address of one rendition."""
    return f"/media/{key}-{width}.{image_format}"


def picture(
    image: ImageLike, sizes: str, *, alt: str | None = None, eager: bool = False, first: bool = False
) -> Markup:
    """The picture in the size the browser needs.

    `eager` is for the first row, `first` for the largest of the page. Pass alt="" where the same picture is
    already described beside it.
    """
    key, where = str(escape(image.key)), str(escape(sizes))
    loading = ' fetchpriority="high"' if first else "" if eager else ' loading="lazy"'
    return Markup(
        f'<picture><source type="image/avif" srcset="{srcset(key, "avif", image.width)}" sizes="{where}">'
        f'<source type="image/webp" srcset="{srcset(key, "webp", image.width)}" sizes="{where}">'
        f'<img src="{escape(image.url)}" alt="{escape(image.alt if alt is None else alt)}"'
        f' width="{image.width}" height="{image.height}"{loading} decoding="async"></picture>'
    )
