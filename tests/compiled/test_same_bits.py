"""The same bytes for any number of threads, any lots of steps, and any stops on the way."""

from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
from helpers.compiled import a_network, a_plan, begun, some_digits, some_table

from chainrule import train
from chainrule.descent import OPTIMIZERS
from chainrule.engine.compiled import together
from chainrule.engine.compiled.engine import CompiledEngine, compiled_engine

SIZES = (784, 330, 90, 10)  # so wide that five threads have units of their own
BATCHES = {"all": None, "batches": 48, "large batches": 700}
RATES = [0.05, 0.02, 0.1, 0.03, 0.05, 0.01, 0.07]


@pytest.fixture(scope="module")
def digits():
    return some_digits(np.random.default_rng(0), 2100)


@pytest.fixture(scope="module")
def network():
    return a_network(np.random.default_rng(1), SIZES, "cross_entropy", 0.01)


def content(at, losses):
    """All that a position holds, as bytes, and E of each batch before it."""
    ahead = at.ahead.loss, at.ahead.confusion.tobytes(), at.ahead.gradient.tobytes()
    return at.parameters.tobytes(), at.memory.tobytes(), at.step, ahead, losses


def end(plan, network, threads, lots=(99,), again=False):
    """Where the steps end if they are taken in such lots; `again`: each by a new engine."""
    with ExitStack() as stack:
        engine = stack.enter_context(compiled_engine(threads))
        at, losses, taken = begun(engine, plan, network), [], 0
        while taken < len(RATES):
            lot = lots[len(losses) % len(lots)]
            if again:
                engine = stack.enter_context(compiled_engine(threads))
                at = engine.begin(plan, at.parameters, at.memory, at.step, answers=True)
            at, more = engine.advance(plan, at, RATES[taken : taken + lot], answers=True)
            losses += more
            taken += len(more)
    return content(at, losses)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", BATCHES)
def test_any_number_of_threads_gives_the_same_bytes(network, digits, size, optimizer):
    plan = a_plan(network, digits, optimizer=optimizer, batch_size=BATCHES[size])
    wanted = end(plan, network, 1)
    for threads in (2, 3, 5):
        assert end(plan, network, threads) == wanted, threads


def dense(kind):
    rng = np.random.default_rng(2)
    return some_table(rng, 200, 1500, 12) if kind == "table" else some_digits(rng, 1500, 0.8)


RACE = pytest.mark.xfail(
    strict=False, reason="a thread takes the next inputs while another still reads these"
)


@pytest.mark.parametrize("hidden", [(330,), (140, 330)])
@pytest.mark.parametrize("size", ["all", pytest.param("batches", marks=RACE), "large batches"])
@pytest.mark.parametrize("kind", ["table", "much ink"])
def test_without_blanks_too(kind, size, hidden):
    examples = dense(kind)
    network = a_network(np.random.default_rng(3), (examples.inputs, *hidden, examples.classes))
    plan = a_plan(network, examples, optimizer="momentum", batch_size=BATCHES[size])
    wanted = end(plan, network, 1)
    for threads in (2, 3, 5):
        assert end(plan, network, threads) == wanted, threads


@pytest.mark.parametrize("size", BATCHES)
@pytest.mark.parametrize("lots", [(1,), (2, 5, 2), (4,)])
def test_any_lots_of_steps_give_the_same_bytes(network, digits, size, lots):
    plan = a_plan(network, digits, optimizer="adam", batch_size=BATCHES[size])
    wanted = end(plan, network, 2)
    assert end(plan, network, 2, lots) == wanted
    assert end(plan, network, 1, lots, again=True) == wanted


@pytest.mark.parametrize("at_once", [1, 2, 3, 1000])
def test_any_number_of_steps_in_one_call_gives_the_same_bytes(
    network, digits, monkeypatch, at_once
):
    plan = a_plan(network, digits, optimizer="momentum", batch_size=48)
    wanted = end(plan, network, 1)
    monkeypatch.setattr(together, "CALL", 1e9 if at_once > 1 else 0)
    with compiled_engine(2) as engine:
        at = begun(engine, plan, network)
        engine.training.at_once = at_once
        assert content(*engine.advance(plan, at, RATES, answers=True)) == wanted


