"""A run as one page of HTML that opens anywhere, offline: curves, confusion, units, mistakes.

It has no script. Needs the extra `lab`: Pillow packs the images.
"""

import base64
import io
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chainrule.chart import chart
from chainrule.data import SIDE, Digits
from chainrule.network import Array, Network
from chainrule.reading import probabilities
from chainrule.runs.checkpoint import Checkpoint
from chainrule.runs.run import Run
from chainrule.training import Evaluation

UNITS = 100  # hidden units shown, at most
MISTAKES = 32

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; } p { max-width: 44rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; } td { border: 1px solid #ddd; }
.images { display: flex; flex-wrap: wrap; gap: .75rem; }
figure { margin: 0; font-size: .85rem; text-align: center; }
img { width: 84px; height: 84px; image-rendering: pixelated; border: 1px solid #ddd;
  display: block; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr));
  gap: 1.5rem; }
svg { width: 100%; font-size: 14px; fill: #1a1a1a; }
"""


def page(
    run: Run, reached: Checkpoint, network: Network, test_set: Digits, seen: Evaluation
) -> str:
    """The page of a run whose parameters at its last checkpoint make this network.

    `seen` is what the network does on the test digits.
    """
    name = escape(str(run.folder))
    parts = "\n".join(
        f"<section>\n{part}\n</section>"
        for part in (
            head(run, reached, network, seen, test_set.name),
            curves(reached),
            confusion(seen, test_set.names),
            *units(network),
            mistakes(network, test_set),
        )
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{name}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n{parts}\n</body>\n</html>\n"
    )


def head(run: Run, reached: Checkpoint, network: Network, seen: Evaluation, on: str) -> str:
    settings = run.settings
    size = f"batches of {settings.batch_size:,}" if settings.batch_size else "the full batch"
    right, m = int(np.trace(seen.confusion)), int(seen.confusion.sum())
    return (
        f"<h1>{escape(str(run.folder))}</h1>\n<p>{escape(str(network))}<br>\n"
        f"{settings.optimizer}, {run.rates}, {size}, seed {settings.seed}; "
        f"step {reached.step:,} of {run.length:,}, {reached.seconds:.1f} s of training<br>\n"
        f"<strong>{100 * seen.accuracy:.2f} %</strong> of the test images of {escape(on)} are "
        f"read right ({right:,} of {m:,}); their loss is {seen.loss:.4f}</p>"
    )


def curves(reached: Checkpoint) -> str:
    """Loss and accuracies over the steps, as the history has them."""
    step, loss, on_train, on_test, _, apart_loss, on_apart = reached.history.T
    right = {"training": on_train, "test": on_test, "validation": on_apart}
    charts = (
        chart("loss E", step, {"training": loss, "validation": apart_loss}),
        chart("read right, %", step, {name: 100 * share for name, share in right.items()}),
    )
    return '<h2>Loss and accuracy</h2>\n<div class="charts">\n' + "\n".join(charts) + "\n</div>"


def confusion(seen: Evaluation, names: Sequence[str]) -> str:
    """Truth in rows, answers in columns; the darker, the more mistakes."""
    heads = "".join(f'<th scope="col">{digit}</th>' for digit in map(escape, names))
    rows = [f'<tr><th></th>{heads}<th scope="col">right, %</th></tr>']
    most = max(1, int((seen.confusion - np.diag(np.diag(seen.confusion))).max()))
    for digit, row in enumerate(seen.confusion):
        cells = []
        for answer, count in enumerate(row):
            pale = 255 - 155 * int(count) // most
            colour = "#d8f0d8" if answer == digit else f"rgb(255,{pale},{pale})"
            cells.append(f'<td style="background:{colour}">{count or ""}</td>')
        right = seen.accuracy_per_digit[digit]
        share = "" if np.isnan(right) else f"{100 * right:.1f}"
        cells.append(f"<td>{share}</td>")
        rows.append(f'<tr><th scope="row">{escape(names[digit])}</th>{"".join(cells)}</tr>')
    return (
        "<h2>Which digit is read as which</h2>\n<p>A row is a true digit, a column what it is read "
        "as.</p>\n<table>\n" + "\n".join(rows) + "\n</table>"
    )


def units(network: Network) -> Iterator[str]:
    """The rows of W1 as images; without a hidden layer they are the answers."""
    W, _ = network.layers[0]
    shown = W[:UNITS]
    some = "" if len(shown) == len(W) else f" The first {UNITS} of {len(W):,} are shown."
    most = float(np.abs(shown).max()) or 1.0
    images = (
        figure(diverging(row.reshape(SIDE, SIDE) / most), f"W1[{unit}]", f"weights of unit {unit}")
        for unit, row in enumerate(shown)
    )
    yield (
        f"<h2>The weights of the first layer</h2>\n<p>A row of W1 is an image of what its unit "
        f"looks for: ink on red raises it, ink on blue lowers it. The strongest is ±{most:.3g}."
        f'{some}</p>\n<div class="images">\n' + "\n".join(images) + "\n</div>"
    )


def mistakes(network: Network, test_set: Digits) -> str:
    """The wrong answers that were given with the most confidence."""
    A = probabilities(network, test_set.X)
    answers, sure = A.argmax(axis=0), A.max(axis=0)
    wrong = np.flatnonzero(answers != test_set.labels)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]
    names = [escape(name) for name in test_set.names]
    images = (
        figure(
            255 - test_set.images[index].reshape(SIDE, SIDE),
            f"{names[test_set.labels[index]]}, read {names[answers[index]]}<br>"
            f"{100 * sure[index]:.1f} %<br>image {index}",
            f"test image {index}, a {names[test_set.labels[index]]}",
        )
        for index in worst
    )
    return (
        f"<h2>The worst mistakes</h2>\n<p>Of {len(wrong):,} test images read wrong, those it was "
        f'most sure of.</p>\n<div class="images">\n' + "\n".join(images) + "\n</div>"
    )


def diverging(values: Array) -> NDArray[np.uint8]:
    """Numbers from -1 to 1 as colours (…, 3): blue, white, red."""
    pale = 1 - np.abs(values)[..., None]
    full = np.where(values[..., None] > 0, [200, 30, 30], [30, 60, 200])
    return (255 * pale + full * (1 - pale)).round().astype(np.uint8)


def figure(pixels: NDArray[np.uint8], caption: str, words: str) -> str:
    """An image, in the page itself, above its caption."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    data = base64.b64encode(content.getvalue()).decode()
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{words}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )
