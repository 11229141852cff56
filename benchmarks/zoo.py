"""What each mistake of the zoo does to training: the tables of docs/guide/bugs.md.

    python benchmarks/zoo.py [--write]

The small network is trained on MNIST with the mistake in it, from three starts and with three
orders of the images. What it then reads of the test images, by its own forward pass, is a
percentage; the tables have the median of three, beside that of the right program with the same
setting. Without --write they are printed.
"""

import sys
from pathlib import Path
from statistics import median

from chainrule import load_mnist
from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import RIGHT, Program
from chainrule.explain.bugs.training import Setting, measure, setting_for, train_with
from chainrule.explain.bugs.zoo import FAMILIES
from chainrule.network import LOSSES

PAGE = Path(__file__).parents[1] / "docs/guide/bugs.md"
FIRST, LAST = "## The mistakes\n", "## How it was measured\n"  # headings of the page, around it
HEAD = (
    "| mistake | what is done | what it does | seen in | squared error | cross-entropy |\n"
    "|---|---|---|---|---|---|\n"
)
SEEDS = (0, 1, 2)


def main(arguments: list[str]) -> None:
    train, test = load_mnist()
    known: dict[Setting, float] = {}

    def read(program: Program, setting: Setting) -> float:
        last = [train_with(program, setting, train, seed)[-1] for seed in SEEDS]
        return 100 * median(measure(program, each, test)[1] for each in last)

    def row(bug: Bug) -> str:
        cells = []
        for loss in LOSSES:
            if setting := setting_for(bug, loss):
                if setting not in known:
                    known[setting] = read(RIGHT, setting)
                cells.append(f"{read(bug.in_(RIGHT), setting):.0f} ({known[setting]:.0f})")
            else:
                cells.append("")
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


if __name__ == "__main__":
    main(sys.argv[1:])
