"""The run folders in one place, under the ids of their runs."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from numpy.typing import NDArray

from chainrule.files import in_words
from chainrule.model import MODEL
from chainrule.runs.checkpoint import read_progress
from chainrule.runs.folder import open_run
from chainrule.runs.listing import folders_of_runs
from chainrule.runs.lock import LOCK, check_lock
from chainrule.runs.names import run_id
from chainrule.runs.patience import kept_step
from chainrule.runs.run import CHECKPOINT, RUN, Run
from chainrule.runs.settings import RunError


class Standing(NamedTuple):
    """Where a run stands on disk: the step and the history of its last checkpoint."""

    step: int
    kept: int  # the step of the network that stands for the run
    history: NDArray  # type: ignore[type-arg]  # (rows, 7), as a checkpoint has it
    recorded_steps: list[int]


class Damaged(NamedTuple):
    """A folder whose run cannot be shown, and why."""

    name: str
    why: str


Stamp = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Shelf:
    """The run folders in one folder, and perhaps one more that lies elsewhere."""

    folder: Path
    given: Path | None = None
    opened: dict[Path, tuple[Stamp, Run]] = field(default_factory=dict)
    standings: dict[Path, tuple[Stamp, Standing | None]] = field(default_factory=dict)

    def runs(self) -> dict[str, Run]:
        """The runs whose digits have been read, by id, the newest last.

        Of several with one id, which are the same to the last bit, the one that is furthest.
        """
        return self.look()[0]

    def look(self) -> tuple[dict[str, Run], list[Damaged]]:
        """Those runs, and the folders whose runs cannot be shown: one hides none of the others."""
        good: list[tuple[tuple[bool, int], Run]] = []
        damaged = []
        try:
            folders = folders_of_runs(self.folder)
        except OSError as error:
            folders = []
            damaged.append(Damaged("runs", in_words(error)))
        if self.given is not None and not any(same_place(self.given, each) for each in folders):
            folders.append(self.given)
        for folder in folders:
            try:
                run = self.open(folder)
                check_lock(folder / LOCK)
                if run.data:
                    good.append((self.furthest(run), run))
            except (RunError, OSError) as error:
                why = in_words(error) if isinstance(error, OSError) else str(error)
                why = why.replace(str(self.folder), "runs")
                damaged.append(Damaged(folder.absolute().name, why))
        found: dict[str, Run] = {}
        for _, run in sorted(good, key=lambda each: each[0]):
            found[run_id(run)] = run
        return dict(sorted(found.items(), key=lambda item: item[1].started)), damaged

    def find(self, id: str) -> Run | None:
        return self.runs().get(id)

    def furthest(self, run: Run) -> tuple[bool, int]:
        reached = self.standing(run)
        return (run.folder / MODEL).exists(), reached.step if reached else -1

    def open(self, folder: Path) -> Run:
        """The run in a folder; RunError if it is damaged."""
        stamp = stamp_of(folder / RUN)
        known = self.opened.get(folder)
        if known is None or known[0] != stamp:
            known = self.opened[folder] = stamp, open_run(folder)
        return known[1]

    def standing(self, run: Run) -> Standing | None:
        """Where a run stands, None before its first checkpoint; RunError if that is damaged."""
        stamp = stamp_of(run.folder / CHECKPOINT)
        known = self.standings.get(run.folder)
        if known is None or known[0] != stamp:
            reached = read_progress(run)
            standing = None
            if reached:
                steps = run.recorded_steps[: reached.trajectory_rows]
                kept = kept_step(run, reached.step, reached.history)
                standing = Standing(reached.step, kept, reached.history, steps)
            known = self.standings[run.folder] = stamp, standing
        return known[1]


def same_place(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same folder."""
    with suppress(OSError):
        return one.samefile(other)
    return False


def stamp_of(path: Path) -> Stamp:
    """What changes when a file does; zeros if it is not there."""
    try:
        stat = path.lstat()
    except OSError:
        return 0, 0, 0
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
