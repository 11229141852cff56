"""What commands write at a path that the user chose."""

from collections.abc import Callable
from pathlib import Path

import click

from chainrule.files import open_regular, write_whole


def force_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--force", is_flag=True, help="Overwrite what is at --out.")(command)


def write_new(
    path: Path, content: bytes, *, force: bool | None = None, option: str = "--out"
) -> None:
    """Put these bytes at this path; a file with other bytes stays, unless by force.

    A command without the option --force leaves it out. `option` is the one that named the path.
    """
    if not force and path.exists() and not holds(path, content):
        otherwise = "" if force is None else ", or overwrite it with --force"
        raise click.UsageError(
            f"{path} is there and holds something else; name another with {option}{otherwise}",
            click.get_current_context(),
        )
    write_whole(path, content)


def check_new(path: Path, option: str, *, force: bool) -> None:
    """UsageError, before the work begins, for a path at which a file cannot be put after it."""
    wrong = None
    if not path.parent.is_dir():
        wrong = f"there is no folder {path.parent}; wanted a new file at {option}"
    elif path.is_dir():
        wrong = f"{path} is a folder; wanted a new file at {option}"
    elif path.exists() and not force:
        wrong = f"{path} is there; name another with {option}, or overwrite it with --force"
    if wrong:
        raise click.UsageError(wrong, click.get_current_context())


def holds(path: Path, content: bytes) -> bool:
    """Whether a file has these bytes; OSError for a folder or a pipe."""
    with open_regular(path, follow=True) as file:
        return file.read(len(content) + 1) == content
