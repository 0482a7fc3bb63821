"""Signing in with an account elsewhere: a known provider, and a strict one that lies when it is told to."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from joserfc.jwk import RSAKey

from mercato.contracts.users import FactorsChanged, SignIn
from mercato.contracts.users.external import ExternalOutcome, ExternalResult, IdentityProofRequested
from mercato.kernel.acts import Acted
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated, Unavailable
from mercato.settings import SettingsError, SsoProvider, load
from mercato.users.sso.provider import ProviderFailed, described
from support.openid import StrictProvider, consent, mock_provider, strict_provider
from support.users import GUEST_CONTEXT, UsersShop, users_shop

EMAIL = "ann@example.org"


@pytest.fixture(scope="module")
def provider() -> Iterator[StrictProvider]:
    with strict_provider() as running:
        yield running


@pytest.fixture
async def shop(
    database_url: str, nats_url: str, namespace: str, provider: StrictProvider
) -> AsyncIterator[UsersShop]:
    provider.claims = {}
    everyone = SsoProvider(
        issuer=provider.issuer, client_id="mercato", client_secret=provider.secret, name="Keycloak",
        roles={"shop-support": "support", "shop-owner": "owner"}, trusts_mfa=True,
    )  # fmt: skip
    staff = msgspec.structs.replace(everyone, audience="staff", name="Company")
    gone = msgspec.structs.replace(everyone, issuer="http://127.0.0.1:9", name="Gone")
    sso = {"keycloak": everyone, "company": staff, "gone": gone}
    async with users_shop(database_url, nats_url, namespace, sso=sso) as running:
        yield running


async def visit(
    shop: UsersShop,
    provider: StrictProvider,
    *,
    ctx: Context = GUEST_CONTEXT,
    code: str = "keycloak",
    link: bool = False,
    **claims: Any,
) -> ExternalResult:
    """Go there, agree, come back."""
    provider.claims = claims
    begun = await shop.users.begin_external(ctx, provider=code, next="/account", link=link)
    back = provider.agree(begun.url)
    return await shop.users.finish_external(
        ctx, provider=code, token=begun.token, state=back["state"], code=back["code"]
    )


async def signed_in(shop: UsersShop, result: ExternalResult) -> Context:
    assert result.outcome is ExternalOutcome.SIGNED_IN and isinstance(result.sign_in, SignIn)
    return await shop.context_of(result.sign_in)


class TestKnownProvider:
    async def test_a_real_provider_in_its_own_process_signs_a_newcomer_in_and_knows_them_again(
        self, database_url: str, nats_url: str, namespace: str
    ) -> None:
        user = {"sub": "u-1", "email": EMAIL, "email_verified": True, "name": "Ann Bell"}
        with mock_provider(user) as issuer:
            sso = {"mock": SsoProvider(issuer=issuer, client_id="shop", client_secret="secret")}
            async with users_shop(database_url, nats_url, namespace, sso=sso) as shop:
                for _ in range(2):
                    begun = await shop.users.begin_external(GUEST_CONTEXT, provider="mock", next="/cart")
                    back = consent(begun.url, "u-1")
                    done = await shop.users.finish_external(
                        GUEST_CONTEXT, provider="mock", token=begun.token, state=back["state"],
                        code=back["code"],
                    )  # fmt: skip
                    ctx = await signed_in(shop, done)
                    assert (ctx.principal.email, ctx.principal.name) == (EMAIL, "Ann Bell")
                    assert (done.next, ctx.principal.has_mfa) == ("/cart", False)
                assert (await shop.count("users"), await shop.count("identities")) == (1, 1)


class TestWayBack:
    async def test_each_journey_comes_back_once_to_the_browser_that_began_it(
        self, shop: UsersShop, provider: StrictProvider
    ) -> None:
        begun = await shop.users.begin_external(GUEST_CONTEXT, provider="keycloak", next="/")
        other = await shop.users.begin_external(GUEST_CONTEXT, provider="keycloak", next="/")
        assert begun.token not in begun.url and "nonce=" in begun.url
        back = provider.agree(begun.url)

        async def finish(token: str, state: str, code: str = back["code"], at: str = "keycloak") -> Any:
            return await shop.users.finish_external(
                GUEST_CONTEXT, provider=at, token=token, state=state, code=code
            )

        for token, state, at in (
            (other.token, back["state"], "keycloak"), ("made up", back["state"], "keycloak"),
            (begun.token, "", "keycloak"), (other.token, provider.agree(other.url)["state"], "company"),
        ):  # fmt: skip
            with pytest.raises(Unauthenticated, match="external_failed"):
                await finish(token, state, at=at)
        assert (await shop.count("users"), await shop.count("sessions")) == (0, 0)
        assert (await finish(begun.token, back["state"])).outcome is ExternalOutcome.SIGNED_IN
        with pytest.raises(Unauthenticated):
            await finish(begun.token, back["state"])
        assert await shop.count("sessions") == 1

    async def test_a_code_of_another_browser_lacks_its_verifier(
        self, shop: UsersShop, provider: StrictProvider
    ) -> None:
        mine = await shop.users.begin_external(GUEST_CONTEXT, provider="keycloak", next="/")
        victim = await shop.users.begin_external(GUEST_CONTEXT, provider="keycloak", next="/")
        stolen = provider.agree(victim.url)["code"]
        with pytest.raises(Unauthenticated):
            await shop.users.finish_external(
                GUEST_CONTEXT, provider="keycloak", token=mine.token,
                state=provider.agree(mine.url)["state"], code=stolen,
            )  # fmt: skip
        assert provider.refusals[-1] == "verifier"
        assert await shop.count("users") == 0

    @pytest.mark.parametrize(
        "lie",
        [
            {"iss": "https://other.example"}, {"aud": "other"}, {"aud": ["mercato", "other"]},
            {"nonce": "other"}, {"nonce": None}, {"exp": 1}, {"iat": 4_000_000_000}, {"sub": ""}, {"sub": 7},
            {"sub": "x" * 256},
        ],
        ids=str,
    )  # fmt: skip
    async def test_a_token_that_is_not_for_us_signs_nobody_in(
        self, shop: UsersShop, provider: StrictProvider, lie: dict[str, Any]
    ) -> None:
        with pytest.raises(Unauthenticated, match="external_failed"):
            await visit(shop, provider, **lie)
        assert (await shop.count("users"), await shop.count("identities")) == (0, 0)

    async def test_a_clock_that_is_a_little_off_is_no_reason(
        self, shop: UsersShop, provider: StrictProvider, later
    ) -> None:
        later(timedelta(seconds=-50))
        await signed_in(shop, await visit(shop, provider))

    async def test_keys_may_change_and_a_stranger_s_key_is_refused(
        self, shop: UsersShop, provider: StrictProvider, later
    ) -> None:
        await visit(shop, provider)
        known = provider.key
        try:
            provider.key = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})
            later(timedelta(seconds=11))
            with pytest.raises(Unauthenticated):
                await visit(shop, provider)
            provider.published = [provider.key]
            later(timedelta(seconds=22))
            await signed_in(shop, await visit(shop, provider))
            before = provider.requests.count("/jwks")
            await signed_in(shop, await visit(shop, provider))
            assert provider.requests.count("/jwks") == before
        finally:
            provider.key, provider.published = known, [known]

    @pytest.mark.parametrize(
        "lie",
        [
            {"issuer": "https://id.example.evil"}, {"issuer": ""}, {"token_endpoint": "http://id.example/token"},
            {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": "file:///etc/passwd"},
            {"userinfo_endpoint": "ftp://id.example"}, {"jwks_uri": 7},
        ],
        ids=str,
    )  # fmt: skip
    def test_a_description_of_another_provider_or_without_https_is_not_believed(
        self, lie: dict[str, Any]
    ) -> None:
        ends = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        true = {"issuer": "https://id.example", **{end: f"https://id.example/{end}" for end in ends}}
        assert described(true, "https://id.example").issuer == "https://id.example"
        with pytest.raises(ProviderFailed):
            described(true | lie, "https://id.example")

    async def test_a_provider_that_does_not_answer_is_said_to(self, shop: UsersShop) -> None:
        with pytest.raises(Unavailable, match="provider_unavailable"):
            await shop.users.begin_external(GUEST_CONTEXT, provider="gone", next="/")
        with pytest.raises(NotFound):
            await shop.users.begin_external(GUEST_CONTEXT, provider="none", next="/")
        assert await shop.count("challenges") == 0


class TestTakeover:
    async def test_an_identity_claims_no_account_without_proof_of_its_mailbox(
        self, shop: UsersShop, provider: StrictProvider
    ) -> None:
        victim = await shop.create(EMAIL)
        result = await visit(shop, provider)
        assert (result.outcome, result.sign_in) == (ExternalOutcome.MAILED, None)
        assert (await shop.count("identities"), await shop.count("sessions")) == (0, 0)

        (asked,) = await shop.events(IdentityProofRequested)
        assert (asked.email, asked.provider) == (EMAIL, "Keycloak")
        assert await shop.users.confirm_external(GUEST_CONTEXT, token=asked.token) == "Keycloak"
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.confirm_external(GUEST_CONTEXT, token=asked.token)

        ctx = await signed_in(shop, await visit(shop, provider))
        assert ctx.principal.id == victim.id
        assert (await shop.sign_in(EMAIL)).session_token
        assert [event.change for event in await shop.events(FactorsChanged)] == ["identity_linked"]

    async def test_an_address_that_the_provider_has_not_proved_makes_no_account_either(
        self, shop: UsersShop, provider: StrictProvider
    ) -> None:
        result = await visit(shop, provider, email_verified=False)
        assert result.outcome is ExternalOutcome.MAILED and await shop.count("users") == 0
        (asked,) = await shop.events(IdentityProofRequested)
        await shop.users.confirm_external(GUEST_CONTEXT, token=asked.token)
        ctx = await signed_in(shop, await visit(shop, provider, email_verified=False))
        assert ctx.principal.email == EMAIL

    async def test_the_link_lives_an_hour_and_one_is_mailed_in_fifteen_minutes(
        self, shop: UsersShop, provider: StrictProvider, later
    ) -> None:
        await shop.create(EMAIL)
        for _ in range(3):
            assert (await visit(shop, provider)).outcome is ExternalOutcome.MAILED
        (asked,) = await shop.events(IdentityProofRequested)
        later(timedelta(hours=1))
        with pytest.raises(Invalid, match="token_invalid"):
            await shop.users.confirm_external(GUEST_CONTEXT, token=asked.token)
        assert await shop.count("identities") == 0

    async def test_a_changed_address_there_changes_nothing_here(
        self, shop: UsersShop, provider: StrictProvider
    ) -> None:
        await shop.create("boss@example.org", "owner")
        await signed_in(shop, await visit(shop, provider))
        ctx = await signed_in(shop, await visit(shop, provider, email="boss@example.org"))
        assert (ctx.principal.email, ctx.principal.permissions) == (EMAIL, frozenset())

    async def test_an_account_that_is_off_stays_shut(self, shop: UsersShop, provider: StrictProvider) -> None:
        await signed_in(shop, await visit(shop, provider))
        await shop.database.execute("update users.users set is_active = false")
        with pytest.raises(Unauthenticated, match="external_failed"):
            await visit(shop, provider)

    async def test_a_second_factor_here_is_asked_for_unless_one_was_used_there(
        self, shop: UsersShop, provider: StrictProvider
    ) -> None:
        ctx = await signed_in(shop, await visit(shop, provider))
        await shop.database.execute(
            "insert into users.authenticators (user_id, sealed_secret, created_at, confirmed_at)"
            " values ($1, 'x', now(), now())",
            ctx.principal.id,
        )
        result = await visit(shop, provider)
        assert result.sign_in is not None and result.sign_in.challenge is not None
        assert result.sign_in.session_token is None
        trusted = await signed_in(shop, await visit(shop, provider, amr=["pwd", "mfa"]))
        assert trusted.principal.has_mfa


class TestLinks:
    async def test_an_identity_is_linked_from_inside_and_unlinked_again(
        self, shop: UsersShop, provider: StrictProvider
    ) -> None:
        ctx = await shop.signed_in("ben@example.org")
        result = await visit(shop, provider, ctx=ctx, link=True)
        assert result.outcome is ExternalOutcome.LINKED
        again = await signed_in(shop, await visit(shop, provider))
        assert again.principal.email == "ben@example.org"
        (identity,) = await shop.users.identities(ctx)
        assert (identity.provider, identity.email) == ("Keycloak", EMAIL)
        stranger = await shop.signed_in("eve@example.org")
        with pytest.raises(NotFound):
            await shop.users.unlink_identity(stranger, identity_id=identity.id)
        with pytest.raises(Conflict, match="identity_taken"):
            await visit(shop, provider, ctx=stranger, link=True)
        await shop.users.unlink_identity(ctx, identity_id=identity.id)
        assert await shop.users.identities(ctx) == []

    async def test_a_link_that_was_begun_by_somebody_else_links_nothing(
        self, shop: UsersShop, provider: StrictProvider
    ) -> None:
        attacker = await shop.signed_in("eve@example.org")
        victim = await shop.signed_in("ben@example.org")
        begun = await shop.users.begin_external(attacker, provider="keycloak", next="/", link=True)
        back = provider.agree(begun.url)
        for ctx in (victim, GUEST_CONTEXT):
            with pytest.raises(Unauthenticated):
                await shop.users.finish_external(
                    ctx, provider="keycloak", token=begun.token, state=back["state"], code=back["code"]
                )
        assert await shop.count("identities") == 0

    async def test_the_last_way_in_stays(self, shop: UsersShop, provider: StrictProvider) -> None:
        ctx = await signed_in(shop, await visit(shop, provider))
        (identity,) = await shop.users.identities(ctx)
        with pytest.raises(Conflict, match="last_way_in"):
            await shop.users.unlink_identity(ctx, identity_id=identity.id)
        assert len(await shop.users.identities(ctx)) == 1


class TestGroups:
    async def test_roles_follow_the_groups_at_each_sign_in_and_others_stay(
        self, shop: UsersShop, provider: StrictProvider
    ) -> None:
        ctx = await signed_in(shop, await visit(shop, provider, groups=["shop-support", "unknown"]))
        assert ctx.principal.may("write_orders")
        acts = [(act.act, act.object_label) for act in await shop.events(Acted)]
        assert acts[-2:] == [("user.roles_changed", EMAIL), ("session.staff_signed_in", EMAIL)]
        await shop.database.execute(
            "insert into users.user_roles (user_id, role_code, granted_at) values ($1, 'analyst', now())",
            ctx.principal.id,
        )
        later_on = await signed_in(shop, await visit(shop, provider, groups=[]))
        assert not later_on.principal.may("write_orders") and later_on.principal.may("read_analytics")

    async def test_the_last_owner_stays_owner(self, shop: UsersShop, provider: StrictProvider) -> None:
        await signed_in(shop, await visit(shop, provider, groups=["shop-owner"]))
        ctx = await signed_in(shop, await visit(shop, provider, groups=[]))
        assert ctx.principal.may("write_staff")

    async def test_a_provider_of_the_staff_lets_in_only_who_has_a_role(
        self, shop: UsersShop, provider: StrictProvider
    ) -> None:
        with pytest.raises(Denied, match="identity_not_welcome"):
            await visit(shop, provider, code="company", groups=["visitors"])
        assert await shop.count("users") == 0
        await signed_in(shop, await visit(shop, provider, code="company", groups=["shop-support"]))
        found = {
            each.code: (each.for_customers, each.for_staff)
            for each in await shop.users.providers(GUEST_CONTEXT)
        }
        assert found == {"keycloak": (True, True), "company": (False, True), "gone": (True, True)}


class TestSettings:
    def test_providers_come_from_the_environment_with_their_secret_apart(self) -> None:
        given = '{"keycloak": {"issuer": "https://id.example", "client_id": "shop"}}'
        found = load({"MERCATO_SSO": given, "MERCATO_SSO_KEYCLOAK_CLIENT_SECRET": "hush"})
        assert found.sso["keycloak"] == SsoProvider(
            issuer="https://id.example", client_id="shop", client_secret="hush"
        )

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("{", "MERCATO_SSO is no valid JSON"),
            ('{"a": {"issuer": "x", "client_id": "y", "client_secret": "z"}}', "MERCATO_SSO_A_CLIENT_SECRET"),
            ('{"A B": {"issuer": "x", "client_id": "y"}}', "short word"),
            ('{"a": {"issuer": "x"}}', "client_id"),
        ],
    )
    def test_says_what_is_wrong(self, text: str, told: str) -> None:
        with pytest.raises(SettingsError, match=told):
            load({"MERCATO_SSO": text})
