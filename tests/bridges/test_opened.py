"""Networks that come in: real files of other tools, and files that are refused."""

import json
import pickle
import re
import warnings
from dataclasses import replace

import numpy as np
import onnx
import pytest
import safetensors.numpy
from helpers import ROOT, toy_problem
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor

from chainrule import ModelError, Network, evaluate, load_bundled, probabilities
from chainrule.bridges.exporting import exported
from chainrule.bridges.layers import Scaling, folded, scaling
from chainrule.bridges.opening import open_network
from chainrule.bridges.sklearn import from_sklearn
from chainrule.model import model_file

OTHERS = ROOT / "tests/models"
READ = json.loads((OTHERS / "others.json").read_text(encoding="utf-8"))
STANDARDISED = "0.1307,0.3081"
FILES = [
    ("torch.onnx", "torch", STANDARDISED, "Reshape, Gemm, Relu, Gemm"),
    ("torch-older.onnx", "torch", STANDARDISED, "Flatten, Gemm, Relu, Gemm"),
    ("torch.safetensors", "torch", STANDARDISED, "a state_dict: 1 784 → 10, 3 10 → 10"),
    (
        "keras-torch.onnx",
        "keras-torch",
        "0-255",
        "Reshape, MatMul, Add, Relu, MatMul, Add, Softmax",
    ),
    ("keras-tensorflow.onnx", "keras-tensorflow", "0-255", "Reshape, MatMul, Add, Relu, MatMul"),
    ("sklearn.onnx", "sklearn", "0-1", "MatMul, Add, Relu, MatMul, Add, Softmax"),
]


@pytest.mark.parametrize(("file", "tool", "pixels", "found"), FILES, ids=lambda each: each[:20])
def test_a_file_of_another_tool_reads_what_that_tool_reads(mnist, file, tool, pixels, found):
    opened = open_network(OTHERS / file, pixels=pixels)
    network, test = opened.network, mnist[1]
    assert (network.sizes, network.loss) == ((784, 10, 10), "cross_entropy")
    assert network.parameters.dtype == np.float32
    assert found in opened.found
    # The tool computed on its own pixels in float32, which were up to 255 times as large.
    assert probabilities(network, test[:20].X) == pytest.approx(np.array(READ[tool]).T, abs=2e-5)
    assert evaluate(network, test).accuracy > 0.5  # Keras's was hard to train on 0 to 255
    for other in {"0-1", "0-255", STANDARDISED} - {pixels}:
        wrong = open_network(OTHERS / file, pixels=other).network
        assert np.abs(probabilities(wrong, test[:20].X).T - READ[tool]).max() > 0.1


def test_what_was_taken_to_be_so_is_said():
    def notes(file):
        return " ".join(open_network(OTHERS / file, pixels="0-1").notes)

    assert "ends without softmax" in notes("torch.onnx")
    assert "ReLU is taken" in notes("torch.safetensors")
    assert "left out: Identity, ArgMax, ArrayFeatureExtractor, Reshape, Cast" in notes(
        "sklearn.onnx"
    )
    assert notes("keras-torch.onnx") == ""


@pytest.mark.parametrize("name", ["small", "large"])
def test_our_own_export_comes_back_to_the_same_bytes(tmp_path, name):
    network = replace(load_bundled(name), weight_decay=0.01)
    path = tmp_path / "own.onnx"
    path.write_bytes(exported(network, "onnx"))
    opened = open_network(path, pixels="0-1")
    assert model_file(opened.network) == model_file(network)
    assert (opened.cost, opened.notes) == (0, ())
    assert open_network(path, pixels="0-1", loss="squared_error").network.loss == "squared_error"


# ----------------------------------------------------------------------------------------- pixels


