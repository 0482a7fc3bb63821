"""Suggestions while a shopper types: words, categories, products."""

import tantivy

from mercato.catalog.navigation import Navigation
from mercato.catalog.search.listing import Listing
from mercato.catalog.search.queries import stem_of, words_of
from mercato.contracts.catalog import (
    Breadcrumb,
    Channel,
    ProductList,
    ProductQuery,
    SuggestedProduct,
    Suggestions,
)
from mercato.kernel.texts import fold

QUERIES_MAX = 4
CATEGORIES_MAX = 3
TERMS_LOOKED_AT = 40


def suggestions(
    q: str,
    *,
    limit: int,
    searcher: tantivy.Searcher,
    listing: Listing,
    channel: Channel,
    navigation: Navigation,
) -> Suggestions:
    """Empty for an empty question. Raises ValueError when the index cannot be used."""
    words = words_of(q)
    if words.is_empty:
        return Suggestions([], [], [])
    found = listing.products(ProductQuery(q=q, limit=limit), channel=channel, navigation=navigation)
    return Suggestions(
        queries=_queries(words.wanted, found, searcher),
        categories=_categories(words.wanted, navigation),
        products=[SuggestedProduct(card.slug, card.name, card.price, card.image) for card in found.items],
    )


def _queries(wanted: list[str], found: ProductList, searcher: tantivy.Searcher) -> list[str]:
    """Whole words that the last one may become, most frequent first, then by letter; or the correction."""
    if found.did_you_mean:
        return [found.did_you_mean]
    if not wanted:
        return []
    before, last = wanted[:-1], wanted[-1]
    terms = searcher.terms_with_prefix("words", last, limit=TERMS_LOOKED_AT)
    ranked = [term for term, _ in sorted(terms, key=lambda term: (-term[1], term[0]))]
    words = [term for term in ranked if term.isalpha() and len(term) > 2]
    shown = [card.name.casefold() for card in found.items]
    fitting = [word for word in words if not before or any(word in fold(name) for name in shown)]
    one_per_stem = {stem_of(word): word for word in reversed(fitting)}
    kept = [word for word in fitting if one_per_stem[stem_of(word)] == word]
    return [" ".join([*before, word]) for word in kept[:QUERIES_MAX]]


def _categories(wanted: list[str], navigation: Navigation) -> list[Breadcrumb]:
    """Categories of whose name every word is the beginning of a word."""
    return [
        navigation.breadcrumb(category)
        for category in navigation.categories
        if all(any(part.startswith(word) for part in fold(category.name).split()) for word in wanted)
    ][:CATEGORIES_MAX]
