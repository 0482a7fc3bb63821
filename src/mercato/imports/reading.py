"""From rows of a file to products, one at a time: constant memory, every problem with its row."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from mercato.contracts.catalog import (
    AttributeKind,
    ImportRow,
    OptionInput,
    OptionValue,
    ProductInput,
    RowError,
)
from mercato.imports.mapping import AttributeColumn, Mapping
from mercato.kernel.csv_cells import plain
from mercato.kernel.money import exponent
from mercato.kernel.texts import label_of, slug_of
from mercato.refusals import Refusal

VARIANTS_MAX = 250
SHOWN = 60
"""Characters of a wrong cell that an error repeats."""
WHOLE = re.compile("[0-9]{1,15}")
PRICE = re.compile(r"\+?[0-9]{1,15}(\.[0-9]{1,12})?")
NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?")
"""Numbers that end: as a whole number, 1E+999999999 would fill the memory."""

Line = tuple[int, dict[str, str]]


class FileRefused(Refusal):
    """The file is no table that the mapping fits."""


class SourceProduct(msgspec.Struct, frozen=True):
    """One product of a file, with what must exist before it can be saved."""

    row: ImportRow
    category_path: list[tuple[str, str]]
    """(slug, name) from the root."""
    collections: list[tuple[str, str]]
    attributes: dict[str, AttributeColumn]


class Reader:
    """Reads a table by a mapping; prices become minor units of `currency`."""

    def __init__(self, mapping: Mapping, *, currency: str) -> None:
        self._mapping = mapping
        self._decimals = exponent(currency) if mapping.price_unit == "major" else 0

    def products(self, lines: Iterable[str]) -> Iterator[SourceProduct | list[RowError]]:
        """Every product of the table, or what is wrong with it. Raises FileRefused for a missing column."""
        table = csv.DictReader(
            lines, delimiter=self._mapping.delimiter, restkey=None, restval="", skipinitialspace=True
        )
        columns = table.fieldnames = [name.strip() for name in table.fieldnames or []]
        needed = (self._mapping.name, self._mapping.sku, self._mapping.price)
        missing = [name for name in needed if name not in columns]
        if missing:
            raise FileRefused(
                f"The file has no column {missing[0]!r} (it has {', '.join(columns) or 'none'}): "
                "choose another mapping with --map."
            )
        try:
            for group in self._groups(table):
                yield self._product(group)
        except (csv.Error, UnicodeDecodeError) as error:
            raise FileRefused(f"The file cannot be read on after line {table.line_num}: {error}.") from None

    def _groups(self, table: "csv.DictReader[str]") -> Iterator[list[Line]]:
        group: list[Line] = []
        key = ""
        for row in table:
            cells = {name: plain(value.strip()) for name, value in row.items() if isinstance(value, str)}
            if not any(cells.values()):
                continue
            found = cells.get(self._mapping.group_by or self._mapping.name, "")
            is_next = found != key if self._mapping.group_by else bool(found)
            if group and is_next:
                yield group
                group = []
            if is_next or not group:
                key = found
            group.append((table.line_num, cells))
        if group:
            yield group

    def _product(self, group: list[Line]) -> SourceProduct | list[RowError]:
        if self._mapping.repeated_skus == "number":
            self._number_skus(group)
        line, first = group[0]
        problems: list[RowError] = []
        facets = self._facets(first)
        attributes, columns = self._attributes(first, facets)
        path = self._category_path(first, facets)
        collections = [
            (slug_of(name), label_of(name)) for name in self._list(first, self._mapping.collections)
        ]
        options, chosen = self._options(group, problems)
        files, variant_images = self._images(group, first.get(self._mapping.name, ""))
        values: dict[str, Any] = {
            "name": first.get(self._mapping.name, ""),
            "slug": self._cell(first, "slug") or None,
            "maker": self._cell(first, "maker") or " ".join(facets.get("\0maker", [])[:1]),
            "description": self._cell(first, "description"),
            "status": self._cell(first, "status") or self._mapping.default_status,
            "product_type": self._cell(first, "product_type") or "default",
            "category": path[-1][0] if path else None,
            "collections": [slug for slug, _ in collections],
            "attributes": attributes,
            "details": self._details(first, line, problems),
            "options": options,
            "variants": [
                self._variant(one, picked, problems) for one, picked in zip(group, chosen, strict=True)
            ],
            "seo_title": self._cell(first, "seo_title"),
            "seo_description": self._cell(first, "seo_description"),
            "tax_class": self._cell(first, "tax_class") or "standard",
            "external_reference": self._cell(first, "external_reference") or None,
        }
        if len(group) > VARIANTS_MAX:
            text = f"A product has at most {VARIANTS_MAX} variants."
            return [RowError(line, "sku", "too_many_variants", text)]
        if problems:
            return problems
        try:
            product = msgspec.convert(values, ProductInput, from_attributes=True)
        except msgspec.ValidationError as error:
            return [_refused(error, group)]
        row = ImportRow(row=line, product=product, image_files=files, variant_images=variant_images)
        return SourceProduct(row, path, collections, columns)

    def _number_skus(self, group: list[Line]) -> None:
        seen: dict[str, int] = {}
        for _, cells in group:
            sku = cells.get(self._mapping.sku, "")
            seen[sku] = seen.get(sku, 0) + 1
            if sku and seen[sku] > 1:
                cells[self._mapping.sku] = f"{sku}-{seen[sku]}"

    def _cell(self, cells: dict[str, str], meaning: str) -> str:
        return cells.get(getattr(self._mapping, meaning), "")

    def _list(self, cells: dict[str, str], column: str) -> list[str]:
        parts = cells.get(column, "").split(self._mapping.list_separator) if column else []
        return [part.strip() for part in parts if part.strip()]

    def _facets(self, cells: dict[str, str]) -> dict[str, list[str]]:
        """name → values; what `facet_targets` claims is under its target's name with a mark before it."""
        found: dict[str, list[str]] = {}
        for part in self._list(cells, self._mapping.facets):
            name, _, value = part.partition(":")
            target = self._mapping.facet_targets.get(name.strip())
            if target != "ignore" and value.strip():
                found.setdefault(f"\0{target}" if target else name.strip(), []).append(value.strip())
        return found

    def _category_path(self, cells: dict[str, str], facets: dict[str, list[str]]) -> list[tuple[str, str]]:
        names = [part.strip() for part in self._cell(cells, "category").split("/") if part.strip()]
        return [(slug_of(name), label_of(name)) for name in names or facets.get("\0category", [])]

    def _attributes(
        self, cells: dict[str, str], facets: dict[str, list[str]]
    ) -> tuple[dict[str, Any], dict[str, AttributeColumn]]:
        columns = dict(self._mapping.attributes)
        if prefix := self._mapping.attribute_prefix:
            for name in cells:
                if name.startswith(prefix):
                    columns.setdefault(name.removeprefix(prefix), AttributeColumn(column=name))
        values: dict[str, Any] = {}
        for code, column in columns.items():
            if text := cells.get(column.column, ""):
                values[code] = text
        for name, found in facets.items():
            if not name.startswith("\0"):
                code = slug_of(name).replace("-", "_")
                columns[code] = AttributeColumn(column="", label=label_of(name))
                values[code] = self._mapping.list_separator.join(found)
        return values, {code: columns[code] for code in values}

    def typed_attribute(self, kind: AttributeKind, text: str) -> Any:
        """The text of a cell as the value of an attribute of this kind. Raises ValueError."""
        if kind is AttributeKind.BOOLEAN:
            known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
            if text.lower() not in known:
                raise ValueError(f"{text} is neither true nor false")
            return known[text.lower()]
        if kind is AttributeKind.NUMBER:
            if not NUMBER.fullmatch(text):
                raise ValueError(f"{text[:40]} is no number")
            number = Decimal(text)
            return int(number) if number == number.to_integral_value() else float(number)
        if kind in (AttributeKind.MULTISELECT, AttributeKind.SWATCH):
            return [part.strip() for part in text.split(self._mapping.list_separator) if part.strip()]
        return text

    def _details(self, cells: dict[str, str], line: int, problems: list[RowError]) -> dict[str, str]:
        details = {name: cells[column] for name, column in self._mapping.details.items() if cells.get(column)}
        if text := self._cell(cells, "details_json"):
            try:
                details |= msgspec.convert(json.loads(text), dict[str, str])
            except (ValueError, msgspec.ValidationError):
                problems.append(
                    RowError(line, self._mapping.details_json, "invalid", "This is no JSON object of texts.")
                )
        return details

    def _options(
        self, group: list[Line], problems: list[RowError]
    ) -> tuple[list[OptionInput], list[dict[str, str]]]:
        """The options of the product with every value that a row has, and what each row chose."""
        values: dict[str, dict[str, OptionValue]] = {}
        chosen: list[dict[str, str]] = []
        names = self._list(group[0][1], self._mapping.option_names)
        for line, cells in group:
            picked = dict(self._picked(cells, names))
            if names and len(picked) != len(names):
                text = f"The row must give a value for each of {', '.join(names)}."
                problems.append(RowError(line, self._mapping.option_values, "mismatch", text))
            for name, value in picked.items():
                values.setdefault(name, {}).setdefault(value.value, value)
            chosen.append({name: value.value for name, value in picked.items()})
        return [OptionInput(name, list(found.values())) for name, found in values.items()], chosen

    def _picked(self, cells: dict[str, str], names: list[str]) -> Iterator[tuple[str, OptionValue]]:
        for name, text in zip(names, self._list(cells, self._mapping.option_values), strict=False):
            yield label_of(name), OptionValue(slug_of(text), text)
        for columns in self._mapping.options:
            if name := cells.get(columns.name, ""):
                value = cells.get(columns.value, "")
                label = cells.get(columns.label, "") or label_of(value)
                yield name, OptionValue(value, label, cells.get(columns.swatch, "") or None)

    def _images(self, group: list[Line], name: str) -> tuple[list[tuple[str, str]], dict[str, list[str]]]:
        """((file, text) in order, SKU → files that show it): variants' pictures first, each once."""
        texts: dict[str, str] = {}
        shown: dict[str, list[str]] = {}
        for _, cells in group:
            for file in self._list(cells, self._mapping.variant_image):
                texts.setdefault(file, self._cell(cells, "image_alt") or name)
                shown.setdefault(cells.get(self._mapping.sku, ""), []).append(file)
        for file in self._list(group[0][1], self._mapping.images):
            texts.setdefault(file, name)
        if len({tuple(files) for files in shown.values()}) <= 1 and len(shown) == len(group):
            shown = {}  # one picture for all of them says nothing of a variant
        return list(texts.items()), shown

    def _variant(self, line_of: Line, options: dict[str, str], problems: list[RowError]) -> dict[str, Any]:
        line, cells = line_of
        price = self._amount(line, cells, "price", problems)
        if price is None and not cells.get(self._mapping.price, ""):
            problems.append(RowError(line, self._mapping.price, "missing", "The price is missing."))
        if not cells.get(self._mapping.sku, ""):
            problems.append(RowError(line, self._mapping.sku, "missing", "The SKU is missing."))
        return {
            "sku": cells.get(self._mapping.sku, ""),
            "price": price or 0,
            "compare_at_price": self._amount(line, cells, "compare_at_price", problems),
            "options": options,
            "barcode": self._cell(cells, "barcode") or None,
            "weight_g": self._whole(line, cells, "weight_g", problems) or 0,
            "on_hand": self._whole(line, cells, "on_hand", problems),
        }

    def _amount(self, line: int, cells: dict[str, str], meaning: str, problems: list[RowError]) -> int | None:
        """Minor units; None when empty."""
        text = self._cell(cells, meaning)
        if not text:
            return None
        if PRICE.fullmatch(text):
            amount = Decimal(text).scaleb(self._decimals)
            if amount == amount.to_integral_value():
                return int(amount)
        message = f"{text[:SHOWN]} is no price with at most {self._decimals} decimals."
        problems.append(RowError(line, getattr(self._mapping, meaning), "invalid", message))
        return None

    def _whole(self, line: int, cells: dict[str, str], meaning: str, problems: list[RowError]) -> int | None:
        text = self._cell(cells, meaning)
        if not text:
            return None
        if not WHOLE.fullmatch(text):
            message = f"{text[:SHOWN]} is no whole number."
            problems.append(RowError(line, getattr(self._mapping, meaning), "invalid", message))
            return None
        return int(text)


def _refused(error: msgspec.ValidationError, group: list[Line]) -> RowError:
    """The row and field that a validation error is about."""
    text, _, path = str(error).partition(" - at `$.")
    field = path.rstrip("`") or "product"
    line = group[0][0]
    if field.startswith("variants["):
        index = int(field.removeprefix("variants[").partition("]")[0])
        line, field = group[index][0], field.partition("].")[2] or "variants"
    return RowError(line, field, "invalid", f"{text}.")
