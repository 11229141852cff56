"""What single nodes of an ONNX graph say: their numbers, layers and casts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.bridges.layers import Layer
from chainrule.files import ModelError

if TYPE_CHECKING:
    from onnx import NodeProto


AS_IT_IS = ("Identity", "Cast", "Dropout")  # they change no number, except for rounding


class Step:
    """One node of the chain: what it is, and its constants by their place among its inputs."""

    def __init__(
        self,
        node: NodeProto,
        constants: dict[int, NDArray[Any] | None],
        target: list[int] | None = None,
    ) -> None:
        from onnx import helper

        self.target = target  # of Reshape: the sizes that it asks for, where they are known
        self.op: str = node.op_type
        self.inputs = len(node.input)
        self.name: str = node.name or node.output[0]
        self.constants = {place: each for place, each in constants.items() if each is not None}
        self.attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}

    def refuse(self, why: str) -> ModelError:
        return ModelError(f"{self.op} ({self.name:.60}): {why}")


def check_cast(step: Step) -> None:
    """ModelError for a Cast to anything but float32 and float64, and for dropout that drops."""
    from onnx import TensorProto

    if step.op == "Cast" and step.attributes["to"] not in (TensorProto.FLOAT, TensorProto.DOUBLE):
        raise step.refuse("numbers may be cast to float32 or float64 alone")
    if step.op == "Dropout" and step.inputs > 2:
        raise step.refuse("it may be in training mode; export the network to be used, not trained")


def gemm(step: Step) -> Layer:
    """W and b of a Gemm, x W' + b, with W' turned round or not."""
    attributes = {"alpha": 1.0, "beta": 1.0, "transA": 0} | step.attributes
    for name, wanted in (("alpha", 1.0), ("beta", 1.0), ("transA", 0)):
        if attributes[name] != wanted:
            raise step.refuse(f"{name} must be {wanted:g}, it is {attributes[name]:g}")
    W = weights(step)
    W = W if attributes.get("transB") else W.T
    return W, bias(step, 2, W) if 2 in step.constants else np.zeros(len(W), W.dtype)


def matmul(step: Step) -> Layer:
    W = weights(step).T
    return W, np.zeros(len(W), W.dtype)


def weights(step: Step) -> NDArray[Any]:
    if 1 not in step.constants or step.constants[1].ndim != 2:
        raise step.refuse("its second input must be the weights, a matrix in the file")
    return step.constants[1]


def bias(step: Step, place: int, W: NDArray[Any]) -> NDArray[Any]:
    """One bias for each unit; a single number is that of all."""
    b = step.constants[place]
    if b.shape not in ((), (1,), (len(W),), (1, len(W))):
        raise step.refuse(f"wanted {len(W):,} biases, got an array of shape {b.shape}")
    return np.broadcast_to(b.ravel(), len(W))


LAYERS = {"Gemm": gemm, "MatMul": matmul}
