"""`chainrule check`: is the gradient of a model right?"""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from chainrule.cli.engines import check_engine, compile_once
from chainrule.cli.options import (
    Asked,
    Indices,
    example,
    json_option,
    measured_option,
    model_argument,
    quiet_option,
)
from chainrule.cli.printing import print_json, show
from chainrule.cli.subjects import Subject, data_of, model_name, pick, read_subject
from chainrule.data import Digits
from chainrule.engine.choice import EngineName, opened
from chainrule.engine.interface import gradient_of
from chainrule.explain.check import ALL_UP_TO, SAMPLE, Proof, check
from chainrule.explain.differences import H
from chainrule.explain.exact import ARRAYS_UP_TO
from chainrule.explain.ledger import open_ledger
from chainrule.explain.nearness import ImageBeside, all_within, check_exactly, merged_arrays
from chainrule.network import Array, Network

CHECKED: dict[EngineName, str] = {"numpy": "the NumPy engine", "compiled": "the compiled engine"}


@click.command("check", epilog=example("check runs/first --test 0,1,2"))
@model_argument
@click.option(
    "--test",
    "indices",
    type=Indices(),
    default="0,1,2",
    show_default=True,
    help="The test images, from 0.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    help=f"Check this many parameters; by default all, above {ALL_UP_TO:,} a sample of {SAMPLE:,}.",
)
@click.option(
    "--engine",
    type=click.Choice(list(CHECKED)),
    help="Check the gradient that this engine trains with, in float32, instead of network.py's.",
)
@click.option(
    "--exact", "exactly", is_flag=True, help="Compare all derivatives with the truth instead."
)
@measured_option("those of the run, or mnist")
@quiet_option
@json_option
def check_command(
    model: Path,
    step: int | None,
    indices: tuple[int, ...],
    sample: int | None,
    engine: EngineName | None,
    exactly: bool,
    data: Asked,
    quiet: bool,
    as_json: bool,
) -> None:
    """Prove the gradient by central differences.

    Every parameter is nudged up and down by h, and the change of E compared with the gradient.
    The impostors, wrong gradients that are often copied, must fail the same check.

    MODEL is a model file, the folder of a run, or a network of the package by name.
    Exit code 1 if chainrule's own gradient fails, or if nothing can be told: where rounding is
    larger than the gradient.

    With --engine it is that engine's gradient. Each of its numbers may be off by what the rounding
    of float32 can come to on the way to it.

    With --exact every derivative, image by image, is compared with what it truly is, computed in
    whole numbers. It may be off by what the rounding of float64 can come to.
    """
    if exactly and (engine or sample):
        raise click.UsageError(
            "--exact takes no --engine and no --sample", click.get_current_context()
        )
    subject = read_subject(model, step)
    test_set = subject.test_set(data)
    chosen = pick(test_set, indices)
    about = {"model": model_name(model), "step": step, "data": data_of(test_set)}
    if exactly:
        compared = check_all_exactly(subject, chosen)
        fine = all_within(row.within for image in compared for row in image.arrays)
        if as_json:
            print_json(within=fine, **exact_fields(compared, indices), **about)
        else:
            show_exactly(compared, indices, test_set.name, fine=fine, quiet=quiet)
        sys.exit(0 if fine else 1)
    claim = claimed(engine, subject.network, chosen) if engine else None
    proof = check(
        subject.network,
        chosen.X,
        chosen.Y,
        claim=claim,
        name=CHECKED[engine] if engine else "chainrule",
        sample=sample,
    )
    if as_json:
        print_json(**fields_of(proof), engine=engine, **about)
    else:
        from chainrule.cli import pictures

        show([] if quiet else pictures.proven(proof, indices, test_set.name))
        show([pictures.verdict(proof)])
    if not proof.own.agrees:
        sys.exit(1)


def fields_of(proof: Proof) -> dict[str, object]:
    """What JSON says of a proof."""
    return {
        "agrees": proof.own.agrees,
        "h": H,
        "parameters": proof.parameters,
        "compared": proof.compared,
        "kinks": proof.kinks,
        "gradients": {each.name: list(each.rows) for each in (proof.own, *proof.impostors)},
    }


def show_exactly(
    compared: Sequence[ImageBeside],
    indices: Sequence[int],
    on: str,
    *,
    fine: bool | None,
    quiet: bool,
) -> None:
    """Print how far all derivatives are from the truth, and the verdict."""
    from chainrule.cli import pictures

    show([] if quiet else pictures.proven_exactly(compared, indices, on))
    verdicts = {
        True: "every derivative is as near to the truth as it must be",
        False: "FAILS",
        None: "of some derivatives it cannot be told: numbers on the way overflow",
    }
    show([verdicts[fine]])


def exact_fields(compared: Sequence[ImageBeside], indices: Sequence[int]) -> dict[str, object]:
    """What JSON says of derivatives beside the truth."""
    corners = [
        {"test": index} | corner._asdict()
        for image, index in zip(compared, indices, strict=True)
        for corner in image.corners
    ]
    return {"arrays": merged_arrays(compared), "corners": corners}


def check_all_exactly(subject: Subject, digits: Digits) -> list[ImageBeside]:
    """All derivatives of each of these images beside the truth."""
    network = subject.network
    if network.parameters.size > ARRAYS_UP_TO:
        raise click.ClickException(
            f"--exact compares networks of up to {ARRAYS_UP_TO:,} parameters, this one has "
            f"{network.parameters.size:,}; chainrule explain --cell … --exact takes single cells"
        )
    pairs = zip(digits.X.T, digits.labels.tolist(), strict=True)
    return [check_exactly(open_ledger(network, x, label)) for x, label in pairs]


def claimed(name: EngineName, network: Network, digits: Digits) -> Array:
    """The gradient that this engine trains with."""
    if network.parameters.dtype != np.float32:
        raise click.ClickException(
            f"an engine's gradient is checked in float32, and this network is in "
            f"{network.parameters.dtype}; without --engine network.py's is"
        )
    check_engine(name)
    if name == "compiled":
        compile_once(lambda line: click.echo(line, err=True), "stopped; nothing was checked")
    with opened(name) as engine:
        return gradient_of(engine, network, digits)
