"""Which learning rates can be, and how the rate changes over the steps of a training."""

import math
from numbers import Real
from typing import Literal, get_args

Schedule = Literal["constant", "cosine", "one_cycle"]
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
RISE = 0.3  # the part of its steps in which one cycle rises


def share_of_rate(schedule: Schedule, step: int, length: int) -> float:
    """The factor, above 0 and up to 1, for the rate of the step after `step` of `length` in all.

    "cosine" falls along half a wave, slowly at both ends (Loshchilov and Hutter 2017). "one_cycle"
    first rises evenly (Smith 2018). Python's floats are those of IEEE 754, and no function of the
    system is called, so the factor is the same everywhere. ValueError for another name.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r:.60}")
    rise = math.ceil(RISE * length) if schedule == "one_cycle" else 0
    if schedule == "constant":
        return 1.0
    if step < rise:
        return (step + 1) / (rise + 1)
    return half_cosine((step - rise) / (length - rise))


def half_cosine(x: float) -> float:
    """(1 + cos πx) / 2 for x from 0 to 1, as sin² of a quarter of a turn less, by its series."""
    t = math.pi / 2 * (1 - x)
    rest = 1.0
    for k in range(10, 0, -1):
        rest = 1 - t * t / (2 * k * (2 * k + 1)) * rest
    return t * rest * (t * rest)


def checked_rate(rate: float) -> float:
    """The learning rate; ValueError unless it is positive and finite."""
    if not isinstance(rate, Real) or not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"learning_rate must be a positive number, got {rate!r}")
    return rate
