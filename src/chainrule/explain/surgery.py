"""A network operated on: units switched off, parameters set; and what each unit is worth.

A unit is switched off by its own weights and bias: W[l][i,:] = 0 and b[l][i] = -1. Then Z[l][i] is
-1 for every image, A[l][i] is exactly 0, and so is every derivative that passes through it. What
comes out is a network like any other: its ledger, its proofs and whatever else is told of it need
not know that it was operated on. If its outgoing weights were 0 instead, its A would still show
what it finds, and dW[l+1] that it should be heard again. With a bias of 0, Z would lie on the
corner of ReLU, where E has no slope that could be measured.
"""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.explain.differences import quiet
from chainrule.explain.ledger import CellError, named
from chainrule.network import (
    Array,
    Network,
    count_parameters,
    forward,
    relu,
    softmax,
)

NUMBER = "(0|[1-9][0-9]{0,8})"
UNIT = re.compile(rf"A([1-9][0-9]{{0,2}})\[{NUMBER}\]", re.ASCII)
PARAMETER = re.compile(rf"([Wb])([1-9][0-9]{{0,2}})\[{NUMBER}(?:,{NUMBER})?\]", re.ASCII)
OFF = -1.0  # b, and so Z, of a unit that is switched off
BLOCK = 1000  # images that are looked at together


class Changes(NamedTuple):
    """What is done to a network: parameters are set first, then units are switched off."""

    values: tuple[tuple[str, float], ...] = ()  # W2[3,7] or b1[4], and its value
    off: tuple[str, ...] = ()  # hidden units: A1[7]


AS_IT_IS = Changes()


def operate(network: Network, changes: Changes) -> Network:
    """The network after these changes; CellError if it has no such unit or parameter."""
    changed = replace(network, parameters=network.parameters.copy())
    layers = changed.layers  # views
    for name, value in changes.values:
        kind, l, index = find_parameter(network, name)
        layers[l - 1]["Wb".index(kind)][index] = value
    for name in changes.off:
        l, unit = find_unit(network, name)
        W, b = layers[l - 1]
        W[unit], b[unit] = 0, OFF
    return changed


def find_unit(network: Network, name: str) -> tuple[int, int]:
    """The layer and the number of a hidden unit, A1[7]."""
    found, hidden = UNIT.fullmatch(name), range(1, network.depth)
    if found and int(found[1]) in hidden and int(found[2]) < network.sizes[int(found[1])]:
        return int(found[1]), int(found[2])
    there = [f"A{l}[0] to A{l}[{network.sizes[l] - 1}]" for l in hidden]
    raise CellError(f"{name!r} is no hidden unit; there are {', '.join(there) or 'none'}")


def find_parameter(network: Network, name: str) -> tuple[str, int, tuple[int, ...]]:
    """The kind of a parameter, W or b, its layer and its index."""
    found = PARAMETER.fullmatch(name)
    if found and int(found[2]) <= network.depth:
        kind, l = found[1], int(found[2])
        index = tuple(int(each) for each in found.groups()[2:] if each is not None)
        shape = network.sizes[l], network.sizes[l - 1]
        wanted = shape if kind == "W" else shape[:1]
        if len(index) == len(wanted) and all(i < n for i, n in zip(index, wanted, strict=True)):
            return kind, l, index
    ends = [
        f"{named(f'W{l}', units - 1, inputs - 1)}, {named(f'b{l}', units - 1)}"
        for l, (inputs, units) in enumerate(zip(network.sizes, network.sizes[1:], strict=False), 1)
    ]
    raise CellError(f"{name!r} is no parameter; the last ones are {', '.join(ends)}")


def changed_units(changes: Changes, l: int) -> list[int]:
    """The units of a layer whose own weights or bias are changed, ascending."""
    names = [name for name, _ in changes.values] + list(changes.off)
    found = (re.match(rf"[AWb]{l}\[([0-9]+)", name) for name in names)
    return sorted({int(each[1]) for each in found if each})


# ------------------------------------------------------------------------ what each unit is worth


class Worth(NamedTuple):
    """How many images are read right with all units, and without each unit of a layer alone."""

    images: NDArray[np.intp]  # (classes,) of each class
    right: NDArray[np.intp]  # (classes,)
    without: NDArray[np.intp]  # (units, classes)


@quiet
def worth_of_units(network: Network, X: Array, labels: Collection[int] | Array, l: int) -> Worth:
    """What the hidden units of layer l are worth for reading the columns of X.

    One pass serves all: without unit j, Z[l+1] is what it was less W[l+1][:,j] A[l][j], and only
    the images that switch the unit on are read anew.
    """
    L, classes = network.depth, network.sizes[-1]
    labels = np.asarray(labels, np.intp)
    W = network.layers[l][0]  # of the layer above
    above = None
    if l + 1 < L:
        start = count_parameters(network.sizes[: l + 2])
        above = Network(network.sizes[l + 1 :], network.parameters[start:], network.loss)
    right = np.zeros(classes, np.intp)
    change = np.zeros((network.sizes[l], classes), np.intp)

    def count(chosen: Array) -> NDArray[np.intp]:
        return np.bincount(chosen, minlength=classes)

    for first in range(0, len(labels), BLOCK):
        truth = labels[first : first + BLOCK]
        trace = forward(network, X[:, first : first + BLOCK])
        A, Z = trace.A[l], trace.Z[l + 1]
        hit = trace.A[L].argmax(axis=0) == truth
        right += count(truth[hit])
        for j in range(len(A)):
            on = np.flatnonzero(A[j])
            rest = Z[:, on] - W[:, [j]] * A[j, on]
            last = softmax(rest) if above is None else forward(above, relu(rest)).A[above.depth]
            still = last.argmax(axis=0) == truth[on]
            change[j] += count(truth[on[still]]) - count(truth[on[hit[on]]])
    return Worth(count(labels), right, right + change)
