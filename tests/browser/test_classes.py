"""Runs of other classes than the ten digits, in every view, by their names."""

import re

import numpy as np
import pytest
from helpers.classes import CLOTHES, LETTERS, SETS, learn_classes, sets_of
from helpers.hands import serious
from helpers.visits import Lab
from playwright.sync_api import expect

from chainrule import load_model, probabilities
from chainrule.runs.names import run_id


def some(*names):
    """These sets; the others take part when there is time."""
    late = [pytest.param(each, marks=pytest.mark.long) for each in SETS if each not in names]
    return pytest.mark.parametrize("name", [*names, *late])


@pytest.fixture(scope="module")
def learned(tmp_path_factory, mnist):
    """A folder with a run of each set, and the runs."""
    folder = tmp_path_factory.mktemp("classes")
    return folder, {name: learn_classes(folder, mnist, name) for name in SETS}


@pytest.fixture(scope="module")
def classes(learned):
    started = Lab(learned[0])
    yield started
    started.stop()


@pytest.fixture
def at(visit, classes, learned):
    """Open a view of a run."""

    def open_run(name, query="", **options):
        return visit(f"?network={run_id(learned[1][name])}&{query}", at=classes, **options)

    return open_run


def read(learned, mnist, name):
    """What the run of this name reads in its test images, and their labels, by name."""
    names = SETS[name][0]
    digits = sets_of(mnist, name)[1]
    A = probabilities(load_model(learned[1][name].folder), digits.X)
    return [names[k] for k in A.argmax(axis=0)], [names[k] for k in digits.labels], A


def article(name):
    return "an" if re.match(r"[aeiou].|[aefhilmnorsx]$|8$", name, re.IGNORECASE) else "a"


@some("fashion")
def test_what_it_says_and_what_it_is_are_names(at, learned, mnist, name):
    answers, labels, A = read(learned, mnist, name)
    number = next(k for k in range(130) if answers[k] != labels[k] and answers[k].isprintable())
    page = at(name, f"test={number}&depth=network", front=True)
    verdict = page.get_by_role("heading", level=1)
    expect(verdict).to_contain_text(f"I say {answers[number]} (")
    truth = labels[number]
    expect(verdict).to_contain_text(f"It is {article(truth)} {truth}.")
    # Of many answers ten are drawn, the most probable and the true one.
    drawn = page.locator(".net-answer")
    expect(drawn).to_have_count(min(len(A), 10))
    told = drawn.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    said = next(each for each in told if ", what I say" in each)
    assert said.startswith(f"answer {answers[number]}, ")
    assert any(f"answer {truth}, " in each and each.endswith("what it is") for each in told)
    if len(A) > 10:
        expect(page.locator(".net-answers .net-more")).to_have_text(f"and {len(A) - 10} more")
    drawn.first.click()
    expect(page.locator(".net-says")).to_contain_text(f"The answer {told[0].split(',')[0][7:]}")
    assert serious(page) == []


@some("emnist-letters")
def test_the_numbers_have_the_names(at, learned, mnist, name):
    names = SETS[name][0]
    k = len(names)
    page = at(name, f"test=4&label={k - 1}")
    _, labels, _ = read(learned, mnist, name)
    verdict = page.get_by_role("heading", level=1)
    expect(verdict).to_contain_text(f"takes it for {article(names[-1])} {names[-1]}.")
    picker = page.locator("#label")
    if k > 2 or max(map(len, names)) > 2:
        select = picker.get_by_role("combobox")
        expect(select).to_have_value(str(k - 1))
        assert select.locator("option").all_inner_texts() == list(names)
        select.select_option(label=names[0])
        expect(verdict).not_to_contain_text(f"{names[-1]}.")
        expect(page).to_have_url(re.compile("label=0"))
    bars = page.locator('[role=grid][aria-label^="A2,"] [role=gridcell]')
    expect(bars).to_have_count(k)
    assert labels[4] in names
    page.get_by_label("Go to").fill(f"A2[{k - 1}]")
    page.get_by_role("button", name="Open", exact=True).click()
    meaning = page.locator("#inspector .meaning")
    expect(meaning).to_have_text(
        f"How probable the network finds {article(names[-1])} {names[-1]}."
    )


def test_a_story_of_another_class_is_found_by_the_server(at, learned, mnist):
    page = at("fashion", "test=0", front=True)
    card = page.get_by_role("region", name="The story of this image")
    card.get_by_role("button", name="The story of an Ankle boot").click()
    expect(page).not_to_have_url(re.compile(r"test=0(&|$)"))
    number = int(re.search(r"test=(\d+)", page.url)[1])
    answers, labels, _ = read(learned, mnist, "fashion")
    assert labels[number] == "Ankle boot"
    expect(card).to_contain_text(f"It says {answers[number]}")
    for _ in range(5):
        page.locator("#story-next").click()
    expect(card).to_contain_text("Draw where the image was")
    expect(page.locator("#story-larger")).to_have_count(0)


