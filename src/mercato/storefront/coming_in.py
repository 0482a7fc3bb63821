"""A visitor has proved who they are: their session begins, and the guest's bag joins the customer's."""

from typing import Any, TypeVar

import msgspec
import structlog
from litestar import Response

from mercato.contracts.carts import Carts
from mercato.contracts.users import NewPasskey, PasskeyProof, SignIn, Users
from mercato.contracts.users.external import IdentityProvider
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid, MercatoError, Throttled
from mercato.kernel.web import SESSION_COOKIE, cookie
from mercato.storefront.bag import bag_cookie, bag_key
from mercato.storefront.visit import Visit

CREDENTIAL_MOST = 20_000

T = TypeVar("T")

log = structlog.get_logger()


async def begin_session(visit: Visit, carts: Carts, users: Users, done: SignIn, target: str) -> Response[str]:
    """Send the visitor on to `target`, signed in."""
    response = visit.go(target)
    token = done.session_token or ""
    response.set_cookie(cookie(SESSION_COOKIE, token, max_age_s=done.expires_in))
    key = bag_key(visit.request)
    if key is None or key.token is None:
        return response
    principal = await users.resolve(visit.ctx, credential=token)
    try:
        mine = msgspec.structs.replace(visit.ctx, principal=principal)
        cart = await carts.merge(mine, cart_id=key.cart_id, token=key.token)
    except MercatoError as error:
        # The sign-in stands; the guest's bag is still there under its own cookie.
        log.warning("bag not merged", error=repr(error))
        return response
    response.set_cookie(bag_cookie(cart, cart.token))
    return response


async def customer_ways(ctx: Context, users: Users) -> list[IdentityProvider]:
    """The providers whose accounts sign customers in."""
    return [each for each in await users.providers(ctx) if each.for_customers]


def proof_of(form: dict[str, Any]) -> PasskeyProof:
    """What a browser has signed with a passkey. Raises Invalid."""
    return _credential_of(form, PasskeyProof)


def new_passkey_of(form: dict[str, Any]) -> NewPasskey:
    """The passkey that a browser has made. Raises Invalid."""
    return _credential_of(form, NewPasskey)


def _credential_of(form: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.json.decode(str(form.get("credential", ""))[:CREDENTIAL_MOST].encode(), type=kind)
    except (msgspec.DecodeError, UnicodeError):
        raise Invalid("passkey_invalid", "The passkey was not read. Try again.") from None


def later(throttled: Throttled) -> str:
    """When to come back, in words."""
    seconds = int(throttled.data.get("retry_after_s", 60))
    return f"Too many tries. Try again in {-(-seconds // 60)} min."
