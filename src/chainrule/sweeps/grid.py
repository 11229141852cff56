"""The runs that a grid of settings names: which are finished, and which are still to be trained.

Nothing is remembered of a sweep but its runs. The same settings name the same runs again, so a
sweep that was stopped goes on by the same command.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from chainrule.data import Digits
from chainrule.engine.blas import machine
from chainrule.engine.choice import EngineName, choose
from chainrule.model import MODEL
from chainrule.runs.checkpoint import read_progress
from chainrule.runs.digits import checksum, reading_of
from chainrule.runs.folder import open_run, settle_run
from chainrule.runs.listing import folders_of_runs
from chainrule.runs.names import run_id
from chainrule.runs.run import Run
from chainrule.runs.settings import ENTRIES, Computing, RunError, Settings
from chainrule.sources.opening import load_both

MOST_RUNS = 1_000  # in a sweep

Name = tuple[str, str, str]  # of a run: its id, and the SHA-256 of its training and test digits


class Wanted(NamedTuple):
    """A run that a sweep names: what it is to be, and where it is if it was begun."""

    settings: Settings  # as asked for
    run: Run  # as it is to be, or in a folder as it is
    begun: bool
    finished: bool
    name: Name


class Sets:
    """The digits that settings name. Those that were loaded last are kept."""

    def __init__(self) -> None:
        self.key: object = None
        self.sets: tuple[Digits, Digits]
        self.sums: dict[str, str] | None = None

    def of(self, settings: Settings) -> tuple[Digits, Digits]:
        """The training and the test digits; the seed matters only where a test part is drawn."""
        reading = reading_of(settings)
        others = settings.data, replace(reading, seed=0)
        if self.key not in ((*others, None), (*others, reading.seed)):
            self.sets, self.sums = load_both(settings.data, reading), None
            origin = self.sets[0].origin
            drawn = origin is not None and origin.source.test_share is not None
            self.key = (*others, reading.seed if drawn else None)
        return self.sets

    def checksums(self, settings: Settings) -> dict[str, str]:
        """The SHA-256 of both, as run.json has them."""
        train_set, test_set = self.of(settings)
        if self.sums is None:
            self.sums = {"training": checksum(train_set), "test": checksum(test_set)}
        return self.sums


def count_runs(choices: Mapping[str, Sequence[Any]]) -> int:
    """How many runs all combinations of these choices are; RunError for more than 1,000."""
    count = prod(map(len, choices.values()))
    if count > MOST_RUNS:
        raise RunError(f"a sweep may have {MOST_RUNS:,} runs, these are {count:,}")
    return count


def combinations(choices: Mapping[str, Sequence[Any]], fixed: Settings) -> list[Settings]:
    """All combinations of these values of settings; what is not among them is as in `fixed`.

    The setting that stands first in the table of settings changes last, the seed first. Raises
    RunError for settings that cannot be, and for more than 1,000 runs.
    """
    count_runs(choices)
    names = sorted(choices, key=lambda name: (name == "seed", [*ENTRIES].index(name)))
    found = product(*(choices[name] for name in names))
    return [replace(fixed, **dict(zip(names, values, strict=True))) for values in found]


def wanted_runs(
    asked: Sequence[Settings], engine: EngineName, folder: Path, sets: Sets
) -> list[Wanted]:
    """The runs of these settings, in their order, with those that are in the folder of runs.

    A run is there if it has the id that `chainrule train` would give it, and the same digits. Of
    several the one that is furthest counts. Raises RunError and ValueError for settings that do
    not fit the digits, DataError if those cannot be read.
    """
    there = runs_in(folder)
    engines = (Computing(0, choose(engine)),)
    found: dict[int, Wanted] = {}
    # One reading after another, so that no digits are loaded twice.
    for k in sorted(range(len(asked)), key=lambda k: repr(reading_of(asked[k]))):
        settings = asked[k]
        bare = Run(folder, settings, 0, "", (machine(),), engines=engines)
        train_set, _ = sets.of(settings)
        run = replace(settle_run(bare, train_set), data=sets.checksums(settings))
        begun = there.get(name_of(run)) or unread_in(there, bare)
        finished = begun is not None and is_finished(begun)
        found[k] = Wanted(settings, begun or run, begun is not None, finished, name_of(run))
    return [found[k] for k in range(len(asked))]


def runs_in(folder: Path) -> dict[object, Run]:
    """The runs in a folder by name, of several the furthest; those without digits by settings."""
    found: list[tuple[tuple[bool, int], Run]] = []
    for path in folders_of_runs(folder):
        with suppress(RunError):  # a damaged one is none that could be used
            run = open_run(path)
            reached = read_progress(run) if run.data else None
            found.append(((is_finished(run), reached.step if reached else -1), run))
    return {
        name_of(run) if run.data else (run.settings, run.engines): run
        for _, run in sorted(found, key=lambda each: each[0])
        if run.data or not (run.changes or run.start)
    }


def unread_in(there: Mapping[object, Run], bare: Run) -> Run | None:
    """The run of these very settings that was killed before it had read its digits."""
    return there.get((bare.settings, bare.engines))


def name_of(run: Run) -> Name:
    """What a run whose digits have been read is known by."""
    data = run.data or {}
    return run_id(run), data["training"], data["test"]


def is_finished(run: Run) -> bool:
    """Whether nothing is left to train: its model is there, from its last checkpoint."""
    return (run.folder / MODEL).exists()
