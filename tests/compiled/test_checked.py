"""What float32 may do to a gradient is bounded, and `check` sees what is worse than that."""

import numpy as np
import pytest
from helpers.compiled import (
    a_network,
    alone,
    columns_of,
    exact,
    exact_gradient,
    numpy_alone,
    some_digits,
    some_table,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.engine.interface import gradient_of
from chainrule.explain.check import check
from chainrule.explain.impostors import IMPOSTORS
from chainrule.explain.rounding import rounding_bound
from chainrule.model import load_bundled
from chainrule.network import LOSSES

ENGINES = [numpy_alone, alone]


@settings(max_examples=60)
@given(data=st.data())
def test_no_engine_is_further_off_than_rounding_can_take_it(data):
    """In every single number, of any network: sure of its answers or not, with any Z near 0."""

    def draw(first, last):
        return data.draw(st.integers(first, last))

    rng = np.random.default_rng(draw(0, 2**32))
    m, hidden = draw(1, 50), [draw(1, 60) for _ in range(draw(0, 3))]
    if data.draw(st.booleans()):
        examples = some_digits(rng, m, data.draw(st.sampled_from([0, 0.01, 0.2, 1])))
    else:
        examples = some_table(rng, draw(1, 60), m, draw(2, 30))
    decay = data.draw(st.sampled_from([0.0, 0.3]))
    sizes = (examples.inputs, *hidden, examples.classes)
    network = a_network(rng, sizes, data.draw(st.sampled_from(LOSSES)), decay)
    network.parameters[:] *= data.draw(st.sampled_from([0.3, 1.0, 3.0]))
    true = exact_gradient(network, examples)
    bound = rounding_bound(exact(network), *columns_of(examples))
    for engine in ENGINES:
        found = gradient_of(engine(), network, examples)
        assert (np.abs(found - true) <= bound).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_relu_that_rounding_switches_is_within_the_bound(engine):
    rng = np.random.default_rng(1)
    network, digits = a_network(rng, (784, 50, 10)), some_digits(rng, 1)
    X, Y = columns_of(digits)
    W, b = network.layers[0]
    b[:] = -exact(network).layers[0][0] @ X  # every Z1 is 0, but for the rounding of its bias
    off = np.abs(gradient_of(engine(), network, digits) - exact_gradient(network, digits))
    assert (off <= rounding_bound(exact(network), X, Y)).all()
    switched = off[: W.size].reshape(W.shape).max(axis=1) > 1e-3 * off.max()
    assert 5 < switched.sum() < 45


@pytest.mark.parametrize("name", ["small", "large"])
@pytest.mark.parametrize("engine", ENGINES)
def test_trained_networks_stay_within_the_bound(engine, name, mnist):
    network, digits = load_bundled(name), mnist[1][:200]
    true = exact_gradient(network, digits)
    bound = rounding_bound(exact(network), *columns_of(digits))
    off = np.abs(gradient_of(engine(), network, digits) - true)
    assert (off <= bound).all()
    assert np.linalg.norm(off) > np.linalg.norm(bound) / 1000, "a bound that says little"
    assert np.linalg.norm(bound) < np.linalg.norm(true) / 1000


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("engine", ENGINES)
def test_check_of_an_engine_agrees_and_what_is_wrong_does_not(engine, loss):
    rng = np.random.default_rng(3)
    digits = some_digits(rng, 30)
    network = a_network(rng, (784, 12, 9, 10), loss, 0.01)
    X, Y = columns_of(digits)
    claim = gradient_of(engine(), network, digits)

    def checked(gradient):
        return check(network, X, Y, claim=gradient, name="it", sample=400)

    proof = checked(claim)
    assert proof.own.name == "it"
    assert proof.own.agrees is True
    assert [account.agrees for account in proof.impostors] == [False] * len(IMPOSTORS[loss])
    assert proof.own.rows[0].relative > 1e-8, "it is checked in float32"

    assert checked(claim * np.float32(1.01)).own.agrees is False
    bound = rounding_bound(exact(network), X, Y)
    seen = np.random.default_rng(0).permutation(claim.size)[:400]
    for cell in seen[:20]:
        wrong = claim.astype(np.float64)
        wrong[cell] += 3 * bound[cell] + 3e-8
        assert checked(wrong).own.agrees is False
