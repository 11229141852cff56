"""Evaluate in a link, in tables and pictures, and every view as a file of its own."""

import csv
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from helpers import run
from helpers.answers import held_out, network, says_share
from helpers.hands import STROKES, draw, eventually, says
from helpers.visits import SECONDS, Lab, Watch
from PIL import Image
from playwright.sync_api import expect

from chainrule.distort import distort
from chainrule.lab.api.doubted import doubts
from chainrule.network import probabilities


def answers_of(digits, name="small"):
    """The ten probabilities of each image."""
    return probabilities(network(name), digits.X)


def kept(page, button):
    """The bytes of the file that this button hands over."""
    with page.expect_download() as download:
        button.click()
    return download.value.path().read_bytes()


def rows_of(page, what):
    content = kept(page, page.get_by_role("button", name=f"Save as a table (CSV): {what}"))
    return list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))


def slide(page, name, value):
    page.get_by_role("slider", name=name).fill(str(value))


# ----------------------------------------------------------------------------------- the link


def test_damage_limit_and_opened_cell_are_in_the_link(visit):
    page = visit("?view=evaluate", device_scale_factor=2)  # a history of its own, which has an end
    at_first = page.evaluate("history.length")
    for value in (5, 12, 30):
        slide(page, "Rotation", value)
    slide(page, "Noise", 0.15)
    slide(page, "Limit", 0.9)
    expect(page).to_have_url(re.compile(r"noise=0\.15&rotation=30&limit=0\.9"))
    assert page.evaluate("history.length") == at_first  # sliding is no entry
    page.locator("[data-confusion='4,9']").click()
    expect(page).to_have_url(re.compile("pair=4-9"))
    assert page.evaluate("history.length") == at_first + 1

    digits = distort(held_out(), rotation=30, noise=0.15)
    A = answers_of(digits)
    right, sure = A.argmax(axis=0) == digits.labels, A.max(axis=0) >= 0.9
    confused = int(((digits.labels == 4) & (A.argmax(axis=0) == 9)).sum())

    def is_there(page):
        says = f"{100 * right.mean():.1f} % of the 10,000 damaged test images"
        expect(page.get_by_role("heading", level=1)).to_contain_text(says)
        expect(page.get_by_role("slider", name="Rotation")).to_have_value("30")
        expect(page.get_by_role("slider", name="Limit")).to_have_value("0.9")
        expect(page.locator("#unsure")).to_contain_text(f"answers {100 * sure.mean():.1f} %")
        part = page.get_by_role("region", name=f"{confused} images of 4 read as 9")
        expect(part).to_be_visible()

    is_there(page)
    link = "?" + page.url.partition("?")[2]
    page.reload()
    is_there(page)
    other = visit(link)
    is_there(other)
    assert "?" + other.url.partition("?")[2] == link
    page.go_back()
    expect(page.locator("#of-cell")).to_be_hidden()
    expect(page.get_by_role("slider", name="Rotation")).to_have_value("30")
    # No other view is about it.
    page.get_by_role("navigation", name="Views").get_by_role("button", name="Draw").click()
    expect(page).to_have_url(re.compile(r"\?view=draw$"))


@pytest.mark.parametrize("bad", ["rotation=46", "noise=-1", "limit=2", "pair=3-12", "shift=x"])
def test_what_cannot_be_measured_leaves_the_link(visit, bad):
    page = visit(f"?view=evaluate&{bad}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("93.3 % of the 10,000 test images")
    expect(page).to_have_url(re.compile(r"\?view=evaluate$"))


# ------------------------------------------------------------------- numbers, tables, pictures


def test_precision_stands_beside_recall_and_tables_are_saved(visit):
    page = visit("?view=evaluate")
    labels, answers = held_out().labels, answers_of(held_out()).argmax(axis=0)
    table = page.get_by_role("table", name="Accuracy, digit by digit")
    expect(table.locator("[data-column=recall]").first).to_contain_text("%")
    recall = [(answers[labels == digit] == digit).mean() for digit in range(10)]
    precision = [(labels[answers == digit] == digit).mean() for digit in range(10)]
    for digit, row in enumerate(table.locator("tbody tr").all()):
        assert says_share(row.locator("[data-column=recall]").inner_text(), recall[digit])
        assert says_share(row.locator("[data-column=precision]").inner_text(), precision[digit])
        assert row.locator("td").last.inner_text() == f"{(labels == digit).sum():,}"

    head, *rows = rows_of(page, "Accuracy, digit by digit")
    assert head == ["digit", "recall", "precision", "images", "read as it"]
    for digit, row in enumerate(rows):
        assert [float(row[1]), float(row[2])] == pytest.approx(
            [recall[digit], precision[digit]], abs=1e-15
        )
        assert [int(row[k]) for k in (0, 3, 4)] == [
            digit,
            (labels == digit).sum(),
            (answers == digit).sum(),
        ]
    head, *rows = rows_of(page, "Which digit it takes for which")
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (labels, answers), 1)
    assert [[int(n) for n in row[1:]] for row in rows] == confusion.tolist()


