"""From events to messages: one per event, never two, in words of their recipient."""

from datetime import UTC, datetime

import msgspec
import pytest

from mercato.contracts.orders import (
    DocumentIssued,
    DraftSent,
    LatePayment,
    OrderCanceled,
    OrderChanged,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    ReturnApproved,
    ReturnCanceled,
    ReturnReceived,
    ReturnRequested,
)
from mercato.contracts.payments import GiftCardIssued, MoneyAlert
from mercato.contracts.privacy import ExportReady
from mercato.contracts.users import (
    AccountDeleted,
    EmailChanged,
    EmailChangeOffered,
    EmailChangeRequested,
    FactorsChanged,
    PasswordChanged,
    PasswordResetRequested,
    RegistrationRepeated,
    SignedInFromNewDevice,
    StaffInvited,
    UserRegistered,
)
from mercato.contracts.users.external import IdentityProofRequested
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.notifications import domain
from mercato.notifications.events import HEARD, TEMPLATE_OF
from support.notifications import NotificationsShop, account, notifications_shop, order

PAPER = new_id()
CARD = GiftCardIssued(
    card_id=new_id(), email="ben@example.org", locale="de", token="ABCD-EFGH-JKLM-NPQR", value=5000,
    currency="EUR", expires_at=datetime(2030, 5, 1, tzinfo=UTC),
    message="Alles Gute!\n<b>Oma</b> & Opa",
)  # fmt: skip
ALERT = MoneyAlert(
    kind="dispute_opened", order_id=new_id(), provider="stripe", reference="dp_1", amount=Money(2500, "EUR"),
    due_at=datetime(2030, 6, 1, tzinfo=UTC),
)  # fmt: skip
ORDER_LINK = "https://shop.example/order/M-4711?token=order-token"


class TestOncePerEvent:
    async def test_a_replayed_event_mails_once(self, shop: NotificationsShop) -> None:
        placed, registered = order(OrderPlaced), account(UserRegistered)
        for _ in range(3):
            await shop.hear(placed, registered)
            await shop.deliver()
        assert [mail.template for mail in await shop.mails()] == ["account_confirm", "order_placed"]

    async def test_one_batch_may_hold_an_event_twice(self, shop: NotificationsShop) -> None:
        placed = order(OrderPlaced)
        await shop.hear(placed, placed)
        await shop.deliver()
        assert len(await shop.mails()) == 1

    async def test_two_events_of_one_kind_are_two_messages(self, shop: NotificationsShop) -> None:
        await shop.hear(order(OrderShipped), order(OrderShipped))
        await shop.deliver()
        assert [mail.template for mail in await shop.mails()] == ["order_shipped", "order_shipped"]

    async def test_a_batch_that_fails_queues_nothing(self, shop: NotificationsShop) -> None:
        with pytest.raises(RuntimeError):
            async with shop.database.transaction() as tx:
                await shop.subscription.handle(tx, [order(OrderPlaced)])
                raise RuntimeError
        assert await shop.statuses() == []


class TestPaid:
    async def test_is_not_told_twice_when_the_order_was_paid_with_placing(
        self, shop: NotificationsShop
    ) -> None:
        await shop.hear(order(OrderPlaced, is_paid=True), order(OrderPaid))
        await shop.hear(order(OrderPaid))
        assert [template for template, *_ in await shop.statuses()] == ["order_placed"]

    async def test_is_told_when_the_money_came_later(self, shop: NotificationsShop) -> None:
        await shop.hear(order(OrderPlaced, is_paid=False))
        await shop.hear(order(OrderPaid))
        await shop.hear(order(OrderPlaced, is_paid=True, order_id=new_id()))
        assert [template for template, *_ in await shop.statuses()] == [
            "order_placed", "order_paid", "order_placed",
        ]  # fmt: skip


