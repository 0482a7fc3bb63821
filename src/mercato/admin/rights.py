"""Rights as a matrix: one row for each resource, reading and writing beside each other."""

from collections.abc import Iterable

import msgspec

from mercato.contracts.users import RESOURCES
from mercato.contracts.users.roles import Grant
from mercato.kernel.context import ALL_PERMISSIONS, Principal


class Right(msgspec.Struct, frozen=True):
    """One cell: who gives it, and where it holds."""

    roles: list[str]
    channels: list[str] | None


class Row(msgspec.Struct, frozen=True):
    resource: str
    read: Right | None
    write: Right | None


class Choice(msgspec.Struct, frozen=True):
    """One row of the role editor: what is chosen, and what this editor may hand out."""

    resource: str
    reads: bool
    writes: bool
    may_read: bool
    may_write: bool


def rights_of(grants: Iterable[Grant]) -> list[Row]:
    """What somebody may do in the end; resources without any right are left out."""
    by_name = {each.permission: Right(each.roles, each.channels) for each in grants}
    everything = by_name.get(ALL_PERMISSIONS)
    rows = [
        Row(name, by_name.get(f"read_{name}", everything), by_name.get(f"write_{name}", everything))
        for name in RESOURCES
    ]
    return [row for row in rows if row.read is not None or row.write is not None]


def choices_of(chosen: Iterable[str], editor: Principal) -> list[Choice]:
    """Every resource, for the matrix of the role editor."""
    held = set(chosen)
    return [
        Choice(
            name, f"read_{name}" in held, f"write_{name}" in held,
            editor.may(f"read_{name}"), editor.may(f"write_{name}"),
        )
        for name in RESOURCES
    ]  # fmt: skip
