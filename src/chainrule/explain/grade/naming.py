"""Which mistake gives exactly these arrays? Those of a file beside those of the zoo.

Arrays are compared for every case at once, after the factor of the file's own loss. One mistake is
tried before two, and where none fits, the one that explains most arrays is named as a guess.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np

from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import RIGHT, Pass, Program, learn, run
from chainrule.explain.bugs.program import Case as Given
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.differences import quiet
from chainrule.explain.grade.judge import TOLERANCE, Case
from chainrule.explain.grade.layout import ALPHA, Numbers
from chainrule.network import Array, Loss, Network

Factors = Callable[[Loss, int], Sequence[float]]
Kind = Literal["forward", "gradient", "step"]
SMALL = 1e-9  # below it an array is 0, of the size of all arrays together
FORWARD_PARTS = {"X", "Z", "A", "A_last"}
SQUARED_FACTORS = (1.0, 2.0, 0.5, 0.1, 0.2)  # that a squared error may have which nobody states
CROSSED_FACTORS = (1.0, 0.1)


@dataclass(frozen=True)
class Explanation:
    """The mistakes that lead to what a file computes: none, one, or two together."""

    bugs: tuple[Bug, ...] = ()
    alike: tuple[Bug, ...] = ()  # others that give the same arrays as the one
    sure: bool = True  # False: not all arrays are explained
    loss: Loss = "squared_error"
    remark: str = ""  # what else is seen: a factor, or the gradient of another loss
    question: str = ""  # that leads on to it

    @property
    def others(self) -> tuple[Bug, ...]:
        """Those that cannot be told from the only one that is named."""
        return self.alike if len(self.bugs) == 1 else ()

    @property
    def right(self) -> bool:
        return self.sure and not self.bugs


@dataclass(eq=False)
class Lineup:
    """What the right program and every wrong one compute on some cases."""

    cases: Sequence[Case]
    loss: Loss
    kind: Kind
    known: dict[tuple[int, tuple[str, ...]], Numbers] = field(default_factory=dict)

    @cached_property
    def bugs(self) -> tuple[Bug, ...]:
        """Those that can be made here, and change what is looked at."""
        judged = {"gradient", "step"} if self.kind == "step" else {"gradient"}
        plain = [self.given(case) for case in self.cases]
        return tuple(
            bug
            for bug in ZOO
            if bug.judged in judged
            and (self.kind != "forward" or set(bug.parts) <= FORWARD_PARTS)
            and not set(bug.parts) & {"gather"}
            and any(bug.applies(case) for case in plain)
        )

    def given(self, case: Case) -> Given:
        network = replace(case.network, loss=self.loss)
        return Given(network, case.X, case.labels, learning_rate=ALPHA)

    def arrays(self, place: int, bugs: tuple[Bug, ...]) -> Numbers:
        """What a program with these mistakes computes on one of the cases; {} where it cannot."""
        key = place, tuple(bug.name for bug in bugs)
        if key not in self.known:
            program = RIGHT
            for bug in bugs:
                program = bug.in_(program)
            self.known[key] = self.computed(program, self.cases[place])
        return self.known[key]

    @quiet
    def computed(self, program: Program, case: Case) -> Numbers:
        given = self.given(case)
        try:
            if self.kind == "step":
                return walked(given.network, learn(program, given)[-1])
            at = run(program, given)
        except ValueError:
            return {}
        return of_pass(at, self.kind)


def of_pass(at: Pass, kind: Kind) -> Numbers:
    """The arrays of a pass under the names that a file's have."""
    kinds = ("Z", "A") if kind == "forward" else ("dW", "db")
    return {f"{name}{l}": getattr(at, name)[l] for l in range(1, at.L + 1) for name in kinds}


def walked(network: Network, after: Array) -> Numbers:
    """The gradient along which a step has gone, under the names that a file's has."""
    gone = replace(network, parameters=(network.parameters - after) / ALPHA)
    pairs = enumerate(gone.layers, 1)
    return {f"d{k}{l}": array for l, pair in pairs for k, array in zip("Wb", pair, strict=True)}


def explain(
    claims: Sequence[Numbers], lineups: Sequence[Lineup], factors: Factors, *, most: int = 2
) -> Explanation:
    """The likeliest mistakes behind the arrays of a file, one `claim` for each case.

    `factors` are those that the file's own loss may put before the gradient of m images;
    `most` is how many mistakes are tried at once.
    """
    ranked: list[Callable[[Lineup], Iterator[tuple[Bug, ...]]]] = [
        lambda lineup: iter([()]),
        lambda lineup: ((bug,) for bug in lineup.bugs),
        lambda lineup: (pair for pair in combinations(lineup.bugs, 2) if apart(*pair)),
    ]
    for candidates in ranked[: most + 1]:
        for lineup in lineups:
            fitting = [
                bugs
                for bugs in candidates(lineup)
                if fits(claims, lineup, bugs, factors) and visible(lineup, bugs)
            ]
            if fitting:
                alike = tuple(each[0] for each in fitting[1:] if len(each) == 1)
                return Explanation(fitting[0], alike, loss=lineup.loss)
    return nearest(claims, lineups, factors)


def apart(one: Bug, other: Bug) -> bool:
    """Whether two mistakes are in different parts of a program."""
    return not set(one.parts) & set(other.parts)


