"""A run survives: killed anywhere it goes on to the same bytes."""

import contextlib
import errno
import os
import signal
import subprocess
import time
from itertools import product

import numpy as np
import pytest
from helpers.faults import inject
from helpers.trainings import BATCHES, COMMAND, content

from chainrule.descent import OPTIMIZERS
from chainrule.runs.lock import LOCK
from chainrule.runs.run import CHECKPOINT, RUN

# ---------------------------------------------------------------------------------- killed anywhere


class Killer:
    """Starts trainings, kills them at random moments, goes on, until so many were killed.

    One kill of four may come while the process still loads its libraries, the others come while it
    takes steps.
    """

    def __init__(self, folder, small, steps, batches, optimizer, engine):
        size, rate = BATCHES[batches]
        self.folder, self.tries = folder, 0
        self.arguments = [
            *("train", "--data", small, "--optimizer", optimizer, "--learning-rate", rate),
            *("--batch-size", size or "all", "--steps", steps, "--checkpoint-every", 0.001),
            *("--engine", engine, "--threads", 2),
        ]
        began, whole = time.monotonic(), folder / "whole"
        process = self.start("--out", whole)
        self.wait_for_steps(whole, process)
        self.start_takes = time.monotonic() - began
        process.communicate()
        self.steps_take = time.monotonic() - began - self.start_takes
        self.wanted = content(whole)

    def start(self, *where):
        arguments = self.arguments if where[0] == "--out" else ["train", *self.arguments[-6:]]
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments), *map(str, where), "--quiet"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def wait_for_steps(self, place, process):
        """Until it has put another checkpoint on disk, or is through."""
        before = stamp(place)
        while stamp(place) == before and process.poll() is None:
            time.sleep(0.001)

    def next(self):
        """Where the next start goes on or, if the last was killed before its run began, begins."""
        place = self.folder / str(self.tries)
        return place, self.start("--resume" if (place / RUN).exists() else "--out", place)

    def killed(self, rng):
        """Whether the next start was killed before it was through, which nobody relies on."""
        place, process = self.next()
        seconds = self.steps_take
        if rng.random() < 0.25:
            seconds += self.start_takes
        else:
            self.wait_for_steps(place, process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0, 0.9 * seconds))
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


def stamp(place):
    """What changes with each checkpoint."""
    path = place / CHECKPOINT
    return (path.stat().st_mtime_ns, path.stat().st_ino) if path.exists() else None


def survive(small, folder, steps, case, kills, seed):
    folder.mkdir()
    killer, rng, killed = Killer(folder, small, steps, *case), np.random.default_rng(seed), 0
    while killed < kills:
        killed += killer.killed(rng)
    killer.finish()


CASES = list(product(BATCHES, OPTIMIZERS, ("numpy", "compiled")))
FEW = (2, 0, 0, 2, 2, 0, 0, 2, 2, 0, 0, 2)  # 12, each optimizer and kind of batches with one engine
MANY = (34, 34, 34, 34, 33, 33, 33, 33, 33, 33, 33, 33)  # 200 with each engine


@pytest.mark.parametrize(
    ("case", "kills"), [each for each in zip(CASES, FEW, strict=True) if each[1]]
)
def test_killed_at_random_moments_it_ends_in_the_same_bytes(small, tmp_path, case, kills):
    survive(small, tmp_path / "runs", 100, case, kills, seed=CASES.index(case))


@pytest.mark.long
@pytest.mark.parametrize(("case", "kills"), list(zip(CASES, MANY, strict=True)))
def test_killed_at_200_random_moments_it_ends_in_the_same_bytes(small, tmp_path, case, kills):
    survive(small, tmp_path / "runs", 200, case, kills, seed=None)


# ------------------------------------------------------------------- old file or new file, always


@pytest.fixture(scope="module")
def short(small, tmp_path_factory):
    """A training of three steps with a checkpoint after each, and what it ends in.

    By NumPy: what the compiled engine keeps on disk is not a part of a run.
    """
    folder = tmp_path_factory.mktemp("short") / "whole"
    arguments = ["train", "--data", small, "--steps", 3, "--checkpoint-every", 0.000001, "--quiet"]
    arguments += ["--engine", "numpy"]
    done = inject("any", -1, "kill", *arguments, "--out", folder)
    assert done.returncode == 0, done.stderr
    return arguments, content(folder), int(done.stderr.split()[-1])


def goes_on_to_the_same(command, folder, arguments, wanted):
    """Resume it, or start it if there is no run, and compare."""
    if (folder / RUN).exists():
        done = command("train", "--resume", folder, "--quiet")
    else:
        done = command(*arguments, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert content(folder) == wanted


def check_injected(command, place, way, short, folder):
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
    goes_on_to_the_same(command, folder, arguments, wanted)


def test_killed_or_failing_at_writes_fsyncs_and_renames_it_resumes(inside, short, tmp_path):
    calls = short[2]
    assert calls > 30
    # The first is the fsync of the new folder's name.
    check_injected(inside, 1, "EROFS", short, tmp_path / "first")
    for k, place in enumerate(range(1, calls + 1, 6)):
        way = ("kill", "ENOSPC", "EROFS")[k % 3]
        check_injected(inside, place, way, short, tmp_path / str(place))


@pytest.mark.long
@pytest.mark.parametrize("way", ["kill", "ENOSPC", "EROFS"])
def test_killed_or_failing_at_every_write_fsync_and_rename_it_resumes(inside, short, tmp_path, way):
    for place in range(1, short[2] + 1):
        check_injected(inside, place, way, short, tmp_path / str(place))
