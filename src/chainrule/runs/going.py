"""A run goes on: from its last checkpoint to its end, or until it is stopped."""

import math
import os
import re
import stat
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from chainrule.data import Digits
from chainrule.engine.choice import EngineName, missing
from chainrule.files import in_words
from chainrule.model import MODEL, save_model
from chainrule.runs.changes import change_rate, end_early
from chainrule.runs.checkpoint import (
    Checkpoint,
    read_checkpoint,
    what_is_safe,
    write_checkpoint,
    write_history,
)
from chainrule.runs.digits import parts_of
from chainrule.runs.folder import open_run, resume_command, start_of_run
from chainrule.runs.patience import best_row, is_over
from chainrule.runs.run import CHECKPOINT, HISTORY, RUN, START, Run
from chainrule.runs.settings import RunError
from chainrule.runs.trajectory import check_place, growing, trajectory_row
from chainrule.training import DivergenceError, Evaluation, Snapshot, evaluate, train

WHOLE = (RUN, MODEL, CHECKPOINT, HISTORY, START)  # those that write_whole writes
LEFTOVER = re.compile(rf"\.({'|'.join(map(re.escape, WHOLE))})\.[0-9a-f]{{8}}")
CHECKPOINT_EVERY = 5.0  # seconds
LOOK_UP = 0.05  # seconds: so long nobody is asked whether to stop


def go_on(
    run: Run,
    train_set: Digits,
    test_set: Digits,
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
    allowed: Callable[[int], float] = lambda step: math.inf,
    new_rate: Callable[[], float | None] = lambda: None,
    between: bool = False,
    train_accuracy: bool = False,
) -> Iterator[Snapshot]:
    """Train a prepared run to its end from where it stands; the snapshots of its new history rows.

    The steps are taken some at a time, which last about LOOK_UP seconds. With `between` there is a
    snapshot after each time: those without a row have no test accuracy, and in a training by
    batches the loss is the mean of the batches since the last snapshot.

    `allowed` is told each time how many steps there have been, and says how many more may be taken.
    At 0 this ends, with the state on disk, as it is about every `checkpoint_every` seconds and at
    the end. `new_rate` is asked each time for another learning rate, None to leave it as it is; a
    change is in run.json before the next step is taken. `train_accuracy` adds the accuracy on all
    training digits to each row of a training by batches, which has none otherwise; whoever goes on
    with a run that has it adds it too. It changes no parameter. The caller holds the run's lock.
    Raises RunError if a file cannot be written or is damaged, or if the run's engine cannot be used
    here, DivergenceError as `train` does.
    """
    run = open_run(run.folder)  # with the changes made since it was prepared
    reached = read_checkpoint(run)
    if reached is None or reached.step < run.length:
        engine_of(run)
    remove_leftovers(run.folder)
    try:
        for snapshot in steps_of(
            run,
            reached,
            (train_set, test_set),
            Sharing(threads, executor),
            checkpoint_every,
            allowed,
            new_rate,
            train_accuracy,
        ):
            if between or snapshot.test_accuracy is not None:
                yield snapshot
        run = open_run(run.folder)  # its patience may have ended it
        finished = read_checkpoint(run)
        if finished and finished.step == run.length:
            if reached and reached.step == run.length:  # killed after its last checkpoint
                write_history(run, finished.history)
            save_model(run.network(finished.kept(run)[1]), run.folder / MODEL)
    except OSError as error:
        place = error.filename or run.folder
        raise RunError(f"{place}: {in_words(error)}; {what_is_safe(run)}") from None


def engine_of(run: Run) -> EngineName:
    """The engine of a run; RunError if it cannot be used here."""
    match run.engine:
        case "numpy":
            return "numpy"
        case "compiled":
            if reason := missing():
                raise RunError(
                    f"{run.folder}: it was trained by the compiled engine, which cannot be used "
                    f"here: {reason}; go on with: {resume_command(run.folder)} --engine numpy "
                    f"(bytes will differ from here on)"
                )
            return "compiled"
    raise RunError(
        f"{run.folder}: its engine is {run.engine[:40]!r}, which this chainrule has not; "
        f"go on with it where that is"
    )


