"""Accounts: who people are, how they sign in, what they may do."""

from mercato.contracts.users.account_events import (
    AccountDeleted,
    AccountFact,
    ConsentChanged,
    EmailChanged,
    EmailChangeOffered,
    EmailChangeRequested,
    PasswordChanged,
    SignedInFromNewDevice,
    StaffInvited,
)
from mercato.contracts.users.events import (
    AccessChanged,
    PasswordResetRequested,
    RegistrationRepeated,
    UserConfirmed,
    UserRegistered,
)
from mercato.contracts.users.keys import ApiKey, IssuedApiKey
from mercato.contracts.users.personal import Consent, Consents, EmailChange, Purpose
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
    "AccountDeleted",
    "AccountFact",
    "ApiKey",
    "Consent",
    "ConsentChanged",
    "Consents",
    "EmailChange",
    "EmailChangeOffered",
    "EmailChangeRequested",
    "EmailChanged",
    "IssuedApiKey",
    "Password",
    "PasswordChanged",
    "PasswordResetRequested",
    "PublicKey",
    "Purpose",
    "RegistrationRepeated",
    "Role",
    "SavedAddress",
    "SessionInfo",
    "SignIn",
    "SignedInFromNewDevice",
    "StaffInvited",
    "User",
    "UserConfirmed",
    "UserRegistered",
    "Users",
]
