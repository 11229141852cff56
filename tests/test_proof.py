"""The gradient check, and that it can fail."""

import math
import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from helpers import toy_problem

from chainrule import forward, gradient, initialise, load_bundled, loss
from chainrule.explain.check import ABSOLUTE, RELATIVE, TELLING, cell_name, check
from chainrule.explain.differences import central_differences
from chainrule.explain.impostors import IMPOSTORS
from chainrule.explain.learning import RATES, learn_once
from chainrule.explain.ledger import CellError, named, open_ledger
from chainrule.explain.proof import prove, prove_output, why_not
from chainrule.network import LOSSES, Network, backward


@pytest.mark.parametrize("name", LOSSES)
def test_all_7960_derivatives_of_the_small_network_agree_and_impostors_do_not(mnist, name):
    network = initialise((784, 10, 10), loss=name, rng=np.random.default_rng(0))
    digits = mnist[1][[0, 1, 2]]
    proof = check(network, digits.X, digits.Y)
    assert (proof.parameters, proof.compared) == (7960, 7960)
    assert proof.kinks == ()
    assert [row.array for row in proof.own.rows] == ["W1", "b1", "W2", "b2"]
    assert sum(row.cells for row in proof.own.rows) == 7960
    for row in proof.own.rows:
        assert row.relative <= RELATIVE == 1e-6
        assert row.largest <= ABSOLUTE == 1e-8
    assert proof.own.agrees
    assert len(proof.impostors) == 2
    for impostor in proof.impostors:
        assert impostor.agrees is False
        assert all(row.relative > 0.01 for row in impostor.rows)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", range(5))
def test_impostors_fail_on_random_networks(name, seed):
    network, X, Y = toy_problem(np.random.default_rng(seed), (8, 6, 5, 4), loss=name)
    proof = check(network, X, Y)
    assert proof.own.agrees
    assert all(impostor.agrees is False for impostor in proof.impostors)


@pytest.mark.parametrize("size", [1e-8, 1, 1e4, 1e8, 1e12, 1e150, 1e300])
@pytest.mark.parametrize("name", LOSSES)
def test_no_size_of_the_weights_makes_worthless_quotients_agree(mnist, name, size):
    network = initialise((784, 10, 10, 10), loss=name, rng=np.random.default_rng(0))
    network = replace(network, parameters=network.parameters.astype(np.float64) * size)
    digits = mnist[1][[0, 1, 2]]
    proof = check(network, digits.X, digits.Y, sample=500)
    for row in (row for account in (proof.own, *proof.impostors) for row in account.rows):
        assert row.agrees is not True or row.relative <= TELLING == 1e-3, row
    assert proof.own.agrees is not False
    ledger = open_ledger(network, digits.X[:, 0], int(digits.labels[0]))
    for array, values in ledger.arrays.items():
        if array.startswith("d"):
            cell = prove(ledger, named(array, *(0,) * values.ndim))
            assert cell.agrees is not True or cell.relative <= TELLING, cell
            assert cell.agrees is not False or cell.kink, cell
    for account in prove_output(ledger).accounts:
        assert account.agrees is not True or account.relative <= TELLING


def test_where_rounding_hides_the_quotients_nothing_is_claimed(mnist):
    network = initialise((784, 10, 10), loss="cross_entropy", rng=np.random.default_rng(0))
    large = replace(network, parameters=network.parameters.astype(np.float64) * 1e8)
    digits = mnist[1][[0, 1, 2]]
    assert check(network, digits.X, digits.Y, sample=200).own.agrees is True
    assert check(large, digits.X, digits.Y, sample=200).own.agrees is None


