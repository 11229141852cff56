"""A moment travels: as a link to another browser, and as one HTML file without chainrule."""

import re
from urllib.parse import parse_qs

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
from helpers.hands import (
    STROKES,
    cell,
    draw,
    exact,
    figures,
    opened,
    pad,
    says,
    shown_cells,
    terms,
    value_of,
)
from helpers.visits import SECONDS, Watch
from playwright.sync_api import expect

from chainrule import gradient, predict
from chainrule.explain.learning import learn_once
from chainrule.explain.proof import prove
from chainrule.explain.rules import open_cell
from chainrule.handwriting import draw as paper
from chainrule.handwriting import prepare
from chainrule.lessons.lesson import package_lessons

PLACE = re.compile("strokes=")


def drawing(page):
    """Draw a 7 and open it; the address of that moment."""
    draw(page, STROKES[7])
    says(page, 7)
    expect(page).to_have_url(PLACE)
    page.get_by_role("button", name="Open in Look inside").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say 7")
    return page.url


def test_the_token_leaves_the_address(browser, lab, watch):
    watch.home = lab.home
    with browser.new_context() as context:
        context.on("page", watch.page)
        page = context.new_page()
        assert "token=" in lab.address
        page.goto(lab.address)
        expect(page.get_by_role("heading", level=1)).to_contain_text("I say 5")
        assert page.url == lab.home
        (cookie,) = context.cookies()
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        assert not page.evaluate("document.cookie")


def test_a_link_to_a_test_image_brings_the_same_moment(visit):
    page = visit()
    number = page.get_by_label("Test image", exact=True)
    number.fill("247")
    number.press("Enter")
    expect(page).to_have_url(re.compile("test=247"))
    page.get_by_role("group", name="Go back as if it were a").get_by_label("6").check()
    page.get_by_role("group", name="Colours").get_by_label("global").check()
    page.get_by_role("navigation", name="Steps of the pass").get_by_role(
        "button", name="dW2", exact=True
    ).click()
    cell(page, "dW2[4,1]").click()
    before = value_of(page, "dW2[4,1]")
    assert float(before) == ledger(247, 6).arrays["dW2"][4, 1]
    link = page.url
    for part in ("test=247", "label=6", "scale=global", "phase=dW2", "cell=dW2[4,1]"):
        assert part in link
    shown = exact(shown_cells(page))
    page.reload()
    same_moment(page, before, shown)
    other = visit(link.partition("/?")[2] and "?" + link.partition("/?")[2])
    same_moment(other, before, shown)
    assert other.url == link


def same_moment(page, value, shown):
    expect(opened(page, "dW2[4,1]")).to_be_visible()
    assert value_of(page, "dW2[4,1]") == value
    expect(page.get_by_label("Test image", exact=True)).to_have_value("247")
    labels = page.get_by_role("group", name="Go back as if it were a")
    expect(labels.get_by_label("6")).to_be_checked()
    expect(page.get_by_role("group", name="Colours").get_by_label("global")).to_be_checked()
    steps = page.get_by_role("navigation", name="Steps of the pass")
    step = steps.get_by_role("button", name="dW2", exact=True)
    expect(step).to_have_attribute("aria-current", "step")
    assert exact(shown_cells(page)) == shown


def test_a_drawing_is_the_same_784_numbers_in_another_browser(visit):
    page = visit("?view=draw")
    link = drawing(page)
    first = {k: v for k, v in exact(shown_cells(page)).items() if k.startswith("x[")}
    assert len(first) == 784
    assert max(first.values()) == 1
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say 7")
    again = exact(shown_cells(page))
    assert {k: v for k, v in again.items() if k.startswith("x[")} == first
    other = visit("?" + link.partition("/?")[2], device_scale_factor=2)
    expect(other.get_by_role("heading", level=1)).to_contain_text("I say 7")
    assert exact(shown_cells(other)) == again
    # And back on the pad the drawing is still there.
    other.get_by_role("navigation", name="Views").get_by_role("button", name="Draw").click()
    says(other, 7)
    expect(other).to_have_url(PLACE)


