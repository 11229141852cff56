"""Sets of one's own on the command line: what is in them, and runs that learn and read them."""

import json
import re
import shutil

import numpy as np
import pytest
from helpers.sets import (
    write_emnist,
    write_hugging_face,
    write_kaggle,
    write_keras,
    write_pictures,
)

from chainrule import Digits, evaluate, load_digits, load_model, train
from chainrule.runs.digits import own_digits
from chainrule.runs.folder import open_run, start_of
from chainrule.sources.summary import looks_transposed, summary
from chainrule.sources.written import write_digits

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SHORT = ("--hidden", "6", "--steps", "3", "--engine", "numpy", "-q")


@pytest.fixture(scope="module")
def few(mnist):
    return tuple(
        Digits(each.images[:m].copy(), each.labels[:m].copy())
        for each, m in zip(mnist, (120, 40), strict=True)
    )


@pytest.fixture(scope="module")
def letters(tmp_path_factory, mnist, few):
    """A folder of EMNIST's form, and a run that learned its 26 letters a little."""
    folder = tmp_path_factory.mktemp("letters")
    sets = [
        Digits(each.images, (np.arange(len(each)) % 26).astype(np.uint8), names=LETTERS)
        for each in few
    ]
    write_emnist(folder / "emnist-letters", "emnist-letters", *sets, first=1)
    return folder, sets


# ------------------------------------------------------------------------------ what is in a set


def test_data_counts_what_is_there(inside, answer, few, tmp_path):
    train_set, test_set = few
    images = np.concatenate([train_set.images, np.zeros((2, 784), np.uint8), train_set.images[:3]])
    labels = np.concatenate([train_set.labels, [1, 2], train_set.labels[:3]]).astype(np.uint8)
    labels[-1] = (labels[-1] + 1) % 10
    more = Digits(test_set.images.copy(), test_set.labels)
    more.images[:2] = train_set.images[5]
    write_keras(tmp_path / "a.npz", Digits(images, labels), more)
    told = answer("data", tmp_path / "a.npz")
    assert (told["data"], told["side"]) == (str(tmp_path / "a.npz"), 28)
    assert told["train"] == {
        "images": 125,
        "per_class": [int((labels == k).sum()) for k in range(10)],
        "blank": 2,
        "doubled": 4,
        "contradicting": 2,
    }
    assert (told["test"]["images"], told["test"]["doubled"], told["overlap"]) == (40, 1, 2)
    assert (told["test"]["drawn"], told["looks_transposed"], told["out"]) == (None, False, None)
    done = inside("data", tmp_path / "a.npz")
    assert done.returncode == 0
    for line in (
        "training: 2 blank, 4 like an earlier one, 2 of them with another label",
        "in both: 2 test images are training images too",
    ):
        assert line in done.stdout
    assert re.search(r"^all +125 +40$", done.stdout, re.MULTILINE)


def test_data_writes_idx_that_is_read_back_to_the_same_bytes(inside, answer, letters, tmp_path):
    folder, sets = letters
    place = folder / "emnist-letters"
    told = answer("data", place, "--transpose", "--out", tmp_path / "out")
    assert told["classes"] == list(LETTERS)
    for wanted, came in zip(sets, load_digits(tmp_path / "out"), strict=True):
        assert np.array_equal(wanted.images, came.images)
        assert np.array_equal(wanted.labels, came.labels)
        assert came.names == LETTERS
    again = inside("data", place, "--out", tmp_path / "out")
    assert (again.returncode, again.stdout) == (2, "")
    assert "is there already" in again.stderr
    inside("data", tmp_path / "out", "--out", tmp_path / "copy")
    for path in (tmp_path / "out").iterdir():
        assert path.read_bytes() == (tmp_path / "copy" / path.name).read_bytes()


def test_data_says_what_it_draws(inside, answer, few, tmp_path):
    write_kaggle(tmp_path / "train.csv", few[0])
    told = answer("data", tmp_path / "train.csv", "--test-share", "0.25", "--seed", 4)
    assert (told["test"]["images"], told["test"]["drawn"]) == (30, 0.25)
    done = inside("data", tmp_path / "train.csv")
    assert "no test part lies there: 10 % are drawn to test on" in done.stdout
    for wrong in (("--test-share", "1"), ("--test-share", "0"), ("--prepare", "no")):
        assert inside("data", tmp_path / "train.csv", *wrong).returncode == 2
    refused = inside("data", "mnist", "--transpose", "--out", tmp_path / "out")
    assert (refused.returncode, "mnist has a test part" in refused.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_transposed_digits_are_noticed_and_others_are_not(mnist):
    turned = mnist[1].images.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784)
    for first in range(0, 10_000, 500):
        part = slice(first, first + 200)
        labels = mnist[1].labels[part]
        assert not looks_transposed(mnist[1][part])
        assert looks_transposed(Digits(turned[part].copy(), labels))
        other = tuple(f"thing {k}" for k in range(10))
        assert not looks_transposed(Digits(turned[part].copy(), labels, names=other))
    assert not looks_transposed(Digits(turned[:49].copy(), mnist[1].labels[:49]))


