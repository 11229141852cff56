"""The run in training: what pages see of it, and what they ask of it. Nothing here is a thread.

It is an ordinary run folder, trained by the same `go_on` as on the command line. To pause is to
stop at a checkpoint, to go on is to resume from it, to the same bytes; so a killed server has lost
nothing that the command line would not find.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from chainrule.data import Digits
from chainrule.engine.choice import missing
from chainrule.lab.wire import RefusedError
from chainrule.network import Network
from chainrule.runs.changes import change_rate
from chainrule.runs.checkpoint import Checkpoint, read_checkpoint
from chainrule.runs.digits import parts_of
from chainrule.runs.folder import discard, open_run, prepare
from chainrule.runs.going import go_on
from chainrule.runs.names import run_id
from chainrule.runs.run import Run
from chainrule.runs.settings import RunError
from chainrule.training import DivergenceError, Snapshot

CHECKPOINT_EVERY = 2.0  # seconds: how long a recorded step may not yet be on disk
CHANGES = 64  # of the rate in a run, so that its link does not get too long
TrainingState = Literal["running", "paused", "interrupted", "finished", "failed"]
# step, loss, training, test accuracy, validation loss and accuracy
HistoryRow = tuple[float | None, ...]
COLUMNS = (*range(4), 5, 6)  # of a checkpoint's history
Sets = tuple[Digits, Digits]  # to train on and to test on


def history_row(step: float, *values: float | None) -> HistoryRow:
    """A row of the history; None where nothing was measured."""
    return int(step), *(None if v is None or math.isnan(v) else v for v in values)


def rows_of(history: list[list[float]]) -> list[HistoryRow]:
    """The rows of a checkpoint's history."""
    return [history_row(*(row[column] for column in COLUMNS)) for row in history]


