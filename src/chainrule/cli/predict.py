"""`chainrule predict`: what a model reads in images."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from chainrule.cli.options import (
    Asked,
    Indices,
    Place,
    example,
    json_option,
    measured_option,
    model_argument,
    quiet_option,
)
from chainrule.cli.printing import print_json, show, warn
from chainrule.cli.subjects import Subject, data_of, pick, read_subject
from chainrule.data import Digits
from chainrule.files import in_words
from chainrule.network import Array
from chainrule.reading import probabilities


@click.command(
    "predict",
    epilog=example("predict runs/first --test 0,7,12\n  chainrule predict runs/first my-7.png"),
)
@model_argument
@click.argument("images", nargs=-1, type=Place())
@click.option("--test", "indices", type=Indices(), help="Test images by number, from 0.")
@measured_option("those of the run, or mnist")
@quiet_option
@json_option
def predict_command(
    model: Path,
    step: int | None,
    images: tuple[Path, ...],
    indices: tuple[int, ...] | None,
    data: Asked,
    quiet: bool,
    as_json: bool,
) -> None:
    """Read test images by number, or images of one digit each.

    Each one drawn, with its probabilities, and the truth where it is known.

    MODEL is a model file, or the folder of a run. IMAGES are image files (extra lab): dark on
    light or light on dark, drawn, scanned or photographed. They are prepared as MNIST was, and a
    message says if one has several marks or is unlike any digit. With --quiet stdout has one digit
    a line, and such messages go to stderr.

    A picture that cannot be read is named on stderr, the others are read, and the exit code is 1.
    With --quiet its line is -, with --json it has an error instead of a prediction.
    """
    if bool(images) == (indices is not None):
        raise click.UsageError(
            "give image files or --test, one of the two", click.get_current_context()
        )
    if images and data.place is not None:
        raise click.UsageError("--data goes with --test", click.get_current_context())
    subject = read_subject(model, step)
    if indices is None:
        seen, on, names = read_images(images), None, subject.names
    else:
        test_set = subject.test_set(data)
        seen, on, names = read_tests(test_set, indices), data_of(test_set), test_set.names
    read = read_all(subject, seen)
    if as_json:
        print_json(
            predictions=[
                each.about
                if A is None
                else {**each.about, "prediction": A.argmax(), "probabilities": A}
                for each, A in read
            ],
            model=str(model),
            step=step,
            data=on,
            classes=names,
        )
    else:
        show_read(read, names, quiet)
    if any(A is None for _, A in read):
        sys.exit(1)


class Seen(NamedTuple):
    """An image to be read: its pixels, None if the file is no picture, and what is known of it."""

    name: str
    about: dict[str, object]  # its fields in JSON
    x: Array | None  # (784,)
    label: int | None = None
    doubt: tuple[str, str] | None = None  # what it is instead of a digit, and why


Read = list[tuple[Seen, Array | None]]  # each with its probabilities, where it was readable


def read_all(subject: Subject, seen: Sequence[Seen]) -> Read:
    """What the network reads in each of them."""
    good = [each.x for each in seen if each.x is not None]
    with subject.named():
        answers = iter(probabilities(subject.network, np.array(good).T).T if good else ())
    return [(each, None if each.x is None else next(answers)) for each in seen]


def show_read(read: Read, names: Sequence[str], quiet: bool) -> None:
    """Each one drawn beside its probabilities; or if quiet, the answers alone, and the doubts."""
    if quiet:
        show("-" if A is None else names[int(A.argmax())] for _, A in read)
        for each, _ in read:
            if each.doubt:
                warn(f"{each.name}: {'. '.join(each.doubt)}")
        return
    from chainrule.cli import pictures

    for each, A in read:
        if each.x is not None and A is not None:
            show(pictures.reading(each.x, A, each.name, each.label, each.doubt, names))


def read_tests(test_set: Digits, indices: Sequence[int]) -> list[Seen]:
    chosen = pick(test_set, indices)
    return [
        Seen(
            f"test image {index} of {test_set.name}",
            {"test": index, "label": int(label)},
            x,
            int(label),
        )
        for index, label, x in zip(indices, chosen.labels, chosen.X.T, strict=True)
    ]


def read_images(paths: Sequence[Path]) -> list[Seen]:
    """Each picture as it was prepared; on stderr, a line for each that cannot be read."""
    try:
        from chainrule import handwriting
    except ModuleNotFoundError:
        needs = "image files need the extra lab: pip install pillow scipy"
        raise click.ClickException(needs) from None
    seen = []
    for path in paths:
        about: dict[str, object] = {"image": str(path)}
        try:
            with path.open("rb") as file:
                content = file.read(handwriting.MOST_BYTES + 1)
            made = handwriting.prepare(handwriting.read_image(content))
        except (handwriting.HandwritingError, OSError) as error:
            # An OSError says the file's name, too; here it comes first for every error.
            why = in_words(error) if isinstance(error, OSError) else error
            warn(f"{path}: {why}")
            seen.append(Seen(str(path), about | {"error": str(why)}, None))
            continue
        novelty = handwriting.novelty(made.pixels, made.stages)
        x = made.pixels.astype(np.float32) / np.float32(255)
        doubt = (novelty.kind, novelty.why) if novelty.unlike else None
        seen.append(Seen(str(path), about | {"unlike": novelty._asdict()}, x, doubt=doubt))
    return seen
