"""Train: watch it learn, halt it, go back in time, and send a link to that."""

import re

import numpy as np
import pytest
from helpers import run
from helpers.answers import beginning, held_out, numbers, shows
from helpers.hands import eventually, exact, names, serious, settled, shown_cells, tab_to
from helpers.visits import Lab
from playwright.sync_api import expect

from chainrule import load_mnist
from chainrule.explain.ledger import open_ledger
from chainrule.runs.folder import open_run
from chainrule.runs.trajectory import network_at
from chainrule.troubles import measure

ENDLESS = 1_000_000  # steps


@pytest.fixture
def alone(tmp_path, request):
    """A lab of this test's own, with no runs yet; its training waits where a test marks it."""
    marked = request.node.get_closest_marker("held")
    started = Lab(tmp_path, held=marked.args if marked else ())
    yield started
    started.stop()


def choose(page, **settings):
    """Fill in the form: loss and optimizer by their words, fields by label."""
    form = page.get_by_role("form", name="What to train")
    for label, value in settings.items():
        if label in ("Loss", "Optimizer"):
            form.get_by_role("combobox", name=label).select_option(label=value)
        else:
            form.get_by_label(re.compile(f"^{label}")).fill(str(value))


def start(page):
    page.get_by_role("button", name="Start", exact=True).click()


def is_said(page, text):
    """What the page says of the training."""
    expect(page.locator("#run-state")).to_have_text(re.compile(text))


def figure(page, name):
    """A number of the dashboard."""
    entry = page.locator("#run-board .figures > div").filter(has_text=re.compile(f"^{name}"))
    shown = numbers(entry.locator("dd").inner_text())
    assert shown
    return float(shown[0])


def time_slider(page):
    return page.get_by_role("slider", name="Recorded steps of this run")


def run_of(lab):
    """The only run in the lab's folder."""
    (folder,) = (lab.folder / "runs").iterdir()
    return open_run(folder)


@pytest.mark.held(30)
def test_train_pause_go_back_and_reload(alone, visit):
    page = visit("?view=train", at=alone)
    choose(page, Optimizer="Adam", Length=60)
    start(page)
    is_said(page, "Training")
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    eventually(lambda: past(page, 10))
    page.get_by_role("button", name="Pause").click()
    is_said(page, "Paused")
    at = figure(page, "step")
    assert 10 <= at < 60
    # One step is one step.
    page.get_by_role("button", name="One step").click()
    expect(page.locator("#figure-step")).to_have_text(f"{at + 1:.0f} of 60")
    is_said(page, "Paused")

    # Back in time: what is shown is the network of that step, from the run's own file.
    slider = time_slider(page)
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("step=5"))
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^Step 5 of 60"))
    assert figure(page, "step") == 5
    there = run_of(alone)
    bars = page.get_by_role("table", name="Size of dW").get_by_role("row")
    expect(bars).to_have_count(2)
    then = measure(network_at(there, 5), load_mnist()[0])
    for row, size in zip(bars.all(), then.dW, strict=True):
        assert shows(numbers(row.get_by_role("cell").last.inner_text())[0], size, figures=2)
    page.get_by_role("button", name="Look inside").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say")
    digits = held_out()[beginning()]
    truth = dict(names(open_ledger(network_at(there, 5), digits.X[:, 0], 3).arrays))

    def same_numbers():
        shown = exact(shown_cells(page, "^(d?W2|A2|Z1|db1)"))
        assert len(shown) == 230
        assert all(value == truth[name] for name, value in shown.items())

    eventually(same_numbers)
    said = page.get_by_role("heading", level=1).inner_text()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(said.replace("\n", " "))
    eventually(same_numbers)
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^Step 5 of 60"))

    # Go on to the end; now it reads more than eight of ten.
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("button", name="Go on").click()
    is_said(page, "Finished")
    expect(page).to_have_url(re.compile("step=5"))  # who looks back stays there
    page.get_by_role("button", name="Latest").click()
    eventually(lambda: over(page, 80))
    _, loss, on_train, on_test, *_ = last_row(there)
    for name, share in (("train", on_train), ("test", on_test)):
        said = numbers(page.locator(f"#figure-{name}").inner_text())[0]
        assert shows(said, 100 * float(share), figures=3)
    # The table says what the history says.
    page.get_by_text("The same as a table").click()
    last = page.locator(".table-of-history tbody tr").last
    expect(last).to_contain_text("60")
    cells = last.get_by_role("cell").all_inner_texts()
    assert shows(numbers(cells[1])[0], float(loss), figures=2)


