"""What a run is called: given, kept whatever happens, or made of its settings."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from helpers.trainings import asked, content, trained, until
from hypothesis import given
from hypothesis import strategies as st

from chainrule import load_digits
from chainrule.runs import called as room
from chainrule.runs.called import NAME, called, checked_name, given_name, made_name, rename
from chainrule.runs.folder import begin, discard, open_run
from chainrule.runs.settings import Change, RunError, Settings


@pytest.fixture(scope="module")
def digits(small):
    return load_digits(small)


@pytest.fixture
def dated(tmp_path):
    """A run in a folder that nobody has named."""
    folder = tmp_path / "2026-11-27-101500-2"
    folder.mkdir()
    return begin(folder, Settings(learning_rate=1.5, steps=1000), engine="numpy")


def test_without_a_name_it_is_called_by_its_settings_or_its_folder(dated, tmp_path):
    assert called(dated) == "784-10-10, α 1.5, seed 0"
    (tmp_path / "first").mkdir()
    assert called(begin(tmp_path / "first", Settings(), engine="numpy")) == "first"


@pytest.mark.parametrize(
    ("settings", "changes", "name"),
    [
        ({"hidden": ()}, (), "784-10, α 0.5, seed 0"),
        ({"hidden": (300, 100), "seed": 7}, (), "784-300-100-10, α 0.5, seed 7"),
        ({"steps": 60}, (), "784-10-10, α 0.5, 60 steps, seed 0"),
        (
            {"loss": "cross_entropy", "optimizer": "adam", "batch_size": 64, "epochs": 2},
            (),
            "784-10-10, cross-entropy, adam, α 0.5, batches of 64, 2 epochs, seed 0",
        ),
        ({}, (Change(3, 0.1), Change(9, 0.01)), "784-10-10, α 0.5, then 0.01, seed 0"),
        ({"weight_decay": 0.001}, (), "784-10-10, α 0.5, weight decay λ 0.001, seed 0"),
    ],
)
def test_names_made_of_settings(tmp_path, settings, changes, name):
    a_run = begin(tmp_path, Settings(learning_rate=0.5, **settings), changes, engine="numpy")
    assert made_name(a_run) == name


def test_a_given_name_is_kept_and_can_be_taken_away(dated):
    rename(dated, "  wide, and slow – α=½ ")
    assert called(open_run(dated.folder)) == "wide, and slow – α=½"
    rename(dated, "again")
    assert called(dated) == given_name(dated) == "again"
    rename(dated, None)
    assert not (dated.folder / NAME).exists()
    assert called(dated) == "784-10-10, α 1.5, seed 0"
    rename(dated, None)


def test_a_name_changes_no_byte_and_may_come_at_any_time(digits, small, tmp_path):
    plain, _ = trained(tmp_path / "plain", digits, asked(data=str(small)))
    a_run, _ = trained(tmp_path / "named", digits, asked(data=str(small)), allowed=until(9))
    rename(a_run, "half")
    before = (a_run.folder / "run.json").read_bytes()
    trained(tmp_path / "named", digits)
    assert called(a_run) == "half"
    assert (a_run.folder / "run.json").read_bytes() == before
    assert content(a_run.folder) == content(plain.folder)


BAD = [
    "",
    "  ",
    ".",
    "..",
    "a/b",
    "..\\b",
    "a\nb",
    "\x00",
    "tab\t",
    "\u202egnp",
    "\ud800",
    "x" * 61,
]


@pytest.mark.parametrize("name", [*BAD, 7, ["a"]])
def test_names_that_cannot_be(dated, name):
    with pytest.raises(RunError, match="a name has 1 to 60 characters") as refused:
        rename(dated, name)
    assert "\n" not in str(refused.value)
    assert str(refused.value).isascii()
    assert not (dated.folder / NAME).exists()


@given(st.text(max_size=70))
def test_any_text_is_one_visible_line_or_refused(text):
    try:
        name = checked_name(text)
    except RunError:
        return
    assert name == text.strip(" ")
    assert 0 < len(name.encode()) <= 240
    assert len(name.splitlines()) == 1
    assert not any(ord(c) < 32 or c in "/\\" for c in name)
    assert os.path.basename(name) == name  # noqa: PTH119 (it is no path that leads anywhere)


def test_a_file_of_somebody_else_is_no_name_and_is_not_touched(dated, tmp_path):
    path = dated.folder / NAME
    other = tmp_path / "other"
    other.mkdir()
    begun = begin(other, Settings(seed=1), engine="numpy")
    rename(begun, "another run's")
    theirs = (other / NAME).read_text()
    for text in ("somebody's", "[]", "{}", '{"name": "x"}', theirs, "[" * 500, "{" * 9000):
        path.write_text(text)
        assert called(dated) == "784-10-10, α 1.5, seed 0"
        for name in ("mine", None):
            with pytest.raises(RunError, match=r"name\.json: it is no name of this run"):
                rename(dated, name)
        assert path.read_text() == text
    path.unlink()
    path.symlink_to(other / NAME)
    with pytest.raises(RunError, match="it is no name of this run"):
        rename(dated, "mine")
    assert (other / NAME).read_text() == theirs


def test_a_name_goes_with_a_run_that_is_discarded_and_only_then(dated):
    rename(dated, "gone")
    discard(dated)
    assert list(dated.folder.iterdir()) == []
    again = begin(dated.folder, Settings(), engine="numpy")
    (dated.folder / NAME).write_text("somebody's")
    discard(again)
    assert [path.name for path in dated.folder.iterdir()] == [NAME]


KILLED = """
import os, signal, sys
from pathlib import Path
place = int(sys.argv[2])
count = 0
def counted(call):
    def now(*arguments, **more):
        global count
        count += 1
        if count == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **more)
    return now
