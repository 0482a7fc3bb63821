"""Rules of the catalog: what a product may be, what shoppers see of it. No I/O; time is an argument."""

import re
from collections.abc import Sequence

import nh3

from mercato.catalog.records import ProductRecord, VariantRecord
from mercato.contracts.catalog import ProductStatus
from mercato.contracts.stock import Availability

NEW_COLLECTION = "new"
"""Products in the collection of this slug carry the mark "new"."""

RICH_TEXT_TAGS = {
    "a", "b", "blockquote", "br", "em", "h2", "h3", "h4", "i", "li", "ol", "p", "strong", "ul",
}  # fmt: skip

_AVAILABILITY_ORDER = (Availability.IN_STOCK, Availability.LOW, Availability.BACKORDER, Availability.OUT)


def clean_rich_text(text: str) -> str:
    """HTML that is safe to show: a few tags of running text, no attribute but `href`."""
    return nh3.clean(
        text.strip(), tags=RICH_TEXT_TAGS, attributes={"a": {"href"}}, url_schemes={"https", "http", "mailto"}
    )


def plain_text(rich_text: str) -> str:
    """The words of a rich text, for search and for descriptions in search engines."""
    if "<" not in rich_text and "&" not in rich_text:
        return " ".join(rich_text.split())
    without_tags = nh3.clean(re.sub(r"<(br|/p|/li|/h\d)\b[^>]*>", " ", rich_text), tags=set())
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&amp;", "&")):
        without_tags = without_tags.replace(entity, character)
    return " ".join(without_tags.split())


def best_availability(variants: Sequence[VariantRecord], channel: str) -> Availability:
    """What a list of a channel says of a product: that of its best variant."""
    found = {variant.availability_in(channel) for variant in variants}
    return next((one for one in _AVAILABILITY_ORDER if one in found), Availability.OUT)


def why_hidden(product: ProductRecord, *, channel: str, channel_is_active: bool) -> list[str]:
    """Each reason why shoppers of `channel` do not see the product; empty when they do."""
    reasons = []
    if product.status is ProductStatus.DRAFT:
        reasons.append("It is a draft.")
    if product.status is ProductStatus.ARCHIVED:
        reasons.append("It is archived.")
    if not any(variant.price(channel) for variant in product.variants):
        reasons.append(f"No variant has a price in the channel {channel}.")
    if not channel_is_active:
        reasons.append(f"The channel {channel} is switched off.")
    return reasons
