"""Importing products: batches through the catalog's contract, pictures after them, errors as rows."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec

from mercato.contracts.catalog import (
    Attribute,
    Catalog,
    ImportRow,
    RowError,
)
from mercato.imports.mapping import AttributeColumn, Mapping
from mercato.imports.reading import Reader, SourceProduct
from mercato.kernel.context import Context
from mercato.kernel.deadlines import in_s
from mercato.kernel.errors import Invalid
from mercato.kernel.texts import label_of

BATCH = 100
CALL_TIMEOUT_S = 60.0

PictureOf = Callable[[str], bytes]
"""The bytes of a picture by the name that the file gives. Raises OSError."""


class ImportReport(msgspec.Struct):
    """What an import did, or would do."""

    products: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    pictures: int = 0
    refused: int = 0
    """Products with an error; nothing of them was written."""
    new_categories: list[str] = []
    new_attributes: list[str] = []


class ProductImport:
    """One import: reads lines, writes batches, reports each wrong row to `refuse`. Safe to run again."""

    def __init__(
        self,
        catalog: Catalog,
        ctx: Context,
        mapping: Mapping,
        *,
        picture_of: PictureOf | None,
        refuse: Callable[[RowError], None],
        dry_run: bool = False,
    ) -> None:
        self.report = ImportReport()
        self._catalog = catalog
        self._caller = ctx
        self._mapping = mapping
        self._picture_of = picture_of
        self._refuse = refuse
        self._dry_run = dry_run
        self._categories: set[str] = set()
        self._collections: set[str] = set()
        self._attributes: dict[str, Attribute] = {}

    async def run(self, lines: Iterable[str]) -> ImportReport:
        """Raises FileRefused when the table cannot be read, and what the catalog raises for all rows."""
        channel = await self._catalog.channel(self._ctx, code=self._ctx.channel)
        self._categories = {one.slug for one in await self._catalog.categories(self._ctx)}
        self._collections = {one.slug for one in await self._catalog.collections(self._ctx)}
        self._attributes = {one.code: one for one in await self._catalog.attributes(self._ctx)}
        reader = Reader(self._mapping, currency=channel.currency)
        for batch in _batches(reader.products(lines)):
            await self._import(reader, batch)
        return self.report

    @property
    def _ctx(self) -> Context:
        """For one call: a batch or a large picture may take longer than a page may."""
        return msgspec.structs.replace(self._caller, deadline=in_s(CALL_TIMEOUT_S))

    async def _import(self, reader: Reader, batch: list[SourceProduct | list[RowError]]) -> None:
        rows: list[ImportRow] = []
        for one in batch:
            self.report.products += 1
            row = await self._prepared(reader, one) if isinstance(one, SourceProduct) else one
            if isinstance(row, ImportRow):
                rows.append(row)
            else:
                self._refuse_product(row)
        if not rows:
            return
        result = await self._catalog.import_products(self._ctx, rows=rows, dry_run=self._dry_run)
        self.report.created += result.created
        self.report.updated += result.updated
        self.report.unchanged += result.unchanged
        by_row: dict[int, list[RowError]] = {}
        for error in result.errors:
            by_row.setdefault(error.row, []).append(error)
        for errors in by_row.values():
            self._refuse_product(errors)
        if not self._dry_run and self._picture_of is not None:
            for row in rows:
                if row.row in result.product_ids:
                    await self._send_pictures(row, result.product_ids[row.row], self._picture_of)

    async def _prepared(self, reader: Reader, source: SourceProduct) -> ImportRow | list[RowError]:
        """The row with everything that it refers to in place, and its attributes in their kinds."""
        await self._ensure_categories(source)
        await self._ensure_collections(source)
        problems: list[RowError] = []
        values: dict[str, Any] = {}
        for code, column in source.attributes.items():
            attribute = await self._ensure_attribute(code, column)
            try:
                values[code] = reader.typed_attribute(attribute.kind, source.row.product.attributes[code])
            except (ValueError, ArithmeticError):
                given = source.row.product.attributes[code]
                text = f"{given} does not fit {attribute.label} ({attribute.kind.value})."
                problems.append(RowError(source.row.row, column.column or code, "invalid", text))
        if problems:
            return problems
        product = msgspec.structs.replace(source.row.product, attributes=values)
        if self._dry_run:
            product = self._without_what_is_missing(product)
        return msgspec.structs.replace(source.row, product=product)

    def _without_what_is_missing(self, product: Any) -> Any:
        """A dry run makes no categories, so the check must not miss those that a real run would make."""
        new = self.report.new_categories
        return msgspec.structs.replace(
            product,
            category=None if product.category in new else product.category,
            collections=[slug for slug in product.collections if slug not in new],
            attributes={
                code: value
                for code, value in product.attributes.items()
                if code not in self.report.new_attributes
            },
        )

    async def _ensure_categories(self, source: SourceProduct) -> None:
        parent: str | None = None
        for slug, name in source.category_path:
            if slug not in self._categories:
                self._categories.add(slug)
                self.report.new_categories.append(slug)
                if not self._dry_run:
                    await self._catalog.save_category(
                        self._ctx, slug=slug, name=name, parent=parent, position=len(self._categories)
                    )
            parent = slug

    async def _ensure_collections(self, source: SourceProduct) -> None:
        for slug, name in source.collections:
            if slug not in self._collections:
                self._collections.add(slug)
                self.report.new_categories.append(slug)
                if not self._dry_run:
                    await self._catalog.save_collection(
                        self._ctx, slug=slug, name=name, position=len(self._collections)
                    )

    async def _ensure_attribute(self, code: str, column: AttributeColumn) -> Attribute:
        known = self._attributes.get(code)
        if known is not None:
            return known
        attribute = Attribute(
            code, column.label or label_of(code), column.kind, column.unit, [], column.filterable,
            len(self._attributes),
        )  # fmt: skip
        if not self._dry_run:
            await self._catalog.save_attribute(self._ctx, attribute=attribute)
        self._attributes[code] = attribute
        self.report.new_attributes.append(code)
        return attribute

    async def _send_pictures(self, row: ImportRow, product_id: Any, picture_of: PictureOf) -> None:
        shown = {
            file: [sku for sku, files in row.variant_images.items() if file in files]
            for file, _ in row.image_files
        }
        for file, alt in row.image_files:
            try:
                content = picture_of(file)
                await self._catalog.upload_image(
                    self._ctx, product_id=product_id, content=content, alt=alt, file_name=file,
                    variant_skus=shown[file],
                )  # fmt: skip
                self.report.pictures += 1
            except OSError:
                self._refuse(RowError(row.row, "images", "missing", f"There is no picture {file}."))
            except Invalid as error:
                self._refuse(RowError(row.row, "images", error.code, f"{file}: {error.detail}"))

    def _refuse_product(self, errors: list[RowError]) -> None:
        self.report.refused += 1
        for error in errors:
            self._refuse(error)


def _batches(
    products: Iterator[SourceProduct | list[RowError]],
) -> Iterator[list[SourceProduct | list[RowError]]]:
    while batch := list(islice(products, BATCH)):
        yield batch
