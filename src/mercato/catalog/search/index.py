"""The index folder: opened by every process of a host, written by the one that holds its lock."""

import os
import shutil
from pathlib import Path

import msgspec
import structlog
import tantivy

from mercato.catalog.search.schema import FOLDED, KEY, STEMMED, VERSION, build_schema, folding, stemming
from mercato.kernel import clock

log = structlog.get_logger()

WRITER_HEAP_BYTES = 32 * 1024 * 1024
REBUILD_HEAP_BYTES = 128 * 1024 * 1024
LOOK_AGAIN_S = 0.05
"""How often, at most, a search asks the file system whether the index has changed."""


class IndexState(msgspec.Struct, frozen=True):
    """What the index was made from: of which shop, up to which transaction."""

    version: int
    shop: str
    horizon: int
    build: int
    """Counts complete rebuilds."""


class IndexFolder:
    """One host's index. Reading never waits for writing; a reader sees the last commit within moments."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "search" / f"v{VERSION}"
        self._state_file = self.path / "mercato.json"
        self._meta_file = self.path / "meta.json"
        self._index: tantivy.Index | None = None
        self._searcher: tantivy.Searcher | None = None
        self._looked_at_s = 0.0
        self.generation = (0, 0)
        """Changes with every commit that this process has seen; keys of caches contain it."""

    def open(self) -> None:
        """Open or make the folder; a damaged index is thrown away. Raises OSError when the disk refuses."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._remove_other_versions()
        try:
            index = tantivy.Index(build_schema(), path=str(self.path), reuse=True)
        except ValueError as error:
            log.warning("search index damaged: it is built anew", error=str(error))
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir(parents=True, exist_ok=True)
            index = tantivy.Index(build_schema(), path=str(self.path), reuse=True)
        index.register_tokenizer(FOLDED, folding())
        index.register_tokenizer(STEMMED, stemming())
        index.config_reader("manual", 0)
        self._index = index
        self.reload()

    def close(self) -> None:
        self._index = self._searcher = None

    @property
    def index(self) -> tantivy.Index:
        if self._index is None:
            raise ValueError("the search index is not open")
        return self._index

    def searcher(self) -> tantivy.Searcher:
        """The newest view of the index. Raises ValueError before the index was built."""
        now = clock.monotonic_s()
        if now - self._looked_at_s > LOOK_AGAIN_S:
            self._looked_at_s = now
            if self._searcher is None or self._changed_at() != self.generation:
                self.reload()
        if self._searcher is None:
            raise ValueError("the search index is not built yet")
        return self._searcher

    def reload(self) -> None:
        changed_at = self._changed_at()
        self.index.reload()
        self._searcher = self.index.searcher() if self.state() is not None else None
        self.generation = changed_at

    def try_writer(self, heap_bytes: int = WRITER_HEAP_BYTES) -> tantivy.IndexWriter | None:
        """The writer of this host's index; None while another process holds it."""
        try:
            return self.index.writer(heap_bytes, 1)
        except ValueError as error:
            if "lock" in str(error).lower():
                return None
            raise

    def state(self) -> IndexState | None:
        """None when it was never built, or not by this version."""
        try:
            return msgspec.json.decode(self._state_file.read_bytes(), type=IndexState)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def save_state(self, state: IndexState) -> None:
        temporary = self._state_file.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(msgspec.json.encode(state))
        temporary.replace(self._state_file)

    def request_rebuild(self) -> None:
        """Ask whichever process of this host writes the index to build it anew."""
        (self.path / "rebuild").touch()

    def take_rebuild_request(self) -> bool:
        try:
            (self.path / "rebuild").unlink()
        except FileNotFoundError:
            return False
        return True

    def keys(self) -> dict[str, str]:
        """Key → version of every document, for comparing with the tables."""
        searcher = self.searcher()
        if searcher.num_docs == 0:
            return {}
        found = searcher.search(tantivy.Query.all_query(), searcher.num_docs, count=False)
        documents = (searcher.doc(address) for _, address in found.hits)
        return {str(document.get_first(KEY)): str(document.get_first("version")) for document in documents}

    def _changed_at(self) -> tuple[int, int]:
        """Each commit renames a new file into place: its number tells two commits of one clock tick apart."""
        try:
            found = self._meta_file.stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino

    def _remove_other_versions(self) -> None:
        for other in self.path.parent.glob("v*"):
            if other != self.path:
                shutil.rmtree(other, ignore_errors=True)
