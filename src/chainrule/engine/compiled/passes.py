"""The forward and the backward pass over a batch, phase by phase, compiled.

Each function computes a part of one array: some lanes, rows or images. Whoever computes a part,
each of its numbers comes from the same sum in the same order, so the work may be cut in any way.
Two sums carry everything: over the ink of an image or of a pixel (`ink_sum`), and the product of
matrices (`product`), which serves forward and backward pass and the slopes of dense layers.

`zero` says, by its type, how many lanes are meant; `c` is the first of them. Image i of a batch is
example order[at + i] of the data.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.compiled.functions import exp, log
from chainrule.engine.compiled.lanes import (
    fma,
    if_equal,
    if_less,
    inner,
    load,
    root,
    spread,
    store,
    total,
    turn,
)

f = np.float32
SQUARED_ERROR, CROSS_ENTROPY = 0, 1
KEEP, DESCENT, MOMENTUM, ADAM = 0, 1, 2, 3  # what becomes of a slope: it is kept, or a step


class Data(NamedTuple):
    """Examples: the ink of images, or all numbers X, and the labels. What is not used is empty."""

    start: NDArray[np.int64]  # (m + 1,), where the ink of each image begins
    pixel: NDArray[np.uint16]  # which pixel
    ink: NDArray[np.uint8]  # and how dark
    shades: NDArray[np.float32]  # (256,), the number for each byte
    X: NDArray[np.float32]  # (m · inputs,), example by example
    labels: NDArray[np.int64]  # (m,)


class ByPixel(NamedTuple):
    """The ink of a batch, pixel by pixel."""

    start: NDArray[np.int64]  # (inputs + 1,), where the ink in each pixel begins
    image: NDArray[np.uint16]  # in which image of the batch
    ink: NDArray[np.uint8]


class Move(NamedTuple):
    """What becomes of a slope."""

    kind: int
    rate: np.float32
    decay: np.float32  # of momentum
    weight_decay: np.float32
    unbias_mean: np.float32  # Adam's divisors of this step
    unbias_square: np.float32


# ----------------------------------------------------------------------------------- the two sums


@inner
def ink_sum(zero, where, ink, k, end, shades, B, b, stride):
    """Σ shade · row of B over places k to end, in four sums that are added at the end."""
    s0 = zero
    s1 = zero
    s2 = zero
    s3 = zero
    while k + 4 <= end:
        s0 = fma(shades[ink[k]], load(zero, B, b + where[k] * stride), s0)
        s1 = fma(shades[ink[k + 1]], load(zero, B, b + where[k + 1] * stride), s1)
        s2 = fma(shades[ink[k + 2]], load(zero, B, b + where[k + 2] * stride), s2)
        s3 = fma(shades[ink[k + 3]], load(zero, B, b + where[k + 3] * stride), s3)
        k += 4
    if k < end:
        s0 = fma(shades[ink[k]], load(zero, B, b + where[k] * stride), s0)
    if k + 1 < end:
        s1 = fma(shades[ink[k + 1]], load(zero, B, b + where[k + 1] * stride), s1)
    if k + 2 < end:
        s2 = fma(shades[ink[k + 2]], load(zero, B, b + where[k + 2] * stride), s2)
    return (s0 + s1) + (s2 + s3)


@inner
def product(zero, A, a, row, column, count, B, b, stride):
    """Σ A[a + r · row + k · column] · (row k of B) over k, for r = 0, 1, 2, 3."""
    s0 = zero
    s1 = zero
    s2 = zero
    s3 = zero
    for _ in range(count):
        line = load(zero, B, b)
        s0 = fma(A[a], line, s0)
        s1 = fma(A[a + row], line, s1)
        s2 = fma(A[a + 2 * row], line, s2)
        s3 = fma(A[a + 3 * row], line, s3)
        a += column
        b += stride
    return s0, s1, s2, s3


@inner
def product_of_one(zero, A, a, column, count, B, b, stride):
    """The same for r = 0 alone."""
    s = zero
    for _ in range(count):
        s = fma(A[a], load(zero, B, b), s)
        a += column
        b += stride
    return s


# ---------------------------------------------------------------------------------------- forward


@inner
def weights(form, l, c):
    """Where the weights of layer l for lane c on begin, and how far apart their rows are."""
    first = c // 64 * 64
    width = min(64, form.lanes[l] - first)
    return form.W[l] + form.rows[l] * first + c - first, width


@inner
def activation(form, l, z):
    """ReLU in hidden layers: 0 where z < 0, else z, so that NaN stays. In the last layer z."""
    if l < form.depth:
        z = if_less(z, spread(z, f(0)), spread(z, f(0)), z)
    return z


@inner
def forward_ink(zero, form, c, first, last, data, order, at, P, work):
    """A[1] of images first to last in some lanes, from their ink."""
    w, width = weights(form, 1, c)
    bias = load(zero, P, form.b[1] + c)
    a = form.A[1] + c
    for i in range(first, last):
        g = order[at + i]
        k, end = data.start[g], data.start[g + 1]
        z = ink_sum(zero, data.pixel, data.ink, k, end, data.shades, P, w, width) + bias
        store(work, a + i * form.stride[1], activation(form, 1, z))


@inner
def forward_dense(zero, form, l, c, first, last, P, work):
    """A[l] of images first to last in some lanes, from A[l - 1]; `first` is a multiple of 4."""
    w, width = weights(form, l, c)
    bias = load(zero, P, form.b[l] + c)
    below, row, count = form.A[l - 1], form.stride[l - 1], form.inputs[l]
    stride = form.stride[l]
    a = form.A[l] + c
    i = first
    while i + 4 <= last:
        s0, s1, s2, s3 = product(zero, work, below + i * row, row, 1, count, P, w, width)
        store(work, a + i * stride, activation(form, l, s0 + bias))
        store(work, a + (i + 1) * stride, activation(form, l, s1 + bias))
        store(work, a + (i + 2) * stride, activation(form, l, s2 + bias))
        store(work, a + (i + 3) * stride, activation(form, l, s3 + bias))
        i += 4
    while i < last:
        s = product_of_one(zero, work, below + i * row, 1, count, P, w, width)
        store(work, a + i * stride, activation(form, l, s + bias))
        i += 1


# ------------------------------------------------------------------------------ loss and last layer


@inner
def last_layer(zero, form, loss, i, n, m, data, order, at, work, own, read):
    """Of the 16 images from i on: what they add to E · m, their answers, and D of the last layer.

    Here a lane is an image. `n` is the number of images in the batch, `m` that in E; `own` is
    memory of this thread alone.
    """
    L = form.depth
    classes, lanes = form.units[L], form.lanes[L]
    a, d, stride = form.A[L] + i * form.stride[L], form.D[L] + i * form.stride[L], form.stride[L]
    for c in range(0, lanes, 16):
        turn(work, a + c, stride, own, c * 16, 16)
    place = lanes * 16  # of one more row
    for r in range(16):
        own[place + r] = f(data.labels[order[at + i + r]]) if i + r < n else f(-1)
    label = load(zero, own, place)
    top = load(zero, own, 0)
    for c in range(1, classes):
        z = load(zero, own, c * 16)
        top = if_less(top, z, z, top)
    sums, true = zero, zero
    for c in range(classes):
        s = load(zero, own, c * 16) - top
        true = if_equal(label, spread(zero, f(c)), s, true)
        e = exp(s)
        store(own, c * 16, e)
        sums = sums + e
    one, count = spread(zero, f(1)), spread(zero, f(m))
    best, answer, E, dot = zero, zero, zero, zero
    for c in range(classes):
        p = load(zero, own, c * 16) / sums
        store(own, c * 16, p)
        answer = if_less(best, p, spread(zero, f(c)), answer)
        best = if_less(best, p, p, best)
        g = p - if_equal(label, spread(zero, f(c)), one, zero)
        E = fma(g, g, E)
        dot = fma(p, g / count, dot)
    for c in range(classes):
        p = load(zero, own, c * 16)
        g = (p - if_equal(label, spread(zero, f(c)), one, zero)) / count
        if loss == SQUARED_ERROR:
            g = p * (g - dot)
        store(own, c * 16, g)
    for c in range(classes, lanes):
        store(own, c * 16, zero)
    for c in range(0, lanes, 16):
        turn(own, c * 16, 16, work, d + c, stride)
    E = E * f(0.5) if loss == SQUARED_ERROR else log(sums) - true
    store(own, place, answer)
    for r in range(min(16, n - i)):
        read[i + r] = np.int64(own[place + r])
    return np.float64(total(if_less(label, zero, zero, E)))


# ----------------------------------------------------------------------------------------- backward


@inner
def backward_dense(zero, width, form, l, c, n, P, work, own):
    """D[l - 1] of all n images in some lanes, so many as `width` says, from D[l]."""
    for j in range(c, c + width, 16):  # the weights of these lanes, turned
        for first in range(0, form.lanes[l], 16):
            w, row = weights(form, l, first)
            turn(P, w + j * row, row, own, first * width + j - c, width)
    below, above = form.stride[l - 1], form.stride[l]
    a, d, source = form.A[l - 1] + c, form.D[l - 1] + c, form.D[l]
    count = form.units[l]
    i = 0
    while i + 4 <= n:
        s0, s1, s2, s3 = product(zero, work, source + i * above, above, 1, count, own, 0, width)
        store(work, d + i * below, open_gate(load(zero, work, a + i * below), s0))
        store(work, d + (i + 1) * below, open_gate(load(zero, work, a + (i + 1) * below), s1))
        store(work, d + (i + 2) * below, open_gate(load(zero, work, a + (i + 2) * below), s2))
        store(work, d + (i + 3) * below, open_gate(load(zero, work, a + (i + 3) * below), s3))
        i += 4
    while i < n:
        s = product_of_one(zero, work, source + i * above, 1, count, own, 0, width)
        store(work, d + i * below, open_gate(load(zero, work, a + i * below), s))
        i += 1


@inner
def open_gate(a, d):
    """d where a > 0, else 0."""
    zero = spread(a, f(0))
    return if_less(zero, a, d, zero)


@inner
def slope_ink(zero, form, c, by, shades, move, P, M, half, work):
    """The slopes of the first layer's weights in some lanes, pixel by pixel."""
    w, width = weights(form, 1, c)
    d, stride = form.D[1] + c, form.stride[1]
    for p in range(form.inputs[1]):
        s = ink_sum(zero, by.image, by.ink, by.start[p], by.start[p + 1], shades, work, d, stride)
        settle(move, s, P, M, w + p * width, half, move.weight_decay)


