"""`chainrule evaluate`: a model measured on the test images."""

from pathlib import Path

import click

from chainrule.cli.options import (
    Asked,
    example,
    json_option,
    measured_option,
    model_argument,
    quiet_option,
)
from chainrule.cli.printing import print_json, show
from chainrule.cli.subjects import data_of, model_name, read_subject
from chainrule.encode import share
from chainrule.training import evaluate


@click.command("evaluate", epilog=example("evaluate runs/first"))
@model_argument
@measured_option("those of the run, or mnist")
@quiet_option
@json_option
def evaluate_command(
    model: Path, step: int | None, data: Asked, quiet: bool, as_json: bool
) -> None:
    """Measure a model on the test images.

    Accuracy, also per digit, and which digits are read as which.

    MODEL is a model file, the folder of a run, or a network of the package by name.
    """
    subject = read_subject(model, step)
    test_set = subject.test_set(data)
    with subject.named():
        seen = evaluate(subject.network, test_set, engine="numpy")  # loads faster than Numba
    if as_json:
        print_json(
            accuracy=seen.accuracy,
            loss=seen.loss,
            accuracy_per_digit=list(map(share, seen.accuracy_per_digit)),
            confusion=seen.confusion,
            classes=test_set.names,
            model=model_name(model),
            step=step,
            data=data_of(test_set),
        )
        return
    from chainrule.cli import tables

    if not quiet:
        show([str(subject.network)])
        show(tables.confusion(seen, test_set.names))
        show([f"loss {seen.loss:.4f} on the test images"])
    show([tables.accuracy(seen, test_set.name)])
