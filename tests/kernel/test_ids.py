"""Identifiers sort by time, tokens cannot be guessed."""

import time
from datetime import timedelta

from mercato.kernel import clock
from mercato.kernel.ids import TOKEN_BYTES, digest, new_id, new_token


def test_an_id_is_a_version_7_uuid_of_this_moment() -> None:
    before = time.time_ns() // 1_000_000
    one = new_id()
    after = time.time_ns() // 1_000_000
    assert (one.version, one.variant) == (7, "specified in RFC 4122")
    assert before <= one.int >> 80 <= after


def test_later_ids_sort_later() -> None:
    early = [new_id() for _ in range(100)]
    clock.set_offset(timedelta(milliseconds=50))
    try:
        late = [new_id() for _ in range(100)]
    finally:
        clock.set_offset(timedelta(0))
    assert max(early) < min(late)
    assert len({*early, *late}) == 200


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert min(map(len, tokens)) >= TOKEN_BYTES * 8 // 6


def test_a_digest_does_not_show_its_token() -> None:
    token = new_token()
    assert len(digest(token)) == 32
    assert digest(token) == digest(token) != digest(new_token())
    assert token.encode() not in digest(token)
