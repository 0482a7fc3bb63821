"""Choosing a variant by address: which one is meant, and where each option value leads. No I/O."""

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from mercato.contracts.catalog import Image, Option, OptionValue, Product, Variant
from mercato.contracts.stock import Availability


class Pick(msgspec.Struct, frozen=True):
    """One value of an option: where it leads, and the variant behind it (None when there is none)."""

    value: OptionValue
    url: str
    is_chosen: bool
    variant: Variant | None

    @property
    def is_out(self) -> bool:
        return self.variant is None or self.variant.availability is Availability.OUT


class Picker(msgspec.Struct, frozen=True):
    """One option with its values."""

    option: Option
    picks: tuple[Pick, ...]

    @property
    def chosen(self) -> Pick | None:
        return next((pick for pick in self.picks if pick.is_chosen), None)

    @property
    def has_swatches(self) -> bool:
        return all(pick.value.swatch for pick in self.picks)


def chosen_variant(product: Product, asked: Mapping[str, str]) -> Variant:
    """The variant that fits most of the asked option values; among equals one that can be bought."""
    wanted = {option.code: asked[option.code] for option in product.options if option.code in asked}

    def fit(variant: Variant) -> tuple[int, bool]:
        matches = sum(variant.options.get(code) == value for code, value in wanted.items())
        return matches, variant.availability is not Availability.OUT

    return max(product.variants, key=fit)


def address_of(product: Product, variant: Variant) -> str:
    """The address of the product with this variant chosen."""
    codes = [option.code for option in product.options]
    query = urlencode([(code, variant.options[code]) for code in codes if code in variant.options])
    return f"/p/{product.slug}?{query}" if query else f"/p/{product.slug}"


def pickers(product: Product, chosen: Variant) -> list[Picker]:
    """All options with all values, each leading to the nearest variant that has it."""
    found = []
    for option in product.options:
        picks = []
        for value in option.values:
            having = [each for each in product.variants if each.options.get(option.code) == value.value]
            nearest = (
                chosen_variant(_only(product, having), {**chosen.options, option.code: value.value})
                if having
                else None
            )
            url = address_of(product, nearest) if nearest else f"/p/{product.slug}"
            picks.append(Pick(value, url, chosen.options.get(option.code) == value.value, nearest))
        found.append(Picker(option, tuple(picks)))
    return found


def images_of(product: Product, variant: Variant) -> list[Image]:
    """The pictures that show this variant; all when none is named for it."""
    shown = [image for image in product.images if image.id in variant.images]
    return shown or list(product.images)


def _only(product: Product, variants: list[Variant]) -> Product:
    return msgspec.structs.replace(product, variants=variants)
