"""Sweeps: the runs that a grid names, who trains them, and the table of how they came out."""

import csv
import json
import multiprocessing
import os
import re
import signal
import statistics
import subprocess
import sys
from math import inf

import numpy as np
import pytest
from filelock import FileLock
from helpers import PATIENCE
from helpers.processes import waiting
from helpers.trainings import BY_ENGINE, content, trained, until
from hypothesis import given
from hypothesis import strategies as st

from chainrule import load_digits
from chainrule.cli import sweep
from chainrule.model import MODEL
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import begin, open_run
from chainrule.runs.lock import state_of
from chainrule.runs.run import RUN
from chainrule.runs.settings import RunError, Settings
from chainrule.sweeps.grid import MOST_RUNS, Sets, combinations, wanted_runs
from chainrule.sweeps.jobs import Job, News, train_run
from chainrule.sweeps.processes import in_processes
from chainrule.sweeps.results import spread_of


def one_by_one(jobs, stopping, **_):
    """Workers that are a plain loop in this process."""
    sets = Sets()
    for job in jobs:
        if stopping():
            return
        try:
            folder = train_run(job, sets.of(job.settings), threads=1, allowed=lambda _: inf)
        except ArithmeticError as error:
            yield News(job, error=str(error))
        else:
            yield News(job, folder=folder)


@pytest.fixture
def here(monkeypatch):
    """Sweeps take any workers: where processes are not the point, a loop."""
    monkeypatch.setattr(sweep, "in_processes", one_by_one)


def runs(folder):
    """The runs in a folder's runs, by hidden layers, learning rate and seed."""
    found = [open_run(path) for path in sorted((folder / "runs").iterdir())]
    return {(r.settings.hidden, r.settings.learning_rate, r.settings.seed): r for r in found}


def same_bytes(one, other):
    """Whether two run folders hold the same network, states and history; times aside."""
    reached = [read_checkpoint(open_run(folder)) for folder in (one, other)]
    columns = [0, 1, 2, 3, 5, 6]
    assert content(one) == content(other)
    assert np.array_equal(*(each.history[:, columns] for each in reached), equal_nan=True)
    assert np.array_equal(*(each.memory for each in reached))


# ------------------------------------------------------------------------------------- the grid


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from([0.1, 0.2, None]), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True),
)
def test_a_grid_is_its_nested_loops(widths, rates, seeds):
    choices = {"seed": seeds, "learning_rate": rates, "hidden": [(n,) for n in widths]}
    wanted = []
    for width in widths:
        for rate in rates:
            for seed in seeds:
                wanted.append(Settings(hidden=(width,), learning_rate=rate, seed=seed))
    assert combinations(choices, Settings()) == wanted


