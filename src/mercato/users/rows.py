"""Rows of the store as structs of the contract."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.shared import Address
from mercato.contracts.users import ApiKey, Invitation, Role, SavedAddress, SessionInfo, User
from mercato.kernel.db import Row
from mercato.users.devices import device_of

STAFF_DEVICE = "Our staff, for you"


def user_of(row: Row) -> User:
    return User(
        id=row["id"], email=row["email"], name=row["name"], locale=row["locale"],
        is_confirmed=row["confirmed_at"] is not None, is_active=row["is_active"],
        roles=row["roles"], permissions=row["permissions"], created_at=row["created_at"],
        last_sign_in_at=row["last_sign_in_at"], version=row["version"], phone=row["phone"],
    )  # fmt: skip


def address_of(row: Row) -> SavedAddress:
    address = Address(
        name=row["name"], street1=row["street1"], postal_code=row["postal_code"], city=row["city"],
        country=row["country"], company=row["company"], street2=row["street2"], region=row["region"],
        phone=row["phone"],
    )  # fmt: skip
    return SavedAddress(id=row["id"], address=address, is_default=row["is_default"])


def session_of(row: Row, current: UUID | None) -> SessionInfo:
    return SessionInfo(
        id=row["id"], user_agent=row["user_agent"], client_address=row["client_address"],
        created_at=row["created_at"], last_used_at=row["last_used_at"], is_current=row["id"] == current,
        device=STAFF_DEVICE if row["is_acted"] else device_of(row["user_agent"]),
    )  # fmt: skip


def role_of(row: Row) -> Role:
    return Role(
        code=row["code"], name=row["name"], permissions=row["permissions"], is_seeded=row["is_seeded"],
        version=row["version"], description=row["description"], channels=row["channels"],
        requires_mfa=row["requires_mfa"], holders=row["holders"],
    )  # fmt: skip


def api_key_of(row: Row) -> ApiKey:
    return ApiKey(
        id=row["id"], name=row["name"], prefix=row["prefix"], permissions=row["permissions"],
        channel=row["channel"], created_at=row["created_at"], created_by=row["created_by"],
        expires_at=row["expires_at"], last_used_at=row["last_used_at"], revoked_at=row["revoked_at"],
        version=row["version"],
    )  # fmt: skip


def invitation_of(row: Row, now: datetime) -> Invitation:
    ended = (
        ("accepted", row["accepted_at"] is not None),
        ("revoked", row["revoked_at"] is not None),
        ("expired", row["expires_at"] <= now),
    )
    return Invitation(
        id=row["id"], email=row["email"], name=row["name"], roles=row["roles"],
        invited_by=row["invited_by_email"], created_at=row["created_at"], expires_at=row["expires_at"],
        status=next((name for name, holds in ended if holds), "open"),
    )  # fmt: skip
