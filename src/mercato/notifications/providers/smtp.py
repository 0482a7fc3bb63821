"""Mail by SMTP: one connection per batch, a refusal of one letter does not stop the others."""

from collections.abc import AsyncIterator, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec

from mercato.kernel import clock
from mercato.notifications.letters import Letter
from mercato.notifications.providers import Outcome
from mercato.settings import SettingsError

SMTP_TIMEOUT_S = 15.0
PORTS = {"smtp": 587, "smtps": 465}
PERMANENT_FROM = 500
ERROR_LENGTH_MAX = 500


class SmtpAddress(msgspec.Struct, frozen=True):
    """Where the mail server is and how to sign in there."""

    hostname: str
    port: int
    use_tls: bool
    username: str | None
    password: str | None


def smtp_address(url: str) -> SmtpAddress:
    """`smtp://user:password@host:587` (STARTTLS when offered) or `smtps://…`. Raises SettingsError."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise SettingsError("MERCATO_SMTP_URL must look like smtp://user:password@host:587 or smtps://host.")
    return SmtpAddress(
        hostname=parts.hostname, port=parts.port or PORTS[parts.scheme], use_tls=parts.scheme == "smtps",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )  # fmt: skip


class SmtpProvider:
    """Sends by the mail server of the settings."""

    name = "smtp"
    takes_all_at_once = False

    def __init__(self, url: str, *, mail_from: str, timeout_s: float = SMTP_TIMEOUT_S) -> None:
        self._address = smtp_address(url)
        self._from = mail_from
        self._timeout_s = timeout_s

    async def send(self, letters: Sequence[Letter]) -> AsyncIterator[Outcome]:
        client = aiosmtplib.SMTP(
            hostname=self._address.hostname, port=self._address.port, use_tls=self._address.use_tls,
            username=self._address.username, password=self._address.password, timeout=self._timeout_s,
        )  # fmt: skip
        trouble = await self._connect(client)
        for letter in letters:
            if trouble is None and not client.is_connected:
                trouble = await self._connect(client)
            yield Outcome(letter, trouble) if trouble is not None else await self._send(client, letter)
        if client.is_connected:
            try:
                await client.quit()
            except (aiosmtplib.SMTPException, OSError):
                client.close()

    async def _connect(self, client: aiosmtplib.SMTP) -> str | None:
        """What went wrong; None when the connection stands."""
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            return _text(error)
        return None

    async def _send(self, client: aiosmtplib.SMTP, letter: Letter) -> Outcome:
        try:
            mail = self.mail_of(letter)
        except (ValueError, IndexError) as error:
            return Outcome(letter, f"The address cannot be written to: {error}"[:ERROR_LENGTH_MAX], True)
        try:
            await client.send_message(mail)
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            return Outcome(letter, _text(refused), refused.code >= PERMANENT_FROM)
        except aiosmtplib.SMTPResponseException as error:
            return Outcome(letter, _text(error), error.code >= PERMANENT_FROM)
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            return Outcome(letter, _text(error))
        return Outcome(letter)

    def mail_of(self, letter: Letter) -> EmailMessage:
        """The letter as MIME. Its Message-ID is the same at every try, so that servers may know it again."""
        mail = EmailMessage(policy=SMTP_POLICY)
        sender = parseaddr(self._from)[1]
        mail["From"] = self._from
        mail["To"] = Address(addr_spec=letter.recipient)
        mail["Subject"] = letter.subject
        mail["Date"] = format_datetime(clock.now())
        mail["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2] or 'localhost'}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.text)
        mail.add_alternative(letter.html, subtype="html")
        return mail


def _text(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"[:ERROR_LENGTH_MAX]
    return (str(error) or type(error).__name__)[:ERROR_LENGTH_MAX]
