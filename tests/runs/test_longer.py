"""A finished run that goes on longer, and a run that starts from a model."""

import hashlib
import json
import os
import re

import numpy as np
import pytest
from helpers.run_files import opened, written
from helpers.trainings import BY_ENGINE, asked, content, trained, until

from chainrule import (
    Network,
    evaluate,
    initialise,
    load_bundled,
    load_model,
    save_model,
    train,
)
from chainrule.model import MODEL
from chainrule.runs.changes import extend
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import begin, open_run, prepare, start_of_run
from chainrule.runs.names import run_id, settings_of
from chainrule.runs.run import CHECKPOINT, RUN, START, Run
from chainrule.runs.settings import Extension, RunError, Settings
from chainrule.runs.trajectory import network_at


def bytes_of(folder):
    return load_model(folder).parameters.tobytes()


# ----------------------------------------------------------------------------------------- longer


@BY_ENGINE
@pytest.mark.parametrize(
    ("optimizer", "batch_size"), [("descent", None), ("momentum", 50), ("adam", 64)]
)
def test_made_longer_it_is_the_run_that_was_so_long_from_the_start(
    tmp_path, digits, engine, optimizer, batch_size
):
    settings = {"optimizer": optimizer, "batch_size": batch_size, "learning_rate": 0.01}
    long, _ = trained(tmp_path / "long", digits, asked(steps=247, **settings), engine)
    run, _ = trained(tmp_path / "a", digits, asked(steps=30, **settings), engine)
    for steps in (101, 247):
        run = extend(run, steps)
        assert not (run.folder / MODEL).exists()
        assert run_id(run) == run_id(long).replace(".247.", f".{steps}.")
        run, _ = trained(run.folder, digits)
    assert bytes_of(run.folder) == bytes_of(long.folder)
    one, two = read_checkpoint(run), read_checkpoint(long)
    assert one.memory.tobytes() == two.memory.tobytes()
    assert run_id(run) == run_id(long)


def test_each_length_has_about_a_hundred_rows_of_its_own(tmp_path, digits):
    run, _ = trained(tmp_path / "a", digits, asked(steps=30))
    run, rows = trained(extend(run, 500).folder, digits)
    assert run.extensions == (Extension(30, 500),)
    assert run.moments == [*range(31), *range(35, 500, 5), 500]
    assert [row.step for row in rows] == run.moments[31:]
    assert read_checkpoint(run).history[:, 0].tolist() == run.moments
    for step in (0, 30, 35, 500):
        assert step in run.recorded_steps
        assert np.isfinite(network_at(run, step).parameters).all()
    assert network_at(run, 500).parameters.tobytes() == bytes_of(run.folder)


@pytest.mark.parametrize("stops", [[31], [30], [77, 78], [99]])
def test_stopped_while_it_goes_on_longer_it_ends_in_the_same_bytes(tmp_path, digits, stops):
    for name in ("whole", "a"):
        run, _ = trained(tmp_path / name, digits, asked(steps=30))
        extend(run, 100)
    trained(tmp_path / "whole", digits)
    for step in stops:
        trained(tmp_path / "a", digits, allowed=until(step))
    trained(tmp_path / "a", digits)
    assert content(tmp_path / "a") == content(tmp_path / "whole")


def test_killed_while_it_is_made_longer_it_is_as_it_was_or_longer(tmp_path, digits, monkeypatch):
    run, _ = trained(tmp_path / "a", digits, asked(steps=30))
    before = content(run.folder)
    with monkeypatch.context() as dying:
        dying.setattr("chainrule.runs.changes.write_run", lambda _: os.abort_here)
        with pytest.raises(AttributeError):
            extend(run, 60)
    assert open_run(run.folder) == run
    trained(run.folder, digits)
    assert content(run.folder) == before


def test_a_run_whose_patience_ended_it_waits_anew(tmp_path, digits):
    settings = asked(
        validation_share=0.2, patience=3, steps=4000, learning_rate=0.1, loss="cross_entropy"
    )
    run, _ = trained(tmp_path / "a", digits, settings)
    first = run.ended
    run, rows = trained(extend(run, 6000).folder, digits)
    assert run.extensions == (Extension(first, 6000),)
    assert len(rows) == 3
    assert run.ended == rows[-1].step > first
    assert network_at(run, first) is not None
    id = run_id(run)
    assert f".longer{first}-6000" in id
    with pytest.raises(RunError, match="its patience or schedule began anew"):
        settings_of(id)