def visible(lineup: Lineup, bugs: tuple[Bug, ...]) -> bool:
    """Whether each of two mistakes changes something that the other one leaves."""
    places = range(len(lineup.cases))
    return len(bugs) < 2 or all(
        any(not same(lineup.arrays(place, bugs), lineup.arrays(place, (bug,))) for place in places)
        for bug in bugs
    )


def fits(
    claims: Sequence[Numbers], lineup: Lineup, bugs: tuple[Bug, ...], factors: Factors
) -> bool:
    """Whether these mistakes give all arrays of all cases, with one factor throughout."""
    options = [factors(lineup.loss, case.m) for case in lineup.cases]
    return any(
        all(
            same(claim, lineup.arrays(place, bugs), choice[place])
            for place, claim in enumerate(claims)
        )
        for choice in zip(*options, strict=True)
    )


@quiet
def same(claim: Numbers, found: Numbers, factor: float = 1.0) -> bool:
    """Whether a file's arrays are these, times a factor."""
    small_first = sorted(claim.items(), key=lambda pair: pair[1].size)  # most differ in db already
    return all(name in found and alike(array, found[name] * factor) for name, array in small_first)


def alike(a: Array, b: Array) -> bool:
    """Whether two arrays are the same as far as float32 can tell; NaN is the same as NaN."""
    if a.shape != b.shape:
        return False
    gap = float(np.linalg.norm(a - b))
    if np.isfinite(gap):
        return gap <= TOLERANCE * float(np.linalg.norm(b)) + SMALL * 100
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return False
    a, b = np.nan_to_num(a, posinf=0, neginf=0), np.nan_to_num(b, posinf=0, neginf=0)
    return bool(np.linalg.norm(a - b) <= TOLERANCE * np.linalg.norm(b) + SMALL * 100)


@quiet
def nearest(claims: Sequence[Numbers], lineups: Sequence[Lineup], factors: Factors) -> Explanation:
    """The mistake that explains most arrays, if it explains more than none does."""
    best: tuple[tuple[int, int], Explanation] | None = None
    for lineup in lineups:
        for bugs in [(), *((bug,) for bug in lineup.bugs)]:
            for choice in zip(
                *(factors(lineup.loss, case.m) for case in lineup.cases), strict=True
            ):
                explained = sum(
                    name in (found := lineup.arrays(place, bugs))
                    and alike(array, choice[place] * found[name])
                    for place, claim in enumerate(claims)
                    for name, array in claim.items()
                )
                rank = explained, -len(bugs)
                if best is None or rank > best[0]:
                    best = rank, Explanation(bugs, sure=False, loss=lineup.loss)
    return best[1] if best else Explanation(sure=False)


# ------------------------------------------------------------------------- what else is seen


def with_other_loss(
    found: Explanation, claims: Sequence[Numbers], others: Sequence[Lineup]
) -> Explanation:
    """The same with the remark that the gradient is right for another loss than the file's."""
    for lineup in others:
        if not found.right and fits(claims, lineup, (), lambda loss, m: (1.0,)):
            return of_other_loss(found, lineup.loss)
    return found


def of_other_loss(found: Explanation, loss: Loss) -> Explanation:
    """The same with the remark that the gradient is right for this loss, and not for the file's."""
    name = loss.replace("_", " ")
    remark = f"it is the right gradient of {name}, which is not the loss here"
    return replace(found, remark=remark, question="Of which loss is this the gradient?")


def of_shapes(names: Sequence[str]) -> Explanation:
    """What is said where only shapes are wrong."""
    remark = f"{' and '.join(names)}: not the shape of {' and '.join(n[1:] for n in names)}"
    question = f"How many numbers should {names[0]} have?"
    return Explanation(sure=False, remark=remark, question=question)


@quiet
def with_factor(found: Explanation, claims: Sequence[Numbers], lineup: Lineup) -> Explanation:
    """The same with the remark that arrays are right but for one factor, where they are."""
    factors: dict[float, list[str]] = {}
    for name, array in claims[0].items():
        truth: Array = lineup.arrays(0, ())[name]
        size = float((truth * truth).sum())
        factor = float((array * truth).sum()) / size if size else 0.0
        if factor and np.isfinite(factor) and alike(array, factor * truth):
            factors.setdefault(round(factor, 4), []).append(name)
    off = {factor: names for factor, names in factors.items() if factor != 1}
    if not off:
        return found
    said = [
        f"{' '.join(names)} {'is' if len(names) == 1 else 'are'} {factor:g} times what is right"
        for factor, names in off.items()
    ]
    question = "Which factor stands in your gradient, and not in your loss?"
    return replace(found, remark="; ".join(said), question=question)


# ------------------------------------------------------------------------- functions alone


@quiet
def explain_part(part: str, l: int, case: Case, fits: Callable[[Array], bool]) -> Explanation:
    """The mistakes whose own part, alone, gives what a function gives: softmax, one-hot, ReLU′."""
    at = run(RIGHT, Given(case.network, case.X, case.labels))
    at.dA[l] = np.ones_like(at.dA[l])
    found = []
    for bug in ZOO:
        if part in bug.parts:
            try:
                value = bug.parts[part](at, l)
            except (ValueError, IndexError):
                continue
            if fits(value):
                found.append(bug)
    return Explanation(tuple(found[:1]), tuple(found[1:]), sure=bool(found))
