"""A compiled step is the one of descent.py, to the bit, given the same gradient."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.compiled import (
    a_network,
    a_plan,
    alone,
    arrays_of,
    begun,
    some_digits,
    some_table,
)

from chainrule.descent import MEMORY_ROWS, OPTIMIZERS, Rule, take_step
from chainrule.engine.compiled.moves import DECAY, SQUARE_DECAY, power, rates_of

RULES = [Rule("descent"), Rule("momentum"), Rule("momentum", 0.37), Rule("adam")]
RATES = [0.3, 0.01, 1.7]


def examples_of(kind, rng):
    return some_digits(rng, 40) if kind == "digits" else some_table(rng, 30, 40, 5)


def slope_of(plan, network, step):
    """The gradient of one batch, exactly: the velocity after one step of momentum from rest."""
    resting = plan._replace(rule=Rule("momentum"))
    at = begun(alone(), resting, network, step=step)
    return alone().advance(resting, at, [0.1], answers=False)[0].memory[0]


def same(a, b):
    return np.array_equal(a, b) and a.dtype == b.dtype == np.float32


@pytest.mark.parametrize("kind", ["digits", "table"])
@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("weight_decay", [0.0, 0.2])
@pytest.mark.parametrize("rule", RULES)
def test_steps_are_those_of_the_rule(rule, weight_decay, batch_size, kind):
    """Step by step, from a memory that is not empty: the last number of each is compared."""
    rng = np.random.default_rng(1)
    examples = examples_of(kind, rng)
    sizes = (examples.inputs, 70, 20, examples.classes)
    network = a_network(rng, sizes, "cross_entropy", weight_decay)
    plan = a_plan(network, examples, optimizer=rule, batch_size=batch_size)
    n = network.parameters.size
    memory = np.square(rng.standard_normal((MEMORY_ROWS[rule.optimizer], n))).astype("f")
    engine, step = alone(), 8
    at = engine.begin(plan, network.parameters, memory, step, answers=False)
    for rate in RATES:
        network = replace(network, parameters=at.parameters)
        slope = at.ahead.gradient if batch_size is None else slope_of(plan, network, at.step)
        step += 1
        wanted, memory = take_step(
            rule, at.parameters, slope, at.memory, learning_rate=rate, step=step
        )
        at, _ = engine.advance(plan, at, [rate], answers=False)
        assert same(at.parameters, wanted)
        assert same(at.memory, memory)
        assert at.step == step


@pytest.mark.parametrize("batch_size", [None, 16])
def test_weight_decay_pulls_at_weights_and_leaves_biases(batch_size):
    """λ W is added to the gradient, each rounded once."""
    rng = np.random.default_rng(2)
    digits = some_digits(rng, 40)
    without = a_network(rng, (784, 20, 10))
    decaying = replace(without, weight_decay=0.3)
    slopes = []
    for network in (without, decaying):
        plan = a_plan(network, digits, batch_size=batch_size)
        at = begun(alone(), plan, network)
        full = batch_size is None
        slopes.append(at.ahead.gradient if full else slope_of(plan, network, 0))
    plain, decayed = (arrays_of(without, slope) for slope in slopes)
    weights = arrays_of(without, without.parameters)
    for name, array in plain.items():
        added = np.float32(0.3) * weights[name] if name[0] == "W" else np.float32(0)
        assert same(decayed[name], array + added), name


@pytest.mark.parametrize("batch_size", [None, 16])
def test_weight_decay_of_0_changes_no_bit(batch_size):
    """Neither does one that float32 rounds to 0."""
    rng = np.random.default_rng(3)
    digits, network = some_digits(rng, 40), a_network(rng, (784, 20, 10))
    ends = []
    for weight_decay in (0.0, 1e-60):
        plan = a_plan(replace(network, weight_decay=weight_decay), digits, batch_size=batch_size)
        engine = alone()
        at, losses = engine.advance(plan, begun(engine, plan, network), RATES, answers=False)
        ends.append((at.parameters.tobytes(), losses, at.ahead.loss))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("decay", [DECAY, SQUARE_DECAY])
def test_powers_are_right(decay):
    """Squaring doubles what was off, so after n products at most n roundings have come together."""
    numbers = [*range(1, 200), *range(200, 30_000, 37)]
    for n in numbers:
        assert power(decay, n) == pytest.approx(decay**n, rel=n * 2**-52, abs=0)
    assert power(decay, 0) == 1


def test_divisors_of_adam_are_at_most_one_unit_off():
    rates = [0.1] * 20_000
    table = rates_of(Rule("adam"), 0, rates).reshape(-1, 3)
    step = np.arange(1, len(rates) + 1)
    for column, decay in ((1, DECAY), (2, SQUARE_DECAY)):
        wanted = np.float32(1 - decay**step)
        assert (np.abs(table[:, column] - wanted) <= np.spacing(wanted)).all()
    assert (table[:, 0] == np.float32(0.1)).all()
    assert np.array_equal(rates_of(Rule("adam"), 500, [0.1] * 9), table[500:509].ravel())


def test_other_rules_have_no_divisors():
    for name in OPTIMIZERS[:2]:
        assert rates_of(Rule(name), 3, [0.5, 0.25]).tolist() == [0.5, 1, 1, 0.25, 1, 1]
