"""The answers about lessons: every question accepts its answer and refuses a near miss."""

import json
import re
from urllib.parse import parse_qsl

import numpy as np
import pytest
from helpers.clients import MISREAD, client_of, posted

from chainrule import forward, predict
from chainrule.cli.lab import all_lessons
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import shipped
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served
from chainrule.lessons.lesson import package_lessons, read_lessons
from chainrule.runs.names import settings_of

# Worked by hand: the right answer, and near misses.
NUMBERS = {
    "pixels": ("-0.6", ["-0.602", "-0.598", "0.6"]),
    "loss": ("0.45", ["0.452", "0.448", "0.9"]),
    "slope": ("-0.002", ["-0.0022", "-0.0018", "0.002"]),
    "chain": ("-0.3", ["-0.302", "-0.298", "0.3"]),
    "jacobian": ("0", ["0.001", "-0.001", "1"]),
    "rate": ("0.9", ["0.902", "0.898", "0.7"]),
    "batch": ("1,200", ["1201", "1199", "60000"]),
    "losses": ("-0.99", ["-0.992", "-0.988", "0.99"]),
}
CHOICES = {
    "stencil": "nothing",
    "overfitting": "97.0 %",
    "mine": "Being sure is not being right",
}


@pytest.fixture(scope="module")
def told(page):
    return {each["id"]: each for each in page.get("/api/lessons").json()["lessons"]}


def judged(page, lesson, answer, moment=MISREAD):
    return posted(page, "/api/answer", moment | {"lesson": lesson, "answer": answer})


def test_every_lesson_is_told_and_no_answer(told):
    assert list(told) == [each.id for each in package_lessons()]
    assert {*NUMBERS, *CHOICES, "softmax"} == set(told)
    for lesson in package_lessons():
        entry = told[lesson.id]
        assert (entry["title"], entry["minutes"]) == (lesson.title, lesson.minutes)
        assert entry["steps"] == [each._asdict() for each in lesson.steps]
        assert set(entry["question"]) == {"words", "link", "digits", "within", "choices"}
        text = json.dumps(entry, ensure_ascii=False)
        assert lesson.question.because not in text
        for each in (*lesson.question.wrong, *lesson.question.choices):
            assert not each.why or each.why not in text


@pytest.mark.parametrize("lesson", NUMBERS)
def test_a_number_is_accepted_and_a_near_miss_refused(page, lesson):
    right, misses = NUMBERS[lesson]
    assert judged(page, lesson, right)["kind"] == "right"
    assert judged(page, lesson, right)["says"]
    for miss in misses:
        assert judged(page, lesson, miss)["kind"] != "right", miss


@pytest.mark.parametrize("lesson", CHOICES)
def test_a_choice_is_accepted_and_the_others_explained(page, told, lesson):
    choices = told[lesson]["question"]["choices"]
    for k, words in enumerate(choices):
        came = judged(page, lesson, k)
        assert (came["kind"] == "right") == (words == CHOICES[lesson])
        assert len(came["says"]) > 20


@pytest.mark.parametrize(
    ("network", "number", "label"), [("small", 1832, None), ("small", 1832, 7), ("large", 8, None)]
)
def test_the_answer_that_depends_on_the_image_is_that_of_the_image(
    page, lab, mnist, network, number, label
):
    """The quotient of two probabilities, which softmax makes of the difference of two sums."""
    digit = mnist[1][number]
    A = forward(lab.named(network).exact, digit.X.astype(np.float64)).A[2][:, 0]
    value = A.max() / A[int(digit.labels[0]) if label is None else label]
    moment = {"network": network, "image": {"test": number}, "label": label}
    unit = 10.0 ** (np.floor(np.log10(value)) - 1)
    for share, right in ((0, True), (0.9, True), (-0.9, True), (1.2, False), (-1.2, False)):
        came = judged(page, "softmax", repr(float(value + share * unit)), moment)
        assert (came["kind"] == "right") == right, share
    if value > 1:
        assert judged(page, "softmax", repr(float(np.log(value))), moment)["kind"] == "explained"


