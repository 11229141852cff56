"""ONNX, the format that most tools read: a network of ours written, and a network of theirs read.

What is read is a chain of Gemm, or MatMul and Add, with Relu between them and Softmax or LogSoftmax
at the end, which may be missing. Anything else is named and refused. Needs the extra `onnx`.
"""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.bridges.layers import BYTES, Found, Layer, Range
from chainrule.files import ModelError, open_regular, printable
from chainrule.model import LARGEST
from chainrule.network import LOSSES, Loss, Network

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

MOST_BYTES = 8 * LARGEST + 10_000_000  # of a file: the largest network in float64, and the rest
MOST_NODES = 5_000
IR, OPSET = 7, 13  # as old as can be, so that old programs read it; 13 made softmax what it is here
ENDS = ("Softmax", "LogSoftmax")
AS_IT_IS = ("Identity", "Cast", "Dropout")  # they change no number, except for rounding
LAYOUT = ("Flatten", "Reshape")  # they change no number, and not the order of an example's numbers
# After softmax: which is the largest, under which name. Nothing is computed.
ANSWERS = ("ArgMax", "ArrayFeatureExtractor", "Cast", "Identity", "Reshape", "ZipMap")


# ---------------------------------------------------------------------------------------- written


def onnx_file(network: Network, pixels: Range = "0-1") -> bytes:
    """An ONNX file: `images` (m, inputs) in, `probabilities` (m, outputs) out, a row an example.

    Between them stand Z1, A1, …, as in the equations. With pixels "0-255" it takes bytes and
    divides them by 255. The same network gives the same bytes. Raises ModuleNotFoundError without
    the package onnx.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    dtype = network.parameters.dtype
    real = helper.np_dtype_to_tensor_dtype(dtype)
    arrays, nodes = {}, []
    before = "images"
    if pixels == BYTES:
        arrays["most"] = np.array(255, dtype)
        nodes.append(helper.make_node("Cast", [before], ["ink"], to=real))
        nodes.append(helper.make_node("Div", ["ink", "most"], ["A0"]))
        before = "A0"
    for l, (W, b) in enumerate(network.layers, 1):
        arrays |= {f"W{l}": W, f"b{l}": b.ravel()}
        nodes.append(helper.make_node("Gemm", [before, f"W{l}", f"b{l}"], [f"Z{l}"], transB=1))
        if l < network.depth:
            nodes.append(helper.make_node("Relu", [f"Z{l}"], [f"A{l}"]))
        before = f"A{l}"
    nodes.append(helper.make_node("Softmax", [f"Z{network.depth}"], ["probabilities"], axis=-1))
    taken = TensorProto.UINT8 if pixels == BYTES else real
    graph = helper.make_graph(
        nodes,
        "chainrule",
        [helper.make_tensor_value_info("images", taken, ["m", network.sizes[0]])],
        [helper.make_tensor_value_info("probabilities", real, ["m", network.sizes[-1]])],
        [
            numpy_helper.from_array(np.ascontiguousarray(each), name)
            for name, each in arrays.items()
        ],
    )
    model = helper.make_model(
        graph,
        producer_name="chainrule",
        ir_version=IR,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    decay = float(network.weight_decay)
    for key, value in (("loss", network.loss), ("weight_decay", repr(decay)), ("pixels", pixels)):
        model.metadata_props.add(key=f"chainrule.{key}", value=value)
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


# ------------------------------------------------------------------------------------------- read


def read_onnx(path: Path) -> Found:
    """The layers in an ONNX file; ModelError for whatever is not such a chain.

    A file may have 810 MB. Raises OSError if it cannot be read, ModuleNotFoundError without the
    package onnx.
    """
    model = parsed(path)
    chain = Chain(model)
    steps = chain.steps()
    layers, said = chain.layers(steps)
    notes = []
    if said[-1] not in ENDS:
        notes.append("it ends without softmax: its outputs are taken for what goes into softmax")
    if said[-1] == "LogSoftmax":
        notes.append("it ends in LogSoftmax: here the network ends in softmax, the probabilities")
    if left := chain.left_out():
        notes.append(f"what comes after softmax is left out: {', '.join(left)}")
    own = {each.key: each.value for each in model.metadata_props}
    maker = f" of {model.producer_name:.40}" if model.producer_name else ""
    loss: Loss | None = next((each for each in LOSSES if each == own.get("chainrule.loss")), None)
    try:
        decay = float(own.get("chainrule.weight_decay", "0")) if loss else 0.0
    except ValueError:
        decay = -1.0
    if not 0 <= decay < np.inf:
        raise ModelError("its chainrule.weight_decay must be a number from 0")
    return Found(
        layers, printable(ValueError(f"ONNX{maker}: {', '.join(said)}")), tuple(notes), loss, decay
    )


def parsed(path: Path) -> ModelProto:
    """What is in the file, checked as ONNX's own checker does it; it holds all its numbers."""
    from google.protobuf.message import DecodeError
    from onnx import ModelProto, TensorProto, checker

    with open_regular(path, follow=True) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_BYTES:
            raise ModelError(f"an ONNX file may have {MOST_BYTES:,} bytes, it has {size:,}")
        content = file.read(MOST_BYTES)
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError:
        raise ModelError("not a whole ONNX file") from None
    check_names(model)
    tensors = [
        *model.graph.initializer,
        *(each.t for n in model.graph.node for each in n.attribute),
    ]
    if outside := [t.name for t in tensors if t.data_location == TensorProto.EXTERNAL]:
        raise ModelError(
            f"numbers of it are in another file ({outside[0]!r:.40}); save it again with all in "
            f"one file"
        )
    if len(model.graph.node) > MOST_NODES:
        raise ModelError(f"it may have {MOST_NODES:,} nodes, it has {len(model.graph.node):,}")
    custom = [n for n in model.graph.node if n.domain not in ("", "ai.onnx", "ai.onnx.ml")]
    if custom:
        raise ModelError(
            f"it has a custom operator, {custom[0].domain:.40}.{custom[0].op_type:.40}"
        )
    try:
        checker.check_model(model)
    except checker.ValidationError as error:
        first = next(iter(str(error).splitlines()), "")
        raise ModelError(f"ONNX's checker refuses it: {first:.200}") from None
    return model


