"""`chainrule data`: what is in a set of digits."""

import shlex
from pathlib import Path
from typing import Any

import click

from chainrule.cli.options import (
    Place,
    digits_place,
    example,
    json_option,
    meant,
    read_digits,
    setting_option,
)
from chainrule.cli.printing import print_json, show
from chainrule.data import SIDE, Digits, bundled_mnist
from chainrule.sources.opening import Lying, Reading
from chainrule.sources.summary import TRANSPOSED, summary
from chainrule.sources.written import write_digits


@click.command("data", epilog=example("data my-digits --out my-digits-idx"))
@click.argument("place", metavar="FOLDER|FILE", type=digits_place())
@setting_option("test_share")
@setting_option("seed")
@setting_option("transpose")
@setting_option("prepare")
@click.option("--out", type=Place(), help="A new folder, into which they are written as IDX files.")
@json_option
def data_command(
    place: Path,
    out: Path | None,
    as_json: bool,
    **how: Any,  # noqa: ANN401, the options that are settings
) -> None:
    """Say what is in a set of digits, and what may be wrong with it.

    How many images, of which classes, to train on and to test on; blank and doubled ones; images
    that are in both parts; and whether they look transposed.

    FOLDER or FILE is one of digits: IDX, CSV, .npz, parquet, or folders of pictures; or mnist.
    """
    train, test = read_digits(place, Reading(**meant(how)))
    found = summary(train, test)
    if out is not None:
        write_digits(out, train, test)
    drawn = train.origin.source.test_share if train.origin else None
    if as_json:
        print_json(
            data=train.name,
            classes=train.names,
            side=SIDE,
            train=found.train._asdict(),
            test=found.test._asdict() | {"drawn": drawn},
            overlap=found.overlap,
            looks_transposed=found.transposed,
            out=None if out is None else str(out),
        )
        return
    from chainrule.cli import tables

    name = train.name if place == bundled_mnist() else str(place)
    show(tables.set_of_digits(name, train, test, found))
    if found.transposed:
        show([TRANSPOSED])
    show([f"to look at them: {lab_command(place, train)}"])
    if out is not None:
        show([f"written to {out}"])


def lab_command(place: Path, digits: Digits) -> str:
    """The command that shows them in the lab, read as they were read here."""
    parts = ["chainrule", "lab", "--data", "mnist" if place == bundled_mnist() else str(place)]
    source = digits.origin.source if digits.origin else None
    if isinstance(source, Lying):
        parts += ["--transpose"] if source.reading.transpose else []
        parts += [] if source.reading.prepare == "auto" else ["--prepare", source.reading.prepare]
    return shlex.join(parts)
