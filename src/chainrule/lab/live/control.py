"""The one training, and the orders that pages give it. Nothing here starts a thread."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

from chainrule.engine.choice import EngineName
from chainrule.files import in_words
from chainrule.lab.live.training import Sets, Training, check_changes
from chainrule.lab.wire import RefusedError
from chainrule.network import count_parameters
from chainrule.runs.changes import change_rate
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.digits import reading_of
from chainrule.runs.folder import begin, new_folder, open_run
from chainrule.runs.going import engine_of
from chainrule.runs.names import Recipe, run_id, settings_of
from chainrule.runs.run import Run
from chainrule.runs.settings import RunError, Settings
from chainrule.runs.shelf import Shelf
from chainrule.sources.opening import load_both

LARGEST = 3_000_000  # parameters of a network that the lab trains and shows


class Order(NamedTuple):
    """What is to become of the training: what to start, or what to do with the one that is on."""

    do: str
    what: str | dict[str, Any] = ""  # to start: a run's id, or settings by name
    threads: int | None = None
    rate: float | None = None  # from now on
    engine: EngineName = "auto"  # of a new run
    data: str | None = None  # the folder of digits that a new run learns from; None: MNIST
    train_accuracy: bool = False  # to be measured in a training by batches


@dataclass(eq=False)
class Live:
    """The one training, and the orders that pages give it."""

    shelf: Shelf
    digits: Callable[[], Sets]
    trainer: Callable[..., Training]  # makes a training, and drives it
    drawn: Path | None = None  # the folder of the sets of drawings, on which it may train too
    training: Training | None = None
    serial: int = 0  # counts trainings
    orders: threading.Lock = field(default_factory=threading.Lock)  # one order at a time
    closed: bool = False

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever there is news."""
        training = self.training
        return self.serial, training.version if training else -1

    def execute(self, order: Order) -> None:
        """Do what a page orders; RefusedError, with what is running, if that prevents it."""
        with self.orders:
            training = self.training
            if self.closed:
                raise RefusedError("the lab ends", "ended")
            if order.do == "start":
                self.start(order)
            elif training is None:
                raise RefusedError("nothing is being trained; start a training first", "conflict")
            elif order.do == "stop":
                training.stop()
                self.training = None
                self.serial += 1
            elif not training.on:
                raise RefusedError(f"{training.id} is {training.state}; start another", "conflict")
            elif order.do == "pause":
                training.pause()
            elif order.do == "go":
                training.go()
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
                f"{before.id} is {before.state} at step {before.step:,}; stop it first", "conflict"
            )
        found: Run | None = None
        if isinstance(order.what, str):
            found = self.shelf.find(order.what)
            if found is None:
                asked = trainable(order.what)
            else:
                asked = Recipe(found.settings)
                check_unfinished(self.shelf, found, self.drawn)
        else:
            asked = Recipe(ordered(order), engine=order.engine)
        check_size(asked.settings)
        made = [] if found else self.new_folder()
        folder = found.folder if found else made[0]

        def first() -> Run:
            if not found:
                return begin(folder, asked.settings, asked.changes, engine=asked.engine)
            run = open_run(folder)
            if order.rate is None:
                return run
            check_changes(run)
            reached = read_checkpoint(run)
            return change_rate(run, reached.step if reached else 0, order.rate)

        try:
            ours = folder.parent == self.shelf.folder
            shown = f"runs/{folder.name}" if ours else str(folder)
            self.training = self.trainer(
                folder,
                first,
                self.digits_of(asked.settings),
                order.threads,
                shown=shown,
                made=made,
                train_accuracy=order.train_accuracy,
            )
        except (RunError, ValueError, OSError) as error:
            reason = str(error).replace(str(self.shelf.folder), "runs")
            if self.drawn:
                reason = reason.replace(str(self.drawn.absolute()), "drawings")
            raise RefusedError(
                reason, "conflict" if isinstance(error, RunError) else "wrong"
            ) from None
        self.serial += 1

    def digits_of(self, settings: Settings) -> Callable[[], Sets]:
        """What gives the digits that a run of these settings learns from."""
        place = settings.data
        return self.digits if place is None else lambda: load_both(place, reading_of(settings))

    def new_folder(self) -> list[Path]:
        """A folder for a new run, named after the time as on the command line."""
        try:
            return new_folder(self.shelf.folder)
        except OSError as error:
            raise RefusedError(
                f"the folder runs cannot be written: {in_words(error)}", "unwritable"
            ) from None

    def close(self) -> None:
        """End the training at a checkpoint, also one that was ordered but has not begun."""
        with self.orders:
            self.closed = True
            if self.training is not None:
                self.training.stop()


def ordered(order: Order) -> Settings:
    """The settings of an order to start; RefusedError if they cannot be together."""
    try:
        return Settings(data=order.data, **cast("dict[str, Any]", order.what))
    except RunError as error:
        raise RefusedError(str(error)) from None


def trainable(id: str) -> Recipe:
    """What a run is to be that is to be trained here, from its id."""
    try:
        return settings_of(id)
    except RunError as error:
        raise RefusedError(str(error), "missing") from None


def check_size(settings: Settings) -> None:
    count = count_parameters(settings.sizes())
    if count > LARGEST:
        raise RefusedError(
            f"the lab trains networks of up to {LARGEST:,} parameters, this one has {count:,}"
        )


def check_unfinished(shelf: Shelf, run: Run, drawn: Path | None) -> None:
    try:
        reached = shelf.standing(run)
        engine_of(run)
    except RunError as error:
        raise RefusedError(str(error).replace(str(shelf.folder), "runs"), "conflict") from None
    if reached and reached.step == run.length:
        raise RefusedError(f"{run_id(run)} is finished; start another", "conflict")
    place = run.settings.data
    if place is not None and (drawn is None or Path(place).parent != drawn.absolute()):
        raise RefusedError(
            f"{run_id(run)} learns from other digits: go on with chainrule train --resume",
            "conflict",
        )
