"""Files as people publish and hand them in: many layouts, rules of steps, sizes and mistakes."""

import io
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.descent import Rule, take_step
from chainrule.explain.bugs.program import RIGHT, Case, Step
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.grade.frames import LONG, Made, pack, unpack
from chainrule.explain.grade.grading import grade, grade_source
from chainrule.explain.grade.judge import make_case
from chainrule.explain.grade.losses import fit, half_square, known_loss, own_cases
from chainrule.explain.grade.report import NAME, lines
from chainrule.explain.grade.rules import Walk, plain_case, recognise
from chainrule.explain.grade.source import source_of

HERE = Path(__file__).parent
WRONG = sorted((HERE / "wrong").glob("*.py"))
NOTEBOOKS = {  # what each published form has: mistakes by name, or arrays that are wrong
    "all_in_a_class": {"one db for all units"},
    "axis_two": {"dW1", "db1", "dW2", "db2"},
    "batches_and_momentum": {"momentum without its decay"},
    "derivative_flag": {"s(1 − s)"},
    "image_by_image": {"dW2"},
    "layers_as_objects": {"weights updated first"},
    "least_squares": {"A − Y with squared error"},
    "table_of_pixels": {"one db for all units"},
    "twenty_neurons": {"one db for all units"},
    "updates_in_backward": {"weights updated first"},
}


def graded(text):
    return grade_source(source_of(text, "mine.py"))


def told(report):
    """The first mistakes that are named, or else the wrong arrays of what is wrong first."""
    for each in report.findings:
        if each.verdict != "right":
            names = {bug.name for bug in each.bugs}
            return names or set(each.wrong) or {each.role}
    return set()


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_mistakes_written_by_hand_are_named(path):
    text = path.read_text(encoding="utf-8")
    wanted = text.splitlines()[0].removeprefix("# ")
    names = {wanted} & {bug.name for bug in ZOO}
    found = told(grade(path))
    assert found == (names or set(wanted.removeprefix("wrong: ").split()))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_published_forms_are_read_and_their_mistakes_told(name):
    report = grade(HERE / "notebooks" / f"{name}.py")
    assert told(report) == NOTEBOOKS[name]
    assert {each.verdict for each in report.findings} <= {"right", "wrong"}
    form = (HERE / "notebooks" / f"{name}.py").read_text(encoding="utf-8").splitlines()[0]
    page = (ROOT / "docs/guide/grade.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in page if form.removeprefix("# ") in line]
    assert all(each in row for each in NOTEBOOKS[name])


def test_every_published_form_is_in_the_list():
    assert {path.stem for path in (HERE / "notebooks").glob("*.py")} == set(NOTEBOOKS)


# A right program is not right any more with one of these changes: nothing is simply let through.
@pytest.mark.parametrize(
    ("name", "right", "wrong", "says"),
    [
        ("spanish", "tasa * gp1", "-tasa * gp1", {"W1"}),
        ("pinyin", "wucha2 /= geshu", "wucha2 /= geshu * geshu", {"1/m twice"}),
        ("everything_global", "b1 - alpha * db1", "b1 - alpha * dW1[:, :1]", {"db1"}),
        ("named_tuples", "params.W2.T @ dZ2", "params.W2 @ dZ2", {"W not transposed"}),
        ("flat_vector", "W2.T @ dZ2 * (Z1 > 0)", "W2.T @ dZ2", {"no ReLU′"}),
        ("sizes_32", "dZ2 = A2 - Y", "dZ2 = Y - A2", {"Y − A"}),
        ("class_attributes", "lr * self.db2", "lr * self.db1", {"b2"}),
        ("weight_decay", "+ LAMBDA * W2", "", {"dW2"}),
        ("weight_decay", "+ LAMBDA * W", "+ 2 * LAMBDA * W", {"2λ"}),
        ("steps_adam_counted", "np.sqrt(sc)", "sc", {"Adam without its root"}),
        ("steps_apart_momentum", "momentum * v", "1 * v", {"momentum without its decay"}),
        ("step_with_velocity", "momentum * v", "1 * v", {"momentum without its decay"}),
        ("sequential", "-= lr * layer.weight", "+= lr * layer.weight", {"W1", "W2"}),
        ("loss_with_grads", "dscores /= N", "", {"1/m missing"}),
        ("spanish", " tasa * g", " tasa * tasa * g", {"learning rate twice"}),
        ("steps_decayed", "lr * db1", "lr * (db1 + weight_decay * b1)", {"decay of biases"}),
    ],
)
def test_a_right_program_that_is_changed_is_wrong(name, right, wrong, says):
    text = (HERE / "right" / f"{name}.py").read_text(encoding="utf-8")
    assert right in text
    assert told(graded(text.replace(right, wrong))) == says


def test_a_remark_says_the_factor_and_the_other_loss():
    factor = "\n".join(lines(grade(HERE / "notebooks/axis_two.py"), NAME))
    assert "dW1 db1 dW2 db2 are 2 times what is right" in factor
    loss = "\n".join(lines(grade(HERE / "wrong/binary_cross_entropy.py"), NAME))
    assert "the right gradient of cross entropy, which is not the loss here" in loss


# ------------------------------------------------------------------------------ rules of steps


def walk_of(rule, *, seed=0, steps=4, rate=0.3):
    """A walk by an optimizer of ours, and its numbers for chainrule.explain.grade.rules."""
    rng = np.random.default_rng(seed)
    theta, memory = rng.standard_normal(12), np.zeros((2, 12))
    if rule.optimizer != "adam":
        memory = memory[: int(rule.optimizer == "momentum")]
    thetas, gradients = [theta], list(rng.standard_normal((steps, 12)))
    for t, g in enumerate(gradients, 1):
        theta, memory = take_step(rule, theta, g, memory, learning_rate=rate, step=t)
        thetas.append(theta)
    return Walk(thetas, gradients, {"W1": slice(0, 9), "b1": slice(9, 12)}, rate, False)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 0.98), st.sampled_from(["momentum", "adam"]))
