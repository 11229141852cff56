"""A server that ends, or whose pages close, loses nothing of a training."""

import hashlib
import json
import signal

import pytest
from helpers import PATIENCE, ROOT
from helpers import run as command
from helpers.live import BATCHES
from helpers.processes import ask, free_port, let_in, newest, order, page_of, started

from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import open_run
from chainrule.runs.lock import state_of

KILLED = BATCHES | {"hidden": [10], "batch_size": 100, "steps": 1000, "seed": 5}
OPTIONS = ["--hidden", 10, "--loss", "cross-entropy", "--optimizer", "momentum", "--seed", 5]
OPTIONS += ["--learning-rate", 0.02, "--batch-size", 100, "--steps", 1000, "--quiet"]

# It is paused at step 300 at the latest and killed at 600; only an order makes a checkpoint.
HOLDING = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from chainrule.lab.live import training as room
from chainrule.lab.live import thread
from helpers.held import held
room.CHECKPOINT_EVERY = {PATIENCE}
thread.ThreadedTraining.allowed = held(300, 600)
"""


def bytes_of(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The model file that the command line makes of KILLED without a stop."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = command("train", *OPTIONS, "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    return bytes_of(folder / "run")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_server_that_ends_loses_nothing(tmp_path, undisturbed, number):
    """SIGKILL loses the steps since the last checkpoint, which are taken again; others none."""
    with started("--port", free_port(), cwd=tmp_path, first=HOLDING) as lab:
        assert order(lab, do="start", settings=KILLED)[0] == 200
        (folder,) = (tmp_path / "runs").iterdir()
        with page_of(lab) as page:  # and then closes: the training goes on
            newest(page)
        paused = order(lab, do="pause")[1]["live"]["step"]
        order(lab, do="go")
        with page_of(lab) as page:
            while newest(page)["step"] < paused + 20:
                pass
        lab.process.send_signal(number)
        _, complained = lab.process.communicate(timeout=PATIENCE)
    assert complained == ""
    reached = read_checkpoint(open_run(folder))
    assert reached.step == paused if number == signal.SIGKILL else reached.step > paused
    assert reached.step < 1000
    assert state_of(folder) == "interrupted"
    done = command("train", "--resume", folder, "--quiet")
    assert done.returncode == 0, done.stderr
    assert bytes_of(folder) == undisturbed


def test_a_run_stays_when_pages_close_and_is_found_by_the_next_server(tmp_path, undisturbed):
    with started("--port", free_port(), cwd=tmp_path, first=HOLDING) as lab:
        assert order(lab, do="start", settings=KILLED)[0] == 200
        paused = order(lab, do="pause")[1]["live"]["step"]
        status, told = order(lab, do="start", settings=KILLED | {"seed": 6})
        assert status == 409
        assert f"is paused at step {paused:,}; stop it first" in told["error"]
        order(lab, do="go")
        with page_of(lab) as page:
            while newest(page)["step"] < paused + 20:
                pass
        lab.process.terminate()
        lab.process.communicate(timeout=PATIENCE)
    with started("--port", free_port(), cwd=tmp_path) as lab:
        told = json.loads(ask(lab, "GET", "/api/lab", **let_in(lab)).content)
        assert told["live"] is None
        (entry,) = told["runs"]
        assert entry["state"] == "interrupted"
        assert entry["step"] > paused  # SIGTERM left a checkpoint
        assert order(lab, do="start", run=entry["id"])[0] == 200
        with page_of(lab) as page:
            while newest(page)["state"] != "finished":
                pass
        assert [row for row in entry["history"]["step"] if row] == entry["recorded"][1:]
    (folder,) = (tmp_path / "runs").iterdir()
    assert bytes_of(folder) == undisturbed
