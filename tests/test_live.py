"""Training in the lab: runs that every page watches, to the same bytes as on the command line."""

import asyncio
import base64
import concurrent.futures
import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import PATIENCE, ROOT
from helpers import run as command
from helpers.clients import HOST, client_of, f8, posted
from helpers.held import held
from helpers.live import BATCHES, ENDLESS, finish, start, trained
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
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from chainrule import (
    evaluate,
    forward,
    gradient,
    initialise,
    load_digits,
    load_model,
    predict,
    train,
)
from chainrule.distort import distort
from chainrule.encode import to_json
from chainrule.handwriting import write_digits
from chainrule.lab.api import limits, networks, requests, runs
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import named_run, shipped
from chainrule.lab.live import control, thread
from chainrule.lab.live.control import Live, Order
from chainrule.lab.live.frames import live_view
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server import guard
from chainrule.lab.server.feed import Feed, Frame
from chainrule.lab.server.served import Served
from chainrule.lab.wire import RefusedError
from chainrule.network import Network, probabilities
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import begin, open_run, prepare
from chainrule.runs.going import go_on
from chainrule.runs.lock import locked, state_of
from chainrule.runs.names import run_id, settings_of
from chainrule.runs.settings import Change, RunError, Settings
from chainrule.runs.shelf import Shelf
from chainrule.runs.trajectory import network_at
from chainrule.troubles import measure


@pytest.fixture(scope="module")
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
        monkeypatch.setattr(thread.ThreadedTraining, "halts", held(*steps))
        return thread.ThreadedTraining.halts.free

    return hold


# --------------------------------------------------------------------------------------- training


def test_it_comes_to_the_bits_of_the_library(lab, sets):
    lab.execute(start())
    folder = finish(lab)
    assert load_model(folder).parameters.tobytes() == trained(sets)
    assert state_of(folder) == "finished"
    assert [row[0] for row in lab.training.rows] == open_run(folder).moments


def test_pausing_and_single_steps_change_no_bit(lab, sets, holding):
    holding(100)
    lab.execute(start())
    lab.execute(Order("pause"))
    paused = lab.training.step
    assert lab.training.state == "paused"
    assert read_checkpoint(lab.training.run).step == paused  # what is shown is on disk
    for k in range(1, 4):
        lab.execute(Order("step"))
        assert (lab.training.step, lab.training.state) == (paused + k, "paused")
    lab.execute(Order("epoch"))
    waiting(lambda: lab.training.state == "paused")
    assert lab.training.step % 12 == 0  # 600 images, 50 a step
    assert paused + 3 < lab.training.step <= paused + 15
    lab.execute(Order("go"))
    assert load_model(finish(lab)).parameters.tobytes() == trained(sets)


