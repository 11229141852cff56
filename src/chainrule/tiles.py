"""The gradient of many examples: a sum over tiles, the same to the last bit however it is spread.

E is a mean, so its gradient is a sum of gradients of parts that are each told the whole m. A tile
is a run of consecutive columns of a batch; its size depends on the network's shape and the batch's
size alone. Neighbouring tiles are stacked in one call of the readable forward and backward pass,
and what the tiles give is added in one fixed binary tree over their numbers. One BLAS thread
computes a tile. So the sum does not depend on who computed which tile, or when.

Pixels stay bytes and become numbers one stack of tiles at a time. Workers receive parameters and
numbers of stacks, never pixels.

Most of an image is blank, and a blank pixel adds nothing to Z and gets nothing in dW. So a full
batch is taken in the order of its ink, and each stack is computed by the network that has only the
inputs in which the stack has ink: little more than half of the work, the same sum.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.data import CLASSES, Digits
from chainrule.network import Array, Network, backward, error, forward

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from threadpoolctl import ThreadpoolController

SMALL = 1_000_000  # OpenBLAS multiplies faster, without packing, up to this many products
WIDE = 512  # columns in a tile of a network too wide for that
HALVED = 40_000_000  # products in the first layer from which a small batch is worth two workers
STACKED = 1 << 23  # bytes of pixels as float32 that one call works on, at most
ORDERED = 1 << 17  # images of a full batch that are put in order of their ink, at most: it copies


# ----------------------------------------------------------------------------------- the tiling


@dataclass(frozen=True)
class Batch:
    """The examples of one step: all m as they stand, or a span of the order of an epoch."""

    m: int
    key: int = 0
    epoch: int = 0
    span: tuple[int, int] | None = None
    by_ink: bool = False  # all m in the order of their ink, which pays if they are seen often

    def __len__(self) -> int:
        return self.m if self.span is None else self.span[1] - self.span[0]

    def columns(self, first: int, last: int) -> slice | NDArray[np.intp]:
        """The examples in columns first to last of the batch."""
        if self.span is None:
            return slice(first, last)
        return order_of(self.key, self.epoch, self.m)[self.span[0] + first : self.span[0] + last]


@lru_cache(maxsize=2)
def order_of(key: int, epoch: int, m: int) -> NDArray[np.intp]:
    """The order of an epoch. It comes from the run's key, so any step can be computed alone."""
    return np.random.default_rng((key, epoch)).permutation(m)


class Tiling(NamedTuple):
    """How a batch is cut: columns in a tile, tiles in a stack (a power of 2), stacks in all."""

    tile: int
    stacked: int
    stacks: int


