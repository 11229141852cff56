"""What a terminal gets: as wide as it is, readable on any background, obeying nothing but us."""

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from chainrule import initialise
from chainrule.cli import pictures, tables
from chainrule.cli.printing import Column, laid_out, paragraph, show, table, visible
from chainrule.explain.check import check
from chainrule.explain.ledger import open_ledger
from chainrule.explain.rules import open_cell
from chainrule.runs.compare import Answers, Apart, ComparedStep, Comparison
from chainrule.runs.listing import Entry
from chainrule.runs.settings import Change
from chainrule.training import Evaluation

WIDTHS = (40, 60, 80, 200)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def entry(folder, state, step=700, **fields):
    known = {"length": 1000, "loss": 0.0495, "test_accuracy": 0.9331, "bytes": 3_300_000}
    return Entry(
        **{
            **{"folder": Path(folder), "state": state, "step": step, "rates": None, "changes": ()},
            "engine": "compiled",
            **{"started": NOW - timedelta(minutes=31), "data": "mnist", **known, **fields},
        }
    )


def comparison():
    sha256 = [2 * f"{side:032x}" for side in (3, 4)]
    shares = (0.1234, 0.2345), (0.3456, 1.0)
    rows = [
        ComparedStep(step, (0.4611 / (step + 1), np.nan), *shares)
        for step in range(0, 120_000, 10_000)
    ]
    return Comparison(
        (110_000, 700),
        {
            "hidden": ([10], [300, 100]),
            "learning_rate": (1.5, 0.0001220703125),
            "train_digits": sha256,
            "data": (None, "/home/somebody/a/long/name/digits"),
        },
        rows,
        (Apart(0.123, 1.999), Apart(1.0, 0.456)),
        (0.9331, 0.8988),
        Answers(np.arange(9000), np.arange(7), np.arange(0)),
        Answers(*(np.zeros((count, 2), int) for count in (9000, 7, 0))),
    )


@pytest.fixture(scope="module")
def everything(mnist):
    """Each kind of report, by its name: a function that gives its pieces."""
    rng = np.random.default_rng(0)
    network = initialise([784, 90, 10], rng=rng)
    digits = mnist[1][[8, 3]]
    ledger = open_ledger(network, digits.X[:, 0], 5)
    answers = rng.integers(0, 400, (10, 10)) + np.diag(np.arange(10) + 900)
    answers[0] = 0
    proof = check(network, digits.X, digits.Y, sample=300)
    unsure, sure = np.full((2, 10), 0.1)
    sure[:] = np.eye(10)[6]
    states = {"running": 700, "finished": 1000, "interrupted": 62}
    entries = [entry(f"runs/2026-11-27-10101{k}", s, states[s]) for k, s in enumerate(states)]
    new = {"length": None, "loss": None, "test_accuracy": None, "data": "/somewhere/else"}
    entries.append(entry("runs/new", "running", 0, **new))
    rates = "α = 1.5, 0.5 from step 62, 0.25 from step 100"
    entries.append(
        entry("runs/changed", "interrupted", 100, changes=(Change(62, 0.5),), rates=rates)
    )
    return {
        "runs": lambda: tables.runs(entries, NOW),
        "compared": lambda: tables.compared(comparison()),
        "answers": lambda: tables.differing_answers(comparison(), mnist[1]),
        "confusion": lambda: tables.confusion(Evaluation(0.5, answers)),
        "wrong": lambda: pictures.reading(digits.X[:, 0], sure, "test image 8", 5),
        "right": lambda: pictures.reading(digits.X[:, 0], sure, "test image 8", 6),
        "unsure": lambda: pictures.reading(digits.X[:, 0], unsure, "photos/a-drawing.png", None),
        "proven": lambda: pictures.proven(proof, [8, 3], "MNIST"),
        "opened": lambda: pictures.opened(open_cell(ledger, "dZ2[5]"), full=False),
        **{
            name: lambda name=name: pictures.explained(ledger, name, full=False)
            for name in ledger.arrays
        },
        "full": lambda: pictures.explained(ledger, "dW2", full=True),
    }


def printed(pieces, width, **settings):
    """What a terminal of this width gets."""
    file = io.StringIO()
    plain = {"soft_wrap": True, "markup": False, "highlight": False}
    console = Console(file=file, width=width, **plain, **settings)
    for piece in laid_out(pieces, width, broken=True):
        console.print(piece)
    return file.getvalue()


def numbers(text):
    # A mark stands for more cells where there is room for fewer marks.
    text = re.sub(r"a mark\s+is\s+the\s+largest\s+of\s+\d+", "", text)
    return set(re.findall(r"[-+]?\d[\d,.]*(?:e[-+]\d+)?", text))


# ----------------------------------------------------------------------------------------- widths


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_terminal_and_no_number_is_cut(everything, width):
    for name, pieces in everything.items():
        narrow, wide = printed(pieces(), width), printed(pieces(), 200)
        for line in narrow.splitlines():
            assert cell_len(line) <= width, (name, line)
        cut = numbers(narrow) - numbers(wide)
        if name == "full":  # each line names the index of its first number, however many there are
            cut = {number for number in cut if "." in number}
            assert {each for each in numbers(wide) if "." in each} <= numbers(narrow)
        assert not cut, name
        assert narrow.count("…") <= wide.count("…"), name


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_drawn_is_made_for_the_width_and_not_broken_to_it(everything, width):
    sentences = {"runs", "compared", "answers", "proven"}
    for name in everything.keys() - sentences:
        for piece in laid_out(everything[name](), width, broken=False):
            line = str(piece) if isinstance(piece, str | Text) else ""
            words = re.search("a mark is|rows with the largest|  from ", line)
            if not words and (name != "opened" or " · " in line):
                assert cell_len(line) <= width, (name, line)


