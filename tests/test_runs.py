"""A run survives: killed anywhere it goes on to the same bytes, and damaged files are refused.

The second answer is always the run that nobody disturbed.
"""

import ast
import csv
import errno
import json
import math
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT, run
from hypothesis import given, settings
from hypothesis import strategies as st
from test_data import mutated

from chainrule import load_digits, load_model, runs, train
from chainrule.descent import OPTIMIZERS
from chainrule.model import MODEL
from chainrule.runs import (
    CHECKPOINT,
    HISTORY,
    RUN,
    TRAJECTORY,
    Checkpoint,
    RunError,
    Settings,
    begin,
    go_on,
    list_runs,
    locked,
    network_at,
    open_run,
    prepare,
    read_checkpoint,
    start_of,
    write_checkpoint,
)

COMMAND = [sys.executable, "-c", "from chainrule.cli import main; main()"]
BATCHES = {"full": (None, 0.5), "batches": (50, 0.05)}


def asked(**changes):
    """Settings of a small training."""
    known = {
        "data": None, "hidden": (10,), "loss": "squared_error", "optimizer": "momentum",
        "learning_rate": 0.05, "batch_size": 50, "steps": 40, "epochs": None, "seed": 3,
    }  # fmt: skip
    return Settings(**(known | changes))


@pytest.fixture(scope="module")
def digits(small):
    return load_digits(small)


def trained(folder, digits, settings=None, **options):
    """A run in this folder, trained as far as the options let it; how many rows it gave."""
    folder.mkdir(exist_ok=True)
    if (folder / RUN).exists():
        started = open_run(folder)
    else:
        started = begin(folder, settings or asked())
    run = prepare(started, *digits)
    rows = list(go_on(run, *digits, threads=1, **options))
    return open_run(folder), rows


def stop_after(calls):
    """A `stop` that says so at its n-th call."""
    count = iter(range(1, calls + 1))
    return lambda: next(count, calls) == calls


def content(folder):
    return {name: (folder / name).read_bytes() for name in (MODEL, TRAJECTORY)}


# ------------------------------------------------------------------------------------ what a run is


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [None, 50])
def test_a_run_gives_the_parameters_of_train(tmp_path, digits, optimizer, size):
    settings = asked(optimizer=optimizer, batch_size=size)
    trained(tmp_path / "a", digits, settings)
    network, rng = start_of(settings)
    *_, last = train(
        network, digits[0], optimizer=optimizer, learning_rate=0.05, batch_size=size, steps=40,
        rng=rng,
    )  # fmt: skip
    ours = load_model(tmp_path / "a")
    assert ours.parameters.tobytes() == last.network.parameters.tobytes()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [None, 50])
def test_stopped_again_and_again_it_ends_in_the_same_bytes(tmp_path, digits, optimizer, size):
    settings = asked(optimizer=optimizer, batch_size=size)
    whole, rows = trained(tmp_path / "whole", digits, settings)
    parts, seen = tmp_path / "parts", []
    for calls in (1, 7, 2, 13, 1, 100):
        seen += trained(parts, digits, settings, stop=stop_after(calls))[1]
    assert content(parts) == content(tmp_path / "whole")
    assert [each.step for each in seen] == [each.step for each in rows] == list(range(41))
    assert [each.loss for each in seen] == [each.loss for each in rows]
    histories = [read_checkpoint(open_run(f)).history for f in (parts, tmp_path / "whole")]
    assert np.array_equal(histories[0][:, :4], histories[1][:, :4], equal_nan=True)
    assert whole.identity == open_run(parts).identity


def test_history_csv_is_the_history_of_the_checkpoint(tmp_path, digits):
    done, _ = trained(tmp_path / "a", digits, asked(batch_size=None, steps=250))
    with (tmp_path / "a" / HISTORY).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    history = read_checkpoint(done).history
    assert list(rows[0]) == ["step", "loss", "train_accuracy", "test_accuracy", "seconds"]
    assert [[float(x) for x in row.values()] for row in rows] == history.tolist()
    assert [int(row["step"]) for row in rows] == [*range(0, 250, 3), 250]
    assert history[-1, 1] < history[0, 1]
    assert np.all(np.diff(history[:, 4]) > 0)


def test_the_loss_of_a_row_is_the_mean_over_its_batches(tmp_path, digits):
    done, _ = trained(tmp_path / "a", digits, asked(steps=250))
    network, rng = start_of(done.settings)
    every = list(
        train(network, digits[0], optimizer="momentum", learning_rate=0.05, batch_size=50,
              steps=250, rng=rng)
    )  # fmt: skip
    for step, loss, on_train, *_ in read_checkpoint(done).history:
        means = [each.loss for each in every if step - 3 < each.step <= step]
        means = means[-1:] if step in (0, 250) else means
        assert loss == pytest.approx(np.mean(means), rel=1e-12)
        assert math.isnan(on_train)


