"""What an import of products takes and tells."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from mercato.contracts.catalog.staff import ProductInput


class ImportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One product of an import: the shape of the admin's, with images as named files and its source row."""

    row: int
    """1-based line of the source file, for error reports."""
    product: ProductInput
    image_files: list[tuple[str, str]] = []
    """(file name, alt text); read by the importer and sent as bytes with `upload_image`."""

    variant_images: dict[str, list[str]] = {}
    """SKU → names among `image_files` that show this variant."""


class RowError(msgspec.Struct, frozen=True):
    row: int
    field: str
    code: str
    message: str


class ImportResult(msgspec.Struct, frozen=True):
    """What one batch of an import did; a row with an error changed nothing."""

    created: int
    updated: int
    unchanged: int
    errors: list[RowError]
    product_ids: dict[int, UUID]
    """Row number → product, for the images that follow."""


class ImportStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ProductImport(msgspec.Struct, frozen=True):
    """An uploaded file that is being imported, or was."""

    id: UUID
    status: ImportStatus
    mapping: str
    dry_run: bool
    products: int
    created: int
    updated: int
    unchanged: int
    refused: int
    errors: list[RowError]
    """The first thousand."""
    message: str
    """Why it failed as a whole."""
    created_by: str
    created_at: datetime
    finished_at: datetime | None
