"""Accounts: who people are, how they sign in, what they may do."""

from mercato.contracts.users.events import (
    AccessChanged,
    PasswordResetRequested,
    RegistrationRepeated,
    UserConfirmed,
    UserRegistered,
)
from mercato.contracts.users.keys import ApiKey, IssuedApiKey
from mercato.contracts.users.records import (
    PERMISSIONS,
    RESOURCES,
    Password,
    PublicKey,
    Role,
    SavedAddress,
    SessionInfo,
    SignIn,
    User,
)
from mercato.contracts.users.service import Users

__all__ = [
    "PERMISSIONS",
    "RESOURCES",
    "AccessChanged",
    "ApiKey",
    "IssuedApiKey",
    "Password",
    "PasswordResetRequested",
    "PublicKey",
    "RegistrationRepeated",
    "Role",
    "SavedAddress",
    "SessionInfo",
    "SignIn",
    "User",
    "UserConfirmed",
    "UserRegistered",
    "Users",
]
