"""The numbers of the pass: one opened and proven, a step of learning, the impostors."""

import re

import numpy as np
import pytest
from helpers.answers import (
    MINUS,
    beginning,
    first_cell,
    first_verdict,
    ledger,
    numbers,
    says_share,
    shows,
)
from helpers.hands import cell, figures, opened, terms, value_of
from playwright.sync_api import expect

from chainrule.explain.learning import learn_once
from chainrule.explain.proof import prove, prove_output
from chainrule.explain.rules import open_cell
from chainrule.explain.truth import Truth


@pytest.fixture(scope="module")
def truth():
    """The library's own ledger of the image that the page begins with."""
    return ledger(beginning())


def test_one_number_is_opened_and_proven(page, truth):
    assert truth.arrays["A2"].argmax() == 5
    expect(page.get_by_role("heading", level=1)).to_have_text(first_verdict())

    # A click: formula, code line, sum and cells.
    name = first_cell()
    cell(page, name).click()
    about = opened(page, name)
    expect(about).to_be_visible()
    answer = open_cell(truth, name)
    assert shows(value_of(page, name), answer.value, figures=15)
    expect(about.get_by_role("math").first).to_be_visible()
    assert answer.source.put_in in about.get_by_role("code").first.inner_text()
    (term,) = answer.terms
    shown = terms(page, name)
    expect(shown).to_have_count(1)
    expect(shown).to_contain_text(term.names)
    assert set(numbers(term.numbers)) < set(numbers(shown.inner_text()))
    for other in answer.comes_from:
        expect(about.get_by_role("button", name=other, exact=True)).to_be_visible()

    # Prove it: E(+h), E(-h), the quotient, ours, equal to eight digits, a tick.
    about.get_by_role("button", name="Prove it").click()
    expect(about.get_by_text("✓")).to_be_visible()
    proof = prove(truth, name)
    shown = figures(page, f"Proof of {name}")
    wanted = [proof.E_above, proof.E_below, proof.quotient, proof.ours]
    for number, value in zip(shown, wanted, strict=True):
        assert shows(number, value, figures=9)
    ours = answer.value
    assert abs(float(shown[2]) / ours - 1) < 1e-8
    verdict = about.get_by_text("✓").inner_text()
    digits = dict(zip(("eight", "nine", "ten", "eleven", "twelve"), range(8, 13), strict=True))
    said = next(n for word, n in digits.items() if word in verdict)  # at least eight
    assert f"{ours:.{said - 1}e}"[: said - 1] == f"{proof.quotient:.{said - 1}e}"[: said - 1]

    # The proof: thirty digits of the truth, ours beneath, and what agrees marked.
    told = Truth(truth).cell(name)
    digits = about.get_by_label(f"The true digits of {name}").locator("dd")
    expect(digits).to_have_count(2)
    for shown, whole in zip(digits.all(), (told.truth, told.ours), strict=True):
        assert shown.inner_text() == whole.replace("-", MINUS)
        mark = shown.locator("mark")
        assert mark.inner_text() == told.truth[: told.agree]
        assert mark.evaluate("node => getComputedStyle(node).textDecorationLine") == "underline"
    expect(about.get_by_text("off by no more than rounding in float64 can come to")).to_be_visible()
    same = len(re.sub(r"^0+|[^0-9]", "", told.truth[: told.agree].lstrip(MINUS + "0.")))
    expect(about.get_by_text(f"The first {same} digits agree.")).to_be_visible()

    # Learn from this once: the promise beside the measurement, the 5 becomes a 3.
    page.get_by_role("button", name="Learn from this once").first.click()
    learn(page, truth)


def test_of_a_value_the_true_digits_are_shown_and_what_is_given_has_none(page, truth):
    cell(page, "E").click()
    about = opened(page, "E")
    about.get_by_role("button", name="Its true digits").click()
    digits = about.get_by_label("The true digits of E").locator("dd")
    expect(digits.first).to_have_text(Truth(truth).cell("E").truth)
    cell(page, "y[3]").click()
    about = opened(page, "y[3]")
    expect(about.get_by_text("A gradient can be proven")).to_be_visible()
    expect(about.get_by_role("button", name="Its true digits")).to_have_count(0)


