"""Stock: what is there, what is promised, what is held; every change a movement."""

from mercato.contracts.stock.events import StockBack, StockChanged, StockLow, StockOut
from mercato.contracts.stock.records import (
    LOW_STOCK,
    Allocation,
    Availability,
    AvailableUnits,
    ChannelStock,
    Demand,
    Hold,
    Location,
    Movement,
    MovementKind,
    Reservation,
    Shortage,
    StockItem,
    StockLevel,
    Strategy,
)
from mercato.contracts.stock.service import Stock

__all__ = [
    "LOW_STOCK",
    "Allocation",
    "Availability",
    "AvailableUnits",
    "ChannelStock",
    "Demand",
    "Hold",
    "Location",
    "Movement",
    "MovementKind",
    "Reservation",
    "Shortage",
    "Stock",
    "StockBack",
    "StockChanged",
    "StockItem",
    "StockLevel",
    "StockLow",
    "StockOut",
    "Strategy",
]
