"""What is changed in a run on its way: its learning rate, its engine, its length."""

import math
from dataclasses import replace

from chainrule.model import MODEL
from chainrule.runs.folder import write_run
from chainrule.runs.run import Run
from chainrule.runs.settings import Change, Computing, Extension, RunError


def change_rate(run: Run, step: int, learning_rate: float) -> Run:
    """The run with another learning rate from this step on, once that is on disk.

    The latest order counts: changes for later steps, which a killed process may have left, are
    dropped. The caller holds the run's lock; the step is not before the last checkpoint. Raises
    RunError if there is no such step or rate.
    """
    if not 0 < learning_rate < math.inf:
        raise RunError(f"{run.folder}: the rate must be a positive number, got {learning_rate}")
    if step >= run.length:
        raise RunError(f"{run.folder}: finished: no step is left to take at another rate")
    changed = replace(run, changes=tuple(each for each in run.changes if each.step < step))
    if changed.learning_rate(step) != learning_rate:
        changes = (*changed.changes, Change(step, float(learning_rate)))
        changed = replace(run, changes=changes)
    if changed != run:
        write_run(changed)
    return changed


def change_engine(run: Run, step: int, engine: str) -> Run:
    """The run computed by this engine from this step on, once that is on disk.

    The latest order counts here, too. The caller holds the run's lock; the step is not before the
    last checkpoint. Raises RunError if there is no such step.
    """
    if step >= run.length:
        raise RunError(f"{run.folder}: finished: no step is left for another engine")
    engines = tuple(each for each in run.engines if each.step < step)
    if not engines or engines[-1].engine != engine:
        engines = (*engines, Computing(step, engine))
    changed = replace(run, engines=engines)
    if changed != run:
        write_run(changed)
    return changed


def end_early(run: Run, step: int) -> Run:
    """The run, ended at this step, a row of its history, once that is on disk."""
    ended = replace(run, ended=step)
    write_run(ended)
    return ended


def extend(run: Run, steps: int) -> Run:
    """A finished run made longer, to so many steps in all, once that is on disk.

    It is as if it was stopped on its way then: its model goes, and comes again at its end. The
    caller holds the run's lock. Raises RunError unless it gets longer, OSError if the model cannot
    be removed.
    """
    if steps <= run.length:
        raise RunError(
            f"{run.folder}: finished after {run.length:,} steps; {steps:,} is not longer"
        )
    longer = (*run.extensions, Extension(run.length, steps))
    (run.folder / MODEL).unlink(missing_ok=True)
    extended = replace(run, extensions=longer, ended=None)
    write_run(extended)
    return extended