def learn(page, truth):
    """Slide until the digit is read right; every position against the library."""
    answer = learn_once(truth)
    part = page.get_by_role("region", name="Learn from this once")
    slider = part.get_by_role("slider", name="α")
    expect(slider).to_be_visible()
    table = "The promised and the measured change of E"
    right = [int(k) for k, read in enumerate(answer.predictions_after) if read == 3]
    assert right, "no rate of the library's makes it a 3"
    for k in (0, right[0], int(slider.get_attribute("max"))):
        slider.fill(str(k))
        promised, measured = figures(page, table)
        assert shows(promised, answer.promised[k], figures=3)
        assert shows(measured, answer.measured[k], figures=3)
        rate = slider.get_attribute("aria-valuetext")
        assert shows(numbers(rate)[-1], answer.rates[k], figures=2)
        read = answer.predictions_after[k]
        share = answer.probabilities_after[k][read]
        said = part.get_by_text(re.compile(rf"I (still )?say {read} \("))
        assert says_share(said.inner_text().partition(")")[0], share)
    slider.fill(str(right[0]))
    expect(page.get_by_text("the 5 has become a 3")).to_be_visible()


def test_what_lights_up_lights_up_both_ways(page):
    """Pointing at any of formula, line, sum or cells lights up the same in the others."""
    name = first_cell()
    cell(page, name).click()
    about = opened(page, name)
    unit = name.replace("dW2[3,", "A1[")
    places = {
        "formula": about.get_by_role("math").first.locator(f"[data-cells='{unit}']"),
        "line": about.get_by_role("code").first.locator(f"[data-cells='{unit}']"),
        "cells": about.get_by_role("button", name=unit, exact=True),
        "sum": terms(page, name).first,
    }
    lit = re.compile(r"\blit\b")
    for part, place in places.items():
        page.mouse.move(2, 2)
        for each in places.values():
            expect(each).not_to_have_class(lit)
        place.hover()
        for other, each in places.items():
            expect(each, f"{part} lights {other}").to_have_class(lit)
    # And from the matrix itself.
    page.mouse.move(2, 2)
    cell(page, unit).hover()
    for each in places.values():
        expect(each).to_have_class(lit)


def test_the_impostors_are_caught(page, truth):
    page.get_by_role("button", name="Test all three").click()
    table = page.get_by_role("table", name="dZ2 by three formulas")
    answer = prove_output(truth)
    expect(table.get_by_role("row")).to_have_count(12)
    heads = table.get_by_role("columnheader").all_inner_texts()
    assert heads == ["dZ2", "measured", "ours", "A − Y", "s(1 − s)"]
    columns = [answer.quotients, *(each.values for each in answer.accounts)]
    for k in range(10):
        shown = table.get_by_role("row").nth(k + 1).get_by_role("cell").all_inner_texts()
        for text, values in zip(shown, columns, strict=True):
            assert shows(numbers(text)[0], values[k], figures=2), (k, text)
    verdicts = table.get_by_role("row").last.get_by_role("cell").all_inner_texts()
    assert [text[:1] for text in verdicts[1:]] == ["✓", "✗", "✗"]
    assert [each.agrees for each in answer.accounts] == [True, False, False]
    for text, each in zip(verdicts[2:], answer.accounts[1:], strict=True):
        assert shows(numbers(text)[0], each.largest, figures=2)
    for reason in ("cross-entropy", "diagonal"):
        expect(page.get_by_role("listitem").filter(has_text=reason)).to_be_visible()


def test_every_kind_of_gradient_can_be_proven(page, truth):
    unit, other = np.argsort(-truth.arrays["A1"])[:2]  # two that are on
    pixel = truth.arrays["x"].argmax()
    of_layer_1 = (f"dA1[{unit}]", f"dZ1[{unit}]", f"db1[{other}]", f"dW1[{unit},{pixel}]")
    for name in (*of_layer_1, "db2[3]", "dZ2[5]", "dA2[0]"):
        page.get_by_label("Go to").fill(name)
        page.keyboard.press("Enter")
        about = opened(page, name)
        about.get_by_role("button", name="Prove it").click()
        expect(about.get_by_text("✓")).to_be_visible()
        answer = prove(truth, name)
        shown = figures(page, f"Proof of {name}")
        wanted = [answer.E_above, answer.E_below, answer.quotient, answer.ours]
        for number, value in zip(shown, wanted, strict=True):
            assert shows(number, value, figures=1), name
