"""The orders contract, of parts."""

from typing import Protocol

from mercato.contracts.orders.buying import Buying
from mercato.contracts.orders.changing import Changing
from mercato.contracts.orders.customers import Customers
from mercato.contracts.orders.desk import Desk
from mercato.contracts.orders.documents import Documents
from mercato.contracts.orders.drafts import Drafting
from mercato.contracts.orders.figures import Figures
from mercato.contracts.orders.labels import Labels
from mercato.contracts.orders.refunding import Refunding
from mercato.contracts.orders.sending import Sending


class Orders(
    Buying, Desk, Refunding, Sending, Labels, Changing, Drafting, Documents, Figures, Customers, Protocol
):
    """The orders service."""
