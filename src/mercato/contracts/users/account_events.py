"""What happened to an account and its credentials: facts for mails, for other services and for the audit."""

from typing import ClassVar
from uuid import UUID

import msgspec

from mercato.kernel.events import Event


class SecurityActed(Event, frozen=True):
    """Somebody did what an audit has to know: who, what, to which object, what changed."""

    subject: ClassVar[str] = "users.security_acted"
    actor_id: UUID | None
    actor: str
    act: str
    """`<object>.<past tense>`, for example `api_key.rotated`."""
    object_type: str
    object_id: UUID
    client_address: str
    before: dict[str, str | None] = msgspec.field(default_factory=dict)
    after: dict[str, str | None] = msgspec.field(default_factory=dict)

    @property
    def key(self) -> UUID:
        return self.object_id
