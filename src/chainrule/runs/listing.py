"""The runs in a folder, as a list shows them."""

import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from chainrule.runs.called import given_name
from chainrule.runs.checkpoint import read_progress
from chainrule.runs.folder import open_run
from chainrule.runs.lock import RunState, state_of
from chainrule.runs.patience import kept_step
from chainrule.runs.run import RUN, Run
from chainrule.runs.settings import Change, RunError, refusal


class Entry(NamedTuple):
    """A run in a list. What is not known yet is None."""

    folder: Path
    state: RunState
    step: int
    length: int | None
    loss: float | None
    test_accuracy: float | None
    bytes: int
    started: datetime
    rates: str | None  # the learning rate in words
    changes: tuple[Change, ...]
    engine: str  # in words
    data: str  # the folder of the digits that it was measured on, or mnist
    name: str | None = None  # that it was given


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
    loss = accuracy = None
    if reached:
        row = kept_step(run, reached.step, reached.history)
        loss, _, accuracy = reached.history[reached.history[:, 0] <= row][-1, 1:4].tolist()
    return Entry(
        run.folder,
        state_of(run.folder),
        reached.step if reached else 0,
        run.length if run.data else run.settings.steps,
        loss,
        accuracy,
        bytes_in(run.folder),
        datetime.fromisoformat(run.started),
        run.rates if run.data else None,
        run.changes,
        run.computed,
        run.settings.data or "mnist",
        given_name(run),
    )


def bytes_in(folder: Path) -> int:
    """The bytes of the files in a folder; one may go while they are counted."""
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            kind = path.lstat()
            total += kind.st_size if stat.S_ISREG(kind.st_mode) else 0
    return total
