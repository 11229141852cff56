"""What the command line says of runs: resumed, listed, damaged, newer."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.run_files import written
from helpers.trainings import asked, content, trained, until

from chainrule.runs.checkpoint import read_checkpoint, write_checkpoint
from chainrule.runs.folder import begin, open_run, write_run
from chainrule.runs.listing import bytes_in, list_runs
from chainrule.runs.lock import LOCK, locked, state_of
from chainrule.runs.run import CHECKPOINT, FORMAT, RUN, TRAJECTORY
from chainrule.runs.settings import RunError
from chainrule.runs.trajectory import network_at


def test_resuming_a_finished_run_says_so_and_exits_0(inside, small, tmp_path):
    first = inside("train", "--data", small, "--steps", 5, "--out", "runs/a", cwd=tmp_path)
    before = content(tmp_path / "runs/a")
    again = inside("train", "--resume", "runs/a", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    lines, finished = first.stdout.splitlines(), again.stdout.splitlines()
    assert finished[3] == "runs/a is finished: there is nothing left to train"
    assert finished[4:] == lines[3:]
    assert content(tmp_path / "runs/a") == before


def test_a_large_network_records_fewer_steps_and_says_how_many(inside, small, tmp_path):
    arguments = ("--hidden", "800", "--steps", "30", "--out", "a")
    done = inside("train", "--data", small, *arguments, cwd=tmp_path)
    assert "16 of 31 moments are kept to look back: the network is large\n" in done.stdout
    a_run = open_run(tmp_path / "a")
    assert a_run.recorded_steps == list(range(0, 31, 2))
    assert (tmp_path / "a" / TRAJECTORY).stat().st_size == 16 * (8 + 4 * 636_010 + 32)
    assert network_at(a_run, 28).sizes == (784, 800, 10)


def test_resume_keeps_the_settings_and_takes_moved_data(inside, small, tmp_path):
    (tmp_path / "moved").mkdir()
    for path in small.iterdir():
        (tmp_path / "moved" / path.name).write_bytes(path.read_bytes())
    data = ("--data", tmp_path / "moved")
    done = inside("train", *data, "--steps", 5, "--out", "a", "--json", cwd=tmp_path)
    (tmp_path / "moved").rename(tmp_path / "elsewhere")
    refused = inside("train", "--resume", "a", cwd=tmp_path)
    assert refused.returncode == 2
    assert "moved: wanted a folder or file of digits" in refused.stderr
    found = inside("train", "--resume", "a", "--data", "elsewhere", "--json", cwd=tmp_path)
    old, new = json.loads(done.stdout), json.loads(found.stdout)
    assert {**new, "seconds": 0} == {**old, "seconds": 0}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--resume nowhere", "nowhere: wanted the folder of a run, found no run.json in it"),
        ("--resume a --seed 7", "--seed does not go with --resume: a run keeps its settings"),
        ("--resume a --from small", "--from does not go with --resume"),
        ("--resume a --out b", "--out does not go with --resume"),
        ("--checkpoint-every 0", "positive number"),
        ("--checkpoint-every -1", "positive number"),
    ],
)
def test_wrong_words_with_resume_are_one_line(inside, tmp_path, arguments, says):
    done = inside("train", *arguments.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_runs_lists_them(inside, small, digits, tmp_path):
    empty = inside("runs", cwd=tmp_path)
    assert empty.stdout == "no runs in runs; chainrule train makes one\n"
    folder = tmp_path / "runs"
    folder.mkdir()
    trained(folder / "done", digits, asked(steps=5))
    trained(folder / "part", digits, asked(steps=5000), allowed=until(1234))
    (folder / "new").mkdir()
    begin(folder / "new", asked(steps=None, epochs=3))
    (folder / "bad").mkdir()
    (folder / "bad" / RUN).write_text("{")
    printed = inside("runs", cwd=tmp_path).stdout
    assert re.search(r"runs/done +finished +5 of 5 +\d\.\d{4} +\d+\.\d % +0\.\d MB +\d+ s", printed)
    assert re.search(r"runs/part +interrupted +1,234 of 5,000 ", printed)
    assert re.search(r"runs/new +interrupted +0 of \? ", printed)
    assert "damaged: runs/bad/run.json: damaged: it is not JSON" in printed
    assert max(map(len, printed.splitlines())) <= 80
    listed = {
        entry["folder"]: entry
        for entry in json.loads(inside("runs", "--json", cwd=tmp_path).stdout)["runs"]
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
        a_run, _ = trained(folder / name, digits, asked(steps=5), allowed=until(2))
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
        trained(tmp_path / "runs" / name, digits, asked(steps=5), allowed=until(2))
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
    trained(tmp_path / "a", digits, allowed=until(4))
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
        a_run, _ = trained(tmp_path / "runs" / name, digits, asked(steps=5), allowed=until(2))
        found = read_checkpoint(a_run)
        with monkeypatch.context() as newer:
            newer.setattr("chainrule.runs.folder.FORMAT", FORMAT + 1)
            newer.setattr("chainrule.runs.checkpoint.FORMAT", FORMAT + 1)
            write_run(a_run) if name == RUN else write_checkpoint(a_run, found)
    newer = [
        f"runs/{name}/{name}: made by a newer chainrule: this one reads format 1, 2, 3, 4, 5, "
        f"6 and {FORMAT}, the file has {FORMAT + 1}"
        for name in (CHECKPOINT, RUN)
    ]
    said = inside("runs", cwd=tmp_path).stdout
    assert said == "".join(f"not read: {line}\n" for line in newer)
    listed = json.loads(inside("runs", "--json", cwd=tmp_path).stdout)
    assert listed == {"runs": [], "damaged": [], "newer": newer}
    for command in ("show", "evaluate"):
        refused = inside(command, f"runs/{RUN}", cwd=tmp_path)
        assert (refused.returncode, refused.stderr) == (2, f"chainrule: {newer[1]}\n")
