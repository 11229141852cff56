"""What a command measures on: the run's own digits, unless told otherwise; and it says which."""

import json
import re
import shutil

import numpy as np
import pytest
from helpers import run

from chainrule import Digits, evaluate, initialise, load_digits, load_model, save_model
from chainrule.network import Network
from chainrule.runs.digits import own_digits
from chainrule.runs.folder import open_run
from chainrule.sources.written import write_digits


@pytest.fixture(scope="module")
def turned(tmp_path_factory, mnist):
    """A folder of digits that lie on their side, and a run that has learned from them."""
    folder = tmp_path_factory.mktemp("turned")
    train, test = (
        Digits(each.images.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784), each.labels)
        for each in (mnist[0][:1500], mnist[1][:300])
    )
    write_digits(folder / "own", train, test)
    length = ("--loss", "cross-entropy", "--optimizer", "adam", "--batch-size", 50, "--epochs", 10)
    done = run("train", "--data", "own", *length, "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"batches of 50 of 1,500 images of {folder / 'own'}" in done.stdout
    return folder


def test_a_run_is_measured_on_its_own_digits(turned, answer, mnist):
    own, network = load_digits(turned / "own")[1], load_model(turned / "run")
    right, wrong = (evaluate(network, digits).accuracy for digits in (own, mnist[1]))
    assert wrong < 0.4 < 0.6 < right
    place = str(turned / "own")
    for model in ("run", "run/model.safetensors"):
        told = answer("evaluate", model, cwd=turned)
        assert (told["accuracy"], told["data"]) == (right, place)
    told = answer("evaluate", "run", "--data", "mnist", cwd=turned)
    assert (told["accuracy"], told["data"]) == (wrong, "mnist")
    recorded = answer("evaluate", "run", "--step", "300", cwd=turned)
    assert (recorded["accuracy"], recorded["data"]) == (right, place)
    # A model file that is no part of a run has no digits of its own.
    shutil.copy(turned / "run/model.safetensors", turned / "copy.safetensors")
    told = answer("evaluate", "copy.safetensors", cwd=turned)
    assert (told["accuracy"], told["data"]) == (wrong, "mnist")


def test_every_command_says_which_digits_it_means(inside, turned, answer):
    own, place = load_digits(turned / "own")[1], str(turned / "own")
    label = int(own.labels[5])
    told = answer("predict", "run", "--test", "5", cwd=turned)
    assert (told["predictions"][0]["label"], told["data"]) == (label, place)
    told = answer("explain", "run", "--test", "5", cwd=turned)
    assert (told["label"], told["data"]) == (label, place)
    assert told["arrays"]["x"]["values"] == (own.X[:, 5].astype(np.float64)).tolist()
    told = answer("check", "run", "--sample", "20", cwd=turned)
    assert (told["agrees"], told["data"]) == (True, place)
    told = answer("compare", "run", "run", cwd=turned)
    assert told["data"] == place
    [entry] = answer("runs", ".", cwd=turned)["runs"]
    assert entry["data"] == place
    for command, says in (
        (("evaluate", "run"), f"test accuracy .* % on {place} "),
        (("evaluate", "run", "-q"), f"test accuracy .* % on {place} "),
        (("predict", "run", "--test", "5"), f"test image 5 of {place}: a {label}, read"),
        (("explain", "run", "--test", "5", "--cell", "E"), f"test image 5 of {place}, a {label},"),
        (("check", "run", "--sample", "20"), f"on test images 0, 1, 2 of {place} "),
        (("compare", "run", "run"), f"test accuracy .* on {place}"),
        (("runs", "."), f"run: measured on its own digits, {place}"),
        (("evaluate", "run", "--data", "mnist"), "test accuracy .* % on MNIST "),
    ):
        assert re.search(says, inside(*command, cwd=turned).stdout), command
    done = inside("show", "run", "--no-browser", cwd=turned)
    page = (turned / "run/report.html").read_text(encoding="utf-8")
    assert (done.returncode, f"of the test images of {place} are" in page) == (0, True)


def test_where_the_digits_are_gone_or_others_it_says_so_and_stops(inside, turned, tmp_path):
    shutil.copytree(turned, tmp_path / "copy")
    run_json = (tmp_path / "copy/run/run.json").read_text(encoding="utf-8")
    assert str(turned / "own") in run_json
    commands = ("evaluate", "run"), ("predict", "run", "--test", "0"), ("check", "run")
    commands += ("explain", "run", "--test", "0"), ("compare", "run", "run"), ("show", "run")
    shutil.move(turned / "own", turned / "moved")
    try:
        for command in commands:
            done = inside(*command, cwd=turned)
            assert (done.returncode, done.stdout) == (2, ""), command
            assert re.fullmatch(
                r"chainrule: run: its digits cannot be read: .*/own: wanted a folder .*, found "
                r"nothing there; say where they lie with --data\n",
                done.stderr,
            )
        assert inside("evaluate", "run", "--data", "moved", cwd=turned).returncode == 0
        shutil.copytree(turned / "moved", turned / "own")
        write = turned / "own/t10k-labels-idx1-ubyte.gz"
        write.unlink()
        labels = bytes(300)
        write.with_suffix("").write_bytes(b"\0\0\x08\x01" + (300).to_bytes(4, "big") + labels)
        for command in commands:
            done = inside(*command, cwd=turned)
            assert (done.returncode, done.stdout) == (2, ""), command
            assert "own has other test digits than those it was made with; say" in done.stderr
        assert own_digits(open_run(turned / "run"), "training").images.shape == (1500, 784)
    finally:
        shutil.rmtree(turned / "own", ignore_errors=True)
        shutil.move(turned / "moved", turned / "own")


def test_the_word_mnist_is_the_bundled_one_unless_a_folder_is_called_so(inside, small, tmp_path):
    options = ("--steps", 1, "--out", "a", "-q")
    done = inside("train", "--data", "mnist", *options, cwd=tmp_path)
    assert re.fullmatch(r"test accuracy .* % on MNIST \(.* of 10,000\)\n", done.stdout)
    assert open_run(tmp_path / "a").settings.data is None
    shutil.copytree(small, tmp_path / "mnist")
    done = inside("evaluate", "a", "--data", "mnist", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "./mnist is that" in done.stderr
    done = inside("evaluate", "a", "--data", "./mnist", "-q", cwd=tmp_path)
    assert f" % on {tmp_path / 'mnist'} (" in done.stdout


# ------------------------------------------------------------------------ JSON that all can read


def strict(text):
    """What a reader makes of it that knows JSON and nothing more."""

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_a_share_of_nothing_is_null_and_infinities_are_words(inside, tmp_path, mnist):
    three = mnist[1][np.flatnonzero(mnist[1].labels < 3)[:60]]
    write_digits(tmp_path / "few", three, three)
    network = initialise([784, 10], loss="cross_entropy", rng=np.random.default_rng(0))
    large = Network(network.sizes, network.parameters * np.float32(1e6), network.loss)
    save_model(large, tmp_path / "large.safetensors")
    data = ("--data", "few", "--json")
    told = strict(inside("evaluate", "large.safetensors", *data, cwd=tmp_path).stdout)
    assert None not in told["accuracy_per_digit"][:3]
    assert told["accuracy_per_digit"][3:] == [None] * 7
    infinite = 0
    for test in range(10):
        printed = inside("explain", "large.safetensors", "--test", test, *data, cwd=tmp_path).stdout
        infinite += "-inf" in strict(printed)["arrays"]["dA1"]["values"]
    assert infinite  # the true label's probability has become 0, and dA = -y/A infinite


def test_no_command_prints_json_by_itself():
    from helpers import ROOT

    writers = {
        path.relative_to(ROOT / "src/chainrule").as_posix()
        for path in (ROOT / "src").glob("**/*.py")
        if "json.dump" in path.read_text(encoding="utf-8")
    }
    # Model files, run.json and name.json are written to be read by us again; they hold no infinity.
    # The frames that go to a graded file's process and come back are read by us alone.
    ours = {"files.py", "runs/called.py", "runs/folder.py", "explain/grade/frames.py"}
    assert writers == {"encode.py"} | ours


# ------------------------------------------------------------------------- numbers that overflow


@pytest.fixture
def overflowing(tmp_path):
    """A float32 model times 1e30, and a float64 model whose pass overflows even in float64."""
    network = initialise([784, 10, 10], rng=np.random.default_rng(0))
    single = Network(network.sizes, network.parameters * np.float32(1e30))
    save_model(single, tmp_path / "single.safetensors")
    double = Network(network.sizes, network.parameters.astype(np.float64) * 1e200)
    save_model(double, tmp_path / "double.safetensors")
    return tmp_path


def test_a_model_whose_numbers_overflow_is_one_line_or_shown_with_what_overflows(
    inside, overflowing
):
    for model in ("single.safetensors", "double.safetensors"):
        for command in (("predict", model, "--test", "0"), ("evaluate", model)):
            done = inside(*command, cwd=overflowing)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
            assert re.match(f"chainrule: {model}: .*(overflows|too large for)", done.stderr)
    done = inside("explain", "double.safetensors", "--test", "0", cwd=overflowing)
    assert (done.returncode, done.stderr) == (0, "")
    assert "read as nothing\n" in done.stdout
    assert "Z2 overflows: what is larger than 1.8e308 is inf" in done.stdout
    told = strict(
        inside("explain", "double.safetensors", "--test", "0", "--json", cwd=overflowing).stdout
    )
    assert (told["prediction"], told["overflows"]) == (None, "Z2")
    done = inside(
        "explain", "double.safetensors", "--test", "0", "--cell", "A2[0]", cwd=overflowing
    )
    assert (done.returncode, done.stderr) == (0, "")
    done = inside("check", "double.safetensors", "--sample", "50", cwd=overflowing)
    assert (done.returncode, done.stderr) == (1, "")
    assert "cannot be told for W1" in done.stdout
    told = strict(
        inside("check", "double.safetensors", "--sample", "50", "--json", cwd=overflowing).stdout
    )
    assert told["agrees"] is None
