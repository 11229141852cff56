"""A number typed for a cell: what it is taken for, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.answers import ledger
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.explain.guess import NumberError, judge_number, read_number
from chainrule.explain.ledger import open_ledger


@pytest.fixture(scope="module")
def book():
    return ledger(1832)


@pytest.mark.parametrize(
    ("text", "value", "digits"),
    [
        ("0.5", 0.5, 1),
        ("0,5", 0.5, 1),
        ("-.25", -0.25, 2),
        ("+3", 3, 1),
        ("7.", 7, 1),
        ("−3e-4", -0.0003, 1),
        ("3·10⁻⁴", 0.0003, 1),
        ("1.20 × 10^-3", 0.0012, 3),
        ("2*10**3", 2000, 1),
        ("1/3", 1 / 3, 15),
        ("−1 / 8", -0.125, 15),
        ("0.0120", 0.012, 3),
        ("0", 0, 0),
        ("34 %", 0.34, 2),
    ],
)
def test_numbers_are_read_as_people_write_them(text, value, digits):
    typed = read_number(text)
    assert typed.value == pytest.approx(value, rel=1e-15)
    assert typed.digits == digits


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected a number such as 0.5, -3e-4 or 1/3, got ''"),
        ("a", "got 'a'"),
        ("1,234.5", "expected a number"),
        ("1/0", "other than 0 below its line"),
        ("1/2/3", "expected a number"),
        ("1e400", "too large a number"),
        ("0e999", "too large a number"),
        ("nan", "expected a number"),
        ("٣", "expected a number"),
        ("9" * 61, "at most 60 characters"),
        ("0x10", "expected a number"),
        (".", "expected a number"),
        ("1 2", None),
    ],
)
def test_what_is_no_number_is_refused(text, why):
    if why is None:
        assert read_number(text).value == 12  # spaces part thousands
        return
    with pytest.raises(NumberError) as refused:
        read_number(text)
    assert why in str(refused.value)


def judged(book, cell, number, **more):
    text = number if isinstance(number, str) else f"{number:.4g}"
    return judge_number(book, cell, text, **more)


def test_what_is_right_is_right_to_so_many_digits(book):
    value = book.arrays["dW2"][3, 7]  # -0.666298637…
    for digits in (1, 2, 3, 6, 12, 17):
        found = judged(book, "dW2[3,7]", f"{value:.{digits}g}")
        assert (found.kind, found.digits) == ("right", digits)
    assert judged(book, "dW2[3,7]", "-2/3").kind == "close"  # -0.66667: it is off by 0.06 %
    assert judged(book, "dW2[3,7]", "-0.6664").kind == "right"
    assert judged(book, "dW2[3,7]", "-0.6664").digits == 3
    assert judged(book, "dW2[3,7]", "-0.69").kind == "close"
    assert judged(book, "dW2[3,7]", "-1").kind == "coarse"
    assert judged(book, "dW2[3,7]", "0").kind == "not zero"
    assert judged(book, "dW2[3,7]", "-0.5").kind == "wrong"
    assert judged(book, "x[0]", "0").kind == "right"


def test_what_is_wrong_is_said_to_be_what_it_is(book):
    value = float(book.arrays["dZ2"][3])
    assert judged(book, "dZ2[3]", -value).kind == "sign"
    for factor, name in ((2, "2"), (0.5, "1/2"), (10, "10^1"), (1e-3, "10^-3")):
        for sign in (1, -1):
            found = judged(book, "dZ2[3]", sign * factor * value)
            assert (found.kind, found.factor, found.negative) == ("factor", name, sign < 0)
    found = judged(book, "dZ2[3]", value / 60000, ms=[128, 60000])
    assert (found.kind, found.factor, found.m) == ("factor", "1/m", 60000)
    found = judged(book, "dZ2[3]", value * 128, ms=[128, 60000])
    assert (found.kind, found.factor, found.m) == ("factor", "m", 128)
    A, y = book.arrays["A2"], book.arrays["y"]
    found = judged(book, "dZ2[5]", f"{A[5] - y[5]:.4f}")
    assert (found.kind, found.mistake) == ("mistake", "A - Y")
    found = judged(book, "dZ2[3]", float(A[3] * (1 - A[3]) * (A[3] - 1)))
    assert (found.kind, found.mistake) == ("mistake", "s(1 - s)")
    on = next(int(unit) for unit in np.flatnonzero(book.arrays["A1"]) if unit not in (6, 7, 8))
    found = judged(book, "dW2[3,7]", f"{book.arrays['dW2'][3, on]:.6g}")
    assert (found.kind, found.cell) == ("cell", f"dW2[3,{on}]")
    for cell in ("dZ2[3]", "A1[7]"):  # what dW2[3,7] is the product of
        array, k = cell[:-1].split("[")
        found = judged(book, "dW2[3,7]", f"{book.arrays[array][int(k)]:.3g}")
        assert (found.kind, found.cell) == ("cell", cell)
    found = judged(book, "Z1[7]", float(book.arrays["Z1"][6]))
    assert (found.kind, found.cell) == ("cell", "Z1[6]")


def test_a_number_of_few_digits_is_not_taken_for_some_other_cell_s(book):
    values = book.arrays["W1"]
    (far,) = [k for k in (500,) if values[3, k]]
    assert judged(book, "W1[0,0]", f"{values[3, far]:.2g}").kind in ("wrong", "coarse", "factor")


def test_a_derivative_that_is_zero_because_of_relu(book):
    off = int(np.flatnonzero((book.arrays["dZ1"] == 0) & (book.arrays["dA1"] != 0))[0])
    assert judged(book, f"dZ1[{off}]", "0").kind == "right"
    found = judged(book, f"dZ1[{off}]", float(book.arrays["dA1"][off]))
    assert (found.kind, found.mistake) == ("mistake", "no ReLU′")
    assert judged(book, f"dZ1[{off}]", "0.123456").kind == "zero"


def test_a_cell_without_a_number_says_so():
    there = ledger(1832)
    large = replace(there.network, parameters=there.network.parameters * 1e4, loss="cross_entropy")
    impossible = int(open_ledger(large, there.arrays["x"], 3).arrays["A2"].argmin())
    book = open_ledger(large, there.arrays["x"], impossible)
    assert np.isinf(book.arrays["dA2"][impossible])
    assert judge_number(book, f"dA2[{impossible}]", "1").kind == "infinite"


@settings(max_examples=300, deadline=None)
@given(
    text=st.text(max_size=70)
    | st.text("0123456789.,eE-+/·×^⁻⁴ x*()−", max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.tuples(st.integers(), st.integers()).map(lambda both: f"{both[0]}/{both[1]}"),
    cell=st.sampled_from(["dW2[3,7]", "dW1[3,350]", "E", "x[0]", "Z1[2]", "dA2[9]", "W1[0,0]"]),
)
def test_any_text_is_answered_or_refused_in_one_line(text, cell):
    book = ledger(1832)
    try:
        found = judge_number(book, cell, text, ms=[128, 60000])
    except NumberError as error:
        assert str(error).isprintable()  # noqa: PT017
        assert 0 < len(str(error)) < 200  # noqa: PT017
    else:
        assert found.kind
