"""Evaluate, its map, and Compare: what a network makes of all 10,000 test images."""

import csv
import re

import numpy as np
import pytest
from helpers import run
from helpers.answers import (
    beginning,
    first_verdict,
    held_out,
    network,
    numbers,
    says_share,
    shows,
)
from helpers.hands import eventually, exact, serious, settled, shown_cells
from helpers.visits import Lab
from playwright.sync_api import expect

from chainrule import load_model
from chainrule.distort import distort
from chainrule.network import probabilities
from chainrule.runs.folder import open_run
from chainrule.runs.trajectory import network_at

SEEDS = (1, 2)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A lab with two runs that differ by their seed and learning rate."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in SEEDS:
        settings = ("--batch-size", 100, "--steps", 200, "--learning-rate", seed / 4)
        done = run(
            "train",
            *settings,
            "--seed",
            seed,
            "--out",
            f"runs/number-{seed}",
            "--quiet",
            cwd=folder,
        )
        assert done.returncode == 0, done.stderr
    started = Lab(folder)
    yield started
    started.stop()


def id_of(seed):
    return f"784-10-10.squared_error.descent.{seed / 4:g}.100.200.seed{seed}.compiled"


def read(some):
    """The ten probabilities of each test image."""
    return probabilities(some, held_out().X)


def confused(A):
    table = np.zeros((10, 10), int)
    np.add.at(table, (held_out().labels, A.argmax(axis=0)), 1)
    return table


def cells(page):
    texts = page.locator("[data-confusion]").all_inner_texts()
    assert all(texts)
    return np.array([0 if text == "·" else int(numbers(text)[0]) for text in texts]).reshape(10, 10)


def has_table(page, table):
    assert (cells(page) == table).all()


# ------------------------------------------------------------------------------------- evaluate


def test_the_confusion_matrix_leads_to_an_image(visit):
    page = visit("?view=evaluate")
    A = read(network())
    table = confused(A)
    share = np.trace(table) / 10_000
    said = page.get_by_role("heading", level=1)
    expect(said).to_contain_text(f"{100 * share:.1f} % of the 10,000 test images")
    has_table(page, table)
    rows = page.get_by_role("table", name="Accuracy, digit by digit").locator("tbody tr")
    for digit, row in enumerate(rows.all()):
        text = row.get_by_role("cell").first.inner_text()
        assert says_share(text, table[digit, digit] / table[digit].sum())

    # The most confident mistakes, most confident first.
    labels, answers, sure = held_out().labels, A.argmax(axis=0), A.max(axis=0)
    wrong = np.flatnonzero(answers != labels)
    first = wrong[np.argsort(-sure[wrong], kind="stable")][:24]
    worst = page.get_by_role("list", name="The most confident mistakes").get_by_role("button")
    expect(worst).to_have_count(24)
    shown = [int(each.get_attribute("data-test")) for each in worst.all()]
    assert shown == first.tolist()

    # A cell by keyboard: its images, and one of them inside.
    page.locator("[data-confusion='0,0']").focus()
    for key in ("ArrowDown",) * 3 + ("ArrowRight",) * 5 + ("Enter",):
        page.keyboard.press(key)
    part = page.get_by_role("region", name=f"{table[3, 5]} images of 3 read as 5")
    images = part.get_by_role("button", name=re.compile("^Test image"))
    expect(images).to_have_count(int(table[3, 5]))
    shown = {int(each.get_attribute("data-test")) for each in images.all()}
    assert shown == set(np.flatnonzero((labels == 3) & (answers == 5)).tolist())
    assert beginning() in shown
    part.locator(f"[data-test='{beginning()}']").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(first_verdict())


def test_it_may_say_that_it_does_not_know(visit):
    page = visit("?view=evaluate")
    A = read(network())
    page.get_by_role("slider", name="Limit").fill("0.9")
    sure = A.max(axis=0) >= 0.9
    right = (A.argmax(axis=0) == held_out().labels)[sure].mean()
    says = f"It answers {100 * sure.mean():.1f} % of the images, and {100 * right:.1f} % of those"
    expect(page.locator("#unsure")).to_contain_text(says)


