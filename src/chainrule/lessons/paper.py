"""Sheets as one page of HTML, to be printed: a sheet of paper a pupil, then the keys."""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from html import escape
from pathlib import Path
from string import Template

from chainrule.lessons.exact import Matrix, Vector
from chainrule.lessons.tasks import Given, Number, Sheet, Task

TEMPLATE = Path(__file__).with_name("paper.template")
PLACES = 4  # decimals of a key that is no short fraction
POWER = re.compile(r"e\^(?:\(([^)]*)\)|(\w+\[\w\]))")  # e^(1/2), e^Z2[k]
SHORT = 4  # the largest denominator of a fraction that is written as one

ABOUT = (
    "{count} with different numbers, and the keys on pages of their own. Print this page, or save "
    "it as PDF in the browser's print window. The same seed, {seed}, gives the same numbers again, "
    "and a pupil has the same network on every sheet of this seed."
)
ROUNDING = (
    "Every key is exact from the numbers on its sheet, and is rounded only here. Who rounds to "
    "four decimals on the way may be off by a few units of the last one."
)


def pages(title: str, sheets: Sequence[Sheet], seed: int) -> str:
    """The HTML of these sheets and of their keys; it needs nothing else."""
    count = "1 sheet" if len(sheets) == 1 else f"{len(sheets)} sheets"
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        about=escape(ABOUT.format(count=count, seed=seed)),
        rounding=escape(ROUNDING),
        sheets="\n".join(sheet_of(title, each, len(sheets), seed) for each in sheets),
        keys="\n".join(map(key_of, sheets)),
    )


def sheet_of(title: str, sheet: Sheet, pupils: int, seed: int) -> str:
    small = sheet.network
    network = "".join(
        matrix(name, rows)
        for name, rows in (
            ("x", column(small.x)),
            ("W1", small.W1),
            ("b1", column(small.b1)),
            ("W2", small.W2),
            ("b2", column(small.b2)),
        )
    )
    parts = []
    number = 0
    for part in sheet.parts:
        if isinstance(part, Task):
            number += 1
            parts.append(task_of(part, number))
        else:
            parts.append(given_of(part))
    return (
        f'<section class="sheet">\n<div class="head"><h1>{escape(title)}</h1>'
        f"<p>sheet {sheet.pupil} of {pupils}, seed {seed}</p>"
        f'<p class="name">Name <span></span></p></div>\n'
        f'<div class="network">{network}</div>\n' + "\n".join(parts) + "\n</section>"
    )


def given_of(part: Given) -> str:
    numbers = "".join(f"<span>{equation(each)}</span>" for each in part.numbers)
    return (
        f'<div class="given"><p>{escape(part.words)}</p><div class="numbers">{numbers}</div></div>'
    )


def task_of(part: Task, number: int) -> str:
    blanks = "".join(f"<span>{symbol(each.name)} = <i></i></span>" for each in part.answers)
    formulas = "".join(symbol(each) for each in part.formula.split(",  "))
    wide = " wide" if len(part.answers) in (3, 9) else ""
    return (
        f'<div class="task"><h3>{number}. {escape(part.words)}</h3>'
        f'<p class="formula">{formulas}</p><div class="blanks{wide}">{blanks}</div></div>'
    )


def key_of(sheet: Sheet) -> str:
    lines = "".join(
        f'<div class="numbers"><b>{k}.</b>'
        + "".join(f"<span>{equation(each)}</span>" for each in task.answers)
        + "</div>"
        for k, task in enumerate(sheet.tasks, 1)
    )
    return f'<div class="key"><h3>Sheet {sheet.pupil}</h3>{lines}</div>'


def equation(number: Number) -> str:
    return f"{symbol(number.name)} {written(number.value)}"


def column(values: Vector) -> Matrix:
    return tuple((value,) for value in values)


def matrix(name: str, rows: Matrix) -> str:
    body = "".join(
        "<tr>" + "".join(f"<td>{plain(each)}</td>" for each in row) + "</tr>" for row in rows
    )
    return f'<div class="matrix"><var>{name}</var> = <table>{body}</table></div>'


def symbol(text: str) -> str:
    raised = POWER.sub(r"e<sup>\1\2</sup>", escape(text).replace("-", "−"))
    return f"<var>{raised}</var>"


def written(value: Fraction) -> str:
    """A number behind its sign of equality: = 3/2, = 4.4817, ≈ 0.1234."""
    if value.denominator <= SHORT or (value * 10**PLACES).denominator == 1:
        return f"= {plain(value)}"
    return f"≈ {decimal(value)}"


def plain(value: Fraction) -> str:
    """A fraction that is short, else its exact decimals."""
    text = str(value) if value.denominator <= SHORT else decimal(value)
    return text.replace("-", "−")


def decimal(value: Fraction) -> str:
    """Rounded to four decimals, half to even, without going through a float."""
    whole = round(value * 10**PLACES)
    return str(Decimal(whole).scaleb(-PLACES)).replace("-", "−")
