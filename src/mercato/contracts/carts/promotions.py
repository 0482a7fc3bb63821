"""Promotions: rules that grant discounts, and the codes that unlock them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.carts.records import CouponCode
from mercato.contracts.shared import DEFAULT_LIMIT, Code, Limit, Page, ShortText, Whole
from mercato.kernel.context import Context
from mercato.kernel.money import Amount
from mercato.kernel.rpc import idempotent

MAX_CODES = 50_000
"""Codes that one call makes."""
Named = Annotated[list[UUID], msgspec.Meta(max_length=500)]
"""The products, categories, collections or groups that a rule names."""
Percent = Annotated[str, msgspec.Meta(pattern=r"^\d{1,3}(\.\d{1,2})?$")]


class PromotionReward(StrEnum):
    PERCENT = "percent"
    FIXED = "fixed"
    FIXED_PRICE = "fixed_price"
    FREE_DELIVERY = "free_delivery"
    DELIVERY_PERCENT = "delivery_percent"
    DELIVERY_FIXED = "delivery_fixed"
    BUY_X_GET_Y = "buy_x_get_y"
    GIFT = "gift"


class PromotionScope(StrEnum):
    """CATALOG lowers unit prices, line by line; CART takes an amount off the lines together."""

    CATALOG = "catalog"
    CART = "cart"


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that grants a discount. Without a code it applies by itself; every condition must hold."""

    id: UUID | None = None
    name: ShortText
    label: ShortText
    """What the shopper reads."""
    reward: PromotionReward
    scope: PromotionScope | None = None
    """Left out: a percentage off certain goods or a fixed price is of the catalog, all else of the cart."""
    percent: Percent | None = None
    """For `percent` and `delivery_percent`; for `buy_x_get_y` what is taken off the Y, 100 when left out."""
    amount: Amount | None = None
    """Minor units of the channel's currency: what `fixed` takes off (of each unit, in the catalog) and
    `delivery_fixed` off the delivery, and the unit price of `fixed_price`."""
    buy_quantity: Whole | None = None
    get_quantity: Whole | None = None
    """`buy_x_get_y`: for every `buy_quantity` units, `get_quantity` are reduced, the cheapest first."""
    get_product_ids: Named = []
    """What is reduced is of these products and what is bought is not; empty: both are of the same goods."""
    gift_variant_id: UUID | None = None
    gift_quantity: Whole = 1
    minimum_subtotal: Amount | None = None
    minimum_quantity: Whole | None = None
    """So many units of the goods it names must be in the cart."""
    product_ids: Named = []
    category_ids: Named = []
    collection_ids: Named = []
    """The goods it is about: any of these products, categories, collections; all empty means everything."""
    whole_cart: bool = False
    """The goods it names are only a condition: the reward is for every line."""
    group_ids: Named = []
    """Only for members of any of these customer groups."""
    first_order: bool = False
    countries: Annotated[list[Code], msgspec.Meta(max_length=250)] = []
    """Only for goods that go to these countries."""
    coupon_code: CouponCode | None = None
    needs_code: bool = False
    """It waits for one of its generated codes."""
    usage_limit: Whole | None = None
    used: Whole = 0
    customer_limit: Whole | None = None
    """Uses by one customer, known by account or e-mail."""
    budget: Amount | None = None
    """Minor units that it may give away over all orders."""
    spent: Amount = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    is_active: bool = True
    priority: Whole = 0
    """The highest is considered first."""
    is_exclusive: bool = False
    """It stands alone: in the catalog on its line, in the cart among the promotions of the cart."""
    channel: Code = "default"
    version: Whole = 1


class GeneratedCode(msgspec.Struct, frozen=True):
    """One generated code. `usage_limit` None is without limit."""

    id: UUID
    promotion_id: UUID
    code: str
    batch: str
    usage_limit: int | None
    used: int
    is_active: bool
    created_at: datetime


class Redemption(msgspec.Struct, frozen=True):
    """One use of a promotion by a cart on its way to an order, or beyond; `amount` in minor units."""

    promotion_id: UUID
    cart_id: UUID
    code: str | None
    amount: int
    at: datetime


class NewCodes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How generated codes are made: `prefix`, then `length` random letters and digits."""

    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_CODES)]
    prefix: Annotated[str, msgspec.Meta(max_length=20, pattern=r"^([A-Za-z0-9][A-Za-z0-9-]*)?$")] = ""
    length: Annotated[int, msgspec.Meta(ge=6, le=20)] = 8
    usage_limit: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] | None = 1
    batch: Annotated[str, msgspec.Meta(max_length=80)] = ""
    """Names these codes together; left out, the time of making does."""


class Promotions(Protocol):
    """What staff does with promotions and their codes."""

    @idempotent
    async def promotions(self, ctx: Context) -> list[Promotion]: ...

    async def save_promotion(self, ctx: Context, *, promotion: Promotion) -> Promotion: ...

    async def delete_promotion(self, ctx: Context, *, promotion_id: UUID) -> None: ...

    @idempotent
    async def coupons(
        self,
        ctx: Context,
        *,
        promotion_id: UUID,
        query: str = "",
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[GeneratedCode]:
        """The generated codes of a promotion in order of making; `query` finds the start of a code."""

    async def make_coupons(self, ctx: Context, *, promotion_id: UUID, codes: NewCodes) -> int:
        """Generate codes that nobody can guess; the promotion waits for one from then on. Returns how many.

        Raises NotFound, Conflict("codes_exhausted") when so short a code leaves too few.
        """

    async def set_coupon_active(self, ctx: Context, *, coupon_id: UUID, is_active: bool) -> GeneratedCode:
        """Block one code, or let it work again. Raises NotFound."""

    @idempotent
    async def redemptions(
        self, ctx: Context, *, promotion_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Redemption]:
        """Uses of a promotion, the latest first."""
