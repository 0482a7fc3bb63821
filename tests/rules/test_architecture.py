"""The page about the architecture says what the module table says."""

import importlib.util
from types import ModuleType

from rules.source import ROOT


def _script() -> ModuleType:
    path = ROOT.parents[1] / "scripts" / "architecture.py"
    spec = importlib.util.spec_from_file_location("architecture", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_parts_are_up_to_date() -> None:
    script = _script()
    text = script.DOCUMENT.read_text("utf-8")
    assert script.with_generated(text) == text, "Run `python scripts/architecture.py` and commit its result."


def test_every_module_and_every_need_is_in_the_diagram() -> None:
    script = _script()
    drawn = script.diagram()
    for name, module in script.compose.MODULES.items():
        assert f"<b>{name}</b>" in drawn
        assert all(f"{name} --> {need}\n" in drawn for need in module.needs)
