"""Appearance choices as plain forms: the cookie is set by the server, the page comes back as chosen."""

from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body

from mercato.kernel.web import PUBLIC, THEME_COOKIE, local_path
from mercato.ui.rendering import look_of, see_other

A_YEAR_S = 365 * 24 * 3600
DENSITY_COOKIE = "density"

Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


@post("/preferences/theme", permission=PUBLIC, status_code=303, include_in_schema=False)
async def switch_theme(request: Request[Any, Any, Any], data: Form) -> Response[str]:
    """Switch between light and dark, and go back."""
    chosen = "light" if look_of(request).theme == "dark" else "dark"
    return _remember(request, THEME_COOKIE, data.get("theme", chosen), ("light", "dark"), data)


@post("/preferences/density", permission=PUBLIC, status_code=303, include_in_schema=False)
async def switch_density(request: Request[Any, Any, Any], data: Form) -> Response[str]:
    """Switch between comfortable and compact rows, and go back."""
    chosen = "comfortable" if look_of(request).density == "compact" else "compact"
    return _remember(request, DENSITY_COOKIE, data.get("density", chosen), ("comfortable", "compact"), data)


def _remember(
    request: Request[Any, Any, Any], name: str, value: str, allowed: tuple[str, ...], data: dict[str, str]
) -> Response[str]:
    response = see_other(request, local_path(data.get("back", "/")))
    if value in allowed:
        response.set_cookie(Cookie(key=name, value=value, path="/", max_age=A_YEAR_S, samesite="lax"))
    return response