def remove_leftovers(folder: Path) -> None:
    """Remove what processes left that were killed while they wrote a run's file here.

    Those are regular files with a name as write_whole gives it. Anything else is somebody's. The
    caller holds the run's lock, under which alone these files are written.
    """
    for path in folder.iterdir():
        if LEFTOVER.fullmatch(path.name) and stat.S_ISREG(path.lstat().st_mode):
            path.unlink()


class Sharing(NamedTuple):
    """Who computes, as in `train`."""

    threads: int | None
    executor: Executor | None


def steps_of(
    run: Run,
    reached: Checkpoint | None,
    sets: tuple[Digits, Digits],
    sharing: Sharing,
    checkpoint_every: float,
    allowed: Callable[[int], float],
    new_rate: Callable[[], float | None],
    train_accuracy: bool,
) -> Iterator[Snapshot]:
    """Every snapshot after the checkpoint."""
    if reached and reached.step == run.length:
        return
    (train_set, validation), test_set = parts_of(run, sets[0]), sets[1]
    with growing(run, reached.trajectory_rows if reached else 0) as trajectory:
        record = Record(run, reached, trajectory)
        asked = train_accuracy or record.has_train_accuracy
        measured = Measured(train_set if asked else None, test_set, validation)
        pace = Pace(record, allowed, new_rate)
        saved = time.monotonic()
        began = time.perf_counter()
        for snapshot in trained(record, reached, train_set, sharing, pace):
            record.seconds += pace.note(snapshot.step, time.perf_counter() - began)
            snapshot = record.note(snapshot, measured, sharing)
            stopping = allowed(snapshot.step) < 1
            at_end = snapshot.step == record.run.length
            if stopping or at_end or time.monotonic() - saved >= checkpoint_every:
                record.save(snapshot)
                saved = time.monotonic()
            yield snapshot
            if stopping or at_end:
                return
            began = time.perf_counter()


def trained(
    record: "Record",
    reached: Checkpoint | None,
    train_set: Digits,
    sharing: Sharing,
    pace: "Pace",
) -> Iterator[Snapshot]:
    """The training of a run from its checkpoint on."""
    run = record.run
    settings = run.settings
    network, rng = start_of_run(run)
    start = None
    if reached:
        network = run.network(reached.parameters)
        start = Snapshot(network, reached.memory, reached.step, run.key, math.nan, "training set")
    return train(
        network,
        train_set,
        optimizer=settings.rule,
        learning_rate=lambda step: record.run.scheduled_rate(step),
        deform=settings.deform,
        batch_size=settings.batch_size,
        steps=run.length,
        every=pace.next,
        train_accuracy=settings.sees_all,
        rng=rng,
        start=start,
        engine=engine_of(run),
        **sharing._asdict(),
    )


class Measured(NamedTuple):
    """The digits on which a row of the history is measured."""

    train: Digits | None
    test: Digits
    validation: Digits | None


class Pace:
    """How many steps a run takes at a time: to the next row of its history, or so many as last
    about LOOK_UP seconds."""

    def __init__(
        self,
        record: "Record",
        allowed: Callable[[int], float],
        new_rate: Callable[[], float | None],
    ) -> None:
        self.record = record
        self.allowed = allowed
        self.new_rate = new_rate
        self.step = 0
        self.count = 1

    def next(self, step: int) -> int:
        """How many steps to take after so many, perhaps at another rate."""
        wanted = self.new_rate()
        if wanted is not None:
            self.record.change_rate(step, wanted)
        moments = self.record.ascending
        row = moments[bisect_right(moments, step)]
        self.step = step
        return int(max(1, min(self.count, row - step, self.allowed(step))))

    def note(self, step: int, seconds: float) -> float:
        """Note that the steps up to this one took so long; gives the seconds back."""
        if step > self.step:
            fitting = LOOK_UP * (step - self.step) / max(seconds, 1e-6)
            self.count = int(max(1, min(fitting, 2 * self.count)))
        return seconds