def test_a_wrong_gradient_in_one_cell_is_seen(monkeypatch):
    network, X, Y = toy_problem(np.random.default_rng(0))
    real = check(network, X, Y)

    def wrong(network, trace, Y, **settings):
        derivatives = backward(network, trace, Y, **settings)
        derivatives.dW[1][0, 0] += 1e-5
        return derivatives

    monkeypatch.setattr("chainrule.explain.check.backward", wrong)
    proof = check(network, X, Y)
    assert real.own.agrees
    assert [row.agrees for row in proof.own.rows] == [False, True, True, True]


def test_the_doubled_bias_gradient_of_the_copies_is_seen(monkeypatch):
    """db2 = sum over everything is identically 0: every column of dZ2 sums to 0."""

    def wrong(network, trace, Y, **settings):
        derivatives = backward(network, trace, Y, **settings)
        derivatives.db[2][:] = np.sum(derivatives.dZ[2])
        return derivatives

    monkeypatch.setattr("chainrule.explain.check.backward", wrong)
    proof = check(*toy_problem(np.random.default_rng(0)))
    assert [row.agrees for row in proof.own.rows] == [True, True, True, False]


def test_a_cell_at_a_kink_is_named_and_left_out():
    # Unit 0 has Z = 0 exactly: nudging its weight or bias by ±h switches its ReLU.
    network = Network((1, 2, 2), np.array([1.0, 1.0, -1.0, 0.5, 1, -1, 0.3, 0.7, 0, 0]))
    X, Y = np.array([[1.0]]), np.array([[1.0], [0.0]])
    proof = check(network, X, Y)
    assert proof.kinks == ("W1[0,0]", "b1[0]")
    assert proof.own.agrees
    assert sum(row.cells for row in proof.own.rows) == 8


def test_quotients_are_of_the_cells_asked_for_and_leave_the_network_alone():
    network, X, Y = toy_problem(np.random.default_rng(4))
    before = network.parameters.tobytes()
    n = network.parameters.size
    every = central_differences(network, X, Y, np.arange(n))
    some = central_differences(network, X, Y, np.array([2, 30]))
    assert some.values.tolist() == every.values[[2, 30]].tolist()
    assert network.parameters.tobytes() == before


def test_a_large_network_is_checked_on_a_stated_sample():
    network, X, Y = toy_problem(np.random.default_rng(0), (30, 20, 10))
    proof = check(network, X, Y, sample=50)
    assert (proof.parameters, proof.compared) == (830, 50)
    assert sum(row.cells for row in proof.own.rows) == 50
    network, X, Y = toy_problem(np.random.default_rng(0), (200, 100, 10), m=1)
    assert check(network, X, Y).compared == 2000


def test_cells_have_names():
    network = Network((3, 2, 2), np.zeros(14))
    names = [cell_name(network, i) for i in range(14)]
    assert names[:6] == [f"W1[{row},{column}]" for row in range(2) for column in range(3)]
    assert names[6:8] == ["b1[0]", "b1[1]"]
    assert names[8:] == ["W2[0,0]", "W2[0,1]", "W2[1,0]", "W2[1,1]", "b2[0]", "b2[1]"]


# -------------------------------------------------------------------------------- one cell proven


def toy_book(seed=0, sizes=(5, 4, 3), loss="squared_error"):
    network, X, Y = toy_problem(np.random.default_rng(seed), sizes, m=1, loss=loss)
    return open_ledger(network, X[:, 0], int(Y.argmax()))


def derivatives_of(book):
    for name, array in book.arrays.items():
        if name.startswith("d"):
            yield from (f"{name}[{','.join(map(str, at))}]" for at in np.ndindex(array.shape))


