"""Curves of a training that grow while it learns."""

import sys
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

import numpy as np

from chainrule.chart import chart
from chainrule.notebook.html import Html, block, line
from chainrule.training import Snapshot

POINTS = 400  # of a curve, at most


def watch(
    snapshots: Iterable[Snapshot], *, every: float = 0.5, clock: Callable[[], float] = monotonic
) -> Snapshot:
    """Draw the loss and the accuracies of a training while it learns; its last snapshot.

        last = watch(train(network, train_set, test=test_set, rng=rng, every=10))

    In a notebook one output is drawn again and again, after at least `every` seconds; elsewhere
    each time is a line on stdout. Only snapshots are seen: `train` says how often there is one, and
    measures accuracies if it is asked to. An interrupted training leaves the curves as they were.
    Raises ValueError if there is no snapshot, and what the training raises.
    """
    draw = drawing() or print_line
    seen: list[tuple[float, ...]] = []
    last, drawn, told = None, -np.inf, None
    for last in snapshots:
        values = (last.validation_loss, *shares_of(last).values())
        seen.append((last.step, last.loss, *(np.nan if each is None else each for each in values)))
        if clock() - drawn >= every:
            draw(last, seen)
            drawn, told = clock(), last
    if last is None:
        raise ValueError("there was no snapshot to watch; train(…) gives some")
    if told is not last:
        draw(last, seen)
    return last


def curves(last: Snapshot, seen: list[tuple[float, ...]]) -> str:
    """The curves so far as HTML."""
    places = np.linspace(0, len(seen) - 1, min(len(seen), POINTS)).round().astype(int)
    step, loss, validation, *right = np.array([seen[k] for k in places]).T
    charts = [chart("loss E", step, {"training": loss, "validation": validation})]
    lines = {name: 100 * share for name, share in zip(shares_of(last), right, strict=True)}
    if not np.isnan(right).all():
        charts.append(chart("read right, %", step, lines))
    return block(
        line(words(last), strong=True), Html(f'<div class="charts">{"".join(charts)}</div>')
    )


def shares_of(last: Snapshot) -> dict[str, float | None]:
    """The accuracies of a snapshot; None where one was not asked for."""
    return {
        "training": last.train_accuracy,
        "test": last.test_accuracy,
        "validation": last.validation_accuracy,
    }


def words(last: Snapshot) -> str:
    """A snapshot in one line."""
    parts = [f"step {last.step:,}", f"loss {last.loss:.4f}"]
    for name, share in shares_of(last).items():
        if share is not None:
            parts.append(f"{name} {100 * share:.1f} %")
    return ", ".join(parts)


def print_line(last: Snapshot, _: list[tuple[float, ...]]) -> None:
    print(words(last), flush=True)


def drawing() -> Callable[[Snapshot, list[tuple[float, ...]]], None] | None:
    """What draws into one output of a notebook; None if IPython is not there, or in a terminal."""
    if "IPython" not in sys.modules:
        return None
    import IPython

    display: Callable[..., Any] = IPython.display.display
    if not hasattr(IPython.get_ipython(), "kernel"):
        return None
    handle: list[Any] = []

    def draw(last: Snapshot, seen: list[tuple[float, ...]]) -> None:
        shown = {"text/html": curves(last, seen), "text/plain": words(last)}
        if handle:
            handle[0].update(shown, raw=True)
        else:
            handle.append(display(shown, raw=True, display_id=True))

    return draw
