"""A run: one training from start to stop, in a folder of its own, that no crash can lose or change.

    run.json                 what is trained; on disk before the data are read
    checkpoint.safetensors   parameters, the optimizer's rows, the step, the history so far
    history.csv              the history, for people and spreadsheets
    trajectory               parameters at steps spread over the run, to look back
    model.safetensors        the trained network, once the run is finished

A file is the old one or the new one, never half of one; the trajectory grows, and what a crash
leaves past its last checkpoint is dropped. Randomness is a key, so a run that is stopped anywhere
goes on to the same bytes. docs/files.md describes the files field by field.
"""

import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.data import CLASSES, PIXELS, DataError, Digits, load_one
from chainrule.descent import MEMORY_ROWS, OPTIMIZERS, Optimizer
from chainrule.model import (
    MODEL,
    ModelError,
    check_seal,
    printable,
    save_model,
    seal,
    unseal,
    write_whole,
)
from chainrule.network import LOSSES, Array, Loss, Network, count_parameters, initialise
from chainrule.tiles import blas_of_numpy
from chainrule.training import DivergenceError, Snapshot, evaluate, settle, train

RUN = "run.json"
CHECKPOINT = "checkpoint.safetensors"
HISTORY = "history.csv"
TRAJECTORY = "trajectory"
LOCK = ".lock"
FORMAT = 2  # of run.json and the checkpoint
FORMATS = (1, FORMAT)  # those that are read; 1 knew no changes of the learning rate

CHECKPOINT_EVERY = 5.0  # seconds
MOMENTS = 100  # about so many rows of history in a run; one more for the start
TRAJECTORY_BYTES = 64_000_000
COLUMNS = ("step", "loss", "train_accuracy", "test_accuracy", "seconds")

Part = Literal["training", "test"]  # of a run's digits
State = Literal["running", "finished", "interrupted"]


class RunError(ValueError):
    """A run that cannot be used as it is asked; the message names the file and what to do."""


# --------------------------------------------------------------------------------- what is trained


@dataclass(frozen=True)
class Settings:
    """What a training was asked for. None: the bundled MNIST, all images a step, what is usual.

    Raises RunError for values that cannot be.
    """

    data: str | None
    hidden: tuple[int, ...]
    loss: Loss
    optimizer: Optimizer
    learning_rate: float | None
    batch_size: int | None
    steps: int | None
    epochs: int | None
    seed: int

    def __post_init__(self) -> None:
        rate = self.learning_rate
        lengths = {"batch_size": self.batch_size, "steps": self.steps, "epochs": self.epochs}
        possible = {
            "data": self.data is None or isinstance(self.data, str),
            "hidden": len(self.hidden) <= 1000 and all(counts(n) for n in self.hidden),
            "loss": self.loss in LOSSES,
            "optimizer": self.optimizer in OPTIMIZERS,
            "learning_rate": rate is None or (type(rate) is float and 0 < rate < math.inf),
            **{name: n is None or counts(n) for name, n in lengths.items()},
            "seed": type(self.seed) is int and self.seed >= 0,
        }
        for name, fine in possible.items():
            if not fine:
                raise RunError(f"the setting {name} cannot be {getattr(self, name)!r:.60}")

    @property
    def sizes(self) -> tuple[int, ...]:
        """The layer sizes of the network, inputs first."""
        return (PIXELS, *self.hidden, CLASSES)


def counts(n: object) -> bool:
    """Whether it is a number of things: whole, positive, and exact as a float too."""
    return type(n) is int and 0 < n < 2**53


class Change(NamedTuple):
    """From the state after `step` steps on, the steps are taken at this learning rate."""

    step: int
    learning_rate: float


