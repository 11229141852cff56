"""The story: from a misread digit to why, to one slope and its proof, to learning, to one's own."""

import re

import numpy as np
import pytest
from helpers.answers import (
    beginning,
    first_cell,
    first_verdict,
    held_out,
    ledger,
    network,
    numbers,
    shows,
)
from helpers.hands import STROKES, draw, eventually
from helpers.visits import Lab
from playwright.sync_api import expect

from chainrule import forward, initialise, predict, save_model
from chainrule.data import as_columns
from chainrule.explain.learning import learn_once
from chainrule.explain.proof import prove
from chainrule.explain.slope import curve
from chainrule.handwriting import draw as strokes_of_pad
from chainrule.handwriting import prepare

SIZES = {
    "phone": {"width": 390, "height": 844},
    "small": {"width": 1280, "height": 720},
    "desk": {"width": 1440, "height": 900},
}
CARD = "The story of this image"


def card(page):
    return page.get_by_role("region", name=CARD)


def text(page):
    return card(page).get_by_role("status").inner_text()


def picture(page):
    return page.get_by_role("region", name="The network as one picture")


def within(page, node):
    """Whether all of it is inside the window."""
    expect(node).to_be_visible()
    box, size = node.bounding_box(), page.viewport_size
    assert min(box["x"], box["y"]) >= 0, box
    assert box["x"] + box["width"] <= size["width"], box
    assert box["y"] + box["height"] <= size["height"], box


def step(page, button):
    """Press the next button, which must be inside the window."""
    following = card(page).get_by_role("button", name=button, exact=True)
    within(page, following)
    following.click()


def number_of(text):
    (number,) = numbers(text)
    return number


def lit(page):
    """The lines that stand out, by the names of their ends."""
    return page.evaluate(
        "() => [...document.querySelectorAll('.edge.lit')].map(line => line.ends.join(' '))"
    )


@pytest.mark.parametrize("size", SIZES)
def test_the_story_from_its_beginning_to_ones_own_digit(visit, size):
    page = visit("", front=True, viewport=SIZES[size])
    truth, name = ledger(beginning()), first_cell()[1:]
    digit, unit = map(int, re.findall(r"\d+", name)[1:])
    head = page.get_by_role("heading", level=1)
    expect(head).to_have_text(first_verdict())
    assert "It says 5, but this is a 3." in text(page)

    # Why: the units that push the 5 more than the 3, strongest first, and the lines into the 5.
    step(page, "Why?")
    expect(card(page)).to_contain_text("2 of 6")
    push = truth.arrays["W2"] * truth.arrays["A1"]
    strongest = int((push[5] - push[3]).argmax())
    said = re.search(r"unit (\d+) adds \+?(\S+) to the 5, but \+?(\S+) to the 3", text(page))
    assert int(said[1]) == strongest
    for number, value in zip(said.groups()[1:], push[[5, 3], strongest], strict=True):
        assert shows(number_of(number), value, figures=2)
    eventually(lambda: any_of(f"1.{strongest} 2.5" in lit(page)))

    # How it learns: the picture turns, one connection is left, first in words and then by name.
    step(page, "How would it learn?")
    expect(picture(page)).to_have_class(re.compile("is-backward"))
    expect(card(page)).to_contain_text(f"from unit {unit} to the answer {digit}")
    expect(card(page)).to_contain_text(f"the weight is {name}, and its slope d{name}")
    eventually(lambda: any_of(lit(page) == [f"1.{unit} 2.{digit}"]))

    # Is it right: the curve, and the quotient beside ours.
    step(page, "Is that number right?")
    proof, along = prove(truth, f"d{name}"), curve(truth, name)
    expect(card(page).locator("dd")).to_have_count(2)
    shown = card(page).locator("dd").all_inner_texts()
    for number, value in zip(shown, (proof.ours, proof.quotient), strict=True):
        assert shows(number_of(number), value, figures=9)
    expect(card(page).get_by_text("digits agree")).to_have_count(1)
    slider = card(page).get_by_role("slider", name=f"The value of {name}")
    for k in (20, 0, 40):
        slider.fill(str(k))
        reading = slider.get_attribute("aria-valuetext")
        error = re.search(r"E = (\S+),", reading)[1]
        assert shows(number_of(error), along.errors[k], figures=5)
        assert reading.endswith(f"the answer is {along.reads[k]}")

    # Learn from this once: the same picture changes until the 5 is a 3.
    step(page, "Learn from this once")
    expect(picture(page)).not_to_have_class(re.compile("is-backward"))
    answer = learn_once(truth)
    right = int(np.flatnonzero(answer.predictions_after == 3)[0])
    rate = card(page).get_by_role("slider")
    rate.fill(str(right + 1))  # 0 is no step
    share = answer.probabilities_after[right][3]
    expect(head).to_have_text(f"I say 3 ({100 * share:.0f} %). It is a 3.")
    promised = card(page).locator("td").first.inner_text()
    assert shows(number_of(promised), answer.promised[right], figures=5)

    # Now yours: the same network reads what is drawn in the place of the image.
    step(page, "Now yours")
    expect(head).to_have_text(first_verdict())
    draw(page, STROKES[0])
    eventually(lambda: any_of("strokes=" in page.url))
    strokes = re.search(r"strokes=([\d~-]+)", page.url)[1]
    made = prepare(strokes_of_pad([list(map(int, s.split("-"))) for s in strokes.split("~")]))
    read = int(predict(network(), as_columns(made.pixels.reshape(1, -1)))[0])
    expect(head).to_have_text(re.compile(rf"(I say|I would say) {read}\b"))
    within(page, card(page).get_by_role("button", name="Look around"))
    step(page, "Look around")
    expect(card(page)).to_be_hidden()
    assert "depth=network" in page.url


