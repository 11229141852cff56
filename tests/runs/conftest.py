"""What the tests of runs share: some digits, and a training in a process of its own."""

import subprocess
import time

import pytest
from helpers import PATIENCE
from helpers.trainings import COMMAND

from chainrule import load_digits
from chainrule.runs.run import CHECKPOINT


@pytest.fixture(scope="package")
def digits(small):
    return load_digits(small)


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
