"""Serves the built assets: names carry their content's hash, so browsers may keep them forever."""

from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.exceptions import NotFoundException

from mercato.kernel.web import PUBLIC
from mercato.ui.assets import STATIC_FOLDER

FOREVER = "public, max-age=31536000, immutable"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
}
ENCODINGS = (("zstd", ".zst"), ("br", ".br"))


class StaticFiles:
    """All built files in memory, each in the encodings that were made of it."""

    def __init__(self, folder: Path = STATIC_FOLDER) -> None:
        """Reads the folder once; a build while the server runs needs a restart."""
        self._files = {
            path.name: path.read_bytes()
            for path in folder.iterdir()
            if path.suffix in TYPES or path.suffix in (".br", ".zst")
        }

    def find(self, name: str, accepted: str) -> tuple[bytes, dict[str, str]] | None:
        """The body and headers of a file for an Accept-Encoding header; None when it was not built."""
        media_type = TYPES.get(Path(name).suffix)
        plain = self._files.get(name)
        if media_type is None or plain is None:
            return None
        headers = {"Content-Type": media_type, "Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        offered = {
            part.split(";")[0].strip() for part in accepted.split(",") if not part.strip().endswith("q=0")
        }
        for encoding, ending in ENCODINGS:
            if encoding in offered and (packed := self._files.get(name + ending)) is not None:
                return packed, {**headers, "Content-Encoding": encoding}
        return plain, headers


@get("/static/{name:str}", permission=PUBLIC, include_in_schema=False, sync_to_thread=False)
def static_file(request: Request[Any, Any, Any], name: str) -> Response[bytes]:
    """One built file; 404 for anything that is not in the built folder."""
    files: StaticFiles = request.app.state.static_files
    found = files.find(name, request.headers.get("accept-encoding", ""))
    if found is None:
        raise NotFoundException("No such file")
    body, headers = found
    return Response(body, headers=headers, media_type=MediaType.TEXT)
