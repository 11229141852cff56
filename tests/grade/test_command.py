"""`chainrule grade`: verdicts, hints, tables, exit codes."""

import csv
import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from helpers.mistaken import program

WRONG = program(("W not transposed",), seed=2)


@pytest.fixture
def wrong(tmp_path):
    place = tmp_path / "wrong.py"
    place.write_text(WRONG, encoding="utf-8")
    return place


def test_hints_tell_more_and_more(inside, wrong):
    said = [inside("grade", wrong, "--hints", level).stdout for level in range(4)]
    for level, words in enumerate(("wrong", "most in d", "question:", "W not transposed")):
        assert all((words in text) == (at >= level) for at, text in enumerate(said)), words
    assert inside("grade", wrong).stdout == said[2]
    assert inside("grade", wrong).returncode == 1


def test_a_right_file(inside, tmp_path):
    place = tmp_path / "right.py"
    place.write_text(program(seed=2), encoding="utf-8")
    done = inside("grade", place, "--max-points", 10)
    assert done.returncode == 0
    assert "3 of 3 right, 10 of 10 points" in done.stdout


@pytest.mark.parametrize("style", ["columns", "rows", "layers"])
def test_each_template_can_be_graded(inside, tmp_path, style):
    place = tmp_path / "form.py"
    place.write_text(inside("grade", "--template", style).stdout, encoding="utf-8")
    done = inside("grade", place, "--json")
    assert done.returncode == 1
    (found,) = json.loads(done.stdout)["files"]
    assert {each["verdict"] for each in found["functions"]} == {"not written"}


def test_a_folder_gives_a_table_and_a_csv(inside, tmp_path, wrong):
    (tmp_path / "broken.py").write_text("def forward(:\n", encoding="utf-8")
    (tmp_path / "=x.py").write_text(program(seed=1), encoding="utf-8")
    done = inside("grade", tmp_path, "--csv", tmp_path / "marks.csv", "--max-points", 3)
    assert done.returncode == 2
    assert "not graded" in done.stdout
    with (tmp_path / "marks.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert rows["'=x.py"]["points"] == "3"
    assert rows["wrong.py"]["points"] == "2"
    assert rows["wrong.py"]["mistakes"].endswith("W not transposed")
    again = inside("grade", wrong, "--csv", tmp_path / "marks.csv")
    assert again.returncode == 2
    assert "holds something else" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "wanted a file"),
        (("nowhere.py",), "nowhere.py"),
        ((".",), "wanted files"),
        (("--hints", "4", "x.py"), "--hints"),
        (("--loss", "mse", "x.py"), "--loss"),
    ],
)
def test_what_it_refuses(inside, tmp_path, arguments, says):
    done = inside("grade", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["", "def forward(:\n", "x = 1\n", "def paint():\n    pass\n"])
def test_a_file_that_cannot_be_graded_is_one_line(inside, tmp_path, text):
    place = tmp_path / "mine.py"
    place.write_text(text, encoding="utf-8")
    done = inside("grade", place)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "mine.py" in done.stderr


def test_json_tells_no_more_than_the_hints(inside, wrong):
    (found,) = json.loads(inside("grade", wrong, "--json", "--hints", 2).stdout)["files"]
    (backward,) = [each for each in found["functions"] if each["role"] == "backward"]
    assert backward["mistakes"] is None
    assert backward["questions"]
    (found,) = json.loads(inside("grade", wrong, "--json", "--hints", 3).stdout)["files"]
    (backward,) = [each for each in found["functions"] if each["role"] == "backward"]
    assert backward["mistakes"] == ["W not transposed"]


def test_the_installed_command_grades_in_a_process(wrong):
    command = [sys.executable, "-m", "chainrule", "grade", str(wrong), "--hints", "0"]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"}
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert "2 of 3 right" in done.stdout


def test_junit_has_a_case_for_each_function(inside, wrong, tmp_path):
    (tmp_path / "broken.py").write_text("def forward(", encoding="utf-8")
    (tmp_path / "odd.py").write_text(
        "def softmax(Z):\n    raise ValueError('\\x00 \\x1b <&> \N{PRIME}')\n", encoding="utf-8"
    )
    place = tmp_path / "results.xml"
    files = [wrong, tmp_path / "broken.py", tmp_path / "odd.py"]
    done = inside("grade", *files, "--junit", place, "--hints", 1)
    assert done.returncode == 2
    suites = ElementTree.parse(place).getroot()
    told = json.loads(inside("grade", *files, "--json").stdout)["files"]
    for suite, file in zip(suites, told, strict=True):
        assert suite.get("name") == file["file"]
        cases = {each.get("name"): each for each in suite}
        verdicts = {each["function"]: each["verdict"] for each in file["functions"]}
        if not verdicts:
            assert [each.tag for each in cases["the file"]] == ["error"]
            assert suite.get("errors") == "1"
            continue
        assert list(cases) == list(verdicts)
        failed = [name for name, case in cases.items() if case.find("failure") is not None]
        assert failed == [name for name, verdict in verdicts.items() if verdict != "right"]
        assert suite.get("failures") == str(len(failed))
    text = place.read_text(encoding="utf-8")
    assert "most in d" in text
    assert "question:" not in text
    assert "<&>" not in text
    before = place.read_bytes()
    again = inside("grade", wrong, "--junit", place)
    assert again.returncode == 2
    assert place.read_bytes() == before
