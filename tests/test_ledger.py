"""The ledger: every cell of every array, opened, and the source line that computed it."""

import inspect
import math
import re
import sys

import numpy as np
import pytest

from chainrule import backward, forward, gradient, initialise, load_model, loss, network
from chainrule.explain import source
from chainrule.explain.ledger import CellError, open_ledger, output_terms, softmax_jacobian
from chainrule.explain.rules import cell_wording, open_cell
from chainrule.network import LOSSES


def every_cell(book):
    for name, array in book.arrays.items():
        for index in np.ndindex(array.shape):
            yield f"{name}[{','.join(map(str, index))}]" if index else name


def book_of(mnist, hidden=(10,), name="squared_error", image=0, label=None):
    rng = np.random.default_rng(1)
    start = initialise((784, *hidden, 10), loss=name, rng=rng)
    digits = mnist[1][image]
    return open_ledger(start, digits.X[:, 0], int(digits.labels[0]) if label is None else label)


@pytest.fixture(scope="module")
def trained(mnist, model):
    """The default training's network on a digit that it misreads."""
    digits = mnist[1][8]
    return open_ledger(load_model(model), digits.X[:, 0], int(digits.labels[0]))


# ------------------------------------------------------------------------------------- the terms


def check_every_cell(book):
    """The terms add up to the array's own value, to 12 significant digits, in every cell."""
    for name in every_cell(book):
        cell = open_cell(book, name)
        array, *index = re.findall(r"\w+", name)
        assert cell.value == book.arrays[array][tuple(map(int, index))]
        assert cell.total == pytest.approx(cell.value, rel=1e-12, abs=0), name


@pytest.mark.parametrize("name", LOSSES)
def test_terms_of_every_cell_of_the_small_network_add_up(mnist, name):
    check_every_cell(book_of(mnist, name=name))


def test_terms_of_every_cell_of_the_trained_network_add_up(trained):
    check_every_cell(trained)


@pytest.mark.parametrize("hidden", [(), (6, 5)])
@pytest.mark.parametrize("name", LOSSES)
def test_terms_of_every_cell_of_other_depths_add_up(mnist, hidden, name):
    check_every_cell(book_of(mnist, hidden, name, image=3, label=7))


def test_terms_hold_the_numbers_they_name(mnist):
    book = book_of(mnist)
    cell = open_cell(book, "dA1[4]")
    assert len(cell.terms) == 10
    for k, term in enumerate(cell.terms):
        a, b = book.arrays["W2"][k, 4], book.arrays["dZ2"][k]
        assert term.names == f"W2[{k},4] · dZ2[{k}]"
        assert term.numbers == f"{a:.6g} · {b:.6g}"
        assert term.value == a * b
    assert len(open_cell(book, "Z1[3]").terms) == 785


@pytest.mark.parametrize("name", LOSSES)
def test_the_arrays_are_those_of_the_network_in_float64(mnist, name):
    start = initialise((784, 10, 10), loss=name, rng=np.random.default_rng(1))
    book = book_of(mnist, name=name)
    exact = network.Network(start.sizes, start.parameters.astype(np.float64), name)
    X, Y = mnist[1][0].X.astype(np.float64), mnist[1][0].Y
    flat = [book.arrays[f"d{part}{l}"].ravel() for l in (1, 2) for part in "Wb"]
    assert np.array_equal(np.concatenate(flat), gradient(exact, X, Y))
    assert book.arrays["E"] == loss(exact, X, Y)
    assert all(array.dtype == np.float64 for array in book.arrays.values())
    names = "x W1 b1 Z1 A1 W2 b2 Z2 A2 y E dA2 dZ2 dW2 db2 dA1 dZ1 dW1 db1"
    assert " ".join(book.arrays) == names


def test_an_infinite_derivative_is_opened_honestly():
    start = network.Network((1, 2), np.array([0.0, 0, 1e4, 0]), "cross_entropy")
    cell = open_cell(open_ledger(start, np.ones(1), 1), "dA1[1]")
    assert cell.value == cell.total == -math.inf


def test_the_M_of_a_softmax_is_NaN_where_a_Z_is_as_in_the_line_that_computes_it():
    start = network.Network((1, 3), np.array([-1e200, 1e200, 1e200, 0, -math.inf, 0]))
    book = open_ledger(start, np.array([1e200]), 1)
    assert np.isnan(np.max(book.arrays["Z1"]))
    assert math.isinf(book.arrays["Z1"][0])
    assert open_cell(book, "A1[0]").terms[0].numbers == "exp(-inf - nan)"


# ------------------------------------------------------------------------------------ neighbours


