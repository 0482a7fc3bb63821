"""Cells of CSV files: no text runs as a formula, and what was exported is read as it was."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kernel.csv_cells import guarded, plain
from rules import source


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('=HYPERLINK("https://evil.example","x")', '\'=HYPERLINK("https://evil.example","x")'),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("＝1+1", "'＝1+1"),
        ("'=1", "''=1"),
        ("-12.50", "-12.50"),
        ("+3", "+3"),
        ("Fika mug", "Fika mug"),
        ("'quoted'", "'quoted'"),
        (-5, -5),
    ],
)  # fmt: skip
def test_marks_what_a_spreadsheet_would_run_and_nothing_else(text: object, cell: object) -> None:
    assert guarded(text) == cell


@given(st.text(alphabet="'=+-@\tab1 .", max_size=8))
def test_what_was_written_is_read_again(text: str) -> None:
    assert plain(guarded(text)) == text
    first, second = guarded(text)[:1], text[1:2]
    assert first not in set("=@\t") and (first not in set("+-") or second.isdigit())


def test_every_export_marks_its_cells() -> None:
    writers = {
        source.place(path)
        for path in source.files()
        for node in ast.walk(source.tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("csv.writer", "csv.DictWriter")
    }
    guarding = {
        source.place(path)
        for path in source.files()
        if "from mercato.kernel.csv_cells import" in path.read_text("utf-8")
    }
    assert writers and writers <= guarding, "a file that writes CSV passes its cells through kernel.csv_cells"
