"""Numbers over the steps of a training as SVG: no script, and the colour of the text around it."""

import math
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

WIDE, HIGH = 440, 280  # of a chart, in its own units
LEFT, RIGHT, TOP, BOTTOM = 52, 414, 34, 236  # the edges of its lines
GRID = 'stroke="#888" stroke-opacity="0.4"'
# Colour and dashes. They stand out on white and on black.
LOOKS = {
    "training": ("#c8501a", "6 4"),
    "test": ("#8756f0", "none"),
    "validation": ("#2a8a4a", "2 3"),
}


class Axis(NamedTuple):
    """Round numbers along an axis, and the place of a number on it."""

    ticks: list[float]
    start: float  # the place of the first tick
    end: float  # the place of `last`
    last: float

    def at(self, value: float) -> float:
        share = (value - self.ticks[0]) / (self.last - self.ticks[0])
        return self.start + share * (self.end - self.start)


def chart(title: str, steps: Array, lines: dict[str, Array]) -> str:
    """Lines over the steps as SVG; NaN or infinity leaves a gap."""
    lines = {name: y for name, y in lines.items() if not np.isnan(y).all()}
    most = max([float(y[np.isfinite(y)].max(initial=0)) for y in lines.values()], default=0.0)
    last = max(float(steps.max(initial=0)), 1.0)
    up = rounded(most or 1.0)
    y_axis = Axis(up, BOTTOM, TOP, up[-1])
    x_axis = Axis([tick for tick in rounded(last, whole=True) if tick <= last], LEFT, RIGHT, last)
    drawn = "\n".join(
        (
            *(across(tick, y_axis) for tick in y_axis.ticks),
            *(upright(tick, x_axis) for tick in x_axis.ticks),
            f'<text x="{(LEFT + RIGHT) / 2:g}" y="{HIGH - 6}" text-anchor="middle">step</text>',
            f'<text x="4" y="16">{escape(title)}</text>',
            *(line(name, steps, y, x_axis, y_axis) for name, y in lines.items()),
            *legend(list(lines)),
        )
    )
    name = f"{title} over the steps; {described(steps, lines)}"
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(name)}">\n{drawn}\n</svg>'
    )


def rounded(most: float, *, whole: bool = False) -> list[float]:
    """About five round numbers from 0 to at least `most`, in steps of 1, 2 or 5 times 10ⁿ."""
    size = 10.0 ** math.floor(math.log10(most / 5))
    step = next(n * size for n in (1, 2, 5, 10) if n * size >= most / 5 * 0.999)
    step = max(step, 1.0) if whole else step
    return [k * step for k in range(math.ceil(most / step - 1e-9) + 1)]


def across(tick: float, axis: Axis) -> str:
    """A horizontal line, with its number."""
    y, places = axis.at(tick), max(0, -math.floor(math.log10(axis.ticks[1]) + 1e-9))
    return (
        f'<path d="M{LEFT} {y:.1f}H{RIGHT}" {GRID}/>'
        f'<text x="{LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{tick:,.{places}f}</text>'
    )


def upright(tick: float, axis: Axis) -> str:
    """A vertical line, with its number."""
    x = axis.at(tick)
    return (
        f'<path d="M{x:.1f} {TOP}V{BOTTOM}" {GRID}/>'
        f'<text x="{x:.1f}" y="{BOTTOM + 20}" text-anchor="middle">{tick:,.0f}</text>'
    )


def line(name: str, steps: Array, values: Array, x_axis: Axis, y_axis: Axis) -> str:
    """A line, broken at its gaps; a single number between two gaps is a dot."""
    colour, dashes = LOOKS[name]
    parts = []
    for rows in np.split(np.arange(len(values)), np.flatnonzero(~np.isfinite(values))):
        points = [
            f"{x_axis.at(steps[k]):.1f},{y_axis.at(values[k]):.1f}"
            for k in rows
            if np.isfinite(values[k])
        ]
        if len(points) == 1:
            x, y = points[0].split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>')
        elif points:
            parts.append(
                f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" '
                f'stroke-width="2.5" stroke-linejoin="round" stroke-dasharray="{dashes}"/>'
            )
    return "".join(parts)


def legend(names: list[str]) -> Iterator[str]:
    """What each line is, from the right."""
    right = RIGHT
    for name in reversed(names):
        colour, dashes = LOOKS[name]
        left = right - 9 * len(name)
        yield (
            f'<path d="M{left - 34} 11H{left - 6}" stroke="{colour}" stroke-width="2.5" '
            f'stroke-dasharray="{dashes}"/><text x="{left}" y="16">{name}</text>'
        )
        right = left - 50


def described(steps: Array, lines: dict[str, Array]) -> str:
    """Where each line begins and ends, in words."""
    texts = []
    for name, values in lines.items():
        known = np.flatnonzero(np.isfinite(values))
        if len(known):
            first, last = known[0], known[-1]
            texts.append(
                f"{name}: {values[first]:.4g} at step {steps[first]:,.0f}, "
                f"{values[last]:.4g} at step {steps[last]:,.0f}"
            )
    return "; ".join(texts) or "no numbers"
