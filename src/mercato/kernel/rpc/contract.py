"""What a contract says, read once from its Protocol: methods, argument structs, results."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

import msgspec

from mercato.kernel.context import Context

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__mercato_idempotent__"


def idempotent(method: F) -> F:
    """Mark a Protocol method that has the same effect once or twice: only these are retried."""
    setattr(method, _MARK, True)
    return method


class Method(msgspec.Struct, frozen=True):
    """One method of a contract. `arguments` is a struct of its keyword arguments, in their order."""

    contract: str
    name: str
    arguments: type[msgspec.Struct]
    result: Any
    is_idempotent: bool

    @property
    def label(self) -> str:
        return f"{self.contract}.{self.name}"


def name_of(contract: type) -> str:
    """How subjects and metrics name a contract: `Users` is `users`."""
    return contract.__name__.lower()


_methods: dict[type, tuple[Method, ...]] = {}


def methods_of(contract: type) -> tuple[Method, ...]:
    """Every public method of a Protocol and of the Protocols it is made of, the parts' before its own.

    Raises TypeError when one cannot cross a process boundary.
    """
    if contract not in _methods:
        _methods[contract] = _read(contract)
    return _methods[contract]


def _read(contract: type) -> tuple[Method, ...]:
    if not getattr(contract, "_is_protocol", False):
        raise TypeError(f"{contract.__name__} is no Protocol")
    found = {
        name: _method_of(contract, name, member)
        for part in reversed(contract.__mro__)
        if getattr(part, "_is_protocol", False)
        for name, member in vars(part).items()
        if not name.startswith("_") and inspect.isfunction(member)
    }
    if not found:
        raise TypeError(f"{contract.__name__} has no method")
    return tuple(found.values())


def _method_of(contract: type, name: str, function: Callable[..., Any]) -> Method:
    label = f"{contract.__name__}.{name}"
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{label} must be `async def`: it may be a call to another process")
    if len(parameters) < 2 or hints.get(parameters[1].name) is not Context:
        raise TypeError(f"{label} must take `ctx: Context` first")
    fields: list[Any] = []
    for parameter in parameters[2:]:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise TypeError(f"{label}: `{parameter.name}` must be keyword-only")
        if parameter.name not in hints:
            raise TypeError(f"{label}: `{parameter.name}` has no type")
        field: tuple[Any, ...] = (parameter.name, hints[parameter.name])
        if parameter.default is not inspect.Parameter.empty:
            field = (*field, msgspec.field(default=parameter.default))
        fields.append(field)
    if "return" not in hints:
        raise TypeError(f"{label} does not say what it returns")
    arguments = msgspec.defstruct(
        f"{contract.__name__}_{name}", fields, kw_only=True, frozen=True, module=contract.__module__
    )
    return Method(name_of(contract), name, arguments, hints["return"], hasattr(function, _MARK))
