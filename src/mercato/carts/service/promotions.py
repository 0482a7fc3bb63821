"""Promotions and their codes, as staff keeps them."""

from datetime import datetime
from uuid import UUID

from mercato.carts.actions import codes as making
from mercato.carts.actions.staff import Office
from mercato.carts.store import coupons as store
from mercato.carts.store import rules as rules_store
from mercato.contracts.carts import GeneratedCode, NewCodes, Promotion, Redemption
from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.pages import decode_cursor, encode_cursor


class PromotionsPart:
    """Implements the contract's `Promotions`."""

    _office: Office

    async def promotions(self, ctx: Context) -> list[Promotion]:
        ctx.principal.require_somewhere("read_promotions")
        found = await rules_store.every(self._office.db, Promotion)
        return [each for each in found if ctx.principal.may_in("read_promotions", each.channel)]

    async def save_promotion(self, ctx: Context, *, promotion: Promotion) -> Promotion:
        ctx.principal.require_in("write_promotions", promotion.channel)
        code = promotion.coupon_code
        if code is not None and await store.is_generated(
            self._office.db, channel=promotion.channel, code=code.strip()
        ):
            raise Conflict("code_taken", "A generated code is the same.")
        return await self._office.save(ctx, promotion)

    async def delete_promotion(self, ctx: Context, *, promotion_id: UUID) -> None:
        ctx.principal.require_somewhere("write_promotions")
        await self._office.delete(ctx, Promotion, promotion_id)

    async def coupons(
        self,
        ctx: Context,
        *,
        promotion_id: UUID,
        query: str = "",
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[GeneratedCode]:
        await self._require_read(ctx, promotion_id)
        after = None if cursor is None else decode_cursor(cursor, tuple[UUID])[0]
        found = await store.of_promotion(
            self._office.db, promotion_id=promotion_id, prefix=query[:64], after=after, limit=limit + 1
        )
        next_cursor = encode_cursor((found[limit - 1].id,)) if len(found) > limit else None
        total = await store.count(self._office.db, promotion_id=promotion_id, prefix=query[:64])
        return Page(found[:limit], next_cursor, total)

    async def make_coupons(self, ctx: Context, *, promotion_id: UUID, codes: NewCodes) -> int:
        ctx.principal.require_somewhere("write_promotions")
        return await making.make(self._office, ctx, promotion_id=promotion_id, codes=codes)

    async def set_coupon_active(self, ctx: Context, *, coupon_id: UUID, is_active: bool) -> GeneratedCode:
        ctx.principal.require_somewhere("write_promotions")
        async with self._office.db.transaction() as tx:
            found = await store.set_active(tx, coupon_id=coupon_id, is_active=is_active)
            if found is None:
                raise NotFound(detail="There is no such code.")
            promotion = await self._office.within(tx, ctx, Promotion, found.promotion_id)
            await self._office.note(tx, ctx, "code_allowed" if is_active else "code_blocked", promotion)
        return found

    async def redemptions(
        self, ctx: Context, *, promotion_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Redemption]:
        await self._require_read(ctx, promotion_id)
        before = None if cursor is None else decode_cursor(cursor, tuple[datetime, UUID])
        found = await store.redemptions(
            self._office.db, promotion_id=promotion_id, before=before, limit=limit + 1
        )
        last = found[limit - 1] if len(found) > limit else None
        return Page(found[:limit], None if last is None else encode_cursor((last.at, last.cart_id)))

    async def _require_read(self, ctx: Context, promotion_id: UUID) -> None:
        """Codes and uses are read by whoever may read the promotion. Raises NotFound otherwise."""
        if not any(each.id == promotion_id for each in await self.promotions(ctx)):
            raise NotFound(detail="There is no such promotion.")
