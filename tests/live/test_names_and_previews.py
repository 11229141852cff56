"""Names of runs, what is seen before a start, and what is watched while a training goes on."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.clients import posted
from helpers.live import BATCHES, ENDLESS, finish, start, trained

from chainrule import initialise, load_bundled, predict
from chainrule.lab.api.runs import rename_run
from chainrule.lab.live.control import Order
from chainrule.lab.live.frames import answers_of, live_view, sample_of
from chainrule.model import load_model
from chainrule.network import probabilities
from chainrule.runs.called import LONGEST
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import open_run
from chainrule.runs.names import run_id
from chainrule.runs.trajectory import network_at

FORM = {
    "hidden": [12, 5],
    "loss": "cross_entropy",
    "optimizer": "descent",
    "learning_rate": None,
    "batch_size": None,
    "steps": None,
    "epochs": None,
    "seed": 4,
}


def first_of(digits):
    """The number of the first image of each digit from 2 to 9, by looking at one after another."""
    found = {}
    for k, label in enumerate(digits.labels.tolist()):
        if label > 1:
            found.setdefault(label, k)
    return [found[digit] for digit in range(2, 10)]


def test_0_and_1_are_the_digits_that_are_read_best(mnist):
    test = mnist[1]
    right = predict(load_bundled("small"), test.X) == test.labels
    shares = [right[test.labels == digit].mean() for digit in range(10)]
    watched = set(test.labels[sample_of(test)].tolist())
    assert set(range(10)) - watched == {0, 1} == set(np.argsort(shares)[-2:].tolist())


def test_a_preview_is_the_networks_own_beginning(past, mnist):
    told = posted(past.page, "/api/preview", {"settings": FORM})
    network = initialise(
        [784, 12, 5, 10], loss="cross_entropy", rng=np.random.default_rng(FORM["seed"])
    )
    W = network.layers[0][0]
    units = told["units"]
    assert (units["shape"], units["all"]) == ([12, 784], 12)
    u8 = np.frombuffer(base64.b64decode(units["u8"]), np.uint8).reshape(W.shape)
    np.testing.assert_allclose((u8 - 128.0) * units["scale"] / 127, W, atol=units["scale"] / 253)
    watched = first_of(mnist[1])
    assert [each["index"] for each in told["answers"]] == watched
    assert [each["label"] for each in told["answers"]] == list(range(2, 10))
    assert all(each["read"] is each["sure"] is None for each in told["answers"])
    assert told["length"] == 600  # of cross-entropy by descent
    by_batches = FORM | {"batch_size": 64, "epochs": 3}
    assert posted(past.page, "/api/preview", {"settings": by_batches})["length"] == 3 * 938


@pytest.mark.parametrize(
    "wrong",
    [{"hidden": [0]}, {"seed": -1}, {"hidden": [100_000]}, {"batch_size": 60_001}, {"x": 1}],
)
def test_previews_that_cannot_be(past, wrong):
    refused = past.page.post("/api/preview", json={"settings": FORM | wrong})
    assert refused.status_code == 400
    assert "\n" not in refused.json()["error"]


def test_a_moment_of_a_run_says_what_it_read(past, mnist):
    there = past.runs["done"]
    told = posted(past.page, "/api/inside", {"network": run_id(there), "step": 17})
    watched = first_of(mnist[1])
    A = probabilities(network_at(there, 17), mnist[1].X[:, watched])
    assert [each["index"] for each in told["answers"]] == watched
    assert [each["read"] for each in told["answers"]] == A.argmax(axis=0).tolist()
    sure = [each["sure"] for each in told["answers"]]
    np.testing.assert_allclose(sure, A.max(axis=0), atol=5e-4)


def test_a_frame_says_what_is_read_now(lab, sets):
    lab.execute(start(steps=30))
    folder = finish(lab)
    frame = live_view(lab.training)
    watched = first_of(sets[1])
    assert [each["index"] for each in frame["answers"]] == watched
    read = predict(load_model(folder), sets[1].X[:, watched])
    assert [each["read"] for each in frame["answers"]] == read.tolist()


def test_training_accuracy_by_batches_is_measured_only_when_asked(lab, sets, holding):
    free = holding(60)
    lab.execute(start(train_accuracy=True))
    training = lab.training
    training.pause()
    first = open_run(training.folder)
    lab.execute(Order("stop"))
    free.set()
    # Whoever goes on with it measures it too.
    lab.execute(Order("start", run_id(first)))
    folder = finish(lab)
    history = read_checkpoint(open_run(folder)).history
    assert not np.isnan(history[:, 2]).any()
    for step in (0, int(history[40, 0]), 240):
        network = network_at(open_run(folder), step)
        right = (predict(network, sets[0].X) == sets[0].labels).mean()
        assert history[history[:, 0] == step, 2] == pytest.approx(right, abs=1e-12)
    # And the network is the same to the bit as without.
    assert load_model(folder).parameters.tobytes() == trained(sets)
    lab.execute(start())
    assert np.isnan(read_checkpoint(open_run(finish(lab))).history[:, 2]).all()


def test_a_run_is_renamed_by_its_id(past):
    there = past.runs["half"]
    renamed = {"run": run_id(there), "name": "the half – ½"}
    assert posted(past.page, "/api/rename", renamed) == {"name": "the half – ½", "named": True}
    told = past.page.get("/api/lab").json()["runs"]
    assert {each["name"] for each in told} == {"done", "the half – ½", "changed"}
    assert run_id(open_run(there.folder)) == run_id(there)  # a link to it stays what it was
    assert posted(past.page, "/api/rename", renamed | {"name": None})["name"] == "half"


@pytest.mark.parametrize("name", ["", " ", "a\nb", "../x", "x" * (LONGEST + 1), 5, True, {}])
def test_names_that_are_refused(past, name):
    asking = {"run": run_id(past.runs["done"]), "name": name}
    refused = past.page.post("/api/rename", json=asking)
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("a name has 1 to 60 characters")


def test_only_runs_that_are_here_have_names(past):
    for id in ("small", "nothing", "784-9-10.squared_error.descent.1.5.all.1000.seed0"):
        refused = past.page.post("/api/rename", json={"run": id, "name": "x"})
        assert refused.status_code == 404


def test_a_run_is_renamed_while_it_is_trained(lab, holding):
    holding(20)
    lab.execute(start(steps=ENDLESS, hidden=[7]))
    training = lab.training
    own = SimpleNamespace(live=lab, shelf=lab.shelf)
    told = rename_run(own, {"run": training.id, "name": "on its way"})
    assert told == {"name": "on its way", "named": True}
    lab.execute(Order("stop"))
    assert training.state == "interrupted"
    assert BATCHES["seed"] == open_run(training.folder).settings.seed


def test_a_set_without_any_watched_digit_is_watched_by_nothing(mnist):
    few = mnist[1][np.flatnonzero(mnist[1].labels < 2)[:3]]
    assert answers_of(load_bundled("small"), few) == []
