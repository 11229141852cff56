"""Trainings of the lab by either engine: the one that is asked for, and exactly so many steps."""

import sys

import pytest
from helpers.clients import client_of
from helpers.live import ENDLESS, finish, start
from helpers.processes import waiting

from chainrule import load_model, train
from chainrule.engine import choice
from chainrule.engine.compiled import ready
from chainrule.lab.api import about
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import shipped
from chainrule.lab.live.control import Order
from chainrule.lab.live.frames import live_view
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served
from chainrule.lab.wire import RefusedError
from chainrule.runs.folder import begin, open_run, prepare, start_of
from chainrule.runs.names import run_id
from chainrule.runs.settings import Settings

BOTH = pytest.mark.parametrize("engine", ["numpy", "compiled"])
NOT_HERE = "numba is not installed (pip install 'chainrule[fast]')"


@pytest.fixture
def without_numba(monkeypatch):
    """As if Numba had never been installed."""
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(about, "find_spec", lambda name: None if name == "numba" else name)
    choice.missing.cache_clear()
    yield
    choice.missing.cache_clear()


@BOTH
def test_the_engine_that_is_asked_for_computes(lab, sets, engine):
    lab.execute(start(engine=engine))
    folder = finish(lab)
    run = open_run(folder)
    assert run.engine == engine
    network, rng = start_of(run.settings)
    *_, last = train(
        network,
        sets[0],
        optimizer="momentum",
        learning_rate=0.02,
        batch_size=50,
        steps=240,
        rng=rng,
        engine=engine,
    )
    assert load_model(folder).parameters.tobytes() == last.network.parameters.tobytes()


def test_the_fastest_one_is_compiled_where_numba_is(lab):
    lab.execute(start(steps=5))
    assert lab.training.run.engine == "compiled"
    finish(lab)


@BOTH
def test_as_many_steps_as_are_ordered_are_taken_also_while_it_runs(lab, monkeypatch, engine):
    """Many are on their way when the order comes: it is meant from the end of those on."""
    shown = []
    publish = ThreadedTraining.publish

    def noted(self, snapshot, seconds):
        publish(self, snapshot, seconds)
        shown.append((snapshot.step, len(snapshot.losses)))

    monkeypatch.setattr(ThreadedTraining, "publish", noted)
    lab.execute(start(steps=ENDLESS, engine=engine))
    for k in range(6):
        here = len(shown)
        waiting(lambda here=here: any(taken > 3 for _, taken in shown[here:]))
        if k % 2:
            lab.execute(Order("step"))
            assert shown[-1][1] == 1
        else:
            lab.execute(Order("epoch"))
            waiting(lambda: lab.training.state == "paused")
            assert lab.training.step % 12 == 0
        stands = lab.training.step
        lab.execute(Order("step"))
        assert (lab.training.step, shown[-1]) == (stands + 1, (stands + 1, 1))
        lab.execute(Order("go"))


@BOTH
def test_a_loss_that_is_not_finite_is_told_at_its_step(lab, engine):
    """It may come among many steps that are taken at once."""
    lab.execute(start(steps=ENDLESS, engine=engine))
    lab.execute(Order("pause"))  # it leads somewhere
    lab.execute(Order("go"))
    waiting(lambda: lab.training.step > 500)
    lab.execute(Order("rate", rate=1e25))
    waiting(lambda: not lab.training.on)
    found = live_view(lab.training)
    (trouble,) = found["troubles"]
    step = int(trouble["numbers"]["step"])
    assert f"after step {step:,}" in found["error"]
    assert step > lab.training.step


def test_pages_are_told_that_it_is_compiled_once(lab, monkeypatch):
    seen = []
    ask = ready.make_ready

    def anew(tell):
        tell("compiling once, which takes some seconds")
        seen.append(live_view(lab.training))
        ask(tell)

    monkeypatch.setattr(ready, "make_ready", anew)
    waits = ThreadedTraining.get_ready

    def in_time(self):
        waiting(lambda: lab.training is self)
        waits(self)

    monkeypatch.setattr(ThreadedTraining, "get_ready", in_time)
    lab.execute(start(steps=5, engine="compiled"))
    finish(lab)
    told, *_ = seen
    assert told["state"] == "running"
    assert told["step"] == 0
    assert told["told"] == ["compiling once, which takes some seconds"]
    assert live_view(lab.training)["told"] == []


def test_the_control_says_which_there_are(tmp_path):
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    (engine,) = (c for c in page.get("/api/lab").json()["settings"] if c["name"] == "engine")
    assert engine["choices"] == ["auto", "numpy", "compiled"]
    assert (engine["default"], engine["missing"]) == ("auto", None)


def test_without_numba_the_control_says_why_and_numpy_computes(lab, without_numba):
    assert about.engine_control()["missing"] == NOT_HERE
    with pytest.raises(RefusedError, match="the compiled engine cannot be used: numba is not in"):
        lab.execute(start(engine="compiled"))
    assert not list(lab.shelf.folder.glob("*"))
    lab.execute(start(steps=5))
    assert lab.training.run.engine == "numpy"
    finish(lab)


def test_a_run_whose_engine_is_missing_is_shown_and_refused_in_one_sentence(
    tmp_path, mnist, without_numba, monkeypatch
):
    place = tmp_path / "runs/begun"
    place.mkdir(parents=True)
    monkeypatch.setattr(choice, "missing", lambda: None)
    run = prepare(begin(place, Settings(steps=9), engine="compiled"), *mnist)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "numba", None)
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    (entry,) = page.get("/api/lab").json()["runs"]
    assert (entry["id"], entry["step"]) == (run_id(run), 0)
    assert entry["engines"] == [[0, "compiled"]]
    refused = page.post("/api/train", json={"do": "start", "run": entry["id"]})
    assert refused.status_code == 409
    (says,) = refused.json()["error"].splitlines()
    assert says.startswith("runs/begun: it was trained by the compiled engine, which cannot be")
    assert NOT_HERE in says
    assert "--engine numpy" in says
