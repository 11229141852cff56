"""Train and its runs: what is seen before and at the end; names; two that are compared."""

import re

import pytest
from helpers.answers import held_out, numbers, says_share
from helpers.hands import eventually, serious, settled, tab_to
from helpers.trainings import asked, trained
from helpers.visits import DESK, Lab
from playwright.sync_api import expect

from chainrule import load_digits, load_model
from chainrule.network import probabilities
from chainrule.runs.called import given_name
from chainrule.runs.folder import open_run

WATCHED = [1, 18, 4, 8, 11, 0, 61, 7]  # the first of each digit from 2 to 9


@pytest.fixture
def alone(tmp_path):
    """A lab of this test's own, with no runs yet."""
    started = Lab(tmp_path)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def two(tmp_path_factory, small):
    """A lab with two runs on 600 images; the loss of one leaps once, between two shared steps."""
    folder = tmp_path_factory.mktemp("two")
    digits = load_digits(small)
    known = {"data": str(small), "batch_size": None, "optimizer": "descent", "learning_rate": 0.5}
    trained(folder / "runs/calm", digits, asked(**known, steps=450))
    wish = iter([*[None] * 190, 40.0, *[None] * 2, 0.5, *[None] * 200]).__next__
    leaping = {"new_rate": wish, "allowed": lambda _: 1}
    trained(folder / "runs/leaps", digits, asked(**known, steps=300), **leaping)
    started = Lab(folder)
    yield started
    started.stop()


def start(page, **settings):
    for label, value in settings.items():
        page.get_by_label(label, exact=True).fill(str(value))
    page.get_by_role("button", name="Start", exact=True).click()


def is_said(page, text):
    expect(page.locator("#run-state")).to_have_text(re.compile(text))


def run_of(lab):
    (folder,) = (lab.folder / "runs").iterdir()
    return open_run(folder)


def watched(page):
    return page.get_by_role("list", name="What it says of eight test images").get_by_role(
        "listitem"
    )


def in_sight(page, place):
    """Whether it is inside the window without scrolling."""
    box = place.bounding_box()
    size = page.viewport_size
    assert page.evaluate("scrollY") == 0
    return box["y"] >= 0 and box["y"] + box["height"] <= size["height"]


