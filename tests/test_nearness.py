"""All derivatives beside the truth: at once, as cell by cell; and what is to be said of some."""

import math
import re
import runpy
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import Network, initialise, load_bundled, save_model
from chainrule.explain import nearness
from chainrule.explain.exact import ONE, Enclosure, whole
from chainrule.explain.ledger import open_ledger
from chainrule.explain.nearness import check_exactly, compare_products, exact_product, heads
from chainrule.explain.truth import Truth, beside
from chainrule.network import LOSSES

KINDS = ("dA", "dZ", "dW", "db")


def book(seed, sizes=(9, 6, 5, 4), loss="squared_error", scale=1.0, decay=0.0):
    """The ledger of a random network and image, with pixels that are 0."""
    rng = np.random.default_rng(seed)
    network = initialise(sizes, loss=loss, weight_decay=decay, rng=rng)
    more = 0.1 * rng.standard_normal(network.parameters.size)
    parameters = (scale * (network.parameters + more)).astype(np.float32)
    x = (rng.random(sizes[0]) * (rng.random(sizes[0]) > 0.3)).astype(np.float32)
    return open_ledger(replace(network, parameters=parameters), x, int(rng.integers(sizes[-1])))


def cell_by_cell(ledger, array):
    """Every cell of an array in whole numbers, without the comparison at once."""
    true = Truth(ledger)
    return {index: true.beside(array, *index) for index in np.ndindex(ledger.arrays[array].shape)}


