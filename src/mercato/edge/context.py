"""Who asks: a request's credential to a principal, remembered for a second, forgotten when rights change."""

from collections import OrderedDict
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.contracts.users import Users
from mercato.edge.arrivals import Headers
from mercato.kernel import clock
from mercato.kernel.context import GUEST, Context, Principal
from mercato.kernel.errors import Unauthenticated
from mercato.kernel.ids import digest
from mercato.kernel.web import SESSION_COOKIE

PRINCIPAL_TTL_S = 1.0
MAX_PRINCIPALS = 10_000
MAX_CREDENTIAL = 4096


class Asker(msgspec.Struct, gc=False):
    """The parts of a request that every context needs."""

    request_id: str
    trace_id: str
    channel: str
    locale: str
    client_address: str
    user_agent: str
    deadline: datetime | None
    takes_bearer: bool


class Principals:
    """The principals of credentials that were used within PRINCIPAL_TTL_S, by the credential's digest."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._forgotten = 0

    async def of(self, ctx: Context, credential: str) -> Principal:
        """The principal of a session token, access token or API key; a guest when it is not valid."""
        if len(credential) > MAX_CREDENTIAL:
            return GUEST
        key = digest(credential)
        found = self._known.get(key)
        if found is not None and found[1] > clock.monotonic_s():
            return found[0]
        before = self._forgotten
        principal = await self._users.resolve(ctx, credential=credential)
        if before == self._forgotten:
            self._known[key] = (principal, clock.monotonic_s() + PRINCIPAL_TTL_S)
            self._known.move_to_end(key)
            if len(self._known) > MAX_PRINCIPALS:
                self._known.popitem(last=False)
        return principal

    def forget(self, user_id: UUID | None = None) -> None:
        """Ask again about this user, or about everyone; an answer that is on its way is not kept."""
        self._forgotten += 1
        if user_id is None:
            self._known.clear()
            return
        for key in [key for key, (principal, _) in self._known.items() if principal.id == user_id]:
            del self._known[key]


def bearer_of(headers: Headers) -> str | None:
    """The token of `Authorization: Bearer …`, None without one. Raises Unauthenticated for other schemes."""
    given = headers.get(b"authorization")
    if given is None:
        return None
    scheme, _, token = given.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "credential_invalid", "Use Authorization: Bearer with an access token or API key."
        )
    return token.strip()


async def context_of(
    asker: Asker, headers: Headers, cookies: dict[str, str], principals: Principals, key: str | None
) -> Context:
    """The context of a request. A wrong bearer token is refused, a stale browser session is a guest."""
    ctx = Context(
        channel=asker.channel,
        locale=asker.locale,
        request_id=asker.request_id,
        trace_id=asker.trace_id,
        deadline=asker.deadline,
        idempotency_key=key,
        client_address=asker.client_address,
        user_agent=asker.user_agent,
    )
    bearer = bearer_of(headers) if asker.takes_bearer else None
    credential = bearer or cookies.get(SESSION_COOKIE)
    if not credential:
        return ctx
    principal = await principals.of(ctx, credential)
    if bearer is not None and not principal.is_signed_in:
        raise Unauthenticated(
            "credential_invalid", "The access token or API key is not valid, or has expired."
        )
    return msgspec.structs.replace(ctx, principal=principal) if principal.is_signed_in else ctx
