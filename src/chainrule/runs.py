"""A run: one training from start to stop, in a folder of its own, that no crash can lose or change.

    run.json                 what is trained; on disk before the data are read
    checkpoint.safetensors   parameters, the optimizer's rows, the step, the history so far
    history.csv              the history, for people and spreadsheets
    trajectory               parameters at steps spread over the run, to look back
    model.safetensors        the trained network, once the run is finished

A file is the old one or the new one, never half of one; the trajectory grows, and what a crash
leaves past its last checkpoint is dropped. Randomness is a key, so a run that is stopped anywhere
goes on to the same bytes. docs/reference/files.md describes the files field by field.
"""

import errno
import json
import math
import os
import platform
import re
import shlex
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from chainrule.data import CLASSES, PIXELS, DataError, Digits, load_one
from chainrule.descent import MEMORY_ROWS, OPTIMIZERS, Optimizer
from chainrule.model import (
    HEADER,
    MODEL,
    Kind,
    ModelError,
    NewerFormatError,
    Sealed,
    beyond,
    check_format,
    check_seal,
    in_words,
    make_folder,
    open_regular,
    printable,
    save_model,
    seal,
    sealed,
    shallow,
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

FILES = (RUN, MODEL, CHECKPOINT, HISTORY, TRAJECTORY)  # what a training writes
WHOLE = (RUN, MODEL, CHECKPOINT, HISTORY)  # those that write_whole writes
LEFTOVER = re.compile(rf"\.({'|'.join(map(re.escape, WHOLE))})\.[0-9a-f]{{8}}")

CHECKPOINT_EVERY = 5.0  # seconds
MOMENTS = 100  # about so many rows of history in a run; one more for the start
TRAJECTORY_BYTES = 64_000_000
COLUMNS = ("step", "loss", "train_accuracy", "test_accuracy", "seconds")

Part = Literal["training", "test"]  # of a run's digits
State = Literal["running", "finished", "interrupted"]
Taken = TypeVar("Taken")


class RunError(ValueError):
    """A run that cannot be used as it is asked; the message names the file and what to do."""

    newer = False  # whether that is because a newer chainrule has made the file


def refusal(of: Path | None, error: Exception) -> RunError:
    """The RunError for what was found out about a file, which the message may name already."""
    says = in_words(error) if isinstance(error, OSError) else printable(error)
    refused = RunError(f"{of}: {says}" if of else says)
    refused.newer = isinstance(error, NewerFormatError)
    return refused


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
            "hidden": all(counts(n) for n in self.hidden),
            "loss": self.loss in LOSSES,
            "optimizer": self.optimizer in OPTIMIZERS,
            "learning_rate": rate is None or (type(rate) is float and 0 < rate < math.inf),
            **{name: n is None or counts(n) for name, n in lengths.items()},
            "seed": type(self.seed) is int and self.seed >= 0,
        }
        for name, fine in possible.items():
            if not fine:
                raise RunError(f"the setting {name} cannot be {getattr(self, name)!r:.60}")
        if too_large := beyond(self.sizes):
            raise RunError(too_large)

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


def new_folder(parent: Path) -> list[Path]:
    """Make a folder for a new run in this one, named after the time: 2026-11-26-181500.

    If another run has that name already, the next one is taken: 2026-11-26-181500-2. Returns the
    folder, then those above it that had to be made. Raises OSError if it cannot be made.
    """
    now = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    n = 1
    while True:
        folder = parent / (now if n == 1 else f"{now}-{n}")
        try:
            return make_folder(folder)
        except FileExistsError:
            if not os.path.lexists(folder):  # it is the one above that cannot be made
                raise
        n += 1


def begin(folder: Path, settings: Settings, changes: tuple[Change, ...] = ()) -> Run:
    """A new run in this folder, with its run.json on disk; with `changes`, one like another.

    Raises RunError if the folder holds a file already that a run would write.
    """
    for name in FILES:
        if os.path.lexists(folder / name):
            instead = f"go on with: {resume_command(folder)}, or " if name == RUN else ""
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
    """Remove the run's files, if they are still its own; the folder stays."""
    if is_there(run):
        for name in (CHECKPOINT, HISTORY, TRAJECTORY, RUN):
            (run.folder / name).unlink(missing_ok=True)


