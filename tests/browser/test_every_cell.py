"""Every number that the page shows of one digit, against the library."""

import re

import numpy as np
import pytest
from helpers.answers import MINUS, beginning, first_cell, ledger, numbers, says_share, shows
from helpers.hands import cell, exact, grid, names, opened, shown_cells, value_of
from playwright.sync_api import expect

from chainrule.explain.rules import open_cell


def check(shown, truth):
    """Every shown cell: its exact value, and the rounded one in what it is called."""
    values = exact(shown)
    for name, (_, called) in shown.items():
        assert values[name] == truth[name], name
        assert called.startswith(f"{name} ")
        if called.endswith("%"):
            assert says_share(called, truth[name]), called
        else:
            (number,) = numbers(called)
            assert shows(number, truth[name], figures=2), called


def test_every_cell_of_one_digit(page):
    truth = dict(names(ledger(beginning()).arrays))
    seen = set()
    shown = shown_cells(page)
    check(shown, truth)
    seen |= set(shown)

    # W1 and dW1 open one unit at a time, both together.
    page.get_by_role("button", name=re.compile("^dW1, unit 0: open")).click()
    for unit in range(10):
        for array in ("W1", "dW1"):
            expect(grid(page, array)).to_have_attribute("aria-label", re.compile(f"unit {unit}:"))
        shown = shown_cells(page, "W1")
        check(shown, truth)
        seen |= set(shown)
        page.get_by_role("button", name="Later unit").last.click()
    assert seen == set(truth)
    gradients = sum(name.startswith(("dW", "db")) for name in seen)
    assert gradients == 7960


def test_the_jacobian_times_dA_is_dZ(page):
    """Every number of the product, in the rows of its table."""
    arrays = ledger(beginning()).arrays
    A, dA, dZ = (arrays[name] for name in ("A2", "dA2", "dZ2"))
    J = np.diag(A) - np.outer(A, A)
    rows = page.get_by_role("table", name="the Jacobian of softmax").locator("tbody tr")
    expect(rows).to_have_count(10)
    for i, row in enumerate(rows.all()):
        cells = row.locator("td[data-value]")
        values = [float(each.replace(MINUS, "-")) for each in cells.evaluate_all(EXACT)]
        # A(1 - A) in the diagonal may be computed so or as A - A²: the last bits differ.
        assert np.allclose(values, [*J[i], dA[i], dZ[i]], rtol=1e-13, atol=0)
        assert J[i] @ dA == pytest.approx(values[-1], abs=1e-15)
        for text, value in zip(cells.all_inner_texts(), values, strict=True):
            assert shows(numbers(text)[0], value, figures=1)


EXACT = "cells => cells.map(cell => cell.dataset.value)"


def test_an_opened_cell_shows_the_library_s_float(page):
    """Chosen by name, each is shown to its last digit, and so is what its terms make."""
    L = ledger(beginning())
    truth = dict(names(L.arrays))
    for name in ("dW2[3,7]", "E", "x[350]", "W1[3,350]", "dW1[7,407]", "Z2[5]", "A2[5]", "dA1[0]"):
        page.get_by_label("Go to").fill(name)
        page.keyboard.press("Enter")
        expect(opened(page, name)).to_be_visible()
        assert float(value_of(page, name)) == truth[name]
        together = opened(page, name).get_by_text("together")
        assert float(numbers(together.inner_text())[-1]) == open_cell(L, name).total


def test_the_whole_pass_is_as_wide_as_there_is_room(visit):
    """Also beside an opened unit: y and E stay on the page."""
    for width, query in ((1280, ""), (1280, "&cell=dW1[3,350]"), (1440, ""), (1920, "")):
        page = visit(f"?depth=numbers{query}", viewport={"width": width, "height": 900})
        page.wait_for_function("() => document.querySelector('.flow').style.zoom !== ''")
        for block in ("y", "E"):
            box = page.locator(f"#block-{block}").bounding_box()
            assert box["x"] + box["width"] <= width, (width, query, block)


def test_selecting_the_cell_in_its_matrix(page):
    """It is shown to the last digit."""
    name = first_cell()
    cell(page, name).click()
    value = open_cell(ledger(beginning()), name).value
    shown = value_of(page, name)
    assert shows(shown, value, figures=15)
    assert not shows(shown, np.nextafter(value, 1) + 1e-15, figures=15)


def test_any_gradient_in_two_clicks(page):
    dW1 = ledger(beginning()).arrays["dW1"]
    unit, pixel = np.unravel_index(np.abs(dW1).argmax(), dW1.shape)
    page.get_by_role("button", name=re.compile(f"^dW1, unit {unit}: open")).click()
    name = f"dW1[{unit},{pixel}]"
    cell(page, name).click()
    assert float(value_of(page, name)) == dW1[unit, pixel] != 0


def test_another_label_gives_another_pass_back(page):
    page.get_by_role("group", name="Go back as if it were a").get_by_label("8").check()
    expect(page.get_by_role("heading", level=1)).to_contain_text("takes it for an 8")
    other = dict(names(ledger(beginning(), 8).arrays))
    shown = shown_cells(page, "^(dZ|dW2|db|y|E)")
    assert len(shown) > 100
    check(shown, other)


def test_another_image_and_the_next_mistake(page):
    number = page.get_by_label("Test image", exact=True)
    number.fill("0")
    number.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say 7")
    first = dict(names(ledger(0).arrays))
    check(shown_cells(page, "^([ZA]2|dW2|E)"), first)
    page.get_by_role("button", name="Next mistake").click()
    expect(number).not_to_have_value("0")
    expect(page.get_by_role("main")).not_to_have_attribute("aria-busy", "true")
    k = int(number.input_value())
    L = ledger(k)
    read, label = L.arrays["A2"].argmax(), L.arrays["y"].argmax()
    assert read != label
    said = page.get_by_role("heading", level=1).inner_text()
    assert f"I say {read} (" in said
    assert re.search(f"It is an? {label}", said)
    check(shown_cells(page, "^[a-zA-Z]+2"), dict(names(L.arrays)))


def test_numbers_are_written_right_whatever_they_are(page):
    """The page's ways to write a number, over all sizes: rounded, never wrong."""
    rng = np.random.default_rng(5)
    values = [0.0, 1.0, -1.0, 0.1, 9.995, 99.95, 1e-4, 99999.5, 1e5, 5e-324, 1.7e308]
    values += list(rng.choice([-1, 1], 2000) * 10 ** rng.uniform(-12, 8, 2000))
    near_one = [0.9949, 0.99499, 0.9951, 0.9985, 0.99895, 0.9990001, 0.9994, 0.99951, 1 - 1e-12]
    shares = [0.0, 1.0, 1e-9, 0.0994, 0.09951, 0.5, *near_one, *rng.random(2000)]
    full, short, percent = page.evaluate(
        """async ([values, shares]) => {
          const { full, short, percent } = await import("/lab/parts/numbers.js");
          return [values.map(full), values.map(short), shares.map(percent)];
        }""",
        [values, shares],
    )
    for value, exactly, rounded in zip(values, full, short, strict=True):
        assert float(numbers(exactly)[0]) == value
        assert shows(numbers(rounded)[0], value, figures=2), (value, rounded)
    for share, text in zip(shares, percent, strict=True):
        assert says_share(text, share), (share, text)
