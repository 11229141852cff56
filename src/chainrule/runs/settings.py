"""The settings of a training, and which values they cannot have."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from chainrule.data import CLASSES, PIXELS
from chainrule.descent import OPTIMIZERS, Optimizer
from chainrule.files import NewerFormatError, in_words, printable
from chainrule.model import beyond
from chainrule.network import LOSSES, Loss


class RunError(ValueError):
    """A run that cannot be used as it is asked; the message names the file and what to do."""

    newer = False  # whether that is because a newer chainrule has made the file


def refusal(of: Path | None, error: Exception) -> RunError:
    """The RunError for what was found out about a file, which the message may name already."""
    says = in_words(error) if isinstance(error, OSError) else printable(error)
    refused = RunError(f"{of}: {says}" if of else says)
    refused.newer = isinstance(error, NewerFormatError)
    return refused


@dataclass(frozen=True)
class Settings:
    """What a training was asked for. None is the bundled MNIST, all images in a step, the default.

    Raises RunError for values that cannot be, with the name of the setting.
    """

    data: str | None
    hidden: tuple[int, ...]
    loss: Loss
    optimizer: Optimizer
    learning_rate: float | None
    batch_size: int | None
    steps: int | None
    epochs: int | None
    seed: int

    def __post_init__(self) -> None:
        rate = self.learning_rate
        lengths = {"batch_size": self.batch_size, "steps": self.steps, "epochs": self.epochs}
        possible = {
            "data": self.data is None or isinstance(self.data, str),
            "hidden": isinstance(self.hidden, tuple) and all(is_count(n) for n in self.hidden),
            "loss": self.loss in LOSSES,
            "optimizer": self.optimizer in OPTIMIZERS,
            "learning_rate": rate is None or (type(rate) is float and 0 < rate < math.inf),
            **{name: n is None or is_count(n) for name, n in lengths.items()},
            "seed": type(self.seed) is int and self.seed >= 0,
        }
        for name, fine in possible.items():
            if not fine:
                value = getattr(self, name)
                value = list(value) if isinstance(value, tuple) else value
                raise RunError(f"the setting {name} cannot be {value!r:.60}")
        if too_large := beyond(self.sizes):
            raise RunError(too_large)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The layer sizes of the network, inputs first."""
        return (PIXELS, *self.hidden, CLASSES)


def is_count(n: object) -> bool:
    """Whether it is a number of things: whole, positive, and exact as a float too."""
    return type(n) is int and 0 < n < 2**53


class Change(NamedTuple):
    """From the state after `step` steps on, the steps are taken at this learning rate."""

    step: int
    learning_rate: float
