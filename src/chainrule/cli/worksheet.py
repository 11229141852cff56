"""`chainrule worksheet`: sheets to compute by hand, one a pupil, and their keys."""

from pathlib import Path

import click

from chainrule.cli.options import Place, example
from chainrule.cli.printing import show
from chainrule.cli.writing import write_new

MOST = 200  # pupils


@click.command("worksheet", epilog=example("worksheet softmax --pupils 25 --seed 7"))
@click.argument("lesson")
@click.option(
    "--pupils",
    type=click.IntRange(1, MOST),
    default=25,
    show_default=True,
    help="How many sheets, each with other numbers.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 10**12),
    default=0,
    show_default=True,
    help="The same seed gives the same sheets.",
)
@click.option("--out", type=Place(), help="The file; by default LESSON-sheets.html.")
def worksheet_command(lesson: str, pupils: int, seed: int, out: Path | None) -> None:
    """Make sheets for a lesson, to be printed: a small network a pupil, and the keys.

    One page of HTML, which the browser prints or saves as PDF. Its numbers are exact by hand, and
    the keys are exact from what the sheets print.
    """
    from chainrule.lessons.lesson import package_lessons
    from chainrule.lessons.paper import pages
    from chainrule.lessons.tasks import SHEETS, make_sheets

    titles = {each.id: each.title for each in package_lessons()}
    if lesson not in SHEETS:
        what = "has no sheet" if lesson in titles else "is no lesson"
        known = ", ".join(SHEETS)
        raise click.UsageError(
            f"{lesson!a} {what}; those with a sheet are {known}", click.get_current_context()
        )
    content = pages(titles[lesson], make_sheets(lesson, pupils, seed), seed).encode()
    path = out or Path(f"{lesson}-sheets.html")
    write_new(path, content)
    show([str(path)])
