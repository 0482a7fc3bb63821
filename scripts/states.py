"""State diagrams, drawn from the tables that the services obey."""

from collections.abc import Mapping, Set
from typing import Any

from mercato.carts.domain import ALLOWED
from mercato.orders.amending import EDIT_MOVES, EXCHANGE_MOVES, RETURN_MOVES
from mercato.orders.domain import ORDER_MOVES, PARCEL_MOVES
from mercato.payments.domain import SESSION_MOVES

TABLES: dict[str, Mapping[Any, Set[str]]] = {
    "carts": ALLOWED,
    "orders": ORDER_MOVES,
    "fulfillments": PARCEL_MOVES,
    "payment sessions": SESSION_MOVES,
    "edits and claims": EDIT_MOVES,
    "returns": RETURN_MOVES,
    "exchanges": EXCHANGE_MOVES,
}
"""What has states → which may follow which; the first of a table is where it begins."""


def diagrams() -> dict[str, str]:
    """One Mermaid diagram per table, by its name."""
    return {f"states of {name}": draw(table) for name, table in TABLES.items()}


def draw(table: Mapping[Any, Set[str]]) -> str:
    """`table` as a Mermaid state diagram."""
    states = list(table)
    lines = ["```mermaid", "stateDiagram-v2", f"  [*] --> {states[0]}"]
    for state in states:
        lines += [f"  {state} --> {to}" for to in states if to in table[state]]
        if not table[state]:
            lines.append(f"  {state} --> [*]")
    return "\n".join([*lines, "```"])
