"""Work shared out between this thread and tasks of an executor, so that nobody waits long."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from chainrule.engine.blas import cores
from chainrule.engine.sums import Part, Tree

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future


class Work(Protocol):
    """What can be computed in parts: of stacks first to last."""

    def run(self, first: int, last: int) -> Part: ...


def count_workers(executor: Executor | None, threads: int | None) -> int:
    """How many compute, this thread and the tasks of the executor that are out at a time.

    `threads` in all; if it is None, as many tasks as the executor has `workers` now, which may
    change, or one of all for each core of this machine.
    """
    if threads is not None:
        return threads
    workers: int | None = getattr(executor, "workers", None)
    return cores() if workers is None else 1 + workers


class Sharing:
    """The stacks of one sum, in runs of consecutive stacks. A worker that is done takes another.

    `workers` is the number of workers: this thread, the others tasks of the executor. Each of them
    has `each` runs, or more.
    """

    def __init__(
        self, work: Work, stacks: int, executor: Executor, workers: int, each: int = 2
    ) -> None:
        self.work = work
        self.executor = executor
        self.workers = workers
        size = 1  # stacks in a run: a power of 2, so that runs are branches of the tree
        while -(-stacks // (2 * size)) >= each * workers:
            size *= 2
        self.runs = [(first, min(first + size, stacks)) for first in range(0, stacks, size)]
        # Starts with the last, which has the most ink: nobody waits long for a small one.
        self.left = iter(reversed(range(len(self.runs))))
        self.lock = threading.RLock()
        self.own: dict[int, Part] = {}
        self.others: dict[int, Future[Part]] = {}

    def total(self) -> Part:
        """The sum of all runs, in the order of their numbers, whoever computed which."""
        sums = Tree()
        try:
            for _ in range(self.workers - 1):
                self.hand_out()
            while (number := self.next_run()) is not None:
                self.own[number] = self.work.run(*self.runs[number])
            for number in range(len(self.runs)):
                mine = number in self.own
                sums.add(self.own[number] if mine else self.others[number].result())
        finally:  # after an exception or Ctrl-C, too
            while self.next_run() is not None:
                pass
            for future in self.others.values():
                future.cancel()
            # subtle: futures refer to hand_out, and it to them. Such circles would keep the
            # gradients of each step until the garbage collector comes, and fresh memory is slow: 17
            # % of the time of a wide network.
            self.others.clear()
        return sums.root()

    def next_run(self) -> int | None:
        with self.lock:
            return next(self.left, None)

    def hand_out(self, done: Future[Part] | None = None) -> None:
        """Give the executor one more run, in place of the one that is done; none if that failed."""
        if done and (done.cancelled() or done.exception()):
            return
        with self.lock:  # so a thread that finds no run left sees every future
            number = self.next_run()
            if number is not None:
                future = self.executor.submit(self.work.run, *self.runs[number])
                self.others[number] = future
                future.add_done_callback(self.hand_out)