def is_there(run: Run) -> bool:
    """Whether the folder holds this run: it may have been moved, and another be in its place."""
    try:
        found = open_run(run.folder)
    except RunError:
        return False
    return (found.key, found.started) == (run.key, run.started)


def what_is_safe(run: Run) -> str:
    """Up to which step a run is on disk just now, and how to go on with it."""
    if not is_there(run):
        return f"{run.folder} does not hold this run any more: it was moved or removed"
    try:
        reached = read_checkpoint(run)
    except RunError as error:
        return f"its last checkpoint is lost: {error}"
    step = reached.step if reached else 0
    return f"the run is safe up to step {step:,}; go on with: {resume_command(run.folder)}"


def resume_command(folder: Path) -> str:
    """The command that goes on with the run in this folder, as a shell takes it."""
    return shlex.join(["chainrule", "train", "--resume", str(folder)])


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
    # A path that is not UTF-8 is written with the escapes that JSON has for such bytes in Python.
    write_whole(run.folder / RUN, text.encode(errors="backslashreplace"))


def json_checksum(content: dict[str, Any]) -> str:
    import hashlib

    rest = {name: value for name, value in content.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def open_run(folder: str | Path) -> Run:
    """The run in a folder, as its run.json says; RunError if that is missing or damaged."""
    folder = Path(folder)
    path = folder / RUN
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            text = file.read() if size <= HEADER else b""
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"{folder}: wanted the folder of a run, found no {RUN} in it") from None
    except OSError as error:
        raise refusal(path, error) from None
    if size > HEADER:
        raise RunError(f"{path}: damaged: it may have {HEADER:,} bytes, it has {size:,}")
    try:
        content = json.loads(shallow(text.decode()))
    except ValueError:
        raise RunError(f"{path}: damaged: it is not JSON, or nested too deeply") from None
    try:
        return run_of(folder, content)
    except (ModelError, RunError) as error:
        raise refusal(path, error) from None


def run_of(folder: Path, content: object) -> Run:
    """The run of this content; RunError or ModelError unless it is just what write_run writes."""
    content = check_format(content, FORMATS)
    wanted = {"format", "settings", "key", "started", "machines", "data", "sha256"}
    if content["format"] > 1:
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
    key, started = content["key"], content["started"]
    zone = None
    with suppress(ValueError):
        zone = datetime.fromisoformat(started).tzinfo
    if zone is None:
        raise RunError(f"its start must be a date and a time with a zone, got {started!r:.40}")
    settings = Settings(**{**settings, "hidden": tuple(settings["hidden"])})
    return Run(folder, settings, key, started, tuple(machines), data, changes)


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
    write_history(run, checkpoint.history)


def write_history(run: Run, history: NDArray[np.float64]) -> None:
    lines = [",".join(COLUMNS)]
    for step, *row in history.tolist():
        lines.append(",".join([str(int(step)), *("" if math.isnan(x) else repr(x) for x in row)]))
    write_whole(run.folder / HISTORY, ("\n".join(lines) + "\n").encode())


class Progress(NamedTuple):
    """How far a run has come, as its checkpoint says without its state."""

    step: int
    history: NDArray[np.float64]  # (rows, 5), as a Checkpoint has it
    losses: tuple[float, int]
    seconds: float
    recorded: int


def read_checkpoint(run: Run) -> Checkpoint | None:
    """The last checkpoint of a run, None before its first; RunError if it is not of this run."""
    return read_part(run, checkpoint_of)


def no_checkpoint(run: Run) -> RunError:
    """What is said to those who need one."""
    return RunError(f"{run.folder}: no checkpoint yet; go on with: {resume_command(run.folder)}")


def read_progress(run: Run) -> Progress | None:
    """How far a run has come, None before its first checkpoint; RunError if it is not of this run.

    This is for lists: it takes a moment and no memory, however large the network. The checksum
    covers the state too and is left to who reads that, so a damaged history may be told of.
    """
    return read_part(run, lambda _, found: found)


