"""Damage: each kind against SciPy's own, or worked by hand."""

import numpy as np
import pytest
from scipy import ndimage

from chainrule import Digits, evaluate, load_bundled
from chainrule.distort import BLOCK, distort


@pytest.fixture(scope="module")
def some(mnist):
    return mnist[1][:30]


def pictures(digits):
    return digits.images.reshape(-1, 28, 28).astype(float)


@pytest.mark.parametrize("degrees", [-170, -30, 5, 12.5, 90])
def test_rotation_is_that_of_scipy(some, degrees):
    ours = pictures(distort(some, rotation=degrees))
    theirs = ndimage.rotate(
        pictures(some), degrees, axes=(1, 2), reshape=False, order=1, mode="grid-constant"
    )
    # Theirs is float64 and counts a pixel at the very edge otherwise.
    assert np.abs(ours - theirs)[:, 1:-1, 1:-1].max() <= 0.51
    if degrees == 90:
        assert np.array_equal(ours, np.rot90(pictures(some), axes=(1, 2)))


@pytest.mark.parametrize("shift", [(3, 0), (0, -2), (1.5, 0.25), (-30, 0)])
def test_shift_is_that_of_scipy(some, shift):
    ours = pictures(distort(some, shift=shift))
    theirs = ndimage.shift(pictures(some), (0, shift[1], shift[0]), order=1, mode="grid-constant")
    assert np.abs(ours - theirs).max() <= 0.51


def test_a_turned_image_is_then_moved(some):
    """A turn by 90 degrees and a move by whole pixels leave nothing to round."""
    once = distort(some, rotation=90, shift=(2, 1))
    twice = distort(distort(some, rotation=90), shift=(2, 1))
    assert np.array_equal(once.images, twice.images)


@pytest.mark.parametrize("pixels", [1, 2, -1, 0.3, -1.5])
def test_thickness_is_that_of_scipy(some, pixels):
    cross = ndimage.generate_binary_structure(2, 1)[None]
    change = ndimage.grey_dilation if pixels > 0 else ndimage.grey_erosion
    X, left = pictures(some), abs(pixels)
    while left > 0:
        X = X + min(1, left) * (change(X, footprint=cross, mode="nearest") - X)
        left -= 1
    assert np.abs(pictures(distort(some, thickness=pixels)) - X).max() <= 0.51


def test_noise_is_normal_and_comes_from_the_key(mnist):
    grey = Digits(np.full((2 * BLOCK + 7, 784), 128, np.uint8), np.zeros(2 * BLOCK + 7, np.uint8))
    noise = distort(grey, noise=0.1).images.astype(float) - 128
    assert noise.mean() == pytest.approx(0, abs=0.1)  # of 1.6 million draws with σ = 25.5
    assert noise.std() == pytest.approx(25.5, rel=0.01)
    assert np.abs(noise).max() > 4 * 25.5
    corner = np.corrcoef(noise[:BLOCK].ravel(), noise[BLOCK : 2 * BLOCK].ravel())[0, 1]
    assert abs(corner) < 0.01
    stronger = distort(grey, noise=0.2).images.astype(float) - 128
    assert np.corrcoef(noise.ravel(), stronger.ravel())[0, 1] > 0.99
    again, other = distort(grey, noise=0.1, key=0), distort(grey, noise=0.1, key=1)
    assert np.array_equal(again.images.astype(float) - 128, noise)
    assert not np.array_equal(other.images, again.images)
    part = distort(grey[: BLOCK + 3], noise=0.1)
    assert np.array_equal(part.images, again.images[: BLOCK + 3])


def test_no_damage_is_none_and_nothing_is_written_in_place(some):
    before = some.images.copy()
    assert np.array_equal(distort(some).images, before)
    damaged = distort(some, thickness=1, rotation=10, shift=(1, 1), noise=0.1)
    assert np.array_equal(some.images, before)
    assert not np.array_equal(damaged.images, before)
    assert np.array_equal(damaged.labels, some.labels)


def test_more_damage_is_read_worse(mnist):
    network, test_set = load_bundled("large"), mnist[1]
    for name, amounts in {
        "rotation": (0, 25, 50), "noise": (0, 0.4, 0.8), "thickness": (0, 2, 4),
        "shift": ((0, 0), (3, 0), (7, 0)),
    }.items():  # fmt: skip
        damaged = [distort(test_set, **{name: amount}) for amount in amounts]
        seen = [evaluate(network, each).accuracy for each in damaged]
        assert seen[0] > 0.98
        assert seen == sorted(seen, reverse=True)
        assert seen[2] < 0.6, name
