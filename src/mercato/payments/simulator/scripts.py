"""What each token of the simulator does: data, so that a test reads like a script."""

from enum import StrEnum

import msgspec

from mercato.contracts.payments import SessionStatus

DECIDE_AFTER_S = 2.0
"""How long an asynchronous payment stays undecided."""


class Script(msgspec.Struct, frozen=True):
    """`status` of the first answer, and what happens besides."""

    status: SessionStatus
    decline_code: str | None = None
    decides: bool | None = None
    """Decided later by webhook: True approves, False declines."""
    loses_reply: bool = False
    """The effect happens and the first reply is lost."""
    webhooks: tuple[tuple[str, float], ...] = ()
    """(type, seconds from now) of webhooks sent for a charge that is decided at once."""
    deliveries: int = 1
    """How often each webhook is delivered."""


class Token(StrEnum):
    OK = "sim_ok"
    DECLINE = "sim_decline"
    INSUFFICIENT_FUNDS = "sim_insufficient_funds"
    THREE_D_SECURE = "sim_3ds"
    ASYNC_OK = "sim_async_ok"
    ASYNC_FAIL = "sim_async_fail"
    TIMEOUT_THEN_OK = "sim_timeout_then_ok"
    DUPLICATE_WEBHOOK = "sim_duplicate_webhook"
    OUT_OF_ORDER = "sim_out_of_order"


SCRIPTS: dict[str, Script] = {
    Token.OK: Script(SessionStatus.COMPLETED),
    Token.DECLINE: Script(SessionStatus.FAILED, decline_code="card_declined"),
    Token.INSUFFICIENT_FUNDS: Script(SessionStatus.FAILED, decline_code="insufficient_funds"),
    Token.THREE_D_SECURE: Script(SessionStatus.REQUIRES_ACTION),
    Token.ASYNC_OK: Script(SessionStatus.PROCESSING, decides=True),
    Token.ASYNC_FAIL: Script(SessionStatus.PROCESSING, decides=False),
    Token.TIMEOUT_THEN_OK: Script(SessionStatus.COMPLETED, loses_reply=True),
    Token.DUPLICATE_WEBHOOK: Script(
        SessionStatus.COMPLETED, webhooks=(("payment.captured", 0.0),), deliveries=2
    ),
    Token.OUT_OF_ORDER: Script(
        SessionStatus.PROCESSING,
        decides=True,
        webhooks=(("payment.captured", DECIDE_AFTER_S), ("payment.authorized", DECIDE_AFTER_S + 1.0)),
    ),
}

OUTCOMES: dict[str, str] = {
    Token.OK: "Approved",
    Token.THREE_D_SECURE: "Approved after 3-D Secure",
    Token.DECLINE: "Declined",
    Token.INSUFFICIENT_FUNDS: "Declined: insufficient funds",
    Token.ASYNC_OK: "Approved a moment later",
    Token.ASYNC_FAIL: "Declined a moment later",
    Token.TIMEOUT_THEN_OK: "Approved, but the reply is lost",
}
"""The test cards that checkout offers; the other tokens are for tests of webhooks."""