SIZES = [(1280, 720), (390, 844), (1440, 900)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_start_comes_first_and_what_will_be_seen_is_there(alone, visit, width, height):
    page = visit("?view=train", at=alone, viewport={"width": width, "height": height})
    button = page.get_by_role("button", name="Start", exact=True)
    assert in_sight(page, button)
    # It is the first that the keyboard reaches on the page itself.
    page.locator("main").focus()
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    expect(watched(page)).to_have_count(8)
    expect(watched(page).first).to_contain_text("a 2, not read yet")
    expect(watched(page).locator(".read")).to_have_text(["?"] * 8)
    units = page.get_by_role("img", name="The weights of 10 units of layer 1")
    expect(units).to_be_visible()
    canvas = units.locator("canvas")
    eventually(lambda: large(canvas))
    axes = page.get_by_role("img", name=re.compile("^Loss over the steps$"))
    assert axes.locator("canvas").evaluate(PAINTED) > 300  # axes with their numbers
    settled(page)
    assert serious(page) == []


PAINTED = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  .data.filter((value, k) => k % 4 === 3 && value > 0).length"""


def large(canvas):
    """Each unit is at least 64 pixels wide, and not blank."""
    box = canvas.bounding_box()
    across = canvas.evaluate("canvas => canvas.width") / 30
    assert 28 / 30 * box["width"] / across >= 64
    assert canvas.evaluate(PAINTED) > 10 * 784 * 0.9


def test_what_a_setting_means_is_said_on_demand(alone, visit):
    page = visit("?view=train", at=alone)
    words = page.get_by_text("Left empty: 1.5, which suits squared error with gradient descent.")
    expect(words).to_be_hidden()
    ask = page.get_by_role("button", name="What is this? Learning rate α")
    tab_to(page, ask)
    page.keyboard.press("Enter")
    expect(words).to_be_visible()
    expect(ask).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Space")
    expect(words).to_be_hidden()


def test_no_field_cuts_its_number(alone, visit):
    page = visit("?view=train", at=alone, viewport={"width": 1280, "height": 720})
    page.get_by_text("More", exact=True).click()
    form = page.get_by_role("form", name="What to train")
    page.get_by_label("Length", exact=True).fill("100000")
    for field in form.locator("input:visible:not([type=checkbox]), select:visible").all():
        assert field.evaluate("node => node.scrollWidth <= node.clientWidth"), field


def test_other_settings_have_another_preview(alone, visit):
    page = visit("?view=train", at=alone)
    expect(page.get_by_role("img", name="The weights of 10 units of layer 1")).to_be_visible()
    page.get_by_label("Hidden layers", exact=True).fill("24")
    expect(page.get_by_role("img", name="The weights of 24 units of layer 1")).to_be_visible()
    picture = page.locator(".sheet canvas")
    before = picture.evaluate("canvas => canvas.toDataURL()")
    page.get_by_label("Seed", exact=True).fill("5")
    eventually(lambda: differs(picture, before))
    assert not (alone.folder / "runs").exists()


def differs(canvas, before):
    assert canvas.evaluate("canvas => canvas.toDataURL()") != before


def test_at_the_end_its_answers_stand_and_it_can_be_looked_into(alone, visit):
    page = visit("?view=train", at=alone, viewport={"width": 1280, "height": 720})
    start(page, Length=40)
    is_said(page, "Finished")
    there = run_of(alone)
    A = probabilities(load_model(there.folder), held_out().X[:, WATCHED])
    for item, read, sure, label in zip(
        watched(page).all(), A.argmax(axis=0), A.max(axis=0), range(2, 10), strict=True
    ):
        expect(item).to_contain_text(f"read as {read}, ")
        assert says_share(item.locator(".number").inner_text(), sure)
        expect(item).to_have_class("right" if read == label else "wrong")
    # The picker's network is the one whose curves are drawn.
    expect(page.locator("#run-title")).to_have_text("784-10-10, α 1.5, 40 steps, seed 0")
    expect(page.locator(".shelf [aria-current]")).to_have_text("784-10-10, α 1.5, 40 steps, seed 0")
    settled(page)
    assert serious(page) == []
    # Look inside it, let it read, and back.
    page.get_by_role("button", name="Look inside it").click()
    expect(page).to_have_url(re.compile(r"[?&]network=784-10-10.*seed0\.compiled$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say")
    page.go_back()
    page.get_by_role("button", name="Let it read mine").click()
    expect(page).to_have_url(re.compile("view=draw&network=784-10-10"))
    page.go_back()
    expect(page.get_by_role("button", name="Compare with …")).to_be_hidden()  # with what?
    expect(page.locator("#run-title")).to_be_visible()


def test_another_network_has_no_curves_of_a_run(alone, visit):
    page = visit("?view=train", at=alone)
    start(page, Length=5)
    is_said(page, "Finished")
    page.goto(page.url.split("?")[0] + "?view=train&network=large")
    expect(page.locator("#train-welcome")).to_be_visible()
    expect(page.locator("#run-title")).to_be_hidden()
    expect(page.locator(".shelf [aria-current]")).to_have_count(0)
    expect(page.get_by_role("region", name="Time machine")).to_be_hidden()
    page.get_by_role("list", name="Runs").get_by_role("button").click()
    expect(page.locator("#run-title")).to_be_visible()
    expect(page.locator(".shelf [aria-current]")).to_have_count(1)


def test_a_run_is_renamed_in_its_place(alone, visit, watch):
    watch.allow("400")  # of the name that is refused
    page = visit("?view=train", at=alone)
    start(page, Length=5)
    is_said(page, "Finished")
    title = page.locator("#run-title")
    made = "784-10-10, α 1.5, 5 steps, seed 0"
    expect(title).to_have_text(made)
    address = page.url

    def renamed(text, key):
        page.get_by_role("button", name="Rename").focus()
        page.keyboard.press("Enter")
        field = page.get_by_label("New name of the run")
        expect(field).to_be_focused()
        field.fill(text)
        page.keyboard.press(key)

    renamed("not this one", "Escape")
    expect(title).to_have_text(made)
    expect(page.get_by_role("button", name="Rename")).to_be_focused()
    renamed("  slow – but sure ", "Enter")
    expect(title).to_have_text("slow – but sure")
    expect(page.get_by_role("button", name="Rename")).to_be_focused()
    assert given_name(run_of(alone)) == "slow – but sure"
    expect(page.locator(".run-name").first).to_have_text("slow – but sure")  # the time machine
    expect(page.get_by_role("list", name="Runs")).to_contain_text("slow – but sure")
    assert page.url == address  # a link stays what it was
    page.reload()
    expect(title).to_have_text("slow – but sure")
    renamed("a/b", "Enter")
    expect(page.get_by_role("alert").filter(has_text="no / or")).to_be_visible()
    page.keyboard.press("Escape")
    expect(title).to_have_text("slow – but sure")
    renamed("", "Enter")
    expect(title).to_have_text(made)
    settled(page)
    assert serious(page) == []


def test_training_accuracy_by_batches_when_asked(alone, visit):
    page = visit("?view=train", at=alone)
    page.get_by_text("More", exact=True).click()
    box = page.get_by_role("checkbox", name="Training accuracy")
    expect(box).to_be_disabled()  # with all images a step it is known anyway
    page.get_by_label("Batch", exact=True).fill("100")
    expect(box).not_to_be_checked()
    box.check()
    start(page, Length=20)
    is_said(page, "Finished")
    expect(page.locator("#figure-train")).to_contain_text("%")
    rows = (run_of(alone).folder / "history.csv").read_text(encoding="utf-8").split()[1:]
    shares = [float(row.split(",")[2]) for row in rows]
    assert len(shares) == 21
    said = numbers(page.locator("#figure-train").inner_text())[0]
    assert abs(float(said) - 100 * shares[-1]) < 0.06


def test_two_runs_that_are_ticked_are_compared(two, visit):
    page = visit("?view=train", at=two)
    compare = page.get_by_role("button", name="Compare the two")
    expect(compare).to_be_disabled()
    for name in ("leaps", "calm"):
        page.get_by_role("checkbox", name=f"Compare {name}").check()
    compare.click()
    expect(page.locator("#compare-says")).to_contain_text("Their answers differ on")
    expect(page).to_have_url(re.compile("view=compare&network=784.*300.*&with=784.*450"))
    train = page.get_by_role("navigation", name="Views").get_by_role("button", name="Train")
    expect(train).to_have_attribute("aria-current", "page")
    # The leap, which only one of them has recorded, is in the chart.
    history = (two.folder / "runs/leaps/history.csv").read_text(encoding="utf-8").split()[1:]
    rows = [[float(cell) for cell in row.split(",")[:2]] for row in history]
    at, leap = max(rows[40:], key=lambda row: row[1])
    assert at % 5
    chart = page.get_by_role("img", name=re.compile("^Loss over"))
    expect(chart).to_be_visible()
    chart.press("Home")
    heard = chart.locator("+ [role=status]")
    texts = []
    while not texts or texts[-1] != heard.inner_text():
        texts.append(heard.inner_text())
        chart.press("ArrowRight")
    (text,) = (each for each in texts if each.startswith(f"step {at:.0f}:"))
    assert abs(float(numbers(text)[1]) - leap) < 0.006
    page.get_by_role("button", name="‹ Runs").click()
    expect(page.get_by_role("list", name="Runs")).to_be_visible()
    page.go_back()
    expect(page.locator("#compare-says")).to_be_visible()


def test_it_holds_on_narrow_and_enlarged_pages(two, visit):
    page = visit("?view=train", at=two, reduced_motion="reduce")
    page.get_by_role("list", name="Runs").get_by_role("button").first.click()
    expect(page.locator("#run-title")).to_be_visible()
    for width, height in ((390, 844), (320, 700), (640, 360)):  # the last is 1280 at 200 %
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, width
    page.set_viewport_size(DESK)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        settled(page)
        assert serious(page) == []
