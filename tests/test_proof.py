"""The gradient check, and that it can fail."""

import numpy as np
import pytest
from conftest import toy_problem

from chainrule import initialise
from chainrule.network import LOSSES, Network
from chainrule.proof import ABSOLUTE, RELATIVE, cell_name, central_differences, check


@pytest.mark.parametrize("name", LOSSES)
def test_all_7960_derivatives_of_the_seed_network_agree_and_impostors_do_not(mnist, name):
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
        assert not impostor.agrees
        assert all(row.relative > 0.01 for row in impostor.rows)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", range(5))
def test_impostors_fail_on_random_networks(name, seed):
    network, X, Y = toy_problem(np.random.default_rng(seed), (8, 6, 5, 4), loss=name)
    proof = check(network, X, Y)
    assert proof.own.agrees
    assert not any(impostor.agrees for impostor in proof.impostors)


def test_a_wrong_gradient_in_one_cell_is_seen(monkeypatch):
    network, X, Y = toy_problem(np.random.default_rng(0))
    real = check(network, X, Y)
    from chainrule import proof as room

    def wrong(network, trace, Y, **settings):
        derivatives = backward(network, trace, Y, **settings)
        derivatives.dW[1][0, 0] += 1e-5
        return derivatives

    backward = room.backward
    monkeypatch.setattr(room, "backward", wrong)
    proof = check(network, X, Y)
    assert real.own.agrees
    assert [row.agrees for row in proof.own.rows] == [False, True, True, True]


def test_the_doubled_bias_gradient_of_the_copies_is_seen(monkeypatch):
    """db2 = sum over everything is identically 0: every column of dZ2 sums to 0."""
    from chainrule import proof as room

    def wrong(network, trace, Y, **settings):
        derivatives = backward(network, trace, Y, **settings)
        derivatives.db[2][:] = np.sum(derivatives.dZ[2])
        return derivatives

    backward = room.backward
    monkeypatch.setattr(room, "backward", wrong)
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