@pytest.mark.parametrize("pixels", ["0-255", STANDARDISED, "0.5,0.5"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_scaling_is_folded_and_its_cost_is_what_is_measured(tmp_path, mnist, pixels, dtype):
    network = load_bundled("small")
    network = replace(network, parameters=network.parameters.astype(dtype))
    path = tmp_path / "own.onnx"
    path.write_bytes(exported(network, "onnx"))
    opened = open_network(path, pixels=pixels)
    assert opened.network.parameters.dtype == dtype
    p = mnist[1][:1000].X.astype(np.float64)
    if pixels == "0-255":
        scaled = 255 * p
    else:
        mean, deviation = map(float, pixels.split(","))
        scaled = (p - mean) / deviation
    exact = replace(network, parameters=network.parameters.astype(np.float64))
    ours = replace(opened.network, parameters=opened.network.parameters.astype(np.float64))
    # Not `chainrule.probabilities`, which refuses what is not from 0 to 1.
    from chainrule.network import forward

    difference = np.abs(forward(ours, p).A[2] - forward(exact, scaled).A[2]).max()
    assert opened.cost == pytest.approx(difference, rel=0.1, abs=1e-12)
    assert opened.cost < (1e-12 if dtype == np.float64 else 2e-4)


def test_folding_changes_no_network():
    network, _, _ = toy_problem(np.random.default_rng(0))
    before = network.parameters.copy()
    after = folded(network, Scaling(2.0, 3.0))
    assert (network.parameters == before).all()
    W, b = network.layers[0]
    assert after.layers[0][0] == pytest.approx(2 * W)
    assert after.layers[0][1].ravel() == pytest.approx(
        [c + 3 * sum(row) for row, (c,) in zip(W, b, strict=True)]
    )
    assert (after.layers[1][0] == network.layers[1][0]).all()


@pytest.mark.parametrize(
    "pixels",
    [
        "",
        "0-2",
        "1",
        "0.5",
        "0.5,",
        "0.5,0",
        "0.5,-1",
        "nan,1",
        "inf,1",
        "0,inf",
        "1,2,3",
        "1e308,1e-10",
    ],
)
def test_other_scalings_are_refused(pixels):
    with pytest.raises(ValueError, match="pixels must be scaled as 0-1, 0-255, or MEAN,DEVIATION"):
        scaling(pixels)


# --------------------------------------------------------------------------- ONNX made by hand

NODES = {
    "Gemm": ("Gemm", ["x", "W1", "b1"], ["Z1"], {"transB": 1}),
    "Relu": ("Relu", ["Z1"], ["A1"], {}),
    "MatMul": ("MatMul", ["A1", "V2"], ["P2"], {}),
    "Add": ("Add", ["b2", "P2"], ["Z2"], {}),
    "Softmax": ("LogSoftmax", ["Z2"], ["A2"], {"axis": 1}),
}
RNG = np.random.default_rng(5)
ARRAYS = {
    "W1": RNG.standard_normal((4, 6)).astype(np.float32),
    "b1": RNG.standard_normal(4).astype(np.float32),
    "V2": RNG.standard_normal((4, 3)).astype(np.float32),
    "b2": RNG.standard_normal((1, 3)).astype(np.float32),
}

TURNED = {"V1": ARRAYS["W1"].T.copy()}


def made(nodes=NODES, arrays=ARRAYS, shape=("m", 6), output="A2", opset=13, change=None):
    """An ONNX file of these nodes, a mapping from a name to a node or to None."""
    nodes = [
        helper.make_node(op, inputs, outputs, **attributes)
        for op, inputs, outputs, attributes in filter(None, nodes.values())
    ]
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ("m", "k"))],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, ir_version=8, opset_imports=opsets)
    if change:
        change(model)
    return model.SerializeToString()


def opened(tmp_path, content, **options):
    path = tmp_path / "their.onnx"
    path.write_bytes(content)
    return open_network(path, **{"pixels": "0-1", **options})


def test_gemm_matmul_and_add_are_the_same_layers(tmp_path):
    parameters = [ARRAYS["W1"], ARRAYS["b1"], ARRAYS["V2"].T, ARRAYS["b2"]]
    flat = np.concatenate([each.ravel() for each in parameters])
    for content in (
        made(),
        made(NODES | {"Gemm": ("Gemm", ["x", "W1", "b1"], ["Z1"], {"transB": 1, "alpha": 1.0})}),
        made(NODES | {"Gemm": ("Gemm", ["x", "V1", "b1"], ["Z1"], {})}, ARRAYS | TURNED),
        made(NODES | {"Softmax": None}, output="Z2"),
        made(
            {
                "flat": ("Flatten", ["x"], ["f"], {}),
                **NODES,
                "Gemm": ("Gemm", ["f", "W1", "b1"], ["Z1"], {"transB": 1}),
            },
            shape=("m", 2, 3),
        ),
    ):
        network = opened(tmp_path, content).network
        assert network.sizes == (6, 4, 3)
        assert network.parameters.tobytes() == flat.tobytes()


