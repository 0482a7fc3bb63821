"""The orders service, made of its parts: each checks who asks, runs one action, reads the answer."""

from mercato.orders.service.bulk import BulkPart
from mercato.orders.service.buying import BuyingPart
from mercato.orders.service.changing import ChangingPart
from mercato.orders.service.desk import DeskPart
from mercato.orders.service.documents import DocumentsPart
from mercato.orders.service.drafting import DraftingPart
from mercato.orders.service.figures import FiguresPart
from mercato.orders.service.labels import LabelsPart
from mercato.orders.service.personal import PersonalPart
from mercato.orders.service.refunding import RefundingPart


class OrdersService(
    BuyingPart,
    DeskPart,
    BulkPart,
    LabelsPart,
    ChangingPart,
    DraftingPart,
    DocumentsPart,
    FiguresPart,
    PersonalPart,
    RefundingPart,
):
    """Implements `contracts.orders.Orders`."""
