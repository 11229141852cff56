"""Files of learners: right ones are right, however they are written; mistakes have their names."""

import random
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT
from helpers.mistaken import MISTAKES, STYLES, program

from chainrule.explain.bugs.program import RIGHT, Case, run
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.grade.grading import grade, grade_source
from chainrule.explain.grade.judge import cases, quotients
from chainrule.explain.grade.source import source_of

PROGRAMS = sorted((Path(__file__).parent / "right").glob("*.py"))
SIZES = (784, 10, 10)
RARE = {"≥ for >", "no maximum taken away"}  # seen at a corner and in an overflow alone
FIRST, BOTH = 0.95, 0.80  # of the mistakes are to be named


def graded(text):
    return grade_source(source_of(text, "mine.py"))


def all_named(report):
    """Every mistake that a report names, with those that give the same numbers."""
    found = set()
    for each in report.findings:
        alike = each.explanation.alike if each.explanation else ()
        found |= {bug.name for bug in (*each.bugs, *alike, *each.fragile)}
    return found


def first_named(report):
    """What is named first: of the first function that is wrong, or else what is fragile."""
    for each in report.findings:
        if each.verdict != "right":
            alike = each.explanation.alike if each.explanation else ()
            return {bug.name for bug in (*each.bugs[:1], *alike)}
    return all_named(report)


def count(mistakes, seed):
    """How many of these are named first, over the three styles, and the ones that are not."""
    missed = [
        (style, name)
        for style in STYLES
        for name in mistakes
        if name not in first_named(graded(program((name,), style=style, seed=seed)))
    ]
    total = len(STYLES) * len(mistakes)
    return (total - len(missed)) / total, missed


USUAL = """
import numpy as np
import pandas as pd

table = pd.read_csv("digits/train.csv").to_numpy()
m, n = table.shape
pixels, digits = table[:, 1:].T / 255, table[:, 0]

def relu(Z):
    return np.maximum(0, Z)

def softmax(Z):
    return np.exp(Z) / sum(np.exp(Z))

def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1 @ X + b1
    A1 = relu(Z1)
    Z2 = W2 @ A1 + b2
    return Z1, A1, Z2, softmax(Z2)

def one_hot(y):
    return np.eye(10)[y].T

def back_prop(Z1, A1, Z2, A2, W2, X, y):
    dZ2 = A2 - one_hot(y)
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    return dZ1 @ X.T / m, np.sum(dZ1) / m, dZ2 @ A1.T / m, np.sum(dZ2) / m
"""


def test_the_usual_notebook_without_its_data():
    """No loss, a global m from a table that is not there, and the biases' well-known mistake."""
    report = graded(USUAL)
    assert [
        (each.function, each.verdict) for each in report.findings if each.verdict != "right"
    ] == [("back_prop", "wrong")]
    (wrong,) = [each for each in report.findings if each.function == "back_prop"]
    assert [bug.name for bug in wrong.bugs] == ["one db for all units"]
    assert set(wrong.wrong) == {"db1", "db2"}
    assert "cross entropy" in report.loss
    assert "no maximum taken away" in all_named(report)
    assert any("the global m is set" in note for note in report.notes)
    # It is the number of images of each call: a fixed one would be another mistake.
    mended = graded(
        USUAL.replace("np.sum(dZ1) / m", "np.sum(dZ1, axis=1, keepdims=True) / m").replace(
            "np.sum(dZ2) / m", "np.sum(dZ2, axis=1, keepdims=True) / m"
        )
    )
    assert mended.right


def is_right(path):
    report = grade(path)
    assert report.right, [
        (each.function, each.verdict, each.trouble, each.wrong) for each in report.findings
    ]


@pytest.mark.parametrize("path", PROGRAMS[::4], ids=lambda path: path.stem)
def test_some_right_programs_are_right(path):
    is_right(path)


@pytest.mark.long
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_right_programs_are_right(path):
    is_right(path)


def test_there_are_more_than_fifty_right_programs():
    assert len(PROGRAMS) > 50


def test_the_written_mistakes_are_those_of_the_zoo():
    assert set(MISTAKES) <= {bug.name for bug in ZOO}
    page = (ROOT / "docs/guide/grade.md").read_text(encoding="utf-8")
    assert f"programs with {len(MISTAKES)} of the mistakes" in page


def test_quotients_are_the_derivatives_of_the_right_program():
    case = cases()[0]
    for loss in ("squared_error", "cross_entropy"):
        network = case.network.__class__(SIZES, case.network.parameters, loss)
        flat = run(RIGHT, Case(network, case.X, case.labels)).flat
        cells = np.array([7859, 3, 7845, 500])
        assert quotients(case, loss, cells) == pytest.approx(flat[cells], rel=1e-5, abs=1e-9)


