"""What notifications keeps about people: mails to them or about their orders, and what they wait for."""

from mercato.kernel.personal import Kept, Matter, PersonalTable

_TO = "lower(t.recipient) = any(s.emails)"
_ABOUT = "t.about = s.user_id or t.about = any(s.order_ids) or t.about = any(s.parcel_ids)"
_MESSAGE = f"({_TO} or {_ABOUT} or lower(t.data ->> 'new_email') = any(s.emails))"

TABLES = (
    PersonalTable(
        section="mailbox", table="notifications.mailbox",
        of="lower(t.recipient) = any(s.emails) or t.message_id in (select m.id from notifications.messages m"
        " where m.about = s.user_id or m.about = any(s.order_ids))",
        columns="t.received_at, t.id, t.template, t.recipient, t.subject", erase="delete",
    ),
    PersonalTable(
        section="announcements", table="notifications.announcements",
        of=f"{_TO} or t.order_id = any(s.order_ids)", columns="t.sent_at, t.template", erase="delete",
    ),
    PersonalTable(
        section="mails", table="notifications.messages", of=_MESSAGE,
        columns="t.created_at, t.id, t.recipient, t.template, t.locale, t.subject, t.text, t.status,"
        " t.sent_at",
        erase="delete",
    ),
    PersonalTable(
        section="stock_alerts", table="notifications.stock_alerts", of="lower(t.email) = any(s.emails)",
        columns="t.created_at, t.variant_id, t.email, t.name, t.notified_at", erase="delete",
    ),
)  # fmt: skip

MATTERS = (
    Matter(
        code="mail_waiting", table="notifications.messages", detail="A last mail is still to be sent.",
        of=f"{_MESSAGE} and t.status = 'queued'",
    ),
)  # fmt: skip


def kept(*, mails_days: int) -> tuple[Kept, ...]:
    return (Kept(what="mails", days=mails_days, table="notifications.messages", old="t.created_at < $1"),)
