"""Which files `chainrule grade` is to grade, what each is called, and who has handed it in."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from chainrule.cli.printing import warn

MOST_FILES = 1_000
KINDS = (".py", ".ipynb")
NAMED = 5  # of the files that are left out


class Handed(NamedTuple):
    """A file that somebody has handed in."""

    path: Path
    name: str  # in tables: from the folder on in which all of them are
    who: str  # its name without its ending, or the folder that it is in


def gathered(places: Sequence[Path]) -> Iterator[Handed]:
    """The files; of a folder its Python files and notebooks, and those of folders in it, by name.

    What else is in a folder is named on stderr.
    """
    if not places:
        raise click.UsageError(
            "wanted a file, or --template for a form to fill in", click.get_current_context()
        )
    above = common([each if each.is_dir() else each.parent for each in places])
    found = 0
    for place in places:
        inside, others = files_below(place) if place.is_dir() else ([place], [])
        if not inside:
            raise click.ClickException(f"{place}: wanted files *.py or *.ipynb, got none")
        found += len(inside)
        if found > MOST_FILES:
            raise click.ClickException(f"wanted at most {MOST_FILES:,} files, got more")
        if others:
            more = f" and {len(others) - NAMED:,} more" if len(others) > NAMED else ""
            named = ", ".join(str(each) for each in others[:NAMED])
            warn(f"left out, because they are neither *.py nor *.ipynb: {named}{more}")
        for path in inside:
            name = below(path, above)
            first, *rest = below(path, place).parts if place.is_dir() else name.parts
            yield Handed(path, name.as_posix(), first if rest else Path(first).stem)


def common(folders: Sequence[Path]) -> Path:
    """The folder that all of these are in, or the one that they are."""
    try:
        return Path(os.path.commonpath([each.absolute() for each in folders]))
    except ValueError:  # they are on several drives
        return Path()


def below(path: Path, folder: Path) -> Path:
    """The path from this folder on; the whole path if it is not in it."""
    whole, start = path.absolute(), folder.absolute()
    return whole.relative_to(start) if whole.is_relative_to(start) else path


def files_below(folder: Path) -> tuple[list[Path], list[Path]]:
    """The files in a folder and below it, by name: those to be graded, and the others.

    What is hidden is left out, and so are the copies that Python and Jupyter keep.
    """
    kept: list[Path] = []
    others: list[Path] = []
    closed: list[OSError] = []  # folders that nobody may look into
    for place, inner, names in os.walk(folder, onerror=closed.append):
        inner[:] = sorted(each for each in inner if not each.startswith((".", "__")))
        for name in sorted(names):
            if not name.startswith("."):
                path = Path(place, name)
                (kept if path.suffix.lower() in KINDS else others).append(path)
        if len(kept) > MOST_FILES:
            break
    kept += [Path(error.filename) for error in closed]
    return sorted(kept, key=by_numbers), others


def by_numbers(path: Path) -> list[str | int]:
    """The path for an order in which 9 comes before 10."""
    parts = re.split(r"(\d+)", str(path).casefold())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]
