"""What a network reads in digits: here it is checked that numbers are pixels.

network.py takes any finite numbers. A digit's pixels are from 0, paper, to 1, ink; pixels from 0 to
255 would give wrong answers, with a high probability and without a warning, so they are refused
here.
"""

from collections.abc import Iterator
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from chainrule import network as equations
from chainrule.arrays import MOST_CLASSES, PIXELS
from chainrule.data import as_columns
from chainrule.deform import view
from chainrule.engine.blas import cores
from chainrule.engine.choice import EngineName, choose
from chainrule.engine.memory import keep_memory
from chainrule.network import Array, Network, check_array, check_inputs, not_finite

BLOCK = 512  # columns that are read at a time
MOST_VIEWS = 256
FAR = 1.0  # beyond 0 and 1: further out there are no pixels, not even noisy ones


def probabilities(
    network: Network, X: Array, *, engine: EngineName = "numpy", views: int = 1
) -> Array:
    """The last A for the columns of X: (classes, m), each column sums to 1.

    For a network of 784 inputs and 2 to 62 outputs X holds digits, pixels from 0 to 1. Raises
    ValueError for an X of another shape, for pixels that are not from 0 to 1, and if X or the
    parameters hold NaN or infinity; OverflowError if they are so large that a Z is infinite.

    The `engine` is as in `train`, but NumPy unless another is asked for: to load the compiled one
    takes longer than to read some thousand digits. That one computes with float32, and does not
    look at weights that only blank pixels meet.

    With more `views`, up to 256, it is the mean over so many slightly deformed views of each image,
    of which the first is the image. Pixels are rounded to 255ths for them.
    """
    views = count_views(views)
    check_array("X", X)
    if network.sizes[0] == PIXELS and network.sizes[-1] <= MOST_CLASSES and X.size:
        low, high = float(np.min(X)), float(np.max(X))
        if low < -FAR or high > 1 + FAR:
            raise ValueError(
                f"the pixels of digits go from 0 (paper) to 1 (ink), "
                f"got numbers from {low:g} to {high:g}; divide pixels from 0 to 255 by 255"
            )
    A = read(network, X, engine=engine)
    if views > 1:
        for seen in views_of(network, X, views):
            A = A + read(network, seen, engine=engine)
        A = A / A.dtype.type(views)
    return A


def count_views(views: int) -> int:
    """The number of views; ValueError unless it is whole, and there are so many."""
    whole = isinstance(views, Integral) and not isinstance(views, bool)
    if not whole or not 1 <= int(views) <= MOST_VIEWS:
        raise ValueError(f"views must be a whole number from 1 to {MOST_VIEWS}, got {views!r:.60}")
    return int(views)


def views_of(network: Network, X: Array, views: int) -> Iterator[Array]:
    """The columns of X as each view sees them but the first; ValueError unless they are images."""
    if X.ndim != 2 or network.sizes[0] != PIXELS:
        raise ValueError(f"views are of images: X must be ({PIXELS}, m), got {X.shape}")
    images = np.rint(255 * np.clip(X.T, 0, 1)).astype(np.uint8)
    for number in range(1, views):
        yield as_columns(view(images, number)).astype(X.dtype, copy=False)


def read(network: Network, X: Array, *, engine: EngineName = "numpy") -> Array:
    """The same for columns of any numbers, which are not checked to be pixels."""
    check_inputs(network, X)
    if choose(engine, network.parameters.dtype) == "compiled" and X.ndim == 2:
        return compiled(network, X)
    # Block by block, because the Z and A of a few hundred columns stay in the processor's cache.
    keep_memory()
    blocks = range(0, max(X.shape[-1], 1), BLOCK)
    parts = [equations.probabilities(network, X[..., i : i + BLOCK]) for i in blocks]
    return np.concatenate(parts, axis=-1)


def compiled(network: Network, X: Array) -> Array:
    """The same from the compiled engine, in as many threads as there are cores."""
    from chainrule.engine.compiled.columns import read_columns
    from chainrule.engine.compiled.ready import make_ready

    make_ready()
    A = read_columns(network, X, cores())
    if not np.isfinite(A).all():
        raise not_finite(network, X)
    return A


def predict(
    network: Network, X: Array, *, engine: EngineName = "numpy", views: int = 1
) -> NDArray[np.intp]:
    """The most probable label of each column of X: (m,), such as the digits 0 to 9.

    The engine and the views are as in `probabilities`. Raises what that raises.
    """
    A = probabilities(network, X, engine=engine, views=views)
    labels: NDArray[np.intp] = A.argmax(axis=-2)
    return labels
