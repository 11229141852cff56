"""Runs that every page watches: who may, and what each sees."""

import base64
import concurrent.futures
import contextlib
import json

import numpy as np
import pytest
from helpers import PATIENCE
from helpers.clients import HOST, client_of, f8
from helpers.live import ENDLESS, SLOW
from helpers.processes import (
    PATIENT,
    ask,
    free_port,
    let_in,
    newest,
    order,
    page_of,
    started,
    waiting,
)
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import shipped
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server import guard
from chainrule.lab.server.served import Served

# ------------------------------------------------------------------------------------ who may watch


@pytest.fixture(scope="module")
def still():
    """A server that trains nothing: what it refuses."""
    return Served(Lab(shipped(), ThreadedTraining), 8765)


@pytest.mark.parametrize(
    "wrong",
    [
        {"Host": "evil.example:8765"},
        {"Host": "127.0.0.1:80"},
        {"Origin": None},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8765"},
        {"Cookie": None},
        {"Cookie": "chainrule-8765=x"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_only_its_own_pages_may_watch(still, wrong):
    with (
        pytest.raises(WebSocketDisconnect) as no,
        client_of(still, **wrong).websocket_connect(
            "/api/live",
            headers={"Host": HOST}
            | {name: value for name, value in wrong.items() if value is not None},
        ),
    ):
        pass
    assert no.value.status_code == 403
    assert no.value.headers["content-security-policy"] == guard.POLICY
    assert still.sockets == 0


@contextlib.contextmanager
def watching(served):
    """A page's socket, without a server; its end cancels what is at the other end."""
    session = client_of(served).websocket_connect("/api/live", headers={"Host": HOST})
    page = session.__enter__()
    try:
        yield page
    finally:
        with contextlib.suppress(concurrent.futures.CancelledError):
            session.__exit__(None, None, None)


def test_its_own_page_may_watch(still):
    with watching(still) as page:
        assert page.receive_json() == {"live": None}
    waiting(lambda: still.sockets == 0)


def test_no_other_address_is_a_socket(still):
    for path in ("/", "/api/lab", "/api/nowhere", "/nowhere"):
        with (
            pytest.raises(WebSocketDisconnect),
            client_of(still).websocket_connect(path, headers={"Host": HOST}),
        ):
            pass
    assert client_of(still).get("/api/live").status_code == 404


def test_more_pages_than_it_can_watch_come_again(still, monkeypatch):
    monkeypatch.setattr(guard, "SOCKETS", 1)
    with watching(still):
        with pytest.raises(WebSocketDisconnect) as no, watching(still):
            pass
        assert no.value.status_code == 503
        assert client_of(still).get("/api/lab").status_code == 200  # requests are counted apart


# --------------------------------------------------------------------------------- a real server


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with started("--port", free_port(), cwd=tmp_path_factory.mktemp("running")) as lab:
        yield lab
        order(lab, do="stop")


@pytest.fixture
def training(running):
    """A training on the real digits that does not end by itself."""
    status, told = order(running, do="start", settings=SLOW)
    assert status == 200, told
    yield told["live"]
    order(running, do="stop")


def test_two_pages_see_the_same(running, training):
    with page_of(running) as one, page_of(running) as other:
        order(running, do="pause")
        last = []
        for page in (one, other):
            frame, rows = None, []
            while frame is None or frame["state"] != "paused":
                frame = newest(page)
                rows += frame["rows"]
            last.append(frame | {"rows": rows, "rows_from": 0})
        assert last[0] == last[1]
        frame = last[0]
        assert frame["id"] == training["id"]
        assert frame["length"] == ENDLESS
        assert frame["rows"][0][0] == 0
        # What one page orders, the other sees, and it is told to a page that comes.
        assert order(running, do="step")[0] == 200
        frame = newest(other)
        while frame["state"] != "paused":
            frame = newest(other)
        assert frame["step"] == last[0]["step"] + 1
        with page_of(running) as third:
            assert newest(third)["step"] == frame["step"]


def test_the_units_are_the_first_layers_weights(running, training):
    status, told = order(running, do="pause")
    assert status == 200
    now = "paused", told["live"]["step"]
    with page_of(running) as page:  # its first frame may be one of a moment before
        while True:
            frame = newest(page)
            if frame is not None and (frame["state"], frame["step"]) == now:
                break
    units = frame["units"]
    asking = {"network": training["id"], "image": {"test": 0}, "label": None}
    ledger = json.loads(ask(running, "POST", "/api/ledger", asking, **let_in(running)).content)
    assert ledger["step"] == told["live"]["step"]
    (W,) = (f8(entry) for entry in ledger["arrays"] if entry["name"] == "W1")
    u8 = np.frombuffer(base64.b64decode(units["u8"]), np.uint8).reshape(units["shape"])
    assert units["scale"] == np.abs(W).max()
    np.testing.assert_allclose((u8 - 128.0) * units["scale"] / 127, W, atol=units["scale"] / 253)


def test_every_row_arrives_once(running):
    """The rows of all frames are the history on disk."""
    with page_of(running) as page:
        while newest(page) is not None:
            pass
        status, _ = order(running, do="start", settings=SLOW | {"steps": 2000})
        assert status == 200
        rows, steps = [], []
        while True:
            frame = newest(page)
            if frame is None:
                continue
            assert frame["rows_from"] == len(rows)
            rows += frame["rows"]
            steps.append(frame["step"])
            if frame["state"] != "running":
                break
    assert frame["state"] == "finished"
    assert [row[0] for row in rows] == [*range(0, 2001, 20)]
    assert steps == sorted(steps)
    told = json.loads(ask(running, "GET", "/api/lab", **let_in(running)).content)
    (entry,) = (run for run in told["runs"] if run["id"] == frame["id"])
    assert told["live"] == frame["id"]
    assert entry["state"] == "finished"
    history = entry["history"]
    names = (
        *("step", "loss", "train_accuracy", "test_accuracy"),
        *("validation_loss", "validation_accuracy"),
    )
    assert [list(row) for row in zip(*(history[n] for n in names), strict=True)] == rows
    order(running, do="stop")


def test_what_a_page_sends_is_ignored_and_capped(running, training):
    with page_of(running) as page:
        for _ in range(50):
            page.send("x" * 4000)
        newest(page)
        first = newest(page)["step"]
        while newest(page)["step"] == first:
            pass
        page.send("x" * 5000)
        with contextlib.suppress(ConnectionClosed):
            while True:
                page.recv(timeout=PATIENCE)
        assert page.close_code == 1009


def test_the_server_refuses_a_socket_of_another_origin(running):
    own = let_in(running)
    for origin, cookie in (("http://evil.example", own["Cookie"]), (own["Origin"], "a=b")):
        with (
            pytest.raises(InvalidStatus) as no,
            connect(
                f"ws://127.0.0.1:{running.port}/api/live",
                origin=origin,
                additional_headers={"Cookie": cookie},
                **PATIENT,
            ),
        ):
            pass
        assert no.value.response.status_code == 403
        assert "error" in json.loads(no.value.response.body)