def test_our_own_rules_are_recognised(seed, decay, optimizer):
    known = recognise(walk_of(Rule(optimizer, decay), seed=seed))
    assert not known.wrong
    assert not known.bugs
    words = "Adam" if optimizer == "adam" else f"momentum, decay {decay:.3g}"
    assert known.words.startswith(words[:12])


def test_a_step_that_is_no_rule_is_wrong_where_it_differs():
    walk = walk_of(Rule())
    walk.thetas[2][10] += 0.1
    assert recognise(walk).wrong == ("b1",)


@pytest.mark.parametrize("bug", [b for b in ZOO if b.judged == "step" and "step" in b.parts])
def test_steps_of_a_mistake_have_its_name(bug):
    """Each by the zoo's own step, with every optimizer with which it can be made."""
    case, gradients = (
        make_case((4, 3, 2), 4, 1),
        list(np.random.default_rng(3).random((3, 12)) - 0.5),
    )
    for optimizer in ("descent", "momentum", "adam"):
        rule = Rule(optimizer)
        if bug.applies(Case(case.network, case.X, case.labels, rule, 0.3, ((2,), (2,)))):
            known = recognise(walk_with(bug, rule, np.zeros(12), gradients))
            assert bug in (*known.bugs, *known.alike)


def walk_with(bug, rule, theta, gradients):
    """The steps that this mistake takes from these gradients."""
    memory = np.zeros(({"descent": 0, "momentum": 1, "adam": 2}[rule.optimizer], theta.size))
    thetas = [theta]
    for number in range(1, len(gradients) + 1):
        case = plain_case(thetas[-1], rule)._replace(learning_rate=0.3)
        at = Step(case, tuple(gradients[:number]), memory, number)
        moved, memory = bug.in_(RIGHT).step(at)
        thetas.append(moved)
    places = {"W1": slice(0, 9), "b1": slice(9, 12)}
    return Walk(thetas, gradients, places, 0.3, rule.optimizer != "descent")


# ------------------------------------------------------------------------------ losses, frames


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 10), st.floats(1e-4, 1), st.sampled_from(["squared_error", "cross_entropy"]))
def test_a_factor_and_a_weight_decay_are_found_in_a_loss(factor, decay, loss):
    own = own_cases(make_case((6, 4, 3), 3, 1), single=False)
    values = [factor * (known_loss(case, loss) + decay * half_square(case)) for case in own]
    assert fit(own, values, loss, decaying=False) is None
    scale, found = fit(own, values, loss, decaying=True)
    assert list(scale.values()) == pytest.approx([factor] * 2)
    assert list(found.values()) == pytest.approx([decay] * 2)


@given(st.lists(st.lists(st.integers(-9, 9), min_size=LONG, max_size=LONG), min_size=1, max_size=4))
def test_long_lists_of_numbers_travel_as_arrays(rows):
    found = unpack(io.BytesIO(pack({"W": rows, "kept": Made("Params", {"b": rows[0]})})))
    assert np.array_equal(found["W"], np.array(rows, dtype=float))
    assert found["kept"].kind == "Params"
    assert np.array_equal(found["kept"].fields["b"], np.array(rows[0], dtype=float))
