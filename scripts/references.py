"""The reference pages that are made from the code: permissions, events, commands."""

import inspect
import re
import types
import typing
from collections.abc import Iterator

import architecture

from mercato import compose
from mercato.catalog import memory
from mercato.cli import app
from mercato.contracts import users
from mercato.edge import changes, routes
from mercato.kernel.acts import Acted
from mercato.kernel.messaging.events import Event
from mercato.kernel.web import PUBLIC, SIGNED_IN, STAFF
from mercato.users.domain import SEEDED_ROLES

LISTENERS = {"edge": changes.SUBJECTS, "catalog": memory.SUBJECTS}
"""Who hears events at once and at most once, to drop what is kept in memory; `>` stands for any end."""
EVERYBODY = {
    PUBLIC: "anybody; the handler looks after tokens and owners",
    SIGNED_IN: "anybody who is signed in",
    STAFF: "anybody with at least one permission",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def permissions() -> str:
    """docs/reference/permissions.md"""
    roles = [role for role in SEEDED_ROLES if "*" not in role.permissions]
    header = ["permission", *(role.name.lower() for role in roles)]
    used = _routes_by_permission()
    table = [_row(header), _row(["---"] * len(header))]
    for permission in users.PERMISSIONS:
        held = ["yes" if permission in role.permissions else "" for role in roles]
        name = f"`{permission}`" if permission in used else f"`{permission}` *"
        table.append(_row([name, *held]))
    parts = [
        "# Permissions",
        "A permission is `read_` or `write_` and the name of a resource. A role is a row with permissions;"
        " a person may have several roles. Every route names the permission it needs, and the service checks"
        " it again. A route that names none stops the boot.",
        f"The role `{SEEDED_ROLES[0].code}` has `*`: every permission. Nobody can give another person a right"
        " that they lack themselves. Permissions with a star have no route yet.",
        "## Roles that every shop starts with",
        "\n".join(table),
        "## Routes by permission",
    ]
    for permission in (*users.PERMISSIONS, STAFF, SIGNED_IN, PUBLIC):
        if permission not in used:
            continue
        meaning = f": {EVERYBODY[permission]}" if permission in EVERYBODY else ""
        parts += [f"### `{permission}`{meaning}", "\n".join(f"- `{route}`" for route in used[permission])]
    return "\n\n".join(parts) + "\n"


def events() -> str:
    """docs/reference/events.md"""
    heard = _durable_consumers()
    parts = [
        "# Events",
        "Facts that services announce, in the past tense. Each leaves by the outbox of its service, in the"
        " transaction of the change, and arrives at least once at every durable consumer, which handles it"
        " once. Events with the same key arrive in the order they were written.",
        "Every event also has `event_id` (UUID) and `occurred_at` (time, UTC). Amounts are in minor units."
        " On the broker the subject is `<namespace>.events.<subject>`, the body JSON.",
        "*Listeners* hear an event at most once, within milliseconds, and only forget what they keep in"
        " memory; nothing that must happen depends on them.",
    ]
    for event in sorted(_event_types(), key=lambda each: each.subject):
        parts += [f"## `{event.subject}`", *_text_of(event)]
        parts.append(
            "\n".join(
                [
                    "| | |",
                    "|---|---|",
                    _row(["published by", _publisher_of(event)]),
                    _row(["key", f"`{_key_of(event)}`"]),
                    _row(["consumers", ", ".join(heard.get(event.subject, [])) or "none"]),
                    _row(["listeners", ", ".join(_listeners(event.subject)) or "none"]),
                ]
            )
        )
        fields = [f"| `{name}` | {type_} |" for name, type_ in _fields_of(event)]
        parts.append("\n".join(["| field | type |", "|---|---|", *fields]))
    return "\n\n".join(parts) + "\n"


def _publisher_of(event: type[Event]) -> str:
    return "every service" if event is Acted else event.subject.split(".")[0]


def commands() -> str:
    """docs/reference/cli.md"""
    text = app.generate_docs()
    text = re.sub(r"## Table of Contents\n.*?(?=\*\*Commands\*\*)", "", text, flags=re.DOTALL)
    lead = (
        "`mercato` is `.venv/bin/mercato` after the first `make up`. A command that refuses prints one line"
        " that says why and ends with an exit code that is not 0."
    )
    return text.replace("# mercato\n", f"# The command `mercato`\n\n{lead}\n", 1).strip() + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _routes_by_permission() -> dict[str, list[str]]:
    found: dict[str, set[tuple[str, int, str]]] = {}
    for prefix, handler in routes.shop_handlers():
        for path in handler.paths:
            for method in handler.http_methods & set(METHODS):
                address = re.sub(r"\{(\w+)(:\w+)?\}", r"{\1}", prefix + path)
                entry = (address, METHODS.index(method), f"{method} {address}")
                found.setdefault(handler.opt["permission"], set()).add(entry)
    return {permission: [text for *_, text in sorted(entries)] for permission, entries in found.items()}


def _event_types() -> Iterator[type[Event]]:
    """Every event of every contract that has a subject."""
    for module in compose.MODULES.values():
        module.load_contract()
    waiting = list(Event.__subclasses__())
    while waiting:
        event = waiting.pop()
        waiting += event.__subclasses__()
        if event.__module__.startswith("mercato.contracts.") and "subject" in vars(event):
            yield event


def _durable_consumers() -> dict[str, list[str]]:
    heard: dict[str, list[str]] = {}
    for consumer, subscription in architecture.consumers():
        for event in subscription.events:
            heard.setdefault(event.subject, []).append(f"`{consumer}`")
    return {subject: sorted(consumers) for subject, consumers in heard.items()}


def _listeners(subject: str) -> list[str]:
    return [
        name
        for name, patterns in LISTENERS.items()
        if any(p == subject or (p.endswith(">") and subject.startswith(p[:-1])) for p in patterns)
    ]


def _text_of(event: type[Event]) -> list[str]:
    own = vars(event).get("__doc__")
    return [inspect.cleandoc(own)] if own else []


def _key_of(event: type[Event]) -> str:
    """The field that the key is, read from the property's own return."""
    found = re.search(r"return self\.(\w+)", inspect.getsource(typing.cast(typing.Any, event.key).fget))
    if found is None:
        raise ValueError(f"{event.__name__}.key is not one of its fields")
    return found[1]


def _fields_of(event: type[Event]) -> Iterator[tuple[str, str]]:
    hints = typing.get_type_hints(event, include_extras=False)
    for name in event.__struct_fields__:
        if name not in Event.__struct_fields__:
            yield name, _type_name(hints[name])


def _type_name(annotation: typing.Any) -> str:
    """A type as the JSON body has it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type_name(one) for one in arguments)
    if origin in (list, tuple):
        return f"list of {_type_name(arguments[0])}"
    if annotation is type(None):
        return "null"
    names = {str: "text", int: "integer", bool: "true or false"}
    if annotation in names:
        return names[annotation]
    if hasattr(annotation, "__struct_fields__"):
        inner = typing.get_type_hints(annotation)
        fields = ", ".join(f"`{name}`" for name in annotation.__struct_fields__ if name in inner)
        return f"{annotation.__name__} ({fields})"
    if issubclass(annotation, str):
        return ", ".join(f"`{one.value}`" for one in annotation)
    return str(annotation.__name__)
