"""A mistake: its change to the right program, its words, and where it can be seen."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from chainrule.explain.bugs.program import RIGHT, Case, Program, learn, run
from chainrule.explain.bugs.where import Where, always
from chainrule.network import Array

Judged = Literal["gradient", "loss", "step"]

SAME = 1e-9  # ‖a - b‖/‖b‖ up to which two results are the same but for rounding


@dataclass(frozen=True, eq=False)
class Bug:
    """One mistake of the zoo.

    `parts` are what it puts in the place of the right ones. It can be made where it `applies`, and
    it gives something else than the right program where it `differs`; elsewhere nobody can see it.
    It is judged by the gradient of a batch, by the loss, or by the parameters after some steps.
    """

    name: str
    parts: Mapping[str, Callable[..., Any]]
    sentence: str  # what is done
    effect: str  # what it does to training
    seen: str  # in which kind of place people ask about it or have it in their code
    where: str  # where it differs from the right program
    question: str  # that leads on to it without saying it
    applies: Where = always
    differs: Where = always
    judged: Judged = "gradient"

    def in_(self, program: Program) -> Program:
        """A program with this mistake put in."""
        return replace(program, **self.parts)


def result(program: Program, case: Case, judged: Judged) -> Array:
    """What a program is judged by: the gradient (n,), the loss (1,), or all parameters (steps, n).

    Raises ValueError where the arrays of a program do not fit together.
    """
    if judged == "step":
        return np.stack(learn(program, case))
    at = run(program, case)
    return np.atleast_1d(at.E) if judged == "loss" else at.flat


def same(one: Array, other: Array, share: float = SAME) -> bool:
    """Whether two results are the same but for rounding; NaN is the same as NaN."""
    if one.shape != other.shape:
        return False
    finite = np.isfinite(one) & np.isfinite(other)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True):
        return False
    a, b = one[finite], other[finite]
    return bool(np.linalg.norm(a - b) <= share * max(np.linalg.norm(a), np.linalg.norm(b)))


def shows(bug: Bug, case: Case) -> bool:
    """Whether this case tells the mistake from the right program: computed, not as declared."""
    if not bug.applies(case):
        return False
    wrong = result(bug.in_(RIGHT), case, bug.judged)
    return not same(wrong, result(RIGHT, case, bug.judged))


def classes(bugs: Iterable[Bug], case: Case, judged: Judged = "gradient") -> list[list[Bug]]:
    """The mistakes that this case shows, those with identical results together."""
    right = result(RIGHT, case, judged)
    found: list[tuple[Array, list[Bug]]] = []
    for bug in bugs:
        if not bug.applies(case) or same(wrong := result(bug.in_(RIGHT), case, judged), right):
            continue
        for known, members in found:
            if same(known, wrong):
                members.append(bug)
                break
        else:
            found.append((wrong, [bug]))
    return [members for _, members in found]
