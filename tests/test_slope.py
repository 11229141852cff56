"""The curve of E along one parameter, against networks built one by one."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from helpers import toy_problem

from chainrule import initialise, load_bundled, loss
from chainrule.explain.ledger import CellError, open_ledger
from chainrule.explain.proof import prove
from chainrule.explain.slope import BENT, CHANGED, SPANS, curve
from chainrule.network import LOSSES, Network, forward

DEEP = (6, 7, 5, 4, 3)
CELLS = ["W1[2,4]", "b1[6]", "W2[4,0]", "b3[1]", "W4[0,3]", "W4[2,1]", "b4[2]"]


def opened(seed=0, loss="squared_error", decay=0.0):
    network, X, Y = toy_problem(np.random.default_rng(seed), DEEP, m=1, loss=loss)
    network = replace(network, weight_decay=decay)
    return open_ledger(network, X[:, 0], int(Y.argmax()))


def moved_by_hand(book, name, by):
    """The network with one number changed in a copy of its parameters."""
    network = replace(book.network, parameters=book.network.parameters.copy())
    layer, index = name[1:].rstrip("]").split("[")
    W, b = network.layers[int(layer) - 1]
    if name[0] == "W":
        i, j = map(int, index.split(","))
        W[i, j] += by
    else:
        b[int(index), 0] += by
    return network


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_every_value_is_the_loss_of_a_network_built_for_it(cell, name, decay):
    book = opened(1, name, decay)
    found = curve(book, cell)
    X, Y = book.arrays["x"][:, None], book.arrays["y"][:, None]
    assert (found.parameter, found.derivative) == (cell, f"d{cell}")
    assert len(found.moves) == len(found.errors) == len(found.reads) == 41
    for by, E, read in zip(found.moves, found.errors, found.reads, strict=True):
        network = moved_by_hand(book, cell, by)
        assert pytest.approx(float(loss(network, X, Y)), rel=1e-12, abs=1e-15) == E
        assert read == forward(network, X).A[4].argmax()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_the_tangent_is_the_slope_that_is_proven(cell, name):
    book = opened(2, name)
    found, proof = curve(book, cell), prove(book, f"d{cell}")
    assert found.slope == proof.ours
    assert proof.agrees
    assert found.slope == pytest.approx(proof.quotient, abs=1e-9)
    below, above = found.tangent
    assert (above - below) / (2 * found.span) == pytest.approx(proof.quotient, abs=1e-9)
    assert (above + below) / 2 == pytest.approx(found.E, rel=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_the_middle_is_exactly_where_the_parameter_is(cell):
    found = curve(opened(3), cell)
    assert found.moves[20] == 0
    assert found.moves.tolist() == (-found.moves[::-1]).tolist()
    assert found.moves[-1] == found.span in SPANS
    assert found.errors[20] == pytest.approx(found.E, rel=1e-14)


@pytest.mark.parametrize("network", ["small", "large"])
@pytest.mark.parametrize("cell", ["W2[3,7]", "b2[5]", "W1[1,350]"])
def test_a_curve_parts_from_its_tangent_and_half_of_it_does_not(mnist, network, cell):
    """The rule of the span, measured on the curve as it is drawn."""
    digit = mnist[1][1832]
    found = curve(open_ledger(load_bundled(network), digit.X[:, 0], 3), cell)
    if found.flat:
        assert (found.errors == found.errors[20]).all()
        return

    def shows(moves, errors):
        height = np.ptp(errors)
        off = np.abs((errors - found.E - found.slope * moves)[[0, -1]]).max()
        return off >= BENT * height and height >= CHANGED * found.E

    assert shows(found.moves, found.errors)
    inner = slice(10, 31)  # half the span, which was tried before
    assert found.span == SPANS[0] or not shows(found.moves[inner], found.errors[inner])


def test_where_E_does_not_depend_on_a_parameter_the_curve_is_flat(mnist):
    """A weight that meets a blank pixel."""
    digit = mnist[1][1832]
    assert digit.X[0, 0] == 0
    found = curve(open_ledger(load_bundled("small"), digit.X[:, 0], 3), "W1[3,0]")
    assert found.flat
    assert (found.slope, found.span) == (0, 1)
    assert len(set(found.errors.tolist())) == 1


def test_the_curve_reaches_to_where_a_unit_that_is_off_comes_on():
    """E is level as long as Z1[0] = b1[0] - 40 x is below 0: up to b1[0] + 40, on one side."""
    parts = [[-40.0, 1], [0.0, 0], [1.0, -1, -1, 1], [0.0, 0]]
    book = open_ledger(Network((1, 2, 2), np.concatenate(parts)), np.array([1.0]), 0)
    found = curve(book, "dW1[0,0]")  # the derivative's name means the parameter
    assert found.parameter == "W1[0,0]"
    assert found.slope == 0
    assert not found.flat
    assert found.span == 64  # the first power of 2 beyond 40
    assert found.errors[20] == found.errors[0] != found.errors[-1]


@pytest.mark.parametrize("cell", ["E", "dE", "x[0]", "Z1[0]", "dA2[1]", "W9[0,0]", "W1[7,0]", ""])
def test_what_is_no_parameter_is_refused(cell):
    with pytest.raises(CellError) as refused:
        curve(opened(), cell)
    assert "\n" not in str(refused.value)


def test_a_curve_of_a_wide_network_stays_small(mnist):
    """41 networks 784-800-10 are 209 MB at once."""
    start = initialise((784, 800, 10), rng=np.random.default_rng(0))
    book = open_ledger(start, mnist[1].X[:, 0], 7)
    tracemalloc.start()
    curve(book, "W1[5,350]")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
