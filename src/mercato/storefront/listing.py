"""What a listing's address says, and the addresses its controls lead to. No I/O."""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

import msgspec

from mercato.contracts.catalog import Facet, ProductList, ProductQuery, ProductSort
from mercato.kernel.money import Money, exponent, from_decimal
from mercato.ui import formats

PAGE_SIZE = 24
MOST_VALUES = 50
MOST_PAGES = 1000
RESERVED = frozenset(
    {
        "q",
        "page",
        "sort",
        "price_min",
        "price_max",
        "in_stock",
        "on_sale",
        "category",
        "collection",
        "channel",
    }
)
_SORTS = {each.value: each for each in ProductSort}
_CODE = re.compile(r"[a-z][a-z0-9_-]{0,59}")
SORT_LABELS = {
    ProductSort.RELEVANCE: "Best match",
    ProductSort.BEST_SELLING: "Best selling",
    ProductSort.NEWEST: "New first",
    ProductSort.PRICE: "Price, low to high",
    ProductSort.PRICE_DESCENDING: "Price, high to low",
    ProductSort.NAME: "Name",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a listing as its address tells it; what cannot be read is left out."""

    path: str
    q: str = ""
    category: str = ""
    price_min: str = ""
    price_max: str = ""
    in_stock: bool = False
    on_sale: bool = False
    sort: ProductSort | None = None
    page: int = 1
    attributes: dict[str, tuple[str, ...]] = {}

    def pairs(self) -> list[tuple[str, str]]:
        """The state as query fields, in one fixed order, without the page."""
        fields = [("q", self.q), ("category", self.category)]
        fields += [(code, value) for code in sorted(self.attributes) for value in self.attributes[code]]
        fields += [("price_min", self.price_min), ("price_max", self.price_max)]
        fields += [("in_stock", "1" if self.in_stock else ""), ("on_sale", "1" if self.on_sale else "")]
        fields += [("sort", self.sort.value if self.sort else "")]
        return [(name, value) for name, value in fields if value]

    def url(self, *, page: int | str = 1) -> str:
        """The address of this state; `page` may be a mark that the template fills in."""
        tail = f"page={page}" if page != 1 else ""
        query = "&".join(part for part in (urlencode(self.pairs()), tail) if part)
        return f"{self.path}?{query}" if query else self.path

    def without(self, code: str, value: str) -> "Asked":
        """The same state with one filter taken out."""
        if code in ("price_min", "price_max", "category"):
            return msgspec.structs.replace(self, page=1, **{code: ""})
        if code in ("in_stock", "on_sale"):
            return msgspec.structs.replace(self, page=1, **{code: False})
        left = tuple(each for each in self.attributes.get(code, ()) if each != value)
        attributes = {**self.attributes, code: left}
        return msgspec.structs.replace(self, page=1, attributes={c: v for c, v in attributes.items() if v})

    def cleared(self) -> "Asked":
        """The same list without any filter."""
        return Asked(path=self.path, q=self.q, sort=self.sort)

    @property
    def is_filtered(self) -> bool:
        return self.cleared().pairs() != self.pairs()


class Applied(msgspec.Struct, frozen=True):
    """A filter in force: its text and the address without it."""

    text: str
    url: str


def read(path: str, fields: Iterable[tuple[str, str]]) -> Asked:
    """The state in the query `fields` of `path`; nonsense is dropped, never refused."""
    single: dict[str, str] = {}
    attributes: dict[str, list[str]] = {}
    for name, value in fields:
        text = value.strip()[:200]
        if name in RESERVED:
            single[name] = text
        elif text and _CODE.fullmatch(name) and not name.startswith("utm_"):
            chosen = attributes.setdefault(name, [])
            if text not in chosen and len(chosen) < MOST_VALUES:
                chosen.append(text)
    sort = single.get("sort", "")
    return Asked(
        path=path,
        q=single.get("q", ""),
        category=single.get("category", ""),
        price_min=_price_text(single.get("price_min", "")),
        price_max=_price_text(single.get("price_max", "")),
        in_stock=single.get("in_stock") == "1",
        on_sale=single.get("on_sale") == "1",
        sort=_SORTS.get(sort),
        page=_page(single.get("page", "")),
        attributes={code: tuple(values) for code, values in attributes.items()},
    )


def query_of(asked: Asked, currency: str, *, category: str | None, collection: str | None) -> ProductQuery:
    """What the catalog is asked for this state."""
    return ProductQuery(
        q=asked.q,
        category=category or asked.category or None,
        collection=collection,
        price_min=_minor(asked.price_min, currency),
        price_max=_minor(asked.price_max, currency),
        in_stock=asked.in_stock,
        on_sale=asked.on_sale,
        attributes={code: list(values) for code, values in asked.attributes.items()},
        sort=asked.sort,
        facets=True,
        limit=PAGE_SIZE,
        page=asked.page,
    )


def applied(asked: Asked, facets: Sequence[Facet], currency: str, locale: str) -> list[Applied]:
    """Every filter in force with its label, for the overview above the list."""
    labels = {(facet.code, each.value): each.label for facet in facets for each in facet.values}
    found = [
        Applied(labels.get((code, value), value), asked.without(code, value).url())
        for code in sorted(asked.attributes)
        for value in asked.attributes[code]
    ]
    if asked.category:
        label = labels.get(("category", asked.category), asked.category)
        found.append(Applied(label, asked.without("category", "").url()))
    for code, word in (("price_min", "from"), ("price_max", "up to")):
        amount = _minor(getattr(asked, code), currency)
        if amount is not None:
            price = formats.money(Money(amount, currency), locale, True)
            found.append(Applied(f"{word} {price}", asked.without(code, "").url()))
    if asked.in_stock:
        found.append(Applied("In stock", asked.without("in_stock", "").url()))
    if asked.on_sale:
        found.append(Applied("On sale", asked.without("on_sale", "").url()))
    return found


def page_numbers(current: int, last: int) -> list[int]:
    """The page links to show: both ends, the neighbors of the current one, 0 for a gap."""
    wanted = sorted({1, 2, current - 1, current, current + 1, last - 1, last} & set(range(1, last + 1)))
    shown: list[int] = []
    for number in wanted:
        if shown and number - shown[-1] > 1:
            shown.append(0)
        shown.append(number)
    return shown


def last_page(found: ProductList) -> int:
    """How many pages the list has, at least one."""
    return min(max(1, -(-found.total // PAGE_SIZE)), MOST_PAGES)


def _page(text: str) -> int:
    return min(max(int(text), 1), MOST_PAGES) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def _price_text(text: str) -> str:
    """A price as typed, in plain decimal form; empty when it is none."""
    plain = text.replace(",", ".").strip()
    try:
        value = Decimal(plain)
    except InvalidOperation:
        return ""
    return plain if value.is_finite() and 0 <= value < 10_000_000 and len(plain) < 12 else ""


def _minor(text: str, currency: str) -> int | None:
    if not text:
        return None
    return from_decimal(Decimal(text).quantize(Decimal(1).scaleb(-exponent(currency))), currency).amount
