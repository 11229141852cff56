"""Is the training well? What a step looks like from inside, and the common troubles by name."""

import math
from typing import Literal, NamedTuple

import numpy as np

from chainrule.data import Digits
from chainrule.engine.blas import one_blas_thread
from chainrule.network import Array, Loss, Network, backward, forward

SAMPLE = 500  # training images that are looked at
SURE = 0.9  # the probability from which an answer counts as confident

# From where on a trouble is one: measured on trainings that have it and on ones that do not,
# docs/design/troubles.md.
GROWN = 1.2  # the loss, over what it was before the first step
FLAT = 0.05  # of the loss, and it changed by no more in the last three rows
SURE_MISTAKES = 0.3  # of the sample
LESSON = 0.02  # ‖dZ[L]‖ of a mistake; a healthy one has 0.2
DEAD = 0.5  # of the units of a layer
GAP = 0.05  # between the shares of training and of test images that are read right
LEARNED = 0.5  # of the training images: below that, a gap is chance

Name = Literal[
    "loss not finite", "loss grows", "mistakes teach nothing", "dead units", "overfitting"
]


class Measures(NamedTuple):
    """What a sample of training images says of a network."""

    dW: tuple[float, ...]  # ‖dW[l]‖ of each layer, the gradient of E over the sample
    dead: tuple[float, ...]  # of each hidden layer, the share of units that are on for no image
    right: float  # the share of the sample that is read right
    sure_mistakes: float  # the share that is read wrong with a probability of SURE or more
    lesson: float  # ‖dZ[L]‖ of one image alone (m = 1), the mean over those read wrong


def measure(network: Network, digits: Digits) -> Measures:
    """The measures of one step, on SAMPLE of the digits, always the same ones.

    Costs about as much as a step by batches of SAMPLE. Raises nothing for numbers that are not
    finite: they come back as they are.
    """
    sample = digits[:: max(1, len(digits) // SAMPLE)][:SAMPLE]
    X, Y = sample.X, sample.Y
    with one_blas_thread, np.errstate(over="ignore", invalid="ignore"):
        trace = forward(network, X)
        d = backward(network, trace, Y)
        dW = tuple(float(np.linalg.norm(d.dW[l])) for l in range(1, network.depth + 1))
    A = trace.A[network.depth]
    wrong = A.argmax(axis=0) != sample.labels
    return Measures(
        dW,
        tuple(float(np.mean(~(trace.Z[l] > 0).any(axis=1))) for l in range(1, network.depth)),
        float(np.mean(~wrong)),
        float(np.mean(wrong & (A.max(axis=0) >= SURE))),
        float(np.linalg.norm(len(sample) * d.dZ[network.depth][:, wrong], axis=0).mean())
        if wrong.any()
        else 0.0,
    )


class Trouble(NamedTuple):
    """Something that is wrong with a training: what shows it, and what to try."""

    name: Name
    shows: str
    remedy: str
    numbers: dict[str, float]


def troubles(history: Array, measures: Measures, *, loss: Loss) -> list[Trouble]:
    """The troubles of a training that has come so far; none if all is well.

    `history` (rows, 4 or more) has the columns step, loss, accuracy on the training images, on the
    test images, from step 0 on; an accuracy may be NaN, and then that of the sample stands for the
    training images. `measures` are those of the last row.
    """
    if not math.isfinite(history[-1, 1]):
        return [loss_not_finite(history)]
    found = [
        loss_grows(history),
        mistakes_teach_nothing(history, measures) if loss == "squared_error" else None,
        *(dead_units(l, share) for l, share in enumerate(measures.dead, 1)),
        overfitting(history, measures),
    ]
    return [trouble for trouble in found if trouble]


def loss_not_finite(history: Array) -> Trouble:
    step, E = history[-1, :2].tolist()
    return Trouble(
        "loss not finite",
        f"After step {step:,.0f} the loss is {E}: the steps were far too long.",
        "Go back or start again with a tenth of the learning rate.",
        {"step": step, "loss": E},
    )


def loss_grows(history: Array) -> Trouble | None:
    first, E = float(history[0, 1]), float(history[-1, 1])
    if not first * GROWN < E:
        return None
    return Trouble(
        "loss grows",
        f"The loss is {E:.3g}, and was {first:.3g} before the first step: each step leaps "
        f"over the low ground that it aims for.",
        "Try a learning rate three to ten times smaller.",
        {"loss": E, "first loss": first},
    )


def mistakes_teach_nothing(history: Array, measures: Measures) -> Trouble | None:
    """Under squared error: softmax is flat where it is sure, so a sure mistake has no gradient."""
    E, sure, lesson = float(history[-1, 1]), measures.sure_mistakes, measures.lesson
    flat = len(history) > 2 and np.ptp(history[-3:, 1]) < FLAT * E
    if not (flat and sure >= SURE_MISTAKES and lesson < LESSON):
        return None
    return Trouble(
        "mistakes teach nothing",
        f"{sure:.0%} of the training images are read wrong with a probability of "
        f"{SURE:.0%} or more, and dZ of a mistake is {lesson:.2g} long on average: softmax "
        f"is flat there, and squared error with it, so the loss stays at {E:.3g}.",
        "Start again with a smaller learning rate, or with cross-entropy: under it dZ is "
        "the larger the surer the mistake.",
        {"sure mistakes": sure, "lesson": lesson},
    )


def dead_units(layer: int, share: float) -> Trouble | None:
    """This share of the units of a hidden layer are on for no image."""
    if share < DEAD:
        return None
    return Trouble(
        "dead units",
        f"{share:.0%} of the units of hidden layer {layer} are on for none of {SAMPLE} "
        f"training images: their gradient is 0, so they stay as they are.",
        "Start again with a smaller learning rate: long steps have thrown them there.",
        {"layer": layer, "dead": share},
    )


def overfitting(history: Array, measures: Measures) -> Trouble | None:
    on_train, on_test = history[-1, 2:4].tolist()
    trained = measures.right if math.isnan(on_train) else on_train
    if not (trained > LEARNED and trained - on_test > GAP):
        return None
    return Trouble(
        "overfitting",
        f"{trained:.1%} of the training images are read right, of the test images "
        f"{on_test:.1%}: it learns these images by heart.",
        "Train on more images, with fewer hidden units, or stop earlier.",
        {"training": trained, "test": on_test},
    )