os.fsync, os.replace = counted(os.fsync), counted(os.replace)
from chainrule.runs.called import rename
from chainrule.runs.folder import open_run
rename(open_run(Path(sys.argv[1])), "new")
"""


def test_killed_at_every_fsync_and_rename_it_has_the_old_name_or_the_new_one(dated, monkeypatch):
    rename(dated, "old")
    seen = []
    for place in (1, 2, 3):
        done = subprocess.run([sys.executable, "-c", KILLED, str(dated.folder), str(place)])
        assert done.returncode == -signal.SIGKILL
        seen.append(called(open_run(dated.folder)))
        rename(dated, "old")
    assert seen == ["old", "old", "new"]
    # What they left is young, and may be another's who still writes; later it is removed.
    left = [path for path in dated.folder.iterdir() if path.name.startswith(f".{NAME}.")]
    assert len(left) == 2
    stranger = dated.folder / f".{NAME}.0123ABCD"
    stranger.write_text("somebody's")
    later = time.time() + 2 * room.ABANDONED
    monkeypatch.setattr(room.time, "time", lambda: later)
    rename(dated, "old")
    assert not any(path.exists() for path in left)
    assert stranger.exists()


def test_where_it_cannot_be_written_it_stays_as_it_was(dated, monkeypatch):
    rename(dated, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"name\.json: no space left on device; the name is as it"):
        rename(dated, "new")
    assert called(dated) == "old"


def test_the_command_line_shows_names(inside, digits, small, tmp_path):
    a_run, _ = trained(tmp_path / "runs/a", digits, asked(data=str(small), steps=3))
    trained(tmp_path / "runs/b", digits, asked(data=str(small), steps=3))
    rename(a_run, "the first of all")
    printed = inside("runs", cwd=tmp_path).stdout
    assert "runs/a: called the first of all\n" in printed
    assert "runs/b: called" not in printed
    told = json.loads(inside("runs", "--json", cwd=tmp_path).stdout)
    assert [each["name"] for each in told["runs"]] == ["the first of all", None]
