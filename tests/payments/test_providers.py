"""Which providers a shop has: entry points say what there is, settings what is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from mercato.kernel.errors import Invalid
from mercato.kernel.money import Money
from mercato.kernel.runtime import Runtime
from mercato.payments.providers.loading import load_providers
from mercato.payments.providers.port import Provider, Surroundings
from mercato.payments.providers.stripe_objects import from_stripe, to_stripe
from mercato.settings import Settings, SettingsError

PRODUCTION = {"environment": "production", "base_url": "https://shop.example", "secret_key": "s" * 32}
STRANGER = """
from mercato.payments.providers.manual import Manual


class Acme(Manual):
    code = "acme"


def acme(surroundings):
    return Acme()
"""


def load(**changes: str) -> dict[str, Provider]:
    settings = Settings(database_url="postgresql://nobody", **changes)  # type: ignore[arg-type]
    return load_providers(Surroundings(settings, Runtime(settings).database("payments")))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["simulator", "manual"]),
        ({"stripe_secret_key": "sk_test_x"}, ["stripe", "simulator", "manual"]),
        (PRODUCTION, ["manual"]),
        (
            {**PRODUCTION, "stripe_secret_key": "sk_x", "stripe_webhook_secret": "whsec_x"},
            ["stripe", "manual"],
        ),
        ({"payment_providers": " manual ,simulator, manual,"}, ["manual", "simulator"]),
    ],
)
async def test_offers_what_is_set_up_in_the_order_of_the_setting(
    changes: dict[str, str], names: list[str]
) -> None:
    assert list(load(**changes)) == names


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"payment_providers": "paypal"}, "'paypal'. Installed: manual, simulator, stripe"),
        ({"payment_providers": "stripe"}, "MERCATO_STRIPE_SECRET_KEY"),
        ({**PRODUCTION, "stripe_secret_key": "sk_x"}, "MERCATO_STRIPE_WEBHOOK_SECRET"),
        ({**PRODUCTION, "payment_providers": "simulator"}, "simulator moves no money"),
    ],
)
async def test_a_provider_that_cannot_be_offered_ends_the_start(changes: dict[str, str], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        load(**changes)


async def test_a_package_of_a_stranger_brings_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_pay.py").write_text(STRANGER)
    about = tmp_path / "acme_pay-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-pay\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[mercato.payment_providers]\nacme = acme_pay:acme\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert list(load()) == ["simulator", "manual"]
    assert "acme_pay" not in sys.modules
    assert list(load(payment_providers="acme,manual")) == ["acme", "manual"]


def test_a_shop_without_stripe_does_not_load_it() -> None:
    program = (
        "import sys; from mercato.kernel.runtime import Runtime; from mercato.settings import Settings;"
        "from mercato.payments import build; build(Runtime(Settings(database_url='postgresql://nobody')));"
        "print([name for name in ('stripe', 'requests', 'httpx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


@pytest.mark.parametrize(
    ("amount", "currency", "theirs"),
    [
        (1_999, "EUR", 1_999),
        (500, "JPY", 500),
        (1_230, "KWD", 1_230),
        (500, "ISK", 50_000),
        (500, "UGX", 50_000),
        (1_050, "HUF", 1_050),
    ],
)
def test_amounts_go_to_stripe_and_back_in_its_own_units(amount: int, currency: str, theirs: int) -> None:
    assert to_stripe(Money(amount, currency)) == theirs
    assert from_stripe(theirs, currency.lower()) == Money(amount, currency)


def test_an_amount_that_stripe_cannot_express_is_refused() -> None:
    with pytest.raises(Invalid, match="amount_not_supported"):
        to_stripe(Money(1_234, "KWD"))
    with pytest.raises(ValueError, match="no whole amount"):
        from_stripe(50_001, "isk")
