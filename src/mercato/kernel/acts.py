"""What the audit log is told: who did what to which thing, and what it changed.

A service records an act where it records the change, in the same transaction:

    await outbox.add(tx, acted(ctx, "role.changed", "role", code, changes=changes_between(before, after)))

The audit service hears every act and links it into its chain. Acts of staff and acts that touch security are
recorded; what shoppers do with their own carts and orders is not. Never put a password, a token or a card
into an act. Of a person's own data only say that it changed (`hidden`).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, ClassVar
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec

from mercato.kernel.context import Context
from mercato.kernel.messaging.events import Event

MAX_CHANGES = 60
MAX_VALUE = 1000
MAX_LABEL = 200
HIDDEN = "(not recorded)"
"""Stands for a value that was there and belongs to a person."""

State = Mapping[str, Any] | msgspec.Struct | None
"""A thing before or after an act; None when it is not there."""

ActName = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=60)]


class Change(msgspec.Struct, frozen=True, gc=False):
    """One field of the thing: its values as text, None where it had none."""

    field: str
    before: str | None = None
    after: str | None = None


class Acted(Event, frozen=True):
    """Somebody of the staff did something, or something happened that touches security."""

    subject: ClassVar[str] = "audit.acted"
    act: ActName
    """`<thing>.<what was done>`, for example `order.canceled`."""
    object_kind: str
    object_id: str
    actor_kind: str
    object_label: str = ""
    """How people call the thing: the number of an order, the title of a product."""
    actor_id: UUID | None = None
    actor_label: str = ""
    client_address: str = ""
    request_id: str = ""
    changes: list[Change] = msgspec.field(default_factory=list)

    @property
    def key(self) -> UUID:
        return uuid5(NAMESPACE_OID, f"{self.object_kind} {self.object_id}")


def acted(
    ctx: Context,
    act: str,
    object_kind: str,
    object_id: UUID | str,
    *,
    label: str = "",
    changes: Iterable[Change] = (),
) -> Acted:
    """The act of whoever `ctx` is from; lengths are cut to their limits."""
    who = ctx.principal
    return Acted(
        act=act,
        object_kind=object_kind,
        object_id=str(object_id)[:MAX_LABEL],
        object_label=label[:MAX_LABEL],
        actor_kind=who.kind.value,
        actor_id=who.id,
        actor_label=who.label[:MAX_LABEL],
        client_address=ctx.client_address,
        request_id=ctx.request_id,
        changes=list(changes)[:MAX_CHANGES],
    )


def changes_between(
    before: State,
    after: State,
    *,
    only: Collection[str] | None = None,
    hidden: Collection[str] = (),
) -> list[Change]:
    """The fields in which two states of a thing differ; None is a thing that is not there.

    `only` names the fields that count; of those in `hidden` no value is recorded.
    """
    old, new = _fields(before), _fields(after)
    found = []
    for field in dict.fromkeys([*old, *new]):
        if (only is not None and field not in only) or old.get(field) == new.get(field):
            continue
        values = [_text(each.get(field), hide=field in hidden) for each in (old, new)]
        found.append(Change(field, *values))
    return found


def _fields(state: State) -> dict[str, Any]:
    if state is None:
        return {}
    return msgspec.structs.asdict(state) if isinstance(state, msgspec.Struct) else dict(state)


def _text(value: Any, *, hide: bool) -> str | None:
    if value is None:
        return None
    if hide:
        return HIDDEN
    plain = msgspec.to_builtins(value)
    text = plain if isinstance(plain, str) else msgspec.json.encode(plain, order="sorted").decode()
    return text[:MAX_VALUE]
