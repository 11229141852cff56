"""How the rate changes: against the cosine of the system, and in trainings and runs."""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.trainings import asked, content, trained, until
from hypothesis import given
from hypothesis import strategies as st

from chainrule import initialise, load_digits, train
from chainrule.runs.called import made_name
from chainrule.runs.changes import extend
from chainrule.runs.folder import begin, open_run, prepare
from chainrule.runs.going import go_on
from chainrule.runs.names import run_id
from chainrule.runs.settings import Settings
from chainrule.schedule import SCHEDULES, half_cosine, share_of_rate


@given(st.floats(0, 1))
def test_the_series_is_the_cosine(x):
    exact = math.cos(math.pi / 2 * x) ** 2
    assert math.isclose(half_cosine(x), exact, rel_tol=1e-13, abs_tol=1e-30)


@given(st.sampled_from(SCHEDULES), st.integers(1, 5000))
def test_shares_are_above_0_and_up_to_1_and_end_low(schedule, length):
    shares = [share_of_rate(schedule, step, length) for step in range(length)]
    assert all(0 < share <= 1 for share in shares)
    if schedule == "constant":
        assert set(shares) == {1.0}
        return
    top = shares.index(max(shares))
    assert sorted(shares[:top]) == shares[:top]
    assert sorted(shares[top:], reverse=True) == shares[top:]
    assert math.isclose(max(shares), 1) or length == 1
    if length > 10:
        assert shares[-1] < 6 / length**2  # sin² of half a step of the wave
        assert top == (math.ceil(0.3 * length) if schedule == "one_cycle" else 0)


def test_the_same_bits_everywhere():
    """Sums, products and quotients of IEEE 754 alone: a few shares to the last bit."""
    assert [share_of_rate("cosine", step, 7).hex() for step in (1, 3, 6)] == WANTED
    with pytest.raises(ValueError, match="schedule must be one of constant, cosine, one_cycle"):
        share_of_rate("linear", 0, 1)


WANTED = ["0x1.e6a5e54e5ae37p-1", "0x1.38f721c6048b0p-1", "0x1.95a1ab1a51c7ep-5"]


def test_a_training_takes_its_steps_at_these_rates(small):
    digits = load_digits(small)[0]
    network = initialise((784, 5, 10), rng=np.random.default_rng(0))

    def end(**settings):
        settings |= {"batch_size": 50, "steps": 11, "rng": np.random.default_rng(1)}
        *_, last = train(network, digits, engine="numpy", every=4, **settings)
        return last.network.parameters

    for schedule in SCHEDULES:
        by_hand = end(learning_rate=lambda k, s=schedule: 0.1 * share_of_rate(s, k, 11))
        assert np.array_equal(end(learning_rate=0.1, schedule=schedule), by_hand)
    twice = end(learning_rate=lambda k: 0.1 / (k + 1), schedule="cosine")
    by_hand = end(learning_rate=lambda k: 0.1 / (k + 1) * share_of_rate("cosine", k, 11))
    assert np.array_equal(twice, by_hand)


def test_a_run_that_goes_on_longer_begins_its_schedule_anew(small, tmp_path):
    digits = load_digits(small)
    settings = Settings(hidden=(5,), batch_size=50, steps=10, learning_rate=0.1, schedule="cosine")
    run = prepare(begin(tmp_path, settings, engine="numpy"), *digits)
    list(go_on(run, *digits))
    run = extend(open_run(tmp_path), 30)
    first = [0.1 * share_of_rate("cosine", step, 10) for step in range(10)]
    then = [0.1 * share_of_rate("cosine", step, 20) for step in range(20)]
    assert [run.scheduled_rate(step) for step in range(30)] == first + then
    assert run.rates == "α = 0.1, cosine"
    list(go_on(run, *digits))


@pytest.mark.parametrize("batch_size", [None, 50])
@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_stopped_anywhere_a_run_with_copies_ends_in_the_same_bytes(
    tmp_path, small, batch_size, engine
):
    digits = load_digits(small)
    settings = asked(
        data=str(small), steps=23, batch_size=batch_size, deform="full", schedule="one_cycle"
    )
    whole, rows = trained(tmp_path / "whole", digits, settings, engine)
    assert all(row.loss_of == "batches" for row in rows[1:])
    for stops in ((1, 2, 3), (7, 19)):
        folder = tmp_path / "-".join(map(str, stops))
        for stop in stops:
            trained(folder, digits, settings, engine, allowed=until(stop))
        part, _ = trained(folder, digits)
        assert content(part.folder) == content(whole.folder)
    plain, _ = trained(tmp_path / "plain", digits, replace(settings, deform="none"), engine)
    assert content(plain.folder) != content(whole.folder)


def test_one_cycle_on_the_command_line(small, tmp_path, inside):
    done = inside(
        "train", "--data", small, "--batch-size", "50", "--steps", "30", "--schedule", "one-cycle",
        "--learning-rate", "0.2", "--out", tmp_path / "a",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "descent, α = 0.2, one-cycle, 30 steps of" in done.stdout
    run = open_run(tmp_path / "a")
    assert run.settings.schedule == "one_cycle"
    assert run_id(run).startswith("784-10-10.squared_error.descent.0.2.50.30.seed0.one_cycle")
    assert made_name(run).endswith("batches of 50, schedule one-cycle, seed 0")
    told = inside("train", "--resume", tmp_path / "a", "--json")
    assert '"schedule":"one-cycle"' in told.stdout
