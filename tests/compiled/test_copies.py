"""The compiled copies are those of NumPy, byte for byte, whoever makes them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers.compiled import a_network, a_plan, alone, begun, numpy_alone, some_digits
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import Digits
from chainrule.deform import FULL, MOST, Deform, Deformed
from chainrule.engine.compiled import copies as of_copies
from chainrule.engine.compiled.copies import CopiesOf
from chainrule.engine.compiled.engine import compiled_engine

KEY = 5
ROWS = np.array([4, 4, 0, 31, 7, 22, 9, 1, 30])
EPOCHS = np.array([0, 1, 0, 2, 2, 2, 2, 2, 2])
strengths = st.builds(Deform, *(st.floats(0, most) for most in MOST))


def images_in(data, order):
    """The lists of ink as images (k, 784)."""
    images = np.zeros((len(order), 784), np.uint8)
    for image, g in zip(images, order, strict=True):
        listed = slice(data.start[g], data.start[g + 1])
        assert (np.diff(data.pixel[listed].astype(int)) > 0).all()
        assert data.ink[listed].all()
        image[data.pixel[listed]] = data.ink[listed]
    return images


def wanted(digits, deform):
    return np.concatenate(
        [
            Deformed(digits, deform, KEY, e).images([row])
            for e, row in zip(EPOCHS, ROWS, strict=True)
        ]
    )


@settings(max_examples=40)
@given(strengths, st.sampled_from([0.0, 0.2, 1.0]))
def test_any_strengths_give_the_bytes_of_numpy(deform, ink):
    digits = some_digits(np.random.default_rng(2), 32, ink)
    data, order = CopiesOf(digits, deform, KEY).at_hand(digits, ROWS, EPOCHS)
    assert np.array_equal(images_in(data, order), wanted(digits, deform))
    assert np.array_equal(data.labels[order], digits.labels[ROWS])


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 20])
@pytest.mark.parametrize("block", [1, 2, 1000])
def test_threads_and_blocks_change_no_byte(monkeypatch, threads, block):
    monkeypatch.setattr(of_copies, "BLOCK", block)
    digits = some_digits(np.random.default_rng(3), 32)
    with ThreadPoolExecutor(1) as pool:
        source = CopiesOf(digits, MOST, KEY, pool, threads)
        data, order = source.at_hand(digits, ROWS, EPOCHS)
    assert np.array_equal(images_in(data, order), wanted(digits, MOST))
    assert np.array_equal(data.labels[order], digits.labels[ROWS])


def test_a_slice_of_images_that_lie_apart(mnist):
    digits = Digits(mnist[0].images[:60][::-3], mnist[0].labels[:60][::-3])
    data, order = CopiesOf(digits, FULL, KEY).at_hand(digits, slice(2, 9), 6)
    assert np.array_equal(
        images_in(data, order), Deformed(digits, FULL, KEY, 6).images(slice(2, 9))
    )


@pytest.mark.parametrize("batch_size", [None, 520, 48, 600])
def test_trainings_see_the_same_copies(batch_size):
    """The engines differ only in what float32 rounds."""
    digits = some_digits(np.random.default_rng(0), 600)
    network = a_network(np.random.default_rng(1), (784, 20, 10), "cross_entropy")
    plan = a_plan(network, digits, batch_size=batch_size, deform=FULL)
    ends = []
    for engine in (alone(), numpy_alone()):
        at = begun(engine, plan, network)
        at, losses = engine.advance(plan, at, [0.01] * 15, answers=True)
        ends.append((at, losses))
    (one, ours), (two, theirs) = ends
    assert np.allclose(ours, theirs, rtol=1e-5)
    assert np.allclose(one.parameters, two.parameters, rtol=0, atol=1e-5)
    still = begun(alone(), plan._replace(deform=None), network)
    assert abs(still.ahead.loss - ours[0]) > 1e-3  # the digits themselves are not seen


@pytest.mark.parametrize("batch_size", [None, 520, 48, 600])
def test_threads_and_stops_change_no_bit_of_a_training(batch_size):
    digits = some_digits(np.random.default_rng(0), 600)
    network = a_network(np.random.default_rng(1), (784, 200, 10), "cross_entropy")
    plan = a_plan(network, digits, optimizer="momentum", batch_size=batch_size, deform=FULL)
    found = set()
    for threads, lots in ((1, (15,)), (2, (15,)), (3, (7, 1))):
        with compiled_engine(threads) as engine:
            at, taken = begun(engine, plan, network), 0
            while taken < 15:
                lot = min(lots[taken % len(lots)], 15 - taken)
                at = engine.begin(plan, at.parameters, at.memory, at.step, answers=False)
                at, losses = engine.advance(plan, at, [0.01] * lot, answers=True)
                taken += len(losses)
        found.add((at.parameters.tobytes(), at.memory.tobytes(), at.ahead.loss))
    assert len(found) == 1
