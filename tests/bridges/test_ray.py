"""A real Ray on this machine: the same bits, a worker that is killed, and who may come in.

One Ray serves all tests of this file: it takes seconds to start.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from helpers import PATIENCE, ROOT
from helpers.trainings import asked, content, trained

from chainrule import Digits, initialise, load_digits, train
from chainrule.bridges import ray as bridge
from chainrule.bridges.cluster import LOOPBACK, TOKEN, check_answers, token
from chainrule.bridges.elsewhere import WorkerError
from chainrule.bridges.ray import RayExecutor
from chainrule.files import checksum_of
from chainrule.model import MODEL
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import open_run
from chainrule.runs.lock import state_of
from chainrule.runs.run import CHECKPOINT
from chainrule.sweeps.clusters import on_ray
from chainrule.sweeps.jobs import Job

OWN = re.compile(r"[^\s=]*/ray-\w+(?=/)")  # the folder of a Ray that an executor started
# Older Rays (2.52) leave processes and files that they opened to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:subprocess \d+ is still running:ResourceWarning"),
    pytest.mark.filterwarnings(r"ignore:unclosed file .*'/dev/null':ResourceWarning"),
]
LISTENS = "0A"  # the state of a socket in /proc/net/tcp
LOCAL = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def of_ray(pid):
    """The processes that this one has started for Ray, and theirs."""
    return {
        each
        for each in psutil.Process(pid).children(recursive=True)
        if "/ray/" in line_of(each) or "ray::" in line_of(each)
    }


def line_of(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.fixture(scope="module")
def cluster():
    before = environment()
    with RayExecutor(workers=2) as executor:
        started = of_ray(os.getpid())
        assert len(started) > 3
        (folder,) = {Path(each) for process in started for each in OWN.findall(line_of(process))}
        assert folder.stat().st_mode & 0o77 == 0
        yield executor
        started |= of_ray(os.getpid())
    _, alive = psutil.wait_procs(started, timeout=PATIENCE)
    assert not alive
    assert not folder.exists()
    assert environment() == before


def environment():
    """What we tell Ray by it; its import leaves three words of its own."""
    own = {"KMP_DUPLICATE_LIB_OK", "PYTHONBREAKPOINT", "RAY_CLIENT_MODE", "PYTEST_CURRENT_TEST"}
    return {name: value for name, value in os.environ.items() if name not in own}


def alone_and_shared(digits, engine, executor, **how):
    """The bytes that a training ends with, alone and with an executor."""
    for who in ({"threads": 1}, {"executor": executor}):
        rng = np.random.default_rng(0)
        network = initialise((784, 10, 10), rng=rng)
        snapshots = train(network, digits, rng=rng, engine=engine, **how, **who)
        *_, last = snapshots
        yield last.network.parameters.tobytes(), last.loss, last.test_accuracy


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize("batch_size", [None, 6000])
def test_a_training_on_two_workers_has_the_bits_of_one_thread(mnist, cluster, engine, batch_size):
    assert cluster.workers == 2
    how = {"steps": 6, "every": 3, "batch_size": batch_size, "test": mnist[1]}
    alone, shared = alone_and_shared(mnist[0], engine, cluster, **how)
    assert shared == alone


def test_pixels_of_digits_in_memory_are_put_into_the_store_once(mnist, cluster, monkeypatch):
    digits = Digits(mnist[0].images[:20_000].copy(), mnist[0].labels[:20_000].copy())
    puts, put = [], cluster.ray.put

    def noted(value):
        puts.append(value.nbytes if isinstance(value, np.ndarray) else value)
        return put(value)

    monkeypatch.setattr(cluster.ray, "put", noted)
    alone, shared = alone_and_shared(digits, "compiled", cluster, steps=5)
    assert shared == alone
    assert sum(each is digits for each in puts) == 1
    assert len(puts) > 5
    assert max(each for each in puts if each is not digits) < 100_000


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_a_killed_worker_is_replaced_and_its_part_is_done_again(mnist, cluster, engine):
    workers = {each.result() for each in [cluster.submit(os.getpid) for _ in range(100)]}
    rng = np.random.default_rng(0)
    network = initialise((784, 10, 10), rng=rng)
    (*_, alone) = train(network, mnist[0], rng=rng, steps=8, engine=engine, threads=1)
    rng = np.random.default_rng(0)
    initialise((784, 10, 10), rng=rng)
    killed = min(workers)
    for snapshot in train(network, mnist[0], rng=rng, steps=8, engine=engine, executor=cluster):
        if snapshot.step == 3:
            os.kill(killed, 9)
    assert snapshot.network.parameters.tobytes() == alone.network.parameters.tobytes()
    now = {each.result() for each in [cluster.submit(os.getpid) for _ in range(100)]}
    assert killed not in now
    assert os.getpid() not in now


def test_a_task_whose_worker_dies_is_done_again(cluster, tmp_path):
    """It dies with the task in hand, which kills it the first time."""
    mark = tmp_path / "first"
    first = f"(p := __import__('pathlib').Path({str(mark)!r})).exists()"
    die = "__import__('os').kill(__import__('os').getpid(), 9)"
    task = f"'done again' if {first} else (p.touch(), {die})"
    assert cluster.submit(eval, task).result() == "done again"
    assert mark.exists()


@pytest.mark.long
def test_a_task_whose_worker_dies_each_time_is_an_error(cluster):
    with pytest.raises(WorkerError, match=r"^Ray: The worker died unexpectedly"):
        cluster.submit(eval, "__import__('os').kill(__import__('os').getpid(), 9)").result()


# -------------------------------------------------------------------------------- runs of a sweep


def jobs_of(parent, *settings):
    return [Job(k, each, "numpy", parent, None) for k, each in enumerate(settings)]


@pytest.mark.usefixtures("cluster")
def test_runs_of_a_sweep_are_the_runs_alone(small, tmp_path):
    parent = tmp_path / "runs"
    parent.mkdir()
    good = [asked(data=str(small), seed=seed, steps=30) for seed in (1, 2, 3)]
    bad = asked(data=str(small), learning_rate=1e30, seed=4)
    jobs = jobs_of(parent, *good, bad)
    news = {each.job.number: each for each in on_ray(jobs, bool, address=None, count=2)}
    assert len(news) == 4
    assert "the loss is" in news[3].error
    for k, settings in enumerate(good):
        alone, _ = trained(tmp_path / str(k), load_digits(small), settings, "numpy")
        assert content(news[k].folder) == content(alone.folder)
    assert len(list(parent.iterdir())) == 3  # the one that diverged has left nothing


@pytest.mark.usefixtures("cluster")
def test_a_killed_worker_costs_its_own_run_which_goes_on(small, tmp_path):
    parent = tmp_path / "runs"
    parent.mkdir()
    endless = asked(data=str(small), steps=10**7, hidden=(3,))
    doing = on_ray(
        jobs_of(parent, endless, asked(data=str(small), steps=5)), bool, address=None, count=2
    )
    assert next(doing).job.number == 1  # meanwhile the other goes on
    killed = threading.Thread(target=kill_the_worker, args=(parent,))
    killed.start()
    (lost,) = doing
    killed.join()
    assert lost.job.number == 0
    assert lost.error.startswith("its worker ended (")
    run = unfinished(parent)
    assert read_checkpoint(run).step > 0
    again, _ = trained(run.folder, load_digits(small), allowed=lambda step: 0)
    assert read_checkpoint(again).step >= read_checkpoint(run).step


def unfinished(parent):
    """The run there that has no model yet; None if there is none."""
    found = [path for path in parent.iterdir() if not (path / MODEL).exists()]
    return open_run(found[0]) if found else None


def kill_the_worker(parent):
    """Kill the worker that trains, once its run has a checkpoint."""
    while not ((run := unfinished(parent)) and (run.folder / CHECKPOINT).exists()):
        time.sleep(0.05)
    for each in of_ray(os.getpid()):
        if "ray::on_worker" in line_of(each):
            each.kill()


@pytest.mark.usefixtures("cluster")
def test_a_sweep_that_is_stopped_breaks_its_runs_off(small, tmp_path):
    parent = tmp_path / "runs"
    parent.mkdir()
    jobs = jobs_of(parent, *(asked(data=str(small), steps=10**7, seed=seed) for seed in (1, 2)))
    begun = list(on_ray(jobs, lambda: len(list(parent.iterdir())) > 1, address=None, count=2))
    assert begun == []
    folders = list(parent.iterdir())
    until = time.monotonic() + PATIENCE
    while any(state_of(folder) == "running" for folder in folders):
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.usefixtures("cluster")
def test_sweep_on_the_command_line(small, tmp_path, inside):
    words = ("sweep", "--data", small, "--hidden", "4,5", "--steps", "5", "--ray")
    done = inside(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "on the workers of Ray on this machine" in done.stdout.splitlines()
    assert "2 of 2: hidden" in done.stdout
    refused = inside(*words, "nowhere:1", cwd=tmp_path)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def listening(pids):
    """The addresses, in hex, on which these processes listen."""
    sockets = set()
    for pid in pids:
        for each in Path(f"/proc/{pid}/fd").iterdir():
            try:
                sockets.add(str(each.readlink()))
            except OSError:
                continue
    found = []
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            (
                _,
                local,
                _,
                state,
                *_,
            ) = fields = line.split()
            if state == LISTENS and f"socket:[{fields[9]}]" in sockets:
                found.append(local.partition(":")[0])
    return found


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="Linux tells who listens where")
def test_nothing_listens_beyond_this_machine(cluster):
    addresses = listening([os.getpid(), *(each.pid for each in of_ray(os.getpid()))])
    assert len(addresses) > 2
    assert set(addresses) <= LOCAL


JOIN = (
    "import sys, ray; ray.init(sys.argv[1], logging_level='CRITICAL'); print(ray.get(ray.put(7)))"
)


def test_who_does_not_know_the_token_is_refused(cluster):
    """The same lines with the token come in, so it is the token that decides."""
    address = cluster.ray.get_runtime_context().gcs_address
    plain = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    plain |= {LOOPBACK: "0", "RAY_USAGE_STATS_ENABLED": "0"}
    known = {"RAY_AUTH_MODE": "token", TOKEN: token()}
    for env, comes_in in (
        (known, True),
        ({"RAY_AUTH_MODE": "disabled"}, False),
        ({**known, TOKEN: "0" * 64}, False),
    ):
        process = subprocess.Popen(
            [sys.executable, "-c", JOIN, address], env=plain | env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        said = ""
        if comes_in:
            said, _ = process.communicate(timeout=PATIENCE)
        else:  # it would try again and again
            for line in process.stderr:
                if "nauthenticated" in line or "InvalidAuthToken" in line:
                    said = "refused"
                    break
            process.kill()
            process.communicate()
        assert said.strip() == ("7" if comes_in else "refused")


def test_the_command_with_ray_writes_the_bytes_of_one_machine(cluster, inside, tmp_path):
    """A run does not say where it was computed: it is the same run, with its id, and goes on."""
    how = ["--steps", 12, "--hidden", 12, "-q"]
    for name, more in (("alone", ()), ("shared", ("--ray",))):
        done = inside("train", *how, "--out", tmp_path / name, *more)
        assert done.returncode == 0, done.stderr
    models = [tmp_path / name / "model.safetensors" for name in ("alone", "shared")]
    assert models[0].read_bytes() == models[1].read_bytes()
    runs = [json.loads((each.parent / "run.json").read_text()) for each in models]
    differ = {name for name in runs[0] if runs[0][name] != runs[1][name]}
    assert differ <= {"started", "sha256"}
    (models[1]).unlink()
    done = inside("train", "--resume", tmp_path / "shared", "--ray", "--json")
    assert done.returncode == 0, done.stderr
    assert models[0].read_bytes() == models[1].read_bytes()
    assert json.loads(done.stdout)["steps"] == 12
    done = inside("train", "--steps", 3, "--batch-size", 64, "--out", tmp_path / "b", "--ray")
    assert "steps are too small to be shared" in done.stderr
    assert "workers: this process, and 2 of Ray on this machine" in done.stdout
    assert cluster.ray.is_initialized()  # it belongs to this program, not to the command


def test_digits_that_workers_do_not_find_come_from_the_store(mnist, cluster, small, monkeypatch):
    from chainrule import load_digits

    digits = load_digits(small)[0]
    sums = {checksum_of(digits.images, digits.labels): "0" * 64}
    real = bridge.Packer.persistent_id

    def other(self, thing):
        named = real(self, thing)
        return named._replace(sha256=sums[named.sha256]) if hasattr(named, "sha256") else named

    monkeypatch.setattr(bridge.Packer, "persistent_id", other)
    alone, shared = alone_and_shared(digits, "numpy", cluster, steps=3)
    assert shared == alone
    cluster.not_there.clear()
    whole = initialise((784, 800, 10), rng=np.random.default_rng(0))
    (*_, here) = train(whole, digits, rng=np.random.default_rng(0), steps=2, engine="numpy")
    (*_, there) = train(
        whole, digits, rng=np.random.default_rng(0), steps=2, engine="numpy", executor=cluster
    )
    assert here.network.parameters.tobytes() == there.network.parameters.tobytes()
    assert cluster.not_there == {digits.origin}


# ------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("ray://there:1", "wanted the address of a Ray cluster, HOST:PORT or auto, got 'ray://"),
        ("there", "HOST:PORT or auto, got 'there'; start the training on a machine of the"),
        ("there:99999", "HOST:PORT or auto, got 'there:99999'"),
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1: connection refused"),
    ],
)
def test_an_address_where_no_cluster_is_costs_nothing(inside, tmp_path, address, says):
    with pytest.raises(WorkerError):
        check_answers(address)
    done = inside("train", "--out", tmp_path / "run", "--ray", address)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_without_ray_it_says_what_to_install(inside, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    done = inside("train", "--out", tmp_path / "run", "--ray")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "chainrule: Ray is not installed: pip install 'chainrule[ray]'\n"
    assert not (tmp_path / "run").exists()


def test_a_ray_that_was_imported_before_is_not_started():
    """It would listen to other machines, since it looks at its environment only once."""
    code = (
        "import ray\n"
        "from chainrule.bridges.ray import RayExecutor\n"
        "try: RayExecutor()\n"
        "except OSError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.startswith("Ray was imported before"), done.stderr


@pytest.mark.long
def test_asked_to_stop_it_stops_and_ray_ends(tmp_path):
    """SIGTERM, which Ray would take for itself; --resume alone goes on to the same bytes."""
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "chainrule", "train", "--steps", "100000", "--out", folder]
    process = subprocess.Popen([*command, "--ray"], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + PATIENCE
    while not (folder / "checkpoint.safetensors").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    started = of_ray(process.pid)
    assert started
    process.terminate()
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert said.startswith("chainrule: stopped at step ")
    assert said.count("\n") == 1
    assert not psutil.wait_procs(started, timeout=PATIENCE)[1]