@pytest.mark.long
def test_learn_from_this_once_shows_the_most_probable(at, learned, mnist):
    answers, labels, _ = read(learned, mnist, "emnist-byclass")
    number = next(k for k in range(130) if answers[k] != labels[k])
    page = at("emnist-byclass", f"test={number}")
    page.get_by_role("button", name="Learn from this once").first.click()
    rows = page.locator("#step-result .bars tbody tr")
    expect(rows).to_have_count(10)
    assert labels[number] in rows.locator("th").all_inner_texts()
    expect(page.locator("#step-says")).to_contain_text(re.compile(r"I (still )?say"))


# ------------------------------------------------------------------------------------- evaluate


@some("emnist-byclass")
def test_evaluate_says_which_class_it_takes_for_which(at, learned, mnist, name):
    names, (answers, labels, _) = SETS[name][0], read(learned, mnist, name)
    page = at(name, "view=evaluate")
    right = np.mean([a == b for a, b in zip(answers, labels, strict=True)])
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        f"{100 * right:.1f} % of the 130 test images of {name}"
    )
    matrix = page.get_by_role("grid", name="Confusion matrix: rows are true classes")
    assert matrix.locator("thead th").all_inner_texts() == list(names)
    counts = {}
    for pair in zip(labels, answers, strict=True):
        counts[pair] = counts.get(pair, 0) + 1
    wrong = {pair: n for pair, n in counts.items() if pair[0] != pair[1]}
    (truth, other), n = max(wrong.items(), key=lambda each: each[1])
    cell = page.locator(f"[data-confusion='{names.index(truth)},{names.index(other)}']")
    expect(cell).to_have_text(str(n))
    images = "image" if n == 1 else "images"
    if len(names) > 20:
        often = page.get_by_role("list", name="The most frequent mistakes").get_by_role("button")
        first = often.first.inner_text()
        assert first.endswith(f": {n}")
        often.first.click()
        truth, other = re.fullmatch(r"(.+) read as (.+): \d+", first).groups()
        assert wrong[truth, other] == n
    else:
        cell.click()
    part = page.get_by_role("region", name=f"{n} {images} of {truth} read as {other}")
    expect(part.get_by_role("button", name=re.compile("^Test image"))).to_have_count(n)
    expect(part.get_by_role("button", name=re.compile("^Test image")).first).to_have_attribute(
        "aria-label", re.compile(rf", {article(truth)} {truth}, read as {other}: ")
    )
    table = page.get_by_role("table", name="Accuracy, class by class")
    assert table.locator("tbody th").all_inner_texts() == list(names)
    mistakes = page.get_by_role("list", name="The most confident mistakes").get_by_role("button")
    assert " read " in mistakes.first.inner_text()
    page.get_by_role("button", name="Map", exact=True).click()
    expect(page.locator("#map-explained")).to_contain_text(f"130 test images of {name}")
    key = page.get_by_role("list", name="Colours of the classes").locator("li")
    expect(key).to_have_count(len(names) + 1)
    texts = key.all_inner_texts()[:-1]
    assert all(text.endswith(each) for text, each in zip(texts, names, strict=True))
    assert serious(page) == []


def test_nothing_is_wider_than_a_phone(at):
    size = {"width": 390, "height": 800}
    for name, query in (
        ("fashion", "view=train"),
        ("fashion", "depth=network"),
        ("emnist-byclass", "view=evaluate"),
    ):
        page = at(name, query, viewport=size, color_scheme="dark")
        expect(page.locator("main h1:visible").first).not_to_be_empty()
        page.wait_for_function("() => !document.querySelector('main [aria-busy]')")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def test_a_matrix_of_62_scrolls_with_its_names_in_sight(at):
    page = at("emnist-byclass", "view=evaluate")
    frame = page.locator(".matrix-frame")
    expect(page.locator("[data-confusion='61,61']")).to_have_text(re.compile("."))
    frame.evaluate("node => { node.scrollIntoView({ block: 'end' }); node.scrollTo(1e4, 1e4); }")
    expect(page.locator("[data-confusion='61,61']")).to_be_in_viewport()
    expect(page.locator(".confusion tbody th").last).to_be_in_viewport()
    expect(page.locator(".confusion thead th").last).to_be_in_viewport()
    page.locator("[data-confusion='0,0']").focus()
    page.keyboard.press("End")
    expect(page.locator("[data-confusion='0,61']")).to_be_focused()


# ---------------------------------------------------------------------------- draw, train, compare


