"""All test images: evaluated, damaged, mapped, compared."""

import base64
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.clients import client_of, posted
from scipy.linalg import orthogonal_procrustes

from chainrule import evaluate, forward, gradient, initialise, predict
from chainrule.distort import distort
from chainrule.lab.api import limits, networks
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import shipped
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served
from chainrule.network import Network, probabilities
from chainrule.runs.folder import begin, prepare
from chainrule.runs.going import go_on
from chainrule.runs.lock import locked
from chainrule.runs.names import run_id
from chainrule.runs.settings import Settings
from chainrule.runs.trajectory import network_at
from chainrule.sources.written import write_digits
from chainrule.troubles import measure


def read_by(network, digits):
    A = probabilities(network, digits.X)
    return A.argmax(axis=0), A.max(axis=0)


def test_an_evaluation_counted_by_hand(past, mnist):
    digits = mnist[1]
    network = past.lab.named("small").network
    told = posted(past.page, "/api/evaluate", {"network": "small", "threshold": 0.8})
    read, sure = read_by(network, digits)
    confusion = [[0] * 10 for _ in range(10)]
    answered = right = 0
    for is_, was, p in zip(digits.labels.tolist(), read.tolist(), sure.tolist(), strict=True):
        confusion[is_][was] += 1
        answered += p >= 0.8
        right += p >= 0.8 and is_ == was
    assert told["confusion"] == confusion == evaluate(network, digits).confusion.tolist()
    assert told["accuracy"] == sum(confusion[k][k] for k in range(10)) / 10_000
    assert told["per_digit"] == [confusion[k][k] / sum(confusion[k]) for k in range(10)]
    assert told["answered"] == answered / 10_000
    assert told["right_of_answered"] == right / answered
    wrong = told["mistakes"]
    assert len(wrong["indices"]) == 24
    images = np.frombuffer(base64.b64decode(wrong["images"]), np.uint8).reshape(24, 784)
    assert (images == digits.images[wrong["indices"]]).all()
    assert wrong["confidence"] == sorted(wrong["confidence"], reverse=True)
    for k, index in enumerate(wrong["indices"]):
        assert wrong["labels"][k] == digits.labels[index] != read[index] == wrong["predictions"][k]
        assert wrong["confidence"][k] == sure[index]
    assert wrong["confidence"][-1] >= np.sort(sure[read != digits.labels])[-24]
    assert "curves" not in told


def test_an_evaluation_on_damaged_digits(past, mnist):
    run = past.runs["done"]
    damage = {"noise": 0.25, "rotation": 10, "shift": -2, "thickness": 0.5}
    asking = {"network": run_id(run), "step": 17, "damage": damage, "threshold": 1}
    told = posted(past.page, "/api/evaluate", asking)
    spoilt = distort(mnist[1], noise=0.25, rotation=10, shift=(-2, 0), thickness=0.5)
    wanted = evaluate(network_at(run, 17), spoilt)
    assert told["confusion"] == wanted.confusion.tolist()
    assert told["step"] == 17
    assert (told["answered"], told["right_of_answered"]) in ((0, None), (told["answered"], 1))
    whole = posted(past.page, "/api/evaluate", {"network": run_id(run), "step": 17})
    assert whole["accuracy"] == evaluate(network_at(run, 17), mnist[1]).accuracy


@pytest.mark.parametrize("damage", [{}, {"rotation": 25, "noise": 0.1}])
@pytest.mark.parametrize(("truth", "read"), [(4, 9), (1, 1), (0, 1)])
def test_the_images_of_a_cell_are_those_the_network_saw(past, mnist, damage, truth, read):
    asking = {"network": "small", "truth": truth, "read": read} | (
        {"damage": damage} if damage else {}
    )
    told = posted(past.page, "/api/confused", asking)
    spoilt = distort(mnist[1], **damage)
    answers, sure = read_by(past.lab.named("small").network, spoilt)
    there = [k for k in range(10_000) if spoilt.labels[k] == truth and answers[k] == read]
    assert told["count"] == len(there)
    shown = told["indices"]
    assert shown == sorted(there, key=lambda k: (-sure[k], k))[:60]
    assert told["confidence"] == [sure[k] for k in shown]
    assert base64.b64decode(told["images"]) == spoilt.images[shown].tobytes()


