"""What the lab answers of networks of 2 to 62 classes, beside NumPy and the library."""

import base64
import shutil

import numpy as np
import pytest
from helpers.classes import COUNTS, SETS, learn_classes, sets_of, write_classes
from helpers.clients import arrays_of, client_of, posted

from chainrule import load_model, probabilities
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import GivenSet, named_model, shipped
from chainrule.lab.live.frames import sample_of
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served
from chainrule.network import backward, forward
from chainrule.runs.names import run_id


@pytest.fixture(scope="module")
def learned(tmp_path_factory, mnist):
    """A folder with a run of each set, and the runs."""
    folder = tmp_path_factory.mktemp("classes")
    return folder, {name: learn_classes(folder, mnist, name) for name in SETS}


@pytest.fixture(scope="module")
def page(learned):
    return client_of(Served(Lab(shipped(), ThreadedTraining, folder=learned[0]), 8765))


def read(run, digits):
    return probabilities(load_model(run.folder), digits.X).argmax(axis=0)


@pytest.mark.parametrize("name", SETS)
def test_a_run_of_any_classes_is_opened_and_measured(page, learned, mnist, name):
    names, _ = SETS[name]
    run, (_, test_set) = learned[1][name], sets_of(mnist, name)
    id, k = run_id(run), len(names)
    entry = next(each for each in page.get("/api/lab").json()["runs"] if each["id"] == id)
    assert (entry["classes"], entry["images"], entry["digits"]) == (list(names), COUNTS[1], name)

    moment = {"network": id, "image": {"test": 7}, "label": k - 1}
    ledger = posted(page, "/api/ledger", moment)
    network = load_model(run.folder)
    x = test_set[7].X.astype(np.float64)
    exact = type(network)(network.sizes, network.parameters.astype(np.float64), network.loss)
    trace = forward(exact, x)
    y = np.zeros((k, 1))
    y[k - 1] = 1
    dZ = backward(exact, trace, y).dZ[2]
    arrays = arrays_of(ledger)
    np.testing.assert_allclose(arrays["A2"], trace.A[2][:, 0], rtol=1e-12)
    np.testing.assert_allclose(arrays["dZ2"], dZ[:, 0], rtol=1e-9, atol=1e-15)
    assert (ledger["truth"], ledger["label"]) == (test_set.labels[7], k - 1)
    proof = posted(page, "/api/proof", {**moment, "cell": f"dW2[{k - 1},3]"})
    assert proof["agrees"] is not False

    found = posted(page, "/api/evaluate", {"network": id})
    answers = read(run, test_set)
    confusion = np.zeros((k, k), int)
    np.add.at(confusion, (test_set.labels, answers), 1)
    assert np.array_equal(found["confusion"], confusion)
    assert found["accuracy"] == pytest.approx((answers == test_set.labels).mean())
    truth, other = np.unravel_index(np.argmax(confusion - np.diag([999] * k)), confusion.shape)
    body = {"network": id, "truth": int(truth), "read": int(other)}
    assert posted(page, "/api/confused", body)["count"] == confusion[truth, other]
    body = {"network": id, "changes": {"off": ["A1[0]"]}}
    costs = posted(page, "/api/operate", body)
    assert len(costs["per_digit"]["after"]) == k
    assert costs["accuracy"]["before"] == pytest.approx(found["accuracy"])
    mapped = posted(page, "/api/map", {"network": id, "of": "A2", "count": 50})
    assert mapped["labels"] == test_set.labels[:50].tolist()
    watched = posted(page, "/api/inside", {"network": id, "step": 12})["answers"]
    assert [each["read"] for each in watched] == answers[
        [each["index"] for each in watched]
    ].tolist()


