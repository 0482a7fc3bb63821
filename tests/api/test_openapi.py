"""The API does what its own description says, whatever it is asked: by a guest and by the owner.

A bounded run of the same examples each time: the guest asks what is public, the owner everything else.
`make fuzz` lets both ask everything, for longer and differently each time.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure, FailureGroup

from support.furnish import Staff
from support.openapi import Ids, lead_somewhere, operations
from support.shop import Shop

FUZZED = "MERCATO_FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("MERCATO_FUZZ_EXAMPLES", "2"))
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

pytestmark = pytest.mark.timeout(3600 if FUZZED else 300)


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
            lead_somewhere(case, ids, choice)
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


def _told(operation: Any, failure: BaseException, case: Any, response: Any) -> str:
    answer = f"{response.status_code} {response.content[:300]!r}"
    return f"{operation.label}: {failure}\n    {case.as_curl_command()}\n    {answer}"


def asked_by(shop: Shop, *, guest: bool) -> list[Any]:
    """The operations for the guest or for the owner to ask: a guest's 401 is worth little, and takes long."""
    found = list(operations(shop))
    if FUZZED:
        return found
    return [each for each in found if guest is ("security" not in each.definition.raw)]


def test_a_guest_gets_only_answers_that_are_described(shop: Shop, ids: Ids) -> None:
    asked = asked_by(shop, guest=True)
    found = [told for operation in asked for told in complaints(operation, ids, dict)]

    assert asked
    assert not found, "\n".join(found)


def test_the_owner_gets_only_answers_that_are_described(shop: Shop, ids: Ids) -> None:
    staff = Staff(shop)
    bearer = {"Authorization": staff.client.headers["Authorization"]}
    asked, found = asked_by(shop, guest=False), []
    for operation in asked:
        found += complaints(operation, ids, lambda: bearer)
        assert staff.client.get("/api/v1/me").status_code == 200, f"signed out by {operation.label}"

    assert len(asked) > 150
    assert not found, "\n".join(found)
