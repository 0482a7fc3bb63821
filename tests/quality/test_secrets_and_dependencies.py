"""No secret is committed, and the check of dependencies tells what it knows and what it does not."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SECRETS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a cloud key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a live payment key": re.compile(r"\b[sr]k_live_[0-9A-Za-z]{10,}"),
    "a webhook secret": re.compile(r"\bwhsec_[0-9A-Za-z+/]{24,}"),
    "a token of a code host": re.compile(r"\b(gh[pousr]_[0-9A-Za-z]{30,}|glpat-[0-9A-Za-z_-]{20,})"),
    "a chat token": re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{10,}"),
    "a mail or model key": re.compile(r"\b(SG\.[\w-]{20,}\.[\w-]{20,}|sk-[A-Za-z0-9]{32,})"),
    "a key of our own API": re.compile(r"\bmk_[a-z0-9]{8}_[\w-]{30,}"),
    "a signed token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
    "an address with a password": re.compile(r"\b(postgres(ql)?|amqp|smtps?|redis)://\w+:[^\s@:/<>{}$]{8,}@(?!db|host)"),
    "a secret in the source": re.compile(
        r"""(?i)\b\w*(secret|password|passwd|api_?key|token)\w*["']?\s*[:=]\s*["'][A-Za-z0-9+/_=-]{32,}["']"""
    ),
}  # fmt: skip
LEFT_OUT = ("requirements/", "package-lock.json")
KNOWN = {
    ("tests/edge/conftest.py", "a secret in the source"): "0123456789abcdef, twice: it protects nothing",
    ("tests/edge/test_whole_shop.py", "a secret in the source"): "the same",
}


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    names = [name for name in listed.decode().split("\0") if name and not name.startswith(LEFT_OUT)]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_no_secret_is_committed() -> None:
    found = []
    for path in committed():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        place = str(path.relative_to(ROOT))
        found += [
            f"{place}: {kind}"
            for kind, pattern in SECRETS.items()
            if pattern.search(text) and (place, kind) not in KNOWN
        ]
    assert found == []


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("a private key", ("-----BEGIN RSA PRIV", "ATE KEY-----")),
        ("a cloud key", ("AKIA", "IOSFODNN7EXAMPLE")),
        ("a live payment key", ("sk_", "live_4eC39HqLyjWDarjtT1")),
        ("a token of a code host", ("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a")),
        ("an address with a password", ("postgresql://shop:", "correcthorse@10.0.0.3/shop")),
        ("a secret in the source", ('SECRET_KEY = "', 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9v"')),
    ],
)
def test_the_scan_sees_what_it_is_for(kind: str, parts: tuple[str, str]) -> None:
    assert SECRETS[kind].search("".join(parts))


def check(folder: Path | None) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if name != "MERCATO_ADVISORIES"}
    if folder is not None:
        env["MERCATO_ADVISORIES"] = str(folder)
    command = [sys.executable, "scripts/vulnerabilities.py"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)


def advisory(name: str, **affected: Any) -> str:
    package = {"ecosystem": "PyPI", "name": name}
    return json.dumps(
        {"id": "TEST-1", "summary": "It leaks.", "affected": [{"package": package, **affected}]}
    )


def test_without_data_the_check_says_that_nothing_is_known(tmp_path: Path) -> None:
    for folder in (None, tmp_path, tmp_path / "missing"):
        done = check(folder)
        assert done.returncode == 3 and "NOT CHECKED" in done.stdout


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([{"introduced": "0"}], 1),
        ([{"introduced": "0"}, {"fixed": "0.1"}], 0),
        ([{"introduced": "0"}, {"last_affected": "999"}], 1),
        ([{"introduced": "999"}], 0),
    ],
)
def test_finds_the_versions_that_an_advisory_names(
    tmp_path: Path, events: list[dict[str, str]], code: int
) -> None:
    (tmp_path / "one.json").write_text(advisory("MsgSpec", ranges=[{"type": "ECOSYSTEM", "events": events}]))
    done = check(tmp_path)
    assert (done.returncode, "msgspec" in done.stdout) == (code, code == 1), done.stdout
