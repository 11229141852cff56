"""What commands write at a path that the user chose."""

from collections.abc import Callable
from pathlib import Path

import click

from chainrule.files import open_regular, write_whole


def force_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--force", is_flag=True, help="Overwrite what is at --out.")(command)


def write_new(path: Path, content: bytes, *, force: bool | None = None) -> None:
    """Put these bytes at this path; a file with other bytes stays, unless by force.

    A command without the option --force leaves it out.
    """
    if not force and path.exists() and not holds(path, content):
        otherwise = "" if force is None else ", or overwrite it with --force"
        raise click.UsageError(
            f"{path} is there and holds something else; name another with --out{otherwise}",
            click.get_current_context(),
        )
    write_whole(path, content)


def holds(path: Path, content: bytes) -> bool:
    """Whether a file has these bytes; OSError for a folder or a pipe."""
    with open_regular(path, follow=True) as file:
        return file.read(len(content) + 1) == content
