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

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data import CLASSES, Digits
from chainrule.engine.batches import Batch, tiling
from chainrule.engine.blas import one_blas_thread
from chainrule.engine.ink import narrow, widen
from chainrule.engine.sums import Part, Tree, tree_sum
from chainrule.network import Array, Network, backward, error, forward

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

# ---------------------------------------------------------------------------------- what is summed


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
    executor: Executor | None = None,
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

    def hand_out(done: Future[Part] | None = None) -> None:
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
