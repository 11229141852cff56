"""A run with images to validate on: its curves, where it ended, and what it keeps."""

import csv
import io
import math

import pytest
from helpers.hands import eventually
from helpers.trainings import asked, trained
from helpers.visits import Lab
from playwright.sync_api import expect

from chainrule import load_digits, load_model
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.names import run_id


@pytest.fixture(scope="module")
def at(tmp_path_factory, small):
    """A lab with a run that its patience ended, and the run."""
    folder = tmp_path_factory.mktemp("patient")
    settings = asked(
        data=str(small), validation_share=0.2, patience=3, steps=4000, learning_rate=0.1,
        hidden=(20,), loss="cross_entropy",
    )  # fmt: skip
    run, _ = trained(folder / "runs/ended", load_digits(small), settings)
    started = Lab(folder)
    yield started, run
    started.stop()


def test_it_shows_where_it_ended_and_the_network_that_it_keeps(visit, at):
    lab, run = at
    history = read_checkpoint(run).history
    best = history[history[:, 5].argmin()]
    page = visit(f"?view=train&network={run_id(run)}", at=lab)
    step, ended = f"{int(best[0]):,}", f"{run.ended:,}"
    expect(page.get_by_text(f"its patience ended it after step {ended}.")).to_be_visible()
    expect(page.locator("#figure-step")).to_have_text(f"{step} of {ended}")
    expect(page.locator("#figure-test")).to_have_text(f"{100 * best[3]:.1f} %")
    expect(page.locator("#time-says")).to_contain_text(f"Step {step} of {ended}")
    expect(page.get_by_role("button", name="Best", exact=True)).to_be_disabled()
    # A step that is looked at, and back.
    page.get_by_role("button", name="Later").click()
    expect(page.locator("#figure-step")).not_to_have_text(f"{step} of {ended}")
    page.get_by_role("button", name="Best", exact=True).click()
    expect(page.locator("#figure-step")).to_have_text(f"{step} of {ended}")
    # All the rows, with both columns of the validation.
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a table (CSV): How it learns").click()
    text = download.value.path().read_text(encoding="utf-8")
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    assert head[-2:] == ["validation_loss", "validation_accuracy"]
    for row, known in zip(rows, history, strict=True):
        assert math.isclose(float(row[-2]), known[5], rel_tol=1e-12)
        assert float(row[-1]) == known[6]
    for chart in ("Loss over the steps", "Share of images read right"):
        names = page.locator(".chart", has=page.get_by_role("img", name=chart))
        expect(names.locator(".chart-head")).to_contain_text("validation")


def test_inside_it_is_the_network_that_it_keeps(visit, at):
    lab, run = at
    page = visit(f"?network={run_id(run)}&cell=b1,3", at=lab)
    b1 = float(load_model(run.folder).layers[0][1][3, 0])
    eventually(lambda: f"{abs(b1):.3}"[:4] in page.locator("main").inner_text())


def test_patience_waits_for_a_share(visit):
    page = visit("?view=train", viewport={"width": 1280, "height": 1000})
    page.locator("#train-more summary").click()
    patience, share = page.locator("#train-patience"), page.locator("#train-validation_share")
    expect(patience).to_be_disabled()
    share.fill("0.1")
    expect(patience).to_be_enabled()
    share.fill("")
    expect(patience).to_be_disabled()


def test_a_training_with_both_ends_by_itself(visit, tmp_path):
    lab = Lab(tmp_path)
    page = visit("?view=train", at=lab)
    page.locator("#train-more summary").click()
    for name, value in (
        ("batch", "600"), ("rate", "0.5"), ("validation_share", "0.99"), ("patience", "1"),
        ("length", "9000"),
    ):  # fmt: skip
        page.locator(f"#train-{name}").fill(value)
    page.locator("#train-loss").select_option("cross_entropy")
    page.locator("#train-start").click()
    expect(page.get_by_text("its patience ended it after step")).to_be_visible()
    [run] = (tmp_path / "runs").iterdir()
    assert (run / "model.safetensors").exists()
    page.close()
    lab.stop()
