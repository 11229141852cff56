"""A training in a thread of its own, which holds the run's lock from its start to its end."""

import math
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from chainrule.files import remove_empty
from chainrule.lab.live.training import Sets, Training, TrainingState
from chainrule.runs.lock import locked
from chainrule.runs.run import Run
from chainrule.training import DivergenceError, Snapshot


class ThreadedTraining(Training):
    """A training and its thread. Orders come from other threads, and wait until they are done.

    Raises what prevents the start: RunError, ValueError for settings that do not fit the digits,
    OSError.
    """

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
        super().__init__(
            folder, start, digits, threads, shown=shown, made=made, train_accuracy=train_accuracy
        )
        self.rounds = 0  # how often it went on
        self.turn = threading.Condition()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()
        self.ready.wait()
        if self.error is not None and not hasattr(self, "run"):
            self.thread.join()
            raise self.error

    # ------------------------------------------------------------------------- in its own thread

    def work(self) -> None:
        state: TrainingState = "failed"
        try:
            # The same thread must take the lock and give it back.
            with locked(self.folder):
                self.open()
                self.ready.set()
                while self.waits_to_go_on():
                    for _ in self.steps():
                        pass
                state = self.ending or "interrupted"
        except Exception as error:
            self.error = error
            remove_empty(self.made)
            if not isinstance(error, DivergenceError | ValueError | OSError):
                raise  # a bug of ours: the terminal shows it
        finally:
            self.publish_state(state)
            self.ready.set()

    def waits_to_go_on(self) -> bool:
        """Wait for steps to take; whether there are any before the end."""
        with self.turn:
            if self.ending:
                return False
            self.turn.wait_for(lambda: self.stopping or self.left(self.step) >= 1)
            if self.stopping:
                return False
            self.rounds += 1
            self.publish_state("running")
            return True

    def rest(self) -> None:
        with self.turn:
            super().rest()

    def allowed(self, step: int) -> float:
        with self.turn:
            return super().allowed(step)

    def new_rate(self) -> float | None:
        if self.wanted_rate is None:
            return None
        with self.turn:
            return super().new_rate()

    def publish(self, snapshot: Snapshot, seconds: float) -> None:
        with self.turn:
            super().publish(snapshot, seconds)

    def publish_state(self, state: TrainingState) -> None:
        with self.turn:
            super().publish_state(state)
            self.turn.notify_all()

    # ------------------------------------------------------------------------ from other threads

    def go(self, to: Callable[[int], float] = lambda step: math.inf) -> None:
        """Go on to a step, then pause; back when it is on its way."""
        with self.turn:
            super().go(to)
            if self.state == "paused":
                rounds = self.rounds
                self.turn.notify_all()
                self.turn.wait_for(lambda: self.rounds > rounds or not self.on)

    def pause(self) -> None:
        """Pause after the steps it is at; back when those are on disk."""
        with self.turn:
            super().pause()
            self.turn.wait_for(lambda: self.state != "running")

    def one_step(self) -> None:
        """Take one step; back when that is on disk."""
        super().one_step()
        with self.turn:
            self.turn.wait_for(lambda: self.state != "running")

    def change_rate(self, rate: float) -> None:
        with self.turn:
            super().change_rate(rate)

    def stop(self) -> None:
        """End it at a checkpoint after the steps it is at; back when those are on disk."""
        with self.turn:
            super().stop()
            self.turn.notify_all()
        self.thread.join()
