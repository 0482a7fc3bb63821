"""The table of docs/security/asvs.csv tells the truth, and the rules that no other test shows hold."""

import ast
import csv
import re
from collections import Counter
from functools import cache
from pathlib import Path

from rules import source

ROOT = Path(__file__).parents[2]
STATUSES = {"met", "partly", "not", "not applicable"}
DECODERS_OF_CODE = {"eval", "exec", "compile", "__import__"}
WEAK = {"md5", "sha1", "new"}
GUESSABLE = {"random.random", "random.randint", "random.choice", "random.choices", "random.getrandbits"}
NO_SECRETS = {
    "demo", "catalog/synthetic.py", "kernel/rpc", "kernel/failpoints.py",
    "kernel/messaging/consumer.py", "kernel/messaging/relay.py", "kernel/messaging/broker.py",
    "payments/sweep.py", "payments/simulator",
}  # fmt: skip
"""Where randomness spreads load or makes things up for a demonstration."""


def rows() -> list[dict[str, str]]:
    with (ROOT / "docs/security/asvs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def text_of(path: str) -> str:
    file = ROOT / path
    return file.read_text("utf-8") if file.is_file() else ""


def test_every_row_that_is_met_names_a_test_that_exists() -> None:
    missing = []
    for row in rows():
        path, _, name = row["shown_by"].partition("::")
        exists = bool(name) and re.search(rf"^\s*(async )?def {re.escape(name)}\(", text_of(path), re.M)
        if row["status"] == "met" and not exists:
            missing.append(f"{row['id']}: {row['shown_by']}")
    assert missing == []


def test_every_row_says_something_once() -> None:
    found = rows()
    assert [key for key, count in Counter(row["id"] for row in found).items() if count > 1] == []
    assert {row["status"] for row in found} <= STATUSES
    assert [row["id"] for row in found if not row["requirement"] or not row["shown_by"]] == []
    assert {int(row["id"].split(".")[0]) for row in found} == set(range(1, 18)), "a chapter is missing"


def calls() -> list[tuple[str, str, ast.Call]]:
    """(file, dotted name, call) of every call in the source."""
    return [
        (source.place(path), ast.unparse(node.func), node)
        for path in source.files()
        for node in ast.walk(source.tree(path))
        if isinstance(node, ast.Call)
    ]


def test_no_code_is_made_at_run_time() -> None:
    assert [(place, name) for place, name, _ in calls() if name in DECODERS_OF_CODE | {"pickle.loads"}] == []
    formats = [
        place
        for place, name, node in calls()
        if name.endswith(".format") and not isinstance(node.func.value, ast.Constant)  # type: ignore[attr-defined]
        and ast.unparse(node.func) in ("data.format", "text.format", "body.format")
    ]  # fmt: skip
    assert formats == []


def test_no_code_asks_a_shell() -> None:
    shells = [
        (place, name)
        for place, name, node in calls()
        if name in ("os.system", "os.popen", "asyncio.create_subprocess_shell")
        or any(
            each.arg == "shell" and not (isinstance(each.value, ast.Constant) and each.value.value is False)
            for each in node.keywords
        )
    ]
    assert shells == []


def test_no_weak_hash_is_used() -> None:
    weak = {f"hashlib.{name}" for name in WEAK}
    found = {(place, name) for place, name, _ in calls() if name in weak}
    # Lists of breached passwords are published as SHA-1: looking one up protects nothing with it.
    assert found <= {("kernel/breaches.py", "hashlib.sha1")}


def test_secrets_come_from_the_systems_randomness() -> None:
    found = [
        (place, name)
        for place, name, _ in calls()
        if name in GUESSABLE and not place.startswith(tuple(NO_SECRETS))
    ]
    assert found == []
