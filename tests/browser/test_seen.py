"""Train shows what the last step saw, and its form orders deformed copies and a schedule."""

import numpy as np
import pytest
from helpers.trainings import asked, trained
from helpers.visits import Lab
from playwright.sync_api import expect

from chainrule import load_digits
from chainrule.deform import FULL, Deformed
from chainrule.engine.batches import order_of
from chainrule.runs.folder import open_run
from chainrule.runs.names import run_id


@pytest.fixture(scope="module")
def at(tmp_path_factory, small):
    """A lab with a run on copies, and the run."""
    folder = tmp_path_factory.mktemp("copies")
    settings = asked(data=str(small), steps=40, deform="full", schedule="cosine")
    run, _ = trained(folder / "runs/copies", load_digits(small), settings)
    started = Lab(folder)
    yield started, run
    started.stop()


def painted(page):
    """The ink of the images that are shown (k, 784)."""
    images = page.locator(".seen-images canvas").evaluate_all(
        "all => all.map((each) => [...each.getContext('2d').getImageData(0, 0, 28, 28).data])"
    )
    return np.array(images).reshape(-1, 784, 4)[:, :, 3]


def test_it_shows_the_copies_of_any_step(visit, at, small):
    lab, run = at
    digits = load_digits(small)[0]
    page = visit(f"?view=train&network={run_id(run)}", at=lab)
    page.get_by_text("What the last step saw").click()
    note = page.locator("#seen > .quiet")
    m, numbers = len(digits), page.locator(".seen-images li")
    for step, move in ((40, None), (0, "&step=0"), (20, "&step=20")):
        if move:
            page.goto(f"{page.url.split('&step')[0]}{move}")
            page.get_by_text("What the last step saw").click()
        before = max(step - 1, 0)
        epoch, k = divmod(before, -(-m // 50))
        rows = order_of(run.key, epoch, m)[50 * k : 50 * k + 50]
        shown = rows[:24]
        expect(note).to_contain_text(f"of step {before + 1}, in epoch {epoch + 1}.")
        expect(note).to_contain_text("They are copies that only this epoch sees.")
        expect(numbers).to_have_count(len(shown))
        expect(numbers.first).to_have_attribute(
            "title", f"a {digits.labels[shown[0]]}, training image {shown[0]:,}"
        )
        assert np.array_equal(painted(page), Deformed(digits, FULL, run.key, epoch).images(shown))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A lab without runs, and its folder."""
    folder = tmp_path_factory.mktemp("fresh")
    started = Lab(folder)
    yield started, folder
    started.stop()


def test_the_form_orders_copies_and_a_schedule(visit, fresh):
    lab, folder = fresh
    page = visit("?view=train", at=lab)
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Deform", exact=True).select_option("lightly")
    page.get_by_label("Schedule", exact=True).select_option("one cycle")
    page.get_by_role("button", name="What is this? Deform").click()
    expect(page.get_by_text("Each epoch sees other copies of the images")).to_be_visible()
    page.locator("#train-batch").fill("200")
    page.locator("#train-length").fill("30")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#run-state")).to_have_text("Finished.", timeout=60_000)
    expect(page.locator("#run-about")).to_contain_text("deform light, schedule one-cycle")
    (place,) = (folder / "runs").iterdir()
    settings = open_run(place).settings
    assert (settings.deform, settings.schedule) == ("light", "one_cycle")
    page.get_by_text("What the last step saw").click()
    expect(page.locator(".seen-images li")).to_have_count(24)
