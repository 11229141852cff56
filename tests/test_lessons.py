"""Lessons: their files, the forms of their answers, and what becomes of an answer."""

import ast
import math
import re
import tomllib

import numpy as np
import pytest
from helpers import ROOT, toy_problem
from hypothesis import given
from hypothesis import strategies as st

from chainrule.explain.ledger import open_ledger
from chainrule.lessons.answers import allowed, judge_choice, judge_number, readings
from chainrule.lessons.forms import FormError, names_cells, parse_form, value_of
from chainrule.lessons.lesson import (
    HERE,
    LessonError,
    package_lessons,
    parse_lesson,
    read_lesson,
    read_lessons,
)
from chainrule.lessons.tasks import SHEETS

LESSONS = package_lessons()
GUIDE = (ROOT / "docs/guide/write-a-lesson.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"^```toml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def toy():
    """A ledger of a small network whose reading is not its label."""
    network, X, _ = toy_problem(np.random.default_rng(8))
    read = int(open_ledger(network, X[:, 0], 0).arrays["A2"].argmax())
    return open_ledger(network, X[:, 0], (read + 1) % 3)


# -------------------------------------------------------------------------------- the files


def test_there_are_twelve_lessons_in_the_order_of_the_subjects():
    assert [each.id for each in LESSONS] == [
        *("pixels", "stencil", "softmax", "loss", "slope", "chain", "jacobian", "rate"),
        *("batch", "losses", "overfitting", "mine"),
    ]
    assert len(list(HERE.glob("*.toml"))) == 12
    assert {each.id for each in LESSONS if each.sheet} == set(SHEETS)
    assert all(each.sheet in (None, each.id) for each in LESSONS)
    for each in LESSONS:
        assert 3 <= len(each.steps) <= 6
        assert 15 <= each.minutes <= 45


def test_the_example_of_the_guide_is_a_lesson(tmp_path):
    (tmp_path / "01-doubt.toml").write_text(EXAMPLE, encoding="utf-8")
    (lesson,) = read_lessons(tmp_path, beside=LESSONS)
    assert lesson.id == "doubt"
    assert lesson.question.digits == 2
    assert [each.why for each in lesson.question.wrong] == ["That is the digit that it reads."]


def changed(path, value):
    """The example with another value at this path; None takes the field away."""
    content = tomllib.loads(EXAMPLE)
    *outer, last = path
    inner = content
    for name in outer:
        inner = inner[name]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("title",), None, "title: wanted a text of 1 to 80 characters, got nothing"),
        (("title",), "x" * 81, "title: wanted a text of 1 to 80 characters, got 'xxx"),
        (("aim",), "  ", "aim: wanted a text of 1 to 600 characters, got '  '"),
        (("minutes",), "15", "minutes: wanted a whole number from 1 to 180, got '15'"),
        (("minutes",), True, "minutes: wanted a whole number from 1 to 180, got True"),
        (("minutes",), 0, "minutes: wanted a whole number from 1 to 180, got 0"),
        (("colour",), "red", "colour: wanted no such field, got 'red'"),
        (("sheet",), "doubt", "sheet: wanted one of pixels, softmax, .*, got 'doubt'"),
        (("steps",), [], r"steps: wanted 3 to 6 of \[\[steps\]\], got nothing"),
        (("steps", 1, "link"), None, r"steps\[2\].link: wanted parameters such as .*, got nothing"),
        (
            ("steps", 1, "link"),
            "?a b",
            r"steps\[2\].link: wanted parameters such as .*, got '\?a b'",
        ),
        (("steps", 1, "link"), "lesson=x", r"steps\[2\].link: wanted parameters"),
        (("steps", 1, "link"), "test=1&test=2", r"steps\[2\].link: wanted parameters"),
        (("steps", 2, "colour"), 1, r"steps\[3\].colour: wanted no such field, got 1"),
        (("steps", 2), "words", r"steps\[3\]: wanted a table, got 'words'"),
        (("question",), None, "question: wanted a table, got nothing"),
        (("question", "answer"), "__import__('os')", "question.answer: wanted a form such as"),
        (("question", "answer"), None, "question.answer: wanted a form such as"),
        (("question", "digits"), 0, "question.digits: wanted a whole number from 1 to 6, got 0"),
        (("question", "digits"), None, "question.within: wanted a number above 0, or digits"),
        (("question", "within"), 0.1, "question.within: wanted a number above 0, or digits"),
        (("question", "wrong", 0, "why"), 1, r"question.wrong\[1\].why: wanted a text"),
        (("question", "choices"), [{"words": "a", "right": True}], "question.choices: wanted two"),
        (
            ("question", "choices"),
            [{"words": "a", "right": 1}, {"words": "b", "why": "c"}],
            r"question.choices\[1\].right: wanted true or false, got 1",
        ),
        (("teacher", "pitfalls"), [], "teacher.pitfalls: wanted a list of 1 to 6 texts"),
        (("teacher", "pitfalls"), [1], "teacher.pitfalls: wanted a list of 1 to 6 texts"),
    ],
)
def test_a_wrong_field_is_one_line(path, value, told):
    with pytest.raises(LessonError, match=f"^01-doubt.toml: {told}") as refused:
        parse_lesson("01-doubt.toml", "doubt", changed(path, value))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("Doubt.toml", EXAMPLE.encode(), "Doubt.toml: wanted a name such as"),
        ("01-doubt.toml", b"title = ", "01-doubt.toml: wanted TOML in UTF-8, got"),
        ("01-doubt.toml", b"title = '\xff'", "01-doubt.toml: wanted TOML in UTF-8, got"),
        ("01-doubt.toml", b"a=" + b"[" * 5000, "01-doubt.toml: wanted TOML in UTF-8, got"),
        ("01-doubt.toml", b"#" * 100_001, "01-doubt.toml: wanted at most 100,000 bytes"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LessonError, match=f"^{told}"):
        read_lesson(tmp_path / name)


def test_an_id_is_there_once_and_a_folder_has_lessons(tmp_path):
    with pytest.raises(LessonError, match=r"wanted 1 to 200 files \*\.toml, got 0"):
        read_lessons(tmp_path)
    for name in ("01-doubt.toml", "02-doubt.toml"):
        (tmp_path / name).write_text(EXAMPLE, encoding="utf-8")
    with pytest.raises(LessonError, match=r"^02-doubt.toml: there is a lesson doubt already"):
        read_lessons(tmp_path)
    (tmp_path / "02-doubt.toml").rename(tmp_path / "02-softmax.toml")
    assert len(read_lessons(tmp_path)) == 2
    with pytest.raises(LessonError, match=r"^02-softmax.toml: there is a lesson softmax already"):
        read_lessons(tmp_path, beside=LESSONS)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_no_lesson_and_one_line(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    with pytest.raises(LessonError) as refused:
        read_lesson(path)
    assert "\n" not in str(refused.value)


# -------------------------------------------------------------------------------- forms


def test_forms_are_what_python_computes(toy):
    arrays = toy.arrays
    t, r = int(arrays["y"].argmax()), int(arrays["A2"].argmax())
    assert t != r
    for text, value in {
        "0.5 * -1.2": -0.6,
        "(0.9 * 0.9 + 9 * 0.1 * 0.1) / 2": 0.45,
        "exp(2) - log(3) + sqrt(2) * abs(-1)": math.e**2 - math.log(3) + 2**0.5,
        "E": float(arrays["E"]),
        "Z2[read] - Z2[true]": arrays["Z2"][r] - arrays["Z2"][t],
        "W1[2, 1] / b1[true]": arrays["W1"][2, 1] / arrays["b1"][t],
    }.items():
        assert value_of(parse_form(text), toy) == pytest.approx(value, rel=1e-14), text
    assert [names_cells(parse_form(text)) for text in ("E", "b1[0]", "exp(1)")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "A2", "true", "read + 1", "2 ** 3", "1 // 2", "'a'", "True", "1j", "Z2[-1]"),
        *("Z2[1:2]", "Z2[read][0]", "E[0].T", "exp(1, 2)", "exp(x=1)", "eval('1')", "E()", "[1]"),
        *("lambda: 1", "1 if E else 2", "(yield)", "1; 2", "\0", "1or 2", "1 +" * 60, "(" * 99),
    ],
)
def test_all_else_is_no_form(text):
    with pytest.raises(FormError, match=r"^wanted a form such as [^\n]*$"):
        parse_form(text)


@given(st.text(max_size=110))
def test_any_text_is_a_form_or_refused(text):
    try:
        value = value_of(parse_form(text))
    except FormError:
        return
    assert math.isfinite(value)


@pytest.mark.parametrize(
    "text", ["1 / 0", "log(0)", "sqrt(-1)", "exp(1000)", "1e308 * 10", "Z2[0]"]
)
def test_a_form_without_a_value_says_so(text):
    with pytest.raises(FormError, match=r"^[^\n]{1,300}$"):
        value_of(parse_form(text))


def test_a_cell_that_is_not_there_is_no_value(toy):
    for text in ("Z9[0]", "Z2[3]", "W2[0]", "E * nobody[0]"):
        with pytest.raises(FormError, match="has no value here"):
            value_of(parse_form(text), toy)


# -------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("text", "numbers"),
    {
        "0.36": [0.36],
        "0,36": [0.36],
        " − 0.36 ": [-0.36],
        "+3.6e-1": [0.36],
        "36 %": [0.36],
        "1/3": [1 / 3],
        "-1/4": [-0.25],
        "1,200": [1200, 1.2],
        "60,000,000": [60_000_000],
        "1 200": [1200],
        ".5": [0.5],
        "1.200,5": [],
        "1/0": [],
        "1e999": [],
        "nan": [],
        "inf": [],
        "0x10": [],
        "٣": [],
        "three": [],
        "": [],
        "1" * 41: [],
    }.items(),
)
def test_how_a_typed_number_is_read(text, numbers):
    assert readings(text) == pytest.approx(numbers)


def test_a_tolerance_is_one_unit_of_the_last_digit(toy):
    question = LESSONS[2].question
    assert question.digits == 2
    for value, most in ((1.83, 0.1), (-0.0456, 0.001), (730, 10), (0, 0.1)):
        assert allowed(question, value) == pytest.approx(most)


def test_an_answer_is_judged():
    rate = next(each for each in LESSONS if each.id == "rate").question
    kinds = {
        text: judge_number(rate, text).kind
        for text in (
            "0.9",
            "9/10",
            "0,9",
            "90 %",
            "0.9009",
            "0.9011",
            "0.905",
            "0.7",
            "-0.9",
            "5",
            "?",
        )
    }
    assert kinds == {
        **dict.fromkeys(("0.9", "9/10", "0,9", "90 %", "0.9009"), "right"),
        **dict.fromkeys(("0.9011", "0.905"), "close"),
        **{"0.7": "explained", "-0.9": "sign", "5": "wrong", "?": "unread"},
    }
    assert judge_number(rate, "0.7").says.startswith("That goes up the slope")
    assert judge_number(rate, "0.9").says == rate.because
    choice = LESSONS[1].question
    assert judge_choice(choice, 0) == ("right", choice.because)
    assert judge_choice(choice, 1).kind == "explained"


def test_no_explained_answer_is_taken_for_right_and_each_is_explained():
    for lesson in LESSONS:
        question = lesson.question
        if question.answer is None or names_cells(question.answer):
            continue
        assert judge_number(question, repr(value_of(question.answer))).kind == "right"
        for wrong in question.wrong:
            verdict = judge_number(question, repr(value_of(wrong.answer)))
            assert verdict == ("explained", wrong.why), (lesson.id, ast.unparse(wrong.answer))


# -------------------------------------------------------------------------------- for schools


def test_the_page_for_schools_says_what_the_page_keeps():
    page = ROOT / "src/chainrule/lab/page"
    code = "".join(path.read_text(encoding="utf-8") for path in page.rglob("*.js"))
    told = (ROOT / "docs/guide/teachers.md").read_text(encoding="utf-8")
    for other in ("sessionStorage", "indexedDB", "document.cookie", "caches."):
        assert other not in code or other in told, other
    assert "localStorage" in told
    assert not re.findall(r"https?://(?!www\.w3\.org)", code)  # it asks nobody else
    listed = re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE)
    assert listed == list(SHEETS)
