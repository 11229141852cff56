"""The tables of the exam of the examiners, in Markdown."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from acceptance import ADVICE, RULES, Along, Quotient, Reference

from chainrule.explain.bugs.zoo import ZOO

IMAGES = (1, 3, 32)
OWN = "chainrule check"
GRADIENTS = tuple(bug for bug in ZOO if bug.judged == "gradient")
OF_A_WRONG_LOSS = "its own loss"
REASONS = {
    "all is small": "the whole gradient is small beside an absolute tolerance",
    "an array is small": "one array is small beside the tolerance or beside the others",
    OF_A_WRONG_LOSS: "it is the right gradient of the program's own loss, which is wrong",
    "few cells": "one cell of each array, one direction, or the weights alone are looked at",
    "wide": "the relative tolerance is wide",
}
BESIDE = {Reference: "reference", Quotient: "own quotient", Along: "own quotient, one direction"}
DTYPES = ("float64", "float32")


class Record(NamedTuple):
    """One verdict."""

    rule: str
    network: str
    state: str
    m: int
    dtype: str
    kind: str  # wrong, right, or loss: a right gradient of a loss that is wrong
    bug: str
    accepted: bool | None  # None: it cannot be told
    why: str = ""  # a wrong one was accepted


def tables(records: list[Record]) -> list[str]:
    """The lines of all tables, in Markdown."""
    return [
        *(judged(records), "", *by_rule(records), "", of_losses(records), ""),
        *(*by_state(records), ""),
        *(*by_reason(records), "", *by_bug(records)),
    ]


def judged(records: list[Record]) -> str:
    """How many wrong gradients there were to judge, and how many could not be told."""
    cases = {(each.network, each.state, each.m, each.dtype) for each in records}
    wrong = sum(each.rule == OWN and each.kind == "wrong" for each in records)
    every = len(cases) * len(GRADIENTS)
    return (
        f"{len(GRADIENTS)} mistakes in {len(cases)} cases: {wrong:,} wrong gradients. The other "
        f"{every - wrong:,} times a mistake does not apply, or changes nothing."
    )


def of_losses(records: list[Record]) -> str:
    """What becomes of mistakes in the loss alone, whose gradient is right."""
    found = [each for each in records if each.kind == "loss"]
    accepted = [each for each in found if each.accepted]
    one_cell = sum("one cell" in beside_of(each.rule) for each in accepted)
    count = len({each.bug for each in found})
    return (
        f"{count} mistakes are in the loss alone, and the gradient is right. The rules with an own "
        f"quotient accept that {len(accepted):,} of {len(found):,} times, {one_cell:,} of them "
        "those that look at one cell; beside a reference nothing is wrong."
    )


def share(some: list[Record], accepted: bool | None = True) -> str:
    """How many of these had that verdict."""
    return f"{sum(each.accepted is accepted for each in some):,} of {len(some):,}" if some else "–"


def names() -> list[str]:
    return [*(rule.name for rule in RULES), OWN]


def beside_of(name: str) -> str:
    (rule,) = [each for each in RULES if each.name == name] or [None]
    if rule is None:
        return "network.py's quotient"
    one = isinstance(rule.beside, Quotient) and rule.beside.one_cell
    return BESIDE[type(rule.beside)] + (", one cell" if one else "")


def grouped(records: list[Record], *by: str) -> dict[tuple, list[Record]]:
    found = defaultdict(list)
    for record in records:
        found[tuple(getattr(record, each) for each in by)].append(record)
    return found


def by_rule(records: list[Record]) -> Iterator[str]:
    """For each rule: the wrong ones that it accepts, the right ones that it fails."""
    yield (
        "| rule | beside | wrong accepted, float64 | float32 | right of a wrong loss "
        "| cannot tell | right failed, float64 | float32 |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    found = grouped(records, "rule", "kind", "dtype")
    for name in names():
        wrong = [[*map(without_own_loss, found[name, "wrong", dtype])] for dtype in DTYPES]
        every = [each for dtype in DTYPES for each in found[name, "wrong", dtype]]
        own = sum(each.why == OF_A_WRONG_LOSS for each in every)
        unsure = [each for dtype in DTYPES for each in found[name, "right", dtype]] + every
        columns = [
            *map(share, wrong),
            f"{own:,}",
            share(unsure, None) if name == OWN else "–",
            *(share(found[name, "right", dtype], False) for dtype in DTYPES),
        ]
        yield f"| {name} | {beside_of(name)} | {' | '.join(columns)} |"


def without_own_loss(record: Record) -> Record:
    """As if it were not accepted, where it is the gradient of the program's own loss."""
    return record._replace(accepted=False) if record.why == OF_A_WRONG_LOSS else record


def by_state(records: list[Record]) -> Iterator[str]:
    """Wrong ones accepted in float64, by how trained the network is and by the images."""
    found = grouped(
        [each for each in records if each.dtype == "float64"], "rule", "kind", "state", "m"
    )
    columns = [(state, m) for state in ("fresh", "trained") for m in IMAGES]
    titles = [f"{state}, {m} image{'s' * (m > 1)}" for state, m in columns]
    yield f"| wrong accepted, float64 | {' | '.join(titles)} |"
    yield "|---" * (len(columns) + 1) + "|"
    for name in names():
        shares = [
            share([*map(without_own_loss, found[name, "wrong", *column])]) for column in columns
        ]
        yield f"| {name} | {' | '.join(shares)} |"


def by_reason(records: list[Record]) -> Iterator[str]:
    """Why wrong ones were accepted."""
    found = grouped([each for each in records if each.why], "rule", "why")
    yield f"| wrong accepted, because | {' | '.join(REASONS)} |"
    yield "|---" * (len(REASONS) + 1) + "|"
    for rule in RULES:
        counts = [f"{len(found[rule.name, reason]):,}" for reason in REASONS]
        yield f"| {rule.name} | {' | '.join(counts)} |"


def by_bug(records: list[Record]) -> Iterator[str]:
    """For each mistake: how often it was accepted, by all published rules and by our own check."""
    found = grouped([each for each in records if each.kind == "wrong"], "bug")
    yield "| mistake | cases | accepted by the rules | by chainrule check | which cannot tell |"
    yield "|---|---|---|---|---|"
    for bug in GRADIENTS:
        if some := found[bug.name,]:
            own = [each for each in some if each.rule == OWN]
            rest = [each for each in some if each.rule not in (OWN, ADVICE)]
            part = sum(each.accepted for each in rest) / len(rest)
            counts = [sum(each.accepted is verdict for each in own) for verdict in (True, None)]
            yield f"| {bug.name} | {len(own)} | {part:.0%} | {counts[0]} | {counts[1]} |"
