"""The compiled gradient is that of network.py in float64, for any shape, ink and batch."""

import math

import numpy as np
import pytest
from helpers.compiled import (
    KINDS_OF_BATCH,
    a_batch,
    a_network,
    a_plan,
    alone,
    begun,
    bound,
    calm,
    columns_of,
    exact,
    exact_gradient,
    exact_loss,
    far_off,
    gradient_by_step,
    is_clear,
    sizes_of,
    some_digits,
    some_table,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chainrule import forward
from chainrule.engine.sums import confusion_matrix
from chainrule.explain.differences import central_differences
from chainrule.explain.impostors import IMPOSTORS
from chainrule.network import LOSSES

SHAPES = [(), (70,), (70, 33), (17, 5, 80)]  # units of the hidden layers


@pytest.fixture(scope="module")
def engine():
    """With one thread; that more of them give the same bits is a test of its own."""
    return alone()


def agrees(engine, network, examples, batch_size):
    """E, the confusion and each array of the gradient of the first batch are the true ones."""
    plan = a_plan(network, examples, batch_size=batch_size)
    at = begun(engine, plan, network)
    m = len(examples)
    rows = slice(None)
    if batch_size is not None:
        m = min(batch_size, m)
        rows = np.random.default_rng((plan.key, 0)).permutation(len(examples))[:m]
    limit = bound(network, m)
    assert at.ahead.loss == pytest.approx(exact_loss(network, examples, rows), rel=limit)
    X, _ = columns_of(examples, rows)
    answers = forward(exact(network), X).A[network.depth].argmax(axis=0)
    wanted = confusion_matrix(examples.labels[rows], answers, examples.classes)
    assert np.array_equal(at.ahead.confusion, wanted)
    true, sizes = exact_gradient(network, examples, rows), sizes_of(network, examples, rows)
    if batch_size is None:
        assert not far_off(network, at.ahead.gradient, true, limit, sizes)
    found = gradient_by_step(engine, plan, network)
    beside = 2**-24 * (np.abs(true) + np.abs(network.parameters) / 1024)
    assert not far_off(network, found, true, limit, sizes, 2 * beside)


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("hidden", SHAPES)
@pytest.mark.parametrize("kind", KINDS_OF_BATCH)
@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_is_that_of_the_equations(engine, loss, kind, hidden, weight_decay):
    rng = np.random.default_rng(5)
    digits = a_batch(rng, kind)
    network = calm(a_network(rng, (784, *hidden, 10), loss, weight_decay), digits)
    for batch_size in (None, len(digits)):
        agrees(engine, network, digits, batch_size)


@settings(max_examples=60)
@given(data=st.data())
def test_gradient_is_that_of_the_equations_for_any_shape(engine, data):
    def draw(first, last):
        return data.draw(st.integers(first, last))

    rng = np.random.default_rng(draw(0, 2**32))
    m, hidden = draw(1, 70), [draw(1, 80) for _ in range(draw(0, 3))]
    if data.draw(st.booleans()):
        examples = some_digits(rng, m, data.draw(st.sampled_from([0, 0.01, 0.2, 0.49, 0.9, 1])))
    else:
        examples = some_table(rng, draw(1, 80), m, draw(2, 40))
    loss, weight_decay = data.draw(st.sampled_from(LOSSES)), data.draw(st.sampled_from([0.0, 0.3]))
    network = a_network(rng, (examples.inputs, *hidden, examples.classes), loss, weight_decay)
    network = calm(network, examples)
    assume(is_clear(network, examples))
    agrees(engine, network, examples, data.draw(st.sampled_from([None, draw(1, m)])))


@pytest.mark.parametrize("sizes", [(6, 26), (5, 3, 1000), (1, 1, 2), (1, 2), (3, 130, 2)])
@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_of_many_classes_of_one_input_of_one_unit(engine, loss, sizes):
    rng = np.random.default_rng(2)
    table = some_table(rng, sizes[0], 50, sizes[-1])
    network = calm(a_network(rng, sizes, loss), table)
    for batch_size in (None, 20, 1):
        agrees(engine, network, table, batch_size)


def compiled_gradient(network, examples):
    return begun(alone(), a_plan(network, examples), network).ahead.gradient


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_agrees_with_central_differences_and_impostors_do_not(loss):
    """h is where float64's quotient has nine digits; the rest of the difference is float32's."""
    rng = np.random.default_rng(3)
    digits = some_digits(rng, 30)
    network = calm(a_network(rng, (784, 12, 9, 10), loss), digits)
    X, Y = columns_of(digits)
    cells = rng.choice(network.parameters.size, 500, replace=False)
    quotients = central_differences(exact(network), X, Y, cells).values
    found = compiled_gradient(network, digits)[cells]
    limit = bound(network, 30) + 1e-8

    def off(gradient):
        return np.linalg.norm(gradient - quotients) / np.linalg.norm(quotients)

    assert off(found) < limit
    trace = forward(exact(network), X)
    for impostor in IMPOSTORS[loss].values():
        assert off(impostor(exact(network), trace, Y).flat[cells]) > 500 * limit


@pytest.mark.parametrize("loss", LOSSES)
def test_impostors_are_far_from_the_compiled_gradient_in_every_array(loss):
    """The test above all can fail: by its measure each wrong gradient is off in each array."""
    rng = np.random.default_rng(4)
    digits = some_digits(rng, 40)
    network = calm(a_network(rng, (784, 20, 10), loss), digits)
    X, Y = columns_of(digits)
    found, limit = compiled_gradient(network, digits), bound(network, 40)
    assert not far_off(network, found, exact_gradient(network, digits), limit)
    trace = forward(exact(network), X)
    for impostor in IMPOSTORS[loss].values():
        wrong = impostor(exact(network), trace, Y).flat
        assert list(far_off(network, found, wrong, 500 * limit)) == ["W1", "b1", "W2", "b2"]


def test_a_batch_larger_than_512_goes_through_tiles(engine):
    rng = np.random.default_rng(6)
    digits = some_digits(rng, 2500)
    network = calm(a_network(rng, (784, 20, 10)), digits)
    for batch_size in (513, 1100, 2500):
        agrees(engine, network, digits, batch_size)


def test_of_ten_thousand_real_digits(engine, mnist):
    network = calm(a_network(np.random.default_rng(7), (784, 30, 10), "cross_entropy"), mnist[1])
    true = exact_gradient(network, mnist[1])
    found = begun(engine, a_plan(network, mnist[1]), network).ahead
    assert not far_off(network, found.gradient, true, 1e-6)
    assert math.isclose(found.loss, exact_loss(network, mnist[1]), rel_tol=1e-6)