def test_transposed_digits_are_named_and_never_turned_silently(inside, letters, tmp_path):
    place = letters[0] / "emnist-letters"
    assert "these look transposed, use --transpose" in inside("data", place).stdout
    done = inside("train", "--data", place, *SHORT, "--out", tmp_path / "a")
    assert done.stderr.count("these look transposed, use --transpose") == 1
    done = inside("train", "--data", place, "--transpose", *SHORT, "--out", tmp_path / "b")
    assert (done.returncode, done.stderr) == (0, "")
    as_they_lie, turned = (own_digits(open_run(tmp_path / name)) for name in "ab")
    assert np.array_equal(turned.images, letters[1][1].images)
    sides = as_they_lie.images.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784)
    assert np.array_equal(sides, turned.images)


def test_the_summary_is_that_of_a_plain_loop(few):
    found = summary(*few)
    known = [image.tolist() for image in few[0].images]
    assert found.overlap == sum(image.tolist() in known for image in few[1].images)
    assert found.train.per_class.tolist() == [few[0].labels.tolist().count(k) for k in range(10)]


# ------------------------------------------------------------------------------- runs on each kind


@pytest.mark.parametrize("kind", ["idx", "csv", "npz", "parquet", "pictures"])
def test_a_run_remembers_digits_of_each_kind(kind, inside, answer, few, tmp_path):
    place, how = tmp_path / "set", ()
    place.mkdir()
    match kind:
        case "idx":
            write_emnist(place, "mine", *few)
            how = ("--transpose",)
        case "csv":
            write_kaggle(place / "train.csv", few[0])
            how = ("--test-share", "0.3", "--seed", 5)
        case "npz":
            write_keras(place / "mnist.npz", *few)
        case "parquet":
            write_hugging_face(place / "train.parquet", few[0])
            write_hugging_face(place / "test.parquet", few[1])
        case "pictures":
            write_pictures(place, few[0])
            how = ("--prepare", "never")
    run = tmp_path / "run"
    done = inside("train", "--data", place, *how, *SHORT, "--out", run)
    assert (done.returncode, done.stderr) == (0, "")
    on_test = own_digits(open_run(run))
    assert on_test.name in done.stdout
    right = evaluate(load_model(run), on_test, engine="numpy").accuracy
    assert answer("evaluate", run)["accuracy"] == right
    assert answer("evaluate", run, "--data", place)["accuracy"] == right
    # Where nobody set a test part apart, that is the same part, and no image that it has learned.
    drawn = open_run(run).settings.test_share
    assert drawn == {"csv": 0.3, "pictures": 0.1}.get(kind)
    if drawn:
        learned = {image.tobytes() for image in own_digits(open_run(run), "training").images}
        assert len(on_test) == round(drawn * 120)
        assert not learned & {image.tobytes() for image in on_test.images}
        assert f"{100 * drawn:g} % of it, drawn with seed" in inside("evaluate", run).stdout
    shutil.move(place, tmp_path / "moved")
    gone = inside("evaluate", run)
    assert gone.returncode == 2
    assert "say where they lie with --data" in gone.stderr
    resumed = inside("train", "--resume", run, "--data", tmp_path / "moved", "-q")
    assert resumed.returncode == 0, resumed.stderr
    moved = answer("evaluate", run, "--data", tmp_path / "moved")
    assert (moved["accuracy"], moved["data"]) == (right, str(tmp_path / "moved"))


def test_settings_of_digits_are_refused_for_mnist_and_for_sets_with_a_test_part(
    inside, few, tmp_path
):
    write_keras(tmp_path / "a.npz", *few)
    for command, says in (
        (("train", "--transpose"), "the setting transpose is for digits of one's own"),
        (("train", "--data", "mnist", "--test-share", "0.2"), "the setting test_share is for"),
        (("train", "--data", tmp_path / "a.npz", "--test-share", "0.2"), "a test part of its own"),
        (("evaluate", "x", "--transpose"), "--transpose and --prepare go with --data"),
    ):
        more = ("--out", tmp_path / "out") if command[0] == "train" else ()
        done = inside(*command, *more)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert says in done.stderr
        assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------------- classes with names


