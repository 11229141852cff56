"""Sets of drawings in the lab's folder: listed, named, read by a network, trained on."""

import base64
import json
import os
import re

import numpy as np
import pytest
from helpers import PATIENCE
from helpers.clients import client_of, posted

from chainrule import load_bundled, load_digits
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.limits import NAME
from chainrule.lab.api.networks import shipped
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served
from chainrule.network import forward
from chainrule.runs.folder import open_run
from chainrule.sources.written import write_digits

TWENTY = list(range(20))


@pytest.fixture
def here(tmp_path):
    lab = Lab(shipped(), ThreadedTraining, folder=tmp_path)
    yield lab
    lab.live.close()


@pytest.fixture
def page(here):
    return client_of(Served(here, 8765))


def collected(page, mnist, numbers=TWENTY, **more):
    """A set of these test images, each labelled as it is."""
    drawings = [
        {
            "image": {"pixels": base64.b64encode(mnist[1].images[k].tobytes()).decode()},
            "label": int(mnist[1].labels[k]),
        }
        for k in numbers
    ]
    return posted(page, "/api/collect", {"drawings": drawings, **more})


def sets(page):
    return page.get("/api/sets").json()


def test_there_are_no_sets_at_first_and_then_there_are(page, mnist):
    assert sets(page) == {"sets": [], "damaged": []}
    told = collected(page, mnist, name="Class 9b – Zoë’s")
    assert told["set"] == told["folder"].removeprefix("drawings/")
    (entry,) = sets(page)["sets"]
    labels = mnist[1].labels[:20]
    assert entry == {
        "id": told["set"],
        "name": "Class 9b – Zoë’s",
        "train": 16,
        "test": 4,
        "per_digit": [int((labels == digit).sum()) for digit in range(10)],
    }
    # A set without a name is called like its folder.
    other = collected(page, mnist, [3, 4])
    assert [each["name"] for each in sets(page)["sets"]] == ["Class 9b – Zoë’s", other["set"]]


def test_a_name_is_changed_and_the_folder_stays(page, mnist, tmp_path):
    id = collected(page, mnist)["set"]
    before = {path.name: path.read_bytes() for path in (tmp_path / "drawings" / id).iterdir()}
    told = posted(page, "/api/name-set", {"set": id, "name": "ours"})
    assert (told["id"], told["name"]) == (id, "ours")
    assert sets(page)["sets"][0]["name"] == "ours"
    after = {path.name: path.read_bytes() for path in (tmp_path / "drawings" / id).iterdir()}
    assert after == before | {"name.txt": b"ours\n"}
    # What is no name, or no file of ours, is not shown as one.
    for content in (b"", b"\xff", b"a\nb\n", b"x" * (NAME + 1), b" a"):
        (tmp_path / "drawings" / id / "name.txt").write_bytes(content)
        assert sets(page)["sets"][0]["name"] == id
    (tmp_path / "drawings" / id / "name.txt").unlink()
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (tmp_path / "drawings" / id / "name.txt").symlink_to(secret)
    assert sets(page)["sets"][0]["name"] == id


@pytest.mark.parametrize(
    "name", ["", " ours", "a\nb", "a\x07", "x" * (NAME + 1), 3, None, "\u202eab"]
)
def test_bad_names_are_refused_in_one_line(page, mnist, name):
    id = collected(page, mnist)["set"]
    refused = page.post("/api/name-set", json={"set": id, "name": name})
    assert refused.status_code == 400
    assert re.match(r"(a )?name must be", refused.json()["error"])
    assert "\n" not in refused.json()["error"]


@pytest.mark.parametrize("id", ["..", ".", "", "a/b", "../runs/x", "/etc", "nothing", "a\0b", ".x"])
def test_a_page_names_sets_and_never_paths(page, mnist, tmp_path, id):
    collected(page, mnist)
    write_digits(tmp_path / "runs/x", mnist[1][:4], mnist[1][4:8])
    settings = {"hidden": [4], "loss": "squared_error", "optimizer": "descent", "seed": 0}
    for path, body in {
        "/api/read-set": {"set": id, "network": "small"},
        "/api/name-set": {"set": id, "name": "x"},
        "/api/train": {"do": "start", "settings": settings, "set": id},
    }.items():
        refused = page.post(path, json=body)
        assert refused.status_code == 404, (path, refused.text)
        assert str(tmp_path) not in refused.text
    assert not list((tmp_path / "runs").glob("2*"))


