"""A customer whose every word can be found again, and a search through everything that a shop keeps."""

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from support.stored import stored_messages, stored_values

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
    return {name async for name, value in stored_values(url) if hits(_bytes(value))}


async def search_streams(url: str) -> list[str]:
    """The subjects of messages in which a marker stands."""
    return [subject async for subject, body in stored_messages(url) if hits(body)]


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
