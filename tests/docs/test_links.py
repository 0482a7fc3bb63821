"""What the documents point at is there: files, headings, targets of make, commands, examples."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import cyclopts
import msgspec
import pytest

from mercato.cli import app
from mercato.imports.mapping import Mapping

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```\w*\n(.*?)^```$|^    (\S.*)$|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"(?:^|[\s;&(])make +([a-z]+)\b")
MERCATO = re.compile(r"(?:^|[\s;&(]|\.venv/bin/)mercato +([a-z-]+)(?: +([a-z-]+))?")


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def code_of(document: Path) -> Iterator[str]:
    """Every piece of code in a document: blocks, indented lines, words in backquotes."""
    for found in CODE.finditer(document.read_text("utf-8")):
        yield next(part for part in found.groups() if part is not None)


def headings_of(document: Path) -> set[str]:
    """The fragments that a link to `document` may have."""
    text = FENCE.sub("", document.read_text("utf-8"))
    titles = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def paths_of_commands(group: cyclopts.App, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in group:
        if not name.startswith("-"):
            yield (*above, name)
            yield from paths_of_commands(group[name], (*above, name))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", document.read_text("utf-8"))):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, fragment = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if not file.exists() or (fragment and fragment not in headings_of(file)):
            broken.append(target)
    assert broken == []


def test_every_document_is_linked_from_the_index_or_the_front_page() -> None:
    linked = set()
    for source in (ROOT / "README.md", ROOT / "docs/README.md", ROOT / "docs/decisions/README.md"):
        for target in LINK.findall(source.read_text("utf-8")):
            if "://" not in target:
                linked.add((source.parent / target.partition("#")[0]).resolve())
    assert [name_of(one) for one in DOCUMENTS if one not in linked and one != ROOT / "README.md"] == []


def test_decisions_are_numbered_without_a_gap_and_say_their_number() -> None:
    records = sorted((ROOT / "docs/decisions").glob("0*.md"))
    assert [record.name[:4] for record in records] == [f"{n:04d}" for n in range(1, len(records) + 1)]
    for number, record in enumerate(records, 1):
        title = record.read_text("utf-8").splitlines()[0]
        assert title.startswith(f"# {number}. "), record.name
        index = (ROOT / "docs/decisions/README.md").read_text("utf-8")
        assert f"| [{number}]({record.name}) | {title.partition('. ')[2]} |" in index


def test_every_target_of_make_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {name for document in DOCUMENTS for code in code_of(document) for name in MAKE.findall(code)}
    assert {"up", "test"} <= named
    assert named - targets == set()


def test_every_command_that_is_named_exists() -> None:
    known = set(paths_of_commands(app))
    groups = {path[0] for path in known if len(path) > 1}
    unknown = set()
    for document in DOCUMENTS:
        for code in code_of(document):
            for first, second in MERCATO.findall(code):
                path = (first, second) if first in groups else (first,)
                if path not in known:
                    unknown.add((name_of(document), *path))
    assert unknown == set()


def test_what_is_made_from_the_code_is_up_to_date() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import write_docs

        assert write_docs.stale() == [], "Run `python scripts/write_docs.py` and commit its result."
    finally:
        sys.path.remove(str(ROOT / "scripts"))


def test_the_example_of_a_mapping_is_one() -> None:
    guide = (ROOT / "docs/guides/importing-products.md").read_text("utf-8")
    example = re.search(r"^```toml\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert example is not None
    mapping = msgspec.convert(tomllib.loads(example[1]), Mapping)
    assert (mapping.sku, mapping.options[0].value) == ("variant sku", "option1 value")
