"""No file of anybody else is lost, and what is said to be safe is there."""

import errno
import os
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import PATIENCE
from helpers.trainings import Kill, asked, content, trained, until

from chainrule import load_model, save_model
from chainrule.files import write_whole
from chainrule.model import MODEL
from chainrule.runs.checkpoint import read_checkpoint, what_is_safe, write_checkpoint
from chainrule.runs.folder import FILES, begin, discard, open_run, resume_command, write_run
from chainrule.runs.going import go_on
from chainrule.runs.lock import LOCK, locked
from chainrule.runs.run import CHECKPOINT, HISTORY, RUN, START, TRAJECTORY
from chainrule.runs.settings import Computing, RunError
from chainrule.sources.written import write_digits

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
        *("name.json", ".name.json.0123abcd", ".name.json.0123abcde"),
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
    a_run, _ = trained(tmp_path / "a", digits, asked(steps=130), allowed=until(39))
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
    a_run, _ = trained(tmp_path / "a", digits, allowed=until(4))
    (a_run.folder / name).unlink(missing_ok=True)
    (a_run.folder / name).symlink_to(elsewhere)
    if name == START:  # nothing reads it: the run starts from no model
        trained(a_run.folder, digits)
    elif name in (HISTORY, MODEL):  # they are not read: the link goes, the file that it names stays
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
    a_run, _ = trained(tmp_path / "a", digits, allowed=until(4))
    (a_run.folder / LOCK).symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"\.lock: damaged: the lock of a run is a file"):
        locked(a_run.folder).__enter__()
    assert not (tmp_path / "nowhere").exists()


def test_the_folder_of_a_run_may_be_reached_by_a_link(tmp_path, digits):
    a_run, _ = trained(tmp_path / "a", digits, allowed=until(4))
    (tmp_path / "b").symlink_to(a_run.folder)
    trained(tmp_path / "b", digits)
    assert open_run(tmp_path / "b").identity() == a_run.identity()
    assert load_model(tmp_path / "a").sizes == (784, 10, 10)


def test_a_run_of_an_engine_that_is_not_known_is_listed_and_not_gone_on_with(
    tmp_path, digits, inside
):
    a_run, _ = trained(tmp_path / "runs" / "a", digits, asked(steps=5), allowed=until(1))
    reached = read_checkpoint(a_run)
    a_run = replace(a_run, engines=(Computing(0, "abacus"),))
    write_run(a_run)
    write_checkpoint(a_run, reached)
    assert "interrupted" in inside("runs", cwd=tmp_path).stdout
    before = (a_run.folder / CHECKPOINT).read_bytes()
    with pytest.raises(RunError, match="its engine is 'abacus', which this chainrule has not"):
        list(go_on(open_run(a_run.folder), *digits))
    for more in ((), ("--engine", "numpy")):
        done = inside("train", "--resume", a_run.folder, *more)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "its engine is 'abacus', which this chainrule has not" in done.stderr
    assert (a_run.folder / CHECKPOINT).read_bytes() == before


# ----------------------------------------------------------------- what is said to be safe is there


def moving(where, act):
    """An `allowed` that lets a run go on step by step, and does this to its folder after seven."""
    acts = iter([act])

    def allowed(step):
        if step == 7:
            next(acts)(where)
        return 1

    return allowed


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
        trained(folder, digits, checkpoint_every=1e-6, allowed=moving(where, act))
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
    trained(folder, digits, allowed=until(4))
    old = (folder / CHECKPOINT).read_bytes()
    a_run, _ = trained(folder, digits, allowed=until(9))
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
    a_run, _ = trained(tmp_path / "a", digits, allowed=until(4))
    begin_another(tmp_path / "a")
    discard(a_run)
    assert open_run(tmp_path / "a").settings.seed == 9
    discard(open_run(tmp_path / "a"))
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize("name", ["two words", "it's", '$HOME; say "so" *'])
def test_a_command_that_is_offered_can_be_pasted(inside, tmp_path, small, digits, name):
    trained(tmp_path / name, digits, asked(data=str(small), steps=9), allowed=until(2))
    offers = [
        inside("train", "--out", name, cwd=tmp_path)
        .stderr.split("go on with: ")[1]
        .split(", or ")[0],
        resume_command(Path(name)),
    ]
    (tmp_path / name / CHECKPOINT).unlink()
    (tmp_path / name / TRAJECTORY).unlink()
    offers.append(inside("show", name, cwd=tmp_path).stderr.split("go on with: ")[1])
    for offer in offers:
        assert shlex.split(offer) == ["chainrule", "train", "--resume", name]
    mine = shlex.join([sys.executable, "-c", "from chainrule.cli.main import main; main()"])
    pasted = offers[-1].strip().replace("chainrule", mine, 1)
    done = subprocess.run(f"{pasted} -q", shell=True, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / name / MODEL).exists()
