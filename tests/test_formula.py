"""A formula of one's own: what is read, what it gives, and the verdict on it."""

import math
import operator
from dataclasses import replace

import numpy as np
import pytest
from helpers import toy_problem
from helpers.answers import ledger
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.explain.evaluation import LARGEST, columns, evaluate
from chainrule.explain.formula import DEPTH, LENGTH, FormulaError, read_formula, targets, tokenise
from chainrule.explain.impostors import IMPOSTORS
from chainrule.explain.ledger import named, open_ledger
from chainrule.explain.proof import prove
from chainrule.explain.slips import SENTENCES, known_mistakes
from chainrule.explain.slopes import choose_cells, measure_slopes
from chainrule.explain.tree import (
    FUNCTIONS,
    SIGNS,
    Call,
    Joined,
    Name,
    Negative,
    Number,
    Power,
    Transposed,
    written,
)
from chainrule.explain.verdicts import Case, factor_name, judge_formula
from chainrule.network import LOSSES

# ------------------------------------------------------------------------------- one moment


@pytest.fixture(scope="module")
def books():
    """The ledger of the digit that the lab begins with, for each loss, and its other cases."""
    found = {}
    for loss in LOSSES:
        first = with_loss(1832, None, loss)
        cases = [Case(k, digit(k), with_loss(k, None, loss)) for k in (0, 1, 2)]
        cases += [Case(None, label, with_loss(1832, label, loss)) for label in (4, 8)]
        found[loss] = first, cases
    return found


def digit(image):
    return int(ledger(image).arrays["y"].argmax())


def with_loss(image, label, loss):
    there = ledger(image, label)
    network = replace(there.network, loss=loss)
    return open_ledger(network, there.arrays["x"], int(there.arrays["y"].argmax()))


def toy_book(seed=0, sizes=(5, 4, 3), loss="squared_error", **more):
    network, X, Y = toy_problem(np.random.default_rng(seed), sizes, m=1, loss=loss)
    return open_ledger(replace(network, **more), X[:, 0], int(Y.argmax()))


def verdict(books, loss, target, text):
    first, cases = books[loss]
    return judge_formula(first, target, read_formula(first, target, text), cases)


# What people write, and what is to be said of it. The last word is a detail of the verdict.
SQUARED = [
    ("dZ2", "A*(dA - sum(A*dA))", "right", None),
    ("dZ2", "A ⊙ (dA2 − A.T @ dA)", "right", None),
    ("dZ2", "A2*dA2 - A2*sum(A2*(A2 - y))/m", "right", None),
    ("dZ2", "(A - A²)*dA + A*(A*dA - sum(A·dA))", "right", None),
    ("dZ2", "A - y", "known", "A - Y"),
    ("dZ2", "(A2 - Y)/m", "known", "A - Y"),
    ("dZ2", "dA2", "known", "A - Y"),
    ("dZ2", "y - A", "known", "A - Y"),
    ("dZ2", "2*(A - y)", "known", "A - Y"),
    ("dZ2", "A*(1-A)*dA", "known", "s(1 - s)"),
    ("dZ2", "A*(1-A)*(A-y)", "known", "s(1 - s)"),
    ("dZ2", "A*(dA - mean(A*dA))", "known", "mean for sum in softmax"),
    ("dZ2", "A*(sum(A*dA) - dA)", "factor", "-1"),
    ("dZ2", "2*A*(dA - sum(A*dA))", "factor", "2"),
    ("dZ2", "A*(dA - sum(A*dA))/60000", "factor", "1/60000"),
    ("dZ2", "0.3*A*(dA - sum(A*dA))", "factor", None),
    ("dZ2", "E*A*(dA - sum(A*dA))", "wrong", None),  # a factor, but another one for each image
    ("dZ2", "A", "wrong", None),
    ("dZ2", "(A*(dA - sum(A*dA))).T", "transposed", True),
    ("dZ2", "(A - y).T", "transposed", False),
    ("dZ2", "sum(A*dA)", "shape", ()),
    ("dZ2", "dA @ A.T", "shape", (10, 10)),
    ("dZ2", "log(dA)", "infinite", None),
    ("dZ2", "A*(dA - sum(A*dA)) * (abs(sum(x) - sum(x)) + 1)", "right", None),
    # Right only while the image is taken for a 3, and while unit 2 is off.
    ("dZ2", "A*(dA - sum(A*(A - y))) * (1 + (y.T @ A > 0.5))", "lucky", None),
    ("dA2", "A - y", "right", None),
    ("dA2", "y - A", "factor", "-1"),
    ("dW2", "dZ2 @ A1.T", "right", None),
    ("dW2", "dZ @ A1ᵀ", "right", None),
    ("dW2", "A1 @ dZ.T", "transposed", True),
    ("dW2", "(A - y) @ A1.T", "known", "A - Y"),
    ("dW2", "dZ @ Z1.T", "known", "Z for A"),
    ("dW2", "dZ @ A.T", "known", "A of its own layer"),
    ("db2", "dZ2", "right", None),
    ("db2", "sum(dZ)/m", "shape", ()),
    ("db2", "A - y", "known", "A - Y"),
    ("dA1", "W2.T @ dZ2", "right", None),
    ("dA1", "W @ dZ", "known", "W not transposed"),
    ("dZ1", "dA1 * (Z1 > 0)", "right", None),
    ("dZ1", "dA1", "known", "no ReLU′"),
    ("dZ1", "dA1 * relu(Z1)", "known", "ReLU for ReLU′"),
    ("dZ1", "(W2.T @ (A - y)) * (A1 > 0)", "known", "A - Y"),
    ("dW1", "dZ1 @ x.T", "right", None),
    ("dW1", "dZ1 @ A0.T / 60000", "factor", "1/60000"),
    ("db1", "dZ1", "right", None),
]
CROSS = [
    ("dZ2", "A - y", "right", None),
    ("dZ2", "A*(dA - sum(A*dA))", "right", None),
    ("dZ2", "A*((A-y) - sum(A*(A-y)))", "known", "A ⊙ (dA - Σ A dA)"),
    ("dZ2", "A*(1-A)*dA", "known", "s(1 - s)"),
    ("dZ2", "y*(A - 1)", "known", "s(1 - s)"),
    ("dZ2", "y - A", "factor", "-1"),
    # Right wherever the network is right: it takes the largest probability for the label.
    ("dA2", "-y/A", "right", None),
    ("dA2", "y/A", "factor", "-1"),
    ("dA2", "-1/A", "known", "y left out"),
    ("dA2", "A - y", "wrong", None),
    ("dW2", "(A - y) @ A1.T", "right", None),
    ("dZ1", "(Z1 > 0) * (W2.T @ (A - y))", "right", None),
]
TABLE = [("squared_error", *row) for row in SQUARED] + [("cross_entropy", *row) for row in CROSS]


