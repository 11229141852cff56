"""The answers about drawings: what becomes of one, and how a collection is kept."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from chainrule.files import in_words, make_dated
from chainrule.lab.api import checks, requests
from chainrule.lab.api.changes import parse_changes
from chainrule.lab.api.images import bytes_of, digits_of, prepared, unlike
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.sets import give_name, parse_name, sets_folder
from chainrule.lab.wire import Answer, RefusedError, encode_bytes
from chainrule.reading import probabilities

MOST_POINTS = 100_000  # of all drawings of a collection
MOST_LENGTH = 1_000_000  # of all their strokes


def read_drawing(lab: Lab, body: Answer) -> Answer:
    """A drawing or an image file after every stage, and what the network reads at each."""
    found = checks.parse_fields(body, "the body", ("network", "image"), ("step", "changes"))
    named = lab.named(
        requests.parse_network(found["network"]),
        requests.parse_step(found.get("step")),
        parse_changes(found.get("changes")),
    )
    made = prepared(requests.parse_drawing(found["image"]))
    seen = digits_of([*(stage.pixels.tobytes() for stage in made.stages), made.pixels.tobytes()])
    *readings, last = probabilities(named.exact, seen.X.astype(np.float64)).T
    return {
        "stages": [
            {
                "name": stage.name,
                "off": stage.off,
                "width": stage.picture.shape[1],
                "height": stage.picture.shape[0],
                "pixels": encode_bytes(stage.picture.tobytes()),
                "prediction": A.argmax(),
                "probabilities": A,
            }
            for stage, A in zip(made.stages, readings, strict=True)
        ],
        "pixels": encode_bytes(made.pixels.tobytes()),
        "prediction": last.argmax(),
        "probabilities": last,
        "unlike": unlike(made) if named.reads_digits else None,
    }


def collect_drawings(lab: Lab, body: Answer) -> Answer:
    """Labelled drawings become a folder of IDX files; every fifth is for testing, or the last."""
    from chainrule.sources.written import write_digits

    asked = checks.parse_fields(body, "the body", ("drawings",), ("name",))
    name = parse_name(asked["name"]) if asked.get("name") else None
    found = requests.parse_drawings(asked["drawings"])
    check_ink([image.strokes for image, _ in found if isinstance(image, requests.Drawn)])
    digits = digits_of([bytes_of(image) for image, _ in found], [label for _, label in found])
    for_test = np.arange(len(digits)) % 5 == 4
    for_test[-1] |= not for_test.any()
    train, test = (digits[np.flatnonzero(which)] for which in (~for_test, for_test))

    def write(folder: Path) -> str:
        write_digits(folder, train, test)
        return folder.name

    try:
        id = make_dated(sets_folder(lab), write)
    except OSError as error:
        raise RefusedError(
            f"the folder drawings cannot be written: {in_words(error)}", "unwritable"
        ) from None
    if name is not None:
        give_name(sets_folder(lab) / id, name)
    return {
        "folder": f"drawings/{id}",
        "set": id,
        "name": name or id,
        "train": len(train),
        "test": len(test),
    }


def check_ink(drawings: Sequence[tuple[tuple[int, ...], ...]]) -> None:
    """Drawings take time by their points and their length, so a collection has so much of both."""
    from chainrule.handwriting import length_of

    points = sum(len(stroke) for strokes in drawings for stroke in strokes) // 2
    length = sum(map(length_of, drawings))
    for amount, most, what in (
        (points, MOST_POINTS, "have at most {:,} points"),
        (length, MOST_LENGTH, "are at most {:,} long"),
    ):
        if amount > most:
            raise RefusedError(
                f"the drawings of a collection {what.format(most)} in all, got {amount:,.0f}; "
                f"take some out, and save them in a second set"
            )
