"""Which variant an address means, and where each option value leads."""

from datetime import UTC, datetime
from uuid import UUID

from mercato.contracts.catalog import Image, Option, OptionValue, Product, Seo, Variant
from mercato.contracts.stock import Availability
from mercato.kernel.money import Money
from mercato.storefront.variants import address_of, chosen_variant, images_of, pickers

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SAGE_PICTURE = Image(UUID(int=91), "k1", "/media/k1-640.webp", "Sage", 960, 1200)
INK_PICTURE = Image(UUID(int=92), "k2", "/media/k2-640.webp", "Ink", 960, 1200)


def variant(
    number: int, glaze: str, size: str, availability: Availability = Availability.IN_STOCK
) -> Variant:
    picture = SAGE_PICTURE if glaze == "sage" else INK_PICTURE
    options = {"glaze": glaze, "set": size}
    price = Money(2400, "EUR")
    return Variant(UUID(int=number), f"S-{number}", options, price, None, None, availability, [picture.id])


SAGE_ONE = variant(1, "sage", "single", Availability.OUT)
SAGE_FOUR = variant(2, "sage", "four")
INK_ONE = variant(3, "ink", "single")
PRODUCT = Product(
    id=UUID(int=7),
    slug="mug",
    name="Mug",
    maker="",
    description="",
    category=None,
    breadcrumbs=[],
    collections=[],
    attributes=[],
    images=[SAGE_PICTURE, INK_PICTURE],
    variants=[SAGE_ONE, SAGE_FOUR, INK_ONE],
    rating=None,
    seo=Seo("", ""),
    version=1,
    created_at=NOW,
    updated_at=NOW,
    options=[
        Option(
            "glaze", "Glaze", [OptionValue("sage", "Sage", "#a8b39b"), OptionValue("ink", "Ink", "#2d3542")]
        ),
        Option(
            "set",
            "Set",
            [OptionValue("single", "Single"), OptionValue("four", "Set of 4"), OptionValue("six", "Six")],
        ),
    ],
)


def test_without_a_choice_something_that_can_be_bought_is_shown() -> None:
    assert chosen_variant(PRODUCT, {}) is SAGE_FOUR


def test_the_address_names_the_variant_even_when_it_is_sold_out() -> None:
    assert chosen_variant(PRODUCT, {"glaze": "sage", "set": "single"}) is SAGE_ONE


def test_a_choice_that_does_not_exist_gives_the_nearest_that_does() -> None:
    assert chosen_variant(PRODUCT, {"glaze": "ink", "set": "six"}) is INK_ONE
    assert chosen_variant(PRODUCT, {"glaze": "purple"}) is SAGE_FOUR


def test_an_address_leads_back_to_its_variant() -> None:
    assert address_of(PRODUCT, INK_ONE) == "/p/mug?glaze=ink&set=single"


def test_each_value_leads_to_a_variant_that_has_it() -> None:
    glaze, size = pickers(PRODUCT, INK_ONE)
    assert [(pick.value.value, pick.url, pick.is_chosen, pick.is_out) for pick in glaze.picks] == [
        ("sage", "/p/mug?glaze=sage&set=single", False, True),
        ("ink", "/p/mug?glaze=ink&set=single", True, False),
    ]
    assert [(pick.value.value, pick.url, pick.is_out) for pick in size.picks] == [
        ("single", "/p/mug?glaze=ink&set=single", False),
        ("four", "/p/mug?glaze=sage&set=four", False),
        ("six", "/p/mug", True),
    ]
    assert glaze.has_swatches
    assert not size.has_swatches


def test_pictures_are_those_of_the_variant() -> None:
    assert images_of(PRODUCT, INK_ONE) == [INK_PICTURE]