@pytest.mark.parametrize("sizes", [(5, 3), (5, 4, 3), (5, 4, 4, 3)])
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", range(3))
def test_every_derivative_of_small_networks_can_be_proven(seed, sizes, name):
    book = toy_book(seed, sizes, name)
    cells = list(derivatives_of(book))
    assert len(cells) == book.network.parameters.size + 2 * sum(sizes[1:])
    for cell in cells:
        proof = prove(book, cell)
        assert proof.agrees, proof
        assert proof.kink is None
        assert proof.relative <= 1e-7 or proof.difference <= 1e-9
        assert proof.quotient == (proof.E_above - proof.E_below) / (2 * proof.h)


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_moved_is_what_is_said(name):
    """E(+h) and E(-h) of every kind of cell, from a pass written out here."""
    book = toy_book(2, loss=name)
    W1, b1, W2, b2 = (book.arrays[each].copy() for each in ("W1", "b1", "W2", "b2"))
    x, y = book.arrays["x"], book.arrays["y"]

    def E_of(nudged, by):
        moved = {}

        def step(array, values):
            values = values.copy()
            found = re.fullmatch(rf"{array}\[(\d)(?:,(\d))?\]", nudged)
            if found:
                values[tuple(int(each) for each in found.groups() if each)] += by
                moved[array] = True
            return values

        A1 = step("A1", np.maximum(step("Z1", step("W1", W1) @ x + step("b1", b1)), 0))
        Z2 = step("Z2", step("W2", W2) @ A1 + step("b2", b2))
        A2 = step("A2", np.exp(Z2) / np.exp(Z2).sum())
        assert len(moved) == 1
        return ((A2 - y) ** 2).sum() / 2 if name == "squared_error" else -np.log(A2[y == 1])[0]

    for cell in (
        "dW1[3,2]",
        "db1[1]",
        "dZ1[1]",
        "dA1[1]",
        "dW2[2,1]",
        "db2[0]",
        "dZ2[2]",
        "dA2[1]",
    ):
        proof = prove(book, cell)
        assert proof.nudged == cell[1:]
        assert proof.E_above == pytest.approx(E_of(cell[1:], proof.h), rel=1e-15, abs=1e-15)
        assert proof.E_below == pytest.approx(E_of(cell[1:], -proof.h), rel=1e-15, abs=1e-15)
        assert book.arrays["E"] == proof.E


def test_a_wrong_number_in_the_ledger_is_seen():
    for cell in derivatives_of(toy_book()):
        book = toy_book()
        name, *at = re.findall(r"\w+", cell)
        book.arrays[name][tuple(map(int, at))] += 1e-5
        proof = prove(book, cell)
        assert not proof.agrees
        assert proof.difference == pytest.approx(1e-5, rel=1e-3)


def test_the_ledger_is_left_alone():
    book = toy_book()
    before = {name: array.tobytes() for name, array in book.arrays.items()}
    for cell in derivatives_of(book):
        prove(book, cell)
    assert before == {name: array.tobytes() for name, array in book.arrays.items()}


def test_nine_digits_of_the_cell_that_the_lab_opens_with(small_book):
    proof = prove(small_book, "dW2[3,7]")
    assert proof.relative < 5e-10
    assert f"{proof.ours:.9g}" == f"{proof.quotient:.9g}"


@pytest.fixture(scope="module")
def small_book(mnist):
    digits = mnist[1][1832]
    return open_ledger(load_bundled("small"), digits.X[:, 0], int(digits.labels[0]))


# Unit 0 has Z = 0 exactly, as above; unit 1 is 3e-6 away from it in the second network.
KINKED = np.array([1.0, 1.0, -1.0, 0.5, 1, -1, 0.3, 0.7, 0, 0])
CLOSE = np.array([1.0, 1.0, -0.5, -1 + 3e-6, 1, -1, 0.3, 0.7, 0, 0])


@pytest.mark.parametrize("cell", ["dW1[0,0]", "db1[0]", "dZ1[0]"])
def test_at_the_corner_of_relu_it_says_so(cell):
    proof = prove(open_ledger(Network((1, 2, 2), KINKED), np.ones(1), 0), cell)
    assert proof.kink.startswith("Z1[0] is at 0, the corner of ReLU")
    assert proof.kink.endswith("the quotient is their mean, ours takes ReLU′(0) as 0")
    assert proof.ours == 0
    assert not proof.agrees
    # The mean of 0 and of what the slope is above.
    above = prove(
        open_ledger(Network((1, 2, 2), KINKED + 1e-9 * (np.arange(10) == 0)), np.ones(1), 0),
        "dZ1[0]",
    )
    assert proof.quotient == pytest.approx(above.ours / 2, rel=1e-4)


