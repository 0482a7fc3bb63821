"""Every example of the guide to the API runs against a shop as a stranger gets it."""

import os
import re
import subprocess
from pathlib import Path

from support.up import mercato_up

GUIDE = Path(__file__).parents[2] / "docs/api-guide.md"
PASSWORD = "a sentence for the guide's owner"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BORDER = "--- next ---"


def run_examples(url: str) -> list[str]:
    """What each example printed, in order; fails at the first command that does."""
    blocks = BLOCK.findall(GUIDE.read_text("utf-8"))
    script = "set -euo pipefail\n" + f"\necho; echo '{BORDER}'\n".join(blocks)
    env = {"PATH": os.environ["PATH"], "SHOP": url, "PASSWORD": PASSWORD}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return [part.strip() for part in done.stdout.split(BORDER)]


def test_every_example_of_the_guide_does_what_it_says(tmp_path: Path) -> None:
    env = {"MERCATO_OWNER_EMAIL": "owner@example.com", "MERCATO_OWNER_PASSWORD": PASSWORD}
    with mercato_up(tmp_path / "data", "--demo", env=env) as up:
        up.await_text("Ctrl-C stops")
        said = run_examples(up.url)
        mails = up.get("/api/v1/dev/mailbox?recipient=ada@example.com").json()["items"]

    assert len(said) == 12
    _, problem, listed, _, missing, explained, paid, status, _, shipped, refunded, cost = said
    assert '"code":"product_not_found"' in problem
    total, name = listed.splitlines()
    assert int(total) > 3
    assert name
    assert missing == '["delivery_method", "payment"]'
    assert '"applied": true' in explained
    assert (paid, status, shipped, refunded) == ("paid", "placed", "fulfilled", "partially_refunded")
    assert "statements" in cost
    assert {"order_placed", "order_shipped"} <= {mail["template"] for mail in mails}
