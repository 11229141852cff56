"""One step along the gradient of one image does what the gradient promises."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.explain.differences import STACK, quiet
from chainrule.explain.ledger import Ledger, open_ledger
from chainrule.network import Array, backward, error, forward

# Learning rates for one step on one image. With the first, a trained 784-10-10 keeps its promise to
# 0.2 % on each of the 670 digits it misreads; with the last, half of them get 0.6 % of it or less.
RATES = np.geomspace(1e-5, 10, 50)

# The largest number of dZ of the last layer on an image that is misread as clearly as most are.
MISREAD = 0.1


class LearningStep(NamedTuple):
    """One step of descent on one image, θ - α ∇E, at many learning rates α."""

    rates: Array  # (k,) α
    slope: float  # ‖∇E‖²: how fast E falls with α, at first
    promised: Array  # (k,) -α ‖∇E‖², the change of E if E were linear
    measured: Array  # (k,) E after the step less E before it
    E: float
    probabilities: Array  # (10,)
    prediction: int
    E_after: Array  # (k,)
    probabilities_after: Array  # (k, 10)
    predictions_after: NDArray[np.intp]  # (k,)


@quiet
def share_to_learn(ledger: Ledger) -> float:
    """How much there is to learn from this image, from 0, nothing, to 1, as from a misread one.

    Every derivative of a parameter is proportional to dZ of the last layer: so its largest number
    tells how strongly derivatives are to be coloured. The square root keeps small ones in sight.
    """
    largest = float(np.abs(ledger.arrays[f"dZ{ledger.network.depth}"]).max())
    return float(min(1.0, (largest / MISREAD) ** 0.5)) if np.isfinite(largest) else 1.0


@quiet
def learnt(ledger: Ledger, rate: float) -> Ledger:
    """The ledger of the same image after one step of descent on it alone, θ - α ∇E."""
    network, x = ledger.network, ledger.arrays["x"]
    g = backward(network, forward(network, x[:, None]), ledger.arrays["y"][:, None]).flat
    stepped = replace(network, parameters=network.parameters - rate * g)
    return open_ledger(stepped, x, int(ledger.arrays["y"].argmax()))


@quiet
def learn_once(ledger: Ledger, rates: Array = RATES) -> LearningStep:
    """What one step on this image alone does to E and to the prediction, in float64.

    All rates are one stack of networks, or a few if the network is large. The promise holds for
    small rates: the two changes then differ by a share that shrinks like α.
    """
    network, arrays = ledger.network, ledger.arrays
    X, Y = arrays["x"][:, None], arrays["y"][:, None]
    g = backward(network, forward(network, X), Y).flat
    slope = float(g @ g)
    together = max(1, STACK // network.parameters.size)
    E_after, A_after = [], []
    for first in range(0, len(rates), together):
        alpha = rates[first : first + together, None]  # (networks, 1)
        stack = replace(network, parameters=network.parameters - alpha * g)
        trace = forward(stack, X)
        E_after.append(error(stack, trace, Y))
        A_after.append(trace.A[network.depth][..., 0])
    E, before = float(arrays["E"]), arrays[f"A{network.depth}"]
    after, probabilities = np.concatenate(E_after), np.concatenate(A_after)
    return LearningStep(
        rates=rates,
        slope=slope,
        promised=-rates * slope,
        measured=after - E,
        E=E,
        probabilities=before,
        prediction=int(before.argmax()),
        E_after=after,
        probabilities_after=probabilities,
        predictions_after=probabilities.argmax(axis=-1),
    )