@pytest.mark.parametrize(
    "query",
    [
        "?test=99999&network=nobody&label=12&cell=rm[1]&phase=x9&hide=all&scale=huge&view=away",
        "?strokes=999-1&off=everything&projector=yes",
        "?pixels=short&cell=dW2[99,99]&phase=dZ9",
        "?test=-1&test=%00&cell=<script>alert(1)</script>",
        "?test=3as3&cell=dW9[3,*]",
        "?test=as5&cell=A2[*]",
    ],
)
def test_a_broken_link_shows_the_beginning(visit, query):
    page = visit(query)
    expect(page.get_by_role("heading", level=1)).to_have_text(first_verdict())
    assert not page.get_by_role("region", name="dW2[99,99]").count()


def test_a_link_with_an_old_name_says_the_new_one(visit):
    page = visit("?network=seed&test=7")
    said = page.get_by_text("names the network seed, which is called small now")
    expect(said).to_be_visible()
    expect(page).to_have_url(re.compile("test=7"))
    assert "seed" not in page.url


def test_the_drawing_of_the_last_lesson_is_misread_until_it_is_mended(visit):
    steps = package_lessons()[-1].steps
    link = next(step.link for step in steps if "off=" in step.link)
    wanted = parse_qs(link)
    strokes = [[int(n) for n in one.split("-")] for one in wanted["strokes"][0].split("~")]
    first, mended = (
        int(ledger(prepare(paper(strokes), off).pixels, 0, name="large").arrays["A2"].argmax())
        for off in (wanted["off"][0].split(","), [])
    )
    assert first != mended
    page = visit(f"?{link}")
    says(page, first, unlike=True)
    making = page.get_by_role("region", name="What I make of it")
    for box in making.get_by_role("checkbox", checked=False).all()[::-1]:
        box.check()
    says(page, mended)


def test_an_image_can_be_named_by_what_is_read(visit, lab):
    """A misread 8 of the large network, and a number of its pass, each chosen by its rule."""
    page = visit("?network=large&test=8as&cell=W2[8,*]")
    digits, model = held_out(), network("large")
    misread = np.flatnonzero((digits.labels == 8) & (predict(model, digits.X) != 8))
    sizes = [np.linalg.norm(gradient(model, digits[k].X, digits[k].Y)) for k in misread]
    image = int(misread[np.argmax(sizes)])
    expect(page.get_by_label("Test image", exact=True)).to_have_value(str(image))
    name = f"W2[8,{np.abs(ledger(image, name='large').arrays['W2'][8]).argmax()}]"
    expect(opened(page, name)).to_be_visible()
    assert page.url == f"{lab.home}?network=large&test={image}&cell={name}"


def test_a_run_begins_at_the_image_of_the_first_network(visit):
    """A run changes, so it has no images of its own; nor has one that is not here."""
    run = "784-10-10.squared_error.descent.10.all.300.seed3"
    page = visit(f"?network={run}&test=3as5")
    expect(page.get_by_label("Test image", exact=True)).to_have_value(str(beginning()))
    assert "test=" not in page.url


def tab(page, name):
    return page.get_by_role("navigation", name="Views").get_by_role("button", name=name)


def entries(page):
    return page.evaluate("history.length")


