"""Examples of any kind: a program's own, with much ink, or too many to be kept."""

from dataclasses import dataclass

import numpy as np
import pytest
from helpers.compiled import (
    a_network,
    a_plan,
    alone,
    begun,
    bound,
    calm,
    exact_gradient,
    far_off,
    numpy_alone,
    some_digits,
    some_table,
)

from chainrule import Digits, Table, train
from chainrule.data import Examples
from chainrule.engine.compiled import examples as reading
from chainrule.engine.compiled.examples import is_dense, source_of


class Own:
    """Examples that are computed when they are asked for; nothing of them is kept."""

    inputs, classes = 12, 5

    def __init__(self, m):
        self.labels = np.arange(m, dtype=np.int16) * 3 % 5
        self.asked = 0

    def __len__(self):
        return len(self.labels)

    def columns(self, chosen, out=None):
        self.asked += 1
        i = np.arange(len(self))[chosen]
        return np.sin(np.arange(self.inputs)[:, None] * (i + 1.0)).astype(np.float32)

    def check_file(self):
        pass


def as_table(own):
    return Table(own.columns(slice(None)), own.labels.astype(np.intp), own.classes)


def ends(examples, sizes, **settings):
    """The bytes after 9 steps, by all, by batches, and by large ones; and a measure."""
    network = a_network(np.random.default_rng(0), sizes)
    for batch_size in (None, 32, 600):
        rng = np.random.default_rng(1)
        *_, last = train(
            network,
            examples,
            rng=rng,
            steps=9,
            batch_size=min(batch_size or 0, len(examples)) or None,
            engine="compiled",
            learning_rate=0.1,
            test=examples,
            **settings,
        )
        yield last.network.parameters.tobytes(), last.loss, last.test_accuracy


def test_a_program_s_own_examples_are_as_good_as_a_table_of_the_same_numbers():
    own = Own(1500)
    assert isinstance(own, Examples)
    sizes = (12, 20, 5)
    assert list(ends(own, sizes)) == list(ends(as_table(own), sizes))


def test_they_are_asked_for_once_if_they_are_kept():
    own = Own(700)
    list(ends(own, (12, 20, 5)))
    assert own.asked == 1


@pytest.mark.xfail(reason="examples are found again by their hash", raises=TypeError)
def test_own_examples_need_no_hash():
    """As those of a plain data class, which compares its fields and so has none."""

    @dataclass
    class Plain(Own):
        m: int

        def __post_init__(self):
            super().__init__(self.m)

    plain = Plain(40)
    network = a_network(np.random.default_rng(0), (12, 20, 5))
    begun(numpy_alone(), a_plan(network, plain), network)
    begun(alone(), a_plan(network, plain), network)


def test_columns_may_lie_in_any_order_in_memory():
    """Row by row or column by column, read-only, every second one: the same bytes."""
    rng = np.random.default_rng(2)
    table = some_table(rng, 30, 900, 4)
    other = np.asfortranarray(table.X)
    other.setflags(write=False)
    wide = np.repeat(table.X, 2, axis=1)[:, ::2]
    wanted = list(ends(table, (30, 20, 4)))
    for X in (other, wide):
        assert list(ends(Table(X, table.labels, 4), (30, 20, 4))) == wanted


@pytest.mark.parametrize("labels", [np.uint8, np.int8, np.uint16, np.int32, np.uint64])
def test_labels_may_be_of_any_type(labels):
    table = some_table(np.random.default_rng(3), 6, 80, 3)
    network = a_network(np.random.default_rng(0), (6, 9, 3))
    typed = Table(table.X, table.labels.astype(labels), 3)
    for batch_size in (None, 7):
        ours, theirs = (
            begun(alone(), a_plan(network, each, batch_size=batch_size), network).ahead
            for each in (table, typed)
        )
        assert ours.loss == theirs.loss
        assert np.array_equal(ours.confusion, theirs.confusion)


def test_much_ink_is_read_as_rows_and_gives_the_same_but_for_rounding():
    """A white picture among black ones: the same digits either way, forced to each."""
    rng = np.random.default_rng(4)
    digits = some_digits(rng, 100, 0.45)
    inked = Digits(digits.images | (rng.random((100, 784)) < 0.4), digits.labels)
    assert not is_dense(digits)
    assert is_dense(inked)
    network = a_network(rng, (784, 30, 10))
    for examples in (digits, inked):
        network = calm(network, examples)
        found = begun(alone(), a_plan(network, examples), network).ahead.gradient
        true = exact_gradient(network, examples)
        assert not far_off(network, found, true, bound(network, 100))


@pytest.fixture(params=["digits", "table", "much ink", "own"])
def many(request):
    """Examples of a kind, made anew at each call."""

    def make():
        rng = np.random.default_rng(5)
        match request.param:
            case "digits":
                return some_digits(rng, 1300)
            case "much ink":
                return some_digits(rng, 1300, 0.8)
            case "table":
                return some_table(rng, 20, 1300, 6)
        return Own(1300)

    return make


def test_what_is_too_much_to_be_kept_gives_the_same_bytes(many, monkeypatch):
    kept = many()
    sizes = (kept.inputs, 20, kept.classes)
    wanted = list(ends(kept, sizes))
    assert source_of(kept).whole is not None
    monkeypatch.setattr(reading, "KEPT", 1000)
    read_again = many()
    assert list(ends(read_again, sizes, threads=2)) == wanted
    assert source_of(read_again).whole is None


def test_examples_are_forgotten_with_the_last_who_knows_them():
    table = some_table(np.random.default_rng(6), 5, 50, 3)
    network = a_network(np.random.default_rng(0), (5, 9, 3))
    engine = alone()
    begun(engine, a_plan(network, table), network)
    assert table in reading.sources
    before = len(reading.sources)
    del table, engine
    assert len(reading.sources) == before - 1


def test_uneven_ink_among_the_first_and_the_last():
    """Blank images, then full ones: where the sample looks does not change what is right."""
    rng = np.random.default_rng(7)
    images = np.zeros((3000, 784), np.uint8)
    images[2000:] = 255
    images[::2, :5] = 9
    digits = Digits(images, rng.integers(10, size=3000).astype(np.uint8))
    network = calm(a_network(rng, (784, 20, 10)), digits)
    found = begun(alone(), a_plan(network, digits), network).ahead.gradient
    true = exact_gradient(network, digits)
    assert not far_off(network, found, true, bound(network, 3000))


def test_a_file_that_has_become_shorter_is_told():
    class Shorter(Own):
        def check_file(self):
            raise RuntimeError("shorter")

    network = a_network(np.random.default_rng(0), (12, 20, 5))
    for batch_size in (None, 8):
        with pytest.raises(RuntimeError, match="shorter"):
            begun(alone(), a_plan(network, Shorter(20), batch_size=batch_size), network)
