"""What a network reads in digits: here it is checked that numbers are pixels.

network.py takes any finite numbers. A digit's pixels are from 0, paper, to 1, ink; pixels from 0 to
255 would give wrong answers, with a high probability and without a warning, so they are refused
here.
"""

import numpy as np
from numpy.typing import NDArray

from chainrule import network as equations
from chainrule.arrays import MOST_CLASSES, PIXELS
from chainrule.engine.blas import cores
from chainrule.engine.choice import EngineName, choose
from chainrule.engine.memory import keep_memory
from chainrule.network import Array, Network, check_array, check_inputs, not_finite

BLOCK = 512  # columns that are read at a time
FAR = 1.0  # beyond 0 and 1: further out there are no pixels, not even noisy ones


def probabilities(network: Network, X: Array, *, engine: EngineName = "numpy") -> Array:
    """The last A for the columns of X: (classes, m), each column sums to 1.

    For a network of 784 inputs and 2 to 62 outputs X holds digits, pixels from 0 to 1. Raises
    ValueError for an X of another shape, for pixels that are not from 0 to 1, and if X or the
    parameters hold NaN or infinity; OverflowError if they are so large that a Z is infinite.

    The `engine` is as in `train`, but NumPy unless another is asked for: to load the compiled one
    takes longer than to read some thousand digits. That one computes with float32, and does not
    look at weights that only blank pixels meet.
    """
    check_array("X", X)
    if network.sizes[0] == PIXELS and network.sizes[-1] <= MOST_CLASSES and X.size:
        low, high = float(np.min(X)), float(np.max(X))
        if low < -FAR or high > 1 + FAR:
            raise ValueError(
                f"the pixels of digits go from 0 (paper) to 1 (ink), "
                f"got numbers from {low:g} to {high:g}; divide pixels from 0 to 255 by 255"
            )
    return read(network, X, engine=engine)


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


def predict(network: Network, X: Array, *, engine: EngineName = "numpy") -> NDArray[np.intp]:
    """The most probable label of each column of X: (m,), such as the digits 0 to 9.

    The engine is as in `probabilities`. Raises what that raises.
    """
    labels: NDArray[np.intp] = probabilities(network, X, engine=engine).argmax(axis=-2)
    return labels
