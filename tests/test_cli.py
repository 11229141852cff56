"""The command line as a person uses it: in a process of its own, on the real digits."""

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace

import click
import numpy as np
import pytest
from helpers import run

from chainrule import evaluate, initialise, load_model, loss, save_model
from chainrule.cli.main import cli
from chainrule.cli.options import Place
from chainrule.explain.check import check
from chainrule.explain.ledger import open_ledger
from chainrule.explain.rules import open_cell
from chainrule.training import BATCH_EPOCHS, RECIPES

# --------------------------------------------------------------------------------------- train


def test_the_default_training_reaches_its_accuracy(default_training, model, mnist):
    _, printed = default_training
    last = printed.splitlines()[-1]
    percent, right = re.fullmatch(
        r"test accuracy (\d\d\.\d\d) % on MNIST \((\d,\d{3}) of 10,000\)", last
    ).groups()
    assert float(percent) >= 93.0
    assert int(right.replace(",", "")) == round(float(percent) * 100)
    assert evaluate(load_model(model), mnist[1]).accuracy * 100 == pytest.approx(float(percent))


def test_what_train_prints(default_training, mnist, model):
    _, printed = default_training
    first, rest = printed.split("\n", 1)
    assert re.fullmatch(r"engine: compiled \(Numba [\d.]+\)", first)
    assert rest.startswith(
        "Network 784 → 10 → 10, squared error, 7,960 parameters, float32\n"
        "descent, α = 1.5, 1,000 steps of all 60,000 images of MNIST, seed 0\n"
    )
    assert "model runs/first/model.safetensors" in printed
    assert max(map(len, printed.splitlines())) <= 80
    confusion = evaluate(load_model(model), mnist[1]).confusion
    for digit, row in enumerate(confusion):
        shown = [str(count) if count else "·" for count in row]
        share = f"{100 * row[digit] / row.sum():.1f}"
        assert [str(digit), *shown, share] in [line.split() for line in printed.splitlines()]


def test_train_in_json(small, tmp_path, answer):
    folder = tmp_path / "deep" / "run"
    result = answer(
        *("train", "--data", small, "--hidden", "12,8", "--loss", "cross-entropy"),
        *("--optimizer", "adam", "--batch-size", "50", "--epochs", "3", "--seed", "4"),
        *("--out", folder),
    )
    network = load_model(folder)
    assert network.sizes == (784, 12, 8, 10)
    assert result["settings"] == {
        "data": str(small),
        "hidden": [12, 8],
        "loss": "cross-entropy",
        "optimizer": "adam",
        "learning_rate": RECIPES["cross_entropy", "adam"].batch_learning_rate,
        "batch_size": 50,
        "steps": 36,
        "seed": 4,
        "weight_decay": 0.0,
        "momentum_decay": 0.9,
        "validation_share": None,
        "patience": None,
        "deform": "none",
        "schedule": "constant",
        "test_share": None,
        "transpose": False,
        "prepare": "auto",
    }
    assert result["classes"] == list("0123456789")
    assert result["steps"] == 36
    assert result["model"] == str(folder / "model.safetensors")
    assert result["seconds"] > 0
    sha256 = hashlib.sha256(network.parameters.tobytes()).hexdigest()
    assert result["parameters_sha256"] == sha256

    from chainrule import load_digits

    train_set, test_set = load_digits(small)
    assert result["accuracy"] == evaluate(network, test_set).accuracy
    assert result["train_accuracy"] == evaluate(network, train_set).accuracy
    for name, digits in (("loss", train_set), ("test_loss", test_set)):
        assert result[name] == pytest.approx(float(loss(network, digits.X, digits.Y)), rel=1e-6)


def test_the_same_seed_gives_the_same_file_and_another_does_not(small, tmp_path):
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        done = run("train", "--data", small, "--steps", 3, "--seed", seed, "--out", tmp_path / name)
        assert done.returncode == 0
        files.append((tmp_path / name / "model.safetensors").read_bytes())
    assert files[0] == files[1] != files[2]


def test_without_out_the_folder_is_runs_and_the_time(inside, small, tmp_path):
    for _ in range(2):
        done = inside("train", "--data", small, "--steps", "1", "--quiet", cwd=tmp_path)
        assert re.fullmatch(r"test accuracy .* of 200\)\n", done.stdout)
    folders = list((tmp_path / "runs").iterdir())
    assert len(folders) == 2
    for folder in folders:
        assert re.match(r"\d{4}-\d\d-\d\d-\d{6}", folder.name)
        assert load_model(folder).sizes == (784, 10, 10)


