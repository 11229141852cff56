"""Any cell of one image's forward and backward pass: its formula, the source line that computed it,
the terms it is the sum of, and its neighbours.

Everything is float64, computed by network.py on the stored parameters, with m = 1: E is the loss of
this one image. Layers count from 1 and cells from 0: x[350], Z1[3], dW2[3,7], E.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from chainrule.explain.terms import Term, Terms
from chainrule.network import Array, Network, backward, check_array, error, forward


class CellError(ValueError):
    """A cell that is not in the ledger; the message says which cells it could be."""


@dataclass(frozen=True, eq=False)
class Ledger:
    """Every number of one image's pass under its name, in the order of the pass.

    x and y, the biases, Z, A and their derivatives are (units,), the weights and their derivatives
    (units, inputs), E is ().
    """

    network: Network
    arrays: dict[str, Array]

    @property
    def squared(self) -> bool:
        """Whether the loss is squared error."""
        return self.network.loss == "squared_error"

    def numbers(self, cells: str) -> Terms:
        """The numbers of a cell, a row, a column or a whole vector: W2[3,7], W1[3,:], Z1[:].

        λ is the weight decay, and ‖W‖² the sum of the squares of each layer's weights.
        """
        match cells:
            case "λ":
                decay = self.network.weight_decay
                return [Term("λ", f"{decay:.6g}", decay)]
            case "‖W‖²":
                sizes = {l: float(np.sum(W**2)) for l, (W, _) in enumerate(self.network.layers, 1)}
                return [Term(f"‖W{l}‖²", f"{size:.6g}", size) for l, size in sizes.items()]
        array, *index = re.findall(r"[\w:]+", cells)
        places = tuple(slice(None) if each == ":" else int(each) for each in index)
        values = np.atleast_1d(self.arrays[array][places]).tolist()
        return [Term(cells.replace(":", str(k)), f"{v:.6g}", v) for k, v in enumerate(values)]


def open_ledger(network: Network, x: Array, label: int) -> Ledger:
    """The ledger of an image x (inputs,) whose true label is `label`, in float64.

    What overflows stands in it as infinity or NaN, see `overflowing`. Raises ValueError for an x of
    another shape, IndexError for a label the network has no unit for.
    """
    check_array("x", x)
    if not 0 <= label < network.sizes[-1]:
        raise IndexError(f"the label must be from 0 to {network.sizes[-1] - 1}, got {label}")
    network = replace(network, parameters=network.parameters.astype(np.float64))
    L = network.depth
    X = x.astype(np.float64)[:, None]
    Y = np.zeros((network.sizes[-1], 1))
    Y[label] = 1
    with np.errstate(over="ignore", invalid="ignore"):
        trace = forward(network, X)
        derivatives = backward(network, trace, Y)
        E = error(network, trace, Y)
    arrays: dict[str, Array] = {"x": X[:, 0]}
    for l in range(1, L + 1):
        W, b = network.layers[l - 1]
        arrays |= {
            f"W{l}": W,
            f"b{l}": b[:, 0],
            f"Z{l}": trace.Z[l][:, 0],
            f"A{l}": trace.A[l][:, 0],
        }
    arrays |= {"y": Y[:, 0], "E": np.asarray(E)}
    for l in range(L, 0, -1):
        dA, dZ, dW, db = (d[l] for d in derivatives)
        arrays |= {f"dA{l}": dA[:, 0], f"dZ{l}": dZ[:, 0], f"dW{l}": dW, f"db{l}": db[:, 0]}
    return Ledger(network, arrays)


def overflowing(ledger: Ledger) -> str | None:
    """The first array of the pass in which a number is too large for float64; None if none is.

    dA of the last layer under cross-entropy is left out: it may be infinite, see `backward`.
    """
    honest = None if ledger.squared else f"dA{ledger.network.depth}"
    arrays = ledger.arrays.items()
    return next((n for n, array in arrays if n != honest and not np.isfinite(array).all()), None)


def prediction(ledger: Ledger) -> int | None:
    """The digit that the network reads; None if its probabilities overflow."""
    A = ledger.arrays[f"A{ledger.network.depth}"]
    return int(A.argmax()) if np.isfinite(A).all() else None


def softmax_jacobian(ledger: Ledger) -> Array:
    """∂A[L][i]/∂Z[L][k] of the last layer in row i, column k: diag(A) - A Aᵀ, (10, 10)."""
    A = ledger.arrays[f"A{ledger.network.depth}"]
    return np.diag(A) - np.outer(A, A)


def output_terms(ledger: Ledger) -> Array:
    """The terms of dZ[L][i] in row i: ∂A[L][k]/∂Z[L][i] dA[L][k], (10, 10); the Jacobian is
    symmetric. Infinity and NaN where dA is infinite.
    """
    with np.errstate(invalid="ignore"):
        return softmax_jacobian(ledger) * ledger.arrays[f"dA{ledger.network.depth}"]


def locate(ledger: Ledger, name: str) -> tuple[str, tuple[int, ...]]:
    """The array and the index that the name of a cell means."""
    parts = re.fullmatch(r"(\w+)(?:\[(\d{1,9})(?:,(\d{1,9}))?\])?", name.replace(" ", ""), re.ASCII)
    if not parts or parts[1] not in ledger.arrays:
        raise CellError(
            f"no cell is called {name!r}; a cell is one of {', '.join(ledger.arrays)} "
            f"and its index, such as x[350] or dW1[3,350]"
        )
    array, *digits = parts.groups()
    index = tuple(int(each) for each in digits if each)
    shape = ledger.arrays[array].shape
    if len(index) != len(shape) or any(i >= n for i, n in zip(index, shape, strict=True)):
        first, last = ",".join("0" for _ in shape), ",".join(str(n - 1) for n in shape)
        wanted = f"goes from {array}[{first}] to {array}[{last}]" if shape else "has no index"
        raise CellError(f"{array} {wanted}, got {name}")
    return array, index


def named(array: str, *index: int | str) -> str:
    """The name of a cell: dW2[3,7], dW2[i,j], b1[4] or E."""
    return f"{array}[{','.join(map(str, index))}]" if index else array


def split(array: str) -> tuple[str, int]:
    """dW2 is of kind dW in layer 2; x, y and E are of no layer (0)."""
    kind = array.rstrip("0123456789")
    return kind, int(array[len(kind) :] or 0)
