"""Second factors and proofs: each method of the contract is one verb."""

from uuid import UUID

from mercato.contracts.users import (
    AddedPasskey,
    AppSetup,
    FactorsOverview,
    NewPasskey,
    Passkey,
    PasskeyOptions,
    PasskeyProof,
    SignIn,
)
from mercato.kernel.context import Context
from mercato.users.actions import factor_care, factor_reset, second_step
from mercato.users.service.part import Part


class FactorsPart(Part):
    """Implements `contracts.users.factors.Factors`."""

    async def factors(self, ctx: Context) -> FactorsOverview:
        return await factor_care.overview(self.parts, ctx)

    async def begin_app(self, ctx: Context) -> AppSetup:
        return await factor_care.begin_app(self.parts, ctx)

    async def confirm_app(self, ctx: Context, *, code: str) -> list[str]:
        return await factor_care.confirm_app(self.parts, ctx, code=code)

    async def remove_app(self, ctx: Context) -> None:
        await factor_care.remove_app(self.parts, ctx)

    async def begin_passkey(self, ctx: Context) -> PasskeyOptions:
        return await factor_care.begin_passkey(self.parts, ctx)

    async def add_passkey(
        self, ctx: Context, *, challenge: str, credential: NewPasskey, name: str = ""
    ) -> AddedPasskey:
        return await factor_care.add_passkey(
            self.parts, ctx, challenge=challenge, credential=credential, name=name
        )

    async def rename_passkey(self, ctx: Context, *, passkey_id: UUID, name: str) -> Passkey:
        return await factor_care.rename_passkey(self.parts, ctx, passkey_id=passkey_id, name=name)

    async def remove_passkey(self, ctx: Context, *, passkey_id: UUID) -> None:
        await factor_care.remove_passkey(self.parts, ctx, passkey_id=passkey_id)

    async def renew_recovery_codes(self, ctx: Context) -> list[str]:
        return await factor_care.renew_recovery_codes(self.parts, ctx)

    async def reset_factors(self, ctx: Context, *, user_id: UUID) -> None:
        await factor_reset.reset_factors(self.parts, ctx, user_id=user_id)

    async def finish_sign_in(
        self, ctx: Context, *, challenge: str, code: str = "", passkey: PasskeyProof | None = None
    ) -> SignIn:
        return await second_step.finish_sign_in(
            self.parts, ctx, challenge=challenge, code=code, passkey=passkey
        )

    async def ask_passkey(self, ctx: Context) -> PasskeyOptions:
        return await second_step.ask_passkey(self.parts, ctx)

    async def sign_in_with_passkey(
        self, ctx: Context, *, challenge: str, passkey: PasskeyProof, browser: bool
    ) -> SignIn:
        return await second_step.sign_in_with_passkey(
            self.parts, ctx, challenge=challenge, passkey=passkey, browser=browser
        )

    async def prove(
        self,
        ctx: Context,
        *,
        password: str = "",
        code: str = "",
        challenge: str = "",
        passkey: PasskeyProof | None = None,
    ) -> SignIn:
        return await second_step.prove(
            self.parts, ctx, password=password, code=code, challenge=challenge, passkey=passkey
        )
