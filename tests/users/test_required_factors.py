"""Second factors that a role requires, that staff resets, and what they allow: shorter passwords."""

from datetime import timedelta
from uuid import UUID

import pytest

from mercato.contracts.users import FactorsChanged
from mercato.contracts.users.roles import RoleDraft
from mercato.kernel.acts import Acted
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import (
    Conflict,
    Denied,
    Invalid,
    NotFound,
    Unauthenticated,
)
from support.users import GUEST_CONTEXT, PASSWORD, UsersShop
from users.factor_steps import EMAIL, challenge_of, code_of, finish, with_app


async def require_factors(shop: UsersShop, code: str, *, is_required: bool = True) -> None:
    role = await shop.users.role(SYSTEM_CONTEXT, code=code)
    draft = RoleDraft(name=role.name, permissions=role.permissions, requires_mfa=is_required)
    await shop.users.update_role(SYSTEM_CONTEXT, code=code, draft=draft, version=role.version)


class TestRequiredByRole:
    async def test_a_role_gives_its_rights_only_with_a_second_factor(self, shop: UsersShop) -> None:
        await require_factors(shop, "support")
        await shop.create(EMAIL, "support")
        ctx = await shop.context_of(await shop.sign_in(EMAIL))
        assert (ctx.principal.permissions, ctx.principal.needs_mfa) == (frozenset(), True)
        with pytest.raises(Denied, match="mfa_required"):
            await shop.users.list_users(ctx)
        api = await shop.context_of(await shop.sign_in(EMAIL, browser=False))
        with pytest.raises(Denied, match="mfa_required"):
            await shop.users.list_users(api)

        secret, _ = await with_app(shop, ctx)

        signed_in = await finish(shop, await challenge_of(shop), code_of(secret, steps=1))
        able = await shop.context_of(signed_in)
        assert able.principal.may("read_customers") and not able.principal.needs_mfa
        with pytest.raises(Conflict, match="factor_required"):
            await shop.users.remove_app(able)
        assert (await shop.users.factors(able)).has_app

    async def test_it_holds_for_sessions_that_are_open_already(self, shop: UsersShop) -> None:
        await shop.create(EMAIL, "support")
        signed_in = await shop.sign_in(EMAIL)
        assert (await shop.context_of(signed_in)).principal.may("read_customers")
        await require_factors(shop, "support")
        assert (await shop.context_of(signed_in)).principal.needs_mfa
        await require_factors(shop, "support", is_required=False)
        assert (await shop.context_of(signed_in)).principal.may("read_customers")


class TestReset:
    async def test_staff_takes_every_factor_and_the_sessions_of_who_has_lost_them(
        self, shop: UsersShop
    ) -> None:
        ctx = await shop.signed_in(EMAIL)
        await with_app(shop, ctx)
        owner = await shop.signed_in("owner@example.org", "owner")
        assert ctx.principal.id is not None
        await shop.users.reset_factors(owner, user_id=ctx.principal.id)
        tables = [await shop.count(table) for table in ("authenticators", "recovery_codes", "passkeys")]
        assert tables == [0, 0, 0]
        assert (await shop.sign_in(EMAIL)).session_token
        open_sessions = await shop.database.fetchval(
            "select count(*) from users.sessions where user_id = $1 and ended_at is null", ctx.principal.id
        )
        assert open_sessions == 1
        act = (await shop.events(Acted))[-1]
        assert (act.act, act.object_id, act.object_label) == (
            "account.factors_reset", str(ctx.principal.id), EMAIL,
        )  # fmt: skip
        assert [event.change for event in await shop.events(FactorsChanged)][-1] == "factors_reset"

    async def test_not_beyond_ones_rights_and_not_without_a_recent_proof(
        self, shop: UsersShop, later
    ) -> None:
        owner = await shop.signed_in("owner@example.org", "owner")
        await with_app(shop, owner)
        manager = await shop.signed_in("manager@example.org", "manager")
        customer = await shop.signed_in(EMAIL)
        assert owner.principal.id and customer.principal.id
        for ctx in (manager, customer):
            with pytest.raises(Denied):
                await shop.users.reset_factors(ctx, user_id=owner.principal.id)
        with pytest.raises(Conflict, match="no_factor"):
            await shop.users.reset_factors(owner, user_id=customer.principal.id)
        with pytest.raises(NotFound):
            await shop.users.reset_factors(owner, user_id=UUID(int=1))
        later(timedelta(minutes=11))
        with pytest.raises(Denied, match="step_up_required"):
            await shop.users.reset_factors(owner, user_id=owner.principal.id)
        assert await shop.count("authenticators") == 1


class TestShortPasswords:
    SHORT = "qvx7!mzk"

    async def test_eight_characters_do_beside_a_factor_and_hold_the_last_one(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(EMAIL)
        with pytest.raises(Invalid, match="12 characters"):
            await shop.users.change_password(ctx, current=PASSWORD, new=self.SHORT)
        await with_app(shop, ctx)
        with pytest.raises(Invalid, match="8 characters"):
            await shop.users.change_password(ctx, current=PASSWORD, new=self.SHORT[:7])
        await shop.users.change_password(ctx, current=PASSWORD, new=self.SHORT)
        with pytest.raises(Conflict, match="password_too_short"):
            await shop.users.remove_app(ctx)
        assert (await shop.users.factors(ctx)).has_app
        await shop.users.change_password(ctx, current=self.SHORT, new=PASSWORD)
        await shop.users.remove_app(ctx)

    async def test_a_reset_of_the_factors_takes_a_short_password_with_them(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in(EMAIL)
        await with_app(shop, ctx)
        await shop.users.change_password(ctx, current=PASSWORD, new=self.SHORT)
        owner = await shop.signed_in("owner@example.org", "owner")
        assert ctx.principal.id is not None
        await shop.users.reset_factors(owner, user_id=ctx.principal.id)
        with pytest.raises(Unauthenticated, match="sign_in_failed"):
            await shop.users.sign_in(GUEST_CONTEXT, email=EMAIL, password=self.SHORT, browser=True)
