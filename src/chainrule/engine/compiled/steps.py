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
    fma,
    has_wide_registers,
    hear,
    inner,
    load,
    say,
    store,
    total,
    zeros,
)
from chainrule.engine.compiled.passes import (
    ByPixel,
    Data,
    Move,
    backward_dense,
    forward_dense,
    forward_ink,
    last_layer,
    settle,
    slope_bias,
    slope_dense,
    slope_ink,
    weights,
)

f = np.float32
sixteen = zeros(16)
sixty_four = zeros(64)
WIDE = 64 if has_wide_registers() else 16
SPINS = 2000  # looks at a thread that is waited for, before this one gives way


class Task(NamedTuple):
    """What is to be done with some batches."""

    steps: int  # so many backward passes
    fresh: bool  # whether the first batch has not been through the forward pass yet
    look: bool  # whether a forward pass of the next batch follows each step
    sorted: bool  # whether the ink lies by pixels already
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
    counts: NDArray[np.int64]  # (threads · inputs,), the ink in each pixel
    E: NDArray[np.float64]  # what each 16 images of a batch add to E · m
    squares: NDArray[np.float64]  # of the weights of each 16 units
    groups: int  # how many of these there are
    read: NDArray[np.int64]  # the answers
    rates: NDArray[np.float32]  # (3 · steps,), rate and Adam's divisors
    losses: NDArray[np.float64]  # E of each batch
    words: NDArray[np.int64]  # between the threads


class Mine(NamedTuple):
    """What belongs to one thread."""

    part: int  # its number
    parts: int  # of so many
    own: NDArray[np.float32]
    place: NDArray[np.int64]  # (inputs,)


@inner
def cut(count, mine):
    """Which of so many things are this thread's: from, to."""
    return count * mine.part // mine.parts, count * (mine.part + 1) // mine.parts


