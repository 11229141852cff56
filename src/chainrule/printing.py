"""What all commands print with: lines and tables on stdout, JSON, and the one line of an error."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn, TextIO

from chainrule.encode import to_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

# What is said instead where the output cannot encode more than ASCII.
PLAIN = {
    "→": "->", "α": "alpha", "θ": "theta", "Σ": "sum", "²": "^2", "×": "x", "·": "*", "⊙": "*",
    "ᵀ": "^T", "′": "'", "‖": "||", "±": "+-", "…": "...", "½": "1/2", "█": "#", "▓": "+",
    "▒": "=", "░": ".", "\u2009": " ",
}  # fmt: skip


def console(file: TextIO) -> "Console":
    """A rich console: no colour without a terminal or under NO_COLOR, then 80 columns."""
    from rich.console import Console

    return Console(
        file=file,
        color_system="auto" if file.isatty() and not os.environ.get("NO_COLOR") else None,
        width=None if file.isatty() else 80,
        soft_wrap=True,
        highlight=False,
        markup=False,
        emoji=False,
    )


def show(pieces: Iterable["str | Text | Table"]) -> None:
    """Print lines and tables on stdout."""
    out = console(sys.stdout)
    for piece in pieces:
        out.print(piece)


def print_json(**fields: object) -> None:
    print(to_json(fields))


def fail(message: str, code: int) -> NoReturn:
    print(f"chainrule: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


def plain(error: UnicodeError) -> tuple[str, int]:
    """The codec error handler that says it in ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unsaid = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in unsaid), error.end
