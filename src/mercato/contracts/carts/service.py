"""The carts service as the others see it."""

from typing import Protocol

from mercato.contracts.carts.completing import Completing
from mercato.contracts.carts.delivery import Delivery
from mercato.contracts.carts.lists import PriceLists
from mercato.contracts.carts.promotions import Promotions
from mercato.contracts.carts.shopping import Shopping
from mercato.contracts.carts.taxes import Taxes
from mercato.contracts.carts.trials import Trials
from mercato.contracts.personal import PersonalRecords
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class Carts(Shopping, Completing, Promotions, PriceLists, Trials, Delivery, Taxes, PersonalRecords, Protocol):
    """Carts, their prices, and what shapes these."""

    @idempotent
    async def verify(self, ctx: Context) -> int:
        """Number of promotions and codes whose count of uses, or sum spent, differs from the redemptions."""
