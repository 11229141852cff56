"""What a network answers to columns of numbers, compiled: of many images their ink, of few all."""

import numpy as np

from chainrule.engine.compiled.keeping import entry
from chainrule.engine.compiled.lanes import address, fma, inner, load, store, total, turn
from chainrule.engine.compiled.layers import layer_forward, sixteen
from chainrule.engine.compiled.passes import exponentials
from chainrule.engine.compiled.steps import data_of, form_of

f = np.float32


@entry
def answer_many(form, P, X, first, last, m, data, order, work, own, out):
    """Probabilities of images first to last, out[c · m + i], where X holds m images row by row."""
    form = form_of(form)
    P, X, work, own, out = address(P), address(X), address(work), address(own), address(out)
    ink = data_of(data)
    list_ink(ink, X, first, last, form.units[0])
    n = last - first
    for l in range(1, form.depth + 1):
        layer_forward(form, l, 0, form.lanes[l], 0, n, False, ink, address(order), 0, P, work)
    L = form.depth
    for i in range(0, n, 16):
        for c in range(0, form.lanes[L], 16):
            a = form.A[L] + i * form.stride[L] + c
            turn(work, a, form.stride[L], own, c * 16, 16)
        softmax(form.units[L], own, 0)
        for c in range(form.units[L]):
            for r in range(min(16, n - i)):
                out[c * m + first + i + r] = own[c * 16 + r]


@inner
def list_ink(ink, X, first, last, inputs):
    """The numbers of images first to last that are not 0."""
    k = 0
    for i in range(first, last):
        ink.start[i - first] = k
        for j in range(inputs):
            x = X[i * inputs + j]
            ink.pixel[k] = j
            ink.ink[k] = x
            if x != f(0):
                k += 1
    ink.start[last - first] = k


@inner
def softmax(classes, own, z):
    """Softmax of Z at own[z] in its place: 16 images side by side, class by class."""
    zero = sixteen()
    sums, _ = exponentials(zero, zero - f(1), classes, own, z)
    for c in range(classes):
        store(own, z + c * 16, load(zero, own, z + c * 16) / sums)


@entry
def answer_one(sizes, parameters, x, own, where, out):
    """Probabilities of one image x, for which W is read as it lies: row by row.

    `own` has room for the activations of two layers and, 16 times, of the last.
    """
    widest = 0
    for size in sizes:
        widest = max(widest, size)
    P, own, where = address(parameters), address(own), address(where)
    a, w = 0, 0
    for j in range(len(x)):
        own[j] = x[j]
    depth = len(sizes) - 1
    for l in range(1, depth + 1):
        z = widest - a
        layer_of_one(P, w, sizes[l - 1], sizes[l], own, a, z, where, l < depth)
        w += sizes[l] * (sizes[l - 1] + 1)
        a = z
    classes, turned = sizes[depth], 2 * widest
    for c in range(classes):
        own[turned + 16 * c] = own[a + c]
    softmax(classes, own, turned)
    for c in range(classes):
        out[c] = own[turned + 16 * c]


@inner
def layer_of_one(P, w, inputs, units, own, a, z, where, hidden):
    """The activations of one layer at own[z] from those below at own[a]."""
    zero = sixteen()
    parts = 0  # of 16 inputs, that are not all 0
    for j in range(0, inputs - 15, 16):
        for k in range(j, j + 16):
            if own[a + k] != f(0):
                where[parts] = j
                parts += 1
                break
    for u in range(units):
        row = w + u * inputs
        s0 = zero
        s1 = zero
        for k in range(0, parts - 1, 2):
            s0 = fma(load(zero, P, row + where[k]), load(zero, own, a + where[k]), s0)
            j = where[k + 1]
            s1 = fma(load(zero, P, row + j), load(zero, own, a + j), s1)
        if parts % 2 == 1:
            j = where[parts - 1]
            s0 = fma(load(zero, P, row + j), load(zero, own, a + j), s0)
        s = total(s0 + s1)
        for j in range(inputs // 16 * 16, inputs):
            s = s + P[row + j] * own[a + j]
        s = s + P[w + units * inputs + u]
        own[z + u] = f(0) if hidden and s < f(0) else s
