"""A run gives what `train` gives, and can be looked at later: its end and its recorded steps."""

import base64
import csv
import io
import json
import math
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from helpers import run
from helpers.trainings import BY_ENGINE, asked, content, trained, until
from PIL import Image

from chainrule import evaluate, load_model, probabilities, save_model, train
from chainrule.descent import OPTIMIZERS
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import open_run, start_of
from chainrule.runs.run import HISTORY, Run, row_bytes
from chainrule.runs.settings import RunError
from chainrule.runs.trajectory import network_at

# ------------------------------------------------------------------------------------ what a run is


@BY_ENGINE
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [None, 50])
def test_a_run_gives_the_parameters_of_train(tmp_path, digits, optimizer, size, engine):
    settings = asked(optimizer=optimizer, batch_size=size)
    trained(tmp_path / "a", digits, settings, engine)
    network, rng = start_of(settings)
    *_, last = train(
        network, digits[0], optimizer=optimizer, learning_rate=0.05, batch_size=size, steps=40,
        rng=rng, engine=engine,
    )  # fmt: skip
    ours = load_model(tmp_path / "a")
    assert ours.parameters.tobytes() == last.network.parameters.tobytes()


@BY_ENGINE
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [None, 50])
def test_stopped_again_and_again_it_ends_in_the_same_bytes(
    tmp_path, digits, optimizer, size, engine
):
    settings = asked(optimizer=optimizer, batch_size=size, steps=130)
    whole, rows = trained(tmp_path / "whole", digits, settings, engine)
    assert whole.engine == engine
    parts, seen = tmp_path / "parts", []
    for step in (0, 7, 9, 23, 24, 27, 1000):
        seen += trained(parts, digits, settings, engine, allowed=until(step))[1]
        assert read_checkpoint(open_run(parts)).step == min(step, 130)
    assert content(parts) == content(tmp_path / "whole")
    assert [each.step for each in seen] == [each.step for each in rows] == whole.moments
    assert [each.loss for each in seen] == [each.loss for each in rows]
    histories = [read_checkpoint(open_run(f)).history for f in (parts, tmp_path / "whole")]
    assert np.array_equal(histories[0][:, :4], histories[1][:, :4], equal_nan=True)
    assert whole.identity() == open_run(parts).identity()


def test_history_csv_is_the_history_of_the_checkpoint(tmp_path, digits):
    done, _ = trained(tmp_path / "a", digits, asked(batch_size=None, steps=250))
    with (tmp_path / "a" / HISTORY).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    history = read_checkpoint(done).history
    names = ["step", "loss", "train_accuracy", "test_accuracy", "seconds"]
    assert list(rows[0]) == [*names, "validation_loss", "validation_accuracy"]
    assert [[float(row[name]) for name in names] for row in rows] == history[:, :5].tolist()
    assert {row["validation_loss"] + row["validation_accuracy"] for row in rows} == {""}
    assert [int(row["step"]) for row in rows] == [*range(0, 250, 3), 250]
    assert history[-1, 1] < history[0, 1]
    assert np.all(np.diff(history[:, 4]) > 0)


def test_the_loss_of_a_row_is_the_mean_over_its_batches(tmp_path, digits):
    done, _ = trained(tmp_path / "a", digits, asked(steps=250))
    network, rng = start_of(done.settings)
    every = list(
        train(network, digits[0], optimizer="momentum", learning_rate=0.05, batch_size=50,
              steps=250, rng=rng)
    )  # fmt: skip
    for step, loss, on_train, *_ in read_checkpoint(done).history:
        means = [each.loss for each in every if step - 3 < each.step <= step]
        means = means[-1:] if step in (0, 250) else means
        assert loss == pytest.approx(np.mean(means), rel=1e-12)
        assert math.isnan(on_train)


def test_the_trajectory_holds_the_parameters_of_its_steps(tmp_path, digits):
    done, _ = trained(tmp_path / "a", digits, asked(steps=250))
    network, rng = start_of(done.settings)
    for each in train(
        network, digits[0], optimizer="momentum", learning_rate=0.05, batch_size=50, steps=250,
        rng=rng,
    ):  # fmt: skip
        if each.step in done.recorded_steps:
            assert (
                network_at(done, each.step).parameters.tobytes()
                == each.network.parameters.tobytes()
            )
        else:
            with pytest.raises(RunError, match="not recorded; the nearest of 85 recorded ones is"):
                network_at(done, each.step)


@pytest.mark.parametrize(
    ("hidden", "length", "rows"),
    [
        ((10,), 1, 2),
        ((10,), 100, 101),
        ((10,), 101, 52),
        ((10,), 1000, 101),
        ((800,), 1000, 21),  # 25 rows of 2.5 MB would fit, every fifth row of the history is kept
        ((5000, 2000), 1000, 1),  # 56 MB each
        ((9000, 9000), 1000, 0),
    ],
)
def test_the_trajectory_is_spread_over_the_run_within_its_limits(tmp_path, hidden, length, rows):
    settings = asked(hidden=hidden, steps=length)
    a_run = Run(tmp_path, settings, 0, "", ())
    assert len(a_run.recorded_steps) == rows
    assert rows * row_bytes(settings.sizes()) <= 64e6
    assert set(a_run.recorded_steps) <= set(a_run.moments)
    assert len(a_run.moments) <= 101
    if rows:
        assert a_run.recorded_steps[-1] == length
    if rows > 1:
        assert a_run.recorded_steps[0] == 0
        gaps = np.diff(a_run.recorded_steps)
        assert len(set(gaps[:-1])) <= 1
        assert gaps[-1] <= gaps[0]