@pytest.mark.parametrize(("loss", "target", "text", "kind", "detail"), TABLE)
def test_the_verdict_on_what_people_write(books, loss, target, text, kind, detail):
    found = verdict(books, loss, target, text)
    assert found.kind == kind, found
    match kind:
        case "known":
            assert found.mistake == detail
        case "factor":
            assert found.factor_name == detail
        case "transposed":
            assert found.then_right is detail
        case "shape":
            assert found.shape == detail
            assert not found.rows
        case "right":
            assert found.held
            assert not found.failed
        case "lucky":
            assert found.failed
    if kind in ("wrong", "known", "factor"):
        assert found.worst
        first = found.worst[0]
        book = books[loss][0]
        assert first.measured == pytest.approx(prove(book, first.cell).quotient, abs=1e-9)


def test_what_is_right_for_the_other_loss_is_said_to_be(books):
    assert verdict(books, "squared_error", "dZ2", "A - y").other_loss == "cross_entropy"
    other = verdict(books, "cross_entropy", "dZ2", "A*((A-y) - sum(A*(A-y)))")
    assert other.other_loss == "squared_error"
    assert verdict(books, "squared_error", "dZ2", "A*(1-A)*dA").other_loss is None


def test_a_guess_at_the_label_is_right_by_luck():
    """On an image that is read right the largest probability is the label's."""
    book = with_loss(0, None, "cross_entropy")
    cases = [Case(1832, 3, with_loss(1832, None, "cross_entropy"))]
    text = "A - (A == max(A))"
    found = judge_formula(book, "dZ2", read_formula(book, "dZ2", text), cases)
    assert (found.kind, found.failed) in (("lucky", ((1832, 3),)), ("hidden", ((1832, 3),)))
    assert judge_formula(book, "dZ2", read_formula(book, "dZ2", text)).kind in ("right", "hidden")


@pytest.mark.parametrize("loss", LOSSES)
def test_the_ledger_s_own_arrays_are_right_and_every_mistake_is_not(books, loss):
    """And every mistake but the impostors, which the page knows, has its sentence."""
    book, _ = books[loss]
    seen = set()
    for target in targets(book):
        mistakes = known_mistakes(book, target)
        seen |= set(mistakes)
        own = book.arrays[target]
        for name, wrong in mistakes.items():
            assert wrong.shape == own.shape
            assert np.abs(wrong - own).max() > 1e-4, (target, name)
    assert seen - set(SENTENCES) == set(IMPOSTORS[loss])
    assert len(seen) > 25


