"""ONNX, the format that most tools read: a network of ours written, and a network of theirs read.

What is read is a chain of Gemm, or MatMul and Add, with Relu between them and Softmax or LogSoftmax
at the end, which may be missing; before the first layer pixels may be scaled. Anything else is
named and refused. Needs the extra `onnx`.
"""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chainrule.bridges.layers import BYTES, Found, Range
from chainrule.bridges.onnx_chain import ENDS, Chain
from chainrule.bridges.onnx_input import LINES, WHOLE
from chainrule.bridges.onnx_nodes import LAYERS
from chainrule.files import ModelError, open_regular, printable
from chainrule.model import LARGEST
from chainrule.network import LOSSES, Loss, Network

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from onnx import ModelProto

MOST_BYTES = 8 * LARGEST + 10_000_000  # of a file: the largest network in float64, and the rest
MOST_NODES = 5_000
IR, OPSET = 7, 13  # as old as can be, so that old programs read it; 13 made softmax what it is here


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
    layers, said, lines, kind = chain.read()
    notes = []
    if scaled := [op for op in takewhile(lambda op: op not in LAYERS, said) if op in LINES]:
        notes.append(f"it scales its pixels itself ({', '.join(scaled)}): that is folded, too")
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
    found = printable(ValueError(f"ONNX{maker}: {', '.join(said)}"))
    return Found(layers, found, tuple(notes), loss, decay, lines, whole=kind in WHOLE)


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