def test_the_matrix_says_nothing_in_orange_or_blue(visit):
    page = visit("?view=evaluate")
    expect(page.locator("[data-confusion='0,0']")).not_to_be_empty()
    paints = page.locator("[data-confusion]").evaluate_all(
        "cells => cells.map(cell => getComputedStyle(cell).backgroundColor)"
    )
    for paint in paints:
        parts = [int(part) for part in re.findall(r"\d+", paint)[:3]]
        assert max(parts) - min(parts) < 16, paint
    assert len(set(paints)) > 10


def test_labels_that_people_doubt_are_marked(visit):
    page = visit("?view=evaluate&network=large")
    worst = page.get_by_role("list", name="The most confident mistakes").get_by_role("button")
    expect(worst).to_have_count(24)
    shown = {int(each.get_attribute("data-test")): each for each in worst.all()}
    marked = {number for number, each in shown.items() if each.locator(".doubt").count()}
    assert marked == set(shown) & set(doubts())
    assert marked
    note = page.locator(".doubted")
    expect(note).to_contain_text(
        re.compile(rf"^\?\s+({len(marked)} images|One image).*labelerrors")
    )
    number = min(marked)
    people = doubts()[number].for_label
    asked = f"Of five people {people or 'none'} took it for {doubts()[number].label}"
    assert asked in shown[number].get_attribute("aria-label")
    shown[number].click()
    expect(page.get_by_role("status").filter(has_text=asked)).to_be_visible()


def test_curves_are_saved_as_pictures_and_as_a_table(visit):
    page = visit("?view=evaluate", color_scheme="dark")
    page.get_by_role("button", name="Measure the whole range").click()
    button = page.get_by_role("button", name="Save as a picture (SVG): Accuracy over rotation")
    expect(button).to_be_visible()
    plot = page.locator("#curves-of-damage .chart").nth(1)
    expect(plot.locator(".chart-head")).not_to_be_empty()  # it is drawn
    svg = ElementTree.fromstring(kept(page, button))
    names = [each.tag.rpartition("}")[2] for each in svg.iter()]
    assert names.count("path") >= 1
    texts = [each.text for each in svg.iter() if each.tag.endswith("text")]
    assert {"Rotation", "read right", "100 %"} <= set(texts)
    assert "<script" not in ElementTree.tostring(svg).decode()
    # On white, whatever the page's colours are.
    assert next(each.get("fill") for each in svg.iter() if each.tag.endswith("rect")) == "#fff"
    inks = {each.get("fill") for each in svg.iter() if each.tag.endswith("text")}
    assert inks == {"rgb(0 0 0)"}

    rows = rows_of(page, "Accuracy over each kind of damage")
    assert rows[0] == ["damage", "amount", "accuracy"]
    turned = {float(at): float(share) for name, at, share in rows[1:] if name == "rotation"}
    digits = distort(held_out(), rotation=30)
    right = (answers_of(digits).argmax(axis=0) == digits.labels).mean()
    assert turned[30] == pytest.approx(right)


# ------------------------------------------------------------------------------------- the map

PIXELS = "() => document.querySelector('#map canvas').toDataURL()"


def test_the_map_can_be_zoomed_moved_and_saved(visit):
    page = visit("?view=map")
    expect(page.locator("#map-explained")).to_contain_text("500 test images of MNIST")
    expect(page.locator("#map-sticks")).to_be_hidden()
    zooms = page.get_by_role("group", name="Zoom")
    whole = page.evaluate(PIXELS)
    expect(zooms.get_by_role("button", name="Zoom out")).to_be_disabled()
    zooms.get_by_role("button", name="Zoom in").click()
    closer = page.evaluate(PIXELS)
    assert closer != whole
    plane = page.get_by_role("application", name=re.compile("^Map of the test images"))
    box = plane.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 40, middle[1] + 30)
    page.mouse.up()
    expect(page).to_have_url(re.compile("view=evaluate"))  # it was no click on a digit
    assert page.evaluate(PIXELS) not in (whole, closer)
    page.mouse.move(2, 2)
    plane.focus()
    page.keyboard.press("0")
    eventually(lambda: same(page.evaluate(PIXELS), whole))
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    status = page.get_by_role("status").filter(has_text=re.compile("^Test image"))
    expect(status).to_be_attached()

    page.get_by_role("group", name="Close means").get_by_label("A2").check()
    expect(page.locator("#map-sticks")).to_be_visible()
    button = page.get_by_role("button", name="Save as a picture (PNG): A map of the digits")
    picture = Image.open(io.BytesIO(kept(page, button))).convert("RGB")
    colours = np.asarray(picture).reshape(-1, 3)
    assert (colours == 255).all(axis=1).mean() > 0.5  # white
    assert len(np.unique(colours, axis=0)) > 50


