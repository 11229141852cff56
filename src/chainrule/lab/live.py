"""The training that goes on: one run at a time, in a thread of its own, that every page watches.

It is an ordinary run folder, trained by the same `go_on` as on the command line, under the same
lock. To pause is to stop at a checkpoint, to go on is to resume from it, to the same bytes; so a
killed server has lost nothing that the command line would not find.
"""

import base64
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from chainrule.data import Digits
from chainrule.files import remove_empty
from chainrule.lab.asked import Order, RefusedError
from chainrule.lab.shelf import Shelf, run_id, settings_of
from chainrule.network import Array, Loss, Network, count_parameters
from chainrule.runs.checkpoint import Checkpoint, read_checkpoint
from chainrule.runs.folder import begin, change_rate, discard, new_folder, open_run, prepare
from chainrule.runs.going import go_on
from chainrule.runs.lock import locked
from chainrule.runs.run import Run
from chainrule.runs.settings import Change, RunError, Settings
from chainrule.training import DivergenceError, Snapshot
from chainrule.troubles import Measures, measure, troubles

LARGEST = 3_000_000  # parameters of a network that the lab trains and shows
CHECKPOINT_EVERY = 2.0  # seconds: what is recorded can be looked at so much later
CHANGES = 64  # of the rate in a run, so that its link stays one
UNITS = 128  # of the first layer whose weights travel with a frame

State = Literal["running", "paused", "interrupted", "finished", "failed"]
Row = tuple[float | None, ...]  # step, loss, training accuracy, test accuracy
Sets = tuple[Digits, Digits]  # to train on and to test on