def past(page, step):
    assert figure(page, "step") >= step


def over(page, percent):
    assert figure(page, "test images right") > percent


def last_row(there):
    return (there.folder / "history.csv").read_text(encoding="utf-8").split()[-1].split(",")


def test_another_rate_is_followed_where_an_older_run_has_the_same_settings(alone, visit):
    page = visit("?view=train", at=alone)
    choose(page, Length=ENDLESS)
    start(page)
    is_said(page, "Training")
    expect(page.locator("#figure-step")).to_contain_text(re.compile(r"^\d\d"))
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()
    start(page)
    is_said(page, "Training")
    page.get_by_label("Learning rate from now on").fill("0.25")
    page.get_by_role("button", name="Change").click()
    expect(page).to_have_url(re.compile(r"seed0\.compiled\.rate\d+-0\.25"))
    is_said(page, "Training")


def test_two_pages_see_the_same_run(alone, visit):
    one, two = visit("?view=train", at=alone), visit("?view=train", at=alone)
    choose(one, Length=ENDLESS)
    start(one)
    is_said(two, "Training")
    expect(two.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    expect(two.get_by_text("One training at a time")).to_be_visible()
    two.get_by_role("button", name="Pause").click()
    is_said(one, "Paused")
    is_said(two, "Paused")
    expect(two.locator("#figure-step")).to_have_text(one.locator("#figure-step").inner_text())
    # Another learning rate becomes part of the run's name, and of both addresses.
    two.get_by_label("Learning rate from now on").fill("0.25")
    two.get_by_role("button", name="Change").click()
    for page in (one, two):
        expect(page.locator("#run-about")).to_contain_text("0.25 from step")
        expect(page).to_have_url(re.compile(r"seed0\.compiled\.rate\d+-0\.25"))
    assert run_of(alone).changes[0].learning_rate == 0.25
    # Closing a page stops nothing; stopping is said everywhere, and it can go on.
    one.get_by_role("button", name="Go on").click()
    is_said(two, "Training")
    one.close()
    two.get_by_role("button", name="Stop").click()
    is_said(two, "Stopped on the way")
    # Where it stands it can also go on at another rate.
    two.get_by_label("Learning rate from now on").fill("0.125")
    two.get_by_role("button", name="Go on at this rate").click()
    is_said(two, "Training")
    expect(two.locator("#run-about")).to_contain_text("0.125 from step")
    two.get_by_role("button", name="Stop").click()
    is_said(two, "Stopped on the way")


def look_away(page, away):
    """As if its tab went to the background, or came back."""
    page.evaluate(
        """away => {
          Object.defineProperty(document, "hidden", { value: away, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        away,
    )


def test_a_page_that_nobody_sees_is_sent_nothing_and_catches_up(alone, visit):
    away, other = visit("?view=train", at=alone), visit("?view=train", at=alone)
    sockets = []
    away.on("websocket", lambda socket: sockets.append(socket))
    away.reload()
    choose(other, Length=ENDLESS)
    start(other)
    is_said(away, "Training")
    look_away(away, True)

    def left():
        away.wait_for_timeout(50)  # events are told meanwhile
        assert sockets[0].is_closed()

    eventually(left)
    settled(away)
    stands = figure(away, "step")
    eventually(lambda: past(other, stands + 20))
    other.get_by_label("Learning rate from now on").fill("0.25")
    other.get_by_role("button", name="Change").click()
    expect(other).to_have_url(re.compile(r"seed0\.compiled\.rate\d+-0\.25"))
    away.wait_for_timeout(1500)  # it would connect again after 500; later is not seen here
    assert (figure(away, "step"), len(sockets)) == (stands, 1)
    seen = figure(other, "step")
    look_away(away, False)
    eventually(lambda: past(away, seen))
    expect(away).to_have_url(re.compile(r"seed0\.compiled\.rate\d+-0\.25"))
    is_said(away, "Training")


def test_a_run_that_is_damaged_is_told_of_where_runs_are(alone, visit, tmp_path):
    (tmp_path / "runs/bad").mkdir(parents=True)
    (tmp_path / "runs/bad/run.json").write_text("{")
    page = visit("?view=train", at=alone)
    told = page.locator("#runs-damaged li")
    expect(told).to_have_text(
        re.compile(r"^bad cannot be shown: runs/bad/run\.json: damaged: .*\.$")
    )
    expect(page.locator("#runs-damaged")).to_be_visible()
    assert not serious(page)


LINK = "784-12-10.cross_entropy.momentum.0.02.100.60.seed7"


def test_a_link_to_a_run_that_is_not_here(alone, visit):
    """It says what the run is, and trains it here, to the same bits."""
    page = visit(f"?network={LINK}&step=30", at=alone)
    offer = page.get_by_role("region", name="A run that is not here")
    expect(offer).to_contain_text("784 → 12 → 10, cross-entropy, momentum, α = 0.02")
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say 5")
    offer.get_by_role("button", name="Train it here").click()
    expect(offer).to_be_hidden()
    says = page.locator("#time-says")
    expect(says).to_contain_text("Step 30 of 60")
    expect(says).not_to_contain_text("Waiting")
    eventually(lambda: finished(alone))
    there = run_of(alone)
    x = held_out()[beginning()].X[:, 0]
    truth = dict(names(open_ledger(network_at(there, 30), x, 3).arrays))

    def same_numbers():
        shown = exact(shown_cells(page, "^(A2|b1|dW2)"))
        assert len(shown) == 10 + 12 + 120
        assert all(value == truth[name] for name, value in shown.items())

    eventually(same_numbers)
    assert f"network={LINK}&step=30" in page.url

    # Played back, it goes from record to record, in every view.
    slider = time_slider(page)
    slider.fill("0")
    expect(page).to_have_url(re.compile("step=0$"))
    page.get_by_label("Speed").select_option("2")
    page.get_by_role("button", name="Play").click()
    eventually(lambda: expect_later(slider, 2))
    page.get_by_role("button", name="Halt").click()
    stands = slider.input_value()
    page.wait_for_timeout(750)  # it would go on after 500; later is not seen here
    assert slider.input_value() == stands
    # To the end it halts by itself.
    page.get_by_label("Speed").select_option("20")
    page.get_by_role("button", name="Play").click()
    expect(slider).to_have_value("60")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


@pytest.mark.parametrize("id", [f"{LINK[:-5]}seed07", f"{LINK}.data-12345678"])
def test_a_link_to_what_is_no_run(visit, watch, id):
    """An id of which only the server knows that it is none is left out of the address."""
    watch.allow(r"^404 .*/api/described$|status of 404")
    page = visit(f"?network={id}&cell=E")
    expect(page).to_have_url(re.compile(r"\?cell=E$"))
    expect(page.get_by_role("region", name="A run that is not here")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_contain_text("I say 5")


def finished(lab):
    assert (run_of(lab).folder / "model.safetensors").exists()


def expect_later(slider, record):
    assert int(slider.input_value()) >= record


def test_defaults_suit_the_pair_and_reset(alone, visit):
    page = visit("?view=train", at=alone)
    form = page.get_by_role("form", name="What to train")
    rate = form.get_by_label("Learning rate α", exact=True)
    length = form.get_by_label("Length", exact=True)
    for loss, optimizer, alpha, steps in (
        ("squared error", "descent", "1.5", "1000"),
        ("cross-entropy", "Adam", "0.01", "300"),
        ("cross-entropy", "descent", "0.3", "600"),
    ):
        choose(page, Loss=loss, Optimizer=optimizer)
        expect(rate).to_have_attribute("placeholder", alpha)
        expect(length).to_have_attribute("placeholder", steps)
        expect(rate).to_have_accessible_description(re.compile(f"Left empty: {alpha}, .*{loss}"))
    choose(page, Hidden="30,20", Batch=64, Seed=5)
    expect(rate).to_have_attribute("placeholder", "0.1")
    form.get_by_role("button", name="Settings of the small network").click()
    expect(form.get_by_label("Hidden layers", exact=True)).to_have_value("10")
    expect(form.get_by_label("Seed", exact=True)).to_have_value("0")
    expect(rate).to_have_attribute("placeholder", "1.5")
    expect(form.get_by_label("Batch", exact=True)).to_have_value("")
    # What cannot be is said before the server is asked.
    for label, value in (("Hidden", "ten"), ("Learning", "-1"), ("Batch", "60001"), ("Seed", "")):
        choose(page, **{label: value})
        start(page)
        expect(page.get_by_role("alert").filter(has_text=label)).to_be_visible()
        form.get_by_role("button", name="Settings of the small network").click()
    assert not (alone.folder / "runs").exists()


def test_by_keyboard_and_for_a_screen_reader(alone, visit):
    page = visit("?view=train", at=alone, reduced_motion="reduce", color_scheme="light")
    assert serious(page) == []
    choose(page, Length=ENDLESS)
    tab_to(page, page.get_by_role("button", name="Start", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    page.keyboard.press("Enter")
    is_said(page, "Paused")
    tab_to(page, page.get_by_role("button", name="One step"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="One step")).to_be_focused()
    # Charts and units say in words what they show.
    expect(
        page.get_by_role("img", name=re.compile("^Loss over the steps: at step"))
    ).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^The weights of 10 units"))).to_be_visible()
    page.mouse.move(2, 2)
    assert serious(page) == []
    page.emulate_media(color_scheme="dark")
    settled(page)
    assert serious(page, runOnly=["color-contrast", "link-in-text-block"]) == []
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 700})
        settled(page)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_units_are_painted_and_numbers_move(alone, visit):
    page = visit("?view=train", at=alone)
    choose(page, Length=ENDLESS)
    start(page)
    is_said(page, "Training")
    eventually(lambda: past(page, 2))
    at = figure(page, "step")
    first = painted(page)
    assert len(set(first)) == 10
    eventually(lambda: changed(page, first))
    eventually(lambda: past(page, at + 1))
    page.get_by_role("button", name="Stop").click()
    is_said(page, "Stopped on the way")


PAINTED = """() => {
  const sheet = document.querySelector('.sheet canvas');
  const copy = new OffscreenCanvas(sheet.width, sheet.height);
  const pen = copy.getContext('2d', { willReadFrequently: true });
  pen.drawImage(sheet, 0, 0);
  const columns = sheet.width / 30;
  return Array.from({ length: 10 }, (_, k) =>
    pen.getImageData(30 * (k % columns), 30 * Math.floor(k / columns), 28, 28).data.join());
}"""


def painted(page):
    """The images of the ten hidden units, which are 30 pixels apart."""
    return page.evaluate(PAINTED)


DRAWS = """() => {
  window.drawn = new Map();
  const { clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...area) {
    const name = this.canvas.parentElement?.getAttribute('aria-label') ?? '';
    drawn.set(name.split(' ')[0], (drawn.get(name.split(' ')[0]) ?? 0) + 1);
    return clearRect.apply(this, area);
  };
}"""


def drawings(page):
    """How often each of the two curves has been drawn, once nothing is due."""
    settled(page)
    return np.array(page.evaluate("() => ['Loss', 'Share'].map(name => drawn.get(name) ?? 0)"))


def test_curves_follow_each_frame_not_each_row(alone, visit):
    """Both curves are drawn anew as a frame comes, up to the step of now; not without one."""
    page = visit("?view=train", at=alone)
    choose(page, Length=ENDLESS)  # the second row after 10,000 steps
    page.evaluate(DRAWS)
    start(page)
    is_said(page, "Training")
    page.get_by_role("button", name="Pause").click()
    is_said(page, "Paused")
    page.get_by_text("The same as a table").click()
    rows = page.locator("#run-board tbody tr")
    before, all_rows, at = drawings(page), rows.count(), int(figure(page, "step"))
    for step in range(at + 1, at + 6):
        page.get_by_role("button", name="One step").click()
        expect(page.get_by_role("img", name=re.compile("^Loss over"))).to_have_accessible_name(
            re.compile(rf"at step {step:,} it is")
        )
        expect(page.get_by_role("button", name="Go on")).to_be_visible()
        now = drawings(page)
        assert (now > before).all()
        before = now
    assert rows.count() == all_rows
    assert (drawings(page) == before).all()


def test_a_curve_can_be_read_off(alone, visit):
    """Under the pointer a curve says its numbers; without it nothing of that stays."""
    page = visit("?view=train", at=alone)
    choose(page, Length=10)
    start(page)
    is_said(page, "Finished")
    chart = page.get_by_role("img", name=re.compile("^Loss over"))
    canvas = chart.locator("canvas")
    picture = "canvas => canvas.toDataURL()"
    page.mouse.move(2, 2)
    settled(page)
    plain = canvas.evaluate(picture)
    head = page.locator(".curves .chart-head").first
    expect(head).to_have_text("loss")
    canvas.hover(position={"x": 200, "y": 100})
    expect(head).to_have_text(re.compile(r"^step 4: 0\.\d+$"))
    assert canvas.evaluate(picture) != plain
    page.mouse.move(2, 2)
    expect(head).to_have_text("loss")
    eventually(lambda: same(canvas.evaluate(picture), plain))


def test_a_curve_can_be_read_off_by_keyboard(alone, visit):
    """The arrow keys go from row to row, and what stands there is said."""
    page = visit("?view=train", at=alone)
    choose(page, Length=10)
    start(page)
    is_said(page, "Finished")
    chart = page.get_by_role("img", name=re.compile("^Loss over"))
    losses = {row: read_off(page, chart, *keys) for row, keys in {0: ["Home"], 10: ["End"]}.items()}
    for row, said in losses.items():
        shown = page.evaluate("step => fetch('api/lab').then(a => a.json())", row)["runs"]
        (history,) = (run["history"] for run in shown if run["id"] in page.url)
        (number,) = numbers(said.partition(": ")[2])
        assert said.startswith(f"step {row}: ")
        assert shows(number, history["loss"][history["step"].index(row)], figures=2)
    assert read_off(page, chart, "ArrowLeft").startswith("step 9: ")
    assert read_off(page, chart, "ArrowRight", "ArrowRight").startswith("step 10: ")
    chart.press("Escape")
    expect(page.locator(".curves .chart-head").first).to_have_text("loss")


def read_off(page, chart, *keys):
    """What a chart says after these keys."""
    for key in keys:
        chart.press(key)
    settled(page)
    return chart.locator("+ [role=status]").inner_text()


def same(one, other):
    assert one == other


def changed(page, first):
    assert all(now != then for now, then in zip(painted(page), first, strict=True))


@pytest.mark.held(30)
def test_a_rate_that_explodes_is_noticed(alone, visit):
    """The notice says what the numbers show and what to try; axe has nothing against it."""
    page = visit("?view=train", at=alone, color_scheme="light")
    choose(page, Loss="cross-entropy", Learning=300, Length=200)
    start(page)
    notices = page.get_by_role("list", name="What the numbers say")
    grows = notices.get_by_role("listitem").filter(has_text=re.compile("^The loss (grows|is not)"))
    expect(grows).to_contain_text("learning rate")
    page.get_by_role("button", name="Stop").click()
    is_said(page, "Stopped on the way")
    settled(page)
    assert serious(page) == []


@pytest.mark.held(15, 30)
def test_a_killed_server_loses_nothing(alone, visit, watch, tmp_path):
    """The page says so; the run goes on in the terminal to the same bytes; the page is back."""
    page = visit("?view=train", at=alone)
    choose(page, Length=40, Seed=4)
    start(page)
    eventually(lambda: past(page, 3))
    page.get_by_role("button", name="Pause").click()
    is_said(page, "Paused")
    page.get_by_role("button", name="Go on").click()
    is_said(page, "Training")
    watch.allow("ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|403")
    alone.kill()
    alert = page.get_by_role("alert").filter(has_text="chainrule lab has stopped")
    expect(alert).to_be_visible()
    folder = run_of(alone).folder
    assert not (folder / "model.safetensors").exists()
    assert run("train", "--resume", folder, "--quiet", cwd=tmp_path).returncode == 0
    done = run("train", "--steps", 40, "--seed", 4, "--out", "elsewhere", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    models = [at / "model.safetensors" for at in (folder, tmp_path / "elsewhere")]
    assert models[0].read_bytes() == models[1].read_bytes()
    # Started again at the same port: the page goes on by itself.
    alone.start()
    second = page.context.new_page()
    second.goto(alone.address)
    second.get_by_role("heading", level=1).wait_for()
    second.close()
    is_said(page, "Finished")
    expect(time_slider(page)).to_have_attribute("aria-valuetext", re.compile("^Step 40 of 40"))
