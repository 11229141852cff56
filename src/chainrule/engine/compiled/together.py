"""Small batches: all threads take each step together, many steps in one call of compiled code."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future

import numpy as np

from chainrule.data import Digits
from chainrule.descent import MEMORY_ROWS
from chainrule.engine.compiled.copies import CopiesOf
from chainrule.engine.compiled.examples import NOWHERE, Source, source_of
from chainrule.engine.compiled.form import LANES, Numbers, State, aligned, layout, padded
from chainrule.engine.compiled.layers import Mine
from chainrule.engine.compiled.moves import KINDS, rates_of
from chainrule.engine.compiled.passes import ByPixel
from chainrule.engine.compiled.steps import Room, Task, run
from chainrule.engine.interface import Plan
from chainrule.engine.sums import Part, confusion_matrix
from chainrule.engine.with_numpy import batch_of
from chainrule.network import LOSSES

f = np.float32
CALL = 0.05  # seconds that one call lasts, about
OWNED = 4  # times 16 units of the widest layer that a thread owns, at least


class Together:
    """A training by batches, in the form of lanes."""

    def __init__(self, plan: Plan, executor: Executor | None, threads: int) -> None:
        size = plan.batch_size or 0
        self.plan = plan
        self.executor = executor
        self.source: Source | CopiesOf
        if plan.deform and isinstance(plan.examples, Digits):
            self.source = CopiesOf(plan.examples, plan.deform, plan.key, executor, threads)
        else:
            self.source = source_of(plan.examples)
        self.layout = layout(plan.sizes, size, dense=self.source.dense)
        self.state = State(self.layout, MEMORY_ROWS[plan.rule.optimizer])
        lanes = self.layout.form.lanes
        self.threads = max(1, min(threads, int(lanes[1:].max()) // (LANES * OWNED)))
        self.at_once = 1  # steps in one call
        inputs, ink = plan.sizes[0], 0 if self.source.dense else size * plan.sizes[0]
        groups = int(lanes[1:].sum()) // LANES
        self.room = Room(
            P=self.state.P,
            M=self.state.M,
            work=aligned(self.layout.work),
            order=NOWHERE,
            cuts=NOWHERE,
            E=np.zeros(padded(size) // LANES),
            squares=np.zeros(groups),
            groups=groups,
            read=np.zeros(size, np.int64),
            rates=np.zeros(0, f),
            losses=np.zeros(1),
            words=np.zeros(8 * self.threads + 8, np.int64),
        )
        self.by = [
            ByPixel(
                np.zeros(inputs + 1, np.int64), np.zeros(ink, np.uint16), np.zeros(ink, np.uint8)
            )
            for _ in range(self.threads)
        ]
        self.mine = [own_memory(part, self.threads, lanes, inputs) for part in range(self.threads)]

    def look(self, step: int, *, answers: bool) -> Part:
        """What the batch of the step after so many steps gives, but for the gradient."""
        _, losses = self.call(step, [], fresh=True)
        return self.part(step, losses[0], answers)

    def go(self, step: int, rates: Sequence[float], *, answers: bool) -> tuple[Part, list[float]]:
        """Take steps at these rates until E is not finite; what is ahead, and E after each."""
        losses: list[float] = []
        while len(losses) < len(rates) and (not losses or math.isfinite(losses[-1])):
            some = rates[len(losses) : len(losses) + self.at_once]
            began = time.perf_counter()
            taken, found = self.call(step + len(losses), some, fresh=False)
            for_one = (time.perf_counter() - began) / max(taken, 1)
            self.at_once = max(1, min(2 * len(some), int(CALL / for_one)))
            losses += found[1 : taken + 1]
        return self.part(step + len(losses), losses[-1], answers), losses

    def part(self, step: int, loss: float, answers: bool) -> Part:
        """What the last batch gave, which was that of the step after so many."""
        confusion = NOWHERE
        if answers:
            batch = batch_of(self.plan, step)
            labels = self.plan.examples.labels[batch.columns(0, len(batch))]
            classes = self.plan.sizes[-1]
            confusion = confusion_matrix(labels, self.room.read[: len(batch)], classes)
        return Part(loss, confusion, np.zeros(0, f))

    def call(self, step: int, rates: Sequence[float], *, fresh: bool) -> tuple[int, list[float]]:
        """One call of compiled code by all threads: steps taken, and E batch by batch."""
        plan, steps = self.plan, len(rates)
        batches = [batch_of(plan, step + k) for k in range(steps + 1)]
        rows = np.concatenate([np.asarray(each.columns(0, len(each))) for each in batches])
        cuts = np.cumsum([0, *map(len, batches)])
        epochs = np.repeat([each.epoch for each in batches], np.diff(cuts))
        data, order = self.source.at_hand(plan.examples, rows, epochs)
        losses = np.zeros(steps + 1)
        words = np.zeros_like(self.room.words)
        room = self.room._replace(
            order=order,
            cuts=cuts,
            rates=rates_of(plan.rule, step, rates),
            losses=losses,
            words=words,
        )
        task = Task(
            steps=steps,
            fresh=fresh,
            look=True,
            sorted=False,
            training=True,
            dense=self.source.dense,
            m=0,
            loss=LOSSES.index(plan.loss),
            kind=KINDS[plan.rule.optimizer],
            decay=f(plan.rule.momentum_decay),
            weight_decay=f(plan.weight_decay),
            half=self.layout.padded,
        )
        form = self.layout.form

        def part(mine: Mine) -> int:
            try:
                return run(task, form, room, data, self.by[mine.part], mine)
            except BaseException:
                words[-8] = 1  # nobody waits for this thread any longer
                raise

        others: list[Future[int]] = []
        try:
            if self.executor is not None:
                others = [self.executor.submit(part, mine) for mine in self.mine[1:]]
            taken = part(self.mine[0])
        except BaseException:
            words[-8] = 1
            raise
        finally:
            for other in others:
                other.result()
        return taken, losses.tolist()


def own_memory(part: int, parts: int, lanes: Numbers, inputs: int) -> Mine:
    """The memory of one thread: a panel of turned weights, or the last layer of 16 images."""
    widest = int(lanes.max())
    return Mine(part, parts, aligned(64 * widest + LANES), np.zeros(inputs, np.int64))
