"""Gift cards that orders buy: issued once for each unit, disabled when the money goes back, and valid again
when that was taken back before it was sent."""

from uuid import UUID

from mercato.contracts.payments import GiftCard, SoldCard
from mercato.contracts.shared import MAX_QUANTITY
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import derived_id
from mercato.payments.actions import balances
from mercato.payments.service.crediting import card_of, issued_event, require_system
from mercato.payments.service.part import Part
from mercato.payments.store import credit as store

SHOWN_CARDS = 500


class SellingPart(Part):
    """Implements the part of `contracts.payments.credit` about cards that were bought."""

    async def issue_sold_card(self, ctx: Context, *, order_id: UUID, card: SoldCard) -> GiftCard:
        require_system(ctx)
        code, card_id = balances.new_code(), _id_of(card.line_id, card.number)
        new = balances.NewCard(
            value=card.value, currency=card.currency, expires_at=None, recipient=card.recipient,
            note="", actor="system", bought_with=order_id,
        )  # fmt: skip
        async with self._engine.database.transaction() as tx:
            row = await balances.issue(tx, new, code, card_id=card_id)
            if row is not None:
                await self._engine.outbox.add(
                    tx, issued_event(row, code, locale=card.locale, message=card.message)
                )
            else:
                row = await balances.reinstate(tx, card_id)
        failpoint("payments.card_sold")
        return card_of(row, clock.now())

    async def sold_cards(self, ctx: Context, *, order_id: UUID) -> list[GiftCard]:
        ctx.principal.require("read_gift_cards")
        rows = await store.sold_cards(self._engine.database, order_id=order_id, limit=SHOWN_CARDS)
        return [card_of(row, clock.now()) for row in rows]

    async def disable_sold_cards(self, ctx: Context, *, order_id: UUID, line_id: UUID | None = None) -> None:
        require_system(ctx)
        of_line = None if line_id is None else [_id_of(line_id, number) for number in range(MAX_QUANTITY)]
        async with self._engine.database.transaction() as tx:
            cards = await store.lock_sold_cards(tx, order_id=order_id, among=of_line)
            if any(row["balance"] != row["initial"] or row["held"] for row in cards):
                raise Conflict("gift_card_spent", "A gift card of this order has been used already.")
            await balances.cancel_sold(tx, cards)
        # What is more than one batch is left to the sweeper.
        await balances.unsell(self._engine, order_id)


def _id_of(line_id: UUID, number: int) -> UUID:
    return derived_id(line_id, f"gift-card-{number}")