# ------------------------------------------------------------------------------- all at once


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 8), min_size=1, max_size=3),
    loss=st.sampled_from(LOSSES),
    exponent=st.floats(-4, 2.3),
    decay=st.sampled_from([0.0, 0.01]),
)
def test_at_once_is_as_cell_by_cell(seed, sizes, loss, exponent, decay):
    ledger = book(seed, (*sizes, 3), loss, 10**exponent, decay)
    for row in check_exactly(ledger, KINDS).arrays:
        try:
            cells = cell_by_cell(ledger, row.array).values()
        except KeyError:
            assert row.within is None
            continue
        assert row.cells == len(cells)
        assert row.worst == pytest.approx(max(each.ulps for each in cells), rel=1e-9)
        assert row.relative == pytest.approx(max(each.relative for each in cells), rel=1e-9)
        assert row.share == pytest.approx(max(each.share for each in cells), rel=1e-9)
        assert row.underflow == sum(each.underflow for each in cells)
        assert row.within is (None if None in {each.within for each in cells} else True)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(0.5, 1, exclude_max=True),
    st.floats(0.5, 1, exclude_max=True),
    st.integers(-1078, 1000),
    st.integers(-80, 80),
)
def test_a_product_is_known_to_what_is_promised(a, b, exponent, units):
    """Beside fractions: numbers of any size, ours off by any small number of units."""
    assert sum(map(Fraction, exact_product(a, b))) == Fraction(a) * Fraction(b)
    a, b = whole(a), whole(b)
    factor = Enclosure((a.low << exponent if exponent > 0 else a.low >> -exponent) // 3, 0)
    factor = Enclosure(factor.low, factor.low + 1)  # no float64, and not even a point
    one, other = heads((factor,))[0], heads((b,))[0]
    truth = factor.times(b)
    if truth.low * 2**1074 < ONE or truth.low > 2**1023 * ONE:
        return
    ours = float(Fraction(truth.low, ONE))
    ours += units * np.spacing(ours)
    bound = np.full((1, 1), 1.0)
    found = compare_products(one, other, np.full((1, 1), ours), bound, bound)
    told = beside(ours, truth, 1.0)
    assert abs(found.relative[0, 0] - told.relative) <= found.give[0, 0] + 2.0**-50 * told.relative
    assert found.give[0, 0] < 2.0**-46 * (1e-15 + told.relative)
    assert found.ulps[0, 0] == pytest.approx(told.ulps, rel=1e-9, abs=1e-9)
    distance = abs(Fraction(ours) - Fraction(truth.low, ONE))
    if 2.0**-900 < distance < 2.0**900:
        for share, fine in ((0.999, False), (1.001, True)):
            bound = np.full((1, 1), float(distance) * share)
            found = compare_products(one, other, np.full((1, 1), ours), bound, bound * 2)
            assert found.fine[0, 0] == fine or distance < 1e-20 * ours
            found = compare_products(one, other, np.full((1, 1), ours), bound * 2, bound / 2)
            assert not found.fine


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize(
    "Z", [(-300,), (-400,), (-600,), (-700,), (-720,), (-745,), (-760,), (-930,), (-590, -750)]
)
def test_the_smallest_numbers_are_compared_cell_by_cell_too(Z, label):
    """Some truths are known to a few bits only, or to be below 10⁻⁴⁰⁰; ours may be 0."""
    ledger = scored(0.0, *Z, label=label)
    for row in check_exactly(ledger).arrays:
        cells = cell_by_cell(ledger, row.array).values()
        assert row.underflow == sum(each.underflow for each in cells)
        assert row.worst == pytest.approx(max(each.ulps for each in cells), rel=1e-9)
        assert row.within is (None if None in {each.within for each in cells} else True)


@pytest.mark.parametrize("array", ["dW1", "dW2", "dW3", "db2"])
def test_an_error_that_is_planted_is_found_wherever_it_is(array):
    ledger = book(1)
    bounds = Truth(ledger).bounds[array]
    for index in list(np.ndindex(ledger.arrays[array].shape))[::2]:
        for times, within in ((0.4, True), (3, False), (-3, False), (1e9, False), (np.inf, None)):
            planted = {name: each.copy() for name, each in ledger.arrays.items()}
            planted[array][index] += (bounds[index] or 1e-30 * (abs(times) > 0.5)) * times
            rows = {row.array: row for row in check_exactly(replace(ledger, arrays=planted)).arrays}
            said = rows.pop(array)
            assert said.within is within, (index, times)
            assert all(row.within for row in rows.values())


def test_a_fault_of_the_comparison_at_once_is_found(monkeypatch):
    ledger = book(3)
    assert all(row.within for row in check_exactly(ledger).arrays)
    with monkeypatch.context() as patch:
        patch.setattr(nearness, "exact_product", lambda a, b: (a * b, 0 * a * b))
        with pytest.raises(ArithmeticError, match="in whole numbers"):
            check_exactly(ledger)
    right = nearness.heads
    with monkeypatch.context() as patch:
        patch.setattr(nearness, "heads", lambda v: (right(v)[0]._replace(
            rest=0 * right(v)[0].rest), right(v)[1]))  # fmt: skip
        with pytest.raises(ArithmeticError):
            check_exactly(ledger)


def test_most_cells_are_compared_at_once(mnist):
    digits = mnist[1]
    ledger = open_ledger(load_bundled("large"), digits.X[:, 0], int(digits.labels[0]))
    row = check_exactly(ledger).arrays[0]
    assert (row.array, row.cells, row.within) == ("dW1", 100352, True)
    assert 0 < row.judged < 20


# ----------------------------------------------------------------------- the table of the docs

TABLE, SCRIPT = ROOT / "docs/design/trust.md", ROOT / "benchmarks/exactness.py"
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[-+]\d+)?")


def figures(line):
    return [float(number.replace(",", "")) for number in NUMBER.findall(line)]


def test_the_script_of_the_table_says_what_single_cells_say(mnist):
    made, images = runpy.run_path(str(SCRIPT)), 1
    found = made["measure"]("small", "cross_entropy", range(images))
    network = replace(load_bundled("small"), loss="cross_entropy")
    for array, row in found.arrays.items():
        cells = [
            each
            for k in range(images)
            for each in cell_by_cell(
                open_ledger(network, mnist[1].X[:, k], int(mnist[1].labels[k])), array
            ).values()
        ]
        assert row.cells == len(cells)
        assert row.worst == pytest.approx(max(each.ulps for each in cells), rel=1e-9)
        assert row.relative == pytest.approx(max(each.relative for each in cells), rel=1e-9)
        assert row.within