def test_back_and_forward_stay_in_the_lab(visit, lab):
    """A view, an image and a cell are one step back each; nothing is there twice."""
    page = visit("?cell=b1[4]", device_scale_factor=2)  # a link with a state, in a tab of its own
    heading = page.get_by_role("heading", level=1)
    expect(opened(page, "b1[4]")).to_be_visible()
    at_first = entries(page)

    number = page.get_by_label("Test image", exact=True)
    number.fill("247")
    number.press("Enter")
    expect(page).to_have_url(re.compile("test=247"))
    cell(page, "dW2[4,1]").click()
    expect(opened(page, "dW2[4,1]")).to_be_visible()
    cell(page, "dW2[4,1]").click()
    tab(page, "Draw").click()
    expect(page.get_by_role("heading", name="Draw a digit")).to_be_visible()
    tab(page, "Draw").click()
    assert entries(page) == at_first + 3

    page.go_back()
    expect(opened(page, "dW2[4,1]")).to_be_visible()
    expect(tab(page, "Look inside")).to_have_attribute("aria-current", "page")
    assert float(value_of(page, "dW2[4,1]")) == ledger(247).arrays["dW2"][4, 1]
    page.reload()  # in the middle: what was ahead stays there
    expect(opened(page, "dW2[4,1]")).to_be_visible()
    page.go_forward()
    expect(pad(page)).to_be_visible()
    page.go_back()
    page.go_back()
    expect(opened(page, "b1[4]")).to_be_visible()  # it stays open when the image changes
    expect(opened(page, "dW2[4,1]")).to_have_count(0)
    expect(number).to_have_value("247")
    page.go_back()
    expect(heading).to_have_text(first_verdict())
    expect(number).to_have_value(str(beginning()))
    assert page.url == f"{lab.home}?cell=b1[4]"
    page.go_forward()
    expect(number).to_have_value("247")
    expect(heading).not_to_contain_text("It is a 3")
    assert entries(page) == at_first + 3
    # What is opened now takes the place of what was ahead.
    tab(page, "Evaluate").click()
    expect(page.locator("#unsure")).not_to_be_empty()
    assert entries(page) == at_first + 2


def test_what_is_dragged_or_stepped_through_is_no_entry(visit):
    page = visit("?view=draw", device_scale_factor=2)
    at_first = entries(page)
    draw(page, STROKES[7])
    says(page, 7)
    expect(page).to_have_url(PLACE)
    draw(page, STROKES[1])
    page.get_by_role("button", name="Undo").click()
    says(page, 7)
    page.keyboard.press("Alt+p")
    assert entries(page) == at_first
    page.get_by_role("button", name="Open in Look inside").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say 7")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("phase="))
    page.get_by_role("group", name="Go back as if it were a").get_by_label("6").check()
    page.get_by_text("Hide …").click()
    page.get_by_role("checkbox", name="sums").check()
    expect(page).to_have_url(re.compile("hide=terms"))
    assert entries(page) == at_first + 1
    # Back is the drawing, as it was; what is hidden, and how large it is shown, are as now.
    page.go_back()
    says(page, 7)
    expect(page).to_have_url(PLACE)
    expect(page).to_have_url(re.compile("hide=terms&projector=1"))
    page.go_forward()
    labels = page.get_by_role("group", name="Go back as if it were a")
    expect(labels.get_by_label("6")).to_be_checked()
    expect(page).to_have_url(re.compile("phase=.*hide=terms&projector=1"))


def test_hide_and_reveal(visit):
    """A teacher asks first and shows later: nothing hidden can be read before."""
    name = first_cell()
    page = visit(f"?hide=prediction,truth,gradients,probabilities&cell={name}")
    page.get_by_role("main").wait_for()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    text = page.get_by_role("main").inner_text()
    assert "I say 5" not in text
    assert "It is a 3" not in text
    assert "E falls" not in text  # the sign of what is hidden
    value = open_cell(ledger(beginning()), name).value
    assert f"{abs(value):.3f}" not in text
    for each, (exactly, called) in shown_cells(page).items():
        if each.startswith(("d", "A2", "Z2", "y", "∂")):
            assert exactly is None, each
            assert called == f"{each} hidden"
    link = page.url
    page.get_by_role("button", name="Reveal: what the network says").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(first_verdict().partition(".")[0])
    assert "It is a 3" not in page.get_by_role("main").inner_text()
    page.get_by_role("button", name="Reveal all").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(first_verdict())
    assert float(value_of(page, name)) == value
    assert all(exactly is not None for exactly, _ in shown_cells(page).values())
    assert page.url == link  # revealing is for now; the link still asks