def read_part(run: Run, take: Callable[[Sealed, Progress], Taken]) -> Taken | None:
    """What `take` makes of the run's checkpoint, None if there is none."""
    path = run.folder / CHECKPOINT
    try:
        with sealed(path, FORMATS, {"run", "step", "losses", "seconds", "recorded"}) as file:
            return take(file, progress_of(run, file))
    except FileNotFoundError:
        return None
    except (OSError, RunError) as error:
        raise refusal(path, error) from None
    except ModelError as error:  # it names the file already
        raise refusal(None, error) from None


def checkpoint_of(file: Sealed, found: Progress) -> Checkpoint:
    """The checkpoint in this file; ModelError if a number in it has changed."""
    state = file.read("state")
    check_seal(file, {"state": state, "history": found.history})
    if not np.isfinite(state).all():
        raise ModelError("damaged: its state is not finite")
    return Checkpoint(found.step, state[0], state[1:], *found[1:])


def progress_of(run: Run, file: Sealed) -> Progress:
    """What the file says without its state; ModelError unless it can be a checkpoint of this run.

    Sizes are compared with what the run must have before any array is read.
    """
    content, arrays = file.fields, file.arrays
    if set(arrays) != {"state", "history"}:
        raise ModelError(f"its arrays must be state and history, got {', '.join(sorted(arrays))}")
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
        raise ModelError(
            f"it is of another run: its {name} is {came!r:.70}, "
            f"that of {RUN} is {wanted.get(name)!r:.70}"
        )
    moments = [moment for moment in run.moments if moment <= until]
    rows = 1 + MEMORY_ROWS[run.settings.optimizer]
    for name, kind in (
        ("state", Kind("float32", (rows, count_parameters(run.settings.sizes)))),
        ("history", Kind("float64", (len(moments), len(COLUMNS)))),
    ):
        if arrays[name] != kind:
            raise ModelError(f"its {name} must be {kind}, got {arrays[name]}")
    history = np.asarray(file.read("history"), np.float64)
    if not (
        type(step) is int
        and 0 <= step <= run.length
        and history[:, 0].tolist() == moments
        and isinstance(losses, list)
        and [type(x) for x in losses] == [float, int]
        and 0 <= losses[1] < 2**53
        and type(seconds) is float
        and math.isfinite(seconds + losses[0])
        and content["recorded"] == sum(s <= step for s in run.recorded)
    ):
        raise ModelError("its fields are not those of a checkpoint")
    return Progress(step, history, (losses[0], losses[1]), seconds, content["recorded"])


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
    with open_regular(path, "r+b" if rows else "wb") as file:
        if os.fstat(file.fileno()).st_size < size:
            raise RunError(f"{path}: damaged: it must hold {rows} rows, some are missing")
        file.truncate(size)
        file.seek(size)
        yield file


def check_place(trajectory: BinaryIO, run: Run) -> None:
    """OSError unless the run's folder holds the trajectory that is written.

    The folder of a run that goes on can be moved, and another run be begun in its place.
    """
    path = run.folder / TRAJECTORY
    if not os.path.samestat(os.fstat(trajectory.fileno()), path.lstat()):
        raise FileNotFoundError(errno.ENOENT, "was replaced while it was written", str(path))


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
    with open_regular(path) as file:
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
    sweep(run.folder)
    try:
        for snapshot in steps_of(
            run, reached, train_set, test_set, threads, checkpoint_every, stop, new_rate
        ):
            if each_step or snapshot.test_accuracy is not None:
                yield snapshot
        finished = read_checkpoint(run)
        if finished and finished.step == run.length:
            if reached and reached.step == run.length:  # it was killed since: who knows where
                write_history(run, finished.history)
            network = Network(run.settings.sizes, finished.parameters, run.settings.loss)
            save_model(network, run.folder / MODEL)
    except OSError as error:
        place = error.filename or run.folder
        raise RunError(f"{place}: {in_words(error)}; {what_is_safe(run)}") from None


