"""What staff changes about prices. Every change is told: cached rules and pages are stale."""

from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from mercato.carts.checks import Saved, checked_value, taken
from mercato.carts.rules import TOPIC, RulesCache
from mercato.carts.store import rules as store
from mercato.contracts.carts import (
    CustomerGroup,
    DeliveryCalendar,
    DeliveryMethodInput,
    DeliveryZone,
    PriceList,
    PricingChanged,
    Promotion,
    TaxClass,
    TaxRate,
    TaxZone,
)
from mercato.contracts.catalog import GIFT_CARD
from mercato.kernel.acts import Acted, acted, changes_between
from mercato.kernel.context import Context
from mercato.kernel.db import Database, Tx
from mercato.kernel.errors import Conflict, FieldError, Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.live import Live
from mercato.kernel.messaging.outbox import Outbox

T = TypeVar("T", bound=Saved)

MAX_VERSION = 2_147_483_647


_NO_VERSION = FieldError("version", "out_of_range", "Send the version that you have read.")


class Office:
    """Where staff's changes are written and told."""

    def __init__(self, database: Database, outbox: Outbox, rules: RulesCache, live: Live) -> None:
        self.db = database
        self._outbox = outbox
        self._rules = rules
        self._live = live

    async def save(self, ctx: Context, value: T) -> T:
        """Store a new value, or replace the one whose version it carries.

        Raises Conflict, NotFound, Invalid.
        """
        checked = checked_value(value)
        if not 1 <= checked.version <= MAX_VERSION:
            raise Invalid(detail="There is no such version.", errors=[_NO_VERSION])
        await self._require_known(ctx, checked)
        try:
            saved = await (self._insert if checked.id is None else self._replace)(ctx, checked)
        except asyncpg.UniqueViolationError:
            raise taken(checked) from None
        self.tell()
        return saved

    async def delete(self, ctx: Context, kind: type[T], value_id: UUID) -> None:
        async with self.db.transaction() as tx:
            before = await self.within(tx, ctx, kind, value_id)
            await store.remove(tx, kind, value_id=value_id)
            act = _act(ctx, "deleted", value_id, before, None)
            await self._outbox.add(tx, PricingChanged(changed_id=value_id), act)
        self.tell()

    async def _require_known(self, ctx: Context, value: Saved) -> None:
        """Raise Invalid for a channel or a tax class that does not exist: such a rule would never count."""
        if isinstance(value, Promotion | PriceList | DeliveryMethodInput) and not await self._rules.has(
            ctx, value.channel
        ):
            text = f"There is no channel “{value.channel}”."
            raise Invalid(detail=text, errors=[FieldError("channel", "unknown_channel", text)])
        field, named = _classes_of(value)
        if named:
            known = {one.code for one in await store.every(self.db, TaxClass)} | {GIFT_CARD}
            unknown = sorted(named - known)
            if unknown:
                text = f"There is no tax class “{unknown[0]}”."
                raise Invalid(detail=text, errors=[FieldError(field, "unknown_class", text)])

    async def _insert(self, ctx: Context, value: T) -> T:
        value_id = new_id()
        async with self.db.transaction() as tx:
            saved = await store.insert(tx, value, new_id=value_id)
            act = _act(ctx, "created", value_id, None, saved)
            await self._outbox.add(tx, PricingChanged(changed_id=value_id), act)
        return saved

    async def _replace(self, ctx: Context, value: T) -> T:
        assert value.id is not None
        async with self.db.transaction() as tx:
            before = await store.lock(tx, type(value), value_id=value.id)
            if before is not None and not _is_in_reach(ctx, before):
                raise NotFound(detail="It does not exist any more.")
            saved = await store.replace(tx, value, value_id=value.id, version=value.version)
            if saved is None:
                version = await store.version_of(tx, type(value), value_id=value.id)
                if version is None:
                    raise NotFound(detail="It does not exist any more.")
                raise Conflict(
                    "version_conflict", "Someone changed it meanwhile; look again.", data={"version": version}
                )
            act = _act(ctx, "changed", value.id, before, saved)
            await self._outbox.add(tx, PricingChanged(changed_id=value.id), act)
        return saved

    async def note(self, tx: Tx, ctx: Context, act: str, value: Saved) -> None:
        """Tell the audit of an act on what belongs to `value`, such as its codes."""
        name = _NAMES[type(value)]
        assert value.id is not None
        await self._outbox.add(tx, acted(ctx, f"{name}.{act}", name, value.id, label=value.name))

    async def within(self, tx: Tx, ctx: Context, kind: type[T], value_id: UUID) -> T:
        """The locked value, to change what belongs to it. Raises NotFound, also for one of a channel that
        this person may not change."""
        found = await store.lock(tx, kind, value_id=value_id)
        if found is None or not _is_in_reach(ctx, found):
            raise NotFound(detail="It does not exist any more.")
        return found

    def tell(self) -> None:
        """Every process reads the rules anew."""
        self._rules.drop()
        self._live.publish(TOPIC)


_NAMES: dict[type[msgspec.Struct], str] = {
    Promotion: "promotion", DeliveryMethodInput: "delivery_method",
    DeliveryZone: "delivery_zone", DeliveryCalendar: "delivery_calendar", TaxRate: "tax_rate",
    TaxZone: "tax_zone", TaxClass: "tax_class", CustomerGroup: "customer_group", PriceList: "price_list",
}  # fmt: skip
_COUNTED = ("id", "version", "used", "spent", "members", "entries")


def _act(
    ctx: Context, done: str, value_id: UUID, before: msgspec.Struct | None, after: msgspec.Struct | None
) -> Acted:
    value: Any = after if after is not None else before
    name = _NAMES[type(value)]
    changes = [each for each in changes_between(before, after) if each.field not in _COUNTED]
    label = str(getattr(value, "name", ""))
    return acted(ctx, f"{name}.{done}", name, value_id, label=label, changes=changes)


def _classes_of(value: Saved) -> tuple[str, set[str]]:
    """The field that names tax classes, and which."""
    if isinstance(value, TaxRate | DeliveryMethodInput):
        return "tax_class", {value.tax_class}
    return "rates", {rate.tax_class for rate in value.rates} if isinstance(value, TaxZone) else set()


def _is_in_reach(ctx: Context, value: msgspec.Struct) -> bool:
    """Whoever may write promotions and price lists of some channels cannot touch those of another."""
    return not isinstance(value, Promotion | PriceList) or ctx.principal.may_in(
        "write_promotions", value.channel
    )
