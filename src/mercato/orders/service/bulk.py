"""The same to many orders: each by itself, with the right it needs."""

from uuid import UUID

from msgspec.structs import replace

from mercato.contracts.orders import BulkAct, BulkOutcome, ParcelStatus
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, FieldError, Invalid, MercatoError
from mercato.orders.actions.tags import change_tags
from mercato.orders.service.sending import SendingPart
from mercato.orders.store import reading


class BulkPart(SendingPart):
    """Implements `act_on_many` of `contracts.orders.desk`."""

    async def act_on_many(
        self, ctx: Context, *, act: BulkAct, order_ids: list[UUID], tag: str | None = None
    ) -> list[BulkOutcome]:
        if act in (BulkAct.TAG, BulkAct.UNTAG) and not (tag and tag.strip()):
            raise Invalid(
                "invalid", "Some values are refused.", errors=[FieldError("tag", "required", "Name a tag.")]
            )
        done = [
            await self._act_on_one(ctx, act, order_id, (tag or "").strip())
            for order_id in dict.fromkeys(order_ids)
        ]
        reached = [one.order_id for one in done if one.code not in _OUT_OF_REACH]
        numbers = await reading.numbers_of(self._parts.db, order_ids=reached)
        return [replace(one, number=numbers.get(one.order_id, "")) for one in done]

    async def _act_on_one(self, ctx: Context, act: BulkAct, order_id: UUID, tag: str) -> BulkOutcome:
        try:
            if act in (BulkAct.TAG, BulkAct.UNTAG):
                await self._reach(ctx, "write_orders", order_id=order_id)
                await change_tags(
                    self._parts,
                    ctx,
                    order_id=order_id,
                    change=lambda known: _with(known, tag) if act is BulkAct.TAG else _without(known, tag),
                )
            else:
                await self._send(ctx, order_id, leaves=act is BulkAct.SHIP)
        except MercatoError as error:
            return BulkOutcome(
                order_id=order_id, is_done=False, code=error.code, detail=error.detail or error.code
            )
        return BulkOutcome(order_id=order_id)

    async def _send(self, ctx: Context, order_id: UUID, *, leaves: bool) -> None:
        """Everything that is open goes into parcels; with `leaves` all parcels that wait are shipped."""
        try:
            order = await self.create_fulfillment(ctx, order_id=order_id)
        except Conflict as error:
            if error.code != "nothing_to_fulfill" or not leaves:
                raise
            order = await self._staff_view(ctx, order_id)
            if not any(parcel.status in _WAITING for parcel in order.fulfillments):
                raise
        if leaves:
            for parcel in order.fulfillments:
                if parcel.status in _WAITING:
                    await self.ship(ctx, fulfillment_id=parcel.id)


_OUT_OF_REACH = frozenset({"denied", "not_found"})
_WAITING = frozenset({ParcelStatus.PENDING, ParcelStatus.PACKED})


def _with(known: list[str], tag: str) -> list[str]:
    return [*known, tag]


def _without(known: list[str], tag: str) -> list[str]:
    return [one for one in known if one.casefold() != tag.casefold()]
