"""Stands between the processes of a shop and NATS: sees every remote call, and spoils those a test names.

It knows two things of NATS's protocol: a request is `PUB subject reply size`, and everything else passes
unread. The shop does not know that it is there, so nothing in the product has to be made for it.
"""

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from mercato.kernel.rpc import wire

T = TypeVar("T")
CHUNK = 65536
LINE_MAX = 1 << 20
LATE_S = 6.0
"""Longer than a call between services waits, so that its caller has gone on when it arrives."""


class Kind(StrEnum):
    """What happens to a call."""

    REQUEST_LOST = "request_lost"
    """Nobody hears it: the caller waits in vain, and there is no effect."""
    REPLY_LOST = "reply_lost"
    """It has its effect, and the caller waits in vain."""
    DOUBLE = "double"
    """It is delivered twice at once."""
    LATE = "late"
    """The caller waits in vain, and it has its effect afterwards."""
    ERROR = "error"
    """The caller hears that the other side failed, for a reason it does not know."""


class Fault(msgspec.Struct):
    """The next `times` calls of `method` ("payments.pay") that carry one of `marks` are spoiled.

    A mark is anything that stands in the call as it is sent: the id of a cart, of a request. Without marks
    every call of the method is meant.
    """

    method: str
    kind: Kind
    times: int = 1
    marks: tuple[bytes, ...] = ()
    hits: int = 0

    def takes(self, method: str, payload: bytes) -> bool:
        if method != self.method or self.hits >= self.times:
            return False
        return not self.marks or any(mark in payload for mark in self.marks)


class CallProxy:
    """A NATS address of its own, in a thread of its own."""

    def __init__(self, nats_url: str) -> None:
        host, _, port = nats_url.removeprefix("nats://").rpartition(":")
        self._behind = (host.rpartition("@")[2], int(port))
        self._faults: list[Fault] = []
        self.calls: dict[str, set[str]] = defaultdict(set)
        """Who serves what it names in its subscriptions ("orders") → the methods it has called."""
        self._work: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="call-proxy", daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._connected, "127.0.0.1", limit=LINE_MAX))
        self.url = f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @contextlib.contextmanager
    def spoiled(self, fault: Fault) -> Iterator[Fault]:
        """`fault` holds inside the block."""
        self._faults.append(fault)
        try:
            yield fault
        finally:
            self._faults.remove(fault)

    def close(self) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection(*self._behind)
        served: set[str] = set()
        for work in (_copy(behind_reader, writer), self._forward(reader, behind_writer, served)):
            self._keep(work)

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, served: set[str]
    ) -> None:
        """What one process says, command by command."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                words = line.split()
                if words[0] not in (b"PUB", b"HPUB"):
                    if words[0] == b"SUB" and b".rpc." in words[1]:
                        served.add(words[1].split(b".rpc.")[1].split(b".")[0].decode())
                    writer.write(line)
                    continue
                payload = await reader.readexactly(int(words[-1]) + 2)
                if b".rpc." in words[1] and len(words) > 3:
                    self._call(words, payload, writer, served)
                else:
                    writer.write(line + payload)
                await writer.drain()
        writer.close()

    def _call(
        self, words: list[bytes], payload: bytes, writer: asyncio.StreamWriter, served: set[str]
    ) -> None:
        method = words[1].split(b".rpc.")[1].decode()
        for caller in served or {"edge"}:
            self.calls[caller].add(method)
        fault = next((one for one in self._faults if one.takes(method, payload)), None)
        line = b" ".join(words) + b"\r\n"
        if fault is None:
            writer.write(line + payload)
            return
        fault.hits += 1
        to_nobody = b" ".join([words[0], words[1], b"nobody." + words[2], *words[3:]]) + b"\r\n"
        if fault.kind is Kind.REPLY_LOST:
            writer.write(to_nobody + payload)
        elif fault.kind is Kind.DOUBLE:
            writer.write((line + payload) * 2)
        elif fault.kind is Kind.LATE:
            self._keep(_later(writer, to_nobody + payload))
        elif fault.kind is Kind.ERROR:
            reply = wire.encode_error(RuntimeError())
            writer.write(b"PUB %b %d\r\n%b\r\n" % (words[2], len(reply), reply))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)


async def _later(writer: asyncio.StreamWriter, data: bytes) -> None:
    await asyncio.sleep(LATE_S)
    if not writer.is_closing():
        writer.write(data)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What NATS says, as it is."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
