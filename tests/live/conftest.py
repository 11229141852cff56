"""What the tests of training in the lab share: what trains, and a lab with runs of the past."""

from types import SimpleNamespace

import pytest
from helpers.clients import client_of
from helpers.held import held

from chainrule import load_digits
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import shipped
from chainrule.lab.live import thread
from chainrule.lab.live.control import Live
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served
from chainrule.runs.folder import begin, prepare
from chainrule.runs.going import go_on
from chainrule.runs.lock import locked
from chainrule.runs.settings import Change, Settings
from chainrule.runs.shelf import Shelf


@pytest.fixture(scope="package")
def sets(small):
    return load_digits(small)


@pytest.fixture
def lab(tmp_path, sets):
    """What trains in tmp_path/runs, on 600 images."""
    lab = Live(Shelf(tmp_path / "runs"), lambda: sets, ThreadedTraining)
    yield lab
    lab.close()


@pytest.fixture
def holding(monkeypatch):
    """Make trainings wait at these steps, as in `held`; the event that lets them go on."""

    def hold(*steps):
        monkeypatch.setattr(thread.ThreadedTraining, "allowed", held(*steps))
        return thread.ThreadedTraining.allowed.free

    return hold


@pytest.fixture(scope="package")
def past(tmp_path_factory, mnist):
    """A lab with a finished run, one that was stopped, and one whose rate was changed."""
    folder = tmp_path_factory.mktemp("past")
    runs_of = {}
    for name, changes, most in (("done", (), 60), ("half", (), 30), ("changed", ((20, 0.2),), 60)):
        place = folder / "runs" / name
        place.mkdir(parents=True)
        size = 4 if name == "half" else 5
        asking = Settings(None, (size,), "cross_entropy", "descent", 0.1, 200, 60, None, 8)
        changes = tuple(Change(*each) for each in changes)
        with locked(place):
            one = prepare(begin(place, asking, changes), *mnist)
            for _ in go_on(one, *mnist, allowed=lambda step, most=most: most - step):
                pass
        runs_of[name] = one
    lab = Lab(shipped(), ThreadedTraining, folder=folder)
    return SimpleNamespace(lab=lab, page=client_of(Served(lab, 8765)), runs=runs_of)