@pytest.mark.long
def test_the_table_of_the_docs():
    """220 million derivatives. Another BLAS sums in another order: figures may differ tenfold."""
    made = subprocess.run([sys.executable, SCRIPT], capture_output=True, check=True)
    table = made.stdout.decode().splitlines()
    stated = TABLE.read_text(encoding="utf-8").splitlines()
    first = stated.index(table[0])
    assert stated[first + 1] == table[1]
    for line, other in zip(table[2:], stated[first + 2 :], strict=False):
        assert NUMBER.sub("", line) == NUMBER.sub("", other)
        if line.startswith("|"):
            for number, said in zip(figures(line), figures(other), strict=True):
                assert said / 10 <= number <= said * 10, line
    total, judged, share, underflow, undecided, *_ = figures(table[-1])
    assert (total, underflow, undecided) == (220_092_000, 0, 0)
    assert "all within their bounds" in table[-1]
    assert judged < total / 100
    assert share < 1


# ---------------------------------------------------------------- what is to be said of a number


def near_0(tmp_path):
    """A network whose first unit float64 cannot decide for test image 0, and whose second is at 0.

    Z1[0] = x[p] + 2⁻⁶⁰ x[q] - x[p], with the last as its bias.
    """
    network = Network((784, 3, 10), np.zeros(784 * 3 + 3 + 30 + 10, np.float32))
    (W1, b1), (W2, _) = network.layers
    W2[:] = np.random.default_rng(0).standard_normal(W2.shape)
    path = tmp_path / "near.safetensors"

    def made(x):
        p, q = np.flatnonzero(x)[:2]
        W1[0, p], W1[0, q], b1[0] = 1, 2.0**-60, -x[p]
        W1[2, p] = 1
        save_model(network, path)
        return path

    return made


def test_a_relu_that_float64_cannot_decide_is_named(tmp_path, mnist, answer, inside):
    x = mnist[1].X[:, 0]
    path = near_0(tmp_path)(x)
    q = int(np.flatnonzero(x)[1])
    told = answer("check", path, "--exact", "--test", "0")
    unsure, at_0 = told["corners"]
    assert (unsure["test"], unsure["unit"], unsure["on"], unsure["at_0"]) == (0, "Z1[0]", 1, 0)
    assert float(unsure["truth"]) == pytest.approx(2.0**-60 * float(x[q]), rel=1e-5)
    assert (at_0["unit"], at_0["at_0"], at_0["on"]) == ("Z1[1]", True, False)
    shown = " ".join(inside("check", path, "--exact", "--test", "0").stdout.split())
    assert "test image 0: Z1[0] is" in shown
    assert "cannot tell whether its ReLU is on; truly it is" in shown
    assert ": it is on." in shown
    assert "test image 0: Z1[1] is truly 0, the corner of ReLU" in shown

    def says(cell):
        return answer("explain", path, "--test", "0", "--cell", cell, "--exact")["exact"]["says"]

    told = answer("explain", path, "--test", "0", "--cell", "dZ1[0]", "--exact")["exact"]
    assert (told["undecided"], told["within"]) == (["Z1[0]"], True)
    for cell in ("dZ1[0]", "db1[0]", f"dW1[0,{q}]"):
        assert [line[:5] for line in says(cell)] == ["Z1[0]"], cell
    assert [line[:5] for line in says("dZ1[1]")] == ["Z1[1]"]
    for cell in ("dZ1[2]", "dA1[0]", "dW2[0,2]", "Z1[2]", "E"):
        assert says(cell) == [], cell
    assert says(f"x[{q}]") == ["It is given, not computed: ours is the truth."]
    shown = inside("explain", path, "--test", "0", "--cell", "dZ1[0]", "--exact").stdout
    assert "cannot tell whether its ReLU is on" in " ".join(shown.split())


def test_a_relu_whose_sum_is_not_0_is_named_too():
    W1 = [0.1, -0.1 + 1e-17]  # the nearest float64, so that Z1 is exact, but float64 cannot know
    network = Network((2, 1, 2), np.array([*W1, 0, 1, -1, 0, 0]))
    ledger = open_ledger(network, np.ones(2), 0)
    (corner,) = Truth(ledger).corners
    assert (corner.unit, corner.ours > 0, corner.on, corner.at_0) == ("Z1[0]", True, True, False)
    away = replace(network, parameters=np.array([0.1, -0.1 + 1e-15, 0, 1, -1, 0, 0]))
    assert Truth(open_ledger(away, np.ones(2), 0)).corners == ()


def scored(*Z, loss="squared_error", label=0):
    """A ledger whose last Z are these."""
    parameters = np.array([*Z, *[0.0] * len(Z)])
    return open_ledger(Network((1, len(Z)), parameters, loss), np.ones(1), label)


