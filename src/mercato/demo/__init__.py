"""The demo shop Hearth & Loam: a small complete catalog with pictures, prices, stock and rules of sale.

Owns the data in `data/` and the order in which it is put in through the contracts. Does not own a table.
"""

from mercato.demo.seed import seed, seed_catalog, seed_selling

__all__ = ["seed", "seed_catalog", "seed_selling"]
