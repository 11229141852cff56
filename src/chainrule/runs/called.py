"""What a run is called: by a name that somebody gave it, by its folder, or by its settings.

A given name is a file of its own, name.json, beside the others. It says which run it is the name
of, and changes no byte of that: a run may be renamed at any time, while a process trains it too.
"""

import json
import os
import re
import stat
import time
from contextlib import suppress
from pathlib import Path

from chainrule.files import in_words, open_regular, shallow, sync_folder, write_whole
from chainrule.runs.run import Run
from chainrule.runs.settings import ENTRIES, RunError, Settings
from chainrule.training import RECIPES

NAME = "name.json"
LONGEST = 60  # characters of a name
BYTES = 4_000  # of the file
DATED = re.compile(r"\d{4}-\d\d-\d\d-\d{6}(-\d+)?")  # a folder that nobody has named
LEFTOVER = re.compile(rf"\.{re.escape(NAME)}\.[0-9a-f]{{8}}")
ABANDONED = 60.0  # seconds: so old a temporary file is nobody's who still writes


def called(run: Run) -> str:
    """What a run is called: its given name, its folder's, or one made of its settings."""
    return own_name(run) or made_name(run)


def own_name(run: Run) -> str | None:
    """The name that somebody gave to the run or to its folder, None if nobody did."""
    folder = run.folder.absolute().name
    return given_name(run) or (None if DATED.fullmatch(folder) else folder)


def given_name(run: Run) -> str | None:
    """The name that a run was given; None if it has none, or if the file is not this run's."""
    try:
        with open_regular(run.folder / NAME) as file:
            content = json.loads(shallow(file.read(BYTES).decode()))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content != content_of(run, content.get("name")):
        return None
    with suppress(RunError):
        return checked_name(content["name"])
    return None


def content_of(run: Run, name: object) -> dict[str, object]:
    return {"name": name, "key": run.key, "started": run.started}


def rename(run: Run, name: str | None) -> None:
    """Give a run this name, or with None take it away; it is on disk when this is back.

    Raises RunError for a name that cannot be, if a file of this name is not the run's, and if it
    cannot be written; then all is as it was.
    """
    path = run.folder / NAME
    wanted = None if name is None else checked_name(name)
    if os.path.lexists(path) and given_name(run) is None:
        raise RunError(f"{path}: it is no name of this run; move it away first")
    try:
        remove_leftovers(run.folder)
        if wanted is None:
            path.unlink(missing_ok=True)
            sync_folder(run.folder)
        else:
            text = json.dumps(content_of(run, wanted), indent=2, ensure_ascii=False) + "\n"
            write_whole(path, text.encode())
    except OSError as error:
        raise RunError(f"{path}: {in_words(error)}; the name is as it was") from None


def checked_name(name: object) -> str:
    """The name without spaces around it; RunError unless it is one that people can read and say."""
    stripped = name.strip(" ") if isinstance(name, str) else ""
    if (
        not 0 < len(stripped) <= LONGEST
        or not stripped.isprintable()
        or {"/", "\\"} & set(stripped)
        or not stripped.strip(".")
    ):
        came = ascii(name)
        raise RunError(
            f"a name has 1 to {LONGEST} characters that can be printed, and no / or \\; "
            f"got {came if len(came) <= 40 else f'{len(stripped)} characters'}"
        )
    return stripped


def remove_leftovers(folder: Path) -> None:
    """Remove what processes left that were killed while they wrote a name here.

    The run's lock does not cover names, so what is young may still be written by another.
    """
    for path in folder.iterdir():
        if LEFTOVER.fullmatch(path.name):
            with suppress(FileNotFoundError):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode) and time.time() - found.st_mtime > ABANDONED:
                    path.unlink()


def made_name(run: Run) -> str:
    """A short name made of the settings: 784-10-10, α 1.5, seed 0; then what is unusual."""
    settings, usual = run.settings, Settings()
    parts = ["-".join(map(str, run.sizes))]
    if settings.loss != usual.loss:
        parts.append(settings.loss.replace("_", "-"))
    if settings.optimizer != usual.optimizer:
        parts.append(settings.optimizer)
    if settings.learning_rate is not None:
        parts.append(f"α {settings.learning_rate:g}")
    return ", ".join([*parts, *unusual(run), f"seed {settings.seed}"])


def unusual(run: Run) -> list[str]:
    """What a name says of a run only where it is not as it mostly is."""
    settings, usual = run.settings, Settings()
    found = []
    if run.changes:
        found.append(f"then {run.changes[-1].learning_rate:g}")
    if settings.batch_size is not None:
        found.append(f"batches of {settings.batch_size}")
    elif settings.steps not in (None, RECIPES[settings.loss, settings.optimizer].steps):
        found.append(f"{settings.steps:,} steps")
    if settings.epochs is not None and settings.batch_size is not None:
        found.append(f"{settings.epochs} epoch{'s' if settings.epochs > 1 else ''}")
    for name, entry in ENTRIES.items():
        value = getattr(settings, name)
        if entry.since > 1 and not entry.of_digits and value != getattr(usual, name):
            label = f"{entry.label[0].lower()}{entry.label[1:]}"
            found.append(f"{label} {word_of(value)}")
    return found


def word_of(value: str | float) -> str:
    """A setting as a person reads it."""
    return value.replace("_", "-") if isinstance(value, str) else f"{value:g}"