def test_what_is_no_answer_is_refused_in_one_line(page):
    for more, status, reason in (
        ({"lesson": "nobody", "answer": "1"}, 404, "no lesson 'nobody' here; there are pixels, "),
        ({"lesson": 3, "answer": "1"}, 400, "lesson must be a text"),
        ({"lesson": "rate", "answer": 1}, 400, "answer must be a text"),
        ({"lesson": "rate", "answer": "1" * 41}, 400, "answer must be a text of at most 40"),
        ({"lesson": "mine", "answer": "1"}, 400, "answer must be a whole number from 0 to 3"),
        ({"lesson": "mine", "answer": 4}, 400, "answer must be a whole number from 0 to 3"),
        ({"lesson": "rate"}, 400, "the fields of the body are .*; answer is missing"),
    ):
        came = page.post("/api/answer", json=MISREAD | more)
        assert came.status_code == status
        assert re.search(reason, came.json()["error"])
    assert page.get("/api/lessons?x=1").status_code == 400


def test_a_question_that_has_no_answer_for_this_image_says_so(tmp_path):
    (tmp_path / "deep.toml").write_text(DEEP, encoding="utf-8")
    lab = Lab(shipped(), ThreadedTraining, folder=tmp_path, lessons=read_lessons(tmp_path))
    page = client_of(Served(lab, 8765))
    came = page.post("/api/answer", json=MISREAD | {"lesson": "deep", "answer": "1"})
    assert came.status_code == 400
    assert came.json()["error"].startswith("the answer cannot be computed for this image: Z7[0]")


DEEP = """
title = "Deep"
aim = "a"
prior = "b"
minutes = 5
question = { words = "c", because = "d", answer = "Z7[0]", digits = 1 }
teacher = { time = "e", pitfalls = ["f"] }
steps = [{ words = "1", link = "c=1" }, { words = "2", link = "b=2" }, { words = "3", link = "a=3"}]
"""


def test_images_of_the_lessons_that_are_named_by_number_are_read_right(lab, mnist):
    """A lesson says so of test image 0; all others are chosen by a rule."""
    links = [
        link
        for lesson in package_lessons()
        for link in [each.link for each in (*lesson.steps, *lesson.teacher.links)]
    ]
    numbered = [
        link for link in links if "test=" in link and "as" not in link.split("test=")[1][:4]
    ]
    assert numbered
    for link in numbered:
        assert "network=small&test=0" in link
    assert predict(lab.named("small").network, mnist[1][0].X)[0] == mnist[1].labels[0]


def test_every_run_of_a_lesson_can_be_trained_here():
    links = [each.link for lesson in package_lessons() for each in lesson.steps]
    runs = {
        id
        for link in links
        for name, id in parse_qsl(link)
        if name in ("network", "with") and id not in ("small", "large")
    }
    assert len(runs) >= 6
    for id in runs:
        recipe = settings_of(id)  # refuses what is not written as chainrule writes it
        assert recipe.engine == "numpy"  # which every installation has
        assert recipe.settings.data is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, r"lessons: no such file or directory"),
        ("", r"lessons: wanted 1 to 200 files \*\.toml, got 0"),
        ("title = 3", r"01-deep.toml: title: wanted a text of 1 to 80 characters, got 3"),
    ],
)
def test_a_wrong_folder_of_lessons_is_one_line_before_the_lab_starts(
    inside, tmp_path, content, told
):
    folder = tmp_path / "lessons"
    if content is not None:
        folder.mkdir()
    if content:
        (folder / "01-deep.toml").write_text(content)
    done = inside("lab", "--no-browser", "--lessons", "lessons", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert re.search(told, done.stderr)


def test_lessons_of_a_folder_stand_behind_those_of_the_package(tmp_path):
    (tmp_path / "deep.toml").write_text(DEEP, encoding="utf-8")
    found = all_lessons(tmp_path)
    assert [each.id for each in found] == [*(each.id for each in package_lessons()), "deep"]
