"""Facets: which counts to ask of the index, and what they say. Pure but for the one aggregation."""

from collections.abc import Iterable
from typing import Any

import tantivy

from mercato.catalog.navigation import Navigation
from mercato.catalog.search.queries import CATEGORY, MAKER, Filters
from mercato.contracts.catalog import (
    Attribute,
    AttributeKind,
    Channel,
    Facet,
    FacetValue,
    ProductQuery,
)
from mercato.kernel.money import Money
from mercato.kernel.texts import label_of

VALUES_MAX = 100
CATEGORIES_MAX = 2_000


def counts_to_ask(filters: Filters, navigation: Navigation) -> Iterable[tuple[str | None, dict[str, Any]]]:
    """(facet whose own selection is left out, counts): one for all that have none, one for each other."""
    shared: dict[str, Any] = {}
    for code, aggregation in _aggregations(navigation):
        if code in filters.facets:
            yield code, {code: aggregation}
        else:
            shared[code] = aggregation
    yield None, shared


def _aggregations(navigation: Navigation) -> Iterable[tuple[str, dict[str, Any]]]:
    yield CATEGORY, {"terms": {"field": CATEGORY, "size": CATEGORIES_MAX}}
    yield MAKER, {"terms": {"field": MAKER, "size": VALUES_MAX}}
    for code, attribute in navigation.attributes.items():
        if attribute.is_filterable:
            yield code, {"terms": {"field": f"attributes.{code}", "size": VALUES_MAX}}


def facets_of(counts: dict[str, Any], query: ProductQuery, navigation: Navigation) -> list[Facet]:
    """The facets that have something to choose; values that are selected stay, even with no hit."""
    facets = [_category_facet(_counted(counts, CATEGORY), query, navigation)]
    selected = query.attributes.get(MAKER, [])
    facets.append(Facet(MAKER, "Maker", _values(_counted(counts, MAKER), selected, {}, {})))
    for code, attribute in navigation.attributes.items():
        if attribute.is_filterable:
            chosen = query.attributes.get(code, [])
            facets.append(Facet(code, attribute.label, _choices(attribute, _counted(counts, code), chosen)))
    return [facet for facet in facets if facet.values]


def price_range_of(
    searcher: tantivy.Searcher, filters: Filters, channel: Channel
) -> tuple[Money | None, Money | None]:
    """Lowest and highest price of the list as it would be without its own price limits."""
    ask = {"lowest": {"min": {"field": "price"}}, "highest": {"max": {"field": "price"}}}
    found = searcher.aggregate(filters.query(without="price"), ask)
    lowest, highest = found["lowest"]["value"], found["highest"]["value"]
    if lowest is None or highest is None:
        return None, None
    return Money(int(lowest), channel.currency), Money(int(highest), channel.currency)


def _counted(counts: dict[str, Any], code: str) -> dict[str, int]:
    return {bucket["key"]: bucket["doc_count"] for bucket in counts[code]["buckets"]}


def _category_facet(counted: dict[str, int], query: ProductQuery, navigation: Navigation) -> Facet:
    """The level of the tree below the selected category, or beside it when nothing is below."""
    selected = navigation.category_by_slug.get(query.category) if query.category else None
    parent_id = selected.id if selected else None
    if selected and not any(one.parent_id == selected.id for one in navigation.categories):
        parent_id = selected.parent_id
    values = [
        FacetValue(one.slug, one.name, counted.get(str(one.id), 0), one is selected)
        for one in navigation.categories
        if one.parent_id == parent_id and (str(one.id) in counted or one is selected)
    ]
    return Facet(CATEGORY, "Category", values)


def _choices(attribute: Attribute, counted: dict[str, int], selected: list[str]) -> list[FacetValue]:
    if attribute.kind is AttributeKind.BOOLEAN:
        labels = {"true": "Yes", "false": "No"}
        return _values(counted, selected, labels, {})
    labels = {one.value: one.label for one in attribute.values}
    swatches = {one.value: one.swatch for one in attribute.values}
    return _values(counted, selected, labels, swatches)


def _values(
    counted: dict[str, int], selected: list[str], labels: dict[str, str], swatches: dict[str, str | None]
) -> list[FacetValue]:
    """In the order that staff gave; values without a place come after, the most frequent first."""
    shown = dict.fromkeys([*(value for value in labels if value in counted or value in selected)])
    rest = [value for value in {*counted, *selected} if value not in labels]
    shown.update(dict.fromkeys(sorted(rest, key=lambda value: (-counted.get(value, 0), value))))
    return [
        FacetValue(
            value,
            labels.get(value) or (value if not labels and value[:1].isupper() else label_of(value)),
            counted.get(value, 0),
            value in selected,
            swatches.get(value),
        )
        for value in shown
    ]
