"""What a person worked out, asked of the lab: a formula, or the number of a cell."""

import numpy as np
import pytest
from helpers.answers import ledger
from helpers.clients import MISREAD, posted


def formula(page, text, target="dZ2", **more):
    return posted(page, "/api/formula", MISREAD | {"target": target, "formula": text, **more})


def number(page, text, cell="dW2[3,7]"):
    return posted(page, "/api/number", MISREAD | {"cell": cell, "number": text})


@pytest.mark.parametrize(
    ("target", "text", "kind"),
    [
        ("dZ2", "A*(dA - sum(A*dA))", "right"),
        ("dZ2", "A ⊙ (dA − Aᵀ @ dA)", "right"),
        ("dZ2", "A*dA - A*sum(A*dA)", "right"),
        ("dZ2", "A - y", "known"),
        ("dZ2", "A*(1-A)*dA", "known"),
        ("dZ2", "A*(sum(A*dA) - dA)", "factor"),
        ("dZ2", "A*(dA - sum(A*dA))/60000", "factor"),
        ("dZ2", "(A*(dA - sum(A*dA))).T", "transposed"),
        ("dZ2", "A*dA", "known"),
        ("dZ2", "dA @ A.T", "shape"),
        ("dZ2", "log(dA)", "infinite"),
        ("dZ2", "A*(dA - sum(A*dA)) * (1 + (y.T @ A > 0.5))", "lucky"),
        ("dZ2", "A(dA)", "unread"),
        ("dZ2", "dZ2", "unread"),
        ("dA2", "A - y", "right"),
        ("dW2", "dZ @ A1.T", "right"),
        ("dW2", "A1 @ dZ.T", "transposed"),
        ("db2", "sum(dZ)", "shape"),
        ("dA1", "W2.T @ dZ", "right"),
        ("dA1", "W @ dZ", "known"),
        ("dZ1", "dA1 * (Z1 > 0)", "right"),
        ("dZ1", "dA1", "known"),
        ("dW1", "dZ1 @ x.T", "right"),
        ("db1", "dZ1", "right"),
    ],
)
def test_formulas_get_their_verdict(page, target, text, kind):
    found = formula(page, text, target)
    assert found["kind"] == kind, found
    assert found["target"] == target
    if kind == "unread":
        assert found["why"]
        return
    for row in found["rows"]:
        array, _, index = row["cell"].partition("[")
        at = tuple(int(each) for each in index.rstrip("]").split(","))
        assert array == target
        assert row["measured"] == pytest.approx(ledger(1832).arrays[target][at], abs=1e-9)


def test_all_cells_are_compared_and_what_was_read_is_said(page):
    found = formula(page, "dZ1 @ A0.T", "dW1")
    assert found["read"] == "dZ1 @ x.T"
    assert (found["compared"], found["cells"], len(found["rows"])) == (7840, 7840, 16)
    assert (found["held"], found["failed"]) == (5, [])


def test_luck_names_the_images_and_labels(page):
    found = formula(page, "A*(dA - sum(A*dA)) * (1 + (y.T @ A > 0.5))")
    assert [0, ledger(0).arrays["y"].argmax()] in found["failed"]
    drawn = {"image": {"strokes": [[60, 60, 200, 60, 120, 230]]}, "label": 3}
    assert formula(page, "A*(dA - sum(A*dA))", **drawn)["kind"] in ("right", "hidden")


def test_where_it_cannot_be_read_is_said(page):
    found = formula(page, "A - ")
    assert found["at"] == 4
    assert found["why"].endswith("got the end of the formula, at character 5")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"formula": "A" * 501, "target": "dZ2"}, "at most 500 characters, got 501"),
        ({"formula": 3, "target": "dZ2"}, "formula must be a text"),
        ({"formula": "A", "target": "Z2"}, "target must be one of dA2, dZ2, dW2, db2, dA1"),
        ({"formula": "A"}, "target is missing"),
        ({"formula": "A", "target": "dZ2", "x": 1}, "got 'x' too"),
    ],
)
def test_what_is_no_question_is_refused(page, more, why):
    refused = page.post("/api/formula", json=MISREAD | more)
    assert refused.status_code == 400
    assert why in refused.json()["error"]


def test_a_number_is_judged_and_the_right_one_is_not_told(page):
    value = float(ledger(1832).arrays["dW2"][3, 7])
    told = number(page, "-0.5")
    assert told["kind"] == "wrong"
    assert not [each for each in told.values() if isinstance(each, float)]
    assert number(page, f"{value:.4f}") | {"kind": "right", "digits": 4} == number(
        page, f"{value:.4f}".replace(".", ",")
    )
    assert number(page, f"{-value:.4f}")["kind"] == "sign"
    by_m = number(page, f"{value / 60000:.4e}")
    assert (by_m["factor"], by_m["m"]) == ("1/m", 60000)
    assert number(page, "half") == {
        "kind": "unread",
        "why": "expected a number such as 0.5, -3e-4 or 1/3, got 'half'",
    }
    assert np.isclose(value, -0.666, atol=1e-3)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"cell": "rm[1]", "number": "1"}, "no cell is called 'rm[1]'"),
        ({"cell": "E", "number": "1" * 61}, "at most 60 characters"),
        ({"cell": "E", "number": 1}, "number must be a text"),
    ],
)
def test_a_number_of_no_cell_is_refused(page, more, why):
    refused = page.post("/api/number", json=MISREAD | more)
    assert refused.status_code == 400
    assert why in refused.json()["error"]
