"""Signing in with an account elsewhere: each method of the contract is one verb."""

from uuid import UUID

from mercato.contracts.users.external import ExternalResult, ExternalStart, Identity, IdentityProvider
from mercato.kernel.context import Context
from mercato.users.actions import external, external_links
from mercato.users.service.part import Part
from mercato.users.store import identities


class ExternalPart(Part):
    """Implements `contracts.users.external.ExternalSignIns`."""

    async def providers(self, ctx: Context) -> list[IdentityProvider]:
        return [
            IdentityProvider(
                each.code, each.name,
                for_customers=each.config.audience != "staff", for_staff=each.config.audience != "customers",
            )
            for each in self.parts.providers.all.values()
        ]  # fmt: skip

    async def begin_external(
        self, ctx: Context, *, provider: str, next: str, link: bool = False
    ) -> ExternalStart:
        return await external.begin(self.parts, ctx, provider=provider, next=next, link=link)

    async def finish_external(
        self, ctx: Context, *, provider: str, token: str, state: str, code: str
    ) -> ExternalResult:
        return await external.finish(self.parts, ctx, provider=provider, token=token, state=state, code=code)

    async def confirm_external(self, ctx: Context, *, token: str) -> str:
        return await external_links.confirm(self.parts, ctx, token=token)

    async def identities(self, ctx: Context) -> list[Identity]:
        user_id = ctx.principal.require_user_id()
        names = {code: each.name for code, each in self.parts.providers.all.items()}
        return [
            Identity(
                row["id"], names.get(row["provider"], row["provider"]), row["email"], row["created_at"],
                row["last_used_at"],
            )
            for row in await identities.identities_of_user(self.database, user_id=user_id)
        ]  # fmt: skip

    async def unlink_identity(self, ctx: Context, *, identity_id: UUID) -> None:
        await external_links.unlink(self.parts, ctx, identity_id=identity_id)
