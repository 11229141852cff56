"""Answers in files, and moments in notebooks, of classes that have names."""

import csv
import io
import json

import numpy as np
import pytest
from helpers.classes import CLOTHES, LETTERS, learn_classes, sets_of
from helpers.elements import Elements
from helpers.sets import png, write_kaggle

from chainrule import load_model, notebook, probabilities


@pytest.fixture(scope="module")
def learned(tmp_path_factory, mnist):
    folder = tmp_path_factory.mktemp("named")
    return {name: learn_classes(folder, mnist, name) for name in ("fashion", "two")}


def rows(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_files_of_answers_have_the_names(inside, learned, mnist, tmp_path):
    run, test_set = learned["fashion"], sets_of(mnist, "fashion")[1]
    A = probabilities(load_model(run.folder), test_set.X)
    said = A.argmax(axis=0)
    done = inside("predict", run.folder, "--test", "0-29", "--out", tmp_path / "a.csv")
    assert done.returncode == 0, done.stderr
    found = rows(tmp_path / "a.csv")
    names = ["test", "label", "label_name", "prediction", "prediction_name"]
    assert list(found[0]) == [*names, *(f"p{k}" for k in range(10))]
    for k, row in enumerate(found):
        label = test_set.labels[k]
        assert (row["label"], row["label_name"]) == (str(label), CLOTHES[label])
        assert (row["prediction"], row["prediction_name"]) == (str(said[k]), CLOTHES[said[k]])
        assert float(row["p3"]) == pytest.approx(float(A[3, k]), rel=1e-4)
    inside("predict", run.folder, "--test", "0-29", "--out", tmp_path / "a.json")
    told = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert told["classes"] == list(CLOTHES)
    assert [each["prediction_name"] for each in told["predictions"]] == [
        CLOTHES[k] for k in said[:30]
    ]
    assert told["predictions"][4]["label_name"] == CLOTHES[test_set.labels[4]]


def test_pictures_have_the_names_and_digits_have_none(inside, learned, mnist, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(png(mnist[1].images[0]))
    (tmp_path / "in/b.png").write_bytes(b"no picture")
    inside("predict", learned["two"].folder, tmp_path / "in", "--out", tmp_path / "a.csv")
    good, bad = rows(tmp_path / "a.csv")
    assert good["prediction_name"] == ("even", "odd")[int(good["prediction"])]
    assert (bad["prediction"], bad["prediction_name"]) == ("", "")
    assert bad["error"]
    inside("predict", "small", "--test", "0,1", "--out", tmp_path / "d.csv")
    assert list(rows(tmp_path / "d.csv")[0])[:4] == ["test", "label", "prediction", "p0"]


def test_kaggles_form_stays_as_it_is(inside, learned, mnist, tmp_path):
    write_kaggle(tmp_path / "test.csv", mnist[1][:5], labels=False)
    table = ("--data", tmp_path / "test.csv")
    inside("predict", learned["fashion"].folder, *table, "--out", tmp_path / "s.csv")
    read = probabilities(load_model(learned["fashion"].folder), mnist[1][:5].X).argmax(axis=0)
    wanted = "ImageId,Label\n" + "".join(f"{k},{each}\n" for k, each in enumerate(read, 1))
    assert (tmp_path / "s.csv").read_text(encoding="ascii") == wanted
    inside("predict", learned["fashion"].folder, *table, "--out", tmp_path / "s.json")
    told = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert told["predictions"][2]["prediction_name"] == CLOTHES[read[2]]
    assert told["classes"] == list(CLOTHES)


# --------------------------------------------------------------------------------- in a notebook


def moment_in(shown):
    return json.loads(Elements(shown.page).only("script", id="moment")[1])


def test_a_moment_of_other_classes_has_their_names(learned, mnist):
    network, test_set = load_model(learned["two"].folder), sets_of(mnist, "two")[1]
    told = moment_in(notebook.show(network, test_set[3]))
    [entry] = told["lab"]["networks"]
    assert (entry["classes"], entry["digits"], entry["accuracy"]) == (["even", "odd"], None, None)
    assert told["ledger"]["label"] == test_set.labels[3]
    assert len(told["picture"]["answers"]) == 2
    unnamed = moment_in(notebook.show(network, test_set.images[3], label=1))
    assert unnamed["lab"]["networks"][0]["classes"] == ["0", "1"]
    assert unnamed["ledger"]["unlike"] is None  # it is not known what it learned from
    named = moment_in(notebook.show(network, test_set.images[3], names=["straight", "crooked"]))
    assert named["lab"]["networks"][0]["classes"] == ["straight", "crooked"]


def test_what_does_not_fit_a_network_of_other_classes_is_refused(learned, mnist):
    network = load_model(learned["two"].folder)
    for what, more, says in (
        (0, {}, "test images of MNIST have 10 classes, the network 2; pass an image"),
        (mnist[1][0], {}, "the network tells 2 classes apart, got 10 names"),
        (mnist[1].images[0], {"names": LETTERS}, "tells 2 classes apart, got 26 names"),
        (mnist[1].images[0], {"label": 2}, "label must be a whole number from 0 to 1, got 2"),
        (np.zeros(784), {"names": ["a", "a"]}, "each class needs a name of its own"),
    ):
        with pytest.raises(ValueError, match=says):
            notebook.show(network, what, **more)
