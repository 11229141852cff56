"""Drawings and pictures: prepared, read, collected, refused."""

import base64
import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import PATIENCE
from helpers.clients import SEVEN, arrays_of, client_of, posted

from chainrule import forward
from chainrule.data import PIXELS
from chainrule.encode import plain
from chainrule.lab.api import requests
from chainrule.lab.api.drawings import MOST_POINTS, collect_drawings
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.limits import FILE
from chainrule.lab.api.networks import shipped
from chainrule.lab.api.routes import UPLOAD
from chainrule.lab.live.control import LARGEST
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served
from chainrule.lab.wire import RefusedError
from chainrule.network import LOSSES


def test_a_drawing_is_prepared_and_read(page, lab):
    from chainrule.handwriting import STAGES, draw, novelty, prepare

    told = posted(page, "/api/drawing", {"network": "large", "image": SEVEN})
    made = prepare(draw(SEVEN["strokes"]))
    assert [stage["name"] for stage in told["stages"]] == list(STAGES)
    for stage, wanted in zip(told["stages"], made.stages, strict=True):
        assert base64.b64decode(stage["pixels"]) == wanted.picture.tobytes()
        assert (stage["height"], stage["width"]) == wanted.picture.shape
        X = wanted.pixels[:, None] / np.float32(255)
        A = forward(lab.named("large").exact, X.astype(np.float64)).A[2][:, 0]
        assert stage["probabilities"] == pytest.approx(A.tolist(), abs=1e-12)
        assert stage["prediction"] == int(A.argmax())
        assert not stage["off"]
    assert base64.b64decode(told["pixels"]) == made.pixels.tobytes()
    assert told["prediction"] == 7
    assert told["unlike"] == plain(novelty(made.pixels, made.stages))
    # Look inside opens the very same numbers.
    ledger = posted(page, "/api/ledger", {"network": "large", "image": SEVEN})
    assert arrays_of(ledger)["A2"].tolist() == pytest.approx(told["probabilities"], abs=1e-15)
    pixels = (255 * arrays_of(ledger)["x"]).round().astype(np.uint8)
    assert pixels.tobytes() == made.pixels.tobytes()
    assert ledger["label"] == ledger["prediction"] == 7
    assert ledger["image"] == SEVEN
    assert ledger["unlike"] == told["unlike"]


def test_several_marks_are_said_by_drawing_and_ledger(page):
    """8 × 8 dots: a drawing shows them, of which its 784 pixels alone show nothing."""
    image = {
        "strokes": [[20 + 31 * x, 20 + 31 * y] for x in range(8) for y in range(8)],
        "off": [],
    }
    told = posted(page, "/api/drawing", {"network": "large", "image": image})
    assert told["unlike"]["unlike"]
    assert told["unlike"]["several"]
    assert told["unlike"]["score"] == 64
    ledger = posted(page, "/api/ledger", {"network": "large", "image": image})
    assert ledger["unlike"] == told["unlike"]
    pixels = {"pixels": told["pixels"]}
    ledger = posted(page, "/api/ledger", {"network": "large", "image": pixels})
    assert not ledger["unlike"]["several"]
    ledger = posted(page, "/api/ledger", {"network": "large", "image": {"test": 0}})
    assert ledger["unlike"] is None


def test_a_stage_can_be_off(page):
    asking = {"network": "small", "image": SEVEN | {"off": ["centre", "fit"]}}
    told = posted(page, "/api/drawing", asking)
    assert [stage["name"] for stage in told["stages"] if stage["off"]] == ["fit", "centre"]
    asking["image"]["off"] = ["centering"]
    refused = page.post("/api/drawing", json=asking)
    assert (refused.status_code, "stages are polarity" in refused.text) == (400, True)