def test_weights_in_constants_turned_round_and_without_biases(tmp_path):
    W1 = numpy_helper.from_array(ARRAYS["W1"])
    nodes = {
        "constant": ("Constant", [], ["C1"], {"value": W1}),
        "turned": ("Transpose", ["C1"], ["T1"], {"perm": [1, 0]}),
        "same": ("Identity", ["T1"], ["U1"], {}),
        "dropped": ("Dropout", ["x"], ["d"], {}),
        "MatMul1": ("MatMul", ["d", "U1"], ["Z1"], {}),
        **{name: NODES[name] for name in ("Relu", "MatMul", "Add", "Softmax")},
    }
    arrays = {name: ARRAYS[name] for name in ("V2", "b2")}
    (W, b), _ = opened(tmp_path, made(nodes, arrays)).network.layers
    assert (ARRAYS["W1"] == W).all()
    assert not b.any()


def external(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")


def custom(model):
    model.graph.node[1].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def short(model):
    model.graph.initializer[0].raw_data = b"1234"


def half(model):
    model.graph.initializer[0].dims[0] = 10**9


def many(model):
    nodes = [helper.make_node("Identity", ["A2"], [f"i{k}"]) for k in range(5_001)]
    model.graph.node.extend(nodes)


REFUSED = {
    "another function": ({"Relu": ("Tanh", ["Z1"], ["A1"], {})}, {}, "Tanh .*only chains of Gemm"),
    "a convolution": (
        {"Gemm": ("Conv", ["x", "W1"], ["Z1"], {})},
        {},
        "Conv .*only chains of Gemm, MatMul, Add, Relu and Softmax",
    ),
    "no relu": ({"Relu": ("Identity", ["Z1"], ["A1"], {})}, {}, "MatMul .*wanted Relu between"),
    "relu at the end": (
        {"Softmax": ("Relu", ["Z2"], ["A2"], {})},
        {},
        "must end in a layer or in softmax",
    ),
    "relu twice": (
        {"Relu": ("Relu", ["Z1"], ["R1"], {}), "again": ("Relu", ["R1"], ["A1"], {})},
        {},
        "Relu .*wanted a layer before it, found Relu",
    ),
    "a factor": (
        {"Gemm": ("Gemm", ["x", "W1", "b1"], ["Z1"], {"transB": 1, "alpha": 0.5})},
        {},
        "Gemm .*alpha must be 1, it is 0.5",
    ),
    "columns": (
        {"Gemm": ("Gemm", ["x", "W1", "b1"], ["Z1"], {"transB": 1, "transA": 1})},
        {},
        "transA must be 0",
    ),
    "weights on the left": (
        {"MatMul": ("MatMul", ["V2", "A1"], ["P2"], {})},
        {},
        "MatMul .*one input that is no constant, the first",
    ),
    "numbers of the file alone": (
        {"Gemm": ("Gemm", ["W0", "V2", "x"], ["Z1"], {})},
        {"arrays": ARRAYS | {"W0": np.zeros((1, 4), np.float32)}, "shape": ("m", 3)},
        "Gemm .*one input that is no constant, the first",
    ),
    "flattened too much": (
        {
            "flat": ("Flatten", ["x"], ["f"], {"axis": 0}),
            "Gemm": ("Gemm", ["f", "W1", "b1"], ["Z1"], {"transB": 1}),
        },
        {},
        "Flatten .*only flatten examples",
    ),
    "dropout that drops": (
        {"Relu": ("Relu", ["Z1"], ["R1"], {}), "drop": ("Dropout", ["R1", "", "b1"], ["A1"], {})},
        {},
        "Dropout .*training mode",
    ),
    "too many nodes": ({}, {"change": many}, "5,000 nodes, it has 5,006"),
    "two inputs": (
        {"Add": ("Add", ["P2", "A1"], ["Z2"], {})},
        {},
        "Add .*one input that is no constant",
    ),
    "a bias twice": (
        {
            "Relu": ("Relu", ["Y1"], ["A1"], {}),
            "Gemm": ("Gemm", ["x", "W1", "b1"], ["Z1"], {"transB": 1}),
            "Add1": ("Add", ["Z1", "b1"], ["Y1"], {}),
        },
        {},
        "Add .*right after a MatMul",
    ),
    "the wrong axis": (
        {"Softmax": ("Softmax", ["Z2"], ["A2"], {"axis": 0})},
        {},
        "Softmax .*last axis",
    ),
    "flattened in the middle": (
        {"Relu": ("Relu", ["Z1"], ["R1"], {}), "flat": ("Flatten", ["R1"], ["A1"], {})},
        {},
        "Flatten .*only stand before the first layer",
    ),
    "half numbers": (
        {"Relu": ("Relu", ["Z1"], ["R1"], {}), "cast": ("Cast", ["R1"], ["A1"], {"to": 10})},
        {},
        "Cast .*float32 or float64 alone",
    ),
    "a side branch": (
        {"extra": ("Exp", ["Z1"], ["E"], {})},
        {},
        "Exp .*no part of the chain",
    ),
    "a layer after softmax": (
        {"more": ("Gemm", ["A2", "V2"], ["A3"], {"transB": 1})},
        {"output": "A3"},
        "Gemm .*no part of the chain",
    ),
    "images that are not flattened": (
        {},
        {"shape": ("m", 2, 6)},
        "must be m × 6 numbers.*m × 2 × 6",
    ),
    "another size": ({}, {"shape": ("m", 7)}, "must be m × 6 numbers"),
    "no shape": ({}, {"shape": None}, "refuses it.*shape"),
    "external data": ({}, {"change": external}, "numbers of it are in another file .'W1'"),
    "a custom operator": ({}, {"change": custom}, "a custom operator, com.example.Relu"),
    "too few bytes": ({}, {"change": short}, "refuses it|damaged"),
    "too large a shape": ({}, {"change": half}, "refuses it|damaged"),
    "an unknown operator": ({"Relu": ("Rleu", ["Z1"], ["A1"], {})}, {}, "checker refuses it"),
    "half weights": (
        {},
        {"arrays": ARRAYS | {"V2": ARRAYS["V2"].astype(np.float16)}},
        "all float32 or all float64, got float16, float32",
    ),
    "too many biases": (
        {},
        {"arrays": ARRAYS | {"b2": np.zeros((4, 3), np.float32)}},
        "wanted 3 biases, got an array of shape",
    ),
    "layers that do not fit": (
        {},
        {"arrays": ARRAYS | {"V2": np.zeros((5, 3), np.float32)}},
        "layer 2 takes 5 numbers, and the one before it gives 4",
    ),
    "not a number": (
        {},
        {"arrays": ARRAYS | {"b1": np.array([0, np.nan, 0, 0], np.float32)}},
        "not finite",
    ),
    "one output": (
        {},
        {"arrays": ARRAYS | {"V2": np.zeros((4, 1), np.float32), "b2": np.zeros(1, np.float32)}},
        "one output",
    ),
}


def in_order(changes):
    """NODES with these changes, each new node before the first that needs it."""
    nodes, done = NODES | changes, {"", "x", "W0", *ARRAYS}
    ordered = {}
    while left := [name for name in nodes if name not in ordered]:
        ready = [name for name in left if set(nodes[name][1]) <= done]
        assert ready
        ordered[ready[0]] = nodes[ready[0]]
        done |= set(nodes[ready[0]][2])
    return ordered


@pytest.mark.parametrize("what", REFUSED)
def test_any_other_onnx_is_named_and_refused(tmp_path, what):
    changes, options, says = REFUSED[what]
    with pytest.raises(ModelError) as refused:
        opened(tmp_path, made(in_order(changes), **options))
    assert re.search(says, str(refused.value)), refused.value
    assert str(refused.value).startswith(f"{tmp_path / 'their.onnx'}: ")
    assert str(refused.value).isprintable()


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate(10**9)  # no byte of it is on the disk
    with pytest.raises(ModelError, match="810,000,000 bytes, it has 1,000,000,000"):
        open_network(tmp_path / "large.onnx", pixels="0-1")


GOOD = {"onnx": made(), "safetensors": (OTHERS / "torch.safetensors").read_bytes()}
GOOD |= {name: (OTHERS / f"{name}.onnx").read_bytes() for name in ("torch-bytes", "torch-scaled")}


@given(st.data())
def test_a_file_that_was_changed_is_opened_or_refused(tmp_path_factory, data):
    content = bytearray(GOOD[data.draw(st.sampled_from(sorted(GOOD)))])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(content), 700) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path_factory.getbasetemp() / "changed"
    path.write_bytes(content)
    refusal, network = "", None
    try:
        network = open_network(path, pixels="0-255").network
    except ModelError as error:
        refusal = str(error)
    assert refusal.isprintable()
    assert network is None or np.isfinite(network.parameters).all()


