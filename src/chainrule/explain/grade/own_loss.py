"""A loss that is neither of the two: is it one of the zoo's mistakes?"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import RIGHT, run
from chainrule.explain.bugs.program import Case as Given
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.differences import quiet
from chainrule.explain.grade.arguments import Reading
from chainrule.explain.grade.judge import TOLERANCE, Case, make_case
from chainrule.explain.grade.naming import Explanation, of_other_loss
from chainrule.explain.grade.reading import Reader
from chainrule.network import Loss


def of_own_loss(
    explanation: Explanation, reader: Reader, reading: Reading, cases: Sequence[Case]
) -> Explanation:
    """What is told of a gradient that is not that of the file's own loss, which `reading` reads.

    Where it is right for one of the two losses, the mistake may be in the loss.
    """
    if not explanation.right:
        return replace(explanation, sure=False)
    more = [make_case(case.network.sizes, case.m, 20 + k) for k, case in enumerate(cases)]
    values = {
        case: float(reader.run(reading, case.numbers()).arrays.get("E", np.nan))
        for case in (*cases, *more)
    }
    found = mistakes_in(values, explanation.loss)
    told = replace(explanation, bugs=found[:1], alike=found[1:], sure=bool(found))
    return of_other_loss(told, explanation.loss)


@quiet
def mistakes_in(values: dict[Case, float], loss: Loss) -> tuple[Bug, ...]:
    """Those that give these values of a loss, up to a factor for each number of images."""
    given = {case: Given(replace(case.network, loss=loss), case.X, case.labels) for case in values}
    found = []
    for bug in ZOO:
        if bug.judged == "loss" and all(bug.applies(each) for each in given.values()):
            ratios: dict[int, list[float]] = {}
            for case, value in values.items():
                E = run(bug.in_(RIGHT), given[case]).E
                ratios.setdefault(case.m, []).append(float(value / E))
            if all(np.ptp(some) <= TOLERANCE * abs(some[0]) for some in ratios.values()):
                found.append(bug)
    return tuple(found)
