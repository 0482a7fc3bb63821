"""What people decide about their own account: each method of the contract is one verb."""

from uuid import UUID

from mercato.contracts.users import Consents, EmailChange, Purpose
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.errors import Denied
from mercato.users.actions import consents, email_change, leaving
from mercato.users.service.part import Part
from mercato.users.store import personal


class PersonalPart(Part):
    """Implements `contracts.users.personal.Personal`."""

    async def request_email_change(self, ctx: Context, *, email: str, password: str) -> None:
        await email_change.request(self.parts, ctx, email=email, password=password)

    async def confirm_email_change(self, ctx: Context, *, token: str) -> EmailChange:
        return await email_change.confirm(self.parts, ctx, token=token)

    async def delete_me(self, ctx: Context, *, password: str) -> None:
        await leaving.delete_me(self.parts, ctx, password=password)

    async def erase_account(self, ctx: Context, *, user_id: UUID) -> None:
        await leaving.erase_account(self.parts, ctx, user_id=user_id)

    async def emails_of(self, ctx: Context, *, user_id: UUID) -> list[str]:
        if ctx.principal.kind is not PrincipalKind.SYSTEM:
            raise Denied(detail="Only Mercato itself looks up former addresses.")
        return await personal.emails_of(self.database, user_id=user_id)

    async def consents(self, ctx: Context) -> Consents:
        return await consents.consents_of(self.database, user_id=ctx.principal.require_user_id())

    async def set_consent(
        self, ctx: Context, *, purpose: Purpose, is_given: bool, source: str = "account"
    ) -> Consents:
        return await consents.set_consent(self.parts, ctx, purpose=purpose, is_given=is_given, source=source)

    async def consents_of(self, ctx: Context, *, user_id: UUID) -> Consents:
        ctx.principal.require("read_customers")
        return await consents.consents_of(self.database, user_id=user_id)
