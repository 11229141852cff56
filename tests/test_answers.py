"""Answers as files: Kaggle's submission, tables and JSON, of many images at once."""

import csv
import errno
import io
import json
import os
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from chainrule import load_bundled, predict, probabilities
from chainrule.handwriting import draw

SEVEN = [[80, 60, 200, 60, 150, 140, 130, 220]]
ONE = [[140, 50, 140, 230]]


def kaggle(path, images):
    """A file as Kaggle's test.csv: a header, then a row an image."""
    head = ",".join(f"pixel{place}" for place in range(784))
    rows = "\n".join(",".join(map(str, image)) for image in images.tolist())
    path.write_text(f"{head}\n{rows}\n")


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def pictures(tmp_path):
    """Two drawings in a folder, one below it, a file that is no picture, and a note."""
    folder = tmp_path / "photos"
    (folder / "b").mkdir(parents=True)
    Image.fromarray(draw(SEVEN)).save(folder / "a 7.png")
    Image.fromarray(draw(ONE)).save(folder / "b/1.JPG")
    Image.fromarray(draw(SEVEN)).save(folder / "z,7.jpeg")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "note.txt").write_text("mine")
    return folder


def test_a_submission_for_kaggle(inside, tmp_path, mnist):
    test = mnist[1][:300]
    kaggle(tmp_path / "test.csv", test.images)
    done = inside("predict", "small", "--data", "test.csv", "--out", "submission.csv", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "300 images of test.csv\nsubmission.csv\n"
    labels = predict(load_bundled("small"), test.X)
    lines = [f"{number},{label}" for number, label in enumerate(labels, 1)]
    written = (tmp_path / "submission.csv").read_bytes().decode()
    assert written == "\n".join(["ImageId,Label", *lines]) + "\n"
    inside("predict", "small", "--data", "test.csv", "--out", "a.json", "-q", cwd=tmp_path)
    told = json.loads((tmp_path / "a.json").read_text())
    assert [each["image"] for each in told["predictions"]] == list(range(1, 301))
    assert [each["prediction"] for each in told["predictions"]] == labels.tolist()
    assert (told["model"], told["data"]) == ("small", "test.csv")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace(",0,", ",256,", 1), "test.csv: line 2: .* got 256"),
        (lambda text: text.replace(",0,", ",,", 1), "test.csv"),
        (lambda text: text + "1,2\n", "test.csv: line 4: .* got 2"),
        (lambda text: text.replace("pixel0,", "", 1), "its first line has 783 columns"),
        (lambda text: text.splitlines()[0] + "\n", "at least one row"),
        (lambda text: "", "first line is empty"),
    ],
)
def test_a_table_that_is_none_is_one_line_and_nothing_is_written(
    inside, tmp_path, mnist, change, says
):
    kaggle(tmp_path / "test.csv", mnist[1].images[:2])
    path = tmp_path / "test.csv"
    path.write_text(change(path.read_text()))
    done = inside("predict", "small", "--data", "test.csv", "--out", "s.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert re.search(says, done.stderr), done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["test.csv"]


def test_ranges_of_test_images_as_a_table(inside, tmp_path, mnist):
    done = inside("predict", "small", "--test", "0-99,7,200-201", "--out", "t.csv", cwd=tmp_path)
    rows = table(tmp_path / "t.csv")
    chosen = [*range(100), 7, 200, 201]
    A = probabilities(load_bundled("small"), mnist[1][chosen].X)
    assert [int(row["test"]) for row in rows] == chosen
    assert [int(row["label"]) for row in rows] == mnist[1].labels[chosen].tolist()
    assert [int(row["prediction"]) for row in rows] == A.argmax(axis=0).tolist()
    read = np.array([[row[f"p{k}"] for row in rows] for k in range(10)], np.float32)
    assert (read == A).all()
    right = int((A.argmax(axis=0) == mnist[1].labels[chosen]).sum())
    assert done.stdout == f"103 of 103 images read, {right} of them right\nt.csv\n"


def test_answers_in_a_json_file_are_those_of_json(inside, answer, tmp_path):
    inside("predict", "large", "--test", "0-9", "--out", "t.json", cwd=tmp_path)
    assert json.loads((tmp_path / "t.json").read_text()) == answer(
        "predict", "large", "--test", "0-9"
    )


def test_a_folder_of_pictures_is_read_and_a_bad_one_does_not_end_the_others(
    inside, pictures, tmp_path
):
    done = inside("predict", "large", "photos", "gone.png", "--out", "read.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == "3 of 5 images read\nread.csv\n"
    first, second = done.stderr.splitlines()
    assert first.startswith("chainrule: photos/broken.png: wanted a PNG, JPEG")
    assert second == "chainrule: gone.png: no such file or directory"
    rows = table(tmp_path / "read.csv")
    names = ["photos/a 7.png", "photos/broken.png", "photos/z,7.jpeg", "photos/b/1.JPG", "gone.png"]
    assert [row["image"] for row in rows] == names
    assert [row["prediction"] for row in rows] == ["7", "", "7", "1", ""]
    assert rows[1]["error"].startswith("wanted a PNG, JPEG")
    assert float(rows[0]["p7"]) > 0.9
    assert rows[1]["p7"] == ""
    quiet = inside("predict", "large", "photos", "-q", cwd=tmp_path)
    assert (quiet.returncode, quiet.stdout) == (1, "7\n-\n7\n1\n")
    inside("predict", "large", "photos", "--out", "read.json", cwd=tmp_path)
    told = json.loads((tmp_path / "read.json").read_text())["predictions"]
    assert ["error" in each for each in told] == [False, True, False, False]


NAMES = [
    "=HYPERLINK(1).png",
    "+1.png",
    "@SUM(A1).png",
    "\t=1.png",
    "\r=1.png",
    "＝1.png",
    "'=1.png",
    "'7.png",
    'a;=1 "7".png',
    "a;=1.png",
    "a,=1.png",
    "a\n=1.png",
    "usual.png",
]


def test_no_name_of_a_file_is_a_formula_in_a_spreadsheet(inside, tmp_path):
    """OWASP's list of what begins a formula; each name can be read back."""
    for name in NAMES:
        (tmp_path / name).write_bytes(b"no picture")
    (tmp_path / "-2.png").write_bytes(b"no picture")
    inside("predict", "large", ".", "--out", "read.csv", cwd=tmp_path)
    content = (tmp_path / "read.csv").read_bytes().decode()
    written = [row[0] for row in csv.reader(io.StringIO(content, newline=""))][1:]
    assert not any(name.startswith(tuple("=+-@＝＋－＠\t\r\n")) for name in written)
    assert [name.removeprefix("'") for name in written] == sorted([*NAMES, "-2.png"])
    assert "usual.png" in written
    # Where ; stands between cells, a quoted name that comes first is still one cell.
    semicolons = csv.reader(io.StringIO(content, newline=""), delimiter=";")
    assert not any(cell.startswith("=") for row in semicolons for cell in row)


def test_a_folder_without_pictures_is_an_error_of_its_own(inside, tmp_path):
    (tmp_path / "empty").mkdir()
    done = inside("predict", "large", "empty", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "chainrule: empty: a folder without image files\n"


def test_a_folder_that_nobody_may_look_into_is_named(inside, pictures, tmp_path, monkeypatch):
    def closed(real):
        def look(path="."):
            if str(path).endswith("b"):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return real(path)

        return look

    monkeypatch.setattr(os, "scandir", closed(os.scandir))
    monkeypatch.setattr(os, "listdir", closed(os.listdir))
    done = inside("predict", "large", "photos", "-q", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "7\n-\n7\n-\n")
    assert done.stderr.splitlines()[1] == "chainrule: photos/b: permission denied"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--test 0 --out a.txt", "--out must end in .csv or .json, got a.txt"),
        ("--test 0 --out a.csv --json", "give --out or --json"),
        ("--data test.csv", "give --out, too"),
        ("--data test.csv --json", "give --out, too"),
        ("--test 5-3", "got '5-3'"),
        ("--test 1-2-3", "got '1-2-3'"),
        ("--test 0-", "got '0-'"),
        ("--test 0-999999999999999", "at most 1,000,000 images"),
        ("--test 0-10000", "test images go from 0 to 9999, got 10000"),
        ("--test 0 --out taken.csv", "taken.csv is there and holds something else"),
        ("--test 0 --out no/a.csv", "no/a.csv: no such file"),
        ("--out a.csv", "give image files or --test"),
        ("photos --data test.csv --out a.csv", "--data goes with --test"),
    ],
)
def test_what_does_not_go_together_is_one_line(inside, tmp_path, options, says):
    (tmp_path / "taken.csv").write_text("mine")
    done = inside("predict", "small", *options.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["taken.csv"]
    assert (tmp_path / "taken.csv").read_text() == "mine"


def test_another_set_than_a_csv_file_is_read_by_number(inside, tmp_path, mnist):
    test = mnist[1][:20]
    np.savez(tmp_path / "set.npz", X=test.images, y=test.labels)
    (tmp_path / "folder").mkdir()
    for name in ("set.npz", "folder"):
        done = inside("predict", "small", "--data", name, "--out", "a.csv", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert f"{name}: --data alone must be a CSV file with 784 pixels a row" in done.stderr
    done = inside(
        *("predict", "small", "--data", "set.npz", "--test", "0-9", "--out", "a.csv"), cwd=tmp_path
    )
    assert done.stdout.startswith("10 of 10 images read")
    assert [int(row["label"]) for row in table(tmp_path / "a.csv")] == test.labels[:10].tolist()


def test_answers_are_overwritten_by_force_alone(inside, tmp_path):
    shutil.copy(__file__, tmp_path / "a.csv")
    arguments = ("predict", "small", "--test", "0", "--out", "a.csv")
    assert inside(*arguments, cwd=tmp_path).returncode == 2
    assert inside(*arguments, "--force", cwd=tmp_path).returncode == 0
    assert inside(*arguments, cwd=tmp_path).returncode == 0  # the same answers
    assert len(table(tmp_path / "a.csv")) == 1
