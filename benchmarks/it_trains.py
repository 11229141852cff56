"""The other part of the exam: "it trains, so it must be right".

Every mistake of a gradient or of a step trains 784-10-10 on MNIST for some hundred steps, by
gradient descent, momentum and Adam, on both losses; so do right programs from several starts. Each
rule looks at what a person would see: the loss and the answers of that very program.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from chainrule import initialise, load_mnist
from chainrule.descent import Rule as Descent
from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import RIGHT, Case, Program, learn, run
from chainrule.explain.bugs.training import RATES
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.differences import quiet

STEPS = 300
BATCHES = ((100, 50), (50, 100))  # each step puts two together, in turn the larger one first
LOOK = 2_000  # images of each set on which the loss and the answers are looked at
STARTS = 5
TRAININGS = tuple(RATES)  # loss and optimizer


class Trained(NamedTuple):
    """What a training shows: loss before and after, shares read right, arrays that did not move."""

    before: float
    loss: float
    train: float
    test: float
    stuck: int


@dataclass(frozen=True)
class Look:
    name: str
    source: str
    accepts: Callable[[Trained], bool]


LOOKS = (
    Look("the loss falls", "a look at the curve", lambda seen: seen.loss < seen.before),
    Look(
        "TinyTorch, learning verification",
        "tests/milestones/test_learning_verification.py: loss down by 30 %, accuracy above 70 %, "
        "every array moved",
        lambda seen: seen.loss <= 0.7 * seen.before and seen.test > 0.7 and not seen.stuck,
    ),
    Look(
        "Dive into Deep Learning, train_ch3",
        "loss below 0.5, accuracy above 0.7 in training and in test",
        lambda seen: seen.loss < 0.5 and seen.train > 0.7 and seen.test > 0.7,
    ),
    Look(
        "85 % read right",
        "a bar that was set here: what this network is published with",
        lambda seen: seen.test > 0.85,
    ),
)


class Verdict(NamedTuple):
    look: str
    judged: str  # gradient or step; right for a right program
    bug: str
    training: str
    accepted: bool


def begin(loss: str, optimizer: str, sets, seed: int) -> tuple[Case, Case, Case]:
    """A training, and what it is looked at with: images that it learns from, and others."""
    training, test = sets
    network = initialise((784, 10, 10), loss=loss, rng=np.random.default_rng(seed))
    steps = tuple(BATCHES[i % 2] for i in range(STEPS))
    digits = training[list(range(sum(map(sum, steps))))]
    rate = RATES[loss, optimizer]
    case = Case(network, digits.X, digits.labels, Descent(optimizer), rate, steps)
    few = [Case(network, each.X, each.labels) for each in (training[:LOOK], test[:LOOK])]
    return case, *few


@quiet
def trained(program: Program, case: Case, seen: Case, unseen: Case) -> Trained:
    *_, parameters = learn(program, case)
    network = replace(case.network, parameters=parameters)
    first = run(program, seen)
    known, new = (run(program, each._replace(network=network)) for each in (seen, unseen))
    moved = zip(case.network.layers, network.layers, strict=True)
    stuck = [
        np.allclose(old, now, atol=1e-6)
        for before, after in moved
        for old, now in zip(before, after, strict=True)
    ]
    right = [
        float(np.mean(at.A[at.L].argmax(axis=0) == each.labels))
        for at, each in ((known, seen), (new, unseen))
    ]
    return Trained(float(first.E), float(known.E), *right, sum(stuck))


def shown(bug: Bug, case: Case) -> bool:
    """Whether it can be made in this training, and is another program than the right one there."""
    few = case._replace(X=case.X[:, :300], labels=case.labels[:300], steps=case.steps[:2])
    return bug.judged != "loss" and bug.applies(few) and bug.differs(few)


def verdicts(which: int) -> list[Verdict]:
    """All verdicts of one of TRAININGS."""
    loss, optimizer = TRAININGS[which]
    sets = load_mnist()
    case, *looks = begin(loss, optimizer, sets, seed=0)
    training = f"{loss.replace('_', ' ')}, {optimizer}"
    found = []

    def note(judged: str, name: str, seen: Trained) -> None:
        for look in LOOKS:
            found.append(Verdict(look.name, judged, name, training, look.accepts(seen)))

    for bug in ZOO:
        if shown(bug, case):
            note(bug.judged, bug.name, trained(bug.in_(RIGHT), case, *looks))
    for seed in range(STARTS):
        note("right", "", trained(RIGHT, *begin(loss, optimizer, sets, seed)))
    return found


def table(found: list[Verdict]) -> Iterator[str]:
    """For each rule: the wrong trainings that it accepts, the right ones that it fails."""
    yield (
        "| rule | wrong gradients accepted | wrong steps accepted | right failed "
        "| mistakes that it always accepts |"
    )
    yield "|---|---|---|---|---|"
    for look in LOOKS:
        ours = [each for each in found if each.look == look.name]
        columns = []
        for judged, verdict in (("gradient", True), ("step", True), ("right", False)):
            some = [each for each in ours if each.judged == judged]
            columns.append(f"{sum(each.accepted is verdict for each in some)} of {len(some)}")
        names = {each.bug for each in ours if each.bug}
        passed = names - {each.bug for each in ours if not each.accepted}
        yield f"| {look.name} | {' | '.join(columns)} | {len(passed)} of {len(names)} |"


def passed(found: list[Verdict], look: str) -> list[str]:
    """The mistakes that this rule accepts in every training."""
    ours = [each for each in found if each.look == look and each.bug]
    failed = {each.bug for each in ours if not each.accepted}
    return [bug.name for bug in ZOO if bug.name in {each.bug for each in ours} - failed]