@inner
def slope_dense(zero, wide, form, l, c, first, last, n, move, P, M, half, work, own):
    """The slopes of layer l's weights in some lanes, so many as `wide` says, rows first to last."""
    w, width = weights(form, l, c)
    d, stride = form.D[l] + c, form.stride[l]
    a, row = form.A[l - 1], form.stride[l - 1]
    j = first
    while j < last:
        count = min(4, last - j)
        if count == 4:
            s0, s1, s2, s3 = product(zero, work, a + j, 1, row, n, work, d, stride)
            store(own, 0, s0)
            store(own, wide, s1)
            store(own, 2 * wide, s2)
            store(own, 3 * wide, s3)
        else:
            for r in range(count):
                s = product_of_one(zero, work, a + j + r, row, n, work, d, stride)
                store(own, r * wide, s)
        for r in range(count):
            s = load(zero, own, r * wide)
            settle(move, s, P, M, w + (j + r) * width, half, move.weight_decay)
        j += 4


@inner
def slope_bias(zero, form, l, c, n, move, P, M, half, work):
    """The slopes of layer l's biases in some lanes: the sum of D over the images."""
    d, stride = form.D[l] + c, form.stride[l]
    s = zero
    for i in range(n):
        s = s + load(zero, work, d + i * stride)
    settle(move, s, P, M, form.b[l] + c, half, f(0))


@inner
def settle(move, s, P, M, o, half, weight_decay):
    """Keep a slope in M, or take the step with it: the rules of descent.py, number by number.

    `o` is the place in P and in M; `half` is how far the second row of the memory lies behind.
    """
    if move.kind == KEEP:
        store(M, o, s)
        return
    p = load(s, P, o)
    if weight_decay != f(0):
        s = s + p * weight_decay
    if move.kind == DESCENT:
        store(P, o, p - s * move.rate)
    elif move.kind == MOMENTUM:
        v = load(s, M, o) * move.decay + s
        store(M, o, v)
        store(P, o, v * -move.rate + p)
    else:
        mean = load(s, M, o) * f(0.9) + s * f(1 - 0.9)
        square = load(s, M, o + half) * f(0.999) + (s * s) * f(1 - 0.999)
        store(M, o, mean)
        store(M, o + half, square)
        step = (mean / move.unbias_mean) * move.rate
        store(P, o, p - step / (root(square / move.unbias_square) + f(1e-8)))
