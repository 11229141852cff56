"""A run says which engine computes it, and goes on with that one, or with the other if asked."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers import PATIENCE, run
from helpers.trainings import BY_ENGINE, asked, content, trained, until

from chainrule import train
from chainrule.runs.changes import change_engine
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import begin, open_run, prepare
from chainrule.runs.going import go_on
from chainrule.runs.machine import machine, machine_difference
from chainrule.runs.names import run_id, settings_of
from chainrule.runs.run import RUN
from chainrule.runs.settings import Computing, RunError
from chainrule.training import Snapshot

OTHER = {"numpy": "compiled", "compiled": "numpy"}
NO_NUMBA = "import sys; sys.modules['numba'] = None; from chainrule.cli.main import main; main()"
INSTALL = "numba is not installed (pip install 'chainrule[fast]')"


def without_numba(*arguments, cwd):
    """The command line where Numba is not installed."""
    command = [sys.executable, "-c", NO_NUMBA, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", cwd=cwd)


def part(folder, digits, small, engine):
    """A run by this engine that was stopped after step 4 of 40."""
    return trained(folder, digits, asked(data=str(small)), engine, allowed=until(4))[0]


def on_disk(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --------------------------------------------------------------------------------- what is said


def test_the_first_line_says_which_engine_computes(inside, small, tmp_path):
    def first_line(*more, command=inside):
        done = command("train", "--data", small, "--steps", 2, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert lines[1].startswith("Network 784 → 10 → 10")
        return lines[0]

    import numba

    compiled = f"engine: compiled (Numba {numba.__version__})"
    assert first_line() == first_line("--engine", "compiled") == compiled
    assert first_line("--engine", "numpy") == "engine: NumPy"
    slow = "engine: NumPy; pip install 'chainrule[fast]' makes it several times faster"
    assert first_line(command=without_numba) == slow
    assert first_line("--engine", "numpy", command=without_numba) == "engine: NumPy"
    quiet = inside("train", "--data", small, "--steps", 2, "--quiet", cwd=tmp_path).stdout
    assert "engine" not in quiet


@BY_ENGINE
def test_json_and_run_json_have_the_engine(answer, small, tmp_path, engine):
    asking = ("--data", small, "--steps", 2, "--engine", engine)
    assert answer("train", *asking, "--out", "a", cwd=tmp_path)["engine"] == engine
    written = json.loads((tmp_path / "a" / RUN).read_text(encoding="utf-8"))
    assert written["engines"] == [{"step": 0, "engine": engine}]
    assert open_run(tmp_path / "a").engine == engine


def test_another_reason_than_a_missing_package_is_said_too(small, tmp_path):
    disabled = {"NUMBA_DISABLE_JIT": "1"}
    done = run("train", "--data", small, "--steps", 2, cwd=tmp_path, **disabled)
    assert done.stdout.splitlines()[0] == (
        "engine: NumPy; the compiled one, which is faster, cannot be used: NUMBA_DISABLE_JIT is set"
    )
    assert run("--version", **disabled).stdout.splitlines()[-1] == done.stdout.splitlines()[0]


def test_an_engine_that_cannot_be_used_is_refused_and_nothing_is_left(small, tmp_path):
    done = without_numba("train", "--data", small, "--engine", "compiled", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"chainrule: the compiled engine cannot be used here: {INSTALL}; --engine numpy can\n"
    )
    assert list(tmp_path.iterdir()) == []


SLOWLY = """
import sys, time
from chainrule.engine.compiled import ready
from chainrule.cli.main import main
def make_ready(tell):
    tell("compiling once, which takes some seconds")
    time.sleep(1000)
