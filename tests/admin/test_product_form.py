"""The product editor: what it shows can be saved again unchanged, and what is wrong is told by field."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato.admin.product_form import (
    Axis,
    ProductFields,
    VariantRow,
    fields_of,
    fields_typed,
    product_of,
)
from mercato.admin.variant_rows import with_all_variants
from mercato.contracts.catalog import (
    AdminProduct,
    AdminVariant,
    Option,
    OptionInput,
    OptionValue,
    ProductStatus,
    Seo,
    VariantInput,
)
from mercato.kernel.errors import Invalid
from mercato.kernel.money import Money

A, B, P = (UUID(int=number) for number in (1, 2, 3))
SAGE = OptionValue("sage", "Sage", "#88aa88")
MUG = AdminProduct(
    id=P,
    slug="fika-mug",
    name="Fika mug",
    maker="Marsh Pottery",
    description="Two lines.\nOf text.",
    status=ProductStatus.ACTIVE,
    product_type="ceramics",
    category="tableware",
    collections=["new", "gifts"],
    attributes={"colour": "green"},
    details={"Material": "Stoneware", "Care": "Dishwasher: yes"},
    options=[Option("glaze", "Glaze", [SAGE, OptionValue("sand", "Sand")])],
    variants=[
        AdminVariant(
            A, "MUG-SAGE", "400", {"glaze": "sage"}, Money(2450, "EUR"), Money(2900, "EUR"), 320, 7, []
        ),
        AdminVariant(B, "MUG-SAND", None, {"glaze": "sand"}, Money(2400, "EUR"), None, 320, 0, []),
    ],
    images=[],
    seo=Seo("A mug", "A very good mug"),
    tax_class="reduced",
    external_reference="erp-7",
    why_hidden=[],
    version=4,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


def posted(fields: ProductFields) -> dict[str, Any]:
    """What a browser sends for the form that shows `fields`."""
    data: dict[str, Any] = {
        name: getattr(fields, name)
        for name in ("name", "slug", "maker", "description", "status", "category", "options", "details")
    }
    data |= {"seo_title": fields.seo_title, "seo_description": fields.seo_description}
    data["collections"] = fields.collections
    for row in fields.rows:
        for name in ("sku", "barcode", "price", "compare_at_price", "weight_g", "on_hand"):
            data[f"{name}-{row.index}"] = getattr(row, name)
        data |= {f"option-{row.index}-{code}": value for code, value in row.options.items()}
        if row.id:
            data[f"id-{row.index}"] = row.id
    return data


def test_a_product_that_is_shown_and_saved_stays_what_it_was() -> None:
    saved = product_of(posted(fields_of(MUG)), currency="EUR", stored=MUG)
    assert saved.name == "Fika mug"
    assert saved.slug == "fika-mug"
    assert saved.description == "Two lines.\nOf text."
    assert saved.status is ProductStatus.ACTIVE
    assert saved.collections == ["new", "gifts"]
    assert saved.details == {"Material": "Stoneware", "Care": "Dishwasher: yes"}
    assert saved.options == [OptionInput("Glaze", [SAGE, OptionValue("sand", "Sand")])]
    assert (saved.tax_class, saved.product_type, saved.external_reference) == ("reduced", "ceramics", "erp-7")
    assert saved.attributes == {"colour": "green"}
    assert saved.variants == [
        VariantInput(
            id=A, sku="MUG-SAGE", barcode="400", price=2450, compare_at_price=2900, weight_g=320,
            options={"glaze": "sage"},
        ),
        VariantInput(id=B, sku="MUG-SAND", price=2400, weight_g=320, options={"glaze": "sand"}),
    ]  # fmt: skip


def test_a_tax_class_that_is_chosen_replaces_the_one_before() -> None:
    data = posted(fields_of(MUG)) | {"tax_class": "standard"}
    assert product_of(data, currency="EUR", stored=MUG).tax_class == "standard"
    assert fields_typed(data, MUG).tax_class == "standard"
    assert fields_of(MUG).tax_class == "reduced"


def test_what_was_typed_comes_back_unchanged() -> None:
    shown = fields_of(MUG)
    data = posted(shown) | {"price-1": "abc", "name": "", "options": "Glaze: Sage, Sand"}
    again = fields_typed(data, MUG)
    assert again.name == ""
    assert again.rows[1].price == "abc"
    assert again.rows[0] == msgspec.structs.replace(shown.rows[0], available=None)
    assert again.axes == shown.axes


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"price-1": ""}, "price-1", "Enter the price of MUG-SAND."),
        ({"price-1": "1,000"}, "price-1", "Enter an amount such as 12.50, without a sign for thousands."),
        ({"weight_g-0": "heavy"}, "weight_g-0", "Enter a whole number."),
        ({"option-1-glaze": ""}, "option-1-glaze", "Choose one of: Sage, Sand."),
        ({"option-1-glaze": "blue"}, "option-1-glaze", "Choose one of: Sage, Sand."),
        ({"options": "Glaze"}, "options", "Write one option per line, for example: Size: Small, Large."),
        ({"details": "Stoneware"}, "details", "Write one detail per line, for example: Material: Stoneware."),
        (
            {"sku-0": "", "sku-1": ""},
            "sku-0",
            "Give the product at least one variant with a SKU and a price.",
        ),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(change: dict[str, str], field: str, message: str) -> None:
    with pytest.raises(Invalid) as refusal:
        product_of(posted(fields_of(MUG)) | change, currency="EUR", stored=MUG)
    assert [(each.field, each.message) for each in refusal.value.errors] == [(field, message)]


def test_a_name_beyond_the_limit_is_told_beside_the_name() -> None:
    with pytest.raises(Invalid) as refusal:
        product_of(posted(fields_of(MUG)) | {"name": "x" * 1000}, currency="EUR", stored=MUG)
    assert [each.field for each in refusal.value.errors] == ["name"]


def test_a_row_without_a_sku_is_left_out() -> None:
    saved = product_of(posted(fields_of(MUG)) | {"sku-1": " "}, currency="EUR", stored=MUG)
    assert [variant.sku for variant in saved.variants] == ["MUG-SAGE"]


def test_opening_stock_counts_for_new_variants_only() -> None:
    data = posted(fields_of(MUG)) | {"on_hand-0": "99", "options": "Glaze: Sage, Sand, Ink"}
    data |= {"sku-2": "MUG-INK", "price-2": "24", "on_hand-2": "5", "option-2-glaze": "Ink"}
    saved = product_of(data, currency="EUR", stored=MUG)
    assert [(variant.id, variant.on_hand) for variant in saved.variants] == [(A, None), (B, None), (None, 5)]
    assert saved.variants[2].options == {"glaze": "ink"}


SIZE = Axis("size", "Size", [OptionValue("s", "S"), OptionValue("l", "L")])
COLOR = Axis("color", "Color", [OptionValue("red", "Red"), OptionValue("blue", "Blue")])


def test_every_combination_gets_a_row_with_price_and_sku_of_the_first() -> None:
    typed = ProductFields(
        name="Tee", axes=[SIZE, COLOR], rows=[VariantRow(0, sku="TEE", price="20", weight_g="90")]
    )
    rows = with_all_variants(typed).rows
    assert [(row.sku, row.price, row.weight_g, row.options) for row in rows] == [
        ("TEE-S-RED", "20", "90", {"size": "s", "color": "red"}),
        ("TEE-S-BLUE", "20", "90", {"size": "s", "color": "blue"}),
        ("TEE-L-RED", "20", "90", {"size": "l", "color": "red"}),
        ("TEE-L-BLUE", "20", "90", {"size": "l", "color": "blue"}),
    ]
    assert [row.index for row in rows] == [1, 2, 3, 4]


def test_rows_that_fit_a_combination_are_kept_and_stored_ones_never_lost() -> None:
    stored = VariantRow(0, id=str(A), sku="OLD", price="9")
    small = VariantRow(1, id=str(B), sku="TEE-S", price="10", options={"size": "s"})
    rows = with_all_variants(ProductFields(axes=[SIZE], rows=[stored, small])).rows
    assert rows[:2] == [stored, small]
    assert [(row.sku, row.price) for row in rows[2:]] == [("OLD-L", "9")]


def test_without_options_nothing_is_made() -> None:
    plain = ProductFields(rows=[VariantRow(0, sku="ONE")])
    assert with_all_variants(plain) == plain
