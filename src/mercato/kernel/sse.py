"""Server-sent events: one bounded stream per open page, fed by live topics, with heartbeat and replay.

A stream renders the whole present state when it opens and again after each hint, so a hint that was lost
costs nothing: `Last-Event-ID` only tells the renderer what the page already shows.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.response import Stream

from mercato.kernel import clock
from mercato.kernel.errors import Throttled
from mercato.kernel.messaging.live import Listener, Live

HEARTBEAT_S: Final = 15.0
RETRY_MS: Final = 3000
LINGER_S: Final = 0.05
"""Hints that come within this time of each other are one rendering."""
MAX_STREAMS: Final = 2000
MAX_AGE_S: Final = 3600.0
"""A stream ends after this; the browser opens the next one itself, and its sign-in is checked again."""

_open_streams = 0


class ServerEvent(msgspec.Struct, frozen=True):
    """One event of a stream: its name, its text (HTML or JSON), an id that a reconnecting page sends back."""

    data: str
    event: str = "message"
    id: str = ""

    def encode(self) -> bytes:
        """As `text/event-stream` writes it; every line of the text becomes a data line."""
        lines = [f"event: {self.event}"] if self.event != "message" else []
        if self.id:
            lines.append(f"id: {self.id}")
        lines += [f"data: {line}" for line in self.data.splitlines() or [""]]
        return ("\n".join(lines) + "\n\n").encode()


Render = Callable[[str], Awaitable[Sequence[ServerEvent]]]
"""Gets the last event id that the page has ("" for none); returns what has changed since."""


def open_streams() -> int:
    """How many streams this process serves now."""
    return _open_streams


def stream(
    request: Request[Any, Any, Any], live: Live, topics: Sequence[str], render: Render, *, first: bool = True
) -> Stream:
    """An event stream that renders at once (unless `first` is False) and after every hint on `topics`.

    Raises Throttled when this process already serves MAX_STREAMS.
    """
    if _open_streams >= MAX_STREAMS:
        raise Throttled(
            "too_many_streams", "Too many pages are open; reload in a minute.", data={"retry_after_s": 30}
        )
    last_id = request.headers.get("last-event-id", "")[:200]
    return Stream(
        _events(live, topics, render, last_id, first),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    live: Live, topics: Sequence[str], render: Render, last_id: str, first: bool
) -> AsyncIterator[bytes]:
    global _open_streams
    _open_streams += 1
    ends_at = clock.monotonic_s() + MAX_AGE_S
    try:
        async with live.listen(*topics) as hints:
            yield f"retry: {RETRY_MS}\n\n".encode()
            while clock.monotonic_s() < ends_at:
                if not first and not await _hint_came(hints):
                    yield b": still here\n\n"
                    continue
                first = False
                for event in await render(last_id):
                    last_id = event.id or last_id
                    yield event.encode()
    finally:
        _open_streams -= 1


async def _hint_came(hints: Listener) -> bool:
    """Wait for a hint, then a moment for more of them; False after HEARTBEAT_S of silence."""
    try:
        await asyncio.wait_for(hints.get(), HEARTBEAT_S)
    except TimeoutError:
        return False
    lingers_until = clock.monotonic_s() + LINGER_S
    while (left := lingers_until - clock.monotonic_s()) > 0:
        try:
            await asyncio.wait_for(hints.get(), left)
        except TimeoutError:
            break
    return True
