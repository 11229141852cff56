"""Side by side with the peers: the same work, in turn, in one go. `make bench` runs this.

Each contestant lives in a process of its own (contestants.py), gets ready and does the work once
to warm up. Then, round after round, each does it once while the others sleep, so that whatever
else the machine is doing falls on all of them. Before each there is a rest, because the threads
of BLAS and of the frameworks spin for a while after their work, and would slow down whoever comes
next. Medians and ratios of medians are what counts.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_info

from chainrule import Network, initialise, load_mnist, loss

HERE = Path(__file__).parent
KEY = 20261123  # of the order of the batches
REST = 0.2  # seconds before each contestant


class Work(NamedTuple):
    """What is to be done, and who does it."""

    name: str
    unit: str  # what a median is of
    job: dict[str, object]
    contestants: tuple[str, ...]
    rounds: int


def training(sizes: tuple[int, ...], batch: int, steps: int) -> dict[str, object]:
    return {
        "sizes": sizes, "loss": "cross_entropy", "learning_rate": 0.02, "momentum": 0.9,
        "batch": batch, "steps": steps, "inference": False,
    }  # fmt: skip


EPOCH = ("numpy_plain", "torch_eager", "torch_compiled", "jax_jitted", "jax_scan", "sklearn_mlp")
PROBABILITIES = ("torch_eager", "onnx_runtime", "sklearn_mlp")
SMALL_STEP = training((784, 10, 10), 0, 30) | {
    "loss": "squared_error", "learning_rate": 1.5, "momentum": 0.0,
}  # fmt: skip
WORKS = [
    Work(
        "the small network's full-batch step, 60,000 images",
        "step",
        SMALL_STEP,
        (
            "chainrule_dense",
            "numpy_float64",
            "numpy_plain",
            "torch_eager",
            "torch_compiled",
            "jax_jitted",
        ),
        rounds=9,
    ),
    Work(
        "one epoch 784-128-10, cross-entropy, momentum, batch 64",
        "epoch",
        training((784, 128, 10), 64, 938),
        EPOCH,
        rounds=7,
    ),
    Work(
        "one epoch 784-800-10, cross-entropy, momentum, batch 128",
        "epoch",
        training((784, 800, 10), 128, 469),
        EPOCH,
        rounds=5,
    ),
    Work(
        "probabilities for 10,000 images, 784-800-10",
        "call",
        training((784, 800, 10), 0, 5) | {"inference": True},
        PROBABILITIES,
        rounds=15,
    ),
    Work(
        "probabilities for one image, 784-800-10",
        "call",
        training((784, 800, 10), 0, 200) | {"inference": True, "images": 1},
        PROBABILITIES,
        rounds=9,
    ),
]


class Runner:
    """A contestant's process, asleep until it is asked."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.seconds: list[float] = []
        self.reached = Path(f"{path}.{name}.npy")
        self.process = subprocess.Popen(
            [sys.executable, HERE / "contestants.py", name, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self) -> float:
        assert self.process.stdin
        assert self.process.stdout
        time.sleep(REST)
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} did not finish")
        return float(json.loads(line)["seconds"])

    def stop(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait()


def compete(work: Work, folder: Path, *, compiled: bool) -> list[Runner]:
    """Run all contestants of a work in turn; stop if one reaches something else than chainrule."""
    train_set, test_set = load_mnist()
    digits = test_set[: work.job.get("images")] if work.job["inference"] else train_set
    sizes, name = work.job["sizes"], work.job["loss"]
    start = initialise(sizes, loss=name, rng=np.random.default_rng(0))
    path = folder / "job.npz"
    shared = {"images": digits.images, "labels": digits.labels, "start": start.parameters}
    np.savez(path, key=KEY, **(work.job | shared))
    names = ("chainrule", *work.contestants)
    runners = [Runner(n, path) for n in names if compiled or n != "torch_compiled"]
    try:
        for runner in runners:
            runner.run()
        for _ in range(work.rounds):
            for runner in runners:
                runner.seconds.append(runner.run())
    finally:
        for runner in runners:
            runner.stop()

    ends = {runner.name: np.load(runner.reached).astype(np.float32) for runner in runners}
    if work.job["inference"]:
        for each, end in ends.items():
            if not np.allclose(end, ends["chainrule"], atol=1e-4):
                raise SystemExit(f"{each} finds other probabilities than chainrule")
    else:
        X, Y = digits.X, digits.Y
        losses = {each: float(loss(Network(sizes, end, name), X, Y)) for each, end in ends.items()}
        for each, E in losses.items():
            if abs(E - losses["chainrule"]) > 0.01 * losses["chainrule"]:
                raise SystemExit(f"{each} reaches a loss of {E}, chainrule {losses['chainrule']}")
    return runners


def seconds_of(call: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return median(taken)


def limits() -> str:
    """What this machine can do at most: products by BLAS, and reading memory."""
    A = np.random.default_rng(0).random((2048, 2048), dtype=np.float32)
    big = np.ones(50_000_000, dtype=np.float32)
    A @ A
    peak = 2 * len(A) ** 3 / seconds_of(lambda: A @ A, 5) / 1e9
    read = big.nbytes / seconds_of(big.sum, 5) / 1e9
    dense = 4 * 60_000 * (784 * 10 + 100) / peak / 1e6  # forward and backward, without dA0
    return (
        f"sgemm peak {peak:.0f} GFLOP/s, memory read by one thread {read:.0f} GB/s; "
        f"dense limit of the small network's step {dense:.1f} ms"
    )


def start_up() -> list[tuple[str, float]]:
    """Seconds from start to exit of processes that import, in turn."""
    commands = {
        "import numpy": [sys.executable, "-c", "import numpy"],
        "import chainrule": [sys.executable, "-c", "import chainrule; chainrule.train"],
        "chainrule --help": [str(Path(sys.executable).with_name("chainrule")), "--help"],
    }
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    taken: dict[str, list[float]] = {name: [] for name in commands}

    def start(command: list[str]) -> None:
        subprocess.run(command, env=env, capture_output=True, check=True)

    for _ in range(16):
        for name, command in commands.items():
            taken[name].append(seconds_of(lambda c=command: start(c), 1))
    return [(name, median(values)) for name, values in taken.items()]


def table(head: str, rows: list[tuple[str, float]], ours: str) -> None:
    base = dict(rows)[ours]
    print(f"\n| {head} | median, ms | ratio |\n|---|---|---|")
    for name, seconds in rows:
        digits = 1 if seconds > 0.001 else 3
        print(f"| {name} | {1000 * seconds:.{digits}f} | {seconds / base:.2f} |")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="with the compiled contestants")
    options = parser.parse_args()
    (blas,) = (pool for pool in threadpool_info() if pool["user_api"] == "blas")
    print(
        f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, NumPy {np.__version__}, {blas['architecture']}\n"
        f"{limits()}"
    )
    for work in WORKS:
        with tempfile.TemporaryDirectory() as folder:
            runners = compete(work, Path(folder), compiled=options.full)
        each = 1 if work.unit == "epoch" else work.job["steps"]
        rows = [(runner.name, median(runner.seconds) / each) for runner in runners]
        table(f"{work.name}; {work.unit}", rows, "chainrule")
    table("start-up; process", start_up(), "import numpy")


if __name__ == "__main__":
    main()
