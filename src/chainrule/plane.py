"""A map: images, or what a layer makes of them, as points on the plane that shows them best."""

from typing import NamedTuple

import numpy as np

from chainrule.engine.blas import one_blas_thread
from chainrule.network import Array, Network, check_array, forward, not_finite


class Plane(NamedTuple):
    """The plane through the mean of some columns along which they vary most."""

    points: Array  # (2, m): where each column falls on it
    axes: Array  # (units, 2): its directions, of length 1 and at right angles
    mean: Array  # (units, 1)
    shares: tuple[float, float]  # of the whole variance, along each axis


def principal_plane(A: Array) -> Plane:
    """The two principal components of the columns of A (units, m), in float64; exact, no sampling.

    The same A gives the same picture: each axis points to the side of its largest component, the
    first of equals. Where A has fewer than two rows, or varies in fewer than two directions, the
    rest is zero. Raises ValueError unless A is a finite matrix with columns. Source: Pearson 1901,
    "On lines and planes of closest fit to systems of points in space".
    """
    check_array("A", A)
    if A.ndim != 2 or 0 in A.shape:
        raise ValueError(f"A must have shape (units, m), got {A.shape}; examples are columns")
    A = A.astype(np.float64)
    if not np.isfinite(A).all():
        raise ValueError("A must be finite, got NaN or infinity")
    mean = A.mean(axis=1, keepdims=True)
    A -= mean
    with one_blas_thread:  # so that the last bits do not depend on the number of threads
        # Its eigenvectors are the left singular vectors of A, at a fraction of the work.
        variances, directions = np.linalg.eigh(A @ A.T / A.shape[1])  # ascending
        axes = np.zeros((len(A), 2))
        shares = [0.0, 0.0]
        whole = float(variances.clip(0).sum())
        for place in range(min(2, len(A))):
            variance, axis = float(variances[-1 - place]), directions[:, -1 - place]
            if variance > NOTHING * whole:
                axes[:, place] = axis * np.sign(axis[largest(axis)])
                shares[place] = variance / whole
        return Plane(axes.T @ A, axes, mean, (shares[0], shares[1]))


def turned(points: Array, towards: Array) -> Array:
    """The points (2, m), turned and perhaps mirrored about 0 to lie as near as can be to others.

    The orthogonal matrix R with the least ‖R @ points - towards‖, so that maps of one network at
    two moments can be told apart by what moved. Source: Schönemann 1966, "A generalized solution of
    the orthogonal Procrustes problem".
    """
    U, _, V = np.linalg.svd(towards @ points.T)
    return (U @ V) @ points


NOTHING = 1e-12  # of the variance, and less is rounding


def largest(axis: Array) -> int:
    """The index of the component of largest size; if several are equal to rounding, the first."""
    sizes = np.abs(axis)
    return int(np.argmax(sizes >= sizes.max() * (1 - 1e-9)))


def activations(network: Network, X: Array, layer: int) -> Array:
    """A[layer] of the columns of X (inputs, m): (units, m); layer 0 is X itself.

    Raises ValueError for a layer that the network does not have, OverflowError if numbers of the
    pass are too large for their type.
    """
    if not 0 <= layer <= network.depth:
        raise ValueError(f"layer must be 0 (the image) to {network.depth}, got {layer}")
    if layer == 0:
        return X
    with np.errstate(over="ignore", invalid="ignore"):
        A = forward(network, X).A[layer]
    if not np.isfinite(A).all():
        raise not_finite(network, X)
    return A
