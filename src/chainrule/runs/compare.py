"""Two runs side by side: settings, curves, weights, and the images that they read differently."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Digits
from chainrule.encode import share
from chainrule.network import Array, Network
from chainrule.reading import probabilities
from chainrule.runs.checkpoint import last_checkpoint
from chainrule.runs.run import Run
from chainrule.runs.trajectory import network_at


class ComparedStep(NamedTuple):
    """What two histories say of a step; NaN where one has nothing."""

    step: int
    loss: tuple[float, float]
    train_accuracy: tuple[float, float]
    test_accuracy: tuple[float, float]


class Apart(NamedTuple):
    """How far two layers are apart: ‖A - B‖ over the larger of ‖A‖ and ‖B‖, from 0 to 2."""

    W: float
    b: float


class Answers(NamedTuple):
    """The test images on which two networks give different answers, their numbers ascending."""

    a_right: NDArray[np.intp]  # A alone is right
    b_right: NDArray[np.intp]  # B alone is right
    both_wrong: NDArray[np.intp]  # and each in its own way


class RunAt(NamedTuple):
    """Where a run stands: the network after a step, and the history so far."""

    step: int
    network: Network
    history: Array  # (rows, 4 or more), columns as in history.csv


class Comparison(NamedTuple):
    """Two runs, A and B, each after a step."""

    steps: tuple[int, int]
    settings: dict[str, tuple[object, object]]  # those that differ
    rows: list[ComparedStep]  # every step that one of the histories has
    apart: tuple[Apart, ...] | None  # layer by layer; None for networks of other sizes
    accuracy: tuple[float, float]  # on the test images
    answers: Answers
    read: Answers  # the same images as pairs: what A reads and what B reads


def compare(a: Run, b: Run, test_set: Digits, *, step: int | None = None) -> Comparison:
    """How two runs differ after a recorded step, by default each at its last checkpoint.

    Raises RunError if a run has no checkpoint yet, or has not recorded the step.
    """
    return beside(a, b, run_at(a, step), run_at(b, step), test_set)


def beside(a: Run, b: Run, at_a: RunAt, at_b: RunAt, test_set: Digits) -> Comparison:
    """How two runs differ where they stand."""
    (step_a, one, history_a), (step_b, two, history_b) = at_a, at_b
    same = one.sizes == two.sizes
    read_a, read_b = (probabilities(each, test_set.X).argmax(axis=0) for each in (one, two))
    right_a, right_b = read_a == test_set.labels, read_b == test_set.labels
    kinds = (right_a & ~right_b, right_b & ~right_a, ~right_a & ~right_b & (read_a != read_b))
    pairs = np.stack((read_a, read_b), axis=1)
    return Comparison(
        (step_a, step_b),
        differing(a, b),
        side_by_side(history_a, history_b),
        weights_apart(one, two) if same else None,
        (float(right_a.mean()), float(right_b.mean())),
        Answers(*map(np.flatnonzero, kinds)),
        Answers(*(pairs[each] for each in kinds)),
    )


def comparison_fields(found: Comparison) -> dict[str, object]:
    """A comparison as the fields of a JSON object; null where a history has nothing."""
    rows = [
        {"step": row.step}
        | {name: list(map(share, getattr(row, name))) for name in row._fields[1:]}
        for row in found.rows
    ]
    return found._asdict() | {"rows": rows}


def run_at(run: Run, step: int | None) -> RunAt:
    """Where a run stands after a step, or at its last checkpoint."""
    reached = last_checkpoint(run)
    if step is None:
        step, parameters = reached.kept(run)
        return RunAt(step, run.network(parameters), reached.history)
    return RunAt(step, network_at(run, step), reached.history[reached.history[:, 0] <= step])


def differing(a: Run, b: Run) -> dict[str, tuple[object, object]]:
    """The settings, changes and digits that are not the same, by name: A's and B's."""
    one, two = a.identity(), b.identity()
    return {
        name: (one.get(name), two.get(name))
        for name in one | two
        if name != "key" and one.get(name) != two.get(name)  # the key follows from the seed
    }


def setting(name: str, value: object) -> str:
    """A setting as the command line says it."""
    if name == "changes" and isinstance(value, list):
        return ", ".join(f"{c['learning_rate']:g} from step {c['step']:,}" for c in value) or "none"
    if name == "extensions" and isinstance(value, list):
        return ", ".join(f"{e['steps']:,} steps from {e['step']:,}" for e in value) or "none"
    if name == "engines" and isinstance(value, list):
        first, *others = value
        words = (f"{each['engine']} from step {each['step']:,}" for each in others)
        return ", ".join([first["engine"], *words])
    if name == "hidden" and isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    if name == "batch_size" and value is None:
        return "all"
    if name.endswith("digits"):
        return f"SHA-256 {value:.12}…" if isinstance(value, str) else "not read yet"
    return str(value).replace("_", "-")


def side_by_side(a: Array, b: Array) -> list[ComparedStep]:
    """The rows of two histories: every step that one of them has."""
    rows = [{int(row[0]): row[1:4].tolist() for row in history} for history in (a, b)]
    nothing = [math.nan] * 3
    steps = sorted(rows[0] | rows[1])
    pairs = ((s, zip(*(each.get(s, nothing) for each in rows), strict=True)) for s in steps)
    return [ComparedStep(s, *pair) for s, pair in pairs]


def weights_apart(a: Network, b: Network) -> tuple[Apart, ...]:
    """How far the layers of two networks of the same sizes are apart."""
    layers = zip(a.layers, b.layers, strict=True)
    return tuple(Apart(*(apart(x, y) for x, y in zip(*pair, strict=True))) for pair in layers)


def apart(x: Array, y: Array) -> float:
    x, y = x.astype(np.float64), y.astype(np.float64)
    larger = max(np.linalg.norm(x), np.linalg.norm(y))
    return float(np.linalg.norm(x - y) / larger) if larger else 0.0
