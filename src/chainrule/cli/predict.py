"""`chainrule predict`: what a model reads in images."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from chainrule.cli.answers import (
    Read,
    Seen,
    as_fields,
    check_ending,
    in_json,
    submission,
    table,
)
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
from chainrule.cli.subjects import Subject, data_of, model_name, pick, read_subject
from chainrule.cli.writing import force_option, write_new
from chainrule.data import PIXELS, Digits, as_columns, bundled_mnist
from chainrule.files import in_words
from chainrule.reading import probabilities
from chainrule.sources.csv import read_unlabelled
from chainrule.sources.opening import kind_of
from chainrule.sources.pictures import ENDINGS

MOST_PICTURES = 100_000
SEVERAL = "chainrule read reads lines of digits."
BLOCK = 10_000  # images of a table that are made columns at a time


@click.command(
    "predict",
    epilog=example(
        "predict runs/first --test 0,7,12\n"
        "  chainrule predict large my-7.png\n"
        "  chainrule predict large photos --out read.csv\n"
        "  chainrule predict large --data test.csv --out submission.csv"
    ),
)
@model_argument
@click.argument("images", nargs=-1, type=Place())
@click.option(
    "--test", "indices", type=Indices(), help="Test images by number, from 0: 0,7,12 or 0-99."
)
@measured_option("those of the run, or mnist")
@click.option("--out", type=Place(), help="Write the answers to this file instead, .csv or .json.")
@force_option
@quiet_option
@json_option
def predict_command(
    model: Path,
    step: int | None,
    images: tuple[Path, ...],
    indices: tuple[int, ...] | None,
    data: Asked,
    out: Path | None,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Read test images by number, or images of one digit each.

    Each one drawn, with its probabilities, and the truth where it is known.

    MODEL is a model file, the folder of a run, or a network of the package by name. IMAGES are
    image files, or folders of them (extra lab): dark on light or light on dark, drawn, scanned or
    photographed. They are prepared as MNIST was, and a message says if one has several marks or is
    unlike any digit. With --quiet stdout has one digit a line, and such messages go to stderr.

    A picture that cannot be read is named on stderr, the others are read, and the exit code is 1.
    With --quiet its line is -, with --json it has an error instead of a prediction.

    With --data FILE.csv alone, which has 784 pixels a row, as Kaggle's test.csv, --out is Kaggle's
    submission: ImageId, from 1, and Label.
    """
    place = data.place
    table_alone = place not in (None, bundled_mnist()) and not images and indices is None
    check_options(images, indices, place, out, as_json, table_alone)
    subject = read_subject(model, step)
    about: dict[str, object] = {"model": model_name(model), "step": step}
    if table_alone and place is not None and out is not None:
        said = read_table(subject, place, out, force, about)
        show([str(out)] if quiet else [said, str(out)])
        return
    if indices is None:
        seen, on, names = read_images(images), None, subject.names
    else:
        test_set = subject.test_set(data)
        seen, on, names = read_tests(test_set, indices), data_of(test_set), test_set.names
    read = read_all(subject, seen)
    about |= {"data": on, "classes": names}
    if out is not None:
        csv = out.suffix.lower() == ".csv"
        content = table(read, names) if csv else in_json(read, about, names)
        write_new(out, content, force=force)
        show([str(out)] if quiet else [summary(read), str(out)])
    elif as_json:
        print_json(predictions=as_fields(read, names), **about)
    else:
        show_read(read, names, quiet)
    if any(A is None for _, A in read):
        sys.exit(1)


def check_options(
    images: tuple[Path, ...],
    indices: tuple[int, ...] | None,
    data: Path | None,
    out: Path | None,
    as_json: bool,
    table_alone: bool,
) -> None:
    """UsageError for options that do not go together."""
    wrong = None
    if table_alone:
        wrong = None if out else "--data without --test is read into a file: give --out, too"
    elif bool(images) == (indices is not None):
        wrong = "give image files or --test, one of the two"
    elif images and data is not None:
        wrong = "--data goes with --test"
    if out is not None and as_json:
        wrong = "give --out or --json, one of the two; --out answers.json has the same"
    if wrong:
        raise click.UsageError(wrong, click.get_current_context())
    if out is not None:
        check_ending(out)


def summary(read: Read) -> str:
    """How many images were read, and of those with a label how many right."""
    known = [(each, A) for each, A in read if A is not None]
    text = f"{len(known):,} of {len(read):,} images read"
    if known and all(each.label is not None for each, _ in known):
        right = sum(int(A.argmax()) == each.label for each, A in known)
        text += f", {right:,} of them right"
    return text


def read_table(
    subject: Subject, path: Path, out: Path, force: bool, about: dict[str, object]
) -> str:
    """Read each image of a CSV file without labels into a file; what is to be said of it."""
    if path.is_dir() or (path.stat().st_size and kind_of(path) != "CSV"):
        raise click.UsageError(
            f"{path}: --data alone must be a CSV file with {PIXELS} pixels a row; of another set "
            f"--test says which images, such as --test 0-99",
            click.get_current_context(),
        )
    images = read_unlabelled(path)
    with subject.named():
        blocks = [
            probabilities(subject.network, as_columns(images[first : first + BLOCK])).T
            for first in range(0, len(images), BLOCK)
        ]
    A = np.concatenate(blocks)
    if out.suffix.lower() == ".csv":
        content = submission(A.argmax(axis=1).tolist())
    else:
        read = [(Seen("", {"image": number}, None), row) for number, row in enumerate(A, 1)]
        names = subject.names
        content = in_json(read, about | {"data": str(path), "classes": names}, names)
    write_new(out, content, force=force)
    return f"{len(A):,} images of {path}"


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
    for path in (each for given in paths for each in pictures_in(given)):
        about: dict[str, object] = {"image": str(path)}
        try:
            if path.is_dir():
                next(path.iterdir(), None)  # the reason, if nobody may look into it
                raise handwriting.HandwritingError("a folder without image files")
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
        why = f"{novelty.why} {SEVERAL}" if novelty.several else novelty.why
        doubt = (novelty.kind, why) if novelty.unlike else None
        seen.append(Seen(str(path), about | {"unlike": novelty._asdict()}, x, doubt=doubt))
    return seen


def pictures_in(path: Path) -> Iterator[Path]:
    """The image files in a folder and below it, in the order of their names.

    What is no folder with such files stands for itself. Raises UsageError for more than 100,000.
    """
    found: list[Path] = []
    closed: list[OSError] = []  # folders below it that nobody may look into
    for folder, inner, files in os.walk(path, onerror=closed.append):
        inner.sort()
        found += [Path(folder, name) for name in sorted(files) if name.lower().endswith(ENDINGS)]
        if len(found) > MOST_PICTURES:
            raise click.UsageError(
                f"{path}: a folder may have {MOST_PICTURES:,} pictures, this one has more",
                click.get_current_context(),
            )
    below = [Path(error.filename) for error in closed]
    found += [folder for folder in below if folder.is_dir()]
    yield from found or [path]
