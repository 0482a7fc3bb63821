"""Our Stripe provider against a stand-in for Stripe that nobody here wrote: the program localstripe.

It is free software under the GPL, so it is never imported and no dependency: it is installed by its name into
an environment outside the repository, and spoken to over HTTP. What it lacks is told in
docs/guides/payment-providers.md.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mercato.kernel.errors import Invalid
from mercato.payments.providers.port import OperationResult, SessionRequest
from mercato.payments.providers.stripe import Stripe
from mercato.settings import Settings
from support.money import eur
from support.waiting import eventually_sync

VERSION = "1.15.10"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mercato-tests"
KEY = "sk_test_localstripe"


@pytest.fixture(scope="module")
def program() -> Path:
    """localstripe, installed once."""
    home = CACHE / f"localstripe-{VERSION}"
    found = home / "bin" / "localstripe"
    if not found.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        command = [home / "bin" / "pip", "install", "--quiet", f"localstripe=={VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=150)
        if done.returncode != 0:
            pytest.skip(f"localstripe {VERSION} cannot be installed: {done.stderr.strip()[-200:]}")
    return found


@pytest.fixture(scope="module")
def company(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "TMPDIR": str(tmp_path_factory.mktemp("localstripe"))}
    env.pop("PYTHONPATH", None)
    running = subprocess.Popen(
        [program, "--port", str(port), "--from-scratch"],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=(KEY, ""), trust_env=False) as client:
        eventually_sync(lambda: _answers(client), timeout_s=30)
        yield client
    running.terminate()
    running.wait(10)


@pytest.fixture
def stripe(company: httpx.Client) -> Stripe:
    return Stripe(
        Settings(
            environment="test",
            secret_key="s" * 32,
            stripe_secret_key=KEY,
            stripe_webhook_secret="whsec_localstripe",
            stripe_api_base=str(company.base_url).rstrip("/"),
        )
    )


def held(company: httpx.Client, amount: int) -> str:
    """A PaymentIntent that holds so much, made as localstripe can make one."""
    body = {
        "amount": str(amount), "currency": "eur", "capture_method": "manual",
        "payment_method": method(company),
    }  # fmt: skip
    reference = str(posted(company, "/v1/payment_intents", body)["id"])
    assert posted(company, f"/v1/payment_intents/{reference}/confirm", {})["status"] == "requires_capture"
    return reference


def method(company: httpx.Client) -> str:
    card = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2035", "cvc": "123"}
    body = {"type": "card", **{f"card[{name}]": value for name, value in card.items()}}
    return str(posted(company, "/v1/payment_methods", body)["id"])


def posted(company: httpx.Client, path: str, body: dict[str, str]) -> dict[str, object]:
    answer = company.post(path, data=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def refunds(company: httpx.Client, reference: str) -> list[int]:
    listed = company.get("/v1/refunds", params={"payment_intent": reference}).json()["data"]
    return [one["amount"] for one in listed]


def status(company: httpx.Client, reference: str) -> str:
    return str(company.get(f"/v1/payment_intents/{reference}").json()["status"])


def charges(company: httpx.Client) -> int:
    return len(company.get("/v1/charges", params={"limit": "100"}).json()["data"])


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/v1/charges").status_code == 200
    except httpx.TransportError:
        return False


async def test_captures_and_refunds_by_key(stripe: Stripe, company: httpx.Client) -> None:
    reference = held(company, 10_000)
    assert await stripe.capture(reference=reference, amount=eur(10_000), key="c1") == OperationResult()
    assert status(company, reference) == "succeeded"
    assert (await stripe.capture(reference=reference, amount=eur(10_000), key="c2")).failure == "refused"
    for _ in range(2):
        assert await stripe.refund(reference=reference, amount=eur(2_500), key="r1") == OperationResult()
    assert refunds(company, reference) == [2_500]
    assert await stripe.refund(reference=reference, amount=eur(1_000), key="r2") == OperationResult()
    assert sorted(refunds(company, reference)) == [1_000, 2_500]


async def test_a_void_of_unknown_size_is_refused_and_drops_nothing(
    stripe: Stripe, company: httpx.Client
) -> None:
    reference = held(company, 5_000)
    assert (await stripe.void(reference=reference, amount=eur(5_000), key="v1")).failure == "void_too_large"
    assert status(company, reference) == "requires_capture"
    unknown = await stripe.void(reference="pi_nobodyknows", amount=eur(1), key="v2")
    assert unknown.failure == "unknown_charge"


async def test_an_attempt_that_it_does_not_understand_is_refused_and_charges_nobody(
    stripe: Stripe, company: httpx.Client
) -> None:
    before = charges(company)
    request = SessionRequest("order:1", eur(4_000), method(company), None, True)
    with pytest.raises(Invalid, match="payment_refused"):
        await stripe.create_session(request)
    assert charges(company) == before


async def test_attempts_that_are_not_ours_are_not_taken_for_ours(
    stripe: Stripe, company: httpx.Client
) -> None:
    assert await stripe.fetch(held(company, 1_000)) is None
    assert await stripe.fetch("pi_nobodyknows") is None
