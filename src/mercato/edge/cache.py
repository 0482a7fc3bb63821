"""Public answers kept as encoded bytes, served before routing, dropped when what they were made from changes.

An answer is kept only for visitors whose page is everyone's: no Authorization, no session, and for pages no
cart either. Changes arrive as events on core NATS, which may lose them, so an answer lives MAX_AGE_S at most.
A drop is repeated after DROP_AGAIN_S, because the service that renders, and its search index, may hear of the
change a moment later than we do; an answer that was begun before a drop of its tags is not kept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from mercato.edge.answers import Answer, RawHeaders, encoding_of, etag_of
from mercato.edge.arrivals import Headers, locale_of
from mercato.kernel import clock
from mercato.kernel.telemetry.metrics import Timing

MAX_BYTES = 64 * 1024 * 1024
MAX_ENTRY_BYTES = 1024 * 1024
MAX_AGE_S = 30.0
DROP_AGAIN_S = (0.5, 2.0)
MAX_REMEMBERED_DROPS = 10_000
EVERYTHING = "*"
PUBLIC_POLICY = b"public, max-age=0, s-maxage=5, must-revalidate"

Key = tuple[Any, ...]


class Entry:
    """One kept answer, ready to send."""

    __slots__ = ("body", "etag", "expires_at", "headers", "not_modified", "size", "tags", "timing")

    def __init__(self, answer: Answer, headers: RawHeaders, tags: frozenset[str], timing: Timing) -> None:
        self.body = answer.body
        self.etag = etag_of(answer.body)
        self.expires_at = clock.monotonic_s() + MAX_AGE_S
        shared = [*headers, (b"etag", self.etag), (b"cache-control", PUBLIC_POLICY)]
        own = [(n, v) for n, v in answer.headers if n not in (b"content-length", b"cache-control", b"etag")]
        self.headers = [*shared, *own, (b"content-length", str(len(answer.body)).encode())]
        self.not_modified = [*shared, *((n, v) for n, v in own if n in (b"vary", b"content-language"))]
        self.tags = tags
        self.timing = timing
        self.size = len(answer.body) + sum(len(n) + len(v) for n, v in self.headers) + 500


class AnswerCache:
    """The kept answers of this process: least recently used first out, at most `max_bytes`."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self.size = 0
        self.hits = 0
        self.is_listening: Callable[[], bool] = lambda: False
        """Whether changes would be heard now; nothing is kept while they would not."""
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._by_tag: dict[str, set[Key]] = {}
        self._drops = 0
        self._dropped: dict[str, int] = {}

    def key_of(self, scope: Any, headers: Headers) -> Key | None:
        """Where the answer to this request would be kept; None when it may be this visitor's alone."""
        if b"authorization" in headers or b"x-debug-cost" in headers:
            return None
        path: str = scope["path"]
        cookie = headers.get(b"cookie")
        language = locale_of(headers)
        encoding = encoding_of(headers.get(b"accept-encoding", b""))
        channel = headers.get(b"x-channel")
        if path.startswith("/api/"):
            if cookie is not None and b"session=" in cookie:
                return None
            return path, scope["query_string"], channel, language, encoding
        theme = b""
        if cookie is not None:
            if b"session=" in cookie or b"cart=" in cookie or b"density=" in cookie:
                return None
            theme = b"dark" if b"theme=dark" in cookie else b"light" if b"theme=light" in cookie else b""
        part = (
            headers.get(b"hx-request"),
            headers.get(b"hx-request-type"),
            headers.get(b"hx-history-restore-request"),
        )
        return path, scope["query_string"], channel, language, encoding, theme, part

    def find(self, key: Key) -> Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= clock.monotonic_s():
            self._remove(key)
            return None
        self._entries.move_to_end(key)
        self.hits += 1
        return entry

    def begin(self) -> int:
        """The moment before an answer is made; `keep` wants it back."""
        return self._drops

    def keep(self, key: Key, entry: Entry, begun: int) -> bool:
        """Keep `entry` unless one of its tags was dropped since `begun`; says whether it was kept."""
        if not self.is_listening() or entry.size > MAX_ENTRY_BYTES or self._was_dropped(entry.tags, begun):
            return False
        self._remove(key)
        self._entries[key] = entry
        self.size += entry.size
        for tag in entry.tags:
            self._by_tag.setdefault(tag, set()).add(key)
        while self.size > self.max_bytes:
            self._remove(next(iter(self._entries)))
        return True

    def drop(self, tags: Iterable[str]) -> None:
        """Forget every answer that depends on one of `tags`, now and again in a moment."""
        wanted = frozenset(tags)
        self._drop(wanted)
        loop = asyncio.get_running_loop()
        for seconds in DROP_AGAIN_S:
            loop.call_later(seconds, self._drop, wanted)

    def drop_all(self) -> None:
        self.drop((EVERYTHING,))

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, tags: frozenset[str]) -> None:
        self._drops += 1
        if len(self._dropped) > MAX_REMEMBERED_DROPS:
            self._dropped = {EVERYTHING: self._drops}
        for tag in tags:
            self._dropped[tag] = self._drops
        if EVERYTHING in tags:
            self._entries.clear()
            self._by_tag.clear()
            self.size = 0
            return
        for tag in tags:
            for key in self._by_tag.pop(tag, ()):
                self._remove(key)

    def _was_dropped(self, tags: frozenset[str], begun: int) -> bool:
        if begun == self._drops:
            return False
        return any(self._dropped.get(tag, 0) > begun for tag in (*tags, EVERYTHING))

    def _remove(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self.size -= entry.size
        for tag in entry.tags:
            keys = self._by_tag.get(tag)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._by_tag[tag]
