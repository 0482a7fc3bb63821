"""The users service, made of its parts: one module for each part of the contract."""

from datetime import timedelta
from pathlib import Path

from mercato.kernel import clock
from mercato.kernel.breaches import BreachFilter
from mercato.kernel.personal import KeepsPersonalData, PersonalRows
from mercato.kernel.runtime import Runtime
from mercato.users import domain
from mercato.users.factors import FactorKit
from mercato.users.parts import Parts
from mercato.users.passwords import Passwords
from mercato.users.principals import Principals
from mercato.users.service.accounts import AccountsPart
from mercato.users.service.acting import ActingPart
from mercato.users.service.api_keys import ApiKeysPart
from mercato.users.service.external import ExternalPart
from mercato.users.service.factors import FactorsPart
from mercato.users.service.personal import PersonalPart
from mercato.users.service.roles import RolesPart
from mercato.users.service.sign_ins import SignInsPart
from mercato.users.service.staff import StaffPart
from mercato.users.sso import Providers
from mercato.users.store import accounts, challenges, erasing, personal, rights, sessions
from mercato.users.tokens import SigningKeys


class UsersService(
    AccountsPart,
    SignInsPart,
    FactorsPart,
    ExternalPart,
    StaffPart,
    ApiKeysPart,
    RolesPart,
    PersonalPart,
    ActingPart,
    KeepsPersonalData,
):
    """Implements `contracts.users.Users`."""

    def __init__(self, runtime: Runtime) -> None:
        settings = runtime.settings
        self.database = runtime.database("users")
        self._keep_ended = timedelta(days=settings.keep_sign_ins_days)
        self._keep_devices = timedelta(days=settings.keep_devices_days)
        self.personal = PersonalRows(
            runtime, "users", erasing.TABLES,
            kept=erasing.kept(
                sign_ins_days=settings.keep_sign_ins_days, devices_days=settings.keep_devices_days
            ),
        )  # fmt: skip
        breaches = BreachFilter(Path(settings.breached_passwords)) if settings.breached_passwords else None
        self.passwords = Passwords(breaches=breaches)
        self.keys = SigningKeys(self.database, issuer=settings.public_url, secret=settings.secret_key)
        self.principals = Principals(self.database, self.keys)
        self.parts = Parts(
            database=self.database, outbox=runtime.outbox("users"), passwords=self.passwords,
            keys=self.keys,
            allow_local_email=not settings.is_production,
            factor_kit=FactorKit.of(settings),
            providers=Providers.of(settings),
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
        await sessions.sweep_sessions(self.database, before=now - self._keep_ended)
        await sessions.sweep_tries(self.database, before=now - domain.SIGN_IN_THROTTLE.forget_after)
        await challenges.sweep_challenges(self.database, before=now)
        await accounts.sweep_email_tokens(self.database, before=now - self._keep_ended)
        await personal.sweep_email_changes(self.database, before=now - self._keep_ended)
        await personal.sweep_devices(self.database, before=now - self._keep_devices)
