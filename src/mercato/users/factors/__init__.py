"""Second factors: what they are made of. The verbs that use them stand in `actions`."""

from urllib.parse import urlsplit

import msgspec

from mercato.settings import Settings
from mercato.users.sealing import Seal


class FactorKit(msgspec.Struct, frozen=True, gc=False):
    """What every factor of this shop is made with."""

    seal: Seal
    shop_name: str
    """How an authenticator app names the shop."""
    site: str
    """The public address, https://shop.example: passkeys are valid there only."""

    @classmethod
    def of(cls, settings: Settings) -> "FactorKit":
        name = settings.mail_from.partition("<")[0].strip().strip('"')
        site = settings.public_url
        return cls(
            seal=Seal(settings.secret_key, "second factors"),
            shop_name=name or urlsplit(site).hostname or "Mercato",
            site=site,
        )
