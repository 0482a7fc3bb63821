"""The API's description: an OpenAPI 3.1 document made from the same plans that run the requests."""

import inspect
from collections.abc import Iterable
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from mercato import __version__
from mercato.edge.problems import ProblemDetails
from mercato.edge.routes import Route
from mercato.kernel.web import API_PREFIX, PUBLIC, SIGNED_IN, STAFF
from mercato.settings import Settings

REF = "#/components/schemas/{name}"
UNSAFE = ("post", "put", "patch", "delete")
PROBLEMS = {
    400: "The request cannot be read.",
    401: "Nobody is signed in, or the credential is not valid.",
    403: "The principal may not do this.",
    404: "It does not exist, or it is not yours.",
    405: "The address does not take this method.",
    409: "The state of the thing does not allow this now, or the Idempotency-Key is taken.",
    410: "It existed and was removed.",
    413: "The body is too large.",
    415: "The body is not of a media type that this route reads.",
    422: "Some values are refused; `errors` names each field.",
    428: "A precondition is missing.",
    429: "Too many tries; see Retry-After.",
    431: "The headers are too large.",
    500: "Something broke on our side; tell us the request id.",
    503: "A part that is needed does not answer; see Retry-After.",
}
ALWAYS = (400, 405, 422, 429, 431, 500, 503)


class Operation(msgspec.Struct):
    """One method of one address."""

    method: str
    path: str
    handler: HTTPRouteHandler
    route: Route


class Types:
    """Python types on their way to schemas; all are described together, so that names are shared."""

    def __init__(self) -> None:
        self._wanted: list[tuple[dict[str, Any], Any]] = []

    def schema(self, annotation: Any) -> dict[str, Any]:
        """A schema that is filled in by `describe`."""
        members = _members(annotation)
        if len([member for member in members if _is_struct(member)]) > 1:
            return {"anyOf": [self.schema(member) for member in members]}
        place: dict[str, Any] = {}
        self._wanted.append((place, annotation))
        return place

    def describe(self) -> dict[str, Any]:
        """Fill in every schema asked for; returns the named ones."""
        annotations = [annotation for _, annotation in self._wanted]
        schemas, components = msgspec.json.schema_components(annotations, ref_template=REF)
        for (place, annotation), schema in zip(self._wanted, schemas, strict=True):
            place.update(schema)
            if datetime in _members(_bare(annotation)):
                _mark_date_time(place)
        _mark_times(components, msgspec.inspect.multi_type_info(annotations))
        return dict(components)


class ApiDescription:
    """The document, made when it is first asked for: a process that nobody asks pays nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._app: Litestar | None = None
        self._document: dict[str, Any] | None = None
        self._encoded = b""

    def read(self, app: Litestar) -> None:
        """Describe the routes of `app` from now on."""
        self._app, self._document = app, None

    def document(self) -> dict[str, Any]:
        if self._document is None:
            if self._app is None:
                raise RuntimeError("no application to describe")
            self._document = document_of(operations_of(self._app), self._settings.public_url)
            self._encoded = msgspec.json.encode(self._document)
        return self._document

    def encoded(self) -> bytes:
        self.document()
        return self._encoded


def operations_of(app: Litestar) -> list[Operation]:
    """Every documented method of every address under the API's prefix, in order of address."""
    found = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            mine: Route = handler.opt["route"]
            if not mine.is_api or handler.include_in_schema is False:
                continue
            path = route.path_format
            methods = sorted(
                method.lower() for method in handler.http_methods if method not in ("OPTIONS", "HEAD")
            )
            found += [Operation(method, path, handler, mine) for method in methods]
    return sorted(found, key=lambda each: (each.path, each.method))


def document_of(operations: Iterable[Operation], server_url: str) -> dict[str, Any]:
    """The OpenAPI document of `operations`."""
    types = Types()
    problem = types.schema(ProblemDetails)
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, types)
    responses = {
        f"Problem{status}": {
            "description": text,
            "headers": {"X-Request-Id": {"schema": {"type": "string"}}} | _retry_header(status),
            "content": {"application/problem+json": {"schema": problem}},
        }
        for status, text in PROBLEMS.items()
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mercato", "version": __version__, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": server_url}],
        "paths": paths,
        "components": {
            "schemas": types.describe(),
            "responses": responses,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token or an API key.",
                },
                "session": {"type": "apiKey", "in": "cookie", "name": "session"},
            },
        },
    }


def _operation(operation: Operation, types: Types) -> dict[str, Any]:
    route, plan = operation.route, operation.route.plan
    text = inspect.getdoc(route.fn) or route.fn.__name__.replace("_", " ").capitalize()
    described: dict[str, Any] = {
        "operationId": f"{operation.method}_{_name_of(operation.path)}",
        "summary": text.split("\n", 1)[0].rstrip("."),
        "tags": [_tag(operation.path)],
        "parameters": _parameters(operation, types),
        "responses": _responses(operation, types),
    }
    if "\n" in text:
        described["description"] = text
    if route.permission != PUBLIC:
        described["security"] = [{"bearer": []}, {"session": []}]
        if route.permission not in (SIGNED_IN, STAFF):
            described["x-permission"] = route.permission
    if plan is not None and plan.body_type is not None:
        described["requestBody"] = {
            "required": plan.body_default is inspect.Parameter.empty,
            "content": {"application/json": {"schema": types.schema(plan.body_type)}},
        }
    elif route.form_type:
        form = {"schema": {"type": "object"}}
        described["requestBody"] = {"required": True, "content": {route.form_type: form}}
    return described