def same(one, other):
    assert one == other


# ------------------------------------------------------------------------- views that are kept


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    for name, rate in (("one", 0.3), ("two", 0.6)):
        settings = ("--batch-size", 100, "--steps", 60, "--learning-rate", rate)
        done = run("train", *settings, "--out", f"runs/{name}", "--quiet", cwd=folder)
        assert done.returncode == 0, done.stderr
    started = Lab(folder)
    yield started
    started.stop()


@pytest.fixture
def from_disk(browser):
    """Open a file in a browser without a network; it may ask nobody for anything."""
    contexts, watch = [], Watch("file:///")

    def open_file(path, **settings):
        context = browser.new_context(offline=True, **settings)
        contexts.append(context)
        context.set_default_timeout(SECONDS * 1000)
        context.on("page", watch.page)
        page = context.new_page()
        page.goto(path.as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert not watch.complaints


def keep_view(page, folder):
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as one HTML file").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    assert path.suffix == ".html"
    return path


def without_controls(page):
    assert page.locator("button, input, select, textarea, canvas, script, [tabindex]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_evaluate_is_kept_as_it_is_seen(visit, from_disk, tmp_path, scheme):
    page = visit("?view=evaluate&rotation=20&pair=3-5", color_scheme=scheme)
    part = page.locator("#of-cell")
    expect(part.locator(".thumbnail").first).to_be_visible()
    headline = page.get_by_role("heading", level=1).inner_text()
    counts = page.locator("[data-confusion]").all_inner_texts()
    paper = "() => getComputedStyle(document.documentElement).backgroundColor"
    before = page.evaluate(paper)
    path = keep_view(page, tmp_path)
    assert path.name == "chainrule-evaluate-small.html"
    eventually(lambda: same(page.evaluate(paper), before))
    alone = from_disk(path, color_scheme="dark")
    assert alone.evaluate(paper) == "rgb(255, 255, 255)"
    expect(alone.get_by_role("heading", level=1)).to_have_text(headline)
    assert alone.locator("[data-confusion]").all_inner_texts() == counts
    expect(alone.locator("#of-cell")).to_contain_text("images of 3 read as 5")
    expect(alone.get_by_text("kept from chainrule lab")).to_contain_text("rotation=20")
    drawn = alone.locator("#of-cell img").first
    assert drawn.evaluate("image => image.complete && image.naturalWidth") == 28
    without_controls(alone)


@pytest.mark.parametrize("view", ["train", "compare", "draw"])
def test_every_view_is_kept(visit, two_runs, from_disk, tmp_path, view):
    page = visit(f"?view={view}", at=two_runs)
    if view == "draw":
        draw(page, STROKES[7])
        says(page, 7)
        told = page.locator("#draw-says").inner_text()
    else:
        if view == "train":
            id = page.evaluate("async () => (await (await fetch('api/lab')).json()).runs[0].id")
            page.goto(f"{two_runs.home}?view=train&network={id}")
        charts = page.locator("main .chart:visible")
        expect(charts.nth(1).locator(".chart-head")).not_to_be_empty()
        told = page.locator("main h2:visible").first.inner_text()
    alone = from_disk(keep_view(page, tmp_path))
    expect(alone.get_by_text(told).first).to_be_visible()
    if view != "draw":
        sizes = alone.locator(".plot img").evaluate_all("all => all.map(one => one.naturalWidth)")
        assert len(sizes) >= 2
        assert min(sizes) > 200
    without_controls(alone)
    assert alone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_history_of_a_run_is_saved_as_a_table(visit, two_runs):
    page = visit("?view=train", at=two_runs)
    found = page.evaluate("async () => (await (await fetch('api/lab')).json()).runs[0]")
    page.goto(f"{two_runs.home}?view=train&network={found['id']}")
    head, *rows = rows_of(page, "How it learns")
    assert head == ["step", "loss", "train_accuracy", "test_accuracy"]
    written = (two_runs.folder / "runs" / found["name"] / "history.csv").read_text().splitlines()
    wanted = list(csv.DictReader(written))
    assert len(rows) == len(wanted) > 5
    for row, each in zip(rows, wanted, strict=True):
        assert int(row[0]) == int(each["step"])
        assert [float(row[1]), float(row[3])] == pytest.approx(
            [float(each["loss"]), float(each["test_accuracy"])], rel=1e-6
        )


def test_on_paper_there_is_no_control(visit):
    page = visit("?view=evaluate&pair=3-5", color_scheme="dark")
    expect(page.locator("#of-cell .thumbnail").first).to_be_visible()
    page.emulate_media(media="print")
    try:
        printed(page)
    finally:
        page.emulate_media(media="screen")  # other tests use this page


def printed(page):
    for hidden in (
        page.get_by_role("navigation"),
        page.get_by_role("slider"),
        page.locator(".keeps"),
    ):
        for each in hidden.all():
            expect(each).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[data-confusion='3,5']")).to_be_visible()