def sweep(folder: Path) -> None:
    """Remove what processes left that were killed while they wrote a run's file here.

    Those are regular files with a name as write_whole gives it. Anything else is somebody's. The
    caller holds the run's lock, under which alone these files are written.
    """
    for path in folder.iterdir():
        if LEFTOVER.fullmatch(path.name) and stat.S_ISREG(path.lstat().st_mode):
            path.unlink()


def steps_of(
    run: Run,
    reached: Checkpoint | None,
    train_set: Digits,
    test_set: Digits,
    threads: int | None,
    checkpoint_every: float,
    stop: Callable[[], object],
    new_rate: Callable[[], float | None],
) -> Iterator[Snapshot]:
    """Every snapshot after the checkpoint."""
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
            check_place(trajectory, run)
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
                check_place(trajectory, run)
                trajectory.flush()
                os.fsync(trajectory.fileno())
                table = np.array(history, np.float64)
                write_checkpoint(
                    run,
                    Checkpoint(step, parameters, snapshot.memory, table, losses, seconds, rows),
                )
                saved = time.monotonic()
            yield snapshot
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
    """Hold the run in this folder; RunError if another process does. A crash leaves no lock.

    If there is no run in the folder in the end, the lock's file goes too, if it was made here.
    subtle: it goes while it is still held. Whoever waits for it then finds it gone from the folder,
    and makes another; removed a moment later, it might be the one that they hold.
    """
    from filelock import FileLock, Timeout

    path = folder / LOCK
    check_lock(path)
    made = False
    lock = FileLock(path, timeout=1)
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            made = True
        lock.acquire()
    except Timeout:
        raise RunError(f"{folder}: another process is training this run") from None
    except OSError as error:
        raise RunError(f"{folder}: cannot be locked: {in_words(error)}") from None
    try:
        yield
    finally:
        if made and not (folder / RUN).exists():
            with suppress(OSError):
                path.unlink()
        lock.release()


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
    for path in folders_of_runs(folder):
        try:
            yield entry_of_run(open_run(path))
        except RunError as error:
            yield error
        except OSError as error:
            yield refusal(Path(error.filename or path), error)


def folders_of_runs(folder: Path) -> list[Path]:
    """The folders in this one that hold a run.json, whatever that is, or that do not let us look.

    Raises OSError if it cannot be read; if it is not there, there are none.
    """
    found = []
    try:
        inside = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    for path in inside:
        try:
            (path / RUN).lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            pass  # whoever opens it says why
        found.append(path)
    return found


def entry_of_run(run: Run) -> Entry:
    """What a list says of a run."""
    reached = read_progress(run) if run.data else None
    _, loss, _, accuracy, _ = reached.history[-1].tolist() if reached else (None,) * 5
    return Entry(
        run.folder,
        state_of(run.folder),
        reached.step if reached else 0,
        run.settings.steps,
        loss,
        accuracy,
        bytes_in(run.folder),
        datetime.fromisoformat(run.started),
        run.rates if run.data else None,
        run.changes,
        run.settings.data or "mnist",
    )


def bytes_in(folder: Path) -> int:
    """The bytes of the files in a folder; one may go while they are counted."""
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            kind = path.lstat()
            total += kind.st_size if stat.S_ISREG(kind.st_mode) else 0
    return total


def state_of(folder: Path) -> State:
    """Whether a run is finished, being trained by a process just now, or neither.

    A run whose lock may not be taken, as on a read-only disk, counts as interrupted. Raises
    RunError if its lock is no file.
    """
    locks = check_lock(folder / LOCK)
    if (folder / MODEL).exists():
        return "finished"
    if locks:
        from filelock import FileLock, Timeout

        try:
            with FileLock(folder / LOCK, timeout=0):
                pass
        except Timeout:
            return "running"
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
    return "interrupted"


def check_lock(path: Path) -> bool:
    """Whether there is a lock's file; RunError if something else has its name."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(kind):
        raise RunError(f"{path}: damaged: the lock of a run is a file, this is none")
    return True