# ---------------------------------------------------------------------------------- a state_dict


def state_dict(tmp_path, arrays):
    path = tmp_path / "their.safetensors"
    path.write_bytes(safetensors.numpy.save(arrays, {"format": "pt"}))  # as PyTorch's own has it
    return path


def layer(name, inputs, units, bias=True, dtype=np.float32):
    found = {f"{name}.weight": RNG.standard_normal((units, inputs)).astype(dtype)}
    return found | ({f"{name}.bias": RNG.standard_normal(units).astype(dtype)} if bias else {})


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        (["net.9", "net.10", "net.11"], (5, 4, 4, 3)),  # by number, not by letter
        (["input", "hidden", "out"], (5, 4, 6, 3)),  # by shape
        (["zebra", "ape"], (5, 3, 3)),
        (["linear"], (5, 3)),
    ],
)
def test_the_order_of_layers_is_found(tmp_path, names, sizes):
    arrays = {}
    for name, inputs, units in reversed(list(zip(names, sizes, sizes[1:], strict=False))):
        arrays |= layer(name, inputs, units)
    network = open_network(state_dict(tmp_path, arrays), pixels="0-1").network
    assert network.sizes == sizes
    for name, (W, b) in zip(names, network.layers, strict=True):
        assert (arrays[f"{name}.weight"] == W).all()
        assert (b.ravel() == arrays[f"{name}.bias"]).all()


