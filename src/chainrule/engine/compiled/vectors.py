"""A step with a whole gradient, and weight decay: one pass over all parameters, compiled."""

import numpy as np

from chainrule.engine.compiled.keeping import entry
from chainrule.engine.compiled.lanes import address, load, store, total
from chainrule.engine.compiled.layers import sixteen
from chainrule.engine.compiled.passes import Move, settle

f = np.float32


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
