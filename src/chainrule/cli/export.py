"""`chainrule export`: a model as a file for other tools."""

from pathlib import Path
from typing import cast

import click

from chainrule.bridges.exporting import KINDS, SUFFIXES, Kind, exported
from chainrule.bridges.layers import RANGES, Range
from chainrule.cli.options import Place, example, model_argument
from chainrule.cli.printing import show
from chainrule.cli.subjects import model_name, read_subject
from chainrule.cli.writing import force_option, write_new

NEEDS_ONNX = "ONNX needs the extra onnx: pip install onnx"


@click.command("export", epilog=example("export runs/first --to onnx"))
@model_argument
@click.option("--to", "kind", type=click.Choice(KINDS), required=True, help="The kind of file.")
@click.option("--out", type=Place(), help="The file; by default MODEL's name with its ending.")
@click.option(
    "--pixels",
    type=click.Choice(RANGES),
    help="What it takes: pixels from 0 to 1, the default, or bytes, which it divides by 255.",
)
@force_option
def export_command(
    model: Path, step: int | None, kind: Kind, out: Path | None, pixels: str | None, force: bool
) -> None:
    """Write a model for other tools.

    \b
    onnx    for ONNX Runtime and most other tools; needs the extra onnx
    python  one Python file that needs nothing else
    c       one C file: arrays, and one function
    csv     a table: a line for each unit, with its bias and weights

    Each takes one example a row, and gives its probabilities. The same model gives the same bytes.

    MODEL is a model file, the folder of a run, or a network of the package by name.
    """
    if kind == "csv" and pixels:
        raise click.UsageError(
            "a table takes no pixels; --pixels is for the other kinds", click.get_current_context()
        )
    subject = read_subject(model, step)
    named = Path(model_name(model))
    stem = named.resolve().name if model.is_dir() else named.stem
    path = out or Path(f"{stem}{SUFFIXES[kind]}")
    try:
        content = exported(subject.network, kind, cast(Range, pixels or "0-1"))
    except ModuleNotFoundError:
        raise click.ClickException(NEEDS_ONNX) from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    write_new(path, content, force=force)
    show([str(path)])
