"""Where pictures are kept: originals by content hash, renditions beside them."""

import asyncio
import re
from pathlib import Path

import obstore
from obstore.store import LocalStore

from mercato.catalog.pictures import FORMATS, WIDTHS, Picture, PictureProcesses
from mercato.kernel.errors import NotFound
from mercato.kernel.runtime import Runtime

_KEY = re.compile(r"[0-9a-f]{32}")


class PictureStore:
    """Originals by content hash and their renditions, each made when it is first asked for."""

    def __init__(self, runtime: Runtime) -> None:
        self._processes = PictureProcesses()
        self._folder = Path(runtime.settings.data_dir) / "media"
        self._opened: LocalStore | None = None
        self._being_made: dict[str, asyncio.Task[bytes]] = {}

    @property
    def _store(self) -> LocalStore:
        if self._opened is None:
            self._opened = LocalStore(self._folder, mkdir=True)
        return self._opened

    async def accept(self, content: bytes) -> Picture:
        """Keep an upload. Raises Invalid when it is no picture that we take."""
        picture = await self._processes.accept(content)
        await obstore.put_async(self._store, f"originals/{picture.key}", picture.content)
        return picture

    async def rendition(self, key: str, width: int, image_format: str) -> bytes:
        """Raises NotFound for an unknown picture, width or format."""
        if not _KEY.fullmatch(key) or width not in WIDTHS or image_format not in FORMATS:
            raise NotFound("image_not_found", "There is no such picture.")
        name = f"renditions/{key}-{width}.{image_format}"
        kept = await self._read(name)
        if kept is not None:
            return kept
        task = self._being_made.get(name)
        if task is None:
            task = asyncio.create_task(self._make(name, key, width, image_format))
            self._being_made[name] = task
            task.add_done_callback(lambda _: self._being_made.pop(name, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        await self._processes.close()

    async def _make(self, name: str, key: str, width: int, image_format: str) -> bytes:
        original = await self._read(f"originals/{key}")
        if original is None:
            raise NotFound("image_not_found", "There is no such picture.")
        made = await self._processes.render(original, width, image_format)
        await obstore.put_async(self._store, name, made)
        return made

    async def _read(self, name: str) -> bytes | None:
        try:
            found = await obstore.get_async(self._store, name)
        except FileNotFoundError:
            return None
        return bytes(await found.bytes_async())
