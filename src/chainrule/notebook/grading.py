"""The functions of a notebook graded: for a pupil in words, for a cell of tests in points."""

import sys
from collections.abc import Sequence
from typing import Any

from chainrule.explain.grade.attempt import SECONDS
from chainrule.explain.grade.names import GRADED
from chainrule.explain.grade.report import QUESTION, Report, asked_for, lines, sentence, total
from chainrule.explain.grade.session import grade_names
from chainrule.network import LOSSES, Loss


class Graded:
    """What is right in a notebook and what is not; as the last line of a cell it says so."""

    def __init__(self, report: Report, hints: int) -> None:
        self.report, self.hints = report, hints

    def __repr__(self) -> str:
        said = lines(self.report, self.hints)
        return "\n".join([*said, total(self.report)] if self.report.judged else said)

    def assert_right(self, *functions: str) -> None:
        """Raise AssertionError, in one sentence, unless each of these functions is right.

        Functions have the names of the form, such as "backward", whatever they are called in the
        notebook; one that is not there is not right. Without any, all that are there are meant.
        """
        __tracebackhide__ = True  # pytest leaves this frame out
        wrong = sentence(asked_for(self.report, checked(functions)), self.hints)
        if wrong:
            error = AssertionError(wrong)
            # IPython prints this instead: the person who reads it has nothing to find in our lines.
            vars(error)["_render_traceback_"] = lambda: [f"AssertionError: {wrong}"]
            raise error

    def points(self, most: float, *functions: str) -> float:
        """The share of these functions that is right, of `most` points, with two decimals."""
        if not 0 <= most < float("inf"):
            raise ValueError(f"wanted the points of a notebook that is all right, got {most!r}")
        share = asked_for(self.report, checked(functions)).share
        return min(most, round(most * share, 2))  # nbgrader refuses more than the cell is worth


def grade(
    names: dict[str, Any] | None = None,
    *,
    hints: int = QUESTION,
    loss: Loss | None = None,
    seconds: float = SECONDS,
) -> Graded:
    """Grade forward, loss, backward and other functions that the cells have defined so far.

    `names` are the notebook's own (default), or globals() elsewhere. `hints` goes from 0, the
    verdicts alone, over 1, where it is wrong, and 2, a question that leads on, to 3, the mistake's
    name. `loss` is that of the task, for a notebook without a loss of its own; `seconds` is the
    time of each call of a function. The functions run in the notebook itself, and what a function
    changes in place, such as a global array, stays changed.

    Raises ValueError for settings that cannot be, and where there is no notebook.
    """
    if hints not in range(4):
        raise ValueError(f"wanted hints from 0 to 3, got {hints!r}")
    if loss is not None and loss not in LOSSES:
        raise ValueError(f"wanted a loss of {', '.join(LOSSES)}, got {loss!r}")
    if not 0 < seconds < float("inf"):
        raise ValueError(f"wanted a time in seconds, got {seconds!r}")
    names = here() if names is None else names
    return Graded(grade_names(names, loss=loss, seconds=seconds), hints)


def here() -> dict[str, Any]:
    """The names of the notebook."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        raise ValueError("this is no notebook: wanted grade(globals()), got grade()")
    return shell.user_ns


def checked(functions: Sequence[str]) -> Sequence[str]:
    """The same; ValueError for a name that no function of a task has."""
    for each in functions:
        if each not in GRADED:
            raise ValueError(f"wanted functions of {', '.join(GRADED)}, got {each!r}")
    return tuple(dict.fromkeys(functions))