@pytest.mark.parametrize("wrong", [{"truth": 10}, {"read": -1}, {"read": None}, {"threshold": 1}])
def test_cells_that_cannot_be(past, wrong):
    asking = {"network": "small", "truth": 1, "read": 2} | wrong
    assert past.page.post("/api/confused", json=asking).status_code == 400


def test_curves_of_damage(past, mnist, monkeypatch):
    assert all(0 in x and sorted(x) == list(x) for x in limits.CURVES.values())
    monkeypatch.setattr(limits, "CURVES", {name: (0, x[-1]) for name, x in limits.CURVES.items()})
    told = posted(past.page, "/api/evaluate", {"network": "small", "curves": True})
    network = past.lab.named("small").network
    whole = evaluate(network, mnist[1]).accuracy
    assert set(told["curves"]) == {"noise", "rotation", "shift", "thickness"}
    for name, curve in told["curves"].items():
        at = dict(zip(curve["x"], curve["accuracy"], strict=True))
        assert at[0] == whole == max(at.values())
        last = curve["x"][-1]
        spoilt = distort(mnist[1], **{name: (last, 0) if name == "shift" else last})
        assert at[last] == evaluate(network, spoilt).accuracy


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 1.1},
        {"threshold": True},
        {"curves": 1},
        {"damage": {"noise": -0.1}},
        {"damage": {"blur": 1}},
        {"damage": {"rotation": "1"}},
        {"damage": None},
        {"step": 5},
        {"network": "none"},
    ],
)
def test_evaluations_that_cannot_be(past, wrong):
    refused = past.page.post("/api/evaluate", json={"network": "small"} | wrong)
    assert refused.status_code in (400, 404)


def test_two_runs_compared_as_on_the_command_line(past, answer):
    runs = past.runs
    folders = [str(runs[name].folder) for name in ("done", "changed")]
    for step in (None, 40):
        sides = [{"network": run_id(runs[n]), "step": step} for n in ("done", "changed")]
        told = posted(past.page, "/api/compare", {"a": sides[0], "b": sides[1]})
        more = () if step is None else ("--step", step)
        wanted = answer("compare", *folders, *more)
        assert (told.pop("digits"), wanted.pop("data")) == ("MNIST", "mnist")
        assert {**told, "a": 0, "b": 0} == {**wanted, "a": 0, "b": 0}
    sides = [{"network": run_id(runs[n]), "step": s} for n, s in (("done", 10), ("changed", 10))]
    told = posted(past.page, "/api/compare", {"a": sides[0], "b": sides[1]})
    assert all(layer == {"W": 0, "b": 0} for layer in told["apart"])  # the rate came later
    told = posted(past.page, "/api/compare", {"a": sides[0], "b": {**sides[0], "step": 50}})
    assert told["steps"] == [10, 50]
    refused = past.page.post("/api/compare", json={"a": sides[0], "b": {"network": "small"}})
    assert refused.status_code == 404
    assert "runs are compared" in refused.json()["error"]


@pytest.mark.parametrize("of", ["pixels", "A1", "A2"])
def test_a_map_is_the_svd_of_what_a_layer_makes(past, mnist, of):
    run = past.runs["done"]
    asking = {"network": run_id(run), "step": 17, "of": of, "count": 800}
    told = posted(past.page, "/api/map", asking)
    X = mnist[1].X[:, :800].astype(np.float64)
    (W1, b1), (W2, b2) = network_at(run, 17).layers
    A1 = np.maximum(W1 @ X + b1, 0)
    Z2 = W2 @ A1 + b2
    A = {"pixels": X, "A1": A1, "A2": np.exp(Z2) / np.exp(Z2).sum(axis=0)}[of]
    _, sizes, directions = np.linalg.svd(A - A.mean(axis=1, keepdims=True), full_matrices=False)
    wanted = sizes[:2, None] * directions[:2]
    if of != "pixels":  # as near to the pixels' own as turning brings it
        pixels = posted(past.page, "/api/map", asking | {"of": "pixels"})
        R, _ = orthogonal_procrustes(wanted.T, points_of(pixels).T)
        wanted = R.T @ wanted
    points = points_of(told)
    for k in range(2):
        side = np.sign(wanted[k] @ points[k]) if of == "pixels" else 1
        largest = np.abs(wanted[k]).max()
        np.testing.assert_allclose(points[k], side * wanted[k], atol=3e-4 * largest)
    np.testing.assert_allclose(told["explained"], (sizes[:2] ** 2).sum() / (sizes**2).sum(), 1e-4)
    assert told["labels"] == mnist[1].labels[:800].tolist()
    assert told["predictions"] == predict(network_at(run, 17), mnist[1].X[:, :800]).tolist()


