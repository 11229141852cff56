"""The equations: a network of any depth and width, its loss, and its exact derivatives.

Examples are columns. Layer l reads as it is written on paper,

    Z[l] = W[l] A[l-1] + b[l],     A[0] = X,

with ReLU in every hidden layer and softmax in the last, layer L. The loss E is a mean over the
m examples, squared error or cross-entropy; weight decay λ adds λ/2 Σ ‖W[l]‖² to it.
docs/guide/equations.md derives every line below.

All weights and biases are one flat vector, in the order W1, b1, W2, b2, …, each row by row;
W[l] and b[l] are views of it, made on demand. A gradient has the same form, so a step of any
optimizer is arithmetic on one vector.

Every array may carry stack axes in front: X of shape (t, inputs, m) is t sets of examples, and
parameters of shape (k, n) are k networks. A stack gives, bit for bit, what a loop over it gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating]
Layers = dict[int, Array]  # one array for each layer, under the layer's number in the equations
Loss = Literal["squared_error", "cross_entropy"]

LOSSES: tuple[Loss, ...] = get_args(Loss)


# ---------------------------------------------------------------- the network and its parameters


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """Layer sizes, the flat parameters (n,) or (k, n), and the loss they are trained on.

    `weight_decay` is λ of the loss, 0 or more. Raises ValueError for sizes that are not positive,
    parameters that are no array or do not fit them, an unknown loss, or another λ.
    """

    sizes: tuple[int, ...]
    parameters: Array
    loss: Loss = "squared_error"
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        wanted = count_parameters(self.sizes)
        if self.loss not in LOSSES:
            raise ValueError(f"the loss must be one of {', '.join(LOSSES)}, got {self.loss!r}")
        if not 0 <= self.weight_decay < np.inf:
            raise ValueError(f"weight_decay must be 0 or more, got {self.weight_decay!r}")
        check_array("parameters", self.parameters)
        if not np.issubdtype(self.parameters.dtype, np.floating):
            raise ValueError(f"parameters must be floating point, got {self.parameters.dtype}")
        if self.parameters.shape[-1:] != (wanted,):
            raise ValueError(
                f"a network {arrows(self.sizes)} has {wanted:,} parameters, "
                f"got an array of shape {self.parameters.shape}"
            )

    @property
    def depth(self) -> int:
        """L, the number of the last layer."""
        return len(self.sizes) - 1

    @property
    def layers(self) -> tuple[tuple[Array, Array], ...]:
        """(W, b) of each layer from the first, as views: (units, inputs) and (units, 1)."""
        views = []
        start = 0
        stack = self.parameters.shape[:-1]
        for inputs, units in pairwise(self.sizes):
            middle, end = start + units * inputs, start + units * inputs + units
            W = self.parameters[..., start:middle].reshape(*stack, units, inputs)
            b = self.parameters[..., middle:end].reshape(*stack, units, 1)
            views.append((W, b))
            start = end
        return tuple(views)

    def __repr__(self) -> str:
        *stack, n = self.parameters.shape
        name = f"{prod(stack):,} networks" if stack else "Network"
        loss = self.loss.replace("_", " ")
        dtype = self.parameters.dtype
        decay = f", weight decay {self.weight_decay:g}" if self.weight_decay else ""
        return f"{name} {arrows(self.sizes)}, {loss}{decay}, {n:,} parameters, {dtype}"


def arrows(sizes: Sequence[int]) -> str:
    """Layer sizes as people write them: 784 → 10 → 10."""
    return " → ".join(map(str, sizes))


def count_parameters(sizes: Sequence[int]) -> int:
    """How many weights and biases layers of these sizes have; ValueError unless they are sizes."""
    if len(sizes) < 2 or any(int(size) != size or size < 1 for size in sizes):
        raise ValueError(
            f"sizes must be two or more positive whole numbers, inputs first, got {tuple(sizes)}"
        )
    return sum(units * inputs + units for inputs, units in pairwise(sizes))


def initialise(
    sizes: Sequence[int],
    *,
    loss: Loss = "squared_error",
    weight_decay: float = 0.0,
    rng: "np.random.Generator",  # in quotes: the name itself would import numpy.random
    dtype: DTypeLike = np.float32,
) -> Network:
    """A network to start from: weights drawn from N(0, 2/inputs), biases zero.

    `sizes` are the inputs, then the units of each layer. The draws are made in float64 in the
    order W1, W2, …, then rounded to `dtype`. Raises ValueError for sizes that are not positive,
    or an rng that is no numpy.random.Generator.
    Source: He et al. 2015, "Delving deep into rectifiers", equation 10.
    """
    parameters = np.zeros(count_parameters(sizes))
    check_rng(rng)
    network = Network(tuple(map(int, sizes)), parameters, loss, weight_decay)
    for W, _ in network.layers:
        W[:] = rng.standard_normal(W.shape) * np.sqrt(2 / W.shape[1])
    return replace(network, parameters=parameters.astype(dtype))


# ------------------------------------------------------------------------------ the forward pass


class Trace(NamedTuple):
    """Every number of a forward pass: Z[1] … Z[L] and A[0] … A[L], each (units, m); A[0] is X."""

    Z: Layers
    A: Layers


def relu(Z: Array) -> Array:
    """max(0, Z), element by element."""
    return np.maximum(Z, 0)


def softmax(Z: Array) -> Array:
    """exp(Z) / Σ exp(Z) in each column, so that every column sums to 1.

    Softmax does not change when a constant is added to a column; taking its largest element
    away first keeps exp from overflowing.
    """
    e = np.exp(Z - np.max(Z, axis=-2, keepdims=True))
    return e / np.sum(e, axis=-2, keepdims=True)


def forward(network: Network, X: Array) -> Trace:
    """The trace of the columns of X, shape (inputs, m); raises ValueError for another shape."""
    check_inputs(network, X)
    W, b = by_layer(network)
    L = network.depth
    Z: Layers = {}
    A: Layers = {}
    A[0] = X
    for l in range(1, L):
        Z[l] = W[l] @ A[l - 1] + b[l]  # (units, m)
        A[l] = relu(Z[l])
    Z[L] = W[L] @ A[L - 1] + b[L]  # (10, m)
    A[L] = softmax(Z[L])  # probabilities: each column sums to 1
    return Trace(Z, A)


def probabilities(network: Network, X: Array) -> Array:
    """The last A for the columns of X: (10, m), each column sums to 1.

    Raises ValueError if X or the parameters hold NaN or infinity, OverflowError if they are so
    large that a Z is.
    """
    check_inputs(network, X)
    with np.errstate(over="ignore", invalid="ignore"):
        A = forward(network, X).A[network.depth]
    if not np.isfinite(A).all():
        raise not_finite(network, X)
    return A


# -------------------------------------------------------------------------------------- the loss


def loss(network: Network, X: Array, Y: Array) -> Array:
    """E over the m columns of X (inputs, m) and one-hot Y (10, m): (), or (k,) of k networks.

    squared_error:  E = 1/(2m) Σ (A[L] - Y)²        cross_entropy:  E = -1/m Σ Y log A[L]

    Weight decay λ adds λ/2 Σ ‖W[l]‖², over all weights and no biases.

    Raises ValueError for an X of another shape or a Y that is not one-hot.
    """
    check_one_hot(Y)
    return error(network, forward(network, X), Y)


def error(network: Network, trace: Trace, Y: Array, *, m: int | None = None) -> Array:
    """E of a trace against one-hot Y (10, m). A part of a larger set is told the whole m."""
    Z, A, L = trace.Z, trace.A, network.depth
    check_targets(A[L], Y)
    m = m or Y.shape[-1]
    match network.loss:
        case "squared_error":
            E = np.sum((A[L] - Y) ** 2, axis=(-2, -1)) / (2 * m)
        case "cross_entropy":
            # log A[L] straight from Z, because A[L] underflows to 0 where the loss does not.
            S = Z[L] - np.max(Z[L], axis=-2, keepdims=True)
            E = np.sum(np.log(np.sum(np.exp(S), axis=-2)) - np.sum(Y * S, axis=-2), axis=-1) / m
    if network.weight_decay:
        E = E + Y.shape[-1] / m * penalty(network)  # a part of the examples, a part of it
    return E


def penalty(network: Network) -> Array:
    """λ/2 Σ ‖W[l]‖², what weight decay adds to E: one number for each network."""
    squares = [np.sum(W**2, axis=(-2, -1)) for W, _ in network.layers]
    return network.weight_decay / 2 * np.sum(squares, axis=0)


# ----------------------------------------------------------------------------- the backward pass


class Derivatives(NamedTuple):
    """∂E/∂A, ∂E/∂Z, ∂E/∂W and ∂E/∂b of each layer, each shaped like what it differentiates by.

    dA[l] and dZ[l] are (units, m), dW[l] is (units, inputs), db[l] is (units, 1).
    """

    dA: Layers
    dZ: Layers
    dW: Layers
    db: Layers

    @property
    def flat(self) -> Array:
        """dW1, db1, dW2, db2, … as one vector in the order of the parameters."""
        stack = self.dW[1].shape[:-2]
        parts = [d[l].reshape(*stack, -1) for l in range(1, len(self.dW) + 1) for d in self[2:]]
        return np.concatenate(parts, axis=-1)


def backward(network: Network, trace: Trace, Y: Array, *, m: int | None = None) -> Derivatives:
    """Every derivative of E for a trace and one-hot Y (10, m), from the last layer to the first.

    E is a mean, so the derivatives of many examples are sums of those of its parts, if each part
    is told the whole m (default: the columns of Y). Source: docs/guide/equations.md.
    """
    Z, A, L = trace.Z, trace.A, network.depth
    check_targets(A[L], Y)
    m = m or Y.shape[-1]
    W, _ = by_layer(network)
    dA: Layers = {}
    dZ: Layers = {}
    dW: Layers = {}
    db: Layers = {}
    match network.loss:
        case "squared_error":
            dA[L] = (A[L] - Y) / m
            # subtle: every probability depends on every Z of its column, so the whole softmax
            # Jacobian enters. A - Y alone would be the gradient of cross-entropy.
            dZ[L] = A[L] * (dA[L] - np.sum(A[L] * dA[L], axis=-2, keepdims=True))
        case "cross_entropy":
            # For showing only, and honestly infinite where the true label's probability
            # underflows to 0. In dZ[L] it has cancelled.
            with np.errstate(divide="ignore", over="ignore"):
                dA[L] = np.divide(-Y, m * A[L], out=np.zeros_like(A[L]), where=Y > 0)
            dZ[L] = (A[L] - Y) / m
    dW[L] = dZ[L] @ A[L - 1].mT
    db[L] = np.sum(dZ[L], axis=-1, keepdims=True)  # over the examples, never over the units
    for l in range(L - 1, 0, -1):
        dA[l] = W[l + 1].mT @ dZ[l + 1]
        dZ[l] = dA[l] * (Z[l] > 0)  # ReLU'(0) is taken as 0
        dW[l] = dZ[l] @ A[l - 1].mT
        db[l] = np.sum(dZ[l], axis=-1, keepdims=True)
    if decay := network.weight_decay * Y.shape[-1] / m:
        for l in range(1, L + 1):
            dW[l] = dW[l] + decay * W[l]
    return Derivatives(dA, dZ, dW, db)


def gradient(network: Network, X: Array, Y: Array, *, m: int | None = None) -> Array:
    """∂E/∂parameters for X (inputs, m) and one-hot Y (10, m), shaped like the parameters: (n,).

    A part of a larger set is told the whole m; the gradients of the parts then add up. Raises
    ValueError for an X of another shape or a Y that is not one-hot.
    """
    check_one_hot(Y)
    return backward(network, forward(network, X), Y, m=m).flat


# ------------------------------------------------------------------------------- at the entrance


def by_layer(network: Network) -> tuple[Layers, Layers]:
    """W and b under the layer numbers of the equations, from 1 to L."""
    W, b = zip(*network.layers, strict=True)
    return dict(enumerate(W, 1)), dict(enumerate(b, 1))


def check_array(name: str, array: object) -> None:
    """Raise ValueError unless it is a plain NumPy array.

    subtle: some other kinds would compute something else, without an error: the * of np.matrix is
    a product of matrices, and a masked array leaves numbers out.
    """
    if type(array) not in (np.ndarray, np.memmap):
        raise ValueError(
            f"{name} must be a NumPy array, got {type(array).__name__}; numpy.array makes one"
        )


def check_rng(rng: object) -> None:
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng must be a numpy.random.Generator, got {type(rng).__name__}; "
            f"numpy.random.default_rng(seed) makes one"
        )


def check_inputs(network: Network, X: Array) -> None:
    check_array("X", X)
    inputs = network.sizes[0]
    if X.ndim < 2 or X.shape[-2] != inputs:
        hint = "pass X.T" if X.shape[-1:] == (inputs,) and X.ndim > 1 else "examples are columns"
        hint = "pass X[:, None]" if X.shape == (inputs,) else hint
        raise ValueError(f"X must have shape ({inputs}, m), got {X.shape}; {hint}")
    if not np.issubdtype(X.dtype, np.floating):
        raise ValueError(f"X must be floating point in [0, 1], got {X.dtype}; divide pixels by 255")


def check_targets(A: Array, Y: Array) -> None:
    check_array("Y", Y)
    if Y.ndim < 2 or Y.shape[-2:] != A.shape[-2:]:
        raise ValueError(f"Y must be one-hot of shape {A.shape[-2:]}, got {Y.shape}")


def check_one_hot(Y: Array) -> None:
    check_array("Y", Y)
    if Y.ndim > 1 and not (((Y == 0) | (Y == 1)).all() and (Y.sum(axis=-2) == 1).all()):
        raise ValueError("Y must be one-hot: each column holds one 1, and 0 elsewhere")


def not_finite(network: Network, X: Array) -> ValueError | OverflowError:
    """What to say of a pass that has become NaN or infinity: whose numbers are the first."""
    for name, array in (("X", X), ("the parameters", network.parameters)):
        if not np.isfinite(array).all():
            return ValueError(f"{name} must be finite, got NaN or infinity")
    with np.errstate(over="ignore", invalid="ignore"):
        Z = forward(network, X).Z
    first = next((l for l in Z if not np.isfinite(Z[l]).all()), network.depth)
    dtype = Z[first].dtype
    return OverflowError(
        f"Z{first} overflows: its numbers are larger than {np.finfo(dtype).max:.2g}, the largest "
        f"of {dtype}; start from smaller weights"
    )
