"""Built assets: the manifest of content-hashed files and the icons that are inlined into pages."""

from functools import lru_cache
from pathlib import Path

import msgspec
from markupsafe import Markup, escape

STATIC_FOLDER = Path(__file__).parent / "static"


class AssetsMissing(RuntimeError):
    """The built assets are not there, or lack a name that a template asks for."""


class Assets:
    """Names of built files and bodies of icons, read once."""

    def __init__(self, folder: Path = STATIC_FOLDER) -> None:
        """Reads manifest.json and icons.json; raises AssetsMissing when the assets were not built."""
        try:
            self._files = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=dict[str, str])
            self._icons = msgspec.json.decode((folder / "icons.json").read_bytes(), type=dict[str, str])
        except FileNotFoundError as missing:
            raise AssetsMissing(f"{missing.filename} is missing: run `npm ci && npm run build`") from missing
        self.folder = folder
        self.icon = lru_cache(maxsize=1024)(self._icon)

    def url(self, name: str) -> str:
        """The path under which the browser gets the built file `name`, e.g. "shop.css".

        Raises AssetsMissing.
        """
        try:
            return f"/static/{self._files[name]}"
        except KeyError:
            raise AssetsMissing(f"there is no built asset {name!r}: run `npm run build`") from None

    def _icon(self, name: str, size: int = 20, css: str = "") -> Markup:
        """The icon as inline SVG, hidden from assistive technology: the text beside it says the same."""
        try:
            body = self._icons[name]
        except KeyError:
            raise AssetsMissing(
                f"icon {name!r} was not built: name it in ui/icons.txt, run `npm run build`"
            ) from None
        extra = f' class="{escape(css)}"' if css else ""
        return Markup(
            f'<svg{extra} width="{size}" height="{size}" viewBox="0 0 24 24" fill="none"'
            f' stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"'
            f' aria-hidden="true">{body}</svg>'
        )