def test_a_drawing_is_read_as_a_letter_and_digits_alone_are_collected(at, learned, mnist, visit):
    page = at("emnist-letters", "view=draw&strokes=60-60-200-60~200-60-120-230")
    says = page.locator("#draw-says")
    expect(says).to_have_text(re.compile(r"^I say [A-Z] \("))
    rows = page.locator(".answer .bars tbody tr")
    expect(rows).to_have_count(10)
    shown = rows.locator("th").all_inner_texts()
    assert says.inner_text()[6] == shown[0]  # the largest first
    shares = [
        float(re.sub(r"[^\d.]", "", each)) for each in rows.locator("td.number").all_inner_texts()
    ]
    assert shares == sorted(shares, reverse=True)
    expect(page.get_by_text("16 others together")).to_be_visible()
    expect(page.locator("#draw-unlike")).to_be_hidden()
    expect(page.locator("#digits-alone")).to_be_visible()
    expect(page.locator("#collect-add")).to_be_hidden()
    page.locator("#undo").click()
    page.locator("#clear").click()
    expect(says).to_have_text("Draw one of these: A, B, C … Z.")


def test_drawings_that_are_kept_stay_when_another_network_is_chosen(at, visit, classes, learned):
    page = visit("?view=draw&strokes=60-60-200-60~200-60-120-230&network=small", at=classes)
    expect(page.locator("#draw-says")).to_contain_text("I ")
    page.locator(".collect").get_by_role("radio", name="7", exact=True).check(force=True)
    page.locator("#collect-add").click()
    expect(page.locator("#collected")).to_have_text("1 drawing")
    for name in ("two", "emnist-byclass"):
        page.get_by_label("Network", exact=True).select_option(run_id(learned[1][name]))
        expect(page.locator("#digits-alone")).to_be_visible()
    page.reload()
    page.get_by_label("Network", exact=True).select_option("small")
    expect(page.locator("#collected")).to_have_text("1 drawing")
    expect(page.locator(".collected")).to_contain_text("7")


@pytest.mark.long
def test_train_watches_images_of_the_classes(at):
    page = at("fashion", "view=train")
    watched = page.get_by_role("list", name="What it says of eight test images")
    expect(watched.get_by_role("listitem")).to_have_count(8)
    expect(watched).to_contain_text(re.compile("|".join(map(re.escape, CLOTHES))))
    expect(page.get_by_text("The first test image of eight of the classes.")).to_be_visible()
    expect(page.locator("#run-about")).to_contain_text("10 classes: T-shirt/top, Trouser")


@pytest.mark.long
def test_runs_of_other_classes_are_not_compared(at, learned, visit, classes):
    letters, two = (run_id(learned[1][name]) for name in ("emnist-letters", "two"))
    page = visit(f"?view=compare&network={letters}", at=classes)
    few = page.locator("#compare-few")
    expect(few).to_contain_text("No other run here tells 26.")
    page.goto(f"{classes.home}?view=compare&network={letters}&with={two}")
    expect(few).to_contain_text("No other run here tells 26.")


@pytest.mark.long
def test_a_label_and_a_cell_of_other_classes_leave_the_address(at, learned):
    page = at("two", "label=25&view=evaluate&pair=25-3")
    expect(page.get_by_role("heading", level=1)).to_contain_text("test images of two")
    expect(page).not_to_have_url(re.compile("label|pair"))


# --------------------------------------------------------------------------------- the images


def test_the_images_of_a_run_are_shown_class_by_class(at, mnist):
    page = at("emnist-letters", "view=evaluate")
    page.get_by_role("button", name="All images").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The images of emnist-letters")
    train_set, test_set = sets_of(mnist, "emnist-letters")
    expect(page.locator("#data-about")).to_have_text("260 images to train on, 26 classes.")
    heads = page.get_by_role("heading", level=2)
    assert heads.all_inner_texts() == list(LETTERS)
    n = int((train_set.labels == 1).sum())
    part = page.get_by_role("region", name="B", exact=True)
    expect(part).to_contain_text(f"{n} image")
    expect(part.locator("canvas")).to_have_count(min(n, 19))
    page.get_by_label("to test on").check(force=True)
    expect(page.locator("#data-about")).to_have_text("130 images to test on, 26 classes.")
    number = int(np.flatnonzero(test_set.labels == 2)[0])
    assert serious(page) == []
    page.get_by_role("button", name=re.compile(f"^Test image {number}, a C: ")).click()
    expect(page).to_have_url(re.compile(f"test={number}"))


@pytest.fixture
def given(learned):
    folder, _ = learned
    started = Lab(folder, "--data", folder / "fashion", "--transpose")
    yield started
    started.stop()


def test_a_set_that_is_given_is_what_the_lab_begins_with(given, visit):
    page = visit("", at=given, front=True)
    expect(page.get_by_role("heading", level=1)).to_have_text("The images of fashion")
    assert page.get_by_role("heading", level=2).all_inner_texts() == list(CLOTHES)
    page.get_by_role("button", name="More of Coat").click()
    expect(page.get_by_role("heading", level=2)).to_have_text(["Coat"])
    page.get_by_role("button", name="All classes").click()
    page.get_by_role("radio", name="MNIST").check(force=True)
    expect(page.get_by_role("heading", level=1)).to_have_text("The images of MNIST")
    expect(page).to_have_url(re.compile("sheet=network"))
    assert serious(page) == []
    page.get_by_role("navigation", name="Views").get_by_role("button", name="Evaluate").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("test images of MNIST")
