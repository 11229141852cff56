"""What a notebook shows of each kind of value, and how the kinds come to know it.

The classes are dressed from here, so the files that compute say nothing of HTML.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.data import PIXELS, SIDE
from chainrule.explain.check import VERDICTS, Proof
from chainrule.explain.ledger import Ledger, overflowing, prediction
from chainrule.explain.proof import CellProof, OutputProof
from chainrule.explain.rules import Cell, array_formula
from chainrule.network import Array, Network
from chainrule.notebook.html import (
    Html,
    bar,
    block,
    code,
    ink,
    line,
    picture,
    sides,
    signed,
    table,
)
from chainrule.notebook.watching import shares_of
from chainrule.runs.compare import Comparison, setting
from chainrule.training import Evaluation, Snapshot

PICTURES = 20  # units whose weights are shown as pictures, at most
TERMS = 12  # of a sum that is written out, at most
CLASSES = 30  # that a confusion matrix is shown of, at most
ROWS = 12  # of two runs side by side

Parts = Iterator[Html]


def network_parts(network: Network) -> Parts:
    """Its layers, the range of their weights, and for digits what the first units look for."""
    yield line(network, strong=True)
    if network.parameters.ndim > 1:
        return
    L = network.depth
    rows = []
    for l, (W, b) in enumerate(network.layers, 1):
        below = "x" if l == 1 else f"A{l - 1}"
        after = f"A{l} = softmax(Z{l})" if l == L else f"A{l} = ReLU(Z{l})"
        equation = code(f"Z{l} = W{l} {below} + b{l},  {after}")
        shape = " × ".join(map(str, W.shape))
        rows.append((l, equation, shape, f"{W.size + b.size:,}", between(W), between(b)))
    heads = ("layer", "", "W", "parameters", "weights", "biases")
    yield table(heads, rows, left=(0, 1))
    W, _ = network.layers[0]
    if network.sizes[0] == PIXELS and np.isfinite(W).all():
        shown = W[:PICTURES]
        most = float(np.abs(shown).max())
        yield line(
            f"the weights of the first units: red raises Z1, blue lowers it, up to ±{most:.3g}"
        )
        pictures = (
            picture(
                signed(row.reshape(SIDE, SIDE), most),
                size=2 * SIDE,
                caption=f"W1[{k},:]",
                words=f"the weights of unit {k}",
            )
            for k, row in enumerate(shown)
        )
        yield sides(*pictures)


def snapshot_parts(snapshot: Snapshot) -> Parts:
    """How far it is, and how good."""
    yield line(f"after {snapshot.step:,} steps", strong=True)
    rows: list[tuple[object, ...]] = [(f"loss E ({snapshot.loss_of})", f"{snapshot.loss:.6f}")]
    if snapshot.validation_loss is not None:
        rows.append(("validation loss", f"{snapshot.validation_loss:.6f}"))
    for name, share in shares_of(snapshot).items():
        if share is not None:
            rows.append((f"{name} accuracy", percent(share)))
    yield table(("", ""), rows)
    yield line(snapshot.network)


def evaluation_parts(seen: Evaluation) -> Parts:
    """The accuracy, and which class is read as which."""
    counts = seen.confusion
    right, m = int(np.trace(counts)), int(counts.sum())
    yield line(
        f"{percent(seen.accuracy)} read right ({right:,} of {m:,}), loss {seen.loss:.4f}",
        strong=True,
    )
    if len(counts) > CLASSES:
        return
    wrong = counts - np.diag(np.diag(counts))
    shades = np.zeros((len(counts), len(counts) + 2))
    shades[:, 1:-1] = -wrong / max(int(wrong.max()), 1)
    shares = seen.accuracy_per_digit
    shades[np.arange(len(counts)), np.arange(len(counts)) + 1] = 0.5
    rows = [
        (
            truth,
            *(f"{count:,}" if count else "·" for count in row),
            "" if np.isnan(shares[truth]) else f"{100 * shares[truth]:.1f}",
        )
        for truth, row in enumerate(counts)
    ]
    heads = ("truth", *range(len(counts)), "right, %")
    caption = "a row is a true class, a column what it is read as"
    yield table(heads, rows, caption=caption, shades=shades)


def ledger_parts(ledger: Ledger) -> Parts:
    """The image, the output, and every array with its formula and its range."""
    network, L = ledger.network, ledger.network.depth
    label, read = int(ledger.arrays["y"].argmax()), prediction(ledger)
    said = "read as nothing: a number overflows" if read is None else f"read as {read}"
    E = float(ledger.arrays["E"])
    yield line(f"label {label}, {said}, E = {E:.6g}", strong=True)
    if first := overflowing(ledger):
        yield line(f"{first} overflows: what is too large for float64 is inf or nan")
    Z, A, y, dZ = (ledger.arrays[name] for name in (f"Z{L}", f"A{L}", "y", f"dZ{L}"))
    rows = [
        (k, f"{z:.4g}", bar(float(a)), f"{a:.4f}", f"{t:.0f}", f"{d:.4g}")
        for k, (z, a, t, d) in enumerate(zip(Z, A, y, dZ, strict=True))
    ]
    heads = ("class", f"Z{L}", "", f"A{L}", "y", f"dZ{L}")
    parts = [table(heads, rows, left=(0, 2))]
    x = ledger.arrays["x"]
    if x.size == PIXELS:
        image = ink(x.reshape(SIDE, SIDE))
        parts.insert(0, picture(image, size=6 * SIDE, caption="x", words=f"the image, a {label}"))
    yield sides(*parts)
    arrays = [
        (
            name,
            code(array_formula(network, name)),
            " × ".join(map(str, array.shape)) or "one number",
            between(array),
        )
        for name, array in ledger.arrays.items()
    ]
    yield table(
        ("array", "formula", "shape", "from … to"),
        arrays,
        left=(0, 1),
        caption="every number of the pass (m = 1, float64); open one with open_cell(ledger, name)",
    )


def cell_parts(cell: Cell) -> Parts:
    """Its formula, the line that computed it, and the sum it is."""
    yield line(f"{cell.name} = {cell.value:.9g}", strong=True)
    yield line(code(cell.formula))
    if cell.source:
        yield line(Html(f"computed by {code(cell.source.code)} (network.py, {cell.source.line})"))
    telling = [each for each in cell.terms if each.value != 0] or list(cell.terms[:1])
    largest = sorted(telling, key=lambda each: -abs(each.value))[:TERMS]
    shown = [each for each in telling if each in largest][:TERMS]
    rows: list[tuple[object, ...]] = [
        (each.names, each.numbers, f"{each.value:.6g}") for each in shown
    ]
    if more := len(cell.terms) - len(shown):
        rest = sum(each.value for each in telling) - sum(each.value for each in shown)
        what = "others, smaller" if len(telling) > len(shown) else "others, 0"
        rows.append((f"{more:,} {what}", "", f"{rest:.6g}"))
    if cell.numerator:
        names, numbers, _ = cell.numerator
        rows.append((f"{names} divided by their sum", numbers, f"{cell.total:.9g}"))
    else:
        rows.append(("sum", "", f"{cell.total:.9g}"))
    yield table(("term", "in numbers", "value"), rows, left=(0, 1))
    for words, cells in (("comes from", cell.comes_from), ("feeds", cell.feeds)):
        if cells:
            yield line(f"{words} {', '.join(cells)}")


def cell_proof_parts(proof: CellProof) -> Parts:
    """The derivative beside its central difference."""
    yield line(f"{proof.cell}: {VERDICTS[proof.agrees]}", strong=True)
    rows = (
        (f"E with {proof.nudged} + h", f"{proof.E_above:.15g}"),
        ("E", f"{proof.E:.15g}"),
        (f"E with {proof.nudged} - h", f"{proof.E_below:.15g}"),
        (f"their slope, h = {proof.h:.3g}", f"{proof.quotient:.12g}"),
        ("by the chain rule", f"{proof.ours:.12g}"),
        ("difference", f"{proof.difference:.2g}"),
    )
    yield table(("", ""), rows)
    if proof.kink:
        yield line(proof.kink)


def output_proof_parts(proof: OutputProof) -> Parts:
    """Each account of dZ[L] beside the measured slopes."""
    yield line(f"{proof.array} beside measured slopes", strong=True)
    heads = (proof.array, "measured", *(each.name for each in proof.accounts))
    columns = [proof.quotients, *(each.values for each in proof.accounts)]
    rows: list[tuple[object, ...]] = [
        (k, *(f"{value:.6g}" for value in row)) for k, row in enumerate(zip(*columns, strict=True))
    ]
    rows.append(("", "", *(VERDICTS[each.agrees] for each in proof.accounts)))
    yield table(heads, rows)


def proof_parts(proof: Proof) -> Parts:
    """Every account of the gradient, array by array."""
    yield line(f"the gradient {VERDICTS[proof.own.agrees]} with central differences", strong=True)
    rows = [
        (
            account.name,
            row.array,
            f"{row.cells:,}",
            f"{row.relative:.1e}",
            f"{row.largest:.1e}",
            VERDICTS[row.agrees],
        )
        for account in (proof.own, *proof.impostors)
        for row in account.rows
        if row.cells  # a sample may have none of an array
    ]
    heads = ("gradient", "array", "cells", "relative", "largest", "")
    yield table(heads, rows, left=(0, 1, 5))
    kinks = f", {len(proof.kinks):,} of them left out at corners of ReLU" if proof.kinks else ""
    yield line(f"{proof.compared:,} of {proof.parameters:,} derivatives compared{kinks}")


def comparison_parts(found: Comparison) -> Parts:
    """What differs: settings, curves, weights and answers."""
    yield line(
        f"A after step {found.steps[0]:,}, B after step {found.steps[1]:,}: "
        f"test accuracy {percent(found.accuracy[0])} and {percent(found.accuracy[1])}",
        strong=True,
    )
    if found.settings:
        settings = (
            (name.replace("_", " "), *(setting(name, each) for each in pair))
            for name, pair in found.settings.items()
        )
        yield table(("setting", "A", "B"), settings, left=(0, 1, 2))
    else:
        yield line("the settings are the same")
    places = np.linspace(0, len(found.rows) - 1, min(len(found.rows), ROWS)).round().astype(int)
    rows = [
        (f"{row.step:,}", *map(known, row.loss), *(known(100 * a, 1) for a in row.test_accuracy))
        for k, row in enumerate(found.rows)
        if k in places or row.step in found.steps
    ]
    yield table(("step", "loss A", "B", "test A, %", "B"), rows, left=())
    answers = zip(
        ("A right, B wrong", "B right, A wrong", "both wrong, differently"),
        found.answers,
        strict=True,
    )
    counts = table(("test images", ""), ((name, f"{len(each):,}") for name, each in answers))
    if found.apart is None:
        yield counts
        yield line("networks of other sizes cannot be subtracted")
        return
    apart = ((l, f"{each.W:.3f}", f"{each.b:.3f}") for l, each in enumerate(found.apart, 1))
    caption = "‖A - B‖ over the larger norm"
    yield sides(counts, table(("layer", "W", "b"), apart, caption=caption))


# -------------------------------------------------------------------------------- in few signs


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def known(value: float, digits: int = 4) -> str:
    return "" if np.isnan(value) else f"{value:.{digits}f}"


def between(array: Array) -> str:
    """The smallest and the largest number of an array."""
    if array.size == 1:
        return f"{array.item():.4g}"
    return f"{np.min(array):.4g} … {np.max(array):.4g}"


# ----------------------------------------------------------------------------- the kinds are told

SHOWN: dict[type, Callable[[Any], Parts]] = {
    Network: network_parts,
    Snapshot: snapshot_parts,
    Evaluation: evaluation_parts,
    Ledger: ledger_parts,
    Cell: cell_parts,
    CellProof: cell_proof_parts,
    OutputProof: output_proof_parts,
    Proof: proof_parts,
    Comparison: comparison_parts,
}


def as_html(value: object) -> str:
    """The value as a notebook shows it; TypeError for what is none of these kinds."""
    if type(value) not in SHOWN:
        raise TypeError(
            f"wanted one of {', '.join(each.__name__ for each in SHOWN)}, got {value!r}"
        )
    return block(*SHOWN[type(value)](value))


def dress() -> None:
    """Give each kind `_repr_html_`."""
    for kind in SHOWN:
        kind._repr_html_ = as_html  # type: ignore[attr-defined] # notebooks look for this name
