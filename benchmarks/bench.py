"""Side by side with the peers: the same work, in turn, in one go. `make bench` runs this.

    python bench.py [--full] [--only WORDS] [--rounds N] [--steps N] [--before CHECKOUT]

Each contestant lives in a process of its own (contestants.py), gets ready and does the work once
to warm up. Then, round after round, each does it once while the others sleep, so that whatever
else the machine is doing falls on all of them. Before each there is a rest, because the threads
of BLAS and of the frameworks spin for a while after their work, and would slow down whoever comes
next. Medians and ratios of medians are what counts; the bars stand in works.py.

--only does the works whose name has these words in it, --rounds so many rounds of each. --steps
makes every work at most so long, to see that everything runs: its figures say nothing. --before
adds the NumPy engine of another checkout of chainrule, which ours is compared with.
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
from works import BEFORE, COMMAND, WORKS, Bar, Work

from chainrule import Digits, Network, Table, initialise, load_mnist, loss

HERE = Path(__file__).parent
KEY = 20261123  # of the order of the batches
REST = 0.2  # seconds before each contestant
JUDGED = 10_000  # examples on which the losses are compared


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

    def run(self) -> float | None:
        """Seconds for the work; None if the contestant is no longer there."""
        assert self.process.stdin
        assert self.process.stdout
        time.sleep(REST)
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self.process.stdout.readline()
        return float(json.loads(line)["seconds"]) if line else None

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


def examples_of(work: Work) -> Digits | Table:
    """What the work is done on: the bundled digits, or as many numbers of them as a table has."""
    train_set, test_set = load_mnist()
    if work.job["inference"]:
        return test_set[: work.job["images"]]
    if work.examples == "digits":
        return train_set
    directions = np.random.default_rng(1).normal(size=(work.job["sizes"][0], 784)) / 28
    return Table(np.float32(directions) @ train_set.X, train_set.labels)


def compete(work: Work, folder: Path, rounds: int, left_out: set[str], before: str) -> list[Runner]:
    """Run all contestants of a work in turn; those that reach the same as NumPy's engine."""
    examples = examples_of(work)
    sizes, name = work.job["sizes"], work.job["loss"]
    start = initialise(sizes, loss=name, rng=np.random.default_rng(0))
    path = folder / "job.npz"
    numbers = examples.images if isinstance(examples, Digits) else examples.X.T
    shared = {"examples": numbers, "labels": examples.labels, "start": start.parameters}
    np.savez(path, key=KEY, before=before, **(work.job | shared))
    names = (*work.contestants, *(["chainrule_before"] if before else []))
    runners = [Runner(each, path) for each in names if each not in left_out]
    try:
        ready = []
        for runner in runners:
            if runner.run() is None:
                print(f"\n{runner.name} did not get ready, and is left out", flush=True)
            else:
                ready.append(runner)
        for _ in range(rounds):
            for runner in ready:
                if (seconds := runner.run()) is None:
                    raise SystemExit(f"{runner.name} did not finish")
                runner.seconds.append(seconds)
    finally:
        for runner in runners:
            runner.stop()
    ends = {each.name: np.load(each.reached).astype(np.float32) for each in ready}
    strange = others_than_ours(work, ends, examples)
    for name, reached in strange.items():
        print(f"\n{name} reaches {reached}, and is left out", flush=True)
    return [each for each in ready if each.name not in strange]


def others_than_ours(
    work: Work, ends: dict[str, np.ndarray], examples: Digits | Table
) -> dict[str, str]:
    """Who has reached something else than NumPy's engine, and what."""
    ends = {name: end for name, end in ends.items() if name != "dense_limit"}
    ours = ends["chainrule_numpy"]
    if work.job["inference"]:
        close = {name: np.allclose(end, ours, atol=1e-4) for name, end in ends.items()}
        return {name: "other probabilities" for name, same in close.items() if not same}
    sizes, kind = work.job["sizes"], work.job["loss"]
    judged = slice(0, JUDGED)
    X, Y = examples.columns(judged), np.eye(sizes[-1], dtype=np.float32)[:, examples.labels[judged]]
    losses = {name: float(loss(Network(sizes, end, kind), X, Y)) for name, end in ends.items()}
    wanted = losses["chainrule_numpy"]
    strange = {name: E for name, E in losses.items() if not abs(E - wanted) <= 0.01 * wanted}
    alike = [E for name, E in losses.items() if name not in strange]
    print(f"\nreached: a loss of {min(alike):.5f} to {max(alike):.5f}")
    return {name: f"a loss of {E:.5f}" for name, E in strange.items()}


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
    return f"sgemm peak {peak:.0f} GFLOP/s, memory read by one thread {read:.0f} GB/s"


