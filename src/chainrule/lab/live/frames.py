"""What pages are shown of a training."""

import math
from contextlib import suppress
from typing import Any

import numpy as np

from chainrule.arrays import DIGITS
from chainrule.data import Digits
from chainrule.lab.live.training import Training
from chainrule.lab.wire import encode_bytes
from chainrule.network import Array, Loss, Network, probabilities
from chainrule.training import DivergenceError
from chainrule.troubles import Measures, measure, troubles

UNITS = 128  # of the first layer whose weights travel with a frame
WATCHED = 8  # images, of as many classes


def live_view(training: Training) -> dict[str, Any]:
    """What a page is shown of a training just now, but for its rows."""
    state = training.state  # first: once it is paused, the snapshot is the last one
    snapshot, run, error = training.snapshot, training.run, training.error
    rows = training.rows[:]
    measures = measure(snapshot.network, training.learned) if snapshot else None
    if isinstance(error, DivergenceError):
        rows.append((error.step, math.nan, *[None] * 4))
    history = np.array(rows, np.float64).reshape(-1, 6)  # None becomes NaN
    return {
        "id": training.id,
        "state": state,
        "told": training.told,
        "step": snapshot.step if snapshot else 0,
        "length": run.length,
        "rate": training.rate,
        "loss": training.loss if snapshot else None,
        "train_accuracy": snapshot.train_accuracy if snapshot else None,
        "test_accuracy": training.rows[-1][3] if training.rows else None,
        "seconds": training.seconds,
        "recorded": training.recorded_steps,
        **inside_view(measures, history, run.settings.loss),
        "error": error and str(error).replace(str(training.folder), training.shown),
        "units": unit_view(snapshot.network) if snapshot else None,
        "answers": answers_of(snapshot.network, training.test_set) if snapshot else [],
    }


def inside_view(measures: Measures | None, history: Array, loss: Loss) -> dict[str, Any]:
    """What a step looks like from inside: the sizes of dW, the shares of dead units, troubles."""
    found = troubles(history, measures, loss=loss) if measures and len(history) else []
    return {
        "norms": measures.dW if measures else [],
        "dead": measures.dead if measures else [],
        "troubles": [
            {"name": each.name, "says": f"{each.shows} {each.remedy}", **each._asdict()}
            for each in found
        ],
    }


def sample_of(digits: Digits) -> list[int]:
    """The numbers of the test images that are watched: of each digit from 2 to 9 the first.

    0 and 1 are learned first. Of other classes it is the first of each of eight, from the first
    class to the last; of each if there are fewer.
    """
    k = digits.classes
    spread = np.linspace(0, k - 1, min(k, WATCHED)).round().tolist()
    classes = range(2, 10) if digits.names == DIGITS else spread
    found = [np.flatnonzero(digits.labels == each)[:1] for each in classes]
    return np.concatenate(found).tolist()


def answers_of(network: Network, digits: Digits) -> list[dict[str, Any]]:
    """What a network says of those images: what it reads them as, and with which probability.

    If its numbers overflow it reads nothing, and that is None.
    """
    numbers = sample_of(digits)
    if not numbers:  # a small set of one's own may have none of these digits
        return []
    sample = digits[numbers]
    read: list[Any] = [None] * len(numbers)
    sure = read
    with suppress(OverflowError, ValueError):
        A = probabilities(network, sample.X)
        read, sure = A.argmax(axis=0).tolist(), A.max(axis=0).tolist()
    columns = zip(numbers, sample.labels.tolist(), read, sure, strict=True)
    return [dict(zip(("index", "label", "read", "sure"), each, strict=True)) for each in columns]


def unit_view(network: Network) -> dict[str, Any]:
    """The weights of the first layer's units as bytes: 128 is 0, 1 and 255 the largest size."""
    W: Array = network.layers[0][0][:UNITS]
    scale = float(np.abs(W).max())
    u8 = np.round(128 + W * (127 / scale)) if scale > 0 else np.full(W.shape, 128)
    return {
        "shape": W.shape,
        "u8": encode_bytes(u8.astype(np.uint8).tobytes()),
        "scale": scale,
    }