@pytest.mark.parametrize(
    "extensions",
    [
        {}, [7], [{"step": 30}], [{"steps": 60, "step": 30}], [{"step": 29.0, "steps": 60}],
        [{"step": 30, "steps": 30}], [{"step": 31, "steps": 60}], [{"step": 0, "steps": 60}],
        [{"step": True, "steps": 60}], [{"step": 30, "steps": 60}, {"step": 30, "steps": 90}],
    ],
)  # fmt: skip
def test_lengths_that_cannot_be_are_refused(tmp_path, extensions):
    fields = {"data": {"training": "a", "test": "b"}}
    good = fields | {"extensions": [{"step": 30, "steps": 60}]}
    assert opened(written(tmp_path / "a", good, steps=30)).length == 60
    bad = fields | {"extensions": extensions}
    assert opened(written(tmp_path / "a", bad, steps=30)) is None


def test_on_the_command_line_epochs_and_steps_make_it_longer(small, tmp_path, inside):
    words = ("--data", small, "--batch-size", "50", "--hidden", "5")
    assert inside("train", *words, "--epochs", "2", "--out", "a", cwd=tmp_path).returncode == 0
    longer = ("train", "--resume", "a", "--epochs", "5", "--learning-rate", "0.1", "--json")
    told = json.loads(inside(*longer, cwd=tmp_path).stdout)
    assert told["steps"] == 60
    assert told["changes"] == [{"step": 24, "learning_rate": 0.1}]
    refused = inside("train", "--resume", "a", "--steps", "60", cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr == "chainrule: a: finished after 60 steps; 60 is not longer\n"
    shown = inside("train", "--resume", "a", "--steps", "61", cwd=tmp_path)
    assert "made longer after step 60" in shown.stdout.splitlines()
    assert inside("runs", cwd=tmp_path / "a").returncode == 0


def test_a_run_that_is_not_finished_goes_on_first(small, digits, tmp_path, inside):
    run, _ = trained(tmp_path / "a", digits, asked(data=str(small), steps=5000), allowed=until(40))
    refused = inside("train", "--resume", "a", "--steps", "7000", cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr == (
        "chainrule: a is to take 5,000 steps, and has not yet; first go on with: "
        "chainrule train --resume a, then make it longer\n"
    )
    trained(tmp_path / "a", digits)
    extend(open_run(run.folder), 5100)  # and stopped: the same command again goes on
    done = inside("train", "--resume", "a", "--steps", "5100", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert open_run(run.folder).length == 5100


# ---------------------------------------------------------------------------------- from a model


@BY_ENGINE
def test_from_a_model_its_first_network_is_that_and_its_steps_are_the_librarys(
    small, digits, tmp_path, inside, engine
):
    model = tmp_path / "one.safetensors"
    rng = np.random.default_rng(8)
    start = initialise((784, 7, 10), loss="cross_entropy", weight_decay=0.01, rng=rng)
    save_model(start, model)
    done = inside(
        *("train", "--data", small, "--from", model, "--batch-size", "50", "--steps", "30"),
        *("--learning-rate", "0.1", "--engine", engine, "--out", "a"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    run = open_run(tmp_path / "a")
    assert run.start == hashlib.sha256(model.read_bytes()).hexdigest()
    assert f"from the model with SHA-256 {run.start[:12]}…, kept as {START}" in done.stdout
    assert (run.settings.hidden, run.settings.loss) == ((7,), "cross_entropy")
    assert run.settings.weight_decay == 0.01
    assert network_at(run, 0).parameters.tobytes() == start.parameters.tobytes()
    _, rng = start_of_run(run)
    *_, last = train(
        start, digits[0], learning_rate=0.1, batch_size=50, steps=30, rng=rng, engine=engine
    )
    assert bytes_of(run.folder) == last.network.parameters.tobytes()
    assert load_model(run.folder).weight_decay == 0.01


def test_it_goes_on_where_the_model_is_not_any_more(tmp_path, digits):
    start = load_bundled("small")
    settings = asked(hidden=(10,))
    for name in ("whole", "a"):
        (tmp_path / name).mkdir()
        begin(tmp_path / name, settings, start=start)
    trained(tmp_path / "whole", digits)
    prepare(open_run(tmp_path / "a"), *digits)  # and killed, before its first checkpoint
    assert not (tmp_path / "a" / CHECKPOINT).exists()
    trained(tmp_path / "a", digits, allowed=until(7))
    run, _ = trained(tmp_path / "a", digits)
    assert content(tmp_path / "a") == content(tmp_path / "whole")
    id = run_id(run)
    assert id.endswith(f".from-{run.start[:8]}")
    with pytest.raises(RunError, match="it started from a model that is not in the link"):
        settings_of(id)
    assert evaluate(load_model(run.folder), digits[1]).accuracy > 0.8


def test_a_network_of_the_package_by_name_and_another_loss(small, tmp_path, inside):
    done = inside(
        *("train", "--data", small, "--from", "large", "--loss", "squared-error", "--steps", "2"),
        *("--json", "--out", "a"),
        cwd=tmp_path,
    )
    told = json.loads(done.stdout)
    assert (told["settings"]["hidden"], told["settings"]["loss"]) == ([128], "squared-error")
    assert load_model(tmp_path / "a").loss == "squared_error"


def test_a_model_in_float64_is_rounded_and_that_is_said(small, tmp_path, inside):
    network = load_bundled("small")
    exact = Network(network.sizes, network.parameters.astype(np.float64) / 3, network.loss)
    save_model(exact, tmp_path / "exact.safetensors")
    done = inside(
        *("train", "--data", small, "--from", "exact.safetensors", "--steps", "1", "--out", "a"),
        cwd=tmp_path,
    )
    assert "its numbers are rounded to float32" in done.stderr
    run = open_run(tmp_path / "a")
    assert run.start == hashlib.sha256((tmp_path / "exact.safetensors").read_bytes()).hexdigest()
    first = network_at(run, 0).parameters
    assert first.tobytes() == exact.parameters.astype(np.float32).tobytes()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.unlink(), f"{START}: no such file or directory"),
        (lambda path: path.write_bytes(b"x"), "is not the model that the run started from"),
        (
            lambda path: save_model(load_bundled("large"), path),
            "is not the model that the run started from",
        ),
    ],
)
def test_a_start_that_is_damaged_is_refused(tmp_path, digits, damage, says):
    begin_from_small(tmp_path)
    damage(tmp_path / START)
    with pytest.raises(RunError, match=re.escape(says)):
        trained(tmp_path, digits)


def begin_from_small(folder) -> Run:
    return begin(folder, asked(), start=load_bundled("small"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--from large --hidden 10", "has 128 hidden units, and a run keeps the layers"),
        ("--from nowhere", "nowhere"),
        ("--from three", "has the layers 784-4-10, the model .* has 784-4-3"),
        ("--from narrow", "a model for digits has 784 inputs, got 5"),
    ],
)
def test_a_model_that_does_not_fit_is_one_line_and_leaves_nothing(
    small, tmp_path, inside, words, says
):
    rng = np.random.default_rng(0)
    save_model(initialise((784, 4, 3), rng=rng), tmp_path / "three")
    save_model(initialise((5, 4, 10), rng=rng), tmp_path / "narrow")
    refused = inside("train", "--data", small, *words.split(), "--out", "a", cwd=tmp_path)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert re.search(says, refused.stderr)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("start", ["", "a" * 63, "A" * 64, 7, True, ["a" * 64]])
def test_a_checksum_that_cannot_be_is_refused(tmp_path, start):
    assert opened(written(tmp_path / "a", {"start": "a" * 64})).start == "a" * 64
    assert opened(written(tmp_path / "a", {"start": start})) is None


def test_a_run_that_cannot_begin_leaves_no_start_behind(small, tmp_path, inside):
    refused = inside(
        *("train", "--data", small, "--from", "small", "--batch-size", "7000", "--out", "a"),
        cwd=tmp_path,
    )
    assert refused.returncode == 2
    assert not (tmp_path / "a").exists()


def test_settings_stay_those_of_the_run(tmp_path):
    run = begin_from_small(tmp_path)
    assert open_run(tmp_path) == run
    assert json.loads((tmp_path / RUN).read_text(encoding="utf-8"))["start"] == run.start
    assert run.settings == Settings(**asked().as_json() | {"hidden": (10,)})
