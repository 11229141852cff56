"""What each mistake of the zoo does to training: the table of docs/guide/bugs.md.

    python benchmarks/zoo.py [--write]

784-10-10 is trained on MNIST with the mistake in it: STEPS steps of BATCH images, from three starts
and three orders of the images. What it then reads of the test images, by its own forward pass, is
a percentage; the table has the median of three, beside that of the right program with the same
rule. Without --write the rows are printed.
"""

import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from chainrule import load_mnist
from chainrule.descent import Rule
from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import RIGHT, Case, Program, learn, run
from chainrule.explain.bugs.zoo import FAMILIES
from chainrule.network import LOSSES, Loss, initialise

PAGE = Path(__file__).parents[1] / "docs/guide/bugs.md"
STEPS, BATCH, SEEDS = 600, 100, (0, 1, 2)
RATES = {  # the right program learns well with these
    ("squared_error", "descent"): 0.5,
    ("cross_entropy", "descent"): 0.1,
    ("squared_error", "momentum"): 0.1,
    ("cross_entropy", "momentum"): 0.02,
    ("squared_error", "adam"): 0.003,
    ("cross_entropy", "adam"): 0.003,
}
RULES = [Rule("descent"), Rule("momentum"), Rule("adam")]
DECAYS = [0.0, 0.01]
FIRST, LAST = "## The mistakes\n", "## How it was measured\n"  # headings of the page, around it
HEAD = (
    "| mistake | what is done | what it does | seen in | squared error | cross-entropy |\n"
    "|---|---|---|---|---|---|\n"
)


def main(arguments: list[str]) -> None:
    train, test = load_mnist()
    known: dict[tuple[object, ...], float] = {}

    def read(program: Program, loss: Loss, rule: Rule, decay: float) -> float:
        return median(accuracy(program, loss, rule, decay, seed, train, test) for seed in SEEDS)

    def row(bug: Bug) -> str:
        cells = []
        for loss in LOSSES:
            if not (setting := first_setting(bug, loss)):
                cells.append("")
                continue
            key = (loss, *setting)
            if key not in known:
                known[key] = read(RIGHT, *key)
            cells.append(f"{read(bug.in_(RIGHT), *key):.0f} ({known[key]:.0f})")
        return "| " + " | ".join([*words(bug), *cells]) + " |\n"

    tables = ""
    for family, bugs in FAMILIES.items():
        tables += f"\n### {family}\n\n{HEAD}" + "".join(map(row, bugs))
    if "--write" not in arguments:
        print(tables)
        return
    text = PAGE.read_text("utf-8")
    before, after = text[: text.index(FIRST)], text[text.index(LAST) :]
    PAGE.write_text(f"{before}{FIRST}{tables}\n{after}", "utf-8")


def words(bug: Bug) -> list[str]:
    """What the page says of a mistake, but for the figures."""
    return [bug.name, f"{bug.sentence} Where it differs: {bug.where}.", bug.effect, bug.seen]


def first_setting(bug: Bug, loss: Loss) -> tuple[Rule, float] | None:
    """The simplest rule and weight decay with which the mistake can be made; None: with none."""
    network = initialise((784, 10, 10), loss=loss, rng=np.random.default_rng(0))
    for decay in DECAYS:
        for rule in RULES:
            case = Case(
                replace(network, weight_decay=decay),
                np.zeros((784, 4), np.float32),
                np.arange(4),
                rule,
                steps=((2,), (2,)),
            )
            if bug.applies(case):
                return rule, decay
    return None


def accuracy(program, loss, rule, decay, seed, train, test) -> float:
    """Which share of the test images is read right after training, in %."""
    network = initialise(
        (784, 10, 10), loss=loss, weight_decay=decay, rng=np.random.default_rng(seed)
    )
    chosen = np.random.default_rng(100 + seed).permutation(len(train))[: STEPS * BATCH]
    steps = ((BATCH,),) * STEPS
    rate = RATES[loss, rule.optimizer]
    case = Case(network, train.X[:, chosen], train.labels[chosen], rule, rate, steps)
    learned = replace(network, parameters=learn(program, case)[-1])
    at = run(program, Case(learned, test.X, test.labels))
    return 100 * float(np.mean(at.A[at.L].argmax(axis=0) == test.labels))


if __name__ == "__main__":
    main(sys.argv[1:])