class Record:
    """The history and the trajectory of a run, as they grow from one checkpoint to the next."""

    def __init__(self, run: Run, reached: Checkpoint | None, trajectory: BinaryIO) -> None:
        self.run = run
        self.trajectory = trajectory
        self.ascending = run.moments
        self.moments, self.recorded_steps = set(run.moments), set(run.recorded_steps)
        self.history: list[list[float]] = reached.history.tolist() if reached else []
        self.losses = reached.losses if reached else (0.0, 0)  # of batches since the last row
        self.seconds = reached.seconds if reached else 0.0
        self.rows = reached.trajectory_rows if reached else 0  # of the trajectory
        self.best = reached.best if reached else None  # parameters, in a run with patience

    @property
    def has_train_accuracy(self) -> bool:
        """Whether the last row of the history says how the training digits are read."""
        return bool(self.history) and not math.isnan(self.history[-1][2])

    def note(self, snapshot: Snapshot, sets: Measured, sharing: Sharing) -> Snapshot:
        """Note a snapshot; at a moment of the history it comes back measured on these digits."""
        step = snapshot.step
        for loss in snapshot.losses:
            self.losses = self.losses[0] + loss, self.losses[1] + 1
        if step not in self.moments:
            return snapshot
        engine = engine_of(self.run)
        seen = measured(snapshot, sets.test, "test", engine, sharing).accuracy
        trained = snapshot.train_accuracy
        if trained is None and sets.train is not None:
            trained = measured(snapshot, sets.train, "training", engine, sharing).accuracy
        validated = None
        if sets.validation is not None:
            validated = measured(snapshot, sets.validation, "validation", engine, sharing)
        E = self.losses[0] / self.losses[1] if self.losses[1] else snapshot.loss
        self.losses = 0.0, 0
        on_train = math.nan if trained is None else trained
        on_others = (validated.loss, validated.accuracy) if validated else (math.nan, math.nan)
        self.history.append([step, E, on_train, seen, self.seconds, *on_others])
        self.look_at_validation(snapshot)
        if step in self.recorded_steps:
            self.trajectory.write(trajectory_row(step, snapshot.network.parameters))
            self.rows += 1
        return replace(
            snapshot,
            loss=E,
            train_accuracy=trained,
            test_accuracy=seen,
            validation_loss=validated.loss if validated else None,
            validation_accuracy=validated.accuracy if validated else None,
        )

    def look_at_validation(self, snapshot: Snapshot) -> None:
        """After a row, keep the parameters if they are the best; end the run if it waited enough.

        The end is in run.json before the checkpoint that is at it.
        """
        if self.run.settings.patience is None:
            return
        history = np.array(self.history)
        if best_row(history) == len(history) - 1:
            self.best = snapshot.network.parameters
        if is_over(self.run, history):
            check_place(self.trajectory, self.run)
            self.run = end_early(self.run, snapshot.step)

    def save(self, snapshot: Snapshot) -> None:
        """Put the state after this snapshot on disk."""
        check_place(self.trajectory, self.run)
        self.trajectory.flush()
        os.fsync(self.trajectory.fileno())
        checkpoint = Checkpoint(
            snapshot.step,
            snapshot.network.parameters,
            snapshot.memory,
            np.array(self.history, np.float64),
            self.losses,
            self.seconds,
            self.rows,
            self.best,
        )
        write_checkpoint(self.run, checkpoint)

    def change_rate(self, step: int, learning_rate: float) -> None:
        """Take the steps after this one at another rate, once that is on disk."""
        check_place(self.trajectory, self.run)
        self.run = change_rate(self.run, step, learning_rate)


def measured(
    snapshot: Snapshot, digits: Digits, part: str, engine: EngineName, sharing: Sharing
) -> Evaluation:
    """How a snapshot reads the test, the training or the validation digits."""
    try:
        return evaluate(snapshot.network, digits, engine=engine, **sharing._asdict())
    except OverflowError as error:  # the next step would find it
        reason = f"after step {snapshot.step:,}, on the {part} digits {error}"
        raise DivergenceError(reason, snapshot.step) from None