def tiling(sizes: tuple[int, ...], columns: int) -> Tiling:
    """The cut of a batch of so many columns for a network of these sizes."""
    weights = sizes[0] * sizes[1]
    tile = SMALL // weights // 8 * 8
    if tile < 32:
        tile = WIDE
        if columns <= tile and columns * weights >= HALVED:
            tile = -(-columns // 2)
    tile = min(tile, columns)
    stacked = 1
    while 2 * tile < columns > tile * stacked and 8 * stacked * tile * sizes[0] <= STACKED:
        stacked *= 2
    return Tiling(tile, stacked, -(-columns // (tile * stacked)))


# ---------------------------------------------------------------------------------- what is summed


class Part(NamedTuple):
    """What some tiles give: their share of E, which digits (rows) they read as which, their ∂E."""

    loss: float
    confusion: NDArray[np.intp]  # (10, 10), or (0,) if it is not wanted
    gradient: Array  # (n,), or (0,) if it is not wanted

    def plus(self, other: "Part") -> "Part":
        return Part(
            self.loss + other.loss,
            self.confusion + other.confusion,
            self.gradient + other.gradient,
        )


@dataclass(frozen=True, eq=False)
class Work:
    """What a worker is told: all but the numbers of the stacks it is to compute."""

    network: Network
    digits: Digits
    batch: Batch
    slope: bool  # whether the gradient is wanted
    answers: bool  # whether the confusion is wanted

    def run(self, first: int, last: int) -> Part:
        """The part of stacks first to last."""
        sums = Tree()
        with one_blas_thread():
            for stack in range(first, last):
                sums.add(self.stack(stack))
        return sums.root()

    def stack(self, stack: int) -> Part:
        """The part of one stack of tiles."""
        m = len(self.batch)
        tile, stacked, _ = tiling(self.network.sizes, m)
        network, inked = self.network, None
        if self.batch.by_ink:
            images, labels, inked = self.digits.by_ink(tile * stacked)[stack]
            network = narrow(network, inked)
        else:
            first = stack * tile * stacked
            chosen = self.batch.columns(first, min(first + tile * stacked, m))
            images, labels = self.digits.images[chosen], self.digits.labels[chosen]
        whole = len(images) // tile * tile  # the last tile of all may be a smaller one
        found = [
            self.tiles(network, images[cut], labels[cut], min(tile, len(labels[cut])))
            for cut in (slice(whole), slice(whole, None))
            if len(labels[cut])
        ]
        losses, answers, gradients = (
            np.concatenate(parts) if len(parts) > 1 else parts[0]
            for parts in zip(*found, strict=True)
        )
        gradient = tree_sum(gradients)
        if inked is not None and self.slope:
            gradient = widen(gradient, self.network, inked)
        return Part(
            float(tree_sum(losses.astype(np.float64))),
            counts(labels, answers) if self.answers else np.empty(0, np.intp),
            gradient,
        )

    def tiles(
        self, network: Network, images: NDArray[np.uint8], labels: NDArray[np.uint8], tile: int
    ) -> tuple[Array, NDArray[np.intp], Array]:
        """Losses (tiles,), answers (m,) and gradients (tiles, n), in one pass over the stack.

        What is not wanted is empty: (0,) and (tiles, 0).
        """
        m = len(self.batch)
        dtype = network.parameters.dtype
        X = as_numbers(images).astype(dtype, copy=False).reshape(-1, tile, images.shape[1]).mT
        Y = (labels.reshape(-1, 1, tile) == np.arange(CLASSES)[:, None]).astype(dtype)
        # An overflow on the way is not a warning but, in the loss, the end of the training.
        with np.errstate(over="ignore", invalid="ignore"):
            trace = forward(network, X)
            losses = error(network, trace, Y, m=m)
            if self.slope:
                gradients = backward(network, trace, Y, m=m).flat
            else:
                gradients = np.empty((len(losses), 0), dtype)
        answers = np.empty(0, np.intp)
        if self.answers:
            answers = trace.A[network.depth].argmax(axis=-2).ravel()
        return losses, answers, gradients


def narrow(network: Network, inputs: NDArray[np.intp]) -> Network:
    """The network without all but these inputs; for images blank elsewhere it is the same."""
    W, _ = network.layers[0]
    parameters = np.concatenate([W.take(inputs, axis=1).ravel(), network.parameters[W.size :]])
    return Network((len(inputs), *network.sizes[1:]), parameters, network.loss)


def widen(gradient: Array, network: Network, inputs: NDArray[np.intp]) -> Array:
    """The gradient (n,) of the network, from that of the network narrowed to these inputs."""
    whole = np.zeros_like(network.parameters)
    W, _ = network.layers[0]
    rest = gradient.size - (whole.size - W.size)
    whole[: W.size].reshape(W.shape)[:, inputs] = gradient[:rest].reshape(len(W), -1)
    whole[W.size :] = gradient[rest:]
    return whole


def counts(labels: NDArray[np.uint8], answers: NDArray[np.intp]) -> NDArray[np.intp]:
    """How often each digit (rows) was read as each (columns)."""
    pairs = CLASSES * labels.astype(np.intp) + answers
    return np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES)


def as_numbers(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The pixels divided by 255, in memory that this thread's next call writes again."""
    space: NDArray[np.float32] = getattr(scratch, "space", np.empty(0, np.float32))
    if space.size < images.size:
        space = scratch.space = np.empty(images.size, np.float32)
    X = space[: images.size].reshape(images.shape)
    return np.divide(images, np.float32(255), out=X, dtype=np.float32)


scratch = threading.local()


# ------------------------------------------------------------------------------------- the sum


def total(
    network: Network,
    digits: Digits,
    batch: Batch,
    *,
    slope: bool = True,
    answers: bool = True,
    executor: "Executor | None" = None,
    workers: int = 1,
) -> Part:
    """E, confusion and ∂E of a batch, as wanted: the same bits for any executor and any workers.

    The workers are this thread and, if there are more, as many tasks of the executor at a time.
    Each computes one run of stacks after the other, and takes the next when it is done with one, so
    that nobody waits for a slow one before the end.
    """
    digits.check_file()
    tile, stacked, stacks = tiling(network.sizes, len(batch))
    if batch.by_ink:
        digits.by_ink(tile * stacked)  # now, so that threads find it
    work = Work(network, digits, batch, slope, answers)
    if executor is None or workers == 1 or stacks == 1:
        return work.run(0, stacks)
    run = 1  # stacks in a run: a power of 2, so that runs are branches of the tree
    while -(-stacks // (2 * run)) >= 2 * workers:
        run *= 2
    runs = [(first, min(first + run, stacks)) for first in range(0, stacks, run)]
    # From the last, because by ink it is the largest: small ones at the end keep nobody waiting.
    left, door = iter(reversed(range(len(runs)))), threading.RLock()
    own: dict[int, Part] = {}
    others: dict[int, Future[Part]] = {}

    def take() -> int | None:
        with door:
            return next(left, None)

    def hand_out(done: "Future[Part] | None" = None) -> None:
        """Give the executor one more run, in place of this one; none after one that failed."""
        if done and (done.cancelled() or done.exception()):
            return
        with door:  # so that whoever finds nothing left finds all futures, complete
            number = take()
            if number is not None:
                future = others[number] = executor.submit(work.run, *runs[number])
                future.add_done_callback(hand_out)  # noqa: F821, it goes when nothing is left

    sums = Tree()
    with one_blas_thread():
        try:
            for _ in range(workers - 1):
                hand_out()
            while (number := take()) is not None:
                own[number] = work.run(*runs[number])
            for number in range(len(runs)):
                sums.add(own[number] if number in own else others[number].result())
        finally:  # after an exception or Ctrl-C, too
            while take() is not None:
                pass
            for future in others.values():
                future.cancel()
            # subtle: futures know hand_out, which knows them and itself. Such circles would keep
            # the gradients of each step until the garbage collector comes, and fresh memory is
            # slow: 17 % of the time of a wide network.
            others.clear()
            del hand_out
    return sums.root()


class Tree:
    """A sum in one fixed binary tree over leaves that come in order.

    Leaves 2k and 2k + 1 are added, then pairs of such sums, and so on; what is left over at the
    end is added from the last. At most log₂(leaves) + 1 sums are kept.
    """

    def __init__(self) -> None:
        self.leaves = 0
        self.sums: list[Part] = []

    def add(self, part: Part) -> None:
        """Take the next leaf."""
        self.leaves += 1
        leaves = self.leaves
        while leaves % 2 == 0:
            part = self.sums.pop().plus(part)
            leaves //= 2
        self.sums.append(part)

    def root(self) -> Part:
        """The sum of all leaves."""
        part = self.sums.pop()
        while self.sums:
            part = self.sums.pop().plus(part)
        return part


def tree_sum(array: Array) -> Array:
    """The sum over the first axis, in the same tree."""
    while len(array) > 1:
        even = len(array) // 2 * 2
        pairs = array[0:even:2] + array[1:even:2]
        array = np.concatenate([pairs, array[even:]]) if even < len(array) else pairs
    return array[0]


# ------------------------------------------------------------------------------- one BLAS thread


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """One BLAS thread while anybody in this process is inside; then as many as before.

    The limit belongs to the process, so its users are counted: the first one in sets it, the last
    one out restores it, in whatever order they come.
    """
    global inside, limit
    with door:
        if inside == 0:
            take_control()
            limit = blas().limit(limits=1, user_api="blas")
        inside += 1
    try:
        yield
    finally:
        with door:
            inside -= 1
            if inside == 0:
                take_control()
                limit.restore_original_limits()


door = threading.Lock()
inside = 0
limit: Any = None


def take_control() -> None:
    """Let this thread set the limit, whichever thread set it last.

    subtle: threadpoolctl lets one thread alone control OpenBLAS and silently ignores all others,
    so that the last one out, if it is another thread than the first one in, would restore nothing.
    """
    for library in blas().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):  # since threadpoolctl 3.7
            library.clear_controlling_thread(force=True)


@cache
def blas() -> "ThreadpoolController":
    """What controls the BLAS that NumPy has loaded; looking for it takes 200 times a use of it."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def blas_of_numpy() -> list[dict[str, Any]]:
    """What threadpoolctl tells of the BLAS that NumPy computes with.

    subtle: SciPy brings a BLAS of its own, which has no part in a training.
    """
    from pathlib import Path

    from threadpoolctl import threadpool_info

    loaded = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    place = str(Path(np.__file__).resolve().parent)  # numpy; its libraries are in it, or beside it
    own = [pool for pool in loaded if str(Path(pool["filepath"]).resolve()).startswith(place)]
    return own or loaded


def cores() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
