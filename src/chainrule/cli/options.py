"""What the commands are asked with: the types of their options, and options that several share."""

import math
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from chainrule.data import Digits, bundled_mnist, load_digits, load_mnist
from chainrule.training import BATCH_EPOCHS, RECIPES


class Place(click.Path):
    """A path. ~ at its start is a home, also in --out=~/run, which shells leave as it is."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        if not os.fspath(value):
            self.fail("wanted a file or a folder, got ''", param, ctx)
        path = Path(value)
        with suppress(RuntimeError):  # nobody of that name: it is the name of a file
            path = path.expanduser()
        return path


class Widths(click.ParamType[tuple[int, ...]]):
    """Widths of hidden layers: 10, or 300,100, or none."""

    name = "widths"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        if value == "none":
            return ()
        widths = numbers(str(value))
        if not widths or not all(1 <= width <= 1_000_000 for width in widths):
            self.fail(f"wanted widths from 1 to 1,000,000 such as 300,100 or none, got {value!r}")
        return widths


class Indices(click.ParamType[tuple[int, ...]]):
    """Numbers of images, from 0: 0,7,12."""

    name = "list"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        indices = numbers(str(value))
        if not indices:
            self.fail(f"wanted numbers of test images such as 0,7,12, got {value!r}")
        return indices


class Rate(click.ParamType[float]):
    """A positive, finite number."""

    name = "rate"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            rate = float(str(value))
        except ValueError:
            rate = math.nan
        if not (math.isfinite(rate) and rate > 0):
            self.fail(f"wanted a positive number such as 0.5, got {value!r}")
        return rate


class BatchSize(click.ParamType[int]):
    """A number of images, or 0 for all of them."""

    name = "n|all"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if value in ("all", 0):
            return 0
        size = numbers(str(value))
        if len(size) != 1 or size[0] < 1:
            self.fail(f"wanted a number of images from 1 or all, got {value!r}")
        return size[0]


def numbers(text: str) -> tuple[int, ...]:
    """Whole numbers parted by commas; none at all if anything else stands there."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() and len(part) <= 18 for part in parts):
        return ()
    return tuple(int(part) for part in parts)


def dashed(name: str) -> str:
    return name.replace("_", "-")


def recipes() -> str:
    """The defaults of each pair of loss and optimizer, for the help."""
    lines = ["Defaults, for the full batch and for batches:"]
    lines += [f"  {'loss':15}{'optimizer':11}rate   steps   rate (batches)   epochs (batches)"]
    for (loss, optimizer), recipe in RECIPES.items():
        lines.append(
            f"  {dashed(loss):15}{optimizer:11}{recipe.learning_rate:<7g}{recipe.steps:<8}"
            f"{recipe.batch_learning_rate:<17g}{BATCH_EPOCHS}"
        )
    return "\n".join(lines)


def example(line: str) -> str:
    return f"\b\nExample:\n  chainrule {line}"


class DigitsPlace(Place):
    """Where digits lie: a folder, or mnist, which is the bundled one."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        if value == "mnist":
            if Path("mnist").exists():
                self.fail("mnist is the bundled MNIST, and a folder here: ./mnist is the folder")
            return bundled_mnist()
        return super().convert(value, param, ctx)


def data_option(instead: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """--data; `instead` says which digits are taken without it."""
    return click.option(
        "--data",
        metavar="FOLDER",
        type=DigitsPlace(),
        help=f"The digits: a folder of four IDX files, or mnist; by default {instead}.",
    )


def read_digits(folder: Path | None) -> tuple[Digits, Digits]:
    """The digits in a folder, None: the bundled MNIST, to train on and to test on."""
    return load_mnist() if folder in (None, bundled_mnist()) else load_digits(folder)


def json_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."
    )(command)


def quiet_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("-q", "--quiet", is_flag=True, help="Print the result alone.")(command)


def model_argument(command: Callable[..., None]) -> Callable[..., None]:
    """MODEL, and --step for a run."""
    step = click.option(
        "--step",
        type=click.IntRange(min=0),
        help="Of a run, the parameters after this step, if it is a recorded one.",
    )
    return click.argument("model", type=Place())(step(command))
