"""`chainrule grade`: what is right in a file of somebody who learns, and which mistake is in it."""

import math
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainrule.cli.graded import overview, points_of, told, write_junit, write_table
from chainrule.cli.handed import Handed, gathered
from chainrule.cli.options import Place, example, json_option
from chainrule.cli.printing import print_json, show
from chainrule.cli.progress import counting
from chainrule.cli.writing import check_new
from chainrule.explain.grade.forms import STYLES, template_of
from chainrule.explain.grade.names import GRADED
from chainrule.files import in_words
from chainrule.network import Loss

if TYPE_CHECKING:
    from chainrule.explain.grade.report import Report

LOSSES: dict[str | None, Loss] = {
    "squared-error": "squared_error",
    "cross-entropy": "cross_entropy",
}
MOST_POINTS = 1_000_000


class Functions(click.ParamType[tuple[str, ...]]):
    """Functions of a task: forward,loss,backward."""

    name = "list"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(dict.fromkeys(each.strip() for each in str(value).split(",")))
        if not set(names) <= set(GRADED):
            self.fail(f"wanted some of {','.join(GRADED)}, got {value!r}", param, ctx)
        return names


@click.command("grade", epilog=example("grade my_network.py --hints 1"))
@click.argument("places", metavar="FILE...", nargs=-1, type=Place())
@click.option(
    "--template",
    is_flag=False,
    flag_value="columns",
    type=click.Choice(STYLES),
    help="Print the form to fill in: columns (the default), rows or layers.",
)
@click.option(
    "--hints",
    type=click.IntRange(0, 3),
    default=2,
    show_default=True,
    help="0 the verdict, 1 where it is wrong, 2 a question that leads on, 3 the mistake's name.",
)
@click.option(
    "--loss",
    type=click.Choice(["squared-error", "cross-entropy"]),
    help="The loss of the task, for files without a loss of their own.",
)
@click.option(
    "--functions",
    type=Functions(),
    help="The functions of the task, such as forward,loss,backward: these alone count, and one "
    "that is not there is wrong.",
)
@click.option(
    "--max-points",
    type=click.FloatRange(min=0, max=MOST_POINTS),
    help="The points of a file that is all right.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1, max=600),
    default=5.0,
    show_default=True,
    help="The time of a file, and of each call of a function.",
)
@click.option("--csv", "table_file", type=Place(), help="Write a table, a line a file, as CSV.")
@click.option("--junit", type=Place(), help="Write JUnit XML, for reports on GitHub or GitLab.")
@click.option("--force", is_flag=True, help="Overwrite what is at --csv or --junit.")
@json_option
def grade_command(
    places: tuple[Path, ...],
    template: str | None,
    hints: int,
    loss: str | None,
    functions: tuple[str, ...] | None,
    max_points: float | None,
    seconds: float,
    table_file: Path | None,
    junit: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Say what is right in a file, and what is wrong with the rest.

    A file of Python or a notebook defines some of forward, loss, backward, softmax,
    relu_derivative, one_hot, update and train_step, under these or the usual other names. Its
    gradient is judged by difference quotients of its own loss. What is wrong is compared with the
    mistakes that people make. Several files, or a folder of them, give a table.

    A file runs in a process of its own with limits on time, memory and output. That protects from
    mistakes, not from malice.

    Exit code 0: all is right; 1: something is wrong; 2: a file could not be graded.
    """
    if template:
        show(template_of(template).splitlines())
        return
    check_options(max_points, table_file, junit, force)
    handed = list(gathered(places))
    graded = []
    with counting(len(handed), "files") if is_watched(handed) else nullcontext() as one_more:
        for each in handed:
            graded.append(graded_file(each, LOSSES.get(loss), seconds, functions or ()))
            if one_more:
                one_more()
    reports = list(zip((each.who for each in handed), graded, strict=True))
    if table_file is not None:
        write_table(table_file, reports, max_points)
    if junit is not None:
        write_junit(junit, graded, hints)
    if as_json:
        print_json(files=[all_of(who, each, hints, max_points) for who, each in reports])
    elif len(graded) == 1 and graded[0].refused is not None:
        raise click.ClickException(graded[0].refused)
    elif len(graded) > 1:
        show(overview(reports, max_points))
    else:
        show(told(graded[0], hints, max_points))
    sys.exit(max(report.code for report in graded))


def check_options(most: float | None, table: Path | None, junit: Path | None, force: bool) -> None:
    """UsageError for what could not be written after the grading."""
    if most is not None and math.isnan(most):
        raise click.BadParameter(
            "wanted a number of points, got nan",
            click.get_current_context(),
            param_hint="--max-points",
        )
    for option, path in (("--csv", table), ("--junit", junit)):
        if path is not None:
            check_new(path, option, force=force)
    if table is not None and junit is not None and table.absolute() == junit.absolute():
        raise click.UsageError(
            "--csv and --junit name the same file; wanted two", click.get_current_context()
        )


def is_watched(handed: Sequence[Handed]) -> bool:
    return len(handed) > 1 and sys.stderr.isatty()


def graded_file(
    handed: Handed, loss: Loss | None, seconds: float, functions: Sequence[str]
) -> "Report":
    """The report on one of several files; one that cannot be opened is refused in it, too."""
    from chainrule.explain.grade.grading import grade
    from chainrule.explain.grade.report import Report, asked_for

    try:
        if handed.path.is_dir():
            next(handed.path.iterdir(), None)  # the reason, if nobody may look into it
        report = grade(handed.path, name=handed.name, loss=loss, seconds=seconds)
    except OSError as error:
        return Report(handed.name, refused=f"{handed.name}: {in_words(error)}")
    return asked_for(report, functions)


def all_of(who: str, report: "Report", hints: int, most: float | None) -> dict[str, object]:
    """What JSON says of a file, as far as the hints go."""
    from chainrule.explain.grade.report import fields_of

    points = None if most is None else points_of(report, most)
    return {"who": who, **fields_of(report, hints), "points": points}
