"""The curves of the page that `chainrule show` makes: SVG, read back into numbers."""

import math
import re
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest

from chainrule.chart import chart, rounded
from chainrule.cli.page import curves

NAN, INF = math.nan, math.inf


def drawn(svg):
    """The SVG, and what is read off it: a function from a point to (step, value)."""
    root = ET.fromstring(svg)
    across = [
        each for each in root.iter("path") if "H" in each.get("d") and "," not in each.get("d")
    ]
    grid = [re.match(r"M[\d.]+ ([\d.]+)H", each.get("d")) for each in across]
    y = [float(found[1]) for found, each in zip(grid, across, strict=True) if is_grid(each)]
    x = [
        float(re.match(r"M([\d.]+) [\d.]+V", each.get("d"))[1])
        for each in root.iter("path")
        if "V" in each.get("d")
    ]
    texts = list(root.iter("text"))
    up = [float(each.text.replace(",", "")) for each in texts if each.get("text-anchor") == "end"]
    along = [each for each in texts if each.get("text-anchor") == "middle" and each.text != "step"]
    right = [float(each.text.replace(",", "")) for each in along]

    def read(point):
        left, top = map(float, point.split(","))
        return (
            right[0] + (left - x[0]) * (right[-1] - right[0]) / (x[-1] - x[0]),
            up[0] + (top - y[0]) * (up[-1] - up[0]) / (y[-1] - y[0]),
        )

    return root, read


def is_grid(path):
    return path.get("stroke") == "#888"


def points(root):
    """The points of each stretch, lines first, then what stands alone."""
    lines = [each.get("points").split() for each in root.iter("polyline")]
    return lines + [[f"{each.get('cx')},{each.get('cy')}"] for each in root.iter("circle")]


def test_a_curve_is_its_numbers():
    rng = np.random.default_rng(1)
    steps = np.arange(0, 1000, 7.0)
    values = rng.uniform(0, 0.7, steps.size)
    root, read = drawn(chart("loss E", steps, {"training": values}))
    (line,) = points(root)
    found = np.array([read(point) for point in line])
    assert found[:, 0] == pytest.approx(steps, abs=0.3)  # a tenth of the drawing's unit
    assert found[:, 1] == pytest.approx(values, abs=0.001)


def test_what_is_no_number_is_a_gap():
    steps = np.arange(8.0)
    values = np.array([1, 2, NAN, 3, INF, 4, 5, 6.0])
    root, read = drawn(chart("loss E", steps, {"training": values}))
    stretches = [[read(point) for point in each] for each in points(root)]
    assert [[round(x) for x, _ in each] for each in stretches] == [[0, 1], [5, 6, 7], [3]]
    assert "nan" not in ET.tostring(root, encoding="unicode").lower()
    assert "inf" not in ET.tostring(root, encoding="unicode").lower()


def test_a_line_without_a_number_is_left_out():
    steps = np.arange(3.0)
    lines = {"training": np.full(3, NAN), "test": np.array([10, 50, 90.0])}
    root, _ = drawn(chart("read right, %", steps, lines))
    assert [each.text for each in root.iter("text")][-1] == "test"
    assert "training" not in "".join(root.itertext())
    nothing, _ = drawn(chart("loss E", steps, {"training": np.full(3, INF)}))
    assert points(nothing) == []


def test_curves_are_told_to_who_does_not_see_them():
    history = np.array([[0, 0.9, 0.1, 0.2, 0.0, 0.9, 0.1], [30, 0.25, 0.8, 0.75, 1.0, 0.4, 0.7]])
    charts = re.findall(r"<svg.*?</svg>", curves(SimpleNamespace(history=history)), re.DOTALL)
    told = [
        "training: 0.9 at step 0, 0.25 at step 30; validation: 0.9 at step 0, 0.4 at step 30",
        "training: 10 at step 0, 80 at step 30; test: 20 at step 0, 75 at step 30; "
        "validation: 10 at step 0, 70 at step 30",
    ]
    for svg, words in zip(charts, told, strict=True):
        root = ET.fromstring(svg)
        assert root.get("role") == "img"
        assert root.get("aria-label").partition(" over the steps; ")[2] == words


@pytest.mark.parametrize("most", [1e-7, 0.0333, 0.5, 1, 7, 99.9, 100, 12345.6])
def test_the_numbers_of_an_axis_are_round(most):
    found = rounded(most)
    assert found[0] == 0
    assert found[-1] >= most * (1 - 1e-8)
    assert 3 <= len(found) <= 7
    step = found[1]
    assert any(math.isclose(step / 10 ** math.floor(math.log10(step) + 1e-9), n) for n in (1, 2, 5))
    assert all(tick == int(tick) for tick in rounded(most, whole=True))
