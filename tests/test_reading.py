"""The door for digits: pixels are from 0 to 1."""

from itertools import pairwise

import numpy as np
import pytest
from helpers import toy_problem

from chainrule import initialise, load_bundled, predict, probabilities
from chainrule.data import as_columns
from chainrule.deform import view
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


def test_views_are_the_mean_of_deformed_images(mnist):
    """Against the copies one by one, and the same for an image wherever it stands."""
    network, digits = load_bundled("large"), mnist[1][:40]
    X = digits.X
    seen = [digits.images, *(view(digits.images, number) for number in range(1, 5))]
    one_by_one = [probabilities(network, as_columns(images)) for images in seen]
    assert all((a != b).any() for a, b in pairwise(one_by_one))
    for engine in ("numpy", "compiled"):
        A = probabilities(network, X, views=5, engine=engine)
        assert np.allclose(A, np.mean(one_by_one, axis=0), rtol=0, atol=1e-6)
        assert np.allclose(A.sum(axis=0), 1, atol=1e-5)
        alone = probabilities(network, X[:, 7:8], views=5, engine=engine)
        assert np.allclose(alone[:, 0], A[:, 7], rtol=0, atol=1e-6)
    assert np.array_equal(predict(network, X, views=5), A.argmax(axis=0))
    assert np.array_equal(probabilities(network, X, views=1), probabilities(network, X))
    exact = probabilities(network, X.astype(np.float64), views=5)
    assert exact.dtype == np.float64
    assert np.allclose(exact, A, atol=1e-6)


def test_views_that_cannot_be_are_refused(mnist):
    network, X = load_bundled("small"), mnist[1][:2].X
    for views in (0, 257, 1.5, True, "4"):
        with pytest.raises(ValueError, match="views must be a whole number from 1 to 256"):
            probabilities(network, X, views=views)
    with pytest.raises(
        ValueError, match=r"views are of images: X must be \(784, m\), got \(2, 784"
    ):
        probabilities(network, np.stack([X, X]), views=2)
    other = initialise((20, 3), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"views are of images: .* got \(20, 5\)"):
        probabilities(other, np.zeros((20, 5)), views=2)
