"""What `mercato up` shows: one line per step, then where everything is."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

ERASE_LINE = "\r\x1b[2K"


class Screen:
    """Lines on standard output; a terminal also sees the step that is under way and how far it is."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        can_draw = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        self._done, self._failed, self._busy = ("✓", "✗", "…") if can_draw else ("ok", "--", "..")

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show `title` until the block ends; call what it yields with a note on the progress."""
        started = time.monotonic()
        notes = [""]

        def note(text: str) -> None:
            notes[0] = text
            self._overwrite(f"  {self._busy} {title}  {text}")

        note("")
        try:
            yield note
        except BaseException:
            self._finish(f"  {self._failed} {title}")
            raise
        self._finish(f"  {self._done} {title:<12} {notes[0]:<44} {time.monotonic() - started:6.2f} s")

    def say(self, text: str = "") -> None:
        """Print `text` as it is."""
        self._write(text + "\n")

    def _overwrite(self, line: str) -> None:
        if self._is_terminal:
            self._write(ERASE_LINE + line)

    def _finish(self, line: str) -> None:
        self._write((ERASE_LINE if self._is_terminal else "") + line + "\n")

    def _write(self, text: str) -> None:
        # Whoever read our output may be gone; the shop goes on.
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(text)
            sys.stdout.flush()
