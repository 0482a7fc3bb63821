"""What the repository holds, and what it must not: nothing of others, no address of a registry."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FETCHED_FROM = re.compile(
    r"https?://[^\s\"'<>)]*(?:"
    r"pypi|pythonhosted|registry|npmjs|artifactory|nexus|/simple/|\.whl\b|\.tgz\b|\.tar\.gz\b|/releases/download)",
    re.IGNORECASE,
)
OUTSIDE = re.compile(r"\.\./+shared\b|/work/")
CONFLICT = re.compile(r"^(?:<{7} |>{7} |={7}$)", re.MULTILINE)
FETCHED = re.compile(r"(^|/)(node_modules|\.venv|static|dist|build)/|\.(whl|tgz|so|exe|dll|min\.js)$")
BIGGEST_BYTES = 1_000_000
WRITES_MARKUP = {"assets.py", "charts.py", "images.py", "rendering.py"}


@cache
def committed() -> tuple[Path, ...]:
    """Files that git knows; all of the folder's where it is no working copy."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("this is no working copy of git")
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


def text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def findings(pattern: re.Pattern[str]) -> list[str]:
    """Each place in a committed text file that matches, but for this file."""
    return [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in committed()
        if path != Path(__file__)
        for found in pattern.finditer(text_of(path))
    ]


def test_no_file_names_a_registry_or_a_download() -> None:
    assert findings(FETCHED_FROM) == []


def test_no_file_points_outside_the_repository() -> None:
    assert findings(OUTSIDE) == []


def test_no_file_is_half_merged() -> None:
    assert findings(CONFLICT) == []


def test_nothing_is_committed_that_is_fetched_or_built() -> None:
    assert [str(path) for path in committed() if FETCHED.search(path.relative_to(ROOT).as_posix())] == []
    assert [str(path) for path in committed() if path.stat().st_size > BIGGEST_BYTES] == []


def test_every_lock_holds_hashes_and_names_no_source() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text("utf-8")
        assert not re.search(r"^\s*(--(extra-)?index-url|--find-links|-i |-f )", text, re.MULTILINE), lock
        wanted = re.findall(r"^[\w.-]+(?:\[[\w,]+\])?==[^\n]*(?:\n    [^\n]+)*", text, re.MULTILINE)
        assert wanted
        assert [one.split("==")[0] for one in wanted if "--hash=sha256:" not in one] == [], lock


def test_only_a_few_files_make_markup() -> None:
    """`Markup(...)` is believed by templates: whoever makes it must have escaped what stands in it."""
    makers = {
        path.name
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Markup"
    }
    assert makers == WRITES_MARKUP


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (FETCHED_FROM, "see https://files.pythonhosted.org/packages/x"),
        (FETCHED_FROM, '"resolved": "https://registry.npmjs.org/x/-/x-1.tgz"'),
        (OUTSIDE, "as ../shared/DESIGN.md says"),
        (CONFLICT, "a\n<<<<<<< HEAD\nb"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)
