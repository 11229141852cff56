"""Wrong derivatives that people write down often, by name: the impostors, and other slips."""

from collections.abc import Iterator

import numpy as np

from chainrule.explain.differences import quiet
from chainrule.explain.impostors import IMPOSTORS
from chainrule.explain.ledger import Ledger, split
from chainrule.network import Array, forward

# The page has a sentence for each of these names.
SLIPS = (
    "mean for sum",
    "no ReLU′",
    "ReLU for ReLU′",
    "W without T",
    "Z for A",
    "A of its own layer",
    "y left out",
    "λ left out",
)


@quiet
def known_mistakes(ledger: Ledger, target: str) -> dict[str, Array]:
    """Wrong values of an array of derivatives under their names, each in the array's shape."""
    network, (kind, l) = ledger.network, split(target)
    trace = forward(network, ledger.arrays["x"][:, None])
    Y = ledger.arrays["y"][:, None]
    found = {}
    for name, impostor in IMPOSTORS[network.loss].items():
        dA, dZ, dW, db = impostor(network, trace, Y)
        wrong = {"dA": dA, "dZ": dZ, "dW": dW, "db": db}[kind][l]
        if kind != "dA" or l < network.depth:  # the impostors begin with dZ of the last layer
            found[name] = wrong.reshape(ledger.arrays[target].shape)
    return found | dict(slips(ledger, kind, l))


def slips(ledger: Ledger, kind: str, l: int) -> Iterator[tuple[str, Array]]:
    """The other mistakes that can be made with this array."""
    at, last = ledger.arrays, l == ledger.network.depth
    A, Z = at[f"A{l}"], at[f"Z{l}"]
    match kind:
        case "dZ" if last:
            dA = at[f"dA{l}"]
            yield "mean for sum", A * (dA - np.mean(A * dA))
        case "dZ":
            yield "no ReLU′", at[f"dA{l}"]
            yield "ReLU for ReLU′", at[f"dA{l}"] * A
        case "dA" if last and not ledger.squared:
            yield "y left out", -1 / A
        case "dA" if not last:
            W = at[f"W{l + 1}"]
            if W.shape[0] == W.shape[1]:
                yield "W without T", W @ at[f"dZ{l + 1}"]
        case "dW":
            if ledger.network.weight_decay:
                yield "λ left out", np.outer(at[f"dZ{l}"], at["x" if l == 1 else f"A{l - 1}"])
            if l > 1:
                yield "Z for A", np.outer(at[f"dZ{l}"], at[f"Z{l - 1}"])
            if at[f"dW{l}"].shape == (Z.size, A.size):
                yield "A of its own layer", np.outer(at[f"dZ{l}"], A)
