"""The lessons on the page: their menu, the card, the question, and every link of theirs."""

import re
from urllib.parse import parse_qs

import pytest
from helpers.answers import beginning, ledger
from helpers.hands import opened, serious, settled
from playwright.sync_api import expect

from chainrule.lessons.lesson import package_lessons

LESSONS = package_lessons()
LINKS = {
    f"{lesson.id} {k}": each.link
    for lesson in LESSONS
    for k, each in enumerate((*lesson.steps, *lesson.teacher.links), 1)
}
SIZES = {"phone": (390, 844), "projector": (1280, 720), "desk": (1440, 900)}


@pytest.fixture
def start(visit, lab):
    """Open the lab at an address that names a lesson, as a link does, and nothing else."""

    def opened_at(query, **settings):
        page = visit(**settings)
        page.goto(lab.home + query)
        page.locator("main:not([aria-busy])").wait_for()
        return page

    return opened_at


def card(page):
    return page.get_by_role("region", name=re.compile(".")).and_(page.locator("#lesson"))


def press(page, name):
    card(page).get_by_role("button", name=name, exact=True).click()


def in_window(page, name):
    """Whether a button of the card can be seen and pressed."""
    button = card(page).get_by_role("button", name=name, exact=True)
    box, size = button.bounding_box(), page.viewport_size
    return (
        box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= size["width"]
        and box["y"] + box["height"] <= size["height"]
        and page.evaluate(
            "([x, y]) => Boolean(document.elementFromPoint(x, y)?.closest('#lesson button'))",
            [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
        )
    )


@pytest.mark.parametrize("size", SIZES)
def test_a_lesson_is_walked_from_the_menu_to_its_question(visit, size):
    width, height = SIZES[size]
    page = visit(viewport={"width": width, "height": height}, reduced_motion="reduce")
    page.get_by_role("button", name="Lessons", exact=True).click()
    menu = page.get_by_role("dialog", name="Lessons")
    expect(
        menu.get_by_role("listitem").get_by_role("button", name=re.compile(r"^\d+\. "))
    ).to_have_count(12)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    menu.get_by_role("button", name="8. The learning rate").click()
    lesson = next(each for each in LESSONS if each.id == "rate")
    for k, step in enumerate(lesson.steps, 1):
        expect(card(page)).to_contain_text(f"Step {k} of {len(lesson.steps)}")
        expect(card(page)).to_contain_text(step.words.replace("*", "")[:60])
        expect(page).to_have_url(re.compile(rf"lesson=rate&at={k}"))
        last = k == len(lesson.steps)
        page.locator("main:not([aria-busy])").wait_for()
        settled(page)
        assert in_window(page, "To the question" if last else "Next")
        assert in_window(page, "Previous") or k == 1
        press(page, "To the question" if last else "Next")
    expect(card(page)).to_contain_text("Question")
    field = card(page).get_by_role("textbox", name="Your answer")
    says = card(page).get_by_role("status").last
    for text, told in (
        ("0.7", "Not quite. That goes up the slope"),
        ("-0.9", "The size is right, the sign is not."),
        ("0.902", "Close, but not close enough."),
        ("nine", "That is no number I can read."),
        ("0.9", "Right."),
    ):
        field.fill(text)
        field.press("Enter")
        expect(says).to_contain_text(told)
    assert in_window(page, "Check")
    assert in_window(page, "Next lesson")
    page.go_back()
    expect(card(page)).to_contain_text(f"Step {len(lesson.steps)} of {len(lesson.steps)}")
    press(page, "To the question")
    press(page, "Next lesson")
    expect(card(page)).to_contain_text("A batch, or all images")
    page.keyboard.press("Escape")
    expect(card(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Lessons", exact=True)).to_be_focused()
    assert "lesson=" not in page.url


def test_a_choice_is_checked_and_a_link_starts_anywhere(start):
    page = start("?lesson=stencil&at=6")
    expect(card(page)).to_contain_text("Question")
    assert "phase=Z2" in page.url  # its own state
    press(page, "Check")
    expect(card(page)).to_contain_text("Choose one of them.")
    card(page).get_by_label("a large positive number").check()
    press(page, "Check")
    expect(card(page)).to_contain_text("That would need ink there.")
    card(page).get_by_label("nothing", exact=True).check()
    press(page, "Check")
    expect(card(page)).to_contain_text("Right. Weight times 0 is 0")


def test_the_answer_is_that_of_the_image_that_is_shown(visit):
    """After another image is opened, its own answer is right."""
    page = visit("?lesson=softmax&at=5&network=small&test=247&phase=A2")
    A, y = (ledger(247).arrays[name] for name in ("A2", "y"))
    wanted = A.max() / A[y == 1][0]
    field = card(page).get_by_role("textbox")
    field.fill(f"{1.5 * wanted:.6g}")
    press(page, "Check")
    expect(card(page).get_by_role("status").last).not_to_be_empty()
    expect(card(page)).not_to_contain_text("Right.")
    field.fill(f"{wanted:.6g}")
    press(page, "Check")
    expect(card(page)).to_contain_text("Right.")


def test_a_step_can_be_shown_again_and_hides_again(start):
    page = start("?lesson=slope&at=1")
    expect(card(page)).to_contain_text("Step 1 of 3")
    expect(page.locator("#question")).to_contain_text("Hidden: gradients.")
    page.get_by_role("button", name="Reveal all").click()
    expect(page.locator("#question")).to_be_hidden()
    page.get_by_label("Test image", exact=True).fill("247")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("test=247"))
    press(page, "Show again")
    expect(page).not_to_have_url(re.compile("test=247"))
    expect(page.locator("#question")).to_contain_text("Hidden: gradients.")


def test_the_next_step_keeps_the_focus_and_escape_closes_the_cell_first(start):
    page = start("?lesson=pixels&at=3")
    expect(opened(page, "Z1[0]")).to_be_visible()
    press(page, "Next")
    expect(opened(page, "Z1[0]")).to_be_hidden()
    expect(card(page).get_by_role("button", name="To the question")).to_be_focused()
    press(page, "Previous")
    expect(opened(page, "Z1[0]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(opened(page, "Z1[0]")).to_be_hidden()
    expect(card(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(card(page)).to_be_hidden()


@pytest.mark.parametrize("query", ["?lesson=nobody&at=2", "?lesson=Softmax", "?at=3"])
def test_a_lesson_that_is_not_there_is_left_out(visit, query):
    page = visit(query)
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say")
    expect(page).not_to_have_url(re.compile("lesson"))
    expect(card(page)).to_be_hidden()


def test_the_notes_for_teachers_are_in_the_menu(visit):
    page = visit()
    page.get_by_role("button", name="Lessons", exact=True).click()
    menu = page.get_by_role("dialog", name="Lessons")
    menu.get_by_text("For teachers").nth(2).click()
    expect(menu).to_contain_text("chainrule worksheet softmax --pupils 25 --seed 7")
    menu.get_by_role("button", name="The sums and probabilities hidden").click()
    expect(menu).to_be_hidden()
    expect(page.locator("#question")).to_contain_text(
        "Hidden: probabilities, what the network says."
    )
    expect(card(page)).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_a_lesson(start, scheme):
    page = start("?lesson=mine&at=5", color_scheme=scheme, reduced_motion="reduce")
    press(page, "Check")
    page.mouse.move(2, 2)
    settled(page)
    assert serious(page) == []
    page.get_by_role("button", name="Lessons", exact=True).click()
    page.get_by_role("dialog").get_by_text("For teachers").first.click()
    settled(page)
    assert serious(page) == []


def test_a_lesson_fits_a_narrow_page_and_double_zoom(start):
    """A telephone, and 1280 × 720 at 200 %."""
    page = start("?lesson=chain&at=3", viewport={"width": 390, "height": 700})
    for width, height in ((390, 700), (320, 568), (640, 360)):
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert in_window(page, "Next")
        assert card(page).bounding_box()["height"] <= 0.62 * height


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.long)])
def test_every_link_of_every_lesson_opens_without_a_fallback(visit, lab, every):
    page = visit()
    for name, query in list(LINKS.items())[::every]:
        page.goto(f"{lab.home}?{query}")
        page.locator("main:not([aria-busy])").wait_for()
        page.keyboard.press("Alt+p")  # the page writes what it understood
        expect(page).to_have_url(re.compile("projector=1"))
        understood, wanted = (
            {part: value for part, (value,) in parse_qs(text, keep_blank_values=True).items()}
            for text in (page.url.partition("?")[2], query)
        )
        by_rule = {part for part in ("test", "cell") if re.search(r"\das|\*", wanted.get(part, ""))}
        if rule := re.fullmatch(r"(\d)as(\d?)", wanted.get("test", "")):
            # A run that is not here has no mistakes: those of the small network stand in.
            network = wanted["network"] if wanted["network"] in ("small", "large") else "small"
            opening = ledger(int(understood.get("test", beginning())), name=network).arrays
            truth, read = int(opening["y"].argmax()), int(opening["A2"].argmax())
            assert truth == int(rule[1]), name
            assert read == int(rule[2] or read) != truth, name
        if "cell" in by_rule:
            assert re.fullmatch(r"dW2\[3,\d\]", understood["cell"]), name
        if wanted.get("view") in ("evaluate", "map"):  # an image is of no matter there
            by_rule.add("test")
        rest = {part: value for part, value in wanted.items() if part not in by_rule}
        assert {part: understood.get(part) for part in rest} == rest, name
        assert not page.locator(".toast").inner_text(), name
