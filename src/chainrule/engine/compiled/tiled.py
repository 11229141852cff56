"""A full batch, or a large one, in tiles: each is one call, and a tree adds what they give."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.data import Digits, Examples
from chainrule.deform import Deform
from chainrule.descent import MEMORY_ROWS
from chainrule.engine.batches import Batch
from chainrule.engine.compiled.copies import CopiesOf
from chainrule.engine.compiled.examples import NOWHERE, Source, source_of
from chainrule.engine.compiled.form import LANES, State, aligned, layout, padded
from chainrule.engine.compiled.moves import KINDS, rates_of
from chainrule.engine.compiled.passes import KEEP, ByPixel
from chainrule.engine.compiled.steps import Room, Task
from chainrule.engine.compiled.together import own_memory
from chainrule.engine.compiled.tree import run_tiles
from chainrule.engine.compiled.vectors import add_decay, move_all
from chainrule.engine.interface import Plan
from chainrule.engine.sharing import Sharing, count_workers
from chainrule.engine.sums import Part, Tree
from chainrule.engine.with_numpy import batch_of
from chainrule.network import LOSSES, Array, Loss

f = np.float32
SMALLEST, LARGEST = 128, 1024  # images in a tile
PRODUCTS = 1_000_000_000  # in one call, about: it lasts less than 0.1 s
MOST = 64  # tiles in one call
EACH = 3  # runs of tiles for each thread, so that none waits long for another
NOTHING = np.zeros(0, f)


def products(sizes: tuple[int, ...]) -> int:
    """How many products an example takes, forward."""
    return sum(a * b for a, b in pairwise(sizes))


def tile_size(sizes: tuple[int, ...], m: int) -> int:
    """Images in a tile, of m in all."""
    tile = LARGEST
    while tile > SMALLEST and tile * products(sizes) > PRODUCTS:
        tile //= 2
    return min(tile, padded(m))


Copying = tuple[Deform, int] | None  # instead of examples their copies, in the run with this key


class Tiles:
    """A network in the form of lanes, and examples that it sees tile by tile."""

    def __init__(
        self,
        sizes: tuple[int, ...],
        loss: Loss,
        examples: Examples,
        executor: Executor | None,
        threads: int | None,
        copies: Copying = None,
    ) -> None:
        self.sizes = sizes
        self.examples = examples
        self.copies = copies
        self.source: Source | CopiesOf
        if copies and isinstance(examples, Digits):
            self.source = CopiesOf(examples, *copies)
        else:
            self.source = source_of(examples)
        self.executor = executor
        self.threads = threads
        self.tile = tile_size(sizes, len(examples))
        self.at_once = 1  # tiles in one call
        one = self.tile * products(sizes)
        while 2 * self.at_once * one <= PRODUCTS and self.at_once < MOST:
            self.at_once *= 2
        self.layout = layout(sizes, self.tile, dense=self.source.dense)
        self.loss = loss
        self.P = aligned(self.layout.padded)
        self.free: deque[Workplace] = deque()

    def total(self, batch: Batch, *, slope: bool, answers: bool) -> Part:
        """E, confusion and gradient (padded), as wanted, without weight decay."""
        self.examples.check_file()
        work = TileWork(self, batch, slope, answers)
        tiles = -(-len(batch) // self.tile)
        workers = count_workers(self.executor, self.threads)
        if self.executor is None or workers == 1 or tiles == 1:
            return work.run(0, tiles)
        return Sharing(work, tiles, self.executor, workers, EACH).total()

    def workplace(self) -> Workplace:
        """Memory for a tile, which nobody else uses until it is given back to `free`."""
        try:
            return self.free.pop()
        except IndexError:
            return Workplace(self)


class Workplace:
    """What a thread needs to compute a tile."""

    def __init__(self, tiles: Tiles) -> None:
        form, inputs = tiles.layout.form, tiles.source.inputs
        ink = 0 if tiles.source.dense else tiles.tile * inputs
        self.room = Room(
            P=tiles.P,
            M=NOTHING,
            work=aligned(tiles.layout.work),
            order=NOWHERE,
            cuts=NOWHERE,
            E=np.zeros(padded(tiles.tile) // LANES),
            squares=np.zeros(0),
            groups=0,
            read=np.zeros(tiles.tile, np.int64),
            rates=np.ones(3, f),
            losses=np.zeros(MOST),
            words=np.zeros(16, np.int64),
        )
        self.by = ByPixel(
            np.zeros(inputs + 1, np.int64), np.empty(ink, np.uint16), np.empty(ink, np.uint8)
        )
        self.mine = own_memory(0, 1, form.lanes, inputs)
        self.parts = tiles.at_once.bit_length()  # that wait to be added, at most
        self.sums = NOTHING


class TileWork:
    """The tiles of one batch, as `Sharing` wants work. It is pickled with all that it needs."""

    def __init__(self, tiles: Tiles, batch: Batch, slope: bool, answers: bool) -> None:
        self.tiles = tiles
        self.batch = batch
        self.slope = slope
        self.answers = answers
        whole = slope and batch.span is None
        self.sorted = tiles.source.by_pixel(tiles.tile) if whole else None
        self.task = Task(
            steps=int(slope),
            fresh=True,
            look=False,
            sorted=self.sorted is not None,
            training=slope,
            dense=tiles.source.dense,
            m=len(batch),
            loss=LOSSES.index(tiles.loss),
            kind=KEEP,
            decay=f(0),
            weight_decay=f(0),
            half=tiles.layout.padded,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        tiles = self.tiles
        how = tiles.sizes, tiles.loss, tiles.examples, tiles.copies
        return work_elsewhere, (how, tiles.P, self.batch, self.slope, self.answers)

    def run(self, first: int, last: int) -> Part:
        """The part of tiles first to last."""
        place = self.tiles.workplace()
        if self.slope and not place.sums.size:
            place.sums = aligned(place.parts * self.tiles.layout.padded)
        sums = Tree()
        for tile in range(first, last, self.tiles.at_once):
            sums.add(self.some(place, tile, min(tile + self.tiles.at_once, last)))
        self.tiles.free.append(place)
        return sums.root()

    def some(self, place: Workplace, first: int, last: int) -> Part:
        """The part of so many tiles as are computed in one call."""
        tiles, batch = self.tiles, self.batch
        size, classes = tiles.tile, tiles.source.classes
        chosen = batch.columns(first * size, min(last * size, len(batch)))
        data, order = tiles.source.at_hand(tiles.examples, chosen, batch.epoch)
        sums = place.sums if self.slope else NOTHING
        confusion = np.zeros(classes**2 if self.answers else 0, np.int64)
        by = place.by if self.sorted is None else self.sorted
        form, room = tiles.layout.form, place.room._replace(order=order)
        run_tiles(self.task, form, room, data, by, place.mine, size, first, last, sums, confusion)
        counted = confusion.reshape(classes, classes) if self.answers else NOWHERE
        slope = sums[: tiles.layout.padded].copy() if self.slope else NOTHING
        return Part(float(room.losses[0]), counted, slope)


def work_elsewhere(
    how: tuple[tuple[int, ...], Loss, Examples, Copying],
    P: Array,
    batch: Batch,
    slope: bool,
    answers: bool,
) -> TileWork:
    """Work that came from another process. What a thread needs for the next step is kept."""
    from chainrule.engine.compiled.ready import make_ready

    make_ready()
    kept: Tiles | None = getattr(here, "tiles", None)
    sizes, loss, examples, copies = how
    wanted = sizes, loss, copies
    if not kept or kept.examples is not examples or wanted != (kept.sizes, kept.loss, kept.copies):
        kept = here.tiles = Tiles(sizes, loss, examples, None, 1, copies)
    kept.P[:] = P
    return TileWork(kept, batch, slope, answers)


here = threading.local()


class Tiled:
    """A training by full batches, or large ones, in the form of lanes."""

    def __init__(self, plan: Plan, executor: Executor | None, threads: int | None) -> None:
        self.plan = plan
        copies = (plan.deform, plan.key) if plan.deform else None
        self.tiles = Tiles(plan.sizes, plan.loss, plan.examples, executor, threads, copies)
        self.state = State(self.tiles.layout, MEMORY_ROWS[plan.rule.optimizer])
        self.tiles.P = self.state.P
        self.slope = NOTHING  # of the batch ahead

    def look(self, step: int, *, answers: bool) -> Part:
        """What the batch of the step after so many steps gives."""
        plan, tiles = self.plan, self.tiles
        wanted = step < plan.length
        part = tiles.total(batch_of(plan, step), slope=wanted, answers=answers)
        self.slope = part.gradient
        loss = part.loss
        if plan.weight_decay:
            loss += add_decay(tiles.layout.form, f(plan.weight_decay), tiles.P, self.slope)
        return Part(loss, part.confusion, self.slope[tiles.layout.places] if wanted else NOTHING)

    def go(self, step: int, rates: Sequence[float], *, answers: bool) -> tuple[Part, list[float]]:
        """Take steps at these rates until E is not finite; what is ahead, and E after each."""
        rule, losses = self.plan.rule, list[float]()
        table = rates_of(rule, step, rates).reshape(-1, 3)
        for k, move in enumerate(table, 1):
            decay = f(rule.momentum_decay)
            move_all(
                KINDS[rule.optimizer],
                move[0],
                decay,
                *move[1:],
                self.state.P,
                self.state.M,
                self.slope,
            )
            ahead = self.look(step + k, answers=answers and k == len(rates))
            losses.append(ahead.loss)
            if not math.isfinite(ahead.loss):
                break
        return ahead, losses