@inner
def my_lanes(form, l, mine):
    first, last = cut(form.lanes[l] // 16, mine)
    return 16 * first, 16 * last


@inner
def wide_here(c, last):
    """Whether the 64 lanes from c on are one panel that ends before `last`."""
    return WIDE == 64 and c % 64 == 0 and c + 64 <= last


# ------------------------------------------------------------------------------ a layer in lanes


@inner
def layer_forward(form, l, first, last, i0, i1, dense, data, order, at, P, work):
    """A[l] in lanes first to last, of images i0 to i1."""
    c = first
    while c < last:
        wide = wide_here(c, last)
        if l == 1 and not dense:
            if wide:
                forward_ink(sixty_four(), form, c, i0, i1, data, order, at, P, work)
            else:
                forward_ink(sixteen(), form, c, i0, i1, data, order, at, P, work)
        elif wide:
            forward_dense(sixty_four(), form, l, c, i0, i1, P, work)
        else:
            forward_dense(sixteen(), form, l, c, i0, i1, P, work)
        c += 64 if wide else 16


@inner
def layer_backward(form, l, first, last, n, P, work, own):
    """D[l - 1] in lanes first to last, of all images."""
    c = first
    while c < last:
        if wide_here(c, last):
            backward_dense(sixty_four(), 64, form, l, c, n, P, work, own)
            c += 64
        else:
            backward_dense(sixteen(), 16, form, l, c, n, P, work, own)
            c += 16


@inner
def layer_slopes(form, l, c0, c1, j0, j1, n, dense, by, shades, move, P, M, half, work, own):
    """The slopes of layer l's weights in lanes c0 to c1 and rows j0 to j1."""
    c = c0
    while c < c1:
        wide = wide_here(c, c1)
        if l == 1 and not dense:
            if wide:
                slope_ink(sixty_four(), form, c, by, shades, move, P, M, half, work)
            else:
                slope_ink(sixteen(), form, c, by, shades, move, P, M, half, work)
        elif wide:
            slope_dense(sixty_four(), 64, form, l, c, j0, j1, n, move, P, M, half, work, own)
        else:
            slope_dense(sixteen(), 16, form, l, c, j0, j1, n, move, P, M, half, work, own)
        c += 64 if wide else 16


# ------------------------------------------------------------------------------ the ink by pixels


@inner
def count_ink(pixels, first, last, data, order, at, counts, mine):
    """How many of images first to last have ink in each pixel."""
    row = mine.part * pixels
    for p in range(pixels):
        counts[row + p] = 0
    for i in range(first, last):
        g = order[at + i]
        for k in range(data.start[g], data.start[g + 1]):
            counts[row + data.pixel[k]] += 1


@inner
def sort_ink(pixels, first, last, data, order, at, counts, by, mine):
    """Put the ink of images first to last where it belongs among that of all threads."""
    place = mine.place
    end = 0
    for p in range(pixels):
        if mine.part == 0:
            by.start[p] = end
        for other in range(mine.parts):
            if other == mine.part:
                place[p] = end
            end += counts[other * pixels + p]
    if mine.part == 0:
        by.start[pixels] = end
    for i in range(first, last):
        g = order[at + i]
        for k in range(data.start[g], data.start[g + 1]):
            to = place[data.pixel[k]]
            place[data.pixel[k]] = to + 1
            by.image[to] = i
            by.ink[to] = data.ink[k]


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
        count_ink(form.units[0], i0, i1, data, room.order, at, room.counts, mine)
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
    if task.training and not task.dense and not task.sorted:
        sort_ink(form.units[0], i0, i1, data, room.order, at, room.counts, by, mine)
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
def backward(task, form, room, data, by, mine, n, move, meeting):
    """The backward pass, and what becomes of the slopes. Gives the last meeting, or -1."""
    P, M, work = room.P, room.M, room.work
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
        if l > 2:
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
        meeting = backward(task, form, room, data, by, mine, n, move, meeting)
        if meeting < 0:
            return -1
        if not task.look:
            break
    return task.steps


@entry
def run(task, form, room, data, by, mine):
    """The part of one thread: `advance` with the addresses of all arrays."""
    return advance(
        task,
        Form(
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
        ),
        Room(
            address(room.P),
            address(room.M),
            address(room.work),
            address(room.order),
            address(room.cuts),
            address(room.counts),
            address(room.E),
            address(room.squares),
            room.groups,
            address(room.read),
            address(room.rates),
            address(room.losses),
            address(room.words),
        ),
        Data(
            address(data.start),
            address(data.pixel),
            address(data.ink),
            address(data.shades),
            address(data.X),
            address(data.labels),
        ),
        ByPixel(address(by.start), address(by.image), address(by.ink)),
        Mine(mine.part, mine.parts, address(mine.own), address(mine.place)),
    )


@entry
def sort_all(data, order, pixels, counts, place, by):
    """List the ink of the examples in this order, pixel by pixel."""
    addresses = Data(
        address(data.start),
        address(data.pixel),
        address(data.ink),
        address(data.shades),
        address(data.X),
        address(data.labels),
    )
    to = ByPixel(address(by.start), address(by.image), address(by.ink))
    mine = Mine(0, 1, address(data.shades), address(place))
    count_ink(pixels, 0, len(order), addresses, address(order), 0, address(counts), mine)
    sort_ink(pixels, 0, len(order), addresses, address(order), 0, address(counts), to, mine)


# ------------------------------------------------------------------------------- a whole vector


@entry
def move_all(kind, rate, decay, unbias_mean, unbias_square, P, M, G):
    """The step with a whole gradient G; all are padded, M holds two rows."""
    move = Move(kind, rate, decay, f(0), unbias_mean, unbias_square)
    for o in range(0, len(P), 16):
        s = load(sixteen(), address(G), o)
        settle(move, s, address(P), address(M), o, len(P), f(0))


@entry
def add_decay(form, weight_decay, P, G):
    """What weight decay adds to E and, unless it is empty, to the gradient G."""
    squares = 0.0
    for l in range(1, form.depth + 1):
        size = form.rows[l] * form.lanes[l]
        for o in range(form.W[l], form.W[l] + size, 16):
            w = load(sixteen(), address(P), o)
            squares += np.float64(total(w * w))
            if len(G) > 0:
                g = load(w, address(G), o)
                store(address(G), o, g + w * weight_decay)
    return np.float64(weight_decay) / 2 * squares
