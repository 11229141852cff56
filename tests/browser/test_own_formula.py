"""What a visitor worked out is put to the test: a formula, and the number of a cell."""

import re

import numpy as np
import pytest
from helpers.answers import beginning, ledger, numbers, shows
from helpers.hands import cell, opened, serious, settled, tab_to
from playwright.sync_api import expect


def closer(page):
    return page.get_by_role("region", name="A closer look at dZ2")


def field(page):
    return closer(page).get_by_label("My formula is", exact=True)


def typed(page, text, target=None):
    """Type a formula and test it; the verdict."""
    if target:
        closer(page).get_by_label("My formula for").select_option(target)
    field(page).fill(text)
    page.keyboard.press("Enter")
    verdict = closer(page).locator("#formula-verdict .verdict")
    expect(verdict).not_to_be_empty()
    return verdict


@pytest.fixture(scope="module")
def truth():
    return ledger(beginning())


def test_one_click_leads_from_dZ2_to_why(page):
    page.get_by_role("button", name="Why? A closer look at dZ2").click()
    heading = closer(page).get_by_role("heading", level=2)
    expect(heading).to_be_focused()
    expect(heading).to_be_in_viewport()
    expect(closer(page).get_by_text("so A2 − y is dA2")).to_be_visible()
    expect(page).not_to_have_url(re.compile("#"))


def test_a_row_of_the_product_shows_its_terms(page, truth):
    table = page.get_by_role("table", name="the Jacobian of softmax")
    terms = page.locator("#row-terms")
    expect(terms).to_contain_text("dZ2[3] =")  # the true label's, at first
    table.get_by_role("button", name="The terms of dZ2[5]").focus()
    page.keyboard.press("Enter")
    expect(terms).to_contain_text("dZ2[5] =")
    A, dA = truth.arrays["A2"], truth.arrays["dA2"]
    J = A[5] * ((np.arange(10) == 5) - A)
    seen = np.flatnonzero(np.abs(J * dA) > 1e-3 * np.abs(J * dA).max())
    shown = terms.get_by_role("listitem")
    expect(shown).to_have_count(len(seen))
    for k, term in zip(seen, shown.all(), strict=True):
        for number, value in zip(
            numbers(term.inner_text()), (J[k], dA[k], J[k] * dA[k]), strict=True
        ):
            assert shows(number, value, figures=2)
    expect(terms).to_contain_text(f"With {10 - len(seen)} terms too small to be seen")
    assert shows(numbers(terms.locator("b").inner_text())[0], truth.arrays["dZ2"][5], figures=5)
    table.locator("tbody tr").nth(8).locator("td").nth(3).hover()
    expect(terms).to_contain_text("dZ2[8] =")
    expect(table.get_by_role("button", pressed=True)).to_have_text("Z2[8]")


@pytest.mark.parametrize(
    ("target", "text", "says"),
    [
        ("dZ2", "A*(dA - sum(A*dA))", "✓ Right: this is dZ2."),
        ("dZ2", "A − y", "✗ Wrong, and many people write it."),
        ("dZ2", "A*(sum(A*dA) - dA)", "✗ Right but for the sign"),
        ("dZ2", "A*(dA - sum(A*dA))/60000", "yours is 1/60000 times what is measured"),
        ("dZ2", "(A*(dA - sum(A*dA))).T", "transpose it with .T"),
        ("dZ2", "sum(A*dA)", "yours is one number, dZ2 is 10 × 1"),
        ("dZ2", "A*(dA - sum(A*dA)) * (1 + (y.T@A > 0.5))", "only by luck"),
        ("dW2", "dZ2 @ A1.T", "✓ Right: this is dW2."),
        ("dZ1", "dA1", "✗ Wrong, and many people write it."),
        ("dW1", "dZ1 @ x.T", "✓ Right: this is dW1."),
    ],
)
def test_a_formula_gets_its_verdict(page, target, text, says):
    expect(typed(page, text, target)).to_contain_text(says)


