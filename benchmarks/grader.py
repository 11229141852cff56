"""How well the grader does: mistakes named, false alarms, seconds a file, and published forms.

Run it from the checkout: `python benchmarks/grader.py`. It takes some minutes on one processor.
The programs come from tests/: a generator with seeds, and files written by hand.
"""

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from helpers.mistaken import MISTAKES, STYLES, program  # noqa: E402 (it is found by the line above)

from chainrule.explain.grade.grading import grade, grade_source  # noqa: E402
from chainrule.explain.grade.report import Report  # noqa: E402
from chainrule.explain.grade.source import source_of  # noqa: E402

RARE = {"≥ for >", "no maximum taken away"}  # seen at a corner and in an overflow alone
SEEDS = (1, 2)
PAIRS = 60
seconds: list[float] = []


def timed(text: str) -> Report:
    began = time.perf_counter()
    report = grade_source(source_of(text, "mine.py"))
    seconds.append(time.perf_counter() - began)
    return report


def named(report: Report, *, first: bool = False) -> set[str]:
    """The mistakes that are named: those of the first wrong function, or all."""
    found: set[str] = set()
    for each in report.findings:
        alike = each.explanation.alike if each.explanation else ()
        bugs = each.bugs[:1] if first else each.bugs
        found |= {bug.name for bug in (*bugs, *alike, *each.fragile)}
        if first and each.verdict != "right":
            return {bug.name for bug in (*bugs, *alike)}
    return found


def by_style() -> Iterator[str]:
    """A line for each style: how many of the mistakes are named first."""
    for style in STYLES:
        texts = {
            (name, s): program((name,), style=style, seed=s) for name in MISTAKES for s in SEEDS
        }
        missed = [
            key for key, text in texts.items() if key[0] not in named(timed(text), first=True)
        ]
        yield f"{style}: {len(texts) - len(missed)} of {len(texts)}, not {missed}"


def by_pairs() -> str:
    """How many pairs of mistakes are both named."""
    rng, tried, missed = random.Random(0), 0, []
    while tried < PAIRS:
        pair = tuple(rng.sample(sorted(set(MISTAKES) - RARE), 2))
        if not set(MISTAKES[pair[0]]) & set(MISTAKES[pair[1]]):
            tried += 1
            text = program(pair, style=STYLES[tried % 3], seed=tried)
            if not set(pair) <= named(timed(text)):
                missed.append(pair)
    return f"two at once: {PAIRS - len(missed)} of {PAIRS}, not {missed}"


def alarms() -> str:
    """How many right programs are not said to be right."""
    written = sorted((ROOT / "tests/grade/right").glob("*.py"))
    texts = [path.read_text(encoding="utf-8") for path in written]
    for seed in range(6):
        for style in STYLES:
            losses = ("squared_error", "cross_entropy")
            texts += [program(style=style, seed=seed, loss=loss) for loss in losses]
    wrong = sum(not timed(text).right for text in texts)
    return f"false alarms: {wrong} in {len(written)} by hand and {len(texts) - len(written)} drawn"


def published() -> Iterator[str]:
    """A row for each published form: what it is, and what the grader says of it."""
    yield "| written as | said of it |"
    yield "|---|---|"
    for path in sorted((ROOT / "tests/grade/notebooks").glob("*.py")):
        form = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        yield f"| {form} | {'; '.join(said(grade(path)))} |"


def said(report: Report) -> Iterator[str]:
    """What is wrong, and what is right but not for all numbers."""
    for each in report.findings:
        if each.verdict != "right":
            remark = each.explanation.remark if each.explanation else ""
            names = ", ".join(bug.name for bug in each.bugs) or remark or " ".join(each.wrong)
            yield f"{each.role}: **{names}**"
    fragile = {bug.name for each in report.findings for bug in each.fragile}
    if fragile:
        yield f"not for all numbers: {', '.join(sorted(fragile))}"


def main() -> None:
    for line in (*by_style(), by_pairs(), alarms()):
        print(line, flush=True)
    seconds.sort()
    print(f"seconds a file: {seconds[len(seconds) // 2]:.1f} median, {seconds[-1]:.1f} at most")
    print(*published(), sep="\n")


if __name__ == "__main__":
    main()