def in_turn(commands: dict[str, list[str]], rounds: int) -> dict[str, float]:
    """Median seconds from start to exit of processes, each in an empty folder."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            with tempfile.TemporaryDirectory() as folder:
                began = time.perf_counter()
                done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
                if done.returncode:
                    raise SystemExit(f"{name}: {done.stderr.strip()}")
                if turn:  # the first warms up
                    taken[name].append(time.perf_counter() - began)
    return {name: median(values) for name, values in taken.items()}


CHAINRULE = str(Path(sys.executable).with_name("chainrule"))
STARTS = {
    "import numpy": [sys.executable, "-c", "import numpy"],
    "import chainrule": [sys.executable, "-c", "import chainrule; chainrule.train"],
    "chainrule --help": [CHAINRULE, "--help"],
}
TRAININGS = {
    f"chainrule train --engine {engine}": [CHAINRULE, "train", "--engine", engine]
    for engine in ("compiled", "numpy")
}


# -------------------------------------------------------------------------------- what is printed


class Result(NamedTuple):
    """A bar, and what was measured of it."""

    work: str
    bar: Bar
    fastest: str | None  # of the others
    ratio: float

    @property
    def met(self) -> str:
        return "not measured" if self.fastest is None else "yes" if self.ratio >= 1 else "no"


def judge(work: str, bars: tuple[Bar, ...], rows: dict[str, float]) -> list[Result]:
    """Each bar against the fastest of those that ran."""
    results = []
    for bar in bars:
        others = [name for name in bar.against if name in rows]
        if bar.of not in rows or not others:
            results.append(Result(work, bar, None, 0))
            continue
        fastest = min(others, key=rows.__getitem__)
        results.append(Result(work, bar, fastest, rows[fastest] / rows[bar.of] / bar.factor))
    return results


def table(head: str, rows: dict[str, float], ours: str) -> None:
    """Medians, and ratios to ours, or to the first row if ours is not there."""
    base = rows.get(ours) or next(iter(rows.values()))
    print(f"\n| {head} | median, ms | ratio |\n|---|---|---|")
    for name, seconds in rows.items():
        digits = 1 if seconds > 0.001 else 3
        print(f"| {name} | {1000 * seconds:.{digits}f} | {seconds / base:.2f} |")
    sys.stdout.flush()


def table_of_bars(results: list[Result]) -> None:
    columns = ("work", "who", "against", "times as fast", "bar", "met", "aim")
    print(f"\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for result in results:
        bar = result.bar
        against = result.fastest or " or ".join(bar.against)
        measured = f"{result.ratio * bar.factor:.2f}" if result.fastest else ""
        aim = f"{bar.aim:g}" if bar.aim else ""
        cells = (result.work, bar.of, against, measured, f"{bar.factor:.2g}", result.met, aim)
        print(f"| {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="with compiled PyTorch")
    parser.add_argument("--only", default="", help="the works whose name has these words in it")
    parser.add_argument("--rounds", type=int, help="so many rounds of each work")
    parser.add_argument("--steps", type=int, help="at most so many, to see that everything runs")
    parser.add_argument("--before", default="", help="a checkout with the NumPy engine to compare")
    options = parser.parse_args()
    (blas,) = (pool for pool in threadpool_info() if pool["user_api"] == "blas")
    print(
        f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, NumPy {np.__version__}, {blas['architecture']}\n"
        f"{limits()}",
        flush=True,
    )
    results = []
    for work in WORKS:
        if options.only not in work.name:
            continue
        if options.steps:
            steps = min(options.steps, work.job["steps"])
            work = work._replace(job=work.job | {"steps": steps}, unit="step")
        left_out = set() if options.full else {"torch_compiled"}
        before = "" if work.examples == "table" else options.before
        with tempfile.TemporaryDirectory() as folder:
            rounds = options.rounds or work.rounds
            runners = compete(work, Path(folder), rounds, left_out, before)
        each = work.job["steps"] if work.unit in ("step", "call") else 1
        rows = {runner.name: median(runner.seconds) / each for runner in runners}
        table(f"{work.name}; {work.unit}", rows, "chainrule_compiled")
        results += judge(work.name, work.bars + ((BEFORE,) if before else ()), rows)
    if options.only in "chainrule train":
        name = "the default training of the small network, from the command to the prompt"
        rows = in_turn(TRAININGS, options.rounds or 3)
        table(f"{name}; process", rows, COMMAND.of)
        results += judge(name, (COMMAND,), rows)
    if options.only in "start-up":
        table("start-up; process", in_turn(STARTS, options.rounds or 16), "import numpy")
    if results:
        table_of_bars(results)


if __name__ == "__main__":
    main()
