"""The map of the digits: against NumPy's SVD, and against what a best plane must be."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from chainrule import load_bundled, probabilities
from chainrule.plane import activations, principal_plane, turned


@pytest.fixture
def A():
    """300 points in 7 dimensions, longer in some directions than in others."""
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(7, 7)))
    return turn @ (rng.normal(size=(7, 300)) * np.array([[9, 5, 3, 2, 1, 1, 0.1]]).T) + 4


def test_the_plane_is_that_of_the_svd(A):
    plane = principal_plane(A)
    U, S, V = np.linalg.svd(A - A.mean(axis=1, keepdims=True), full_matrices=False)
    for k in range(2):
        side = 1 if U[np.abs(U[:, k]).argmax(), k] > 0 else -1
        assert plane.axes[:, k] == pytest.approx(side * U[:, k], abs=1e-10)
        assert plane.points[k] == pytest.approx(side * S[k] * V[k], abs=1e-9)
        assert plane.shares[k] == pytest.approx(S[k] ** 2 / np.sum(S**2))
    assert plane.axes.T @ plane.axes == pytest.approx(np.eye(2), abs=1e-12)


def test_no_other_plane_shows_more(A):
    plane = principal_plane(A)
    rng = np.random.default_rng(1)
    spread = np.var(plane.points, axis=1).sum()
    assert spread == pytest.approx(sum(plane.shares) * np.var(A, axis=1).sum())
    for _ in range(200):
        other, _ = np.linalg.qr(plane.axes + rng.normal(size=(7, 2)) * rng.choice([0.01, 1]))
        assert np.var(other.T @ A, axis=1).sum() < spread


def test_the_same_columns_give_the_same_picture_whatever_side_the_axes_come_out(A, monkeypatch):
    plane = principal_plane(A)
    assert (plane.axes[np.abs(plane.axes).argmax(axis=0), [0, 1]] > 0).all()
    order = np.random.default_rng(2).permutation(300)
    assert principal_plane(A[:, order]).points == pytest.approx(plane.points[:, order], abs=1e-9)
    assert principal_plane(A + 7).points == pytest.approx(plane.points, abs=1e-9)
    real = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda C: (real(C)[0], -real(C)[1]))
    assert principal_plane(A).points.tobytes() == plane.points.tobytes()


def test_of_equal_components_the_first_decides():
    x = np.array([1.0, -1, 3])
    for sides in ([1, -1], [-1, 1, -1, 1, -1, 1, -1], [-1, -1, 1]):
        points = principal_plane(np.outer(sides, x)).points
        assert points[0] == pytest.approx(sides[0] * (x - 1) * len(sides) ** 0.5)
        assert np.abs(points[1]).max() < 1e-9


def test_points_are_turned_onto_others_as_near_as_can_be():
    """Against SciPy, and against turning back what was turned."""
    rng = np.random.default_rng(3)
    points, others = rng.normal(size=(2, 2, 50))
    for towards in (others, others * [[1], [-1]]):  # one of them takes a mirror
        R, _ = orthogonal_procrustes(points.T, towards.T)
        assert turned(points, towards) == pytest.approx((points.T @ R).T)
    angle = 2.5
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for R in (turn, turn @ [[1, 0], [0, -1]]):
        assert turned(R @ points, 3 * points) == pytest.approx(points)


@pytest.mark.parametrize("A", [np.ones((5, 9)), np.ones((1, 1)), np.arange(4.0)[None]])
def test_where_there_is_less_than_a_plane_the_rest_is_zero(A):
    plane = principal_plane(A)
    assert plane.points.shape == (2, A.shape[1])
    assert not plane.points[1].any()
    assert np.abs(plane.points[0]) == pytest.approx(np.abs(A[0] - A[0].mean()))
    assert plane.shares == (float(np.ptp(A) > 0), 0)


@pytest.mark.parametrize("bad", [np.ones(3), np.ones((0, 3)), np.full((2, 2), np.nan)])
def test_what_is_no_matrix_of_numbers_is_refused(bad):
    with pytest.raises(ValueError, match=r"A must (be finite|have shape \(units, m\))"):
        principal_plane(bad)


def test_the_pixels_of_mnist_have_the_shares_that_are_known_of_them(mnist):
    """9.7 and 7.1 % for all 60,000; a sixth of them is near."""
    plane = principal_plane(mnist[0][::6].X)
    assert plane.shares == pytest.approx((0.097, 0.071), abs=0.003)


def test_any_layer_can_be_seen_and_the_last_parts_the_digits(mnist):
    network, test_set = load_bundled("large"), mnist[1][:2000]
    X = test_set.X
    assert activations(network, X, 0) is X
    last = activations(network, X, 2)
    assert np.allclose(last, probabilities(network, X), atol=1e-6)
    (W, b), _ = network.layers
    assert activations(network, X, 1) == pytest.approx(np.maximum(W @ X + b, 0), abs=1e-4)

    def parted(A):
        """The variance between the digits' means as a share of the whole, on the plane."""
        points = principal_plane(A).points
        means = np.array([points[:, test_set.labels == digit].mean(axis=1) for digit in range(10)])
        return np.var(means[test_set.labels], axis=0).sum() / np.var(points, axis=1).sum()

    assert parted(X) < parted(activations(network, X, 1)) < parted(last)
    for layer in (-1, 3):
        with pytest.raises(ValueError, match=r"layer must be 0 \(the image\) to 2"):
            activations(network, X, layer)
