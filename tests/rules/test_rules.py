"""Rules that matter are tests. Each failure says what to do; exceptions stand in escapes.py with a reason."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rules import escapes
from rules.findings import (
    SQL,
    TABLE,
    all_schemas,
    does_nothing,
    dotted_type,
    float_places,
    floats_near_money,
    imports,
    is_store,
    refuse,
    schemas_of,
    texts,
    unneeded,
)
from rules.source import ROOT, SERVICES, files, names_used, place, service_of, tree

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
SYSTEM_SCHEMAS = {"pg_catalog", "information_schema", "kernel"}
CALLING = {
    "httpx", "aiohttp", "requests", "urllib3", "httpcore", "smtplib", "aiosmtplib", "ftplib", "stripe",
}  # fmt: skip
IO_MODULES = {
    "asyncio", "asyncpg", "nats", "httpx", "socket", "os", "pathlib", "subprocess", "threading", "litestar",
    "structlog", "random", "secrets", "time",
}  # fmt: skip


def test_modules_import_only_what_they_may() -> None:
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT.parents[1], capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, (
        "An import crosses a border (pyproject.toml, tool.importlinter). Call the other side through its"
        f" contract, or move what both need into the kernel.\n{result.stdout}"
    )


def test_only_the_composition_root_imports_services() -> None:
    problems = []
    for path in files():
        own = service_of(path)
        if own is not None or path == ROOT / "compose.py":
            continue
        for name, line in imports(path):
            parts = name.split(".")
            if parts[0] == "mercato" and len(parts) > 1 and parts[1] in SERVICES:
                problems.append(f"{place(path)}:{line} imports {name}")
    refuse(
        problems, "Only compose.py may import a service: take the contract's client from the shop instead."
    )


def test_contracts_import_only_the_kernel() -> None:
    allowed = ("mercato.contracts", "mercato.kernel")
    problems = [
        f"{place(path)}:{line} imports {name}"
        for path in files()
        if path.parent == ROOT / "contracts"
        for name, line in imports(path)
        if name.startswith("mercato") and not name.startswith(allowed)
    ]
    refuse(problems, "A contract is Protocols, structs and events: it imports nothing else of ours.")


def test_pages_and_routes_never_touch_a_store() -> None:
    problems = []
    for path in files():
        parts = path.relative_to(ROOT).parts
        is_door = (
            "pages" in parts or "api" in parts or path.stem in ("api", "pages") or path.stem.endswith("_api")
        )
        if not is_door or parts[0] == "kernel":
            continue
        for name, line in imports(path):
            if re.search(r"\.(store|actions|domain|service)(\.|$)", name) and name.startswith("mercato."):
                problems.append(f"{place(path)}:{line} imports {name}")
    refuse(problems, "Routes and pages run in the edge: they call contracts, never a service's inside.")


def test_domain_does_no_io() -> None:
    problems = []
    for path in files():
        if path.name != "domain.py" and "domain" not in path.parts:
            continue
        for name, line in imports(path):
            if name.split(".")[0] in IO_MODULES or re.search(
                r"mercato\.kernel\.(db|rpc|outbox|live|runtime)", name
            ):
                problems.append(f"{place(path)}:{line} imports {name}")
    refuse(problems, "domain.py is pure: hand time, rows and settings in as arguments.")


def test_sql_stands_only_in_stores() -> None:
    problems = []
    for path in files():
        if is_store(path) or (service_of(path) is None and place(path).startswith(("kernel/", "engines/"))):
            continue
        for line, text in texts(path):
            if SQL.match(text):
                problems.append(f"{place(path)}:{line} {' '.join(text.split())[:70]!r}")
    refuse(problems, "SQL stands in store.py (or store/): write a function there, named for the question.")


def test_a_store_names_only_its_own_schema() -> None:
    problems = []
    for path in files():
        if not is_store(path):
            continue
        own = schemas_of(path)
        for line, text in texts(path):
            if not SQL.match(text) and not TABLE.search(text):
                continue
            aliases = {"excluded", "old", "new"}
            for schema, table in TABLE.findall(text):
                known = own | SYSTEM_SCHEMAS | aliases
                if schema.lower() not in known and schema.lower() in all_schemas():
                    problems.append(f"{place(path)}:{line} names {schema}.{table}")
    refuse(problems, "A service reads and writes its own schema only: ask the owner through its contract.")


def test_only_the_clock_tells_the_time() -> None:
    banned = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns",
              "datetime.datetime.now", "datetime.date.today"}  # fmt: skip
    found: dict[str, list[str]] = {}
    for path in files():
        for name, line in names_used(tree(path)):
            if name in banned:
                found.setdefault(place(path), []).append(f"{place(path)}:{line} uses {name}")
    problems = [text for name, texts in found.items() if name not in escapes.CLOCK for text in texts]
    refuse(
        [*problems, *unneeded(escapes.CLOCK, set(found))],
        "Time comes from kernel/clock.py, which tests can move; domain.py gets it as an argument.",
    )


def test_only_the_settings_read_the_environment() -> None:
    found: dict[str, list[str]] = {}
    for path in files():
        for name, line in names_used(tree(path)):
            if name in ("os.environ", "os.getenv", "os.environb"):
                found.setdefault(place(path), []).append(f"{place(path)}:{line} uses {name}")
    outside = {name for name in found if not name.startswith(("commands/", "supervisor/", "engines/"))}
    problems = [text for name in outside - set(escapes.ENVIRONMENT) for text in found[name]]
    refuse(
        [*problems, *unneeded(escapes.ENVIRONMENT, set(found))],
        "Settings are read once, in settings.py; take them from `runtime.settings`.",
    )


def test_only_known_files_call_other_machines() -> None:
    found: dict[str, list[str]] = {}
    for path in files():
        for name, line in imports(path):
            if name.partition(".")[0] in CALLING:
                found.setdefault(place(path), []).append(f"{place(path)}:{line} imports {name}")
    problems = [text for name, texts in found.items() if name not in escapes.CALLERS for text in texts]
    refuse(
        [*problems, *unneeded(escapes.CALLERS, set(found))],
        "Say in escapes.CALLERS whose addresses it calls; one that a person types has to be checked first.",
    )


def test_only_the_composition_root_knows_the_targets() -> None:
    problems = [
        f"{place(path)}:{line} uses {name}"
        for path in files()
        if path.name not in ("compose.py", "cli.py")
        and not place(path).startswith(("commands/", "supervisor/"))
        for name, line in names_used(tree(path))
        if re.search(r"\b(settings|shop|runtime)\.targets?\b", name)
    ]
    refuse(problems, "Code must not know whether a shop is one process or many: only compose.py does.")


def test_money_is_never_a_float() -> None:
    found: dict[str, list[str]] = {}
    for path in files():
        for name, line in floats_near_money(path):
            found.setdefault(place(path), []).append(f"{place(path)}:{line} {name}")
    problems = [text for name, texts in found.items() if name not in escapes.FLOATS for text in texts]
    refuse(
        [*problems, *unneeded(escapes.FLOATS, set(found))],
        "Money is an integer of minor units (kernel/money.py); rates are Decimal. A float loses cents.",
    )


def test_no_except_swallows_everything() -> None:
    problems = []
    for path in files():
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            if node.type is None:
                problems.append(f"{place(path)}:{node.lineno} bare except")
            elif dotted_type(node.type) in ("Exception", "BaseException") and does_nothing(node):
                problems.append(f"{place(path)}:{node.lineno} except {dotted_type(node.type)}: pass")
    refuse(problems, "Name the exception that you expect; what you do not expect must be seen.")


def test_files_are_short_enough_to_read() -> None:
    lengths = {place(path): len(path.read_text("utf-8").splitlines()) for path in files()}
    long = {name: count for name, count in lengths.items() if count > MAX_FILE_LINES}
    problems = [f"{name} has {count} lines" for name, count in long.items() if name not in escapes.LONG_FILES]
    refuse(
        [*problems, *unneeded(escapes.LONG_FILES, set(long))],
        f"A file over {MAX_FILE_LINES} lines does two things: split it by what they are.",
    )


def test_functions_are_short_enough_to_read() -> None:
    long: dict[str, int] = {}
    for path in files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    long[f"{place(path)}:{node.name}"] = length
    problems = [f"{name} has {n} lines" for name, n in long.items() if name not in escapes.LONG_FUNCTIONS]
    refuse(
        [*problems, *unneeded(escapes.LONG_FUNCTIONS, set(long))],
        f"A function over {MAX_FUNCTION_LINES} lines hides its steps: give each a name.",
    )


def test_no_file_is_a_drawer_for_odds_and_ends() -> None:
    problems = [
        place(path)
        for path in files()
        if {part.removesuffix(".py") for part in path.parts[-2:]} & BANNED_NAMES
    ]
    refuse(problems, "utils, helpers, common and manager say nothing: name the file for what it does.")


def test_nothing_opens_a_socket_or_a_file_at_import() -> None:
    banned = {"open", "asyncpg.connect", "asyncpg.create_pool", "nats.connect", "socket.socket", 
              "httpx.Client",               "httpx.AsyncClient", "asyncio.run", "subprocess.run"}  # fmt: skip
    problems = []
    for path in files():
        if path.name == "__main__.py":
            continue
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If):
                continue
            for call in (one for one in ast.walk(node) if isinstance(one, ast.Call)):
                name = names_used(call.func)[0][0] if names_used(call.func) else ""
                if name in banned:
                    problems.append(f"{place(path)}:{call.lineno} calls {name}")
    refuse(problems, "Importing must do nothing: open it in `start()`.")


def test_contracts_and_handlers_have_types_at_run_time() -> None:
    problems = [
        place(path)
        for path in files()
        if any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree(path).body)
        and ("msgspec" in path.read_text("utf-8") or "litestar" in path.read_text("utf-8"))
    ]
    refuse(
        problems,
        "Types of structs and handlers are read at run time: no `from __future__ import annotations`.",
    )


def test_every_package_says_what_it_owns() -> None:
    problems = []
    for name in (*SERVICES, "kernel", "contracts", "edge", "storefront", "admin"):
        text = ast.get_docstring(tree(ROOT / name / "__init__.py")) or ""
        if (name in SERVICES and ("wns " not in text or "not" not in text)) or not text:
            problems.append(f"{name}/__init__.py")
    refuse(problems, "The first lines of a package say what it owns and what it does not own.")


class TestTheRulesThemselves:
    """A rule that cannot fail is none: each is shown something that breaks it."""

    @pytest.mark.parametrize(
        "text",
        [
            "select a from b.c where d",
            "  with x as (select 1) select * from x",
            "insert into orders.orders (id) values ($1)",
            "update orders.orders o set status = 'x'",
            "delete from carts.carts",
        ],
    )
    def test_sees_sql(self, text: str) -> None:
        assert SQL.match(text)

    @pytest.mark.parametrize(
        "text", ["Select a delivery method", "update your profile", "with love", "Insert coin"]
    )
    def test_does_not_take_a_sentence_for_sql(self, text: str) -> None:
        assert not SQL.match(text)

    def test_sees_floats_near_money(self) -> None:
        source = "total_amount = 3 * 0.19\nprice: float = 1\nx = float(tax)\nlinger_s = 0.5\n"
        assert [name for name, _ in float_places(ast.parse(source))] == [
            "total_amount", "price", "tax",
        ]  # fmt: skip

    def test_sees_an_except_that_swallows(self) -> None:
        handler = ast.parse("try:\n    x()\nexcept Exception:\n    pass\n").body[0].handlers[0]  # type: ignore[attr-defined]
        assert does_nothing(handler)
