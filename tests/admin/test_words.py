"""Statuses and happenings are told in the same words everywhere."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mercato.admin import words
from mercato.admin.words import Happening
from mercato.contracts.catalog import ProductStatus
from mercato.contracts.notifications import MessageStatus
from mercato.contracts.orders import (
    FulfillmentStatus,
    OrderPaymentStatus,
    OrderStatus,
    ParcelStatus,
    TimelineEntry,
)
from mercato.contracts.payments import PaymentStatus

KINDS = {"neutral", "ok", "warn", "danger", "info"}


@pytest.mark.parametrize(
    "status",
    [
        each
        for kind in (
            OrderStatus,
            OrderPaymentStatus,
            FulfillmentStatus,
            ParcelStatus,
            ProductStatus,
            MessageStatus,
            PaymentStatus,
        )
        for each in kind
    ],
)
def test_every_status_has_words_and_a_color(status: str) -> None:
    text, kind = words.label(status)
    assert text[0].isupper() and "_" not in text
    assert kind in KINDS


def test_a_status_nobody_knows_is_shown_as_it_is() -> None:
    assert words.label("on_the_moon") == ("On the moon", "neutral")


@pytest.mark.parametrize(
    ("status", "fulfillment", "shown"),
    [
        ("placed", "unfulfilled", ("Unfulfilled", "warn")),
        ("canceled", "unfulfilled", ("Not shipped", "neutral")),
        ("expired", "unfulfilled", ("Not shipped", "neutral")),
        ("canceled", "partial", ("Partly shipped", "warn")),
        ("completed", "delivered", ("Delivered", "ok")),
    ],
)
def test_an_order_that_is_over_does_not_wait_for_a_parcel(
    status: str, fulfillment: str, shown: tuple[str, str]
) -> None:
    assert words.fulfillment_label(status, fulfillment) == shown


def entry(kind: str, text: str, **data: Any) -> TimelineEntry:
    return TimelineEntry(datetime(2026, 11, 22, tzinfo=UTC), kind, "ann", text, data)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (
            entry("payment_captured", "Payment captured", amount=35900, currency="EUR"),
            Happening("Payment captured", "€359.00", "ok"),
        ),
        (
            entry("payment_refunded", "Payment refunded", amount=500, currency="EUR", reason="Goodwill"),
            Happening("Payment refunded", "€5.00 · Goodwill", "warn"),
        ),
        (
            entry("fulfillment_shipped", "Shipped", carrier="PostNL", tracking_number="3S1"),
            Happening("Shipped", "PostNL 3S1", "ok"),
        ),
        (
            entry("fulfillment_shipped", "Shipped", carrier=None, tracking_number=None),
            Happening("Shipped", "", "ok"),
        ),
        (entry("canceled", "Order canceled", reason="Twice"), Happening("Order canceled", "Twice", "danger")),
        (entry("note", "Gift wrap, please"), Happening("Note", "Gift wrap, please", "")),
        (entry("something_new", ""), Happening("Something new", "", "")),
    ],
)
def test_happenings_are_told_with_amount_reason_and_tracking(told: TimelineEntry, shown: Happening) -> None:
    assert words.happening(told, "en") == shown


def test_only_known_codes_in_the_address_say_something() -> None:
    assert words.said("shipped") == "Marked as shipped; the customer gets a mail with the tracking."
    assert words.said("<script>") == ""
