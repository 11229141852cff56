"""Early stopping: which row of a history a run keeps, and when its patience is at an end."""

import numpy as np
from numpy.typing import NDArray

from chainrule.runs.run import Run

VALIDATION_LOSS = 5  # the column of a history


def best_row(history: NDArray[np.float64]) -> int:
    """The first row with the lowest validation loss."""
    return int(history[:, VALIDATION_LOSS].argmin())


def kept_step(run: Run, step: int, history: NDArray[np.float64]) -> int:
    """The step of the network that stands for a run at this step of it.

    Once a run with patience is finished, it is the one of the best row, which is its model.
    """
    if run.settings.patience is None or step < run.length:
        return step
    return int(history[best_row(history), 0])


def is_over(run: Run, history: NDArray[np.float64]) -> bool:
    """Whether so many rows as its patience came without a new lowest validation loss.

    A run that was made longer waits anew. A run that is at its end is not stopped early.
    """
    patience = run.settings.patience
    if patience is None or history[-1, 0] >= run.legs[-1].steps:
        return False
    begun = int(np.searchsorted(history[:, 0], run.legs[-1].step))
    return len(history) - 1 - max(best_row(history), begun) >= patience