def cells_of(book, names):
    """Single cells for names such as W1[3,:]."""
    for name in names:
        array, *index = re.findall(r"[\w:]+", name)
        shape = book.arrays[array].shape
        ranges = [range(n) if i == ":" else [int(i)] for i, n in zip(index, shape, strict=True)]
        for at in np.array(np.meshgrid(*ranges)).reshape(len(shape), -1).T if shape else [()]:
            yield f"{array}[{','.join(map(str, at))}]" if shape else array


@pytest.mark.parametrize("hidden", [(), (3,), (3, 2)])
@pytest.mark.parametrize("name", LOSSES)
def test_what_a_cell_feeds_says_it_comes_from_it(hidden, name):
    rng = np.random.default_rng(0)
    start = initialise((4, *hidden, 3), loss=name, rng=rng)
    book = open_ledger(start, rng.random(4), 1)
    comes_from, feeds = set(), set()
    for cell in every_cell(book):
        opened = open_cell(book, cell)
        comes_from |= {(other, cell) for other in cells_of(book, opened.comes_from)}
        feeds |= {(cell, other) for other in cells_of(book, opened.feeds)}
    assert feeds == comes_from
    assert len(feeds) > 50


@pytest.mark.parametrize("name", LOSSES)
def test_terms_use_the_cells_it_comes_from(name):
    """The numbers that stand in the terms, but for the shift M, are named in comes_from."""
    rng = np.random.default_rng(0)
    book = open_ledger(initialise((4, 3, 3), loss=name, rng=rng), rng.random(4), 1)
    for name_ in every_cell(book):
        cell = open_cell(book, name_)
        if cell.comes_from:
            used = {
                each for term in cell.terms for each in re.findall(r"\w+\[[\d,]+\]", term.names)
            }
            assert used <= set(cells_of(book, cell.comes_from)), name_


# -------------------------------------------------------------------------------- in i and j


@pytest.mark.parametrize("hidden", [(), (3,), (3, 2)])
@pytest.mark.parametrize("name", LOSSES)
def test_a_pattern_with_the_index_put_in_is_what_the_cell_says(hidden, name):
    rng = np.random.default_rng(0)
    start = initialise((4, *hidden, 3), loss=name, rng=rng)
    book = open_ledger(start, rng.random(4), 1)
    cells = 0
    for array, values in book.arrays.items():
        wording = cell_wording(start, array)
        for index in np.ndindex(values.shape):
            numbers = dict(zip("ij", map(str, index), strict=False))

            def put_in(text, numbers=numbers):
                return re.sub(r"\b[ij]\b", lambda word: numbers[word[0]], text)

            cell = f"{array}[{','.join(map(str, index))}]" if index else array
            opened = open_cell(book, cell)
            assert put_in(wording.formula) == opened.formula
            assert tuple(map(put_in, wording.comes_from)) == opened.comes_from
            assert tuple(map(put_in, wording.feeds)) == opened.feeds
            cells += 1
    assert cells == sum(array.size for array in book.arrays.values())


def test_patterns_in_words():
    start = initialise((4, 3, 3), rng=np.random.default_rng(0))
    assert cell_wording(start, "dW2") == ("dW2[i,j] = dZ2[i] A1[j]", ("dZ2[i]", "A1[j]"), ())
    assert cell_wording(start, "x") == ("x[i] = pixel / 255", (), ("Z1[:]", "dW1[:,i]"))
    assert cell_wording(start, "W2").feeds == ("Z2[i]", "dA1[j]")
    assert cell_wording(start, "E").formula == "E = 1/2 Σk (A2[k] - y[k])²"


@pytest.mark.parametrize("name", LOSSES)
def test_the_softmax_jacobian_is_the_slope_of_each_probability(mnist, name):
    book = book_of(mnist, name=name)
    Z, h = book.arrays["Z2"], 1e-5  # the quotient errs by about h² and 1e-16/h
    for k in range(10):
        nudge = h * np.eye(10)[:, [k]]
        above, below = network.softmax(Z[:, None] + nudge), network.softmax(Z[:, None] - nudge)
        slope = (above - below)[:, 0] / (2 * h)
        assert softmax_jacobian(book)[:, k] == pytest.approx(slope, rel=1e-8, abs=1e-10)


def test_the_softmax_jacobian_carries_dA_to_dZ(trained):
    arrays = trained.arrays
    assert softmax_jacobian(trained) @ arrays["dA2"] == pytest.approx(arrays["dZ2"], abs=1e-16)
    assert output_terms(trained).sum(axis=1) == pytest.approx(arrays["dZ2"], abs=1e-16)
    assert output_terms(trained)[3, 5] == pytest.approx(
        -arrays["A2"][5] * arrays["A2"][3] * arrays["dA2"][5], rel=1e-12
    )


