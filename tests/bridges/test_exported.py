"""Networks that go out: each file is read by a program that is not ours, and must say the same."""

import csv
import ctypes
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers import toy_problem

from chainrule import initialise, load_bundled, probabilities
from chainrule.bridges.exporting import KINDS, exported
from chainrule.bridges.text import MOST, csv_file, python_file
from chainrule.network import Network

COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
# Other sums, in another order: each may be off by some units of float32's last place.
NEAR = 1e-5


def of_all_kinds():
    """No hidden layer, one, and several; and two outputs."""
    for sizes in ((5, 3), (7, 4, 2), (6, 5, 4, 3)):
        for dtype in (np.float32, np.float64):
            network, X, _ = toy_problem(np.random.default_rng(3), sizes, m=40, dtype=dtype)
            yield pytest.param(network, X, id=f"{sizes} {dtype.__name__}")


ALL_KINDS = list(of_all_kinds())


def in_onnx_runtime(content, X):
    """What ONNX Runtime makes of rows of X."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (A,) = session.run(None, {"images": np.ascontiguousarray(X)})
    return A.T


def agree(A, ours, near=NEAR):
    """The same probabilities, and the same label wherever that is no matter of rounding."""
    assert A.shape == ours.shape
    assert np.abs(A - ours).max() <= near
    second, first = np.sort(ours, axis=0)[-2:]
    clear = first - second > 2 * near
    assert clear.mean() > 0.9
    assert (A.argmax(axis=0) == ours.argmax(axis=0))[clear].all()


@pytest.mark.parametrize("name", ["small", "large"])
@pytest.mark.parametrize("pixels", ["0-1", "0-255"])
def test_onnx_runtime_reads_the_same_in_all_test_images(mnist, name, pixels):
    network, test = load_bundled(name), mnist[1]
    content = exported(network, "onnx", pixels)
    A = in_onnx_runtime(content, test.images if pixels == "0-255" else test.X.T)
    agree(A, probabilities(network, test.X))


@pytest.mark.parametrize(("network", "X"), ALL_KINDS)
def test_onnx_of_any_network(network, X):
    content = exported(network, "onnx")
    onnx.checker.check_model(content, full_check=True)
    ours = probabilities(network, X)
    A = in_onnx_runtime(content, X.T)
    assert A.dtype == network.parameters.dtype
    assert pytest.approx(ours, abs=1e-6 if A.dtype == np.float32 else 1e-12) == A


def test_an_onnx_file_says_its_layers_as_the_equations_do():
    graph = onnx.load_from_string(exported(load_bundled("small"), "onnx", "0-255")).graph
    assert [node.op_type for node in graph.node] == [
        "Cast",
        "Div",
        "Gemm",
        "Relu",
        "Gemm",
        "Softmax",
    ]
    assert [node.output[0] for node in graph.node[1:5]] == ["A0", "Z1", "A1", "Z2"]
    assert {each.name for each in graph.initializer} == {"most", "W1", "b1", "W2", "b2"}
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_network_gives_the_same_bytes_and_another_gives_others(kind):
    network = initialise((6, 4, 3), rng=np.random.default_rng(0))
    turned = replace(network, parameters=network.parameters.copy())
    assert exported(network, kind) == exported(turned, kind)
    turned.parameters[7] = np.nextafter(turned.parameters[7], np.float32(9))  # one bit
    assert exported(network, kind) != exported(turned, kind)


# ----------------------------------------------------------------------------------------- Python


@pytest.mark.parametrize(("network", "X"), ALL_KINDS)
def test_the_python_file_computes_with_the_same_numbers(network, X):
    names = {}
    exec(python_file(network), names)
    exact = probabilities(
        replace(network, parameters=network.parameters.astype(float)), X.astype(float)
    )
    read = np.array([names["read"](x) for x in X.T.tolist()]).T
    assert read == pytest.approx(exact, abs=1e-14)
    with pytest.raises(ValueError, match=f"wanted {network.sizes[0]} numbers, got 1"):
        names["read"]([1.0])


def test_the_python_file_needs_nothing_and_reads_bytes(mnist, tmp_path):
    (tmp_path / "network.py").write_bytes(exported(load_bundled("small"), "python", "0-255"))
    images = mnist[1].images[:200]
    code = f"from network import read\nfor x in {images.tolist()}: print(*read(x))"
    # -S: without site-packages; -E -s: without anything of the user's.
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-s", "-W", "error", "-"],
        **{"input": code, "capture_output": True, "text": True, "cwd": tmp_path, "check": True},
    )
    A = np.array([line.split() for line in done.stdout.splitlines()], float).T
    agree(A, probabilities(load_bundled("small"), mnist[1][:200].X))


# ---------------------------------------------------------------------------------------------- C


def compiled(content, folder, compiler, *flags):
    """The function in a C file, compiled without a warning."""
    source, library = folder / "network.c", folder / f"network-{compiler}.so"
    source.write_bytes(content)
    strict = ["-Wall", "-Wextra", "-Werror", "-pedantic", *flags]
    command = [compiler, *strict, "-O1", "-shared", "-fPIC", source, "-o", library, "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library)).chainrule_read


def in_c(function, X, outputs, dtype=np.float32):
    """The probabilities (outputs, m) of rows of X, and the labels that it returns."""
    X, A = np.ascontiguousarray(X), np.zeros((len(X), outputs), dtype)
    labels = [
        function(ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(a.ctypes.data))
        for x, a in zip(X, A, strict=True)
    ]
    return A.T, np.array(labels)


@pytest.mark.skipif(not COMPILERS, reason="needs gcc or clang")
@pytest.mark.parametrize(
    ("name", "pixels", "m"),
    [("small", "0-1", 10_000), ("small", "0-255", 500), ("large", "0-1", 1_000)],
)
def test_the_c_file_reads_the_same(mnist, tmp_path, name, pixels, m):
    network, test = load_bundled(name), mnist[1][:m]
    ours = probabilities(network, test.X)
    content = exported(network, "c", pixels)
    for compiler in COMPILERS:
        function = compiled(content, tmp_path, compiler, "-std=c99")
        A, labels = in_c(function, test.images if pixels == "0-255" else test.X.T, 10)
        agree(A, ours)
        assert (labels == A.argmax(axis=0)).all()


@pytest.mark.skipif(not COMPILERS, reason="needs gcc or clang")
@pytest.mark.parametrize(("network", "X"), ALL_KINDS)
def test_the_c_file_of_any_network(tmp_path, network, X):
    function = compiled(exported(network, "c"), tmp_path, COMPILERS[0], "-std=c99", "-Wconversion")
    dtype = network.parameters.dtype
    A, labels = in_c(function, X.T, network.sizes[-1], dtype)
    ours = probabilities(network, X)
    assert pytest.approx(ours, abs=1e-6 if dtype == np.float32 else 1e-14) == A
    assert (labels == A.argmax(axis=0)).all()


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
def test_the_c_file_is_c_plus_plus_too(tmp_path):
    network = initialise((6, 4, 3), rng=np.random.default_rng(0))
    (tmp_path / "network.cpp").write_bytes(exported(network, "c", "0-255"))
    strict = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-c", "network.cpp"]
    subprocess.run(["g++", *strict], cwd=tmp_path, check=True)


# -------------------------------------------------------------------------------------- the table


@pytest.mark.parametrize(("network", "X"), ALL_KINDS)
def test_the_table_reads_back_to_the_same_bits(network, X):
    head, *rows = csv.reader(csv_file(network).splitlines())
    widest = max(network.sizes[:-1])
    assert head == ["layer", "unit", "b", *(f"w{k}" for k in range(widest))]
    assert {len(row) for row in rows} == {3 + widest}
    parameters = []
    for l, (inputs, units) in enumerate(zip(network.sizes, network.sizes[1:], strict=False), 1):
        own = [row for row in rows if row[0] == str(l)]
        assert [row[1] for row in own] == [str(k) for k in range(units)]
        assert {text for row in own for text in row[3 + inputs :]} <= {""}
        parameters += [number for row in own for number in row[3 : 3 + inputs]]
        parameters += [row[2] for row in own]
    read = np.array(parameters, network.parameters.dtype)
    assert read.tobytes() == network.parameters.tobytes()


def test_a_network_that_is_too_large_for_text_is_refused():
    huge = Network((MOST // 10, 10), np.broadcast_to(np.float32(0), MOST + 10))
    for kind in ("python", "c", "csv"):
        with pytest.raises(ValueError, match=r"as text may have 10,000,000.*export it to ONNX"):
            exported(huge, kind)