class Training:
    """A run and the thread that trains it, which holds the run's lock from its start to its end.

    Its snapshots are never written again, its rows grow at their end alone. Raises what hinders
    the start: RunError, ValueError for settings that do not fit the digits, OSError.
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
    ) -> None:
        self.folder = folder
        self.shown = shown  # how the folder is called to a page
        self.threads = threads
        self.made = made  # folders, the run's own first, if it begins with this
        self.state: State = "running"
        self.version = 0  # counts what there is to tell
        self.snapshot: Snapshot | None = None
        self.rows: list[Row] = []
        self.loss = math.nan  # now; by batches the mean of those since the last row
        self.batches = 0  # in that mean
        self.passed: dict[int, Network] = {}  # recorded since it began, on disk or not yet
        self.seconds = 0.0
        self.error: Exception | None = None
        self.left = math.inf  # steps until it pauses
        self.rounds = 0  # how often it went on
        self.stopping = False
        self.wanted_rate: float | None = None
        self.rate_changed = False
        self.turn = threading.Condition()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.work, args=(start, digits), daemon=True)
        self.thread.start()
        self.ready.wait()
        if self.error is not None and not hasattr(self, "run"):
            self.thread.join()
            raise self.error

    # ------------------------------------------------------------------------- in its own thread

    def work(self, start: Callable[[], Run], digits: Callable[[], Sets]) -> None:
        state: State = "failed"
        try:
            # The same thread must take the lock and give it back.
            with locked(self.folder):
                train_set, test_set = digits()
                run = start()
                try:
                    run = prepare(run, train_set, test_set)
                    reached = read_checkpoint(run)
                    self.train_set = train_set
                    self.to_record = run.recorded
                    self.run = run
                    if reached:
                        self.take_up(reached)
                    self.ready.set()
                    state = self.train(train_set, test_set)
                except Exception as error:
                    if self.made and (run.data is None or leads_nowhere(run, error)):
                        discard(run)
                    raise
        except Exception as error:
            self.error = error
            remove_empty(self.made)
            if not isinstance(error, DivergenceError | ValueError | OSError):
                raise  # a fault of ours: the terminal has it
        finally:
            self.tell(state)
            self.ready.set()

    def take_up(self, reached: Checkpoint) -> None:
        """Know what the run's last checkpoint knows."""
        settings, history = self.run.settings, reached.history.tolist()
        network = Network(settings.sizes, reached.parameters, settings.loss)
        self.rows = [row_of(*row[:4]) for row in history]
        self.seconds = reached.seconds
        _, loss, on_train, on_test = self.rows[-1]
        E = math.nan if loss is None else loss
        since, batches = reached.losses
        self.loss, self.batches = (since / batches, batches) if batches else (E, 0)
        self.snapshot = Snapshot(
            network,
            reached.memory,
            reached.step,
            self.run.key,
            E,
            "training set" if settings.batch_size is None else "batches",
            on_train,
            on_test,
        )

    def train(self, train_set: Digits, test_set: Digits) -> State:
        """Train whenever it is to go on; how that ended."""
        while True:
            with self.turn:
                self.turn.wait_for(lambda: self.left > 0 or self.stopping)
                if self.stopping:
                    return "interrupted"
                self.rounds += 1
                self.tell("running")
            began = time.perf_counter()
            for snapshot in go_on(
                self.run,
                train_set,
                test_set,
                threads=self.threads,
                checkpoint_every=CHECKPOINT_EVERY,
                stop=self.halts,
                new_rate=self.new_rate,
                each_step=True,
            ):
                now = time.perf_counter()
                self.publish(snapshot, now - began)
                began = now
            with self.turn:
                self.left = 0
                if self.step == self.run.length:
                    return "finished"
                if self.wanted_rate is not None:  # it came after the last step was begun
                    self.run = change_rate(self.run, self.step, self.wanted_rate)
                    self.wanted_rate = None
                if self.stopping:
                    return "interrupted"
                self.tell("paused")

    def halts(self) -> bool:
        """Asked after each step: whether it was the last one for now."""
        with self.turn:
            self.left -= 1
            return self.left <= 0 or self.stopping

    def new_rate(self) -> float | None:
        """Asked before each step: another learning rate, if one was wished for."""
        if self.wanted_rate is None:
            return None
        with self.turn:
            rate, self.wanted_rate = self.wanted_rate, None
            self.rate_changed = True
            return rate

    def publish(self, snapshot: Snapshot, seconds: float) -> None:
        """Show a snapshot to who watches."""
        with self.turn:
            if self.rate_changed:
                self.run, self.rate_changed = open_run(self.folder), False
            self.snapshot = snapshot
            self.seconds += seconds
            if snapshot.test_accuracy is None and snapshot.loss_of == "batches":
                self.batches += 1
                self.loss += (snapshot.loss - self.loss) / self.batches
            else:
                self.loss, self.batches = snapshot.loss, 0
            if snapshot.test_accuracy is not None:
                accuracies = snapshot.train_accuracy, snapshot.test_accuracy
                if snapshot.step in self.to_record:
                    self.passed[snapshot.step] = snapshot.network
                self.rows.append(row_of(snapshot.step, snapshot.loss, *accuracies))
            self.version += 1

    def tell(self, state: State) -> None:
        with self.turn:
            self.state = state
            self.version += 1
            self.turn.notify_all()

    # ------------------------------------------------------------------------ from other threads

    @property
    def id(self) -> str:
        return run_id(self.run)

    @property
    def step(self) -> int:
        snapshot = self.snapshot
        return snapshot.step if snapshot else 0

    @property
    def recorded(self) -> list[int]:
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

    def go(self, steps: float) -> None:
        """Take so many steps, then pause; back when it is at them."""
        with self.turn:
            self.left = steps
            if self.state == "paused":
                rounds = self.rounds
                self.turn.notify_all()
                self.turn.wait_for(lambda: self.rounds > rounds or not self.on)

    def pause(self) -> None:
        """Pause after the step it is at; back when that is on disk."""
        with self.turn:
            if self.state == "running":
                self.left = 0
            self.turn.wait_for(lambda: self.state != "running")

    def one_step(self) -> None:
        """Take one step; back when that is on disk."""
        self.go(1)
        with self.turn:
            self.turn.wait_for(lambda: self.state != "running")

    def epoch(self) -> None:
        """Go on to the end of an epoch."""
        size = self.run.settings.batch_size
        steps = 1 if size is None else math.ceil(len(self.train_set) / size)
        self.go(steps - self.step % steps)

    def change_rate(self, rate: float) -> None:
        with self.turn:
            check_changes(self.run)
            if self.state == "paused":  # its thread waits: nobody else writes
                self.run = change_rate(self.run, self.step, rate)
            else:
                self.wanted_rate = rate
            self.version += 1

    def stop(self) -> None:
        """End it at a checkpoint after the step it is at; back when that is on disk."""
        with self.turn:
            self.stopping = True
            self.turn.notify_all()
        self.thread.join()


def leads_nowhere(run: Run, error: Exception) -> bool:
    """Whether a run that ended so has nothing to go on from."""
    with suppress(RunError):
        return isinstance(error, DivergenceError) and read_checkpoint(run) is None
    return False


def row_of(step: float, *values: float | None) -> Row:
    """A row of the history; None where nothing was measured."""
    return int(step), *(None if v is None or math.isnan(v) else v for v in values)


# --------------------------------------------------------------------------------------- the orders


