"""Deformed copies: against SciPy in floating point, and by the numbers that were published."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.interpolate import BSpline

from chainrule import Digits, initialise, train
from chainrule.deform import (
    DEFORM_NAMES,
    FIELD,
    FULL,
    GOLDEN,
    LIGHT,
    MOST,
    SPLINES,
    Deform,
    Deformed,
    deform_of,
    deformed,
    draw_copies,
    mixed,
    thickened,
)
from chainrule.distort import thicker

KEY = 20_261_128


@pytest.fixture(scope="module")
def some(mnist):
    return mnist[0][:60]


def copies_of(digits, deform, epoch=0, key=KEY):
    return Deformed(digits, deform, key, epoch).images(slice(None))


strengths = st.builds(Deform, *(st.floats(0, most) for most in MOST))


# ------------------------------------------------------------------------------ the random numbers


def test_the_words_are_those_of_splitmix64():
    """Published for the seed 1234567 (Vigna's reference implementation)."""
    state = np.uint64(1234567) + np.arange(1, 6, dtype=np.uint64) * GOLDEN
    assert mixed(state).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_what_is_drawn_is_even_and_has_nothing_in_common():
    """Of 10,000 images in two epochs: the mean, the spread, and what neighbours share."""
    rows = np.arange(10_000)
    two = [draw_copies(MOST, KEY, epoch, rows) for epoch in (0, 1)]
    columns = [
        np.hstack([c.affine[:, [2, 5]] / 2**16, c.thickness[:, None] / 256, c.arrows / 2**11])
        for c in two
    ]  # each drawn from -1 to 1
    seen = np.hstack(columns)
    limit = 5 / math.sqrt(len(rows))  # five standard deviations of a mean
    assert np.abs(seen.mean(axis=0)).max() < limit
    assert np.abs(seen.var(axis=0) - 1 / 3).max() < limit
    assert np.abs(seen).max() <= 1
    apart = np.corrcoef(seen.T) - np.eye(seen.shape[1])
    assert np.abs(apart).max() < limit  # between epochs, too
    assert np.abs((seen[1:] * seen[:-1]).mean(axis=0)).max() < limit  # from image to image


def test_a_copy_follows_from_key_epoch_and_image_alone(some):
    whole = Deformed(some, FULL, KEY, 3)
    rows = np.array([41, 7, 7, 0])
    assert np.array_equal(whole.images(rows), whole.images(slice(None))[rows])
    assert np.array_equal(whole.columns(rows) * 255, whole.images(rows).T)
    epochs = np.array([3, 3, 4, 3])
    mixed_up = deformed(some.images[rows], draw_copies(FULL, KEY, epochs, rows))
    assert np.array_equal(mixed_up[[0, 1, 3]], whole.images(rows)[[0, 1, 3]])
    others = [mixed_up[2], *copies_of(some[7], FULL, key=KEY + 1), *whole.images([8])]
    assert all((whole.images([7])[0] != other).any() for other in others)


def test_blocks_change_no_byte(some, monkeypatch):
    whole = copies_of(some, MOST)
    monkeypatch.setattr("chainrule.deform.BLOCK", 7)
    assert np.array_equal(copies_of(some, MOST), whole)


# --------------------------------------------------------------------------------- the copies


def test_no_strength_changes_no_byte(some):
    assert np.array_equal(copies_of(some, Deform()), some.images)


KNOTS = np.arange(-27, 64, 9)  # of six cubic splines, each over four steps of 9 pixels
EXACT = np.nan_to_num(
    np.stack(
        [BSpline.basis_element(KNOTS[i : i + 5], extrapolate=False)(range(28)) for i in range(6)], 1
    )
)


def places_in_floating_point(copies, i, weights):
    """Where the pixels of copy i come from: rows and columns (28, 28)."""
    a, b, c, d, e, f = copies.affine[i] / 4096
    y, x = np.mgrid[:28, :28] - 13.5
    right, down = weights @ (copies.arrows[i].reshape(2, 6, 6) / 256) @ weights.T
    return d * x + e * y + f / 2 + 13.5 + down, a * x + b * y + c / 2 + 13.5 + right


@pytest.mark.parametrize(
    ("weights", "most", "mean"),
    [(SPLINES / 64, 2, 0.3), (EXACT, 255 / 16, 1)],  # a place off by 1/16 pixel
    ids=["our 64ths", "exact splines"],
)
def test_copies_are_those_of_scipy(some, weights, most, mean):
    """SciPy computes in float64, with B-splines of its own."""
    copies = draw_copies(FULL, KEY, 0, np.arange(len(some)))
    for i, ours in enumerate(deformed(some.images, copies).reshape(-1, 28, 28)):
        places = places_in_floating_point(copies, i, weights)
        theirs = ndimage.map_coordinates(
            some.images[i].reshape(28, 28).astype(float), places, order=1, mode="grid-constant"
        )
        assert np.abs(ours - theirs).max() < most
        assert np.abs(ours - theirs).mean() < mean


def test_a_turn_is_a_rotation_and_a_scale_of_its_own(some):
    copies = draw_copies(Deform(turn=30, scale=0.2), KEY, 0, np.arange(5000))
    a, b, c, d = (copies.affine[:, k] / 4096 for k in (0, 1, 3, 4))
    wide, high = np.hypot(a, b), np.hypot(c, d)
    assert np.abs(a * c + b * d).max() < 0.001  # the two directions stay at right angles
    for size in (wide, high):
        assert 0.799 < size.min() < 0.802
        assert 1.198 < size.max() < 1.201
    angle = np.degrees(np.arctan2(c, d))
    assert 29.8 < np.abs(angle).max() < 30.05
    assert abs(np.abs(angle).mean() - 15) < 0.4  # even from -30 to 30


@pytest.mark.parametrize("thickness", [-256, -100, 0, 77, 256])
def test_thickness_is_that_of_the_damage(some, thickness):
    ours = thickened(some.images, np.full(len(some), thickness, np.int32))[:, 2:30, 2:30]
    theirs = thicker(some.images.T.astype(np.float32), thickness / 256)
    inside = np.s_[:, 1:-1, 1:-1]  # theirs does not thin a stroke at the very edge of the image
    apart = np.abs(ours - theirs.T.reshape(-1, 28, 28))
    assert apart[inside].max() <= 0.51


def test_noise_lies_on_ink_alone_and_is_as_strong_as_it_says(some):
    plain, noisy = (copies_of(some, FULL._replace(noise=noise)) for noise in (0.0, 0.1))
    assert not noisy[plain == 0].any()
    middle = (plain > 40) & (plain < 215)  # where nothing is cut off
    apart = noisy[middle].astype(int) - plain[middle]
    limit = round(0.1 * 255)
    assert limit - 2 <= np.abs(apart).max() <= limit
    assert abs(apart.std() - limit / math.sqrt(3)) < 0.5
    assert abs(apart.mean() + 0.5) < 0.5  # rounded down


@given(strengths, st.integers(0, 2**63 - 1), st.integers(0, 2**40))
def test_any_strengths_give_bytes_near_the_ink(deform, key, epoch):
    """A field of full ink can only become one with blank edges: an overflow would be seen."""
    ink = Digits(np.full((4, 784), 255, np.uint8), np.zeros(4, np.uint8))
    still = deform._replace(noise=0.0, thickness=0.0)
    values = copies_of(ink, still, epoch, key).reshape(-1, 28, 28)
    reach = 14 * (2 - 1 / (1 + still.scale)) + 14 * still.slant + 8 + 8
    if still == Deform():
        assert (values == 255).all()
    if reach < 14:
        assert (values[:, 13:15, 13:15] == 255).all()
    blank = Digits(np.zeros((4, 784), np.uint8), np.zeros(4, np.uint8))
    assert not copies_of(blank, deform, epoch, key).any()


def test_the_weights_are_those_of_cubic_b_splines():
    assert np.abs(SPLINES - 64 * EXACT).max() < 1
    assert (SPLINES.sum(axis=1) == 64).all()
    assert np.array_equal(FIELD, np.rint(FIELD))
    assert np.abs(FIELD).sum(axis=0).max() * 8 * 256 < 2**24  # so float32 has every sum


def test_the_presets_never_change(some):
    """Runs name them, and go on to the same bytes in years to come."""
    words = {
        name: hashlib.sha256(copies_of(some, deform_of(name), epoch=5).tobytes()).hexdigest()
        for name in ("light", "full")
    }
    most = hashlib.sha256(copies_of(some, MOST, epoch=5).tobytes()).hexdigest()
    assert words | {"most": most} == WANTED


WANTED = {
    "light": "e500302acc828f3edbaaf08ec9fa54a89d0252df11b577b84af4ece84924f144",
    "full": "eaad4ba4fcc713a8ab23d71d9eed6f4c79d22e3c323ff637262190e0143b64a3",
    "most": "fd19bf8a0dace3aebeb29dd1b434d3968f9c816189595fb6c9286aad6a24e6f3",
}


# ----------------------------------------------------------------------------------- in trainings


def test_names_and_strengths():
    assert [deform_of(name) for name in DEFORM_NAMES] == [None, LIGHT, FULL]
    assert deform_of(None) is None
    assert deform_of(Deform(turn=1)) == Deform(turn=1.0)
    for wrong in ("heavy", 3, ("full",), Deform(turn=46), Deform(shift=-1), Deform(noise=math.nan)):
        with pytest.raises(ValueError, match="must be"):
            deform_of(wrong)


def trained(digits, engine="numpy", **settings):
    network = initialise((784, 12, 10), rng=np.random.default_rng(0))
    usual = {"deform": "full", "learning_rate": 0.1, "rng": np.random.default_rng(4)}
    return list(train(network, digits, engine=engine, **usual | settings))


@pytest.mark.parametrize("batch_size", [None, 25])
def test_a_training_sees_the_copies_of_its_epoch(some, batch_size):
    """One step more by hand, with the gradient of these copies."""
    from chainrule import gradient
    from chainrule.engine.batches import order_of

    before, after = trained(some, batch_size=batch_size, steps=7, every=4)[1:]
    network, step = before.network, before.step
    assert (before.step, after.step) == (4, 7)
    for step in range(4, 7):
        epoch, k = (step, 0) if batch_size is None else divmod(step, 3)
        rows = np.arange(60)
        if batch_size:
            rows = order_of(after.key, epoch, 60)[25 * k : 25 * k + 25]
        X = Deformed(some, FULL, after.key, epoch).columns(rows)
        Y = np.eye(10, dtype=np.float32)[some.labels[rows]].T
        moved = network.parameters - np.float32(0.1) * gradient(network, X, Y)
        network = type(network)(network.sizes, moved, network.loss)
    assert np.allclose(network.parameters, after.network.parameters, rtol=0, atol=1e-7)
    assert after.loss_of == "batches"


@pytest.mark.parametrize("batch_size", [None, 25])
def test_a_stopped_training_goes_on_to_the_same_bytes(some, batch_size):
    settings = {"batch_size": batch_size, "steps": 9, "every": 2}
    whole = trained(some, **settings)
    again = trained(some, start=whole[2], **settings)
    assert again[-1].network.parameters.tobytes() == whole[-1].network.parameters.tobytes()


def test_what_cannot_be_deformed_is_refused(some):
    from chainrule import Table

    table = Table(some.X, some.labels.astype(np.intp), 10)
    with pytest.raises(ValueError, match="deform needs images, got Table"):
        trained(table)
