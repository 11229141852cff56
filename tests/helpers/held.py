"""A training of the lab that waits for an order.

Tests pause, stop and kill trainings on their way. None of them has to be faster than the training:
held at a step, it cannot be over before the order comes.
"""

import math
import threading

from chainrule.lab.live import thread

HALTS = thread.ThreadedTraining.halts


def held(*steps):
    """`ThreadedTraining.halts`, asked after each step, which waits to be paused or stopped.

    When a training goes on for the k-th time it waits, once, as the k-th of these steps is shown.
    The event `free` of what is given lets it go on without an order.
    """

    def waits(training):
        time_on, before = training.rounds, getattr(training, "held", 0)
        if before < time_on <= len(steps) and training.step >= steps[time_on - 1]:
            training.held = time_on
            while training.left == math.inf and not training.stopping:
                if waits.free.wait(0.001):
                    break
        return HALTS(training)

    waits.free = threading.Event()
    return waits
