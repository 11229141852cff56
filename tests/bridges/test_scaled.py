"""Networks that scale their own pixels: real files of other tools, and ONNX Runtime's answer."""

import json
import re

import numpy as np
import onnxruntime
import pytest
from helpers import ROOT
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from chainrule import ModelError, evaluate, load_bundled, probabilities
from chainrule.bridges.exporting import exported
from chainrule.bridges.opening import open_network
from chainrule.model import model_file

OTHERS = ROOT / "tests/models"
READ = json.loads((OTHERS / "scaled.json").read_text(encoding="utf-8"))
SCALED = {
    "torch-scaled": "Div, Sub, Div",
    "torch-bytes": "Div, Sub, Div",
    "keras-torch-scaled": "Mul, Add, Sub, Div",
    "keras-tensorflow-scaled": "Mul, Add",
    "sklearn-standard": "Scaler",
    "sklearn-minmax": "Mul, Add",
    "sklearn-double": "Sub, Div",
}


@pytest.mark.parametrize("name", SCALED)
def test_a_file_that_scales_its_pixels_reads_what_its_tool_reads(mnist, name):
    opened = open_network(OTHERS / f"{name}.onnx", pixels="0-255")
    network, test = opened.network, mnist[1]
    assert f"it scales its pixels itself ({SCALED[name]}): that is folded, too" in opened.notes
    # The tools computed in float32 on pixels of up to 255.
    assert probabilities(network, test[:20].X) == pytest.approx(np.array(READ[name]).T, abs=5e-6)
    assert 0 < opened.cost < 1e-6
    assert evaluate(network, test).accuracy > 0.7
    if name != "torch-bytes":
        wrong = open_network(OTHERS / f"{name}.onnx", pixels="0-1").network
        assert np.abs(probabilities(wrong, test[:20].X).T - READ[name]).max() > 0.1


@pytest.mark.parametrize("name", ["small", "large"])
def test_our_own_export_for_bytes_comes_back_to_the_same_bytes(tmp_path, name):
    network = load_bundled(name)
    path = tmp_path / "own.onnx"
    path.write_bytes(exported(network, "onnx", "0-255"))
    opened = open_network(path, pixels="0-255")
    assert model_file(opened.network) == model_file(network)
    assert opened.cost == 0
    for pixels in ("0-1", "0.1307,0.3081"):
        with pytest.raises(ModelError, match=r"takes whole numbers, .* can only be 0-255"):
            open_network(path, pixels=pixels)


# --------------------------------------------------------------------------- ONNX made by hand

SIDES = (2, 3)  # of an example: six numbers
RNG = np.random.default_rng(3)
W, V = RNG.standard_normal((4, 6)), RNG.standard_normal((3, 4))


def made(nodes, arrays, shape=("m", *SIDES), kind=TensorProto.FLOAT, last="x"):
    """An ONNX file of these nodes, then a layer, Relu, a layer and Softmax."""
    layers = [
        ("Gemm", [last, "W"], ["Z1"], {"transB": 1}),
        ("Relu", ["Z1"], ["A1"], {}),
        ("Gemm", ["A1", "V"], ["Z2"], {"transB": 1}),
        ("Softmax", ["Z2"], ["A2"], {}),
    ]
    arrays = arrays | {"W": W.astype(np.float32), "V": V.astype(np.float32)}
    graph = helper.make_graph(
        [
            helper.make_node(
                op, takes, gives, domain="ai.onnx.ml" if op == "Scaler" else "", **attributes
            )
            for op, takes, gives, attributes in (*nodes, *layers)
        ],
        "made",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("A2", TensorProto.FLOAT, ("m", 3))],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, ir_version=8, opset_imports=opsets).SerializeToString()


STEPS = st.sampled_from(["Add", "Sub", "Mul", "Div", "turn", "flat", "fold", "same", "Scaler"])