def test_hidden_none_is_softmax_regression(small, tmp_path, answer):
    answer("train", "--data", small, "--hidden", "none", "--steps", 2, "--out", tmp_path)
    assert load_model(tmp_path).sizes == (784, 10)


def test_help_shows_the_defaults_of_each_pair(inside):
    printed = inside("train", "-h").stdout
    for (name, optimizer), recipe in RECIPES.items():
        rates = rf"{recipe.learning_rate:g}\s+{recipe.steps}\s+{recipe.batch_learning_rate:g}"
        assert re.search(
            rf"{name.replace('_', '-')}\s+{optimizer}\s+{rates}\s+{BATCH_EPOCHS}\n", printed
        )


# ---------------------------------------------------------------------------- the other commands


def test_evaluate(inside, model, default_training, answer, mnist):
    result = answer("evaluate", model.parent)
    seen = evaluate(load_model(model), mnist[1], engine="numpy")
    assert result["accuracy"] == seen.accuracy
    assert result["confusion"] == seen.confusion.tolist()
    assert result["accuracy_per_digit"] == seen.accuracy_per_digit.tolist()
    assert result["loss"] == seen.loss
    printed, trained = inside("evaluate", model).stdout, default_training[1]
    rows = [line for line in trained.splitlines() if re.match(r" +\d ", line)]
    assert len(rows) == 10
    assert all(row in printed for row in rows)
    assert printed.splitlines()[-1] == trained.splitlines()[-1]
    assert inside("evaluate", model, "--quiet").stdout == trained.splitlines()[-1] + "\n"


def test_predict(inside, model, answer, mnist):
    result = answer("predict", model, "--test", "0,7,12")
    network = load_model(model)
    X = mnist[1][[0, 7, 12]].X
    from chainrule import predict, probabilities

    found = result["predictions"]
    assert [each["test"] for each in found] == [0, 7, 12]
    assert [each["label"] for each in found] == [7, 9, 9]
    assert [each["prediction"] for each in found] == predict(network, X).tolist()
    assert (
        pytest.approx(probabilities(network, X))
        == np.array([each["probabilities"] for each in found]).T
    )
    quiet = inside("predict", model, "--test", "0,7,12", "--quiet").stdout.split()
    assert quiet == [str(each["prediction"]) for each in found]
    printed = inside("predict", model, "--test", "0").stdout
    assert "test image 0 of MNIST: a 7, read as 7, right" in printed
    assert re.search(r"7 +\d+\.\d %  truth  █+", printed)
    image = [line[:28] for line in printed.splitlines()[1:15]]
    assert image[4].strip() == "▒▓▓▓███████████░"  # the bar of the seven


def test_explain_shows_every_array_of_the_pass_with_its_formula(inside, model, mnist):
    printed = inside("explain", model, "--test", "8").stdout
    heads = re.findall(r"^(\w+) = (.*?)  +(.*)$", printed, re.MULTILINE)
    assert [head[0] for head in heads] == (
        ["x", "Z1", "A1", "Z2", "A2", "E", "dA2", "dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"]
    )
    assert ("dZ2", "A2 ⊙ (dA2 - Σ A2 dA2)", "10") in heads
    assert ("dW1", "dZ1 xᵀ", "10 × 784") in heads
    assert "m = 1: E is the loss of this one image" in printed
    assert max(map(len, printed.splitlines())) <= 80
    book = open_ledger(load_model(model), mnist[1][8].X[:, 0], 5)
    assert f"\n  {float(book.arrays['E'])!r}\n" in printed
    dW1 = book.arrays["dW1"]
    at = np.unravel_index(np.abs(dW1).argmax(), dW1.shape)
    assert f"largest: dW1[{at[0]},{at[1]}] {dW1[at]:.3g};" in printed
    assert f"norm {np.linalg.norm(dW1):.4g}" in printed


def test_explain_full_prints_every_number(inside, model, mnist):
    printed = inside("explain", model, "--test", "8", "--full").stdout
    book = open_ledger(load_model(model), mnist[1][8].X[:, 0], 5)
    numbers = re.findall(r"^  dW1\[(\d+),(\d+)\] (.*)$", printed, re.MULTILINE)
    values = [float(value) for _, _, line in numbers for value in line.split()]
    assert np.array(values).reshape(10, 784) == pytest.approx(book.arrays["dW1"], rel=1e-8)


