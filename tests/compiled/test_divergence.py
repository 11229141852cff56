"""A training that diverges ends at the same step as with NumPy, with the same words."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from helpers.compiled import (
    a_network,
    a_plan,
    alone,
    begun,
    numpy_alone,
    some_digits,
    some_table,
)

from chainrule import DivergenceError, train
from chainrule.descent import OPTIMIZERS
from chainrule.network import LOSSES


@pytest.fixture(scope="module")
def digits():
    return some_digits(np.random.default_rng(0), 120)


def said(engine, network, examples, **settings):
    """The message of a training that diverges, and the step of its last snapshot."""
    rng = np.random.default_rng(1)
    training = train(network, examples, rng=rng, engine=engine, threads=1, **settings)
    last = None
    try:
        for snapshot in training:
            last = snapshot.step
    except DivergenceError as error:
        return str(error), last
    return "", last


@pytest.mark.parametrize("every", [1, 3, 50])
@pytest.mark.parametrize("batch_size", [None, 20])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_it_ends_at_the_same_step_with_the_same_words(digits, loss, optimizer, batch_size, every):
    network = a_network(np.random.default_rng(2), (784, 20, 10), loss)
    settings = {"optimizer": optimizer, "batch_size": batch_size, "every": every, "steps": 50}
    ours, theirs = (
        said(engine, network, digits, learning_rate=1e37, **settings)
        for engine in ("compiled", "numpy")
    )
    assert ours == theirs
    assert ": the learning rate 1e+37 is too large for " in ours[0]


@pytest.mark.parametrize("batch_size", [None, 20])
def test_also_where_the_rate_becomes_too_large_on_the_way(digits, batch_size):
    network = a_network(np.random.default_rng(2), (784, 20, 10))
    settings = {"batch_size": batch_size, "steps": 40, "every": 7}
    ours, theirs = (
        said(
            engine,
            network,
            digits,
            learning_rate=lambda step: 0.1 if step < 16 else 1e38,
            **settings,
        )
        for engine in ("compiled", "numpy")
    )
    assert ours == theirs
    assert ours[1] == 14


@pytest.mark.parametrize("batch_size", [None, 20])
def test_before_the_first_step(digits, batch_size):
    network = a_network(np.random.default_rng(2), (784, 20, 10))
    network.parameters[:] *= np.float32(1e30)
    ours, theirs = (
        said(engine, network, digits, batch_size=batch_size) for engine in ("compiled", "numpy")
    )
    assert ours == theirs
    assert ours[1] is None
    assert "before the first step: start from smaller parameters" in ours[0]


@pytest.mark.parametrize("batch_size", [None, 20])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", ["digits", "table"])
def test_a_number_that_is_not_finite_does_in_E_what_it_does_in_numpy(
    digits, kind, loss, bad, batch_size
):
    """In any array: through ReLU, the largest Z, exp and log, NaN stays NaN.

    But for one case: a blank pixel adds nothing to Z, where NumPy adds 0 · -∞, which is NaN.
    """
    rng = np.random.default_rng(3)
    examples = digits if kind == "digits" else some_table(rng, 30, 120, 10)
    network = a_network(rng, (examples.inputs, 20, 20, 10), loss)
    for l, part in product(range(3), (0, 1)):
        if (kind, l, part) != ("digits", 0, 0) or bad != -np.inf:
            hurt = replace(network, parameters=network.parameters.copy())
            hurt.layers[l][part].flat[3] = bad
            plan = a_plan(hurt, examples, batch_size=batch_size)
            with np.errstate(invalid="ignore"):
                theirs = begun(numpy_alone(), plan, hurt).ahead.loss
            ours = begun(alone(), plan, hurt).ahead.loss
            assert np.isfinite(ours) == np.isfinite(theirs), (l, part)
            assert not np.isfinite(theirs) or ours == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("batch_size", [None, 20])
def test_the_engine_stops_at_the_first_loss_that_is_not_finite(digits, batch_size):
    """Also in the middle of a call that was to take all steps."""
    network = a_network(np.random.default_rng(4), (784, 20, 10))
    plan = a_plan(network, digits, batch_size=batch_size)
    rates = [0.1, 0.1, 1e38, 1e38, 1e38, 0.1, 0.1, 0.1]
    ends = []
    for engine in (alone(), numpy_alone()):
        at = begun(engine, plan, network)
        if batch_size and engine.name == "compiled":
            engine.training.at_once = len(rates)
        with np.errstate(over="ignore", invalid="ignore"):
            at, losses = engine.advance(plan, at, rates, answers=False)
        assert at.step == len(losses) < len(rates)
        assert np.isfinite(losses).all()
        assert not np.isfinite(at.ahead.loss)
        ends.append(at.step)
    assert ends[0] == ends[1]


def test_the_engine_can_be_used_after_it(digits):
    network = a_network(np.random.default_rng(5), (784, 20, 10))
    for batch_size in (None, 20):
        plan = a_plan(network, digits, batch_size=batch_size)
        engine, rates = alone(), [0.1, 0.2]
        wanted, _ = engine.advance(plan, begun(engine, plan, network), rates, answers=False)
        engine.advance(plan, begun(engine, plan, network), [1e38] * 4, answers=False)
        again, _ = engine.advance(plan, begun(engine, plan, network), rates, answers=False)
        assert again.parameters.tobytes() == wanted.parameters.tobytes()
