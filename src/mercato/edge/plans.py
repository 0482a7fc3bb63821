"""The short way for JSON routes: reading arguments and writing answers, both prepared at boot.

Litestar stays the way in which handlers are written, routed and described. Executing them through it costs
about 0.1 ms more per call and converts bodies leniently ("3" for 3); a plan reads bodies strictly. Handlers
that use more of Litestar (forms, uploads, cookies) run through it as usual.
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar import Response
from litestar.enums import ParamType
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg, KwargDefinition, ParameterKwarg
from litestar.response.base import ASGIResponse

from mercato.edge.bindings import Bindings, is_made
from mercato.edge.problems import Malformed, UnsupportedMedia, invalid_of
from mercato.edge.routes import Route, RouteError
from mercato.kernel.errors import FieldError, Invalid

MAX_QUERY_FIELDS = 200
MAX_JSON_DEPTH = 32
MAX_NAME_LENGTH = 100
_EVERYWHERE = frozenset({"channel", "locale"})
_CONSTRAINTS = ("ge", "gt", "le", "lt", "multiple_of", "pattern", "min_length", "max_length")
_LITESTAR_ONLY = frozenset({"state", "scope", "socket", "headers", "cookies", "query", "body"})
_PLAIN = (UUID, str, int)
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_encode = msgspec.json.Encoder().encode


class Parameter(msgspec.Struct, frozen=True):
    """One argument that comes from the path, the query or a header: where from, its type and description."""

    name: str
    source: str
    alias: str
    annotation: Any
    is_required: bool
    default: Any = None
    is_list: bool = False
    is_figure: bool = False
    """A number or a switch: the only texts that are converted leniently ("3" for 3)."""
    description: str = ""


class Plan:
    """How to call one JSON handler: its parameters, the decoder of its body, what is bound to it."""

    def __init__(
        self, handler: HTTPRouteHandler, values: Mapping[str, object], path_names: frozenset[str]
    ) -> None:
        fn = handler.opt["route"].fn
        self.fn = fn
        self.bindings = Bindings(fn, values)
        self.status: int = handler.status_code
        signature, hints = inspect.signature(fn), get_type_hints(fn, include_extras=True)
        self.returns: Any = hints.get("return", Any)
        self.body_type: Any = hints.get("data")
        data = signature.parameters.get("data")
        self.body_default: Any = data.default if data is not None else inspect.Parameter.empty
        self.parameters = parameters_of(fn, frozenset(values), path_names)
        self._decoder = msgspec.json.Decoder(self.body_type) if data is not None else None
        self._path_only = tuple(
            p.name for p in self.parameters if p.source == "path" and p.annotation in _PLAIN
        )
        self._converted = tuple(p for p in self.parameters if p.name not in self._path_only)
        self._figures = _struct_of(fn.__name__, [p for p in self._converted if p.is_figure])
        self._texts = _struct_of(fn.__name__, [p for p in self._converted if not p.is_figure])

    def arguments(
        self, headers: Mapping[bytes, bytes], path: Mapping[str, Any], query: bytes, body: bytes
    ) -> dict[str, Any]:
        """What the request says to the handler. Raises Invalid, Malformed or UnsupportedMedia."""
        given: dict[str, Any] = {}
        for name in self._path_only:
            given[name] = path[name]
        if self._converted:
            given.update(self._convert(headers, path, query))
        if self._decoder is not None:
            given["data"] = self._body(headers, body)
        return given

    def encode(self, result: Any) -> bytes:
        return b"" if result is None else _encode(result)

    def _convert(
        self, headers: Mapping[bytes, bytes], path: Mapping[str, Any], query: bytes
    ) -> dict[str, Any]:
        raw = self._raw(headers, path, query)
        try:
            figures = msgspec.convert(raw, self._figures, strict=False)
            texts = msgspec.convert(raw, self._texts)
            return msgspec.structs.asdict(figures) | msgspec.structs.asdict(texts)
        except msgspec.ValidationError:
            raise Invalid("invalid", "Some values are refused.", errors=self._errors(raw)) from None

    def _raw(self, headers: Mapping[bytes, bytes], path: Mapping[str, Any], query: bytes) -> dict[str, Any]:
        asked = _query_of(query)
        raw: dict[str, Any] = {}
        for parameter in self._converted:
            if parameter.source == "path":
                raw[parameter.name] = path[parameter.name]
            elif parameter.source == "header":
                value = headers.get(parameter.alias.encode())
                if value is not None:
                    raw[parameter.name] = value.decode("latin-1")
            elif parameter.alias in asked:
                values = asked[parameter.alias]
                if len(values) > 1 and not parameter.is_list:
                    errors = [FieldError(parameter.alias, "repeated", "Give this once.")]
                    raise Invalid("invalid", "Some values are refused.", errors=errors)
                raw[parameter.name] = values if parameter.is_list else values[-1]
        return raw

    def _errors(self, raw: dict[str, Any]) -> list[FieldError]:
        errors = []
        for parameter in self._converted:
            if parameter.name not in raw:
                if parameter.is_required:
                    errors.append(FieldError(parameter.alias, "required", "This is required."))
                continue
            try:
                msgspec.convert(raw[parameter.name], parameter.annotation, strict=not parameter.is_figure)
            except msgspec.ValidationError as error:
                errors.append(invalid_of(error, parameter.alias))
        return errors

    def _body(self, headers: Mapping[bytes, bytes], body: bytes) -> Any:
        if not body:
            if self.body_default is not inspect.Parameter.empty:
                return self.body_default
            raise Malformed("body_missing", "Send a JSON body.")
        media_type = headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower()
        if media_type != b"application/json" and not media_type.endswith(b"+json"):
            raise UnsupportedMedia("unsupported_media_type", "Send the body as application/json.")
        refuse_deep(body)
        try:
            return self._decoder.decode(body)  # type: ignore[union-attr]
        except msgspec.ValidationError as error:
            raise Invalid("invalid", "Some fields are refused.", errors=[invalid_of(error)]) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed("malformed_json", f"The body is no valid JSON: {error}.") from None


def plan_of(
    handler: HTTPRouteHandler, values: Mapping[str, object], path_names: frozenset[str]
) -> Plan | None:
    """The plan of a JSON handler, or None when only Litestar can call it."""
    fn = handler.opt["route"].fn
    names = set(inspect.signature(fn).parameters)
    if not inspect.iscoroutinefunction(fn) or names & _LITESTAR_ONLY:
        return None
    hints = get_type_hints(fn, include_extras=True)
    for name, parameter in inspect.signature(fn).parameters.items():
        if isinstance(parameter.default, KwargDefinition):
            return None
        for meta in _metadata(hints.get(name)):
            if isinstance(meta, BodyKwarg) or _is_cookie(meta):
                return None
    return Plan(handler, values, path_names)


def parameters_of(fn: Any, injected: frozenset[str], path_names: frozenset[str]) -> tuple[Parameter, ...]:
    """The parameters of a handler that come from the path, the query and headers."""
    hints = get_type_hints(fn, include_extras=True)
    return tuple(
        _parameter(parameter, hints[name], path_names)
        for name, parameter in inspect.signature(fn).parameters.items()
        if name not in injected
        and name not in _LITESTAR_ONLY
        and name not in ("ctx", "request", "data")
        and not is_made(hints[name])
    )


def known_query_of(route: Route) -> frozenset[str] | None:
    """What the query of a route may name; None for pages and for routes that read any name."""
    if not route.is_api or route.any_query:
        return None
    return frozenset(each.alias for each in route.parameters if each.source == "query") | _EVERYWHERE


def refuse_unknown(query: bytes, known: frozenset[str]) -> None:
    """Raise Invalid for names that no parameter has: a filter that is misspelled must not find everything."""
    errors = [
        FieldError(name[:MAX_NAME_LENGTH], "unknown_parameter", "There is no such parameter.")
        for name in _query_of(query)
        if name not in known
    ]
    if errors:
        raise Invalid("unknown_parameter", "Some parameters of the address are unknown.", errors=errors)


def form_type_of(fn: Any) -> str:
    """The media type of the form that a handler reads as `data`; "" for JSON and for none."""
    for meta in _metadata(get_type_hints(fn, include_extras=True).get("data")):
        if isinstance(meta, BodyKwarg):
            return str(getattr(meta.media_type, "value", meta.media_type))
    return ""


def refuse_unreadable(handler: HTTPRouteHandler) -> None:
    """Raise RouteError for a handler whose arguments Litestar could not convert on any request."""
    try:
        msgspec.convert({}, handler.signature_model, dec_hook=lambda cls, value: value)
    except msgspec.ValidationError:
        return
    except TypeError as error:
        raise RouteError(
            f"{handler.fn.__module__}.{handler.fn.__name__} cannot be called: {error}."
        ) from None


def _is_cookie(meta: Any) -> bool:
    return isinstance(meta, ParameterKwarg) and meta.param_type is ParamType.COOKIE


def is_response(result: Any) -> bool:
    """True for what must be sent by Litestar: a Response of any kind."""
    return isinstance(result, Response | ASGIResponse)


def refuse_deep(body: bytes) -> None:
    """Raise Malformed for JSON that nests deeper than MAX_JSON_DEPTH."""
    if body.count(b"[") + body.count(b"{") <= MAX_JSON_DEPTH:
        return
    depth = 0
    for byte in _TEXTS.sub(b"", body).translate(None, _NOT_BRACKETS):
        if byte in b"]}":
            depth -= 1
            continue
        depth += 1
        if depth > MAX_JSON_DEPTH:
            raise Malformed("json_too_deep", f"JSON may nest {MAX_JSON_DEPTH} levels deep.")


def _query_of(query: bytes) -> dict[str, list[str]]:
    asked: dict[str, list[str]] = {}
    if not query:
        return asked
    try:
        pairs = parse_qsl(
            query.decode("latin-1"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS
        )
    except ValueError as error:
        raise Malformed("malformed_query", "The query of the address cannot be read.") from error
    for name, value in pairs:
        asked.setdefault(name, []).append(value)
    return asked


def _parameter(parameter: inspect.Parameter, hint: Any, path_names: frozenset[str]) -> Parameter:
    name, default = parameter.name, parameter.default
    definition = next((meta for meta in _metadata(hint) if isinstance(meta, ParameterKwarg)), None)
    source, alias = ("path", name) if name in path_names else ("query", name)
    annotation, description = _annotation_of(hint), ""
    if definition is not None:
        if definition.param_type is ParamType.HEADER:
            source, alias = "header", (definition.name or name).lower()
        elif source == "query":
            alias = definition.name or name
        description = definition.description or ""
    is_required = default is inspect.Parameter.empty
    return Parameter(
        name,
        source,
        alias,
        annotation,
        is_required,
        None if is_required else default,
        _is_list(hint),
        _is_figure(hint),
        description,
    )


def _annotation_of(hint: Any) -> Any:
    """`hint` with the limits of Litestar's Parameters as limits of msgspec."""
    if get_origin(hint) in (Union, UnionType):
        return Union[tuple(_annotation_of(member) for member in get_args(hint))]  # noqa: UP007
    if get_origin(hint) is not Annotated:
        return hint
    inner, *rest = get_args(hint)
    metas = [meta for meta in rest if isinstance(meta, msgspec.Meta)]
    for definition in rest:
        if isinstance(definition, ParameterKwarg):
            limits = {
                n: getattr(definition, n) for n in _CONSTRAINTS if getattr(definition, n, None) is not None
            }
            metas += [msgspec.Meta(**limits)] if limits else []
    members = get_args(inner) if get_origin(inner) in (Union, UnionType) else (inner,)
    limited = [member if member is NoneType else _limited(member, tuple(metas)) for member in members]
    return Union[tuple(limited)]  # noqa: UP007 (built at run time)


