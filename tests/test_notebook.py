"""Values as a notebook shows them: read back from their HTML, and from a kernel that ran."""

import base64
import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html import unescape

import nbformat
import numpy as np
import pytest
from helpers import toy_problem
from helpers.elements import Elements
from helpers.kernels import execute
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from chainrule import Evaluation, Snapshot, Table, evaluate, initialise, notebook, train
from chainrule.explain.check import check
from chainrule.explain.ledger import open_ledger
from chainrule.explain.proof import CellProof, prove, prove_output
from chainrule.explain.rules import open_cell
from chainrule.notebook import html
from chainrule.notebook.values import SHOWN
from chainrule.notebook.watching import POINTS, curves
from chainrule.runs.compare import Answers, Apart, ComparedStep, Comparison

NAN = float("nan")
EVIL = "<img src=x onerror=alert(1)>&"


@pytest.fixture(scope="module")
def small_ledger(mnist):
    from chainrule import load_bundled

    return open_ledger(load_bundled("small"), mnist[1][1832].X[:, 0], 3)


@pytest.fixture(scope="module")
def values(small_ledger, mnist):
    """One of each kind, or more."""
    network, some = small_ledger.network, mnist[1][:40]
    steps = [ComparedStep(k, (1 / (k + 1), 0.5), (NAN, NAN), (0.1 * k, NAN)) for k in range(30)]
    numbers = np.arange(3)
    comparison = Comparison(
        (29, 7),
        {"hidden": ([10], [20, EVIL]), "batch_size": (None, 64)},
        steps,
        (Apart(0.5, 0.25),),
        (0.9, 0.8),
        Answers(numbers, numbers[:2], numbers[:1]),
        Answers(numbers, numbers[:2], numbers[:1]),
    )
    snapshot = Snapshot(
        *(network, np.zeros((0, 1)), 1200, 0, 0.25, "batches", 0.5, 0.75),
        validation_loss=0.31,
        validation_accuracy=0.625,
    )
    return [
        network,
        initialise((4, 3, 2), rng=np.random.default_rng(0)),
        snapshot,
        evaluate(network, some),
        small_ledger,
        *(open_cell(small_ledger, name) for name in ("Z1[3]", "A2[5]", "E", "dW1[3,350]", "y[0]")),
        prove(small_ledger, "dW2[3,7]"),
        prove_output(small_ledger),
        check(network, some.X, some.Y, sample=60),
        comparison,
        comparison._replace(apart=None, settings={}),
    ]


class Rows(Elements):
    """The rows of each table, as texts."""

    def __init__(self, text):
        self.tables, self.stack = [], []
        super().__init__(text)
        assert not self.stack

    def handle_starttag(self, tag, attributes):
        super().handle_starttag(tag, attributes)
        if tag != "img":
            self.stack.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        super().handle_data(data)
        if {"td", "th"} & set(self.stack):
            self.tables[-1][-1][-1] += data


def table_of(value, which=0):
    return Rows(value._repr_html_()).tables[which]


def test_every_kind_is_html_without_script_or_address(values):
    assert {type(each) for each in values} == set(SHOWN)
    for value in values:
        told = value._repr_html_()
        rows = Rows(told)  # every element ends
        for tag, attributes in rows.tags:
            assert tag in {
                *("div", "style", "p", "strong", "table", "caption", "thead", "tbody", "tr"),
                *("th", "td", "span", "code", "figure", "img", "figcaption"),
            }
            assert set(attributes) <= {
                *("class", "style", "scope", "alt", "src", "width", "height", "tabindex")
            }
            assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;")
        assert "url(" not in told
        assert len(told) < 60_000
        assert all(len({len(row) for row in table}) == 1 for table in rows.tables)


def test_no_text_of_a_value_is_html(values):
    *_, comparison, _ = values
    assert EVIL in unescape(comparison._repr_html_())
    assert "<img src=x" not in comparison._repr_html_()
    assert html.text(html.Html("<b>")) == "<b>"
    for piece in (html.line(EVIL), html.code(EVIL), html.table((EVIL,), [(EVIL,)], caption=EVIL)):
        assert "<img" not in piece
        assert EVIL in unescape(piece)
    told = html.picture(np.zeros((1, 1, 4), np.uint8), size=1, caption=EVIL, words='"' + EVIL)
    assert Elements(told).only("img")[0]["alt"] == '"' + EVIL