@dataclass(frozen=True)
class Run:
    """A run's folder and what its run.json says.

    `data` holds the SHA-256 of the training and the test digits, and `settings.steps` the length,
    once the digits have been read; `machines` what it was computed on, the latest last; `changes`
    how its learning rate was changed on the way, the steps ascending.
    """

    folder: Path
    settings: Settings
    key: int
    started: str
    machines: tuple[dict[str, str], ...]
    data: dict[str, str] | None = None
    changes: tuple[Change, ...] = ()

    @property
    def length(self) -> int:
        """Steps in all."""
        if self.settings.steps is None:
            raise RunError(f"{self.folder}: its digits have not been read yet")
        return self.settings.steps

    def learning_rate(self, step: int) -> float:
        """The rate of the step that is taken after `step` steps: the last change until then."""
        rate = self.settings.learning_rate
        for change in self.changes:
            rate = change.learning_rate if change.step <= step else rate
        if rate is None:
            raise RunError(f"{self.folder}: its digits have not been read yet")
        return rate

    @property
    def rates(self) -> str:
        """The learning rate and its changes in words; of many changes the last."""
        words = f"α = {self.learning_rate(-1):g}"
        if len(self.changes) > 3:
            words += f", changed {len(self.changes):,} times"
        for step, rate in self.changes[-1 if len(self.changes) > 3 else 0 :]:
            words += f", {rate:g} from step {step:,}"
        return words

    def identity(self, step: float = math.inf) -> dict[str, Any]:
        """What decides every bit of it up to this step on one machine, as a checkpoint repeats it.

        A change that comes later, or with the very next step, decides none of them.
        """
        settings = asdict(self.settings)
        del settings["data"], settings["epochs"]
        return {
            **settings,
            "hidden": list(self.settings.hidden),
            "key": self.key,
            **self.data_hash,
            "changes": [each._asdict() for each in self.changes if each.step < step],
        }

    @property
    def data_hash(self) -> dict[str, str]:
        return {f"{part} digits": sha256 for part, sha256 in (self.data or {}).items()}

    @property
    def moments(self) -> list[int]:
        """The steps that have a row in the history when the run is finished."""
        return [*range(0, self.length, max(1, math.ceil(self.length / MOMENTS))), self.length]

    @property
    def recorded(self) -> list[int]:
        """Those of them whose parameters the trajectory holds."""
        moments = self.moments
        most = TRAJECTORY_BYTES // row_bytes(self.settings.sizes)
        apart = math.ceil((len(moments) - 1) / max(1, most - 1))
        return moments[:-1:apart] + moments[-1:] if most > 1 else moments[-1:] * most


def named_by_time(parent: Path) -> Path:
    """A folder that is not there yet, for a new run in this one: 2026-11-26-181500, or …-2."""
    now = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    names = (now, *(f"{now}-{n}" for n in range(2, 1000)))
    return next(folder for name in names if not (folder := parent / name).exists())


def begin(folder: Path, settings: Settings, changes: tuple[Change, ...] = ()) -> Run:
    """A new run in this folder, with its run.json on disk; with `changes`, one like another.

    Raises RunError if the folder holds a file already that a run would write.
    """
    for name in (RUN, MODEL, CHECKPOINT, HISTORY, TRAJECTORY):
        if (folder / name).exists():
            instead = f"go on with --resume {folder} or " if name == RUN else ""
            raise RunError(f"{folder} already holds a {name}; {instead}give --out another folder")
    _, rng = start_of(settings)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    key = int(rng.integers(2**63))
    run = Run(folder, settings, key, started, (machine(),), changes=changes)
    try:
        write_run(run)
    except BaseException:
        discard(run)
        raise
    return run


def start_of(settings: Settings) -> tuple[Network, np.random.Generator]:
    """The network a run starts from, and the generator that then gives its key."""
    rng = np.random.default_rng(settings.seed)
    return initialise(settings.sizes, loss=settings.loss, rng=rng), rng


