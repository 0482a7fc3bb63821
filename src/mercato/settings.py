"""Everything an operator can set: one frozen object, read once from the environment and `mercato.toml`.

Environment wins over the file. Each field is `MERCATO_<FIELD>` in the environment, except the two addresses
every host already names its own way: `DATABASE_URL` and `NATS_URL`. `<SERVICE>_DATABASE_URL` gives one
service a database of its own.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from mercato.refusals import Refusal

ServiceName = Literal[
    "users",
    "catalog",
    "stock",
    "carts",
    "orders",
    "payments",
    "notifications",
    "audit",
    "carriers",
    "privacy",
]
SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)
DATABASES = (*SERVICES, "edge")
"""Who may have a database of its own."""
_PLAIN_NAMES = {"database_url": "DATABASE_URL", "nats_url": "NATS_URL"}


Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)]


class SettingsError(Refusal):
    """A setting is missing or wrong; the message names the variable and the cure."""


class SsoProvider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID provider whose accounts sign in here: `[sso.<code>]` in mercato.toml."""

    issuer: str
    """Its address; `/.well-known/openid-configuration` under it says the rest."""
    client_id: str
    client_secret: str = ""
    """Only from `MERCATO_SSO_<CODE>_CLIENT_SECRET`; empty for a public client."""
    name: str = ""
    """What the button says; the code when empty."""
    scopes: str = "openid email profile"
    audience: Literal["everyone", "customers", "staff"] = "everyone"
    groups_claim: str = "groups"
    roles: dict[str, str] = {}
    """Group there → role here. Roles that are named here follow the groups at each sign-in."""
    trusts_mfa: bool = False
    """Believe the provider when it says that a second factor was used (`amr` with `mfa`)."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a process of Mercato knows about its surroundings. Defaults suit development."""

    environment: Literal["development", "test", "production"] = "development"
    database_url: str = ""
    database_urls: dict[str, str] = {}
    nats_url: str = ""
    nats_replicas: int = 1
    """Copies of the event stream: 3 on a NATS cluster."""
    namespace: str = "mercato"
    """Prefix of every NATS subject and stream: lets several shops share one broker."""
    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str = ""
    """Public address without a trailing slash; links in mails and redirects use it."""
    secret_key: str = ""
    """Signs sessions, links and internal calls; at least 32 characters."""
    data_dir: str = ".mercato"
    """Search index, images and other files that this host keeps."""
    pool_size: int = 8
    """Database connections per process and commit mode, opened when first needed. More cost more: each keeps
    plans of its own, and a sudden crowd would first have to open them."""
    smtp_url: str = ""
    """`smtp://user:password@host:587`; empty keeps mails in the development mailbox."""
    mail_from: str = "Mercato <shop@localhost>"
    payment_providers: str = ""
    """The ways to pay in the order of checkout, `stripe, manual`; empty offers all that are set up."""
    carriers: str = ""
    """The carriers of the shop; empty is the simulated one, and none in production."""
    stripe_secret_key: str = ""
    """`sk_…` or a restricted key; Stripe is offered only when it is set."""
    stripe_webhook_secret: str = ""
    """`whsec_…` of the webhook address; without it every message of Stripe is refused."""
    stripe_publishable_key: str = ""
    """`pk_…`, told to pages that embed Stripe's own form."""
    stripe_api_base: str = "https://api.stripe.com"
    breached_passwords: str = ""
    """A file of `mercato users breach-filter`: passwords in it are refused, beside those every shop knows."""
    failpoint: str = ""
    clock_offset_s: int = 0
    """For fault tests: this process lives so many seconds in the future."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    trusted_proxies: str = ""
    """Networks whose X-Forwarded-For is believed, for example `10.0.0.0/8, 127.0.0.1`."""
    metrics_token: str = ""
    """Lets a scraper outside loopback read `/metrics`."""
    traces_url: str = ""
    """OTLP/HTTP address for OpenTelemetry traces; empty: none are made."""
    traces_share: float = 0.01
    """Part of the requests that is traced."""
    alerts_email: str = ""
    """Who is told of disputes and of money that staff should look at; empty: the owner."""
    sso: dict[str, SsoProvider] = {}
    """Identity providers by code; in the environment as JSON."""
    owner_email: str = ""
    owner_password: str = ""
    keep_carts_days: Days = 30
    """How long a cart stays after it has expired or was ordered."""
    keep_sign_ins_days: Days = 30
    """Ended sessions, used links and changes of address."""
    keep_devices_days: Days = 90
    """A device that was not used for so long is a new one."""
    keep_mails_days: Days = 365
    keep_exports_days: Days = 7
    """How long somebody can fetch a copy of their data."""
    keep_jobs_days: Days = 14
    keep_audit_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 0
    """After so long an entry keeps its act and its place in the chain, and names nobody; 0: never."""
    keep_documents_days: Days = 3653
    """Invoices and credit notes of erased people name them so long, as the law wants: ten years."""

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def public_url(self) -> str:
        return self.base_url or f"http://{self.host}:{self.port}"

    def database_url_of(self, service: str) -> str:
        """Where the tables of `service` live. Raises SettingsError when no variable says so."""
        url = self.database_urls.get(service) or self.database_url
        if not url:
            raise SettingsError(
                f"Set DATABASE_URL (or {service.upper()}_DATABASE_URL) to a PostgreSQL address, "
                "for example postgresql://user:password@host/mercato."
            )
        return url


def load(environ: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """Read the settings. Raises SettingsError that names the variable which is wrong."""
    environ = os.environ if environ is None else environ
    file = file or Path(environ.get("MERCATO_CONFIG", "mercato.toml"))
    values: dict[str, Any] = tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}
    for field in msgspec.structs.fields(Settings):
        name = variable_of(field.name)
        if name in environ:
            values[field.name] = environ[name]
    urls = dict(values.get("database_urls", {}))
    for service in DATABASES:
        if url := environ.get(f"{service.upper()}_DATABASE_URL"):
            urls[service] = url
    values["database_urls"] = urls
    values["sso"] = _sso_of(values.get("sso", {}), environ)
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"Settings are wrong: {error}. See docs/operations.md.") from None
    _refuse_unsafe(settings)
    return settings


def _sso_of(given: Any, environ: Mapping[str, str]) -> Any:
    """The identity providers with their secrets, which stand in the environment only."""
    try:
        found = msgspec.json.decode(given or "{}") if isinstance(given, str) else given
    except msgspec.DecodeError as error:
        raise SettingsError(f"MERCATO_SSO is no valid JSON: {error}.") from None
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        return found
    secrets = {}
    for code, each in found.items():
        if not re.fullmatch("[a-z][a-z0-9_]{0,39}", code):
            raise SettingsError(f"The code of an identity provider is a short word, not {code!r}.")
        variable = f"MERCATO_SSO_{code.upper()}_CLIENT_SECRET"
        if "client_secret" in each:
            raise SettingsError(f"Secrets stand in the environment: set {variable} instead.")
        secrets[code] = {**each, "client_secret": environ.get(variable, "")}
    return secrets


def variable_of(field: str) -> str:
    """The environment variable that sets `field`."""
    return _PLAIN_NAMES.get(field, f"MERCATO_{field.upper()}")


def _refuse_unsafe(settings: Settings) -> None:
    if not settings.is_production:
        return
    if len(settings.secret_key) < 32:
        raise SettingsError("Set MERCATO_SECRET_KEY to at least 32 random characters in production.")
    if settings.failpoint:
        raise SettingsError("MERCATO_FAILPOINT kills the process on purpose: unset it in production.")
    if settings.clock_offset_s:
        raise SettingsError("MERCATO_CLOCK_OFFSET_S moves the clock for tests: unset it in production.")
    if not settings.base_url.startswith("https://"):
        raise SettingsError("Set MERCATO_BASE_URL to the public https:// address in production.")
    for code, provider in settings.sso.items():
        if not provider.issuer.startswith("https://"):
            raise SettingsError(f"The issuer of the identity provider {code} needs https:// in production.")
