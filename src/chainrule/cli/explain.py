"""`chainrule explain`: every number of one image's pass."""

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from chainrule.cli.options import Asked, example, json_option, measured_option, model_argument
from chainrule.cli.printing import print_json, show
from chainrule.cli.subjects import data_of, model_name, pick, read_subject
from chainrule.explain.ledger import Ledger, open_ledger, overflowing, prediction
from chainrule.explain.rules import array_formula, open_cell
from chainrule.explain.truth import Truth


@click.command("explain", epilog=example("explain runs/first --test 0 --cell 'dW2[3,7]'"))
@model_argument
@click.option(
    "--test", "index", type=click.IntRange(min=0), required=True, help="A test image, from 0."
)
@click.option(
    "--label",
    metavar="CLASS",
    help="The class taken as true, such as 7; by default the image's label.",
)
@click.option("--cell", metavar="NAME", help="Open one cell, such as dW2[3,7], b1[4] or E.")
@click.option(
    "--exact", "exactly", is_flag=True, help="With --cell: the true digits, and ours beside them."
)
@click.option("--full", is_flag=True, help="Print every number, and terms that are 0.")
@measured_option("those of the run, or mnist")
@json_option
def explain_command(
    model: Path,
    step: int | None,
    index: int,
    label: str | None,
    cell: str | None,
    exactly: bool,
    full: bool,
    data: Asked,
    as_json: bool,
) -> None:
    """Open every number of one test image's pass.

    The whole forward and backward pass (m = 1: E is the loss of this one image), or any cell of
    it with its formula, the source line that computed it, and the sum it is.

    MODEL is a model file, the folder of a run, or a network of the package by name.
    Everything is computed in float64 on the stored parameters. With --exact a cell is computed once
    more in whole numbers, without any rounding to nearest, to thirty digits.
    """
    if exactly and cell is None:
        raise click.UsageError("--exact goes with --cell", click.get_current_context())
    subject = read_subject(model, step)
    test_set = subject.test_set(data)
    chosen = pick(test_set, [index])
    truth = int(chosen.labels[0])
    taken = truth if label is None else class_of(label, test_set.names)
    ledger = open_ledger(subject.network, chosen.X[:, 0], taken)
    read, overflows = prediction(ledger), overflowing(ledger)
    about = {
        "model": model_name(model),
        "step": step,
        "test": index,
        "label": taken,
        "prediction": read,
        "m": 1,
        "data": data_of(test_set),
        "overflows": overflows,
        "classes": test_set.names,
    }
    if cell is not None:
        opened = open_cell(ledger, cell)
        true = Truth(ledger).cell(cell) if exactly else None
        if as_json:
            print_json(**about, **opened._asdict(), exact=true and true._asdict())
            return
    elif as_json:
        print_json(**about, arrays=arrays_of(ledger))
        return
    from chainrule.cli import pictures, tables

    show(tables.moment(ledger, f"test image {index} of {test_set.name}", truth, test_set.names))
    with np.errstate(over="ignore", invalid="ignore"):
        if cell is not None:
            show(pictures.opened(opened, full=full))
            show(pictures.beside_truth(true) if true else [])
            return
        for name in ledger.arrays:
            if name[0] not in "Wby":  # what was given: the parameters and the label
                show(pictures.explained(ledger, name, full=full))


def arrays_of(ledger: Ledger) -> dict[str, object]:
    """What JSON says of all numbers: the formula of each array, and its values."""
    return {
        name: {"formula": array_formula(ledger.network, name), "values": array}
        for name, array in ledger.arrays.items()
    }


def class_of(label: str, names: Sequence[str]) -> int:
    """The number of the class of this name; a usage error if there is none."""
    if label not in names:
        raise click.BadParameter(
            f"it must be one of {', '.join(names)}, got {label!r:.40}",
            click.get_current_context(),
            param_hint="--label",
        )
    return names.index(label)
