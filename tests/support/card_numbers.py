"""Looks for card numbers where none may be: tables, streams, logs."""

import re
from collections.abc import Iterable

import asyncpg
import nats
from nats.js.errors import NotFoundError

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
    """Every row of every table, as text; bytes as the letters they hold."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog',"
            " 'information_schema')"
        )
        texts = []
        for schema, table in tables:
            rows = await connection.fetch(f'select * from "{schema}"."{table}"')
            texts += [_text(value) for row in rows for value in row.values() if value is not None]
        return texts
    finally:
        await connection.close()


async def texts_of_streams(url: str) -> list[str]:
    """Every message of every stream that the broker keeps."""
    connection = await nats.connect(url)
    try:
        stream = connection.jetstream()
        texts = []
        for info in await connection.jsm().streams_info():
            for number in range(info.state.first_seq, info.state.last_seq + 1):
                try:
                    message = await stream.get_msg(info.config.name or "", number)
                except NotFoundError:
                    continue
                texts.append((message.data or b"").decode("utf-8", "replace"))
        return texts
    finally:
        await connection.close()


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _passes_luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0
