"""Pictures as bytes: accepted and rendered by processes of their own (see `picture_worker`).

A process is begun when a picture comes, takes one after the other and ends after a minute without one. One
that breaks, hangs or takes too much is replaced, and whoever sent the picture is told.
"""

import asyncio
import hashlib
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any

import msgspec
import structlog

from mercato.kernel.errors import FieldError, Invalid, Unavailable

MAX_BYTES = 10 * 1024 * 1024
WIDTHS = (160, 320, 480, 640, 960, 1600)
FORMATS = ("avif", "webp", "jpeg")
PROCESSES = 2
MAX_WAITING = 64
TIMEOUT_S = 40.0
IDLE_S = 60.0
RETIRED_AFTER_CPU_S = 300.0
"""A process is allowed 600 s in its life."""
MAX_ANSWER_BYTES = 256 * 1024 * 1024

_WORKER = Path(__file__).with_name("picture_worker.py")
_KEY_LETTERS = 32
_TEXTS = {
    "image_too_many_pixels": "The picture has more than 50 megapixels.",
    "image_too_costly": "The picture takes too much memory or time to read. Save it smaller, then try again.",
    "image_not_readable": "This is no JPEG, PNG, WebP, AVIF or GIF picture that can be read.",
}

log = structlog.get_logger()


class Picture(msgspec.Struct, frozen=True):
    """An accepted original: `content` is pixels alone, `key` is the hash of what was uploaded."""

    key: str
    content: bytes
    width: int
    height: int


class Head(msgspec.Struct, frozen=True):
    """What a worker says before the bytes that it has made."""

    cpu_s: float
    refused: str = ""
    width: int = 0
    height: int = 0


def key_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_KEY_LETTERS]


class PictureProcesses:
    """At most PROCESSES of them; making one of these starts none."""

    def __init__(self) -> None:
        self._idle: list[Process] = []
        self._places = asyncio.Semaphore(PROCESSES)
        self._waiting = 0
        self._end_idle: asyncio.TimerHandle | None = None

    async def accept(self, content: bytes) -> Picture:
        """Check and clean an upload. Raises Invalid("image_…") that says what is wrong with it."""
        if len(content) > MAX_BYTES:
            raise _refused("image_too_large", f"The picture is larger than {MAX_BYTES // 2**20} MiB.")
        head, clean = await self._ask({"act": "accept"}, content)
        if head.refused:
            raise _refused(head.refused, _TEXTS[head.refused])
        return Picture(key_of(content), clean, head.width, head.height)

    async def render(self, original: bytes, width: int, image_format: str) -> bytes:
        """The picture at most `width` pixels wide, encoded anew. Raises Unavailable when that fails."""
        head, made = await self._ask({"act": "render", "width": width, "format": image_format}, original)
        if head.refused:
            raise Unavailable(head.refused, "This picture cannot be shown at the moment.")
        return made

    async def close(self) -> None:
        """End the processes that have nothing to do; one at work ends with the shop."""
        if self._end_idle is not None:
            self._end_idle.cancel()
        for process in self._end_all():
            await process.wait()

    async def _ask(self, act: dict[str, Any], content: bytes) -> tuple[Head, bytes]:
        if self._waiting >= MAX_WAITING:
            raise Unavailable("busy", "Too much is going on at the moment; try again soon.")
        self._waiting += 1
        try:
            async with self._places:
                return await self._ask_one(act, content)
        finally:
            self._waiting -= 1

    async def _ask_one(self, act: dict[str, Any], content: bytes) -> tuple[Head, bytes]:
        process = await self._take()
        try:
            head, made = await asyncio.wait_for(_exchange(process, act, content), TIMEOUT_S)
        except TimeoutError:
            _end(process)
            log.warning("picture took too long", act=act, bytes=len(content))
            return Head(0.0, "image_too_costly"), b""
        except (OSError, asyncio.IncompleteReadError, msgspec.DecodeError):
            _end(process)
            code = await process.wait()
            log.warning("picture process broke", act=act, bytes=len(content), exit=code)
            return Head(0.0, "image_too_costly"), b""
        except BaseException:
            _end(process)  # nobody waits for its answer, so the next one would get it
            raise
        self._give_back(process, head)
        return head, made

    async def _take(self) -> Process:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
        # No environment, no arguments, no files but the pipes: nothing of the shop is known in there.
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-I", str(_WORKER), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}, cwd="/"
            )
        except OSError as error:
            log.error("picture process did not start", error=repr(error))
            raise Unavailable("busy", "Pictures cannot be read at the moment; try again soon.") from None

    def _give_back(self, process: Process, head: Head) -> None:
        if head.cpu_s > RETIRED_AFTER_CPU_S:
            _end(process)
            return
        self._idle.append(process)
        if self._end_idle is not None:
            self._end_idle.cancel()
        self._end_idle = asyncio.get_running_loop().call_later(IDLE_S, self._end_all)

    def _end_all(self) -> list[Process]:
        ended, self._idle = self._idle, []
        for process in ended:
            _end(process)
        return ended


async def _exchange(process: Process, act: dict[str, Any], content: bytes) -> tuple[Head, bytes]:
    assert process.stdin is not None and process.stdout is not None
    asked = msgspec.json.encode(act)
    process.stdin.write(struct.pack(">II", len(asked), len(content)) + asked)
    process.stdin.write(content)
    await process.stdin.drain()
    length, made_length = struct.unpack(">II", await process.stdout.readexactly(8))
    if length + made_length > MAX_ANSWER_BYTES:
        raise OSError("the answer is too long")
    head = msgspec.json.decode(await process.stdout.readexactly(length), type=Head)
    return head, await process.stdout.readexactly(made_length)


def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()


def _refused(code: str, text: str) -> Invalid:
    return Invalid(code, text, errors=[FieldError("image", code, text)])
