"""The carts contract."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from mercato.carts.actions import credit, edit, freeze, merge, quote
from mercato.carts.actions.staff import Office
from mercato.carts.parts import Parts, owner_of
from mercato.carts.service.delivery import DeliveryPart
from mercato.carts.service.lists import PriceListsPart
from mercato.carts.service.promotions import PromotionsPart
from mercato.carts.service.taxes import TaxesPart
from mercato.carts.service.trials import TrialsPart
from mercato.carts.store import carts as store
from mercato.carts.store import freezing
from mercato.carts.store import rules as rules_store
from mercato.contracts.carts import (
    Cart,
    CouponCode,
    FrozenCart,
    MergeChoice,
    NewLine,
    TaxId,
)
from mercato.contracts.orders import OrderCanceled, OrderPlaced
from mercato.contracts.payments import GiftCardCode
from mercato.contracts.shared import Address, Email, LongText, Quantity
from mercato.contracts.users import AccountsMerged
from mercato.kernel import clock
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.db import Tx
from mercato.kernel.errors import Denied
from mercato.kernel.personal import KeepsPersonalData

SWEEP_BATCH = 1000


class CartsService(DeliveryPart, PromotionsPart, PriceListsPart, TaxesPart, TrialsPart, KeepsPersonalData):
    """Implements the contract `Carts`."""

    def __init__(self, parts: Parts, office: Office, *, keep: timedelta) -> None:
        self._parts = parts
        self._office = office
        self._keep = keep

    async def create(self, ctx: Context, *, lines: list[NewLine], email: Email | None = None) -> Cart:
        return await edit.create(self._parts, ctx, lines, email)

    async def get(self, ctx: Context, *, cart_id: UUID, token: str | None) -> Cart:
        return await self._parts.show(ctx, await self._parts.load(ctx, cart_id, token))

    async def mine(self, ctx: Context) -> Cart | None:
        if ctx.principal.kind is not PrincipalKind.USER:
            return None
        state = await store.open_cart_of(self._parts.db, customer_id=ctx.principal.require_user_id())
        return None if state is None else await self._parts.show(ctx, state)

    async def count(self, ctx: Context, *, cart_id: UUID, token: str | None) -> int:
        return await store.count(self._parts.db, cart_id=cart_id, owner=owner_of(ctx, token))

    async def delete(self, ctx: Context, *, cart_id: UUID, token: str | None) -> None:
        if not await store.delete(self._parts.db, cart_id=cart_id, owner=owner_of(ctx, token)):
            raise await self._parts.why_not_open(ctx, cart_id, token)
        self._parts.tell(cart_id)

    async def add_line(
        self,
        ctx: Context,
        *,
        cart_id: UUID,
        token: str | None,
        variant_id: UUID,
        quantity: Quantity,
        custom: dict[str, str] | None = None,
    ) -> Cart:
        return await edit.add_line(
            self._parts, ctx, cart_id=cart_id, token=token, variant_id=variant_id, quantity=quantity,
            custom=custom,
        )  # fmt: skip

    async def change_line(
        self, ctx: Context, *, cart_id: UUID, token: str | None, line_id: UUID, quantity: Quantity
    ) -> Cart:
        return await edit.change_line(
            self._parts, ctx, cart_id=cart_id, token=token, line_id=line_id, quantity=quantity
        )

    async def remove_line(self, ctx: Context, *, cart_id: UUID, token: str | None, line_id: UUID) -> Cart:
        return await edit.remove_line(self._parts, ctx, cart_id=cart_id, token=token, line_id=line_id)

    async def add_coupon(self, ctx: Context, *, cart_id: UUID, token: str | None, code: CouponCode) -> Cart:
        return await edit.add_coupon(self._parts, ctx, cart_id=cart_id, token=token, code=code)

    async def remove_coupon(
        self, ctx: Context, *, cart_id: UUID, token: str | None, code: CouponCode
    ) -> Cart:
        return await edit.remove_coupon(self._parts, ctx, cart_id=cart_id, token=token, code=code)

    async def add_gift_card(
        self, ctx: Context, *, cart_id: UUID, token: str | None, code: GiftCardCode
    ) -> Cart:
        return await credit.add_gift_card(self._parts, ctx, cart_id=cart_id, token=token, code=code)

    async def remove_gift_card(
        self, ctx: Context, *, cart_id: UUID, token: str | None, account_id: UUID
    ) -> Cart:
        return await credit.remove_gift_card(
            self._parts, ctx, cart_id=cart_id, token=token, account_id=account_id
        )

    async def use_store_credit(
        self, ctx: Context, *, cart_id: UUID, token: str | None, is_used: bool
    ) -> Cart:
        return await credit.use_store_credit(self._parts, ctx, cart_id=cart_id, token=token, is_used=is_used)

    async def update(
        self,
        ctx: Context,
        *,
        cart_id: UUID,
        token: str | None,
        email: Email | None = None,
        shipping_address: Address | None = None,
        billing_address: Address | None = None,
        delivery_method_id: UUID | None = None,
        note: LongText | None = None,
        channel: str | None = None,
        tax_id: TaxId | None = None,
    ) -> Cart:
        return await edit.update(
            self._parts, ctx, cart_id=cart_id, token=token, email=email, shipping_address=shipping_address,
            billing_address=billing_address, delivery_method_id=delivery_method_id, note=note,
            channel=channel, tax_id=tax_id,
        )  # fmt: skip

    async def merge(
        self, ctx: Context, *, cart_id: UUID, token: str, choice: MergeChoice = MergeChoice.MERGE
    ) -> Cart:
        return await merge.merge(self._parts, ctx, cart_id=cart_id, token=token, choice=choice)

    async def freeze(self, ctx: Context, *, cart_id: UUID, token: str | None) -> FrozenCart:
        return await freeze.freeze(self._parts, ctx, cart_id=cart_id, token=token)

    async def thaw(self, ctx: Context, *, cart_id: UUID) -> None:
        _require_system(ctx)
        await freeze.thaw(self._parts, cart_id=cart_id)

    async def finish(self, ctx: Context, *, cart_ids: list[UUID]) -> None:
        _require_system(ctx)
        await freeze.finish(self._parts, cart_ids=cart_ids)

    async def stale_completing(self, ctx: Context, *, older_than_s: int, limit: int = 100) -> list[UUID]:
        _require_system(ctx)
        before = clock.now() - timedelta(seconds=older_than_s)
        return await freezing.stale(self._parts.db, before=before, limit=min(max(limit, 1), SWEEP_BATCH))

    async def quote(
        self, ctx: Context, *, channel: str, lines: list[NewLine], shipping_address: Address
    ) -> FrozenCart:
        ctx.principal.require("read_orders")
        return await quote.quote(self._parts, ctx, channel=channel, lines=lines, address=shipping_address)

    async def hear_placed(self, tx: Tx, events: Sequence[OrderPlaced]) -> None:
        """The carts of placed orders are completed; one statement for the whole batch."""
        now = clock.now()
        for cart_id in await freezing.finish(tx, cart_ids=[event.cart_id for event in events], now=now):
            tx.after_commit(lambda cart_id=cart_id: self._parts.tell(cart_id))  # type: ignore[misc]

    async def hear_canceled(self, tx: Tx, events: Sequence[OrderCanceled]) -> None:
        """Coupons of orders that were canceled before anything was paid may be used again."""
        unpaid = [event.cart_id for event in events if event.cart_id is not None and not event.was_paid]
        if unpaid and await freezing.give_back(tx, cart_ids=unpaid):
            tx.after_commit(self._parts.rules.drop)

    async def hear_merged(self, tx: Tx, events: Sequence[AccountsMerged]) -> None:
        """Carts of accounts that became one."""
        await merge.follow_accounts(self._parts, tx, events)

    async def verify(self, ctx: Context) -> int:
        ctx.principal.require("read_system")
        return await rules_store.miscounted(self._office.db)

    async def sweep(self) -> None:
        """Carts whose time is over become abandoned; a life later they are deleted."""
        now = clock.now()
        while await store.abandon_expired(self._parts.db, now=now, limit=SWEEP_BATCH) == SWEEP_BATCH:
            pass
        before = now - self._keep
        while await store.delete_old(self._parts.db, before=before, limit=SWEEP_BATCH) == SWEEP_BATCH:
            pass


def _require_system(ctx: Context) -> None:
    if ctx.principal.kind is not PrincipalKind.SYSTEM:
        raise Denied(detail="Only Mercato itself completes carts.")
