"""What people keep about themselves: name, phone, language, saved addresses."""

from uuid import UUID

import msgspec
from babel import Locale
from babel.core import UnknownLocaleError

from mercato.contracts.shared import Address
from mercato.contracts.users import SavedAddress, User
from mercato.kernel import clock
from mercato.kernel.addresses import check_address, is_phone
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from mercato.users import domain
from mercato.users.actions.registration import name_of
from mercato.users.parts import Parts
from mercato.users.rows import user_of
from mercato.users.store import accounts, addresses

PHONE_LENGTH_MAX = 40


async def update_me(
    parts: Parts, ctx: Context, *, name: str | None, phone: str | None, locale: str | None
) -> User:
    """Change what is given; an empty phone number is removed. Raises Invalid, Unauthenticated."""
    user_id = ctx.principal.require_user_id()
    name = None if name is None else name_of(name)
    if phone and (len(phone) > PHONE_LENGTH_MAX or not is_phone(phone)):
        message = "Enter a phone number with its area code, like +49 30 1234567."
        raise Invalid(detail=message, errors=[FieldError("phone", "phone_invalid", message)])
    if locale is not None:
        locale = _locale_of(locale)
    async with parts.database.transaction() as tx:
        await accounts.update_profile(
            tx, user_id=user_id, name=name, phone=phone, locale=locale, now=clock.now()
        )
        row = await accounts.user_by_id(tx, user_id=user_id)
        if row is None:
            raise Unauthenticated(detail="Sign in to go on.")
    return user_of(row)


async def save_address(
    parts: Parts, ctx: Context, *, address_id: UUID | None, address: Address, is_default: bool
) -> SavedAddress:
    """Add an address, or change the one of `address_id`; the first one is the default."""
    user_id = ctx.principal.require_user_id()
    address = checked_address(address)
    async with parts.database.transaction() as tx:
        count = await addresses.lock_owner(tx, user_id=user_id)
        if is_default:
            await addresses.clear_default(tx, user_id=user_id, but=address_id)
        if address_id is None:
            address_id, is_default = new_id(), is_default or count == 0
            await _add(tx, count, address_id, user_id, address, is_default)
        else:
            found = await addresses.update_address(
                tx, address_id=address_id, user_id=user_id, address=address, is_default=is_default
            )
            if found is None:
                raise _address_not_found()
            is_default = found
    return SavedAddress(id=address_id, address=address, is_default=is_default)


async def _add(
    tx: Tx, count: int, address_id: UUID, user_id: UUID, address: Address, is_default: bool
) -> None:
    if count >= domain.MAX_ADDRESSES:
        raise Conflict("too_many_addresses", f"At most {domain.MAX_ADDRESSES} addresses can be kept.")
    await addresses.insert_address(
        tx, address_id=address_id, user_id=user_id, address=address, is_default=is_default, now=clock.now()
    )


async def delete_address(parts: Parts, ctx: Context, *, address_id: UUID) -> None:
    user_id = ctx.principal.require_user_id()
    if not await addresses.delete_address(parts.database, address_id=address_id, user_id=user_id):
        raise _address_not_found()


def checked_address(address: Address) -> Address:
    """The address by its country's rules. Raises Invalid with every wrong field."""
    values, errors = check_address(msgspec.structs.asdict(address))
    if errors:
        raise Invalid("address_invalid", "Check the address.", errors=errors)
    return msgspec.convert({field: value for field, value in values.items() if value is not None}, Address)


def _address_not_found() -> NotFound:
    return NotFound("address_not_found", "There is no such address.")


def _locale_of(tag: str) -> str:
    try:
        return str(Locale.parse(tag.replace("-", "_"))).replace("_", "-")
    except (ValueError, UnknownLocaleError, TypeError):
        message = "This language is not known."
        raise Invalid(detail=message, errors=[FieldError("locale", "locale_unknown", message)]) from None
