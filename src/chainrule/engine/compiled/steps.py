"""Many steps in one compiled loop, which some threads go through together.

Of every hidden layer each thread owns some units: it computes their activations and derivatives
for all images, and takes their steps. Of the last layer it computes some images. Between the
phases the threads wait for each other. No number depends on who owns what.
"""

import sys
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from chainrule.engine.compiled.form import Form
from chainrule.engine.compiled.keeping import entry
from chainrule.engine.compiled.lanes import (
    address,
    fetch,
    fma,
    hear,
    inner,
    load,
    say,
    total,
)
from chainrule.engine.compiled.layers import (
    Mine,
    cut,
    layer_backward,
    layer_forward,
    layer_slopes,
    my_lanes,
    sixteen,
)
from chainrule.engine.compiled.passes import (
    ByPixel,
    Data,
    Move,
    last_layer,
    slope_bias,
    weights,
)

f = np.float32
SPINS = 2000  # looks at a thread that is waited for, before this one gives way


class Task(NamedTuple):
    """What is to be done with some batches."""

    steps: int  # so many backward passes
    fresh: bool  # whether the first batch has not been through the forward pass yet
    look: bool  # whether a forward pass of the next batch follows each step
    sorted: bool  # whether the ink of all tiles lies by pixels already
    training: bool  # whether slopes are wanted of every batch, now or in the next call
    dense: bool  # whether all numbers of the inputs are used instead of ink
    m: int  # the examples of E; 0: those of the batch
    loss: int
    kind: int  # what becomes of a slope
    decay: np.float32
    weight_decay: np.float32
    half: int  # numbers between the two rows of the optimizer's memory


class Room(NamedTuple):
    """What the threads work on; in compiled code each array is the address where it begins."""

    P: NDArray[np.float32]  # the parameters
    M: NDArray[np.float32]  # the optimizer's memory, or the gradient
    work: NDArray[np.float32]
    order: NDArray[np.int64]  # of the examples
    cuts: NDArray[np.int64]  # where in it each batch begins, and the last one ends
    E: NDArray[np.float64]  # what each 16 images of a batch add to E · m
    squares: NDArray[np.float64]  # of the weights of each 16 units
    groups: int  # how many of these there are
    read: NDArray[np.int64]  # the answers
    rates: NDArray[np.float32]  # (3 · steps,), rate and Adam's divisors
    losses: NDArray[np.float64]  # E of each batch
    words: NDArray[np.int64]  # between the threads


# ------------------------------------------------------------------------------ the ink by pixels


@inner
def sort_ink(pixels, n, data, order, at, by, place):
    """List the ink of n images pixel by pixel; `place` (pixels,) is for work."""
    for p in range(pixels):
        place[p] = 0
    for i in range(n):
        g = order[at + i]
        fetch_ahead(data, order, at, i, n)
        for k in range(data.start[g], data.start[g + 1]):
            place[data.pixel[k]] += 1
    end = 0
    for p in range(pixels):
        by.start[p] = end
        end += place[p]
        place[p] = by.start[p]
    by.start[pixels] = end
    for i in range(n):
        g = order[at + i]
        for k in range(data.start[g], data.start[g + 1]):
            to = place[data.pixel[k]]
            place[data.pixel[k]] = to + 1
            by.image[to] = i
            by.ink[to] = data.ink[k]


@inner
def fetch_ahead(data, order, at, i, n):
    """Have the next images brought into the cache: they lie anywhere in memory."""
    if i + 8 < n:
        fetch(data.start, order[at + i + 8])
    if i + 4 < n:
        g = order[at + i + 4]
        for k in range(data.start[g], data.start[g + 1], 32):
            fetch(data.pixel, k)
            fetch(data.ink, k)


# ---------------------------------------------------------------------------------------- threads


if sys.platform == "win32":  # which has no sched_yield: a thread waits without giving way

    @inner
    def give_way():
        pass

else:
    sched_yield = types.ExternalFunction("sched_yield", types.int32())

    @inner
    def give_way():
        """Let another thread have this core: there may be fewer cores than threads."""
        sched_yield()


@inner
def meet(words, mine, meeting):
    """Wait until every thread has come to this meeting; False if one has given up."""
    if mine.parts == 1:
        return True
    say(words, 8 * mine.part, meeting)
    for other in range(mine.parts):
        looks = 0
        while hear(words, 8 * other) < meeting:
            if hear(words, 8 * mine.parts) != 0:
                return False
            looks += 1
            if looks > SPINS:
                give_way()
    return True


# ---------------------------------------------------------------------------------- a whole pass