def test_an_evaluation_is_its_counts():
    rng = np.random.default_rng(1)
    seen = Evaluation(0.125, rng.integers(0, 2000, (5, 5)))
    head, *rows = table_of(seen)
    assert head == ["truth", *"01234", "right, %"]
    counts = [[int(each.replace(",", "").replace("·", "0")) for each in row[1:-1]] for row in rows]
    assert counts == seen.confusion.tolist()
    shares = [float(row[-1]) for row in rows]
    assert shares == pytest.approx(100 * np.diag(counts) / np.sum(counts, axis=1), abs=0.05)
    right, m = np.trace(counts), np.sum(counts)
    assert f"{100 * right / m:.2f} % read right ({right:,} of {m:,})" in seen._repr_html_()
    many = Evaluation(0.5, np.eye(62, dtype=int))
    assert "100.00 % read right (62 of 62)" in many._repr_html_()
    assert "<table" not in many._repr_html_()


def test_a_ledger_is_its_numbers(small_ledger):
    head, *rows = table_of(small_ledger)
    assert head == ["class", "Z2", "", "A2", "y", "dZ2"]
    for k, row in enumerate(rows):
        for name, told in zip(("Z2", "A2", "y", "dZ2"), (row[1], *row[3:]), strict=True):
            assert float(told) == pytest.approx(small_ledger.arrays[name][k], rel=1e-3, abs=1e-4)
    _, *arrays = table_of(small_ledger, 1)
    assert [row[0] for row in arrays] == list(small_ledger.arrays)
    for name, _, _, told in arrays:
        low, high = (told + " … " + told).split(" … ")[0::1][:2]
        array = small_ledger.arrays[name]
        assert (float(low), float(high)) == pytest.approx((array.min(), array.max()), rel=1e-3)
    (image,) = (
        attributes["src"]
        for tag, attributes in Elements(small_ledger._repr_html_()).tags
        if tag == "img"
    )
    content = base64.b64decode(image.partition(",")[2])
    grey = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
    x = small_ledger.arrays["x"].reshape(28, 28)
    assert np.array_equal(grey, (255 - 255 * x).round())
    assert "label 3, read as 5, E = 0.4226" in small_ledger._repr_html_()


@pytest.mark.parametrize("name", ["Z1[3]", "E", "dW1[3,350]", "y[0]", "Z2[0]"])
def test_the_terms_of_a_cell_add_up(small_ledger, name):
    cell = open_cell(small_ledger, name)
    _, *terms, (_, _, total) = table_of(cell)
    told = [float(value) for _, _, value in terms]
    assert len(told) <= 13
    assert sum(told) == pytest.approx(cell.value, rel=1e-4, abs=1e-9)
    assert float(total) == pytest.approx(cell.value, rel=1e-8)
    told = cell._repr_html_()
    assert all(each in told for each in (*cell.comes_from, *cell.feeds))
    assert cell.source is None or f"(network.py, {cell.source.line})" in told


def test_proofs_are_their_numbers_and_verdicts(small_ledger):
    proof = prove(small_ledger, "dW2[3,7]")
    told = {name: float(value) for name, value in table_of(proof)}
    above, below = (value for name, value in told.items() if name.startswith("E with"))
    assert (above - below) / (2 * proof.h) == pytest.approx(told["by the chain rule"], rel=1e-7)
    assert "dW2[3,7]: agrees" in proof._repr_html_()
    false = CellProof(*(proof._replace(agrees=None, kink=EVIL)))
    assert "dW2[3,7]: cannot be told" in false._repr_html_()
    *_, verdicts = table_of(prove_output(small_ledger))
    assert verdicts == ["", "", "agrees", "differs", "differs"]
    network, X, Y = toy_problem(np.random.default_rng(2))
    gradients = check(network, X, Y)
    _, *rows = table_of(gradients)
    assert [row[-1] for row in rows[:4]] == ["agrees"] * 4
    assert {row[-1] for row in rows[4:]} >= {"differs"}
    assert "the gradient agrees with central differences" in gradients._repr_html_()


