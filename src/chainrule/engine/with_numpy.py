"""The engine of NumPy: the readable equations over tiles, the same bits for any workers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from chainrule.data import Digits, Examples
from chainrule.deform import Deformed
from chainrule.descent import take_step
from chainrule.engine.batches import Batch
from chainrule.engine.blas import cores
from chainrule.engine.ink import has_ink_order
from chainrule.engine.interface import Plan, Position
from chainrule.engine.memory import keep_memory
from chainrule.engine.sharing import count_workers
from chainrule.engine.sums import Part
from chainrule.engine.tiles import total
from chainrule.network import Array, Network

if TYPE_CHECKING:
    from concurrent.futures import Executor


class NumpyEngine:
    """So many workers, of which one is the calling thread; the others are tasks of the executor.

    None: as many as the executor has at the time.
    """

    name = "numpy"

    def __init__(self, executor: Executor | None, workers: int | None) -> None:
        self.executor = executor
        self.workers = workers

    def begin(
        self, plan: Plan, parameters: Array, memory: Array, step: int, *, answers: bool
    ) -> Position:
        """The position with these parameters and this memory; `answers`: with the confusion."""
        network = Network(plan.sizes, parameters, plan.loss, plan.weight_decay)
        slope = step < plan.length
        ahead = self.total(network, examples_at(plan, step), batch_of(plan, step), slope, answers)
        return Position(parameters, memory, step, ahead)

    def advance(
        self, plan: Plan, at: Position, rates: Sequence[float], *, answers: bool
    ) -> tuple[Position, list[float]]:
        """Take one step at each of these learning rates; also gives E of each batch.

        It ends early, at the first position whose E is not finite.
        """
        losses = []
        for k, rate in enumerate(rates, 1):
            losses.append(at.ahead.loss)
            parameters, memory = take_step(
                plan.rule,
                at.parameters,
                at.ahead.gradient,
                at.memory,
                learning_rate=rate,
                step=at.step + 1,
            )
            wanted = answers and k == len(rates)
            at = self.begin(plan, parameters, memory, at.step + 1, answers=wanted)
            if not math.isfinite(at.ahead.loss):
                break
        return at, losses

    def measure(self, network: Network, examples: Examples) -> Part:
        """E, without weight decay, and the confusion of a network on all examples."""
        network = replace(network, weight_decay=0.0)
        return self.total(network, examples, Batch(len(examples)), slope=False, answers=True)

    def total(
        self, network: Network, examples: Examples, batch: Batch, slope: bool, answers: bool
    ) -> Part:
        return total(
            network,
            examples,
            batch,
            slope=slope,
            answers=answers,
            executor=self.executor,
            workers=count_workers(self.executor, self.workers),
        )


def batch_of(plan: Plan, step: int) -> Batch:
    """The batch of the step that is taken after `step` steps."""
    m, size = len(plan.examples), plan.batch_size
    if size is None:
        if plan.deform:
            return Batch(m, plan.key, step)  # an epoch of its own
        return Batch(m, by_ink=has_ink_order(plan.examples, m))
    epoch, k = divmod(step, math.ceil(m / size))
    return Batch(m, plan.key, epoch, (k * size, min((k + 1) * size, m)))


def examples_at(plan: Plan, step: int) -> Examples:
    """What there is to see in the step after `step` steps: the examples, or their copies."""
    if plan.deform is None or not isinstance(plan.examples, Digits):
        return plan.examples
    return Deformed(plan.examples, plan.deform, plan.key, batch_of(plan, step).epoch)


@contextmanager
def numpy_engine(threads: int | None, executor: Executor | None) -> Iterator[NumpyEngine]:
    """The engine with so many threads (default: one for each core), or tasks of the executor."""
    # Imported at the first training: it loads logging and more.
    from concurrent.futures import ThreadPoolExecutor

    keep_memory()
    count = threads or cores()
    if executor is not None or count == 1:
        yield NumpyEngine(executor, threads if executor else 1)
    else:
        with ThreadPoolExecutor(count - 1) as others:
            yield NumpyEngine(others, count)
