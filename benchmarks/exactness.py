"""How near every derivative is to the truth: the table of docs/design/trust.md.

All derivatives of the first test images, by both networks of the package with both losses, each
image alone (m = 1), in float64 by network.py, beside what explain/exact.py encloses.

    python benchmarks/exactness.py [IMAGES]
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from typing import NamedTuple

from chainrule import load_bundled
from chainrule.data import MNIST
from chainrule.explain.ledger import open_ledger
from chainrule.explain.nearness import ArrayBeside, check_exactly, merged
from chainrule.network import LOSSES, Loss

NETWORKS = ("small", "large")
KINDS = ("dA", "dZ", "dW", "db")
IMAGES = 1000
AT_ONCE = 20  # images of a task


class Measured(NamedTuple):
    """The arrays of a network with a loss beside the truth, over all images."""

    arrays: dict[str, ArrayBeside]
    undecided: int  # hidden units, counted for each image, whose ReLU float64 cannot decide
    at_0: int  # those that are truly at 0


def measure(name: str, loss: Loss, images: range) -> Measured:
    """A network of the package, with this loss, on some test images."""
    network, digits = replace(load_bundled(name), loss=loss), MNIST.load("t10k")
    found = [
        check_exactly(open_ledger(network, digits.X[:, k], int(digits.labels[k])), KINDS, seed=k)
        for k in images
    ]
    corners = [corner for image in found for corner in image.corners]
    at_0 = sum(corner.at_0 for corner in corners)
    rows = zip(*(image.arrays for image in found), strict=True)
    return Measured({row.array: row for row in map(merged, rows)}, len(corners) - at_0, at_0)


def measure_all(images: int, workers: int = 2) -> dict[tuple[str, Loss], Measured]:
    """Both networks with both losses."""
    parts = [range(k, min(k + AT_ONCE, images)) for k in range(0, images, AT_ONCE)]
    asked = list(product(NETWORKS, LOSSES))
    with ProcessPoolExecutor(workers) as pool:
        tasks = {each: [pool.submit(measure, *each, part) for part in parts] for each in asked}
        return {each: together([task.result() for task in tasks[each]]) for each in asked}


def together(parts: list[Measured]) -> Measured:
    arrays = {name: merged(part.arrays[name] for part in parts) for name in parts[0].arrays}
    return Measured(arrays, *(sum(part[k] for part in parts) for k in (1, 2)))


def lines(found: dict[tuple[str, Loss], Measured]) -> Iterator[str]:
    """The table, and what is to be said of it, as Markdown."""
    columns = [f"{loss.replace('_', ' ')}: {what}" for loss in LOSSES for what in ("ulps", "of it")]
    yield f"| the most that is off in | cells | {' | '.join(columns)} |"
    yield f"|---|---|{'---|' * len(columns)}"
    for name in NETWORKS:
        first, second = (found[name, loss].arrays for loss in LOSSES)
        for array in first:
            numbers = [
                text
                for row in (first[array], second[array])
                for text in (f"{row.worst:.2g}", f"{row.relative:.1e}")
            ]
            yield f"| {name} {array} | {first[array].cells:,} | {' | '.join(numbers)} |"
    rows = [row for each in found.values() for row in each.arrays.values()]
    outside = [row.array for row in rows if row.within is not True]
    yield ""
    yield (
        f"{sum(row.cells for row in rows):,} derivatives, {sum(row.judged for row in rows):,} of "
        f"them compared in whole numbers; "
        f"{'all within their bounds' if not outside else f'NOT within: {outside}'}, the nearest to "
        f"its bound at {max(row.share for row in rows):.1e} of it; "
        f"{sum(row.underflow for row in rows):,} lost digits by underflow; "
        f"{sum(each.undecided for each in found.values()):,} ReLUs undecided, "
        f"{sum(each.at_0 for each in found.values()):,} at 0."
    )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    print("\n".join(lines(measure_all(count))))
