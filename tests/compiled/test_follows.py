"""A compiled training follows that of NumPy as closely as two roundings of one training can."""

import numpy as np
import pytest
from helpers.compiled import a_network, some_table

from chainrule import train
from chainrule.descent import OPTIMIZERS
from chainrule.network import LOSSES

RATES = {"descent": 0.05, "momentum": 0.01, "adam": 0.0005}
APART = 2e-4  # of the way: see below


def both(network, examples, **settings):
    """The snapshots of both engines, step by step."""
    for engine in ("numpy", "compiled"):
        rng = np.random.default_rng(5)
        yield list(train(network, examples, rng=rng, engine=engine, threads=1, **settings))


def follow(network, examples, **settings):
    """How far apart the ends are, as a share of the way; and the losses, step by step."""
    ours, theirs = both(network, examples, steps=100, **settings)
    way = ours[-1].network.parameters - network.parameters
    apart = ours[-1].network.parameters - theirs[-1].network.parameters
    losses = [[each.losses or each.loss for each in snapshots] for snapshots in (ours, theirs)]
    return np.linalg.norm(apart) / np.linalg.norm(way), losses


@pytest.mark.parametrize("batch_size", [None, 50])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_100_steps_follow_those_of_numpy(mnist, loss, optimizer, batch_size):
    """Each step is off by some 1e-7 of its length, and what is off grows with the later steps.

    At a small rate a step keeps neighbours together, or lets them part slowly: after 100 steps they
    are less than 2e-4 of the way apart. At a rate near to that which diverges each step may double
    the distance, so two roundings of one training end in different places, both of them right.
    """
    network = a_network(np.random.default_rng(0), (784, 30, 10), loss, 0.001)
    settings = {"optimizer": optimizer, "learning_rate": RATES[optimizer], "batch_size": batch_size}
    apart, losses = follow(network, mnist[0][:500], **settings)
    assert apart < APART
    for ours, theirs in zip(*losses, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("batch_size", [None, 20])
def test_100_steps_on_a_table_with_two_hidden_layers(batch_size):
    rng = np.random.default_rng(1)
    table = some_table(rng, 40, 300, 7)
    network = a_network(rng, (40, 33, 20, 7), "cross_entropy")
    apart, losses = follow(network, table, learning_rate=0.02, batch_size=batch_size)
    assert apart < APART
    for ours, theirs in zip(*losses, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_a_function_of_the_step_for_the_rate(mnist):
    network = a_network(np.random.default_rng(0), (784, 10, 10))
    settings = {"learning_rate": lambda step: 0.1 / (1 + step), "batch_size": 50}
    apart, _ = follow(network, mnist[0][:300], **settings)
    assert apart < APART
