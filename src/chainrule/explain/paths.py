"""The network as a picture of one image: which unit pushes which, and what is blamed on whom.

The edge from unit j of a layer to unit i of the layer l above it carries W[l][i,j] A[l-1][j]. With
b[l][i] they sum to Z[l][i]: they say who pushed it up and who down. Backward it carries
W[l][i,j] dZ[l][i]. These sum to dA[l-1][j]: how fast E grows with A[l-1][j].
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.explain.ledger import Ledger
from chainrule.explain.terms import sum_of
from chainrule.network import Array

Units = NDArray[np.intp]  # numbers of units, ascending
SPOKEN = 12  # of the units that push an answer


class Edges(NamedTuple):
    """The strongest edges between the shown units of two layers, the strongest first."""

    carried: list[tuple[int, int, float]]  # the unit above, the unit below, what the edge carries
    left_out: int  # other edges between shown units that carry something
    share: float  # of all that is carried between the layers, in sizes; NaN if nothing is


class Push(NamedTuple):
    """What makes Z[L][i] of an answer: its bias, and each unit below."""

    Z: float
    A: float
    bias: float
    push: list[tuple[int, float]]  # the unit, W[L][i,unit] A[L-1][unit]; the largest first
    rest: float  # the sum of all others
    others: int  # how many these are


def below(l: int) -> str:
    """The array that layer l reads."""
    return f"A{l - 1}" if l > 1 else "x"


def pushes(ledger: Ledger, l: int) -> Array:
    """W[l][i,j] A[l-1][j] in row i, column j: (units, inputs) of layer l."""
    return ledger.arrays[f"W{l}"] * ledger.arrays[below(l)]


def blames(ledger: Ledger, l: int) -> Array:
    """W[l][i,j] dZ[l][i] in row i, column j: (units, inputs) of layer l."""
    return ledger.arrays[f"W{l}"] * ledger.arrays[f"dZ{l}"][:, None]


def shown_answers(ledger: Ledger, most: int) -> Units:
    """The units of the last layer; of more than so many the most probable, and the label's."""
    A = np.nan_to_num(ledger.arrays[f"A{ledger.network.depth}"], nan=0.0)
    first = A + 2.0 * ledger.arrays["y"]
    return np.sort(np.argsort(-first, kind="stable")[:most])


def shown_units(
    ledger: Ledger,
    most: int,
    keep: Mapping[int, Collection[int]] | None = None,
    answers: Units | None = None,
) -> dict[int, Units]:
    """At most so many units of each hidden layer, under its number, and the last layer's answers.

    Those are all of them, if `answers` does not say which.
    From the last layer down, those that push the shown units above them most: that have the
    largest Σi |W[l+1][i,j] A[l][j]| over these i, the first of equals. `keep` has units of a layer
    that are shown however little they push; `most` counts them too.
    """
    L = ledger.network.depth
    shown = {L: np.arange(ledger.network.sizes[L]) if answers is None else answers}
    for l in range(L - 1, 0, -1):
        kept = sorted(set((keep or {}).get(l, ())))[:most]
        strength = np.abs(pushes(ledger, l + 1)[shown[l + 1]]).sum(axis=0)
        strength[kept] = np.inf
        shown[l] = np.sort(np.argsort(-strength, kind="stable")[:most])
    return shown


def strongest(values: Array, above: Units, under: Units, most: int) -> Edges:
    """Of what edges carry (units above, units below), the largest between the shown units."""
    chosen = values[np.ix_(above, under)].ravel()
    sizes = np.abs(chosen)
    carrying = int(np.count_nonzero(sizes))
    order = np.argsort(-sizes, kind="stable")[: min(most, carrying)]
    whole = float(np.abs(values).sum())
    return Edges(
        carried=[
            (int(above[place // len(under)]), int(under[place % len(under)]), float(chosen[place]))
            for place in order
        ],
        left_out=carrying - len(order),
        share=float(sizes[order].sum()) / whole if whole else np.nan,
    )


def answer_pushes(ledger: Ledger, most: int = SPOKEN) -> list[Push]:
    """What makes Z of each answer, unit by unit."""
    L = ledger.network.depth
    arrays, values = ledger.arrays, pushes(ledger, L)
    found = []
    for i, row in enumerate(values):
        order = np.argsort(-np.abs(row), kind="stable")
        found.append(
            Push(
                Z=float(arrays[f"Z{L}"][i]),
                A=float(arrays[f"A{L}"][i]),
                bias=float(arrays[f"b{L}"][i]),
                push=[(int(j), float(row[j])) for j in order[:most]],
                rest=sum_of(row[order[most:]].tolist()),
                others=max(0, len(row) - most),
            )
        )
    return found
