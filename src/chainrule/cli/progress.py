"""A line that shows how far a training has come."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from chainrule.cli.printing import console
from chainrule.training import Snapshot


@contextmanager
def progress(length: int) -> Iterator[Callable[[Snapshot], None]]:
    """Step, loss, test accuracy, time left and a bar; it goes when the training is over.

    Where the terminal has no room for all, the last of them are left out first.
    """
    from rich.progress import BarColumn, Progress, Task, TextColumn, TimeRemainingColumn
    from rich.table import Table

    from chainrule.cli.tables import percent

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

    bar = Fitting(
        TextColumn("step {task.completed:,.0f} of {task.total:,.0f}"),
        TextColumn("{task.fields[loss]}"),
        TextColumn("{task.fields[accuracy]}"),
        TimeRemainingColumn(),
        BarColumn(bar_width=20),
        console=screen,
        transient=True,
    )
    task = bar.add_task("", total=length, loss="", accuracy="")

    def update(snapshot: Snapshot) -> None:
        accuracy = f"test {percent(snapshot.test_accuracy or 0.0, 1)}"
        loss = f"loss {snapshot.loss:.4f}"
        bar.update(task, completed=snapshot.step, loss=loss, accuracy=accuracy)

    # A terminal that has gone takes only the bar with it.
    with suppress(OSError):
        bar.start()
    try:
        yield update
    finally:
        with suppress(OSError):
            bar.stop()