def _parameters(operation: Operation, types: Types) -> list[dict[str, Any]]:
    parameters = []
    for each in operation.route.parameters:
        described = {
            "name": each.alias,
            "in": each.source,
            "required": each.is_required or each.source == "path",
            "schema": types.schema(each.annotation),
        }
        if each.description:
            described["description"] = each.description
        parameters.append(described)
    if operation.method in UNSAFE and operation.route.replays:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
                "description": "Your name for this intent: a repeated request gets the first reply again.",
            }
        )
    return parameters


def _responses(operation: Operation, types: Types) -> dict[str, Any]:
    handler, route = operation.handler, operation.route
    returns = get_type_hints(route.fn, include_extras=True).get("return", NoneType)
    responses: dict[str, Any] = {str(handler.status_code): _success(returns, types)}
    for status, answer in sorted(route.answers.items()):
        if status < 400:
            responses[str(status)] = _success(None if isinstance(answer, str) else answer, types)
        else:
            text = answer if isinstance(answer, str) else PROBLEMS.get(status, "A problem.")
            responses[str(status)] = _problem(text, types)
    for status in _usual(operation):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
    return responses


def _usual(operation: Operation) -> list[int]:
    """The problems that the edge and the services may answer with on such a route."""
    route = operation.route
    statuses = set(ALWAYS) | {401}
    if route.permission not in (PUBLIC, SIGNED_IN) or operation.method in UNSAFE or route.recent:
        statuses.add(403)
    if "{" in operation.path or operation.method in UNSAFE:
        statuses |= {404, 410}
    if operation.method in UNSAFE:
        statuses |= {409, 413, 415, 422, 428}
    if route.parameters:
        statuses |= {404, 422}
    return sorted(statuses)


def _success(returns: Any, types: Types) -> dict[str, Any]:
    bodies = [_unwrapped(member) for member in _members(returns)]
    described: dict[str, Any] = {
        "description": "Done.",
        "headers": {"X-Request-Id": {"schema": {"type": "string"}}},
    }
    kept = [body for body in bodies if body not in (None, NoneType)]
    if not kept:
        return described
    first = kept[0]
    if inspect.isclass(first) and issubclass(first, Stream):
        described["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    elif first in (bytes, str) or (inspect.isclass(first) and issubclass(first, Response)):
        described["content"] = {"*/*": {"schema": {"type": "string"}}}
    else:
        schemas = [types.schema(body) for body in kept]
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        described["content"] = {"application/json": {"schema": schema}}
    return described


def _problem(text: str, types: Types) -> dict[str, Any]:
    schema = types.schema(ProblemDetails)
    return {"description": text, "content": {"application/problem+json": {"schema": schema}}}


def _retry_header(status: int) -> dict[str, Any]:
    return {"Retry-After": {"schema": {"type": "integer"}}} if status in (429, 503) else {}


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, UnionType):
        return list(get_args(annotation))
    return [annotation]


def _unwrapped(annotation: Any) -> Any:
    """T of Response[T]; other types as they are."""
    origin = get_origin(annotation)
    if inspect.isclass(origin) and issubclass(origin, Response) and not issubclass(origin, Stream):
        return get_args(annotation)[0]
    return annotation


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _is_struct(annotation: Any) -> bool:
    cls = get_origin(annotation) or annotation
    return inspect.isclass(cls) and issubclass(cls, msgspec.Struct)


def _mark_times(components: dict[str, Any], infos: Iterable[Any]) -> None:
    """msgspec leaves the format of datetimes open; all of ours are RFC 3339."""
    by_title = {component.get("title"): component for component in components.values()}
    seen: set[Any] = set()
    waiting = list(infos)
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            component = by_title.get(getattr(info.cls, "__name__", str(info.cls)), {})
            for field in info.fields:
                waiting.append(field.type)
                if _holds_time(field.type):
                    _mark_date_time(component.get("properties", {}).get(field.encode_name, {}))
            continue
        for name in ("types", "item_types"):
            waiting += getattr(info, name, ())
        waiting += [
            getattr(info, n) for n in ("item_type", "value_type", "key_type", "type") if hasattr(info, n)
        ]


def _holds_time(info: Any) -> bool:
    if isinstance(info, msgspec.inspect.Metadata):
        return _holds_time(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        return any(_holds_time(each) for each in info.types)
    return isinstance(info, msgspec.inspect.DateTimeType)


def _mark_date_time(schema: dict[str, Any]) -> None:
    for each in (schema, *schema.get("anyOf", ())):
        if each.get("type") == "string":
            each.setdefault("format", "date-time")


def _name_of(path: str) -> str:
    words = path.removeprefix(API_PREFIX).replace("{", "").replace("}", "").replace("-", "_")
    return words.strip("/").replace("/", "_")


def _tag(path: str) -> str:
    parts = path.removeprefix(API_PREFIX).strip("/").split("/")
    return " ".join(parts[:2]) if parts[0] == "admin" else parts[0]
