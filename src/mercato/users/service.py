"""The users service: each method of the contract is one verb."""

from datetime import datetime, timedelta
from uuid import UUID

from mercato.contracts.shared import DEFAULT_LIMIT, Address, Page
from mercato.contracts.users import PublicKey, Role, SavedAddress, SessionInfo, SignIn, User
from mercato.kernel import clock
from mercato.kernel.context import Context, Principal
from mercato.kernel.errors import NotFound, Unauthenticated
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.kernel.runtime import Runtime
from mercato.users import domain, rows
from mercato.users.actions import Desk, profile, registration, signing_in, staffing
from mercato.users.passwords import Passwords
from mercato.users.principals import Principals
from mercato.users.store import accounts, addresses, rights, sessions
from mercato.users.tokens import SigningKeys

KEEP_ENDED = timedelta(days=30)
"""How long ended sessions and spent tokens stay, so that their reuse is still noticed."""


class UsersService:
    """Implements `contracts.users.Users`."""

    def __init__(self, runtime: Runtime) -> None:
        settings = runtime.settings
        self.database = runtime.database("users")
        self.passwords = Passwords()
        self.keys = SigningKeys(self.database, issuer=settings.public_url, secret=settings.secret_key)
        self.principals = Principals(self.database, self.keys)
        self.desk = Desk(
            database=self.database, outbox=runtime.outbox("users"), passwords=self.passwords,
            keys=self.keys,
            allow_local_email=not settings.is_production,
        )  # fmt: skip

    async def start(self) -> None:
        """Seed the roles, make a signing key when there is none, hash the dummy."""
        await rights.seed_roles(
            self.database,
            codes=[role.code for role in domain.SEEDED_ROLES],
            names=[role.name for role in domain.SEEDED_ROLES],
            permissions=[role.permissions for role in domain.SEEDED_ROLES],
        )
        await self.keys.rotate()
        await self.passwords.warm()

    async def stop(self) -> None:
        self.passwords.close()

    async def sweep(self) -> None:
        """Forget what ended long ago."""
        now = clock.now()
        await sessions.sweep_sessions(self.database, before=now - KEEP_ENDED)
        await sessions.sweep_tries(self.database, before=now - domain.SIGN_IN_THROTTLE.forget_after)
        await accounts.sweep_email_tokens(self.database, before=now - KEEP_ENDED)

    async def register(self, ctx: Context, *, email: str, password: str, name: str) -> None:
        await registration.register(self.desk, ctx, email=email, password=password, name=name)

    async def confirm(self, ctx: Context, *, token: str) -> User:
        return await registration.confirm(self.desk, token=token)

    async def sign_in(self, ctx: Context, *, email: str, password: str, browser: bool) -> SignIn:
        return await signing_in.sign_in(self.desk, ctx, email=email, password=password, browser=browser)

    async def refresh(self, ctx: Context, *, refresh_token: str) -> SignIn:
        return await signing_in.refresh(self.desk, refresh_token=refresh_token)

    async def sign_out(self, ctx: Context, *, token: str | None = None) -> None:
        await signing_in.sign_out(self.desk, ctx, token=token)

    async def resolve(self, ctx: Context, *, credential: str) -> Principal:
        return await self.principals.resolve(credential)

    async def request_password_reset(self, ctx: Context, *, email: str) -> None:
        await registration.request_password_reset(self.desk, ctx, email=email)

    async def reset_password(self, ctx: Context, *, token: str, password: str) -> None:
        await registration.reset_password(self.desk, token=token, password=password)

    async def me(self, ctx: Context) -> User:
        row = await accounts.user_by_id(self.database, user_id=ctx.principal.require_user_id())
        if row is None:
            raise Unauthenticated(detail="Sign in to go on.")
        return rows.user_of(row)

    async def update_me(
        self, ctx: Context, *, name: str | None = None, phone: str | None = None, locale: str | None = None
    ) -> User:
        return await profile.update_me(self.desk, ctx, name=name, phone=phone, locale=locale)

    async def change_password(self, ctx: Context, *, current: str, new: str) -> None:
        await signing_in.change_password(self.desk, ctx, current=current, new=new)

    async def addresses(self, ctx: Context) -> list[SavedAddress]:
        user_id = ctx.principal.require_user_id()
        found = await addresses.addresses_of_user(self.database, user_id=user_id)
        return [rows.address_of(row) for row in found]

    async def add_address(self, ctx: Context, *, address: Address, is_default: bool = False) -> SavedAddress:
        return await profile.save_address(
            self.desk, ctx, address_id=None, address=address, is_default=is_default
        )

    async def update_address(
        self, ctx: Context, *, address_id: UUID, address: Address, is_default: bool = False
    ) -> SavedAddress:
        return await profile.save_address(
            self.desk, ctx, address_id=address_id, address=address, is_default=is_default
        )

    async def delete_address(self, ctx: Context, *, address_id: UUID) -> None:
        await profile.delete_address(self.desk, ctx, address_id=address_id)

    async def sessions(self, ctx: Context) -> list[SessionInfo]:
        user_id = ctx.principal.require_user_id()
        found = await sessions.sessions_of_user(
            self.database, user_id=user_id, now=clock.now(), limit=domain.MAX_SESSIONS
        )
        return [rows.session_of(row, ctx.principal.session_id) for row in found]

    async def revoke_session(self, ctx: Context, *, session_id: UUID) -> None:
        user_id = ctx.principal.require_user_id()
        async with self.database.transaction() as tx:
            if not await signing_in.revoke_session(self.desk, tx, user_id=user_id, session_id=session_id):
                raise NotFound("session_not_found", "There is no such session.")

    async def revoke_other_sessions(self, ctx: Context) -> int:
        user_id, keep = ctx.principal.require_user_id(), ctx.principal.session_id
        async with self.database.transaction() as tx:
            return await signing_in.end_all(self.desk, tx, user_id=user_id, keep=keep, reason="revoked")

    async def list_users(
        self,
        ctx: Context,
        *,
        query: str = "",
        staff: bool | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[User]:
        ctx.principal.require("read_staff" if staff else "read_customers")
        if staff is None and not ctx.principal.may("read_staff"):
            staff = False
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        found, total = await accounts.list_users(
            self.database, pattern=domain.pattern_of(query), staff=staff, before=before, limit=limit + 1
        )
        items = [rows.user_of(row) for row in found[:limit]]
        more = len(found) > limit
        return Page(items, encode_cursor((items[-1].created_at, items[-1].id)) if more else None, total)

    async def get_user(self, ctx: Context, *, user_id: UUID) -> User:
        return await staffing.get_user(self.database, ctx.principal, user_id=user_id)

    async def create_user(
        self, ctx: Context, *, email: str, name: str, password: str, roles: list[str]
    ) -> User:
        return await staffing.create_user(
            self.desk, ctx, email=email, name=name, password=password, roles=roles
        )

    async def set_roles(self, ctx: Context, *, user_id: UUID, roles: list[str], version: int) -> User:
        return await staffing.set_roles(self.desk, ctx, user_id=user_id, roles=roles, version=version)

    async def set_active(self, ctx: Context, *, user_id: UUID, is_active: bool, version: int) -> User:
        return await staffing.set_active(
            self.desk, ctx, user_id=user_id, is_active=is_active, version=version
        )

    async def roles(self, ctx: Context) -> list[Role]:
        ctx.principal.require("read_staff")
        found = [rows.role_of(row) for row in await rights.all_roles(self.database)]
        return sorted(found, key=lambda role: domain.role_order(role.code))

    async def public_keys(self, ctx: Context) -> list[PublicKey]:
        return await self.keys.public_keys(now=clock.now())

    async def ensure_owner(self, ctx: Context, *, email: str, password: str | None) -> str | None:
        return await staffing.ensure_owner(self.desk, ctx, email=email, password=password)
