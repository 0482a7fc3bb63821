"""Postal addresses by the rules of their country: what is tidied, what is refused, in which words."""

import pytest

from mercato.kernel.addresses import check_address, country_name

BERLIN = {
    "name": "Ann Bell", "street1": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": "DE"
}  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "tidy"),
    [
        ({"country": "de", "city": " Berlin  Mitte "}, {"country": "DE", "city": "Berlin Mitte"}),
        ({"country": "GB", "postal_code": "sw1a 1aa", "city": "London"}, {"postal_code": "SW1A 1AA"}),
        ({"country": "NL", "postal_code": "1234ab", "city": "Delft"}, {"postal_code": "1234AB"}),
        (
            {"country": "US", "postal_code": "94043", "city": "Mountain View", "region": "California"},
            {"region": "CA", "city": "Mountain View"},
        ),
        ({"country": "FR", "postal_code": "75001", "city": "Paris", "region": "Ile"}, {"region": None}),
        ({"country": "IE", "postal_code": "", "city": "Dublin"}, {"postal_code": ""}),
        (
            {"country": "JP", "postal_code": "100-0001", "city": "千代田区", "region": "東京都"},
            {"city": "千代田区"},
        ),
        ({"company": "  ", "phone": " +49 30 123456 "}, {"company": None, "phone": "+49 30 123456"}),
    ],
)
def test_tidies_what_can_be_understood(typed: dict[str, str], tidy: dict[str, str | None]) -> None:
    values, errors = check_address(BERLIN | typed)
    assert errors == []
    assert values | tidy == values


@pytest.mark.parametrize(
    ("typed", "field", "code", "message"),
    [
        ({"postal_code": "1011"}, "postal_code", "postal_code_invalid",
         "Germany: enter a postal code like 26133 or 53225."),
        ({"country": "US", "postal_code": "94043"}, "region", "required", "United States: choose the state."),
        ({"country": "US", "postal_code": "10115", "region": "CA"}, "postal_code", "postal_code_invalid",
         "United States: enter a ZIP code of CA like 90000 or 96199."),
        ({"country": "XX"}, "country", "country_invalid", "Choose a country."),
        ({"country": "../de"}, "country", "country_invalid", "Choose a country."),
        ({"country": ""}, "country", "required", "Choose a country."),
        ({"name": "  "}, "name", "required", "Enter the name of the recipient."),
        ({"street1": ""}, "street1", "required", "Enter street and number."),
        ({"city": ""}, "city", "required", "Enter the city."),
        ({"phone": "12"}, "phone", "phone_invalid",
         "Enter a phone number with its area code, like +49 30 1234567."),
    ],
)  # fmt: skip
def test_names_the_wrong_field_and_the_cure(
    typed: dict[str, str], field: str, code: str, message: str
) -> None:
    _, errors = check_address(BERLIN | typed, prefix="shipping_address.")
    assert [(e.field, e.code, e.message) for e in errors] == [(f"shipping_address.{field}", code, message)]


def test_names_every_wrong_field_at_once() -> None:
    _, errors = check_address({"country": "US", "region": "Bavaria", "phone": "x"})
    assert {error.field for error in errors} == {"name", "street1", "city", "postal_code", "region", "phone"}


def test_names_countries_in_a_language() -> None:
    assert country_name("de") == "Germany"
    assert country_name("DE", "fr") == "Allemagne"
    assert country_name("QQ") == "QQ"
