"""What people keep about themselves, and nobody else reaches."""

import pytest

from mercato.contracts.shared import Address
from mercato.kernel.errors import Conflict, Invalid, NotFound, Unauthenticated
from mercato.users import domain
from support.users import GUEST_CONTEXT, UsersShop

BERLIN = Address(name="Ann Bell", street1="Hauptstr. 1", postal_code="10115", city="Berlin", country="DE")
PARIS = Address(name="Ann Bell", street1="1 rue X", postal_code="75001", city="Paris", country="FR")


class TestProfile:
    async def test_changes_what_is_given_and_nothing_else(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in("ann@example.org")
        changed = await shop.users.update_me(ctx, phone="+49 30 123456", locale="de_AT")
        assert (changed.name, changed.phone, changed.locale) == ("Ann", "+49 30 123456", "de-AT")
        changed = await shop.users.update_me(ctx, name=" Ann  Bell ", phone="")
        assert (changed.name, changed.phone, changed.locale) == ("Ann Bell", None, "de-AT")
        assert await shop.users.me(ctx) == changed

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"name": " "}, "name"), ({"phone": "call me"}, "phone"), ({"locale": "klingon!"}, "locale")],
    )
    async def test_refuses_what_makes_no_sense(self, shop: UsersShop, change: dict, field: str) -> None:
        ctx = await shop.signed_in("ann@example.org")
        before = await shop.users.me(ctx)
        with pytest.raises(Invalid) as caught:
            await shop.users.update_me(ctx, **change)
        assert [error.field for error in caught.value.errors] == [field]
        assert await shop.users.me(ctx) == before

    async def test_a_guest_has_none(self, shop: UsersShop) -> None:
        with pytest.raises(Unauthenticated):
            await shop.users.me(GUEST_CONTEXT)
        with pytest.raises(Unauthenticated):
            await shop.users.addresses(GUEST_CONTEXT)


class TestAddresses:
    async def test_the_first_is_the_default_until_another_becomes_it(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in("ann@example.org")
        berlin = await shop.users.add_address(ctx, address=BERLIN)
        paris = await shop.users.add_address(ctx, address=PARIS)
        assert (berlin.is_default, paris.is_default) == (True, False)
        kept = await shop.users.update_address(ctx, address_id=berlin.id, address=BERLIN)
        assert kept.is_default
        paris = await shop.users.update_address(ctx, address_id=paris.id, address=PARIS, is_default=True)
        assert [(a.id, a.is_default) for a in await shop.users.addresses(ctx)] == [
            (paris.id, True), (berlin.id, False),
        ]  # fmt: skip
        await shop.users.delete_address(ctx, address_id=berlin.id)
        assert await shop.users.addresses(ctx) == [paris]

    async def test_is_tidied_and_checked_by_its_country(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in("ann@example.org")
        typed = Address(
            name=" Ann ", street1="1 Main St", postal_code="94043", city="Mountain View",
            region="california", country="us",
        )  # fmt: skip
        saved = (await shop.users.add_address(ctx, address=typed)).address
        assert (saved.name, saved.region, saved.country, saved.city) == ("Ann", "CA", "US", "Mountain View")
        wrong = Address(
            name="Ann",
            street1="1 Main St",
            postal_code="10115",
            city="Mountain View",
            region="CA",
            country="US",
        )
        with pytest.raises(Invalid) as caught:
            await shop.users.add_address(ctx, address=wrong)
        assert [(e.field, e.code) for e in caught.value.errors] == [("postal_code", "postal_code_invalid")]
        assert len(await shop.users.addresses(ctx)) == 1

    async def test_belongs_to_its_owner_alone(self, shop: UsersShop) -> None:
        ann, ben = await shop.signed_in("ann@example.org"), await shop.signed_in("ben@example.org")
        saved = await shop.users.add_address(ann, address=BERLIN)
        with pytest.raises(NotFound):
            await shop.users.update_address(ben, address_id=saved.id, address=PARIS)
        with pytest.raises(NotFound):
            await shop.users.delete_address(ben, address_id=saved.id)
        assert await shop.users.addresses(ben) == []
        assert await shop.users.addresses(ann) == [saved]

    async def test_has_a_bound(self, shop: UsersShop) -> None:
        ctx = await shop.signed_in("ann@example.org")
        for _ in range(domain.MAX_ADDRESSES):
            await shop.users.add_address(ctx, address=BERLIN)
        with pytest.raises(Conflict, match="too_many_addresses"):
            await shop.users.add_address(ctx, address=BERLIN)
        assert await shop.count("addresses") == domain.MAX_ADDRESSES
