"""Renders templates: the Jinja2 environment, single blocks for htmx, the response of every page."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import (
    BytecodeCache,
    ChoiceLoader,
    Environment,
    FileSystemBytecodeCache,
    FileSystemLoader,
    StrictUndefined,
)
from litestar import Request, Response
from litestar.enums import MediaType
from markupsafe import Markup

from mercato.kernel import clock
from mercato.kernel.web import csrf_token, form_key
from mercato.ui import charts, formats, images
from mercato.ui.assets import Assets

PACKAGE = Path(__file__).parent.parent
TEMPLATE_FOLDERS = tuple(
    PACKAGE / name / "templates" for name in ("ui", "storefront", "admin", "notifications")
)
THEMES = ("light", "dark")
DENSITIES = ("comfortable", "compact")

AnyRequest = Request[Any, Any, Any]


class Look(msgspec.Struct, frozen=True):
    """What a visitor chose about the appearance, from cookies. An empty theme follows the system."""

    theme: str = ""
    density: str = ""


class Renderer:
    """The templates of ui and the pages, each of which a merchant's folder may override by name."""

    def __init__(
        self, *, assets: Assets | None = None, overrides: Path | None = None, cache: Path | None = None
    ) -> None:
        """`overrides` is searched first; `cache` keeps compiled templates between starts (must exist)."""
        self.assets = assets or Assets()
        folders = [overrides] if overrides else []
        bytecode: BytecodeCache | None = FileSystemBytecodeCache(str(cache)) if cache else None
        self.environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in (*folders, *TEMPLATE_FOLDERS)]),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=bytecode,
        )
        self.environment.filters.update(
            money=formats.money,
            decimal=formats.decimal_of,
            number=formats.number,
            compact=formats.compact,
            day=formats.day,
            moment=formats.moment,
            stamp=_stamp,
            ago=formats.ago,
            hour=formats.hour,
            iso=formats.iso,
            json_ld=json_ld,
            currency_symbol=formats.currency_symbol,
        )
        self.environment.globals.update(
            icon=self.assets.icon,
            asset=self.assets.url,
            charts=charts,
            picture=images.picture,
        )

    def render(self, template: str, context: Mapping[str, Any], *, block: str | None = None) -> str:
        """The whole template, or one of its own blocks; KeyError for no such block."""
        compiled = self.environment.get_template(template)
        if block is None:
            return compiled.render(context)
        if block not in compiled.blocks:
            raise KeyError(f"{template} has no block {block!r}")
        scope = compiled.new_context(dict(context))
        # Up to its first piece of text a template runs its imports, macros and sets, which the block needs.
        whole = compiled.root_render_func(scope)
        next(whole, None)
        return "".join(scope.blocks[block][0](scope))


def _stamp(value: datetime, locale: str = "en") -> str:
    return formats.stamp(value, clock.now(), locale)


def json_ld(value: msgspec.Struct | Mapping[str, Any]) -> Markup:
    """Data for a JSON-LD script element; "<" is escaped so that no text can close the element."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))


def wants_fragment(request: AnyRequest) -> bool:
    """True when htmx asks for a part: not for a history restore, not when it selects from a whole page."""
    headers = request.headers
    return (
        headers.get("hx-request") == "true"
        and headers.get("hx-request-type") != "full"
        and headers.get("hx-history-restore-request") != "true"
    )


def look_of(request: AnyRequest) -> Look:
    """The appearance cookies of the visitor; unknown values count as none."""
    theme = request.cookies.get("theme", "")
    density = request.cookies.get("density", "")
    return Look(theme=theme if theme in THEMES else "", density=density if density in DENSITIES else "")


def page(
    request: AnyRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    block: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response[str]:
    """The page as HTML; when htmx asks for a fragment and `block` is named, only that block."""
    renderer: Renderer = request.app.state.renderer
    part = block if block and wants_fragment(request) else None
    scope = {
        "look": look_of(request),
        "csrf": csrf_token(request),
        "form_key": partial(form_key, request),
        "request_path": request.scope["path"],
        **context,
    }
    body = renderer.render(template, scope, block=part)
    vary = {"Vary": "HX-Request, HX-Request-Type, Cookie"}
    return Response(body, status_code=status, media_type=MediaType.HTML, headers={**vary, **(headers or {})})


def see_other(
    request: AnyRequest, location: str, *, headers: Mapping[str, str] | None = None
) -> Response[str]:
    """Sends the visitor on after a change: 303 for a plain form, HX-Redirect when htmx posted it."""
    if request.headers.get("hx-request") == "true":
        return Response(
            "",
            status_code=200,
            media_type=MediaType.HTML,
            headers={"HX-Redirect": location, **(headers or {})},
        )
    return Response(
        "", status_code=303, media_type=MediaType.HTML, headers={"Location": location, **(headers or {})}
    )
