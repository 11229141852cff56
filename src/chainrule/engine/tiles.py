"""The gradient of many examples: a sum over tiles, the same to the last bit, whoever computes it.

E is a mean, so its gradient is a sum of gradients of parts that are each told the whole m. A tile
is a run of consecutive columns of a batch; its size depends on the network's shape and the batch's
size alone. Neighbouring tiles are stacked in one call of the readable forward and backward pass,
and what the tiles give is added in one fixed binary tree over their numbers. One BLAS thread
computes a tile. So the sum does not depend on who computed which tile, or when.

Pixels stay bytes and become numbers one stack of tiles at a time. Workers receive parameters and
numbers of stacks, never pixels.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Digits, Examples, as_columns
from chainrule.engine.batches import Batch, tiling
from chainrule.engine.blas import one_blas_thread
from chainrule.engine.ink import by_ink, narrow, widen
from chainrule.engine.sharing import Sharing
from chainrule.engine.sums import Part, Tree, confusion_matrix, tree_sum
from chainrule.network import Array, Network, backward, error, forward, penalty

if TYPE_CHECKING:
    from concurrent.futures import Executor

# ---------------------------------------------------------------------------------- what is summed


@dataclass(frozen=True, eq=False)
class Work:
    """What a worker is told: all but the numbers of the stacks it is to compute."""

    network: Network
    examples: Examples
    batch: Batch
    slope: bool  # whether the gradient is wanted
    answers: bool  # whether the confusion is wanted

    def run(self, first: int, last: int) -> Part:
        """The part of stacks first to last."""
        sums = Tree()
        with one_blas_thread:
            for stack in range(first, last):
                sums.add(self.stack(stack))
        return sums.root()

    def stack(self, stack: int) -> Part:
        """The part of one stack of tiles."""
        m = len(self.batch)
        tile, stacked, _ = tiling(self.network.sizes, m)
        network, inked = self.network, None
        if self.batch.by_ink and isinstance(self.examples, Digits):
            images, labels, inked = by_ink(self.examples, tile * stacked)[stack]
            network = narrow(network, inked)
            X = as_columns(images, scratch(images.size))
        else:
            first = stack * tile * stacked
            last = min(first + tile * stacked, m)
            chosen = self.batch.columns(first, last)
            X = self.examples.columns(chosen, scratch((last - first) * network.sizes[0]))
            labels = self.examples.labels[chosen]
        whole = len(labels) // tile * tile  # the last tile of all may be a smaller one
        found = [
            self.tiles(network, X[:, cut], labels[cut], min(tile, len(labels[cut])))
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
            confusion_matrix(labels, answers, self.network.sizes[-1])
            if self.answers
            else np.empty(0, np.intp),
            gradient,
        )

    def tiles(
        self, network: Network, X: Array, labels: NDArray[Any], tile: int
    ) -> tuple[Array, NDArray[np.intp], Array]:
        """Losses (tiles,), answers (m,) and gradients (tiles, n), in one pass over the stack.

        What is not wanted is empty: (0,) and (tiles, 0).
        """
        m = len(self.batch)
        dtype = network.parameters.dtype
        X = X.T.astype(dtype, copy=False).reshape(-1, tile, len(X)).mT
        Y = (labels.reshape(-1, 1, tile) == np.arange(network.sizes[-1])[:, None]).astype(dtype)
        # An overflow gives no warning here: the loss is then not finite, which ends the training.
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


def scratch(size: int) -> NDArray[np.float32]:
    """Memory (size,) that this thread's next call gives again."""
    if size > len(own := getattr(memory, "own", np.empty(0, np.float32))):
        own = memory.own = np.empty(size, np.float32)
    return own[:size]


memory = threading.local()


# ------------------------------------------------------------------------------------- the sum


def total(
    network: Network,
    examples: Examples,
    batch: Batch,
    *,
    slope: bool = True,
    answers: bool = True,
    executor: Executor | None = None,
    workers: int = 1,
) -> Part:
    """E, confusion and ∂E of a batch, as wanted: the same bits for any executor and any workers.

    The workers are this thread and, if there are more, as many tasks of the executor at a time.
    """
    examples.check_file()
    tile, stacked, stacks = tiling(network.sizes, len(batch))
    if batch.by_ink and isinstance(examples, Digits):
        by_ink(examples, tile * stacked)  # now, so that threads find it
    work = Work(replace(network, weight_decay=0.0), examples, batch, slope, answers)
    if executor is None or workers == 1 or stacks == 1:
        part = work.run(0, stacks)
    else:
        with one_blas_thread:
            part = Sharing(work, stacks, executor, workers).total()
    return with_penalty(part, network) if network.weight_decay else part


def with_penalty(part: Part, network: Network) -> Part:
    """E and ∂E of a whole batch with what weight decay adds to them, once."""
    gradient = part.gradient
    if gradient.size:
        decay = replace(network, parameters=np.zeros_like(network.parameters))
        for (W, _), (added, _) in zip(network.layers, decay.layers, strict=True):
            added[:] = network.weight_decay * W
        gradient = gradient + decay.parameters
    return Part(part.loss + float(penalty(network)), part.confusion, gradient)
