"""PDF pages set by Typst from a template and data, beside the event loop and a few at a time.

Texts reach a template as data and are never read as markup. What it makes is tagged (PDF/UA-1) and can be
archived (PDF/A-2a), and the same data gives the same bytes. Why Typst: docs/decisions/0016-typst-for-pdf.md.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from mercato.kernel.errors import Unavailable

if TYPE_CHECKING:
    import typst

STANDARDS: Final[list[Literal["ua-1", "a-2a"]]] = ["ua-1", "a-2a"]
MAX_WAITING = 16
TIMEOUT_S = 8.0


class Press:
    """One thread that sets pages; a short queue before it. Making one costs nothing."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._compilers: dict[Path, typst.Compiler] = {}

    async def pdf(self, template: Path, data: msgspec.Struct, *, at: datetime) -> bytes:
        """The pages of `template` (a .typ file) with `data`, dated `at`; templates read it from sys.inputs.

        Raises Unavailable("busy") when too many wait: ask again.
        """
        if self._waiting >= MAX_WAITING:
            raise Unavailable("busy", "Many documents are being made at the moment; try again soon.")
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="mercato-press")
        self._waiting += 1
        try:
            text = msgspec.json.encode(data).decode()
            call = asyncio.get_running_loop().run_in_executor(self._thread, self._set, template, text, at)
            return await asyncio.wait_for(call, TIMEOUT_S)
        except TimeoutError:
            raise Unavailable("busy", "Making the document took too long; try again soon.") from None
        finally:
            self._waiting -= 1

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _set(self, template: Path, data: str, at: datetime) -> bytes:
        compiler = self._compilers.get(template) or self._load(template)
        pages: Any = compiler.compile(
            sys_inputs={"data": data}, pdf_standards=[*STANDARDS], timestamp=at.replace(microsecond=0)
        )
        return bytes(pages)

    def _load(self, template: Path) -> "typst.Compiler":
        import typst  # 15 MB of code that most processes never need

        found = typst.Compiler(template, root=template.parent)
        self._compilers[template] = found
        return found
