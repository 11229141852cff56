"""The id of a run: its settings in one word, and back.

It says what decides every bit of the run, so a link to it can be trained on any computer. The
engine of NumPy is not written: ids that say nothing of an engine are its. A run that was made
longer is as one that was to be so long from the start, unless it has patience or a schedule.
"""

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from chainrule.engine.choice import EngineName
from chainrule.runs.kinds import NUMBER, WHOLE, shortest
from chainrule.runs.run import Run
from chainrule.runs.settings import ENTRIES, Change, Computing, Entry, RunError, Settings

IN_IDS = {name: entry for name, entry in ENTRIES.items() if entry.prefix is not None}
FIRST = [name for name, entry in IN_IDS.items() if entry.since == 1]  # every id has these
MIXED = re.compile(rf"\.(?:numpy|compiled){WHOLE}$", re.ASCII)
CHANGE = re.compile(rf"\.rate({WHOLE})-({NUMBER})", re.ASCII)


def text_of(entry: Entry, value: object) -> str:
    """How a setting is written in an id."""
    written = entry.none if value is None else entry.kind.write(value)
    return f"{entry.prefix}{written}"


def pattern_of(name: str, entry: Entry) -> str:
    """The pattern of a setting in an id; later settings are left out if they are the default."""
    values = f"{entry.none}|{entry.kind.pattern}" if entry.none else entry.kind.pattern
    found = f"{entry.prefix}(?P<{name}>{values})"
    if name in FIRST:
        return found if name == FIRST[0] else rf"\.{found}"
    return rf"(?:\.{found})?"


ID = re.compile(
    "".join(pattern_of(name, entry) for name, entry in IN_IDS.items())
    + rf"(?P<engine>\.compiled)?(?P<changes>(?:\.rate{WHOLE}-{NUMBER})*)",
    re.ASCII,
)


def run_id(run: Run) -> str:
    """The id of a run whose digits have been read: its settings, its engine, and what changed."""
    first, settings = Settings(), run.settings
    anew = settings.patience is not None or settings.schedule != "constant"
    steps = settings.steps if anew else run.length
    values = {name: getattr(settings, name) for name in IN_IDS} | {"steps": steps}
    parts = [
        text_of(IN_IDS[name], value)
        for name, value in values.items()
        if name in FIRST or value != getattr(first, name)
    ]
    parts[0] = "-".join(map(str, run.sizes))
    parts += [each.engine for each in run.engines[:1] if each.engine != "numpy"]
    parts += [f"rate{step}-{shortest(rate)}" for step, rate in run.changes]
    parts += [f"{engine}{step}" for step, engine in run.engines[1:]]
    if anew:
        parts += [f"longer{each.step}-{each.steps}" for each in run.extensions]
    if settings.data is not None and run.data is not None:
        parts.append(f"data-{run.data['training'][:8]}")
    if run.start is not None:
        parts.append(f"from-{run.start[:8]}")
    return ".".join(parts)


class Recipe(NamedTuple):
    """What an id says: all that `begin` needs for a run of the same bits."""

    settings: Settings
    changes: tuple[Change, ...] = ()
    engine: EngineName = "auto"


def settings_of(id: str) -> Recipe:
    """What the id of a run on the bundled digits says; RunError if it is none."""
    found, shown = ID.fullmatch(id), ascii(id)
    shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
    if found is None:
        why = "its digits are not in the package" if ".data-" in id else "that is no run's id"
        why = "one engine went on after another" if MIXED.search(id) else why
        why = "it started from a model that is not in the link" if ".from-" in id else why
        why = "its patience or schedule began anew as it went on" if ".longer" in id else why
        raise RunError(f"{shown} cannot be trained here: {why}")
    texts = {name: text for name in IN_IDS if (text := found[name]) is not None}
    values: dict[str, Any] = {
        name: None if text == IN_IDS[name].none else IN_IDS[name].kind.read(text)
        for name, text in texts.items()
    }
    settings = Settings(**values)
    changes = tuple(Change(int(step), float(new)) for step, new in CHANGE.findall(found["changes"]))
    engine: EngineName = "compiled" if found["engine"] else "numpy"
    engines = (Computing(0, engine),)
    run = Run(Path(), settings, 0, "", (), changes=changes, engines=engines)
    ascending = all(one.step < next.step for one, next in pairwise(changes))
    if not ascending or not all(0 < each.learning_rate < math.inf for each in changes):
        raise RunError(f"{shown}: its changes of the rate cannot be")
    if run_id(run) != id:
        raise RunError(f"{shown}: that run is written {run_id(run):.200}")
    return Recipe(settings, changes, engine)
