"""The lab as it is started: with a run or a deeper network, killed, and started again."""

import re

import numpy as np
import pytest
from helpers import run
from helpers.answers import beginning, held_out, ledger
from helpers.hands import cell, exact, grid, names, opened, shown_cells, value_of
from helpers.processes import free_port, private_file, started, token_in, waiting
from helpers.visits import Lab
from playwright.sync_api import expect

from chainrule import load_model
from chainrule.explain.ledger import open_ledger


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """A lab that was given a run of a deeper network; its folder holds the run."""
    folder = tmp_path_factory.mktemp("deep")
    settings = ("--hidden", "24,12", "--steps", 12, "--learning-rate", 0.5, "--seed", 3)
    done = run("train", *settings, "--out", "runs/deep", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    started = Lab(folder, "runs/deep")
    yield started
    started.stop()


def test_a_run_of_a_deeper_network_is_shown_like_any_other(visit, deep):
    page = visit(at=deep)
    chosen = page.get_by_label("Network", exact=True)
    id = "784-24-12-10.squared_error.descent.0.5.all.12.seed3.compiled"
    expect(chosen).to_have_value(id)
    model = load_model(deep.folder / "runs/deep")
    digits = held_out()[beginning()]
    truth = dict(names(open_ledger(model, digits.X[:, 0], 3).arrays))
    shown = exact(shown_cells(page))
    for name, value in shown.items():
        if not name.startswith("∂"):
            assert value == truth[name], name
    arrays = {name.partition("[")[0] for name in shown}
    assert arrays >= {f"{kind}{l}" for kind in ("Z", "A", "dA", "dZ", "b", "db") for l in (1, 2, 3)}
    assert arrays >= {"W2", "W3", "dW2", "dW3"}
    # Twenty-four units are three pages of pictures; each opens.
    units = page.get_by_role("button", name=re.compile(r"^W1, unit \d+: open"))
    expect(units).to_have_count(10)
    turn = page.get_by_role("group", name="Pages of units")
    turn.first.get_by_role("button", name="Later units").click()
    turn.first.get_by_role("button", name="Later units").click()
    expect(units).to_have_count(4)
    page.get_by_role("button", name=re.compile("^dW1, unit 23: open")).click()
    shown = exact(shown_cells(page, "W1"))
    for k in range(784):
        assert shown[f"dW1[23,{k}]"] == truth[f"dW1[23,{k}]"]
        assert shown[f"W1[23,{k}]"] == truth[f"W1[23,{k}]"]
    # A cell of the middle is opened and proven like any other.
    cell(page, "dW2[5,20]").click()
    about = opened(page, "dW2[5,20]")
    assert float(value_of(page, "dW2[5,20]")) == truth["dW2[5,20]"]
    about.get_by_role("button", name="Prove it").click()
    expect(about.get_by_text("✓")).to_be_visible()
    # The link names the run by what it is.
    page.get_by_label("Network", exact=True).select_option("small")
    page.get_by_label("Network", exact=True).select_option(id)
    expect(page).to_have_url(re.compile(re.escape(id)))
    page.reload()
    expect(chosen).to_have_value(id)


def test_a_wide_matrix_is_paged(visit):
    """W2 of the large network, 10 × 128: every column can be reached, and dW2 turns with it."""
    page = visit("?network=large&test=1832")
    truth = dict(names(ledger(1832, name="large").arrays))
    seen = {}
    block = page.get_by_role("region", name="W2", exact=True)
    later = block.get_by_role("button", name="Later columns")
    while True:
        seen |= exact(shown_cells(page, "^d?W2"))
        if later.is_disabled():
            break
        later.click()
    assert len(seen) == 2 * 1280
    for name, value in seen.items():
        assert value == truth[name], name
    # A cell of another page is found by its name.
    page.get_by_label("Go to").fill("dW2[9,3]")
    page.keyboard.press("Enter")
    expect(cell(page, "dW2[9,3]")).to_be_visible()
    assert float(value_of(page, "dW2[9,3]")) == truth["dW2[9,3]"]


def test_a_killed_server_is_told_and_the_page_recovers(visit, watch, tmp_path):
    mine = Lab(tmp_path)
    try:
        page = visit(at=mine)
        expect(page.get_by_role("heading", level=1)).to_contain_text("I say 5")
        watch.allow("ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|403")
        mine.kill()
        # It says so by itself, and asking says so too; what is shown stays.
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("has stopped")
        expect(alert).to_contain_text("chainrule lab")
        number = page.get_by_label("Test image", exact=True)
        number.fill("0")
        number.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("I say 5")
        expect(grid(page, "Z1")).to_be_visible()
        # Started again at the same port: the page says what to do, and goes on by itself.
        mine.start()
        expect(alert).to_contain_text("Open the address")
        second = page.context.new_page()
        second.goto(mine.address)
        expect(second.get_by_role("heading", level=1)).to_contain_text("I say 5")
        second.close()
        expect(alert).to_be_hidden()
        expect(page.get_by_role("heading", level=1)).to_contain_text("I say 7")
        A2 = ledger(0).arrays["A2"]
        shown = exact(shown_cells(page, "^A2"))
        assert np.array_equal([shown[f"A2[{k}]"] for k in range(10)], A2)
    finally:
        mine.stop()


def test_the_private_file_lets_this_browser_in(browser, watch, fake_browser):
    """Chromium follows the file to the page; its history keeps no token that still lets in."""
    with started("--port", free_port(), browser=fake_browser.command) as lab:
        _, file = private_file(fake_browser)
        once = token_in(file)
        watch.home = f"http://127.0.0.1:{lab.port}/"
        with browser.new_context() as context:
            context.on("page", watch.page)
            page = context.new_page()
            page.goto(file.as_uri())
            expect(page.get_by_role("heading", level=1)).to_contain_text("I say 5")
            assert page.url == watch.home
            page.go_back()  # not to the file, which is gone
            assert page.url == "about:blank"
        waiting(lambda: not file.parent.exists())
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(f"{watch.home}?token={once}")
            expect(page.get_by_role("alert")).to_contain_text("Open the address")


LEFT = """
const Socket = WebSocket;
window.WebSocket = new Proxy(Socket, { construct(what, given) {
  const made = new what(...given);
  window.ended = new Promise((go) => made.addEventListener("close", (event) => go(event.wasClean)));
  queueMicrotask(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  return made;
}});
"""


ENDED = """
new Promise((go) => {
  const look = () => (window.ended ? go(window.ended) : setTimeout(look, 20));
  look();
})
"""


def test_a_page_that_is_left_while_it_connects_complains_of_nothing(visit):
    page = visit("?view=draw", device_scale_factor=2)  # a page that no other test loads anew
    page.add_init_script(LEFT)
    page.reload()
    # It connects, and then closes, without a word on the console.
    assert page.evaluate(ENDED)
