"""What a network reads in many images after surgery, where only what has changed is computed."""

import numpy as np

from chainrule.data import Digits
from chainrule.explain.differences import quiet
from chainrule.network import Array, Network, count_parameters, forward, not_finite, relu
from chainrule.reading import BLOCK


def blocks(m: int) -> list[slice]:
    """The images that are read together, the same ones as `reading.probabilities` takes.

    So what has not changed has the very bits it had.
    """
    return [slice(first, first + BLOCK) for first in range(0, m, BLOCK)]


@quiet
def first_layer(network: Network, digits: Digits) -> Array:
    """Z1 of all images (units, m): most of the work of reading them."""
    W, b = network.layers[0]
    return np.concatenate([W @ digits.columns(each) + b for each in blocks(len(digits))], axis=1)


@quiet
def read_again(network: Network, Z1: Array, units: list[int], digits: Digits) -> Array:
    """A network's probabilities (classes, m), where some units of its first layer are not Z1's.

    Raises OverflowError if a Z overflows.
    """
    W, b = network.layers[0]
    awake = [unit for unit in units if W[unit].any()]  # Z of the others is b
    start = count_parameters(network.sizes[:2])
    above = Network(network.sizes[1:], network.parameters[start:], network.loss)
    parts = []
    for each in blocks(len(digits)):
        Z = Z1[:, each]
        if units:
            Z = Z.copy()
            Z[units] = b[units]
        if awake:
            Z[awake] = W[awake] @ digits.columns(each) + b[awake]
        A = forward(above, relu(Z)).A[above.depth]
        if not np.isfinite(A).all():
            raise not_finite(network, digits.columns(each))
        parts.append(A)
    return np.concatenate(parts, axis=1)