def test_the_trajectory_holds_the_parameters_of_its_steps(tmp_path, digits):
    done, _ = trained(tmp_path / "a", digits, asked(steps=250))
    network, rng = start_of(done.settings)
    for each in train(
        network, digits[0], optimizer="momentum", learning_rate=0.05, batch_size=50, steps=250,
        rng=rng,
    ):  # fmt: skip
        if each.step in done.recorded:
            assert (
                network_at(done, each.step).parameters.tobytes()
                == each.network.parameters.tobytes()
            )
        else:
            with pytest.raises(RunError, match="not recorded; the nearest of 85 recorded ones is"):
                network_at(done, each.step)


@pytest.mark.parametrize(
    ("hidden", "length", "rows"),
    [
        ((10,), 1, 2),
        ((10,), 100, 101),
        ((10,), 101, 52),
        ((10,), 1000, 101),
        ((800,), 1000, 21),  # 25 rows of 2.5 MB would fit, every fifth row of the history is kept
        ((5000, 2000), 1000, 1),  # 56 MB each
        ((9000, 9000), 1000, 0),
    ],
)
def test_the_trajectory_is_spread_over_the_run_within_its_limits(tmp_path, hidden, length, rows):
    settings = asked(hidden=hidden, steps=length)
    a_run = runs.Run(tmp_path, settings, 0, "", ())
    assert len(a_run.recorded) == rows
    assert rows * runs.row_bytes(settings.sizes) <= 64e6
    assert set(a_run.recorded) <= set(a_run.moments)
    assert len(a_run.moments) <= 101
    if rows:
        assert a_run.recorded[-1] == length
    if rows > 1:
        assert a_run.recorded[0] == 0
        gaps = np.diff(a_run.recorded)
        assert len(set(gaps[:-1])) <= 1
        assert gaps[-1] <= gaps[0]


def test_run_json_is_on_disk_before_the_data_are_read(small, tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", BEFORE_DATA, "train", "--data", small, "--out", tmp_path / "a"],
        capture_output=True,
        encoding="utf-8",
    )
    assert process.returncode == 7, process.stderr
    started = open_run(tmp_path / "a")
    assert started.data is None
    assert started.settings.data == str(small)
    assert run("runs", tmp_path).returncode == 0
    done = run("train", "--resume", tmp_path / "a", "--quiet")
    assert done.returncode == 0, done.stderr
    whole = run("train", "--data", small, "--out", tmp_path / "b", "--quiet")
    assert done.stdout == whole.stdout
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert open_run(tmp_path / "a").identity == open_run(tmp_path / "b").identity


BEFORE_DATA = """
import os
from chainrule import cli
cli.load_digits = lambda folder: os._exit(7)
cli.main()
"""


# ------------------------------------------------------------------------------------ killed anywhere


class Killer:
    """Starts trainings, kills them at random moments, goes on, until so many were killed."""

    def __init__(self, folder, small, batches, optimizer):
        size, rate = BATCHES[batches]
        self.folder, self.tries = folder, 0
        self.arguments = [
            *("train", "--data", small, "--optimizer", optimizer, "--learning-rate", rate),
            *("--batch-size", size or "all", "--steps", 300, "--checkpoint-every", 0.001),
            *("--threads", 2),
        ]
        began = time.monotonic()
        self.start("--out", folder / "whole").communicate()
        self.seconds = time.monotonic() - began
        self.wanted = content(folder / "whole")

    def start(self, *where):
        arguments = self.arguments if where[0] == "--out" else ["train", *self.arguments[-4:]]
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments), *map(str, where), "--quiet"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def killed(self, rng):
        """Whether the next start was killed before it was through."""
        place = self.folder / str(self.tries)
        where = "--resume" if (place / RUN).exists() else "--out"
        process = self.start(where, place)
        time.sleep(rng.uniform(0, 0.9 * self.seconds))
        process.kill()
        _, said = process.communicate()
        if process.returncode == 0:
            self.check(place)
        else:
            assert process.returncode == -signal.SIGKILL, said
        return process.returncode != 0

    def check(self, place):
        assert content(place) == self.wanted
        assert not [path for path in place.iterdir() if path.name.count(".") > 2]
        self.tries += 1

    def finish(self):
        place = self.folder / str(self.tries)
        if (place / RUN).exists():
            _, said = self.start("--resume", place).communicate()
            assert said == b""
            self.check(place)


