"""Listings from the index: hits, cards, facet counts, corrections."""

from collections import OrderedDict
from typing import Any

import msgspec
import tantivy
from tantivy import Order

from mercato.catalog.navigation import Navigation
from mercato.catalog.search.corrections import correction_of
from mercato.catalog.search.facets import counts_to_ask, facets_of, price_range_of
from mercato.catalog.search.index import IndexFolder
from mercato.catalog.search.queries import Filters, Words, filters_of, text_query, words_of
from mercato.contracts.catalog import Channel, ProductCard, ProductList, ProductQuery, ProductSort
from mercato.kernel.errors import FieldError, Invalid
from mercato.kernel.pages import decode_cursor, encode_cursor

KEPT_CARDS = 10_000
KEPT_LISTS = 2_000
MAX_OFFSET = 100_000

_decode_card = msgspec.msgpack.Decoder(ProductCard).decode
_encode_query = msgspec.msgpack.Encoder().encode

_ORDERS: dict[ProductSort, tuple[str | None, Order]] = {
    ProductSort.RELEVANCE: (None, Order.Desc),
    ProductSort.NAME: ("name_order", Order.Asc),
    ProductSort.PRICE: ("price", Order.Asc),
    ProductSort.PRICE_DESCENDING: ("price", Order.Desc),
    ProductSort.NEWEST: ("created", Order.Desc),
    ProductSort.BEST_SELLING: ("featured", Order.Desc),
}


class Listing:
    """Answers from one host's index. Cards and whole lists are kept while the index stays the same."""

    def __init__(self, folder: IndexFolder) -> None:
        self._folder = folder
        self._schema = folder.index.schema
        self._cards: OrderedDict[int, ProductCard] = OrderedDict()
        self._lists: OrderedDict[tuple[Any, ...], ProductList] = OrderedDict()

    def products(self, query: ProductQuery, *, channel: Channel, navigation: Navigation) -> ProductList:
        """Raises NotFound for an unknown category or collection, Invalid for a cursor of another list,
        ValueError when the index cannot be used."""
        searcher = self._folder.searcher()
        key = (self._folder.generation, id(navigation), channel.code, _encode_query(query))
        kept = self._lists.get(key)
        if kept is not None:
            self._lists.move_to_end(key)
            return kept
        found = self._find(searcher, query, channel, navigation)
        self._lists[key] = found
        if len(self._lists) > KEPT_LISTS:
            self._lists.popitem(last=False)
        return found

    def counts(self, field: str, *, channel: str) -> dict[str, int]:
        """How many products on sale each value of `category` or `collection` has."""
        searcher = self._folder.searcher()
        query = tantivy.Query.term_query(self._schema, "channel", channel)
        counted = searcher.aggregate(query, {"by": {"terms": {"field": field, "size": 10_000}}})
        return {bucket["key"]: bucket["doc_count"] for bucket in counted["by"]["buckets"]}

    def _find(
        self, searcher: tantivy.Searcher, query: ProductQuery, channel: Channel, navigation: Navigation
    ) -> ProductList:
        words = words_of(query.q)
        offset = offset_of(query)
        filters = self._filters(query, words, channel, navigation, fuzzy=False)
        result = self._search(searcher, query, filters, offset)
        did_you_mean = None
        if result.count == 0 and words.wanted and not filters.facets:
            filters = self._filters(query, words, channel, navigation, fuzzy=True)
            result = self._search(searcher, query, filters, offset)
            did_you_mean = correction_of(searcher, words.wanted)
        total: int = result.count
        following = offset + len(result.hits)
        lowest, highest = price_range_of(searcher, filters, channel) if query.facets else (None, None)
        return ProductList(
            items=self._cards_at(searcher, [address for _, address in result.hits]),
            total=total,
            next_cursor=encode_cursor((following,)) if following < total else None,
            facets=self._facets(searcher, query, filters, navigation) if query.facets else None,
            did_you_mean=did_you_mean,
            price_min=lowest,
            price_max=highest,
        )

    def _filters(
        self, query: ProductQuery, words: Words, channel: Channel, navigation: Navigation, *, fuzzy: bool
    ) -> Filters:
        text = None if words.is_empty else text_query(self._schema, words, fuzzy=fuzzy)
        return filters_of(self._schema, query, channel=channel.code, navigation=navigation, text=text)

    def _search(self, searcher: tantivy.Searcher, query: ProductQuery, filters: Filters, offset: int) -> Any:
        field, order = _ORDERS[sort_of(query)]
        return searcher.search(
            filters.query(), query.limit, count=True, order_by_field=field, offset=offset, order=order
        )

    def _facets(
        self, searcher: tantivy.Searcher, query: ProductQuery, filters: Filters, navigation: Navigation
    ) -> list[Any]:
        counts: dict[str, Any] = {}
        for left_out, aggregations in counts_to_ask(filters, navigation):
            counts.update(searcher.aggregate(filters.query(without=left_out), aggregations))
        return facets_of(counts, query, navigation)

    def _cards_at(self, searcher: tantivy.Searcher, addresses: list[tantivy.DocAddress]) -> list[ProductCard]:
        """A card is kept under the hash of its bytes, so a kept one is never stale."""
        if not addresses:
            return []
        found = []
        keys: list[Any] = searcher.fast_field_values("card_key", addresses)
        for key, address in zip(keys, addresses, strict=True):
            card = self._cards.get(key)
            if card is None:
                card = _decode_card(_stored(searcher, address))
                self._cards[key] = card
                if len(self._cards) > KEPT_CARDS:
                    self._cards.popitem(last=False)
            found.append(card)
        return found


def _stored(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> bytes:
    card: Any = searcher.doc(address).get_first("card")
    return bytes(card)


def sort_of(query: ProductQuery) -> ProductSort:
    """Relevance for a search, best-selling for a listing, unless something else is asked for."""
    if query.sort is None or (query.sort is ProductSort.RELEVANCE and not query.q.strip()):
        return ProductSort.RELEVANCE if query.q.strip() else ProductSort.BEST_SELLING
    return query.sort


def offset_of(query: ProductQuery) -> int:
    """How many hits come before the page that is asked for. Raises Invalid."""
    if query.cursor is not None:
        (offset,) = decode_cursor(query.cursor, tuple[int])
    else:
        offset = ((query.page or 1) - 1) * query.limit
    if not 0 <= offset <= MAX_OFFSET:
        error = FieldError("cursor" if query.cursor else "page", "too_far", "Narrow the list instead.")
        raise Invalid(detail=f"A list shows its first {MAX_OFFSET} products.", errors=[error])
    return offset
