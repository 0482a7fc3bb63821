"""What staff changes about prices. Every change is told: cached rules and pages are stale."""

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from mercato.carts.rules import TOPIC, RulesCache
from mercato.carts.store import rules as store
from mercato.contracts.carts import (
    DeliveryMethodInput,
    PricingChanged,
    Promotion,
    PromotionReward,
    TaxRate,
)
from mercato.kernel.acts import Acted, acted, changes_between
from mercato.kernel.context import Context
from mercato.kernel.db import Database
from mercato.kernel.errors import Conflict, FieldError, Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.live import Live
from mercato.kernel.outbox import Outbox

T = TypeVar("T", Promotion, DeliveryMethodInput, TaxRate)

MAX_AMOUNT = 1_000_000_000_000
MAX_DAYS = 365
MAX_PRIORITY = 1_000_000
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
        checked = _checked(value)
        if not 1 <= checked.version <= MAX_VERSION:
            raise Invalid(detail="There is no such version.", errors=[_NO_VERSION])
        try:
            saved = await (self._insert if checked.id is None else self._replace)(ctx, checked)
        except asyncpg.UniqueViolationError:
            raise _taken(checked) from None
        self._tell()
        return saved

    async def delete(self, ctx: Context, kind: type[T], value_id: UUID) -> None:
        async with self.db.transaction() as tx:
            before = await store.lock(tx, kind, value_id=value_id)
            if before is None or not _is_in_reach(ctx, before):
                raise NotFound(detail="It does not exist any more.")
            await store.remove(tx, kind, value_id=value_id)
            act = _act(ctx, "deleted", value_id, before, None)
            await self._outbox.add(tx, PricingChanged(changed_id=value_id), act)
        self._tell()

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

    def _tell(self) -> None:
        self._rules.drop()
        self._live.publish(TOPIC)


_NAMES: dict[type[msgspec.Struct], str] = {
    Promotion: "promotion", DeliveryMethodInput: "delivery_method", TaxRate: "tax_rate",
}  # fmt: skip


def _act(
    ctx: Context, done: str, value_id: UUID, before: msgspec.Struct | None, after: msgspec.Struct | None
) -> Acted:
    value: Any = after if after is not None else before
    name = _NAMES[type(value)]
    changes = [each for each in changes_between(before, after) if each.field not in ("id", "version", "used")]
    label = str(getattr(value, "name", ""))
    return acted(ctx, f"{name}.{done}", name, value_id, label=label, changes=changes)


def _is_in_reach(ctx: Context, value: msgspec.Struct) -> bool:
    """Whoever may write promotions of some channels cannot touch those of another."""
    return not isinstance(value, Promotion) or ctx.principal.may_in("write_promotions", value.channel)


def _checked(value: T) -> T:
    """The value tidied. Raises Invalid that names every wrong field."""
    errors: list[FieldError] = []
    if isinstance(value, Promotion):
        _check_promotion(value, errors)
    elif isinstance(value, DeliveryMethodInput):
        _check_method(value, errors)
    else:
        _check_country("country", value.country, errors)
    if errors:
        raise Invalid(detail="Some fields need another look.", errors=errors)
    if isinstance(value, Promotion) and value.coupon_code is not None:
        return msgspec.structs.replace(value, coupon_code=value.coupon_code.strip())
    return value


def _check_promotion(value: Promotion, errors: list[FieldError]) -> None:
    def wrong(field: str, code: str, message: str) -> None:
        errors.append(FieldError(field, code, message))

    if not value.name.strip():
        wrong("name", "required", "Give it a name.")
    if not value.label.strip():
        wrong("label", "required", "Say what shoppers read.")
    if value.reward is PromotionReward.PERCENT and not _is_percent(value.percent):
        wrong("percent", "out_of_range", "Give a percentage above 0 and up to 100.")
    if value.reward is PromotionReward.FIXED and not 0 < (value.amount or 0) <= MAX_AMOUNT:
        wrong("amount", "out_of_range", "Give the amount that is taken off.")
    if value.minimum_subtotal is not None and not 0 <= value.minimum_subtotal <= MAX_AMOUNT:
        wrong("minimum_subtotal", "out_of_range", "A minimum is not negative.")
    if value.usage_limit is not None and not 1 <= value.usage_limit <= 1_000_000_000:
        wrong("usage_limit", "out_of_range", "A limit is at least one use.")
    if value.coupon_code is not None and not value.coupon_code.strip():
        wrong("coupon_code", "required", "Give a code, or none for an automatic promotion.")
    if abs(value.priority) > MAX_PRIORITY:
        wrong("priority", "out_of_range", f"Priorities go from -{MAX_PRIORITY} to {MAX_PRIORITY}.")
    starts, ends = value.starts_at, value.ends_at
    if _is_naive(starts) or _is_naive(ends):
        wrong("starts_at", "time_zone_missing", "Give times with their time zone.")
    elif starts is not None and ends is not None and ends <= starts:
        wrong("ends_at", "before_start", "It ends before it begins.")


def _check_method(value: DeliveryMethodInput, errors: list[FieldError]) -> None:
    if not value.code.strip():
        errors.append(FieldError("code", "required", "Give it a code."))
    if not value.name.strip():
        errors.append(FieldError("name", "required", "Give it a name."))
    if not 0 <= value.price <= MAX_AMOUNT:
        errors.append(FieldError("price", "out_of_range", "A price is not negative."))
    if value.free_above is not None and not 0 <= value.free_above <= MAX_AMOUNT:
        errors.append(FieldError("free_above", "out_of_range", "An amount is not negative."))
    if not 0 <= value.days_min <= value.days_max <= MAX_DAYS:
        errors.append(
            FieldError("days_max", "out_of_range", f"Working days: from least to most, up to {MAX_DAYS}.")
        )
    if abs(value.position) > MAX_PRIORITY:
        errors.append(FieldError("position", "out_of_range", f"Positions go up to {MAX_PRIORITY}."))
    if not 0 <= value.cutoff_hour <= 24:
        errors.append(FieldError("cutoff_hour", "out_of_range", "An hour of the day, 0 to 24."))
    for country in value.countries:
        _check_country("countries", country, errors)


def _check_country(field: str, country: str, errors: list[FieldError]) -> None:
    if not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
        errors.append(FieldError(field, "country_invalid", "Countries are two capital letters, like DE."))


def _is_percent(text: str | None) -> bool:
    whole, _, part = (text or "0").partition(".")
    hundredths = int(whole) * 100 + int((part + "00")[:2])
    return 0 < hundredths <= 10_000


def _is_naive(moment: datetime | None) -> bool:
    return moment is not None and moment.tzinfo is None


def _taken(value: Promotion | DeliveryMethodInput | TaxRate) -> Conflict:
    if isinstance(value, Promotion):
        return Conflict("code_taken", "Another promotion has this coupon code.")
    if isinstance(value, DeliveryMethodInput):
        return Conflict("code_taken", "Another delivery method has this code.")
    return Conflict("rate_taken", "This place and tax class have a rate already.")