def test_underflow_is_said_and_rounding_is_not_called_that():
    # A1[1] is e⁻⁷⁶⁰: no float64. A1[0] rounds to 1.
    true = Truth(scored(0.0, -760.0, label=1))
    (said,) = true.cell("A1[1]").says
    assert said.startswith("Ours is 0 by underflow")
    assert said.endswith("the truth is not 0.")
    assert true.cell("A1[1]").within
    assert "underflow" in true.cell("dZ1[1]").says[0]
    (said,) = Truth(scored(0.0, -50.0)).cell("dA1[0]").says
    assert said.startswith("Ours is 0 by rounding")
    # e⁻⁷⁴⁰ is one, of few digits.
    (said,) = Truth(scored(0.0, -740.0)).cell("A1[1]").says
    assert said.startswith("Ours has lost digits by underflow")
    assert Truth(scored(0.0, -600.0)).cell("A1[1]").says == ()
    assert Truth(scored(0.0, -1.0)).cell("dZ1[0]").says == ()
    rows = check_exactly(scored(0.0, -760.0, label=1)).arrays
    assert [(row.array, row.underflow) for row in rows] == [("dW1", 1), ("db1", 1)]
    tiny = check_exactly(scored(0.0, -700.0, label=1), KINDS).arrays
    assert [row.underflow for row in tiny] == [0] * 4


def test_underflow_stands_below_the_table_of_check(tmp_path, mnist, inside):
    network = Network((784, 10), np.zeros(7850, np.float32))
    network.layers[0][1][:, 0] = [0, -760, *[-1] * 8]
    path = tmp_path / "tiny.safetensors"
    save_model(network, path)
    shown = " ".join(inside("check", path, "--exact", "--test", "0").stdout.split())
    ink = np.count_nonzero(mnist[1].X[:, 0])
    assert f"underflow: {ink} cells of dW1 lost digits or became 0" in shown
    assert "underflow: 1 cell of db1 lost digits or became 0" in shown


def test_where_numbers_overflow_nothing_is_claimed(tmp_path, inside):
    network = Network((784, *[2] * 9, 10), np.full(784 * 2 + 2 + 8 * 6 + 30, 3e38, np.float32))
    path = tmp_path / "huge.safetensors"
    save_model(network, path)
    told = inside("check", path, "--exact", "--test", "0", "--quiet")
    assert (told.returncode, told.stderr) == (1, "")
    assert told.stdout == "of some derivatives it cannot be told: numbers on the way overflow\n"
    shown = inside("explain", path, "--test", "0", "--cell", "Z10[0]", "--exact")
    assert "whole numbers have no such limit" in " ".join(shown.stdout.split())


def test_where_there_is_no_truth_it_is_said(tmp_path, inside):
    told = Truth(scored(2000.0, 0.0, loss="cross_entropy", label=1)).cell("dA1[1]")
    assert (told.truth, told.ours, told.agree, told.within) == (None, "-inf", 0, None)
    assert "there is no truth to be had" in told.says[0]
    assert Truth(scored(2000.0, 0.0, loss="cross_entropy", label=1)).cell("dA1[0]").truth == "0"
    # Between: float64 has no such number, whole numbers have.
    told = Truth(scored(800.0, 0.0, loss="cross_entropy", label=1)).cell("dA1[1]")
    assert told.ours == "-inf"
    assert told.truth.endswith("e+347")
    assert float(told.truth.partition("e")[0].replace("−", "-")) == pytest.approx(
        -(10 ** (800 / math.log(10) - 347)), rel=1e-9
    )
    assert "too large for float64" in told.says[0]
    network = Network((784, 10), np.zeros(7850, np.float32), "cross_entropy")
    network.layers[0][1][:, 0] = [2000] + [0] * 9
    path = tmp_path / "sure.safetensors"
    save_model(network, path)
    shown = inside("explain", path, "--test", "0", "--cell", "dA1[7]", "--exact")
    assert shown.returncode == 0
    assert "there is no truth to be had" in " ".join(shown.stdout.split())
    for bad in (math.inf, math.nan):
        ledger = open_ledger(Network((1, 2), np.array([bad, 1, 0, 0])), np.ones(1), 0)
        assert "infinite or NaN" in Truth(ledger).cell("dW1[0,0]").says[0]
