"""The simulation of docs/design/scale.md: it goes the engine's way, and near what was measured."""

import importlib.util
import sys
from dataclasses import replace

import pytest
from helpers import ROOT

from chainrule.engine.compiled.form import layout
from chainrule.engine.compiled.tiled import EACH, tile_size
from chainrule.engine.sharing import Sharing

spec = importlib.util.spec_from_file_location("scale", ROOT / "benchmarks/scale.py")
scale = sys.modules["scale"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(scale)

FREE = scale.Way(task=0.0, trip=0.0, rate=float("inf"))
STEP = scale.Step((784, 10, 10), 1_024_000, 1e-5, 0.0)


@pytest.mark.parametrize("workers", [2, 3, 10, 1000])
@pytest.mark.parametrize("tiles", [1, 15, 59, 977, 97_657])
def test_runs_are_cut_as_the_engine_cuts_them(tiles, workers):
    runs = Sharing(None, tiles, None, workers, EACH).runs
    assert scale.runs_of(tiles, workers) == [last - first for first, last in reversed(runs)]


@pytest.mark.parametrize("sizes", [(784, 10, 10), (784, 800, 10), (784, 2048, 1024, 10)])
def test_tiles_and_bytes_are_the_engine_s(sizes):
    assert scale.tile_of(sizes) == tile_size(sizes, 1 << 20)
    padded = 4 * layout(sizes, 1024, dense=False).padded
    assert scale.Step(sizes, 1, 0, 0).bytes == pytest.approx(padded, rel=0.02)


def test_where_nothing_costs_the_work_is_divided():
    for workers in (1, 2, 4, 10, 25):
        seconds, busy = scale.simulate(STEP, FREE, workers)
        assert 10.24 / workers <= seconds * 1.000001
        assert seconds < 10.24 / workers * 1.3  # runs are powers of 2, so some wait for the last
        assert busy == pytest.approx(10.24 / workers / seconds)


def test_what_costs_in_one_process_is_not_divided():
    """Many workers, little work: each task, and each byte, goes through the process that asks."""
    step = replace(STEP, image=1e-12)
    assert scale.simulate(step, FREE, 100)[0] < 1e-5
    assert scale.simulate(step, replace(FREE, task=0.01), 100)[0] >= 0.01 * 99
    narrow = replace(FREE, rate=1e6, per_machine=10)
    sent = step.bytes * 10 / 1e6  # the parameters, once to each of 10 machines
    assert scale.simulate(step, narrow, 100)[0] >= sent
    assert scale.simulate(step, replace(narrow, each=True), 100)[0] > sent * 5


def test_the_simulation_is_near_every_measured_point():
    """Within the bound that the page states, and most of them nearer."""
    ratios = {point: scale.predicted(point) / scale.POINTS[point][1] for point in scale.POINTS}
    assert len(ratios) == 16
    assert all(1 / scale.BOUND < ratio < scale.BOUND for ratio in ratios.values())
    near = [ratio for ratio in ratios.values() if 1 / 1.25 < ratio < 1.25]
    assert len(near) >= 8


def test_the_page_has_the_tables_that_the_simulation_gives():
    page = (ROOT / "docs/design/scale.md").read_text(encoding="utf-8")
    log = (ROOT / "benchmarks/log/2026-11-28-ray.md").read_text(encoding="utf-8")
    for line in scale.table():
        assert line in page
    for line in scale.compared():
        assert line in log
