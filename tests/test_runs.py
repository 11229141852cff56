"""A run survives: killed anywhere it goes on to the same bytes, and damaged files are refused.

The second answer is always the run that nobody disturbed.
"""

import ast
import base64
import contextlib
import csv
import errno
import io
import json
import math
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers import PATIENCE, ROOT, run
from helpers.faults import inject
from helpers.model_files import TINY, check_refused_or_the_same
from helpers.mutations import mutated
from helpers.run_files import (
    check_damaged,
    opened,
    read_or_refused,
    resealed,
    same,
    with_checkpoint,
    written,
)
from helpers.trainings import BATCHES, COMMAND, Kill, asked, content, stop_after, trained
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from chainrule import (
    evaluate,
    initialise,
    load_digits,
    load_model,
    probabilities,
    save_model,
    train,
)
from chainrule.descent import OPTIMIZERS
from chainrule.files import ModelError, seal, write_whole
from chainrule.handwriting import write_digits
from chainrule.model import MODEL
from chainrule.network import count_parameters
from chainrule.runs.checkpoint import read_checkpoint, what_is_safe, write_checkpoint
from chainrule.runs.folder import (
    FILES,
    begin,
    change_rate,
    discard,
    open_run,
    prepare,
    resume_command,
    start_of,
    write_run,
)
from chainrule.runs.going import go_on
from chainrule.runs.listing import bytes_in, list_runs
from chainrule.runs.lock import LOCK, locked, state_of
from chainrule.runs.machine import machine, machine_difference
from chainrule.runs.run import CHECKPOINT, HISTORY, RUN, TRAJECTORY, Run, row_bytes
from chainrule.runs.settings import ENTRIES, Change, RunError
from chainrule.runs.trajectory import network_at


@pytest.fixture(scope="module")
def digits(small):
    return load_digits(small)


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
    settings = asked(optimizer=optimizer, batch_size=size, steps=130)
    whole, rows = trained(tmp_path / "whole", digits, settings)
    parts, seen = tmp_path / "parts", []
    for calls in (1, 7, 2, 14, 1, 3, 1000):
        seen += trained(parts, digits, settings, stop=stop_after(calls))[1]
    assert content(parts) == content(tmp_path / "whole")
    assert [each.step for each in seen] == [each.step for each in rows] == whole.moments
    assert [each.loss for each in seen] == [each.loss for each in rows]
    histories = [read_checkpoint(open_run(f)).history for f in (parts, tmp_path / "whole")]
    assert np.array_equal(histories[0][:, :4], histories[1][:, :4], equal_nan=True)
    assert whole.identity() == open_run(parts).identity()


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
        if each.step in done.recorded_steps:
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
    a_run = Run(tmp_path, settings, 0, "", ())
    assert len(a_run.recorded_steps) == rows
    assert rows * row_bytes(settings.sizes) <= 64e6
    assert set(a_run.recorded_steps) <= set(a_run.moments)
    assert len(a_run.moments) <= 101
    if rows:
        assert a_run.recorded_steps[-1] == length
    if rows > 1:
        assert a_run.recorded_steps[0] == 0
        gaps = np.diff(a_run.recorded_steps)
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
    assert open_run(tmp_path / "a").identity() == open_run(tmp_path / "b").identity()


BEFORE_DATA = """
import os
from chainrule.cli import options
from chainrule.cli.main import main
options.load_digits = lambda folder: os._exit(7)
main()
"""


# ------------------------------------------------------------- the learning rate changes on the way


def as_undisturbed(folder, digits, a_run):
    """What a run with these settings and changes gives, if both are known from the start."""
    folder.mkdir()
    whole = prepare(begin(folder, a_run.settings, a_run.changes), *digits)
    list(go_on(whole, *digits, threads=1))
    return content(folder)


def wishes(rng, share):
    """A `new_rate` that wants another rate at so many of the times it is asked."""
    return lambda: float(rng.uniform(0.01, 0.2)) if rng.random() < share else None


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [None, 50])
def test_with_changes_at_random_steps_it_ends_where_train_does(tmp_path, digits, optimizer, size):
    settings = asked(optimizer=optimizer, batch_size=size)
    wish = wishes(np.random.default_rng(1), 0.2)
    changed, _ = trained(tmp_path / "a", digits, settings, new_rate=wish)
    assert len(changed.changes) > 3
    rates = [0.05] * 40
    for step, rate in changed.changes:
        rates[step:] = [rate] * (40 - step)
    network, rng = start_of(settings)
    *_, last = train(
        network, digits[0], optimizer=optimizer, learning_rate=rates.__getitem__, batch_size=size,
        steps=40, rng=rng,
    )  # fmt: skip
    assert load_model(tmp_path / "a").parameters.tobytes() == last.network.parameters.tobytes()
    assert content(tmp_path / "a") == as_undisturbed(tmp_path / "b", digits, changed)
    assert [changed.learning_rate(step) for step in range(40)] == rates


@pytest.mark.parametrize("size", [None, 50])
def test_each_step_can_be_watched_and_the_rows_stay_what_they_are(tmp_path, digits, size):
    settings = asked(batch_size=size, steps=250)
    _, rows = trained(tmp_path / "a", digits, settings)
    done, steps = trained(tmp_path / "b", digits, settings, each_step=True)
    assert [each.step for each in steps] == list(range(251))
    seen = {each.step: each for each in steps if each.test_accuracy is not None}
    assert list(seen) == [each.step for each in rows] == done.moments
    assert [seen[each.step].loss for each in rows] == [each.loss for each in rows]
    assert steps[1].train_accuracy is None or size is None
    assert content(tmp_path / "a") == content(tmp_path / "b")


def killing(rng, share, wish):
    """A `new_rate` after one of whose answers, written down or not, the training is killed."""

    def ask():
        if rng.random() < share:
            raise Kill
        return wish()

    return ask


@pytest.mark.parametrize("size", [None, 50])
@pytest.mark.parametrize("every", [0.001, 1000])
def test_changed_and_killed_again_and_again_it_ends_in_the_same_bytes(
    tmp_path, digits, monkeypatch, size, every
):
    """With a checkpoint after each step or none at all; a third are killed as a change is down."""
    rng = np.random.default_rng(2)
    settings, folder = asked(batch_size=size, steps=260), tmp_path / "a"
    kills = dropped = 0

    def killed_when_down(a_run, step, rate):
        nonlocal dropped
        changed = change_rate(a_run, step, rate)
        dropped += len(changed.changes) < len(a_run.changes)
        if rng.random() < 1 / 3:
            raise Kill
        return changed

    monkeypatch.setattr("chainrule.runs.going.change_rate", killed_when_down)
    for k in range(12):
        stop = stop_after(30) if k % 4 == 3 else lambda: False
        try:
            trained(
                folder, digits, settings, checkpoint_every=every,
                new_rate=killing(rng, 0.02, wishes(rng, 0.05)), stop=stop,
            )  # fmt: skip
        except Kill:
            kills += 1
    done, _ = trained(folder, digits)
    assert kills > 5
    assert len(done.changes) > 2
    assert dropped or every < 1
    assert content(folder) == as_undisturbed(tmp_path / "b", digits, done)


CHANGING = """
import itertools, sys, time
import numpy as np
from chainrule import load_digits
from chainrule.runs.going import go_on
from chainrule.runs.folder import open_run
folder, data, seed, every = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])

def wishes():
    rng, changes = np.random.default_rng(seed), 0
    for _ in range(150):
        print(changes, flush=True)  # that this process has put on disk
        rate = float(rng.uniform(0.01, 0.2)) if rng.random() < 0.1 else None
        changes += rate is not None
        yield rate
    time.sleep(600)  # to be killed

time.monotonic = itertools.count().__next__  # a clock that ticks once a step
new_rate = wishes().__next__
data = load_digits(data)
list(go_on(open_run(folder), *data, threads=1, checkpoint_every=every, new_rate=new_rate))
"""


@pytest.mark.parametrize(("size", "every"), [(None, 3), (50, 20)])
def test_changing_all_the_time_and_killed_by_the_system_it_ends_in_the_same_bytes(
    small, digits, tmp_path, size, every
):
    """Killed wherever it is some steps after its first change; it may not come to its end."""
    folder, rng, changes = tmp_path / "a", np.random.default_rng(5), set()
    folder.mkdir()
    prepare(begin(folder, asked(batch_size=size, steps=800)), *digits)
    for k in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", CHANGING, folder, small, str(k), str(every)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        lines, wanted = 0, rng.integers(150)
        while int(process.stdout.readline()) == 0 or lines < wanted:
            lines += 1
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        changes.add(open_run(folder).changes)
    assert len(changes) == 4
    done, _ = trained(folder, digits)
    assert content(folder) == as_undisturbed(tmp_path / "b", digits, done)


