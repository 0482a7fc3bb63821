"""The API's description as a document for machines and a page for people."""

from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.enums import MediaType

from mercato.edge.openapi import ApiDescription
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.kernel.web import API_PREFIX, PUBLIC
from mercato.ui.rendering import Renderer, look_of

TEMPLATE = Path(__file__).parent / "templates" / "reference.html"
CACHE = {"Cache-Control": "public, max-age=300"}


@get(f"{API_PREFIX}/openapi.json", permission=PUBLIC, include_in_schema=False)
async def openapi(description: ApiDescription) -> Response[bytes]:
    """The OpenAPI 3.1 document."""
    return Response(description.encoded(), media_type="application/openapi+json", headers=CACHE)


@get("/api/docs", permission=PUBLIC, include_in_schema=False)
async def docs(request: Request[Any, Any, Any], ctx: Context, description: ApiDescription) -> Response[str]:
    """The same for people, without a script."""
    renderer: Renderer | None = getattr(request.app.state, "renderer", None)
    if renderer is None:
        raise NotFound()
    template = renderer.environment.from_string(TEMPLATE.read_text("utf-8"))
    document = description.document()
    body = template.render(
        look=look_of(request),
        locale=ctx.locale,
        groups=groups_of(document),
        document=document,
        resolve=_resolver(document),
    )
    return Response(body, media_type=MediaType.HTML, headers=CACHE)


def groups_of(document: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The operations by tag, in order of address."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(
                operation | {"path": path, "method": method.upper()}
            )
    return sorted(groups.items(), key=lambda group: (group[0].startswith("admin"), group[0]))


def _resolver(document: dict[str, Any]) -> Any:
    schemas = document["components"]["schemas"]

    def resolve(schema: dict[str, Any]) -> str:
        """A schema in a few words: `Cart`, `list of string (uuid)`."""
        if "$ref" in schema:
            name: str = schema["$ref"].rpartition("/")[2]
            return str(schemas.get(name, {}).get("title", name))
        if "anyOf" in schema:
            return " or ".join(resolve(each) for each in schema["anyOf"])
        if schema.get("type") == "array":
            return f"list of {resolve(schema.get('items', {}))}"
        if "enum" in schema:
            return " · ".join(str(value) for value in schema["enum"])
        return _plain(schema)

    return resolve


def _plain(schema: dict[str, Any]) -> str:
    """A schema without others inside, with its limits."""
    kind = str(schema.get("type", "any"))
    notes = [str(schema[name]) for name in ("format", "pattern") if name in schema]
    for lowest, highest in (("minimum", "maximum"), ("minLength", "maxLength")):
        if lowest in schema and highest in schema:
            notes.append(f"{schema[lowest]} to {schema[highest]}")
        elif highest in schema:
            notes.append(f"at most {schema[highest]}")
        elif lowest in schema:
            notes.append(f"at least {schema[lowest]}")
    return f"{kind} ({', '.join(notes)})" if notes else kind


routes = [openapi, docs]