def test_explain_opens_a_cell(inside, model, mnist, answer):
    book = open_ledger(load_model(model), mnist[1][8].X[:, 0], 3)
    cell = open_cell(book, "dW2[3,7]")
    printed = inside("explain", model, "--test", "8", "--label", "3", "--cell", "dW2[3,7]").stdout
    assert "test image 8 of MNIST, a 5, taken as a 3, read as" in printed
    for words in (
        f"dW2[3,7] = {cell.value!r}\n",
        "formula     dW2[3,7] = dZ2[3] A1[7]\n",
        f"source      network.py:{cell.source.line}\n",
        "            dW[L] = dZ[L] @ A[L - 1].mT\n",
        "put in      dW[2] = dZ[2] @ A[1].mT\n",
        cell.terms[0].numbers,
        f"total       {cell.total!r} by math.fsum\n",
    ):
        assert words in printed
    result = answer("explain", model, "--test", 8, "--label", 3, "--cell", "Z1[3]")
    assert result["name"] == "Z1[3]"
    assert len(result["terms"]) == 785
    assert result["total"] == pytest.approx(result["value"], rel=1e-12)
    whole = answer("explain", model, "--test", 8, "--label", 3)
    assert whole["arrays"]["dW2"]["values"][3][7] == cell.value
    assert (whole["m"], whole["label"], whole["test"]) == (1, 3, 8)


def test_explain_shows_deep_and_wide_networks(inside, tmp_path):
    network = initialise((784, 150, 30, 10), rng=np.random.default_rng(0))
    save_model(network, tmp_path / "model.safetensors")
    printed = inside("explain", tmp_path, "--test", "0").stdout
    assert "the ten of its 150 rows with the largest norm" in printed
    assert "dW2 = dZ2 A1ᵀ" in printed
    assert "a mark is the largest of 8 cells" in printed  # dW1, units of 28 × 28 in 7 × 14 marks
    assert "a mark is the largest of 4 cells" in printed  # dW2, 30 × 150 in 28 × 76
    assert max(map(len, printed.splitlines())) <= 80


def test_check(inside, model, answer, mnist):
    printed = inside("check", model)
    assert printed.returncode == 0
    assert "all 7,960 parameters" in printed.stdout
    assert "impostor A - Y: fails, as it should\n" in printed.stdout
    assert "impostor s(1 - s): fails, as it should\n" in printed.stdout
    assert printed.stdout.endswith("chainrule's gradient agrees\n")
    result = answer("check", model, "--test", "5,6", "--sample", "100")
    digits = mnist[1][[5, 6]]
    proof = check(load_model(model), digits.X, digits.Y, sample=100)
    assert result["agrees"] is True
    assert (result["parameters"], result["compared"]) == (7960, 100)
    assert result["gradients"]["chainrule"] == [row._asdict() for row in proof.own.rows]
    assert inside("check", model, "--quiet").stdout == "chainrule's gradient agrees\n"


@pytest.mark.parametrize(("engine", "name"), [("numpy", "NumPy"), ("compiled", "compiled")])
def test_check_of_an_engine(inside, model, answer, engine, name):
    printed = inside("check", model, "--engine", engine).stdout
    assert f"g of the {name} engine is in float32, and may be off" in printed
    assert "impostor A - Y: fails, as it should\n" in printed
    assert printed.endswith(f"the {name} engine's gradient agrees\n")
    result = answer("check", model, "--engine", engine)
    assert (result["agrees"], result["engine"]) == (True, engine)
    exact = answer("check", model)["gradients"]["chainrule"][0]["relative"]
    assert result["gradients"][f"the {name} engine"][0]["relative"] > 10 * exact


def test_check_of_an_engine_wants_its_numbers(inside, tmp_path):
    network = initialise((784, 4, 10), rng=np.random.default_rng(0))
    network = replace(network, parameters=network.parameters.astype(np.float64))
    save_model(network, tmp_path / "model.safetensors")
    refused = inside("check", tmp_path, "--engine", "compiled", "--sample", "10")
    assert refused.returncode == 2
    assert re.search("checked in float32, and this network is in float64", refused.stderr)
    assert inside("check", tmp_path, "--sample", "10", "--quiet").returncode == 0


