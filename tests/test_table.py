"""Training and evaluation of any table: other inputs, other classes than those of digits."""

import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from chainrule import DataError, Network, Table, evaluate, gradient, initialise, loss, train
from chainrule.data import Digits, Examples
from chainrule.explain.check import check
from chainrule.network import LOSSES


def clouds(m, inputs, classes, seed=0, apart=3.0):
    """A table of round clouds of points, one for each class."""
    rng = np.random.default_rng(seed)
    middles = apart * rng.standard_normal((classes, inputs))
    labels = np.arange(m) % classes
    X = middles[labels] + rng.standard_normal((m, inputs))
    return Table(X.T.astype(np.float32), labels)


IRIS = clouds(150, 4, 3)  # as many as Fisher's irises
LETTERS = clouds(520, 16, 26)


def one_hot(table):
    return (np.arange(table.classes)[:, None] == table.labels).astype(np.float32)


def started(table, hidden, loss="cross_entropy"):
    sizes = (table.inputs, *hidden, table.classes)
    return initialise(sizes, loss=loss, rng=np.random.default_rng(1))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("table", [IRIS, LETTERS], ids=["iris", "letters"])
def test_a_table_is_learned(table, name):
    network = started(table, (30,), name)
    assert evaluate(network, table).accuracy < 0.75
    *_, last = train(
        network,
        table,
        optimizer="adam",
        learning_rate=0.02,
        batch_size=25,
        epochs=40,
        rng=np.random.default_rng(2),
    )
    seen = evaluate(last.network, table)
    assert seen.confusion.shape == (table.classes, table.classes)
    assert seen.confusion.sum(axis=1).tolist() == np.bincount(table.labels).tolist()
    assert seen.accuracy > 0.95
    assert seen.accuracy_per_digit.min() > 0.8


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [None, 40])
@pytest.mark.parametrize("table", [IRIS, LETTERS], ids=["iris", "letters"])
def test_the_steps_are_those_of_the_equations(table, name, size):
    """A second answer: a loop of plain gradients, in the orders that the key gives."""
    network = started(table, (8, 5), name)
    snapshots = train(
        network, table, batch_size=size, steps=9, learning_rate=0.1, rng=np.random.default_rng(2)
    )
    Y, theta = one_hot(table), network.parameters
    for snapshot in snapshots:
        if size is None:
            chosen = np.arange(len(table))
        else:
            epoch, k = divmod(snapshot.step, -(-len(table) // size))
            order = np.random.default_rng((snapshot.key, epoch)).permutation(len(table))
            chosen = order[k * size : (k + 1) * size]
        np.testing.assert_allclose(snapshot.network.parameters, theta, rtol=2e-4, atol=1e-6)
        now = Network(network.sizes, theta, name)
        theta = theta - np.float32(0.1) * gradient(now, table.X[:, chosen], Y[:, chosen])


def test_the_loss_and_the_check_take_a_table_s_arrays():
    network = started(IRIS, (7,))
    Y = one_hot(IRIS)
    assert evaluate(network, IRIS).loss == pytest.approx(float(loss(network, IRIS.X, Y)), rel=1e-6)
    assert check(network, IRIS.X[:, :20], Y[:, :20]).own.agrees


def test_threads_and_processes_change_no_bit():
    table = clouds(30_000, 40, 5)
    network = started(table, (32,))

    def bits(**how):
        rng = np.random.default_rng(2)
        *_, last = train(network, table, steps=4, rng=rng, engine="numpy", **how)
        return last.network.parameters.tobytes()

    alone = bits(threads=1)
    assert bits(threads=3) == alone
    with ProcessPoolExecutor(2) as pool:
        assert bits(executor=pool, threads=3) == alone


def test_digits_and_tables_are_examples_and_arrays_are_none(mnist):
    assert isinstance(IRIS, Examples)
    assert isinstance(mnist[1], Examples)
    assert not isinstance(IRIS.X, Examples)
    assert repr(LETTERS) == "Table: 520 examples of 16 numbers, 26 classes"
    again = pickle.loads(pickle.dumps(IRIS))
    assert again.X.tobytes() == IRIS.X.tobytes()
    assert again.classes == 3


def test_digits_as_a_table_are_learned_alike(mnist):
    digits = mnist[0][:3000]
    table = Table(digits.X, digits.labels.astype(np.int64))
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    for size in (None, 64):
        (*_, a), (*_, b) = (
            train(network, each, batch_size=size, steps=5, rng=np.random.default_rng(0))
            for each in (digits, table)
        )
        close = {"rtol": 1e-4, "atol": 1e-6}
        np.testing.assert_allclose(a.network.parameters, b.network.parameters, **close)
    assert np.array_equal(evaluate(network, digits).confusion, evaluate(network, table).confusion)


@pytest.mark.parametrize(
    ("X", "labels", "classes", "says"),
    [
        (np.ones((4, 3)), [0, 1, 0], 0, r"X must be float32 .* got float64 .*astype"),
        (np.ones(4, np.float32), [0, 1], 0, r"X must be float32 of shape \(inputs, m\)"),
        (np.ones((4, 0), np.float32), [], 0, r"X must be float32 of shape"),
        (np.ones((3, 4), np.float32), [0, 1, 0], 0, "4 examples and 3 labels; .* pass X.T"),
        (np.ones((2, 4), np.float32), [0, 1, 0], 0, "4 examples and 3 labels$"),
        (np.ones((2, 2), np.float32), [0.0, 1.0], 0, "labels must be whole numbers"),
        (np.ones((2, 2), np.float32), [0, 0], 0, "of two classes or more, got 0 to 0"),
        (np.ones((2, 2), np.float32), [-1, 1], 0, "labels must be from 0 to 1"),
        (np.ones((2, 2), np.float32), [0, 3], 3, "labels must be from 0 to 2 .* got 0 to 3"),
        (np.full((2, 2), np.nan, np.float32), [0, 1], 0, "X must be finite"),
        (np.ma.array(np.ones((2, 2), np.float32)), [0, 1], 0, "X must be a NumPy array"),
    ],
)
def test_what_is_no_table_is_refused(X, labels, classes, says):
    with pytest.raises(DataError, match=says):
        Table(X, np.array(labels), classes)


def test_classes_that_no_example_has_are_counted():
    table = Table(np.ones((2, 3), np.float32), np.array([0, 1, 0]), 5)
    assert evaluate(started(table, ()), table).confusion.shape == (5, 5)


def test_a_network_must_fit_its_table():
    with pytest.raises(
        ValueError, match="for these examples has 4 inputs and 3 outputs, got 5 and"
    ):
        evaluate(initialise((5, 3), rng=np.random.default_rng(0)), IRIS)
    digits = Digits(np.zeros((1, 784), np.uint8), np.zeros(1, np.uint8))
    with pytest.raises(ValueError, match="for digits has 784 inputs and 10 outputs, got 4 and 3"):
        train(started(IRIS, ()), digits, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"wanted Digits, got ndarray; .* Table"):
        train(started(IRIS, ()), IRIS.X, rng=np.random.default_rng(0))