def test_a_change_is_on_disk_before_its_step_and_in_the_checkpoint_after(tmp_path, digits):
    folder, steps = tmp_path / "a", iter(range(1000))

    def wish():
        step = next(steps)
        written = open_run(folder).changes
        assert written == tuple(c for c in (Change(7, 0.1), Change(9, 0.2)) if c.step < step)
        return {7: 0.1, 8: 0.1, 9: 0.2}.get(step)

    before = trained(folder, digits, new_rate=wish, stop=stop_after(11))[0]
    assert before.changes == (Change(7, 0.1), Change(9, 0.2))
    assert read_checkpoint(before).step == 10
    assert before.identity(9)["changes"] == [{"step": 7, "learning_rate": 0.1}]
    assert before.rates == "α = 0.05, 0.1 from step 7, 0.2 from step 9"
    assert [before.learning_rate(step) for step in (0, 6, 7, 8, 9, 39)] == [
        0.05, 0.05, 0.1, 0.1, 0.2, 0.2,
    ]  # fmt: skip
    with locked(folder):
        change_rate(before, 3, 0.7)  # as if the checkpoint were another run's
    with pytest.raises(RunError, match=r"its changes is .*0\.1.*, that of run\.json is .*0\.7"):
        read_checkpoint(open_run(folder))


def test_a_later_wish_takes_the_place_of_what_a_killed_process_wanted(tmp_path, digits):
    a_run, _ = trained(tmp_path / "a", digits, stop=stop_after(5))
    for step, rate, changes in (
        (8, 0.2, [(8, 0.2)]),
        (9, 0.2, [(8, 0.2)]),  # as it is
        (10, 0.3, [(8, 0.2), (10, 0.3)]),
        (10, 0.4, [(8, 0.2), (10, 0.4)]),
        (10, 0.2, [(8, 0.2)]),  # taken back
        (12, 0.5, [(8, 0.2), (12, 0.5)]),
        (6, 0.05, []),  # nothing later is wanted any more
    ):
        a_run = change_rate(a_run, step, rate)
        assert a_run.changes == tuple(changes)
        assert open_run(tmp_path / "a") == a_run
    for step, rate, says in ((40, 0.1, "no step is left"), (5, 0.0, "got 0"), (5, math.nan, "nan")):
        with pytest.raises(RunError, match=says):
            change_rate(a_run, step, rate)


def test_a_run_opened_before_a_change_reads_what_came_after(tmp_path, digits):
    """As the lab does it: one thread trains, others look at the run they have opened once."""
    early, _ = trained(tmp_path / "a", digits, stop=stop_after(5))
    middle, _ = trained(
        tmp_path / "a", digits, new_rate=iter([None, 0.1, *[None] * 9]).__next__,
        stop=stop_after(9),
    )  # fmt: skip
    assert (early.changes, middle.changes) == ((), (Change(5, 0.1),))
    assert read_checkpoint(early).step == 13
    assert network_at(early, 12).parameters.tobytes() == network_at(middle, 12).parameters.tobytes()
    late = change_rate(middle, 13, 0.3)
    assert read_checkpoint(middle).step == read_checkpoint(early).step == 13
    list(go_on(early, *digits, threads=1))
    assert content(tmp_path / "a") == as_undisturbed(tmp_path / "b", digits, late)


@pytest.mark.parametrize("form", [1, 2])
def test_files_of_older_formats_are_read_and_gone_on_with(tmp_path, digits, form):
    """1 had no changes of the rate, 2 no engine, and neither the settings that came later."""
    later = [name for name, entry in ENTRIES.items() if entry.since > form]
    whole = content(trained(tmp_path / "whole", digits)[0].folder)
    old, _ = trained(tmp_path / "a", digits, stop=stop_after(7))
    reached = read_checkpoint(old)
    path = tmp_path / "a" / RUN
    fields = json.loads(path.read_text(encoding="utf-8"))
    identity = old.identity()
    assert fields.pop("engine") == "numpy"
    for name in later:
        del fields["settings"][name], identity[name]
    if form == 1:
        assert fields.pop("changes") == identity.pop("changes") == []
    path.write_text(json.dumps(resealed({**fields, "format": form})), encoding="utf-8")
    (tmp_path / "a" / CHECKPOINT).write_bytes(
        seal(
            {"format": form, "run": identity, "step": 6, "losses": list(reached.losses),
             "seconds": reached.seconds, "recorded": 7},
            {"state": np.concatenate([reached.parameters[None], reached.memory]),
             "history": reached.history},
        )
    )  # fmt: skip
    assert open_run(tmp_path / "a") == old
    assert same(read_checkpoint(old)[:4], reached[:4])
    changed = change_rate(old, 6, 0.2)
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == 3
    assert read_checkpoint(changed).step == 6
    change_rate(changed, 6, 0.05)
    trained(tmp_path / "a", digits)
    assert content(tmp_path / "a") == whole


