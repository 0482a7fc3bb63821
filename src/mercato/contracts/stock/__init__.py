"""Stock: what is there, what is promised, what is held; every change a movement."""

from mercato.contracts.stock.events import StockChanged
from mercato.contracts.stock.records import (
    LOW_STOCK,
    Availability,
    AvailableUnits,
    Demand,
    Hold,
    Location,
    Movement,
    MovementKind,
    Reservation,
    Shortage,
    StockLevel,
)
from mercato.contracts.stock.service import Stock

__all__ = [
    "LOW_STOCK",
    "Availability",
    "AvailableUnits",
    "Demand",
    "Hold",
    "Location",
    "Movement",
    "MovementKind",
    "Reservation",
    "Shortage",
    "Stock",
    "StockChanged",
    "StockLevel",
]
