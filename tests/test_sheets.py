"""Sheets: exact by hand, and their keys beside what chainrule computes for the same network."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from helpers.elements import Elements

from chainrule import Network, backward, forward, gradient, loss
from chainrule.lessons.exact import draw_networks, printed_log, printed_power
from chainrule.lessons.paper import pages, written
from chainrule.lessons.tasks import SHEETS, make_sheets

D = 5e-5  # a power of e is rounded to four decimals
SEEDS = (0, 7, 2026)
PUPILS = 24


def network_of(small, kind="squared_error"):
    parts = (small.W1, small.b1, small.W2, small.b2)
    flat = [float(each) for part in parts for each in np.array(part, object).ravel()]
    return Network((3, 2, 3), np.array(flat), kind)


def column(values):
    return np.array([[float(each)] for each in values])


def one_hot(label):
    return np.eye(3)[:, [label]]


def cells(name, array):
    """The numbers of a column or a matrix under the names of their cells."""
    if array.shape[1] == 1:
        return {f"{name}[{i}]": array[i, 0] for i in range(array.shape[0])}
    return {f"{name}[{i},{k}]": array[i, k] for i, k in np.ndindex(array.shape)}


class Float:
    """What chainrule computes in float64 for a pupil's network, and how far a key may be from it.

    A[i] = p[i] / S, with each power p off by D at most: dA[i] is off by (D + 3 A[i] D) / S at most,
    so by `a` = 4 D / S. From there on sums of errors: every |A - y| is 1 at most, and their sum 2.
    """

    def __init__(self, small, kind="squared_error"):
        self.small, self.network = small, network_of(small, kind)
        self.X, self.Y = column(small.x), one_hot(small.label)
        self.trace = forward(self.network, self.X)
        self.d = backward(self.network, self.trace, self.Y)
        powers = np.exp(self.trace.Z[2])
        self.S = float(powers.sum())
        self.a = self.of(self.S)
        self.e = 2 * self.a + 1.5 * self.a**2
        self.mean = 3 * self.a + 3 * self.a**2
        # A (dA - M): the second factor is 2 at most, and off by a and by M's error.
        self.z = 2 * self.a + (1 + self.a) * (self.a + self.mean)

    @staticmethod
    def of(S):
        return 4 * D / (S - 3 * D)

    def E(self, W2=None, label=None):
        W, b = zip(*self.network.layers, strict=True)
        parameters = np.concatenate(
            [W[0].ravel(), b[0].ravel(), (W[1] if W2 is None else W2).ravel(), b[1].ravel()]
        )
        changed = Network((3, 2, 3), parameters, self.network.loss)
        Y = self.Y if label is None else one_hot(label)
        return float(loss(changed, self.X, Y)), float(np.exp(forward(changed, self.X).Z[2]).sum())


def wanted(small):
    """Every number that a sheet may ask, under its name: (value, how far the key may be off)."""
    here = Float(small)
    t, a, z = small.label, here.a, here.z
    A1, A2, d, W2 = here.trace.A[1], here.trace.A[2], here.d, here.network.layers[1][0]
    found = {}
    for exact, array in (("Z1", here.trace.Z[1]), ("A1", A1), ("Z2", here.trace.Z[2])):
        found |= {cell: (value, 0) for cell, value in cells(exact, array).items()}
    found["S"] = here.S, 3 * D
    for off, label, array in ((a, "A2", A2), (a, "dA2", d.dA[2]), (z, "dZ2", d.dZ[2])):
        found |= {cell: (value, off) for cell, value in cells(label, array).items()}
    found["M"] = float(np.sum(A2 * d.dA[2])), here.mean
    for label in range(3):
        found[f"E if it is a {label}"] = here.E(label=label)[0], here.e
    found["E"] = here.E()[0], here.e
    for (i, k), value in np.ndenumerate(d.dW[2]):
        found[f"dW2[{i},{k}]"] = value, z * A1[k, 0]
    for j in range(2):
        found[f"dA1[{j}]"] = d.dA[1][j, 0], z * np.abs(W2[:, j]).sum()
        found[f"dZ1[{j}]"] = d.dZ[1][j, 0], z * np.abs(W2[:, j]).sum()
        for k in range(3):
            off = z * np.abs(W2[:, j]).sum() * here.X[k, 0]
            found[f"dW1[{j},{k}]"] = d.dW[1][j, k], off
    J = np.diag(A2[:, 0]) - A2 @ A2.T
    found |= {cell: (value, 2 * a + a**2) for cell, value in cells("J", J).items()}
    # The weight that the sheet on slopes moves: to the true answer, from the first unit that is on.
    j = int(np.argmax(A1[:, 0] > 0))
    moved = {}
    for sign in (1, -1):
        W = W2.copy()
        W[t, j] += sign * 0.1
        E, S = here.E(W2=W)
        moved[sign] = E, 2 * Float.of(S) + 1.5 * Float.of(S) ** 2
    found |= {"E up": moved[1], "E down": moved[-1]}
    found["slope"] = (moved[1][0] - moved[-1][0]) / 0.2, (moved[1][1] + moved[-1][1]) / 0.2
    return found


def near(number, value, off):
    # What float64 itself rounds is far below the smallest of these bounds.
    return abs(float(number) - value) <= off + 1e-12


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SHEETS)
def test_every_key_is_as_near_to_chainrule_as_four_decimals_allow(name, seed):
    asked = 0
    for sheet in make_sheets(name, PUPILS, seed):
        known = wanted(sheet.network)
        for task in sheet.tasks:
            if task.words.startswith(("Take one step", "Cross-entropy")):
                continue  # below
            for number in task.answers:
                assert near(number.value, *known[number.name]), (sheet.pupil, number)
                asked += 1
    assert asked >= PUPILS * 7


def test_a_step_on_paper_is_a_step_of_descent():
    for sheet in make_sheets("rate", PUPILS, 3):
        here = Float(sheet.network)
        g = gradient(here.network, here.X, here.Y)
        steps = [task for task in sheet.tasks if task.words.startswith("Take one step")]
        assert len(steps) == 2
        for rate, task in zip((1, 10), steps, strict=True):
            after = Network((3, 2, 3), here.network.parameters - rate * g)
            W2, t = after.layers[1][0], sheet.network.label
            A1 = here.trace.A[1][:, 0]
            assert [each.name for each in task.answers] == [f"new W2[{t},{k}]" for k in range(2)]
            for k, number in enumerate(task.answers):
                assert near(number.value, W2[t, k], rate * here.z * A1[k])


def test_cross_entropy_on_paper_is_that_of_the_network():
    for sheet in make_sheets("losses", PUPILS, 3):
        here = Float(sheet.network, "cross_entropy")
        E, *dZ = sheet.tasks[-1].answers
        # log S moves by 3 D / S, and is rounded to four decimals itself.
        assert near(E.value, here.E()[0], 3 * D / (here.S - 3 * D) + D)
        for number, value in zip(dZ, here.d.dZ[2][:, 0], strict=True):
            assert near(number.value, value, here.a)


def test_the_derivative_of_the_sheet_on_slopes_is_near_its_slope():
    """Half of the way to their difference is the curve of E: 0.1² A1² times its third slope / 6."""
    for sheet in make_sheets("slope", PUPILS, 3):
        found = {each.name: each.value for task in sheet.tasks for each in task.answers}
        (derivative,) = (value for name, value in found.items() if name.startswith("dW2"))
        assert abs(derivative - found["slope"]) < 0.05
        assert derivative < 0  # it leads to the true answer from a unit that is on


@pytest.mark.parametrize("seed", SEEDS)
def test_networks_are_small_exact_and_all_different(seed):
    networks = draw_networks(seed, 60)
    assert len(set(networks)) == 60
    assert networks[:25] == draw_networks(seed, 25)  # more pupils change nothing for the others
    assert networks[0] != draw_networks(seed + 1, 1)[0]
    for k, small in enumerate(networks, 1):
        trace = forward(network_of(small), column(small.x))
        numbers = [*small.x, *small.b1, *small.b2]
        numbers += [each for W in (small.W1, small.W2) for row in W for each in row]
        assert all(each.denominator <= 2 and abs(each) <= 2 for each in numbers)
        Z1, Z2 = trace.Z[1][:, 0], trace.Z[2][:, 0]
        assert (Z1 > 0).sum() == (1 if k % 3 == 0 else 2)
        assert np.abs(Z2).max() <= 2
        assert Z2.argmax() != small.label
        for name, values in (("Z1", Z1), ("A1", trace.A[1][:, 0]), ("Z2", Z2)):
            (sheet,) = [each for each in make_sheets("pixels", k, seed) if each.pupil == k]
            key = {each.name: each.value for task in sheet.tasks for each in task.answers}
            assert [key[f"{name}[{i}]"] for i in range(len(values))] == values.tolist()
        if k >= 12:
            break


def test_powers_and_logarithms_are_rounded_to_four_decimals():
    for quarters in range(-12, 13):
        power = printed_power(Fraction(quarters, 4))
        assert abs(float(power) - math.exp(quarters / 4)) <= D
        assert (power * 10_000).denominator == 1
    assert printed_power(Fraction(1)) == Fraction("2.7183")
    assert printed_power(Fraction(0)) == 1
    assert printed_log(Fraction(2)) == Fraction("0.6931")


def test_one_sheet_worked_by_hand():
    """Pupil 1 of seed 0, with pencil and paper."""
    (sheet,) = make_sheets("softmax", 1, 0)
    small = sheet.network
    key = {each.name: each.value for task in sheet.tasks for each in task.answers}
    for i in range(2):
        Z = small.b1[i]
        for k in range(3):
            Z += small.W1[i][k] * small.x[k]
        assert key[f"Z1[{i}]"] == Z
        assert key[f"A1[{i}]"] == (Z if Z > 0 else 0)
    powers = [Fraction(f"{math.exp(key[f'Z2[{i}]']):.4f}") for i in range(3)]
    assert key["S"] == sum(powers)
    assert [key[f"A2[{i}]"] for i in range(3)] == [power / sum(powers) for power in powers]
    assert sum(key[f"A2[{i}]"] for i in range(3)) == 1


# ------------------------------------------------------------------------------------- on paper


def test_how_a_number_is_written():
    for value, text in {
        Fraction(3, 2): "= 3/2",
        Fraction(-1, 4): "= −1/4",
        Fraction(0): "= 0",
        Fraction("4.4817"): "= 4.4817",
        Fraction(1, 3): "= 1/3",
        Fraction(12345, 100003): "≈ 0.1234",
        Fraction(-2, 1000003): "≈ 0.0000",
    }.items():
        assert written(value) == text


@pytest.mark.parametrize("name", SHEETS)
def test_the_page_has_every_sheet_and_every_key(name):
    sheets = make_sheets(name, 5, 7)
    text = pages("A & B", sheets, 7)
    assert text == pages("A & B", make_sheets(name, 5, 7), 7)
    assert "A &amp; B" in text
    page = Elements(text)
    classes = [told.get("class") for _, told in page.tags]
    assert classes.count("sheet") == 5
    assert classes.count("key") == 5
    assert not [
        tag for tag, told in page.tags if tag in ("script", "link", "img") or "style" in told
    ]
    assert not re.search(r"https?://", text)
    body, _, keys = text.partition('<section class="keys">')
    for sheet in sheets:
        for task in sheet.tasks:
            for number in task.answers:
                assert f"</var> {written(number.value)}</span>" in keys
    asked = sum(len(task.answers) for sheet in sheets for task in sheet.tasks)
    assert body.count("<i></i>") == keys.count("<span>") == asked
    assert "-" not in re.sub(r"<[^>]*>", "", "".join(re.findall(r"<var>.*?</var>", body)))


# ------------------------------------------------------------------------------ the command


def test_the_command_writes_the_same_bytes_again(inside, tmp_path):
    done = inside("worksheet", "softmax", "--pupils", 3, "--seed", 7, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "softmax-sheets.html\n"), done.stderr
    first = (tmp_path / "softmax-sheets.html").read_bytes()
    assert inside("worksheet", "softmax", "--pupils", 3, "--seed", 7, cwd=tmp_path).returncode == 0
    other = tmp_path / "other.html"
    inside("worksheet", "softmax", "--pupils", 3, "--seed", 7, "--out", other, cwd=tmp_path)
    assert other.read_bytes() == (tmp_path / "softmax-sheets.html").read_bytes() == first
    inside("worksheet", "softmax", "--pupils", 3, "--seed", 8, "--out", tmp_path / "8.html")
    assert (tmp_path / "8.html").read_bytes() != first
    assert b"softmax" in first.lower()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("batch", "'batch' has no sheet; those with a sheet are pixels, softmax"),
        ("nobody", "'nobody' is no lesson; those with a sheet are pixels, softmax"),
        ("softmax --pupils 0", "(?i)--pupils.*0 is not in the range"),
        ("softmax --pupils 201", "(?i)--pupils.*201 is not in the range"),
        ("softmax --seed -1", "(?i)--seed"),
        ("softmax --out there.html", "there.html is there and holds something else"),
        ("softmax --out .", r"\.: is a folder, wanted a file"),
        ("softmax --out no/folder.html", "no/folder.html: no such file"),
        ("", "(?i)missing argument"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(inside, tmp_path, arguments, told):
    (tmp_path / "there.html").write_text("mine")
    done = inside("worksheet", *arguments.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert re.search(told, done.stderr), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["there.html"]
    assert (tmp_path / "there.html").read_text() == "mine"