def test_an_order_that_the_file_does_not_say_must_be_given(tmp_path):
    arrays = layer("first", 5, 4) | layer("red", 4, 4) | layer("blue", 4, 4) | layer("last", 4, 2)
    path = state_dict(tmp_path, arrays)
    with pytest.raises(ModelError, match=r"do not say their order; .*blue, first, last, red"):
        open_network(path, pixels="0-1")
    for order in (["first", "red", "blue", "last"], ["first", "blue", "red", "last"]):
        network = open_network(path, pixels="0-1", layers=order).network
        assert (network.layers[1][0] == arrays[f"{order[1]}.weight"]).all()
    with pytest.raises(ModelError, match=r"its layers are .*got the order 'first'"):
        open_network(path, pixels="0-1", layers=["first"])
    with pytest.raises(ModelError, match="layer 2 takes 5 numbers"):
        open_network(path, pixels="0-1", layers=["red", "first", "blue", "last"])


def test_layers_without_bias_and_in_float64(tmp_path):
    arrays = layer("0", 5, 4, bias=False, dtype=np.float64) | layer("2", 4, 3, dtype=np.float64)
    network = open_network(state_dict(tmp_path, arrays), pixels="0-1").network
    assert network.parameters.dtype == np.float64
    assert not network.layers[0][1].any()


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        (
            layer("0", 5, 4) | {"1.running_mean": np.zeros(4, np.float32)},
            "'1.running_mean' of shape",
        ),
        (
            {"conv.weight": np.zeros((4, 1, 3, 3), np.float32)},
            r"'conv.weight' of shape \(4, 1, 3, 3\)",
        ),
        (layer("0", 5, 4) | {"norm.weight": np.zeros(4, np.float32)}, "no weight .units, inputs."),
        ({"0.bias": np.zeros(3, np.float32)}, "the bias of '0' has no weights"),
        (layer("0", 5, 4, dtype=np.float16), "must be float32 or float64, it is F16"),
        (layer("0", 5, 4) | layer("1", 6, 3), "do not say their order"),
        (layer("0", 5, 4) | layer("2", 4, 3, dtype=np.float64), "all float32 or all float64"),
        ({"0.weight": np.zeros((3, 0), np.float32)}, "layer 1 must have weights"),
        ({}, "no layers"),
    ],
)
def test_any_other_state_dict_is_named_and_refused(tmp_path, arrays, says):
    with pytest.raises(ModelError, match=says):
        open_network(state_dict(tmp_path, arrays), pixels="0-1")


