"""For everyone: by keyboard alone, with a screen reader, small, dark, and without motion."""

import re

import pytest
from helpers.answers import beginning, first_cell, ledger
from helpers.hands import (
    STROKES,
    all_made,
    cell,
    draw,
    eventually,
    grid,
    opened,
    pad,
    says,
    serious,
    settled,
    slow_motion,
    tab_to,
    value_of,
)
from helpers.mistaken import program
from playwright.sync_api import expect

# ---------------------------------------------------------------------------- the keyboard alone


def test_a_whole_visit_by_keyboard_alone(page):
    press = page.keyboard.press
    truth = ledger(beginning())

    # Past the frame at once, then to a number by its name.
    page.get_by_role("heading", level=1).wait_for()
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the numbers")).to_be_focused()
    press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    name = first_cell()
    tab_to(page, page.get_by_label("Go to"))
    page.keyboard.type(name)
    press("Enter")
    about = opened(page, name)
    expect(about).to_be_visible()
    tab_to(page, about.get_by_role("button", name="Prove it"))
    press("Enter")
    expect(about.get_by_text("✓")).to_be_visible()

    # Escape closes it and goes back to its cell; the arrows move inside the matrix.
    press("Escape")
    expect(about).to_be_hidden()
    expect(cell(page, name)).to_be_focused()
    beside = min(int(name[:-1].partition(",")[2]) + 1, 9)
    for key, other in (
        ("ArrowRight", f"dW2[3,{beside}]"),
        ("ArrowDown", f"dW2[4,{beside}]"),
        ("Home", "dW2[4,0]"),
        ("ArrowLeft", "dW2[4,0]"),
        ("End", "dW2[4,9]"),
        ("ArrowUp", "dW2[3,9]"),
    ):
        press(key)
        expect(cell(page, other)).to_be_focused()
    press("Enter")
    assert float(value_of(page, "dW2[3,9]")) == truth.arrays["dW2"][3, 9]
    press("Escape")

    # A unit of dW1 opens as a grid; Tab leaves a matrix as it entered it.
    tab_to(page, page.get_by_role("button", name=re.compile("^dW1, unit 0: open")))
    press("Enter")
    expect(cell(page, "dW1[0,0]")).to_be_focused()
    press("ArrowDown")
    expect(cell(page, "dW1[0,28]")).to_be_focused()

    # The pass in steps, and the next mistake.
    page.keyboard.press("Alt+n")
    expect(page).to_have_url(re.compile(r"test=\d+"))
    tab_to(page, page.get_by_role("button", name="Next step"))
    press("Enter")
    expect(page).to_have_url(re.compile("phase=Z1"))
    press("ArrowRight")
    press("ArrowRight")
    expect(page).to_have_url(re.compile("phase=Z2"))
    press("ArrowLeft")
    expect(page).to_have_url(re.compile("phase=A1"))

    # Learn once, by the arrows of the slider.
    tab_to(page, page.get_by_role("button", name="Learn from this once"))
    press("Enter")
    slider = page.get_by_role("slider", name="α")
    expect(slider).to_be_focused()
    before = slider.input_value()
    press("ArrowRight")
    assert int(slider.input_value()) == int(before) + 1
    press("End")
    assert slider.input_value() == slider.get_attribute("max")

    # And a digit, drawn with the arrow keys.
    draw_tab = page.get_by_role("navigation", name="Views").get_by_role("button", name="Draw")
    tab_to(page, draw_tab, back=True)
    press("Enter")
    tab_to(page, pad(page))
    for _ in range(9):
        press("ArrowUp")
    press("Space")
    for _ in range(18):
        press("ArrowDown")
    press("Space")
    says(page, 1)
    tab_to(page, page.get_by_role("button", name="Open in Look inside"))
    press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say 1")


