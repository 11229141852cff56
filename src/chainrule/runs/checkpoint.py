"""The checkpoint of a run: all that it needs to go on to the same bytes."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from chainrule.data import CLASSES
from chainrule.descent import MEMORY_ROWS
from chainrule.engine.with_numpy import NumpyEngine
from chainrule.files import Kind, ModelError, Sealed, check_seal, seal, sealed, write_whole
from chainrule.network import Array, count_parameters
from chainrule.runs.folder import is_there, open_run, resume_command
from chainrule.runs.patience import kept_step
from chainrule.runs.run import CHECKPOINT, FORMAT, FORMATS, HISTORY, RUN, Run
from chainrule.runs.settings import ENTRIES, Computing, RunError, Settings, refusal

COLUMNS = (
    *("step", "loss", "train_accuracy", "test_accuracy", "seconds"),
    *("validation_loss", "validation_accuracy"),
)
Taken = TypeVar("Taken")


def what_is_safe(run: Run) -> str:
    """Up to which step a run is on disk now, and how to continue it."""
    if not is_there(run):
        return f"{run.folder} does not hold this run any more: it was moved or removed"
    try:
        reached = read_checkpoint(run)
    except RunError as error:
        return f"its last checkpoint is lost: {error}"
    step = reached.step if reached else 0
    return f"the run is safe up to step {step:,}; go on with: {resume_command(run.folder)}"


class Checkpoint(NamedTuple):
    """A snapshot on disk, with the run's history up to it."""

    step: int
    parameters: Array  # (n,)
    memory: Array  # (rows, n)
    history: NDArray[np.float64]  # (rows, 7), the columns of history.csv; NaN where not measured
    losses: tuple[float, int]  # of the batches since the last row: their sum and their number
    seconds: float  # of training
    trajectory_rows: int
    best: Array | None = None  # (n,), where the validation loss was lowest, of a run with patience

    def kept(self, run: Run) -> tuple[int, Array]:
        """The step and the parameters of the network that stands for the run."""
        step = kept_step(run, self.step, self.history)
        return step, self.parameters if self.best is None or step == self.step else self.best


def write_checkpoint(run: Run, checkpoint: Checkpoint) -> None:
    best = () if checkpoint.best is None else (checkpoint.best[None],)
    state = np.concatenate([checkpoint.parameters[None], checkpoint.memory, *best])
    content = {
        "format": FORMAT,
        "run": run.identity(checkpoint.step),
        "step": checkpoint.step,
        "losses": list(checkpoint.losses),
        "seconds": checkpoint.seconds,
        "recorded": checkpoint.trajectory_rows,
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
    """A checkpoint without its state: how far a run has come."""

    step: int
    history: NDArray[np.float64]  # (rows, 7), as a Checkpoint has it
    losses: tuple[float, int]
    seconds: float
    trajectory_rows: int


def read_checkpoint(run: Run) -> Checkpoint | None:
    """The last checkpoint of a run, None before its first; RunError if it is not of this run."""
    return read_part(run, lambda file, found: checkpoint_of(run, file, found))


def last_checkpoint(run: Run) -> Checkpoint:
    """The last checkpoint of a run; RunError if it has none yet, or if that is not of this run."""
    reached = read_checkpoint(run)
    if reached is None:
        go_on = resume_command(run.folder)
        raise RunError(f"{run.folder}: no checkpoint yet; go on with: {go_on}")
    return reached


def read_progress(run: Run) -> Progress | None:
    """How far a run has come, None before its first checkpoint; RunError if it is not of this run.

    This is for lists: it is quick and takes no memory, however large the network. The checksum
    covers the state too, so it is not checked here: the history may be a damaged one.
    """
    return read_part(run, lambda _, found: found)


def read_part(run: Run, take: Callable[[Sealed, Progress], Taken]) -> Taken | None:
    """Read the run's checkpoint and give it to `take`; None if there is none."""
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


def unknown_to(form: int, step: int) -> dict[str, Any]:
    """What a format did not yet record of a run until a step, with the values runs had then."""
    first = Settings().as_json()
    later = {n: first[n] for n, each in ENTRIES.items() if each.identity and each.since > form}
    if form < 4:
        later["engines"] = [Computing(0, NumpyEngine.name)._asdict()] if step else []
    later |= {"classes": CLASSES} if form < 5 else {}
    later |= {"start": None, "extensions": []} if form < 6 else {}
    return later | ({"changes": []} if form < 2 else {})


def checkpoint_of(run: Run, file: Sealed, found: Progress) -> Checkpoint:
    """The checkpoint in this file; ModelError if a number in it has changed."""
    state = file.read("state")
    as_written = found.history[:, : file.arrays["history"].shape[1]]
    check_seal(file, {"state": state, "history": np.ascontiguousarray(as_written)})
    if not np.isfinite(state).all():
        raise ModelError("damaged: its state is not finite")
    end = 1 + MEMORY_ROWS[run.settings.optimizer]
    best = state[end] if len(state) > end else None
    return Checkpoint(found.step, state[0], state[1:end], *found[1:], best)


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
    if isinstance(of, dict):
        of = {**unknown_to(content["format"], until), **of}
    moving = "changes", "engines", "extensions"
    if isinstance(of, dict) and any(of.get(name) != wanted[name] for name in moving):
        # It may have been trained on, in another way, since it was opened. A change is in run.json
        # before it is in a checkpoint, so what is there now knows all that this one has.
        now = open_run(run.folder)
        moved = {name: getattr(now, name) for name in moving}
        run = replace(run, ended=now.ended, **moved)
        wanted = run.identity(until)
    if of != wanted:
        names = [n for n in wanted if not isinstance(of, dict) or of.get(n) != wanted[n]]
        came = of.get(names[0]) if isinstance(of, dict) and names else of
        name = names[0] if names else "run"
        raise ModelError(
            f"it is of another run: its {name} is {came!r:.70}, "
            f"that of {RUN} is {wanted.get(name)!r:.70}"
        )
    moments = [moment for moment in run.moments if moment <= until]
    rows = 1 + MEMORY_ROWS[run.settings.optimizer] + (run.settings.patience is not None)
    known = len(COLUMNS) if content["format"] > 5 else len(COLUMNS) - 2
    for name, kind in (
        ("state", Kind("float32", (rows, count_parameters(run.sizes)))),
        ("history", Kind("float64", (len(moments), known))),
    ):
        if arrays[name] != kind:
            raise ModelError(f"its {name} must be {kind}, got {arrays[name]}")
    history = np.asarray(file.read("history"), np.float64)
    missing = np.full((len(moments), len(COLUMNS) - known), np.nan)
    if not (
        type(step) is int
        and 0 <= step <= run.length
        and history[:, 0].tolist() == moments
        and isinstance(losses, list)
        and [type(x) for x in losses] == [float, int]
        and 0 <= losses[1] < 2**53
        and type(seconds) is float
        and math.isfinite(seconds + losses[0])
        and content["recorded"] == sum(s <= step for s in run.recorded_steps)
    ):
        raise ModelError("its fields are not those of a checkpoint")
    history = np.hstack([history, missing])
    return Progress(step, history, (losses[0], losses[1]), seconds, content["recorded"])
