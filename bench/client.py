"""A small HTTP/1.1 keep-alive client over a raw socket: cheap enough to share two cores with the server."""

import asyncio
import json
from typing import Any, cast


class Refused(Exception):
    """The server answered with another status than was wanted."""

    def __init__(self, what: str, status: int, code: str) -> None:
        self.status = status
        self.code = code
        super().__init__(f"{what}: {status} {code}")


class Client(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.headers: dict[str, str] = {}
        self.took_s = 0.0
        """How long the last request took."""
        self._buffer = bytearray()
        self._needed = -1
        self._head = 0
        self._reply: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._reply and not self._reply.done():
            self._reply.set_exception(ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._needed < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._head = end + 4
            self._needed = self._head + length
        if len(self._buffer) >= self._needed and self._reply:
            status, body = int(self._buffer[9:12]), bytes(self._buffer[self._head : self._needed])
            del self._buffer[: self._needed]
            self._needed = -1
            self._reply.set_result((status, body))

    async def request(
        self, method: str, path: str, body: Any = None, *, timeout_s: float = 20
    ) -> tuple[int, bytes]:
        """Send one request; returns (status, body)."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            self._buffer.clear()
            self._needed = -1
            await loop.create_connection(lambda: self, self.host, self.port)
        if self._transport is None:
            raise ConnectionError("the server closed the connection")
        self._reply = loop.create_future()
        data = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", "Accept: application/json"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        started = loop.time()
        self._transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        answer = await asyncio.wait_for(self._reply, timeout_s)
        self.took_s = loop.time() - started
        return answer

    async def call(
        self, method: str, path: str, body: Any = None, *, want: tuple[int, ...] = (200, 201)
    ) -> Any:
        """Send one request and decode its JSON answer; raises Refused for another status than `want`."""
        status, answer = await self.request(method, path, body)
        decoded = json.loads(answer) if answer else None
        if status not in want:
            code = decoded.get("code", "") if isinstance(decoded, dict) else ""
            raise Refused(f"{method} {path.split('?')[0].rsplit('/', 1)[-1]}", status, code)
        return decoded

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
