"""Write every part of the documents that is made from the code.

python scripts/write_docs.py            write them
python scripts/write_docs.py --check    write nothing; exit code 1 and a list when some are out of date
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "scripts")]

import architecture  # noqa: E402 (the path first)
import references  # noqa: E402
import states  # noqa: E402

COMMERCE = "docs/commerce.md"
NOTICE = "<!-- generated from the code by scripts/write_docs.py -->\n"


def documents() -> dict[str, str]:
    """Every document that is made from the code, whole or in parts: its path → its text as it should be."""
    return {
        "docs/architecture.md": architecture.with_generated(_now("docs/architecture.md")),
        COMMERCE: architecture.with_parts(_now(COMMERCE), states.diagrams()),
        "docs/reference/permissions.md": NOTICE + references.permissions(),
        "docs/reference/events.md": NOTICE + references.events(),
        "docs/reference/cli.md": NOTICE + references.commands(),
    }


def stale() -> list[str]:
    """The documents that differ from what the code says."""
    return [path for path, text in documents().items() if _now(path) != text]


def _now(path: str) -> str:
    file = ROOT / path
    return file.read_text("utf-8") if file.exists() else ""


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        for path in (old := stale()):
            print(f"{path} is out of date: run python scripts/write_docs.py", file=sys.stderr)
        return 1 if old else 0
    for path, text in documents().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
