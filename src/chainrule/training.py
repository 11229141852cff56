"""Training: a generator of snapshots. It prints nothing and saves nothing.

Randomness is a key, not a state: `train` draws one integer from the generator it is given, and
the order of epoch e comes from default_rng((key, e)). So the whole state of a run is its
parameters, its optimizer's memory and its step.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, repeat
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from chainrule.data import CLASSES, PIXELS, Digits
from chainrule.descent import MEMORY_ROWS, OPTIMIZERS, Array, Optimizer, take_step
from chainrule.engine.batches import ORDERED, Batch
from chainrule.engine.blas import cores
from chainrule.engine.tiles import total
from chainrule.network import LOSSES, Loss, Network, check_rng, keep_memory

if TYPE_CHECKING:
    from concurrent.futures import Executor

LossOf = Literal["training set", "batches"]


class Recipe(NamedTuple):
    """What suits a loss and an optimizer, and the rate that suits it for batches of about 64."""

    learning_rate: float
    steps: int
    batch_learning_rate: float


# Measured over several seeds: docs/design/defaults.md.
RECIPES: dict[tuple[Loss, Optimizer], Recipe] = {
    ("squared_error", "descent"): Recipe(1.5, 1000, 0.5),
    ("squared_error", "momentum"): Recipe(0.5, 400, 0.05),
    ("squared_error", "adam"): Recipe(0.01, 300, 0.002),
    ("cross_entropy", "descent"): Recipe(0.3, 600, 0.1),
    ("cross_entropy", "momentum"): Recipe(0.1, 400, 0.01),
    ("cross_entropy", "adam"): Recipe(0.01, 300, 0.001),
}
BATCH_EPOCHS = 10  # the length of a training by batches, if none is given


class Pool(TypedDict):
    """Who computes tiles, in the words of `total`."""

    executor: "Executor | None"
    workers: int


class DivergenceError(ArithmeticError):
    """The loss is no longer finite; the message names the step and the likely cause."""


# ---------------------------------------------------------------------------------- the snapshot


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot:
    """The state after `step` steps, and how good it is. Its arrays are never written again.

    `loss` is E of these parameters over the training set when `loss_of` says "training set", the
    mean over the batches since the last snapshot when it says "batches". Accuracies are shares
    from 0 to 1, None unless asked for. `memory` holds the optimizer's rows; from `key` comes all
    that is random in the run.
    """

    network: Network
    memory: Array  # (rows, n)
    step: int
    key: int
    loss: float
    loss_of: LossOf
    train_accuracy: float | None = None
    test_accuracy: float | None = None

    def __repr__(self) -> str:
        return f"Snapshot: step {self.step:,}, loss {self.loss:.6f} ({self.loss_of})"


# -------------------------------------------------------------------------------------- training


def train(
    network: Network,
    digits: Digits,
    *,
    optimizer: Optimizer = "descent",
    learning_rate: float | Callable[[int], float] | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    every: int = 1,
    test: Digits | None = None,
    train_accuracy: bool = False,
    rng: "np.random.Generator | None" = None,
    start: Snapshot | None = None,
    threads: int | None = None,
    executor: "Executor | None" = None,
) -> Iterator[Snapshot]:
    """Snapshots 0, every, 2 every, … and the last, of a training on the digits.

    `batch_size` None is the full batch: each step sees all m digits. Else they are shuffled every
    epoch and taken in batches of that many, the last one smaller if it must. The length is `steps`
    in all, or `epochs`; what is not given is what suits the loss and the optimizer.

    `learning_rate` may be a function: it is called once before each step, with the number of steps
    taken so far, and gives the rate of that step.

    `test` adds the accuracy on those digits to each snapshot, `train_accuracy` that on the
    training digits. `rng` gives the key of the run. `start`, a snapshot of an earlier call with
    the same settings, goes on after it to the same end by the same steps: it brings its own
    parameters, memory and key.

    The tiles of a batch are computed by so many `threads` (default: one for each core); all but
    the caller's own are tasks of the `executor`, if one is given. Neither changes a bit of what
    comes out. Digits that were loaded travel to other processes by name, others with pixels.

    Raises ValueError for settings that cannot be, and for a network that does not fit the digits,
    when called, and DivergenceError at the step where the loss is no longer finite; it names the
    rate of the step before.
    """
    every = checked_count("every", every)
    threads = None if threads is None else checked_count("threads", threads)
    check_fits(network, digits)
    if test is not None:
        check_fits(network, test)
    m = len(digits)
    given = None if callable(learning_rate) else learning_rate
    fixed, length = settle(network.loss, optimizer, m, given, batch_size, steps, epochs)
    batch_size = None if batch_size is None else int(batch_size)
    if network.parameters.ndim != 1:
        raise ValueError(f"train takes one network, got {network}")
    memory_shape = (MEMORY_ROWS[optimizer], network.parameters.size)
    if start is None:
        if rng is None:
            raise ValueError("rng is missing: give numpy.random.default_rng(seed)")
        check_rng(rng)
        first, key = 0, int(rng.integers(2**63))
        memory = np.zeros(memory_shape, network.parameters.dtype)
    else:
        if not isinstance(start, Snapshot):
            raise ValueError(f"start must be a Snapshot of an earlier call, got {named(start)}")
        if (start.network.sizes, start.network.loss) != (network.sizes, network.loss):
            raise ValueError(f"start must be a snapshot of {network}, got one of {start.network}")
        if start.memory.shape != memory_shape:
            raise ValueError(f"{optimizer} remembers {memory_shape}, got {start.memory.shape}")
        first, key = start.step, start.key
        network, memory = start.network, start.memory

    if not np.isfinite(network.parameters).all():
        raise ValueError("the parameters must be finite, got NaN or infinity")

    def snapshots(network: Network, memory: Array) -> Iterator[Snapshot]:
        losses: list[float] = []  # since the last snapshot
        rate: float | None = None  # of the last step
        keep_memory()
        with workers(threads, executor) as pool:
            for step, batch in enumerate(batches(m, batch_size, key, first), first):
                due = step % every == 0 or step == length
                answers = train_accuracy and due and batch_size is None
                slope = step < length
                part = total(network, digits, batch, slope=slope, answers=answers, **pool)
                if not math.isfinite(part.loss):
                    raise diverged(part.loss, step, rate, network.loss, optimizer)
                if due and (start is None or step > start.step):
                    whole = part  # a full batch is the training set
                    if batch_size is not None and (train_accuracy or not losses):
                        whole = total(network, digits, Batch(m), slope=False, **pool)
                    seen = test and total(network, test, Batch(len(test)), slope=False, **pool)
                    yield Snapshot(
                        network,
                        memory,
                        step,
                        key,
                        loss=math.fsum(losses) / len(losses) if losses else whole.loss,
                        loss_of="batches" if losses else "training set",
                        train_accuracy=share_right(whole.confusion) if train_accuracy else None,
                        test_accuracy=share_right(seen.confusion) if seen else None,
                    )
                    losses = []
                if step >= length:
                    return
                if batch_size is not None:
                    losses.append(part.loss)
                rate = checked(learning_rate(step)) if callable(learning_rate) else fixed
                parameters, memory = take_step(
                    optimizer,
                    network.parameters,
                    part.gradient,
                    memory,
                    learning_rate=rate,
                    step=step + 1,
                )
                network = Network(network.sizes, parameters, network.loss)

    return snapshots(network, memory)


def diverged(
    loss: float, step: int, rate: float | None, of: Loss, optimizer: Optimizer
) -> DivergenceError:
    """What to say of a loss that is not finite; the rate is that of the last step, if any."""
    if rate is None:
        return DivergenceError(
            f"the loss is {loss} before the first step: start from smaller parameters"
        )
    return DivergenceError(
        f"the loss is {loss} after step {step:,}: the learning rate {rate:g} is too large for "
        f"{of.replace('_', ' ')} and {optimizer}; try {rate / 10:g}"
    )


@contextmanager
def workers(threads: int | None, executor: "Executor | None") -> Iterator[Pool]:
    """Who computes tiles: so many workers (default: one for each core), of which one is the caller.

    The others are tasks of the executor, or threads if none is given.
    """
    # Imported at the first training: it loads logging and more.
    from concurrent.futures import ThreadPoolExecutor

    count = threads or cores()
    if executor is not None or count == 1:
        yield {"executor": executor, "workers": count}
    else:
        with ThreadPoolExecutor(count - 1) as others:
            yield {"executor": others, "workers": count}


def settle(
    loss: Loss,
    optimizer: Optimizer,
    m: int,
    learning_rate: float | None,
    batch_size: int | None,
    steps: int | None,
    epochs: int | None,
) -> tuple[float, int]:
    """The learning rate and the number of steps in all; what is None comes from RECIPES.

    Raises ValueError for settings that cannot be.
    """
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {optimizer!r}")
    if steps is not None and epochs is not None:
        raise ValueError("give steps or epochs, not both")
    batch_size, steps, epochs = (
        None if number is None else checked_count(name, number)
        for name, number in (("batch_size", batch_size), ("steps", steps), ("epochs", epochs))
    )
    if batch_size is not None and batch_size > m:
        raise ValueError(f"batch_size must be at most the {m:,} digits, got {batch_size:,}")
    recipe = RECIPES[loss, optimizer]
    if batch_size is None:
        rate, length = recipe.learning_rate, epochs or recipe.steps
    else:
        rate = recipe.batch_learning_rate
        length = (epochs or BATCH_EPOCHS) * math.ceil(m / batch_size)
    rate = checked(rate if learning_rate is None else learning_rate)
    return rate, length if steps is None else steps


def checked(rate: float) -> float:
    """The learning rate; ValueError unless it is positive and finite."""
    if not isinstance(rate, Real) or not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"learning_rate must be a positive number, got {rate!r}")
    return rate


def checked_count(name: str, number: object) -> int:
    """The number of something, as an int of Python; ValueError unless it is whole and positive."""
    if not isinstance(number, Integral) or isinstance(number, bool) or number < 1:
        raise ValueError(f"{name} must be a whole number from 1, got {number!r}")
    return int(number)


def check_fits(network: Network, digits: Digits) -> None:
    """ValueError unless these are digits, and the network has their inputs and outputs."""
    if not isinstance(digits, Digits):
        raise ValueError(
            f"wanted Digits, got {named(digits)}; load_mnist() and load_digits(folder) give two of "
            f"them, to train on and to test on, and Digits(images, labels) makes them from arrays"
        )
    if not isinstance(network, Network):
        raise ValueError(f"wanted a Network, got {named(network)}; initialise(sizes, …) makes one")
    if (network.sizes[0], network.sizes[-1]) != (PIXELS, CLASSES):
        raise ValueError(
            f"a network for digits has {PIXELS} inputs and {CLASSES} outputs, "
            f"got {network.sizes[0]:,} and {network.sizes[-1]:,}"
        )


def named(value: object) -> str:
    return type(value).__name__


def batches(m: int, batch_size: int | None, key: int, first: int) -> Iterator[Batch]:
    """The batch of each step from step `first` on, without end."""
    if batch_size is None:
        yield from repeat(Batch(m, by_ink=m <= ORDERED))
    else:
        epoch, skipped = divmod(first, math.ceil(m / batch_size))
        for e in count(epoch):
            for begin in range(skipped * batch_size, m, batch_size):
                yield Batch(m, key, e, (begin, min(begin + batch_size, m)))
            skipped = 0


# ------------------------------------------------------------------------------------ evaluation


class Evaluation(NamedTuple):
    """How a network does on digits: E, and how often each digit (row) was read as each (column)."""

    loss: float
    confusion: NDArray[np.intp]  # (10, 10)

    @property
    def accuracy(self) -> float:
        """The share of digits read right, from 0 to 1."""
        return share_right(self.confusion)

    @property
    def accuracy_per_digit(self) -> NDArray[np.float64]:
        """The share read right among the images of each digit (10,); NaN where there are none."""
        counts = self.confusion.sum(axis=1)
        return np.diag(self.confusion) / np.where(counts, counts, np.nan)


def evaluate(
    network: Network,
    digits: Digits,
    *,
    threads: int | None = None,
    executor: "Executor | None" = None,
) -> Evaluation:
    """The loss and the confusion matrix of a network on digits; workers as in `train`.

    Raises ValueError for a network that does not fit the digits, and OverflowError for one whose
    numbers are too large for their type: it would read nothing.
    """
    check_fits(network, digits)
    threads = None if threads is None else checked_count("threads", threads)
    with workers(threads, executor) as pool:
        seen = total(network, digits, Batch(len(digits)), slope=False, **pool)
    if not math.isfinite(seen.loss):
        raise OverflowError(
            f"the loss is {seen.loss}: the weights are too large for {network.parameters.dtype}, "
            f"so nothing is read"
        )
    return Evaluation(seen.loss, seen.confusion)


def share_right(confusion: NDArray[np.intp]) -> float:
    return float(np.trace(confusion) / confusion.sum())
