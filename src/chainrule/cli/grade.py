"""`chainrule grade`: what is right in a file of somebody who learns, and which mistake is in it."""

import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import click

from chainrule.cli.graded import fields_of, overview, told, write_junit, write_table
from chainrule.cli.options import Place, example, json_option
from chainrule.cli.printing import print_json, show
from chainrule.network import Loss

LOSSES: dict[str | None, Loss] = {
    "squared-error": "squared_error",
    "cross-entropy": "cross_entropy",
}
STYLES = ("columns", "rows", "layers")
MOST_FILES = 1_000
KINDS = (".py", ".ipynb")


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
    "--max-points", type=click.FloatRange(min=0), help="The points of a file that is all right."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1, max=600),
    default=5.0,
    show_default=True,
    help="The time of a file, and of each call of a function.",
)
@click.option("--csv", "table_file", type=Place(), help="Write a table, a line a file, as CSV.")
@click.option(
    "--junit", type=Place(), help="Write JUnit XML, as GitHub Classroom and others read it."
)
@click.option("--force", is_flag=True, help="Overwrite what is at --csv or --junit.")
@json_option
def grade_command(
    places: tuple[Path, ...],
    template: str | None,
    hints: int,
    loss: str | None,
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
    wanted = list(gathered(places))
    from chainrule.explain.grade.grading import grade

    reports = [grade(path, loss=LOSSES.get(loss), seconds=seconds) for path in wanted]
    if table_file is not None:
        write_table(table_file, reports, max_points, force=force)
    if junit is not None:
        write_junit(junit, reports, hints, force=force)
    if as_json:
        print_json(files=[fields_of(report, hints, max_points) for report in reports])
    elif len(reports) == 1 and reports[0].refused is not None:
        raise click.ClickException(reports[0].refused)
    elif len(reports) > 1:
        show(overview(reports, max_points))
    else:
        show(told(reports[0], hints, max_points))
    sys.exit(max(report.code for report in reports))


def template_of(style: str) -> str:
    """The text of a form."""
    place = files("chainrule.explain.grade") / "templates" / f"{style}.txt"
    return place.read_text(encoding="utf-8")


def gathered(places: Sequence[Path]) -> Iterator[Path]:
    """The files; of a folder its Python files and notebooks, by name."""
    if not places:
        raise click.UsageError(
            "wanted a file, or --template for a form to fill in", click.get_current_context()
        )
    found = 0
    for place in places:
        inside = sorted(each for each in place.iterdir() if each.suffix in KINDS) if (
            place.is_dir()) else [place]  # fmt: skip
        if not inside:
            raise click.ClickException(f"{place}: wanted files *.py or *.ipynb, got none")
        found += len(inside)
        if found > MOST_FILES:
            raise click.ClickException(f"wanted at most {MOST_FILES:,} files, got more")
        yield from inside