def test_on_the_command_line_resume_changes_the_rate_from_where_the_run_stands(
    small, digits, tmp_path
):
    settings = asked(data=str(small), steps=60)
    (tmp_path / "runs").mkdir()
    part, _ = trained(tmp_path / "runs/a", digits, settings, stop=stop_after(21))
    change_rate(part, 33, 0.9)  # of a process that was killed before its next checkpoint
    done = run("train", "--resume", "runs/a", "--learning-rate", "0.01", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\nα = 0.05, 0.01 from step 20\n" in done.stdout
    changed = open_run(tmp_path / "runs/a")
    assert changed.changes == (Change(20, 0.01),)
    assert content(tmp_path / "runs/a") == as_undisturbed(tmp_path / "b", digits, changed)
    changes = [{"step": 20, "learning_rate": 0.01}]
    again = run("train", "--resume", "runs/a", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["changes"] == changes
    assert json.loads(again.stdout)["settings"]["learning_rate"] == 0.05
    listed = run("runs", cwd=tmp_path).stdout
    assert listed.endswith("\nruns/a: α = 0.05, 0.01 from step 20\n")
    [entry] = json.loads(run("runs", "--json", cwd=tmp_path).stdout)["runs"]
    assert entry["changes"] == changes
    late = run("train", "--resume", "runs/a", "--learning-rate", "0.02", cwd=tmp_path)
    assert late.returncode == 2
    assert late.stderr == ("chainrule: runs/a: finished: no step is left to take at another rate\n")


def test_a_run_that_diverges_after_a_change_goes_on_at_a_smaller_rate(small, digits, tmp_path):
    settings = asked(data=str(small))
    trained(tmp_path / "a", digits, settings, stop=stop_after(8))
    refused = run("train", "--resume", "a", "--learning-rate", "1e38", "-q", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.match(
        r"chainrule: the loss is nan after step \d+: the .* 1e\+38 .*\n$", refused.stderr
    )
    assert open_run(tmp_path / "a").changes == (Change(7, 1e38),)
    done = run("train", "--resume", "a", "--learning-rate", "0.01", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    changed = open_run(tmp_path / "a")
    assert changed.changes == (Change(7, 0.01),)
    assert content(tmp_path / "a") == as_undisturbed(tmp_path / "b", digits, changed)


@pytest.mark.parametrize("way", ["kill", "ENOSPC"])
def test_a_change_that_cannot_be_written_or_is_killed_leaves_the_run_as_it_was_or_changed(
    small, digits, tmp_path, way
):
    settings = asked(data=str(small), steps=3)
    trained(tmp_path / "a", digits, settings, stop=stop_after(2))
    before = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    wanted = None
    for place in range(1, 5):  # the write, the fsync, the rename and the folder's fsync of run.json
        folder = tmp_path / f"{place}"
        folder.mkdir()
        for name, whole in before.items():
            (folder / name).write_bytes(whole)
        done = inject(
            "any", place, way, "train", "--resume", folder, "--learning-rate", 0.2, "--quiet"
        )
        assert done.returncode in (-signal.SIGKILL, 2)
        found = open_run(folder)
        assert found.changes == ((Change(1, 0.2),) if place > 3 else ())
        assert read_checkpoint(found).step == 1
        assert run("train", "--resume", folder, "--learning-rate", 0.2, "-q").returncode == 0
        wanted = wanted or as_undisturbed(tmp_path / "whole", digits, open_run(folder))
        assert content(folder) == wanted


# ---------------------------------------------------------------------------------- killed anywhere


class Killer:
    """Starts trainings, kills them at random moments, goes on, until so many were killed."""

    def __init__(self, folder, small, batches, optimizer):
        size, rate = BATCHES[batches]
        self.folder, self.tries = folder, 0
        self.arguments = [
            *("train", "--data", small, "--optimizer", optimizer, "--learning-rate", rate),
            *("--batch-size", size or "all", "--steps", 200, "--checkpoint-every", 0.001),
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

    def next(self):
        """Where the next start goes on or, if the last was killed before its run began, begins."""
        place = self.folder / str(self.tries)
        return place, self.start("--resume" if (place / RUN).exists() else "--out", place)

    def killed(self, rng):
        """Whether the next start was killed before it was through, which nobody relies on."""
        place, process = self.next()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0, 0.9 * self.seconds))
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
        place, process = self.next()
        _, said = process.communicate()
        assert said == b""
        self.check(place)


def survive(small, folder, batches, optimizer, kills, seed):
    folder.mkdir()
    killer, rng, killed = Killer(folder, small, batches, optimizer), np.random.default_rng(seed), 0
    while killed < kills:
        killed += killer.killed(rng)
    killer.finish()


CASES = [(batches, optimizer) for batches in BATCHES for optimizer in OPTIMIZERS]


@pytest.mark.parametrize(("case", "kills"), list(zip(CASES, (4, 4, 3, 3, 3, 3), strict=True)))
def test_killed_at_20_random_moments_it_ends_in_the_same_bytes(small, tmp_path, case, kills):
    survive(small, tmp_path / "runs", *case, kills, seed=kills)


@pytest.mark.long
@pytest.mark.parametrize(("case", "kills"), list(zip(CASES, (34, 34, 33, 33, 33, 33), strict=True)))
def test_killed_at_200_random_moments_it_ends_in_the_same_bytes(small, tmp_path, case, kills):
    survive(small, tmp_path / "runs", *case, kills, seed=None)


# ------------------------------------------------------------------- old file or new file, always


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
        assert str(folder) in lines[0]
        if (folder / RUN).exists():
            assert "the run is safe up to step" in lines[0]
            assert f"chainrule train --resume {folder}" in lines[0]
        hidden = {path.name for path in folder.glob(".*")} if folder.exists() else set()
        assert hidden <= {LOCK}
    goes_on_to_the_same(folder, arguments, wanted)


def test_killed_or_failing_at_writes_fsyncs_and_renames_it_resumes(short, tmp_path):
    calls = short[2]
    assert calls > 30
    check_injected(1, "EROFS", short, tmp_path / "first")  # the fsync of the new folder's name
    for k, place in enumerate(range(1, calls + 1, 6)):
        check_injected(place, ("kill", "ENOSPC", "EROFS")[k % 3], short, tmp_path / str(place))


@pytest.mark.long
@pytest.mark.parametrize("way", ["kill", "ENOSPC", "EROFS"])
def test_killed_or_failing_at_every_write_fsync_and_rename_it_resumes(short, tmp_path, way):
    for place in range(1, short[2] + 1):
        check_injected(place, way, short, tmp_path / str(place))


# ----------------------------------------------------------------------- nobody else's file is lost


LEFT = [".run.json.0123abcd", ".checkpoint.safetensors.89abcdef", ".history.csv.00000000",
        ".model.safetensors.ffffffff"]  # fmt: skip


def bystanders(folder):
    """Put files, folders and links of all kinds there; the folder, their names, what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [
        *(".env.bak.20261101", ".a.b.12345678", ".git", ".lock.0123abcd", ".trajectory.0123abcd"),
        *(".run.json.bak", ".run.json.0123ABCD", ".run.json.0123abcde", ".run.json.0123abc"),
        *(
            "run.json.0123abcd",
            ".report.html.0123abcd",
            ".notes.txt.0123abcd",
            "model.safetensors~",
        ),
        *(".run.json.0123abc\n", ".run_json.0123abcd", "x.run.json.0123abcd", "checkpoint"),
    ]
    for name in names:
        (folder / name).write_text(f"somebody's {name}")
    (folder / ".history.csv.0123abcd").mkdir()
    (folder / ".history.csv.0123abcd/.model.safetensors.0123abcd").write_text("in a folder")
    (folder / ".model.safetensors.89abcdef").symlink_to("checkpoint")
    (folder / ".checkpoint.safetensors.01234567").symlink_to("nowhere")
    (folder / "empty").mkdir()
    names = [path.name for path in folder.iterdir()]
    return folder, names, stood(folder, names)


def stood(folder, names):
    """What is at these names, and inside."""
    found = {}
    for path in (each for name in names for each in (folder / name, *(folder / name).glob("**/*"))):
        if path.is_symlink():
            found[str(path)] = f"to {path.readlink()}"
        elif path.is_file():
            found[str(path)] = path.read_bytes()
        else:
            found[str(path)] = "a folder" if path.is_dir() else "gone"
    return found


def test_nothing_is_lost_beside_a_run_that_trains_fails_diverges_or_resumes(
    small, tmp_path, monkeypatch, inside
):
    before = [bystanders(tmp_path / place) for place in (".", "runs", "runs/a", "runs/b")]

    def untouched():
        for folder, names, found in before:
            assert stood(folder, names) == found

    def said(*arguments):
        done = inside("train", *arguments, "--quiet", cwd=tmp_path)
        untouched()
        return done

    data = ("--data", small, "--steps", 3)
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", full_disk)
        assert "no space left" in said(*data, "--out", "runs/a").stderr
    assert "no space left" not in said("--data", tmp_path, "--out", "runs/a").stderr
    assert said(*data, "--out", "runs/b", "--learning-rate", 1e38).returncode == 2
    assert not (tmp_path / "runs/b" / RUN).exists()
    assert said(*data, "--out", "runs/a").returncode == 0
    for name in LEFT:
        (tmp_path / "runs/a" / name).write_text("left by a process that was killed")
    assert said("--resume", "runs/a").returncode == 0
    assert not [name for name in LEFT if (tmp_path / "runs/a" / name).exists()]
    assert said(*data).returncode == 0


def test_nothing_is_lost_beside_a_model_a_page_or_drawings(
    small, digits, tmp_path, monkeypatch, inside
):
    a_run, _ = trained(tmp_path / "a", digits, asked(data=str(small), steps=3))
    before = [bystanders(tmp_path / place) for place in ("models", "drawings", "a")]
    network = load_model(a_run.folder)

    def write_all():
        save_model(network, tmp_path / "models/one.safetensors")
        write_digits(
            tmp_path / "drawings" / str(len(list((tmp_path / "drawings").iterdir()))), *few
        )
        assert inside("show", "a", "--no-browser", cwd=tmp_path).returncode == 0

    few = digits[0][:3], digits[1][:2]
    for _ in range(2):
        write_all()
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", full_disk)
        with pytest.raises(OSError, match="No space") as caught:
            write_digits(tmp_path / "drawings/new", *few)
        assert caught.value.filename == str(tmp_path / "drawings/new")
        with pytest.raises(OSError, match="No space"):
            save_model(network, tmp_path / "models/new")
        assert inside("show", "a", "--no-browser", cwd=tmp_path).returncode == 2
    for folder, names, found in before:
        assert stood(folder, names) == found
    more = {path.name for path in (tmp_path / "drawings").iterdir()} - set(before[1][1])
    assert len(more) == 2


def full_disk(_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("place", [HISTORY, MODEL])
def test_killed_after_the_last_checkpoint_it_ends_with_its_whole_history(
    tmp_path, digits, monkeypatch, place
):
    whole, _ = trained(tmp_path / "whole", digits, asked(steps=130))
    a_run, _ = trained(tmp_path / "a", digits, asked(steps=130), stop=stop_after(40))
    write = write_whole

    def killed(path, content):
        if path.name == place:
            raise Kill
        write(path, content)

    with monkeypatch.context() as kill:
        for room in ("runs.checkpoint", "model"):
            kill.setattr(f"chainrule.{room}.write_whole", killed)
        with pytest.raises(Kill):
            trained(a_run.folder, digits)
    assert read_checkpoint(a_run).step == 130
    assert not (a_run.folder / MODEL).exists()
    trained(a_run.folder, digits)
    assert content(a_run.folder) == content(whole.folder)
    steps = [line.split(",")[0] for line in (a_run.folder / HISTORY).read_text().splitlines()]
    assert steps == ["step", *map(str, whole.moments)]
    (a_run.folder / HISTORY).unlink()  # as an older chainrule may have left it
    trained(a_run.folder, digits)
    assert len((a_run.folder / HISTORY).read_text().splitlines()) == len(steps)


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_written_through_a_link(tmp_path, digits, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("somebody's")
    a_run, _ = trained(tmp_path / "a", digits, stop=stop_after(5))
    (a_run.folder / name).unlink(missing_ok=True)
    (a_run.folder / name).symlink_to(elsewhere)
    if name in (HISTORY, MODEL):  # they are not read: the link goes, the file that it names stays
        trained(a_run.folder, digits)
        assert not (a_run.folder / name).is_symlink()
    else:
        with pytest.raises(RunError, match=f"a/{name}: is a link, wanted a file"):
            trained(a_run.folder, digits)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / name).symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunError, match=f"already holds a {name}"):
        begin(tmp_path / "b", asked())
    assert elsewhere.read_text() == "somebody's"
    assert not (tmp_path / "nowhere").exists()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path, digits):
    a_run, _ = trained(tmp_path / "a", digits, stop=stop_after(5))
    (a_run.folder / LOCK).symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"\.lock: damaged: the lock of a run is a file"):
        locked(a_run.folder).__enter__()
    assert not (tmp_path / "nowhere").exists()


def test_the_folder_of_a_run_may_be_reached_by_a_link(tmp_path, digits):
    a_run, _ = trained(tmp_path / "a", digits, stop=stop_after(5))
    (tmp_path / "b").symlink_to(a_run.folder)
    trained(tmp_path / "b", digits)
    assert open_run(tmp_path / "b").identity() == a_run.identity()
    assert load_model(tmp_path / "a").sizes == (784, 10, 10)


def test_a_run_of_another_engine_is_listed_and_not_gone_on_with(tmp_path, digits, inside):
    a_run, _ = trained(tmp_path / "runs" / "a", digits, asked(steps=5), stop=stop_after(2))
    write_run(replace(a_run, engine="compiled"))
    assert "interrupted" in inside("runs", cwd=tmp_path).stdout
    before = (a_run.folder / CHECKPOINT).read_bytes()
    with pytest.raises(RunError, match="its engine is 'compiled', which this chainrule has not"):
        list(go_on(open_run(a_run.folder), *digits))
    assert (a_run.folder / CHECKPOINT).read_bytes() == before


# -------------------------------------------------------------------------------- damage is refused


@pytest.fixture
def small_network(monkeypatch):
    """Runs of a 3-2-2 network, whose files are small enough to damage in every way."""
    monkeypatch.setattr("chainrule.runs.settings.PIXELS", 3)
    monkeypatch.setattr("chainrule.runs.settings.CLASSES", 2)
    return asked(hidden=(2,), steps=4)


def flips(content):
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        yield bytes(damaged)


def test_the_checkpoint_comes_back(tmp_path, small_network):
    a_run = with_checkpoint(tmp_path, small_network)
    found = read_checkpoint(open_run(tmp_path))
    assert found.step == 2
    assert np.append(found.parameters, found.memory).tolist() == (
        np.linspace(-1, 1, 28, dtype=np.float32).tolist()
    )
    assert found.history[:, 3].tolist() == [0, 0.25, 0.5]
    before = (tmp_path / CHECKPOINT).read_bytes()
    write_checkpoint(a_run, found)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_flipped_bits_and_cuts_of_a_checkpoint_are_refused(tmp_path, small_network):
    a_run = with_checkpoint(tmp_path, small_network)
    whole, wanted = (tmp_path / CHECKPOINT).read_bytes(), read_checkpoint(a_run)
    for damaged in list(flips(whole))[::41]:
        check_damaged(a_run, wanted, damaged)
    for end in range(0, len(whole), 37):
        assert read_or_refused(a_run, whole[:end]) is None


@pytest.mark.long
def test_every_flipped_bit_and_every_cut_of_a_checkpoint_is_refused(tmp_path, small_network):
    a_run = with_checkpoint(tmp_path, small_network)
    whole, wanted = (tmp_path / CHECKPOINT).read_bytes(), read_checkpoint(a_run)
    for damaged in flips(whole):
        check_damaged(a_run, wanted, damaged)
    for end in range(len(whole)):
        assert read_or_refused(a_run, whole[:end]) is None


@pytest.mark.long
def test_every_flipped_bit_and_every_cut_of_a_model_is_refused(tmp_path):
    network = initialise((3, 2, 2), rng=np.random.default_rng(0))
    check_model(tmp_path, network, lambda whole: flips(whole), range)


@pytest.mark.long
def test_2000_random_flips_and_cuts_of_the_small_networks_files_are_refused(tmp_path):
    rng = np.random.default_rng()

    def some_flips(whole):
        for bit in rng.integers(8 * len(whole), size=1000):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            yield bytes(damaged)

    def some_ends(length):
        return rng.integers(length, size=1000)

    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    check_model(tmp_path, network, some_flips, some_ends)
    (tmp_path / "run").mkdir()
    a_run = with_checkpoint(tmp_path / "run", asked(steps=4))
    whole, wanted = (a_run.folder / CHECKPOINT).read_bytes(), read_checkpoint(a_run)
    for damaged in some_flips(whole):
        check_damaged(a_run, wanted, damaged)
    for end in some_ends(len(whole)):
        assert read_or_refused(a_run, whole[:end]) is None


def check_model(folder, network, flipped, ends):
    path = folder / MODEL
    save_model(network, path)
    whole = path.read_bytes()
    for damaged in flipped(whole):
        path.write_bytes(damaged)
        try:
            found = load_model(path)
        except ModelError as error:
            said, found = str(error), network
        else:
            said = f"{path}: "
        assert said.startswith(f"{path}: ")
        assert found.parameters.tobytes() == network.parameters.tobytes()
        assert (found.sizes, found.loss) == (network.sizes, network.loss)
    for end in ends(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ModelError, match=MODEL):
            load_model(path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hidden": (12,)}, r"hidden is \[12\], that of run.json is \[10\]"),
        ({"optimizer": "adam"}, "optimizer is 'adam', that of run.json is 'momentum'"),
        ({"loss": "cross_entropy"}, "loss is 'cross_entropy', that of run.json is 'squared_error'"),
        ({"seed": 4}, "seed is 4, that of run.json is 3"),
        ({"steps": 5}, "steps is 5, that of run.json is 4"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_with_both_sides(tmp_path, changes, says):
    for name, wanted in (("a", asked(steps=4)), ("b", asked(**{"steps": 4, **changes}))):
        (tmp_path / name).mkdir()
        with_checkpoint(tmp_path / name, wanted)
    (tmp_path / "b" / CHECKPOINT).replace(tmp_path / "a" / CHECKPOINT)
    with pytest.raises(RunError, match=f"{CHECKPOINT}: it is of another run: its {says}"):
        read_checkpoint(open_run(tmp_path / "a"))


def test_a_checkpoint_from_other_data_or_a_newer_format_is_refused(tmp_path, monkeypatch):
    a_run = with_checkpoint(tmp_path, asked(steps=4))
    other = replace(a_run, data={"training": "c" * 64, "test": "b" * 64})
    with pytest.raises(RunError, match=r"training digits is 'a+', that of run.json is 'c+'"):
        read_checkpoint(other)
    found = read_checkpoint(a_run)
    with monkeypatch.context() as newer:
        newer.setattr("chainrule.runs.folder.FORMAT", 4)
        newer.setattr("chainrule.runs.checkpoint.FORMAT", 4)
        write_checkpoint(a_run, found)
        write_run(a_run)
    with pytest.raises(
        RunError,
        match=f"{CHECKPOINT}: made by a newer chainrule: .* reads format 1, 2 and 3, .* has 4",
    ):
        read_checkpoint(a_run)
    with pytest.raises(
        RunError,
        match=f"{RUN}: made by a newer chainrule: .* reads format 1, 2 and 3, the file has 4",
    ):
        open_run(tmp_path)


def test_a_run_is_refused_for_other_digits(tmp_path, digits):
    trained(tmp_path / "a", digits, stop=stop_after(5))
    with pytest.raises(RunError, match=r"trained on other training digits: SHA-256 .{12}…, these"):
        prepare(open_run(tmp_path / "a"), digits[0][1:], digits[1])
    with pytest.raises(RunError, match="trained on other test digits"):
        prepare(open_run(tmp_path / "a"), digits[0], digits[1][:-1])


def test_a_run_goes_on_on_another_machine_and_says_so(tmp_path, digits, monkeypatch, small):
    trained(tmp_path / "a", digits, asked(data=str(small)), stop=stop_after(5))
    here = machine()
    assert machine_difference(open_run(tmp_path / "a")) is None
    there = {**here, "numpy": "1.0", "kernel": "Z80"}
    for room in ("machine", "folder"):
        monkeypatch.setattr(f"chainrule.runs.{room}.machine", lambda: there)
    a_run = open_run(tmp_path / "a")
    assert f"numpy was {here['numpy']}, is 1.0" in machine_difference(a_run)
    prepare(a_run, *digits)
    monkeypatch.undo()
    assert open_run(tmp_path / "a").machines == (here, there)
    done = run("train", "--resume", tmp_path / "a", "--quiet")
    assert done.returncode == 0
    assert done.stderr.startswith("chainrule: bytes may differ from here on: numpy was 1.0, is ")
    assert done.stderr.count("\n") == 1
    assert open_run(tmp_path / "a").machines == (here, there, here)


def test_a_damaged_row_of_the_trajectory_is_refused(tmp_path, digits):
    done, _ = trained(tmp_path / "a", digits)
    path = tmp_path / "a" / TRAJECTORY
    whole = path.read_bytes()
    size = row_bytes(done.settings.sizes)
    for place in (7 * size, 7 * size + 8, 8 * size - 33, 8 * size - 1):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(RunError, match="damaged: the row of step 7 does not match"):
            network_at(done, 7)
        network_at(done, 6)
    path.write_bytes(whole[: 8 * size - 1])
    with pytest.raises(RunError, match="damaged: the row of step 7"):
        network_at(done, 7)


def test_a_trajectory_that_lost_rows_is_refused_on_resume(tmp_path, digits):
    trained(tmp_path / "a", digits, stop=stop_after(5))
    path = tmp_path / "a" / TRAJECTORY
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match="damaged: it must hold 5 rows"):
        trained(tmp_path / "a", digits)


def test_rows_past_the_checkpoint_are_dropped_and_computed_again(tmp_path, digits):
    trained(tmp_path / "whole", digits)
    trained(tmp_path / "a", digits, stop=stop_after(5))
    with (tmp_path / "a" / TRAJECTORY).open("ab") as file:
        file.write(b"more than all the rows that are still to come" * 40_000)
    trained(tmp_path / "a", digits)
    assert content(tmp_path / "a") == content(tmp_path / "whole")


# ---------------------------------------------------------------------------------------- run.json


@pytest.mark.parametrize("name", [RUN, MODEL, CHECKPOINT, HISTORY, TRAJECTORY])
def test_a_folder_with_a_file_that_a_run_would_write_is_refused(tmp_path, name):
    (tmp_path / name).write_text("somebody's")
    with pytest.raises(RunError, match=f"already holds a {name}; .*give --out another folder"):
        begin(tmp_path, asked())
    assert [path.read_text() for path in tmp_path.iterdir()] == ["somebody's"]


def test_run_json_comes_back_and_its_checksum_is_as_documented(tmp_path):
    begun = begin(tmp_path, asked(data="/somewhere/é", hidden=(300, 100)))
    assert open_run(tmp_path) == begun
    content = json.loads((tmp_path / RUN).read_text(encoding="utf-8"))
    assert content == resealed(content)
    _, rng = start_of(begun.settings)
    assert begun.key == int(rng.integers(2**63))
    assert open_run(written(tmp_path / "a")).settings == asked()


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": [0]}, {"hidden": 10}, {"hidden": [1.5]}, {"hidden": [True]}, {"hidden": [None]},
        {"hidden": [2**60]}, {"loss": "hinge"}, {"loss": None}, {"loss": []}, {"optimizer": "sgd"},
        {"optimizer": {}}, {"learning_rate": 0}, {"learning_rate": -1.0}, {"learning_rate": "1"},
        {"learning_rate": math.nan}, {"learning_rate": math.inf}, {"batch_size": 0},
        {"batch_size": 1.5}, {"steps": 0}, {"steps": True}, {"seed": -1}, {"seed": None},
        {"seed": 1.0}, {"data": 7}, {"epochs": "1"}, {"more": 1},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_by_name_and_value(tmp_path, settings):
    with pytest.raises(RunError, match=f"^{tmp_path / 'a' / RUN}: ") as refused:
        open_run(written(tmp_path / "a", **settings))
    ((name, value),) = settings.items()
    known = "got data, hidden, .*, seed, more$"
    says = known if name == "more" else f": the setting {name} cannot be {re.escape(repr(value))}$"
    assert re.search(says, str(refused.value))


@pytest.mark.parametrize(
    "changes",
    [
        {"key": -1}, {"key": 2**63}, {"key": 1.0}, {"key": None}, {"started": 7}, {"started": "x"},
        {"machines": []}, {"machines": {}}, {"machines": [1]}, {"data": 7}, {"data": {}},
        {"data": {"training": 1, "test": 2}}, {"settings": []}, {"settings": {}}, {"format": 1.0},
        {"format": "1"}, {"format": None}, {"more": 1},
        {"data": {"training": "a", "test": "b"}, "settings": {"steps": None}},
        {"changes": {}}, {"changes": None}, {"changes": [7]}, {"changes": [[7, 0.1]]},
        {"changes": [{"step": 7}]}, {"changes": [{"step": -1, "learning_rate": 0.1}]},
        {"changes": [{"step": 7.0, "learning_rate": 0.1}]},
        {"changes": [{"step": False, "learning_rate": 0.1}]},
        {"changes": [{"step": 7, "learning_rate": 0.0}]},
        {"changes": [{"step": 7, "learning_rate": math.inf}]},
        {"changes": [{"step": 7, "learning_rate": 1}]},
        {"changes": 2 * [{"step": 7, "learning_rate": 0.1}]},
        {"format": 1}, {"format": 2}, {"engine": ""}, {"engine": 7}, {"engine": 41 * "x"},
    ],
)  # fmt: skip
def test_fields_that_cannot_be_are_refused_by_name(tmp_path, changes):
    with pytest.raises(RunError, match=f"^{tmp_path / 'a' / RUN}: ") as refused:
        open_run(written(tmp_path / "a", changes))
    name, value = changes.popitem()
    says = str(refused.value).partition(RUN)[2]
    assert name in says
    if name in ("key", "started", "machines", "data", "engine"):
        assert says == f": its {name} cannot be {value!r}"


def test_a_length_or_a_rate_is_missing_only_before_the_digits_are_read(tmp_path):
    digits = {"data": {"training": "a", "test": "b"}}
    known = {"steps": 7, "learning_rate": 0.5}
    assert open_run(written(tmp_path / "a", digits, **known)).length == 7
    for name in known:
        with pytest.raises(RunError, match=f"the setting {name} cannot be None once the digits"):
            open_run(written(tmp_path / "a", digits, **(known | {name: None})))


def test_an_edited_run_json_is_refused(tmp_path):
    begin(tmp_path, asked())
    path = tmp_path / RUN
    path.write_text(path.read_text(encoding="utf-8").replace('"seed": 3', '"seed": 4'), "utf-8")
    with pytest.raises(RunError, match="damaged or edited: its content does not match"):
        open_run(tmp_path)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    """A run whose files are to be mutated, and their content."""
    a_run = with_checkpoint(tmp_path_factory.mktemp("fuzzed"), asked(steps=4))
    names = (RUN, CHECKPOINT)
    return a_run, read_checkpoint(a_run), {n: (a_run.folder / n).read_bytes() for n in names}


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_mutated_run_json_is_refused_or_the_same(fuzzed, data):
    a_run, _, whole = fuzzed
    (a_run.folder / RUN).write_bytes(data.draw(mutated(whole[RUN]) | st.binary(max_size=200)))
    assert opened(a_run.folder) in (a_run, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_values_in_a_run_json_whose_checksum_fits_are_refused_or_make_a_run(fuzzed, data):
    a_run, _, whole = fuzzed
    content = json.loads(whole[RUN])
    place = data.draw(st.sampled_from([content, content["settings"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    (a_run.folder / RUN).write_text(json.dumps(resealed(content)), encoding="utf-8")
    found = opened(a_run.folder)
    assert found is None or found.settings.sizes[0] == 784


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_mutated_checkpoint_is_refused_or_the_same(fuzzed, data):
    a_run, wanted, whole = fuzzed
    check_damaged(a_run, wanted, data.draw(mutated(whole[CHECKPOINT]) | st.binary(max_size=200)))


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(["step", "losses", "seconds", "recorded", "run", "format"]), value=JSON)
def test_any_values_in_a_checkpoint_whose_checksum_fits_are_refused_or_read(fuzzed, name, value):
    a_run, wanted, _ = fuzzed
    fields = {
        "format": 3, "run": a_run.identity(2), "step": 2, "losses": [0.5, 1], "seconds": 0.25,
        "recorded": 3, name: value,
    }  # fmt: skip
    state = np.concatenate([wanted.parameters[None], wanted.memory])
    found = read_or_refused(a_run, seal(fields, {"state": state, "history": wanted.history}))
    if found is not None:
        assert same(found[:4], wanted[:4])


@pytest.mark.long
@settings(max_examples=20_000, deadline=None)
@given(data=st.data())
def test_a_long_campaign_against_the_readers(fuzzed, data):
    campaign = (
        test_a_mutated_run_json_is_refused_or_the_same,
        test_any_values_in_a_run_json_whose_checksum_fits_are_refused_or_make_a_run,
        test_a_mutated_checkpoint_is_refused_or_the_same,
    )
    data.draw(st.sampled_from(campaign)).hypothesis.inner_test(fuzzed, data)
    check_refused_or_the_same(fuzzed[0].folder, data.draw(mutated(TINY)))


def test_a_checkpoint_takes_no_more_memory_than_it_fills(tmp_path):
    a_run = with_checkpoint(tmp_path, asked(steps=4))
    n = 10**12
    header = {"__metadata__": {"chainrule": json.dumps({
        "format": 3, "run": a_run.identity(2), "step": 2, "losses": [0.5, 1], "seconds": 0.25,
        "recorded": 3, "sha256": "0" * 64,
    })}}  # fmt: skip
    for end in (4 * n, 400):
        header["state"] = {"dtype": "F32", "shape": [1, n], "data_offsets": [0, end]}
        text = json.dumps(header).encode()
        damaged = struct.pack("<Q", len(text)) + text + bytes(400)
        tracemalloc.start()
        assert read_or_refused(a_run, damaged) is None
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
        tracemalloc.stop()


def pretend(path, states, tail=b""):
    """A sparse file whose header promises a state of this shape, and a history; no state in it."""
    header_length = int.from_bytes(path.read_bytes()[:8], "little")
    header = json.loads(path.read_bytes()[8 : 8 + header_length])
    rows = header["history"]["shape"][0]
    end = 4 * math.prod(states)
    header["state"] = {
        "dtype": "F32",
        "shape": states,
        "data_offsets": [40 * rows, 40 * rows + end],
    }
    header["history"]["data_offsets"] = [0, 40 * rows]
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + tail)
    os.truncate(path, 8 + len(text) + 40 * rows + end)


def test_a_sparse_checkpoint_of_another_size_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "a").mkdir()
    a_run = with_checkpoint(tmp_path / "a", asked(steps=4))
    path = tmp_path / "a" / CHECKPOINT
    pretend(path, [2, 500_000_000])
    assert path.stat().st_blocks * 512 < 100_000
    tracemalloc.start()
    with pytest.raises(RunError, match=r"state must be float32 of shape \(2, 7960\), got .*500000"):
        read_checkpoint(a_run)
    [refused] = list_runs(tmp_path)
    assert isinstance(refused, RunError)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_a_list_reads_no_state(tmp_path):
    """25 MB of it that are not even there; who reads it finds that they are not those sealed."""
    (tmp_path / "a").mkdir()
    a_run = with_checkpoint(tmp_path / "a", asked(hidden=(4000,), steps=4))
    path = tmp_path / "a" / CHECKPOINT
    history = read_checkpoint(a_run).history
    pretend(path, [2, count_parameters((784, 4000, 10))], history.astype("<f8").tobytes())
    tracemalloc.start()
    [entry] = list_runs(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert (entry.step, entry.loss) == (2, 1 / 5)
    with pytest.raises(RunError, match="damaged: its content does not match its checksum"):
        read_checkpoint(a_run)


# ------------------------------------------------------------------------------- no code in files


def test_no_file_is_ever_unpickled_or_run():
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module, *(alias.name for alias in node.names)]
            elif isinstance(node, ast.Attribute):
                names = [node.attr] if node.attr in ("eval", "exec") else []
            elif isinstance(node, ast.Name):
                names = [node.id]
            elif isinstance(node, ast.keyword):
                names = [node.arg]
            parts = {part for name in names if name for part in name.split(".")}
            forbidden = {"pickle", "marshal", "shelve", "dill", "allow_pickle", "eval", "exec"}
            assert not parts & forbidden, f"{path}:{node.lineno}"


# ------------------------------------------------------------------------------ on the command line


@pytest.fixture
def start(small, tmp_path):
    """Start a training in a process, wait for its first checkpoint, and give both."""
    processes = []

    def started(*more, steps=1_000_000):
        process = subprocess.Popen(
            [*COMMAND, "train", "--data", str(small), "--steps", str(steps), "--out", "runs/a",
             "--checkpoint-every", "0.01", *more],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip
        processes.append(process)
        until = time.monotonic() + PATIENCE
        while not (tmp_path / "runs/a" / CHECKPOINT).exists():
            assert time.monotonic() < until
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        return process

    yield started
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_after_the_step_with_a_checkpoint(start, tmp_path, number, code):
    process = start("--quiet")
    process.send_signal(number)
    printed, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert printed == ""
    a_run = open_run(tmp_path / "runs/a")
    step = read_checkpoint(a_run).step
    assert said == (
        f"chainrule: stopped at step {step:,} of 1,000,000; "
        f"go on with: chainrule train --resume runs/a\n"
    )
    assert not (tmp_path / "runs/a" / MODEL).exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_leaves_at_once_and_any_more_change_nothing(start, tmp_path, number, code):
    process = start("--quiet")
    before = read_checkpoint(open_run(tmp_path / "runs/a")).step
    while process.poll() is None:
        process.send_signal(number)
        time.sleep(0.0005)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert re.fullmatch("(chainrule: stopped at [^\n]+\n)?", said)
    assert read_checkpoint(open_run(tmp_path / "runs/a")).step >= before


def test_two_processes_cannot_train_the_same_run(start, small, tmp_path):
    process = start()
    for arguments in (("--resume", "runs/a"), ("--data", small, "--out", "runs/a")):
        done = run("train", *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr == "chainrule: runs/a: another process is training this run\n"
    listed = json.loads(run("runs", "--json", cwd=tmp_path).stdout)["runs"]
    assert [entry["state"] for entry in listed] == ["running"]
    process.kill()
    process.wait()
    listed = json.loads(run("runs", "--json", cwd=tmp_path).stdout)["runs"]
    assert [entry["state"] for entry in listed] == ["interrupted"]
    with locked(tmp_path / "runs/a"):
        pass


def at_once(code, count, *arguments, cwd):
    """Run this code in so many processes, which go on past `go()` together; what they printed."""
    first = "import sys\ndef go():\n    print('ready', flush=True)\n    sys.stdin.readline()\n"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", first + code, *map(str, arguments)], cwd=cwd,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )
        for _ in range(count)
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n", process.communicate()
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        ended = [process.communicate(timeout=PATIENCE) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [process.returncode for process in processes] == [0] * count, ended
    return [said for said, _ in ended]


def test_folders_that_are_named_at_once_are_all_different(tmp_path):
    code = """
from pathlib import Path
from chainrule.files import remove_empty
from chainrule.runs.folder import new_folder
go()
for k in range(60):
    made = new_folder(Path("one/runs"))
    if k % 2:
        remove_empty(made)
    else:
        print(made[0])
"""
    named = [line for said in at_once(code, 6, cwd=tmp_path) for line in said.splitlines()]
    assert len(named) == 180
    assert sorted(map(Path, named)) == sorted(
        path.relative_to(tmp_path) for path in (tmp_path / "one/runs").iterdir()
    )


def test_trainings_that_begin_at_once_all_have_a_run(small, tmp_path):
    code = """
from chainrule.cli.main import main
go()
main()
"""
    at_once(code, 4, "train", "--data", small, "--steps", 1, "--quiet", cwd=tmp_path)
    entries = list(list_runs(tmp_path / "runs"))
    assert [entry.state for entry in entries] == ["finished"] * 4


def test_of_processes_that_hold_a_lock_and_give_up_there_is_one_at_a_time(tmp_path):
    code = """
import time
from pathlib import Path
from chainrule.runs.settings import RunError
from chainrule.runs.lock import locked
from chainrule.cli.train import output_folder
go()
held = 0
for k in range(50):
    try:
        with output_folder(Path("a")) as folder, locked(folder):
            held += 1
            Path("held").mkdir()  # FileExistsError: another one holds it, too
            time.sleep(0.005)
            Path("held").rmdir()
            raise ZeroDivisionError
    except (ZeroDivisionError, RunError):
        pass
print(held)
"""
    (tmp_path / "a").mkdir()
    assert all(int(held) > 0 for held in at_once(code, 4, cwd=tmp_path))
    with locked(tmp_path / "a"):
        pass


def test_a_start_that_another_one_hinders_leaves_its_lock(tmp_path, small):
    """As it is before the other has written its run.json."""
    (tmp_path / "a").mkdir()
    with locked(tmp_path / "a"):
        before = (tmp_path / "a" / LOCK).stat()
        refused = run("train", "--data", small, "--out", "a", cwd=tmp_path)
        assert refused.stderr == "chainrule: a: another process is training this run\n"
        assert os.path.samestat((tmp_path / "a" / LOCK).stat(), before)
    assert list((tmp_path / "a").iterdir()) == []


def test_a_start_that_gives_up_leaves_a_lock_that_it_has_not_made(tmp_path, small):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / LOCK).touch()
    (tmp_path / "a" / MODEL).write_text("somebody's")
    assert run("train", "--data", small, "--out", "a", cwd=tmp_path).returncode == 2
    assert {path.name for path in (tmp_path / "a").iterdir()} == {LOCK, MODEL}
    (tmp_path / "a" / LOCK).unlink()
    assert run("train", "--data", small, "--out", "a", cwd=tmp_path).returncode == 2
    assert [path.name for path in (tmp_path / "a").iterdir()] == [MODEL]


def test_resuming_a_finished_run_says_so_and_exits_0(small, tmp_path):
    first = run("train", "--data", small, "--steps", 5, "--out", "runs/a", cwd=tmp_path)
    before = content(tmp_path / "runs/a")
    again = run("train", "--resume", "runs/a", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    lines, finished = first.stdout.splitlines(), again.stdout.splitlines()
    assert finished[2] == "runs/a is finished: there is nothing left to train"
    assert finished[3:] == lines[2:]
    assert content(tmp_path / "runs/a") == before


def test_a_large_network_records_fewer_steps_and_says_how_many(small, tmp_path):
    arguments = ("--hidden", "800", "--steps", "30", "--out", "a")
    done = run("train", "--data", small, *arguments, cwd=tmp_path)
    assert "16 of 31 moments are kept to look back: the network is large\n" in done.stdout
    a_run = open_run(tmp_path / "a")
    assert a_run.recorded_steps == list(range(0, 31, 2))
    assert (tmp_path / "a" / TRAJECTORY).stat().st_size == 16 * (8 + 4 * 636_010 + 32)
    assert network_at(a_run, 28).sizes == (784, 800, 10)


def test_resume_keeps_the_settings_and_takes_moved_data(small, tmp_path):
    (tmp_path / "moved").mkdir()
    for path in small.iterdir():
        (tmp_path / "moved" / path.name).write_bytes(path.read_bytes())
    data = ("--data", tmp_path / "moved")
    done = run("train", *data, "--steps", 5, "--out", "a", "--json", cwd=tmp_path)
    (tmp_path / "moved").rename(tmp_path / "elsewhere")
    refused = run("train", "--resume", "a", cwd=tmp_path)
    assert refused.returncode == 2
    assert "moved: wanted a folder with the four IDX files" in refused.stderr
    found = run("train", "--resume", "a", "--data", "elsewhere", "--json", cwd=tmp_path)
    old, new = json.loads(done.stdout), json.loads(found.stdout)
    assert {**new, "seconds": 0} == {**old, "seconds": 0}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--resume nowhere", "nowhere: wanted the folder of a run, found no run.json in it"),
        ("--resume a --steps 7", "--steps does not go with --resume: a run keeps its settings"),
        ("--resume a --out b", "--out does not go with --resume"),
        ("--checkpoint-every 0", "positive number"),
        ("--checkpoint-every -1", "positive number"),
    ],
)
def test_wrong_words_with_resume_are_one_line(tmp_path, arguments, says):
    done = run("train", *arguments.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_runs_lists_them(small, digits, tmp_path):
    empty = run("runs", cwd=tmp_path)
    assert empty.stdout == "no runs in runs; chainrule train makes one\n"
    folder = tmp_path / "runs"
    folder.mkdir()
    trained(folder / "done", digits, asked(steps=5))
    trained(folder / "part", digits, asked(steps=5000), stop=stop_after(1235))
    (folder / "new").mkdir()
    begin(folder / "new", asked(steps=None, epochs=3))
    (folder / "bad").mkdir()
    (folder / "bad" / RUN).write_text("{")
    printed = run("runs", cwd=tmp_path).stdout
    assert re.search(r"runs/done +finished +5 of 5 +\d\.\d{4} +\d+\.\d % +0\.\d MB +\d+ s", printed)
    assert re.search(r"runs/part +interrupted +1,234 of 5,000 ", printed)
    assert re.search(r"runs/new +interrupted +0 of \? ", printed)
    assert "damaged: runs/bad/run.json: damaged: it is not JSON" in printed
    assert max(map(len, printed.splitlines())) <= 80
    listed = {
        entry["folder"]: entry
        for entry in json.loads(run("runs", "--json", cwd=tmp_path).stdout)["runs"]
    }
    assert listed["runs/part"]["step"] == 1234
    done = read_checkpoint(open_run(folder / "done")).history[-1]
    assert listed["runs/done"]["loss"] == done[1]
    assert listed["runs/done"]["test_accuracy"] == done[3]
    files = sum(path.stat().st_size for path in (folder / "done").iterdir())
    assert listed["runs/done"]["bytes"] == files
    assert [
        entry.folder.name for entry in list_runs(folder) if not isinstance(entry, RunError)
    ] == (["done", "new", "part"])


def damage(folder, digits):
    """Runs that are damaged in every way, each beside a good one; what a list says of each."""
    says = {}

    def bad(name, why):
        says[name] = why
        a_run, _ = trained(folder / name, digits, asked(steps=5), stop=stop_after(3))
        return a_run.folder

    def instead(path, make):
        path.unlink()
        make(path)

    for name in (RUN, CHECKPOINT):
        instead(bad(f"{name} a folder", "is a folder") / name, Path.mkdir)
        instead(bad(f"{name} a pipe", "is not a file") / name, os.mkfifo)
        path = bad(f"{name} a loop", "is a link") / name
        instead(path, lambda path: path.symlink_to(path.name))
        path = bad(f"{name} a link", "is a link") / name
        (folder / f"the {name}").write_bytes(path.read_bytes())
        instead(path, lambda path: path.symlink_to(folder / f"the {path.name}"))
        (bad(f"{name} empty", "not") / name).write_bytes(b"")
        (bad(f"{name} of bytes", "not") / name).write_bytes(bytes(range(256)))
    path = bad("sparse", "it may have 10,000,000 bytes") / RUN
    path.write_bytes(b"{")
    os.truncate(path, 10**11)
    lock = bad("lock a link", "the lock of a run is a file") / LOCK
    lock.unlink(missing_ok=True)
    lock.symlink_to(folder / "elsewhere")
    for name, changes in {
        "date": {"started": "tomorrow"},
        "naive date": {"started": "2026-11-27T10:00:00"},
        "deep": {"machines": [json.loads("[" * 80 + "]" * 80)]},
        "a surrogate": {"key": "\udcff"},
        "a number": {"key": 10**4000},
        "settings": {"settings": {}},
    }.items():
        says[name] = RUN
        written(folder / name, changes)
    for name, hidden, why in (
        ("wide", [10**6] * 2, "100,000,000 p"),
        ("tall", [1] * 1000, "1,000 l"),
    ):
        says[name] = why
        written(folder / name, hidden=hidden)
    path = bad("batches", "not those of a checkpoint") / CHECKPOINT
    a_run = open_run(path.parent)
    found = read_checkpoint(a_run)
    write_checkpoint(a_run, found._replace(losses=(0.5, 10**400)))
    (folder / "a loop").symlink_to("a loop")
    says["a loop"] = "symbolic link"
    (folder / "a file").write_text("no run")
    (folder / "a folder").mkdir()
    return says


def test_one_damaged_run_is_one_line_and_hides_no_other(tmp_path, digits, inside):
    folder = tmp_path / "runs"
    folder.mkdir()
    trained(folder / "a good one", digits, asked(steps=5))
    says = damage(folder, digits)
    last, _ = trained(folder / os.fsdecode(b"z\xff"), digits, asked(steps=5))
    extreme = {"started": "0001-01-01T00:00:00+23:59"}, {"started": "9999-12-31T23:59:59-23:59"}
    for k, changes in enumerate(extreme):
        written(folder / f"date {k}", changes)
    done = inside("runs", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.replace("\n  ", " ").splitlines()
    assert len([line for line in lines if " finished " in line]) == 2
    listed = json.loads(inside("runs", "--json", cwd=tmp_path).stdout)
    names = {entry["folder"] for entry in listed["runs"]}
    last = last.folder.name.replace("\udcff", "\N{REPLACEMENT CHARACTER}")
    assert names == {f"runs/{name}" for name in ("a good one", last, "date 0", "date 1")}
    assert len(listed["damaged"]) == len(says)
    for name, why in says.items():
        [line] = [each for each in listed["damaged"] if each.startswith(f"runs/{name}/")]
        assert why in line
        assert [each for each in lines if each.startswith(f"damaged: {line[:40]}")]
    assert not (folder / "elsewhere").exists()


def test_a_folder_that_may_not_be_looked_into_is_one_line(tmp_path, digits):
    """In a process that is not root, which may look anywhere."""
    (tmp_path / "runs").mkdir()
    trained(tmp_path / "runs/good", digits, asked(steps=5))
    for name, path in (("shut", ""), ("half", RUN), ("part", CHECKPOINT), ("held", LOCK)):
        trained(tmp_path / "runs" / name, digits, asked(steps=5), stop=stop_after(3))
        (tmp_path / "runs" / name / LOCK).touch()
        (tmp_path / "runs" / name / path).chmod(0)
    tmp_path.chmod(0o755)
    code = """
import os, filelock, safetensors.numpy
from chainrule.cli.main import main
if os.getuid() == 0:
    os.setuid(65534)
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "runs", "--json"], cwd=tmp_path, capture_output=True,
        encoding="utf-8",
    )  # fmt: skip
    (tmp_path / "runs/shut").chmod(0o755)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    found = {entry["folder"]: entry["state"] for entry in listed["runs"]}
    assert found == {"runs/good": "finished", "runs/held": "interrupted"}
    assert listed["damaged"] == [
        f"runs/half/{RUN}: permission denied",
        f"runs/part/{CHECKPOINT}: permission denied",
        f"runs/shut/{RUN}: permission denied",
    ]


def test_a_disk_that_fails_under_one_run_is_one_line(tmp_path, digits, monkeypatch):
    trained(tmp_path / "bad", digits, asked(steps=5))
    trained(tmp_path / "good", digits, asked(steps=5))
    count = bytes_in

    def fail(folder):
        if folder.name == "bad":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(folder))
        return count(folder)

    monkeypatch.setattr("chainrule.runs.listing.bytes_in", fail)
    bad, good = list_runs(tmp_path)
    assert str(bad) == f"{tmp_path / 'bad'}: input/output error"
    assert good.folder.name == "good"


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_lock_that_may_not_be_taken_is_an_interrupted_run(tmp_path, digits, monkeypatch, code):
    """As on a read-only disk, where the run can be listed but not trained."""
    trained(tmp_path / "a", digits, stop=stop_after(5))
    (tmp_path / "a" / LOCK).touch()
    opened = os.open

    def read_only(path, flags, *rest, **more):
        if flags & (os.O_WRONLY | os.O_RDWR):
            if flags & os.O_EXCL and os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            raise OSError(code, os.strerror(code), str(path))
        return opened(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", read_only)
    assert state_of(tmp_path / "a") == "interrupted"
    [entry] = list_runs(tmp_path)
    assert (entry.state, entry.step) == ("interrupted", 4)
    with pytest.raises(RunError, match=f"a: cannot be locked: {os.strerror(code).lower()}$"):
        locked(tmp_path / "a").__enter__()


def test_a_newer_run_is_called_newer_and_not_damaged(tmp_path, digits, monkeypatch, inside):
    (tmp_path / "runs").mkdir()
    for name in (RUN, CHECKPOINT):
        a_run, _ = trained(tmp_path / "runs" / name, digits, asked(steps=5), stop=stop_after(3))
        found = read_checkpoint(a_run)
        with monkeypatch.context() as newer:
            newer.setattr("chainrule.runs.folder.FORMAT", 4)
            newer.setattr("chainrule.runs.checkpoint.FORMAT", 4)
            write_run(a_run) if name == RUN else write_checkpoint(a_run, found)
    newer = [
        f"runs/{name}/{name}: made by a newer chainrule: this one reads format 1, 2 and 3, "
        "the file has 4"
        for name in (CHECKPOINT, RUN)
    ]
    said = inside("runs", cwd=tmp_path).stdout
    assert said == "".join(f"not read: {line}\n" for line in newer)
    listed = json.loads(inside("runs", "--json", cwd=tmp_path).stdout)
    assert listed == {"runs": [], "damaged": [], "newer": newer}
    for command in ("show", "evaluate"):
        refused = inside(command, f"runs/{RUN}", cwd=tmp_path)
        assert (refused.returncode, refused.stderr) == (2, f"chainrule: {newer[1]}\n")


# ----------------------------------------------------------------- what is said to be safe is there


def moving(where, act):
    """A `stop` that never says so, and does this to the folder after a few steps."""
    calls = iter(range(1000))

    def stop():
        if next(calls) == 7:
            act(where)
        return False

    return stop


def begin_another(where):
    where.rename(where.with_name("moved"))
    where.mkdir()
    begin(where, asked(seed=9))


@pytest.mark.parametrize("above", [False, True])
@pytest.mark.parametrize(
    "act",
    [shutil.rmtree, lambda where: where.rename(where.with_name("moved")), begin_another],
    ids=["removed", "moved", "replaced"],
)
def test_a_run_whose_folder_goes_is_not_said_to_be_safe(tmp_path, digits, act, above):
    (tmp_path / "above").mkdir()
    folder = tmp_path / "above/a"
    where = folder.parent if above and act is not begin_another else folder
    with pytest.raises(RunError) as caught:
        trained(folder, digits, checkpoint_every=1e-6, stop=moving(where, act))
    said = str(caught.value)
    assert said.startswith(f"{folder}/")
    assert said.endswith(f"; {folder} does not hold this run any more: it was moved or removed")
    if act is begin_another:  # and nothing was written into it
        assert {path.name for path in folder.iterdir()} == {RUN}
        assert open_run(folder).settings.seed == 9
        assert read_checkpoint(open_run(tmp_path / "above/moved")).step == 6


def test_what_is_said_to_be_safe_is_what_is_on_disk(tmp_path, digits, monkeypatch):
    """Of an older checkpoint its own step is told; of a damaged one that it is lost."""
    folder = tmp_path / "a"
    trained(folder, digits, stop=stop_after(5))
    old = (folder / CHECKPOINT).read_bytes()
    a_run, _ = trained(folder, digits, stop=stop_after(5))
    safe = f"the run is safe up to step {{}}; go on with: chainrule train --resume {folder}"
    assert what_is_safe(a_run) == safe.format(9)
    (folder / CHECKPOINT).write_bytes(old)
    assert what_is_safe(a_run) == safe.format(4)
    (folder / CHECKPOINT).write_bytes(old[:-1])
    assert what_is_safe(a_run).startswith("its last checkpoint is lost: ")
    (folder / CHECKPOINT).unlink()
    assert what_is_safe(a_run) == safe.format(0)


def test_a_run_that_stops_where_it_no_longer_is_says_so(start, tmp_path):
    """Its parent folder is renamed, the signal comes, and neither says what is not true."""
    process = start("--quiet")
    (tmp_path / "runs").rename(tmp_path / "moved")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode in (2, 130)
    assert said.endswith("; runs/a does not hold this run any more: it was moved or removed\n")
    assert said.count("\n") == 1
    assert read_checkpoint(open_run(tmp_path / "moved/a")).step >= 0


def test_a_run_in_anothers_place_is_not_discarded(tmp_path, digits):
    a_run, _ = trained(tmp_path / "a", digits, stop=stop_after(5))
    begin_another(tmp_path / "a")
    discard(a_run)
    assert open_run(tmp_path / "a").settings.seed == 9
    discard(open_run(tmp_path / "a"))
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize("name", ["two words", "it's", '$HOME; say "so" *'])
def test_a_command_that_is_offered_can_be_pasted(tmp_path, small, digits, name):
    trained(tmp_path / name, digits, asked(data=str(small), steps=9), stop=stop_after(3))
    offers = [
        run("train", "--out", name, cwd=tmp_path).stderr.split("go on with: ")[1].split(", or ")[0],
        resume_command(Path(name)),
    ]
    (tmp_path / name / CHECKPOINT).unlink()
    (tmp_path / name / TRAJECTORY).unlink()
    offers.append(run("show", name, cwd=tmp_path).stderr.split("go on with: ")[1])
    for offer in offers:
        assert shlex.split(offer) == ["chainrule", "train", "--resume", name]
    mine = shlex.join([sys.executable, "-c", "from chainrule.cli.main import main; main()"])
    pasted = offers[-1].strip().replace("chainrule", mine, 1)
    done = subprocess.run(f"{pasted} -q", shell=True, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / name / MODEL).exists()


# ------------------------------------------------------------------------------------ looking back


@pytest.fixture(scope="module")
def two(small, digits, tmp_path_factory):
    """A folder with a finished run and an interrupted one."""
    folder = tmp_path_factory.mktemp("two")
    trained(folder / "done", digits, asked(data=str(small), steps=30))
    trained(folder / "part", digits, asked(data=str(small), steps=30), stop=stop_after(21))
    return folder


@pytest.mark.parametrize(
    "command",
    ["evaluate {}", "predict {} --test 0,1", "explain {} --test 0", "check {} --sample 50"],
)
def test_a_run_is_a_model_at_its_end_and_at_any_recorded_step(two, small, digits, command):
    def told(where, *more):
        done = run(*command.format(where).split(), "--data", small, "--json", *more, cwd=two)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        del told["model"], told["step"]
        return told, done.stderr

    done = open_run(two / "done")
    for step in (0, 20, 30):
        save_model(network_at(done, step), two / f"{step}.safetensors")
    assert told("done") == told("done", "--step", "30") == told("30.safetensors")
    assert told("done", "--step", "20") == told("20.safetensors")
    assert told("part", "--step", "0") == told("0.safetensors") != told("20.safetensors")
    answer, said = told("part")
    assert answer == told("20.safetensors")[0]
    assert said == "chainrule: part is not finished: this is step 20 of 30\n"


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("done --step 31", "done: step 31 is not recorded; the nearest of 31 recorded ones is 30"),
        ("part --step 21", "part: step 21 is not recorded; the nearest of 21 recorded ones is 20"),
        ("done/model.safetensors --step 3", "wanted the folder of a run, found no run.json"),
        ("done --step -1", "--step"),
    ],
)
def test_steps_that_are_not_recorded_are_refused(two, where, says):
    done = run("evaluate", *where.split(), cwd=two)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