def test_a_drawing_can_be_a_question_too(visit):
    page = visit(
        "?view=draw&strokes=60-60-130-58-200-60~200-60-160-140-120-230&hide=prediction,probabilities"
    )
    reading = page.get_by_role("region", name="What I read")
    expect(reading).to_contain_text("I say …")
    expect(page.get_by_role("button", name="Open in Look inside")).to_be_enabled()
    for part in (reading, page.get_by_role("region", name="What I make of it")):
        assert not re.search(r"\d %|a 7|say \d", part.inner_text())
    expect(page.get_by_role("table", name="probabilities")).to_be_hidden()
    page.get_by_role("button", name="Reveal all").click()
    expect(reading).to_contain_text("I say 7")
    expect(page.get_by_role("table", name="probabilities")).to_be_visible()


def test_hiding_goes_into_the_link(page):
    page.get_by_text("Hide …").click()
    box = page.get_by_role("checkbox", name="what the network says")
    box.check()
    page.get_by_role("checkbox", name="sums").check()
    expect(page).to_have_url(re.compile("hide=prediction,terms"))
    expect(page.get_by_text("I say 5")).to_have_count(0)
    box.uncheck()
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say 5")


def test_projector(page):
    """Larger type, by a key, and in the link."""
    size = "() => parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)"
    small = page.evaluate(size)
    page.keyboard.press("Alt+p")
    expect(page).to_have_url(re.compile("projector=1"))
    expect(page.get_by_role("button", name="Projector")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(size) > 1.15 * small
    # The whole pass is seen at once.
    fits = "document.querySelector('.flow').getBoundingClientRect().height <= innerHeight"
    page.wait_for_function(f"() => {fits}")
    box = page.locator("#block-E").bounding_box()
    assert box["x"] + box["width"] <= page.viewport_size["width"]
    page.reload()
    expect(page.get_by_role("button", name="Projector")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Alt+p")
    expect(page).not_to_have_url(re.compile("projector"))


@pytest.mark.parametrize(("width", "more"), [(390, ""), (768, ""), (1280, "&projector=1")])
def test_a_network_with_a_long_name_covers_no_button(visit, width, more):
    size = {"width": width, "height": 800}
    page = visit(f"?depth=network{more}", front=True, viewport=size)
    picker = page.get_by_label("Network", exact=True)
    picker.evaluate("all => all.add(new Option('784-10-10, squared error, descent, rate 1.5'))")
    left, top, wide, high = picker.bounding_box().values()
    for button in page.locator(".inside-bar button").filter(visible=True).all():
        x, y, w, h = button.bounding_box().values()
        apart = x + w <= left or left + wide <= x or y + h <= top or top + high <= y
        assert apart, button.inner_text()


# ------------------------------------------------------------------------------ the saved moment


def save(page, folder):
    """The moment as a file in a folder."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as one HTML file").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    assert path.suffix == ".html"
    return path


@pytest.fixture
def from_disk(browser):
    """Open a file in a browser without a network; it may ask nobody for anything."""
    contexts = []
    watch = Watch("file:///")

    def open_file(path):
        context = browser.new_context(offline=True)
        contexts.append(context)
        context.set_default_timeout(SECONDS * 1000)
        context.on("page", watch.page)
        page = context.new_page()
        page.goto(path.as_uri())
        page.locator("main:not([aria-busy])").wait_for()
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert not watch.complaints


def test_the_saved_moment_shows_the_same_numbers(visit, from_disk, tmp_path):
    name = first_cell()
    page = visit(f"?cell={name}")
    opened(page, name).wait_for()
    shown = exact(shown_cells(page))
    path = save(page, tmp_path)
    alone = from_disk(path)
    expect(alone.get_by_role("heading", level=1)).to_have_text(first_verdict())
    assert exact(shown_cells(alone)) == shown
    truth = ledger(beginning())
    answer = open_cell(truth, name)
    assert float(value_of(alone, name)) == answer.value
    expect(terms(alone, name)).to_contain_text(answer.terms[0].names)
    # All of it opens: a small cell with its terms, a pixel's weight without.
    cell(alone, "Z2[5]").click()
    assert float(value_of(alone, "Z2[5]")) == truth.arrays["Z2"][5]
    expect(terms(alone, "Z2[5]")).to_have_count(11)
    alone.get_by_role("button", name=re.compile("^dW1, unit 7: open")).click()
    cell(alone, "dW1[7,407]").click()
    assert float(value_of(alone, "dW1[7,407]")) == truth.arrays["dW1"][7, 407]
    expect(alone.get_by_text("in a running lab")).to_be_visible()
    # The proof of the selected cell is in it too.
    cell(alone, name).click()
    opened(alone, name).get_by_role("button", name="Prove it").click()
    expect(opened(alone, name).get_by_text("✓")).to_be_visible()
    quotient = prove(truth, name).quotient
    assert abs(float(figures(alone, f"Proof of {name}")[2]) - quotient) < 1e-11
    # And so is the step, with its curves.
    alone.locator("#step").get_by_role("button", name="Learn from this once").click()
    curves = alone.get_by_role("img", name=re.compile("^Curves of the promised"))
    expect(curves).to_be_visible()
    expect(alone.locator("#step .chart-head")).not_to_be_empty()  # it is drawn
    step = learn_once(truth)
    for key, k in {"Home": 0, "End": -1}.items():
        curves.press(key)
        told = numbers(curves.locator("+ [role=status]").inner_text())
        for number, value in zip(
            told, (step.rates[k], step.promised[k], step.measured[k]), strict=True
        ):
            assert shows(number, value, figures=2)


def test_a_saved_moment_has_a_way_back_too(visit, from_disk, tmp_path):
    page = visit("?cell=dW2[3,7]")
    opened(page, "dW2[3,7]").wait_for()
    alone = from_disk(save(page, tmp_path))
    opened(alone, "dW2[3,7]").wait_for()
    cell(alone, "Z2[5]").click()
    expect(opened(alone, "Z2[5]")).to_be_visible()
    alone.go_back()
    expect(opened(alone, "dW2[3,7]")).to_be_visible()
    alone.go_forward()
    expect(opened(alone, "Z2[5]")).to_be_visible()
    assert alone.url.startswith("file:///")
    expect(alone.get_by_role("heading", level=1)).to_have_text(first_verdict())


def test_the_picture_is_kept_too(visit, from_disk, tmp_path):
    """Saved as the picture it opens as the picture, and its numbers are behind it."""
    page = visit("?story=why", front=True)
    said = re.compile("^answer 5, probability")
    wanted = page.get_by_role("button", name=said).get_attribute("aria-label")
    alone = from_disk(save(page, tmp_path))
    expect(alone.get_by_role("heading", level=1)).to_have_text(first_verdict())
    answer = alone.get_by_role("button", name=said)
    expect(answer).to_have_attribute("aria-label", wanted)
    answer.focus()
    expect(alone.locator(".net").get_by_role("status")).to_contain_text(
        "The answer 5 is pushed by unit"
    )
    alone.get_by_role("radio", name="Backward").check()
    expect(alone.locator(".net")).to_have_class(re.compile("is-backward"))
    expect(alone.get_by_role("button", name="Story")).to_have_count(0)
    alone.get_by_role("button", name="Numbers").click()
    cell(alone, "Z2[5]").click()
    assert float(value_of(alone, "Z2[5]")) == ledger(beginning()).arrays["Z2"][5]
    alone.go_back()
    alone.go_back()
    alone.get_by_role("radio", name="Forward").check()
    expect(answer).to_be_visible()


def test_a_saved_drawing_too(visit, from_disk, tmp_path):
    page = visit("?view=draw")
    drawing(page)
    shown = exact(shown_cells(page))
    path = save(page, tmp_path)
    alone = from_disk(path)
    expect(alone.get_by_role("heading", level=1)).to_contain_text("I say 7")
    assert exact(shown_cells(alone)) == shown
    x = np.array([shown[f"x[{k}]"] for k in range(784)])
    W1 = network("large").layers[0][0].astype(np.float64)
    assert shown["Z1[0]"] == pytest.approx(W1[0] @ x + network("large").layers[0][1][0, 0])