def test_links_and_damaged_folders_are_no_sets(page, mnist, tmp_path):
    id = collected(page, mnist)["set"]
    outside = tmp_path / "elsewhere"
    write_digits(outside, mnist[1][:4], mnist[1][4:8])
    (tmp_path / "drawings/linked").symlink_to(outside)
    (tmp_path / "drawings/empty").mkdir()
    (tmp_path / "drawings/.hidden").mkdir()
    (tmp_path / "drawings/a file").write_text("")
    told = sets(page)
    assert [each["id"] for each in told["sets"]] == [id]
    assert {each["id"] for each in told["damaged"]} == {"empty", "linked"}
    assert str(tmp_path) not in json.dumps(told)


@pytest.mark.parametrize("name", ["small", "large"])
def test_a_set_is_read_by_a_network(page, mnist, name):
    numbers = [*range(40), 247, 1832, 2597]  # some of them are misread
    id = collected(page, mnist, numbers)["set"]
    told = posted(page, "/api/read-set", {"set": id, "network": name})
    train, test = load_digits_of(page, id)
    images = np.concatenate([train.images, test.images])
    labels = np.concatenate([train.labels, test.labels])
    A = forward(load_bundled(name), (images / 255).astype(np.float32).T).A[2]
    answers = A.argmax(axis=0)
    assert told["count"] == len(numbers)
    assert told["labels"] == labels.tolist()
    assert told["predictions"] == answers.tolist()
    assert told["confidence"] == pytest.approx(A.max(axis=0).tolist(), rel=1e-5)
    assert told["right"] == int((answers == labels).sum()) < len(numbers)
    assert told["accuracy"] == told["right"] / len(numbers)
    assert told["right_of_test"] == int((answers == labels)[len(train) :].sum())
    assert told["for_test"] == [k >= len(train) for k in range(len(numbers))]
    assert base64.b64decode(told["images"]) == images.tobytes()
    table = np.zeros((10, 10), int)
    np.add.at(table, (labels, answers), 1)
    assert told["confusion"] == table.tolist()


def load_digits_of(page, id):
    """The digits of a set as the library reads them, from the folder that the answer names."""
    return load_digits(page.folder / "drawings" / id)


@pytest.fixture(autouse=True)
def knows_its_folder(page, tmp_path):
    page.folder = tmp_path


def test_the_lab_trains_on_a_set_and_on_no_other_folder(here, page, mnist, tmp_path):
    id = collected(page, mnist, range(60), name="sixty")["set"]
    settings = {"hidden": [12], "loss": "cross_entropy", "optimizer": "adam", "seed": 3}
    settings |= {"steps": 40, "learning_rate": 0.01, "engine": "numpy"}
    told = posted(page, "/api/train", {"do": "start", "settings": settings, "set": id})
    run_id = told["live"]["id"]
    assert (told["live"]["digits"], told["live"]["images"]) == (id, 12)
    assert told["live"]["settings"]["data"] == "other digits"
    assert str(tmp_path) not in json.dumps(told)
    here.live.training.thread.join(PATIENCE)
    assert here.live.training.state == "finished"
    (folder,) = (tmp_path / "runs").iterdir()
    run = open_run(folder)
    assert run.settings.data == os.fspath(tmp_path / "drawings" / id)
    # It learned those 48 by heart, and is measured on the other 12.
    seen = posted(page, "/api/evaluate", {"network": run_id})
    assert sum(map(sum, seen["confusion"])) == 12
    read = posted(page, "/api/read-set", {"set": id, "network": run_id})
    right = np.array(read["predictions"]) == np.array(read["labels"])
    assert right[:48].mean() > 0.9
    assert seen["accuracy"] == pytest.approx(right[48:].mean())
    # MNIST is learned from without a set, and nothing but one starts with one.
    for body in (
        {"do": "start", "run": run_id, "set": id},
        {"do": "start", "settings": settings, "set": None},
        {"do": "start", "settings": settings | {"data": str(tmp_path)}},
    ):
        assert page.post("/api/train", json=body).status_code == 400


def test_a_stopped_run_on_a_set_goes_on_in_the_lab(here, page, mnist, tmp_path):
    id = collected(page, mnist, range(30))["set"]
    settings = {"hidden": [4], "loss": "squared_error", "optimizer": "descent", "seed": 0}
    settings |= {"steps": 10**9, "learning_rate": 0.1, "engine": "numpy"}
    run_id = posted(page, "/api/train", {"do": "start", "settings": settings, "set": id})["live"][
        "id"
    ]
    posted(page, "/api/train", {"do": "pause"})
    posted(page, "/api/train", {"do": "stop"})
    told = posted(page, "/api/train", {"do": "start", "run": run_id})
    assert told["live"]["id"] == run_id
    posted(page, "/api/train", {"do": "stop"})
    # A run on digits elsewhere is for the command line.
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "drawings" / id).rename(elsewhere)
    refused = page.post("/api/train", json={"do": "start", "run": run_id})
    assert refused.status_code == 400
    assert f"drawings/{id}" in refused.json()["error"]
    assert str(tmp_path) not in refused.text
