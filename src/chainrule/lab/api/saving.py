"""All that a saved page shows of a moment: it has no server that it could ask."""

from collections.abc import Iterator

import numpy as np

from chainrule.encode import to_json
from chainrule.explain.ledger import Ledger, named
from chainrule.explain.proof import prove, why_not
from chainrule.explain.rules import open_cell
from chainrule.lab.api import checks, requests
from chainrule.lab.api.about import about
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.moment import impostors_of, learning_step_of, ledger_of
from chainrule.lab.api.picture import picture_of
from chainrule.lab.wire import Answer

MOST_SAVED = 2_000_000  # bytes of opened cells in a saved page
MOST_PROOFS = 300  # in a saved page


def save_moment(lab: Lab, body: Answer) -> Answer:
    """A name for the file of a moment, and all that its page shows without a server."""
    moment, more = requests.parse_moment(body, "view")
    view = requests.parse_view(checks.parse_object(more["view"], "view"))
    found = lab.resolve(moment)
    settled, opened = found.moment, lab.ledger(found)
    arrays = dict(small_arrays(opened))
    names = {name for each in arrays.values() for name in each}
    proven: set[str] = set()
    for array, cells in arrays.items():
        if array.startswith("d") and len(proven) + len(cells) <= MOST_PROOFS:
            proven.update(cells)
    chosen = view.get("cell")
    if isinstance(chosen, str) and chosen:
        name = open_cell(opened, chosen).name
        names.add(name)
        proven |= {name} if why_not(opened, name) is None else set()
    true = lab.truth(found)
    image = moment.image
    which = f"test{image.number}" if isinstance(image, requests.TestImage) else "drawing"
    at = "" if settled.step is None else f"-step{settled.step}"
    there = about(lab, [])
    own = [run for run in there["runs"] if run["id"] == settled.network]
    shown = {
        "lab": there | {"runs": own, "damaged": [], "live": None},  # others are not of this moment
        "ledger": ledger_of(found, opened),
        "mistakes": None,
        "cells": {name: open_cell(opened, name) for name in sorted(names)},
        "proofs": {name: prove(opened, name) for name in sorted(proven)},
        "truths": {name: true.cell(name) for name in sorted(proven)},
        "impostors": impostors_of(opened),
        "step": learning_step_of(opened),
        "picture": picture_of(found, opened),
        "view": view,
    }
    at += "" if found.named.before is None else "-changed"
    return {"name": f"chainrule-{settled.network[:150]}{at}-{which}.html", "moment": shown}


def small_arrays(opened: Ledger) -> Iterator[tuple[str, list[str]]]:
    """The arrays whose cells, all opened, a page can still carry, with the names of their cells."""
    costs = {}
    for name, array in opened.arrays.items():
        first = named(name, *(0,) * array.ndim)
        costs[name] = array.size * len(to_json(open_cell(opened, first)))
    spent = 0
    for name in sorted(costs, key=costs.__getitem__):
        spent += costs[name]
        if spent <= MOST_SAVED:
            yield name, [named(name, *index) for index in np.ndindex(opened.arrays[name].shape)]
