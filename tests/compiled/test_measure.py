"""What a network reads and its E: the same answers as with NumPy, the same bits for any threads."""

import numpy as np
import pytest
from helpers.compiled import a_network, calm, exact_loss, is_clear, some_digits, some_table

from chainrule import evaluate, load_bundled
from chainrule.engine.compiled.engine import compiled_engine
from chainrule.network import LOSSES


@pytest.mark.parametrize("threads", [1, 2])
def test_a_trained_network_reads_ten_thousand_digits_as_with_numpy(mnist, threads):
    network = load_bundled("small")
    ours, theirs = (
        evaluate(network, mnist[1], engine=engine, threads=threads)
        for engine in ("compiled", "numpy")
    )
    assert np.array_equal(ours.confusion, theirs.confusion)
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-6)
    assert ours.confusion.sum() == 10_000


@pytest.mark.parametrize("kind", ["digits", "much ink", "table"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("m", [1, 17, 1500])
def test_E_and_confusion_of_any_examples(loss, kind, m):
    """Weight decay is no part of it."""
    rng = np.random.default_rng(m)
    inputs, classes = (30, 26) if kind == "table" else (784, 10)
    table = kind == "table"
    examples = (
        some_table(rng, inputs, m, classes)
        if table
        else some_digits(rng, m, 0.8 if kind == "much ink" else 0.2)
    )
    network = calm(a_network(rng, (inputs, 40, 18, classes), loss, 0.5), examples)
    plain = type(network)(network.sizes, network.parameters, loss)
    ours, theirs = (evaluate(network, examples, engine=name) for name in ("compiled", "numpy"))
    assert ours.loss == pytest.approx(exact_loss(plain, examples), rel=1e-5)
    if is_clear(network, examples):
        assert np.array_equal(ours.confusion, theirs.confusion)
    assert np.array_equal(ours.confusion.sum(axis=1), theirs.confusion.sum(axis=1))
    assert np.abs(ours.confusion - theirs.confusion).sum() <= 4


def test_any_number_of_threads_measures_the_same_bits():
    digits = some_digits(np.random.default_rng(1), 4500)
    network = a_network(np.random.default_rng(2), (784, 70, 10))
    found = []
    for threads in (1, 2, 3, 5):
        with compiled_engine(threads) as engine:
            part = engine.measure(network, digits)
        found.append((part.loss, part.confusion.tobytes()))
    assert len(set(found)) == 1


def test_of_equal_probabilities_the_first_is_the_answer():
    """As argmax has it: a network of zeros reads everything as class 0."""
    network = a_network(np.random.default_rng(2), (784, 10))
    network.parameters[:] = 0
    digits = some_digits(np.random.default_rng(3), 40)
    for engine in ("compiled", "numpy"):
        assert evaluate(network, digits, engine=engine).confusion[:, 0].sum() == 40


def test_a_network_whose_numbers_are_too_large_reads_nothing():
    network = a_network(np.random.default_rng(2), (784, 20, 10))
    network.parameters[:] *= np.float32(1e30)
    digits = some_digits(np.random.default_rng(3), 40)
    words = set()
    for engine in ("compiled", "numpy"):
        with pytest.raises(OverflowError, match="too large for float32") as caught:
            evaluate(network, digits, engine=engine)
        words.add(str(caught.value))
    assert len(words) == 1


def test_the_training_set_in_a_snapshot_is_what_evaluate_gives(mnist):
    """A snapshot's train_accuracy by batches, and E of a full batch."""
    from chainrule import train

    digits = mnist[0][:1200]
    network = a_network(np.random.default_rng(4), (784, 30, 10))
    for batch_size in (None, 50):
        rng = np.random.default_rng(5)
        settings = {"batch_size": batch_size, "steps": 6, "every": 6, "train_accuracy": True}
        *_, last = train(network, digits, engine="compiled", rng=rng, **settings)
        seen = evaluate(last.network, digits, engine="compiled")
        assert last.train_accuracy == seen.accuracy
        assert batch_size or last.loss == pytest.approx(seen.loss, rel=1e-12)
