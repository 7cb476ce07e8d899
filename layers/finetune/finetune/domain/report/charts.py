"""Drawings as inline SVG. Positions are percentages, so that a drawing fits any width and its words keep their size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from finetune.domain.customization.loss_curves import Curve, Point, thinned
from finetune.domain.evaluation.comparison import Comparison
from finetune.domain.report.markup import Markup, join, signed, tag

_CURVE_POINTS = 200


def interval(comparison: Comparison, minimum_gain: float) -> Markup:
    """The difference with its interval on an axis of points, the required gain as a line."""
    values = (0.0, minimum_gain, comparison.difference.low, comparison.difference.high)
    step = _step(max(values) - min(values), 5)
    low, high = _floor(min(values) - step / 4, step), -_floor(-max(values) - step / 4, step)

    def at(value: float) -> str:
        return f"{3 + 94 * (value - low) / (high - low):.2f}%"

    ticks = [low + step * index for index in range(round((high - low) / step) + 1)]
    return tag(
        "svg",
        tag("title", comparison.reason),
        *(_line(at(tick), at(tick), 8, 56, "grid") for tick in ticks),
        *(tag("text", _points(100 * tick), x=at(tick), y=74, class_="middle") for tick in ticks),
        _line(at(minimum_gain), at(minimum_gain), 2, 60, "gate"),
        tag("line", x1=at(comparison.difference.low), x2=at(comparison.difference.high), y1=32, y2=32, class_="range"),
        tag("circle", cx=at(comparison.difference.mean), cy=32, r=6, class_="mean"),
        width="100%",
        height=80,
        role="img",
    )


def shares(counts: Mapping[str, int]) -> Markup:
    """Counts as the parts of one bar, to stand beside their legend; each key is also the part's class."""
    total = sum(counts.values()) or 1
    parts, start = [], 0.0
    for name, count in counts.items():
        width = 100 * count / total
        parts.append(tag("rect", x=f"{start:.2f}%", width=f"{width:.2f}%", y=0, height=10, class_=name))
        start += width
    return tag("svg", *parts, width="100%", height=10, aria_hidden="true", class_="shares")


def bar(share: float, class_: str) -> Markup:
    """A bar of 0..1 of the width, to stand beside its number."""
    return tag(
        "svg",
        tag("rect", width="100%", height=10, rx=3, class_="track"),
        tag("rect", width=f"{100 * max(0.0, min(1.0, share)):.2f}%", height=10, rx=3, class_=class_),
        width="100%",
        height=10,
        aria_hidden="true",
    )


def curves(drawn: Sequence[Curve]) -> Markup:
    """Loss over steps, one line for each curve; the lowest validation loss is marked."""
    lines = {curve.kind: thinned(curve, _CURVE_POINTS) for curve in drawn}
    losses = [loss for line in lines.values() for _, loss in line]
    steps = [step for line in lines.values() for step, _ in line]
    tick = _step(max(losses) - min(losses) or max(losses) or 1, 4)
    low, high = _floor(min(losses), tick), -_floor(-max(losses), tick)
    high = high if high > low else low + tick
    last = max(steps) or 1

    def x(step: float) -> float:
        return 100 * step / last

    def y(loss: float) -> float:
        return 100 * (high - loss) / (high - low)

    ticks = [low + tick * index for index in range(round((high - low) / tick) + 1)]
    plot = tag(
        "svg",
        *(tag("line", x1=0, x2=100, y1=f"{y(value):.2f}", y2=f"{y(value):.2f}", class_="grid") for value in ticks),
        *(_path(kind, [(x(step), y(loss)) for step, loss in line]) for kind, line in lines.items()),
        y="10",
        width="100%",
        height="200",
        viewBox="0 0 100 100",
        preserveAspectRatio="none",
    )
    labels = (
        tag("text", f"{value:.{_digits(tick)}f}", x=-10, y=f"{14 + 2 * y(value):.1f}", class_="end") for value in ticks
    )
    marks = (
        tag("circle", cx=f"{x(point.step):.2f}%", cy=f"{10 + 2 * y(point.loss):.1f}", r=5, class_="mean")
        for point in lowest(drawn)
    )
    return tag(
        "svg",
        tag("title", "Loss by training step"),
        plot,
        *marks,
        *labels,
        tag("text", f"step {round(last):,}", x="100%", y=232, class_="end"),
        tag("text", "step 0", x=0, y=232),
        height=240,
        role="img",
        class_="losses",
    )


def lowest(drawn: Sequence[Curve]) -> list[Point]:
    """Where the validation loss was lowest, if it was measured more than once."""
    return [curve.best for curve in drawn if curve.kind == "validation" and len(curve.points) > 1]


def _path(kind: str, points: Sequence[tuple[float, float]]) -> Markup:
    if len(points) == 1:
        # A single measurement is drawn as a level, since a line of one point cannot be seen.
        points = [(0.0, points[0][1]), (100.0, points[0][1])]
    written = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return tag("polyline", points=written, class_=f"curve {kind}")


def _line(x1: str, x2: str, y1: float, y2: float, class_: str) -> Markup:
    return tag("line", x1=x1, x2=x2, y1=y1, y2=y2, class_=class_)


def _step(span: float, ticks: int) -> float:
    """A round distance between ticks: 1, 2 or 5 times a power of ten."""
    raw = max(span, 1e-6) / ticks
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)


def _floor(value: float, step: float) -> float:
    return math.floor(round(value / step, 9)) * step


def _points(points: float) -> str:
    return signed(points, 0 if abs(points - round(points)) < 1e-9 else 1)


def _digits(step: float) -> int:
    return max(0, -math.floor(math.log10(step)))


def legend(names: Mapping[str, str]) -> Markup:
    """A key of classes to words."""
    return tag("p", *(tag("span", join(tag("i", class_=key), word)) for key, word in names.items()), class_="legend")