def test_check_exits_1_if_the_gradient_is_wrong(model):
    code = (
        "import chainrule.explain.check as room\n"
        "right = room.backward\n"
        "def wrong(*a, **k):\n"
        "    d = right(*a, **k); d.dW[1][:] *= 1.01; return d\n"
        "room.backward = wrong\n"
        "from chainrule.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "check", str(model)], capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 1
    assert done.stdout.endswith("chainrule's gradient FAILS\n")


def test_version_says_what_a_bug_report_needs():
    printed = run("--version").stdout
    assert re.match(r"chainrule \d+\.\d+\.\d+, Python 3\.\d+", printed)
    assert f"NumPy {np.__version__}" in printed
    assert re.search(r"openblas .*, \d+ threads?", printed)


@pytest.mark.parametrize("name", [None, *cli.commands])
def test_every_help_ends_in_an_example(name, inside):
    for flag in ("-h", "--help"):
        done = inside(*([name, flag] if name else [flag]))
        assert done.returncode == 0
        assert max(map(len, done.stdout.splitlines())) <= 80
        assert done.stdout.isascii()  # click would not say it in ASCII for us
    help_ends = done.stdout if name else cli.help
    assert re.search(r"Example:\n( +chainrule \w+ [^\n]+\n*)+ *\Z", help_ends)


def test_no_command_shows_the_help(inside):
    assert inside().stdout == inside("--help").stdout


# --------------------------------------------------------------------------------------- refused


def refused(*arguments, says, by=run, **settings):
    done = by(*arguments, **settings)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("chainrule: ")
    assert re.search(says, done.stderr), done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("train --learning-rate 0", "--learning-rate.*positive number.*'0'"),
        ("train --learning-rate nan", "positive number"),
        ("train --learning-rate inf", "positive number"),
        ("train --learning-rate x", "positive number.*'x'"),
        ("train --hidden 0", "--hidden.*widths from 1.*'0'"),
        ("train --hidden -5", "widths from 1"),
        ("train --hidden 10,,3", "widths from 1"),
        ("train --hidden 9999999999", "widths from 1"),
        ("train --steps 0", "--steps.*0 is not in the range"),
        ("train --steps -1", "--steps"),
        ("train --epochs 0", "--epochs"),
        ("train --steps 3 --epochs 3", "steps or epochs, not both"),
        ("train --batch-size 0", "from 1 or all, got '0'"),
        ("train --batch-size many", "from 1 or all, got 'many'"),
        ("train --batch-size 60001", "at most the 60,000 examples, got 60,001"),
        ("train --seed -1", "--seed.*-1"),
        ("train --threads 0", "--threads.*0 is not in the range"),
        ("train --loss hinge", "--loss.*'hinge' is not one of 'squared-error'"),
        ("train --optimizer sgd", "--optimizer.*'sgd' is not one of 'descent'"),
        ("train --data nowhere", "nowhere: wanted a folder.*found nothing"),
        ("train --frobnicate", "(?i)no such option.*--frobnicate.*see chainrule train -h"),
        ("frobnicate", "(?i)no such command.*frobnicate.*see chainrule -h"),
        ("evaluate", "(?i)missing argument 'MODEL'"),
        ("evaluate nowhere", "nowhere: wanted a model file, a folder.*chainrule train"),
        ("predict nowhere --test 0", "nowhere: wanted a model"),
        ("check nowhere", "nowhere: wanted a model"),
        ("explain nowhere --test 0", "nowhere: wanted a model"),
    ],
)
def test_wrong_settings_are_one_line_and_exit_code_2(arguments, says, tmp_path, inside):
    refused(*arguments.split(), says=says, by=inside, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("predict {} --test 10000", "test images go from 0 to 9999, got 10000"),
        ("predict {} --test -1", "--test"),
        ("predict {} --test 1,x", "--test.*'1,x'"),
        ("predict {} --test ''", "--test"),
        ("explain {} --test 10000", "0 to 9999, got 10000"),
        ("explain {} --test 0 --label 10", "--label.*10"),
        ("explain {} --test 0 --cell Q9", "no cell is called 'Q9'; a cell is one of x, W1"),
        ("explain {} --test 0 --cell dW2[3,77]", r"from dW2\[0,0\] to dW2\[9,9\], got dW2\[3,77\]"),
        ("check {} --test 99999", "0 to 9999"),
        ("check {} --sample 0", "--sample.*0"),
    ],
)
def test_wrong_images_and_cells_are_one_line_and_exit_code_2(arguments, says, model, inside):
    refused(*arguments.format(model).split(), says=says, by=inside)