def test_a_network_and_a_snapshot_are_told(values):
    small, tiny, snapshot, *_ = values
    _, *rows = table_of(small)
    assert [row[2:4] for row in rows] == [["10 × 784", "7,850"], ["10 × 10", "110"]]
    assert small._repr_html_().count("<img") == 10
    assert tiny._repr_html_().count("<img") == 0
    low, high = map(float, table_of(tiny)[1][4].split(" … "))
    W = tiny.layers[0][0]
    assert (low, high) == pytest.approx((W.min(), W.max()), rel=1e-3)
    told = dict(table_of(snapshot))
    assert told == {
        "loss E (batches)": "0.250000",
        "validation loss": "0.310000",
        "training accuracy": "50.00 %",
        "test accuracy": "75.00 %",
        "validation accuracy": "62.50 %",
    }
    assert "after 1,200 steps" in snapshot._repr_html_()


def test_a_comparison_shows_both_ends(values):
    *_, comparison, other = values
    parts = Rows(comparison._repr_html_()).tables
    assert parts[0][2] == ["batch size", "all", "64"]
    steps = [int(row[0]) for row in parts[1][1:]]
    assert {0, 7, 29} <= set(steps)
    assert parts[1][1][1:] == ["1.0000", "0.5000", "0.0", ""]
    assert [row[1] for row in parts[2][1:]] == ["3", "2", "1"]
    assert parts[3][1] == ["1", "0.500", "0.250"]
    assert "networks of other sizes" in other._repr_html_()


@given(st.data())
def test_a_png_is_its_pixels(data):
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    content = data.draw(st.binary(min_size=4 * height * width, max_size=4 * height * width))
    pixels = np.frombuffer(content, np.uint8).reshape(height, width, 4)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(html.png(pixels)))), pixels)


def test_what_is_not_finite_is_shown(mnist):
    network = initialise((784, 10, 10), rng=np.random.default_rng(0), dtype=np.float64)
    network.parameters[:] *= 1e160
    ledger = open_ledger(network, mnist[1][0].X[:, 0], 7)
    assert "overflows: what is too large" in ledger._repr_html_()
    network.parameters[0] = np.inf
    assert "<img" not in network._repr_html_()


def test_other_values_are_refused():
    with pytest.raises(TypeError, match=r"wanted one of Network, Snapshot, .* got 3"):
        notebook.as_html(3)


def test_the_classes_are_dressed_where_a_notebook_may_be():
    code = (
        "{}\nfrom chainrule.network import Network\n"
        "print(hasattr(Network, '_repr_html_'))\nimport chainrule\n"
        "chainrule.notebook\nprint(hasattr(Network, '_repr_html_'))"
    )
    for first, said in (("", "False\nTrue\n"), ("import IPython", "True\nTrue\n")):
        done = subprocess.run(
            [sys.executable, "-c", code.format(first)], capture_output=True, text=True, check=True
        )
        assert done.stdout == said


# ------------------------------------------------------------------------------------- watching


def clouds():
    labels = np.arange(60) % 2
    X = np.random.default_rng(0).standard_normal((3, 60)) + 3 * labels
    return Table(X.astype(np.float32), labels)


def training(**more):
    rng = np.random.default_rng(0)
    table = clouds()
    return train(initialise((3, 4, 2), rng=rng), table, rng=rng, engine="numpy", **more)


def test_outside_a_notebook_it_prints_lines(capsys):
    ticks = iter(np.arange(0, 100, 0.05))
    last = notebook.watch(training(steps=20, test=clouds()), clock=lambda: next(ticks))
    assert last.step == 20
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("step 0, loss 0.")
    assert lines[-1] == (f"step 20, loss {last.loss:.4f}, test {100 * last.test_accuracy:.1f} %")
    assert 2 < len(lines) < 6  # twenty-one snapshots in about two seconds of this clock
    with pytest.raises(ValueError, match="no snapshot to watch"):
        notebook.watch([])


def test_the_last_snapshot_is_always_drawn_and_once(capsys):
    notebook.watch(training(steps=3), clock=lambda: 0.0)
    assert [line[:6] for line in capsys.readouterr().out.splitlines()] == ["step 0", "step 3"]
    notebook.watch(training(steps=3), every=0)
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_curves_are_the_numbers_seen():
    (*_, last) = training(steps=2)
    seen = [(k, 1 / (k + 1), 2.0, NAN, k / 5000, NAN) for k in range(5000)]
    told = curves(last, seen)
    charts = [ET.fromstring(each) for each in re.findall(r"<svg.*?</svg>", told, re.DOTALL)]
    assert [each.get("aria-label") for each in charts] == [
        "loss E over the steps; training: 1 at step 0, 0.0002 at step 4,999; "
        "validation: 2 at step 0, 2 at step 4,999",
        "read right, % over the steps; test: 0 at step 0, 99.98 at step 4,999",
    ]
    line, _ = charts[0].iter("polyline")
    assert len(line.get("points").split()) == POINTS
    assert (
        len(re.findall("<svg", curves(last, [(*each[:2], *[NAN] * 4) for each in seen[:9]]))) == 1
    )


