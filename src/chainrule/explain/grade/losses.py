"""Which loss does a file have? One of the two, up to a factor and with weight decay, or its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from chainrule.explain.bugs.program import RIGHT, run
from chainrule.explain.bugs.program import Case as Given
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.grade.arguments import Reading
from chainrule.explain.grade.judge import TOLERANCE, Case, make_case
from chainrule.explain.grade.layout import Numbers, depth_of
from chainrule.explain.grade.naming import Explanation, Factors, Lineup, alike, explain
from chainrule.explain.grade.reading import Reader
from chainrule.explain.grade.results import Found
from chainrule.network import LOSSES, Array, Loss, error, forward

LEAST_DECAY = 1e-7  # a weight decay below it is rounding
Decay = dict[int, float]  # λ for m images: some divide it by m


@dataclass(frozen=True)
class Judged:
    """The loss whose gradient is wanted, and what it is known from."""

    loss: Loss | None  # None: the file's own, which is neither of the two
    scale: dict[int, float] | None  # the file's loss over ours, for m images; None: no loss
    why: str
    decay: Decay = field(default_factory=dict)


def own_cases(case: Case, *, single: bool) -> list[Case]:
    """The cases on which a loss is recognised: three of three images, three of one."""
    sizes = case.network.sizes
    several = [case, make_case(sizes, case.m, 6), make_case(sizes, case.m, 8)]
    return several if single else [*several, *(make_case(sizes, 1, seed) for seed in (2, 7, 9))]


def judge_loss(reader: Reader, reading: Reading, own: Sequence[Case]) -> Judged | None:
    """Which loss a function computes, up to a factor; None if it is worth nothing."""
    values = []
    for case in own:
        found = reader.run(reading, case.numbers())
        if found.trouble or not np.isfinite(found.arrays.get("E", np.nan)):
            return None
        values.append(found.arrays["E"])
    name = reading.function.name
    for decaying in (False, True):
        for loss in LOSSES:
            fitted = fit(own, values, loss, decaying=decaying)
            if fitted is not None:
                scale, decay = fitted
                plain = all(abs(c - 1) < TOLERANCE for c in scale.values())
                words = f"{loss.replace('_', ' ')}{'' if plain else ', up to a factor'}"
                words += ", with weight decay" * decaying
                return Judged(loss, scale, f"{words}, as {name} computes it", decay)
    if len(set(values)) < len(values):
        return None
    return Judged(None, None, f"the loss of {name}, which is none of the known ones")


def fit(
    own: Sequence[Case], values: Sequence[float], loss: Loss, *, decaying: bool
) -> tuple[dict[int, float], Decay] | None:
    """The factor, and the weight decay, with which values are those of a known loss."""
    scale: dict[int, float] = {}
    decay: Decay = {}
    for m in {case.m for case in own}:
        pairs = [(case, value) for case, value in zip(own, values, strict=True) if case.m == m]
        columns = [[known_loss(case, loss), half_square(case) * decaying] for case, _ in pairs]
        wanted = np.array([value for _, value in pairs])
        (factor, penalty), *_ = np.linalg.lstsq(np.array(columns), wanted, rcond=None)
        misses = np.abs(columns @ np.array([factor, penalty]) - wanted)
        if not factor or (misses > TOLERANCE * np.abs(wanted)).any():
            return None
        scale[m] = float(factor)
        if decaying:
            if penalty / factor < LEAST_DECAY:
                return None
            decay[m] = float(penalty / factor)
    return scale, decay


def known_loss(case: Case, loss: Loss) -> float:
    network = replace(case.network, loss=loss)
    numbers = case.numbers(loss)
    return float(error(network, forward(network, case.X), numbers["Y"]))


def half_square(case: Case) -> float:
    """½ Σ W², by which a loss grows with λ."""
    return sum(float(np.sum(W**2)) for W, _ in case.network.layers) / 2


def decaying(cases: Sequence[Case], decay: Decay) -> tuple[Case, ...]:
    """The same cases with weight decay in their loss."""
    return tuple(
        replace(case, network=replace(case.network, weight_decay=decay.get(case.m, 0.0)))
        for case in cases
    )


def decay_in_gradient(
    cases: Sequence[Case], claims: Sequence[Numbers], losses: Sequence[Loss], factors: Factors
) -> Decay:
    """The λ for which each dW is right but for λW; {} if there is none."""
    for loss in losses:
        for choice in zip(*(factors(loss, case.m) for case in cases), strict=True):
            found: Decay = {}
            for case, claim, factor in zip(cases, claims, choice, strict=False):
                rate = one_decay(case.numbers(loss), claim, factor)
                if rate is None:
                    break
                found[case.m] = rate
            else:
                return found
    return {}


def one_decay(truth: Numbers, claim: Numbers, factor: float) -> float | None:
    """The λ by which all dW of one case are off, in units of the factor."""
    rates = []
    for l in range(1, depth_of(truth) + 1):
        if f"dW{l}" not in claim:
            return None
        W: Array = truth[f"W{l}"]
        rest = claim[f"dW{l}"] / factor - truth[f"dW{l}"]
        rate = float((rest * W).sum() / (W * W).sum())
        if not rate > LEAST_DECAY or not alike(rest, rate * W):
            return None
        rates.append(rate)
    return rates[0] if max(rates) - min(rates) <= 1e-3 * max(rates) else None


def score_loss(case: Case) -> Callable[[Found], float]:
    """A loss is read best where it is one of the two, up to a factor that is a usual one."""
    known = [known_loss(case, loss) for loss in LOSSES]
    m, classes = case.m, case.network.sizes[-1]
    usual = [a * b for a in (1, 2, m) for b in (1, 1 / classes, m, 1 / m, 2)]

    def score(found: Found) -> float:
        value = found.arrays.get("E")
        if value is None or not np.isfinite(value):
            return 0.0
        ratios = [value / each for each in known]
        return 1.0 if any(abs(r / u - 1) < 1e-4 for r in ratios for u in usual) else 0.5

    return score


def infinite_far_off(reader: Reader, reading: Reading, judged: Judged, case: Case) -> bool:
    """Whether a cross-entropy takes the log of 0 where a probability underflows."""
    if judged.loss != "cross_entropy":
        return False
    far = replace(case, network=replace(case.network, parameters=3000 * case.network.parameters))
    found = reader.run(reading, far.numbers("cross_entropy"))
    return not found.trouble and not np.isfinite(found.arrays.get("E", 0.0))


def given(case: Case, loss: Loss) -> Given:
    return Given(replace(case.network, loss=loss), case.X, case.labels)


def other_scale(
    claims: list[Numbers], lineup: Lineup, scale: dict[int, float]
) -> Explanation | None:
    """Which loss has this factor, where the gradient is right but for it."""
    if all(abs(each - 1) < 1e-4 for each in scale.values()):
        return None
    if not explain(claims, [lineup], lambda loss, m: (1.0,), most=0).right:
        return None
    for bug in ZOO:
        if bug.judged == "loss" and "E" in bug.parts:
            ratios = {}
            for case in lineup.cases:
                at = given(case, lineup.loss)
                if bug.applies(at):
                    ratios[case.m] = float(run(bug.in_(RIGHT), at).E / run(RIGHT, at).E)
            if ratios and all(abs(scale[m] / each - 1) < 1e-4 for m, each in ratios.items()):
                return Explanation((bug,), loss=lineup.loss)
    return None
