"""Who asks, in which channel and language, until when: the first argument of every contract call."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from mercato.kernel.errors import Denied, Unauthenticated

ALL_PERMISSIONS = "*"


class PrincipalKind(StrEnum):
    GUEST = "guest"
    USER = "user"
    API_KEY = "api_key"
    SYSTEM = "system"


class Principal(msgspec.Struct, frozen=True, gc=False):
    """Whoever the request is from. Permissions are resolved by the users service, never by the client."""

    kind: PrincipalKind = PrincipalKind.GUEST
    id: UUID | None = None
    email: str = ""
    name: str = ""
    permissions: frozenset[str] = frozenset()
    session_id: UUID | None = None

    @property
    def is_signed_in(self) -> bool:
        return self.kind is not PrincipalKind.GUEST

    @property
    def is_staff(self) -> bool:
        return bool(self.permissions)

    @property
    def label(self) -> str:
        """How a timeline or an audit row names this actor."""
        return self.email or self.name or self.kind.value

    def may(self, permission: str) -> bool:
        return permission in self.permissions or ALL_PERMISSIONS in self.permissions

    def require(self, permission: str) -> None:
        """Raise Unauthenticated for a guest and Denied for anyone else who lacks `permission`."""
        if self.may(permission):
            return
        if not self.is_signed_in:
            raise Unauthenticated(detail="Sign in to go on.")
        raise Denied(detail=f"This needs the permission {permission}.", data={"permission": permission})

    def require_user_id(self) -> UUID:
        """The id of the signed-in user; raises Unauthenticated for a guest or a machine."""
        if self.kind is not PrincipalKind.USER or self.id is None:
            raise Unauthenticated(detail="Sign in to go on.")
        return self.id


GUEST = Principal()
SYSTEM = Principal(kind=PrincipalKind.SYSTEM, name="system", permissions=frozenset({ALL_PERMISSIONS}))


class Context(msgspec.Struct, frozen=True, gc=False):
    """Travels with every contract call, in process or over the wire."""

    principal: Principal = GUEST
    channel: str = "default"
    locale: str = "en"
    request_id: str = ""
    trace_id: str = ""
    deadline: datetime | None = None
    idempotency_key: str | None = None
    client_address: str = ""
    user_agent: str = ""

    def as_system(self) -> "Context":
        """The same call on behalf of Mercato itself: for steps that the actor may not do alone."""
        return msgspec.structs.replace(self, principal=SYSTEM)


SYSTEM_CONTEXT = Context(principal=SYSTEM)
