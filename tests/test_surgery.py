"""Units switched off and parameters set, against networks built by hand."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import toy_problem

from chainrule import forward, load_bundled, predict
from chainrule.explain.ledger import CellError, named, open_ledger
from chainrule.explain.proof import prove
from chainrule.explain.surgery import (
    AS_IT_IS,
    BLOCK,
    Changes,
    changed_units,
    find_parameter,
    find_unit,
    operate,
    worth_of_units,
)
from chainrule.network import LOSSES, softmax

DEEP = (6, 7, 5, 4, 3)
SOME = Changes(values=(("W2[3,6]", 0.25), ("b1[4]", -1.5), ("b4[2]", 2.0)), off=("A1[0]", "A3[3]"))


def without(network, X, off):
    """The last A when these A[l][unit] are put to 0 by hand, all else as in the equations."""
    A = X
    for l, (W, b) in enumerate(network.layers, 1):
        Z = W @ A + b
        A = softmax(Z) if l == network.depth else np.maximum(Z, 0)
        for layer, unit in off:
            if layer == l:
                A[unit] = 0
    return A


def test_parameters_are_set_in_a_copy():
    network, *_ = toy_problem(np.random.default_rng(0), DEEP)
    before = network.parameters.tobytes()
    after = operate(network, SOME._replace(off=()))
    assert network.parameters.tobytes() == before
    W, b = zip(*after.layers, strict=True)
    assert (W[1][3, 6], b[0][4, 0], b[3][2, 0]) == (0.25, -1.5, 2.0)
    assert np.count_nonzero(after.parameters != network.parameters) == 3
    assert (after.sizes, after.loss) == (network.sizes, network.loss)
    assert operate(network, AS_IT_IS).parameters.tobytes() == before


@pytest.mark.parametrize("off", [["A1[6]"], ["A3[3]"], ["A1[0]", "A1[5]", "A2[4]"]])
@pytest.mark.parametrize("name", LOSSES)
def test_a_unit_that_is_off_says_0_to_every_image(name, off):
    network, X, _ = toy_problem(np.random.default_rng(1), DEEP, m=40, loss=name)
    X = X * 100 - 50  # any input at all
    after = operate(network, Changes(off=tuple(off)))
    trace = forward(after, X)
    places = [(int(each[1]), int(each[3])) for each in off]
    for l, unit in places:
        assert (trace.A[l][unit] == 0).all()
        assert (trace.Z[l][unit] == -1).all()
    np.testing.assert_allclose(trace.A[4], without(network, X, places), rtol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_every_derivative_of_a_changed_network_is_proven(name):
    """None is at the corner of a ReLU, and none flows through a unit that is off."""
    network, X, Y = toy_problem(np.random.default_rng(2), DEEP, m=1, loss=name)
    network = replace(network, weight_decay=0.1)
    book = open_ledger(operate(network, SOME), X[:, 0], int(Y.argmax()))
    for array, values in book.arrays.items():
        for index in np.ndindex(values.shape) if array.startswith("d") else ():
            proof = prove(book, named(array, *index))
            assert proof.agrees, proof
            assert proof.kink is None, proof
    assert book.arrays["A1"][0] == book.arrays["A3"][3] == 0
    assert book.arrays["dZ1"][0] == book.arrays["dZ3"][3] == 0
    assert not book.arrays["dW1"][0].any()  # nor by weight decay: the weights are 0
    assert not book.arrays["dW4"][:, 3].any() or network.weight_decay


def test_a_unit_is_off_whatever_its_parameters_are_set_to():
    network, X, _ = toy_problem(np.random.default_rng(3))
    both = operate(network, Changes((("b1[2]", 9.0), ("W1[2,0]", 9.0)), ("A1[2]",)))
    off = operate(network, Changes(off=("A1[2]",)))
    assert both.parameters.tobytes() == off.parameters.tobytes()
    assert (forward(both, X).A[1][2] == 0).all()


def test_which_units_are_changed():
    assert [changed_units(SOME, l) for l in (1, 2, 3, 4)] == [[0, 4], [3], [3], [2]]
    assert changed_units(Changes(off=("A10[3]",)), 1) == []


@pytest.mark.parametrize(
    "name",
    [
        "A0[1]",
        "A4[0]",
        "A1[7]",
        "A1[-1]",
        "A1[07]",
        "A01[0]",
        "A1",
        "A1[1,2]",
        "Z1[1]",
        "A1[1] ",
        "",
    ],
)
def test_what_is_no_hidden_unit(name):
    network, *_ = toy_problem(np.random.default_rng(0), DEEP)
    assert [find_unit(network, each) for each in ("A1[6]", "A3[0]")] == [(1, 6), (3, 0)]
    with pytest.raises(CellError, match=r"there are A1\[0\] to A1\[6\], A2\[0\] to"):
        find_unit(network, name)
    with pytest.raises(CellError):
        operate(network, Changes(off=(name,)))


@pytest.mark.parametrize(
    "name",
    ["W0[0,0]", "W5[0,0]", "W1[7,0]", "W1[0,6]", "W1[0]", "b1[7]", "b1[0,0]", "A1[0]", "dW1[0,0]"],
)
def test_what_is_no_parameter(name):
    network, *_ = toy_problem(np.random.default_rng(0), DEEP)
    assert find_parameter(network, "W1[6,5]") == ("W", 1, (6, 5))
    assert find_parameter(network, "b4[2]") == ("b", 4, (2,))
    with pytest.raises(CellError, match=r"the last ones are W1\[6,5\], b1\[6\], W2\[4,6\]"):
        find_parameter(network, name)


# ------------------------------------------------------------------------ what each unit is worth


@pytest.mark.parametrize("l", [1, 2, 3])
def test_the_worth_of_a_unit_is_counted_one_network_at_a_time(l):
    rng = np.random.default_rng(5)
    network, X, Y = toy_problem(rng, DEEP, m=2 * BLOCK + 300)  # whole blocks, and a part of one
    X = X * 3 - 1
    labels = Y.argmax(axis=0)
    labels = np.where(rng.random(len(labels)) < 0.6, forward(network, X).A[4].argmax(0), labels)
    worth = worth_of_units(network, X, labels, l)
    right = predict(network, X) == labels
    assert worth.images.tolist() == np.bincount(labels, minlength=3).tolist()
    assert worth.right.tolist() == [int(right[labels == k].sum()) for k in range(3)]
    assert worth.without.shape == (DEEP[l], 3)
    for unit, counts in enumerate(worth.without):
        hit = without(network, X, [(l, unit)]).argmax(axis=0) == labels
        assert counts.tolist() == [int(hit[labels == k].sum()) for k in range(3)]
    assert len(set(map(tuple, worth.without))) > 1


def test_the_worth_of_the_units_of_the_small_network(mnist):
    network, digits = load_bundled("small"), mnist[1]
    worth = worth_of_units(network, digits.X, digits.labels, 1)
    for unit in range(10):
        hit = predict(operate(network, Changes(off=(f"A1[{unit}]",))), digits.X) == digits.labels
        # In float32 the two ways round differently: an image on the edge may fall either way.
        assert abs(int(hit.sum()) - int(worth.without[unit].sum())) <= 1
