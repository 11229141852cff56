"""How far rounding may take each number of a gradient in float32, or E in float64, from the truth.

Each operation on floating-point numbers rounds its result by at most a share: U in float32. These
roundings behave like chance: they are as often up as down, and one does not know of the other. So n
of them, and the errors of the numbers that an operation is given, add like the sides of a right
angle: √(a² + b²). The pass below follows the equations of network.py and adds up the errors of each
number; four times that is the bound. It assumes no order of any sum, so it holds for every engine.

A ReLU whose Z is closer to 0 than Z's own error may be on the other side: then all of dA may be
wrong there. Nothing is assumed of the network: where a sum cancels, its error stays, and the bound
says so.

Source: Higham and Mary 2019, "A new approach to probabilistic rounding error analysis".
"""

import numpy as np

from chainrule.network import (
    Array,
    Layers,
    Network,
    Trace,
    backward,
    by_layer,
    error,
    forward,
    penalty,
)

U = 2.0**-24  # the largest share of a float32 that rounding to nearest changes
U64 = 2.0**-53  # that of a float64
TIMES = 4.0  # so many times what is expected
SMALLEST = 2.0**-126  # below this float32 has fewer digits, and then none


def rounding_bound(network: Network, X: Array, Y: Array) -> Array:
    """How far off each number of a float32 gradient of E may be: (n,), like the parameters.

    The network, X (inputs, m) and one-hot Y (classes, m) are float64 arrays of float32 numbers.
    """
    trace = forward(network, X)
    Z, A = trace
    dA, dZ, dW, _ = backward(network, trace, Y)
    W, _ = by_layer(network)
    L, m = network.depth, X.shape[-1]

    off_Z, off_A = forward_errors(network, trace, U)
    P = A[L]

    # what is off in dZ and dW, from the last layer on
    off_dA = root(off_A[L], U * np.abs(P - Y)) / m
    if network.loss == "squared_error":
        whole = np.sum(P * dA[L], axis=0)
        off_whole = product(P.T[:, None], dA[L].T[:, :, None], off_A[L].T[:, None],
                            off_dA.T[:, :, None])[:, 0, 0]  # fmt: skip
        inner = root(off_dA, off_whole, U * np.abs(dA[L] - whole))
        off_dZ = root(off_A[L] * np.abs(dA[L] - whole), P * inner, U * np.abs(dZ[L]))
    else:
        off_dZ = off_dA
    parts: list[Array] = []
    for l in range(L, 0, -1):
        decay = U * np.abs(network.weight_decay * W[l])
        off_dW = product(dZ[l], A[l - 1].T, off_dZ, off_A[l - 1].T, decay, U * np.abs(dW[l]))
        off_db = product(dZ[l], np.ones((m, 1)), off_dZ, np.zeros((m, 1)))
        parts[:0] = [off_dW.ravel(), off_db.ravel()]
        if l > 1:
            off_dA = product(W[l].T, dZ[l], 0 * W[l].T, off_dZ)
            unsure = np.abs(Z[l - 1]) <= TIMES * off_Z[l - 1]
            off_dZ = off_dA * (unsure | (Z[l - 1] > 0)) + unsure * np.abs(dA[l - 1]) / TIMES
    return TIMES * np.concatenate(parts) + SMALLEST


def loss_rounding(network: Network, X: Array, Y: Array) -> float:
    """How far off E of X (inputs, m) and one-hot Y (classes, m) may be, computed in float64."""
    trace = forward(network, X)
    off_Z, off_A = forward_errors(network, trace, U64)
    L, m = network.depth, X.shape[-1]
    Z, P = trace.Z[L], trace.A[L]
    E, decay = float(error(network, trace, Y)), float(penalty(network))
    if network.loss == "squared_error":
        d = np.abs(P - Y)
        off = root(off_A[L], U64 * d)
        each = (d + off) * off
    else:
        # From log Σ exp S, whose sum is 1 or more and is rounded like any other; then from each S.
        own = np.full((1, m), U64 * np.sqrt(len(P) + 9))
        each = np.vstack([np.abs(P - Y) * root(off_Z[L], U64 * (Z.max(axis=0) - Z)), own])
    of_sums = U64 * (np.sqrt(P.size) * E + np.sqrt(network.parameters.size) * decay)
    return TIMES * float(root(np.linalg.norm(each) / m, of_sums))


def forward_errors(network: Network, trace: Trace, u: float) -> tuple[Layers, Layers]:
    """What is off in each Z and A, from the inputs on, which are exact."""
    W, b = by_layer(network)
    Z, A, L = trace.Z, trace.A, network.depth
    off_Z, off_A = {}, {0: np.zeros_like(A[0])}
    for l in range(1, L + 1):
        off_Z[l] = product(W[l], A[l - 1], 0 * W[l], off_A[l - 1], u * np.abs(b[l]), u=u)
        off_A[l] = off_Z[l] * (Z[l] > -off_Z[l])
    P = A[L]  # each changes by P[i] (Z[i] - Σ P Z), whatever its Z changes by
    off = root(off_Z[L], u * (Z[L].max(axis=0) - Z[L]))
    others = np.sqrt(np.maximum(np.sum((P * off) ** 2, axis=0) - (P * off) ** 2, 0))
    off_A[L] = P * root((1 - P) * off, others, u * np.sqrt(len(P) + 9)) + SMALLEST
    return off_Z, off_A


def product(F: Array, G: Array, off_F: Array, off_G: Array, *beside: Array, u: float = U) -> Array:
    """What is off in F @ G: from its factors, from its own n roundings, and beside these."""
    own = u * np.sqrt(F.shape[-1]) * (np.abs(F) @ np.abs(G))
    given = np.sqrt(off_F**2 @ G**2 + F**2 @ off_G**2)
    return root(own, given, *beside)


def root(*errors: Array | float) -> Array:
    """√(a² + b² + …)"""
    return np.sqrt(sum(np.square(error) for error in errors))
