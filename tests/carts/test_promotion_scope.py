"""Promotions belong to a channel: a right that is limited to channels reaches only theirs."""

import pytest

from carts.conftest import Shop
from mercato.contracts.carts import Promotion, PromotionReward
from mercato.kernel.context import SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.errors import Denied, NotFound
from mercato.kernel.ids import new_id

PAIRS = frozenset((right, "us") for right in ("read_promotions", "write_promotions"))
AMERICAN = Context(principal=Principal(PrincipalKind.USER, new_id(), "us@example.org", limited=PAIRS))


def promotion(channel: str, **changes: object) -> Promotion:
    values = {"name": "Spring", "label": "Spring", "reward": PromotionReward.PERCENT, "percent": "10"}
    return Promotion(**(values | {"channel": channel} | changes))  # type: ignore[arg-type]


async def test_a_limited_right_writes_promotions_of_its_channels_only(shop: Shop) -> None:
    german = await shop.carts.save_promotion(SYSTEM_CONTEXT, promotion=promotion("default"))
    own = await shop.carts.save_promotion(AMERICAN, promotion=promotion("us"))
    assert [each.id for each in await shop.carts.promotions(AMERICAN)] == [own.id]
    with pytest.raises(Denied, match="channel_denied"):
        await shop.carts.save_promotion(AMERICAN, promotion=promotion("default"))
    stolen = promotion("us", id=german.id, version=german.version)
    with pytest.raises(NotFound):
        await shop.carts.save_promotion(AMERICAN, promotion=stolen)
    assert german.id is not None and own.id is not None
    with pytest.raises(NotFound):
        await shop.carts.delete_promotion(AMERICAN, promotion_id=german.id)
    assert german in await shop.carts.promotions(SYSTEM_CONTEXT)
    await shop.carts.delete_promotion(AMERICAN, promotion_id=own.id)
    assert await shop.carts.promotions(AMERICAN) == []
    told = await shop.db.fetch(
        "select body from carts.outbox where subject = 'audit.acted' order by position"
    )
    assert [b'"promotion.created"' in row["body"] for row in told] == [True, True, False]
    assert b'"promotion.deleted"' in told[2]["body"] and b"us@example.org" in told[2]["body"]
