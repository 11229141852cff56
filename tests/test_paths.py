"""The network as a picture: edges add up to what they lead to, forward and back."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import toy_problem

from chainrule.explain.ledger import open_ledger
from chainrule.explain.paths import answer_pushes, blames, pushes, shown_units, strongest
from chainrule.network import LOSSES, Network, loss

DEEP = (6, 7, 5, 4, 3)


def opened(seed=0, sizes=DEEP, loss="squared_error"):
    network, X, Y = toy_problem(np.random.default_rng(seed), sizes, m=1, loss=loss)
    return open_ledger(network, X[:, 0], int(Y.argmax()))


@pytest.mark.parametrize("sizes", [(6, 3), (6, 5, 3), DEEP])
def test_the_edges_into_a_unit_and_its_bias_are_its_Z(sizes):
    """Worked with nothing but W, b and max(0, .), one edge at a time."""
    book = opened(sizes=sizes)
    A = book.arrays["x"].tolist()
    for l, (W, b) in enumerate(book.network.layers, 1):
        edges, Z = pushes(book, l), []
        assert edges.shape == W.shape
        for i in range(len(W)):
            Z.append(float(b[i, 0]) + sum(float(W[i, j]) * A[j] for j in range(len(A))))
            assert edges[i].sum() + b[i, 0] == pytest.approx(Z[i], abs=1e-14)
        A = [max(0.0, z) for z in Z]


@pytest.mark.parametrize("name", LOSSES)
def test_the_blame_that_flows_into_a_unit_is_the_slope_of_E_by_what_it_sends(name):
    """E is measured by moving A itself: in the place of the bias above, W[:,j] h moves Z."""
    book = opened(3, loss=name)
    X, Y = book.arrays["x"][:, None], book.arrays["y"][:, None]
    h = 1e-6  # the quotient errs by about h² and 1e-16/h
    for l in range(2, book.network.depth + 1):
        for j in range(book.network.sizes[l - 1]):

            def E(by, l=l, j=j):
                moved = replace(book.network, parameters=book.network.parameters.copy())
                W, b = moved.layers[l - 1]
                b[:, 0] += by * W[:, j]
                return float(loss(moved, X, Y))

            slope = (E(h) - E(-h)) / (2 * h)
            assert blames(book, l)[:, j].sum() == pytest.approx(slope, abs=1e-9)


def test_blame_reaches_the_pixels():
    book = opened(5)
    x, Y, h = book.arrays["x"], book.arrays["y"][:, None], 1e-6
    for j in range(len(x)):
        step = h * (np.arange(len(x)) == j)
        above, below = (float(loss(book.network, (x + by)[:, None], Y)) for by in (step, -step))
        assert blames(book, 1)[:, j].sum() == pytest.approx((above - below) / (2 * h), abs=1e-9)


def test_the_units_that_push_most_are_shown():
    #          A1 = (1, 2, 3, 0, 5): unit 1 pushes by 2·1, unit 2 by 3·2, unit 4 by 5·0.3
    W1, b1 = np.eye(5), np.zeros(5)
    W2 = np.array([[0.5, 1, 2, 9, 0.1], [0.5, 0, 0, 9, 0.2]])
    parameters = np.concatenate([W1.ravel(), b1, W2.ravel(), np.zeros(2)])
    book = open_ledger(Network((5, 5, 2), parameters), np.array([1.0, 2, 3, 0, 5]), 0)
    assert shown_units(book, 1)[1].tolist() == [2]
    assert shown_units(book, 2)[1].tolist() == [1, 2]
    assert shown_units(book, 3)[1].tolist() == [1, 2, 4]
    assert shown_units(book, 4)[1].tolist() == [0, 1, 2, 4]
    assert shown_units(book, 9)[1].tolist() == [0, 1, 2, 3, 4]
    assert shown_units(book, 2, {1: [3]})[1].tolist() == [2, 3]  # kept, although it is off
    assert shown_units(book, 2)[2].tolist() == [0, 1]


def test_a_unit_counts_by_what_it_pushes_among_the_shown():
    """Unit 0 of A1 pushes most of all, but only a unit of A2 that pushes no answer."""
    W1, W2, W3 = np.eye(2), np.array([[9.0, 0], [0, 1]]), np.array([[0.0, 1], [0, -1]])
    parts = [W1.ravel(), np.zeros(2), W2.ravel(), np.zeros(2), W3.ravel(), np.zeros(2)]
    book = open_ledger(Network((2, 2, 2, 2), np.concatenate(parts)), np.ones(2), 0)
    shown = shown_units(book, 1)
    assert (shown[2].tolist(), shown[1].tolist()) == ([1], [1])


def test_the_strongest_edges_come_first_and_the_rest_is_told():
    values = np.array([[1.0, -8, 0, 2], [4, 0, -5, 20]])
    edges = strongest(values, np.array([0, 1]), np.array([0, 1, 2]), 3)
    assert edges.carried == [(0, 1, -8.0), (1, 2, -5.0), (1, 0, 4.0)]
    assert edges.left_out == 1  # the 1; the 2 and the 20 are of a unit that is not shown
    assert edges.share == 17 / 40
    assert strongest(values, np.array([0]), np.array([1, 3]), 9).carried == [
        (0, 1, -8.0),
        (0, 3, 2.0),
    ]
    nothing = strongest(np.zeros((2, 3)), np.arange(2), np.arange(3), 5)
    assert (nothing.carried, nothing.left_out, np.isnan(nothing.share)) == ([], 0, True)


@pytest.mark.parametrize("most", [2, 4, 12])
def test_who_pushed_an_answer_adds_up(most):
    book = opened(2)
    W, b = book.network.layers[-1]
    A = book.arrays["A3"]
    for i, answer in enumerate(answer_pushes(book, most)):
        told = dict(answer.push)
        assert told == {j: W[i, j] * A[j] for j in told}
        sizes = [abs(value) for _, value in answer.push]
        assert sizes == sorted(sizes, reverse=True)
        assert len(told) == min(most, 4)
        assert answer.others == 4 - len(told)
        left = [W[i, j] * A[j] for j in range(4) if j not in told]
        assert answer.rest == pytest.approx(sum(left), abs=1e-15)
        assert max(map(abs, left), default=0) <= sizes[-1]
        assert answer.bias == b[i, 0]
        assert answer.bias + sum(told.values()) + answer.rest == pytest.approx(answer.Z, abs=1e-14)
    assert sum(each.A for each in answer_pushes(book)) == pytest.approx(1)