def any_of(found):
    assert found


def test_escape_leaves_the_story_and_a_link_starts_it_anywhere(visit):
    page = visit("?story=once", front=True)
    expect(card(page)).to_contain_text("5 of 6")
    page.keyboard.press("Escape")
    expect(card(page)).to_be_hidden()
    page.go_back()
    expect(card(page)).to_contain_text("5 of 6")
    card(page).get_by_role("button", name="Back").click()
    expect(card(page)).to_contain_text("4 of 6")


@pytest.mark.parametrize("digit", [0, 8])
def test_every_digit_can_be_its_subject(visit, digit):
    page = visit("", front=True)
    card(page).get_by_role("button", name=re.compile(f"The story of an? {digit}$")).click()
    head = page.get_by_role("heading", level=1)
    article = "an" if digit == 8 else "a"
    expect(head).to_have_text(re.compile(rf"It is {article} {digit}\.$"))
    number = int(re.search(r"test=(\d+)", page.url)[1])
    digits = held_out()[number]
    assert digits.labels[0] == digit
    assert predict(network(), digits.X)[0] != digit


def test_the_picture_is_the_network(visit):
    """Every value in it is the library's; a path is followed by pointer and by keyboard."""
    page = visit("?depth=network&test=7", front=True)
    truth = ledger(7)
    for unit, value in enumerate(truth.arrays["A1"]):
        said = page.get_by_role("button", name=re.compile(rf"^unit {unit} of layer 1"))
        shown = said.get_attribute("aria-label").rpartition(" ")[2]
        assert shows(number_of(shown), value, figures=1)
    answer = page.get_by_role("button", name="answer 3, probability", exact=False)
    answer.focus()
    push = truth.arrays["W2"][3] * truth.arrays["A1"]
    said = picture(page).get_by_role("status")
    strongest = int(np.abs(push).argmax())
    expect(said).to_contain_text(f"The answer 3 is pushed by unit {strongest}: ")
    total = re.search(r"Sum: (\S+)\.", said.inner_text())[1]
    assert shows(number_of(total), forward(network(), held_out()[7].X).Z[2][3, 0], figures=2)
    assert all(line.endswith(" 2.3") or line.startswith("x ") for line in lit(page))
    page.get_by_role("radio", name="Backward").check()
    expect(picture(page)).to_have_class(re.compile("is-backward"))