# --------------------------------------------------------------------------------- source lines


@pytest.mark.parametrize("hidden", [(), (3,), (3, 2)])
@pytest.mark.parametrize("name", LOSSES)
def test_right_after_its_line_the_name_holds_the_array(hidden, name):
    """The pass runs under a tracer that looks at every assigned name after every line."""
    rng = np.random.default_rng(0)
    start = initialise((4, *hidden, 3), loss=name, rng=rng, dtype=np.float64)
    x = rng.random(4)
    book = open_ledger(start, x, 1)
    held = []  # (line just run, name of the array, its bytes)

    def trace(frame, event, argument):
        if frame.f_code.co_filename != network.__file__:
            return None
        if frame.f_code.co_name not in ("forward", "backward", "error"):
            return None
        last = None

        def local(frame, event, argument):
            nonlocal last
            if last is not None:
                for variable in ("Z", "A", "dA", "dZ", "dW", "db"):
                    for l, array in dict(frame.f_locals.get(variable) or {}).items():
                        held.append((last, f"{variable}{l}", array.tobytes()))
                if "E" in frame.f_locals:
                    held.append((last, "E", np.asarray(frame.f_locals["E"]).tobytes()))
            last = frame.f_lineno
            return local

        return local

    X, Y = x[:, None], np.eye(3)[:, [1]]
    sys.settrace(trace)
    try:
        backward(start, forward(start, X), Y)
        loss(start, X, Y)
    finally:
        sys.settrace(None)

    lines = inspect.getsource(network).splitlines()
    for array, values in book.arrays.items():
        cell = open_cell(book, f"{array}[{','.join('0' * values.ndim)}]" if values.ndim else array)
        if array[0] in "Wby":
            assert cell.source is None
            continue
        name_in_code = "A0" if array == "x" else array
        first = min(i for i, (_, n, _) in enumerate(held) if n == name_in_code)
        assert held[first] == (cell.source.line, name_in_code, values.tobytes())
        assert lines[cell.source.line - 1].split("  #")[0].strip() == cell.source.code
        kind, l = re.fullmatch(r"(\D+)(\d*)", name_in_code).groups()
        assert cell.source.put_in.startswith(f"{kind}[{l}] = " if l else "E = ")


def test_l_is_put_in(mnist):
    book = book_of(mnist, hidden=(6, 5))
    assert open_cell(book, "Z2[0]").source.put_in == "Z[2] = W[2] @ A[1] + b[2]"
    assert open_cell(book, "dA1[0]").source.put_in == "dA[1] = W[2].mT @ dZ[2]"
    assert open_cell(book, "dW3[0,0]").source.put_in == "dW[3] = dZ[3] @ A[2].mT"


def test_a_source_that_cannot_be_read_is_none(mnist, monkeypatch):
    def unreadable(module):
        raise OSError("could not get source code")

    caches = (source.find_source, source.read_equations)
    for cached in caches:
        cached.cache_clear()
    monkeypatch.setattr(inspect, "getsource", unreadable)
    assert open_cell(book_of(mnist), "Z1[3]").source is None
    for cached in caches:
        cached.cache_clear()


# --------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Q1[0]", "no cell is called 'Q1\\[0\\]'; a cell is one of x, W1, b1"),
        ("dW9[0,0]", "no cell is called"),
        ("dW2", r"dW2 goes from dW2\[0,0\] to dW2\[9,9\], got dW2"),
        ("dW2[3]", r"dW2\[9,9\], got dW2\[3\]"),
        ("Z1[10]", r"Z1 goes from Z1\[0\] to Z1\[9\], got Z1\[10\]"),
        ("Z1[-1]", "no cell is called"),
        ("E[0]", "E has no index"),
        ("x[784]", r"x\[783\]"),
        ("", "no cell is called ''"),
        ("Z1[99999999999999999999]", "no cell is called"),
    ],
)
def test_a_cell_that_is_not_there(mnist, name, says):
    with pytest.raises(CellError, match=says):
        open_cell(book_of(mnist), name)


def test_spaces_in_a_name_do_not_matter(mnist):
    assert open_cell(book_of(mnist), " dW2[ 3, 7 ]").name == "dW2[3,7]"


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_that_the_network_has_no_unit_for_is_refused(mnist, label):
    seed = initialise([784, 10, 10], rng=np.random.default_rng(0))
    with pytest.raises(IndexError, match=f"the label must be from 0 to 9, got {label}"):
        open_ledger(seed, mnist[1].X[:, 0], label)
