"""Signing in with an account elsewhere (OpenID Connect): the providers of this shop."""

from collections.abc import Mapping

from mercato.kernel.errors import NotFound
from mercato.settings import Settings
from mercato.users.sso.provider import OpenIdProvider


class Providers:
    """The identity providers that the settings name."""

    def __init__(self, found: Mapping[str, OpenIdProvider]) -> None:
        self.all = found

    @classmethod
    def of(cls, settings: Settings) -> "Providers":
        return cls(
            {
                code: OpenIdProvider(code, each, f"{settings.public_url}/sso/{code}/callback")
                for code, each in settings.sso.items()
            }
        )

    def get(self, code: str) -> OpenIdProvider:
        """Raises NotFound."""
        if code not in self.all:
            raise NotFound("provider_not_found", "There is no such way to sign in.")
        return self.all[code]