def test_with_weight_decay_dW_has_a_term_more():
    book = toy_book(weight_decay=0.3)
    for target, right in (("dW2", "dZ2 @ A1.T"), ("dW1", "dZ1 @ x.T")):
        whole = read_formula(book, target, f"{right} + λ * {target[1:]}")
        assert judge_formula(book, target, whole).kind == "right"
        part = judge_formula(book, target, read_formula(book, target, right))
        assert (part.kind, part.mistake) == ("known", "λ left out")


# ------------------------------------------------------------------------------ the quotients


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sizes", [(5, 3), (5, 4, 3), (5, 4, 4, 3)])
def test_slopes_of_all_cells_are_those_of_one_after_the_other(sizes, loss, decay):
    book = toy_book(1, sizes, loss, weight_decay=decay)
    for target in targets(book):
        shape = book.arrays[target].shape
        found = measure_slopes(book, target, np.arange(math.prod(shape)))
        for index, value in zip(np.ndindex(shape), found.values, strict=True):
            assert value == pytest.approx(prove(book, named(target, *index)).quotient, abs=1e-9)
        assert not found.kinked.any()


def test_one_wrong_cell_among_many_is_seen(books):
    """Its share of the whole array is smaller than what is still agreement."""
    found = verdict(books, "squared_error", "dW1", "dZ1 @ x.T + 3e-6 * (W1 == max(W1))")
    assert found.kind == "wrong"
    assert found.worst[0].yours - found.worst[0].measured == pytest.approx(3e-6, rel=0.01)


def test_a_corner_of_relu_is_left_out():
    book = toy_book()
    x, W1 = book.arrays["x"], book.arrays["W1"]
    parameters = book.network.parameters.copy()
    network = replace(book.network, parameters=parameters)
    network.layers[0][1][2] = -W1[2] @ x  # Z1[2] is 0, but for rounding
    corner = open_ledger(network, x, 0)
    found = measure_slopes(corner, "dZ1", np.arange(4))
    assert found.kinked.tolist() == [False, False, True, False]
    told = judge_formula(corner, "dZ1", read_formula(corner, "dZ1", "dA1 * (Z1 > 0)"))
    assert (told.kind, told.kinks, told.compared) == ("right", 1, 3)


def test_of_a_large_array_a_sample_is_compared_and_most_of_it_has_ink():
    book = ledger(1832)
    cells = choose_cells(book, "dW1", 1000)
    assert len(set(cells.tolist())) == 1000
    inked = book.arrays["x"][cells % 784] != 0
    assert 940 < inked.sum() < 1000
    assert choose_cells(book, "dW1", 7840).tolist() == list(range(7840))


def test_nothing_is_claimed_where_rounding_hides_the_slopes():
    book = toy_book()
    sure = replace(book.network, parameters=book.network.parameters * 20)
    hidden = open_ledger(sure, book.arrays["x"], int(book.arrays["A2"].argmin()))
    told = judge_formula(hidden, "dZ2", read_formula(hidden, "dZ2", "A*(dA - sum(A*dA))"))
    assert told.kind == "hidden"


def test_factors_have_names():
    names = [factor_name(each) for each in (-1, 2, 0.5, -1 / 60000, 3.0000001, 0.3, 1e-9)]
    assert names == ["-1", "2", "1/2", "-1/60000", "3", None, "1/1000000000"]


# -------------------------------------------------------------------------------- the reading


