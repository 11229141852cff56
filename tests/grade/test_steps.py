"""The formulas beside a file's arrays: true in its layout, and those that a mistake is about."""

import re
from dataclasses import replace

import numpy as np
import pytest

from chainrule.explain.bugs.program import RIGHT, run
from chainrule.explain.bugs.program import Case as Given
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.grade.grading import grade_source
from chainrule.explain.grade.judge import SIZES, make_case
from chainrule.explain.grade.layout import FORMS, ONE_IMAGE
from chainrule.explain.grade.losses import Judged
from chainrule.explain.grade.report import Finding
from chainrule.explain.grade.source import source_of
from chainrule.explain.grade.steps import BACKWARD, FORWARD, concerned, formulas, steps_of
from chainrule.network import LOSSES

CASE = make_case(SIZES, 3, 1)
PLAIN = ("Z1", "Z2", "dW1", "dW2", "dA1", "dZ1", "A1")  # whose formulas NumPy can compute


def laid(form, numbers):
    """The numbers as a file of this form has them, one image as a column."""
    whole = replace(form, single=False)
    found = {name: whole.examples(numbers[name]) for name in ("X", *FORWARD)}
    found |= {name: whole.examples(numbers[name]) for name in ("dA1", "dZ1", "dA2", "dZ2")}
    for l in (1, 2):
        found |= {f"{d}W{l}": whole.weight(numbers[f"{d}W{l}"]) for d in ("", "d")}
        b = numbers[f"b{l}"]
        found[f"b{l}"] = b.T if form.rows else b
    return found


def computed(formula, names):
    """What NumPy gives for the right-hand side: names beside each other are multiplied."""
    right = formula.partition(" = ")[2].replace("⊙", "*").replace("ᵀ", ".T")
    right = re.sub(r"(?<=[\w.]) (?=[A-Zd])", " @ ", right).replace("ReLU′", "slope")
    helps = {"ReLU": lambda Z: np.maximum(Z, 0), "slope": lambda Z: Z > 0}
    return eval(right, {}, names | helps)


@pytest.mark.parametrize("form", [*FORMS, *ONE_IMAGE], ids=lambda form: form.in_words()[:40])
def test_formulas_are_true_in_every_layout(form):
    case = make_case(SIZES, 1, 1) if form.single else CASE
    names = laid(form, case.numbers())
    found = formulas(form, None)
    for array in PLAIN:
        assert np.allclose(computed(found[array], names), names[array], rtol=1e-12), found[array]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_formula_of_a_loss_has_its_factor_or_says_c(loss):
    numbers = CASE.numbers(loss)
    away = ((numbers["A2"] - numbers["Y"]) ** 2).sum()
    logs = (numbers["Y"] * np.log(numbers["A2"])).sum()
    m, E = CASE.m, run(RIGHT, given(loss)).E
    values = {"E = 1/(2m) Σ (A2 - Y)²": away / (2 * m), "E = -1/m Σ Y log A2": -logs / m}
    text = formulas(FORMS[0], Judged(loss, {3: 1.0, 1: 1.0}, ""))["E"]
    assert np.isclose(values[text], E)
    scaled = formulas(FORMS[0], Judged(loss, {3: 3.0, 1: 1.0}, ""))["E"]
    assert re.sub(r"-?1/\(?2?m\)?", "c", text).replace("= c Σ Y", "= -c Σ Y") == scaled
    assert "E" not in formulas(FORMS[0], Judged(None, None, "its own"))


def given(loss):
    return Given(replace(CASE.network, loss=loss), CASE.X, CASE.labels)


ORDER = ("X", "Y", *FORWARD, "E", *BACKWARD)


def arrays(program, loss):
    at = run(program, given(loss))
    found = {"X": at.A[0], "Y": at.Y, "E": at.E}
    for name in (*FORWARD, *BACKWARD):
        found[name] = getattr(at, name[:-1])[int(name[-1])]
    return found


@pytest.mark.parametrize("loss", LOSSES)
def test_a_mistake_is_said_of_the_first_array_that_it_makes_wrong(loss):
    right, seen = arrays(RIGHT, loss), 0
    for bug in ZOO:
        if bug.judged == "step" or not bug.applies(given(loss)):
            continue
        wrong = arrays(bug.in_(RIGHT), loss)
        off = [
            name
            for name in ORDER
            if not np.allclose(wrong[name], right[name], rtol=1e-9, atol=1e-12, equal_nan=True)
        ]
        finding = Finding("backward", "backward", "wrong", wrong=tuple(off))
        said = concerned(bug, finding, Judged(loss, None, ""))
        assert said, bug.name
        if off:
            seen += 1
            assert off[0] in {text.partition(" ")[0] for text in said}, bug.name
    assert seen > 50


def test_every_mistake_has_a_formula():
    for bug in ZOO:
        finding = Finding("update", "update", "wrong")
        assert concerned(bug, finding, Judged("squared_error", None, "")), bug.name


def test_steps_say_of_each_array_what_the_report_says():
    text = """
import numpy as np
def softmax(Z):
    return np.exp(Z) / np.exp(Z).sum(axis=0)
def forward(W1, b1, W2, b2, X):
    A1 = np.maximum(W1 @ X + b1, 0)
    return softmax(W2 @ A1 + b2)
def update(W1, b1, W2, b2, dW1, db1, dW2, db2, alpha):
    return W1 + alpha * dW1, b1, W2 - alpha * dW2, b2 - alpha * db2
def loss(A2, Y):
    raise NotImplementedError
"""
    report = grade_source(source_of(text, "mine.py"))
    told = {each.function: steps_of(each, report.by) for each in report.findings}
    verdicts = {name: [step.verdict for step in steps] for name, steps in told.items()}
    assert verdicts == {
        "softmax": ["right"],
        "forward": [None, None, None, "right"],
        "update": ["wrong", "wrong", "right", "right"],
        "loss": [],
    }
    assert told["update"][0].formula == "W1 := W1 - α dW1"
