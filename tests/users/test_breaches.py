"""Passwords known from breaches are refused offline: by the shipped list, and by a filter of one's own."""

import hashlib
from pathlib import Path

import pytest

from mercato.commands.breach_filter import breach_filter
from mercato.commands.surroundings import CommandError
from mercato.contracts.users import UserRegistered
from mercato.kernel.breaches import BreachFilter, make_filter
from mercato.kernel.errors import Invalid
from mercato.refusals import Refusal
from mercato.users import domain
from support.users import GUEST_CONTEXT, users_shop

BREACHED = "harbor-walnut-91-teapot"


def hashed(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def test_a_filter_never_misses_and_seldom_errs(tmp_path: Path) -> None:
    known = [f"password number {number}" for number in range(5000)]
    assert make_filter(known, tmp_path / "filter", count=len(known), share=0.001) == 5000
    found = BreachFilter(tmp_path / "filter")
    assert all(password in found for password in known)
    wrong = sum(f"another one {number}" in found for number in range(20_000))
    assert wrong < 60
    assert (tmp_path / "filter").stat().st_size < 5000 * 2
    found.close()


def test_hashes_with_counts_are_taken_as_they_are_published(tmp_path: Path) -> None:
    lines = [f"{hashed(BREACHED)}:1234\r\n", f"{hashed('ümläut pässword').lower()}\n", "\n", "as text\n"]
    assert make_filter(lines, tmp_path / "filter", count=4) == 3
    found = BreachFilter(tmp_path / "filter")
    assert BREACHED in found and "ümläut pässword" in found and "as text" in found
    assert "harbor-walnut-91-teapots" not in found
    found.close()


def test_a_file_that_is_no_filter_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("password\nletmein\n" * 20)
    (tmp_path / "empty").write_bytes(b"")
    for name in ("list.txt", "empty", "missing"):
        with pytest.raises(Refusal, match=f"MERCATO_BREACHED_PASSWORDS.*{name}"):
            BreachFilter(tmp_path / name)


def test_the_command_makes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.txt").write_text(f"{BREACHED}\nanother one\n")
    breach_filter(tmp_path / "list.txt", tmp_path / "filter")
    assert "2 passwords" in capsys.readouterr().out
    with pytest.raises(CommandError):
        breach_filter(tmp_path / "list.txt", tmp_path / "filter", false_positives=1.5)
    with pytest.raises(CommandError):
        breach_filter(tmp_path / "none.txt", tmp_path / "filter")


@pytest.mark.parametrize("password", ["unbelievable", "1q2w3e4r5t6y", "Manchester1!", "liverpoolfc1"])
def test_every_shop_knows_the_common_ones(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        domain.judge_password(password, known=[])
    assert refused.value.errors[0].code == "password_too_common"


async def test_a_breached_password_is_refused_and_nothing_is_made(
    database_url: str, nats_url: str, namespace: str, tmp_path: Path
) -> None:
    make_filter([BREACHED], tmp_path / "filter", count=1)
    async with users_shop(
        database_url, nats_url, namespace, breached_passwords=str(tmp_path / "filter")
    ) as shop:
        with pytest.raises(Invalid) as refused:
            await shop.users.register(GUEST_CONTEXT, email="a@example.org", password=BREACHED, name="A")
        assert [(each.field, each.code) for each in refused.value.errors] == [
            ("password", "password_breached")
        ]
        assert await shop.count("users") == 0
        other = BREACHED + " and more"
        await shop.users.register(GUEST_CONTEXT, email="a@example.org", password=other, name="A")
        assert len(await shop.events(UserRegistered)) == 1
