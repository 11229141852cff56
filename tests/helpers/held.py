"""A training of the lab that waits for an order.

Tests pause, stop and kill trainings on their way. None of them has to be faster than the training:
held at a step, it cannot be over before the order comes.
"""

import threading

from chainrule.lab.live import thread

ALLOWED = thread.ThreadedTraining.allowed


def held(*steps):
    """`ThreadedTraining.allowed`, by which a training waits to be paused or stopped.

    When a training goes on for the k-th time it waits, once, as the k-th of these steps is shown,
    or before the next one if it is past it. The event `free` of what is given lets it go on without
    an order.
    """

    def allowed(training, step):
        time_on, before = training.rounds, getattr(training, "held", 0)
        if before < time_on <= len(steps):
            hold = steps[time_on - 1]
            if step < hold:
                return min(ALLOWED(training, step), hold - step)
            if training.step == step:  # the step is shown
                training.held = time_on
                while training.asked is None and not training.stopping:
                    if allowed.free.wait(0.001):
                        break
        return ALLOWED(training, step)

    allowed.free = threading.Event()
    return allowed