def points_of(told):
    return np.array([np.frombuffer(base64.b64decode(told[k]), "<f8") for k in "xy"])


@pytest.mark.parametrize("of", ["A3", "A0", "Z1", "A99", "", 1, "pixels "])
def test_maps_of_what_is_not_there(past, of):
    refused = past.page.post("/api/map", json={"network": "small", "of": of})
    assert refused.status_code == 400


@pytest.mark.parametrize("step", [0, 17, 60, None])
def test_a_recorded_step_can_be_looked_into(past, mnist, step):
    run = past.runs["done"]
    told = posted(past.page, "/api/inside", {"network": run_id(run), "step": step})
    network = network_at(run, 60 if step is None else step)
    sample = mnist[0][::120]
    flat = gradient(network, sample.X, sample.Y)
    sizes = [np.linalg.norm(part) for part in np.split(flat, [5 * 784, 5 * 785, 5 * 795])[:3:2]]
    np.testing.assert_allclose(told["norms"], sizes, rtol=1e-5)
    assert told["dead"] == [np.mean((forward(network, sample.X).A[1] == 0).all(axis=1))]
    assert told["troubles"] == []


def test_what_is_no_run_is_not_looked_into(past):
    refused = past.page.post("/api/inside", json={"network": "small"})
    assert refused.status_code == 404
    refused = past.page.post("/api/inside", json={"network": run_id(past.runs["half"]), "step": 31})
    assert refused.status_code == 404


@pytest.fixture
def own(tmp_path, small, sets):
    """A lab with a run on other digits, 600 and 200 of them in a folder of their own."""
    digits = shutil.copytree(small, tmp_path / "elsewhere/letters")
    (tmp_path / "runs/own").mkdir(parents=True)
    with locked(tmp_path / "runs/own"):
        asking = Settings(str(digits), (5,), "cross_entropy", "descent", 0.1, 200, 5, None, 8)
        one = prepare(begin(tmp_path / "runs/own", asking), *sets)
        *_, last = go_on(one, *sets)
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    return SimpleNamespace(page=page, id=run_id(one), network=last.network, digits=digits)


def test_a_run_on_other_digits_is_measured_on_those(own, sets):
    train_set, test_set = sets
    seen = evaluate(own.network, test_set)
    [entry] = own.page.get("/api/lab").json()["runs"]
    assert (entry["digits"], entry["images"]) == ("letters", 200)
    told = posted(own.page, "/api/evaluate", {"network": own.id, "curves": True})
    assert told["accuracy"] == seen.accuracy
    assert told["confusion"] == seen.confusion.tolist()
    assert told["curves"]["noise"]["accuracy"][0] == seen.accuracy
    assert len(told["per_digit"]) == 10
    noisy = distort(test_set, noise=0.3)
    told = posted(own.page, "/api/evaluate", {"network": own.id, "damage": {"noise": 0.3}})
    assert told["accuracy"] == evaluate(own.network, noisy).accuracy
    cell = posted(own.page, "/api/confused", {"network": own.id, "truth": 1, "read": 1})
    assert cell["count"] == seen.confusion[1, 1]
    found = own.page.get("/api/mistakes", params={"network": own.id}).json()
    wrong = np.flatnonzero(predict(own.network, test_set.X) != test_set.labels)
    assert found["indices"] == wrong.tolist()
    images = {"network": own.id, "start": 150, "count": 100}
    told = own.page.get("/api/images", params=images).json()
    assert told["labels"] == test_set.labels[150:].tolist()
    opened = posted(own.page, "/api/ledger", {"network": own.id, "image": {"test": 7}})
    assert opened["truth"] == int(test_set.labels[7])
    told = posted(own.page, "/api/map", {"network": own.id, "of": "pixels"})
    assert told["labels"] == test_set.labels.tolist()
    both = {"a": {"network": own.id}, "b": {"network": own.id}}
    told = posted(own.page, "/api/compare", both)
    assert (told["digits"], told["accuracy"]) == ("letters", [seen.accuracy] * 2)
    told = posted(own.page, "/api/inside", {"network": own.id})
    assert told["norms"] == list(measure(own.network, train_set).dW)
    refused = own.page.post("/api/ledger", json={"network": own.id, "image": {"test": 200}})
    assert (refused.status_code, "0 to 199" in refused.json()["error"]) == (404, True)