def _limited(annotation: Any, metas: tuple[msgspec.Meta, ...]) -> Any:
    for meta in metas:
        annotation = Annotated[annotation, meta]
    return annotation


def _struct_of(name: str, parameters: Sequence[Parameter]) -> type[msgspec.Struct]:
    fields = [
        (p.name, p.annotation) if p.is_required else (p.name, p.annotation, _default_of(p.default))
        for p in parameters
    ]
    struct = msgspec.defstruct(f"{name}_parameters", fields, kw_only=True)
    # A type that msgspec cannot read must stop the boot, not the first request.
    with suppress(msgspec.ValidationError):
        msgspec.convert({}, struct)
    return struct


def _default_of(default: Any) -> Any:
    if isinstance(default, list | dict | set):
        return msgspec.field(default_factory=lambda: type(default)(default))
    return msgspec.field(default=default)


def _metadata(hint: Any) -> tuple[Any, ...]:
    """What stands beside the type in `Annotated`, also in a member of a union."""
    if get_origin(hint) in (Union, UnionType):
        return tuple(meta for member in get_args(hint) for meta in _metadata(member))
    return tuple(get_args(hint)[1:]) if get_origin(hint) is Annotated else ()


def _is_figure(hint: Any) -> bool:
    """True when an integer, a number or a boolean stands anywhere in the type."""
    if get_origin(hint) is None:
        return (
            inspect.isclass(hint) and issubclass(hint, int | float | Decimal) and not issubclass(hint, Enum)
        )
    return any(_is_figure(part) for part in get_args(hint))


def _is_list(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        hint = next((each for each in get_args(hint) if each is not NoneType), hint)
    return get_origin(hint) in (list, tuple, set, frozenset)