# --------------------------------------------------------------------------------- in a real kernel


def test_a_kernel_shows_them(tmp_path):
    cells = (
        "import numpy as np\nfrom chainrule import *\nsmall = load_bundled('small')\nsmall",
        "rng = np.random.default_rng(0)\nimport chainrule\n"
        "table = Table(rng.standard_normal((3, 60), np.float32), np.arange(60) % 2)\n"
        "steps = train(initialise((3, 4, 2), rng=rng), table, test=table, steps=30, rng=rng,\n"
        "              engine='numpy')\n"
        "chainrule.notebook.watch(steps, every=0)",
        "from chainrule.explain.ledger import open_ledger\nopen_ledger(small, np.zeros(784), 3)",
        "chainrule.notebook.show(small, 0)",
    )
    made = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    value, watched, other, moment = (each.outputs for each in execute(made, tmp_path).cells)
    assert value[0]["data"]["text/html"].count("<img") == 10
    drawn, last = watched  # one output, drawn 31 times, and the last snapshot
    assert drawn["data"]["text/plain"].startswith("step 30, loss ")
    assert drawn["data"]["text/html"].count("<svg") == 2
    assert "after 30 steps" in last["data"]["text/html"]
    assert "label 3, read as" in other[0]["data"]["text/html"]
    assert moment[0]["data"]["text/plain"].startswith("every number of one image in Network 784")
    assert moment[0]["data"]["text/html"].startswith("<iframe ")


# ---------------------------------------------------------------------------------- a moment shown


def moment_in(shown):
    """What the page in the frame is fed with."""
    told, _ = Elements(shown._repr_html_()).only("iframe")
    assert told["sandbox"] == "allow-scripts"  # it may not reach the notebook
    assert told["srcdoc"] == shown.page
    return json.loads(Elements(shown.page).only("script", id="moment")[1])


def test_a_moment_is_the_numbers_of_the_network(small_ledger, mnist):
    network, image = small_ledger.network, mnist[1][1832]
    for each, label in ((image, None), (image.X.reshape(28, 28), 3)):
        moment = moment_in(notebook.show(network, each, label=label, cell="dW2[3,7]"))
        assert moment["ledger"]["label"] == 3
        assert moment["ledger"]["prediction"] == 5
        cell = moment["cells"]["dW2[3,7]"]
        assert cell["value"] == pytest.approx(small_ledger.arrays["dW2"][3, 7], rel=1e-12)
        assert moment["view"]["cell"] == "dW2[3,7]"
        assert moment["lab"]["runs"] == []
    unlabelled = moment_in(notebook.show(network, image.images[0]))
    assert unlabelled["ledger"]["label"] == 5  # what it reads


def test_what_cannot_be_shown_is_refused(small_ledger, mnist):
    network, digits = small_ledger.network, mnist[1]
    rng = np.random.default_rng(0)
    for what, says in (
        (
            (initialise((4, 3), rng=rng), 0),
            r"a network of digits or other classes, 784 → … → 2 to 62, got Network 4 → 3",
        ),
        (("model", 0), "show takes a Network, got str"),
        ((network, 10_000), "test images go from 0 to 9999"),
        ((network, digits[:2]), "show takes one image, got 2"),
        ((network, np.zeros(783)), r"784 pixels .* got shape \(783,\)"),
        ((network, 255 * digits[0].X), "from 0 .* got 0 to 255; divide by 255"),
        ((network, np.full(784, NAN)), "pixels go from 0"),
        ((network, np.zeros(784, int)), "bytes, or numbers from 0 to 1, got int64"),
    ):
        with pytest.raises(ValueError, match=says):
            notebook.show(*what)
    for more, says in (
        ({"label": 10}, "label must be a whole number from 0 to 9"),
        ({"cell": "dW9[0]"}, "no cell is called 'dW9"),
        ({"cell": 5}, "no cell is called '5'"),
    ):
        with pytest.raises(ValueError, match=says):
            notebook.show(network, 0, **more)