# Everything that can be operated, but what is one of a group that the arrow keys walk.
OPERATED = """() => [...document.querySelectorAll(
    "a[href], button, summary, input:not([type=radio], [type=file]), [tabindex='0']")]
  .filter(node => !node.disabled && node.tabIndex >= 0 && node.checkVisibility({
    visibilityProperty: true, contentVisibilityAuto: true }))
  .map((node, k) => { node.dataset.stop = k; return k; })"""
FOCUSED = """() => {
  const node = document.activeElement, style = getComputedStyle(node);
  const box = node.getBoundingClientRect();
  return {
    stop: node.dataset.stop ?? null,
    what: node.outerHTML.slice(0, 120),
    seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0,
    marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
      || style.boxShadow !== "none",
  };
}"""


@pytest.mark.parametrize("query", ["?cell=dW2[3,*]", "?view=draw"])
def test_tab_stops_at_everything_and_shows_where(visit, query):
    page = visit(query)
    page.get_by_role("heading", level=1).wait_for()
    if "cell" in query:
        page.get_by_role("list", name="The terms of").wait_for()
    all_made(page)
    settled(page)
    all_stops = set(page.evaluate(OPERATED))
    seen, blind = set(), []
    for _ in range(len(all_stops) + 30):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at["stop"] is not None:
            seen.add(int(at["stop"]))
        if at["what"].startswith("<body"):
            break
        if not (at["seen"] and at["marked"]):
            blind.append(at["what"])
    missed = page.evaluate(
        "stops => stops.map(k => document.querySelector(`[data-stop='${k}']`).outerHTML)",
        sorted(all_stops - seen),
    )
    assert not missed
    assert not blind
    assert len(all_stops) > 20


