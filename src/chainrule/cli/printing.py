"""What all commands print with: lines and tables on stdout, JSON, and lines on stderr.

Nothing has a colour: nobody knows how a user's terminal shows red or grey, but its own text colour
can always be read. What matters is bold.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TextIO, Union

from chainrule.encode import to_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

# A line, a table, or a function that makes some of them for a width in columns.
Piece = Union[str, "Text", "Table", Callable[[int], Iterable["Piece"]]]
# What is said instead where the output cannot encode more than ASCII.
PLAIN = {
    "→": "->", "α": "alpha", "θ": "theta", "Σ": "sum", "²": "^2", "×": "x", "·": "*", "⊙": "*",
    "ᵀ": "^T", "′": "'", "‖": "||", "±": "+-", "…": "...", "½": "1/2", "█": "#", "▓": "+",
    "▒": "=", "░": ".", "\u2009": " ",
}  # fmt: skip


def console(file: TextIO) -> Console:
    """A rich console: on a terminal as wide as it is, elsewhere 80 columns and no codes."""
    from rich.console import Console

    class Steady(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end the program with exit code 1

    return Steady(
        file=file,
        color_system="auto" if file.isatty() and not os.environ.get("NO_COLOR") else None,
        no_color=True,
        width=None if file.isatty() else 80,
        soft_wrap=True,
        highlight=False,
        markup=False,
        emoji=False,
    )


def show(pieces: Iterable[Piece]) -> None:
    """Print lines and tables on stdout; on a terminal, lines are broken between words."""
    out = console(sys.stdout)
    for piece in laid_out(pieces, max(MIN_WIDTH, out.width), broken=sys.stdout.isatty()):
        with naming_stdout():
            out.print(piece)


MIN_WIDTH = 20  # columns; a terminal that is narrower breaks the lines by itself


def laid_out(pieces: Iterable[Piece], width: int, *, broken: bool) -> Iterator[str | Text | Table]:
    """The lines and tables that these pieces are at this width, long lines broken or whole.

    A word that is too long for a line, such as a path, stays in one piece, so it can be copied.
    """
    from rich.table import Table
    from rich.text import Text

    for piece in pieces:
        if callable(piece):
            yield from laid_out(piece(width), width, broken=broken)
        elif isinstance(piece, Table):
            yield piece
        else:
            line = visible(str(piece))
            style = piece.style if isinstance(piece, Text) else ""
            if broken and len(line) > width:
                yield from (Text(part, style) for part in in_words(line, width))
            else:
                yield piece if line == str(piece) else Text(line, style)


def in_words(line: str, width: int, indent: str = "", further: str | None = None) -> list[str]:
    """A line in several, broken between words; from the second on indented a little more."""
    if further is None:
        further = " " * (len(line) - len(line.lstrip()) + 2)
    return wrap(
        line,
        width,
        initial_indent=indent,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def visible(text: str) -> str:
    """A text in one line; what would control a terminal is written as its escape: \\x1b, \\n.

    That is control characters, marks that change the direction of writing, and bytes of a file's
    name that are not text.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or unicodedata.category(c) == "Zs" else ascii(c)[1:-1] for c in text
    )


def paragraph(text: str, indent: str = "", further: str = "") -> Piece:
    """A text in lines of at most 80 columns, the first and all further ones indented."""
    return lambda width: in_words(visible(text), min(80, width), indent, further)


# ----------------------------------------------------------------------------------------- tables


class Column(NamedTuple):
    """A column of a table, under its name.

    Where a terminal has no room for all, those of the highest rank are left out first; rank 0
    stays.
    """

    name: str
    cells: Sequence[str | Text]
    rank: int = 0
    left: bool = False  # where its cells begin; numbers end at the right

    @property
    def width(self) -> int:
        from rich.cells import cell_len

        return max(cell_len(visible(str(text))) for text in (self.name, *self.cells))


def narrowest(columns: Sequence[Column]) -> int:
    """The columns of a terminal that a table needs, one of them between any two of its own."""
    return sum(column.width + 1 for column in columns) - 1


def table(
    columns: Sequence[Column], *, ruled: bool = True, bold: Sequence[bool] = ()
) -> Callable[[int], Iterable[Piece]]:
    """A table under a rule, as wide as there is room; rows that matter are bold.

    What is left out is said below it. If even that is too wide, the first column is folded.
    """

    def fitting(width: int) -> Iterable[Piece]:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        kept = list(columns)
        while narrowest(kept) > width and (rank := max(column.rank for column in kept)):
            kept = [column for column in kept if column.rank < rank]
        spare = (width - narrowest(kept)) // max(1, len(kept) - 1)
        between = min(2, max(0, spare)) + (not ruled)  # the rule brings a column of its own
        laid = Table(
            box=box.SIMPLE_HEAD if ruled else None,
            show_edge=False,
            pad_edge=False,
            padding=(0, between, 0, 0),
        )
        for place, column in enumerate(kept):
            laid.add_column(
                visible(column.name),
                justify="left" if column.left else "right",
                no_wrap=place > 0,
                overflow="fold",
            )
        rows = zip(*(column.cells for column in kept), strict=True)
        for place, row in enumerate(rows):
            cells = (Text(visible(cell)) if isinstance(cell, str) else cell for cell in row)
            laid.add_row(*cells, style="bold" if place < len(bold) and bold[place] else None)
        yield laid
        missing = [column.name for column in columns if column not in kept]
        if missing:
            yield paragraph(f"too narrow for: {', '.join(missing)}")

    return fitting


# ------------------------------------------------------------------------------ JSON, and stderr


def print_json(**fields: object) -> None:
    with naming_stdout():
        print(to_json(fields), flush=True)


def warn(message: str) -> None:
    """One line on stderr. No work depends on it: if stderr is full or closed, nothing happens."""
    with suppress(OSError):
        print(f"chainrule: {visible(message)}", file=sys.stderr, flush=True)


def fail(message: str, code: int) -> NoReturn:
    warn(message)
    sys.exit(code)


@contextmanager
def naming_stdout() -> Iterator[None]:
    """Put the name stdout into an error of writing to it, which otherwise names no file."""
    try:
        yield
    except BrokenPipeError:
        raise BrokenPipeError from None  # one with its number is caught by click: exit code 1
    except OSError as error:
        error.filename = "stdout"
        raise


def plain(error: UnicodeError) -> tuple[str, int]:
    """The codec error handler that replaces such characters by ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unsaid = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in unsaid), error.end
