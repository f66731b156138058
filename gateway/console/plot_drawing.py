"""The drawing of a plot as SVG: bars, axes and the line of the prediction, where no script draws them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.console.number_text import number_text
from gateway.console.plots import Picture

#: The drawing in its own units, and its margins; static/bars_svg.js draws the same.
WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 28, 48
_TICKS: Final = 8


@dataclass(frozen=True, slots=True)
class Rect:
    """Hold one bar: its series, its place, and its words."""

    series: int
    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Hold one tick of an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Hold the parts of the SVG; `line` is the place of the prediction, None without one."""

    rects: tuple[Rect, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    line: float | None
    anchor: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def drawing_of(picture: Picture) -> Drawing | None:
    """Return the drawing; None where there are no bars."""
    bars = [bar for series in picture.series for bar in series.bars]
    if not bars:
        return None
    low, high = min(bar.low for bar in bars), max(bar.high for bar in bars)
    if picture.value is not None:
        low, high = min(low, picture.value), max(high, picture.value)
    most = max(bar.percent for bar in bars)
    x_scale, y_scale = (WIDTH - LEFT - RIGHT) / (high - low), (HEIGHT - TOP - BOTTOM) / most
    floor = HEIGHT - BOTTOM
    rects = [
        Rect(
            at,
            LEFT + (bar.low + 0.1 * (bar.high - bar.low) - low) * x_scale,
            floor - bar.percent * y_scale,
            0.8 * (bar.high - bar.low) * x_scale,
            bar.percent * y_scale,
            f"{series.name}: {number_text(bar.low)} to {number_text(bar.high)}, {number_text(bar.percent, 1)} %, "
            f"{number_text(bar.count)} of {number_text(series.rows)} rows",
        )
        for at, series in enumerate(picture.series)
        for bar in series.bars
    ]
    line = None if picture.value is None else LEFT + (picture.value - low) * x_scale
    anchor = "end" if line is not None and line > (LEFT + WIDTH - RIGHT) / 2 else "start"
    return Drawing(
        tuple(rects),
        tuple(Tick(LEFT + (one - low) * x_scale, number_text(one)) for one in ticks(low, high)),
        tuple(Tick(floor - one * y_scale, number_text(one)) for one in ticks(0, most)),
        line,
        anchor,
    )


def ticks(low: float, high: float) -> Iterator[float]:
    """Yield a few round numbers between two."""
    rough = (high - low) / _TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * one for one in (1, 2, 5, 10) if power * one >= rough)
    first = math.ceil(low / step)
    yield from (one * step for one in range(first, math.floor(high / step) + 1))