@given(st.lists(STEPS, max_size=6), st.randoms(use_true_random=False))
def test_any_chain_of_lines_is_what_onnx_runtime_makes_of_it(tmp_path_factory, steps, random):
    """Numbers, numbers for each pixel, on either side; axes exchanged, folded and flattened."""
    nodes, arrays, now, shape = [], {}, "x", SIDES
    for place, step in enumerate([*steps, "flat"]):
        takes, name, attributes = [now], f"n{place}", {}
        size = random.choice([(), (1,), (1, *shape), shape, shape[-1:]])
        numbers = np.array([random.uniform(0.5, 2) for _ in range(int(np.prod(size)))])
        numbers = numbers.reshape(size).astype(np.float32)
        match step:
            case "Add" | "Sub" | "Mul" | "Div":
                arrays[f"c{place}"] = numbers
                takes = [now, f"c{place}"]
                if step != "Div" and random.random() < 0.5:
                    takes.reverse()
            case "turn":
                axes = list(range(1, len(shape) + 1))
                random.shuffle(axes)
                attributes = {"perm": [0, *axes]}
                shape = tuple(shape[axis - 1] for axis in axes)
                step = "Transpose"
            case "flat":
                shape, step = (6,), "Flatten"
            case "fold":
                shape = random.choice([(3, 2), (2, 3), (1, 6), (6,), (2, 1, 3)])
                target = [-1, *shape] if random.random() < 0.5 else [0, *shape[:-1], -1]
                arrays[f"c{place}"] = np.array(target, np.int64)
                takes, step = [now, f"c{place}"], "Reshape"
            case "same":
                step = "Identity"
            case "Scaler":
                if len(shape) != 1:
                    continue
                attributes = {"offset": [0.25] * 6, "scale": np.linspace(0.5, 2, 6).tolist()}
        nodes.append((step, takes, [name], attributes))
        now = name
    content = made(nodes, arrays, last=now)
    path = tmp_path_factory.getbasetemp() / "lines.onnx"
    path.write_bytes(content)
    network = open_network(path, pixels="0.5,0.25").network
    x = np.random.default_rng(0).random((5, *SIDES)).astype(np.float32)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (A,) = session.run(None, {"x": (x - np.float32(0.5)) / np.float32(0.25)})
    # In float32 up to six steps, whose numbers grow to some hundred, and then cancel.
    assert probabilities(network, x.reshape(5, 6).T) == pytest.approx(A.T, abs=2e-3)


