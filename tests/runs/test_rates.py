"""The learning rate changes on the way: what is recorded, and what comes of it."""

import json
import math
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers.faults import inject
from helpers.run_files import resealed, same
from helpers.trainings import BY_ENGINE, Kill, asked, content, trained, until

from chainrule import load_model, train
from chainrule.descent import OPTIMIZERS
from chainrule.files import seal
from chainrule.runs.changes import change_rate
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import begin, open_run, prepare, start_of
from chainrule.runs.going import go_on
from chainrule.runs.lock import locked
from chainrule.runs.run import CHECKPOINT, FORMAT, RUN
from chainrule.runs.settings import ENTRIES, Change, RunError
from chainrule.runs.trajectory import network_at


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


@BY_ENGINE
@pytest.mark.parametrize("size", [None, 50])
@pytest.mark.parametrize("at_once", [1, 2])
def test_some_steps_can_be_watched_and_the_rows_stay_what_they_are(
    tmp_path, digits, size, at_once, engine
):
    settings = asked(batch_size=size, steps=250)
    _, rows = trained(tmp_path / "a", digits, settings, engine)
    done, steps = trained(
        tmp_path / "b", digits, settings, engine, allowed=lambda _: at_once, between=True
    )
    numbers = [each.step for each in steps]
    assert (numbers[0], numbers[-1]) == (0, 250)
    assert set(np.diff(numbers)) <= set(range(1, at_once + 1))
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
        allowed = until(20 * k if k % 4 == 3 else 260, at_once=1)
        try:
            trained(
                folder, digits, settings, checkpoint_every=every,
                new_rate=killing(rng, 0.02, wishes(rng, 0.05)), allowed=allowed,
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
options = {"checkpoint_every": every, "new_rate": new_rate, "allowed": lambda step: 1}
list(go_on(open_run(folder), *data, threads=1, **options))
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

    before = trained(folder, digits, new_rate=wish, allowed=until(10))[0]
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
    a_run, _ = trained(tmp_path / "a", digits, allowed=until(4))
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
    early, _ = trained(tmp_path / "a", digits, allowed=until(4))
    middle, _ = trained(
        tmp_path / "a", digits, new_rate=iter([None, 0.1, *[None] * 9]).__next__,
        allowed=until(13),
    )  # fmt: skip
    assert (early.changes, middle.changes) == ((), (Change(5, 0.1),))
    assert read_checkpoint(early).step == 13
    assert network_at(early, 12).parameters.tobytes() == network_at(middle, 12).parameters.tobytes()
    late = change_rate(middle, 13, 0.3)
    assert read_checkpoint(middle).step == read_checkpoint(early).step == 13
    list(go_on(early, *digits, threads=1))
    assert content(tmp_path / "a") == as_undisturbed(tmp_path / "b", digits, late)


@pytest.mark.parametrize("form", [1, 2, 3, 4, 5, 6])
def test_files_of_older_formats_are_read_and_gone_on_with(tmp_path, digits, form):
    """1 had no changes of the rate, 2 no engine, 3 one, 4 ten classes, 5 one length; settings came
    later."""
    later = [name for name, entry in ENTRIES.items() if entry.since > form]
    whole = content(trained(tmp_path / "whole", digits, engine="numpy")[0].folder)
    old, _ = trained(tmp_path / "a", digits, engine="numpy", allowed=until(6))
    reached = read_checkpoint(old)
    path = tmp_path / "a" / RUN
    fields = json.loads(path.read_text(encoding="utf-8"))
    identity = old.identity()
    engines = [{"step": 0, "engine": "numpy"}]
    if form < 6:
        assert fields.pop("extensions") == identity.pop("extensions") == []
        assert fields.pop("ended") is fields.pop("start") is identity.pop("start") is None
    if form < 5:
        assert (fields.pop("classes"), identity.pop("classes")) == (list("0123456789"), 10)
    if form < 4:
        assert fields.pop("engines") == identity.pop("engines") == engines
    fields |= {"engine": "numpy"} if form == 3 else {}
    for name in later:
        del fields["settings"][name]
        identity.pop(name, None)
    if form == 1:
        assert fields.pop("changes") == identity.pop("changes") == []
    path.write_text(json.dumps(resealed({**fields, "format": form})), encoding="utf-8")
    (tmp_path / "a" / CHECKPOINT).write_bytes(
        seal(
            {"format": form, "run": identity, "step": 6, "losses": list(reached.losses),
             "seconds": reached.seconds, "recorded": 7},
            {"state": np.concatenate([reached.parameters[None], reached.memory]),
             "history": reached.history[:, : 5 if form < 6 else 7]},
        )
    )  # fmt: skip
    assert open_run(tmp_path / "a") == old
    assert same(read_checkpoint(old)[:4], reached[:4])
    changed = change_rate(old, 6, 0.2)
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == FORMAT
    assert read_checkpoint(changed).step == 6
    change_rate(changed, 6, 0.05)
    trained(tmp_path / "a", digits)
    assert content(tmp_path / "a") == whole


def test_on_the_command_line_resume_changes_the_rate_from_where_the_run_stands(
    inside, small, digits, tmp_path
):
    settings = asked(data=str(small), steps=60)
    (tmp_path / "runs").mkdir()
    part, _ = trained(tmp_path / "runs/a", digits, settings, allowed=until(20))
    change_rate(part, 33, 0.9)  # of a process that was killed before its next checkpoint
    done = inside("train", "--resume", "runs/a", "--learning-rate", "0.01", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\nα = 0.05, 0.01 from step 20\n" in done.stdout
    changed = open_run(tmp_path / "runs/a")
    assert changed.changes == (Change(20, 0.01),)
    assert content(tmp_path / "runs/a") == as_undisturbed(tmp_path / "b", digits, changed)
    changes = [{"step": 20, "learning_rate": 0.01}]
    again = inside("train", "--resume", "runs/a", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["changes"] == changes
    assert json.loads(again.stdout)["settings"]["learning_rate"] == 0.05
    listed = inside("runs", cwd=tmp_path).stdout
    assert listed.endswith("\nruns/a: α = 0.05, 0.01 from step 20\n")
    [entry] = json.loads(inside("runs", "--json", cwd=tmp_path).stdout)["runs"]
    assert entry["changes"] == changes
    late = inside("train", "--resume", "runs/a", "--learning-rate", "0.02", cwd=tmp_path)
    assert late.returncode == 2
    assert late.stderr == ("chainrule: runs/a: finished: no step is left to take at another rate\n")


def test_a_run_that_diverges_after_a_change_goes_on_at_a_smaller_rate(
    inside, small, digits, tmp_path
):
    settings = asked(data=str(small))
    trained(tmp_path / "a", digits, settings, allowed=until(7))
    refused = inside("train", "--resume", "a", "--learning-rate", "1e38", "-q", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.match(
        r"chainrule: the loss is nan after step \d+: the .* 1e\+38 .*\n$", refused.stderr
    )
    assert open_run(tmp_path / "a").changes == (Change(7, 1e38),)
    done = inside("train", "--resume", "a", "--learning-rate", "0.01", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    changed = open_run(tmp_path / "a")
    assert changed.changes == (Change(7, 0.01),)
    assert content(tmp_path / "a") == as_undisturbed(tmp_path / "b", digits, changed)


@pytest.mark.parametrize("way", ["kill", "ENOSPC"])
def test_a_change_that_cannot_be_written_or_is_killed_leaves_the_run_as_it_was_or_changed(
    inside, small, digits, tmp_path, way
):
    settings = asked(data=str(small), steps=3)
    trained(tmp_path / "a", digits, settings, allowed=until(1))
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
        assert inside("train", "--resume", folder, "--learning-rate", 0.2, "-q").returncode == 0
        wanted = wanted or as_undisturbed(tmp_path / "whole", digits, open_run(folder))
        assert content(folder) == wanted
