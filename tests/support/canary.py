"""A customer whose every word can be found again, and a search through everything that a shop keeps."""

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import asyncpg
import nats
from nats.js.errors import NotFoundError

WORD = "zqx"
"""Every marker contains it, and nothing else of the shop does."""
PHONE = "+31612340777"
VAT_ID = "NL004495445B01"
MARKS = (WORD, PHONE[3:], VAT_ID.lower())


def hits(content: bytes) -> set[str]:
    """The markers in some bytes, also where they are packed or written with two bytes for a letter."""
    found = set()
    for plain in _layers(content):
        lower = plain.lower()
        for mark in MARKS:
            if mark.encode() in lower or mark.encode("utf-16-le") in lower:
                found.add(mark)
        spaced = lower.replace(b" ", b"")
        if PHONE[3:].encode() in spaced:
            found.add(PHONE[3:])
    return found


def _layers(content: bytes) -> Iterator[bytes]:
    yield content
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from _layers(archive.read(name))
    if content[:5] == b"%PDF-":
        for piece in content.split(b"stream")[1:]:
            try:
                yield zlib.decompressobj().decompress(piece.lstrip(b"\r\n"))
            except zlib.error:
                continue


async def search_database(url: str) -> set[str]:
    """`schema.table.column` of every value in which a marker stands."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        )
        found = set()
        for (name,) in tables:
            for row in await connection.fetch(f"select * from {name}"):
                found |= {
                    f"{name}.{column}"
                    for column, value in row.items()
                    if value is not None and hits(_bytes(value))
                }
        return found
    finally:
        await connection.close()


async def search_streams(url: str) -> list[str]:
    """The subjects of messages in which a marker stands."""
    connection = await nats.connect(url)
    try:
        stream = connection.jetstream()
        found = []
        for info in await connection.jsm().streams_info():
            for number in range(info.state.first_seq, info.state.last_seq + 1):
                try:
                    message = await stream.get_msg(info.config.name or "", number)
                except NotFoundError:
                    continue
                if hits(message.data or b""):
                    found.append(message.subject or "")
        return found
    finally:
        await connection.close()


def search_files(folders: Iterable[Path]) -> list[str]:
    """Every file below these folders in which a marker stands, or whose name has one."""
    return [
        str(path)
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (hits(path.read_bytes()) or WORD in path.name.lower())
    ]


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