@pytest.mark.parametrize("size", BATCHES)
def test_how_often_there_are_snapshots_changes_no_bit(network, digits, size):
    def last(every):
        rng = np.random.default_rng(4)
        settings = {"batch_size": BATCHES[size], "steps": 10, "every": every, "rng": rng}
        *_, found = train(network, digits, engine="compiled", learning_rate=0.05, **settings)
        return found.network.parameters.tobytes()

    wanted = last(1)
    for every in (4, 100, lambda step: 1 + step % 3):
        assert last(every) == wanted


@pytest.mark.parametrize("size", BATCHES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_training_goes_on_from_a_snapshot_to_the_same_bytes(network, digits, size, optimizer):
    settings = {"optimizer": optimizer, "batch_size": BATCHES[size], "steps": 8}
    settings |= {"engine": "compiled", "learning_rate": 0.01}
    whole = list(train(network, digits, rng=np.random.default_rng(4), **settings))
    for stop in (1, 5):
        rest = list(train(network, digits, start=whole[stop], **settings))
        assert [each.step for each in rest] == list(range(stop + 1, 9))
        assert [each.losses for each in rest] == [each.losses for each in whole[stop + 1 :]]
        ours, theirs = rest[-1], whole[-1]
        assert ours.network.parameters.tobytes() == theirs.network.parameters.tobytes()
        assert ours.memory.tobytes() == theirs.memory.tobytes()


def test_positions_are_never_written_again(network, digits):
    for size in BATCHES.values():
        plan = a_plan(network, digits, optimizer="adam", batch_size=size)
        with compiled_engine(2) as engine:
            at = begun(engine, plan, network)
            first, _ = engine.advance(plan, at, RATES[:2], answers=True)
            before = [content(each, []) for each in (at, first)]
            engine.advance(plan, first, RATES[2:], answers=True)
            assert [content(each, []) for each in (at, first)] == before


def test_an_older_position_can_be_taken_up_again(network, digits):
    """Also with another plan in between, of the same engine."""
    for size in BATCHES.values():
        plan = a_plan(network, digits, optimizer="momentum", batch_size=size)
        with compiled_engine(2) as engine:
            at = begun(engine, plan, network)
            once = content(*engine.advance(plan, at, RATES, answers=True))
            other = plan._replace(loss="squared_error")
            engine.advance(other, begun(engine, other, network), RATES[:1], answers=False)
            assert content(*engine.advance(plan, at, RATES, answers=True)) == once
            assert engine.advance(plan, at, [], answers=True) == (at, [])


def test_the_examples_may_be_shared_by_two_trainings(network, digits):
    """Two engines take turns on the same digits, by batches of different sizes."""
    plans = [a_plan(network, digits, batch_size=size) for size in (30, 48, None)]
    wanted = [end(plan, network, 1, (1,)) for plan in plans]
    engines = [CompiledEngine(None, 1) for _ in plans]
    ats = [begun(engine, plan, network) for engine, plan in zip(engines, plans, strict=True)]
    losses = [[] for _ in plans]
    for rate in RATES:
        for k, (engine, plan) in enumerate(zip(engines, plans, strict=True)):
            ats[k], more = engine.advance(plan, ats[k], [rate], answers=True)
            losses[k] += more
    assert [content(*each) for each in zip(ats, losses, strict=True)] == wanted


def test_the_last_batch_of_an_epoch_may_be_smaller(digits):
    """100 examples in batches of 32: the fourth has 4. A batch of one works as well."""
    some = digits[:100]
    network = replace(a_network(np.random.default_rng(5), (784, 20, 10)), weight_decay=0.0)
    for size, steps in ((32, 4), (1, 100), (99, 2), (100, 1)):
        rng = np.random.default_rng(6)
        settings = {"batch_size": size, "epochs": 2, "rng": rng, "learning_rate": 0.01}
        snapshots = list(train(network, some, engine="compiled", every=steps, **settings))
        assert [each.step for each in snapshots] == [0, steps, 2 * steps]
        assert [len(each.losses) for each in snapshots] == [0, steps, steps]