@pytest.mark.parametrize("name", SETS)
def test_of_many_answers_the_most_probable_are_drawn(page, learned, name):
    k = len(SETS[name][0])
    moment = {"network": run_id(learned[1][name]), "image": {"test": 3}, "label": k - 1}
    drawn = posted(page, "/api/picture", moment)
    *_, last = drawn["layers"]
    A = np.array([each["A"] for each in drawn["answers"]])
    assert len(A) == len(last["values"]) == k
    assert last["more"] == k - len(last["shown"])
    assert len(last["shown"]) == min(k, 10)
    assert k - 1 in last["shown"]
    assert {*np.argsort(-A, kind="stable")[:9].tolist()} <= {*last["shown"]} or k <= 10
    assert {i for i, _, _ in drawn["edges"][0]["list"]} <= {*last["shown"]}


def test_labels_that_a_network_does_not_have_are_refused(page, learned):
    id = run_id(learned[1]["two"])
    for label, says in ((2, "from 0 to 1, got 2"), (62, "from 0 to 61, got 62")):
        body = {"network": id, "image": {"test": 0}, "label": label}
        refused = page.post("/api/ledger", json=body)
        assert (refused.status_code, says in refused.text) == (400, True)


def test_the_subject_of_a_class_has_the_largest_gradient(page, learned, mnist):
    run, (_, test_set) = learned[1]["emnist-letters"], sets_of(mnist, "emnist-letters")
    network, answers = load_model(run.folder), read(run, test_set)
    for truth in (0, 5, 20):
        own = np.flatnonzero(test_set.labels == truth)
        wrong = own[answers[own] != truth]
        sizes = []
        for number in wrong if len(wrong) else own:
            gradients = backward(
                network, forward(network, test_set[[number]].X), test_set[[number]].Y
            )
            parts = [*gradients.dW.values(), *gradients.db.values()]
            sizes.append(sum(float((part.astype(np.float64) ** 2).sum()) for part in parts))
        wanted = (wrong if len(wrong) else own)[np.argmax(sizes)]
        body = {"network": run_id(run), "truth": truth}
        assert posted(page, "/api/subject", body)["test"] == wanted
    empty = next(k for k in range(62) if k not in sets_of(mnist, "emnist-byclass")[1].labels)
    body = {"network": run_id(learned[1]["emnist-byclass"]), "truth": empty}
    assert posted(page, "/api/subject", body)["test"] is None


def test_a_drawing_is_no_strange_digit_to_a_network_of_letters(page, learned):
    strokes = {"strokes": [[10, 10, 270, 270]], "off": []}
    for id, unlike in (("small", True), (run_id(learned[1]["emnist-letters"]), False)):
        told = posted(page, "/api/drawing", {"network": id, "image": strokes})
        assert (told["unlike"] is not None) == unlike
        told = posted(page, "/api/ledger", {"network": id, "image": strokes, "label": None})
        assert (told["unlike"] is not None) == unlike


def test_what_does_not_fit_is_one_line(page, learned):
    letters, two = (run_id(learned[1][name]) for name in ("emnist-letters", "two"))
    refused = page.post("/api/compare", json={"a": {"network": letters}, "b": {"network": two}})
    assert (refused.status_code, "26 classes apart, B 2" in refused.text) == (400, True)
    drawings = [{"image": {"strokes": [[9, 9, 90, 90]], "off": []}, "label": k} for k in (0, 1)]
    made = posted(page, "/api/collect", {"drawings": drawings})
    refused = page.post("/api/read-set", json={"set": made["set"], "network": letters})
    assert (refused.status_code, "reads other classes" in refused.text) == (400, True)


@pytest.mark.parametrize("name", SETS)
def test_eight_images_are_watched_of_the_first_class_to_the_last(mnist, name):
    digits = sets_of(mnist, name)[1]
    labels = digits.labels[sample_of(digits)].tolist()
    assert labels == sorted(set(labels))
    assert len(labels) <= 8
    assert len(labels) == 2 or name != "two"
    assert sample_of(mnist[1]) == [int(np.argmax(mnist[1].labels == k)) for k in range(2, 10)]


# ------------------------------------------------------------------------------ a contact sheet