def read(text, target="dZ2", book=None):
    return read_formula(book or toy_book(), target, text)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("A−Y", "A2 - y"),
        ("dA_2 = A", "A2"),
        ("A₂ · W2ᵀ ᵀ", "A2 * W2"),
        ("X × A0", "x * x"),
        ("A_2²", "A2 ** 2"),
        ("A^2", "A2 ** 2"),
        ("relu(Z1)≥0", "ReLU(Z1) >= 0"),
        ("-A ** 2", "-(A**2)"),
        ("2 ** -1", "2 ** (-1)"),
        ("A ** (1/2)", "A ** .5"),
        ("A - y - b", "(A - y) - b"),
        ("A @ y.T * b", "(A @ (y.T)) * b"),
        ("A < y + 1", "A < (y + 1)"),
        ("1e-3 + 1E−3", "0.001 + 0.001"),
        ("λ * W1", "lambda * W1"),
        ("MAX(A , 0)", "max(A2, 0)"),
    ],
)
def test_what_means_the_same_is_read_as_the_same(text, same):
    assert evaluate(read(text, "dA2"), columns(toy_book())) == pytest.approx(
        evaluate(read(same, "dA2"), columns(toy_book())), nan_ok=True
    )
    assert written(read(text, "dA2")) == written(read(same, "dA2"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no formula yet"),
        ("A -", "expected a name, a number or (, got the end of the formula, at character 4"),
        ("A(1-A)", "expected an operator such as * or the end, got '(', at character 2"),
        ("2A", "got 'A', at character 2"),
        ("(A", "expected ), got the end of the formula, at character 3"),
        ("dZ2", "dZ2 is what the formula is for"),
        ("2*dZ", "dZ2 is what the formula is for"),
        ("dA2 = A - y", "the formula is for dZ2: type what it is, at character 1"),
        ("dZ =", "there is no formula yet"),
        ("A + 1 = y", "type what stands right of = alone, or == to compare"),
        ("A + db2", "db2 is computed from dZ2"),
        ("dA1", "dA1 is computed from dZ2"),
        ("w2", "there is no 'w2'; did you mean W2?"),
        ("foo", "there is no 'foo'; names are x, y, m, E"),
        ("W9", "with the number of a layer, 1 to 2"),
        ("A[3]", "'[' is no part of a formula: it takes whole arrays, at character 2"),
        ("np.sum(A)", "'.' is no part of a formula: write functions alone"),
        ("Σ A", "write sum( ) for Σ"),
        ("0,5 * A", "write 0.5 with a point"),
        ("sum(A, y)", "sum has one argument"),
        ("sum(0,5)", "write 0.5 with a point"),
        ("max(A, y, b)", "max has two arguments"),
        ("A ** y", "an exponent must be a number from -8 to 8"),
        ("A ** 9", "an exponent must be a number from -8 to 8"),
        ("A ** (1/0)", "an exponent must be a number from -8 to 8"),
        ("1e999", "is too large a number"),
        ("1 < A < 2", "compare two things at a time"),
        ("sum A", "expected ( after sum, got 'A'"),
        ("A; y", "';' is no part of a formula"),
        ("__import__('os')", "'_' is no part of a formula"),
        ("exec(A)", "there is no 'exec'"),
        ("lambda: A", "':' is no part of a formula"),
        ("(" * 31 + "A" + ")" * 31, f"nested deeper than {DEPTH}"),
        ("-" * 31 + "A", f"nested deeper than {DEPTH}"),
        ("A" + "+A" * 250, f"at most {LENGTH} characters"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text, why):
    with pytest.raises(FormulaError) as refused:
        read(text)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A * x", "* goes cell by cell, and 3 × 1 does not fit 5 × 1, at character 3"),
        ("W1 * x", "does not fit 5 × 1; a product of matrices is @, at character 4"),
        ("dA @ A", "got 3 × 1 @ 3 × 1; transpose one of them with .T, at character 4"),
        ("2 @ A", "@ takes two arrays; write * to multiply by a number"),
        ("W1 @ A", "as many columns as the right has rows, got 4 × 5 @ 3 × 1"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_both(text, why):
    with pytest.raises(FormulaError) as refused:
        evaluate(read(text), columns(toy_book()))
    assert why in str(refused.value)


def test_neither_work_nor_arrays_grow_without_end():
    book = ledger(1832)
    fits = read_formula(book, "dZ2", "sum(exp(x @ x.T) + x * x.T)")
    assert evaluate(fits, columns(book)).shape == ()
    heavy = "+".join(["(x@x.T)@(x@x.T)"] * 30)
    with pytest.raises(FormulaError, match="too much work"):
        evaluate(read_formula(book, "dZ2", heavy), columns(book))
    wide = {"A2": np.zeros((3000, 1))}
    with pytest.raises(FormulaError, match=f"at most {LARGEST:,}"):
        evaluate(Joined("@", Name("A2"), Transposed(Name("A2"))), wide)


# ------------------------------------------------------------------- any tree, any text at all

BOOK = toy_book(3)
VALUES = columns(BOOK)
NAMES = [name for name in VALUES if not name.startswith("d") or name == "dA2"]
POWERS = st.integers(-8, 8).map(float) | st.sampled_from([0.5, -0.5, 1.5])
LEAVES = st.sampled_from(NAMES).map(Name) | st.floats(0, 1e6).map(Number)


def turned(node):
    """Transposed once more; twice is as it was."""
    return node.operand if isinstance(node, Transposed) else Transposed(node)


KINDS = ["leaf", "joined", "joined", "joined", "called", "max", "negative", "turned", "power"]


@st.composite
def trees(draw, depth=4):
    """Any tree so deep; chosen kind by kind, for `recursive` makes hardly any that are wide."""
    inner = trees(depth - 1)
    match draw(st.sampled_from(KINDS)) if depth else "leaf":
        case "joined":
            return Joined(draw(st.sampled_from(list(SIGNS))), draw(inner), draw(inner))
        case "called":
            return Call(draw(st.sampled_from([*FUNCTIONS])), (draw(inner),))
        case "max":
            return Call("max", (draw(inner), draw(inner)))
        case "negative":
            return Negative(draw(inner))
        case "turned":
            return turned(draw(inner))
        case "power":
            return Power(draw(inner), draw(POWERS))
    return draw(LEAVES)


class Value:
    """A number or an array in the second answer: every sign is the one that Python has for it."""

    def __init__(self, array):
        self.array = np.asarray(array, dtype=np.float64)

    @property
    def T(self):
        return Value(self.array.T)

    def __neg__(self):
        return Value(-self.array)

    def __pow__(self, exponent):
        return Value(self.array**exponent)


for each in ("add", "sub", "mul", "truediv", "matmul", "lt", "le", "gt", "ge", "eq"):
    python = getattr(operator, each)
    setattr(Value, f"__{each}__", lambda a, b, own=python: Value(own(a.array, b.array)))


def taking(function):
    return lambda *values: Value(function(*(each.array for each in values)))


PYTHON = {name: Value(array) for name, array in VALUES.items()} | {
    "sum": taking(np.sum),
    "mean": taking(np.mean),
    "max": taking(lambda *both: np.maximum(*both) if len(both) > 1 else np.max(*both)),
    "abs": taking(np.abs),
    "exp": taking(np.exp),
    "log": taking(np.log),
    "relu": taking(lambda Z: np.where(Z > 0, Z, 0 * Z)),
    "number": Value,
    "__builtins__": {},
}


def placed(node):
    """A tree without the places of its words."""
    match node:
        case Joined(sign, left, right):
            return Joined(sign, placed(left), placed(right))
        case Call(function, arguments):
            return Call(function, tuple(map(placed, arguments)))
        case Negative(inner):
            return Negative(placed(inner))
        case Transposed(inner):
            return Transposed(placed(inner))
        case Power(base, exponent):
            return Power(placed(base), exponent)
    return node


@settings(max_examples=300, deadline=None)
@given(trees())
def test_any_tree_is_written_read_again_and_computed_as_numpy_does(node):
    text = written(node)
    try:
        again = read_formula(BOOK, "dZ2", text)
    except FormulaError as error:
        assert len(text) > LENGTH or "deeper" in str(error)  # noqa: PT017
        return
    assert repr(placed(again)) == repr(placed(node))
    assert written(again) == text
    try:
        ours = evaluate(again, VALUES)
    except FormulaError as error:
        assert "fit" in str(error) or "@" in str(error)  # noqa: PT017
        with np.errstate(all="ignore"), pytest.raises(ValueError):  # noqa: PT011
            as_python(text)
        return
    with np.errstate(all="ignore"):
        theirs = as_python(text)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=0)


def as_python(text):
    """The second answer: Python reads the text, in which numbers are made values."""
    parts = []
    for word in tokenise(text)[:-1]:
        exponent = parts[-1:] == ["**"] or parts[-2:] == ["**", "-"]
        number = word.kind == "number" and not exponent
        parts.append(f"number({word.text})" if number else word.text)
    return eval(" ".join(parts), dict(PYTHON)).array


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=60)
    | st.text("Ay x12.()*-+/@T<=>²,msum[]dZW", max_size=60)
    | st.lists(
        st.sampled_from(
            ["A", "y", "dA", "W2", "(", ")", "*", "-", "@", ".T", "sum", "2", "**", ","]
        ),
        max_size=40,
    ).map(" ".join)
    | st.integers(0, 600).map(lambda n: "(" * n)
    | st.integers(0, 600).map(lambda n: "A" + ".T" * n)
    | st.integers(0, 300).map(lambda n: "A" + "+A" * n)
)
def test_any_text_is_answered_or_refused_in_one_line(text):
    try:
        node = read_formula(BOOK, "dZ2", text)
        told = judge_formula(BOOK, "dZ2", node)
    except FormulaError as error:
        assert 0 < len(str(error)) < 300  # noqa: PT017
        assert str(error).isprintable()  # noqa: PT017
        assert error.at is None or 0 <= error.at <= len(text)  # noqa: PT017
    else:
        assert told.wanted == (3, 1)
