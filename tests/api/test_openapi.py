"""The API does what its own description says, whatever it is asked: by a guest and by the owner.

A bounded run of the same examples each time; `make fuzz` asks for longer and differently each time.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok

from support.buyer import Buyer
from support.furnish import Goods, Staff
from support.shop import Shop

FUZZED = "MERCATO_FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("MERCATO_FUZZ_EXAMPLES", "4"))
NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
load_all_checks()
CHECKED = CHECKS.get_by_names(list(NAMES))
ENDS_THE_SESSION = ("/auth/logout",)

pytestmark = pytest.mark.timeout(3600 if FUZZED else 300)

Ids = dict[str, list[str]]


@pytest.fixture(scope="module")
def ids(shop: Shop, goods: Goods) -> Ids:
    """Path parameters that lead to something: without them nearly every answer would be 404."""
    staff, buyer = Staff(shop), Buyer(shop, goods)
    order = buyer.fill(LAMP=1).address().buy()
    buyer.fill(MUG_SAGE=2, LAMP=1).address()
    return {
        "cart_id": [buyer.cart["id"]],
        "line_id": [line["id"] for line in buyer.cart["lines"]],
        "number": [order["number"]],
        "order_id": [order["id"]],
        "product_id": list(goods.products.values()),
        "variant_id": list(goods.variants.values()),
        "location_id": [goods.location_id],
        "slug": list(goods.products),
        "cart_token": [buyer.client.headers["X-Cart-Token"]],
        "method_id": [one["id"] for one in staff.get("/delivery-methods")["items"]],
    }


def operations(shop: Shop) -> Iterator[Any]:
    schema = schemathesis.openapi.from_url(f"{shop.url}/api/v1/openapi.json")
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        responses = operation.definition.raw["responses"]
        streams = any("text/event-stream" in answer.get("content", {}) for answer in responses.values())
        if not streams and not operation.path.endswith(ENDS_THE_SESSION):
            yield operation


def complaints(operation: Any, ids: Ids, headers: Callable[[], dict[str, str]]) -> list[str]:
    """What is wrong with the answers of one operation to valid and to invalid requests."""
    found: list[str] = []
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        found += _complaints_in(mode, operation, ids, headers)
    return list(dict.fromkeys(found))


def _complaints_in(
    mode: GenerationMode, operation: Any, ids: Ids, headers: Callable[[], dict[str, str]]
) -> list[str]:
    found: list[str] = []
    session = requests.Session()
    session.trust_env = False

    @settings(
        max_examples=EXAMPLES,
        derandomize=not FUZZED,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), choice=st.randoms(use_true_random=False))
    def ask(case: Any, choice: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            _lead_somewhere(case, ids, choice)
        response = case.call(session=session, headers=headers(), timeout=30)
        try:
            case.validate_response(response, checks=CHECKED)
        except FailureGroup as group:
            found.extend(_told(operation, each, case, response) for each in group.exceptions)
        except Failure as failure:
            found.append(_told(operation, failure, case, response))

    try:
        ask()
    except Unsatisfiable:
        # A route without parameters cannot be asked wrongly.
        assert mode is GenerationMode.NEGATIVE, operation.label
    return found


def _lead_somewhere(case: Any, ids: Ids, choice: Any) -> None:
    for name in case.path_parameters or {}:
        if name in ids:
            case.path_parameters[name] = choice.choice(ids[name])
    if "X-Cart-Token" in (case.headers or {}):
        case.headers["X-Cart-Token"] = ids["cart_token"][0]


def _told(operation: Any, failure: BaseException, case: Any, response: Any) -> str:
    answer = f"{response.status_code} {response.content[:300]!r}"
    return f"{operation.label}: {failure}\n    {case.as_curl_command()}\n    {answer}"


def test_a_guest_gets_only_answers_that_are_described(shop: Shop, ids: Ids) -> None:
    found = [each for operation in operations(shop) for each in complaints(operation, ids, dict)]

    assert not found, "\n".join(found)


def test_the_owner_gets_only_answers_that_are_described(shop: Shop, ids: Ids) -> None:
    staff = Staff(shop)
    bearer = {"Authorization": staff.client.headers["Authorization"]}
    found = []
    for operation in operations(shop):
        found += complaints(operation, ids, lambda: bearer)
        assert staff.client.get("/api/v1/me").status_code == 200, f"signed out by {operation.label}"

    assert not found, "\n".join(found)
