"""What an account is made of, for an export; what stays of it is decided by `personal.forget_person`."""

from mercato.kernel.personal import Kept, PersonalTable

_MINE = "t.user_id = s.user_id"

TABLES = (
    PersonalTable(
        section="profile", table="users.users", of="t.id = s.user_id",
        columns="t.id, t.email, t.name, t.phone, t.locale, t.is_active, t.confirmed_at, t.last_sign_in_at,"
        " t.created_at, t.password_hash is not null as has_password",
    ),
    PersonalTable(
        section="addresses", table="users.addresses", of=_MINE,
        columns="t.created_at, t.name, t.company, t.street1, t.street2, t.postal_code, t.city, t.region,"
        " t.country, t.phone, t.is_default",
    ),
    PersonalTable(
        section="consents", table="users.consents", of=_MINE,
        columns="t.at, t.purpose, t.is_given, t.source, t.client_address",
    ),
    PersonalTable(
        section="sessions", table="users.sessions", of=_MINE,
        columns="t.created_at, t.last_used_at, t.user_agent, t.client_address, t.ended_at, t.end_reason,"
        " t.has_mfa",
        erase="user_agent = '', client_address = ''",
    ),
    PersonalTable(
        section="devices", table="users.devices", of=_MINE, columns="t.first_seen_at, t.last_seen_at"
    ),
    PersonalTable(
        section="authenticator", table="users.authenticators", of=_MINE,
        columns="t.created_at, t.confirmed_at, t.last_used_at",
    ),
    PersonalTable(
        section="recovery_codes", table="users.recovery_codes", of=_MINE, columns="t.created_at, t.used_at"
    ),
    PersonalTable(
        section="passkeys", table="users.passkeys", of=_MINE,
        columns="t.created_at, t.name, t.transports, t.is_synced, t.last_used_at",
    ),
    PersonalTable(
        section="identities", table="users.identities", of=_MINE,
        columns="t.created_at, t.provider, t.issuer, t.subject, t.email, t.last_used_at",
    ),
    PersonalTable(
        section="email_changes", table="users.email_changes", of=_MINE,
        columns="t.created_at, t.email, t.old_confirmed_at, t.new_confirmed_at, t.ended_at",
    ),
    PersonalTable(
        section="former_emails", table="users.former_emails", of=_MINE, columns="t.until, t.email_key"
    ),
    PersonalTable(
        section="mailed_links", table="users.email_tokens", of=_MINE,
        columns="t.created_at, t.purpose, t.name, t.expires_at, t.used_at",
    ),
    PersonalTable(
        section="acted_for", table="users.impersonations",
        of="t.session_id in (select i.id from users.sessions i where i.user_id = s.user_id)",
        columns="(select i.created_at from users.sessions i where i.id = t.session_id) as at",
        erase="delete",
    ),
    PersonalTable(
        section="invitations", table="users.invitations", of="lower(t.email) = any(s.emails)",
        columns="t.created_at, t.email, t.name, t.roles, t.accepted_at", erase="delete",
    ),
    PersonalTable(
        section="unconfirmed_accounts", table="users.users",
        of="lower(t.email) = any(s.emails) and t.confirmed_at is null and t.deleted_at is null"
        " and t.id is distinct from s.user_id",
        columns="t.created_at, t.email, t.name", erase="delete",
    ),
)  # fmt: skip


def kept(*, sign_ins_days: int, devices_days: int) -> tuple[Kept, ...]:
    return (
        Kept(
            what="sessions", days=sign_ins_days, table="users.sessions",
            old="t.expires_at < $1 or t.ended_at < $1",
        ),
        Kept(what="mailed links", days=sign_ins_days, table="users.email_tokens", old="t.expires_at < $1"),
        Kept(what="changes of address", days=sign_ins_days, table="users.email_changes", old="t.expires_at < $1"),
        Kept(what="devices", days=devices_days, table="users.devices", old="t.last_seen_at < $1"),
    )  # fmt: skip
