"""What a step of a training saw, asked of the lab: the same bytes as the training computed with."""

import base64

import numpy as np
import pytest
from helpers.clients import client_of
from helpers.trainings import asked, trained

from chainrule import load_digits
from chainrule.deform import FULL, Deformed
from chainrule.engine.batches import order_of
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import shipped
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served
from chainrule.runs.digits import parts_of
from chainrule.runs.names import run_id


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("seen")


@pytest.fixture(scope="module")
def page(folder):
    return client_of(Served(Lab(shipped(), ThreadedTraining, folder=folder), 8765))


def seen(page, run, step=None):
    query = {"network": run_id(run)} | ({} if step is None else {"step": step})
    told = page.get("/api/seen", params=query).json()
    images = np.frombuffer(base64.b64decode(told["images"]), np.uint8).reshape(-1, 784)
    return told, images


@pytest.mark.parametrize("batch_size", [None, 50])
@pytest.mark.parametrize("deform", ["none", "full"])
def test_the_images_are_those_of_the_step(folder, page, small, batch_size, deform):
    settings = asked(
        data=str(small), batch_size=batch_size, deform=deform, validation_share=0.1, steps=30,
        hidden=(5,), seed=3,
    )  # fmt: skip
    run, _ = trained(folder / f"runs/{batch_size}-{deform}", load_digits(small), settings)
    digits, _ = parts_of(run, load_digits(small)[0])
    for step, before in ((None, 29), (0, 0), (1, 0), (20, 19)):
        told, images = seen(page, run, step)
        batches = 1 if batch_size is None else -(-len(digits) // batch_size)
        epoch, k = divmod(before, batches)
        rows = np.arange(len(digits))
        if batch_size:
            rows = order_of(run.key, epoch, len(digits))[50 * k : 50 * k + 50]
        assert (told["step"], told["epoch"], told["batch"]) == (before, epoch, len(rows))
        assert told["numbers"] == rows[:24].tolist()
        assert told["labels"] == digits.labels[rows[:24]].tolist()
        wanted = digits.images[rows[:24]]
        if deform == "full":
            wanted = Deformed(digits, FULL, run.key, epoch).images(rows[:24])
        assert np.array_equal(images, wanted)


def test_what_is_no_run_saw_nothing_that_is_known(page):
    for query, status in (
        ({"network": "small"}, 404),
        ({"network": "gone"}, 404),
        ({"network": "small", "step": "x"}, 400),
        ({"step": 1}, 400),
    ):
        told = page.get("/api/seen", params=query)
        assert told.status_code == status, query
    assert "what it saw is not known" in page.get("/api/seen", params={"network": "small"}).text
