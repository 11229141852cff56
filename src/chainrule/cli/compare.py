"""`chainrule compare`: two runs side by side."""

from pathlib import Path

import click

from chainrule.cli.options import (
    Asked,
    Place,
    example,
    json_option,
    measured_option,
    quiet_option,
)
from chainrule.cli.printing import print_json, show
from chainrule.cli.subjects import check_classes, data_of, test_digits
from chainrule.runs.compare import compare, comparison_fields
from chainrule.runs.folder import open_run


@click.command("compare", epilog=example("compare runs/first runs/second --step 100"))
@click.argument("a", metavar="A", type=Place())
@click.argument("b", metavar="B", type=Place())
@click.option(
    "--step",
    type=click.IntRange(min=0),
    help="Compare them after this step, if both recorded it; by default at their ends.",
)
@measured_option("those of A")
@quiet_option
@json_option
def compare_command(
    a: Path, b: Path, step: int | None, data: Asked, quiet: bool, as_json: bool
) -> None:
    """Put two runs side by side.

    The settings that differ, losses and accuracies over the recorded steps, how far the weights
    are apart, and the test images that one reads right and the other does not.

    A and B are the folders of two runs.
    """
    runs = open_run(a), open_run(b)
    test_set = test_digits(runs[0], data)
    for run in runs:
        check_classes(test_set, run.sizes[-1], run.folder)
    found = compare(*runs, test_set, step=step)
    if as_json:
        print_json(
            a=str(a),
            b=str(b),
            **comparison_fields(found),
            data=data_of(test_set),
        )
        return
    from chainrule.cli import tables

    if not quiet:
        show([f"A {a}", f"B {b}"])
        show(tables.compared(found))
    show(tables.differing_answers(found, test_set))