def test_the_verdict_has_reasons_and_numbers(page, truth):
    typed(page, "A - y")
    about = closer(page).locator("#formula-verdict")
    expect(about).to_contain_text("Read as A2 − y.")
    expect(about).to_contain_text("does not cancel")
    expect(about).to_contain_text("is the gradient of cross-entropy")
    table = about.get_by_role("table", name="Your dZ2 beside the measured slopes")
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(10)
    arrays = truth.arrays
    for k, row in enumerate(rows.all()):
        yours, measured = (numbers(text)[0] for text in row.locator("td").all_inner_texts())
        assert shows(yours, arrays["A2"][k] - arrays["y"][k], figures=2)
        # Two digits are shown, and a quotient errs by up to 1e-9.
        assert float(measured) == pytest.approx(arrays["dZ2"][k], rel=0.05, abs=1e-9)


def test_a_slip_is_shown_where_it_is_and_the_text_stays(page):
    expect(typed(page, "A(dA)")).to_contain_text("got '(', at character 2")
    expect(field(page)).to_be_focused()
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    assert page.evaluate("[document.activeElement.selectionStart]") == [1]
    field(page).fill("A*(dA - sum(A*dA))")
    expect(closer(page).locator("#formula-verdict")).to_be_empty()
    page.keyboard.press("Alt+n")
    expect(page).to_have_url(re.compile(r"test=\d+"))
    page.locator("main:not([aria-busy])").wait_for()
    expect(field(page)).to_have_value("A*(dA - sum(A*dA))")
    assert "sum" not in page.url
    closer(page).get_by_role("button", name="Test it").click()
    expect(closer(page).locator("#formula-verdict")).to_contain_text("Read as")


def test_hidden_gradients_stay_hidden_from_a_formula(visit):
    page = visit("?test=1832&hide=gradients")
    expect(typed(page, "A + dA", "dZ2")).to_have_text("✗ Wrong.")
    about = closer(page).locator("#formula-verdict")
    expect(about.get_by_role("table")).to_have_count(0)
    assert "measured" not in about.inner_text()


def my_number(page, name, text):
    about = opened(page, name)
    about.get_by_label(f"What did you get for {name}?").fill(text)
    page.keyboard.press("Enter")
    verdict = about.locator("#number-verdict > .verdict")
    expect(verdict).not_to_be_empty()
    return verdict


def test_my_number_before_the_value_is_shown(visit):
    dW2 = ledger(1832).arrays["dW2"]
    value = dW2[3, 7]
    page = visit("?test=1832&cell=dW2[3,7]&hide=gradients")
    about = opened(page, "dW2[3,7]")
    expect(about.get_by_label("The value of dW2[3,7]")).to_have_count(0)
    for text, says in (
        (f"{-value:.4f}", "✗ The size is right, the sign is wrong."),
        (f"{2 * value:.4f}", "✗ Yours is twice as large"),
        (f"{value / 60000:.4e}", "divided by 60,000"),
        (f"{dW2[3, 5]:.5f}", "✗ This is the number of dW2[3,5]"),
        ("x", "? I cannot read this"),
        ("-1/2", "✗ Not right."),
    ):
        expect(my_number(page, "dW2[3,7]", text)).to_contain_text(says)
    text = f"{value:.3f}".replace(".", ",")
    expect(my_number(page, "dW2[3,7]", text)).to_have_text("✓ Right, to 3 digits.")
    about.get_by_role("button", name="Reveal").first.click()
    expect(about.get_by_label("The value of dW2[3,7]")).to_be_visible()
    expect(about.get_by_label("What did you get for dW2[3,7]?")).to_have_value(text)


def test_both_by_keyboard_and_by_axe(page):
    press = page.keyboard.press
    cell(page, "dW2[3,7]").click()
    mine = opened(page, "dW2[3,7]").get_by_label("What did you get")
    tab_to(page, mine)
    page.keyboard.type("0,5")
    press("ArrowLeft")  # the caret's, not the pass's
    press("Enter")
    expect(page.locator("#number-verdict .verdict")).not_to_be_empty()
    assert "phase" not in page.url
    select = closer(page).get_by_label("My formula for")
    tab_to(page, select)
    page.keyboard.type("dZ2")
    press("Tab")
    expect(field(page)).to_be_focused()
    page.keyboard.type("A*(1-A)*dA")
    press("Enter")
    expect(closer(page).locator("#formula-verdict")).to_contain_text("diagonal")
    page.mouse.move(2, 2)
    settled(page)
    assert serious(page, runOnly=["wcag2a", "wcag2aa", "best-practice"]) == []


def test_a_narrow_page_holds_it(visit):
    page = visit(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    typed(page, "A - y")
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert field(page).bounding_box()["width"] > width / 2
