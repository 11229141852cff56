"""Tiles one after the other, and what they give added in a tree, compiled: one call for many."""

import numpy as np

from chainrule.engine.compiled.keeping import entry
from chainrule.engine.compiled.lanes import address, beyond, inner, load, store
from chainrule.engine.compiled.layers import Mine, sixteen
from chainrule.engine.compiled.passes import KEEP, ByPixel, Move
from chainrule.engine.compiled.steps import (
    backward,
    data_of,
    error,
    form_of,
    forward,
    room_of,
    sort_ink,
)

f = np.float32


@entry
def run_tiles(task, form, room, data, by, mine, tile, first, last, sums, confusion):
    """The part of tiles first to last, of so many images each but for the last of all.

    Their images come first in the order. `room.losses` and `sums` have room for the parts that wait
    to be added; the first of them becomes the result: E, and the gradient unless there is none.
    The answers are added to the confusion (classes · classes,), unless it is empty.
    """
    form, room, data = form_of(form), room_of(room), data_of(data)
    by = ByPixel(address(by.start), address(by.image), address(by.ink))
    mine = Mine(mine.part, mine.parts, address(mine.own), address(mine.place))
    size = task.half
    slopes, counts, pixels = address(sums), address(confusion), form.units[0]
    move = Move(KEEP, f(0), f(0), f(0), f(1), f(1))
    waiting = 0
    for t in range(first, last):
        at = (t - first) * tile
        n = min(tile, task.m - t * tile)
        here = by
        if task.sorted:
            k = data.start[t * tile]
            rows = beyond(by.start, t * (pixels + 1))
            here = ByPixel(rows, beyond(by.image, k), beyond(by.ink, k))
        forward(task, form, room, data, here, mine, at, n, 0)
        room.losses[waiting] = error(task, room, n)
        if task.training:
            own = beyond(slopes, waiting * size)
            backward(task, form, room, own, data, here, mine, n, move, 0)
        if len(confusion) > 0:
            count(form.units[form.depth], n, data.labels, room.order, at, room.read, counts)
        waiting += 1
        leaves = t - first + 1
        while leaves % 2 == 0:
            waiting -= 1
            join(room.losses, slopes, waiting, size, task.training)
            leaves //= 2
    while waiting > 1:
        waiting -= 1
        join(room.losses, slopes, waiting, size, task.training)


@inner
def join(losses, slopes, last, size, training):
    """Add the last part that waits to the one before it."""
    losses[last - 1] += losses[last]
    if training:
        a, b = beyond(slopes, (last - 1) * size), beyond(slopes, last * size)
        for o in range(0, size, 16):
            store(a, o, load(sixteen(), a, o) + load(sixteen(), b, o))


@inner
def count(classes, n, labels, order, at, read, counts):
    """Count how often each class (rows) was read as each (columns)."""
    for i in range(n):
        counts[labels[order[at + i]] * classes + read[i]] += 1


@entry
def sort_tiles(data, order, tile, pixels, place, by):
    """List the ink of each tile of so many images pixel by pixel, one tile after the other."""
    data, m = data_of(data), len(order)
    start, image, ink = address(by.start), address(by.image), address(by.ink)
    for t in range((m + tile - 1) // tile):
        k = data.start[t * tile]
        to = ByPixel(beyond(start, t * (pixels + 1)), beyond(image, k), beyond(ink, k))
        n = min(tile, m - t * tile)
        sort_ink(pixels, n, data, address(order), t * tile, to, address(place))
