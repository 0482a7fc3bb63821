"""Accounts as their owners use them: each method of the contract is one verb."""

from uuid import UUID

from mercato.contracts.shared import Address
from mercato.contracts.users import SavedAddress, User
from mercato.kernel.context import Context
from mercato.kernel.errors import Unauthenticated
from mercato.users import rows
from mercato.users.actions import profile, registration, signing_in
from mercato.users.service.part import Part
from mercato.users.store import accounts, addresses


class AccountsPart(Part):
    """Implements `contracts.users.accounts.Accounts`."""

    async def register(
        self, ctx: Context, *, email: str, password: str, name: str, marketing: bool = False
    ) -> None:
        await self.parts.passwords.refuse_breached(password)
        await registration.register(
            self.parts, ctx, email=email, password=password, name=name, marketing=marketing
        )

    async def confirm(self, ctx: Context, *, token: str) -> User:
        return await registration.confirm(self.parts, token=token)

    async def request_password_reset(self, ctx: Context, *, email: str) -> None:
        await registration.request_password_reset(self.parts, ctx, email=email)

    async def reset_password(self, ctx: Context, *, token: str, password: str) -> None:
        await self.parts.passwords.refuse_breached(password)
        await registration.reset_password(self.parts, token=token, password=password)

    async def me(self, ctx: Context) -> User:
        row = await accounts.user_by_id(self.database, user_id=ctx.principal.require_user_id())
        if row is None:
            raise Unauthenticated(detail="Sign in to go on.")
        return rows.user_of(row)

    async def update_me(
        self, ctx: Context, *, name: str | None = None, phone: str | None = None, locale: str | None = None
    ) -> User:
        return await profile.update_me(self.parts, ctx, name=name, phone=phone, locale=locale)

    async def change_password(self, ctx: Context, *, current: str, new: str) -> None:
        await self.parts.passwords.refuse_breached(new, field="new")
        await signing_in.change_password(self.parts, ctx, current=current, new=new)

    async def addresses(self, ctx: Context) -> list[SavedAddress]:
        user_id = ctx.principal.require_user_id()
        found = await addresses.addresses_of_user(self.database, user_id=user_id)
        return [rows.address_of(row) for row in found]

    async def add_address(self, ctx: Context, *, address: Address, is_default: bool = False) -> SavedAddress:
        return await profile.save_address(
            self.parts, ctx, address_id=None, address=address, is_default=is_default
        )

    async def update_address(
        self, ctx: Context, *, address_id: UUID, address: Address, is_default: bool = False
    ) -> SavedAddress:
        return await profile.save_address(
            self.parts, ctx, address_id=address_id, address=address, is_default=is_default
        )

    async def delete_address(self, ctx: Context, *, address_id: UUID) -> None:
        await profile.delete_address(self.parts, ctx, address_id=address_id)