def test_files_that_are_something_else_are_refused_with_what_to_do(tmp_path):
    for content, says in (
        (pickle.dumps({"0.weight": 1}), "a pickle, which can run code.*from_sklearn"),
        (b"PK\x03\x04 and more", "save_file.model.state_dict"),
        (b"\x89HDF\r\n\x1a\n", "model.export.'model.onnx'"),
        (b"", "one input, it has 0|refuses it|not a whole"),
        (b"hello world", "not a whole ONNX file"),
        (model_file(load_bundled("small")), "a model of chainrule already"),
    ):
        with pytest.raises(ModelError, match=says):
            opened(tmp_path, content)
    with pytest.raises(ModelError, match="ONNX file says the order"):
        opened(tmp_path, made(), layers=["0"])
    with pytest.raises(OSError, match="is a folder"):
        open_network(tmp_path, pixels="0-1")


# ---------------------------------------------------------------------------------- scikit-learn


def trained(X, y, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged
        return MLPClassifier((6, 5), max_iter=20, random_state=0, **settings).fit(X, y)


def test_a_network_of_scikit_learn_gives_its_probabilities():
    X, y = load_iris(return_X_y=True)
    for names in (y, np.array(["setosa", "versicolor", "virginica"])[y]):
        classifier = trained(X, names)
        network = from_sklearn(classifier, pixels="0-1")
        assert (network.sizes, network.parameters.dtype) == ((4, 6, 5, 3), np.float64)
        assert (
            pytest.approx(classifier.predict_proba(X), abs=1e-14) == probabilities(network, X.T).T
        )
    single = from_sklearn(trained(X.astype(np.float32), y), pixels="0-1", loss="squared_error")
    assert (single.parameters.dtype, single.loss) == (np.float32, "squared_error")


def test_two_classes_of_scikit_learn_are_two_outputs():
    X, y = load_iris(return_X_y=True)
    classifier = trained(X, y > 0)
    network = from_sklearn(classifier, pixels="0-1")
    assert network.sizes == (4, 6, 5, 2)
    assert pytest.approx(classifier.predict_proba(X), abs=1e-14) == probabilities(network, X.T).T


def test_pixels_of_scikit_learn_are_folded(mnist):
    test = mnist[1][:300]
    classifier = trained(test.images.astype(np.float64), test.labels)
    network = from_sklearn(classifier, pixels="0-255")
    read = probabilities(network, test.X.astype(np.float64))
    # Its pixels were float32 before they became float64: 1e-7 of each.
    assert pytest.approx(classifier.predict_proba(test.images), abs=1e-4) == read.T


def test_what_scikit_learn_has_beside_is_refused():
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        regressor = MLPRegressor(hidden_layer_sizes=(3,), max_iter=5).fit(X, y)
        several = MLPClassifier((3,), max_iter=5).fit(X, np.eye(3, dtype=int)[y])
    for classifier, says in (
        (MLPClassifier(), "MLPClassifier without coefs_; call fit first"),
        (trained(X, y, activation="tanh"), "activation must be relu, it is tanh"),
        (regressor, "identity: this is a regressor"),
        (several, "logistic: this is a classifier of several labels"),
        (3, "got int without coefs_"),
    ):
        with pytest.raises(ModelError, match=says):
            from_sklearn(classifier, pixels="0-1")
    with pytest.raises(ValueError, match="pixels must be scaled"):
        from_sklearn(trained(X, y), pixels="0-2")


def test_a_network_of_scikit_learn_without_hidden_layer_needs_no_relu():
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier = MLPClassifier((), activation="tanh", max_iter=5).fit(X, y)
    network = from_sklearn(classifier, pixels="0-1")
    assert isinstance(network, Network)
    assert pytest.approx(classifier.predict_proba(X), abs=1e-14) == probabilities(network, X.T).T


def test_onnx_files_are_read_as_onnx_runtime_reads_them(tmp_path):
    """The files made by hand here, too, mean what we take them to mean."""
    import onnxruntime

    X = np.random.default_rng(1).standard_normal((50, 6)).astype(np.float32)
    session = onnxruntime.InferenceSession(made(), providers=["CPUExecutionProvider"])
    (logarithms,) = session.run(None, {"x": X})
    network = opened(tmp_path, made()).network
    assert probabilities(network, X.T) == pytest.approx(np.exp(logarithms.T), abs=1e-6)
    assert onnx.load(tmp_path / "their.onnx").graph.name == "made"
