"""Training: a generator of snapshots. It prints nothing and saves nothing.

Randomness is a key, not a state: `train` draws one integer from the generator it is given, and
the order of epoch e comes from default_rng((key, e)). So the whole state of a run is its
parameters, its optimizer's memory and its step.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Digits, Examples
from chainrule.deform import Deform, DeformName, deform_of
from chainrule.descent import MEMORY_ROWS, OPTIMIZERS, Array, Optimizer, Rule
from chainrule.engine.choice import EngineName, choose, opened
from chainrule.engine.interface import Engine, Plan, Position
from chainrule.network import LOSSES, Loss, Network, check_rng, penalty
from chainrule.schedule import Schedule, checked_rate, share_of_rate

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


class DivergenceError(ArithmeticError):
    """The loss is no longer finite; the message names the step and the likely cause."""

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step


# ---------------------------------------------------------------------------------- the snapshot


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot:
    """The state after `step` steps, and how good it is. Its arrays are never written again.

    `loss` is E of these parameters over the training set when `loss_of` says "training set", the
    mean over the batches since the last snapshot when it says "batches". Accuracies are shares
    from 0 to 1, and like the loss of the validation, None unless asked for. `memory` holds the
    optimizer's rows; from `key` comes all that is random in the run.
    """

    network: Network
    memory: Array  # (rows, n)
    step: int
    key: int
    loss: float
    loss_of: LossOf
    train_accuracy: float | None = None
    test_accuracy: float | None = None
    losses: tuple[float, ...] = ()  # E of each batch since the last snapshot, before its step
    validation_loss: float | None = None  # without weight decay
    validation_accuracy: float | None = None

    def __repr__(self) -> str:
        return f"Snapshot: step {self.step:,}, loss {self.loss:.6f} ({self.loss_of})"


# -------------------------------------------------------------------------------------- training


def train(
    network: Network,
    examples: Examples,
    *,
    optimizer: Optimizer | Rule = "descent",
    learning_rate: float | Callable[[int], float] | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    deform: Deform | DeformName | None = None,
    schedule: Schedule = "constant",
    every: int | Callable[[int], int] = 1,
    test: Examples | None = None,
    validation: Examples | None = None,
    train_accuracy: bool = False,
    rng: "np.random.Generator | None" = None,
    start: Snapshot | None = None,
    engine: EngineName = "auto",
    threads: int | None = None,
    executor: "Executor | None" = None,
) -> Iterator[Snapshot]:
    """Snapshots 0, every, 2 every, … and the last, of a training on the examples.

    `every` may be a function: after each snapshot it is given the number of steps taken so far, and
    says how many to take until the next.

    `optimizer` is the name of one, or a Rule, which also says what it is set to.

    `batch_size` None is the full batch: each step sees all m of them. Else they are shuffled every
    epoch and taken in batches of that many, the last one smaller if it must. The length is `steps`
    in all, or `epochs`; what is not given is what suits the loss and the optimizer.

    `learning_rate` may be a function: it is called once for each step in turn, with the number of
    steps before it, and gives its rate. It is asked for all steps until the next snapshot at once.

    `deform`, "light", "full" or a Deform, shows other copies of the digits in each epoch, of which
    a full batch is one; E is theirs. `schedule` takes the rates down to almost 0 at the end.

    `test` adds the accuracy on those digits to each snapshot, `validation` accuracy and loss on
    others, `train_accuracy` the accuracy on the training digits. `rng` gives the key of the run.
    `start`, a snapshot of an earlier call with the same settings, goes on after it to the same end
    by the same steps: it brings its own parameters, memory and key.

    `engine` computes: "numpy", "compiled" (the extra `fast`), or "auto", which is the compiled one
    where it is installed and the parameters are float32. The two give bits of their own.

    The work is shared by so many `threads` (default: one for each core). All but the caller's own
    are tasks of the `executor`, if one is given: as many as it has `workers`, if it says so. Small
    batches are not shared. Neither changes a bit of what comes out. Digits that were loaded travel
    to other processes by name, other examples with their numbers.

    Raises ValueError for what cannot be, when called, and DivergenceError at the step where the
    loss is no longer finite. (Longer than 60 lines because every setting is explained here.)
    """
    every = every if callable(every) else checked_count("every", every)
    threads = None if threads is None else checked_count("threads", threads)
    check_fits(network, examples)
    for each in (test, validation):
        if each is not None:
            check_fits(network, each)
    rule = optimizer if isinstance(optimizer, Rule) else Rule(optimizer)
    given = None if callable(learning_rate) else learning_rate
    rate, length = settle(
        network.loss, rule.optimizer, len(examples), given, batch_size, steps, epochs
    )
    batch_size = None if batch_size is None else int(batch_size)
    if network.parameters.ndim != 1:
        raise ValueError(f"train takes one network, got {network}")
    begun = begin(network, rule, rng) if start is None else check_start(start, network, rule)
    if not np.isfinite(begun.network.parameters).all():
        raise ValueError("the parameters must be finite, got NaN or infinity")
    copying = deform_of(deform, examples)
    plan = Plan(*kind_of(network), examples, rule, batch_size, begun.key, length, copying)

    def rates(step: int) -> list[float]:
        """The rates of the steps up to the next snapshot."""
        wanted = checked_count("every", every(step)) if callable(every) else every - step % every
        coming = range(step, step + min(wanted, length - step))
        full = learning_rate if callable(learning_rate) else lambda _: rate
        return [checked_rate(full(k) * share_of_rate(schedule, k, length)) for k in coming]

    share_of_rate(schedule, 0, length)  # these refuse what cannot be now
    choose(engine, network.parameters.dtype)
    opening = opened(engine, dtype=network.parameters.dtype, threads=threads, executor=executor)
    return snapshots(plan, begun, Telling(test, validation, train_accuracy), rates, opening)


class Telling(NamedTuple):
    """What snapshots are to tell."""

    test: Examples | None
    validation: Examples | None
    train_accuracy: bool


def snapshots(
    plan: Plan,
    begun: "Begun",
    telling: Telling,
    rates: Callable[[int], list[float]],
    opening: AbstractContextManager[Engine],
) -> Iterator[Snapshot]:
    """The snapshots of a training; `rates` gives those of the steps from one to the next."""
    answers = telling.train_accuracy and plan.same
    with opening as engine:
        at = engine.begin(plan, begun.network.parameters, begun.memory, begun.step, answers=answers)
        if not math.isfinite(at.ahead.loss):
            raise diverged(plan, at, None)
        if not begun.goes_on:
            yield snapshot_at(engine, plan, at, [], telling)
        while at.step < plan.length:
            before, taken = at.step, rates(at.step)
            at, losses = engine.advance(plan, at, taken, answers=answers)
            if not math.isfinite(at.ahead.loss):
                raise diverged(plan, at, taken[at.step - before - 1])
            yield snapshot_at(engine, plan, at, losses, telling)


def snapshot_at(
    engine: Engine, plan: Plan, at: Position, losses: list[float], telling: Telling
) -> Snapshot:
    """The snapshot at this position; its loss is the mean of those of batches, if there are any."""
    network = Network(plan.sizes, at.parameters, plan.loss, plan.weight_decay)
    whole, loss = at.ahead, at.ahead.loss  # a full batch is the training set
    losses = [] if plan.same else losses
    if not plan.same and (telling.train_accuracy or not losses):
        whole = engine.measure(network, plan.examples)
        loss = whole.loss + float(penalty(network))
    if losses:
        loss = math.fsum(losses) / len(losses)
    tested, validated = (
        each and engine.measure(network, each) for each in (telling.test, telling.validation)
    )
    return Snapshot(
        *(network, at.memory, at.step, plan.key),
        loss=loss,
        loss_of="batches" if losses else "training set",
        train_accuracy=share_right(whole.confusion) if telling.train_accuracy else None,
        test_accuracy=share_right(tested.confusion) if tested else None,
        losses=tuple(losses),
        validation_loss=validated.loss if validated else None,
        validation_accuracy=share_right(validated.confusion) if validated else None,
    )


class Begun(NamedTuple):
    """What a training starts from."""

    network: Network
    memory: Array
    step: int
    key: int
    goes_on: bool  # after a snapshot, which is not given again


def begin(network: Network, rule: Rule, rng: "np.random.Generator | None") -> Begun:
    """A training from its first step, with a key from this generator."""
    if rng is None:
        raise ValueError("rng is missing: give numpy.random.default_rng(seed)")
    check_rng(rng)
    memory = np.zeros(memory_shape(network, rule), network.parameters.dtype)
    return Begun(network, memory, 0, int(rng.integers(2**63)), goes_on=False)


def check_start(start: object, network: Network, rule: Rule) -> Begun:
    """A training that goes on after a snapshot; ValueError unless it is one of such a training."""
    if not isinstance(start, Snapshot):
        raise ValueError(f"start must be a Snapshot of an earlier call, got {named(start)}")
    if kind_of(network) != kind_of(start.network):
        raise ValueError(f"start must be a snapshot of {network}, got one of {start.network}")
    wanted = memory_shape(network, rule)
    if start.memory.shape != wanted:
        raise ValueError(f"{rule.optimizer} remembers {wanted}, got {start.memory.shape}")
    return Begun(start.network, start.memory, start.step, start.key, goes_on=True)


def kind_of(network: Network) -> tuple[tuple[int, ...], Loss, float]:
    return network.sizes, network.loss, network.weight_decay


def memory_shape(network: Network, rule: Rule) -> tuple[int, int]:
    return MEMORY_ROWS[rule.optimizer], network.parameters.size


def diverged(plan: Plan, at: Position, rate: float | None) -> DivergenceError:
    """What to say of a loss that is not finite; the rate is that of the last step, if any."""
    why = "before the first step: start from smaller parameters"
    if rate is not None:
        why = (
            f"after step {at.step:,}: the learning rate {rate:g} is too large for "
            f"{plan.loss.replace('_', ' ')} and {plan.rule.optimizer}; try {rate / 10:g}"
        )
    return DivergenceError(f"the loss is {at.ahead.loss} {why}", at.step)


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
        raise ValueError(f"batch_size must be at most the {m:,} examples, got {batch_size:,}")
    recipe = RECIPES[loss, optimizer]
    if batch_size is None:
        rate, length = recipe.learning_rate, epochs or recipe.steps
    else:
        rate = recipe.batch_learning_rate
        length = (epochs or BATCH_EPOCHS) * math.ceil(m / batch_size)
    rate = checked_rate(rate if learning_rate is None else learning_rate)
    return rate, length if steps is None else steps


def checked_count(name: str, number: object) -> int:
    """The number of something, as an int of Python; ValueError unless it is whole and positive."""
    if not isinstance(number, Integral) or isinstance(number, bool) or number < 1:
        raise ValueError(f"{name} must be a whole number from 1, got {number!r}")
    return int(number)


def check_fits(network: Network, examples: Examples) -> None:
    """ValueError unless these are examples, and the network has their inputs and outputs."""
    if not isinstance(examples, Examples):
        raise ValueError(
            f"wanted Digits, got {named(examples)}; load_mnist() and load_digits(folder) give two "
            f"of them, to train on and to test on, Digits(images, labels) makes them from arrays, "
            f"and Table(X, labels) makes examples of any numbers"
        )
    if not isinstance(network, Network):
        raise ValueError(f"wanted a Network, got {named(network)}; initialise(sizes, …) makes one")
    if (network.sizes[0], network.sizes[-1]) != (examples.inputs, examples.classes):
        what = "digits" if isinstance(examples, Digits) else "these examples"
        raise ValueError(
            f"a network for {what} has {examples.inputs:,} inputs and {examples.classes:,} "
            f"outputs, got {network.sizes[0]:,} and {network.sizes[-1]:,}"
        )


def named(value: object) -> str:
    return type(value).__name__


# ------------------------------------------------------------------------------------ evaluation


class Evaluation(NamedTuple):
    """How a network does: E, and how often each class (row) was read as each (column)."""

    loss: float
    confusion: NDArray[np.intp]  # (classes, classes)

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
    examples: Examples,
    *,
    engine: EngineName = "auto",
    threads: int | None = None,
    executor: "Executor | None" = None,
) -> Evaluation:
    """The loss, without weight decay, and the confusion matrix of a network on examples.

    The engine and its workers are as in `train`. Raises ValueError for a network that does not fit
    the examples, and OverflowError for one whose numbers are too large for their type: it would
    read nothing.
    """
    check_fits(network, examples)
    threads = None if threads is None else checked_count("threads", threads)
    dtype = network.parameters.dtype
    with opened(engine, dtype=dtype, threads=threads, executor=executor) as computing:
        seen = computing.measure(network, examples)
    if not math.isfinite(seen.loss):
        raise OverflowError(
            f"the loss is {seen.loss}: the weights are too large for {network.parameters.dtype}, "
            f"so nothing is read"
        )
    return Evaluation(seen.loss, seen.confusion)


def share_right(confusion: NDArray[np.intp]) -> float:
    return float(np.trace(confusion) / confusion.sum())