class Training:
    """A run in training: what pages see of it, and what they ask of it.

    Its driver, a thread or a test, holds the run's lock, calls `open` once, and `steps` whenever it
    is to go on. Its snapshots are never written again, its rows grow at their end alone.
    """

    run: Run

    def __init__(
        self,
        folder: Path,
        start: Callable[[], Run],
        digits: Callable[[], Sets],
        threads: int | None,
        *,
        shown: str,
        made: Sequence[Path] = (),
        train_accuracy: bool = False,
    ) -> None:
        self.folder = folder
        self.start = start
        self.digits = digits
        self.threads = threads
        self.shown = shown  # the folder's name on the page
        self.train_accuracy = train_accuracy  # in a training by batches, which has none otherwise
        self.made = made  # folders, the run's own first, if it begins with this
        self.state: TrainingState = "running"
        self.version = 0  # counts what there is to tell
        self.snapshot: Snapshot | None = None
        self.rows: list[HistoryRow] = []
        self.loss = math.nan  # now; by batches the mean of those since the last row
        self.batches = 0  # in that mean
        self.passed: dict[int, Network] = {}  # recorded since it began, on disk or not yet
        self.seconds = 0.0
        self.error: Exception | None = None
        self.told: list[str] = []  # by its engine, while that gets ready
        self.end = math.inf  # the step at which it pauses
        self.asked: Callable[[int], float] | None = None  # for another end, after so many steps
        self.ending: TrainingState | None = None  # its last state, once there are no more steps
        self.stopping = False
        self.wanted_rate: float | None = None
        self.rate_changed = False

    # ------------------------------------------------------------------------------- for its driver

    def open(self) -> None:
        """Begin the run, or load its last checkpoint.

        Raises what prevents the start: RunError, ValueError for settings that do not fit the
        digits, OSError.
        """
        self.train_set, self.test_set = self.digits()
        run = self.start()
        try:
            run = prepare(run, self.train_set, self.test_set)
            reached = read_checkpoint(run)
        except Exception:
            if self.made and run.data is None:
                discard(run)
            raise
        self.learned, _ = parts_of(run, self.train_set)
        self.to_record = run.recorded_steps
        self.run = run
        if reached:
            self.load(reached)

    def load(self, reached: Checkpoint) -> None:
        """Load the run's last checkpoint."""
        settings, history = self.run.settings, reached.history.tolist()
        self.rows = rows_of(history)
        self.seconds = reached.seconds
        _, loss, on_train, on_test = self.rows[-1][:4]
        E = math.nan if loss is None else loss
        since, batches = reached.losses
        self.loss, self.batches = (since / batches, batches) if batches else (E, 0)
        self.snapshot = Snapshot(
            self.run.network(reached.parameters),
            reached.memory,
            reached.step,
            self.run.key,
            E,
            "training set" if settings.sees_all else "batches",
            on_train,
            on_test,
        )

    def steps(self) -> Iterator[None]:
        """Take steps until it is to pause, or is at its end; once for some, and for the start.

        Raises DivergenceError, after which a new run without a checkpoint is gone, and RunError.
        """
        if self.state != "running":
            self.publish_state("running")
        self.get_ready()
        began = time.perf_counter()
        try:
            for snapshot in go_on(
                self.run,
                self.train_set,
                self.test_set,
                threads=self.threads,
                checkpoint_every=CHECKPOINT_EVERY,
                allowed=self.allowed,
                new_rate=self.new_rate,
                between=True,
                train_accuracy=self.train_accuracy,
            ):
                now = time.perf_counter()
                self.publish(snapshot, now - began)
                began = now
                yield
        except DivergenceError:
            if self.made and leads_nowhere(self.run):
                discard(self.run)
            raise
        self.rest()

    def get_ready(self) -> None:
        """Have the engine ready: where it was never used it is compiled, which pages are told."""
        if self.run.engine == "compiled" and missing() is None:
            from chainrule.engine.compiled.ready import make_ready

            make_ready(self.tell)
            self.told = []

    def tell(self, line: str) -> None:
        """Tell every page what there is to know of the engine."""
        self.told.append(line)
        self.version += 1

    def rest(self) -> None:
        """After its last step for now: it pauses, or ends."""
        self.run = open_run(self.folder)  # its patience may have ended it
        if self.step == self.run.length:
            self.ending = "finished"
            return
        if self.wanted_rate is not None:  # it came after the last step was begun
            self.run = change_rate(self.run, self.step, self.wanted_rate)
            self.wanted_rate = None
        if self.stopping:
            self.ending = "interrupted"
        elif self.left(self.step) < 1:  # else it was told to go on meanwhile
            self.publish_state("paused")

    def allowed(self, step: int) -> float:
        """Asked after so many steps: how many more it may take for now."""
        return self.left(step)

    def left(self, step: int) -> float:
        """How many steps more than these it is to take for now, by the last order."""
        if self.asked is not None:
            self.end, self.asked = self.asked(step), None
        return 0 if self.stopping else self.end - step

    def new_rate(self) -> float | None:
        """Asked before some steps: another learning rate, if a page has asked for one."""
        rate, self.wanted_rate = self.wanted_rate, None
        self.rate_changed |= rate is not None
        return rate

    def publish(self, snapshot: Snapshot, seconds: float) -> None:
        """Publish a snapshot to every page."""
        if self.rate_changed:
            self.run, self.rate_changed = open_run(self.folder), False
        self.snapshot = snapshot
        self.seconds += seconds
        for loss in snapshot.losses:
            self.batches += 1
            self.loss += (loss - self.loss) / self.batches
        if snapshot.test_accuracy is not None or not snapshot.losses:
            self.loss, self.batches = snapshot.loss, 0
        if snapshot.test_accuracy is not None:
            accuracies = snapshot.train_accuracy, snapshot.test_accuracy
            validated = snapshot.validation_loss, snapshot.validation_accuracy
            if snapshot.step in self.to_record:
                self.passed[snapshot.step] = snapshot.network
            self.rows.append(history_row(snapshot.step, snapshot.loss, *accuracies, *validated))
        self.version += 1

    def publish_state(self, state: TrainingState) -> None:
        """Publish a state to every page."""
        self.state = state
        self.version += 1

    # ------------------------------------------------------------------------------- for the pages

    @property
    def id(self) -> str:
        return run_id(self.run)

    @property
    def step(self) -> int:
        snapshot = self.snapshot
        return snapshot.step if snapshot else 0

    @property
    def recorded_steps(self) -> list[int]:
        """The steps that can be looked at."""
        return [step for step in self.to_record if step <= self.step and self.snapshot]

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        wanted = self.wanted_rate
        return self.run.learning_rate(self.step) if wanted is None else wanted

    @property
    def on(self) -> bool:
        """Whether it holds its run."""
        return self.state in ("running", "paused")

    # Some steps may be on their way when an order comes: it is meant from the end of those on.

    def go(self, to: Callable[[int], float] = lambda step: math.inf) -> None:
        """Go on to the step that `to` gives, told how many there have been; then pause."""
        self.asked = to

    def pause(self) -> None:
        """Pause after the steps it is at."""
        if self.state == "running":
            self.asked = lambda step: step

    def one_step(self) -> None:
        """Take one step."""
        self.go(lambda step: step + 1)

    def epoch(self) -> None:
        """Go on to the end of an epoch."""
        size = self.run.settings.batch_size
        steps = 1 if size is None else math.ceil(len(self.learned) / size)
        self.go(lambda step: step + steps - step % steps)

    def change_rate(self, rate: float) -> None:
        """Take the next steps at this learning rate."""
        check_changes(self.run)
        if self.state == "paused":  # nobody else writes
            self.run = change_rate(self.run, self.step, rate)
        else:
            self.wanted_rate = rate
        self.version += 1

    def stop(self) -> None:
        """End it at a checkpoint after the steps it is at."""
        self.stopping = True


def leads_nowhere(run: Run) -> bool:
    """Whether a run that diverged has nothing to go on from."""
    with suppress(RunError):
        return read_checkpoint(run) is None
    return False


def check_changes(run: Run) -> None:
    if len(run.changes) >= CHANGES:
        raise RefusedError(f"the rate of a run can be changed {CHANGES} times here", "conflict")
