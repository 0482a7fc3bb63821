"""The proof at the end of a journey or a fault: all books agree and nothing is on its way any more."""

import json

from support.shop import Shop


def assert_books_agree(shop: Shop, *, wait_s: float = 20) -> None:
    """`mercato verify`: stock = movements, orders = payments = the provider's own books, outboxes drained."""
    proof = shop.command("verify", "--json", "--wait-s", str(wait_s))
    assert proof.returncode == 0, proof.stdout + proof.stderr
    assert json.loads(proof.stdout)["differences"] == []
