"""The form of an address follows its country."""

import re

from mercato.kernel.address_rules import address_rules, countries, known_countries
from mercato.kernel.addresses import check_address


def labels(country: str) -> dict[str, str]:
    rules = address_rules(country)
    assert rules is not None
    return {field.name: field.label for field in rules.fields}


def required(country: str) -> set[str]:
    rules = address_rules(country)
    assert rules is not None
    return {field.name for field in rules.fields if field.is_required}


def test_germany_has_no_regions_and_writes_the_postal_code_before_the_city() -> None:
    rules = address_rules("de")
    assert rules is not None and (rules.country, rules.country_name) == ("DE", "Germany")
    assert rules.rows == [["name"], ["company"], ["street1"], ["street2"], ["postal_code", "city"]]
    assert required("DE") == {"name", "street1", "postal_code", "city"}


def test_the_united_states_ask_for_a_state_and_a_zip_code() -> None:
    rules = address_rules("US")
    assert rules is not None and rules.rows[-1] == ["city", "region", "postal_code"]
    assert (labels("US")["region"], labels("US")["postal_code"]) == ("State", "ZIP code")
    state = rules.field("region")
    assert state is not None and state.is_required
    assert {"CA": "California"}.items() <= {one.value: one.label for one in state.choices}.items()
    code = rules.field("postal_code")
    assert code is not None and re.fullmatch(code.pattern, "95014") and not re.fullmatch(code.pattern, "9501")


def test_japan_begins_with_the_postal_code_and_names_each_prefecture_once() -> None:
    rules = address_rules("JP")
    assert rules is not None and rules.rows[0] == ["postal_code"] and rules.field("city") is None
    prefecture = rules.field("region")
    assert prefecture is not None and len(prefecture.choices) == 47


def test_ireland_and_hong_kong_have_words_of_their_own() -> None:
    assert labels("IE")["postal_code"] == "Eircode" and labels("IE")["region"] == "County"
    assert labels("HK")["city"] == "District" and "postal_code" not in labels("HK")
    assert required("IE") == {"name", "street1", "city"}


def test_countries_are_listed_by_name_and_unknown_ones_have_no_rules() -> None:
    found = countries()
    assert {"DE", "US", "JP", "BR", "IN"} <= known_countries() and len(found) > 200
    assert [one.label for one in found] == sorted(one.label for one in found)
    for unknown in ("XX", "", "D", "DEU", "1!", "ßß"):
        assert address_rules(unknown) is None


def test_in_every_country_the_form_asks_for_what_the_check_asks_for() -> None:
    for country in sorted(known_countries()):
        rules = address_rules(country)
        assert rules is not None
        _, errors = check_address({"country": country})
        missing = {error.field for error in errors if error.code == "required"}
        asked = {field.name for field in rules.fields if field.is_required}
        assert (country, missing) == (country, asked)


def test_a_city_is_not_asked_where_addresses_have_none() -> None:
    values = {"name": "Li", "street1": "1 Raffles Place", "postal_code": "048616", "country": "SG"}
    tidy, errors = check_address(values)
    assert errors == [] and tidy["city"] == ""
