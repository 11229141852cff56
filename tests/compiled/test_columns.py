"""Probabilities by the compiled engine are those of the equations, for one column or for many."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import initialise, predict, probabilities
from chainrule.engine.compiled import columns
from chainrule.network import probabilities as equations

FEW = columns.FEW


def a_network(rng, sizes):
    network = initialise(sizes, rng=rng)
    network.parameters[:] += 0.1 * rng.standard_normal(network.parameters.size, np.float32)
    return network


def close(found, network, X):
    """As near to float64 as float32 can be: ε times the terms of the longest sum, at each layer."""
    exact = replace(network, parameters=network.parameters.astype(np.float64))
    wanted = equations(exact, X.astype(np.float64))
    assert found.dtype == np.float32
    assert found.shape == wanted.shape
    terms = sum(np.sqrt(size) for size in network.sizes)
    scale = max(1, np.abs(network.parameters).max() * np.abs(X).max())
    assert np.abs(found - wanted).max() <= terms * scale * np.finfo(np.float32).eps


@given(
    sizes=st.lists(st.integers(1, 70), min_size=2, max_size=4),
    m=st.sampled_from([1, 2, FEW, FEW + 1, 127, 128, 129, 300]),
    ink=st.sampled_from([0, 0.2, 1]),
    seed=st.integers(0, 2**32),
)
def test_any_shape(sizes, m, ink, seed):
    rng = np.random.default_rng(seed)
    network = a_network(rng, sizes)
    X = rng.standard_normal((sizes[0], m), np.float32) * (rng.random((sizes[0], m)) < ink)
    close(probabilities(network, X, engine="compiled"), network, X)


@pytest.mark.parametrize("sizes", [(784, 10, 10), (784, 200, 60, 10), (784, 10)])
def test_digits(mnist, sizes):
    X = mnist[1][:500].X
    network = a_network(np.random.default_rng(3), sizes)
    close(probabilities(network, X, engine="compiled"), network, X)
    answers = predict(network, X, engine="compiled")
    margins = np.sort(equations(network, X), axis=0)
    sure = margins[-1] - margins[-2] > 1e-4
    assert np.array_equal(answers[sure], predict(network, X)[sure])


@pytest.mark.parametrize("m", [3, 500])
def test_how_the_columns_lie_changes_no_bit(m):
    rng = np.random.default_rng(0)
    network = a_network(rng, (50, 30, 7))
    rows = rng.random((m, 50), np.float32)
    rows.setflags(write=False)
    wanted = probabilities(network, rows.T, engine="compiled")
    for X in (np.ascontiguousarray(rows.T), np.asfortranarray(rows.T), rows.T.astype(np.float64)):
        assert np.array_equal(probabilities(network, X, engine="compiled"), wanted)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_threads_change_no_bit(threads):
    rng = np.random.default_rng(0)
    network = a_network(rng, (50, 30, 7))
    X = rng.random((50, 1500), np.float32)
    wanted = columns.read_columns(network, X, 1)
    assert np.array_equal(columns.read_columns(network, X, threads), wanted)


@pytest.mark.parametrize("m", [1, 100])
def test_what_is_not_finite_is_refused(m):
    network = a_network(np.random.default_rng(0), (5, 4, 3))
    X = np.ones((5, m), np.float32)
    X[2, 0] = np.nan
    with pytest.raises(ValueError, match="X must be finite"):
        probabilities(network, X, engine="compiled")
    network.parameters[0] = np.inf
    with pytest.raises(ValueError, match="the parameters must be finite"):
        probabilities(network, np.ones((5, m), np.float32), engine="compiled")
    network.parameters[:] = 3e38
    with pytest.raises(OverflowError, match="Z1 overflows"):
        probabilities(network, np.ones((5, m), np.float32), engine="compiled")


def test_float64_is_read_by_numpy():
    network = initialise((5, 4, 3), rng=np.random.default_rng(0), dtype=np.float64)
    X = np.ones((5, 2))
    assert np.array_equal(probabilities(network, X, engine="auto"), probabilities(network, X))
    with pytest.raises(ValueError, match="computes with float32"):
        probabilities(network, X, engine="compiled")
