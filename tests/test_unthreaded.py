"""A training of the lab that its caller drives, step by step: nothing in it is a thread."""

import threading

import pytest

from chainrule import load_digits
from chainrule.lab.live.training import Training
from chainrule.model import MODEL
from chainrule.runs.folder import begin, open_run, prepare
from chainrule.runs.going import go_on
from chainrule.runs.lock import locked
from chainrule.runs.settings import Settings

SETTINGS = Settings(hidden=(6,), optimizer="momentum", learning_rate=0.02, batch_size=50, steps=40)


@pytest.fixture(scope="module")
def sets(small):
    return load_digits(small)


def driven(folder, sets):
    folder.mkdir()
    return Training(folder, lambda: begin(folder, SETTINGS), lambda: sets, 1, shown="runs/a")


def test_it_pauses_changes_its_rate_and_ends_in_the_same_bytes(tmp_path, sets):
    before = threading.active_count()
    training = driven(tmp_path / "a", sets)
    with locked(training.folder):
        training.open()
        training.go(lambda step: step + 5)
        list(training.steps())
        assert (training.state, training.step, training.ending) == ("paused", 5, None)
        training.one_step()
        list(training.steps())
        assert training.step == 6
        training.change_rate(0.05)
        training.epoch()
        list(training.steps())
        assert training.step == 12  # 600 images, 50 a step
        training.go()
        changed = []
        for _ in training.steps():  # some at a time
            if not changed and training.step > 12:
                changed.append(training.step)
                training.change_rate(0.01)  # on its way
        assert (training.step, training.ending) == (40, "finished")
    assert threading.active_count() == before
    assert [tuple(each) for each in training.run.changes] == [(6, 0.05), (*changed, 0.01)]

    (tmp_path / "b").mkdir()
    run = prepare(begin(tmp_path / "b", SETTINGS, training.run.changes), *sets)
    list(go_on(run, *sets, threads=1))
    assert (tmp_path / "a" / MODEL).read_bytes() == (tmp_path / "b" / MODEL).read_bytes()


def test_stopped_it_is_at_a_checkpoint_and_another_goes_on(tmp_path, sets):
    training = driven(tmp_path / "a", sets)
    with locked(training.folder):
        training.open()
        for _ in training.steps():
            if training.step > 0:
                training.stop()
        assert training.ending == "interrupted"
    run = open_run(training.folder)
    again = Training(run.folder, lambda: run, lambda: sets, 1, shown="runs/a")
    again.open()
    assert again.step == training.step
    assert again.rows == training.rows
