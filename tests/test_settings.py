"""The table of settings: from one entry come option, check, id, order of the lab, and control."""

import json
import re

import numpy as np
import pytest

from chainrule import load_digits, load_model, train
from chainrule.lab.api.about import controls
from chainrule.lab.api.requests import parse_order
from chainrule.lab.wire import RefusedError
from chainrule.runs.folder import RUN, begin, open_run, prepare, start_of
from chainrule.runs.names import run_id, settings_of
from chainrule.runs.settings import ENTRIES, RunError, Settings

# For each setting that came later: another value than its default, as option, in an id, wrong ones.
LATER = {
    "weight_decay": (0.001, "0.001", "decay0.001", ["-0.1", "much", "nan", "inf"]),
    "momentum_decay": (0.5, "0.5", "keep0.5", ["-0.1", "1", "much", "nan"]),
    "deform": ("full", "full", "deform-full", ["heavy", "1", ""]),
    "schedule": ("cosine", "cosine", "cosine", ["cos", "1", ""]),
}
VALIDATION = {"validation_share", "patience"}  # they have tests/runs/test_validation.py
PLAIN = {"hidden": (5,), "optimizer": "momentum", "learning_rate": 0.05, "batch_size": 50}


@pytest.fixture(scope="module")
def digits(small):
    return load_digits(small)


def test_every_later_setting_is_in_these_tests():
    assert set(LATER) | VALIDATION == {
        name for name, entry in ENTRIES.items() if entry.since > 1 and not entry.of_digits
    }


def test_defaults_are_the_small_network():
    assert Settings() == Settings(
        data=None, hidden=(10,), loss="squared_error", optimizer="descent", learning_rate=None,
        batch_size=None, steps=None, epochs=None, seed=0,
    )  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_it_is_an_option_and_in_run_json_and_in_the_model(name, tmp_path, small, inside):
    value, text, _, _ = LATER[name]
    option = f"--{name.replace('_', '-')}"
    out = tmp_path / "a"
    told = inside(
        "train", "--data", small, "--hidden", "5", "--optimizer", "momentum", "--learning-rate",
        "0.05", "--batch-size", "50", "--steps", "20", option, text, "--out", out, "--json",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["settings"][name] == value
    assert json.loads((out / RUN).read_text(encoding="utf-8"))["settings"][name] == value
    assert getattr(open_run(out).settings, name) == value
    if name == "weight_decay":
        assert load_model(out).weight_decay == value
    assert option in re.sub(r"\s+", " ", inside("train", "-h").stdout)


@pytest.mark.parametrize("name", LATER)
def test_a_run_with_it_is_the_training_of_the_library(name, tmp_path, small, digits, inside):
    value, text, _, _ = LATER[name]
    inside(
        "train", "--data", small, "--hidden", "5", "--optimizer", "momentum", "--learning-rate",
        "0.05", "--batch-size", "50", "--steps", "20", f"--{name.replace('_', '-')}", text,
        "--out", tmp_path / "a", "--quiet",
    )  # fmt: skip
    settings = Settings(**PLAIN, steps=20, **{name: value})
    network, rng = start_of(settings)
    *_, with_it = train(
        network, digits[0], optimizer=settings.rule, learning_rate=0.05, batch_size=50, steps=20,
        deform=settings.deform, schedule=settings.schedule, rng=rng,
    )  # fmt: skip
    ours = load_model(tmp_path / "a").parameters
    assert ours.tobytes() == with_it.network.parameters.tobytes()
    usual = Settings(**PLAIN, steps=20)
    network, rng = start_of(usual)
    *_, without = train(
        network, digits[0], optimizer=usual.rule, learning_rate=0.05, batch_size=50, steps=20,
        rng=rng,
    )  # fmt: skip
    assert np.abs(ours - without.network.parameters).max() > 1e-6


@pytest.mark.parametrize("name", LATER)
def test_it_is_in_the_id_of_a_run_unless_it_is_the_default(name, tmp_path, digits):
    value, _, in_id, _ = LATER[name]
    ids = []
    for k, more in enumerate(({}, {name: value})):
        (tmp_path / str(k)).mkdir()
        begun = begin(tmp_path / str(k), Settings(**PLAIN, steps=9, **more), engine="numpy")
        run = prepare(begun, *digits)
        ids.append(run_id(run))
    plain, with_it = ids
    assert with_it == f"{plain}.{in_id}"
    settings, changes, _ = settings_of(with_it)
    assert (getattr(settings, name), changes) == (value, ())
    settings, changes, _ = settings_of(f"{with_it}.rate3-0.5")
    assert (getattr(settings, name), len(changes)) == (value, 1)
    default = ENTRIES[name].kind.write(getattr(Settings(), name))
    with pytest.raises(RunError, match=f"that run is written {re.escape(plain)}"):
        settings_of(f"{plain}.{ENTRIES[name].prefix}{default}")


@pytest.mark.parametrize("name", LATER)
def test_the_lab_is_ordered_it_and_sends_its_control(name):
    value = LATER[name][0]
    settings = {"hidden": [5], "loss": "squared_error", "optimizer": "momentum", "seed": 0}
    asked = parse_order({"do": "start", "settings": settings | {name: value}})
    assert asked.what[name] == value
    assert name not in parse_order({"do": "start", "settings": settings}).what
    for wrong in (-1, "x", None, True):
        with pytest.raises(RefusedError, match=name):
            parse_order({"do": "start", "settings": settings | {name: wrong}})
    (control,) = (each for each in controls() if each["name"] == name)
    assert control["label"] == ENTRIES[name].label
    assert control["default"] == getattr(Settings(), name)
    assert control["help"]


@pytest.mark.parametrize(
    ("name", "wrong"), [(name, each) for name, (*_, wrong) in LATER.items() for each in wrong]
)
def test_a_wrong_one_is_one_line(name, wrong, inside, tmp_path):
    option = f"--{name.replace('_', '-')}"
    refused = inside("train", f"{option}={wrong}", "--out", tmp_path / "a")
    assert refused.returncode == 2
    wanted = "wanted a number from 0" if name.endswith("decay") else f"{wrong!r} is not one of"
    assert refused.stderr.startswith(f"chainrule: Invalid value for '{option}': {wanted}")
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_controls_are_those_of_the_table():
    shown = [name for name, entry in ENTRIES.items() if not entry.of_digits]
    assert [each["name"] for each in controls()] == [*shown, "engine"]
    kinds = {each["name"]: each["kind"] for each in controls()}
    assert (kinds["hidden"], kinds["loss"], kinds["seed"]) == ("widths", "choice", "whole")


@pytest.mark.parametrize("name", [name for name in ENTRIES if name not in ("hidden", "data")])
def test_every_setting_is_written_and_read_alike(name):
    entry = ENTRIES[name]
    usual = {"learning_rate": 0.1, "batch_size": 7, "steps": 9, "epochs": 3, "test_share": 0.2}
    usual |= {"validation_share": 0.3, "patience": 4}
    value = usual.get(name, getattr(Settings(), name))
    text = entry.kind.write(value)
    assert re.fullmatch(entry.kind.pattern, text)
    assert entry.kind.read(text) == value
    assert entry.kind.fits(value)