def survive(small, folder, batches, optimizer, kills, seed):
    folder.mkdir()
    killer, rng, killed = Killer(folder, small, batches, optimizer), np.random.default_rng(seed), 0
    while killed < kills:
        killed += killer.killed(rng)
    killer.finish()
    assert killer.tries


CASES = [(batches, optimizer) for batches in BATCHES for optimizer in OPTIMIZERS]


@pytest.mark.parametrize(("case", "kills"), list(zip(CASES, (4, 4, 3, 3, 3, 3), strict=True)))
def test_killed_at_20_random_moments_it_ends_in_the_same_bytes(small, tmp_path, case, kills):
    survive(small, tmp_path / "runs", *case, kills, seed=kills)


@pytest.mark.long
@pytest.mark.parametrize(("case", "kills"), list(zip(CASES, (34, 34, 33, 33, 33, 33), strict=True)))
def test_killed_at_200_random_moments_it_ends_in_the_same_bytes(small, tmp_path, case, kills):
    survive(small, tmp_path / "runs", *case, kills, seed=None)


# ------------------------------------------------------------------- old file or new file, always

INJECTED = """
import errno, os, pathlib, signal, sys
kind, place, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
count = 0

def now(what):
    global count
    count += kind in (what, "any")
    return kind in (what, "any") and count == place

def end():
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise OSError(getattr(errno, way), os.strerror(getattr(errno, way)))

class Written:
    def __init__(self, file):
        self.file = file
    def write(self, data):
        if now("write"):
            self.file.write(data[: len(data) // 2])
            self.file.flush()
            end()
        return self.file.write(data)
    def __enter__(self):
        return self
    def __exit__(self, *error):
        self.file.close()
    def __getattr__(self, name):
        return getattr(self.file, name)

opened = pathlib.Path.open
def open_path(path, mode="r", *rest, **more):
    file = opened(path, mode, *rest, **more)
    return file if set(mode) <= set("rbt") else Written(file)
pathlib.Path.open = open_path

for name, what in (("fsync", "fsync"), ("replace", "rename")):
    def call(*arguments, real=getattr(os, name), what=what, **more):
        if now(what):
            end()
        return real(*arguments, **more)
    setattr(os, name, call)

sys.argv[1:] = sys.argv[4:]
import atexit
atexit.register(lambda: print("calls", count, file=sys.stderr))
from chainrule.cli import main
main()
"""


def inject(kind, place, way, *arguments):
    return subprocess.run(
        [sys.executable, "-c", INJECTED, kind, str(place), way, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def short(small, tmp_path_factory):
    """A training of three steps with a checkpoint after each, and what it ends in."""
    folder = tmp_path_factory.mktemp("short") / "whole"
    arguments = ["train", "--data", small, "--steps", 3, "--checkpoint-every", 0.000001, "--quiet"]
    done = inject("any", -1, "kill", *arguments, "--out", folder)
    assert done.returncode == 0, done.stderr
    return arguments, content(folder), int(done.stderr.split()[-1])


def goes_on_to_the_same(folder, arguments, wanted):
    """Resume it, or start it if there is no run, and compare."""
    if (folder / RUN).exists():
        done = run("train", "--resume", folder, "--quiet")
    else:
        done = run(*arguments, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert content(folder) == wanted


def check_injected(place, way, short, folder):
    arguments, wanted, _ = short
    done = inject("any", place, way, *arguments, "--out", folder)
    if way == "kill":
        assert done.returncode == -signal.SIGKILL
    else:
        assert done.returncode == 2, done
        *lines, _ = done.stderr.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("chainrule: ")
        assert os.strerror(getattr(errno, way)).lower() in lines[0]
        if (folder / RUN).exists():
            assert "the run is safe up to step" in lines[0]
            assert f"chainrule train --resume {folder}" in lines[0]
        hidden = {path.name for path in folder.glob(".*")} if folder.exists() else set()
        assert hidden <= {runs.LOCK}
    goes_on_to_the_same(folder, arguments, wanted)


def test_killed_or_failing_at_writes_fsyncs_and_renames_it_resumes(short, tmp_path):
    calls = short[2]
    assert calls > 30
    for k, place in enumerate(range(1, calls + 1, 6)):
        check_injected(place, ("kill", "ENOSPC", "EROFS")[k % 3], short, tmp_path / str(place))


@pytest.mark.long
@pytest.mark.parametrize("way", ["kill", "ENOSPC", "EROFS"])
def test_killed_or_failing_at_every_write_fsync_and_rename_it_resumes(short, tmp_path, way):
    for place in range(1, short[2] + 1):
        check_injected(place, way, short, tmp_path / str(place))