def test_run_json_is_on_disk_before_the_data_are_read(small, tmp_path):
    asks = ("train", "--data", small, "--steps", "40", "--out")
    process = subprocess.run(
        [sys.executable, "-c", BEFORE_DATA, *asks, tmp_path / "a"],
        capture_output=True,
        encoding="utf-8",
    )
    assert process.returncode == 7, process.stderr
    started = open_run(tmp_path / "a")
    assert started.data is None
    assert started.settings.data == str(small)
    assert run("runs", tmp_path).returncode == 0
    done = run("train", "--resume", tmp_path / "a", "--quiet")
    assert done.returncode == 0, done.stderr
    whole = run(*asks, tmp_path / "b", "--quiet")
    assert done.stdout == whole.stdout
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert open_run(tmp_path / "a").identity() == open_run(tmp_path / "b").identity()


BEFORE_DATA = """
import os
from chainrule.cli import options
from chainrule.cli.main import main
options.load_both = lambda *_: os._exit(7)
main()
"""


# ------------------------------------------------------------------------------------ looking back


@pytest.fixture(scope="module")
def two(small, digits, tmp_path_factory):
    """A folder with a finished run and an interrupted one."""
    folder = tmp_path_factory.mktemp("two")
    trained(folder / "done", digits, asked(data=str(small), steps=30))
    trained(folder / "part", digits, asked(data=str(small), steps=30), allowed=until(20))
    return folder


@pytest.mark.parametrize(
    "command",
    ["evaluate {}", "predict {} --test 0,1", "explain {} --test 0", "check {} --sample 50"],
)
def test_a_run_is_a_model_at_its_end_and_at_any_recorded_step(inside, two, small, digits, command):
    def told(where, *more):
        done = inside(*command.format(where).split(), "--data", small, "--json", *more, cwd=two)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        del told["model"], told["step"]
        return told, done.stderr

    done = open_run(two / "done")
    for step in (0, 20, 30):
        save_model(network_at(done, step), two / f"{step}.safetensors")
    assert told("done") == told("done", "--step", "30") == told("30.safetensors")
    assert told("done", "--step", "20") == told("20.safetensors")
    assert told("part", "--step", "0") == told("0.safetensors") != told("20.safetensors")
    answer, said = told("part")
    assert answer == told("20.safetensors")[0]
    assert said == "chainrule: part is not finished: this is step 20 of 30\n"


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("done --step 31", "done: step 31 is not recorded; the nearest of 31 recorded ones is 30"),
        ("part --step 21", "part: step 21 is not recorded; the nearest of 21 recorded ones is 20"),
        ("done/model.safetensors --step 3", "wanted the folder of a run, found no run.json"),
        ("done --step -1", "--step"),
    ],
)
def test_steps_that_are_not_recorded_are_refused(inside, two, where, says):
    done = inside("evaluate", *where.split(), cwd=two)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


class Page(HTMLParser):
    """What a page shows and what it would load."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.images, self.inside, self.cells, self.words = [], [], None, [], ""
        self.tags = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        self.tags.add(tag)
        found = dict(attributes)
        if tag == "img":
            self.images.append(found)
        elif tag == "td":
            self.cells.append("")
        self.loads += [found[name] for name in ("src", "href") if found.get(name)]

    def handle_data(self, data):
        if self.inside == "td":
            self.cells[-1] += data.strip()
        if self.inside not in ("script", "style"):
            self.words += data


@pytest.mark.parametrize("name", ["done", "part"])
def test_show_makes_one_page_that_loads_nothing(inside, two, small, digits, name):
    done = inside("show", name, "--no-browser", cwd=two)
    assert (done.returncode, done.stdout) == (0, f"{name}/report.html\n")
    shown = Page((two / name / "report.html").read_text(encoding="utf-8"))
    assert not {"script", "link", "iframe"} & shown.tags
    assert all(place.startswith("data:image/png;base64,") for place in shown.loads)
    a_run = open_run(two / name)
    reached = read_checkpoint(a_run)
    network = network_at(a_run, reached.step)
    seen = evaluate(network, digits[1])
    counts = [int(cell or 0) for row in range(10) for cell in shown.cells[11 * row :][:10]]
    assert counts == seen.confusion.ravel().tolist()
    assert f"step {reached.step} of 30" in shown.words
    assert f"{100 * seen.accuracy:.2f} %" in shown.words
    units = [each for each in shown.images if each["alt"].startswith("weights of unit")]
    assert len(units) == 10
    for unit, each in enumerate(units):
        content = base64.b64decode(each["src"].partition(",")[2])
        pixels = np.asarray(Image.open(io.BytesIO(content))).reshape(784, 3).astype(int)
        red = pixels[:, 0] - pixels[:, 2]
        W = network.layers[0][0][unit]
        assert np.corrcoef(red, W)[0, 1] > 0.999
    A = probabilities(network, digits[1].X)
    wrong = np.flatnonzero(A.argmax(axis=0) != digits[1].labels)
    worst = max(wrong, key=lambda k: A[:, k].max())
    first = shown.images[10]
    assert first["alt"] == f"test image {worst}, a {digits[1].labels[worst]}"
    content = base64.b64decode(first["src"].partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    assert np.array_equal(255 - pixels.ravel(), digits[1].images[worst])


def test_show_without_its_libraries_says_how_to_get_them(two):
    code = "import sys; sys.modules['PIL'] = None; from chainrule.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "show", "done"], cwd=two, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 2
    assert done.stderr == "chainrule: show needs the extra lab: pip install pillow\n"