class TestWords:
    async def test_the_mail_about_an_order_names_the_vat_number_of_a_company_and_of_nobody_else(
        self, shop: NotificationsShop
    ) -> None:
        await shop.hear(order(OrderPlaced, tax_id="FR83404833048"))
        await shop.hear(order(OrderPlaced))
        await shop.deliver()
        told = [("VAT ID FR83404833048" in m.text, "VAT ID" in m.html) for m in await shop.mails()]
        assert sorted(told) == [(False, False), (True, True)]

    async def test_every_kind_of_event_has_its_letter_in_both_parts(self, shop: NotificationsShop) -> None:
        refunded = order(OrderRefunded, amount=1050, reason="Too late")
        identity = IdentityProofRequested(
            request_id=new_id(), email="ann@example.org", name="Ann", locale="en", provider="Keycloak",
            token="secret-token",
        )  # fmt: skip
        events = [
            order(OrderPlaced), order(OrderPaid), order(OrderShipped), refunded,
            order(OrderCanceled, reason="No stock"), order(OrderDelivered, fulfillment_id=new_id()),
            account(UserRegistered), account(RegistrationRepeated), account(PasswordResetRequested),
            account(FactorsChanged, change="passkey_added", what="Ann's phone"), identity,
            order(DocumentIssued, document_id=PAPER, paper="credit_note", document_number="CN-2026-00007"),
            account(EmailChangeRequested, new_email="new@example.org"), account(EmailChangeOffered),
            account(EmailChanged, new_email="new@example.org"), account(PasswordChanged),
            account(SignedInFromNewDevice, device="Firefox on Windows", client_address="203.0.113.7"),
            order(OrderChanged, owed=1500), order(DraftSent), order(ReturnRequested), order(ReturnApproved),
            order(ReturnReceived, amount=4980), order(ReturnCanceled, reason="Too late"),
            account(AccountDeleted), account(StaffInvited, inviter="Ben"),
            account(ExportReady, export_id=new_id()),
            CARD, ALERT, order(LatePayment, amount=1900),
        ]  # fmt: skip
        assert {type(event) for event in events} == set(HEARD)
        await shop.hear(*events)
        await shop.deliver()
        mails = {mail.template: mail for mail in await shop.mails()}
        assert set(mails) == set(TEMPLATE_OF.values()) == set(domain.KINDS) - {"stock_back"}
        for template, mail in mails.items():
            assert mail.html.lstrip().startswith("<!doctype html>") and "<script" not in mail.html
            if template.startswith("order_"):
                assert "M-4711" in mail.subject
                assert ORDER_LINK in mail.text and ORDER_LINK in mail.html
        assert "€10.50" in mails["order_refunded"].text and "Too late" in mails["order_refunded"].text
        assert "€15.00 is still to be paid" in mails["order_changed"].text
        assert "/draft/" in mails["draft_order"].text and "?token=order-token" in mails["draft_order"].text
        assert "Added: 2 × Lamp & shade" in mails["order_changed"].text
        assert "You get €49.80 for them" in mails["order_return_received"].text
        assert "Too late" in mails["order_return_canceled"].text
        assert mails["order_document"].subject == "Credit note CN-2026-00007 for order M-4711"
        assert f"/order/M-4711/documents/{PAPER}?token=order-token" in mails["order_document"].text
        assert mails["factors_changed"].subject == "A passkey was added"
        assert "without a password" in mails["factors_changed"].text
        assert "Its name: Ann's phone" in mails["factors_changed"].text
        assert "No stock" in mails["order_canceled"].text
        assert "JD014" in mails["order_shipped"].text
        assert 'href="https://dhl.example/JD014"' in mails["order_shipped"].html
        assert "https://shop.example/account/confirm?token=secret-token" in mails["account_confirm"].text
        assert "https://shop.example/account/reset?token=secret-token" in mails["password_reset"].html
        end = "https://shop.example/account/email-change?token=secret-token"
        assert end in mails["email_change_requested"].text and end in mails["email_change_offered"].html
        assert "new@example.org" in mails["email_changed"].text
        assert "Firefox on Windows, address 203.0.113.7" in mails["new_sign_in"].text
        assert "https://shop.example/account/invitation?token=secret-token" in mails["staff_invited"].text
        assert "ABCD-EFGH-JKLM-NPQR" in mails["gift_card_issued"].text
        assert "“Alles Gute!\n<b>Oma</b> & Opa”" in mails["gift_card_issued"].text
        assert "“Alles Gute!\n&lt;b&gt;Oma&lt;/b&gt; &amp; Opa”" in mails["gift_card_issued"].html
        assert (
            "50,00\xa0€" in mails["gift_card_issued"].html and "1. Mai 2030" in mails["gift_card_issued"].text
        )
        assert mails["staff_invited"].subject == "Ben invites you to work in Mercato"

    async def test_alerts_go_to_the_staff_and_say_what_to_do(self, database_url: str) -> None:
        async with notifications_shop(database_url, alerts_email="books@shop.example") as shop:
            await shop.hear(ALERT, order(LatePayment, amount=1900))
            await shop.deliver()
            opened, late = sorted(await shop.mails("books@shop.example"), key=lambda mail: mail.subject)
        assert (opened.subject, late.subject) == ("Dispute opened: €25.00", "Paid, but not ordered: €19.00")
        assert "until June 1, 2030" in opened.text
        assert f"https://shop.example/admin/orders/{ALERT.order_id}" in opened.html

    async def test_without_anybody_to_tell_alerts_are_not_mailed(self, database_url: str) -> None:
        async with notifications_shop(database_url, alerts_email="", owner_email="") as shop:
            await shop.hear(ALERT)
            assert await shop.statuses() == []

    async def test_the_copy_for_staff_hides_the_code_of_a_card(self, shop: NotificationsShop) -> None:
        await shop.hear(CARD)
        await shop.deliver()
        (row,) = (await shop.notifications.messages(SYSTEM_CONTEXT)).items
        copy = await shop.notifications.message(SYSTEM_CONTEXT, message_id=row.id)
        assert "ABCD" not in copy.text + copy.html and "hidden" in copy.text

    async def test_money_and_dates_are_written_for_the_recipient(self, shop: NotificationsShop) -> None:
        await shop.hear(order(OrderPlaced, locale="de-AT", email="de@example.org"))
        await shop.hear(order(OrderPlaced, currency="JPY", total=1999, email="jp@example.org"))
        await shop.hear(order(OrderPlaced, locale="nonsense", email="xx@example.org"))
        await shop.deliver()
        assert "2 × Lamp & shade: € 49,80" in (await shop.mails("de@example.org"))[0].text.replace(
            "\xa0", " "
        )
        assert "Total: ¥1,999" in (await shop.mails("jp@example.org"))[0].text
        assert "Total: €49.80" in (await shop.mails("xx@example.org"))[0].text

    async def test_what_people_typed_stays_text(self, shop: NotificationsShop) -> None:
        canceled = order(OrderCanceled, reason="<b>{{ 7 * 7 }}</b>\nBcc: x@example.org")
        shipped = order(OrderShipped, tracking_url="javascript:alert(1)")
        await shop.hear(canceled, shipped)
        await shop.deliver()
        by_kind = {mail.template: mail for mail in await shop.mails()}
        assert "&lt;b&gt;{{ 7 * 7 }}&lt;/b&gt;" in by_kind["order_canceled"].html
        assert "javascript:" not in by_kind["order_shipped"].html + by_kind["order_shipped"].text

    @pytest.mark.parametrize(
        ("name", "greeted"),
        [
            ("Ann Bell", "Ann Bell"), ("J. R. Smith", "J. R. Smith"), ("Ann\nBell", "Ann Bell"),
            ("Win at evil.example/prize", ""), ("www evil", ""), ("a@b", ""), ("x" * 61, ""),
        ],
    )  # fmt: skip
    async def test_strangers_cannot_put_a_message_into_a_greeting(
        self, shop: NotificationsShop, name: str, greeted: str
    ) -> None:
        await shop.hear(account(UserRegistered, name=name))
        await shop.deliver()
        (mail,) = await shop.mails()
        assert f"Hello {greeted},".replace(" ,", ",") in mail.text
        if not greeted:
            assert name not in mail.text + mail.html

    async def test_every_change_of_a_factor_has_its_words(self, shop: NotificationsShop) -> None:
        for change, (subject, advice) in domain.FACTOR_CHANGES.items():
            event = msgspec.to_builtins(account(FactorsChanged, change=change))
            variables = shop.service.letters.variables("factors_changed", event, "en")
            assert (variables["summary"], variables["advice"]) == (subject, advice)

    async def test_the_listed_variables_are_the_ones_a_template_gets(self, shop: NotificationsShop) -> None:
        events = {
            "order_placed": order(OrderPlaced), "order_shipped": order(OrderShipped),
            "account_confirm": account(UserRegistered),
        }  # fmt: skip
        for template, event in events.items():
            variables = shop.service.letters.variables(template, msgspec.to_builtins(event), "en")
            assert set(domain.KINDS[template].variables) <= set(variables), template
