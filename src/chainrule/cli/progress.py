"""Lines that show how far a training, or a sweep of many, has come."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from chainrule.cli.printing import console
from chainrule.training import Snapshot

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


def fitting(*columns: "ProgressColumn") -> "Progress":
    """A line of these on stderr that goes at its end; the last are left out where it is narrow."""
    from rich.progress import Progress, Task
    from rich.table import Table

    screen = console(sys.stderr)

    class Fitting(Progress):
        def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
            every = self.columns
            try:
                while True:
                    made = super().make_tasks_table(tasks)
                    if screen.measure(made).maximum < screen.width or len(self.columns) == 1:
                        return made
                    self.columns = self.columns[:-1]
            finally:
                self.columns = every

    return Fitting(*columns, console=screen, transient=True)


@contextmanager
def shown(bar: "Progress") -> Iterator[None]:
    """Show it for a while. A terminal that has gone takes only the bar with it."""
    with suppress(OSError):
        bar.start()
    try:
        yield
    finally:
        with suppress(OSError):
            bar.stop()


@contextmanager
def progress(length: int) -> Iterator[Callable[[Snapshot], None]]:
    """Step, loss, test accuracy, time left and a bar; it goes when the training is over.

    Where the terminal has no room for all, the last of them are left out first.
    """
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

    from chainrule.cli.tables import percent

    bar = fitting(
        TextColumn("step {task.completed:,.0f} of {task.total:,.0f}"),
        TextColumn("{task.fields[loss]}"),
        TextColumn("{task.fields[accuracy]}"),
        TimeRemainingColumn(),
        BarColumn(bar_width=20),
    )
    task = bar.add_task("", total=length, loss="", accuracy="")

    def update(snapshot: Snapshot) -> None:
        accuracy = f"test {percent(snapshot.test_accuracy or 0.0, 1)}"
        loss = f"loss {snapshot.loss:.4f}"
        bar.update(task, completed=snapshot.step, loss=loss, accuracy=accuracy)

    with shown(bar):
        yield update


@contextmanager
def counting(length: int, what: str) -> Iterator[Callable[[], None]]:
    """How many of them are done, the time left and a bar; each call says that one more is done."""
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

    bar = fitting(
        TextColumn(f"{{task.completed:,.0f}} of {{task.total:,.0f}} {what}"),
        TimeRemainingColumn(),
        BarColumn(bar_width=20),
    )
    task = bar.add_task("", total=length)
    with shown(bar):
        yield lambda: bar.advance(task)


class SweepLine:
    """How many runs of a sweep are finished, the time left by the steps to take, and a bar."""

    def __init__(self, runs: int, steps: int) -> None:
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

        self.bar = fitting(
            TextColumn("{task.fields[done]:,} of {task.fields[runs]:,} runs"),
            TimeRemainingColumn(),
            BarColumn(bar_width=20),
        )
        self.task = self.bar.add_task("", total=steps, done=0, runs=runs)

    def __enter__(self) -> "SweepLine":
        with suppress(OSError):
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.bar.stop()

    def update(self, steps: int, done: int) -> None:
        """So many steps are taken, and so many runs finished."""
        self.bar.update(self.task, completed=steps, done=done)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Without it for a moment: a line is printed where it stands."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()