@pytest.fixture(scope="module")
def lettered(letters):
    """A folder with a run that has learned 26 letters."""
    from helpers import run

    folder, _ = letters
    place = folder / "emnist-letters"
    options = ("--hidden", "20", "--loss", "cross-entropy", "--optimizer", "adam", "--steps", "30")
    done = run("train", "--data", place, "--transpose", *options, "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_run_of_26_classes_is_the_training_of_the_library(lettered, letters):
    run = open_run(lettered / "run")
    assert (run.classes, run.sizes) == (LETTERS, (784, 20, 26))
    network, rng = start_of(run.settings, 26)
    settings = {"optimizer": "adam", "steps": 30, "every": 30, "rng": rng}
    *_, last = train(network, letters[1][0], **settings)
    assert last.key == run.key
    assert last.network.parameters.tobytes() == load_model(run.folder).parameters.tobytes()


def test_commands_call_classes_by_name(inside, answer, lettered, letters):
    test_set = letters[1][1]
    network = load_model(lettered / "run")
    A = network and evaluate(network, test_set, engine="numpy")
    told = answer("evaluate", "run", cwd=lettered)
    assert (told["accuracy"], told["classes"]) == (A.accuracy, list(LETTERS))
    assert np.array_equal(told["confusion"], A.confusion)
    said = inside("evaluate", "run", cwd=lettered).stdout
    assert re.search(r"^ +Z(  +[\d·]+)+ +[\d.]+$", said, re.MULTILINE)
    from chainrule import predict

    read = predict(network, test_set.X)
    told = answer("predict", "run", "--test", "3,7", cwd=lettered)
    assert [each["prediction"] for each in told["predictions"]] == read[[3, 7]].tolist()
    assert told["classes"] == list(LETTERS)
    quiet = inside("predict", "run", "--test", "3,7", "-q", cwd=lettered)
    assert quiet.stdout.split() == [LETTERS[read[3]], LETTERS[read[7]]]
    said = inside("predict", "run", "--test", "3", cwd=lettered).stdout
    assert f": a D, read as {LETTERS[read[3]]}, " in said
    assert re.search(r" D +[\d.]+ %  truth", said)
    assert "the 10 most probable of 26 classes" in said
    said = inside("explain", "run", "--test", "3", "--label", "Q", "--cell", "E", cwd=lettered)
    assert ", a D, taken as a Q, read as" in said.stdout
    refused = inside("explain", "run", "--test", "3", "--label", "7", cwd=lettered)
    assert (refused.returncode, "must be one of A, B, C" in refused.stderr) == (2, True)
    assert answer("check", "run", "--sample", "20", cwd=lettered)["agrees"]
    assert answer("compare", "run", "run", cwd=lettered)["accuracy"] == [A.accuracy] * 2
    done = inside("show", "run", "--no-browser", cwd=lettered)
    assert done.returncode == 0
    page = (lettered / "run/report.html").read_text(encoding="utf-8")
    assert '<th scope="row">Z</th>' in page
    assert json.loads(inside("runs", ".", "--json", cwd=lettered).stdout)["runs"]


def test_a_picture_is_called_by_the_classes_of_the_run(inside, lettered, few, tmp_path):
    from helpers.sets import png

    (tmp_path / "a.png").write_bytes(png(few[0].images[0]))
    done = inside("predict", lettered / "run", tmp_path / "a.png", "-q")
    assert done.stdout.strip() in LETTERS


def test_digits_of_other_classes_are_one_line(inside, lettered, few, tmp_path):
    write_digits(tmp_path / "few", *few)
    inside("train", "--data", tmp_path / "few", *SHORT, "--out", tmp_path / "run")
    shutil.copy(lettered / "run/model.safetensors", tmp_path / "alone.safetensors")
    for command in (
        ("evaluate", lettered / "run", "--data", "mnist"),
        ("predict", lettered / "run", "--test", "0", "--data", tmp_path / "few"),
        ("explain", lettered / "run", "--test", "0", "--data", tmp_path / "few"),
        ("check", lettered / "run", "--data", tmp_path / "few"),
        ("show", lettered / "run", "--data", tmp_path / "few", "--no-browser"),
        ("compare", lettered / "run", tmp_path / "run"),
        ("evaluate", tmp_path / "alone.safetensors"),
    ):
        done = inside(*command)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), command
        assert "classes apart, and " in done.stderr
    names = tmp_path / "few/classes.txt"
    names.write_text("".join(f"{k}\n" for k in range(11)))
    done = inside("train", "--resume", tmp_path / "run", "-q")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "it tells 10 classes apart, these have 11" in done.stderr


# -------------------------------------------------------------------------------------- the lab


def test_a_set_of_other_classes_is_no_set_of_drawings(letters, tmp_path):
    from helpers.clients import client_of

    from chainrule.lab.api.lab import Lab
    from chainrule.lab.api.networks import shipped
    from chainrule.lab.live.thread import ThreadedTraining
    from chainrule.lab.server.served import Served

    write_digits(tmp_path / "drawings/letters", *letters[1])
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    told = page.get("/api/sets").json()
    assert told["sets"] == []
    assert "other classes than the ten digits" in told["damaged"][0]["why"]
