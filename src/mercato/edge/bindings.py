"""The arguments of handlers that are not read from the request: contracts, and what is made for each."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from litestar import Request

from mercato.kernel.context import Context
from mercato.kernel.web import PerRequest


class Bindings:
    """The arguments of one function that are not read from the request, found out once at boot."""

    __slots__ = ("_made", "_wants_ctx", "_wants_request", "fixed")

    def __init__(self, fn: Callable[..., Any], values: Mapping[str, object]) -> None:
        """`values` are contracts and more, by the name of the parameter that asks for them."""
        names = inspect.signature(fn).parameters
        self.fixed = {name: values[name] for name in names if name in values}
        self._made = {
            name: (hint, Bindings(hint, values)) for name, hint in _hints(fn).items() if is_made(hint)
        }
        self._wants_ctx, self._wants_request = "ctx" in names, "request" in names

    def add_to(
        self, given: dict[str, Any], ctx: Context, request: Callable[[], Request[Any, Any, Any]]
    ) -> dict[str, Any]:
        """`given` with the arguments of one request; `request` is asked for only when it is wanted."""
        given.update(self.fixed)
        if self._wants_ctx:
            given["ctx"] = ctx
        if self._wants_request:
            given["request"] = request()
        for name, (kind, bindings) in self._made.items():
            given[name] = kind(**bindings.add_to({}, ctx, request))
        return given


def names_of(fn: Callable[..., Any]) -> frozenset[str]:
    """Every name that `fn` asks for, and those that its `PerRequest` parameters ask for."""
    made = [names_of(hint) for hint in _hints(fn).values() if is_made(hint)]
    return frozenset(inspect.signature(fn).parameters).union(*made)


def is_made(hint: Any) -> bool:
    """True for the type of a parameter that is made for each request."""
    return isinstance(hint, type) and issubclass(hint, PerRequest)


def _hints(fn: Callable[..., Any]) -> dict[str, Any]:
    return {name: each.annotation for name, each in inspect.signature(fn, eval_str=True).parameters.items()}
