"""Compare: many runs in small charts on one scale, as a sweep leaves them."""

import re
import statistics

import pytest
from helpers.answers import numbers, shows
from helpers.hands import serious, settled
from helpers.trainings import asked, trained
from helpers.visits import Lab
from playwright.sync_api import expect

from chainrule import load_digits
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.names import run_id

PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def swept(tmp_path_factory, small):
    """A lab with six runs of two widths and three seeds, and a longer one; the runs by name."""
    folder = tmp_path_factory.mktemp("many")
    digits, found = load_digits(small), {}
    for width in (4, 12):
        for seed in (0, 1, 2):
            name = f"{width}-{seed}"
            settings = asked(data=str(small), hidden=(width,), seed=seed, steps=40)
            found[name], _ = trained(folder / "runs" / name, digits, settings)
    settings = asked(data=str(small), hidden=(4,), seed=0, steps=60)
    found["longer"], _ = trained(folder / "runs/longer", digits, settings)
    started = Lab(folder, "runs/12-1", "--many", "hidden,seed")
    started.runs = found
    yield started
    started.stop()


def address(lab, names, run="12-1"):
    return f"?view=compare&many={names}&network={run_id(lab.runs[run])}"


def last(lab, width, column):
    histories = [read_checkpoint(lab.runs[f"{width}-{seed}"]).history for seed in (0, 1, 2)]
    return [history[-1, column] for history in histories]


def tile(page, name):
    return page.get_by_role("region", name=name, exact=True)


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE])
def test_each_combination_is_a_chart_with_its_mean_and_spread(swept, visit, viewport):
    page = visit(address(swept, "hidden,seed"), at=swept, viewport=viewport, color_scheme="dark")
    expect(page.locator("#many-says")).to_contain_text("6 runs in 2 charts.")
    expect(page.locator(".tile h3")).to_have_text(["hidden layers 4", "hidden layers 12"])
    for shown, column, scale in (("test images right", 3, 100), ("loss", 1, 1)):
        page.get_by_role("radio", name=shown, exact=True).check()
        for width in (4, 12):
            values = [scale * value for value in last(swept, width, column)]
            text = tile(page, f"hidden layers {width}").locator("p.quiet").inner_text()
            mean, deviation, count = numbers(text)
            assert shows(mean, statistics.fmean(values), figures=2)
            assert shows(deviation, statistics.stdev(values), figures=1)
            assert count == 3
    expect(tile(page, "hidden layers 12").locator("p.quiet")).to_contain_text("A: ")
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    settled(page)
    assert serious(page) == []


def test_a_chart_is_read_by_keys_from_the_least_to_the_largest(swept, visit):
    page = visit(address(swept, "hidden,seed"), at=swept)
    plot = tile(page, "hidden layers 4").get_by_role("img")
    expect(plot).to_have_attribute("aria-label", re.compile("over the steps, hidden layers 4: "))
    head = tile(page, "hidden layers 4").locator(".chart-head")
    expect(head).to_have_text("read right")
    plot.focus()
    page.keyboard.press("End")
    expect(head).to_contain_text("step 40: ")
    step, low, high = numbers(head.inner_text())
    values = [100 * value for value in last(swept, 4, 3)]
    assert step == 40
    assert shows(low, min(values), figures=2)
    assert shows(high, max(values), figures=2)


def test_all_charts_have_one_scale(swept, visit):
    page = visit(address(swept, "hidden,seed"), at=swept)
    expect(page.locator(".tile")).to_have_count(2)
    page.wait_for_function(
        """() => [...document.querySelectorAll(".tile canvas")].every(each => each.width !== 300)"""
    )
    settled(page)
    # The axis of y and its numbers are the same picture: they are left of the lines.
    left = """each => each.toDataURL && [...each.getContext("2d")
      .getImageData(0, 0, 44, each.height).data].join()"""
    one, other = (each.evaluate(left) for each in page.locator(".tile canvas").all())
    assert one == other
    assert len(set(one.split(","))) > 2


def test_which_runs_they_are_is_ticked_and_stays_in_the_address(swept, visit):
    page = visit(f"?view=compare&network={run_id(swept.runs['4-0'])}", at=swept)
    page.get_by_role("radio", name="many runs", exact=True).check()
    expect(page.locator("#many-says")).to_contain_text("7 runs in 3 charts.")
    expect(page).to_have_url(re.compile(r"many=hidden,steps,seed(&|$)"))
    page.get_by_role("checkbox", name="hidden layers", exact=True).uncheck()
    expect(page.locator("#many-says")).to_contain_text("4 runs in 2 charts.")
    expect(page.locator(".tile h3")).to_have_text(["steps 40", "steps 60"])
    page.get_by_role("checkbox", name="steps", exact=True).uncheck()
    page.get_by_role("checkbox", name="seed", exact=True).uncheck()
    expect(page.locator("#many-says")).to_contain_text("1 run in 1 chart.")
    expect(page).to_have_url(re.compile("many=none"))
    page.go_back()
    expect(page.locator("#many-says")).to_contain_text("3 runs in 1 chart.")
    page.locator("#compare-a").select_option(run_id(swept.runs["longer"]))
    expect(page.locator("#many-says")).to_contain_text("1 run in 1 chart.")


def test_the_command_that_a_sweep_prints_opens_the_lab_there(swept, visit):
    _, _, opened = swept.address.partition("&")
    assert opened == "view=compare&many=hidden,seed"
    page = visit(f"?{opened}", at=swept)
    expect(page.locator("#many-says")).to_contain_text("6 runs in 2 charts.")
    expect(page.locator("#compare-a")).to_have_value(run_id(swept.runs["12-1"]))
    page.goto(swept.address)  # with its token, which leaves the address
    expect(page.locator("#many-says")).to_contain_text("6 runs in 2 charts.")
    assert "token" not in page.url


def test_one_of_them_is_compared_with_a(swept, visit):
    page = visit(address(swept, "hidden,seed"), at=swept)
    page.get_by_role("button", name="Compare with A: hidden layers 4", exact=True).click()
    expect(page.locator("#compare-says")).to_contain_text("Their answers differ on")
    expect(page.locator("#compare-a")).to_have_value(run_id(swept.runs["12-1"]))
    expect(page.locator("#compare-b")).to_have_value(run_id(swept.runs["4-0"]))
    expect(page.locator("#many-says")).to_be_hidden()
