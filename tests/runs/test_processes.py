"""Signals, and several processes at one run."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import PATIENCE, run

from chainrule.model import MODEL
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import open_run
from chainrule.runs.listing import list_runs
from chainrule.runs.lock import LOCK, locked


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