def test_a_narrow_list_of_runs_keeps_its_names_states_and_accuracies(everything):
    def line_and_missing(width):
        text = printed(everything["runs"](), width)
        missing = re.search(r"too narrow for: ([^:]*)\n\n", text)
        return text.splitlines()[2].split()[1:], missing and missing[1].split()

    steps = ["700", "of", "1,000"]
    assert line_and_missing(40) == (["running"], ["steps,", "loss,", "test,", "size,", "age"])
    assert line_and_missing(60) == (["running", *steps, "93.3", "%"], ["loss,", "size,", "age"])
    whole = ["running", *steps, "0.0495", "93.3", "%", "3.3", "MB", "31", "min"]
    assert line_and_missing(80) == (whole, None)


def test_a_name_that_leaves_no_room_is_folded_and_nothing_of_it_lost():
    name = "runs/" + 60 * "x"
    printed_lines = printed(tables.runs([entry(name, "finished")], NOW), 40)
    assert printed_lines.count("x") == 60
    assert "finished" in printed_lines
    assert max(map(len, printed_lines.splitlines())) <= 40


def test_columns_of_one_rank_go_together():
    wide = table([Column("a", ["1"]), Column("b", ["22222"], 1), Column("c", ["3"], 1)])
    assert printed([wide], 4).split() == ["a", "─", "1", "too", "narrow", "for:", "b,", "c"]
    assert printed([wide], 9).split() == ["a", "b", "c", "─────────", "1", "22222", "3"]


def test_a_confusion_matrix_too_wide_comes_in_two_halves(everything):
    heads = [
        line for line in printed(everything["confusion"](), 40).splitlines() if "truth" in line
    ]
    assert [head.split() for head in heads] == [
        ["truth", *"01234"],
        ["truth", *"56789", "right,", "%"],
    ]
    assert printed(everything["confusion"](), 80).count("truth") == 1


def test_lines_are_broken_between_words_on_a_terminal_and_whole_elsewhere():
    path = 70 * "x"
    line = f"model {path} and a word"
    assert printed([line], 40) == f"model\n  {path}\n  and a word\n"
    assert [str(piece) for piece in laid_out([line], 40, broken=False)] == [line]
    assert printed([Text("  a bold line", "bold")], 8) == "  a bold\n    line\n"
    assert printed([paragraph(30 * "word ", "  ", "    ")], 200).count("\n") == 2


# ---------------------------------------------------------------------------------------- colours


def test_no_style_has_a_colour(everything):
    codes = set()
    for pieces in everything.values():
        text = printed(pieces(), 80, force_terminal=True, color_system="truecolor")
        codes |= {c for found in re.findall(r"\x1b\[([\d;]*)m", text) for c in found.split(";")}
        assert "\x1b" not in re.sub(r"\x1b\[[\d;]*m", "", text)
    # Bold, and reversed: both are made of the terminal's own two colours. Not dim, which is
    # grey on grey in some.
    assert codes == {"0", "1", "7"}


def test_the_greatest_confusions_are_reversed_and_what_is_right_is_bold():
    counts = np.diag(np.full(10, 50))
    counts[5, 3], counts[5, 8], counts[7, 9] = 40, 20, 19
    text = printed(
        tables.confusion(Evaluation(0.5, counts)), 80, force_terminal=True, color_system="standard"
    )
    assert re.findall(r"\x1b\[7m *(\d+)", text) == ["40", "20"]
    assert re.findall(r"\x1b\[1m *(50)\x1b", text) == 10 * ["50"]


# ----------------------------------------------------------------------------- control characters

EVIL = "\x1b[31mred\x07\n\r\t\x9b\u202eedir\u2066\u2028\x7f\udcff"
TAMED = r"\x1b[31mred\x07\n\r\t\x9b\u202eedir\u2066\u2028\x7f\udcff"


def test_what_a_terminal_would_obey_is_shown_as_its_escape():
    assert visible(EVIL) == TAMED
    ours = "Σ A2·dA2 ± ½ ⊙ ᵀ ‖g‖ → … 7\u2009960 数字 é é"
    assert visible(ours) == ours


def test_names_and_settings_are_tame_in_every_report(mnist, capsys):
    found = comparison()
    found = found._replace(settings={"optimizer": (EVIL, "adam"), "data": (EVIL, None)})
    digits = mnist[1][[8]]
    for pieces, line in (
        (tables.runs([entry("x", "finished", data=EVIL)], NOW), f"own digits, {TAMED}"),
        (tables.compared(found), TAMED),
        (pictures.reading(digits.X[:, 0], np.eye(10)[6], EVIL, None), f"{TAMED}: read as 6"),
        ([EVIL], TAMED),
        ([paragraph(EVIL)], TAMED),
        ([table([Column("name", [EVIL])])], TAMED),
        ([table([Column(EVIL, ["x"])])], TAMED),
        ([Text("\x1b\u202e", "bold")], r"\x1b\u202e"),
        (tables.runs([entry(EVIL, "finished")], NOW), TAMED[:30]),  # it is folded
    ):
        show(pieces)
        text = capsys.readouterr().out
        assert line in text
        assert all(c == "\n" or c == visible(c) for c in text)