def test_where_the_digits_of_a_run_are_gone_the_lab_says_so(own):
    shutil.move(own.digits, own.digits.parent / "moved")
    [entry] = own.page.get("/api/lab").json()["runs"]
    assert (entry["digits"], entry["images"]) == ("letters", 0)
    for route, body in (
        ("evaluate", {}),
        ("inside", {}),
        ("map", {"of": "pixels"}),
        ("ledger", {"image": {"test": 0}}),
    ):
        refused = own.page.post(f"/api/{route}", json={"network": own.id, **body})
        error = refused.json()["error"]
        assert refused.status_code == 404
        assert error.startswith(f"{own.id}: its digits cannot be read: letters: wanted a folder")
        assert str(own.digits.parent) not in error
    drawing = {"network": own.id, "image": {"strokes": [[90, 60, 200, 60, 130, 230]], "off": []}}
    assert own.page.post("/api/drawing", json=drawing).status_code == 200


def test_digits_without_some_class_have_no_accuracy_for_it(tmp_path, mnist):
    three = mnist[1][np.flatnonzero(mnist[1].labels < 3)[:60]]
    write_digits(tmp_path / "few", three, three)
    (tmp_path / "runs/own").mkdir(parents=True)
    with locked(tmp_path / "runs/own"):
        asking = Settings(str(tmp_path / "few"), (5,), "cross_entropy", "adam", 0.1, 20, 5, None, 8)
        one = prepare(begin(tmp_path / "runs/own", asking), three, three)
        for _ in go_on(one, three, three):
            pass
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    told = posted(page, "/api/evaluate", {"network": run_id(one)})
    assert None not in told["per_digit"][:3]
    assert told["per_digit"][3:] == [None] * 7


def test_a_network_whose_numbers_overflow_is_shown_with_what_overflows(tmp_path):
    network = initialise([784, 10, 10], rng=np.random.default_rng(0))
    double = Network(network.sizes, network.parameters.astype(np.float64) * 1e200)
    given = networks.named_model(double)
    page = client_of(Served(Lab((*shipped(), given), ThreadedTraining, folder=tmp_path), 8765))
    about = page.get("/api/lab")
    assert about.status_code == 200
    assert [each["accuracy"] is None for each in about.json()["networks"]] == [False, False, True]
    opened = posted(page, "/api/ledger", {"network": given.id, "image": {"test": 0}})
    assert (opened["prediction"], opened["overflows"]) == (None, "Z2")
    body = {"network": given.id, "image": {"test": 0}, "cell": "Z2[0]"}
    assert posted(page, "/api/cell", body)["value"] in ("inf", "-inf", "nan")
    for route, more in (("proof", {"cell": "dW1[0,0]"}), ("impostors", {}), ("step", {})):
        posted(page, f"/api/{route}", {"network": given.id, "image": {"test": 0}, **more})
    for route, more in (("evaluate", {}), ("map", {"of": "A2"})):
        refused = page.post(f"/api/{route}", json={"network": given.id, **more})
        assert refused.status_code == 400
        assert "overflow" in refused.json()["error"] or "finite" in refused.json()["error"]
