"""The answer to what a training saw: the images of one of its steps, deformed as they were then."""

import numpy as np

from chainrule.deform import Deformed, deform_of
from chainrule.engine.interface import Plan
from chainrule.engine.with_numpy import batch_of, examples_at
from chainrule.lab.api import checks, limits, requests
from chainrule.lab.api.lab import Lab
from chainrule.lab.wire import Answer, RefusedError, encode_bytes
from chainrule.runs.digits import parts_of

SHOWN = 24  # images of a step


def seen(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """What the step saw that led to this `step` of the run `network`; at the start the first one.

    {step: how many steps had been taken before it, epoch, batch: images of the step, deform,
    numbers: of the first images in what the run learns from, labels, images: 784 bytes each}
    """
    asked = checks.parse_query(query, ("network",), ("step",))
    step = checks.parse_count(asked["step"], "step", 0, limits.LAST) if "step" in asked else None
    named = lab.named(requests.parse_network(asked["network"]), step)
    run = named.run
    if run is None or named.step is None:
        raise RefusedError(f"{named.id} is no run: what it saw is not known", "missing")
    digits, _ = parts_of(run, lab.own_set(run, "training"))
    settings = run.settings
    kind = run.sizes, settings.loss, settings.weight_decay, digits, settings.rule
    deform = deform_of(settings.deform)
    plan = Plan(*kind, settings.batch_size, run.key, run.length, deform)
    before = max(named.step - 1, 0)
    batch, examples = batch_of(plan, before), examples_at(plan, before)
    numbers = np.arange(len(digits))[batch.columns(0, min(len(batch), SHOWN))]
    images = examples.images(numbers) if isinstance(examples, Deformed) else digits.images[numbers]
    return {
        "step": before,
        "epoch": before if settings.batch_size is None else batch.epoch,
        "batch": len(batch),
        "deform": settings.deform,
        "numbers": numbers,
        "labels": digits.labels[numbers],
        "images": encode_bytes(images.tobytes()),
    }
