"""`chainrule open`: a network that was made elsewhere becomes a model."""

import sys
from pathlib import Path

import click

from chainrule.bridges.layers import KINDS, scaling
from chainrule.bridges.opening import open_network
from chainrule.cli.export import NEEDS_ONNX
from chainrule.cli.options import Place, dashed, example, json_option
from chainrule.cli.printing import print_json, show
from chainrule.cli.writing import force_option, write_new
from chainrule.data import PIXELS
from chainrule.files import open_regular
from chainrule.model import model_file
from chainrule.network import LOSSES


class PixelsType(click.ParamType[str]):
    """How a network's pixels are scaled."""

    name = "pixels"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        try:
            scaling(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


@click.command("open", epilog=example("open their.onnx --pixels 0-255"))
@click.argument("file", type=Place())
@click.option(
    "--pixels",
    metavar="0-1|0-255|MEAN,DEVIATION",
    type=PixelsType(),
    help="How the pixels that it takes are scaled; asked for at a terminal, else must be given.",
)
@click.option("--out", type=Place(), help="The model; by default FILE's name and .safetensors.")
@click.option(
    "--loss",
    type=click.Choice([dashed(each) for each in LOSSES]),
    help="What it minimises: by default what the file says, or cross-entropy.",
)
@click.option(
    "--layers", metavar="NAMES", help="Of a state_dict, its layers from first to last: fc1,fc2."
)
@force_option
@json_option
def open_command(
    file: Path,
    pixels: str | None,
    out: Path | None,
    loss: str | None,
    layers: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Make a model of a network that was trained elsewhere.

    FILE is ONNX, a chain of Gemm or MatMul and Add, Relu and Softmax (extra onnx), or a PyTorch
    state_dict saved as safetensors. What comes out is an ordinary model: look inside, check it,
    evaluate it, draw for it.

    A network takes pixels from 0 to 1, from 0 to 255, or less a mean and divided by a deviation
    (of pixels from 0 to 1). No file says which, so --pixels must, or you at a terminal. That
    scaling, and what the file does to its pixels before the first layer, is folded into W1 and b1.
    """
    pixels = pixels or asked_pixels(file)
    named = next((each for each in LOSSES if loss == dashed(each)), None)
    order = layers.split(",") if layers is not None else None
    try:
        opened = open_network(file, pixels=pixels, loss=named, layers=order)
    except ModuleNotFoundError:
        raise click.ClickException(NEEDS_ONNX) from None
    path = out or Path(f"{file.stem}.model.safetensors")
    notes = list(opened.notes)
    if opened.network.sizes[0] != PIXELS:
        notes.append(f"it takes {opened.network.sizes[0]:,} numbers, not the {PIXELS} of a digit")
    write_new(path, model_file(opened.network), force=force)
    if as_json:
        network = opened.network
        print_json(
            model=str(path),
            found=opened.found,
            sizes=network.sizes,
            loss=dashed(network.loss),
            dtype=str(network.parameters.dtype),
            pixels=pixels,
            cost=opened.cost,
            notes=notes,
        )
        return
    show([opened.found, *notes, str(opened.network)])
    if pixels != "0-1" or opened.cost:
        show(
            [
                f"pixels {pixels} are folded into W1 and b1; no probability changes by more than "
                f"{opened.cost:.1g}"
            ]
        )
    show([f"model {path}"])


def asked_pixels(file: Path) -> str:
    """The scaling, as who sits at the terminal says it; UsageError if nobody does."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError(
            f"{file}: no file says how the pixels that it takes are scaled; say it with "
            f"--pixels {KINDS}",
            click.get_current_context(),
        )
    with open_regular(file, follow=True):  # or else nothing need be asked
        text = f"How are the pixels that it takes scaled? {KINDS}\npixels"
        answer: str = click.prompt(text, type=PixelsType(), err=True)
    return answer
