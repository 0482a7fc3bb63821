"""Mercato, an open e-commerce platform: one command gives a working shop.

The package map: `kernel` (no shop words) under `contracts` (what services say to each other) under the
services `users catalog stock carts orders payments notifications`, which meet only in `compose`.
"""

__version__ = "0.1.0"
