"""What a principal may do depends on its rights, on how it signed in, and on when."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from mercato.kernel import clock
from mercato.kernel.context import GUEST, RECENT, SYSTEM, Principal, PrincipalKind
from mercato.kernel.errors import Denied, Unauthenticated


def person(**changes: Any) -> Principal:
    now = clock.now()
    known = Principal(kind=PrincipalKind.USER, permissions=frozenset({"read_orders"}), proven_at=now)
    return msgspec.structs.replace(known, **changes)


class TestRecentProof:
    def test_a_person_who_has_just_proved_it_may_act(self) -> None:
        person(proven_at=clock.now() - RECENT + timedelta(seconds=5)).require_recent()

    @pytest.mark.parametrize("age", [RECENT + timedelta(seconds=1), None])
    def test_an_old_proof_or_none_is_refused_with_what_to_do(self, age: timedelta | None) -> None:
        with pytest.raises(Denied) as caught:
            person(proven_at=age and clock.now() - age).require_recent()
        assert (caught.value.code, caught.value.data) == ("step_up_required", {"max_age_s": 600})

    def test_an_act_may_ask_for_a_younger_proof(self) -> None:
        with pytest.raises(Denied, match="step_up_required"):
            person(proven_at=clock.now() - timedelta(minutes=2)).require_recent(timedelta(minutes=1))

    def test_machines_are_not_asked(self) -> None:
        SYSTEM.require_recent()
        person(kind=PrincipalKind.API_KEY, proven_at=None).require_recent()


class TestMissingSecondFactor:
    def test_whoever_lacks_it_is_told_so_and_not_that_a_right_is_missing(self) -> None:
        lacking = person(permissions=frozenset(), needs_mfa=True)
        with pytest.raises(Denied, match="mfa_required"):
            lacking.require("read_orders")
        with pytest.raises(Denied, match="mfa_required"):
            lacking.refuse_without_mfa()

    def test_a_right_that_is_missing_stays_a_missing_right(self) -> None:
        with pytest.raises(Denied, match="denied") as caught:
            person().require("write_orders")
        assert caught.value.data == {"permission": "write_orders"}

    def test_a_guest_is_asked_to_sign_in(self) -> None:
        with pytest.raises(Unauthenticated):
            GUEST.require("read_orders")
