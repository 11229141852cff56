"""The digits of a run: where they lie, how they are read, and their checksums."""

from typing import Literal

from chainrule.data import DataError, Digits, Part
from chainrule.files import checksum_of, in_words
from chainrule.runs.run import Run
from chainrule.runs.settings import RunError, Settings
from chainrule.sources.apart import set_apart
from chainrule.sources.opening import Reading, load_one
from chainrule.sources.parts import count_apart

DigitsPart = Literal["training", "test"]  # of a run's digits
NAMES: dict[DigitsPart, Part] = {"training": "train", "test": "t10k"}


def reading_of(settings: Settings) -> Reading:
    """How these settings have digits read."""
    return Reading(settings.test_share, settings.seed, settings.transpose, settings.prepare)


def parts_of(run: Run, train_set: Digits) -> tuple[Digits, Digits | None]:
    """Of all training digits those that the run learns from, and those set apart to validate on."""
    share = run.settings.validation_share
    return (
        (train_set, None) if share is None else set_apart(train_set, share, seed=run.settings.seed)
    )


def count_learned(settings: Settings, m: int) -> int:
    """Of m training digits, how many a run with these settings learns from."""
    share = settings.validation_share
    return m if share is None else m - count_apart(m, share)


def own_digits(run: Run, part: DigitsPart = "test") -> Digits:
    """The digits that a run is trained on or tested on; RunError if they are not there any more."""
    place = run.settings.data
    try:
        digits = load_one(place, NAMES[part], reading_of(run.settings))
    except (DataError, OSError) as error:
        reason = str(error) if isinstance(error, DataError) else f"{place}: {in_words(error)}"
        raise RunError(
            f"{run.folder}: its digits cannot be read: {reason}; say where they lie with --data"
        ) from None
    if run.data is not None and run.data[part] != checksum(digits):
        raise RunError(
            f"{run.folder}: {digits.name} has other {part} digits than those it was made with; "
            f"say with --data which to take"
        )
    return digits


def checksum(digits: Digits) -> str:
    """The SHA-256 of the images, then the labels."""
    digits.check_file()
    return checksum_of(digits.images, digits.labels)
