"""Draw: nothing jumps, nothing is lost, and a saved set is looked at, named and trained on."""

import json
import re

import numpy as np
import pytest
from helpers.answers import network
from helpers.hands import PAD, STROKES, draw, eventually, pad, says, settled
from helpers.visits import Lab
from playwright.sync_api import expect

from chainrule import load_digits
from chainrule.network import probabilities

SIZES = [(390, 844), (1280, 720), (1440, 900)]
SCRIBBLE = [(20 + 6 * k, 40 if k % 2 else 240) for k in range(40)]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A lab in a folder of its own."""
    started = Lab(tmp_path_factory.mktemp("own"))
    yield started
    started.stop()


@pytest.mark.parametrize("size", SIZES)
def test_pad_and_answer_fit_together(visit, size):
    page = visit("?view=draw", viewport={"width": size[0], "height": size[1]})
    settled(page)
    draw(page, STROKES[7])
    says(page, 7)
    assert page.evaluate("scrollY") == 0
    for part in (pad(page), page.locator("#draw-says"), page.locator(".answer .bars")):
        box = part.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= size[1], part
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


WATCHED = ".answer h2, #draw-says, .answer .bars, .answer .bars .track, #open-inside, .making, .pad"
PLACES = f"""() => [...document.querySelectorAll("{WATCHED}")].map(node => {{
  const {{ left, top, width }} = node.getBoundingClientRect();
  return [node.id || node.classList[0], left, top, width].join(" ");
}})"""


@pytest.mark.parametrize("size", SIZES)
def test_nothing_jumps_while_one_draws(visit, size):
    page = visit("?view=draw", viewport={"width": size[0], "height": size[1]})
    settled(page)
    before = page.evaluate(PLACES)
    box = pad(page).bounding_box()
    scale = box["width"] / PAD
    at = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in SCRIBBLE]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point)
        assert page.evaluate(PLACES) == before
    page.mouse.up()
    notice = page.get_by_text("unlike anything I was trained on")
    expect(notice).to_be_visible()
    assert page.evaluate(PLACES) == before
    page.get_by_role("button", name="Clear").click()
    expect(notice).to_be_hidden()
    draw(page, STROKES[0])
    says(page, 0)
    assert page.evaluate(PLACES) == before


def test_the_notice_waits_until_the_pen_rests(visit):
    """With a clock that the test moves: as long as the pen moves, nothing is judged."""
    page = visit("?view=draw", device_scale_factor=2)  # a page that no other test uses
    page.clock.install(time=0)
    page.reload()
    page.locator("main:not([aria-busy])").wait_for()
    page.clock.pause_at(3600)  # an hour later it stands still
    box = pad(page).bounding_box()
    scale = box["width"] / PAD
    page.mouse.move(box["x"] + 20 * scale, box["y"] + 40 * scale)
    page.mouse.down()
    notice, said = page.locator("#draw-unlike"), page.locator("#draw-says")
    for x, y in SCRIBBLE:
        page.mouse.move(box["x"] + x * scale, box["y"] + y * scale)
        page.clock.run_for(100)
    expect(said).to_have_text(re.compile(r"^So far I say \d\.$"))
    expect(notice).to_be_hidden()
    page.mouse.up()
    page.clock.run_for(300)
    expect(notice).to_be_hidden()
    page.clock.run_for(200)
    expect(notice).to_contain_text("unlike anything I was trained on")
    expect(said).to_contain_text("Taken for one digit, I would say")


# ------------------------------------------------------------------------------------- a reload


def add(page, digit):
    draw(page, STROKES[digit])
    says(page, digit)
    page.get_by_role("group", name="It is a").get_by_label(str(digit)).check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page).not_to_have_url(re.compile("strokes="))


def test_drawings_outlive_a_reload_until_they_are_forgotten(visit):
    page = visit("?view=draw", device_scale_factor=2)  # a browser that keeps nothing of other tests
    for digit in (1, 0, 7):
        add(page, digit)
    draw(page, STROKES[4])
    says(page, 4)
    page.reload()
    says(page, 4)  # the one on the pad
    expect(page.get_by_text("3 drawings", exact=True)).to_be_visible()
    expect(page.get_by_text("kept in this browser")).to_be_visible()
    taken = page.get_by_role("button", name=re.compile("^Take this"))
    expect(taken).to_have_count(3)
    assert [each.inner_text().strip() for each in taken.all()] == ["1", "0", "7"]
    taken.nth(1).click()
    page.reload()
    expect(taken).to_have_count(2)
    page.get_by_role("button", name="Forget them").click()
    expect(taken).to_have_count(0)
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    expect(page.get_by_role("button", name="Add", exact=True)).to_be_visible()
    expect(taken).to_have_count(0)


GOOD = {"image": {"strokes": [[1, 2, 3, 4]], "off": []}, "label": 3}
GOOD["pixels"] = "A" * 1046 + "=="


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "null",
        json.dumps({"version": 2, "drawings": [GOOD]}),
        json.dumps({"version": 1, "drawings": [GOOD] * 501}),
        json.dumps({"version": 1, "drawings": [GOOD | {"label": 10}]}),
        json.dumps({"version": 1, "drawings": [GOOD | {"pixels": "A"}]}),
        json.dumps({"version": 1, "drawings": [GOOD | {"image": None}]}),
        json.dumps({"version": 1, "drawings": [GOOD | {"image": {"strokes": [[1]], "off": []}}]}),
        json.dumps(
            {"version": 1, "drawings": [GOOD | {"image": {"strokes": [[1, 999]], "off": []}}]}
        ),
        json.dumps({"version": 1, "drawings": [None, 3, "x", {}]}),
        " " * 4_000_001,
    ],
)
def test_what_the_browser_kept_is_checked(visit, content):
    page = visit("?view=draw")
    try:
        page.evaluate("text => localStorage.setItem('chainrule-collected', text)", content)
        page.reload()
        expect(page.get_by_text("0 drawings")).to_be_visible()
        good = json.dumps({"version": 1, "drawings": [GOOD]})
        page.evaluate("text => localStorage.setItem('chainrule-collected', text)", good)
        page.reload()
        expect(page.get_by_text("1 drawing", exact=True)).to_be_visible()
    finally:
        page.evaluate("localStorage.clear()")


# ----------------------------------------------------------------------------------- saved sets


def test_a_set_is_named_looked_at_and_trained_on(visit, own):
    page = visit("?view=draw&network=large", at=own)
    digits = (1, 0, 4, 7, 1, 0, 4, 7, 1, 0)
    for digit in digits:
        add(page, digit)
    page.get_by_label("Name of the set").fill("Mine")
    page.get_by_role("button", name="Save the set").click()
    expect(page.get_by_text("Saved in drawings/")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0
    item = page.locator("#sets li").filter(has_text="Mine")
    expect(item).to_contain_text("10 drawings, 2 of them for testing: 3 × 0, 3 × 1, 2 × 4, 2 × 7")

    # Another name, by keyboard; Escape leaves it as it was.
    item.get_by_role("button", name="Rename").click()
    field = page.get_by_label("Another name for Mine")
    field.fill("nothing")
    field.press("Escape")
    expect(item).to_be_visible()
    item.get_by_role("button", name="Rename").click()
    field.fill("Ten of mine")
    field.press("Enter")
    item = page.locator("#sets li").filter(has_text="Ten of mine")
    expect(item).to_be_visible()
    page.reload()
    expect(item).to_be_visible()

    # Looked at: each drawing with what the network reads, the numbers from the library.
    item.get_by_role("button", name="Look").click()
    (folder,) = (own.folder / "drawings").iterdir()
    train, test = load_digits(folder)
    images = np.concatenate([train.images, test.images])
    labels = np.concatenate([train.labels, test.labels])

    def read_by(name):
        A = probabilities(network(name), (images / np.float32(255)).T.astype(np.float32))
        right = int((A.argmax(axis=0) == labels).sum())
        said = page.locator("#set-reads")
        expect(said).to_have_text(f"The {name} network reads {right} of the 10 drawings right.")
        names = [
            f"A {label}, read as {answer}, "
            for label, answer in zip(labels, A.argmax(axis=0), strict=True)
        ]
        shown = page.locator("#set-looked .thumbnail")
        expect(shown).to_have_count(10)
        for each, name in zip(shown.all(), names, strict=True):
            assert each.get_attribute("aria-label").startswith(name)
            assert each.evaluate("node => node.classList.contains('misread')") == (
                name[2] != name.split("read as ")[1][0]
            )

    read_by("large")
    page.get_by_label("Network", exact=True).select_option("small")
    read_by("small")

    # A drawing of it inside, and back.
    page.locator("#set-looked .thumbnail").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("say")
    page.go_back()

    # Trained on: the small network with the usual settings, on these and no others.
    item.get_by_role("button", name="Train the small network on it").click()
    expect(page).to_have_url(re.compile("view=train&network=784-10-10.*data-"))
    expect(page.locator("#run-state")).to_have_text("Finished.")

    def finished():
        (made,) = (own.folder / "runs").iterdir()
        settings = json.loads((made / "run.json").read_text())["settings"]
        assert settings["data"] == str(folder)

    eventually(finished)
