"""The wrong gradients that many copies of this network use; they must fail the check."""

from collections.abc import Callable
from dataclasses import replace

from chainrule.network import Array, Derivatives, Loss, Network, Trace, backward


def cross_entropy_form(network: Network, trace: Trace, Y: Array) -> Derivatives:
    """dZ = (A - Y)/m, which belongs to cross-entropy alone."""
    return backward(replace(network, loss="cross_entropy"), trace, Y)


def squared_error_form(network: Network, trace: Trace, Y: Array) -> Derivatives:
    """dZ = A ⊙ (dA - Σ A dA) with dA = (A - Y)/m, which belongs to squared error alone."""
    return backward(replace(network, loss="squared_error"), trace, Y)


def sigmoid_form(network: Network, trace: Trace, Y: Array) -> Derivatives:
    """dZ = s(1 - s) ⊙ dA with s = A: the diagonal of the softmax Jacobian, as if it were all."""
    A, m = trace.A[network.depth], Y.shape[-1]
    match network.loss:
        case "squared_error":
            dZ = A * (1 - A) * (A - Y) / m
        case "cross_entropy":
            dZ = -(1 - A) * Y / m  # dA = -Y/(mA), in which A has cancelled
    # subtle: cross-entropy starts from (A - Y)/m, so Y = A - m dZ makes it start from any dZ.
    return backward(replace(network, loss="cross_entropy"), trace, A - m * dZ)


IMPOSTORS: dict[Loss, dict[str, Callable[[Network, Trace, Array], Derivatives]]] = {
    "squared_error": {"A - Y": cross_entropy_form, "s(1 - s)": sigmoid_form},
    "cross_entropy": {"s(1 - s)": sigmoid_form, "A ⊙ (dA - Σ A dA)": squared_error_form},
}
