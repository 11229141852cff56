"""`chainrule models`, `export` and `open`, and packaged networks by name, as a person uses them."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
from helpers import ROOT

from chainrule import evaluate, load_bundled, load_model, probabilities
from chainrule.bridges.exporting import exported
from chainrule.bridges.opening import open_network
from chainrule.cli.lab import given_network
from chainrule.model import bundled_models, model_file

OTHERS = ROOT / "tests/models"


def refused(done, says):
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


# ------------------------------------------------------------------------ the package's networks


def test_the_networks_of_the_package_are_listed(inside, answer, mnist):
    models = answer("models")["models"]
    assert [each["name"] for each in models] == ["small", "large"]
    for each in models:
        network = load_bundled(each["name"])
        assert each["sizes"] == list(network.sizes)
        assert each["accuracy"] == evaluate(network, mnist[1]).accuracy
    assert (
        "large   784 → 128 → 10   cross entropy      101,770   98.11 %" in inside("models").stdout
    )


@pytest.mark.parametrize(
    "command",
    [
        "evaluate large",
        "predict large --test 3",
        "explain large --test 3 --cell E",
        "check large --sample 9",
    ],
)
def test_a_network_of_the_package_is_a_model_by_its_name(answer, command):
    told = answer(*command.split())
    path = bundled_models() / "large.safetensors"
    assert told["model"] == "large"
    by_path = answer(*[str(path) if word == "large" else word for word in command.split()])
    assert by_path == told


def test_the_lab_shows_a_network_of_the_package_once(inside, tmp_path):
    path = bundled_models() / "large.safetensors"
    assert given_network(path).id == "large"
    shutil.copy(path, tmp_path / "mine.safetensors")
    assert given_network(tmp_path / "mine.safetensors").id.startswith("model-")


def test_a_name_that_is_here_too_is_refused(inside, tmp_path):
    shutil.copy(bundled_models() / "small.safetensors", tmp_path / "large")
    refused(
        inside("evaluate", "large", cwd=tmp_path),
        "large is a network of the package, and here too: ./large is that",
    )
    done = inside("evaluate", "./large", "-q", cwd=tmp_path)
    assert done.stdout.startswith("test accuracy 93.31 %")
    assert inside("evaluate", "medium", cwd=tmp_path).returncode == 2


# ---------------------------------------------------------------------------------------- export


@pytest.mark.parametrize(
    ("kind", "ending"), [("onnx", "onnx"), ("python", "py"), ("c", "c"), ("csv", "csv")]
)
def test_export_writes_a_file_of_each_kind(inside, tmp_path, kind, ending):
    done = inside("export", "small", "--to", kind, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"small.{ending}\n", "")
    content = (tmp_path / f"small.{ending}").read_bytes()
    assert content == exported(load_bundled("small"), kind)
    again = inside("export", "small", "--to", kind, cwd=tmp_path)  # the same bytes: nothing is lost
    assert again.returncode == 0
    if kind != "csv":
        inside("export", "small", "--to", kind, "--pixels", "0-255", "--out", "b", cwd=tmp_path)
        assert (tmp_path / "b").read_bytes() == exported(load_bundled("small"), kind, "0-255")


def test_export_of_a_run_and_of_one_of_its_steps(inside, default_training, tmp_path):
    run = default_training[0] / "runs/first"
    assert inside("export", run, "--to", "c", cwd=tmp_path).stdout == "first.c\n"
    done = inside("export", run, "--step", "0", "--to", "c", "--out", "start.c", cwd=tmp_path)
    assert done.stdout == "start.c\n"
    assert (tmp_path / "start.c").read_bytes() != (tmp_path / "first.c").read_bytes()


def test_a_file_of_somebody_else_is_overwritten_by_force_alone(inside, tmp_path):
    (tmp_path / "small.csv").write_text("mine")
    export = ("export", "small", "--to", "csv")
    refused(
        inside(*export, cwd=tmp_path), "small.csv is there and holds something else; name another"
    )
    assert (tmp_path / "small.csv").read_text() == "mine"
    assert inside(*export, "--force", cwd=tmp_path).returncode == 0
    assert (tmp_path / "small.csv").read_bytes() == exported(load_bundled("small"), "csv")
    assert [path.name for path in tmp_path.iterdir()] == ["small.csv"]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("export small", "Missing option '--to'"),
        ("export small --to java", "'java' is not one of"),
        ("export small --to csv --pixels 0-1", "a table takes no pixels"),
        ("export small --to c --pixels 0-2", "'0-2' is not one of"),
        ("export small --to c --out no/small.c", "no/small.c: no such file"),
        ("export small --to c --out .", "is a folder, wanted a file"),
        ("export nowhere --to c", "nowhere: wanted a model file"),
        ("open their.onnx", "their.onnx: no file says how the pixels that it takes are scaled"),
        ("open their.onnx --pixels 1-2", "got '1-2'"),
        ("open nowhere.onnx --pixels 0-1", "nowhere.onnx: no such file"),
        ("open . --pixels 0-1", ".: is a folder, wanted a file"),
        ("open their.onnx --pixels 0-1 --loss mean", "'mean' is not one of"),
        ("open their.onnx --pixels 0-1 --layers a", "an ONNX file says the order"),
        ("open their.onnx --pixels 0-1 --out taken", "taken is there and holds something else"),
        ("open taken --pixels 0-1", "taken: not a whole ONNX file"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(inside, tmp_path, command, says):
    shutil.copy(OTHERS / "torch.onnx", tmp_path / "their.onnx")
    (tmp_path / "taken").write_text("mine")
    refused(inside(*command.split(), cwd=tmp_path), says)
    assert {path.name for path in tmp_path.iterdir()} == {"their.onnx", "taken"}
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("command", ["export small --to onnx", "open their.onnx --pixels 0-1"])
def test_onnx_without_its_package_says_what_to_install(inside, tmp_path, monkeypatch, command):
    shutil.copy(OTHERS / "torch.onnx", tmp_path / "their.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    refused(inside(*command.split(), cwd=tmp_path), "ONNX needs the extra onnx: pip install onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["their.onnx"]


# ------------------------------------------------------------------------------------------ open


def test_open_makes_a_model_that_every_command_takes(inside, answer, tmp_path, mnist):
    shutil.copy(OTHERS / "torch.onnx", tmp_path / "their.onnx")
    done = inside("open", "their.onnx", "--pixels", "0.1307,0.3081", cwd=tmp_path)
    said = done.stdout.splitlines()
    assert said[0] == "ONNX of pytorch: Reshape, Gemm, Relu, Gemm"
    assert said[1].startswith("it ends without softmax")
    assert said[2] == "Network 784 → 10 → 10, cross entropy, 7,960 parameters, float32"
    assert said[3].startswith(
        "pixels 0.1307,0.3081 are folded into W1 and b1; no probability changes"
    )
    assert said[4:] == ["model their.model.safetensors"]
    path = tmp_path / "their.model.safetensors"
    network = load_model(path)
    assert model_file(network) == path.read_bytes()
    assert answer("evaluate", path)["accuracy"] == evaluate(network, mnist[1]).accuracy
    read = answer("predict", path, "--test", 0)["predictions"][0]["probabilities"]
    tool = json.loads((OTHERS / "others.json").read_text())["torch"]
    assert read == pytest.approx(tool[0], abs=1e-5)
    assert answer("explain", path, "--test", 0)["prediction"] == int(np.argmax(tool[0]))
    assert answer("check", path, "--sample", 200)["agrees"] is True
    assert probabilities(given_network(path).network, mnist[1][:1].X)[:, 0] == pytest.approx(read)


def at_a_terminal(cwd, answers, *words):
    """What stands on a terminal at which a person gives these answers, and the exit code."""
    pty = pytest.importorskip("pty", reason="terminals are tried where there are such")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "chainrule", *words]
    started = subprocess.Popen(command, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, answers.encode())
    said = b""
    with suppress(OSError):  # how a terminal ends
        while piece := os.read(ours, 4096):
            said += piece
    os.close(ours)
    return started.wait(), said.decode()


def test_open_asks_a_person_how_pixels_are_scaled(tmp_path):
    shutil.copy(OTHERS / "torch.onnx", tmp_path / "their.onnx")
    code, said = at_a_terminal(tmp_path, "1-2\n0.1307,0.3081\n", "open", "their.onnx")
    assert code == 0
    assert said.count("pixels: ") == 2
    assert "pixels must be scaled as 0-1, 0-255, or MEAN,DEVIATION" in said
    made = (tmp_path / "their.model.safetensors").read_bytes()
    assert made == model_file(open_network(OTHERS / "torch.onnx", pixels="0.1307,0.3081").network)
    code, said = at_a_terminal(tmp_path, "0-1\n", "open", "nowhere.onnx")
    assert (code, "pixels: " in said) == (2, False)


def test_open_says_what_the_file_scales_itself(inside, tmp_path):
    out = tmp_path / "mine.safetensors"
    done = inside("open", OTHERS / "torch-bytes.onnx", "--pixels", "0-255", "--out", out)
    said = done.stdout.splitlines()
    assert said[1] == "it scales its pixels itself (Div, Sub, Div): that is folded, too"
    assert said[4].startswith("pixels 0-255 are folded into W1 and b1; no probability changes by")
    done = inside("open", OTHERS / "torch-bytes.onnx", "--pixels", "0-1", "--out", out)
    refused(done, "torch-bytes.onnx: it takes whole numbers, so its pixels can only be 0-255")


def test_open_in_json_says_what_it_took_to_be_so(answer, tmp_path):
    out = tmp_path / "mine.safetensors"
    told = answer(
        *("open", OTHERS / "torch.safetensors", "--pixels", "0-255", "--out", out),
        *("--loss", "squared-error", "--layers", "1,3"),
    )
    opened = open_network(OTHERS / "torch.safetensors", pixels="0-255", loss="squared_error")
    assert told == {
        "model": str(out),
        "found": "a state_dict: 1 784 → 10, 3 10 → 10",
        "sizes": [784, 10, 10],
        "loss": "squared-error",
        "dtype": "float32",
        "pixels": "0-255",
        "cost": opened.cost,
        "notes": list(opened.notes),
    }
    assert out.read_bytes() == model_file(opened.network)
