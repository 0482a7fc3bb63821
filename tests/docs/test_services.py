"""Adding a service means the lists that its guide names, and they agree with the module table."""

import re
from pathlib import Path

from mercato import settings
from mercato.compose import EDGE, MODULES

GUIDE = Path(__file__).parents[2] / "docs/adding-a-service.md"
SERVICES = {name for name in MODULES if name != EDGE}


def test_every_list_of_services_names_those_of_the_module_table() -> None:
    assert set(settings.SERVICES) == SERVICES
    assert set(settings.DATABASES) == {*SERVICES, EDGE}


def test_the_guide_names_files_that_exist() -> None:
    root = GUIDE.parents[1]
    paths = re.findall(r"`((?:src|tests)/[\w/.-]+)`", GUIDE.read_text("utf-8"))
    missing = {path for path in paths if "reviews" not in path and not (root / path).exists()}
    assert len(paths) > 5
    assert missing == set()
