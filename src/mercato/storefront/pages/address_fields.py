"""The fields of an address, asked for when somebody chooses another country in a form."""

from typing import Any

from litestar import Request, Response, post

from mercato.kernel.web import PUBLIC
from mercato.storefront.forms import Errors, Form, rules_of, typed_address
from mercato.ui.rendering import page


@post("/address-fields", permission=PUBLIC, include_in_schema=False, status_code=200, replay=False)
async def address_fields(request: Request[Any, Any, Any], data: Form) -> Response[str]:
    """The part of the form, with what was typed; posted, so that addresses stand in no log of addresses."""
    context = {
        "rules": rules_of(data.get("country", "")),
        "typed": typed_address(data),
        "errors": Errors(),
        "with_company": "tax_id" not in data,
    }
    return page(request, "address_fields.html", context, headers={"Cache-Control": "no-store"})


routes = [address_fields]
