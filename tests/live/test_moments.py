"""The time machine: runs of the past at their recorded moments."""

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.clients import client_of, f8, posted

from chainrule import predict
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import named_run, shipped
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import begin, prepare
from chainrule.runs.names import run_id
from chainrule.runs.settings import Settings
from chainrule.runs.trajectory import network_at


def weights_of(ledger):
    return np.concatenate(
        [f8(e).ravel() for e in ledger["arrays"] if re.fullmatch(r"[Wb]\d", e["name"])]
    )


def test_runs_are_listed_with_what_can_be_looked_at(past):
    told = past.page.get("/api/lab").json()
    assert told["live"] is None
    by_name = {entry["name"]: entry for entry in told["runs"]}
    assert set(by_name) == {"done", "half", "changed"}
    assert by_name["done"]["state"] == "finished"
    assert by_name["done"]["step"] == by_name["done"]["length"] == 60
    assert by_name["half"]["state"] == "interrupted"
    assert by_name["half"]["step"] == 30
    assert by_name["half"]["recorded"] == [*range(31)]
    assert by_name["changed"]["changes"] == [[20, 0.2]]
    assert by_name["changed"]["id"].endswith(".rate20-0.2")
    history = by_name["done"]["history"]
    kept = read_checkpoint(past.runs["done"]).history
    assert history["step"] == kept[:, 0].tolist()
    assert history["loss"] == kept[:, 1].tolist()
    assert history["train_accuracy"] == [None] * 61
    assert history["test_accuracy"] == kept[:, 3].tolist()
    assert by_name["done"]["settings"]["hidden"] == [5]
    assert told["cores"] >= 1
    assert told["defaults"]["squared_error"]["descent"] == {
        "learning_rate": 1.5,
        "steps": 1000,
        "batch_learning_rate": 0.5,
    }


@pytest.mark.parametrize("step", [0, 17, 60, None])
def test_every_view_shows_the_recorded_moment(past, mnist, step):
    run = past.runs["done"]
    network = network_at(run, 60 if step is None else step)
    asking = {"network": run_id(run), "image": {"test": 7}, "label": None, "step": step}
    told = posted(past.page, "/api/ledger", asking)
    assert told["step"] == (60 if step is None else step)
    assert weights_of(told).tobytes() == network.parameters.astype(np.float64).tobytes()
    cell = posted(past.page, "/api/cell", asking | {"cell": "W1[2,400]"})
    assert cell["value"] == float(network.layers[0][0][2, 400])
    query = {"network": run_id(run)} | ({} if step is None else {"step": step})
    wrong = past.page.get("/api/mistakes", params=query).json()["indices"]
    read = predict(network, mnist[1].X)
    assert wrong == np.flatnonzero(read != mnist[1].labels).tolist()


def test_a_run_that_lies_elsewhere_has_its_moments_too(past, tmp_path):
    """The run given to `chainrule lab`."""
    run = past.runs["half"]
    given = named_run(run, network_at(run, 30), 30)
    lab = Lab(
        (*shipped(), given), ThreadedTraining, given.id, folder=tmp_path, given_run=run.folder
    )
    page = client_of(Served(lab, 8765))
    told = page.get("/api/lab").json()
    assert [each["id"] for each in told["runs"]] == [given.id] == [told["given"]]
    for step, reached in ((11, 11), (None, 30)):
        asking = {"network": given.id, "image": {"test": 7}, "label": None, "step": step}
        weights = weights_of(posted(page, "/api/ledger", asking))
        assert weights.astype(np.float32).tobytes() == network_at(run, reached).parameters.tobytes()


def test_moments_that_are_not_there_are_refused(past):
    run = run_id(past.runs["half"])
    asking = {"image": {"test": 7}, "label": None}
    for network, step, why in (
        (run, 31, "step 31 is not recorded; the nearest of 31 recorded ones is 30"),
        ("small", 3, "small is no run: it has no steps"),
        (run.replace("seed8", "seed9"), None, "no network"),
    ):
        refused = past.page.post("/api/ledger", json=asking | {"network": network, "step": step})
        assert refused.status_code == 404
        assert why in refused.json()["error"]
        assert str(past.lab.folder) not in refused.text
    for step in (-1, 1.0, True, "3", 10**20):
        asked_for = asking | {"network": run, "step": step}
        assert past.page.post("/api/ledger", json=asked_for).status_code == 400


def test_a_run_that_has_no_checkpoint_yet_is_refused_under_its_id(tmp_path, mnist):
    place = tmp_path / "runs/begun"
    place.mkdir(parents=True)
    asking = Settings(None, (4,), "cross_entropy", "descent", 0.1, 200, 60, None, 8)
    run = run_id(prepare(begin(place, asking), *mnist))
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    refused = page.post("/api/ledger", json={"network": run, "image": {"test": 7}})
    assert (refused.status_code, refused.json()) == (404, {"error": f"{run}: no checkpoint yet"})


def test_a_recorded_moment_can_be_operated_on(past, mnist):
    """The same change at two steps: neither is taken for the other, nor for what was recorded."""
    run = past.runs["done"]
    changes = {"off": ["A1[2]"], "set": [["b2[3]", 1.5]]}
    for step in (17, 60, 17):
        network = network_at(run, step)
        parameters = network.parameters.copy()
        (W1, b1), (_, b2) = replace(network, parameters=parameters).layers
        W1[2], b1[2], b2[3] = 0, -1, 1.5
        changed = replace(network, parameters=parameters)
        asking = {"network": run_id(run), "step": step, "changes": changes}
        told = posted(past.page, "/api/ledger", asking | {"image": {"test": 7}})
        assert weights_of(told).tolist() == parameters.tolist()
        plain = {"network": run_id(run), "step": step, "image": {"test": 7}}
        assert weights_of(posted(past.page, "/api/ledger", plain)).tolist() == (
            network.parameters.tolist()
        )
        cost = posted(past.page, "/api/operate", asking)
        assert cost["step"] == step
        assert cost["accuracy"] == {
            "before": np.mean(predict(network, mnist[1].X) == mnist[1].labels),
            "after": np.mean(predict(changed, mnist[1].X) == mnist[1].labels),
        }
        assert posted(past.page, "/api/matters", asking)["accuracy"] == cost["accuracy"]["after"]
