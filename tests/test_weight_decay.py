"""Weight decay: E = E_data + λ/2 Σ ‖W[l]‖², biases left out, under every optimizer."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule import (
    ModelError,
    evaluate,
    gradient,
    initialise,
    load_model,
    loss,
    save_model,
    train,
)
from chainrule.descent import MEMORY_ROWS, OPTIMIZERS, Rule, take_step
from chainrule.engine.batches import Batch
from chainrule.engine.tiles import total
from chainrule.explain.check import check
from chainrule.explain.differences import central_differences
from chainrule.explain.learning import learn_once
from chainrule.explain.ledger import named, open_ledger
from chainrule.explain.proof import prove
from chainrule.explain.rules import open_cell
from chainrule.files import seal
from chainrule.model import named_tensors
from chainrule.network import LOSSES, Network

LAMBDA = 0.03


def problem(sizes=(5, 4, 3), name="squared_error", m=7, seed=0):
    rng = np.random.default_rng(seed)
    network = initialise(sizes, loss=name, weight_decay=LAMBDA, rng=rng, dtype=np.float64)
    X = rng.random((sizes[0], m))
    Y = np.eye(sizes[-1])[rng.integers(sizes[-1], size=m)].T
    return network, X, Y


def bare(network):
    return replace(network, weight_decay=0.0)


def by_hand(network):
    """λ/2 Σ W² over the weights alone, one at a time."""
    return LAMBDA / 2 * sum(w**2 for W, _ in network.layers for w in W.ravel())


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sizes", [(5, 3), (5, 4, 3), (6, 5, 4, 3)])
def test_the_loss_and_every_derivative_have_it(sizes, name):
    network, X, Y = problem(sizes, name)
    assert loss(network, X, Y) == pytest.approx(loss(bare(network), X, Y) + by_hand(network))
    cells = np.arange(network.parameters.size)
    q = central_differences(network, X, Y, cells, h=1e-6).values
    np.testing.assert_allclose(gradient(network, X, Y), q, rtol=1e-6, atol=1e-9)
    more = gradient(network, X, Y) - gradient(bare(network), X, Y)
    layers = replace(network, parameters=more).layers
    for (added, nothing), (W, _) in zip(layers, network.layers, strict=True):
        np.testing.assert_allclose(added, LAMBDA * W, rtol=1e-12)
        assert not nothing.any()  # biases


@pytest.mark.parametrize("name", LOSSES)
def test_parts_add_up_and_stacks_are_loops(name):
    network, X, Y = problem(name=name)
    parts = [(X[:, :2], Y[:, :2]), (X[:, 2:], Y[:, 2:])]
    sums = sum(gradient(network, x, y, m=7) for x, y in parts)
    np.testing.assert_allclose(sums, gradient(network, X, Y), rtol=1e-12)
    two = np.stack([network.parameters, 2 * network.parameters])
    stack = replace(network, parameters=two)
    single = [replace(network, parameters=each) for each in two]
    assert loss(stack, X, Y).tolist() == [float(loss(each, X, Y)) for each in single]
    for row, each in zip(gradient(stack, X, Y), single, strict=True):
        assert row.tobytes() == gradient(each, X, Y).tobytes()


@pytest.mark.parametrize("by_ink", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_a_sum_over_tiles_has_it_once(mnist, name, by_ink):
    """Also by ink, where the network is computed without the weights of blank pixels."""
    digits = mnist[0][:3000]
    rng = np.random.default_rng(0)
    network = initialise((784, 10, 10), loss=name, weight_decay=LAMBDA, rng=rng)
    part = total(network, digits, Batch(3000, by_ink=by_ink))
    exact = replace(network, parameters=network.parameters.astype(np.float64))
    X, Y = digits.X.astype(np.float64), digits.Y.astype(np.float64)
    assert part.loss == pytest.approx(float(loss(exact, X, Y)), rel=1e-6)
    np.testing.assert_allclose(part.gradient, gradient(exact, X, Y), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [None, 100])
def test_a_training_descends_it(mnist, optimizer, size):
    """The second answer: take_step with the gradient of the equations, batch by batch."""
    digits = mnist[0][:300]
    rng = np.random.default_rng(0)
    network = initialise((784, 6, 10), weight_decay=LAMBDA, rng=rng, dtype=np.float64)
    snapshots = train(
        network, digits, optimizer=optimizer, learning_rate=0.01, batch_size=size, steps=5, rng=rng
    )
    X, Y = digits.X.astype(np.float64), digits.Y.astype(np.float64)
    theta, memory = network.parameters, np.zeros((MEMORY_ROWS[optimizer], network.parameters.size))
    for snapshot in snapshots:
        np.testing.assert_allclose(snapshot.network.parameters, theta, rtol=1e-7, atol=1e-10)
        assert snapshot.network.weight_decay == LAMBDA
        if snapshot.loss_of == "training set":
            now = Network(network.sizes, theta, network.loss, LAMBDA)
            assert snapshot.loss == pytest.approx(float(loss(now, X, Y)))
        chosen = np.arange(300)
        if size is not None:
            epoch, k = divmod(snapshot.step, 3)
            order = np.random.default_rng((snapshot.key, epoch)).permutation(300)
            chosen = order[k * size : (k + 1) * size]
        now = Network(network.sizes, theta, network.loss, LAMBDA)
        slope = gradient(now, X[:, chosen], Y[:, chosen])
        theta, memory = take_step(
            Rule(optimizer), theta, slope, memory, learning_rate=0.01, step=snapshot.step + 1
        )


def test_the_test_loss_is_without_it(mnist):
    rng = np.random.default_rng(0)
    network = initialise((784, 10), weight_decay=1.0, rng=rng)
    few = mnist[1][:100]
    assert evaluate(network, few).loss == evaluate(bare(network), few).loss
    assert evaluate(network, few).loss == pytest.approx(float(loss(bare(network), few.X, few.Y)))


def test_none_changes_no_bit(mnist):
    digits = mnist[0][:300]
    plain = initialise((784, 10, 10), rng=np.random.default_rng(0))
    none = initialise((784, 10, 10), weight_decay=0.0, rng=np.random.default_rng(0))
    (*_, a), (*_, b) = (
        train(each, digits, steps=5, rng=np.random.default_rng(1)) for each in (plain, none)
    )
    assert a.network.parameters.tobytes() == b.network.parameters.tobytes()
    assert (a.loss, repr(a.network)) == (b.loss, repr(b.network))


def test_a_model_file_keeps_it(tmp_path):
    network, *_ = problem()
    save_model(network, tmp_path / "a")
    again = load_model(tmp_path / "a")
    assert again.weight_decay == LAMBDA
    assert "weight decay 0.03" in repr(again)


def test_a_model_file_from_before_has_none(tmp_path):
    network, *_ = problem()
    fields = {"format": 1, "loss": network.loss}
    (tmp_path / "old").write_bytes(seal(fields, named_tensors(network)))
    assert load_model(tmp_path / "old").weight_decay == 0


@pytest.mark.parametrize("wrong", [-0.1, "0.1", True, None, 1])
def test_a_model_file_with_another_is_refused(tmp_path, wrong):
    network, *_ = problem()
    fields = {"format": 2, "loss": network.loss, "weight_decay": wrong}
    (tmp_path / "a").write_bytes(seal(fields, named_tensors(network)))
    with pytest.raises(ModelError, match="a: the weight decay must be a number from 0, got "):
        load_model(tmp_path / "a")


@pytest.mark.parametrize("wrong", [-1e-9, np.inf, np.nan])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="weight_decay must be 0 or more, got"):
        initialise((5, 3), weight_decay=wrong, rng=np.random.default_rng(0))


def test_a_start_with_another_is_refused(mnist):
    rng = np.random.default_rng(0)
    network = initialise((784, 10), rng=rng)
    first = next(train(network, mnist[0][:50], steps=3, rng=rng))
    other = replace(network, weight_decay=0.5)
    with pytest.raises(ValueError, match=r"start must be a snapshot of .*weight decay 0\.5"):
        train(other, mnist[0][:50], steps=3, start=first)


# ------------------------------------------------------------------------------ opened and proven


def book(name="squared_error", sizes=(5, 4, 3)):
    network, X, _ = problem(sizes, name)
    return open_ledger(network, X[:, 0], 1)


def cells_of(ledger):
    for array, values in ledger.arrays.items():
        yield from (named(array, *index) for index in np.ndindex(values.shape))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sizes", [(5, 3), (5, 4, 3), (6, 5, 4, 3)])
def test_the_terms_of_every_cell_add_up(sizes, name):
    ledger = book(name, sizes)
    for cell in cells_of(ledger):
        opened = open_cell(ledger, cell)
        assert opened.total == pytest.approx(opened.value, rel=1e-12, abs=1e-300), cell


@pytest.mark.parametrize("name", LOSSES)
def test_what_a_cell_feeds_comes_from_it(name):
    """dW2[3,7] names W2[3,7], E names all weights, and each W names both."""
    ledger = book(name)
    weights = open_cell(ledger, "W2[2,3]")
    slope, E = open_cell(ledger, "dW2[2,3]"), open_cell(ledger, "E")
    assert slope.formula == "dW2[2,3] = dZ2[2] A1[3] + λ W2[2,3]"
    assert [term.names for term in slope.terms] == ["dZ2[2] · A1[3]", "λ · W2[2,3]"]
    assert slope.comes_from[-1] == "W2[2,3]"
    assert {"dW2[2,3]", "E"} <= set(weights.feeds)
    assert E.formula.endswith(" + λ/2 Σ ‖W‖²")
    assert [term.names for term in E.terms[-2:]] == ["λ/2 · ‖W1‖²", "λ/2 · ‖W2‖²"]
    assert E.comes_from[-2:] == ("W1[:,:]", "W2[:,:]")


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sizes", [(5, 3), (6, 5, 4, 3)])
def test_every_derivative_is_proven_and_the_check_agrees(sizes, name):
    ledger = book(name, sizes)
    E = float(ledger.arrays["E"])
    for cell in cells_of(ledger):
        if cell.startswith("d"):
            proof = prove(ledger, cell)
            assert proof.agrees, cell
            assert proof.E == E
            assert abs(proof.E_above - E) < 1e-3, cell  # the same E, with a nudge
    network, X, Y = problem(sizes, name)
    found = check(network, X, Y)
    assert found.own.agrees
    assert not any(each.agrees for each in found.impostors)
    step = learn_once(ledger)
    assert step.measured[0] == pytest.approx(step.promised[0], rel=1e-3)


@pytest.mark.parametrize("name", LOSSES)
def test_the_source_of_E_and_dW_is_the_line_that_finishes_them(name):
    ledger = book(name)
    assert open_cell(ledger, "dW1[0,0]").source.put_in == "dW[1] = dW[1] + decay * W[1]"
    assert open_cell(ledger, "dW2[0,0]").source.put_in == "dW[2] = dW[2] + decay * W[2]"
    assert open_cell(ledger, "E").source.code.startswith("E = E + ")
    assert open_cell(ledger, "db2[0]").source.code.startswith("db[L] = ")
    plain = open_ledger(bare(ledger.network), ledger.arrays["x"], 1)
    assert open_cell(plain, "dW2[0,0]").source.code.startswith("dW[L] = dZ[L] @")
    assert open_cell(plain, "E").source.code.startswith("E = np.sum(")
