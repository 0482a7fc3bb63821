"""The payments contract, made of its parts: each checks who asks, runs one action, returns structs."""

from mercato.kernel.personal import KeepsPersonalData
from mercato.payments.service.books import BooksPart
from mercato.payments.service.collecting import CollectingPart
from mercato.payments.service.crediting import CreditingPart
from mercato.payments.service.disputing import DisputingPart
from mercato.payments.service.selling import SellingPart
from mercato.payments.service.simulating import SimulatingPart


class PaymentsService(
    CollectingPart,
    CreditingPart,
    SellingPart,
    DisputingPart,
    BooksPart,
    SimulatingPart,
    KeepsPersonalData,
):
    """Implements `contracts.payments.Payments`."""
