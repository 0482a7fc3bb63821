"""What the page of the second step shows; the shop's sign-in and the admin's lead to the same page."""

from typing import Any

import msgspec

from mercato.contracts.users import SignInChallenge


def second_step(asked: SignInChallenge, target: str) -> dict[str, Any]:
    """The context of `guard/second_step.html`; the challenge travels with the form."""
    options = msgspec.json.encode(asked.passkey_options).decode() if asked.passkey_options else ""
    return {
        "asked": msgspec.json.encode(asked).decode(), "methods": asked.methods, "options": options,
        "next": target, "door": door_of(target),
    }  # fmt: skip


def door_of(target: str) -> str:
    """The sign-in page of who wants to go to `target`."""
    return "/admin/sign-in" if target == "/admin" or target.startswith("/admin/") else "/sign-in"
