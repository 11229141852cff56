"""The options of the commands: their types, and the options that several commands share."""

import math
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, cast

import click

from chainrule.data import Digits, bundled_mnist
from chainrule.model import bundled, bundled_models
from chainrule.runs.kinds import Choice, Flag, Number, Whole, Widths
from chainrule.runs.settings import ENTRIES, Entry, Settings
from chainrule.sources.opening import PLAIN, Prepare, Reading, load_both
from chainrule.training import BATCH_EPOCHS, RECIPES

MOST_IMAGES = 1_000_000  # that are named at once by their numbers


class Place(click.Path):
    """A path. ~ at its start is a home folder, also in --out=~/run, where no shell replaces it."""

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
        with suppress(RuntimeError):  # no user has that name: it is a file's name
            path = path.expanduser()
        return path


class NamedPlace(Place):
    """A path, or the name of something in the package; names what lies where, and what it is."""

    def __init__(self, what: str, named: Callable[[], dict[str, Path]]) -> None:
        super().__init__()
        self.what, self.named = what, named

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        found = self.named().get(os.fspath(value))
        if found is None:
            return super().convert(value, param, ctx)
        if os.path.lexists(value):
            self.fail(f"{value} is {self.what} of the package, and here too: ./{value} is that")
        return found


def model_place() -> NamedPlace:
    """Where a model lies: a file, a folder, or the name of a network of the package."""
    return NamedPlace(
        "a network", lambda: {name: bundled_models() / f"{name}.safetensors" for name in bundled()}
    )


def digits_place() -> NamedPlace:
    """Where digits lie: a file, a folder, or mnist, which is the bundled one."""
    return NamedPlace("the set", lambda: {"mnist": bundled_mnist()})


class WidthsType(click.ParamType[tuple[int, ...]]):
    """Widths of hidden layers: 10, or 300,100, or none; `between` stands between two of them."""

    name = "widths"

    def __init__(self, between: str = ",") -> None:
        self.between = between

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        if value == "none":
            return ()
        widths = numbers(str(value).replace(self.between, ","))
        if not widths or not all(1 <= width <= 1_000_000 for width in widths):
            such = f"300{self.between}100"
            self.fail(f"wanted widths from 1 to 1,000,000 such as {such} or none, got {value!r}")
        return widths


class Indices(click.ParamType[tuple[int, ...]]):
    """Numbers of images, from 0: 0,7,12 or 0-99."""

    name = "list"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        indices: list[int] = []
        for part in str(value).split(","):
            ends = [numbers(end) for end in part.split("-")]
            if not 1 <= len(ends) <= 2 or not all(len(end) == 1 for end in ends):
                self.fail(f"wanted numbers of test images such as 0,7,12 or 0-99, got {value!r}")
            (first,), (last,) = ends[0], ends[-1]
            if last < first or len(indices) + last - first >= MOST_IMAGES:
                self.fail(
                    f"wanted ranges such as 0-99, together at most {MOST_IMAGES:,} images, "
                    f"got {value!r}"
                )
            indices += range(first, last + 1)
        return tuple(indices)


class NumberType(click.ParamType[float]):
    """A number that fits one of the kinds in runs/kinds.py."""

    name = "number"

    def __init__(self, kind: Number) -> None:
        self.kind = kind

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not self.kind.fits(number):
            self.fail(f"wanted {self.kind.words}, got {value!r}")
        return number


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
    """Whole numbers separated by commas; empty if the text holds anything else."""
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


def setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for every setting but the place of the digits."""
    for name in reversed(ENTRIES):
        if name != "data":
            command = setting_option(name)(command)
    return command


def setting_option(
    name: str, *, told: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option of a setting; with `told` false it is None where it is not given."""
    entry, usual = ENTRIES[name], getattr(Settings(), name)
    if isinstance(entry.kind, Flag):
        return click.option(
            f"--{dashed(name)}", is_flag=True, default=usual if told else None, help=entry.help
        )
    default = said(entry, usual) if told else None
    return click.option(
        f"--{dashed(name)}",
        type=type_of(entry),
        default=default,
        show_default=default is not None,
        help=entry.help or None,
    )


def type_of(entry: Entry) -> click.ParamType[Any]:
    """What checks the option of a setting."""
    match entry.kind:
        case Widths():
            return WidthsType()
        case Choice(names):
            return click.Choice([dashed(name) for name in names])
        case Number() as kind:
            return NumberType(kind)
        case Whole() if entry.none == "all":
            return BatchSize()
        case Whole(least):
            return click.IntRange(min=least)
    raise TypeError(f"no option for {entry.label}")


def said(entry: Entry, value: object) -> str | None:
    """The value of a setting as it is written after its option; None if it is left out."""
    if value is None:
        return entry.none or None
    match entry.kind:
        case Widths():
            return ",".join(map(str, cast("tuple[int, ...]", value))) or "none"
        case Choice():
            return dashed(str(value))
    return entry.kind.write(value)


def meant(options: dict[str, Any]) -> dict[str, Any]:
    """The settings, by name, that these options give."""
    found = {}
    for name, value in options.items():
        entry = ENTRIES[name]
        if isinstance(entry.kind, Choice):
            value = value.replace("-", "_")
        found[name] = None if entry.none == "all" and value == 0 else value
    return found


def data_option(instead: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option --data; `instead` says which digits are used without it."""
    return click.option(
        "--data",
        metavar="PLACE",
        type=digits_place(),
        help=f"The digits: a folder or file of them, or mnist; by default {instead}.",
    )


class Asked(NamedTuple):
    """The digits that a command is to measure on, and how they are read; None: not given."""

    place: Path | None
    transpose: bool | None
    prepare: Prepare | None

    def reading(self, usual: Reading) -> Reading:
        """How they are read, where `usual` is how the run reads its own."""
        turned = usual.transpose if self.transpose is None else self.transpose
        return replace(usual, transpose=turned, prepare=self.prepare or usual.prepare)


def measured_option(instead: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """--data, --transpose and --prepare, of which the command gets one argument, `data`."""

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def gathering(
            *, data: Path | None, transpose: bool | None, prepare: Prepare | None, **more: object
        ) -> None:
            if data is None and (transpose, prepare) != (None, None):
                raise click.UsageError(
                    "--transpose and --prepare go with --data", click.get_current_context()
                )
            command(data=Asked(data, transpose, prepare), **more)

        transposing, preparing = (
            setting_option(name, told=False) for name in ("transpose", "prepare")
        )
        return data_option(instead)(transposing(preparing(gathering)))

    return decorated


def read_digits(place: Path | None, reading: Reading = PLAIN) -> tuple[Digits, Digits]:
    """The training and test digits that lie there; None means the bundled MNIST."""
    return load_both(None if place == bundled_mnist() else place, reading)


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
    return click.argument("model", type=model_place())(step(command))