@pytest.mark.parametrize("number", [0, 6511])
def test_blame_is_drawn_as_strongly_as_there_is_to_learn(visit, number):
    """A digit that is read right with E = 7e-8 does not glow like a mistake."""
    page = visit(f"?depth=network&test={number}", front=True)
    page.get_by_role("radio", name="Backward").check()
    dZ = np.abs(ledger(number).arrays["dZ2"])
    strength = min(1, (dZ.max() / 0.1) ** 0.5)
    assert (strength > 0.99) == (number == 6511)
    assert (strength < 0.002) == (number == 0)
    widths = page.locator(".net-bar").evaluate_all(
        "bars => bars.map(bar => bar.offsetWidth / bar.parentElement.offsetWidth)"
    )
    np.testing.assert_allclose(widths, strength * dZ / dZ.max(), atol=0.01)
    lines = page.locator(".edge").evaluate_all("all => all.map(each => Number(each.style.opacity))")
    assert (max(lines) > 0.85) == (number == 6511)
    assert (max(lines) < 0.2) == (number == 0)
    key = page.get_by_text("All is paler here")
    expect(key).to_have_count(int(number == 0))


def test_a_unit_is_switched_off_a_weight_is_moved_and_all_is_undone(visit):
    page = visit("?depth=network", front=True)
    before = page.url
    panel = page.get_by_role("region", name="What if?")
    page.get_by_role("button", name=re.compile("^unit 4 of layer 1")).click()
    panel.get_by_role("button", name="Switch it off").click()
    changed = network()
    parameters = changed.parameters.copy()
    W = parameters[:7840].reshape(10, 784)
    W[4], parameters[7840 + 4] = 0, -1
    accuracy = np.mean(
        predict(type(changed)(changed.sizes, parameters, changed.loss), held_out().X)
        == held_out().labels
    )
    expect(panel).to_contain_text(f"Reads {100 * accuracy:.0f} % of the 10,000 test images")
    assert "cut=1.4" in page.url
    panel.get_by_role("button", name="Switch it on").click()
    expect(panel).to_contain_text("Nothing is changed.")

    # A line is a weight: it is moved along its curve, and the link keeps where it is.
    page.goto(f"{before}&cell=W2[3,4]")
    slider = panel.get_by_role("slider", name="The value of W2[3,4]")
    slider.fill("0")
    slider.dispatch_event("change")
    expect(panel).to_contain_text("before 93 %")
    eventually(lambda: any_of("set=W2[3,4]:" in page.url))
    # Undo takes back what came with a link, too, and does not leave the lab.
    page.reload()
    panel.get_by_role("button", name="Undo").click()
    expect(panel).to_contain_text("Nothing is changed.")
    page.goto(f"{before}&cut=1.4,1.2")
    panel.get_by_role("button", name="As it was").click()
    expect(panel).to_contain_text("Nothing is changed.")
    panel.get_by_text("What matters most?").click()
    expect(panel.get_by_role("listitem")).to_have_count(10)


def test_the_story_of_a_network_without_hidden_units(visit, tmp_path):
    """Its pixels vote directly, and the story says so."""
    save_model(initialise((784, 10), rng=np.random.default_rng(1)), tmp_path / "flat.safetensors")
    flat = Lab(tmp_path, tmp_path / "flat.safetensors")
    try:
        page = visit("", front=True, at=flat)
        expect(card(page)).to_contain_text("784 pixels, without any hidden units")
        step(page, "Why?")
        expect(card(page)).to_contain_text(re.compile(r"pixel \d+ adds"))
        step(page, "How would it learn?")
        expect(card(page)).to_contain_text(re.compile(r"from pixel \d+ to the answer"))
        step(page, "Is that number right?")
        expect(card(page).locator("dd")).to_have_count(2)
        page.close()  # so that it does not miss its lab
    finally:
        flat.stop()


def test_reduced_motion_shows_the_picture_at_once(visit):
    page = visit("", front=True, reduced_motion="reduce")
    expect(picture(page)).to_be_visible()
    lines = page.locator(".edges").first  # the picture is there before its numbers have come
    assert lines.evaluate("node => getComputedStyle(node).animationName") == "none"