def test_a_sheet_shows_the_first_images_of_each_class(page, learned, mnist):
    for name in SETS:
        k = len(SETS[name][0])
        for part, digits in zip(("train", "test"), sets_of(mnist, name), strict=True):
            query = {"network": run_id(learned[1][name]), "part": part}
            told = page.get("/api/sheet", params=query).json()
            assert (told["name"], told["parts"]) == (name, ["train", "test"])
            assert told["counts"] == np.bincount(digits.labels, minlength=k).tolist()
            numbers = [
                n
                for one in range(k)
                for n in np.flatnonzero(digits.labels == one)[: min(20, 500 // k)]
            ]
            assert told["numbers"] == numbers
            pixels = np.frombuffer(base64.b64decode(told["images"]), np.uint8).reshape(-1, 784)
            assert np.array_equal(pixels, digits.images[numbers])


def test_a_page_of_one_class(page, mnist):
    query = {"network": "small", "part": "test", "class": "3", "start": "1000"}
    told = page.get("/api/sheet", params=query).json()
    assert told["numbers"] == np.flatnonzero(mnist[1].labels == 3)[1000:1200].tolist()
    for bad in ({"part": "t10k"}, {"class": "10"}, {"start": "-1"}, {"place": "/etc"}, {}):
        query = {"network": "small", "part": "test"} | bad if bad else {"part": "test"}
        assert page.get("/api/sheet", params=query).status_code in (400, 404), bad


def test_a_given_set_is_shown_and_measured_on(learned, mnist):
    _, test_set = sets_of(mnist, "emnist-letters")
    given = GivenSet("letters", None, test_set)
    network = load_model(learned[1]["emnist-letters"].folder)
    named = named_model(network, on=given)
    lab = Lab((*shipped(), named), ThreadedTraining, given=named.id, given_set=given)
    page = client_of(Served(lab, 8765))
    about = page.get("/api/lab").json()
    entry = about["networks"][-1]
    right = (read(learned[1]["emnist-letters"], test_set) == test_set.labels).mean()
    assert (about["given_set"], entry["digits"], entry["images"]) == (
        "letters",
        "letters",
        COUNTS[1],
    )
    assert (entry["classes"], entry["accuracy"]) == (list(test_set.names), pytest.approx(right))
    assert len(entry["subjects"]) == 26
    told = page.get("/api/sheet", params={"part": "test"}).json()
    assert (told["name"], told["parts"]) == ("letters", ["test"])
    assert page.get("/api/sheet", params={"part": "train"}).status_code == 404


def test_the_command_takes_data_and_says_what_does_not_fit(
    inside, learned, tmp_path, mnist, monkeypatch
):
    from chainrule.lab.server import start

    served = []
    monkeypatch.setattr(start, "serve", lambda one, *_: served.append(one))
    folder, runs = learned
    place, model = folder / "two", tmp_path / "alone.safetensors"
    shutil.copy(runs["two"].folder / "model.safetensors", model)
    done = inside("lab", model, "--no-browser")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "it tells 2 classes apart; say with --data which digits it reads" in done.stderr
    done = inside("lab", model, "--data", folder / "emnist-letters", "--no-browser")
    assert (done.returncode, "classes apart, and" in done.stderr) == (2, True)
    done = inside("lab", "--data", tmp_path / "none", "--no-browser")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    inside("lab", model, "--data", place, "--transpose", "--no-browser")
    inside("lab", "--data", place, "--no-browser")
    inside("lab", runs["two"].folder, "--no-browser")
    with_model, alone, with_run = (each.lab for each in served)
    assert with_model.networks[-1].classes == alone.given_set.test.names == ("even", "odd")
    assert np.array_equal(with_model.given_set.test.images, sets_of(mnist, "two")[1].images)
    assert (len(alone.given_set.train), alone.given) == (COUNTS[0], None)
    assert (with_run.given, with_run.given_set) == (run_id(runs["two"]), None)


def test_data_says_how_to_look_at_them(inside, tmp_path, mnist):
    place = write_classes(tmp_path, mnist, "two")
    spaced = place.rename(tmp_path / "two of them")
    said = inside("data", spaced, "--transpose").stdout
    assert f"to look at them: chainrule lab --data '{spaced}' --transpose" in said
