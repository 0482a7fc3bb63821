"""What people ask, as queries of the index. Pure."""

import re
from collections.abc import Iterable

import msgspec
import tantivy
from tantivy import Occur, Query

from mercato.catalog.navigation import Navigation
from mercato.catalog.search.schema import folding, stemming
from mercato.contracts.catalog import ProductQuery

MAX_WORDS = 12
FUZZY_FROM_LETTERS = 4
FUZZY_TWICE_FROM_LETTERS = 8
PRICE_MAX = 2**63 - 1

NAME_BOOST = 4.0
WORD_BOOST = 3.0
BEGINNING_BOOST = 1.5
FUZZY_BOOST = 0.5
IN_STOCK_BONUS = 0.2

CATEGORY = "category"
MAKER = "maker"

_folding = folding()
_stemming = stemming()


class Words(msgspec.Struct, frozen=True):
    """A question taken apart: words that must match, phrases in quotes, words with a minus."""

    wanted: list[str]
    phrases: list[list[str]]
    unwanted: list[str]

    @property
    def is_empty(self) -> bool:
        return not (self.wanted or self.phrases)


def words_of(question: str) -> Words:
    phrases = re.findall(r'"([^"]+)"', question)
    rest = re.sub(r'"[^"]*"?', " ", question).split()
    unwanted = [word[1:] for word in rest if word.startswith("-") and len(word) > 1]
    wanted = [word for word in rest if not word.startswith("-")]
    return Words(
        _folding.analyze(" ".join(wanted))[:MAX_WORDS],
        [words for phrase in phrases[:3] if (words := _stemming.analyze(phrase)[:MAX_WORDS])],
        _stemming.analyze(" ".join(unwanted))[:MAX_WORDS],
    )


def stem_of(word: str) -> str:
    """The word without its ending: what "lamp" and "lamps" share."""
    return (_stemming.analyze(word) or [word])[0]


def text_query(schema: tantivy.Schema, words: Words, *, fuzzy: bool) -> Query:
    """Every word must be found: in the name, as written, as a beginning (the last one), in the text."""
    parts = [
        (Occur.Must, _word_query(schema, word, is_last=index == len(words.wanted) - 1, fuzzy=fuzzy))
        for index, word in enumerate(words.wanted)
    ]
    parts += [(Occur.Must, _phrase_query(schema, phrase)) for phrase in words.phrases]
    parts += [(Occur.MustNot, _either(schema, ("name", "body"), word)) for word in words.unwanted]
    bonus = Query.const_score_query(Query.term_query(schema, "in_stock", True), IN_STOCK_BONUS)
    return Query.boolean_query([*parts, (Occur.Should, bonus)])


def _word_query(schema: tantivy.Schema, word: str, *, is_last: bool, fuzzy: bool) -> Query:
    stem = stem_of(word)
    ways = [
        Query.boost_query(Query.term_query(schema, "name", stem), NAME_BOOST),
        Query.boost_query(Query.term_query(schema, "words", word), WORD_BOOST),
        Query.term_query(schema, "body", stem),
    ]
    if is_last and len(word) > 1:
        beginning = Query.fuzzy_term_query(schema, "words", word, 0, True, True)
        ways.append(Query.boost_query(Query.const_score_query(beginning, 1.0), BEGINNING_BOOST))
    if fuzzy and len(word) >= FUZZY_FROM_LETTERS:
        distance = 2 if len(word) >= FUZZY_TWICE_FROM_LETTERS else 1
        alike = Query.fuzzy_term_query(schema, "words", word, distance, True, is_last)
        ways.append(Query.boost_query(Query.const_score_query(alike, 1.0), FUZZY_BOOST))
    return Query.disjunction_max_query(ways, 0.1)


def _phrase_query(schema: tantivy.Schema, words: list[str]) -> Query:
    if len(words) == 1:
        return _either(schema, ("name", "body"), words[0])
    fields = [Query.phrase_query(schema, field, list(words)) for field in ("name", "body")]
    return Query.disjunction_max_query(fields)


def _either(schema: tantivy.Schema, fields: Iterable[str], word: str) -> Query:
    return Query.disjunction_max_query([Query.term_query(schema, field, word) for field in fields])


class Filters:
    """The parts that narrow a listing, by the facet they belong to, so that one can be left out."""

    def __init__(self, schema: tantivy.Schema, base: list[tuple[Occur, Query]]) -> None:
        self._schema = schema
        self._base = base
        self._by_facet: dict[str, Query] = {}

    def add(self, facet: str, query: Query) -> None:
        self._by_facet[facet] = query

    @property
    def facets(self) -> set[str]:
        return set(self._by_facet)

    def query(self, *, without: str | None = None) -> Query:
        parts = [(Occur.Must, query) for facet, query in self._by_facet.items() if facet != without]
        return Query.boolean_query([*self._base, *parts])


def filters_of(
    schema: tantivy.Schema,
    query: ProductQuery,
    *,
    channel: str,
    navigation: Navigation,
    text: Query | None,
) -> Filters:
    """Raises NotFound for a category or collection that does not exist."""
    base = [(Occur.Must, Query.const_score_query(Query.term_query(schema, "channel", channel), 0.0))]
    if text is not None:
        base.append((Occur.Must, text))
    if query.collection is not None:
        collection = navigation.collection(query.collection)
        base.append((Occur.Must, _silent(Query.term_query(schema, "collection", str(collection.id)))))
    if query.in_stock:
        base.append((Occur.Must, _silent(Query.term_query(schema, "in_stock", True))))
    if query.on_sale:
        base.append((Occur.Must, _silent(Query.term_query(schema, "on_sale", True))))
    filters = Filters(schema, base)
    if query.category is not None:
        category = navigation.category(query.category)
        filters.add(CATEGORY, _silent(Query.term_query(schema, "category", str(category.id))))
    if query.price_min is not None or query.price_max is not None:
        lowest = max(0, query.price_min or 0)
        highest = PRICE_MAX if query.price_max is None else max(0, query.price_max)
        kind = tantivy.FieldType.Unsigned
        filters.add("price", _silent(Query.range_query(schema, "price", kind, lowest, highest)))
    for code, values in query.attributes.items():
        if code == MAKER:
            filters.add(MAKER, _silent(Query.term_set_query(schema, MAKER, values)))
        elif (attribute := navigation.attributes.get(code)) is not None and attribute.is_filterable:
            filters.add(code, _silent(Query.term_set_query(schema, f"attributes.{code}", values)))
    return filters


def _silent(query: Query) -> Query:
    """A condition that does not count for relevance."""
    return Query.const_score_query(query, 0.0)
