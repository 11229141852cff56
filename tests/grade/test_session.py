"""The functions of a notebook that runs: graded where they are, and left as they were."""

import linecache
import random
import re
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
from helpers.mistaken import program
from hypothesis import given
from hypothesis import strategies as st

from chainrule.explain.grade.grading import grade as grade_file
from chainrule.explain.grade.names import GRADED
from chainrule.explain.grade.report import lines
from chainrule.explain.grade.session import functions_of, grade_names
from chainrule.notebook import grade

PROGRAMS = sorted((Path(__file__).parent / "right").glob("*.py"))
# They load a package that is not there; in a notebook such a cell has failed before.
LOADING = {"trains_at_import", "trained_at_import", "script_with_main"}
PROGRAMS = [path for path in PROGRAMS if path.stem not in LOADING]
S = "s(1 − s)"


def session(text, *, known=True, **names):
    """The names of a notebook that has run this text, whose lines Python knows or not."""
    file = f"<cell {random.getrandbits(64):x}>"
    if known:
        linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    names = {"__name__": "a_notebook", **names}
    exec(compile(text, file, "exec"), names)
    return names


def verdicts(report):
    return [(each.function, each.verdict, each.reading) for each in report.findings]


def is_right_in_memory(path):
    report = grade_names(session(path.read_text(encoding="utf-8")))
    assert report.right, lines(report, 3)


@pytest.mark.parametrize("path", PROGRAMS[::7], ids=lambda path: path.stem)
def test_some_right_programs_are_right_in_memory_too(path):
    is_right_in_memory(path)


@pytest.mark.long
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_right_programs_are_right_in_memory_too(path):
    is_right_in_memory(path)


def test_what_a_step_remembers_in_a_global_dict_is_put_back():
    path = Path(__file__).parent / "right" / "steps_global_velocity.py"
    names = session(path.read_text(encoding="utf-8"))
    names["velocity"]["W1"] = kept = np.ones((10, 784))
    grade_names(names)
    assert names["velocity"] == {"W1": kept}


@pytest.mark.parametrize("style", ["columns", "rows", "layers"])
def test_a_notebook_is_told_the_same_as_a_file(style, tmp_path):
    text = program((S,), style=style, seed=8)
    place = tmp_path / "notebook"
    place.write_text(text, encoding="utf-8")
    here, apart = grade_names(session(text)), grade_file(place)
    assert verdicts(here) == verdicts(apart)
    assert lines(here, 3) == lines(apart, 3)
    assert S in " ".join(lines(here, 3))


@pytest.mark.parametrize("style", ["columns", "rows", "layers"])
def test_functions_are_graded_without_their_text(style):
    """As below %%time, where Python does not know the lines of a cell."""
    right, wrong = (program(bugs, style=style, seed=8) for bugs in ((), (S,)))
    assert grade_names(session(right, known=False)).right
    names = session(wrong, known=False)
    assert lines(grade_names(names), 3) == lines(grade_names(session(wrong)), 3)
    broken = grade(session("def relu(Z):\n    return W3\n", known=False))
    assert repr(broken).endswith("NameError: name 'W3' is not defined\n0 of 1 right")


GLOBAL_M = """
import numpy as np

def forward(W1, b1, W2, b2, X):
    global seen
    seen = X
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0) + 0 * np.random.rand()
    Z2 = W2 @ A1 + b2
    e = np.exp(Z2 - Z2.max(axis=0))
    return Z1, A1, Z2, e / e.sum(axis=0)

def backward(W2, X, Y, Z1, A1, A2):
    dZ2 = (A2 - Y) / m
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    return dZ1 @ X.T, dZ1.sum(axis=1, keepdims=True), dZ2 @ A1.T, dZ2.sum(axis=1, keepdims=True)
"""


@pytest.mark.parametrize("copied", [False, True])
def test_names_and_random_numbers_are_afterwards_what_they_were(copied):
    names = session(GLOBAL_M, m=60_000)
    before, state = dict(names), np.random.get_state()[1].tolist()
    report = grade_names(dict(names) if copied else names)
    assert report.right, lines(report, 3)  # with 60,000 for m no gradient would be
    assert names == before
    assert np.random.get_state()[1].tolist() == state


def test_only_what_was_defined_there_is_graded():
    scipy = types.ModuleType("scipy_special")
    exec("def softmax(x, axis=None):\n    return x\n", scipy.__dict__)
    names = session("def relu(Z):\n    return Z * (Z > 0)\n", softmax=scipy.softmax)
    assert verdicts(grade_names(names)) == [("relu", "right", "relu(Z)")]
    assert "no function is known" in grade_names({}).refused