def test_a_sweep_has_a_limit():
    choices = {"seed": range(MOST_RUNS // 4 + 1), "hidden": [(1,), (2,), (3,), (4,)]}
    with pytest.raises(RunError, match=r"may have 1,000 runs, these are 1,004"):
        combinations(choices, Settings())


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_means_and_deviations_are_those_of_the_statistics_module(values):
    found = spread_of(values)
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-12, abs=1e-9)
    if len(values) == 1:
        assert found.deviation is None
    else:
        assert found.deviation == pytest.approx(statistics.stdev(values), rel=1e-9, abs=1e-6)


# ---------------------------------------------------------------------------------- runs and table


@BY_ENGINE
def test_runs_side_by_side_have_the_bytes_of_train_alone(small, tmp_path, inside, engine):
    both = ("--data", small, "--steps", 12, "--batch-size", 50, "--engine", engine)
    swept = inside(
        *("sweep", "--hidden", "6,5-4", "--learning-rate", "0.5,0.25", *both, "--processes", 2),
        cwd=tmp_path,
    )
    assert (swept.returncode, swept.stderr) == (0, "")
    found = runs(tmp_path)
    assert len(found) == 4
    for k, ((hidden, rate, _), run) in enumerate(found.items()):
        alone = tmp_path / f"alone-{k}"
        widths = ",".join(map(str, hidden))
        one = ("--hidden", widths, "--learning-rate", rate, "--out", alone, "--quiet")
        assert inside("train", *both, *one).returncode == 0
        same_bytes(run.folder, alone)
        assert open_run(alone).identity() == run.identity()
    assert {hidden for hidden, *_ in found} == {(6,), (5, 4)}
    assert swept.stdout.startswith("4 runs: hidden 6, 5-4; learning rate 0.5, 0.25; ")
    lines = re.findall(
        r"^(\d) of 4: (.*): test [\d.]+ %, [\d.]+ s, (runs/\S+)$", swept.stdout, re.M
    )
    assert [line[0] for line in lines] == ["1", "2", "3", "4"]
    assert {line[2] for line in lines} == {f"runs/{run.folder.name}" for run in found.values()}


def test_the_table_is_that_of_the_runs_read_back(small, tmp_path, here, inside):
    asked = ("--data", small, "--hidden", "4,7", "--seeds", 3, "--seed", 5, "--steps", 9)
    told = inside("sweep", *asked, "--out", "table.csv", "--json", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    rows = json.loads(told.stdout)["rows"]
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    shown = inside("sweep", *asked, "--quiet", cwd=tmp_path).stdout
    assert len(rows) == len(lines) == 2
    for width, row, line in zip((4, 7), rows, lines, strict=True):
        reached = [read_checkpoint(runs(tmp_path)[(width,), 1.5, seed]) for seed in (5, 6, 7)]
        columns = {
            "accuracy": [each.history[-1, 3] for each in reached],
            "loss": [each.history[-1, 1] for each in reached],
            "seconds": [each.seconds for each in reached],
        }
        assert [run["seed"] for run in row["runs"]] == [5, 6, 7]
        assert row["settings"]["hidden"] == [width]
        assert (line["hidden"], line["runs"], line["learning_rate"]) == (str(width), "3", "1.5")
        for name, values in columns.items():
            mean, deviation = statistics.fmean(values), statistics.stdev(values)
            assert [run[name] for run in row["runs"]] == values
            assert row[name] == pytest.approx({"mean": mean, "deviation": deviation}, rel=1e-9)
            assert float(line[f"{name}_mean"]) == row[name]["mean"]
            assert float(line[f"{name}_deviation"]) == row[name]["deviation"]
        right = 100 * np.array(columns["accuracy"])
        assert f" {right.mean():.2f} ± {statistics.stdev(right):.2f} " in shown
    best = max((4, 7), key=lambda n: rows[(4, 7).index(n)]["accuracy"]["mean"])
    assert f"best by test accuracy: hidden {best}\n" in shown
    again = inside("sweep", *asked, "--out", "table.csv", "--quiet", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")  # the same bytes may stand there
    other = inside("sweep", *asked[:-3], 1, "--steps", 9, "--out", "table.csv", cwd=tmp_path)
    assert other.returncode == 2
    assert "table.csv is there and holds something else" in other.stderr


def test_one_seed_has_no_spread_and_validation_decides_where_it_is(small, tmp_path, here, answer):
    asked = ("--data", small, "--hidden", "4,7", "--steps", 9, "--validation-share", 0.2)
    rows = answer("sweep", *asked, cwd=tmp_path)["rows"]
    for row in rows:
        (run,) = row["runs"]
        history = read_checkpoint(open_run(tmp_path / run["folder"])).history
        assert row["accuracy"] == {"mean": history[-1, 3], "deviation": None}
        assert row["validation"]["mean"] == history[-1, 6]


def test_runs_that_are_there_are_used_and_more_values_add_to_them(small, tmp_path, here, inside):
    asked = ("sweep", "--data", small, "--steps", 7, "--engine", "numpy", "--hidden")
    inside(*asked, "4,5", cwd=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    alone = inside(
        *("train", *asked[1:], 6, "--seed", 1, "--quiet", "--out", tmp_path / "runs/by-hand"),
    )
    assert alone.returncode == 0
    told = inside(*asked, "4,5,6", "--seeds", 2, cwd=tmp_path).stdout
    assert "6 runs: " in told
    assert "3 of them are there already" in told
    trains = re.findall(r"^(\d of 3): (.*): test", told, re.MULTILINE)
    assert trains == [  # the first seed of all that were wanted, then the next; one is there
        ("1 of 3", "hidden 6, seed 0"),
        ("2 of 3", "hidden 4, seed 1"),
        ("3 of 3", "hidden 5, seed 1"),
    ]
    assert len(runs(tmp_path)) == len(list((tmp_path / "runs").iterdir())) == 6
    assert {path: path.stat().st_mtime_ns for path in before} == before
    nothing = inside(*asked, "4,5,6", "--seeds", 2, cwd=tmp_path).stdout
    assert "6 of them are there already\n\nhidden" in nothing


def test_a_run_that_was_stopped_goes_on_where_it_is(small, tmp_path, here, inside):
    digits = load_digits(small)
    common = {"data": str(small), "hidden": (4,), "steps": 9}
    trained(tmp_path / "runs/half", digits, Settings(**common), engine="numpy", allowed=until(4))
    (tmp_path / "runs/unread").mkdir()
    begin(tmp_path / "runs/unread", Settings(**common, seed=1), engine="numpy")
    trained(tmp_path / "runs/less", digits, Settings(**common), engine="numpy", allowed=until(2))
    (tmp_path / "runs/damaged").mkdir()
    (tmp_path / "runs/damaged" / RUN).write_text("{")
    (tmp_path / "runs/other").mkdir()  # its digits are others
    other = small.parent / "elsewhere"
    begin(tmp_path / "runs/other", Settings(**common | {"data": str(other)}), engine="numpy")
    asked = ("--data", small, "--hidden", 4, "--steps", 9, "--engine", "numpy")
    told = inside("sweep", *asked, "--seeds", 3, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "2 of them were begun, and go on" in told.stdout
    names = {path.name for path in (tmp_path / "runs").iterdir()}
    assert len(names) == 6
    for seed, name in enumerate(("half", "unread")):
        alone = tmp_path / f"alone-{seed}"
        inside("train", *asked, "--seed", seed, "--out", alone, "--quiet")
        same_bytes(tmp_path / "runs" / name, alone)
    assert not (tmp_path / "runs/other" / MODEL).exists()
    assert read_checkpoint(open_run(tmp_path / "runs/less")).step == 2  # the furthest went on


def test_each_seed_draws_its_own_test_part_as_train_does(small, tmp_path, here, inside):
    digits = load_digits(small)[0]
    np.savez(tmp_path / "all.npz", X=digits.images, y=digits.labels)
    asked = ("--data", tmp_path / "all.npz", "--hidden", 4, "--steps", 3)
    told = inside("sweep", *asked, "--seeds", 2, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    for seed in (0, 1):
        alone = tmp_path / f"alone-{seed}"
        inside("train", *asked, "--seed", seed, "--out", alone, "--quiet")
        same_bytes(runs(tmp_path)[(4,), 1.5, seed].folder, alone)
    sums = {run.data["test"] for run in runs(tmp_path).values()}
    assert len(sums) == 2
    again = inside("sweep", *asked, "--seeds", 2, cwd=tmp_path).stdout
    assert "2 of them are there already" in again


# ------------------------------------------------------------------------- what fails, and stopping


def test_a_run_that_diverges_has_its_line_and_the_others_go_on(small, tmp_path, inside):
    asked = ("--data", small, "--loss", "cross-entropy", "--learning-rate", "1e38,0.5")
    told = inside("sweep", *asked, "--steps", 5, "--engine", "numpy", cwd=tmp_path)
    assert told.returncode == 1
    assert told.stderr.startswith("chainrule: learning rate 1e+38: the loss is ")
    assert told.stderr.count("\n") == 1
    (run,) = runs(tmp_path).values()
    assert run.settings.learning_rate == 0.5
    rows = [
        line.split() for line in told.stdout.splitlines() if " of 1" in line and "%" not in line
    ]
    assert rows[0] == ["1e+38", "0", "of", "1"]
    assert rows[1][:4] == ["0.5", "1", "of", "1"]


def jobs_on(small, folder, *lengths):
    """Jobs for new runs on these digits, of so many steps."""
    settings = [
        Settings(data=str(small), hidden=(4,), batch_size=20, steps=steps) for steps in lengths
    ]
    named = wanted_runs(settings, "numpy", folder, Sets())
    return [Job(k, each.settings, "numpy", folder, None) for k, each in enumerate(named)]


def test_a_run_that_is_removed_meanwhile_costs_its_own_line_alone(
    small, tmp_path, monkeypatch, inside
):
    def losing(jobs, stopping, **options):
        for news in one_by_one(jobs, stopping, **options):
            if news.job.settings.hidden == (4,):
                (news.folder / RUN).write_text("{")
            yield news

    monkeypatch.setattr(sweep, "in_processes", losing)
    told = inside("sweep", "--data", small, "--hidden", "4,5", "--steps", 3, cwd=tmp_path)
    assert told.returncode == 1
    assert re.fullmatch(r"chainrule: hidden 4: runs/\S+ damaged: .*\n", told.stderr)
    assert "1 of 2: hidden 5: test " in told.stdout


def test_a_worker_that_is_killed_costs_its_own_job_alone(small, tmp_path):
    jobs = jobs_on(small, tmp_path, 10**9, 9, 10)  # the end of the first is out of reach
    ends, killed = {}, False
    for news in in_processes(jobs, lambda: False, count=1, threads=1):
        if not killed:
            (child,) = multiprocessing.active_children()
            killed = True
            os.kill(child.pid, signal.SIGKILL)
        if news.folder or news.error:
            ends[news.job.number] = news
    assert [bool(ends[number].error) for number in range(3)] == [True, False, False]
    assert "its process ended (signal 9)" in ends[0].error
    again = wanted_runs([job.settings for job in jobs], "numpy", tmp_path, Sets())
    assert [each.finished for each in again] == [False, True, True]
    assert all(each.begun for each in again)
    assert not multiprocessing.active_children()


def test_a_run_that_another_process_trains_is_left_to_it(small, tmp_path):
    jobs = jobs_on(small, tmp_path, 5, 6)
    folder = train_run(jobs[0], load_digits(small), allowed=until(2))
    jobs[0] = jobs[0]._replace(folder=folder)
    with FileLock(folder / ".lock"):
        ends = list(in_processes(jobs, lambda: False, count=1, threads=1))
    ends = {each.job.number: each for each in ends if each.folder or each.error}
    assert ends[0].error.endswith("another process is training this run")
    assert ends[1].folder is not None


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_sweep_that_was_ended_goes_on_by_the_same_command(small, tmp_path, how):
    common = {"data": str(small), "hidden": (4,), "batch_size": 5, "steps": 10**9}  # out of reach
    asked = ("--hidden", 4, "--batch-size", 5, "--steps", 10**9, "--seeds", 2, "--engine", "numpy")
    code = "from chainrule.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "sweep", "--data", small, *map(str, asked)],
        **{"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE},
        **{"encoding": "utf-8", "env": {**os.environ, "PYTHONWARNINGS": "error"}},
    )
    places = tmp_path / "runs"
    waiting(lambda: len(list(places.glob("*/trajectory"))) == 2)
    process.send_signal(how)
    printed, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == (-how if how == signal.SIGKILL else 128 + how)
    if how != signal.SIGKILL:
        assert said == "chainrule: stopped; the same command goes on with the sweep\n"
        assert len(re.findall(r"^seed \d: stopped on the way, runs/", printed, re.MULTILINE)) == 2
    # Nobody goes on in secret: the processes of a sweep that was killed end, too.
    waiting(lambda: all(state_of(folder) != "running" for folder in places.iterdir()))
    settings = combinations({"seed": [0, 1]}, Settings(**common))
    named = wanted_runs(settings, "numpy", places, Sets())
    assert [each.begun for each in named] == [True, True]
    first = named[0].run
    at = read_checkpoint(first).step + 50
    job = Job(0, settings[0], "numpy", places, first.folder)
    assert train_run(job, load_digits(small), allowed=until(at)) == first.folder
    alone, _ = trained(
        tmp_path / "alone", load_digits(small), settings[0], engine="numpy", allowed=until(at)
    )
    ours, theirs = read_checkpoint(open_run(first.folder)), read_checkpoint(alone)
    assert ours.step == theirs.step == at
    assert ours.parameters.tobytes() == theirs.parameters.tobytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--hidden", "10,10"], "wanted each value once, got '10' twice"),
        (["--hidden", "300-x"], "wanted widths from 1 to 1,000,000 such as 300-100 or none"),
        (["--learning-rate", "0.1,,1"], "wanted a positive number such as 0.5, got ''"),
        (["--optimizer", "adam,sgd"], "'sgd' is not one of"),
        (["--seed", "1,2", "--seeds", "3"], "--seeds counts on from one --seed"),
        (["--hidden", "1,2", "--seeds", "501"], "a sweep may have 1,000 runs, these are 1,002"),
        (["--steps", "3", "--epochs", "1,2"], "give steps or epochs, not both"),
        (["--batch-size", "10,60001"], "batch_size must be at most the 60,000 examples"),
        (["--patience", "3"], "patience needs a validation share"),
        (["--out", "table.txt"], "--out wants a file that ends in .csv"),
        (["--out", "nowhere/table.csv"], "there is no folder nowhere"),
        (["--data", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_is_begun(tmp_path, inside, arguments, says):
    told = inside("sweep", *arguments, cwd=tmp_path)
    assert told.returncode == 2
    assert says in told.stderr
    assert told.stderr.count("\n") == 1
    assert told.stdout == ""
    assert not list(tmp_path.iterdir())


def test_every_setting_but_the_place_and_flags_takes_a_list(inside):
    help = re.sub(r"\s+", " ", inside("sweep", "-h").stdout)
    lists = set(re.findall(r"--([a-z-]+) \S+\[,\.\.\.\]", help))
    assert lists == {
        *("hidden", "loss", "optimizer", "learning-rate", "batch-size", "steps", "epochs", "seed"),
        *(
            "weight-decay",
            "momentum-decay",
            "validation-share",
            "patience",
            "deform",
            "schedule",
            "test-share",
            "prepare",
        ),
    }
    assert "10,32,128 are three networks of one hidden layer each, 300-100 is one of two" in help


def test_the_lab_opens_at_many_runs_of_a_run_alone(small, tmp_path, inside):
    inside("train", "--data", small, "--steps", 2, "--out", tmp_path / "runs/a", "--quiet")
    for arguments, says in (
        (["--many", "seed"], "--many goes with a run"),
        (["small", "--many", "seed"], "--many goes with a run"),
        (["runs/a", "--many", "hidden,size"], "--many wants some of hidden,loss,"),
        (["runs/a", "--many", "hidden&x=1"], "--many wants some of hidden,loss,"),
    ):
        refused = inside("lab", *arguments, cwd=tmp_path)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        assert says in refused.stderr
