"""The answers that the network is drawn from: its edges and units, and a slope as a curve."""

from collections.abc import Sequence

import numpy as np

from chainrule.encode import share
from chainrule.explain.differences import quiet
from chainrule.explain.learning import learnt, share_to_learn
from chainrule.explain.ledger import Ledger, overflowing, prediction
from chainrule.explain.paths import (
    Edges,
    Units,
    answer_pushes,
    blames,
    pushes,
    shown_answers,
    shown_units,
    strongest,
)
from chainrule.explain.slope import curve as curve_of
from chainrule.explain.surgery import find_unit
from chainrule.explain.telling import reasons, steepest
from chainrule.lab.api import checks, limits, requests
from chainrule.lab.api.images import unlike_of
from chainrule.lab.api.lab import Lab, Resolved
from chainrule.lab.api.moment import doubt_of
from chainrule.lab.wire import Answer, encode_bytes
from chainrule.network import Array

UNITS, EDGES = 12, 40  # that are shown of a layer, and between two, if the page does not say
ANSWERS = 10  # that are shown of the last layer


def picture(lab: Lab, body: Answer) -> Answer:
    """The network as a connected picture of a moment.

    Asked with a moment, and perhaps `most` units of a hidden layer (4 to 64), `edges` between two
    layers (1 to 1000), names of hidden units to `keep`, ["A1[7]", …], and a `rate`: then it is the
    picture after one step of descent on this image alone, at this learning rate.

    {network, step, label, truth, prediction, E, overflows, to_learn, unlike, doubt: as in a ledger,
     reasons: {answer, other, units: [[unit, for the answer, for the other], …]} or null,
     weight: {name, unit, digit, value, slope}: the weight into the label's answer to look at,
     layers: from x to the answers, see `image_layer` and `layer`,
     edges: [{from: "A1", to: "Z2", list: [[i, j, value], …], left_out, share}, …],
     back:  [{from: "dZ2", to: "dA1", list: [[i, j, value], …], left_out, share}, …],
     answers: [{Z, A, bias, push: [[unit, value], …], rest, others}, … of each class]}

    i is the unit above, j the unit below; the strongest edge comes first. Forward its value is
    W2[i,j] A1[j], a term of Z2[i]; backward it is W2[i,j] dZ2[i], a term of dA1[j]. `left_out`
    counts the edges between shown units that the list leaves out, `share` is what the list carries
    of all that is carried there (null if nothing is). Of a wide layer those units are shown that
    push the shown units above them most, those to keep, and those that were switched off. Of more
    than ten answers the ten most probable are shown, the label's among them.
    Z of an answer is bias + Σ push + rest.
    """
    moment, more = requests.parse_moment(body, may=("most", "edges", "keep", "rate"))
    most = checks.parse_whole(more.get("most", UNITS), "most", *limits.SHOWN)
    edges = checks.parse_whole(more.get("edges", EDGES), "edges", 1, limits.EDGES)
    names = [
        checks.parse_text(name, "a unit to keep", 40)
        for name in checks.parse_list(more.get("keep", []), "keep", 0, limits.SHOWN[1])
    ]
    found = lab.resolve(moment)
    opened = lab.ledger(found)
    if "rate" in more:
        opened = learnt(opened, requests.parse_rate(more["rate"], "rate"))
    return picture_of(found, opened, most, edges, names)


@quiet
def picture_of(
    found: Resolved,
    opened: Ledger,
    most: int = UNITS,
    edges: int = EDGES,
    keep: Sequence[str] = (),
) -> Answer:
    L, told = opened.network.depth, reasons(opened)
    kept = units_by_layer(opened, [*keep, *found.moment.changes.off])
    shown = shown_units(opened, most, kept, shown_answers(opened, ANSWERS))
    pairs = range(2, L + 1)

    def between(values: Array, l: int) -> Answer:
        return edge_list(strongest(values, shown[l], shown[l - 1], edges))

    return {
        "network": found.moment.network,
        "step": found.moment.step,
        "label": found.label,
        "truth": (
            int(found.image.labels[0])
            if isinstance(found.moment.image, requests.TestImage)
            else None
        ),
        "prediction": prediction(opened),
        "E": float(opened.arrays["E"]),
        "overflows": overflowing(opened),
        "to_learn": share_to_learn(opened),
        "unlike": unlike_of(found.named, found.moment.image),
        "doubt": doubt_of(found),
        "reasons": told and told._asdict(),
        "weight": steepest(opened)._asdict(),
        "layers": [
            image_layer(found, opened),
            *(layer(found, opened, l, shown[l]) for l in range(1, L + 1)),
        ],
        "edges": [
            {"from": f"A{l - 1}", "to": f"Z{l}", **between(pushes(opened, l), l)} for l in pairs
        ],
        "back": [
            {"from": f"dZ{l}", "to": f"dA{l - 1}", **between(blames(opened, l), l)}
            for l in reversed(pairs)
        ],
        "answers": [each._asdict() for each in answer_pushes(opened)],
    }