def test_a_few_mistakes_are_named_first_in_each_style():
    share, missed = count(["W not transposed", "s(1 − s)", "one db for all units"], seed=11)
    assert share == 1, missed


def test_two_mistakes_at_once():
    pairs = [("Y − A", "no ReLU′"), ("W not transposed", "db of dA")]
    for style, pair in zip(STYLES, pairs, strict=False):
        assert set(pair) <= all_named(graded(program(pair, style=style, seed=5)))


@pytest.mark.long
def test_most_mistakes_are_named_first():
    for seed in (1, 2):
        share, missed = count(sorted(MISTAKES), seed)
        assert share >= FIRST, missed


@pytest.mark.long
def test_most_pairs_are_named():
    rng, tried, missed = random.Random(0), 0, []
    while tried < 60:
        pair = tuple(rng.sample(sorted(set(MISTAKES) - RARE), 2))
        if set(MISTAKES[pair[0]]) & set(MISTAKES[pair[1]]):
            continue
        tried += 1
        if not set(pair) <= all_named(graded(program(pair, style=STYLES[tried % 3], seed=tried))):
            missed.append(pair)
    assert 1 - len(missed) / tried >= BOTH, missed


@pytest.mark.long
def test_right_programs_of_every_style_are_right():
    for seed in range(6):
        for style in STYLES:
            for loss in ("squared_error", "cross_entropy"):
                text = program(style=style, seed=seed, loss=loss)
                assert graded(text).right, text


def test_the_loss_of_the_file_decides():
    """The same backward pass is right for one loss, and a mistake for the other."""
    crossed = program(loss="cross_entropy", seed=3)
    squared = program(seed=3)
    assert graded(crossed).right
    assert graded(squared).right
    wrong = graded(program(("A − Y with squared error",), seed=3))
    assert first_named(wrong) == {"A − Y with squared error"}


def test_a_gradient_of_another_scale_than_its_loss_is_named():
    text = program(seed=4).replace("/ 2 / Y.shape[1]", "/ Y.shape[1]")
    for name in ("targets", "y", "one_hot_Y", "T", "y_true"):
        text = text.replace(f"/ 2 / {name}.shape[1]", f"/ {name}.shape[1]")
    assert "loss without ½, gradient with it" in first_named(graded(text))


def test_without_a_loss_it_says_which_one_it_recognised():
    text = (Path(__file__).parent / "right/columns_plain.py").read_text(encoding="utf-8")
    assert graded(text).loss == "cross entropy, recognised in the gradient"
    asked = grade_source(source_of(text, "mine.py"), loss="squared_error")
    assert "A − Y with squared error" in all_named(asked)


IN_PLACE = """
import numpy as np

def slope(A):
    A[A > 0] = 1
    A[A <= 0] = 0
    return A

def loss(A2, Y):
    return -np.sum(Y * np.log(A2)) / Y.shape[1]

def backward(W1, b1, W2, b2, X, Y):
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    e = np.exp(Z2 - Z2.max(axis=0))
    dZ2 = (e / e.sum(axis=0) - Y) / X.shape[1]
    dZ1 = W2.T @ dZ2 * slope(Z1)
    dW2 = dZ2 @ A1.T
    return dZ1 @ X.T, dZ1.sum(axis=1, keepdims=True), dW2, dZ2.sum(axis=1, keepdims=True)

def train_step(W1, b1, W2, b2, X, Y, alpha):
    for array, d in zip((W1, b1, W2, b2), backward(W1, b1, W2, b2, X, Y)):
        array -= alpha * d
    return W1, b1, W2, b2
"""


def test_a_slope_written_in_place_is_right_where_nothing_reads_it_again():
    assert graded(IN_PLACE).right


@pytest.mark.parametrize(
    ("right", "wrong", "name"),
    [
        ("slope(Z1)", "slope(A1)", "ReLU′ written into A"),
        ("array -= alpha * d", "array = array - alpha * d", "step on a copy"),
        ("array -= alpha", "array -= alpha * alpha", "learning rate twice"),
        ("np.log(", "np.log10(", "log with base 10"),
        ("Y * np.log(A2)", "Y * np.log(A2) + (1 - Y) * np.log(1 - A2)", "binary cross-entropy"),
        (
            "np.sum(Y * np.log(A2)) / Y.shape[1]",
            "np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))",
            "binary cross-entropy",
        ),
    ],
)
def test_mistakes_of_memory_steps_and_losses_are_named_first(right, wrong, name):
    assert IN_PLACE.count(right) == 1
    assert first_named(graded(IN_PLACE.replace(right, wrong))) == {name}