class Page(HTMLParser):
    """What a page shows and what it would load."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.images, self.inside, self.cells, self.words = [], [], None, [], ""
        self.tags = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        self.tags.add(tag)
        found = dict(attributes)
        if tag == "img":
            self.images.append(found)
        elif tag == "td":
            self.cells.append("")
        self.loads += [found[name] for name in ("src", "href") if found.get(name)]

    def handle_data(self, data):
        if self.inside == "td":
            self.cells[-1] += data.strip()
        if self.inside not in ("script", "style"):
            self.words += data


@pytest.mark.parametrize("name", ["done", "part"])
def test_show_makes_one_page_that_loads_nothing(two, small, digits, name):
    done = run("show", name, "--no-browser", cwd=two)
    assert (done.returncode, done.stdout) == (0, f"{name}/report.html\n")
    shown = Page((two / name / "report.html").read_text(encoding="utf-8"))
    assert not {"script", "link", "iframe"} & shown.tags
    assert all(place.startswith("data:image/png;base64,") for place in shown.loads)
    a_run = open_run(two / name)
    reached = read_checkpoint(a_run)
    network = network_at(a_run, reached.step)
    seen = evaluate(network, digits[1])
    counts = [int(cell or 0) for row in range(10) for cell in shown.cells[11 * row :][:10]]
    assert counts == seen.confusion.ravel().tolist()
    assert f"step {reached.step} of 30" in shown.words
    assert f"{100 * seen.accuracy:.2f} %" in shown.words
    units = [each for each in shown.images if each["alt"].startswith("weights of unit")]
    assert len(units) == 10
    for unit, each in enumerate(units):
        content = base64.b64decode(each["src"].partition(",")[2])
        pixels = np.asarray(Image.open(io.BytesIO(content))).reshape(784, 3).astype(int)
        red = pixels[:, 0] - pixels[:, 2]
        W = network.layers[0][0][unit]
        assert np.corrcoef(red, W)[0, 1] > 0.999
    A = probabilities(network, digits[1].X)
    wrong = np.flatnonzero(A.argmax(axis=0) != digits[1].labels)
    worst = max(wrong, key=lambda k: A[:, k].max())
    first = shown.images[10]
    assert first["alt"] == f"test image {worst}, a {digits[1].labels[worst]}"
    content = base64.b64decode(first["src"].partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    assert np.array_equal(255 - pixels.ravel(), digits[1].images[worst])


def test_show_without_its_libraries_says_how_to_get_them(two):
    code = "import sys; sys.modules['PIL'] = None; from chainrule.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "show", "done"], cwd=two, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 2
    assert done.stderr == "chainrule: show needs the extra lab: pip install pillow\n"
