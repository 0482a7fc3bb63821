"""Looks for card numbers where none may be: tables, streams, logs."""

import re
from collections.abc import Iterable

from support.stored import stored_messages, stored_values

_DIGITS = re.compile(r"(?<![\w.+-])\d{3,19}(?:[ -]\d{3,7})*(?![\w.])")
"""Groups as on a card, of three digits or more: tables of numbers in a PDF have shorter ones."""
_BRANDS = re.compile(r"4|5[1-5]|2[2-7]|3[47]|6(?:011|5)")


def found_in(texts: Iterable[str]) -> list[str]:
    """Every run of 13 to 19 digits that begins like a card's and passes Luhn's check."""
    found = []
    for text in texts:
        for run in _DIGITS.findall(text):
            digits = re.sub(r"[ -]", "", run)
            if 13 <= len(digits) <= 19 and _BRANDS.match(digits) and _passes_luhn(digits):
                found.append(run)
    return found


async def texts_of_database(url: str) -> list[str]:
    """Every value of every table, as text; bytes as the letters they hold."""
    return [_text(value) async for _, value in stored_values(url)]


async def texts_of_streams(url: str) -> list[str]:
    """Every message of every stream that the broker keeps."""
    return [_text(body) async for _, body in stored_messages(url)]


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _passes_luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0