@inner
def forward(task, form, room, data, by, mine, at, n, meeting):
    """The forward pass over a batch, and E of its images. Gives the last meeting, or -1."""
    L = form.depth
    first, last = cut((n + 15) // 16, mine)
    i0, i1 = min(16 * first, n), min(16 * last, n)
    if task.dense:
        take_inputs(form, data.X, room.order, at, i0, i1, room.work)
        meeting += 1
        if not meet(room.words, mine, meeting):
            return -1
    elif task.training and not task.sorted:
        sort_ink(form.units[0], n, data, room.order, at, by, mine.place)
    for l in range(1, L + 1):
        c0, c1 = my_lanes(form, l, mine)
        a0, a1 = 0, n
        if l == L:
            c0, c1, a0, a1 = 0, form.lanes[L], i0, i1
        layer_forward(form, l, c0, c1, a0, a1, task.dense, data, room.order, at, room.P, room.work)
        if l < L:
            meeting += 1
            if not meet(room.words, mine, meeting):
                return -1
    m = n if task.m == 0 else task.m
    for g in range(first, last):
        room.E[g] = last_layer(
            sixteen(), form, task.loss, 16 * g, n, m, data, room.order, at, room.work, mine.own,
            room.read,
        )  # fmt: skip
    if task.weight_decay != f(0):
        sum_squares(form, room.P, room.squares, mine)
    meeting += 1
    return meeting if meet(room.words, mine, meeting) else -1


@inner
def take_inputs(form, X, order, at, first, last, work):
    """A[0] of images first to last."""
    inputs = form.units[0]
    for i in range(first, last):
        x = order[at + i] * inputs
        a = form.A[0] + i * form.stride[0]
        for j in range(inputs):
            work[a + j] = X[x + j]


@inner
def sum_squares(form, P, squares, mine):
    """Σ W² of this thread's units, 16 at a time, for weight decay."""
    g = 0
    for l in range(1, form.depth + 1):
        first, last = my_lanes(form, l, mine)
        for c in range(first, last, 16):
            w, width = weights(form, l, c)
            s = sixteen()
            for j in range(form.inputs[l]):
                row = load(s, P, w + j * width)
                s = fma(row, row, s)
            squares[g + c // 16] = np.float64(total(s))
        g += form.lanes[l] // 16


@inner
def error(task, room, n):
    """E of the batch: the same sum in every thread."""
    E = 0.0
    for g in range((n + 15) // 16):
        E += room.E[g]
    E /= n if task.m == 0 else task.m
    if task.weight_decay != f(0):
        squares = 0.0
        for g in range(room.groups):
            squares += room.squares[g]
        E += np.float64(task.weight_decay) / 2 * squares
    return E


@inner
def backward(task, form, room, M, data, by, mine, n, move, meeting):
    """The backward pass, and what becomes of the slopes. Gives the last meeting, or -1."""
    P, work = room.P, room.work
    for l in range(form.depth, 0, -1):
        first, last = my_lanes(form, l, mine)
        for c in range(first, last, 16):
            slope_bias(sixteen(), form, l, c, n, move, P, M, task.half, work)
        c0, c1, j0, j1 = first, last, 0, form.units[0]
        dense = task.dense
        if l > 1:
            j0, j1 = my_lanes(form, l - 1, mine)
            layer_backward(form, l, j0, j1, n, P, work, mine.own)
            c0, c1, j1 = 0, form.lanes[l], min(j1, form.units[l - 1])
            dense = True
        layer_slopes(
            form,
            l,
            c0,
            c1,
            j0,
            j1,
            n,
            dense,
            by,
            data.shades,
            move,
            P,
            M,
            task.half,
            work,
            mine.own,
        )
        # Others need D[l - 1] whole. And inputs and lists must stay until all slopes are done; the
        # next forward pass sees to that only if it meets in a hidden layer before writing them.
        if l > 2 or (l == 1 and (task.dense or form.depth == 1)):
            meeting += 1
            if not meet(room.words, mine, meeting):
                return -1
    return meeting


@inner
def advance(task, form, room, data, by, mine):
    """All that the task says; the number of steps taken, -1 if a thread has given up."""
    meeting = 0
    for step in range(task.steps + 1):
        at = room.cuts[step]
        n = room.cuts[step + 1] - at
        if step > 0 or task.fresh:
            meeting = forward(task, form, room, data, by, mine, at, n, meeting)
            if meeting < 0:
                return -1
            E = error(task, room, n)
            if mine.part == 0:
                room.losses[step] = E
            if not np.isfinite(E):
                return step
        if step == task.steps:
            break
        r = 3 * step
        move = Move(
            task.kind,
            room.rates[r],
            task.decay,
            task.weight_decay,
            room.rates[r + 1],
            room.rates[r + 2],
        )
        meeting = backward(task, form, room, room.M, data, by, mine, n, move, meeting)
        if meeting < 0:
            return -1
        if not task.look:
            break
    return task.steps


@inner
def form_of(form):
    """The form with the addresses of its arrays."""
    return Form(
        form.depth,
        address(form.inputs),
        address(form.units),
        address(form.rows),
        address(form.lanes),
        address(form.W),
        address(form.b),
        address(form.A),
        address(form.D),
        address(form.stride),
    )


@inner
def data_of(data):
    """Data with the addresses of its arrays."""
    return Data(
        address(data.start),
        address(data.pixel),
        address(data.ink),
        address(data.shades),
        address(data.X),
        address(data.labels),
    )


@inner
def room_of(room):
    """The room with the addresses of its arrays."""
    return Room(
        address(room.P),
        address(room.M),
        address(room.work),
        address(room.order),
        address(room.cuts),
        address(room.E),
        address(room.squares),
        room.groups,
        address(room.read),
        address(room.rates),
        address(room.losses),
        address(room.words),
    )


@entry
def run(task, form, room, data, by, mine):
    """The part of one thread: `advance` with the addresses of all arrays."""
    return advance(
        task,
        form_of(form),
        room_of(room),
        data_of(data),
        ByPixel(address(by.start), address(by.image), address(by.ink)),
        Mine(mine.part, mine.parts, address(mine.own), address(mine.place)),
    )
