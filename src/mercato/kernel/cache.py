"""A cache bounded in bytes whose entries know what they depend on."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

V = TypeVar("V")

ENTRY_OVERHEAD_BYTES = 400
"""What an entry costs beside its value: keys, tags, links (measured on CPython 3.11)."""


class Cache(Generic[V]):
    """Least recently used out first. `drop(tag)` forgets all entries that were put with `tag`."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.used_bytes = 0
        self._entries: OrderedDict[Hashable, tuple[V, int, frozenset[str]]] = OrderedDict()
        self._keys_by_tag: dict[str, set[Hashable]] = {}
        self._generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    @property
    def generation(self) -> int:
        """Changes with every `drop`: note it before you read what you are going to `put`."""
        return self._generation

    def put(
        self, key: Hashable, value: V, size: int, tags: Iterable[str] = (), *, generation: int | None = None
    ) -> None:
        """Keep `value` of `size` bytes. A value too large for the whole cache is not kept.

        With `generation`, a value is not kept when something was dropped since: it may be stale already.
        """
        self._remove(key)
        cost = size + ENTRY_OVERHEAD_BYTES
        if cost > self.max_bytes or (generation is not None and generation != self._generation):
            return
        found = frozenset(tags)
        self._entries[key] = (value, cost, found)
        self.used_bytes += cost
        for tag in found:
            self._keys_by_tag.setdefault(tag, set()).add(key)
        while self.used_bytes > self.max_bytes:
            self._remove(next(iter(self._entries)))

    def drop(self, *tags: str) -> int:
        """Forget every entry with one of `tags`; returns how many."""
        self._generation += 1
        keys = {key for tag in tags for key in self._keys_by_tag.get(tag, ())}
        for key in keys:
            self._remove(key)
        return len(keys)

    def clear(self) -> None:
        self._generation += 1
        self._entries.clear()
        self._keys_by_tag.clear()
        self.used_bytes = 0

    def _remove(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self.used_bytes -= entry[1]
        for tag in entry[2]:
            keys = self._keys_by_tag[tag]
            keys.discard(key)
            if not keys:
                del self._keys_by_tag[tag]