def prepare(run: Run, train_set: Digits, test_set: Digits) -> Run:
    """The run with its digits' checksums, its length and this machine written down.

    Raises RunError if its digits were others, ValueError if its settings do not fit them.
    """
    data = {"training": checksum(train_set), "test": checksum(test_set)}
    for part in data:
        if run.data is not None and run.data[part] != data[part]:
            raise RunError(
                f"{run.folder}: it was trained on other {part} digits: SHA-256 "
                f"{run.data[part][:12]}…, these have {data[part][:12]}…"
            )
    settings = run.settings
    if run.data is None:
        loss, optimizer, rate = settings.loss, settings.optimizer, settings.learning_rate
        size, steps, epochs = settings.batch_size, settings.steps, settings.epochs
        rate, length = settle(loss, optimizer, len(train_set), rate, size, steps, epochs)
        settings = replace(settings, learning_rate=rate, steps=length)
    machines = run.machines if run.machines[-1] == machine() else (*run.machines, machine())
    prepared = replace(run, settings=settings, data=data, machines=machines)
    if prepared != run:
        write_run(prepared)
    return prepared


def own_digits(run: Run, part: Part = "test") -> Digits:
    """The digits that a run is trained on or tested on; RunError if they are not there any more."""
    place = run.settings.data
    try:
        digits = load_one(place, {"training": "train", "test": "t10k"}[part])
    except (DataError, OSError) as error:
        reason = str(error) if isinstance(error, DataError) else f"{place}: {reason_of(error)}"
        raise RunError(
            f"{run.folder}: its digits cannot be read: {reason}; say where they lie with --data"
        ) from None
    if run.data is not None and run.data[part] != checksum(digits):
        raise RunError(
            f"{run.folder}: {digits.name} has other {part} digits than those it was made with; "
            f"say with --data which to take"
        )
    return digits


def reason_of(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def change_rate(run: Run, step: int, learning_rate: float) -> Run:
    """The run with another learning rate from this step on, once that is on disk.

    The last wish counts: later changes, which a killed process may have left, are dropped. The
    caller holds the run's lock; the step is not before the last checkpoint. Raises RunError if
    there is no such step or rate.
    """
    if not 0 < learning_rate < math.inf:
        raise RunError(f"{run.folder}: the rate must be a positive number, got {learning_rate}")
    if step >= run.length:
        raise RunError(f"{run.folder}: finished: no step is left to take at another rate")
    changed = replace(run, changes=tuple(each for each in run.changes if each.step < step))
    if changed.learning_rate(step) != learning_rate:
        changes = (*changed.changes, Change(step, float(learning_rate)))
        changed = replace(run, changes=changes)
    if changed != run:
        write_run(changed)
    return changed


def discard(run: Run) -> None:
    """Remove the run's files; the folder stays."""
    for name in (CHECKPOINT, HISTORY, TRAJECTORY, RUN):
        (run.folder / name).unlink(missing_ok=True)


def checksum(digits: Digits) -> str:
    """The SHA-256 of the images, then the labels."""
    import hashlib

    digits.check_file()
    sha256 = hashlib.sha256(np.ascontiguousarray(digits.images).data)
    sha256.update(np.ascontiguousarray(digits.labels).data)
    return sha256.hexdigest()


@cache
def machine() -> dict[str, str]:
    """What the last bits of a training depend on besides its settings."""
    blas = blas_of_numpy()
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "processor": platform.machine(),
        "blas": ", ".join(f"{pool['internal_api']} {pool['version']}" for pool in blas),
        "kernel": ", ".join(pool.get("architecture", "unknown") for pool in blas),
    }


def moved(run: Run) -> str | None:
    """How this machine differs from the one the run was last computed on, if its bits might."""
    now, then = machine(), run.machines[-1]
    differ = [name for name in now if name != "python" and now[name] != then.get(name)]
    return ", ".join(f"{name} was {then.get(name)}, is {now[name]}" for name in differ) or None


# ---------------------------------------------------------------------------------------- run.json


def write_run(run: Run) -> None:
    settings = {**asdict(run.settings), "hidden": list(run.settings.hidden)}
    content = {
        "format": FORMAT,
        "settings": settings,
        "key": run.key,
        "started": run.started,
        "machines": list(run.machines),
        "data": run.data,
        "changes": [change._asdict() for change in run.changes],
    }
    content["sha256"] = json_checksum(content)
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_whole(run.folder / RUN, text.encode())