EACH = np.arange(1, 7, dtype=np.float32)
FLAT = ("Flatten", ["x"], ["f"], {})
REFUSED = {
    "a number divided by pixels": ([("Div", ["c", "x"], ["s"], {})], {}, "Div .*not it by them"),
    "by zero": ([("Div", ["x", "zero"], ["s"], {})], {}, "Div .*not finite"),
    "for other pixels": (
        [("Mul", ["x", "five"], ["s"], {})],
        {},
        r"Mul .*one for each of 6 pixels, got an array of shape \(5,\)",
    ),
    "that makes more of them": (
        [FLAT, ("Mul", ["f", "more"], ["s"], {})],
        {"flat": False},
        r"Mul .*got an array of shape \(6, 6\)",
    ),
    "of several axes, which makes more": (
        [FLAT, ("Mul", ["f", "deep"], ["s"], {})],
        {"flat": False},
        r"Mul .*got an array of shape \(1, 1, 1\)",
    ),
    "before a cast": (
        [("Div", ["x", "eight"], ["b"], {}), ("Cast", ["b"], ["s"], {"to": 1})],
        {"kind": TensorProto.UINT8, "pixels": "0-255"},
        "Div .*computes with whole numbers .UINT8.; cast them before",
    ),
    "cut to whole numbers": (
        [("Cast", ["x"], ["s"], {"to": 2})],
        {},
        "Cast .*float32 or float64 alone",
    ),
    "of half precision": (
        [("Cast", ["x"], ["s"], {"to": 1})],
        {"kind": TensorProto.FLOAT16},
        "float32, float64 or whole numbers, got FLOAT16",
    ),
    "another function": ([("Sqrt", ["x"], ["s"], {})], {}, "Sqrt .*what scales pixels"),
    "clipped": ([("Clip", ["x", "c", "c"], ["s"], {})], {}, "Clip .*what scales pixels"),
    "relu first": ([("Relu", ["x"], ["s"], {})], {}, "Relu .*wanted a layer before it, found none"),
    "squared": ([("Mul", ["x", "x"], ["s"], {})], {}, "Mul .*one input that is no constant"),
    "examples among each other": (
        [("Transpose", ["x"], ["s"], {"perm": [1, 0, 2]})],
        {},
        "Transpose .*exchange the axes of each example",
    ),
    "axes that are not there": (
        [("Transpose", ["x"], ["s"], {"perm": [0, 7, 9]})],
        {},
        "Transpose .*exchange the axes of each example",
    ),
    "of a hundred axes": (
        [("Flatten", ["x"], ["s"], {})],
        {"shape": ("m", 6, *[1] * 100)},
        "must be m × 6 numbers",
    ),
    "by a whole number": (
        [("Mul", ["x", "eight"], ["s"], {})],
        {},
        "Mul .*must be float32 or float64, got uint8",
    ),
    "flattened too much": (
        [("Flatten", ["x"], ["s"], {"axis": 0})],
        {"flat": False},
        "Flatten .*may only flatten examples",
    ),
    "never flattened": ([("Mul", ["x", "c"], ["s"], {})], {"flat": False}, "must be m × 6 numbers"),
    "in the middle": (
        [FLAT, ("Gemm", ["f", "six"], ["p"], {}), ("Mul", ["p", "c"], ["s"], {})],
        {"flat": False},
        "Mul .*only stand before the first layer",
    ),
    "by a shape that is computed": (
        [
            ("Shape", ["x"], ["k"], {}),
            ("Reshape", ["x", "k"], ["r"], {}),
            ("Mul", ["r", "each"], ["s"], {}),
        ],
        {},
        r"Mul .*got an array of shape \(6,\)",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_any_other_scaling_is_named_and_refused(tmp_path, what):
    nodes, options, says = REFUSED[what]
    arrays = {
        "c": np.array(2, np.float32),
        "zero": np.array(0, np.float32),
        "eight": np.array(8, np.uint8),
        "five": EACH[:5].copy(),
        "each": EACH,
        "more": np.ones((6, 6), np.float32),
        "deep": np.ones((1, 1, 1), np.float32),
        "six": np.eye(6, dtype=np.float32),
    }
    options = dict(options)
    pixels, last = options.pop("pixels", "0-1"), "s"
    if options.pop("flat", True):
        nodes, last = [*nodes, ("Flatten", ["s"], ["end"], {})], "end"
    path = tmp_path / "their.onnx"
    path.write_bytes(made(nodes, arrays, last=last, **options))
    with pytest.raises(ModelError) as refused:
        open_network(path, pixels=pixels)
    assert re.search(says, str(refused.value)), refused.value
    assert str(refused.value).startswith(f"{path}: ")


def test_numbers_in_the_node_of_a_constant_count(tmp_path):
    """As onnxscript writes them."""
    nodes = [
        ("Constant", [], ["c"], {"value_float": 0.5}),
        ("Constant", [], ["each"], {"value_floats": EACH.tolist()}),
        FLAT,
        ("Mul", ["f", "c"], ["half"], {}),
        ("Sub", ["half", "each"], ["s"], {}),
    ]
    content = made(nodes, {}, last="s")
    (tmp_path / "a.onnx").write_bytes(content)
    network = open_network(tmp_path / "a.onnx", pixels="0-1").network
    x = np.random.default_rng(0).random((9, *SIDES)).astype(np.float32)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (A,) = session.run(None, {"x": x})
    assert probabilities(network, x.reshape(9, 6).T) == pytest.approx(A.T, abs=1e-5)


def test_scaling_that_keras_computes_a_shape_for_is_for_each_pixel():
    """The Reshape of keras-torch-scaled.onnx has a shape that five nodes compute."""
    import onnx

    graph = onnx.load(OTHERS / "keras-torch-scaled.onnx").graph
    (reshape,) = [node for node in graph.node if node.op_type == "Reshape"]
    assert reshape.input[1] in {node.output[0] for node in graph.node if node.op_type == "Concat"}


def test_a_shape_that_stands_in_the_node_is_none_that_is_known(tmp_path):
    """As Reshape had it before ONNX 1.2; each of six numbers after it is then not for a pixel."""
    graph = helper.make_graph(
        [
            helper.make_node("Reshape", ["x"], ["r"], shape=[-1, 6]),
            helper.make_node("Mul", ["r", "c"], ["s"]),
            helper.make_node("MatMul", ["s", "W"], ["Z"]),
            helper.make_node("Softmax", ["Z"], ["A"]),
        ],
        "old",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("m", *SIDES))],
        [helper.make_tensor_value_info("A", TensorProto.FLOAT, ("m", 4))],
        [numpy_helper.from_array(W.T.astype(np.float32), "W"), numpy_helper.from_array(EACH, "c")],
    )
    model = helper.make_model(graph, ir_version=3, opset_imports=[helper.make_opsetid("", 1)])
    for initializer in model.graph.initializer:  # of this age each is an input, too
        value = helper.make_tensor_value_info(
            initializer.name, TensorProto.FLOAT, list(initializer.dims)
        )
        model.graph.input.append(value)
    (tmp_path / "old.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"Mul .*got an array of shape \(6,\)"):
        open_network(tmp_path / "old.onnx", pixels="0-1")
