"""The first answer: the networks, runs, defaults and limits that a page begins with."""

import os
import sys
from functools import partial
from importlib.util import find_spec

import numpy as np

from chainrule import __version__
from chainrule.engine.blas import cores
from chainrule.engine.choice import ENGINES, missing
from chainrule.explain.proof import H_OF_ONE
from chainrule.lab.api import checks, requests
from chainrule.lab.api.images import novelty_of
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.limits import limits
from chainrule.lab.api.networks import RENAMED, NamedNetwork
from chainrule.lab.api.runs import measured_on, runs
from chainrule.lab.api.subjects import subjects
from chainrule.lab.wire import Answer, RefusedError
from chainrule.runs.kinds import Choice, Kind, Number, Whole
from chainrule.runs.settings import ENTRIES, Settings
from chainrule.training import BATCH_EPOCHS, RECIPES


def about(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """What there is: the networks with their accuracy on the test images, and where to begin."""
    from chainrule.handwriting import STAGES, measured

    checks.parse_query(query, ())
    costs = measured()["costs"]
    return {
        "version": __version__,
        "networks": [
            {
                "id": each.id,
                "name": each.name,
                "sizes": each.network.sizes,
                "loss": each.network.loss,
                "parameters": each.network.parameters.size,
                "accuracy": accuracy_of(lab, each),
                "subjects": subjects(lab, each),
                "settings": each.settings,
                "classes": each.classes,
                **measured_on(each.digits, partial(lab.test_set_of, each)),
            }
            for each in lab.networks
        ],
        "given": lab.given,
        "runs_code": lab.runs_code,
        "given_set": lab.given_set and lab.given_set.name,
        "first": {"test": "small", "drawing": "large"},
        "renamed": RENAMED,
        "defaults": defaults(),
        "settings": controls(),
        "batch_epochs": BATCH_EPOCHS,
        "cores": cores(),
        **runs(lab),
        "stages": [{"name": name, "costs": costs.get(name, {})} for name in STAGES],
        "limits": limits(),
        "h": H_OF_ONE,
    }


def accuracy_of(lab: Lab, named: NamedNetwork) -> float | None:
    """The share of its test images that a network reads right; None if it can read none."""
    try:
        return float(np.mean(lab.read(named).argmax(axis=0) == lab.test_set_of(named).labels))
    except (RefusedError, OverflowError):  # the answer to its mistakes says why
        return None


def controls() -> list[Answer]:
    """The fields of the form for a training: one for each setting in the table but the digits."""
    usual = Settings().as_json()
    return [
        {
            "name": name,
            "label": entry.label,
            "help": entry.help,
            "optional": entry.none is not None,
            "default": usual[name],
            **control(entry.kind),
        }
        for name, entry in ENTRIES.items()
        if not entry.of_digits
    ] + [engine_control()]


def engine_control() -> Answer:
    """The field for the engine; `missing` is why the compiled one cannot be used here, or None."""
    return {
        "name": "engine",
        "label": "Engine",
        "help": "What computes the training.",
        "optional": True,
        "default": "auto",
        "missing": no_compiled(),
        **control(Choice(ENGINES)),
    }


def no_compiled() -> str | None:
    """Why the compiled engine cannot be used here, as far as can be seen without loading Numba.

    That takes half a second, for which the first page would wait; a start finds out the rest.
    """
    there = all(map(find_spec, ("numba", "platformdirs"))) and not os.environ.get(
        "NUMBA_DISABLE_JIT"
    )
    return None if there and "numba" not in sys.modules else missing()


def control(kind: Kind) -> Answer:
    """What a control of this kind takes."""
    match kind:
        case Choice(names):
            return {"kind": "choice", "choices": names}
        case Number():
            return {"kind": "number", "least": kind.least, "above": kind.above, "most": kind.most}
        case Whole(least):
            return {"kind": "whole", "least": least}
    return {"kind": "widths"}


def defaults() -> Answer:
    """What suits each loss and optimizer."""
    losses = {loss for loss, _ in RECIPES}
    return {
        loss: {how: recipe._asdict() for (of, how), recipe in RECIPES.items() if of == loss}
        for loss in sorted(losses)
    }


def warm(lab: Lab) -> None:
    """Compute what the first page asks for, then what a drawing is compared with."""
    about(lab, [])
    novelty_of(requests.Pixels(lab.test_set.images[0].tobytes()))