def units_by_layer(opened: Ledger, names: Sequence[str]) -> dict[int, set[int]]:
    """Hidden units, A1[7], by the number of their layer."""
    found: dict[int, set[int]] = {}
    for name in names:
        l, unit = find_unit(opened.network, name)
        found.setdefault(l, set()).add(unit)
    return found


def image_layer(found: Resolved, opened: Ledger) -> Answer:
    """{name: "x", units, on: pixels with ink, pixels, blame, blame_scale}.

    `pixels` are the 784 bytes of the image. `blame` is ∂E/∂x of each pixel, Σi W1[i,j] dZ1[i], as
    784 levels; `blame_scale` is the size that the furthest levels stand for.
    """
    blame = blames(opened, 1).sum(axis=0)
    coded, (scale,) = levels(blame[None])
    return {
        "name": "x",
        "units": blame.size,
        "on": np.count_nonzero(opened.arrays["x"]),
        "pixels": encode_bytes(found.image.images[0].tobytes()),
        "blame": coded,
        "blame_scale": scale,
    }


def layer(found: Resolved, opened: Ledger, l: int, shown: Units) -> Answer:
    """{name: "A1", units, shown: [unit, …], more, on, off, Z, values, blame: of each shown unit}.

    Of the last layer Z, values and blame are those of all units. `on` counts all units whose A is
    above 0, `off` has the shown units that were switched off.
    `values` are A, and `blame` is dZ. Layer 1 also has what its shown units look for, `stencils`,
    W1[unit], and its slopes, `steps`, dW1[unit]: 784 levels of each unit, one unit after the other,
    with the size that the furthest level of each stands for in `stencil_scales` and `step_scales`;
    and `sums`, Z1 - b1.
    The stencil of a unit that was switched off is the one it had.
    """
    arrays = opened.arrays
    A = arrays[f"A{l}"]
    told = shown if l < opened.network.depth else np.arange(A.size)
    off = units_by_layer(opened, found.moment.changes.off).get(l, set())
    answer = {
        "name": f"A{l}",
        "units": A.size,
        "shown": shown,
        "more": A.size - len(shown),
        "on": np.count_nonzero(A > 0),
        "off": sorted(off.intersection(shown.tolist())),
        "Z": arrays[f"Z{l}"][told],
        "values": A[told],
        "blame": arrays[f"dZ{l}"][told],
    }
    if l == 1:
        W = arrays["W1"]
        answer["steps"], answer["step_scales"] = levels(arrays["dW1"][shown])
        answer["sums"] = (arrays["Z1"] - arrays["b1"])[shown]
        if found.named.before is not None:
            W = W.copy()
            W[sorted(off)] = found.named.before.layers[0][0][sorted(off)]
        answer["stencils"], answer["stencil_scales"] = levels(W[shown])
    return answer


def levels(rows: Array) -> tuple[str, list[float]]:
    """Numbers as bytes, 128 being 0, and 1 and 255 the largest size of the row, which is told."""
    with np.errstate(invalid="ignore", over="ignore"):
        scales = np.abs(rows).max(axis=1, keepdims=True)
        u8 = np.round(128 + rows / np.where(scales > 0, scales, 1) * 127)
    u8 = np.nan_to_num(u8, nan=128, posinf=255, neginf=1).clip(1, 255)
    return encode_bytes(u8.astype(np.uint8).tobytes()), scales[:, 0].tolist()


def edge_list(edges: Edges) -> Answer:
    return {"list": edges.carried, "left_out": edges.left_out, "share": share(edges.share)}


def curve(lab: Lab, body: Answer) -> Answer:
    """E of a moment's image while one parameter is moved. Asked with a moment and `cell`: W2[3,7].

    {parameter, derivative, value, slope, E, flat, span, moves: 41 displacements from -span to span,
     the middle one exactly 0, values: of the parameter there, errors: E at each, tangent:
     [E - slope span, E + slope span], reads: the digit that is read at each}

    `slope` is our derivative, as the ledger has it; `flat` says that E does not change at all. The
    span is the shortest at which the curve and its tangent part for the eye, see
    `explain.slope.curve`. dW2[3,7] may be asked for as well as W2[3,7].
    """
    moment, more = requests.parse_moment(body, "cell")
    name = checks.parse_text(more["cell"], "cell", 40)
    found = curve_of(lab.ledger(lab.resolve(moment)), name)
    return found._asdict() | {"values": found.value + found.moves}
