"""The operations guide lists exactly the settings there are."""

import re
from pathlib import Path

import msgspec

from mercato.settings import Settings, variable_of

GUIDE = Path(__file__).parents[2] / "docs/operations.md"
ROW = re.compile(r"^\| `([A-Z_]*[A-Z])` \| (?:`([^`]*)`)? ?\|", re.MULTILINE)
# Filled in by `mercato up` or derived from other settings, so the guide's default is not the struct's.
DERIVED = {"MERCATO_SSO", "MERCATO_BASE_URL", "MERCATO_OWNER_EMAIL"}


def test_the_guide_names_every_setting_with_its_default() -> None:
    documented = {name: default or "" for name, default in ROW.findall(GUIDE.read_text("utf-8"))}
    defined = {
        variable_of(field.name): str(field.default)
        for field in msgspec.structs.fields(Settings)
        if field.name != "database_urls"
    }
    assert documented.keys() == defined.keys()
    differing = {name: default for name, default in defined.items() if documented[name] != default}
    assert differing.keys() == DERIVED