@dataclass(eq=False)
class Live:
    """The one training, and what pages order."""

    shelf: Shelf
    digits: Callable[[], Sets]
    training: Training | None = None
    serial: int = 0  # counts trainings
    orders: threading.Lock = field(default_factory=threading.Lock)  # one order at a time
    closed: bool = False

    @property
    def version(self) -> tuple[int, int]:
        """Is another one when there is something new to tell."""
        training = self.training
        return self.serial, training.version if training else -1

    def obey(self, order: Order) -> None:
        """Do what a page asks; RefusedError with what is running, if that hinders it."""
        with self.orders:
            training = self.training
            if self.closed:
                raise RefusedError("the lab ends", 503)
            if order.do == "start":
                self.start(order)
            elif training is None:
                raise RefusedError("nothing is being trained; start a training first", 409)
            elif order.do == "stop":
                training.stop()
                self.training = None
                self.serial += 1
            elif not training.on:
                raise RefusedError(f"{training.id} is {training.state}; start another", 409)
            elif order.do == "pause":
                training.pause()
            elif order.do == "go":
                training.go(math.inf)
            elif order.do == "step":
                training.one_step()
            elif order.do == "epoch":
                training.epoch()
            elif order.rate is not None:
                training.change_rate(order.rate)

    def start(self, order: Order) -> None:
        before = self.training
        if before is not None and before.on:
            raise RefusedError(
                f"{before.id} is {before.state} at step {before.step:,}; stop it first", 409
            )
        found: Run | None = None
        changes: tuple[Change, ...] = ()
        if isinstance(order.what, str):
            found = self.shelf.find(order.what)
            if found is None:
                settings, changes = settings_of(order.what)
            else:
                settings = found.settings
                check_unfinished(self.shelf, found)
        else:
            settings = Settings(data=None, **order.what)
        count = count_parameters(settings.sizes)
        if count > LARGEST:
            raise RefusedError(
                f"the lab trains networks of up to {LARGEST:,} parameters, this one has {count:,}"
            )
        made = [] if found else self.new_folder()
        folder = found.folder if found else made[0]

        def first() -> Run:
            if not found:
                return begin(folder, settings, changes)
            run = open_run(folder)
            if order.rate is None:
                return run
            check_changes(run)
            reached = read_checkpoint(run)
            return change_rate(run, reached.step if reached else 0, order.rate)

        try:
            ours = folder.parent == self.shelf.folder
            shown = f"runs/{folder.name}" if ours else str(folder)
            self.training = Training(
                folder, first, self.digits, order.threads, shown=shown, made=made
            )
        except (RunError, ValueError, OSError) as error:
            reason = str(error).replace(str(self.shelf.folder), "runs")
            raise RefusedError(reason, 409 if isinstance(error, RunError) else 400) from None
        self.serial += 1

    def new_folder(self) -> list[Path]:
        """A folder for a new run, named after the time as on the command line."""
        try:
            return new_folder(self.shelf.folder)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RefusedError(f"the folder runs cannot be written: {reason}", 500) from None

    def close(self) -> None:
        """End what is trained at a checkpoint, also if it has only been asked for."""
        with self.orders:
            self.closed = True
            if self.training is not None:
                self.training.stop()


def check_unfinished(shelf: Shelf, run: Run) -> None:
    try:
        reached = shelf.standing(run)
    except RunError as error:
        raise RefusedError(str(error).replace(str(shelf.folder), "runs"), 409) from None
    if reached and reached.step == run.length:
        raise RefusedError(f"{run_id(run)} is finished; start another", 409)
    if run.settings.data is not None:
        raise RefusedError(
            f"{run_id(run)} learns from other digits: go on with chainrule train --resume", 409
        )


def check_changes(run: Run) -> None:
    if len(run.changes) >= CHANGES:
        raise RefusedError(f"the rate of a run can be changed {CHANGES} times here", 409)


# --------------------------------------------------------------------------------------- the frames


def about(training: Training) -> dict[str, Any]:
    """What a page is shown of a training just now, but for its rows."""
    snapshot, run, error = training.snapshot, training.run, training.error
    rows = training.rows[:]
    measures = measure(snapshot.network, training.train_set) if snapshot else None
    if isinstance(error, DivergenceError):
        rows.append((training.step + 1, math.nan, None, None))
    history = np.array(rows, np.float64).reshape(-1, 4)  # None becomes NaN
    return {
        "id": training.id,
        "state": training.state,
        "step": training.step,
        "length": run.length,
        "rate": training.rate,
        "loss": training.loss if snapshot else None,
        "train_accuracy": snapshot.train_accuracy if snapshot else None,
        "test_accuracy": training.rows[-1][3] if training.rows else None,
        "seconds": training.seconds,
        "recorded": training.recorded,
        **looks(measures, history, run.settings.loss),
        "error": error and str(error).replace(str(training.folder), training.shown),
        "units": units(snapshot.network) if snapshot else None,
    }


def looks(measures: Measures | None, history: Array, loss: Loss) -> dict[str, Any]:
    """What a step looks like from inside: the sizes of dW, the shares of dead units, troubles."""
    found = troubles(history, measures, loss=loss) if measures and len(history) else []
    return {
        "norms": measures.dW if measures else [],
        "dead": measures.dead if measures else [],
        "troubles": [
            {"name": each.name, "says": f"{each.shows} {each.remedy}", **each._asdict()}
            for each in found
        ],
    }


def units(network: Network) -> dict[str, Any]:
    """The weights of the first layer's units as bytes: 128 is 0, 1 and 255 the largest size."""
    W: Array = network.layers[0][0][:UNITS]
    scale = float(np.abs(W).max())
    u8 = np.round(128 + W * (127 / scale)) if scale > 0 else np.full(W.shape, 128)
    return {
        "shape": W.shape,
        "u8": base64.b64encode(u8.astype(np.uint8).tobytes()).decode(),
        "scale": scale,
    }
