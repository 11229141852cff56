"""Training in the lab: orders, to the same bytes as on the command line."""

import errno
import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import PATIENCE
from helpers import run as command
from helpers.live import BATCHES, ENDLESS, finish, start, trained
from helpers.processes import waiting

from chainrule import forward, gradient, initialise, load_model, train
from chainrule.encode import to_json
from chainrule.lab.api import requests, runs
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import shipped
from chainrule.lab.live import control
from chainrule.lab.live.control import Order
from chainrule.lab.live.frames import live_view
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.wire import RefusedError
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import begin, open_run, prepare
from chainrule.runs.going import go_on
from chainrule.runs.lock import locked, state_of
from chainrule.runs.names import run_id
from chainrule.runs.settings import Change, RunError, Settings
from chainrule.runs.trajectory import network_at


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
    assert lab.training.id.startswith(
        "784-6-10.cross_entropy.momentum.0.02.50.2000.seed3.compiled.rate"
    )
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
        for _ in go_on(one, *sets, allowed=lambda step: 69 - step):
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
    wanted = trained(sets, lambda step: 0.02 if step < 60 else 0.1, "numpy")
    assert load_model(folder).parameters.tobytes() == wanted
    assert list(lab.shelf.runs()) == [id]


def test_a_second_start_says_what_is_running(lab):
    lab.execute(start(steps=ENDLESS))
    running = lab.training
    with pytest.raises(
        RefusedError, match=r"compiled is running at step [\d,]+; stop it first"
    ) as no:
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

    def slow(*arguments, **options):
        begun.set()
        assert go.wait(PATIENCE)
        return real(*arguments, **options)

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
                {"engine": "gpu"},
                {"engine": 1},
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