def json_checksum(content: dict[str, Any]) -> str:
    import hashlib

    rest = {name: value for name, value in content.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def open_run(folder: str | Path) -> Run:
    """The run in a folder, as its run.json says; RunError if that is missing or damaged."""
    folder = Path(folder)
    path = folder / RUN
    if not path.exists():
        raise RunError(f"{folder}: wanted the folder of a run, found no {RUN} in it")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise RunError(f"{path}: damaged: it is not JSON") from None
    try:
        return run_of(folder, content)
    except RunError as error:
        raise RunError(f"{path}: {printable(error)}") from None


def run_of(folder: Path, content: object) -> Run:
    """The run of this content; RunError unless it is just what write_run writes."""
    came = content.get("format") if isinstance(content, dict) else content
    if not isinstance(content, dict) or type(came) is not int or came not in FORMATS:
        known = " and ".join(map(str, FORMATS))
        raise RunError(f"this chainrule reads format {known}, the file has {came!r:.40}")
    wanted = {"format", "settings", "key", "started", "machines", "data", "sha256"}
    if came > 1:
        wanted.add("changes")
    if set(content) != wanted:
        raise RunError(f"damaged: its fields must be {', '.join(sorted(wanted))}")
    if content["sha256"] != json_checksum(content):
        raise RunError(
            "damaged or edited: its content does not match its checksum; start a new run instead"
        )
    settings, machines, data = content["settings"], content["machines"], content["data"]
    names = [field.name for field in fields(Settings)]
    texts = [content["started"], *(data.values() if isinstance(data, dict) else [])]
    if not (
        isinstance(settings, dict)
        and list(settings) == names
        and isinstance(settings["hidden"], list)
        and type(content["key"]) is int
        and 0 <= content["key"] < 2**63
        and isinstance(machines, list)
        and machines
        and all(isinstance(each, dict) for each in machines)
        and (data is None or (isinstance(data, dict) and set(data) == {"training", "test"}))
        and all(isinstance(text, str) for text in texts)
        and (data is None or None not in (settings["steps"], settings["learning_rate"]))
    ):
        raise RunError("its fields are not those of a run")
    changes = changes_of(content.get("changes", []))
    with suppress(ValueError):
        datetime.fromisoformat(content["started"])
        settings = Settings(**{**settings, "hidden": tuple(settings["hidden"])})
        key, started = content["key"], content["started"]
        return Run(folder, settings, key, started, tuple(machines), data, changes)
    raise RunError("its settings are not those of a run")


def changes_of(content: object) -> tuple[Change, ...]:
    """The changes in a run.json; RunError unless they are just what write_run writes."""
    steps = [-1]
    changes = []
    for each in content if isinstance(content, list) else [None]:
        if not isinstance(each, dict) or list(each) != list(Change._fields):
            raise RunError("its changes are not those of a run")
        step, rate = each.values()
        if not (
            (step == 0 or counts(step))
            and type(step) is int
            and step > steps[-1]
            and type(rate) is float
            and 0 < rate < math.inf
        ):
            raise RunError(f"its changes cannot have {each!r:.60}")
        steps.append(step)
        changes.append(Change(step, rate))
    return tuple(changes)


# -------------------------------------------------------------------------------- the checkpoint


class Checkpoint(NamedTuple):
    """A snapshot on disk, and what a run has found out by then."""

    step: int
    parameters: Array  # (n,)
    memory: Array  # (rows, n)
    history: NDArray[np.float64]  # (rows, 5), the columns of history.csv; NaN where not measured
    losses: tuple[float, int]  # of the batches since the last row: their sum and their number
    seconds: float  # of training
    recorded: int  # rows of the trajectory


def write_checkpoint(run: Run, checkpoint: Checkpoint) -> None:
    state = np.concatenate([checkpoint.parameters[None], checkpoint.memory])
    content = {
        "format": FORMAT,
        "run": run.identity(checkpoint.step),
        "step": checkpoint.step,
        "losses": list(checkpoint.losses),
        "seconds": checkpoint.seconds,
        "recorded": checkpoint.recorded,
    }
    tensors = {"state": state, "history": checkpoint.history}
    write_whole(run.folder / CHECKPOINT, seal(content, tensors))
    lines = [",".join(COLUMNS)]
    for step, *row in checkpoint.history.tolist():
        lines.append(",".join([str(int(step)), *("" if math.isnan(x) else repr(x) for x in row)]))
    write_whole(run.folder / HISTORY, ("\n".join(lines) + "\n").encode())


def read_checkpoint(run: Run) -> Checkpoint | None:
    """The last checkpoint of a run, None before its first; RunError if it is not of this run."""
    path = run.folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        keys = {"run", "step", "losses", "seconds", "recorded"}
        entry, content, tensors = unseal(path, FORMATS, keys)
    except ModelError as error:
        raise RunError(str(error)) from None
    try:
        return checkpoint_of(run, entry, content, tensors)
    except (ModelError, RunError) as error:
        raise RunError(f"{path}: {printable(error)}") from None


def checkpoint_of(
    run: Run, entry: str, content: dict[str, Any], tensors: dict[str, Array]
) -> Checkpoint:
    """The checkpoint of these contents; RunError unless write_checkpoint made them for this run."""
    if set(tensors) != {"state", "history"}:
        raise RunError(f"its arrays must be state and history, got {', '.join(sorted(tensors))}")
    state, history = tensors["state"], tensors["history"]
    check_seal(entry, content, {"state": state, "history": history})
    step, losses, seconds = content["step"], content["losses"], content["seconds"]
    until = step if type(step) is int else 0
    of, wanted = content["run"], run.identity(until)
    if content["format"] == 1 and isinstance(of, dict):
        of = {**of, "changes": []}
    if isinstance(of, dict) and of.get("changes") != wanted["changes"]:
        # It may have been trained on, at another rate, since it was opened. A change is in
        # run.json before it is in a checkpoint, so what is there now knows all that this one has.
        wanted = replace(run, changes=open_run(run.folder).changes).identity(until)
    if of != wanted:
        names = [n for n in wanted if not isinstance(of, dict) or of.get(n) != wanted[n]]
        came = of.get(names[0]) if isinstance(of, dict) and names else of
        name = names[0] if names else "run"
        raise RunError(
            f"it is of another run: its {name} is {came!r:.70}, "
            f"that of {RUN} is {wanted.get(name)!r:.70}"
        )
    shape = 1 + MEMORY_ROWS[run.settings.optimizer], count_parameters(run.settings.sizes)
    if state.shape != shape or state.dtype != np.float32:
        raise RunError(
            f"its state must be float32 of shape {shape}, got {state.dtype} of shape {state.shape}"
        )
    steps = history[:, 0] if history.shape[1] == len(COLUMNS) else np.empty(0)
    if not (
        type(step) is int
        and 0 <= step <= run.length
        and steps.tolist() == [moment for moment in run.moments if moment <= step]
        and history.dtype == np.float64
        and isinstance(losses, list)
        and [type(x) for x in losses] == [float, int]
        and type(seconds) is float
        and math.isfinite(seconds + losses[0])
        and content["recorded"] == sum(s <= step for s in run.recorded)
        and np.isfinite(state).all()
    ):
        raise RunError("its fields are not those of a checkpoint")
    return Checkpoint(
        step,
        state[0],
        state[1:],
        history.astype(np.float64, copy=False),
        (losses[0], losses[1]),
        seconds,
        content["recorded"],
    )


# -------------------------------------------------------------------------------- the trajectory


def row_bytes(sizes: tuple[int, ...]) -> int:
    """The bytes of one row: the step, the parameters, a SHA-256 of both."""
    return 8 + 4 * count_parameters(sizes) + 32


def row_of(step: int, parameters: Array) -> bytes:
    import hashlib

    row = step.to_bytes(8, "little") + parameters.astype("<f4", copy=False).tobytes()
    return row + hashlib.sha256(row).digest()


@contextmanager
def growing(run: Run, rows: int) -> Iterator[BinaryIO]:
    """The trajectory's file, cut to so many rows, to write at its end."""
    path, size = run.folder / TRAJECTORY, rows * row_bytes(run.settings.sizes)
    with path.open("r+b" if rows else "wb") as file:
        if path.stat().st_size < size:
            raise RunError(f"{path}: damaged: it must hold {rows} rows, some are missing")
        file.truncate(size)
        file.seek(size)
        yield file


def network_at(run: Run, step: int) -> Network:
    """The network at a recorded step; RunError if it is not recorded, or its row is damaged."""
    path = run.folder / TRAJECTORY
    reached = read_checkpoint(run)
    steps = run.recorded[: reached.recorded] if reached else []
    if step not in steps:
        near = min(steps, key=lambda other: abs(other - step), default=None)
        known = f"the nearest of {len(steps)} recorded ones is {near}" if steps else "none is"
        raise RunError(f"{run.folder}: step {step} is not recorded; {known}")
    size = row_bytes(run.settings.sizes)
    with path.open("rb") as file:
        file.seek(steps.index(step) * size)
        row = file.read(size)
    whole = len(row) == size
    parameters = np.frombuffer(row[8:-32] if whole else b"", "<f4").astype(np.float32)
    if row != row_of(step, parameters):
        raise RunError(f"{path}: damaged: the row of step {step} does not match its checksum")
    return Network(run.settings.sizes, parameters, run.settings.loss)


# -------------------------------------------------------------------------------------- going on


def go_on(
    run: Run,
    train_set: Digits,
    test_set: Digits,
    *,
    threads: int | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
    stop: Callable[[], object] = lambda: False,
    new_rate: Callable[[], float | None] = lambda: None,
    each_step: bool = False,
) -> Iterator[Snapshot]:
    """Train a prepared run to its end from where it stands; the snapshots of its new history rows.

    With `each_step` those of the steps between too, which have no test accuracy, and in a training
    by batches the loss of one batch.

    The state is on disk about every `checkpoint_every` seconds, when it ends, and when `stop`
    says so after a step, with which this ends too. `new_rate` is asked before each step for
    another learning rate, None to leave it as it is; a change is in run.json before the step is
    taken. The caller holds the run's lock. Raises RunError if a file cannot be written or is
    damaged, DivergenceError as `train` does.
    """
    run = open_run(run.folder)  # with the changes made since it was prepared
    reached = read_checkpoint(run)
    safe = reached.step if reached else 0
    for leftover in run.folder.glob(".*.*.????????"):  # of a process killed while it wrote
        leftover.unlink(missing_ok=True)
    try:
        for snapshot, saved in steps_of(
            run, reached, train_set, test_set, threads, checkpoint_every, stop, new_rate
        ):
            safe = snapshot.step if saved else safe
            if each_step or snapshot.test_accuracy is not None:
                yield snapshot
        finished = read_checkpoint(run)
        if finished and finished.step == run.length:
            network = Network(run.settings.sizes, finished.parameters, run.settings.loss)
            save_model(network, run.folder / MODEL)
    except OSError as error:
        raise RunError(
            f"{error.filename or run.folder}: {(error.strerror or str(error)).lower()}; the run "
            f"is safe up to step {safe:,}: chainrule train --resume {run.folder}"
        ) from None


def steps_of(
    run: Run,
    reached: Checkpoint | None,
    train_set: Digits,
    test_set: Digits,
    threads: int | None,
    checkpoint_every: float,
    stop: Callable[[], object],
    new_rate: Callable[[], float | None],
) -> Iterator[tuple[Snapshot, bool]]:
    """Every snapshot after the checkpoint, and whether it is on disk."""
    settings, moments, recorded = run.settings, set(run.moments), set(run.recorded)
    network, rng = start_of(settings)
    start, rows, losses, seconds, history = None, 0, (0.0, 0), 0.0, []
    if reached:
        if reached.step == run.length:
            return
        network = replace(network, parameters=reached.parameters)
        start = Snapshot(network, reached.memory, reached.step, run.key, math.nan, "training set")
        rows, losses, seconds = reached.recorded, reached.losses, reached.seconds
        history = reached.history.tolist()

    def learning_rate(step: int) -> float:
        nonlocal run
        wanted = new_rate()
        if wanted is not None:
            run = change_rate(run, step, wanted)
        return run.learning_rate(step)

    snapshots = train(
        network,
        train_set,
        optimizer=settings.optimizer,
        learning_rate=learning_rate,
        batch_size=settings.batch_size,
        steps=run.length,
        train_accuracy=settings.batch_size is None,
        rng=rng,
        start=start,
        threads=threads,
    )
    with growing(run, rows) as trajectory:
        saved = time.monotonic()
        began = time.perf_counter()
        for snapshot in snapshots:
            seconds += time.perf_counter() - began
            step, parameters = snapshot.step, snapshot.network.parameters
            if snapshot.loss_of == "batches":
                losses = losses[0] + snapshot.loss, losses[1] + 1
            if step in moments:
                seen = accuracy_of(snapshot, test_set, threads)
                E = losses[0] / losses[1] if losses[1] else snapshot.loss
                snapshot = replace(snapshot, loss=E, test_accuracy=seen)
                on_train = snapshot.train_accuracy
                history.append([step, E, math.nan if on_train is None else on_train, seen, seconds])
                losses = 0.0, 0
                if step in recorded:
                    trajectory.write(row_of(step, parameters))
                    rows += 1
            stopping = stop()
            due = stopping or step == run.length or time.monotonic() - saved >= checkpoint_every
            if due:
                trajectory.flush()
                os.fsync(trajectory.fileno())
                table = np.array(history, np.float64)
                write_checkpoint(
                    run,
                    Checkpoint(step, parameters, snapshot.memory, table, losses, seconds, rows),
                )
                saved = time.monotonic()
            yield snapshot, bool(due)
            if stopping:
                return
            began = time.perf_counter()


def accuracy_of(snapshot: Snapshot, test_set: Digits, threads: int | None) -> float:
    """The share of the test digits that a snapshot reads right."""
    try:
        return evaluate(snapshot.network, test_set, threads=threads).accuracy
    except OverflowError as error:  # the next step would find it
        raise DivergenceError(f"after step {snapshot.step:,}, on the test digits {error}") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run in this folder; RunError if another process does. A crash leaves no lock."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder / LOCK, timeout=1):
            yield
    except Timeout:
        raise RunError(f"{folder}: another process is training this run") from None


# ----------------------------------------------------------------------------------------- a list


class Entry(NamedTuple):
    """A run in a list. What is not known yet is None."""

    folder: Path
    state: State
    step: int
    length: int | None
    loss: float | None
    test_accuracy: float | None
    bytes: int
    started: datetime
    rates: str | None  # the learning rate in words
    changes: tuple[Change, ...]
    data: str  # the folder of the digits that it was measured on, or mnist


def list_runs(folder: Path) -> Iterator[Entry | RunError]:
    """The runs in a folder of runs, the oldest first; RunError in place of one that is damaged."""
    for path in sorted(folder.glob(f"*/{RUN}")):
        try:
            yield entry_of_run(open_run(path.parent))
        except RunError as error:
            yield error


def entry_of_run(run: Run) -> Entry:
    """What a list says of a run."""
    reached = read_checkpoint(run) if run.data else None
    _, loss, _, accuracy, _ = reached.history[-1].tolist() if reached else (None,) * 5
    files = (path for path in run.folder.iterdir() if path.is_file())
    return Entry(
        run.folder,
        state_of(run.folder),
        reached.step if reached else 0,
        run.settings.steps,
        loss,
        accuracy,
        sum(path.stat().st_size for path in files),
        datetime.fromisoformat(run.started),
        run.rates if run.data else None,
        run.changes,
        run.settings.data or "mnist",
    )


def state_of(folder: Path) -> State:
    """Whether a run is finished, being trained by a process just now, or neither."""
    if (folder / MODEL).exists():
        return "finished"
    if (folder / LOCK).exists():
        from filelock import FileLock, Timeout

        try:
            with suppress(PermissionError), FileLock(folder / LOCK, timeout=0):
                pass
        except Timeout:
            return "running"
    return "interrupted"
