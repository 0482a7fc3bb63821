"""Posted forms: plain texts by name, and what was wrong with them beside each field."""

from typing import Annotated
from uuid import UUID

import msgspec
from babel import Locale
from litestar.enums import RequestEncodingType
from litestar.params import Body

from mercato.contracts.orders import PaymentChoice
from mercato.contracts.shared import Address
from mercato.kernel.address_rules import AddressRules, address_rules
from mercato.kernel.errors import FieldError, Invalid, MercatoError, NotFound
from mercato.kernel.money import Money
from mercato.ui.formats import locale_of

Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]

ADDRESS_FIELDS = (
    "name",
    "company",
    "street1",
    "street2",
    "postal_code",
    "city",
    "region",
    "country",
    "phone",
)
MISSING = {
    "name": "Enter the full name",
    "street1": "Enter street and house number",
    "postal_code": "Enter the postal code",
    "city": "Enter the city",
}
FALLBACK_COUNTRY = "DE"
"""Its form is that of most countries: shown until a country is chosen."""


class Errors(msgspec.Struct, frozen=True):
    """What is wrong with a form; templates ask `of` per field and list `all` at the top."""

    all: tuple[FieldError, ...] = ()

    def of(self, field: str) -> str:
        """The sentence for one field; empty when it is fine."""
        return next((error.message for error in self.all if error.field == field), "")

    def __bool__(self) -> bool:
        return bool(self.all)


def errors_of(error: MercatoError, *, prefix: str = "") -> Errors:
    """The field errors of a refusal, without `prefix`; its sentence when it names no field."""
    if error.errors:
        named = tuple(
            FieldError(each.field.removeprefix(prefix), each.code, each.message) for each in error.errors
        )
        return Errors(named)
    return Errors((FieldError("", error.code, error.detail or "That was refused; check what you typed."),))


def one_error(field: str, message: str) -> Errors:
    """An error that the page itself found."""
    return Errors((FieldError(field, "invalid", message),))


def text_of(form: dict[str, str], name: str, most: int = 200) -> str:
    """A field without blanks at its ends, cut at `most` characters; empty when missing.

    Lines end as in Python: a form sends two characters for that, script only one.
    """
    return form.get(name, "").replace("\r\n", "\n").strip()[:most]


def rules_of(country: str) -> AddressRules:
    """The fields of a country; those that most countries have when nobody knows it."""
    found = address_rules(country.strip()[:2].upper()) or address_rules(FALLBACK_COUNTRY)
    assert found is not None
    return found


def typed_address(form: dict[str, str]) -> dict[str, str]:
    """What was typed into the fields of an address."""
    return {name: text_of(form, name) for name in ADDRESS_FIELDS}


def address_of(form: dict[str, str]) -> Address:
    """The address of a form. Raises Invalid with an error per field that its country asks for."""
    texts = typed_address(form)
    missing: list[FieldError] = []
    for field in rules_of(texts["country"]).fields:
        if field.is_required and not texts[field.name]:
            message = MISSING.get(field.name, f"Choose the {field.label.lower()}")
            missing.append(FieldError(field.name, "required", message))
    if not texts["country"]:
        missing.append(FieldError("country", "required", "Choose the country"))
    if missing:
        raise Invalid(errors=missing)
    needed = {"city": "", "postal_code": ""}
    try:
        return msgspec.convert(needed | {name: text for name, text in texts.items() if text}, Address)
    except msgspec.ValidationError as refused:
        field_name = str(refused).rpartition("$.")[2].rstrip("`") or "street1"
        raise Invalid(errors=[FieldError(field_name, "invalid", "Shorten this")]) from None


def countries_of(codes: list[str], locale: str) -> list[tuple[str, str]]:
    """Country codes with their names, by name; all countries when the channel names none."""
    names: Locale = locale_of(locale)
    known = {code: name for code, name in names.territories.items() if len(code) == 2 and code.isalpha()}
    wanted = codes or [code for code in known if code not in ("EU", "UN", "EZ", "ZZ", "QO", "XA", "XB")]
    return sorted(((code, known.get(code, code)) for code in wanted), key=lambda pair: pair[1])


def home_country(codes: list[str], locale: str) -> str:
    """Where a visitor most likely lives: the region of their language when the channel sells there."""
    region = locale.replace("_", "-").rpartition("-")[2].upper()
    return region if region in codes else (codes[0] if codes else "")


def quantity_of(form: dict[str, str]) -> int:
    """The quantity of a form, 1 when it is missing or none; at most what a line takes."""
    text = text_of(form, "quantity")
    return min(max(int(text), 0), 10_000) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def id_of(form: dict[str, str], name: str) -> UUID:
    """An id of a form. Raises NotFound when it is none: nothing has that id."""
    try:
        return UUID(form.get(name, ""))
    except ValueError:
        raise NotFound() from None


def seen_amount(data: dict[str, str], name: str, currency: str) -> Money | None:
    """The amount in minor units that the page had shown; None when the field holds no such number."""
    seen = text_of(data, name)
    return Money(int(seen), currency) if seen.isascii() and seen.isdigit() and len(seen) < 16 else None


def payment_of(data: dict[str, str], return_url: str, *, expected_due: Money | None = None) -> PaymentChoice:
    """How the shopper wants to pay; `return_url` is where their bank sends them back to."""
    provider = text_of(data, "provider", 40) or "unknown"
    token = text_of(data, f"{provider}_token") or None
    return PaymentChoice(provider=provider, token=token, return_url=return_url, expected_due=expected_due)