def picture(format="PNG", size=(60, 80)):
    from PIL import Image, ImageDraw

    drawn = Image.new("L", size, 255)
    ImageDraw.Draw(drawn).line([(size[0] // 2, 10), (size[0] // 2, size[1] - 10)], 0, 8)
    content = io.BytesIO()
    drawn.save(content, format)
    return content.getvalue()


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_a_file_is_prepared_and_read(page, format):
    upload = {"file": base64.b64encode(picture(format)).decode(), "off": ["specks"]}
    told = posted(page, "/api/drawing", {"network": "large", "image": upload})
    assert told["prediction"] == 1
    ledger = posted(page, "/api/ledger", {"network": "large", "image": {"pixels": told["pixels"]}})
    assert ledger["prediction"] == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "wanted a PNG, JPEG"),
        (b"GIF89a" + bytes(100), "GIF image is damaged"),
        (picture()[:100], "damaged or cut short"),
        (picture("ICO"), "wanted a PNG, JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "wanted a PNG, JPEG"),
        (picture(size=(5001, 10_000)), "50,000,000 pixels"),
        (picture(size=(2, 20_001)), "20,000 long"),
        (picture() + bytes(FILE), "file must be a text"),
        (picture().ljust(FILE + 1, b" "), "file must be a text of at most 40000000 characters"),
    ],
    ids=["empty", "gif head", "cut", "gif", "svg", "pixels", "side", "bytes", "one byte"],
)
def test_other_files_are_refused(page, content, reason):
    upload = {"file": base64.b64encode(content).decode()}
    refused = page.post("/api/drawing", json={"network": "small", "image": upload})
    assert refused.status_code == 400
    assert reason in refused.json()["error"]


def test_what_the_id_of_a_run_says(page):
    id = "784-30-20-10.cross_entropy.adam.0.001.64.900.seed3.rate40-0.0005"
    told = posted(page, "/api/described", {"run": id})
    assert (
        told["settings"]
        | {
            "hidden": [30, 20],
            "loss": "cross_entropy",
            "optimizer": "adam",
            "learning_rate": 0.001,
            "batch_size": 64,
            "seed": 3,
        }
        == told["settings"]
    )
    assert (told["length"], told["changes"]) == (900, [[40, 0.0005]])
    for bad, reason in {
        "seed": "that is no run's id",
        f"{id}.data-12345678": "its digits are not in the package",
        id.replace("seed3", "seed03"): "that is no run's id",
        id.replace("0.001", "1e-3"): "that run is written",
    }.items():
        refused = page.post("/api/described", json={"run": bad})
        assert refused.status_code == 404
        assert reason in refused.json()["error"]


def test_pages_are_told_the_limits_at_which_requests_are_refused(page):
    told = page.get("/api/lab").json()["limits"]
    assert (told["side"] ** 2, told["parameters"]) == (PIXELS, LARGEST)
    pixels, pad = base64.b64encode(bytes(PIXELS)).decode(), told["pad"]
    settings = {"hidden": [told["width"]] * told["layers"], "loss": LOSSES[0]}
    settings |= {"optimizer": "adam", "seed": told["last"], "threads": told["threads"]}
    assert 4 * -(-told["file"] // 3) + 1000 < UPLOAD

    def check(parse, value):
        """It is taken with what is at the limit, and refused with one more of any of it."""
        parse(value)
        for more in one_more(value):
            with pytest.raises(RefusedError):
                parse(more)

    def one_more(value):
        match value:
            case int():
                yield value + 1
            case list():
                yield [*value, value[-1]]
                yield from ([each, *value[1:]] for each in one_more(value[0]))
            case dict():
                for name in value:
                    yield from (value | {name: each} for each in one_more(value[name]))

    check(requests.parse_image, {"strokes": [[pad, pad]] * told["strokes"]})
    check(requests.parse_image, {"strokes": [[pad, pad] * told["points"]]})
    check(requests.parse_order, {"do": "start", "settings": settings})
    check(requests.parse_map, {"network": "small", "of": "pixels", "count": told["map"]})
    check(requests.parse_drawings, [{"image": {"pixels": pixels}, "label": 9}] * told["drawings"])
    for name, (low, high) in told["damage"].items():
        for amount in (low, high):
            requests.parse_evaluation({"network": "small", "damage": {name: amount}})
    images = {"network": "small", "start": 0}
    for count in (told["images"], told["images"] + 1):
        came = page.get("/api/images", params=images | {"count": count})
        assert came.status_code == (200 if count == told["images"] else 400)


def test_drawings_are_collected_for_data(tmp_path, mnist):
    from chainrule import load_digits
    from chainrule.handwriting import draw, prepare

    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    pixels = [mnist[1].images[k].tobytes() for k in range(10)]
    drawings = [
        {"image": {"pixels": base64.b64encode(each).decode()}, "label": k % 10}
        for k, each in enumerate(pixels)
    ]
    drawings.append({"image": SEVEN, "label": 7})
    told = posted(page, "/api/collect", {"drawings": drawings})
    assert re.fullmatch(r"drawings/\d{4}-\d\d-\d\d-\d{6}", told["folder"])
    assert (told["train"], told["test"]) == (9, 2)
    train, test = load_digits(tmp_path / told["folder"])
    assert test.images.tobytes() == pixels[4] + pixels[9]
    assert test.labels.tolist() == [4, 9]
    assert train.labels.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 7]
    assert train.images[-1].tobytes() == prepare(draw(SEVEN["strokes"])).pixels.tobytes()
    # Two in the same second do not meet; of two drawings one is for testing.
    folders = {posted(page, "/api/collect", {"drawings": drawings[:2]})["folder"] for _ in "ab"}
    assert len(folders | {told["folder"]}) == 3
    assert [len(part) for part in load_digits(tmp_path / max(folders))] == [1, 1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drawings"]


def test_two_labs_that_collect_in_the_same_second_get_a_folder_each(tmp_path, monkeypatch):
    """Both have found the name free, and then both move their folder to it."""
    from chainrule import load_digits

    now = datetime(2026, 11, 26, 18, 15, 0)
    monkeypatch.setattr("chainrule.files.datetime", SimpleNamespace(now=lambda: now))
    rename, both = Path.rename, threading.Barrier(2)

    def meet(path, target):
        if target.name == "2026-11-26-181500":
            both.wait(PATIENCE)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", meet)
    labs = [Lab(shipped(), ThreadedTraining, folder=tmp_path) for _ in "ab"]
    bodies = [{"drawings": [{"image": SEVEN, "label": label}] * 2} for label in (3, 7)]
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(collect_drawings, labs, bodies))
    names = ["drawings/2026-11-26-181500", "drawings/2026-11-26-181500-2"]
    assert sorted(each["folder"] for each in told) == names
    labels = [load_digits(tmp_path / each["folder"])[0].labels.tolist() for each in told]
    assert labels == [[3], [7]]


@pytest.mark.parametrize(
    ("drawings", "reason"),
    [
        ([], "drawings must be a list of 2 to 500"),
        ([{"image": SEVEN, "label": 7}], "drawings must be a list of 2 to 500"),
        ([{"image": SEVEN, "label": 7}] * 501, "drawings must be a list of 2 to 500"),
        ([{"image": SEVEN, "label": None}] * 2, "label must be"),
        ([{"image": SEVEN}] * 2, "label is missing"),
        ([{"image": {"test": 0}, "label": 1}] * 2, "got a test image"),
        ([{"image": {"file": ""}, "label": 1}] * 2, "one of test, strokes or pixels"),
    ],
)
def test_collections_are_checked(tmp_path, drawings, reason):
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    refused = page.post("/api/collect", json={"drawings": drawings})
    assert refused.status_code == 400
    assert reason in refused.json()["error"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("strokes", "reason"),
    [
        ([[5, 5] * 5_000], "have at most 100,000 points in all, got 105,000; take some out"),
        ([[0, 0, 280, 280] * 63], "are at most 1,000,000 long in all, got 1,039,"),
    ],
    ids=["points", "length"],
)
def test_a_collection_has_so_many_points_and_so_much_length(tmp_path, strokes, reason, monkeypatch):
    """The work is counted, not timed: nothing is drawn of what is refused."""

    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    each = {"image": {"strokes": strokes}, "label": 7}
    monkeypatch.setattr("chainrule.handwriting.draw", lambda _: pytest.fail("it was drawn"))
    refused = page.post("/api/collect", json={"drawings": [each] * 21})
    assert refused.status_code == 400
    assert reason in refused.json()["error"]
    assert list(tmp_path.iterdir()) == []


def test_a_full_collection_is_taken(tmp_path, monkeypatch):
    """As many drawings, points and length as there may be; each is drawn once."""

    drawn, paper = [], np.full((9, 9), 255, np.uint8)
    monkeypatch.setattr(
        "chainrule.handwriting.draw", lambda strokes: drawn.append(strokes) or paper
    )
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    drawings = [
        {"image": {"strokes": [[k % 280, k // 280, k % 280, 3] * 100]}, "label": k % 10}
        for k in range(500)
    ]
    told = posted(page, "/api/collect", {"drawings": drawings})
    assert (told["train"], told["test"]) == (400, 100)
    assert len(drawn) == 500
    assert sum(len(stroke) for strokes in drawn for stroke in strokes) == 2 * MOST_POINTS


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "drawings").write_text("in the way")
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    refused = page.post("/api/collect", json={"drawings": [{"image": SEVEN, "label": 7}] * 2})
    assert refused.status_code == 500
    assert refused.json()["error"].startswith("the folder drawings cannot be written: ")
    assert str(tmp_path) not in refused.text