def test_damage_costs_and_can_be_undone(visit):
    page = visit("?view=evaluate")
    said = page.get_by_role("heading", level=1)
    expect(said).to_contain_text("93.3 %")
    page.get_by_role("slider", name="Rotation").fill("30")
    expect(said).to_contain_text("damaged")
    assert float(numbers(said.inner_text().partition("%")[0])[-1]) < 80
    # A cell shows its images as the network saw them, and so do they open in Look inside.
    turned = distort(held_out(), rotation=30)
    A = probabilities(network(), turned.X)
    page.locator("[data-confusion='4,4']").click()
    part = page.locator("#of-cell")
    right = np.flatnonzero((turned.labels == 4) & (A.argmax(axis=0) == 4))
    surest = int(right[np.argsort(-A.max(axis=0)[right], kind="stable")][0])
    first = part.get_by_role("button", name=re.compile("^Test image")).first
    expect(first).to_have_attribute("data-test", str(surest))
    first.click()
    taken = "Taken for one digit, I would say 4."  # turned so far, it is unlike any digit
    expect(page.get_by_role("heading", level=1)).to_contain_text(taken)
    x = exact(shown_cells(page, "^x"))
    assert [x[f"x[{k}]"] for k in range(784)] == turned.X[:, surest].astype(float).tolist()
    page.get_by_role("button", name="Evaluate").click()
    page.get_by_role("button", name="No damage").click()
    expect(said).to_contain_text("93.3 % of the 10,000 test images")


def test_evaluate_at_a_moment_of_a_run(visit, runs):
    page = visit(f"?view=evaluate&network={id_of(1)}&step=20", at=runs)
    there = open_run(runs.folder / "runs/number-1")
    eventually(lambda: has_table(page, confused(read(network_at(there, 20)))))
    page.get_by_role("slider", name="Recorded steps").fill("100")
    eventually(lambda: has_table(page, confused(read(load_model(there.folder)))))


# ------------------------------------------------------------------------------------------ map


def test_a_map_shows_images_and_looks_inside(visit, runs):
    page = visit(f"?view=map&network={id_of(1)}", at=runs)
    told = page.locator("#map-explained")
    A = read(load_model(runs.folder / "runs/number-1"))
    wrong = (A.argmax(axis=0) != held_out().labels)[:500].sum()
    expect(told).to_contain_text(f"500 test images of MNIST, {wrong:,} read wrong")
    picture = "() => document.querySelector('#map canvas').toDataURL()"
    before = page.evaluate(picture)
    page.get_by_role("slider", name="Recorded steps").fill("3")
    expect(told).not_to_contain_text(f" {wrong:,} read wrong")
    assert page.evaluate(picture) != before
    page.get_by_role("group", name="Close means").get_by_label("pixels").check()
    expect(told).to_contain_text("varies in pixels")

    # With the pointer: its image; by keyboard: from point to point, and inside.
    plane = page.get_by_role("application", name=re.compile("^Map of the test images"))
    box = plane.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    plane.focus()
    page.keyboard.press("ArrowRight")
    status = page.get_by_role("status").filter(has_text=re.compile("^Test image"))
    expect(status).to_be_attached()
    first = status.inner_text()
    page.keyboard.press("ArrowRight")
    expect(status).not_to_have_text(first)
    number = int(re.search(r"Test image (\d+)", status.inner_text())[1])
    page.keyboard.press("Enter")
    expect(page.get_by_label("Test image", exact=True)).to_have_value(str(number))


# -------------------------------------------------------------------------------------- compare


