"""A run of a sweep is trained to its end, by whoever takes the job."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from chainrule.data import Digits
from chainrule.engine.choice import EngineName, missing
from chainrule.files import remove_empty
from chainrule.runs.folder import begin, discard, new_folder, open_run, prepare
from chainrule.runs.going import go_on
from chainrule.runs.lock import locked
from chainrule.runs.run import Run
from chainrule.runs.settings import Settings
from chainrule.training import DivergenceError


class Job(NamedTuple):
    """A run that is to be trained to its end. Paths are absolute: a worker may stand elsewhere."""

    number: int  # among the runs of the sweep
    settings: Settings
    engine: EngineName
    parent: Path  # in which a new run gets a folder
    folder: Path | None  # of a run that was begun; None: it is to begin


class News(NamedTuple):
    """What becomes of a job: steps it has taken, then its folder or what is wrong."""

    job: Job
    step: int = 0
    folder: Path | None = None
    error: str | None = None


# Who does jobs: all of them at last, in any order, or as far as they are when the second argument
# becomes true. News of steps may be left out.
Workers = Callable[[Sequence[Job], Callable[[], bool]], Iterator[News]]


def train_run(
    job: Job,
    digits: tuple[Digits, Digits],
    *,
    threads: int | None = None,
    allowed: Callable[[int], float],
    told: Callable[[int], object] = lambda step: None,
) -> Path:
    """Train the run of a job to its end, or as far as it is allowed; the folder it is in.

    It is what `chainrule train`, or `chainrule train --resume`, makes of it. `allowed` is that of
    `go_on`; `told` is given the steps that have a row in the history. Raises as `prepare` and
    `go_on` do; a new run that cannot begin, or that diverges, is removed.
    """
    made = [] if job.folder else new_folder(job.parent)
    folder = job.folder or made[0]
    try:
        with locked(folder):
            run = prepare(open_run(folder), *digits) if job.folder else begun(folder, job, digits)
            get_ready(run)
            try:
                for snapshot in go_on(run, *digits, threads=threads, allowed=allowed):
                    told(snapshot.step)
            except DivergenceError:
                if not job.folder:  # it would diverge again at the same step
                    discard(run)
                raise
    except BaseException:
        remove_empty(made)
        raise
    return folder


def get_ready(run: Run) -> None:
    """Have the compiled engine loaded, so that the seconds of the training are without it."""
    if run.engine == "compiled" and missing() is None:
        from chainrule.engine.compiled.ready import make_ready

        make_ready(lambda line: None)


def begun(folder: Path, job: Job, digits: tuple[Digits, Digits]) -> Run:
    """A new run in this folder; what cannot begin leaves no file behind."""
    run = begin(folder, job.settings, engine=job.engine)
    try:
        return prepare(run, *digits)
    except BaseException:
        discard(run)
        raise