def check_names(message: Message) -> None:
    """ModelError for a name that is no text: ONNX's format is not strict there."""
    from google.protobuf.message import Message

    for field, value in message.ListFields():
        if field.type not in (field.TYPE_STRING, field.TYPE_MESSAGE):
            continue
        for each in [value] if isinstance(value, str | bytes | Message) else value:
            if isinstance(each, bytes):
                raise ModelError("damaged: a name in it is no text")
            if isinstance(each, Message):
                check_names(each)


class Step:
    """One node of the chain: what it is, and its constants by their place among its inputs."""

    def __init__(self, node: NodeProto, constants: dict[int, NDArray[Any] | None]) -> None:
        from onnx import helper

        self.op: str = node.op_type
        self.inputs = len(node.input)
        self.name: str = node.name or node.output[0]
        self.constants = {place: each for place, each in constants.items() if each is not None}
        self.attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}

    def refuse(self, why: str) -> ModelError:
        return ModelError(f"{self.op} ({self.name:.60}): {why}")


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
            step = Step(node, constants)
            if node.op_type not in (*ENDS, *AS_IT_IS, *LAYOUT, "Relu", "Gemm", "MatMul", "Add"):
                raise step.refuse(
                    "of a network only chains of Gemm, MatMul, Add, Relu and Softmax are read"
                )
            if len(data) != 1 or (data != [0] and node.op_type != "Add"):
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
                tensor = Step(node, {}).attributes.get("value")
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

    def layers(self, steps: list[Step]) -> tuple[list[Layer], list[str]]:
        """W and b of each layer, and what the chain is made of."""
        layers: list[Layer] = []
        said: list[str] = []
        for step in steps:
            before = next((op for op in reversed(said) if op not in LAYOUT), "")
            if step.op in AS_IT_IS:
                check_cast(step)
                continue
            if step.op in LAYOUT and (layers or step.attributes.get("axis", 1) != 1):
                raise step.refuse("it may only stand before the first layer, and flatten examples")
            if step.op in ("Gemm", "MatMul"):
                if before not in ("", "Relu"):
                    raise step.refuse(f"wanted Relu between two layers, found {before} before it")
                layers.append(gemm(step) if step.op == "Gemm" else matmul(step))
            elif step.op == "Add":
                if before != "MatMul":
                    raise step.refuse(f"wanted it right after a MatMul, found {before or 'none'}")
                W, _ = layers[-1]
                layers[-1] = (W, bias(step, 0 if 0 in step.constants else 1, W))
            elif step.op in ("Relu", *ENDS):
                if before not in ("Gemm", "MatMul", "Add"):
                    raise step.refuse(f"wanted a layer before it, found {before or 'none'}")
                self.check_axis(step)
            said.append(step.op)
        if not layers or said[-1] == "Relu":
            raise ModelError("it must end in a layer or in softmax")
        self.check_input(said, layers[0][0].shape[1])
        return layers, said

    def check_axis(self, step: Step) -> None:
        """ModelError for a softmax that is not over the outputs of one example."""
        usual = -1 if self.opset >= 13 else 1
        if step.op in ENDS and step.attributes.get("axis", usual) not in (-1, 1):
            raise step.refuse("it must be over the last axis")

    def check_input(self, said: list[str], inputs: int) -> None:
        """ModelError unless an example is `inputs` numbers, whatever its shape."""
        shape = self.input.type.tensor_type.shape
        sizes = [each.dim_value for each in shape.dim[1:]]
        flat = said[0] not in LAYOUT
        fits = prod(sizes) == inputs or (flat and sizes == [0])  # 0 is a size that is not said
        if not fits or (flat and len(sizes) != 1):
            came = " × ".join(str(each.dim_value or each.dim_param or "?") for each in shape.dim)
            raise ModelError(
                f"its input must be m × {inputs:,} numbers, or be flattened to that, "
                f"got {came or 'no shape'!s:.60}"
            )

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
