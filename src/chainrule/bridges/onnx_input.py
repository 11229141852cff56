"""What an ONNX graph makes of its input before the first layer.

Tools let a network scale its own pixels: (x / 255 - mean) / deviation. Each number is then a line
t·x + s of one number of the input, wherever Reshape and Transpose have put it. Lines are all that
is read here; layers.py folds them into the first layer.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.bridges.layers import Layer, Scaling
from chainrule.bridges.onnx_nodes import AS_IT_IS, Step, check_cast
from chainrule.files import DTYPES, ModelError

if TYPE_CHECKING:
    from onnx import ValueInfoProto

LAYOUT = ("Flatten", "Reshape", "Transpose")  # they move numbers, and change none
LINES = ("Add", "Sub", "Mul", "Div", "Scaler")
AHEAD = (*LAYOUT, *LINES)  # what may stand before the first layer, beside AS_IT_IS
AXES = 32  # of an example
WHOLE = ("UINT8", "INT8", "UINT16", "INT16", "UINT32", "INT32", "UINT64", "INT64")


class Input:
    """The numbers of one example on their way: each is times · x[source] + plus, x the input's."""

    def __init__(self, given: ValueInfoProto, inputs: int) -> None:
        """ModelError unless an example is `inputs` numbers, whatever its shape."""
        from onnx import TensorProto

        self.kind = TensorProto.DataType.Name(given.type.tensor_type.elem_type)
        if self.kind not in ("FLOAT", "DOUBLE", *WHOLE):
            raise ModelError(
                f"its input must be float32, float64 or whole numbers, got {self.kind}"
            )
        dims = given.type.tensor_type.shape.dim
        shape = tuple(each.dim_value for each in dims[1:])
        shape = (inputs,) if shape == (0,) else shape  # 0 is a size that is not said
        self.said = " × ".join(str(each.dim_value or each.dim_param or "?") for each in dims)
        if not shape or len(shape) > AXES or prod(shape) != inputs:
            raise ModelError(self.wanted(inputs))
        self.cast = self.kind not in WHOLE
        self.sure = True  # whether the shape of an example is known
        self.source = np.arange(inputs).reshape(shape)
        self.times, self.plus = np.ones(shape), np.zeros(shape)

    def wanted(self, inputs: int) -> str:
        return (
            f"its input must be m × {inputs:,} numbers, or be flattened to that, "
            f"got {self.said or 'no shape'!s:.60}"
        )

    def take(self, step: Step) -> None:
        """One step further; ModelError if it makes anything but a line of each number."""
        if step.op in AS_IT_IS:
            check_cast(step)
            self.cast = self.cast or step.op == "Cast"
        elif step.op in LAYOUT:
            self.move(step)
        elif step.op in LINES:
            with np.errstate(all="ignore"):
                self.scale(step)
            if not (np.isfinite(self.times).all() and np.isfinite(self.plus).all()):
                raise step.refuse("it makes pixels that are not finite")
        else:
            raise step.refuse("wanted a layer before it, found none")

    def move(self, step: Step) -> None:
        inputs, shape = self.source.size, self.source.shape
        if step.op == "Transpose":
            order = step.attributes.get("perm") or range(len(shape), -1, -1)
            if not self.sure or order[0] != 0 or sorted(order) != [*range(len(shape) + 1)]:
                raise step.refuse("it may only exchange the axes of each example")
            self.arrange(lambda each: each.transpose([axis - 1 for axis in order[1:]]))
            return
        if step.op == "Flatten":
            if step.attributes.get("axis", 1) != 1:
                raise step.refuse("it may only flatten examples")
            wanted: tuple[int, ...] | None = (inputs,)
        else:
            wanted = self.reshaped(step.target)
        self.sure = wanted is not None
        self.arrange(lambda each: each.reshape(wanted or (inputs,)))

    def arrange(self, moved: Any) -> None:  # noqa: ANN401, a function of one array
        self.source, self.times, self.plus = map(moved, (self.source, self.times, self.plus))

    def reshaped(self, target: list[int] | None) -> tuple[int, ...] | None:
        """The shape of an example after Reshape to `target`, whose first size is m; None if the

        file computes it in a way that is not followed. Numbers keep their order in any case.
        """
        inputs, shape = self.source.size, self.source.shape
        if target is None or not 2 <= len(target) <= AXES:
            return None
        sizes = list(target[1:])
        for place, size in enumerate(sizes):
            if size == 0 and place < len(shape):
                sizes[place] = shape[place]
        if sizes.count(-1) == 1 and (known := -prod(sizes)) and inputs % known == 0:
            sizes[sizes.index(-1)] = inputs // known
        return tuple(sizes) if min(sizes) > 0 and prod(sizes) == inputs else None

    def scale(self, step: Step) -> None:
        if step.op == "Scaler":  # (x - offset) · scale
            self.cast = True  # it gives float32, whatever it is given
            offset, scale = (
                self.constant(step, np.array(step.attributes.get(name, usual)))
                for name, usual in (("offset", [0.0]), ("scale", [1.0]))
            )
            self.times, self.plus = self.times * scale, (self.plus - offset) * scale
            return
        ((place, array),) = step.constants.items()
        if not self.cast:
            raise step.refuse(f"it computes with whole numbers ({self.kind}); cast them before")
        if str(array.dtype) not in DTYPES:
            raise step.refuse(f"its numbers must be float32 or float64, got {array.dtype}")
        c = self.constant(step, array)
        match step.op, place:
            case "Add", _:
                self.plus = self.plus + c
            case "Sub", 1:
                self.plus = self.plus - c
            case "Sub", _:
                self.times, self.plus = -self.times, c - self.plus
            case "Mul", _:
                self.times, self.plus = self.times * c, self.plus * c
            case "Div", 1:
                self.times, self.plus = self.times / c, self.plus / c
            case _:
                raise step.refuse("pixels may be divided by a number, not it by them")

    def constant(self, step: Step, array: NDArray[Any]) -> NDArray[np.float64]:
        """A constant for each number of an example; ModelError if it makes more of them."""
        shape = self.source.shape
        try:
            if array.size != 1 and not self.sure:
                raise ValueError
            if array.size == 1 and (array.ndim <= len(shape) + 1 or not self.sure):
                array = array.reshape(())
            return np.broadcast_to(array, (1, *shape))[0].astype(np.float64)
        except ValueError:
            raise step.refuse(
                f"wanted one number, or one for each of {self.source.size:,} pixels, "
                f"got an array of shape {array.shape}"
            ) from None

    def first_layer(self, layer: Layer) -> tuple[Layer, Scaling]:
        """The layer as it takes the numbers in the input's order, and what was made of them."""
        W, b = layer
        if self.sure and self.source.shape[-1] != W.shape[1]:
            raise ModelError(self.wanted(W.shape[1]))
        order = np.argsort(self.source.ravel())
        if not np.array_equal(order, np.arange(len(order))):
            W = W[:, order]
        return (W, b), Scaling(self.times.ravel()[order], self.plus.ravel()[order])
