"""The one way through an ONNX graph, from its input to softmax, found from its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.bridges.layers import Layer, Scaling
from chainrule.bridges.onnx_input import AHEAD, LINES, Input
from chainrule.bridges.onnx_nodes import AS_IT_IS, LAYERS, Step, bias, check_cast
from chainrule.files import ModelError, printable

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

ENDS = ("Softmax", "LogSoftmax")
# After softmax: which is the largest, under which name. Nothing is computed.
ANSWERS = ("ArgMax", "ArrayFeatureExtractor", "Cast", "Identity", "Reshape", "ZipMap")


class Read(NamedTuple):
    """What a chain says."""

    layers: list[Layer]  # the first W is turned to the order of the input's numbers
    said: list[str]  # the operators, first to last
    scale: Scaling  # what is made of these numbers before the first layer
    kind: str  # the type of these numbers


class Chain:
    """The one way through a graph, from its input to softmax."""

    def __init__(self, model: ModelProto) -> None:
        self.graph: GraphProto = model.graph
        self.opset = max(
            (o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0
        )
        self.makers = {name: node for node in self.graph.node for name in node.output if name}
        self.tensors: dict[str, TensorProto] = {each.name: each for each in self.graph.initializer}
        self.known: set[str] = set()  # the first outputs of nodes that have been understood
        given = [each for each in self.graph.input if each.name not in self.tensors]
        if len(given) != 1:
            raise ModelError(f"it must have one input, it has {len(given)}")
        self.input = given[0]

    def steps(self) -> list[Step]:
        """The nodes of the chain, first to last. They are found from the end, where it is one."""
        ends = [node.output[0] for node in self.graph.node if node.op_type in ENDS]
        ends = ends or [each.name for each in self.graph.output]
        if len(ends) != 1:
            raise ModelError(f"it must have one softmax or one output, it has {len(ends)}")
        steps, name = [], ends[0]
        while name != self.input.name:
            node = self.makers.get(name)
            if node is None:
                raise ModelError(f"its output does not come from its input, but from {name!r:.60}")
            constants = self.constants_of(node)
            data = [place for place in range(len(node.input)) if place not in constants]
            step = Step(node, constants, self.target(node))
            if node.op_type not in (*ENDS, *AS_IT_IS, *AHEAD, "Relu", "Gemm", "MatMul"):
                raise step.refuse(
                    "of a network only chains of Gemm, MatMul, Add, Relu and Softmax are read, and "
                    "before them what scales pixels"
                )
            if len(data) != 1 or (data != [0] and node.op_type not in LINES):
                raise step.refuse("it must have one input that is no constant, the first")
            steps.append(step)
            self.known.add(node.output[0])
            name = node.input[data[0]]
        return steps[::-1]

    def constants_of(self, node: NodeProto) -> dict[int, NDArray[Any] | None]:
        """The inputs of a node that are numbers in the file, by place; a shape is none we need."""
        found: dict[int, NDArray[Any] | None] = {}
        for place, name in enumerate(node.input):
            if not name or (node.op_type in ("Reshape", "Dropout") and place):
                self.pass_over(name)
                found[place] = None
            elif (array := self.constant(name)) is not None:
                found[place] = array
        return found

    def constant(self, name: str) -> NDArray[Any] | None:
        """The array of this name, turned round if a Transpose does that; None if it is none."""
        from onnx import numpy_helper

        passed: list[NodeProto] = []
        while (tensor := self.tensors.get(name)) is None:
            node = self.makers.get(name)
            if node is None or node.op_type not in ("Constant", "Identity", "Transpose"):
                return None
            passed.append(node)
            if node.op_type == "Constant":
                said = Step(node, {}).attributes
                tensor = said.get("value")
                for kind in ("value_float", "value_floats"):
                    if kind in said:
                        tensor = numpy_helper.from_array(np.array(said[kind], np.float32))
                if tensor is None:
                    return None
                break
            name = node.input[0]
        try:
            array = numpy_helper.to_array(tensor)
            for node in reversed(passed):
                self.known.add(node.output[0])
                if node.op_type == "Transpose":
                    array = array.transpose(Step(node, {}).attributes.get("perm"))
        except (ValueError, TypeError) as error:
            raise ModelError(f"damaged: {name!a:.40} ({printable(error):.100})") from None
        return array

    def pass_over(self, name: str) -> None:
        """What computes a shape is not needed: all numbers of an example stay, in their order."""
        todo = [name]
        while todo:
            node = self.makers.get(todo.pop())
            if node is not None and node.output[0] not in self.known:
                shapes = ("Shape", "Gather", "Concat", "Constant", "Unsqueeze", "Cast", "Slice")
                if node.op_type in shapes:
                    self.known.add(node.output[0])
                    todo += [] if node.op_type == "Shape" else node.input

    def target(self, node: NodeProto) -> list[int] | None:
        """The sizes that a Reshape asks for, -1 where the graph computes one; None if not known."""
        if node.op_type != "Reshape" or len(node.input) < 2:
            return None
        if (array := self.constant(node.input[1])) is not None:
            return [int(each) for each in array.ravel()]
        maker = self.makers.get(node.input[1])
        if maker is None or maker.op_type != "Concat":
            return None
        sizes: list[int] = []
        for name in maker.input:
            array, part = self.constant(name), self.makers.get(name)
            if array is not None:
                sizes += [int(each) for each in array.ravel()]
            elif part is not None and part.op_type == "Unsqueeze":  # of one number
                sizes.append(-1)
            else:
                return None
        return sizes

    def read(self) -> Read:
        """What the chain says, each step looked at; ModelError for what is none of ours."""
        steps = self.steps()
        start = next((n for n, step in enumerate(steps) if step.op in LAYERS), None)
        if start is None:
            raise ModelError("it has no layer")
        first = LAYERS[steps[start].op](steps[start])
        given = Input(self.input, first[0].shape[1])
        for step in steps[:start]:
            given.take(step)
        said = [step.op for step in steps if step.op not in AS_IT_IS]
        layers: list[Layer] = []
        before = ""
        for step in steps[start:]:
            if step.op in AS_IT_IS:
                check_cast(step)
                continue
            if step.op in LAYERS:
                if before not in ("", "Relu"):
                    raise step.refuse(f"wanted Relu between two layers, found {before} before it")
                layers.append(LAYERS[step.op](step))
            elif step.op == "Add":
                if before != "MatMul":
                    raise step.refuse(f"wanted it right after a MatMul, found {before}")
                W, _ = layers[-1]
                layers[-1] = (W, bias(step, 0 if 0 in step.constants else 1, W))
            elif step.op in AHEAD:
                raise step.refuse("it may only stand before the first layer")
            else:  # Relu, or the end
                if before not in (*LAYERS, "Add"):
                    raise step.refuse(f"wanted a layer before it, found {before}")
                self.check_axis(step)
            before = step.op
        if before == "Relu":
            raise ModelError("it must end in a layer or in softmax")
        layers[0], scale = given.first_layer(layers[0])
        return Read(layers, said, scale, given.kind)

    def check_axis(self, step: Step) -> None:
        """ModelError for a softmax that is not over the outputs of one example."""
        usual = -1 if self.opset >= 13 else 1
        if step.op in ENDS and step.attributes.get("axis", usual) not in (-1, 1):
            raise step.refuse("it must be over the last axis")

    def left_out(self) -> list[str]:
        """The nodes after softmax, which only say the answer in another way; ModelError for more.

        A Cast or a Reshape there changes no probability.
        """
        ends = {node.output[0] for node in self.graph.node if node.op_type in ENDS}
        after, left = set(ends), []
        for node in self.graph.node:  # each stands behind those that it needs
            if node.output[0] in self.known:
                continue
            if not after & set(node.input) or node.op_type not in ANSWERS:
                raise Step(node, {}).refuse("it is no part of the chain from the input to softmax")
            after |= set(node.output)
            left.append(node.op_type)
        return left
