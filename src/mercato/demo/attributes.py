"""The demo's attributes: how each is called, what it may be, whether shoppers filter by it."""

from mercato.contracts.catalog import Attribute, AttributeKind, OptionValue
from mercato.demo.source import DemoCatalog

_LABELS = {
    "material": "Material", "colour": "Colour", "style": "Style", "dishwasher_safe": "Dishwasher safe",
    "microwave_safe": "Microwave safe", "oven_safe": "Oven safe", "induction": "For induction hobs",
    "pet_safe": "Pet safe", "light": "Light", "watering": "Watering", "drainage": "Drainage hole",
    "dimmable": "Dimmable", "bulb_included": "Bulb included", "bulb": "Bulb", "waterproof": "Waterproof",
    "organic": "Organic", "silent": "Silent movement", "bluetooth": "Bluetooth", "refillable": "Refillable",
    "inner_included": "Inner included", "assembly": "Assembly needed", "pieces": "Pieces",
    "capacity_ml": "Capacity", "max_load_kg": "Load at most", "height_cm": "Height",
    "battery_hours": "Battery", "burn_hours": "Burning time",
}  # fmt: skip
_UNITS = {
    "capacity_ml": "ml", "max_load_kg": "kg", "height_cm": "cm", "battery_hours": "hours",
    "burn_hours": "hours",
}  # fmt: skip
_TEXTS = {"bulb"}
_NOT_FILTERED = {"bulb", "bulb_included", "silent", "bluetooth", "refillable", "inner_included", "assembly"}
# Colours that only whole products have; the others take the swatch of their option value.
_SWATCHES = {"clear": "#e6edee", "natural": "#cbb48a", "green": "#5f7d55", "brass": "#b8955a"}


def demo_attributes(catalog: DemoCatalog) -> list[Attribute]:
    """In the order of `_LABELS`, with every value that a product of the demo has."""
    values: dict[str, list[object]] = {code: [] for code in _LABELS}
    for product in catalog.products:
        for code, value in product.attributes.items():
            values[code] += value if isinstance(value, list) else [value]
    swatches = _SWATCHES | {
        value.value: value.swatch
        for product in catalog.products
        for option in product.options
        for value in option.values
        if value.swatch
    }
    return [_attribute(code, position, values[code], swatches) for position, code in enumerate(_LABELS)]


def _attribute(code: str, position: int, values: list[object], swatches: dict[str, str]) -> Attribute:
    kind = _kind(code, values)
    has_choices = kind in (AttributeKind.SELECT, AttributeKind.SWATCH)
    texts = sorted({str(value) for value in values}) if has_choices else []
    choices = [
        OptionValue(
            text, text.replace("-", " ").capitalize(), swatches.get(text) if code == "colour" else None
        )
        for text in texts
    ]
    is_filterable = kind is not AttributeKind.NUMBER and code not in _NOT_FILTERED
    return Attribute(code, _LABELS[code], kind, _UNITS.get(code), choices, is_filterable, position)


def _kind(code: str, values: list[object]) -> AttributeKind:
    if code == "colour":
        return AttributeKind.SWATCH
    if code in _TEXTS:
        return AttributeKind.TEXT
    if all(isinstance(value, bool) for value in values):
        return AttributeKind.BOOLEAN
    if all(isinstance(value, int) for value in values):
        return AttributeKind.NUMBER
    return AttributeKind.SELECT
