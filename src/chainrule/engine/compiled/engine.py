"""The compiled engine: it computes only ink, and has the same bits on every processor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chainrule.data import Examples
from chainrule.engine.batches import Batch
from chainrule.engine.blas import cores
from chainrule.engine.compiled.tiled import Tiled, Tiles
from chainrule.engine.compiled.together import Together
from chainrule.engine.interface import Plan, Position
from chainrule.engine.sums import Part
from chainrule.network import Array, Network

if TYPE_CHECKING:
    from concurrent.futures import Executor

LARGEST = 512  # images in a batch that is not cut into tiles


class CompiledEngine:
    """So many threads, of which one is the calling thread; the others are those of the pool.

    Tiles are tasks of `sharing` instead, if there is one: an executor and how many workers it has
    with the calling thread, None for as many as it says.
    """

    name = "compiled"

    def __init__(
        self,
        pool: Executor | None,
        threads: int,
        sharing: tuple[Executor, int | None] | None = None,
    ) -> None:
        self.pool = pool
        self.threads = threads
        self.sharing = sharing or (pool, threads)
        self.training: Together | Tiled | None = None
        self.at: Position | None = None  # where that stands

    def begin(
        self, plan: Plan, parameters: Array, memory: Array, step: int, *, answers: bool
    ) -> Position:
        """The position with these parameters and this memory; `answers`: with the confusion."""
        if self.training is None or self.training.plan is not plan:
            if (plan.batch_size or LARGEST + 1) > LARGEST:
                self.training = Tiled(plan, *self.sharing)
            else:
                self.training = Together(plan, self.pool, self.threads)
        self.training.state.put(parameters, memory)
        ahead = self.training.look(step, answers=answers)
        self.at = Position(parameters, memory, step, ahead)
        return self.at

    def advance(
        self, plan: Plan, at: Position, rates: Sequence[float], *, answers: bool
    ) -> tuple[Position, list[float]]:
        """Take one step at each of these learning rates; also gives E of each batch.

        It ends early, at the first position whose E is not finite.
        """
        if not rates:
            return at, []
        if at is not self.at or self.training is None or self.training.plan is not plan:
            self.begin(plan, at.parameters, at.memory, at.step, answers=False)
        assert self.training is not None
        self.at = None  # unless the steps are taken to their end
        ahead, losses = self.training.go(at.step, rates, answers=answers)
        parameters, memory = self.training.state.take()
        self.at = Position(parameters, memory, at.step + len(losses), ahead)
        return self.at, [at.ahead.loss, *losses[:-1]]

    def measure(self, network: Network, examples: Examples) -> Part:
        """E, without weight decay, and the confusion of a network on all examples."""
        tiles = Tiles(network.sizes, network.loss, examples, *self.sharing)
        tiles.P[tiles.layout.places] = network.parameters
        return tiles.total(Batch(len(examples)), slope=False, answers=True)


@contextmanager
def compiled_engine(
    threads: int | None, executor: Executor | None = None
) -> Iterator[CompiledEngine]:
    """The engine with so many threads (default: one for each core), or tasks of the executor."""
    from concurrent.futures import ThreadPoolExecutor

    count = threads or cores()
    sharing = None if executor is None else (executor, threads)
    if count == 1:
        yield CompiledEngine(None, 1, sharing)
    else:
        with ThreadPoolExecutor(count - 1) as others:
            yield CompiledEngine(others, count, sharing)
