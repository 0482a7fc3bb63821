"""What the parts of the stock service share: its tables, its outbox, and the refusals."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from uuid import UUID

from mercato.catalog.stock.domain import MAX_DEMANDS, MAX_UNITS, sum_demands
from mercato.catalog.stock.glance import Glance
from mercato.catalog.stock.store import places
from mercato.catalog.stock.store.booking import Refused
from mercato.catalog.stock.store.changes import Change
from mercato.contracts.stock import Demand
from mercato.kernel.acts import State, acted, changes_between
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.db import Database, Tx
from mercato.kernel.errors import Conflict, Denied, FieldError, Invalid, NotFound
from mercato.kernel.ids import derived_id, new_id
from mercato.kernel.messaging.live import Live
from mercato.kernel.messaging.outbox import Outbox


class Part:
    """Every change of a level is one statement or one short transaction; what it changes is told after it."""

    def __init__(self, database: Database, outbox: Outbox, live: Live) -> None:
        self._db = database
        self._outbox = outbox
        self._live = live
        self._glance = Glance()

    @contextlib.asynccontextmanager
    async def _change(self) -> AsyncIterator[Tx]:
        """A transaction after which nothing is shown that was read before it."""
        try:
            async with self._db.transaction() as tx:
                yield tx
        finally:
            self._glance.forget()

    def _tell(self, changes: Sequence[Change]) -> None:
        """After the commit: forget what was read before, wake the relay, and hint open pages."""
        self._glance.forget()
        self._announce(changes)

    def _announce(self, changes: Sequence[Change]) -> None:
        if changes:
            self._outbox.ring()
        for change in changes:
            self._live.publish(f"stock.{change.variant_id}", change.availability.encode())

    async def _require_location(self, tx: Tx, location_id: UUID) -> None:
        if all(one.id != location_id for one in await places.locations(tx)):
            raise no_location()

    async def _acted(
        self,
        tx: Tx,
        ctx: Context,
        act: str,
        about: tuple[str, UUID | str],
        *,
        label: str = "",
        before: State = None,
        after: State = None,
    ) -> None:
        """Tell the audit what staff did, in the transaction of it; Mercato's own acts are movements."""
        if ctx.principal.kind is PrincipalKind.SYSTEM:
            return
        told = changes_between(before, after)
        await self._outbox.add(tx, acted(ctx, act, *about, label=label, changes=told))

    def _teller(self, changes: Sequence[Change]) -> Callable[[], None]:
        return lambda: self._tell(changes)


def id_of(ctx: Context, kind: str) -> UUID:
    """The id of what this call makes: the same again for the same person and idempotency key."""
    if not ctx.idempotency_key:
        return new_id()
    return derived_id(ctx.principal.id or UUID(int=0), f"{kind}:{ctx.idempotency_key}")


def require_system(ctx: Context) -> None:
    if ctx.principal.kind is not PrincipalKind.SYSTEM:
        raise Denied(detail="Only Mercato itself moves the stock of orders.")


def summed(demands: list[Demand], field: str = "demands") -> tuple[Demand, ...]:
    """One demand per variant, in order of lock. Raises Invalid for none, too many or below one unit."""
    if not 1 <= len(demands) <= MAX_DEMANDS:
        raise invalid(field, "out_of_range", f"Give 1 to {MAX_DEMANDS} {field}.")
    try:
        found = sum_demands(demands)
    except ValueError:
        raise invalid(field, "out_of_range", "Each is at least one unit.") from None
    if any(demand.quantity > MAX_UNITS for demand in found):
        raise invalid(field, "out_of_range", f"Not more than {MAX_UNITS} units of one variant.")
    return found


def invalid(field: str, code: str, message: str) -> Invalid:
    return Invalid(detail=message, errors=[FieldError(field, code, message)])


def no_location() -> NotFound:
    return NotFound("not_found", "There is no such location.")


def no_variant() -> NotFound:
    return NotFound("not_found", "Stock does not know this variant.")


def too_many() -> Conflict:
    return Conflict("too_many", f"One location holds at most {MAX_UNITS} units of a variant.")


def promised(units: int) -> Conflict:
    text = f"{units} units are promised to orders and checkouts; on hand cannot go below that."
    return Conflict("stock_promised", text, data={"promised": units})


def refusal(refused: Sequence[Refused]) -> Conflict | NotFound:
    """Why a booking was refused: of unknown goods, too many of them, or because of promises."""
    unknown = [str(one.variant_id) for one in refused if one.is_unknown]
    if unknown:
        text = "There is no stock level of these goods."
        return NotFound("unknown_variant", text, data={"variant_ids": unknown})
    if any(one.is_over for one in refused):
        return too_many()
    short = [
        {"variant_id": str(one.variant_id), "free": one.free, "promised": one.promised} for one in refused
    ]
    text = "Not so many units are free: the others are promised to orders and checkouts."
    return Conflict("stock_promised", text, data={"short": short})


def only(owner_ids: Sequence[UUID], most: int) -> None:
    """Raise Invalid when more than `most` are named at once."""
    if len(owner_ids) > most:
        raise invalid("owners", "out_of_range", f"At most {most} at once.")