ready.make_ready = make_ready
main()
"""


def test_compiling_is_announced_before_the_wait_and_ctrl_c_leaves_at_once(small, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, "train", "--data", small, "--steps", "3", "--out", "a"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    try:
        assert process.stdout.readline().startswith("engine: compiled")
        assert process.stdout.readline() == "compiling once, which takes some seconds\n"
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (process.returncode, printed) == (130, "")
    assert said == "chainrule: stopped at the start; go on with: chainrule train --resume a\n"
    assert run("train", "--resume", "a", "--quiet", cwd=tmp_path).returncode == 0


@pytest.mark.long
def test_code_is_compiled_once_and_said_once(small, tmp_path):
    asking = ("train", "--data", small, "--steps", 2)
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    first, second = (run(*asking, cwd=tmp_path, **cache).stdout.splitlines() for _ in range(2))
    assert first[1] == "compiling once, which takes some seconds"
    assert first[2:5] == second[1:4]
    quiet = {"XDG_CACHE_HOME": str(tmp_path / "other")}
    assert run(*asking, "--quiet", cwd=tmp_path, **quiet).stdout.count("\n") == 1


def test_help_loads_no_numba():
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('numba' in sys.modules, file=sys.stderr))\n"
        "from chainrule.cli.main import main; main()"
    )
    for arguments in (["--help"], ["train", "--help"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"False\n")


# ------------------------------------------------------------------------------- how it goes on


@BY_ENGINE
def test_a_run_goes_on_with_its_own_engine(inside, tmp_path, digits, small, engine):
    part(tmp_path / "a", digits, small, engine)
    whole, _ = trained(tmp_path / "whole", digits, asked(data=str(small)), engine)
    for more in ((), ("--engine", engine), ("--engine", "auto")):
        done = inside("train", "--resume", "a", *more, "--quiet", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert content(tmp_path / "a") == content(tmp_path / "whole")
    assert open_run(tmp_path / "a").engines == whole.engines == (Computing(0, engine),)


@BY_ENGINE
def test_it_goes_on_with_the_other_if_asked_and_says_that_bytes_differ(
    inside, tmp_path, digits, small, engine
):
    """The second answer is `train`, which goes on from the checkpoint by the other engine."""
    a_run = part(tmp_path / "a", digits, small, engine)
    reached = read_checkpoint(a_run)
    start = Snapshot(
        a_run.network(reached.parameters), reached.memory, 4, a_run.key, np.nan, "batches"
    )
    *_, last = train(
        start.network, digits[0], optimizer="momentum", learning_rate=0.05, batch_size=50, steps=40,
        start=start, engine=OTHER[engine],
    )  # fmt: skip
    done = inside("train", "--resume", "a", "--engine", OTHER[engine], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        f"chainrule: bytes differ from here on: the engine was {engine}, is {OTHER[engine]}\n"
    )
    assert f"\ncomputed by {engine}, {OTHER[engine]} from step 4\n" in done.stdout
    changed = open_run(tmp_path / "a")
    assert changed.engines == (Computing(0, engine), Computing(4, OTHER[engine]))
    found = read_checkpoint(changed).parameters
    assert found.tobytes() == last.network.parameters.tobytes()
    whole, _ = trained(tmp_path / "whole", digits, asked(data=str(small)), engine)
    assert found.tobytes() != read_checkpoint(whole).parameters.tobytes()
    assert not inside("train", "--resume", "a", "--quiet", cwd=tmp_path).stderr
    late = inside("train", "--resume", "a", "--engine", engine, cwd=tmp_path)
    assert late.returncode == 2
    assert late.stderr == "chainrule: a: finished: no step is left for another engine\n"


@BY_ENGINE
def test_killed_after_the_other_took_over_it_ends_in_the_same_bytes(
    tmp_path, digits, small, engine
):
    for name in ("whole", "parts"):
        change_engine(part(tmp_path / name, digits, small, engine), 4, OTHER[engine])
    trained(tmp_path / "whole", digits)
    for step in (5, 11, 12, 40):
        trained(tmp_path / "parts", digits, allowed=until(step))
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


def test_the_latest_order_counts(tmp_path, digits, small):
    a_run = part(tmp_path / "a", digits, small, "numpy")
    for step, engine, engines in (
        (4, "compiled", [(0, "numpy"), (4, "compiled")]),
        (4, "compiled", [(0, "numpy"), (4, "compiled")]),
        (4, "numpy", [(0, "numpy")]),  # no step was taken by the other
        (9, "compiled", [(0, "numpy"), (9, "compiled")]),
        (12, "numpy", [(0, "numpy"), (9, "compiled"), (12, "numpy")]),
        (0, "compiled", [(0, "compiled")]),  # before the first step
    ):
        a_run = change_engine(a_run, step, engine)
        assert a_run.engines == tuple(engines)
        assert open_run(tmp_path / "a") == a_run
        assert a_run.engine == engine


def test_a_checkpoint_says_which_engine_has_made_it(tmp_path, digits, small):
    a_run = part(tmp_path / "a", digits, small, "numpy")
    change_engine(a_run, 4, "compiled")
    assert read_checkpoint(a_run).step == 4
    change_engine(a_run, 0, "compiled")  # as if the checkpoint were another run's
    with pytest.raises(RunError, match=r"its engines is .*'numpy'.*, that of run\.json is .*compi"):
        read_checkpoint(open_run(tmp_path / "a"))


def test_where_its_engine_is_missing_it_says_so_and_goes_on_by_numpy_if_asked(
    tmp_path, digits, small
):
    part(tmp_path / "a", digits, small, "compiled")
    before = on_disk(tmp_path / "a")
    done = without_numba("train", "--resume", "a", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"chainrule: a: it was trained by the compiled engine, which cannot be used here: "
        f"{INSTALL}; go on with: chainrule train --resume a --engine numpy "
        f"(bytes will differ from here on)\n"
    )
    assert {**on_disk(tmp_path / "a"), ".lock": b""} == {**before, ".lock": b""}
    done = without_numba("train", "--resume", "a", "--engine", "numpy", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == (
        "chainrule: bytes differ from here on: the engine was compiled, is numpy\n"
    )
    assert open_run(tmp_path / "a").engine == "numpy"


def test_a_finished_run_is_measured_where_its_engine_is_missing(inside, tmp_path, digits, small):
    trained(tmp_path / "a", digits, asked(data=str(small)), "compiled")
    done = without_numba("train", "--resume", "a", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"engine: compiled, which cannot be used here: {INSTALL}\n")
    here = inside("train", "--resume", "a", "--quiet", cwd=tmp_path).stdout
    assert done.stdout.endswith(here)


def test_a_compiled_run_does_not_depend_on_the_machine(
    inside, tmp_path, digits, small, monkeypatch
):
    part(tmp_path / "a", digits, small, "compiled")
    there = {**machine(), "numpy": "1.0", "processor": "Z80"}
    for room in ("machine", "folder"):
        monkeypatch.setattr(f"chainrule.runs.{room}.machine", lambda: there)
    assert machine_difference(open_run(tmp_path / "a")) is None
    done = inside("train", "--resume", "a", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert open_run(tmp_path / "a").machines[-1] == there


# ------------------------------------------------------------------------------------------- ids


@BY_ENGINE
def test_an_id_names_the_engine_and_gives_the_same_bytes_again(tmp_path, digits, engine):
    a_run, _ = trained(tmp_path / "a", digits, engine=engine)
    assert ("compiled" in run_id(a_run)) == (engine == "compiled")
    found = settings_of(run_id(a_run))
    (tmp_path / "b").mkdir()
    again = begin(tmp_path / "b", found.settings, found.changes, engine=found.engine)
    list(go_on(prepare(again, *digits), *digits))
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_run_by_one_engine_after_another_has_an_id_that_nobody_trains(tmp_path, digits, small):
    a_run = trained(tmp_path / "a", digits, engine="compiled", allowed=until(4))[0]
    pure = run_id(a_run)
    mixed = run_id(change_engine(a_run, 4, "numpy"))
    assert mixed == f"{pure}.numpy4"
    with pytest.raises(RunError, match="cannot be trained here: one engine went on after another"):
        settings_of(mixed)
