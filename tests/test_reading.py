"""The door for digits: pixels are from 0 to 1."""

import numpy as np
import pytest
from helpers import toy_problem

from chainrule import load_bundled, predict, probabilities
from chainrule.network import probabilities as of_any_numbers


@pytest.mark.parametrize("spoil", [lambda X: 255 * X, lambda X: 16 * X, lambda X: X - 2])
def test_what_is_no_pixel_from_0_to_1_is_refused(mnist, spoil):
    network, X = load_bundled("small"), spoil(mnist[1].X[:, :5])
    for read in (predict, probabilities):
        with pytest.raises(ValueError, match=r"from 0 \(paper\) to 1 \(ink\), got numbers from"):
            read(network, X)
    assert of_any_numbers(network, X).shape == (10, 5)


def test_digits_are_read_and_noisy_ones_too(mnist):
    network, X = load_bundled("small"), mnist[1].X[:, :5]
    assert predict(network, X).tolist() == of_any_numbers(network, X).argmax(axis=0).tolist()
    noisy = X + np.random.default_rng(0).normal(0, 0.2, X.shape).astype(np.float32)
    assert noisy.max() > 1
    assert predict(network, noisy).shape == (5,)
    assert predict(network, X[:, :0]).shape == (0,)


def test_a_network_for_other_numbers_takes_any():
    network, X, _ = toy_problem(np.random.default_rng(0))
    assert probabilities(network, 300 * X).shape == (3, 6)
