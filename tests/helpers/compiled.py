"""Networks, examples and plans for the tests of the compiled engine."""

import math
from dataclasses import replace

import numpy as np

from chainrule import Digits, Table, gradient, initialise
from chainrule.data import as_columns
from chainrule.descent import MEMORY_ROWS, Rule
from chainrule.engine.compiled.engine import CompiledEngine
from chainrule.engine.interface import Plan
from chainrule.engine.with_numpy import NumpyEngine
from chainrule.network import backward, error, forward

KINDS_OF_BATCH = ("some ink", "one empty", "all blank", "all ink", "one image")


def a_network(rng, sizes, loss="squared_error", weight_decay=0.0):
    """A network in float32 with biases that are not zero."""
    network = initialise(sizes, loss=loss, weight_decay=weight_decay, rng=rng)
    network.parameters[:] += (0.1 * rng.standard_normal(network.parameters.size)).astype("f")
    return network


def some_digits(rng, m, share=0.2):
    """Digits with ink in this share of their pixels, in places that are drawn."""
    ink = rng.integers(1, 256, (m, 784), np.uint8) * (rng.random((m, 784)) < share)
    return Digits(ink.astype(np.uint8), rng.integers(10, size=m).astype(np.uint8))


def some_table(rng, inputs, m, classes):
    """A table of numbers of both signs, with zeros among them."""
    X = rng.standard_normal((inputs, m)).astype(np.float32) * (rng.random((inputs, m)) < 0.8)
    return Table(X.astype(np.float32), rng.integers(classes, size=m), classes)


def a_batch(rng, kind):
    """Digits of a kind that a loop over ink may get wrong."""
    digits = some_digits(rng, 1 if kind == "one image" else 37, float(kind == "all ink") or 0.2)
    if kind in ("all blank", "one empty"):
        digits.images[: 1 if kind == "one empty" else None] = 0
    return digits


def a_plan(
    network, examples, *, optimizer="descent", batch_size=None, length=1000, key=7, deform=None
):
    rule = optimizer if isinstance(optimizer, Rule) else Rule(optimizer)
    decay = network.weight_decay
    return Plan(
        network.sizes, network.loss, decay, examples, rule, batch_size, key, length, deform
    )  # fmt: skip


def no_memory(plan, network):
    rows = MEMORY_ROWS[plan.rule.optimizer]
    return np.zeros((rows, network.parameters.size), np.float32)


def begun(engine, plan, network, *, step=0, answers=True):
    """The position of the engine with this network, and nothing remembered."""
    memory = no_memory(plan, network)
    return engine.begin(plan, network.parameters, memory, step, answers=answers)


def alone():
    """The compiled engine with one thread."""
    return CompiledEngine(None, 1)


def numpy_alone():
    return NumpyEngine(None, 1)


def exact(network):
    """The same network in float64."""
    return replace(network, parameters=network.parameters.astype(np.float64))


def columns_of(examples, rows=slice(None)):
    """X and one-hot Y of some examples, in float64."""
    digits = isinstance(examples, Digits)
    X = as_columns(examples.images[rows]) if digits else examples.columns(rows)
    Y = np.arange(examples.classes)[:, None] == examples.labels[rows]
    return X.astype(np.float64), Y.astype(np.float64)


def exact_gradient(network, examples, rows=slice(None)):
    """∂E/∂parameters of some examples by network.py in float64."""
    return gradient(exact(network), *columns_of(examples, rows))


def exact_loss(network, examples, rows=slice(None)):
    X, Y = columns_of(examples, rows)
    return float(error(exact(network), forward(exact(network), X), Y))


def gradient_by_step(engine, plan, network, rate=1024.0):
    """The gradient of the first batch, as one step of descent tells it: (p0 - p1) / rate.

    The rate is a power of 2, so that only the subtraction is rounded: off by u |p1| / rate.
    """
    at = begun(engine, plan, network)
    moved, _ = engine.advance(plan, at, [rate], answers=False)
    return (network.parameters.astype(np.float64) - moved.parameters) / rate


def calm(network, examples):
    """The network with a last layer so small that it is certain of no class of the examples.

    Where it is, p - y loses digits in float32, in any order of any sum.
    """
    X, _ = columns_of(examples)
    Z = forward(exact(network), X).Z[network.depth]
    W, b = network.layers[-1]
    for part in (W, b):
        part *= np.float32(3 / max(3.0, np.abs(Z).max()))
    return network


def is_clear(network, examples):
    """Whether rounding switches no ReLU and no answer: nothing is nearly 0, or nearly equal."""
    trace = forward(exact(network), columns_of(examples)[0])
    hidden = [np.abs(trace.Z[l]) for l in range(1, network.depth)]
    best = np.sort(trace.A[network.depth], axis=0)
    return all((1e-5 * Z.max() < Z).all() for Z in hidden) and (best[-1] - best[-2] > 1e-5).all()


def bound(network, m):
    """How large a share of an array of the gradient float32 may lose: 8 u √terms, u = 2⁻²⁴.

    A number goes through a sum of so many terms on its way: inputs, units, images, and back. Each
    is rounded by a share u at most; rounding up and down is as if by chance, so n of them come to
    about √n. Source: Higham and Mary 2019, "A new approach to probabilistic rounding error
    analysis". `calm` and `is_clear` say of which networks this holds.
    """
    return 8 * 2**-24 * math.sqrt(2 * sum(network.sizes) + m)


def sizes_of(network, examples, rows=slice(None)):
    """The gradient if nothing in its sums over the examples cancelled: Σ |dZ| |A|."""
    X, Y = columns_of(examples, rows)
    trace = forward(exact(network), X)
    dZ = backward(exact(network), trace, Y).dZ
    parts = []
    for l in range(1, network.depth + 1):
        d = np.abs(dZ[l])
        parts += [(d @ np.abs(trace.A[l - 1]).T).ravel(), d.sum(axis=1)]
    return np.concatenate(parts) + network.weight_decay * np.abs(exact(network).parameters)


def far_off(network, found, wanted, limit, sizes=None, rounding=0.0):
    """The arrays in which the gradient found is off by more than this share of its size.

    `sizes` are those of its numbers, if they are not the numbers themselves; `rounding` is what
    each may be off beside, (n,) or one for all.
    """
    added = arrays_of(network, np.broadcast_to(np.asarray(rounding, float), wanted.shape))
    whole = arrays_of(network, wanted if sizes is None else sizes)
    apart = arrays_of(network, found - wanted)
    norm = np.linalg.norm
    return {
        name: norm(apart[name]) / norm(whole[name])
        for name in whole
        if not norm(apart[name]) <= limit * norm(whole[name]) + norm(added[name])
    }


def arrays_of(network, vector):
    """The parts W1, b1, W2, … of a vector in the order of the parameters."""
    whole = replace(network, parameters=vector)
    return {
        f"{letter}{l}": array
        for l, layer in enumerate(whole.layers, 1)
        for letter, array in zip("Wb", layer, strict=True)
    }
