"""The settings of a training: the one table in which they are described.

An entry here is an option of `chainrule train`, a field of run.json with its check, a part of the
run's id, and a control of the page. A new setting is one entry, and one place that uses it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self, get_type_hints

from chainrule.data import CLASSES, PIXELS
from chainrule.deform import DEFORM_NAMES, DeformName
from chainrule.descent import OPTIMIZERS, Optimizer, Rule
from chainrule.files import NewerFormatError, in_words, printable
from chainrule.model import beyond
from chainrule.network import LOSSES, Loss
from chainrule.runs.kinds import Choice, Flag, Kind, Number, Place, Whole, Widths
from chainrule.schedule import SCHEDULES, Schedule
from chainrule.sources.opening import PREPARE, Prepare


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
class Entry:
    """What is known of a setting besides its name and its default."""

    kind: Kind
    label: str  # in a form
    help: str = ""
    none: str | None = None  # how None is written, "" if it is left out; None: not allowed
    identity: bool = True  # whether it decides bits, so that checkpoints repeat it
    prefix: str | None = ""  # what stands before it in an id; None: no id has it
    since: int = 1  # the format of run.json
    of_digits: bool = False  # whether it says where digits lie and how they are read


@dataclass(frozen=True)
class Settings:
    """What a training was asked for. None means the bundled MNIST, all images a step, the default.

    Raises RunError for values that cannot be, with the name of the setting.
    """

    data: Annotated[
        str | None,
        Entry(Place(), "Digits", none="", identity=False, prefix=None, of_digits=True),
    ] = None
    hidden: Annotated[
        tuple[int, ...],
        Entry(
            Widths(),
            "Hidden layers",
            "Widths of the hidden layers, such as 10 or 300,100 or none.",
        ),
    ] = (10,)
    loss: Annotated[Loss, Entry(Choice(LOSSES), "Loss")] = LOSSES[0]
    optimizer: Annotated[Optimizer, Entry(Choice(OPTIMIZERS), "Optimizer")] = OPTIMIZERS[0]
    learning_rate: Annotated[
        float | None,
        Entry(
            Number("a positive number such as 0.5", above=True),
            "Learning rate α",
            "The step's size; its default is below.",
            none="",
        ),
    ] = None
    batch_size: Annotated[
        int | None,
        Entry(
            Whole(1),
            "Batch",
            "Images a step; all of them, or batches shuffled every epoch.",
            none="all",
        ),
    ] = None
    steps: Annotated[
        int | None,
        Entry(Whole(1), "Steps", "Length in steps; its default is below.", none=""),
    ] = None
    epochs: Annotated[
        int | None,
        Entry(
            Whole(1),
            "Epochs",
            "Length in passes over the images.",
            none="",
            identity=False,
            prefix=None,
        ),
    ] = None
    seed: Annotated[
        int, Entry(Whole(0), "Seed", "Decides the start and the order of batches.", prefix="seed")
    ] = 0

    weight_decay: Annotated[
        float,
        Entry(
            Number("a number from 0, such as 0.001"),
            "Weight decay λ",
            "Adds half of this times the sum of all squared weights to the loss; 0 adds nothing.",
            prefix="decay",
            since=3,
        ),
    ] = 0.0
    momentum_decay: Annotated[
        float,
        Entry(
            Number("a number from 0, below 1, such as 0.9", most=1.0),
            "Momentum decay",
            "The share of its speed that momentum keeps at each step; others do not use it.",
            prefix="keep",
            since=3,
        ),
    ] = 0.9

    validation_share: Annotated[
        float | None,
        Entry(
            Number("a number above 0 and below 1, such as 0.1", above=True, most=1.0),
            "Validation share",
            "The share of the training images set apart to validate on, drawn from the seed.",
            none="",
            prefix="validation",
            since=6,
        ),
    ] = None
    patience: Annotated[
        int | None,
        Entry(
            Whole(1),
            "Patience",
            "Stop after so many rows of the history, of about 100, without a new lowest validation "
            "loss, and keep the network that had it.",
            none="",
            prefix="patience",
            since=6,
        ),
    ] = None

    deform: Annotated[
        DeformName,
        Entry(
            Choice(DEFORM_NAMES),
            "Deform",
            "Each epoch sees other copies of the images: turned, slanted, moved and bent.",
            prefix="deform-",
            since=7,
        ),
    ] = "none"
    schedule: Annotated[
        Schedule,
        Entry(
            Choice(SCHEDULES),
            "Schedule",
            "How the rate changes: not; down to 0 along half a cosine wave; up first, then down.",
            prefix="",
            since=7,
        ),
    ] = "constant"

    test_share: Annotated[
        float | None,
        Entry(
            Number("a number above 0 and below 1, such as 0.1", above=True, most=1.0),
            "Test share",
            "Of digits without a test part, the share drawn for it from the seed; else 0.1.",
            none="",
            identity=False,
            prefix=None,
            since=5,
            of_digits=True,
        ),
    ] = None
    transpose: Annotated[
        bool,
        Entry(
            Flag(),
            "Transpose",
            "Exchange rows and columns of each image.",
            identity=False,
            prefix=None,
            since=5,
            of_digits=True,
        ),
    ] = False
    prepare: Annotated[
        Prepare,
        Entry(
            Choice(PREPARE),
            "Prepare",
            "Pictures: prepare them as drawings, or never; auto: unless they are 28 by 28.",
            identity=False,
            prefix=None,
            since=5,
            of_digits=True,
        ),
    ] = "auto"

    def __post_init__(self) -> None:
        for name, entry in ENTRIES.items():
            value = getattr(self, name)
            if not (entry.kind.fits(value) or (value is None and entry.none is not None)):
                value = list(value) if isinstance(value, tuple) else value
                raise RunError(f"the setting {name} cannot be {value!r:.60}")
            if entry.of_digits and self.data is None and value != getattr(type(self), name):
                raise RunError(f"the setting {name} is for digits of one's own, MNIST needs none")
        if self.patience is not None and self.validation_share is None:
            raise RunError("patience needs a validation share: images to validate on")
        if too_large := beyond(self.sizes()):
            raise RunError(too_large)

    @property
    def sees_all(self) -> bool:
        """Whether each step sees all images as they are, so that its loss is that of all."""
        return self.batch_size is None and self.deform == "none"

    def sizes(self, classes: int = CLASSES) -> tuple[int, ...]:
        """The layer sizes of the network that reads so many classes, inputs first."""
        return (PIXELS, *self.hidden, classes)

    @property
    def rule(self) -> Rule:
        """The optimizer and what it is set to."""
        return Rule(**{name: getattr(self, name) for name in Rule._fields})

    def as_json(self) -> dict[str, Any]:
        """All of them by name, as run.json has them."""
        values = {name: getattr(self, name) for name in ENTRIES}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    @classmethod
    def of_json(cls, content: object, form: int) -> Self:
        """The settings in a run.json of this format; RunError unless all of them can be."""
        names = [name for name, entry in ENTRIES.items() if entry.since <= form]
        if not isinstance(content, dict) or list(content) != names:
            came = content if isinstance(content, dict) else {}
            missing, more = [n for n in names if n not in came], [n for n in came if n not in names]
            wrong = f"got {more[0]!r:.40}" if more else "they stand in another order"
            wrong = f"{missing[0]} is missing" if missing else wrong
            raise RunError(f"its settings must be {', '.join(names)}; {wrong}")
        values: dict[str, Any] = {
            name: tuple(value) if type(value) is list else value for name, value in content.items()
        }
        return cls(**values)


ENTRIES: dict[str, Entry] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(Settings, include_extras=True).items()
}


class Change(NamedTuple):
    """From the state after `step` steps on, the steps are taken at this learning rate."""

    step: int
    learning_rate: float


class Extension(NamedTuple):
    """After `step` steps the run was finished, and was made longer: `steps` in all."""

    step: int
    steps: int


class Computing(NamedTuple):
    """From the state after `step` steps on, the engine of this name computes the run."""

    step: int
    engine: str
