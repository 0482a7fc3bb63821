"""Turns what an event said into a letter: subject, HTML and text. Pure; templates come with the package."""

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec
from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency
from jinja2 import DictLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mercato.kernel.money import Money, to_decimal
from mercato.notifications import domain, money

MAX_LINES = 200


class Letter(msgspec.Struct, frozen=True):
    """A message ready to be sent, both parts."""

    id: UUID
    template: str
    recipient: str
    subject: str
    html: str
    text: str


class Letters:
    """Writes letters of every kind. Rendering is sandboxed, as merchants will edit templates."""

    def __init__(self, *, public_url: str, mail_from: str) -> None:
        self._url = public_url
        self._shop_name = domain.shop_name_of(mail_from)
        sources = {
            entry.name: entry.read_text("utf-8")
            for entry in files("mercato.notifications").joinpath("mails").iterdir()
            if entry.name.endswith((".html", ".txt"))
        }
        self._environment = ImmutableSandboxedEnvironment(
            loader=DictLoader(sources), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
            autoescape=lambda name: name is not None and name.endswith(".html"), auto_reload=False,
        )  # fmt: skip
        self._subjects = {
            code: self._environment.from_string(kind.subject) for code, kind in domain.KINDS.items()
        }

    def write(
        self,
        *,
        message_id: UUID,
        template: str,
        recipient: str,
        locale: str,
        data: dict[str, Any],
        show_secrets: bool,
    ) -> Letter:
        """The letter to its recipient, or the copy for staff in which secrets are hidden."""
        variables = self.variables(template, data if show_secrets else _hidden(data), locale)
        return Letter(
            id=message_id, template=template, recipient=recipient,
            subject=self._subject(template, variables),
            html=self._environment.get_template(f"{template}.html").render(variables),
            text=self._text(template, variables),
        )  # fmt: skip

    def note(self, *, template: str, locale: str, data: dict[str, Any]) -> tuple[str, str]:
        """Subject and text of the copy for staff: what is kept of a letter that was sent."""
        variables = self.variables(template, _hidden(data), locale)
        return self._subject(template, variables), self._text(template, variables)

    def _subject(self, template: str, variables: dict[str, Any]) -> str:
        return domain.one_line(self._subjects[template].render(variables))

    def _text(self, template: str, variables: dict[str, Any]) -> str:
        return self._environment.get_template(f"{template}.txt").render(variables).strip() + "\n"

    def variables(self, template: str, data: dict[str, Any], locale: str) -> dict[str, Any]:
        """What the templates of this kind may name, written for people of `locale`."""
        found = {"shop_name": self._shop_name, "shop_url": self._url}
        token = quote(str(data.get(domain.SECRET, "")), safe="")
        if template.startswith(("order_", "draft_")):
            return found | self._order(data, locale, token)
        if template in money.VARIABLES:
            return found | money.VARIABLES[template](data, self._url, domain.locale_of(locale))
        if template == "stock_back":
            return found | {
                "product": domain.one_line(data["name"]),
                "product_url": f"{self._url}{data['path']}",
                "unsubscribe_url": f"{self._url}/back-in-stock/unsubscribe?token={token}",
            }
        summary, advice = domain.FACTOR_CHANGES.get(data.get("change", ""), ("", ""))
        return found | {
            "name": domain.greeted(data["name"]),
            "confirm_url": f"{self._url}/account/confirm?token={token}",
            "reset_url": f"{self._url}/account/reset" + (f"?token={token}" if token else ""),
            "sign_in_url": f"{self._url}/sign-in",
            "advice": advice,
            "client_address": domain.one_line(data.get("client_address", "")),
            "device": domain.one_line(data.get("device", "")),
            "email_change_url": f"{self._url}/account/email-change?token={token}",
            "export_url": f"{self._url}/account/privacy#export",
            "invitation_url": f"{self._url}/account/invitation?token={token}",
            "inviter": domain.greeted(data.get("inviter", "")) or self._shop_name,
            "moment": _moment(data.get("occurred_at", ""), domain.locale_of(locale)),
            "new_email": domain.one_line(data.get("new_email", "")),
            "identity_url": f"{self._url}/sso/confirm?token={token}",
            "provider": domain.greeted(data.get("provider", "")),
            "security_url": f"{self._url}/account/security",
            "sessions_url": f"{self._url}/account/profile#devices",
            "summary": summary,
            "what": domain.greeted(data.get("what") or ""),
        }

    def _order(self, data: dict[str, Any], locale: str, token: str) -> dict[str, Any]:
        known = domain.locale_of(locale)

        def money(amount: int) -> str:
            return _money(Money(amount, data["currency"]), known)

        number = quote(data["number"], safe="")
        paper = "Credit note" if data.get("paper") == "credit_note" else "Invoice"
        paper_url = f"{self._url}/order/{number}/documents/{data.get('document_id')}?token={token}"
        return {
            "number": domain.one_line(data["number"]),
            "order_url": f"{self._url}/order/{number}?token={token}",
            "draft_url": f"{self._url}/draft/{data['order_id']}?token={token}",
            "total": money(data["total"]),
            "date": _date(datetime.fromisoformat(data["occurred_at"]).date(), known),
            "name": domain.greeted(data.get("name") or ""),
            "is_paid": bool(data.get("is_paid")),
            "tax_id": domain.one_line(data.get("tax_id") or ""),
            "lines": _lines(data.get("lines", []), money),
            "removed": _lines(data.get("removed", []), money),
            "owed": money(data["owed"]) if data.get("owed") else "",
            "carrier": data.get("carrier"),
            "tracking_number": data.get("tracking_number"),
            "tracking_url": domain.web_address(data.get("tracking_url")),
            "amount": money(data["amount"]) if "amount" in data else "",
            "reason": data.get("reason") or "",
            "document": domain.one_line(f"{paper} {data.get('document_number', '')}"),
            "document_url": paper_url,
        }


def _hidden(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, domain.SECRET: domain.HIDDEN} if domain.SECRET in data else data


def _lines(lines: list[dict[str, Any]], money: Callable[[int], str]) -> list[dict[str, Any]]:
    return [
        {"name": line["name"], "quantity": line["quantity"], "total": money(line["total"])}
        for line in lines[:MAX_LINES]
    ]


@lru_cache(maxsize=2048)
def _money(value: Money, locale: Locale) -> str:
    return format_currency(to_decimal(value), value.currency, locale=locale)


def _moment(at: str, locale: Locale) -> str:
    return format_datetime(datetime.fromisoformat(at), "long", locale=locale) if at else ""


@lru_cache(maxsize=64)
def _date(day: date, locale: Locale) -> str:
    return format_date(day, "long", locale=locale)
