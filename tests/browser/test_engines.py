"""Train by either engine: the control, what a run says of it, and how long it takes."""

import re
import time

import pytest
from helpers.hands import eventually, serious
from helpers.visits import Lab
from playwright.sync_api import expect

from chainrule.engine.compiled.ready import make_ready
from chainrule.runs.folder import open_run

# It says that it compiles, and does so until there is a file.
COMPILES = """
import pathlib, time
from chainrule.engine.compiled import ready
use_all = ready.make_ready
def make_ready(tell):
    tell("compiling once, which takes some seconds")
    while not pathlib.Path("go on").exists():
        time.sleep(0.01)
    use_all(lambda line: None)
ready.make_ready = make_ready
"""


@pytest.fixture
def alone(tmp_path, request):
    """A lab of this test's own, with no runs yet; its process begins with a marked code."""
    marked = request.node.get_closest_marker("first")
    started = Lab(tmp_path, first=marked.args[0] if marked else "")
    yield started
    started.stop()


def engines(page):
    """The control for the engine, and what is said of it."""
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="What is this? Engine").click()
    return page.get_by_role("combobox", name="Engine"), page.locator("#train-engine-why")


def train(page):
    page.get_by_role("button", name="Start", exact=True).click()


def run_of(lab):
    (folder,) = (lab.folder / "runs").iterdir()
    return open_run(folder)


@pytest.mark.parametrize(
    ("chosen", "engine", "says"),
    [("NumPy", "numpy", "NumPy"), ("fastest", "compiled", "the compiled engine")],
)
def test_the_engine_is_chosen_and_the_run_says_which(alone, visit, chosen, engine, says):
    page = visit("?view=train", at=alone)
    control, why = engines(page)
    expect(control).to_have_value("auto")
    expect(why).to_contain_text("The compiled one is the fastest here")
    assert serious(page) == []
    control.select_option(label=chosen)
    page.get_by_label("Length", exact=True).fill("10")
    train(page)
    expect(page.locator("#run-state")).to_have_text("Finished.")
    expect(page.locator("#run-about")).to_have_text(re.compile(f", computed by {says}$"))
    assert run_of(alone).engine == engine
    # A link to it says so as well.
    expect(page).to_have_url(re.compile(r"seed0\.compiled$" if engine == "compiled" else "seed0$"))


@pytest.mark.first("import os; os.environ['NUMBA_DISABLE_JIT'] = '1'")
def test_where_it_cannot_be_used_the_control_says_why(alone, visit):
    page = visit("?view=train", at=alone)
    control, why = engines(page)
    expect(control.locator("option[value=compiled]")).to_have_attribute("disabled", "")
    expect(why).to_contain_text("cannot be used here: NUMBA_DISABLE_JIT is set.")
    assert serious(page) == []
    page.get_by_label("Length", exact=True).fill("2")
    train(page)
    expect(page.locator("#run-about")).to_have_text(re.compile(", computed by NumPy$"))


@pytest.mark.first(COMPILES)
def test_while_it_is_compiled_for_the_first_time_the_page_says_so(alone, visit):
    page = visit("?view=train", at=alone)
    page.get_by_label("Length", exact=True).fill("10")
    train(page)
    state = page.locator("#run-state")
    expect(state).to_have_text("Compiling once, which takes some seconds …")
    expect(page.locator("#figure-step")).to_have_text("0 of 10")
    page.reload()
    expect(state).to_have_text("Compiling once, which takes some seconds …")
    (alone.folder / "go on").touch()
    expect(state).to_have_text("Finished.")


LINK = "784-12-10.cross_entropy.momentum.0.02.100.60.seed7.compiled"


def test_a_link_is_trained_by_the_engine_that_it_names(alone, visit):
    page = visit(f"?network={LINK}", at=alone)
    offer = page.get_by_role("region", name="A run that is not here")
    expect(offer).to_contain_text("seed 7, computed by the compiled engine.")
    offer.get_by_role("button", name="Train it here").click()
    expect(offer).to_be_hidden()
    eventually(lambda: finished(alone))
    assert run_of(alone).engine == "compiled"


def finished(lab):
    assert (run_of(lab).folder / "model.safetensors").exists()


def test_the_small_network_reads_93_of_100_in_seconds(alone, visit):
    """How long that takes, of the wall, is printed; under ten seconds on two quiet cores."""
    make_ready(print)  # the code is kept
    page = visit("?view=train", at=alone)
    engines(page)[0].select_option(label="compiled")
    began = time.monotonic()
    train(page)
    page.wait_for_function(
        "() => parseFloat(document.querySelector('#figure-test').textContent) >= 93"
    )
    print(f"93 % of the test images right {time.monotonic() - began:.1f} s after Start")
    expect(page.locator("#run-state")).to_have_text("Finished.")
    run = run_of(alone)
    assert run.engine == "compiled"
    history = (run.folder / "history.csv").read_text(encoding="utf-8").split()
    assert float(history[-1].split(",")[3]) >= 0.93
