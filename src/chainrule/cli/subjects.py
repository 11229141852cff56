"""What commands work on: a network, and the run that it is of."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click

from chainrule.arrays import DIGITS, MOST_CLASSES, names_of
from chainrule.cli.options import Asked
from chainrule.cli.printing import warn
from chainrule.data import PIXELS, DataError, Digits, bundled_mnist
from chainrule.files import ModelError
from chainrule.model import MODEL, bundled_models, load_model
from chainrule.network import Network
from chainrule.runs.checkpoint import Checkpoint, last_checkpoint
from chainrule.runs.digits import own_digits, reading_of
from chainrule.runs.folder import open_run
from chainrule.runs.run import RUN, Run
from chainrule.runs.trajectory import network_at
from chainrule.sources.opening import PLAIN, load_to_measure


class Subject(NamedTuple):
    """What a command works on: a network, and the run that it is of, if it is of one."""

    path: Path  # as it was given
    network: Network
    run: Run | None

    def test_set(self, data: Asked) -> Digits:
        """The test digits that are asked for; DataError if they have other classes."""
        digits = test_digits(self.run, data)
        check_classes(digits, self.network.sizes[-1], self.path)
        return digits

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its classes, where no digits say them."""
        return names_of(self.network.sizes[-1], self.run.classes if self.run else DIGITS)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Name the file in the error if its numbers overflow."""
        try:
            yield
        except OverflowError as error:
            raise ModelError(f"{self.path}: {error}") from None


def test_digits(run: Run | None, data: Asked) -> Digits:
    """The test digits that are asked for: at this place, else the run's own, else MNIST's."""
    if data.place is None and run is not None:
        return own_digits(run)
    if data.place in (None, bundled_mnist()):
        return load_to_measure(None, data.reading(PLAIN))
    return load_to_measure(data.place, data.reading(reading_of(run.settings) if run else PLAIN))


def check_classes(digits: Digits, outputs: int, path: Path) -> None:
    """DataError unless a network of so many outputs has one for each class of these digits."""
    if digits.classes != outputs:
        raise DataError(
            f"{path}: it tells {outputs} classes apart, and {digits.name} has "
            f"{digits.classes}; say with --data which digits to take"
        )


def read_subject(path: Path, step: int | None) -> Subject:
    """The network of a model file, of a folder with one, or of a run after a step."""
    file = path / MODEL if path.is_dir() else path
    folder = file.parent if file.name == MODEL else path
    run = open_run(folder) if (folder / RUN).exists() else None
    if step is not None:
        run = open_run(path)
        network = network_at(run, step)
    elif file.exists():
        network = load_model(file)
    elif run is not None:
        network, _ = last_of(run)
    else:
        raise ModelError(
            f"{path}: wanted a model file, a folder with {MODEL} or a run, found none; "
            f"chainrule train makes one"
        )
    if network.sizes[0] != PIXELS or not 2 <= network.sizes[-1] <= MOST_CLASSES:
        raise ModelError(
            f"{path}: a model for digits has {PIXELS} inputs and 2 to {MOST_CLASSES} outputs, "
            f"got {network.sizes[0]} and {network.sizes[-1]}"
        )
    return Subject(path, network, run)


def data_of(digits: Digits) -> str:
    """What JSON calls the digits that something was measured on."""
    place = digits.origin.source.path if digits.origin else None
    return "mnist" if place is None else str(place)


def model_name(path: Path) -> str:
    """What JSON calls the model at this path: the name of a network of the package, or the path."""
    return path.stem if path.parent == bundled_models() else str(path)


def last_of(run: Run) -> tuple[Network, Checkpoint]:
    """The network of a run at its last checkpoint; warns if the run is unfinished."""
    reached = last_checkpoint(run)
    if reached.step < run.length:
        at = f"step {reached.step:,} of {run.length:,}"
        warn(f"{run.folder} is not finished: this is {at}")
    return run.network(reached.kept(run)[1]), reached


def pick(digits: Digits, indices: Sequence[int]) -> Digits:
    if max(indices) >= len(digits):
        raise click.BadParameter(
            f"test images go from 0 to {len(digits) - 1}, got {max(indices)}",
            click.get_current_context(),
            param_hint="--test",
        )
    return digits[list(indices)]