def test_near_the_corner_of_relu_it_says_so():
    book = open_ledger(Network((1, 2, 2), CLOSE), np.ones(1), 0)
    proof = prove(book, "dW1[1,0]")
    assert proof.kink.startswith("between -h and +h Z1[1] passes through 0")
    assert prove(book, "dW1[0,0]").kink is None
    # Nothing that comes after the unit moves it.
    assert all(prove(book, cell).kink is None for cell in ("dA1[1]", "dW2[0,1]", "dZ2[0]"))


def test_a_corner_further_on_is_named_too():
    """A weight of layer 1 switches two units of layer 2."""
    parameters = np.concatenate([[1.0], [0], [1, -1], [-1, 1], [1, 1, 2, 1], [0, 0]])
    book = open_ledger(Network((1, 1, 2, 2), parameters), np.ones(1), 0)
    for cell in ("dW1[0,0]", "dZ1[0]", "dA1[0]"):
        assert "Z2[0] and Z2[1] are at 0" in prove(book, cell).kink


def test_an_infinite_derivative_is_not_said_to_agree():
    start = Network((1, 2), np.array([0.0, 0, 1e4, 0]), "cross_entropy")
    proof = prove(open_ledger(start, np.ones(1), 1), "dA1[1]")
    assert proof.ours == -math.inf
    assert math.isnan(proof.quotient)
    assert not proof.agrees
    assert "A1[1] is the true label's probability and has become 0" in proof.kink
    assert prove(open_ledger(start, np.ones(1), 1), "dZ1[1]").agrees


@pytest.mark.parametrize("gap", [1, 20, 300, 650])
def test_dA_of_cross_entropy_is_proven_at_any_probability_above_0(gap):
    start = Network((1, 2), np.array([0.0, 0, gap, 0]), "cross_entropy")
    proof = prove(open_ledger(start, np.ones(1), 1), "dA1[1]")
    assert proof.ours == pytest.approx(-(1 + math.exp(gap)))
    assert proof.agrees
    assert proof.relative < 1e-8  # E itself is up to 650, and its last bit 1e-13
    assert prove(open_ledger(start, np.ones(1), 1), "dA1[0]").quotient == 0


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (
            "W2[1,2]",
            r"W2\[1,2\] is a value, not a derivative; prove the derivative by it, dW2\[1,2\]",
        ),
        ("Z1[0]", r"prove the derivative by it, dZ1\[0\]$"),
        ("x[3]", r"x\[3\] is a value, not a derivative; prove a cell of dA2, dZ2, dW2, db2, dA1"),
        ("y[0]", "not a derivative"),
        ("E", "E is a value, not a derivative; prove a cell of dA2"),
        ("dW2[9,9]", "dW2 goes from"),
        ("dx[3]", "no cell is called"),
    ],
)
def test_what_is_no_derivative_cannot_be_proven(cell, says):
    with pytest.raises(CellError, match=says):
        prove(toy_book(), cell)


def test_derivatives_can_be_proven():
    book = toy_book()
    assert [why_not(book, cell) for cell in derivatives_of(book)] == [None] * 53