def test_two_runs_side_by_side(visit, runs):
    page = visit(f"?view=compare&network={id_of(1)}&with={id_of(2)}", at=runs)
    A, B = (read(load_model(runs.folder / f"runs/number-{seed}")).argmax(axis=0) for seed in SEEDS)
    labels = held_out().labels
    says = page.locator("#compare-says")
    expect(says).to_contain_text(f"differ on {(A != B).sum():,} images")
    only = ((labels == A) & (labels != B)).sum()
    part = page.get_by_role("region", name="A is right, B is wrong")
    expect(part).to_contain_text(f"{only:,} images")
    # Each image says what both read.
    first = np.flatnonzero((labels == A) & (labels != B))[0]
    image = part.locator(f"[data-test='{first}']")
    expect(image).to_have_text(f"A {A[first]} · B {B[first]}")
    expect(image).to_have_accessible_name(
        f"Test image {first}, a {labels[first]}, read as {A[first]} by A and as {B[first]} by B: "
        f"Open in Look inside"
    )
    table = page.get_by_role("table", name="Settings that differ")
    rows = [each.inner_text().split("\t") for each in table.get_by_role("row").all()]
    assert ["learning rate", "0.25", "0.5"] in rows
    assert ["seed", "1", "2"] in rows
    # Both go to the step that is chosen.
    page.get_by_role("slider", name="Recorded steps").fill("10")
    expect(says).to_contain_text(re.compile("after step 20 .* after step 20 "))
    at = [network_at(open_run(runs.folder / f"runs/number-{seed}"), 20) for seed in SEEDS]
    shares = [numbers(text)[-1] for text in re.findall(r"[\d.]+ %", says.inner_text())]
    for number, some in zip(shares, at, strict=True):
        assert shows(number, 100 * np.trace(confused(read(some))) / 10_000, figures=3)
    # Another B goes into the link, and an image of the difference inside.
    page.get_by_label("A", exact=True).select_option(id_of(2))
    expect(page).to_have_url(re.compile(f"network={re.escape(id_of(2))}"))
    page.get_by_role("button", name=re.compile("^Test image .*Look inside")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say")


def test_back_is_the_step_where_the_slider_stood(visit, runs):
    page = visit(f"?view=map&network={id_of(1)}", at=runs)
    at_first = page.evaluate("history.length")
    slider = page.get_by_role("slider", name="Recorded steps")
    for place in ("5", "8", "10"):
        slider.fill(place)
    views = page.get_by_role("navigation", name="Views")
    views.get_by_role("button", name="Look inside").click()  # before the address has followed
    assert page.evaluate("history.length") == at_first + 1
    slider.fill("20")
    expect(page).to_have_url(re.compile("step=40"))
    page.go_back()
    expect(page).to_have_url(re.compile("view=evaluate.*step=20.*section=map"))
    expect(slider).to_have_value("10")


def test_the_curves_are_each_runs_own(visit, tmp_path):
    """Two runs that have few recorded steps in common: each is drawn whole."""
    lengths = {"every-third": 210, "every-second": 150}
    for name, steps in lengths.items():
        settings = ("--batch-size", 50, "--steps", steps, "--learning-rate", 0.3)
        done = run("train", *settings, "--out", f"runs/{name}", "--quiet", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    alone = Lab(tmp_path)
    try:
        page = visit("?view=compare", at=alone)
        charts = page.locator("#view-compare .chart")
        expect(page.locator("#compare-says")).not_to_be_empty()
        runs = {}
        for letter, name in zip("AB", reversed(lengths), strict=True):  # the newest is A
            with (tmp_path / "runs" / name / "history.csv").open(encoding="utf-8") as table:
                runs[letter] = {int(row["step"]): row for row in csv.DictReader(table)}
        steps = sorted(set(runs["A"]) | set(runs["B"]))
        for k, column in enumerate(("loss", "test_accuracy")):
            expect(charts.nth(k).locator(".chart-head")).not_to_be_empty()  # it is drawn
            said = [text.split(": ", 1) for text in read_through(charts.nth(k), len(steps))]
            assert [int(numbers(step)[0]) for step, _ in said] == steps
            for step, (_, values) in zip(steps, said, strict=True):
                told = dict(each.split(" ", 1) for each in values.split(", "))
                assert list(told) == [letter for letter in "AB" if step in runs[letter]]
                for letter, text in told.items():
                    value = float(runs[letter][step][column])
                    if column == "loss":
                        assert shows(numbers(text)[-1], value, figures=2)
                    else:
                        assert says_share(text, value)
        page.goto("about:blank")
    finally:
        alone.stop()


READ = """(chart, count) => {
  const [plot, told] = ["[role=img]", "[role=status]"].map(each => chart.querySelector(each));
  return ["Home", ...Array(count - 1).fill("ArrowRight")].map(key => {
    plot.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    return told.textContent;
  });
}"""


def read_through(chart, count):
    """What a chart says at each of its rows, from the first to the last."""
    return chart.evaluate(READ, count)


# -------------------------------------------------------------------------------- for everyone


@pytest.mark.parametrize("view", ["evaluate", "map", "compare"])
def test_axe_and_small_screens(visit, runs, view):
    query = f"?view={view}&network={id_of(1)}&step=40"
    page = visit(query, at=runs, reduced_motion="reduce", color_scheme="light")
    ready = {"evaluate": "#unsure", "map": "#map-explained", "compare": "#compare-says"}[view]
    expect(page.locator(ready)).not_to_be_empty()
    if view == "evaluate":
        page.locator("[data-confusion='1,1']").click()
        page.get_by_text("An image opens in Look inside.").first.wait_for()
    page.mouse.move(2, 2)
    assert serious(page) == []
    page.emulate_media(color_scheme="dark")
    settled(page)
    assert serious(page, runOnly=["color-contrast", "link-in-text-block"]) == []
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 700})
        settled(page)
        wide = page.evaluate(
            """() => document.documentElement.scrollWidth <= innerWidth ? [] :
              [...document.body.querySelectorAll("*")]
                .filter(node => node.getBoundingClientRect().right > innerWidth + 1)
                .map(node => node.outerHTML.slice(0, 100)).slice(0, 5)"""
        )
        assert wide == []
