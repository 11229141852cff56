"""A moment and values in the output of a notebook, as Jupyter and Colab frame it."""

from html import escape

import numpy as np
import pytest
from helpers.answers import held_out, ledger
from helpers.hands import cell, opened, serious, value_of
from helpers.visits import SECONDS, Watch
from playwright.sync_api import expect

from chainrule import evaluate, initialise, load_bundled, notebook, train
from chainrule.explain.ledger import open_ledger
from chainrule.explain.proof import prove, prove_output
from chainrule.explain.rules import open_cell
from chainrule.notebook.watching import curves

# Colab shows outputs in a frame from another host, with such a sandbox; Jupyter in the page itself.
COLAB = "allow-downloads allow-forms allow-modals allow-popups allow-same-origin allow-scripts"
DARK = {"background": "#111", "color": "#ddd"}
LIGHT = {"background": "#fff", "color": "#111"}


@pytest.fixture
def output(browser):
    """Show HTML as the output of a notebook in a browser without a network."""
    contexts = []
    watch = Watch("file:///")

    def show(told, *, colab=False, look=LIGHT):
        context = browser.new_context(offline=True, viewport={"width": 1000, "height": 900})
        contexts.append(context)
        context.set_default_timeout(SECONDS * 1000)
        context.on("page", watch.page)
        page = context.new_page()
        style = "; ".join(f"{name}: {value}" for name, value in look.items())
        inner = f'<main style="width: 740px">{told}</main>'
        if colab:
            watch.allow("can escape its sandboxing")  # says Chromium of Colab's own frame
            inner = (
                f'<iframe sandbox="{COLAB}" title="output" width="800" height="850" '
                f'srcdoc="{escape(inner)}"></iframe>'
            )
        head = "<!doctype html><html lang=en><title>a notebook</title>"
        page.set_content(f'{head}<body style="{style}">{inner}')
        return page

    yield show
    for context in contexts:
        context.close()
    assert not watch.complaints


@pytest.mark.parametrize("colab", [False, True], ids=["jupyter", "colab"])
def test_a_moment_opens_its_numbers_inside_its_frame(output, colab):
    small = load_bundled("small")
    told = notebook.show(small, 1832, cell="dW2[3,7]")._repr_html_()
    page = output(told, colab=colab)
    frame = page.frame_locator("iframe[title=output]") if colab else page
    inside = frame.frame_locator("iframe[title^=chainrule]")
    inside.locator("main:not([aria-busy])").wait_for()
    truth = open_ledger(small, held_out()[1832].X[:, 0], 3)
    assert float(value_of(inside, "dW2[3,7]")) == truth.arrays["dW2"][3, 7]
    cell(inside, "Z2[5]").click()
    assert float(value_of(inside, "Z2[5]")) == truth.arrays["Z2"][5]
    cell(inside, "dW2[3,7]").click()
    opened(inside, "dW2[3,7]").get_by_role("button", name="Prove it").click()
    expect(opened(inside, "dW2[3,7]").get_by_text("✓")).to_be_visible()
    # It fills its frame, scrolls in it down and never sideways, and cannot reach what is around it.
    frame = page.frames[-1]
    high, wide, scrolled = frame.evaluate(
        "[innerHeight, innerWidth, document.documentElement.scrollWidth]"
    )
    assert high == 760
    assert scrolled <= wide
    reach = "() => { try { return String(parent.document) } catch (error) { return error.name } }"
    assert frame.evaluate(reach) == "SecurityError"


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
def test_values_are_readable_in_light_and_dark(output, look):
    small, digits = load_bundled("small"), held_out()[:300]
    truth = ledger(1832)
    rng = np.random.default_rng(0)
    *_, last = train(initialise((784, 10), rng=rng), digits, steps=2, train_accuracy=True, rng=rng)
    values = [small, last, evaluate(small, digits), truth, open_cell(truth, "Z1[3]")]
    values += [prove(truth, "dW2[3,7]"), prove_output(truth)]
    drawn = curves(last, [(k, 1.0, 0.9, 0.5, 0.6, 0.4) for k in range(3)])
    page = output("".join(notebook.as_html(each) for each in values) + drawn, look=look)
    expect(page.locator(".chainrule")).to_have_count(len(values) + 1)
    assert serious(page) == []
    # Nothing is wider than the output of a notebook.
    assert page.evaluate("document.querySelector('main').scrollWidth") <= 740
