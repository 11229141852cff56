"""What a visitor does at a page and reads from it, by role and by accessible name."""

import math
import re
import time
from contextlib import contextmanager

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from helpers.answers import MINUS, numbers
from helpers.visits import SECONDS

PAD = 280  # the side of the pad in its own units

# Digits as strokes x0, y0, x1, y1, … on the pad, as a hand draws them.
ROUND = [2 * math.pi * k / 16 for k in range(17)]
STROKES = {
    0: [[round(v) for t in ROUND for v in (140 + 60 * math.sin(t), 140 - 90 * math.cos(t))]],
    1: [[150, 50, 140, 140, 135, 230]],
    4: [[100, 50, 90, 150, 200, 150], [180, 60, 170, 240]],
    7: [[80, 70, 200, 65, 130, 235]],
}


def grid(page, array):
    """The matrix, vector or image of this name."""
    # By the attributes themselves: looking for roles among thousands of cells takes a second.
    label = f'[aria-label="{array}"]' if array == "E" else f'[aria-label^="{array},"]'
    return page.locator(f"[role=grid]{label}")


def cell(page, name):
    """The cell of this name, such as dW2[3,7]."""
    array = name.partition("[")[0]
    return grid(page, array).locator(f'[role=gridcell][aria-label^="{name} "]')


def opened(page, name):
    """What is shown of an opened cell."""
    region = page.get_by_role("region", name=name, exact=True)
    return region.filter(has=page.get_by_role("heading", level=2, name=name, exact=True))


def value_of(page, name):
    """The number that an opened cell shows as its value."""
    (number,) = numbers(page.get_by_label(f"The value of {name}", exact=True).inner_text())
    return number


def terms(page, name):
    """The summands that an opened cell shows."""
    return page.get_by_role("list", name=f"The terms of {name}").get_by_role("listitem")


def figures(page, label):
    """The number in each entry of a small table or list of definitions."""
    named = page.get_by_label(label).or_(page.get_by_role("table", name=label))
    entries = named.locator("td, dd")
    entries.first.wait_for()
    return [numbers(text)[0] for text in entries.all_inner_texts()]


def eventually(check):
    """Call a check until it no longer fails."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def settled(page):
    """Wait until the page shows what it knows: no picture is due, no colour is on its way."""
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    page.evaluate("() => document.fonts.ready.then(() => true)")
    page.wait_for_function(
        """() => document.getAnimations().every(one => one.playState !== "running"
          || one.effect.getComputedTiming().iterations > 1)"""
    )


@contextmanager
def slow_motion(page):
    """The page loaded anew, with animations that do not end before the test has looked."""
    developer = page.context.new_cdp_session(page)
    developer.send("Animation.enable")
    developer.send("Animation.setPlaybackRate", {"playbackRate": 1e-3})
    page.reload()
    yield
    developer.detach()


def says(page, digit, *, unlike=False):
    """See that the Draw view reads this digit, or would if what is drawn were one."""
    words = rf"^Taken for one digit, I would say {digit}\." if unlike else rf"^I say {digit} \("
    expect(page.get_by_role("status").filter(has_text=re.compile(words))).to_be_visible()


def pad(page):
    return page.get_by_label("Drawing pad").filter(visible=True)


def draw(page, strokes):
    """Draw with the mouse."""
    pad(page).scroll_into_view_if_needed()
    box = pad(page).bounding_box()
    scale = box["width"] / PAD
    for stroke in strokes:
        points = [
            (box["x"] + x * scale, box["y"] + y * scale)
            for x, y in zip(stroke[::2], stroke[1::2], strict=True)
        ]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def all_made(page):
    """Large matrices make their cells while the browser is idle: wait for all of them."""
    page.wait_for_function(
        """() => [...document.querySelectorAll("[role=grid]")].every(
          grid => grid.querySelectorAll("[role=row]").length === Number(grid.ariaRowCount))"""
    )


def shown_cells(page, arrays=""):
    """Every cell that the page shows now: its name to (its exact value, what it is called).

    `arrays` is a pattern of names, by default of all of them.
    """
    all_made(page)
    found = page.evaluate(
        """pattern => [...document.querySelectorAll("[role=gridcell][data-cell]")]
          .filter(cell => new RegExp(pattern).test(cell.dataset.cell) && cell.checkVisibility())
          .map(cell => [cell.dataset.cell, cell.dataset.value, cell.ariaLabel])""",
        arrays,
    )
    return {name: (value, called) for name, value, called in found}


def exact(shown):
    """The exact values of shown cells."""
    readable = str.maketrans({MINUS: "-", "∞": "inf"})
    return {name: float(value.translate(readable)) for name, (value, _) in shown.items()}


def names(arrays):
    """The name and the float of every cell of a ledger's arrays."""
    for array, values in arrays.items():
        for index in np.ndindex(values.shape):
            yield f"{array}[{','.join(map(str, index))}]" if index else array, float(values[index])


def tab_to(page, place, *, back=False, most=150):
    """Press Tab until the focus is there; at every stop it can be seen where it is."""
    for _ in range(most):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if place.evaluate("node => node === document.activeElement"):
            return
    raise AssertionError(f"the keyboard does not reach {place}")


def serious(page, **options):
    """What axe finds that is serious or critical, in a line each."""
    # All rows of a matrix are made alike; the first stands for them.
    context = {"exclude": [["[role=row] ~ [role=row]"]]}
    options = {"resultTypes": ["violations"], **options}
    found = Axe().run(page, context=context, options=options).response
    return [
        f"{one['id']}: {one['help']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]
