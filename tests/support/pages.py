"""A small application with the user interface alone, for tests of the kit itself."""

from typing import Any

from litestar import Litestar, Request
from litestar.types import ControllerRouterHandler

from mercato.kernel.context import Context
from mercato.kernel.web import SCOPE_KEY, RequestFacts
from mercato.ui.plugin import UserInterface


async def _facts(request: Request[Any, Any, Any]) -> None:
    request.scope["state"][SCOPE_KEY] = RequestFacts(
        Context(), lambda session: "csrf-of-test", lambda: "key-of-test"
    )


def ui_application(*handlers: ControllerRouterHandler, development: bool = True) -> Litestar:
    """Style guide, static files, appearance, and the given handlers."""
    return Litestar(
        handlers, plugins=[UserInterface(development=development)], before_request=_facts, openapi_config=None
    )


application = ui_application()
