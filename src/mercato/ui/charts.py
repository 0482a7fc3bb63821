"""Charts as SVG made on the server: no script, themable by CSS classes, with a text alternative.

Figures come in as integers (minor units for money) or Decimal; labels come in already written for people.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, Decimal

import msgspec
from markupsafe import Markup, escape

Figure = int | Decimal
Write = Callable[[Figure], str]
Spot = tuple[str, str]

WIDTH, HEIGHT = 680, 210
NARROW_WIDTH = 340
"""Width of a chart for phones: the same text size in half the space."""
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 10, 24
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
MOST_LABELS, MOST_NARROW_LABELS = 6, 3


class Point(msgspec.Struct, frozen=True):
    """One value of a series: its label on the axis and its figure."""

    label: str
    value: Figure


class Bar(msgspec.Struct, frozen=True):
    """One bar: its label, its figure, and the figure as people read it."""

    label: str
    value: Figure
    text: str


def nice_ceiling(value: Figure) -> Decimal:
    """The smallest of 1, 2, 2.5, 4, 5, 8, 10 times a power of ten not below `value`; 1 for nothing."""
    if value <= 0:
        return Decimal(1)
    power = Decimal(10) ** Decimal(value).adjusted()
    for step in ("1", "2", "2.5", "4", "5", "8", "10"):
        if Decimal(step) * power >= value:
            return Decimal(step) * power
    return (Decimal(value) / power).to_integral_value(ROUND_CEILING) * power


def _element(name: str, css: str = "", inside: str = "", **attributes: object) -> str:
    """One SVG element; `inside` is markup that is already safe, attribute values are escaped."""
    pairs = {"class": css, **attributes} if css else attributes
    written = "".join(f' {key.replace("_", "-")}="{escape(value)}"' for key, value in pairs.items())
    return f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>"


def _svg(
    css: str, width: int, height: int, parts: Sequence[str], title: str = "", **attributes: object
) -> Markup:
    """The whole drawing; without a title it is decoration beside text that says the same."""
    named = {"role": "img", "aria_label": title} if title else {"aria_hidden": "true"}
    box = {"viewBox": f"0 0 {width} {height}"}
    return Markup(_element("svg", css, "".join(parts), **box, **named, **attributes))


def _text(label: str, x: object, y: object, anchor: str = "middle") -> str:
    return _element("text", "", str(escape(label)), x=x, y=y, text_anchor=anchor)


def _title(text: str) -> str:
    return _element("title", "", str(escape(text)))


def _path(points: Sequence[Spot]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)


class Plot(msgspec.Struct, frozen=True):
    """The area between the axes: its whole drawing is `width` wide, values go from `low` to `top`."""

    width: int
    low: Decimal
    top: Decimal

    @property
    def inner(self) -> int:
        return self.width - LEFT - RIGHT


def _plot(values: Sequence[Figure], width: int) -> Plot:
    """Round ends for the values; an axis that starts below nothing when a value is negative."""
    least = min(values)
    return Plot(width, -nice_ceiling(-least) if least < 0 else Decimal(0), nice_ceiling(max(values)))


def _placed(values: Sequence[Figure], plot: Plot) -> list[Spot]:
    """Where the values lie in the plot."""
    step = Decimal(plot.inner) / max(len(values) - 1, 1)
    span = plot.top - plot.low
    return [
        (f"{LEFT + step * at:.1f}", f"{TOP + PLOT_HEIGHT * (plot.top - Decimal(value)) / span:.1f}")
        for at, value in enumerate(values)
    ]


def _grid(plot: Plot, write: Write) -> list[str]:
    """Four steps with their figures."""
    parts = []
    for quarter in range(5):
        y = TOP + PLOT_HEIGHT * quarter // 4
        parts.append(_element("path", "grid", d=f"M{LEFT} {y}H{plot.width - RIGHT}"))
        figure = plot.low + (plot.top - plot.low) * (4 - quarter) / 4
        whole = int(figure) if figure == int(figure) else figure
        parts.append(_text(write(whole), LEFT - 8, y + 4, "end"))
    return parts


def line_chart(
    points: Sequence[Point],
    *,
    title: str,
    write: Write = str,
    before: Sequence[Figure] = (),
    narrow: bool = False,
) -> Markup:
    """A line over a tinted area; `before` draws the previous period dashed. Fewer than two points give "".

    `narrow` is the same drawing for phones.
    """
    if len(points) < 2:
        return Markup("")
    values = [point.value for point in points]
    plot = _plot([*values, *before], NARROW_WIDTH if narrow else WIDTH)
    line, (_, floor) = _placed(values, plot), _placed([0], plot)[0]
    parts = _grid(plot, write)
    most = MOST_NARROW_LABELS if narrow else MOST_LABELS
    for at in range(0, len(points), max(1, -(-len(points) // most))):
        anchor = "start" if at == 0 else "end" if at == len(points) - 1 else "middle"
        parts.append(_text(points[at].label, line[at][0], HEIGHT - 4, anchor))
    parts.append(_element("path", "area", d=f"{_path(line)}L{plot.width - RIGHT} {floor}L{LEFT} {floor}Z"))
    if len(before) > 1:
        parts.append(_element("path", "line line-before", d=_path(_placed(before, plot))))
    parts.append(_element("path", "line", d=_path(line)))
    parts.extend(_spots(points, line, before, write, plot))
    return _svg(f"chart {'chart-narrow' if narrow else 'chart-line'}", plot.width, HEIGHT, parts, title)


def _spots(
    points: Sequence[Point], line: Sequence[Spot], before: Sequence[Figure], write: Write, plot: Plot
) -> list[str]:
    """The hover areas, one per point, each with its figures as a tooltip."""
    band = Decimal(plot.inner) / max(len(points) - 1, 1)
    spots = []
    for at, (point, (x, y)) in enumerate(zip(points, line, strict=True)):
        text = f"{point.label}: {write(point.value)}"
        if at < len(before):
            text += f" (before: {write(before[at])})"
        left = f"{Decimal(x) - band / 2:.1f}"
        area = {"x": left, "y": TOP, "width": f"{band:.1f}", "height": PLOT_HEIGHT, "fill": "transparent"}
        hover = _element("rect", "", _title(text), **area)
        hair = _element("path", "hair", d=f"M{x} {TOP}v{PLOT_HEIGHT}")
        dot = _element("circle", "dot-mark", cx=x, cy=y, r=4)
        spots.append(_element("g", "spot", hover + hair + dot))
    return spots


def sparkline(values: Sequence[Figure]) -> Markup:
    """A small line without axes, decoration only; fewer than two values give ""."""
    if len(values) < 2:
        return Markup("")
    low = min(values)
    span = Decimal(max(values) - low) or Decimal(1)
    step = Decimal(92) / (len(values) - 1)
    spots = [
        (f"{2 + step * at:.1f}", f"{29 - 26 * (value - low) / span:.1f}") for at, value in enumerate(values)
    ]
    line = _element("path", "line", d=_path(spots))
    return _svg("chart spark", 96, 32, [line], preserveAspectRatio="none")


def bar_chart(bars: Sequence[Bar], *, title: str, write: Write = str) -> Markup:
    """Standing bars on one axis; none for no bars."""
    if not bars:
        return Markup("")
    top = nice_ceiling(max(bar.value for bar in bars))
    band = Decimal(PLOT_WIDTH) / len(bars)
    every = max(1, -(-len(bars) // (2 * MOST_LABELS)))
    parts = _grid(Plot(WIDTH, Decimal(0), top), write)
    for at, bar in enumerate(bars):
        x, tall = LEFT + band * at, PLOT_HEIGHT * Decimal(bar.value) / top
        tip = _title(f"{bar.label}: {bar.text}")
        place = {"x": f"{x + band / 6:.1f}", "y": f"{TOP + PLOT_HEIGHT - tall:.1f}"}
        parts.append(
            _element("rect", "bar", tip, **place, width=f"{band * 2 / 3:.1f}", height=f"{tall:.1f}", rx=2)
        )
        if at % every == 0:
            parts.append(_text(bar.label, f"{x + band / 2:.1f}", HEIGHT - 4))
    return _svg("chart chart-bar", WIDTH, HEIGHT, parts, title)


def meter(value: Figure, most: Figure) -> Markup:
    """One lying bar on a track, for funnels and queues; the figure stands beside it as text."""
    share = min(Decimal(100) * Decimal(value) / Decimal(most), Decimal(100)) if most else Decimal(0)
    track = _element("rect", "track", width=100, height=4, rx=1)
    bar = _element("rect", "bar", width=f"{share:.1f}", height=4, rx=1)
    return _svg("chart h-2", 100, 4, [track, bar], preserveAspectRatio="none")


def histogram(counts: Sequence[int], *, first: int = 0, last: int | None = None) -> Markup:
    """How many products fall into each price step; steps outside first..last are grey."""
    if not counts:
        return Markup("")
    last = len(counts) - 1 if last is None else last
    most, band = max(*counts, 1), Decimal(240) / len(counts)
    bars = []
    for at, count in enumerate(counts):
        tall = Decimal(40) * count / most
        place = {"x": f"{band * at:.1f}", "y": f"{42 - tall:.1f}"}
        css = "bar" if first <= at <= last else "bar-2"
        bars.append(_element("rect", css, **place, width=f"{band - 1:.1f}", height=f"{tall:.1f}", rx=1))
    return _svg("chart", 240, 42, bars)


def stars(tenths: int, size: int = 16) -> Markup:
    """Five stars filled to a rating in tenths (47 = 4.7); the number must stand beside them as text."""
    width = size * 5
    return Markup(
        f'<svg class="stars" width="{width}" height="{size}" aria-hidden="true">'
        f'<rect class="off" width="{width}" height="{size}"/>'
        f'<rect class="on" width="{size * tenths // 10}" height="{size}"/></svg>'
    )
