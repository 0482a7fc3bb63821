"""A product as the index holds it. Pure."""

import hashlib
from uuid import UUID

import msgspec
import tantivy

from mercato.catalog.domain import plain_text
from mercato.catalog.navigation import Navigation
from mercato.catalog.records import ProductRecord
from mercato.catalog.search.schema import KEY
from mercato.catalog.views import card_of
from mercato.contracts.catalog import Channel
from mercato.contracts.stock import Availability
from mercato.kernel.texts import fold, label_of

_encode = msgspec.msgpack.Encoder().encode

CREATED_BITS = 42
"""Bits for milliseconds since 1970: enough until 2109."""
SOLD_MAX = (1 << (64 - CREATED_BITS)) - 1


def key_of(channel: str, product_id: UUID) -> str:
    return f"{channel}/{product_id}"


def featured_rank(units_sold: int, created_ms: int) -> int:
    """Best-selling first; what sold alike stands in order of creation. Sort by it downwards."""
    oldest_first = (1 << CREATED_BITS) - 1 - created_ms
    return min(units_sold, SOLD_MAX) << CREATED_BITS | oldest_first


def facet_values(product: ProductRecord, navigation: Navigation) -> dict[str, list[str]]:
    """attribute → values, of the product and of its variants' options that are attributes too."""
    found: dict[str, list[str]] = {}
    for code, value in product.attributes.items():
        attribute = navigation.attributes.get(code)
        if attribute is not None and attribute.is_filterable:
            values = value if isinstance(value, list) else [value]
            found[code] = [_text(one) for one in values]
    for option in product.options:
        attribute = navigation.attributes.get(option.code)
        if attribute is not None and attribute.is_filterable:
            known = found.setdefault(option.code, [])
            known.extend(value.value for value in option.values if value.value not in known)
    return found


def document_of(product: ProductRecord, channel: Channel, navigation: Navigation) -> tantivy.Document:
    """The document of a product that is on sale in `channel`."""
    card = card_of(product, channel, navigation)
    encoded = _encode(card)
    category = navigation.category_by_id.get(product.category_id) if product.category_id else None
    created_ms = int(product.created_at.timestamp() * 1000)
    attributes = facet_values(product, navigation)
    document = tantivy.Document()
    document.add_text(KEY, key_of(channel.code, product.id))
    document.add_text("version", str(product.version))
    document.add_text("channel", channel.code)
    document.add_text("name", product.name)
    document.add_text("body", _body(product, attributes, navigation))
    document.add_text("words", _words(product, attributes, navigation))
    document.add_text("name_order", fold(product.name))
    for category_id in category.lineage if category else ():
        document.add_text("category", str(category_id))
    for collection_id in product.collection_ids:
        document.add_text("collection", str(collection_id))
    if product.maker:
        document.add_text("maker", product.maker)
    if attributes:
        document.add_json("attributes", attributes)
    document.add_unsigned("price", card.price.amount)
    document.add_unsigned("featured", featured_rank(product.units_sold, created_ms))
    document.add_unsigned("created", created_ms)
    document.add_unsigned("card_key", int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest()))
    document.add_boolean("in_stock", card.availability is not Availability.OUT)
    document.add_boolean("on_sale", _is_on_sale(product, channel.code))
    document.add_bytes("card", encoded)
    return document


def _is_on_sale(product: ProductRecord, channel: str) -> bool:
    """Whether a variant is cheaper than it was, also when it is not the one whose price the card shows."""
    prices = (variant.price(channel) for variant in product.variants)
    return any(price is not None and price.compare_at_amount is not None for price in prices)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _words(product: ProductRecord, attributes: dict[str, list[str]], navigation: Navigation) -> str:
    """What people type to find it: name, maker, category, choices, SKUs."""
    category = navigation.category_by_id.get(product.category_id) if product.category_id else None
    parts = [product.name, product.maker, category.name if category else ""]
    parts += [value.label for option in product.options for value in option.values]
    parts += _choice_labels(attributes, navigation)
    parts += [variant.sku for variant in product.variants]
    return " ".join(parts)


def _body(product: ProductRecord, attributes: dict[str, list[str]], navigation: Navigation) -> str:
    parts = [plain_text(product.description), product.maker, *product.details.values()]
    category = navigation.category_by_id.get(product.category_id) if product.category_id else None
    for one in category.lineage if category else ():
        parts.append(navigation.category_by_id[one].name)
    return " ".join([*parts, *_choice_labels(attributes, navigation)])


def _choice_labels(attributes: dict[str, list[str]], navigation: Navigation) -> list[str]:
    labels: list[str] = []
    for code, values in attributes.items():
        attribute = navigation.attributes[code]
        if attribute.kind == "boolean":
            labels += [attribute.label] if "true" in values else []
            continue
        known = {one.value: one.label for one in attribute.values}
        labels += [known.get(value) or label_of(value) for value in values]
    return labels
