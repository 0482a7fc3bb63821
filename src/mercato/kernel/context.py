"""Who asks, in which channel and language, until when: the first argument of every contract call."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from mercato.kernel import clock
from mercato.kernel.errors import Denied, Unauthenticated

ALL_PERMISSIONS = "*"
RECENT = timedelta(minutes=10)
"""How long a proof of who one is lasts for sensitive acts, a sign-in included."""


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
    """Rights that hold in every channel."""
    limited: frozenset[tuple[str, str]] = frozenset()
    """(permission, channel) of rights that hold in some channels only. What does not ask about channels
    refuses them: a service that knows a channel uses `require_in` and `channels_of`."""
    session_id: UUID | None = None
    acting_id: UUID | None = None
    """Whoever of the staff acts for this person, in a session without rights of staff."""
    acting_label: str = ""
    proven_at: datetime | None = None
    """When this person last proved who they are, in this session."""
    has_mfa: bool = False
    """Whether this session was proved with a second factor or a passkey."""
    needs_mfa: bool = False
    """A role of this person asks for a second factor, which this session lacks: it has no permissions."""

    @property
    def is_signed_in(self) -> bool:
        return self.kind is not PrincipalKind.GUEST

    @property
    def is_staff(self) -> bool:
        return bool(self.permissions or self.limited)

    @property
    def label(self) -> str:
        """How a timeline or an audit row names this actor."""
        own = self.email or self.name or self.kind.value
        return f"{self.acting_label} for {own}" if self.acting_id is not None else own

    def may(self, permission: str) -> bool:
        return permission in self.permissions or ALL_PERMISSIONS in self.permissions

    def may_in(self, permission: str, channel: str) -> bool:
        """Whether this right holds in `channel`."""
        pairs = ((permission, channel), (ALL_PERMISSIONS, channel))
        return self.may(permission) or any(pair in self.limited for pair in pairs)

    def may_somewhere(self, permission: str) -> bool:
        """Whether this right holds in any channel: enough to open a page, which then shows only those."""
        return self.may(permission) or any(name in (permission, ALL_PERMISSIONS) for name, _ in self.limited)

    def channels_of(self, permission: str) -> frozenset[str] | None:
        """The channels in which this right holds; None is every channel."""
        if self.may(permission):
            return None
        return frozenset(channel for name, channel in self.limited if name in (permission, ALL_PERMISSIONS))

    def require(self, permission: str) -> None:
        """Raise Unauthenticated for a guest and Denied for anyone else who lacks `permission`."""
        if self.may(permission):
            return
        self._refuse(permission)

    def require_in(self, permission: str, channel: str) -> None:
        """Like `require`, for a thing that belongs to `channel`."""
        if not self.may_in(permission, channel):
            self._refuse(permission)

    def require_somewhere(self, permission: str) -> None:
        """Like `require`, where the service narrows what is found to the channels of the right."""
        if not self.may_somewhere(permission):
            self._refuse(permission)

    def _refuse(self, permission: str) -> None:
        if not self.is_signed_in:
            raise Unauthenticated(detail="Sign in to go on.")
        self.refuse_without_mfa()
        if self.may_somewhere(permission):
            raise Denied(
                "channel_denied", f"Your permission {permission} is limited to some channels.",
                data={"permission": permission},
            )  # fmt: skip
        raise Denied(detail=f"This needs the permission {permission}.", data={"permission": permission})

    def refuse_without_mfa(self) -> None:
        """Raise Denied("mfa_required") for whoever must show a second factor before they have any right."""
        if self.needs_mfa:
            raise Denied(
                "mfa_required", "Your role asks for a second factor: set one up, or sign in with it."
            )

    def require_recent(self, within: timedelta = RECENT) -> None:
        """Raise Denied("step_up_required") when a person has not proved who they are `within` this time.

        For sensitive acts: an open browser that somebody else finds must not be enough. Machines (API keys,
        Mercato itself) cannot prove more than their key; their rights are their limit.
        """
        if self.kind is not PrincipalKind.USER:
            return
        if self.proven_at is None or clock.now() - self.proven_at > within:
            seconds = int(within.total_seconds())
            raise Denied(
                "step_up_required", "Confirm that it is you, then try again.", data={"max_age_s": seconds}
            )

    def require_user_id(self) -> UUID:
        """The id of the signed-in user; raises Unauthenticated for a guest or a machine."""
        if self.kind is not PrincipalKind.USER or self.id is None:
            raise Unauthenticated(detail="Sign in to go on.")
        return self.id

    def require_own_user_id(self) -> UUID:
        """Like `require_user_id`, for what only the owner of an account may do with it.

        Raises Denied("acting_for_other") for whoever acts for somebody else.
        """
        if self.acting_id is not None:
            raise Denied("acting_for_other", "Only the owner of the account may do this.")
        return self.require_user_id()


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
