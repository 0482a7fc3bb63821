"""Steps of second factors for tests: an app is set up, a sign-in is asked for its code."""

import msgspec
import pyotp
import pytest

from mercato.contracts.users import SignIn
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import (
    MercatoError,
    Throttled,
    Unauthenticated,
)
from support.users import GUEST_CONTEXT, UsersShop

EMAIL = "ann@example.org"


def code_of(secret: str, *, steps: int = 0) -> str:
    """What the app shows now, or so many half minutes later."""
    return pyotp.TOTP(secret).at(int(clock.now().timestamp()) + 30 * steps)


async def with_app(shop: UsersShop, ctx: Context) -> tuple[str, list[str]]:
    """Set an app up for whoever `ctx` is; its secret, and the recovery codes."""
    setup = await shop.users.begin_app(ctx)
    recovery = await shop.users.confirm_app(ctx, code=code_of(setup.secret))
    return setup.secret, recovery


async def challenge_of(shop: UsersShop, *, browser: bool = True) -> str:
    asked = await shop.sign_in(EMAIL, browser=browser)
    assert asked.challenge is not None and asked.session_token is None and asked.access_token is None
    return asked.challenge.token


async def finish(shop: UsersShop, challenge: str, code: str, address: str = "203.0.113.7") -> SignIn:
    ctx = msgspec.structs.replace(GUEST_CONTEXT, client_address=address)
    return await shop.users.finish_sign_in(ctx, challenge=challenge, code=code)


async def refused(shop: UsersShop, challenge: str, code: str, address: str = "203.0.113.7") -> MercatoError:
    with pytest.raises((Unauthenticated, Throttled)) as caught:
        await finish(shop, challenge, code, address)
    return caught.value


async def proved(shop: UsersShop, ctx: Context, **given: str) -> Context:
    return await shop.context_of(await shop.users.prove(ctx, **given))