def test_dialogs_open_and_close_by_keyboard(page):
    for name in ("Keys", "Browse"):
        button = page.get_by_role("button", name=name)
        button.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        if name == "Browse":
            image = re.compile(rf"^Test image {beginning()}\b")
            expect(page.get_by_role("dialog").get_by_role("button", name=image)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(button).to_be_focused()


# --------------------------------------------------------------------------------- screen readers


def test_matrices_are_named_grids_with_rows_and_cells(page):
    for array, rows, columns in (("x", 28, 28), ("dW2", 10, 10), ("Z1", 10, 1), ("A2", 10, 1)):
        matrix = grid(page, array)
        expect(matrix).to_have_attribute("aria-rowcount", str(rows))
        expect(matrix).to_have_attribute("aria-colcount", str(columns))
        expect(matrix.get_by_role("row")).to_have_count(rows)
        expect(matrix.get_by_role("row").first.get_by_role("gridcell")).to_have_count(columns)
    # One stop for Tab in each.
    assert page.evaluate(
        """() => [...document.querySelectorAll("[role=grid]")].every(
          grid => grid.querySelectorAll("[role=gridcell][tabindex='0']").length === 1)"""
    )


def open_all(page):
    """Look inside with everything open."""
    about = opened(page, first_cell())
    about.get_by_role("button", name="Prove it").click()
    expect(about.get_by_text("✓")).to_be_visible()
    page.get_by_role("button", name="Test all three").click()
    page.get_by_role("button", name="Learn from this once").first.click()
    page.get_by_role("slider", name="α").wait_for()
    page.get_by_role("button", name=re.compile("^dW1, unit 3: open")).click()
    page.get_by_text("Hide …").click()


def drawn(page):
    """Draw with an answer and something collected."""
    draw(page, STROKES[4])
    says(page, 4)
    page.get_by_role("group", name="It is a").get_by_label("4").check()
    page.get_by_role("button", name="Add").click()
    draw(page, STROKES[7])
    says(page, 7)


def checked(page):
    """My code with a verdict, and the mistake named."""
    page.get_by_role("textbox", name="Your code").fill(program(("s(1 − s)",), seed=2))
    page.get_by_role("button", name="Check my code").click()
    page.get_by_text("Name the mistake").click()


def nothing(page):
    """Leave it as it comes."""


ALL_HIDDEN = "?hide=prediction,gradients,probabilities,formulas,terms&cell=Z2[1]"
VIEWS = {
    "beginning": ("", nothing),
    "story": ("?depth=story&story=right", nothing),
    "network": ("?depth=network&cell=A1[4]", nothing),
    "all open": ("?cell=dW2[3,*]", open_all),
    "hidden": (
        "?hide=prediction,gradients,probabilities,formulas,terms&cell=Z2[1]",
        lambda page: None,
    ),
    "draw": ("?view=draw", drawn),
    "browse": ("", lambda page: page.get_by_role("button", name="Browse").click()),
    "code": ("?view=code", checked),
    "projector": ("?projector=1&phase=dZ2", nothing),
}


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_serious_violation(visit, view):
    query, prepare = VIEWS[view]
    page = visit(query, color_scheme="light", reduced_motion="reduce")
    page.get_by_role("heading", level=1).wait_for()
    prepare(page)
    page.mouse.move(2, 2)
    colours = ["color-contrast", "link-in-text-block"]  # they alone differ in the dark
    assert serious(page, **({"runOnly": colours} if view == "projector" else {})) == []
    page.emulate_media(color_scheme="dark")
    settled(page)
    assert serious(page, runOnly=colours) == []
    if view == "beginning":  # and axe does find one
        page.evaluate("document.querySelector('h1').style.color = 'rgb(50, 50, 50)'")
        assert "color-contrast" in "".join(serious(page, runOnly=["color-contrast"]))
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", dark)[:3])) < 200


# ------------------------------------------------------------------------------ small, and still


@pytest.mark.parametrize("view", ["all open", "draw", "story", "network", "code"])
def test_nothing_is_wider_than_a_narrow_page(visit, view):
    """A telephone, and a desk at 400 % zoom (1280 / 4): what is wide scrolls in its own place."""
    query, prepare = VIEWS[view]
    page = visit(query, viewport={"width": 390, "height": 700}, reduced_motion="reduce")
    prepare(page)
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 700})
        wide = page.evaluate(
            """() => document.documentElement.scrollWidth <= innerWidth ? [] :
              [...document.body.querySelectorAll("*")]
                .filter(node => node.getBoundingClientRect().right > innerWidth + 1)
                .map(node => node.outerHTML.slice(0, 100)).slice(0, 5)"""
        )
        assert wide == []
        page.evaluate("scrollTo(500, 0)")
        assert page.evaluate("scrollX") == 0
        small = page.evaluate(  # for a finger
            """() => [...document.querySelectorAll("button, summary, input[type=number]")]
              .filter(node => node.checkVisibility())
              .map(node => [node.getBoundingClientRect(), node.outerHTML.slice(0, 100)])
              .filter(([box]) => box.height < 24 || box.width < 20).map(([, what]) => what)"""
        )
        assert small == []


RUNNING = """() => document.getAnimations().filter(one => one.playState === "running")
  .map(one => one.animationName ?? one.transitionProperty)"""


def test_nothing_moves_for_who_wants_no_motion(visit):
    page, name = visit(reduced_motion="reduce"), first_cell()
    cell(page, name).wait_for()
    assert page.evaluate(RUNNING) == []
    cell(page, name).hover()
    assert page.evaluate(RUNNING) == []
    cell(page, name).click()
    assert page.evaluate(RUNNING) == []
    opened(page, name).get_by_role("button", name="Prove it").click()
    expect(opened(page, name).get_by_text("✓")).to_be_visible()
    assert page.evaluate(RUNNING) == []
    # And the check can fail: with motion, the picture runs through once.
    page.emulate_media(reduced_motion="no-preference")
    page.goto(page.url.partition("?")[0])
    with slow_motion(page):
        eventually(lambda: moves(page))


def moves(page):
    assert page.evaluate(RUNNING)
