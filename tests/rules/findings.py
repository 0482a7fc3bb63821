"""What the rules look for: SQL, imports, floats near money, and how a finding is told."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from mercato.compose import MODULES
from rules.source import ROOT, names_used, text_of, tree

SQL = re.compile(
    r"^\s*(with\s+\w+\s+as\s*\(|select\s+.+\sfrom\s|insert\s+into\s|update\s+\S+\s+(as\s+\w+\s+|\w\s+)?set\s"
    r"|delete\s+from\s|truncate\s|lock\s+table\s)",
    re.IGNORECASE | re.DOTALL,
)
TABLE = re.compile(r"\b(?:from|join|into|update|table)\s+(?:only\s+)?([a-z_]+)\.([a-z_]+)", re.IGNORECASE)
MONEY = re.compile(r"(^|_)(amounts?|price|prices|total|totals|subtotal|tax|discount|money|minor|cents)(_|$)")


def refuse(problems: Iterable[str], why: str) -> None:
    """Fail with every place and the way out."""
    found = sorted(problems)
    assert not found, "\n".join([why, *(f"  {problem}" for problem in found)])


def unneeded(escaped: dict[str, str], needed: set[str]) -> list[str]:
    return [f"escapes.py names {name}, which obeys the rule: remove it" for name in set(escaped) - needed]


def imports(path: Path) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def is_store(path: Path) -> bool:
    return (
        path.name == "store.py"
        or path.stem.endswith("_store")
        or "store" in path.relative_to(ROOT).parts[:-1]
    )


def schemas_of(path: Path) -> set[str]:
    parts = path.relative_to(ROOT).parts
    for depth in range(len(parts) - 1, 0, -1):
        package = "mercato." + ".".join(parts[:depth])
        own = {
            schema
            for module in MODULES.values()
            for schema, owner in module.schemas.items()
            if owner == package
        }
        if own:
            return own
    return set()


def all_schemas() -> set[str]:
    return {schema for module in MODULES.values() for schema in module.schemas}


def texts(path: Path) -> list[tuple[int, str]]:
    """Every string of a file that is no docstring."""
    module = tree(path)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside = {
        id(part) for node in ast.walk(module) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in docstrings | inside:
            text = text_of(node)
            if text:
                found.append((node.lineno, text))
    return found


def floats_near_money(path: Path) -> list[tuple[str, int]]:
    return float_places(tree(path))


def float_places(module: ast.Module) -> list[tuple[str, int]]:
    """Assignments, annotations and conversions that put a float where a name says money."""
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            name = node.arg if isinstance(node, ast.arg) else name_of(node.target)
            if MONEY.search(name) and any(used == "float" for used, _ in names_used(node.annotation)):
                found.append((name, node.lineno))
        elif isinstance(node, ast.Assign):
            name = name_of(node.targets[0])
            has_float = any(
                isinstance(one, ast.Constant) and isinstance(one.value, float) for one in ast.walk(node.value)
            )
            if MONEY.search(name) and has_float:
                found.append((name, node.lineno))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            for argument in node.args:
                for name, line in names_used(argument):
                    if MONEY.search(name.rpartition(".")[2]):
                        found.append((name, line))
    return found


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def dotted_type(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def does_nothing(node: ast.ExceptHandler) -> bool:
    return all(
        isinstance(one, ast.Pass | ast.Continue)
        or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        for one in node.body
    )
