"""`chainrule grade`: verdicts, hints, tables, exit codes."""

import csv
import json
import os
import re
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
    assert {who: rows[file]["who"] for who, file in (("=x", "'=x.py"), ("wrong", "wrong.py"))} == {
        "=x": "'=x",
        "wrong": "wrong",
    }


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
    again = inside("grade", wrong, "--junit", place, "--force")
    assert again.returncode == 1
    assert len(ElementTree.parse(place).getroot()) == 1


@pytest.fixture
def ungraded(monkeypatch):
    """Whatever is graded in spite of a refusal is told."""

    def told(path, **_):
        raise AssertionError(f"{path} was graded")

    monkeypatch.setattr("chainrule.explain.grade.grading.grade", told)


@pytest.mark.parametrize("option", ["--csv", "--junit"])
@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("there", "is there; name another with"),
        (".", "is a folder"),
        ("no/x", "there is no folder"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_graded(
    inside, wrong, tmp_path, ungraded, option, place, says
):
    (tmp_path / "there").write_text("mine")
    done = inside("grade", wrong, option, place, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr
    assert option in done.stderr
    assert (tmp_path / "there").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--max-points", "nan"), "got nan"),
        (("--max-points", "inf"), "--max-points"),
        (("--functions", "forward,backwards"), "got 'forward,backwards'"),
        (("--functions", ""), "wanted some of forward,loss"),
        (("--csv", "x", "--junit", "./x"), "name the same file"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_graded(
    inside, wrong, tmp_path, ungraded, options, says
):
    done = inside("grade", wrong, *options, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr


def test_a_class_of_folders(inside, tmp_path):
    """As platforms give them: a folder a person, the same file in each; some broken."""
    relu = "def relu(Z):\n    return Z * (Z > 0)\n"
    for name, text in {
        "class/ada/net.py": relu,
        "class/ben b/deep/net.PY": relu.replace(">", "<"),
        "class/cem/net.py": "def relu(:",
        "class/dora/solution.pdf": "",
        "class/eli.py": relu,
        "class/.ipynb_checkpoints/net.py": relu,
        "class/__pycache__/net.py": relu,
        "class/.hidden.py": relu,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "class/gone.py").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "class/pipe.py")
    done = inside("grade", "class", "--json", cwd=tmp_path)
    assert done.returncode == 2
    found = {each["file"]: each for each in json.loads(done.stdout)["files"]}
    assert {file: (each["who"], each["code"]) for file, each in found.items()} == {
        "ada/net.py": ("ada", 0),
        "ben b/deep/net.PY": ("ben b", 1),
        "cem/net.py": ("cem", 2),
        "eli.py": ("eli", 0),
        "gone.py": ("gone", 2),
        "pipe.py": ("pipe", 2),
    }
    assert found["gone.py"]["refused"] == "gone.py: no such file or directory"
    assert done.stderr.endswith("neither *.py nor *.ipynb: class/dora/solution.pdf\n")
    # The same files named one by one, or folder by folder, are the same people.
    places = ["class/ada/net.py", "class/cem/net.py"]
    files = json.loads(inside("grade", *places, "--json", cwd=tmp_path).stdout)["files"]
    assert [(each["file"], each["who"]) for each in files] == [
        ("ada/net.py", "ada"),
        ("cem/net.py", "cem"),
    ]
    told = inside("grade", "class/cem", "class/eli.py", cwd=tmp_path).stdout.splitlines()
    assert told[-1].startswith("cem/net.py: line 1: Python cannot read it: ")


def test_the_order_is_that_of_numbers(inside, tmp_path):
    for name in ("b10", "b9", "B1"):
        (tmp_path / f"{name}.py").write_text("")
    files = json.loads(inside("grade", tmp_path, "--json").stdout)["files"]
    assert [each["who"] for each in files] == ["B1", "b9", "b10"]


def test_functions_of_a_task_count_and_are_missed(inside, wrong, tmp_path):
    asked = ("--functions", "backward,update,loss", "--max-points", 9)
    done = inside("grade", wrong, *asked, "--junit", tmp_path / "all.xml")
    assert done.returncode == 1
    assert "update: not written\n  it is not there\n" in done.stdout
    assert done.stdout.endswith("1 of 3 right, 3 of 9 points\n")
    (suite,) = ElementTree.parse(tmp_path / "all.xml").getroot()
    cases = [each.get("name") for each in suite]
    assert cases[1] == "update"  # the others have the names that the file gives them
    assert len(cases) == 3
    assert inside("grade", wrong, "--functions", "loss,forward").returncode == 0
    (wrong.parent / "none.py").write_text("def relu(Z):\n    return Z * (Z > 0)\n")
    said = inside("grade", wrong.parent, "--functions", "backward", "--max-points", 4).stdout
    assert re.findall(r"\d of \d +\d", said) == ["0 of 1        0"] * 2
    assert "none.py: backward: not written" in said


def test_a_mistake_that_follows_from_one_that_is_not_asked_for_is_told(inside, tmp_path):
    text = program(("softmax over everything",), seed=3)
    place = tmp_path / "mine.py"
    place.write_text(text, encoding="utf-8")
    told = inside("grade", place, "--functions", "forward", "--hints", 3).stdout
    assert "softmax over everything" in told
    assert "it follows from" not in told


def test_progress_is_for_a_terminal_and_changes_nothing(inside, wrong, monkeypatch):
    (wrong.parent / "other.py").write_text(WRONG, encoding="utf-8")
    quiet = inside("grade", wrong.parent)
    monkeypatch.setattr("chainrule.cli.grade.is_watched", lambda handed: len(handed) == 2)
    assert inside("grade", wrong.parent).stdout == quiet.stdout
