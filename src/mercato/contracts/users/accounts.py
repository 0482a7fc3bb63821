"""Accounts as their owners use them."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.shared import Address, Email, ShortText
from mercato.contracts.users.records import Password, SavedAddress, User
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class Accounts(Protocol):
    """Accounts as their owners use them."""

    async def register(
        self, ctx: Context, *, email: Email, password: Password, name: ShortText, marketing: bool = False
    ) -> None:
        """Create an unconfirmed account and mail its token. Same answer for a known address.

        `marketing` agrees to mails about offers, from the moment the address is confirmed.
        """

    async def confirm(self, ctx: Context, *, token: str) -> User:
        """Confirm the address of `token`. Raises Invalid("token_invalid") when used or expired."""

    async def request_password_reset(self, ctx: Context, *, email: Email) -> None:
        """Mail a reset token when there is an account; the same answer when not."""

    async def reset_password(self, ctx: Context, *, token: str, password: Password) -> None:
        """Set a new password and end all sessions. Raises Invalid("token_invalid" or field errors)."""

    @idempotent
    async def me(self, ctx: Context) -> User: ...

    async def update_me(
        self,
        ctx: Context,
        *,
        name: ShortText | None = None,
        phone: str | None = None,
        locale: str | None = None,
    ) -> User: ...

    async def change_password(self, ctx: Context, *, current: Password, new: Password) -> None: ...

    @idempotent
    async def addresses(self, ctx: Context) -> list[SavedAddress]: ...

    async def add_address(
        self, ctx: Context, *, address: Address, is_default: bool = False
    ) -> SavedAddress: ...

    async def update_address(
        self, ctx: Context, *, address_id: UUID, address: Address, is_default: bool = False
    ) -> SavedAddress: ...

    async def delete_address(self, ctx: Context, *, address_id: UUID) -> None: ...
