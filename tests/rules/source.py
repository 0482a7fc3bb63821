"""The source files that the rules look at, parsed once."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2] / "src" / "mercato"
SERVICES = (
    "users",
    "catalog",
    "carts",
    "orders",
    "payments",
    "notifications",
    "audit",
    "carriers",
    "privacy",
)


@cache
def files() -> tuple[Path, ...]:
    return tuple(sorted(path for path in ROOT.rglob("*.py") if "static" not in path.parts))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def place(path: Path) -> str:
    """How a rule names a file: `orders/store.py`."""
    return str(path.relative_to(ROOT))


def service_of(path: Path) -> str | None:
    """The service a file belongs to; None for the kernel, the edge, pages and the rest."""
    first = path.relative_to(ROOT).parts[0]
    return first if first in SERVICES else None


def names_used(node: ast.AST) -> list[tuple[str, int]]:
    """Dotted names that are read below `node`, with their lines: `datetime.now`, `os.environ`."""
    found = []
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute | ast.Name):
            found.append((_dotted(one), one.lineno))
    return found


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def text_of(node: ast.expr) -> str | None:
    """The text of a string or an f-string (its holes as `{}`); None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "{}" for part in node.values)
    return None