# --------------------------------------------------------------------- the impostors of one image


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sizes", [(5, 3), (5, 4, 3), (5, 4, 4, 3)])
def test_impostors_of_dZ_fail_and_ours_does_not(name, sizes):
    book = toy_book(1, sizes, name)
    L = book.network.depth
    A, y, dA = book.arrays[f"A{L}"], book.arrays["y"], book.arrays[f"dA{L}"]
    formulas = {
        "A - Y": A - y,
        "s(1 - s)": A * (1 - A) * dA,
        "A ⊙ (dA - Σ A dA)": A * ((A - y) - (A * (A - y)).sum()),
    }
    proof = prove_output(book)
    ours, *impostors = proof.accounts
    assert proof.array == f"dZ{L}"
    assert (ours.name, ours.agrees) == ("chainrule", True)
    assert ours.relative < 1e-8
    assert np.array_equal(ours.values, book.arrays[f"dZ{L}"])
    assert [impostor.name for impostor in impostors] == list(IMPOSTORS[name])
    for impostor in impostors:
        assert impostor.values == pytest.approx(formulas[impostor.name], abs=1e-15)
        assert not impostor.agrees
        assert impostor.relative > 0.01
        assert impostor.largest == np.abs(impostor.values - proof.quotients).max()


def test_quotients_of_dZ_are_those_of_its_cells(small_book):
    quotients = [prove(small_book, f"dZ2[{k}]").quotient for k in range(10)]
    assert prove_output(small_book).quotients.tolist() == quotients


# -------------------------------------------------------------------------- one step on one image


@pytest.mark.parametrize("together", [1_000_000, 250, 1])
@pytest.mark.parametrize("name", LOSSES)
def test_a_step_is_what_a_loop_of_single_networks_gives(name, together, monkeypatch):
    """Bit for bit, in one stack, in a few and one by one (a toy network has 39 parameters)."""

    monkeypatch.setattr("chainrule.explain.learning.STACK", together)
    book = toy_book(3, loss=name)
    X, Y = book.arrays["x"][:, None], book.arrays["y"][:, None]
    g = gradient(book.network, X, Y)
    step = learn_once(book)
    assert len(step.rates) == 50
    assert step.slope == pytest.approx(math.fsum(g**2), rel=1e-14)
    assert loss(book.network, X, Y) == step.E
    assert np.array_equal(step.probabilities, book.arrays["A2"])
    assert step.prediction == book.arrays["A2"].argmax()
    for k, alpha in enumerate(step.rates):
        single = Network(book.network.sizes, book.network.parameters - alpha * g, name)
        A = forward(single, X).A[2][:, 0]
        assert step.promised[k] == -alpha * step.slope
        assert step.E_after[k] == loss(single, X, Y)
        assert step.measured[k] == step.E_after[k] - step.E
        assert np.array_equal(step.probabilities_after[k], A)
        assert step.predictions_after[k] == A.argmax()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", range(5))
def test_the_promise_is_kept_the_better_the_smaller_the_rate(seed, name):
    """E is smooth there, so what the promise leaves out is c α², a share of c' α."""
    book = toy_book(seed, loss=name)
    step = learn_once(book, np.array([4e-3, 2e-3, 1e-3, 5e-4]))
    missing = step.measured / step.promised - 1
    assert abs(missing[-1]) < 2e-3
    assert missing[:-1] / missing[1:] == pytest.approx(2, rel=0.05)


def test_one_step_on_the_digit_that_the_lab_opens_with(small_book):
    step = learn_once(small_book)
    assert step.rates is RATES
    assert (step.prediction, step.predictions_after[0], step.predictions_after[-1]) == (5, 5, 3)
    assert step.measured[0] / step.promised[0] == pytest.approx(1, abs=1e-3)
    assert step.measured[-1] / step.promised[-1] < 1e-3  # E cannot fall below 0


def test_a_step_of_a_wide_network_stays_small(mnist):
    """50 networks 784-800-10 are 254 MB at once."""
    start = initialise((784, 800, 10), rng=np.random.default_rng(0))
    book = open_ledger(start, mnist[1].X[:, 0], 7)
    tracemalloc.start()
    step = learn_once(book)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    assert step.E_after.shape == (50,)
    assert (np.diff(step.E_after[:20]) < 0).all()
