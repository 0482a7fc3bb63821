"""Charts are well-formed, true to their figures, and safe against the texts of a shop."""

from decimal import Decimal
from xml.etree import ElementTree

import pytest

from mercato.ui import charts
from mercato.ui.charts import Bar, Point


@pytest.mark.parametrize(
    ("value", "ceiling"),
    [(0, "1"), (1, "1"), (7, "8"), (12, "20"), (2400, "2500"), (4001, "5000"), (99, "100")],
)
def test_the_axis_ends_at_the_next_round_figure(value: int, ceiling: str) -> None:
    assert charts.nice_ceiling(value) == Decimal(ceiling)


def test_a_line_chart_places_lowest_and_highest_value() -> None:
    drawing = charts.line_chart([Point("Mon", 0), Point("Tue", 100)], title="Sales")
    root = ElementTree.fromstring(drawing)
    line = next(part for part in root if part.get("class") == "line")
    assert line.get("d") == "M48.0 186.0L672.0 10.0"
    assert root.get("aria-label") == "Sales"


def test_a_line_chart_of_one_day_is_empty() -> None:
    assert charts.line_chart([Point("Mon", 5)], title="Sales") == ""


def test_the_tooltip_names_this_and_the_previous_period() -> None:
    drawing = charts.line_chart([Point("Mon", 1), Point("Tue", 2)], title="Sales", before=[3, 4])
    titles = [title.text for title in ElementTree.fromstring(drawing).iter("title")]
    assert titles == ["Mon: 1 (before: 3)", "Tue: 2 (before: 4)"]


def test_labels_cannot_break_out_of_the_drawing() -> None:
    drawing = charts.bar_chart([Bar('<script>"', 3, "three & more")], title='"><script>')
    root = ElementTree.fromstring(drawing)
    assert root.get("aria-label") == '"><script>'
    assert [title.text for title in root.iter("title")] == ['<script>": three & more']
    assert "<script>" not in drawing


def test_a_meter_is_never_longer_than_its_track() -> None:
    bar = list(ElementTree.fromstring(charts.meter(30, 20)))[1]
    assert bar.get("width") == "100.0"
    assert list(ElementTree.fromstring(charts.meter(0, 0)))[1].get("width") == "0.0"


def test_a_histogram_marks_what_lies_outside_the_chosen_prices() -> None:
    drawing = charts.histogram([1, 2, 3, 4], first=1, last=2)
    assert [bar.get("class") for bar in ElementTree.fromstring(drawing)] == ["bar-2", "bar", "bar", "bar-2"]


def test_stars_are_filled_to_the_tenth() -> None:
    assert [part.get("width") for part in ElementTree.fromstring(charts.stars(47))] == ["80", "75"]


def test_a_day_with_more_refunds_than_sales_goes_below_nothing_and_stays_in_the_drawing() -> None:
    drawing = charts.line_chart([Point("Mon", 100), Point("Tue", -100)], title="Sales", write=str)
    root = ElementTree.fromstring(drawing)
    line = next(part for part in root if part.get("class") == "line")
    assert line.get("d") == "M48.0 10.0L672.0 186.0"
    assert [text.text for text in root.iter("text")][:5] == ["100", "50", "0", "-50", "-100"]
    area = next(part for part in root if part.get("class") == "area")
    assert area.get("d", "").endswith("L672 98.0L48 98.0Z")


def test_the_narrow_drawing_has_the_same_height_and_fewer_labels() -> None:
    points = [Point(str(day), day) for day in range(28)]
    wide = ElementTree.fromstring(charts.line_chart(points, title="Sales"))
    narrow = ElementTree.fromstring(charts.line_chart(points, title="Sales", narrow=True))
    assert narrow.get("viewBox") == "0 0 340 210"
    assert [len(list(root.iter("text"))) for root in (wide, narrow)] == [5 + 6, 5 + 3]
