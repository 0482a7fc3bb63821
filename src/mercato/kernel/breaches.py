"""Passwords that are known from breaches, asked offline: a Bloom filter in a file that is mapped, not read.

`mercato users breach-filter LIST FILE` makes one from a list of passwords, or from SHA-1 hashes with counts
as public collections of breaches have them. It never misses a password of its list; of others it wrongly
knows a share that is chosen when it is made. Nothing of a password can be read from it.
"""

import hashlib
import math
import mmap
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from mercato.refusals import Refusal

MAGIC = b"MBRF0001"
_HEADER = struct.Struct("<8sQI")
SHARE_OF_FALSE = 0.0001
MAX_BITS = 1 << 40
_HASH = re.compile(r"^([0-9A-Fa-f]{40})(?::\d+)?$")


class BreachFilter:
    """A made filter. Asking touches a few pages of the file, however large it is."""

    def __init__(self, path: Path) -> None:
        """Raises Refusal when there is no such file or it is none of ours."""
        try:
            with open(path, "rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            magic, self._bits, self._probes = _HEADER.unpack_from(self._map)
        except (OSError, ValueError, struct.error) as error:
            raise Refusal(f"MERCATO_BREACHED_PASSWORDS: {path} cannot be read ({error}).") from None
        if magic != MAGIC or len(self._map) != _HEADER.size + (self._bits + 7) // 8:
            raise Refusal(
                f"MERCATO_BREACHED_PASSWORDS: {path} is no filter: make it with"
                " `mercato users breach-filter LIST FILE`."
            )

    def __contains__(self, password: str) -> bool:
        places = _places(_digest(password), self._bits, self._probes)
        return all(self._map[_HEADER.size + place // 8] >> place % 8 & 1 for place in places)

    def close(self) -> None:
        self._map.close()


def make_filter(lines: Iterable[str], target: Path, *, count: int, share: float = SHARE_OF_FALSE) -> int:
    """Write the filter of `count` passwords or hashes, one per line; returns how many there were."""
    bits = min(MAX_BITS, max(64, math.ceil(-max(count, 1) * math.log(share) / math.log(2) ** 2)))
    probes = max(1, round(bits / max(count, 1) * math.log(2)))
    partial = target.with_name(target.name + ".part")
    made = 0
    with open(partial, "w+b") as file:
        file.write(_HEADER.pack(MAGIC, bits, probes))
        file.truncate(_HEADER.size + (bits + 7) // 8)
        file.flush()
        with mmap.mmap(file.fileno(), 0) as filled:
            for digest in _digests(lines):
                made += 1
                for place in _places(digest, bits, probes):
                    filled[_HEADER.size + place // 8] |= 1 << place % 8
    partial.replace(target)
    return made


def _digests(lines: Iterable[str]) -> Iterator[bytes]:
    for line in lines:
        text = line.rstrip("\r\n")
        hashed = _HASH.match(text)
        if hashed:
            yield bytes.fromhex(hashed[1])
        elif text:
            yield _digest(text)


def _digest(password: str) -> bytes:
    """SHA-1, because public collections are hashed with it; it protects nothing here."""
    return hashlib.sha1(password.encode(), usedforsecurity=False).digest()


def _places(digest: bytes, bits: int, probes: int) -> Iterator[int]:
    """Kirsch and Mitzenmacher: two halves of one hash are as good as many hashes."""
    first, second = struct.unpack_from("<QQ", digest)
    return ((first + turn * (second | 1)) % bits for turn in range(probes))