def test_the_loss_of_now_is_the_mean_since_the_last_row(lab, sets, holding):
    """By batches; against the losses of the library, also after a stop half-way to a row."""
    steps = 2000  # a row every 20 steps
    rng = np.random.default_rng(BATCHES["seed"])
    network = initialise((784, 6, 10), loss="cross_entropy", rng=rng)
    how = {"optimizer": "momentum", "learning_rate": 0.02, "batch_size": 50, "steps": steps}
    losses = [snapshot.loss for snapshot in train(network, sets[0], rng=rng, **how)]

    def is_the_mean():
        step = lab.training.step
        since = losses[(step - 1) // 20 * 20 + 1 : step + 1]
        np.testing.assert_allclose(live_view(lab.training)["loss"], np.mean(since), rtol=1e-12)

    holding(100)
    lab.execute(start(steps=steps))
    lab.execute(Order("pause"))
    for _ in range(25):
        lab.execute(Order("step"))
        is_the_mean()
    while lab.training.step % 20 != 7:
        lab.execute(Order("step"))
    run = lab.training.id
    lab.execute(Order("stop"))
    lab.execute(Order("start", run))
    lab.execute(Order("pause"))
    is_the_mean()
    lab.execute(Order("stop"))


def test_a_full_batch_step_is_an_epoch(lab, sets):
    lab.execute(start(batch_size=None, steps=ENDLESS))
    lab.execute(Order("pause"))
    before = lab.training.step
    lab.execute(Order("epoch"))
    waiting(lambda: lab.training.state == "paused")
    assert lab.training.step == before + 1
    assert lab.training.snapshot.train_accuracy is not None


def test_a_changed_rate_is_recorded_and_comes_to_the_same_bits(lab, sets, holding):
    free = holding(50, ENDLESS, 100)
    lab.execute(start(steps=2000))
    lab.execute(Order("pause"))
    first = lab.training.step
    lab.execute(Order("rate", rate=0.005))
    assert lab.training.rate == 0.005
    lab.execute(Order("step"))
    lab.execute(Order("go"))
    lab.execute(Order("rate", rate=0.05))  # while it runs
    free.set()
    folder = finish(lab)
    changes = open_run(folder).changes
    assert changes[0] == Change(first, 0.005)
    assert [rate for _, rate in changes[1:]] == [0.05]
    assert lab.training.id.startswith("784-6-10.cross_entropy.momentum.0.02.50.2000.seed3.rate")
    assert lab.training.id == run_id(open_run(folder))

    def rate(step):
        return [0.02, *(rate for at, rate in changes if at <= step)][-1]

    assert load_model(folder).parameters.tobytes() == trained(sets, rate, steps=2000)


def test_a_stopped_run_goes_on_on_the_command_line(lab, sets, small, holding):
    holding(100)
    lab.execute(start(steps=600))
    lab.execute(Order("stop"))
    assert lab.training is None
    (folder,) = lab.shelf.folder.iterdir()
    assert state_of(folder) == "interrupted"
    assert read_checkpoint(open_run(folder)).step < 600
    done = command("train", "--resume", folder, "--data", small, "--quiet")
    assert done.returncode == 0, done.stderr
    assert load_model(folder).parameters.tobytes() == trained(sets, steps=600)


def test_a_run_of_the_command_line_goes_on_in_the_lab(lab, sets):
    folder = lab.shelf.folder / "begun"
    folder.mkdir(parents=True)
    asking = Settings(None, (6,), "cross_entropy", "momentum", 0.02, 50, 240, None, 3)
    with locked(folder):
        one = prepare(begin(folder, asking), *sets)
        steps = []
        for _ in go_on(one, *sets, stop=lambda: steps.append(0) or len(steps) == 70):
            pass
    assert read_checkpoint(one).step == 69
    rows = len(read_checkpoint(one).history)
    lab.execute(Order("start", run_id(one)))
    assert [row[0] for row in lab.training.rows[:rows]] == one.moments[:rows]
    assert finish(lab) == folder
    assert [row[0] for row in lab.training.rows] == one.moments
    assert load_model(folder).parameters.tobytes() == trained(sets)
    with pytest.raises(RefusedError, match="is finished"):
        lab.execute(Order("start", run_id(one)))


def test_a_link_to_a_run_that_is_not_here_is_trained(lab, sets):
    id = "784-6-10.cross_entropy.momentum.0.02.50.240.seed3.rate60-0.1"
    lab.execute(Order("start", id))
    assert lab.training.id == id
    folder = finish(lab)
    wanted = trained(sets, lambda step: 0.02 if step < 60 else 0.1)
    assert load_model(folder).parameters.tobytes() == wanted
    assert list(lab.shelf.runs()) == [id]


def test_a_second_start_says_what_is_running(lab):
    lab.execute(start(steps=ENDLESS))
    running = lab.training
    with pytest.raises(RefusedError, match=r"seed3 is running at step [\d,]+; stop it first") as no:
        lab.execute(start(seed=4))
    assert no.value.kind == "conflict"
    lab.execute(Order("pause"))
    with pytest.raises(RefusedError, match="is paused at step"):
        lab.execute(Order("start", running.id))
    assert lab.training is running
    lab.execute(Order("stop"))
    lab.execute(start(seed=4))
    assert lab.training.run.settings.seed == 4


@pytest.mark.parametrize("do", ["pause", "go", "step", "epoch", "stop", "rate"])
def test_without_a_training_there_is_nothing_to_order(lab, do):
    with pytest.raises(RefusedError, match="nothing is being trained") as no:
        lab.execute(Order(do, rate=0.1))
    assert no.value.kind == "conflict"


def test_a_finished_one_takes_no_orders_but_makes_room(lab):
    lab.execute(start(steps=5))
    finish(lab)
    with pytest.raises(RefusedError, match=r"is finished; start another"):
        lab.execute(Order("step"))
    lab.execute(start(steps=6))
    finish(lab)
    lab.execute(Order("stop"))
    assert lab.training is None


def test_the_lock_is_held_while_it_is_on(lab):
    lab.execute(start(steps=ENDLESS))
    lab.execute(Order("pause"))
    folder = lab.training.folder
    assert state_of(folder) == "running"
    with pytest.raises(RunError, match="another process"), locked(folder):
        pass
    lab.execute(Order("stop"))
    with locked(folder):
        id = run_id(open_run(folder))
        with pytest.raises(RefusedError, match="another process is training this run") as no:
            lab.execute(Order("start", id))
    assert no.value.kind == "conflict"
    assert str(folder.parent) not in str(no.value)


def test_a_rate_that_explodes_fails_with_what_to_try(lab):
    lab.execute(start(learning_rate=1e20))
    lab.training.thread.join(PATIENCE)
    told = live_view(lab.training)
    assert told["state"] == "failed"
    assert "the learning rate 1e+20 is too large" in told["error"]
    assert not lab.shelf.folder.exists()  # it leads nowhere
    lab.execute(start(steps=3))
    finish(lab)


def test_a_run_goes_on_at_another_rate_as_on_the_command_line(lab, sets, holding):
    holding(60)
    lab.execute(start())
    waiting(lambda: lab.training.step > 50)
    lab.execute(Order("pause"))
    first, stood = lab.training.id, lab.training.step
    lab.execute(Order("stop"))
    holding()
    lab.execute(requests.parse_order({"do": "start", "run": first, "rate": 0.005}))
    folder = finish(lab)
    assert open_run(folder).changes == (Change(stood, 0.005),)
    assert lab.training.id == f"{first}.rate{stood}-0.005"
    bits = trained(sets, rate=lambda step: 0.02 if step < stood else 0.005)
    assert load_model(folder).parameters.tobytes() == bits


def test_runs_that_are_damaged_are_told_of_and_hide_no_other(tmp_path, sets):
    """In what a page asks first, with where a run is on a disk that is read-only."""
    folder = tmp_path / "runs"
    settings = Settings(None, (6,), "cross_entropy", "momentum", 0.02, 50, 9, None, 3)

    def trained_in(name):
        (folder / name).mkdir(parents=True)
        list(go_on(prepare(begin(folder / name, settings), *sets), *sets))
        return folder / name

    trained_in("good")
    (trained_in("json") / "run.json").write_text("{")
    (trained_in("checkpoint") / "checkpoint.safetensors").write_text("")
    lock = trained_in("lock") / ".lock"
    lock.symlink_to("nowhere")
    (trained_in("pipe") / "run.json").unlink()
    os.mkfifo(folder / "pipe/run.json")
    (folder / "loop").symlink_to("loop")
    lab = Lab(shipped(), ThreadedTraining, folder=tmp_path)
    told = json.loads(to_json(runs.runs(lab)))
    assert [each["name"] for each in told["runs"]] == ["good"]
    assert {each["name"]: each["why"].split(": ", 1)[1][:20] for each in told["damaged"]} == {
        "json": "damaged: it is not J",
        "checkpoint": "not a whole safetens",
        "lock": "damaged: the lock of",
        "pipe": "is not a file that c",
        "loop": os.strerror(errno.ELOOP).lower()[:20],
    }
    assert all(each["why"].startswith("runs/") for each in told["damaged"])
    (folder / "pipe/run.json").unlink()
    (folder / "loop").unlink()
    shutil.rmtree(folder / "json")
    told = json.loads(to_json(runs.runs(lab)))
    assert sorted(each["name"] for each in told["damaged"]) == ["checkpoint", "lock"]
    lab.live.digits = lambda: sets
    lab.live.execute(start(steps=3))  # and a start is not hindered
    finish(lab.live)


def test_a_training_whose_folder_is_moved_says_that_it_is_not_there(lab):
    lab.execute(start(steps=100_000))
    waiting(lambda: lab.training.step > 5)
    lab.shelf.folder.rename(lab.shelf.folder.with_name("moved"))
    lab.execute(Order("pause"))
    lab.training.thread.join(PATIENCE)
    told = live_view(lab.training)
    name = lab.training.folder.name
    assert told["state"] == "failed"
    assert told["error"].endswith(
        f"; runs/{name} does not hold this run any more: it was moved or removed"
    )
    assert str(lab.shelf.folder) not in told["error"]


def test_one_that_diverged_on_its_way_goes_on_at_a_smaller_rate(lab, holding):
    holding(60)
    lab.execute(start())
    waiting(lambda: lab.training.step > 50)
    lab.execute(Order("pause"))
    stood = lab.training.step
    lab.execute(Order("rate", rate=1e30))
    lab.execute(Order("go"))
    lab.training.thread.join(PATIENCE)
    assert lab.training.state == "failed"
    holding()
    lab.execute(Order("start", lab.training.id, rate=0.01))
    assert open_run(finish(lab)).changes == (Change(stood, 0.01),)


def test_when_the_lab_ends_nothing_more_is_begun(lab, monkeypatch):
    """What was asked for just before is at a checkpoint, what comes after is refused."""
    begun, go = threading.Event(), threading.Event()
    real = control.begin

    def slow(*arguments):
        begun.set()
        assert go.wait(PATIENCE)
        return real(*arguments)

    monkeypatch.setattr(control, "begin", slow)
    with ThreadPoolExecutor(2) as pool:
        starting = pool.submit(lab.execute, start(steps=ENDLESS))
        assert begun.wait(PATIENCE)
        ending = pool.submit(lab.close)
        go.set()
        starting.result(PATIENCE)
        ending.result(PATIENCE)
    assert lab.training.state == "interrupted"
    assert read_checkpoint(open_run(lab.training.folder)).step == lab.training.step
    with pytest.raises(RefusedError, match="the lab ends"):
        lab.execute(start())


def test_settings_that_do_not_fit_leave_nothing(lab):
    for wrong, why in (
        ({"batch_size": 601}, "at most the 600 examples"),
        ({"epochs": 2}, "steps or epochs, not both"),
        ({"hidden": [4000]}, "up to 3,000,000 parameters"),
    ):
        with pytest.raises(RefusedError, match=why):
            lab.execute(start(**wrong))
    assert lab.training is None
    assert not list(lab.shelf.folder.glob("*"))


@pytest.mark.parametrize(
    "body",
    [
        {"do": "fly"},
        {"do": None},
        {},
        {"do": "start"},
        {"do": "start", "run": "x", "settings": BATCHES},
        {"do": "pause", "rate": 1},
        {"do": "rate", "rate": 0},
        {"do": "rate", "rate": True},
        {"do": "rate", "rate": "1"},
        {"do": "start", "run": "x" * 4000},
        *(
            {"do": "start", "settings": BATCHES | wrong}
            for wrong in (
                {"hidden": [0]},
                {"hidden": [1] * 11},
                {"hidden": "10"},
                {"loss": "squared-error"},
                {"optimizer": "sgd"},
                {"learning_rate": -1},
                {"learning_rate": 1e400},
                {"batch_size": 0},
                {"steps": 1.5},
                {"seed": -1},
                {"threads": 0},
                {"data": "/etc"},
            )
        ),
    ],
)
def test_orders_that_are_none_are_refused(body):
    with pytest.raises(RefusedError):
        requests.parse_order(body)


def test_the_rate_is_not_changed_without_end(lab, monkeypatch):
    monkeypatch.setattr("chainrule.lab.live.training.CHANGES", 3)
    lab.execute(start(steps=ENDLESS))
    lab.execute(Order("pause"))
    for k in range(3):
        lab.execute(Order("rate", rate=0.01 + k))
        lab.execute(Order("step"))
    with pytest.raises(RefusedError, match="can be changed 3 times"):
        lab.execute(Order("rate", rate=0.5))
    run = lab.training.id
    lab.execute(Order("stop"))
    with pytest.raises(RefusedError, match="can be changed 3 times"):
        lab.execute(Order("start", run, rate=0.5))
    assert len(open_run(lab.shelf.find(run).folder).changes) == 3


# ----------------------------------------------------------------------------------------- the ids


RATES = st.floats(1e-30, 1e30) | st.sampled_from([0.1, 1.5, 1.0, 100.0, 1e-5, 1e22])


@settings(deadline=None)
@given(
    hidden=st.lists(st.integers(1, 4000), max_size=5),
    loss=st.sampled_from(["squared_error", "cross_entropy"]),
    optimizer=st.sampled_from(["descent", "momentum", "adam"]),
    rate=RATES,
    size=st.none() | st.integers(1, 60_000),
    steps=st.integers(1, 10**9),
    seed=st.integers(0, 10**12),
    changes=st.dictionaries(st.integers(0, 10**6), RATES, max_size=4),
)
def test_an_id_says_all_that_decides_a_run(
    tmp_path_factory, hidden, loss, optimizer, rate, size, steps, seed, changes
):
    asking = Settings(None, tuple(hidden), loss, optimizer, rate, size, steps, None, seed)
    changes = tuple(Change(at, changes[at]) for at in sorted(changes))
    folder = tmp_path_factory.getbasetemp()
    from chainrule.runs.run import Run

    id = run_id(Run(folder, asking, 0, "", (), changes=changes))
    assert settings_of(id) == (asking, changes)
    assert id.isascii()
    assert not set(id) & set("/&=?# ")


@pytest.mark.parametrize(
    "id",
    [
        "",
        "seed",
        "784-10-10.squared_error.descent.1.50.all.1000.seed0",
        "784-10-10.squared_error.descent.01.5.all.1000.seed0",
        "784-10-10.squared_error.descent.0.all.1000.seed0",
        "784-10-10.squared_error.descent.1e999.all.1000.seed0",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.step300",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.data-12345678",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.rate9-0.1.rate9-0.2",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0.rate9-0",
        "784-10-10.squared_error.descent.1.5.all.1000.seed0\n",
        "784-10-10.squared_error.descent.1.5.all.1000.seed٣",
        "784-0-10.squared_error.descent.1.5.all.1000.seed0",
        "783-10-10.squared_error.descent.1.5.all.1000.seed0",
        "784-10-10.squared_error.descent.1.5.all.0.seed0",
        "784-10-10.squared_error.descent.1.5.all.99999999999999999999.seed0",
        "../../etc/passwd",
    ],
)
def test_what_is_no_id_is_trained_by_nobody(lab, id):
    with pytest.raises(RunError):
        settings_of(id)
    with pytest.raises(RefusedError) as no:
        lab.execute(Order("start", id))
    assert no.value.kind == "missing"


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


SLOW = BATCHES | {"hidden": [10], "batch_size": 60, "steps": ENDLESS}


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
    with page_of(running) as page:
        units = newest(page)["units"]
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
    names = ("step", "loss", "train_accuracy", "test_accuracy")
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


# ------------------------------------------------------------------------ what ends, and what stays


KILLED = BATCHES | {"hidden": [10], "batch_size": 100, "steps": 1000, "seed": 5}
OPTIONS = ["--hidden", 10, "--loss", "cross-entropy", "--optimizer", "momentum", "--seed", 5]
OPTIONS += ["--learning-rate", 0.02, "--batch-size", 100, "--steps", 1000, "--quiet"]

# It is paused at step 300 at the latest and killed at 600; only an order makes a checkpoint.
HOLDING = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from chainrule.lab.live import training as room
from chainrule.lab.live import thread
from helpers.held import held
room.CHECKPOINT_EVERY = {PATIENCE}
thread.ThreadedTraining.halts = held(300, 600)
"""


def bytes_of(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The model file that the command line makes of KILLED without a stop."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = command("train", *OPTIONS, "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    return bytes_of(folder / "run")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_server_that_ends_loses_nothing(tmp_path, undisturbed, number):
    """SIGKILL loses the steps since the last checkpoint, which are taken again; others none."""
    with started("--port", free_port(), cwd=tmp_path, first=HOLDING) as lab:
        assert order(lab, do="start", settings=KILLED)[0] == 200
        (folder,) = (tmp_path / "runs").iterdir()
        with page_of(lab) as page:  # and then closes: the training goes on
            newest(page)
        paused = order(lab, do="pause")[1]["live"]["step"]
        order(lab, do="go")
        with page_of(lab) as page:
            while newest(page)["step"] < paused + 20:
                pass
        lab.process.send_signal(number)
        _, complained = lab.process.communicate(timeout=PATIENCE)
    assert complained == ""
    reached = read_checkpoint(open_run(folder))
    assert reached.step == paused if number == signal.SIGKILL else reached.step > paused
    assert reached.step < 1000
    assert state_of(folder) == "interrupted"
    done = command("train", "--resume", folder, "--quiet")
    assert done.returncode == 0, done.stderr
    assert bytes_of(folder) == undisturbed


def test_a_run_stays_when_pages_close_and_is_found_by_the_next_server(tmp_path, undisturbed):
    with started("--port", free_port(), cwd=tmp_path, first=HOLDING) as lab:
        assert order(lab, do="start", settings=KILLED)[0] == 200
        paused = order(lab, do="pause")[1]["live"]["step"]
        status, told = order(lab, do="start", settings=KILLED | {"seed": 6})
        assert status == 409
        assert f"is paused at step {paused:,}; stop it first" in told["error"]
        order(lab, do="go")
        with page_of(lab) as page:
            while newest(page)["step"] < paused + 20:
                pass
        lab.process.terminate()
        lab.process.communicate(timeout=PATIENCE)
    with started("--port", free_port(), cwd=tmp_path) as lab:
        told = json.loads(ask(lab, "GET", "/api/lab", **let_in(lab)).content)
        assert told["live"] is None
        (entry,) = told["runs"]
        assert entry["state"] == "interrupted"
        assert entry["step"] > paused  # SIGTERM left a checkpoint
        assert order(lab, do="start", run=entry["id"])[0] == 200
        with page_of(lab) as page:
            while newest(page)["state"] != "finished":
                pass
        assert [row for row in entry["history"]["step"] if row] == entry["recorded"][1:]
    (folder,) = (tmp_path / "runs").iterdir()
    assert bytes_of(folder) == undisturbed


# ------------------------------------------------------------------------------------ many pages


def memory(process):
    """The resident bytes of a process."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096


@contextlib.contextmanager
def many_pages(lab, how_many):
    """The sockets of so many pages."""
    own = let_in(lab)
    with contextlib.ExitStack() as pages:
        found = []
        for _ in range(how_many):
            page = connect(
                f"ws://127.0.0.1:{lab.port}/api/live",
                origin=own["Origin"],
                additional_headers={"Cookie": own["Cookie"]},
                compression=None,
                **PATIENT,
            )
            found.append(pages.enter_context(page))
        yield found


def read_all(page):
    """The rows of a page until the run is finished, and how many frames brought them."""
    rows, frames = [], 0
    while True:
        frame = newest(page)
        if frame is None:
            continue
        frames += 1
        assert frame["rows_from"] == len(rows)
        rows += frame["rows"]
        if frame["state"] == "finished":
            return rows, frames


def test_two_hundred_pages_lose_no_row(tmp_path):
    with started("--port", free_port(), cwd=tmp_path) as lab, many_pages(lab, 200) as pages:
        assert order(lab, do="start", settings=SLOW | {"steps": 1000})[0] == 200
        before = memory(lab.process)
        with ThreadPoolExecutor(len(pages)) as readers:
            got = [rows for rows, _ in readers.map(read_all, pages)]
        grown = memory(lab.process) - before
    assert [row[0] for row in got[0]] == [*range(0, 1001, 10)]
    assert all(rows == got[0] for rows in got)
    assert grown < 50_000_000


def test_a_slow_page_skips_to_the_latest_and_misses_no_row():
    """It takes the first frame in, then none while fifty more are made."""

    class Slow:
        def __init__(self):
            self.ready, self.got = asyncio.Event(), []

        async def send_text(self, text):
            self.got.append(json.loads(text)["live"])
            await self.ready.wait()

    async def watched():
        feed, page, rows = Feed(None), Slow(), []
        sending = asyncio.create_task(feed.send(page))
        for step in range(50):
            rows.append((step, 0.5, None, 0.9))
            feed.frame = Frame(0, f'{{"step":{step}', rows, len(rows))
            feed.number += 1
            feed.came.set()
            feed.came = asyncio.Event()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        page.ready.set()
        async with asyncio.timeout(PATIENCE):
            while len(page.got) < 2:
                await asyncio.sleep(0)
        sending.cancel()
        return page.got, rows

    (first, last), rows = asyncio.run(watched())
    assert (first["step"], last["step"]) == (0, 49)
    assert [tuple(row) for row in first["rows"] + last["rows"]] == rows
    assert last["rows_from"] == len(first["rows"])


@pytest.mark.parametrize(("cost", "frames"), [(0, 109), (0.005, 109), (0.05, 20)])
def test_frames_are_eleven_a_second_at_most(monkeypatch, cost, frames):
    """In ten seconds of a clock of its own; making them takes a tenth of a core at most."""

    class Changing:
        version = property(lambda self: object())

    now = 0.0
    feed, turn = Feed(Changing(), watching=1), asyncio.sleep

    async def sleep(seconds):
        nonlocal now
        now += seconds
        feed.watching = now < 10
        await turn(0)

    clock = SimpleNamespace(monotonic=lambda: now)
    monkeypatch.setattr("chainrule.lab.server.feed.time", clock)
    monkeypatch.setattr("chainrule.lab.server.feed.frame_of", lambda _: (Frame(0, "", [], 0), cost))
    monkeypatch.setattr(asyncio, "sleep", sleep)
    asyncio.run(feed.make())
    assert feed.number == frames


# ------------------------------------------------------------------------------- the time machine


@pytest.fixture(scope="module")
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
        left = [most]

        def stop(left=left):
            left[0] -= 1
            return left[0] < 0

        with locked(place):
            one = prepare(begin(place, asking, changes), *mnist)
            for _ in go_on(one, *mnist, stop=stop):
                pass
        runs_of[name] = one
    lab = Lab(shipped(), ThreadedTraining, folder=folder)
    return SimpleNamespace(lab=lab, page=client_of(Served(lab, 8765)), runs=runs_of)


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


def test_a_moment_of_the_training_can_be_looked_at_before_it_is_on_disk(
    lab, sets, monkeypatch, holding
):
    free = holding(120)
    monkeypatch.setattr("chainrule.lab.live.training.CHECKPOINT_EVERY", 1000)
    whole = Lab(shipped(), ThreadedTraining, folder=lab.shelf.folder.parent)
    monkeypatch.setattr(Lab, "digits", lambda _: sets)
    whole.live.execute(start(steps=400))
    try:
        waiting(lambda: whole.live.training.step > 100)
        id = whole.live.training.id
        early, now = whole.named(id, 40), whole.named(id)
        assert early.step == 40
        assert now.step > 100
        assert whole.named(id, now.step).network is now.network  # a moment stays the same
        free.set()
        finish(whole.live)
    finally:
        whole.live.close()
    run = whole.shelf.find(id)
    assert network_at(run, 40).parameters.tobytes() == early.network.parameters.tobytes()


# -------------------------------------------------------------------------------- all test images


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


def test_troubles_are_told_by_name(lab, sets):
    lab.execute(start(learning_rate=1e20))
    lab.training.thread.join(PATIENCE)
    told = live_view(lab.training)
    assert [each["name"] for each in told["troubles"]] == ["loss not finite"]
    assert "tenth of the learning rate" in told["troubles"][0]["says"]
    lab.execute(start(steps=20))
    finish(lab)
    told = live_view(lab.training)
    assert told["troubles"] == []
    sample = sets[0][: 600 : 600 // 500][:500]
    network = lab.training.snapshot.network
    flat = gradient(network, sample.X, sample.Y)
    sizes = [np.linalg.norm(flat[: 784 * 6]), np.linalg.norm(flat[784 * 6 + 6 :][:60])]
    np.testing.assert_allclose(told["norms"], sizes, rtol=1e-5)
    assert told["dead"] == (np.mean((forward(network, sample.X).A[1] == 0).all(axis=1)),)