def test_decorated_functions_lambdas_and_methods_are_found():
    text = (
        "import functools\n"
        "def twice(f):\n"
        "    @functools.wraps(f)\n"
        "    def inner(*args): return f(*args)\n"
        "    return inner\n"
        "@twice\n"
        "def relu(Z):\n    return Z * (Z > 0)\n"
        "relu_derivative = lambda Z: Z > 0\n"
        "class Net:\n"
        "    @staticmethod\n"
        "    def forward(X): return X\n"
    )
    found = functions_of(session(text))
    assert {name: each.params for name, each in found.items()} == {
        **{"twice": ("f",), "relu": ("Z",), "relu_derivative": ("Z",)},
        "Net.forward": ("X",),
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("while True: pass", "still running after the time it has in line 2: while True: pass"),
        ("return W3", "NameError: name 'W3' is not defined in line 2: return W3"),
        ("raise NotImplementedError", "not written"),
        ("return relu(Z)", "RecursionError"),
        ("raise SystemExit", "SystemExit"),
        ("return print('loud')", "gives no array"),
        ("return np.float64(1) / 0", "gives no array"),
    ],
)
def test_what_goes_wrong_in_a_notebook_is_one_sentence(body, says, capsys):
    names = session(f"def relu(Z):\n    {body}\n", np=np)
    with pytest.raises(AssertionError) as raised:
        grade(names, seconds=0.3).assert_right("relu")
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert capsys.readouterr() == ("", "")  # nbgrader takes what is on stderr for a failure


def test_an_interrupt_of_the_cell_reaches_it():
    with pytest.raises(KeyboardInterrupt):
        grade_names(session("def relu(Z):\n    raise KeyboardInterrupt\n"))


def test_it_grades_in_a_thread_without_a_clock():
    names, found = session("def relu(Z):\n    return Z * (Z > 0)\n"), []
    thread = threading.Thread(target=lambda: found.append(grade_names(names)))
    thread.start()
    thread.join()
    assert found[0].right


odd = st.none() | st.integers() | st.text(max_size=4) | st.binary(max_size=4)
odd |= st.sampled_from([np, len, int, str.join, np.maximum, re.compile("a"), random.Random, sys])
odd |= st.builds(lambda: lambda Z: Z) | st.builds(lambda: type("Net", (), {"forward": len}))


@given(st.dictionaries(st.sampled_from([*GRADED, "__name__", "x", "W1"]), odd, max_size=6))
def test_any_names_can_be_graded(names):
    before = dict(names)
    report = grade_names(names, seconds=1)
    assert report.refused is None or "\n" not in report.refused
    assert names == before


# ------------------------------------------------------------------------------------ assertions


def test_assertions_and_points_ask_for_the_functions_of_the_task():
    names = session(program((S,), seed=2))
    graded = grade(names)
    graded.assert_right("forward")
    graded.assert_right("forward", "loss")
    for asked in (("backward",), ("loss", "backward"), ()):
        with pytest.raises(AssertionError, match=r"wrong in dW1 .*; most in d.*question: "):
            graded.assert_right(*asked)
    with pytest.raises(AssertionError, match=r"^update: not written; it is not there$"):
        graded.assert_right("update")
    # Of three functions two are right; update is a fourth.
    assert graded.points(9) == graded.points(9, "forward", "loss", "backward") == 6
    assert graded.points(10, "forward", "forward", "update", "loss", "backward") == 5
    assert graded.points(4, "backward") == 0
    assert grade(session(program(seed=2))).points(7, "backward") == 7
    assert grade(session(program(seed=2))).points(2 / 3) == 2 / 3  # 0.67 is more than there are
    assert grade({}).points(7) == 0


@pytest.mark.parametrize("hints", range(4))
def test_an_assertion_tells_no_more_than_the_hints(hints):
    with pytest.raises(AssertionError) as raised:
        grade(session(program((S,), seed=2)), hints=hints).assert_right()
    for level, words in enumerate(("backward", "most in", "question", S)):
        there = words in str(raised.value) or (level == 0 and "wrong" in str(raised.value))
        assert there == (hints >= level)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"hints": 4}, "hints from 0 to 3"),
        ({"hints": "all"}, "hints from 0 to 3"),
        ({"loss": "mse"}, "squared_error, cross_entropy"),
        ({"seconds": 0}, "a time in seconds"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        grade({}, **settings)


def test_outside_a_notebook_it_asks_for_the_names():
    with pytest.raises(ValueError, match=r"wanted grade\(globals\(\)\)"):
        grade()
    with pytest.raises(ValueError, match=r"wanted functions of forward, .*, got 'backwards'"):
        grade({}).assert_right("backwards")
    with pytest.raises(ValueError, match="wanted the points"):
        grade({}).points(float("nan"))
