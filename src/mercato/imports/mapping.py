"""Which column of a file means what: a small TOML or JSON file, or one of the presets."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

from mercato.contracts.catalog import AttributeKind
from mercato.refusals import Refusal

PRESETS = ("mercato", "demo", "vendure")


class MappingError(Refusal):
    """The mapping cannot be used; the message says which entry and what would do."""


class OptionColumns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One option in columns of its own: its name, and value, label and swatch of this variant."""

    name: str
    value: str
    label: str = ""
    swatch: str = ""


class AttributeColumn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attribute in a column; the kind counts when the shop does not have the attribute yet."""

    column: str
    kind: AttributeKind = AttributeKind.MULTISELECT
    label: str = ""
    unit: str | None = None
    filterable: bool = True


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names of columns, by what they mean. A column that the file lacks counts as empty."""

    delimiter: str = ","
    list_separator: str = "|"
    price_unit: Literal["minor", "major"] = "major"
    group_by: str = ""
    """Rows that follow each other with the same value here are one product; when empty, a row without a name
    belongs to the product above it."""

    name: str
    slug: str = ""
    maker: str = ""
    description: str = ""
    status: str = ""
    category: str = ""
    """Slugs or names from the root, joined with `/`."""
    collections: str = ""
    product_type: str = ""
    tax_class: str = ""
    external_reference: str = ""
    seo_title: str = ""
    seo_description: str = ""
    details_json: str = ""
    details: dict[str, str] = {}
    """Name of the text → column."""

    sku: str
    price: str
    compare_at_price: str = ""
    barcode: str = ""
    weight_g: str = ""
    on_hand: str = ""

    repeated_skus: Literal["refuse", "number"] = "refuse"
    """`number`: variants of one product that share a SKU get -2, -3 … behind it."""

    options: list[OptionColumns] = []
    option_names: str = ""
    """A list of option names in the product's first row, with `option_values` in every row."""
    option_values: str = ""

    attributes: dict[str, AttributeColumn] = {}
    attribute_prefix: str = ""
    """Every column that begins with this is an attribute of the code behind it."""
    facets: str = ""
    """A list of `name:value`; `facet_targets` says what a name means when it is no attribute."""
    facet_targets: dict[str, Literal["category", "maker", "ignore"]] = {}

    images: str = ""
    """A list of file names, in the product's first row."""
    variant_image: str = ""
    """A list of file names that show this variant."""
    image_alt: str = ""
    """Text of `variant_image`."""

    default_status: Literal["draft", "active", "archived"] = "draft"


def load_mapping(name: str) -> Mapping:
    """A preset by its name, or a `.toml` or `.json` file. Raises MappingError."""
    if name in PRESETS:
        content = files("mercato.imports").joinpath("presets", f"{name}.toml").read_text("utf-8")
        return msgspec.convert(tomllib.loads(content), Mapping)
    path = Path(name)
    if not path.is_file():
        raise MappingError(f"There is no mapping {name!r}: name a file, or one of {', '.join(PRESETS)}.")
    try:
        text = path.read_text("utf-8")
        values = msgspec.json.decode(text) if path.suffix == ".json" else tomllib.loads(text)
        return msgspec.convert(values, Mapping)
    except (msgspec.MsgspecError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingError(f"The mapping {name} cannot be used: {error}.") from None