PATHS = (
    "train --data",
    "train --out",
    "train --resume",
    "evaluate",
    "predict M",
    "explain --test=0",
)
PATHS += ("check", "check M --data", "runs", "compare", "compare M", "show", "lab")


@pytest.mark.parametrize("before", PATHS)
def test_an_empty_path_is_refused(before, inside, tmp_path):
    refused(*before.split(), "", says="wanted a file or a folder, got ''", by=inside, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_path_of_every_command_is_of_the_one_type():
    types = [parameter.type for command in cli.commands.values() for parameter in command.params]
    paths = [kind for kind in types if isinstance(kind, (click.Path, click.File))]
    assert len(paths) >= 17
    assert all(isinstance(kind, Place) for kind in paths)


def test_a_tilde_at_the_start_of_a_path_is_a_home(small, tmp_path, inside, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    (home / "digits").symlink_to(small)
    monkeypatch.setenv("HOME", str(home))
    training = ("train", "--data=~/digits", "--steps=1", "--json", "--out=~/runs/first")
    done = inside(*training, cwd=tmp_path)
    assert json.loads(done.stdout)["model"] == str(home / "runs/first/model.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert inside("train", "--resume=~/runs/first", "-q", cwd=tmp_path).returncode == 0
    assert str(home / "runs/first") in inside("runs", "~/runs", cwd=tmp_path).stdout
    # As in a shell: not in the middle, and not the home of somebody who is not known.
    for name in ("a/~", "~nobody-of-this-name"):
        assert f"no runs in {name};" in inside("runs", name, cwd=tmp_path).stdout


def test_models_that_are_none_are_one_line_and_exit_code_2(tmp_path, model):
    text = tmp_path / "text"
    text.write_text("hello")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(model.read_bytes()[:-5])
    changed = tmp_path / "changed.safetensors"
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    small = tmp_path / "small.safetensors"
    save_model(initialise((3, 2, 2), rng=np.random.default_rng(0)), small)
    refused("evaluate", text, says="text: not a whole safetensors file")
    refused("evaluate", cut, says="cut.safetensors: not a whole safetensors file")
    refused("evaluate", changed, says="changed.safetensors: damaged")
    refused("evaluate", small, says="784 inputs and 2 to 62 outputs, got 3 and 2")
    refused(
        "evaluate", tmp_path, says="wanted a model file, a folder with model.safetensors or a run"
    )


def test_a_learning_rate_that_explodes_leaves_nothing_behind(small, tmp_path):
    arguments = ("train", "--data", small, "--learning-rate", "1e38", "--out", "a/b", "--json")
    refused(*arguments, says="the loss is nan after step 1.*try 1e.37", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_cannot_be_written_is_refused_before_the_training(small, tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    for out in (file, file / "run", "/proc/chainrule"):
        refused("train", "--data", small, "--steps", "1", "--json", "--out", out, says=str(out))
    assert file.read_text() == "in the way"


def test_a_model_is_not_overwritten(inside, small, tmp_path):
    arguments = ("train", "--data", small, "--steps", "1", "--json", "--out", tmp_path / "run")
    assert inside(*arguments).returncode == 0
    before = (tmp_path / "run/model.safetensors").read_bytes()
    refused(
        *arguments,
        says="already holds a run.json; go on with: .*--resume .*, or give --out another folder",
    )
    assert (tmp_path / "run/model.safetensors").read_bytes() == before


# ---------------------------------------------------------------------------------- as a terminal


def test_output_is_plain_ascii_where_nothing_else_can_be_encoded(model):
    for command in ("explain --test 0", "predict --test 0", "check", "evaluate"):
        done = run(*command.split(), model, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii()
        assert "?" not in done.stdout


def test_no_colour_codes_without_a_terminal(model):
    done = run("evaluate", model, FORCE_COLOR="")
    assert "\x1b" not in done.stdout + done.stderr


def test_json_is_the_only_thing_on_stdout(inside, small, tmp_path):
    done = inside("train", "--data", small, "--steps", 2, "--json", "--out", tmp_path / "run")
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout)["steps"] == 2
    assert done.stderr == ""
