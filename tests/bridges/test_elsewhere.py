"""Work that travels: what is sent, what is found there, and who may compute.

The second answer is one thread, which sends nothing.
"""

import io
import pickle
import shutil
import threading
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import pytest
from helpers import PATIENCE
from helpers.sets import write_keras

from chainrule import Digits, Table, evaluate, initialise, load_digits, train
from chainrule.bridges import elsewhere
from chainrule.bridges.elsewhere import (
    Message,
    NotHere,
    Packer,
    Raised,
    WorkerError,
    compute,
    likeness,
    pixels_of,
)
from chainrule.engine.batches import Batch
from chainrule.engine.choice import ENGINES, shares
from chainrule.engine.compiled.tiled import Tiles, TileWork
from chainrule.engine.tiles import Work

SIZES = (784, 10, 10)
TWO = [engine for engine in ENGINES if engine != "auto"]


class Elsewhere(Executor):
    """Tasks go through bytes, and examples through a store, as between machines; in threads."""

    def __init__(self, workers=2, named=True):
        self.pool, self.lock = ThreadPoolExecutor(4), threading.Lock()
        self.workers, self.named = workers, named
        self.store, self.numbers, self.bytes, self.stored = {}, {}, [], 0
        self.under_way, self.most = 0, []
        self.wanted = 0  # so many are out at a time before any is computed
        self.news = threading.Condition(self.lock)

    def standing_for(self, examples):
        if self.named and isinstance(examples, Digits) and examples.origin:
            return None
        if examples not in self.numbers:
            self.numbers[examples] = len(self.store)
            self.store[len(self.store)] = pickle.dumps(pixels_of(examples))
            self.stored += 1
        return self.numbers[examples]

    def packed(self, owner):
        content = io.BytesIO()
        packer = Packer(content, self.standing_for)
        packer.dump(owner)
        self.bytes.append(len(content.getvalue()))
        return content.getvalue(), packer.stored

    def submit(self, call, /, *arguments):
        content, stored = self.packed(call.__self__)
        message = Message(f"{id(self)}-{len(self.bytes)}", likeness(call.__self__), content, stored)
        with self.lock:
            self.under_way += 1
            self.most.append(self.under_way)
            self.news.notify_all()

        def computed():
            with self.news:
                self.news.wait_for(lambda: max(self.most, default=0) >= self.wanted, PATIENCE)
            with one_at_a_time:  # a worker is a process of its own; here they share one
                result = compute(message, self.fetch, call.__name__, arguments)
            with self.lock:
                self.under_way -= 1
            return result

        return self.pool.submit(computed)

    def fetch(self, standing):
        return pickle.loads(self.store[standing]) if isinstance(standing, int) else standing

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.pool.shutdown(wait)


one_at_a_time = threading.Lock()


@pytest.fixture
def there():
    elsewhere.last.clear()
    elsewhere.kept.clear()
    with Elsewhere() as executor:
        yield executor
    elsewhere.last.clear()
    elsewhere.kept.clear()


def ends(examples, engine, **how):
    """All that a training by all, and one by large batches, end with."""
    for batch_size in (None, 2000):
        rng = np.random.default_rng(0)
        network = initialise((examples.inputs, 10, examples.classes), weight_decay=0.01, rng=rng)
        *_, last = train(
            network, examples, optimizer="momentum", rng=rng, steps=4, every=4, test=examples,
            batch_size=batch_size, engine=engine, **how,
        )  # fmt: skip
        yield last.network.parameters.tobytes(), last.memory.tobytes(), last.loss
        yield last.test_accuracy


def a_table(m=6000):
    rng = np.random.default_rng(0)
    return Table(rng.standard_normal((20, m)).astype(np.float32), rng.integers(5, size=m), 5)


@pytest.mark.parametrize("engine", TWO)
@pytest.mark.parametrize("kind", ["loaded digits", "digits in memory", "a table"])
def test_work_that_travels_has_the_same_bits(mnist, there, engine, kind):
    digits = mnist[0][:6000]
    examples = {
        "loaded digits": digits,
        "digits in memory": pixels_of(digits),
        "a table": a_table(),
    }[kind]
    assert list(ends(examples, engine, executor=there)) == list(ends(examples, engine, threads=1))
    assert len(there.bytes) > 10
    assert there.stored == (kind != "loaded digits")  # once


@pytest.mark.parametrize("engine", TWO)
def test_parameters_travel_and_never_pixels(mnist, there, engine):
    network = initialise(SIZES, rng=np.random.default_rng(0))
    for examples in (mnist[1], pixels_of(mnist[1])):
        alone = evaluate(network, examples, engine=engine, threads=1)
        shared = evaluate(network, examples, engine=engine, executor=there)
        assert shared.loss == alone.loss
        assert np.array_equal(shared.confusion, alone.confusion)
    padded = 4 * (784 * 16 + 16 + 16 * 16 + 16)  # units in lanes of 16
    assert max(there.bytes) < padded + 3000


@pytest.mark.parametrize("engine", TWO)
def test_how_many_tasks_are_out_follows_the_executor(mnist, there, engine):
    """Not the cores of this machine; and the number may change between two steps."""
    rng = np.random.default_rng(0)
    there.workers = 1
    snapshots = train(
        initialise(SIZES, rng=rng), mnist[0], rng=rng, steps=4, engine=engine, executor=there
    )
    next(snapshots)
    assert max(there.most) == 1
    for workers in (3, 0, 2):
        there.most.clear()
        there.workers = there.wanted = workers
        next(snapshots)
        assert max(there.most, default=0) == workers


def message_for(owner, executor, like=None):
    content, stored = executor.packed(owner)
    return Message(
        f"{id(executor)}-{len(executor.bytes)}", like or likeness(owner), content, stored
    )


def work_on(digits):
    network = initialise(SIZES, rng=np.random.default_rng(0))
    return Work(network, digits, Batch(len(digits)), True, True)


def test_digits_that_are_not_there_or_others_are_asked_for(mnist, tmp_path, there):
    """Found by name when they are the same, byte for byte, and then only."""
    path = tmp_path / "digits.npz"
    write_keras(path, mnist[0][:2000], mnist[1][:300])
    train_set = load_digits(path)[0]
    message = message_for(work_on(train_set), there)
    forget(train_set)
    done = compute(message, there.fetch, "run", (0, 1))
    assert done.gradient.tobytes() == work_on(train_set).run(0, 1).gradient.tobytes()
    for change in (lambda: write_keras(path, mnist[0][1:2001], mnist[1][:300]), path.unlink):
        change()
        forget(train_set)
        elsewhere.last.clear()
        answer = compute(message, there.fetch, "run", (0, 1))
        assert answer == NotHere(train_set.origin)
    there.named = False
    message = message_for(work_on(train_set), there)
    assert compute(message, there.fetch, "run", (0, 1)).loss == done.loss


def forget(digits):
    """As a process that has read none yet."""
    from chainrule.data import found, loaded

    found.cache_clear()
    loaded.cache_clear()
    assert digits.origin


def test_a_worker_that_would_compute_other_bits_is_refused(mnist, there):
    digits = mnist[1]
    like = likeness(work_on(digits))
    compiled = TileWork(Tiles(SIZES, "squared_error", digits, None, 1), Batch(10), True, True)
    assert set(like) == {"chainrule", "numpy", "processor", "blas", "kernel"}
    assert set(likeness(compiled)) == {"chainrule", "numpy"}  # the same bits on any processor
    for name, advice in (("kernel", "--engine compiled gives"), ("numpy", "use the same on all")):
        message = message_for(work_on(digits), there, like | {name: "Z80"})
        raised = compute(message, there.fetch, "run", (0, 1))
        assert isinstance(raised, Raised)
        with pytest.raises(WorkerError, match=f"other bits: {name} is .*, there Z80; {advice}"):
            raise raised.error


def test_what_goes_wrong_at_a_worker_is_told(mnist, there):
    raised = compute(message_for(work_on(mnist[1]), there), there.fetch, "run", (5, 1))
    assert isinstance(raised, Raised)
    assert isinstance(raised.error, IndexError)


def test_only_steps_of_several_parts_are_shared():
    assert shares("numpy", SIZES, 60_000, None)
    assert not shares("numpy", SIZES, 60_000, 64)
    assert shares("compiled", SIZES, 60_000, None)
    assert shares("compiled", SIZES, 60_000, 2000)
    assert not shares("compiled", SIZES, 60_000, 512)
    assert not shares("compiled", SIZES, 900, None)


def test_a_worker_keeps_few_sets(there):
    for k in range(elsewhere.KEPT + 2):
        compute(message_for(work_on(pixels_of_one(k)), there), there.fetch, "run", (0, 1))
    assert len(elsewhere.kept) == elsewhere.KEPT
    assert len(elsewhere.last) == 1


def pixels_of_one(k):
    return Digits(np.full((1, 784), k, np.uint8), np.zeros(1, np.uint8))


def test_a_set_of_files_that_moved_is_no_other_set(mnist, tmp_path, there):
    """The path is a part of the name."""
    path = tmp_path / "a.npz"
    write_keras(path, mnist[0][:50], mnist[1][:50])
    shutil.copy(path, tmp_path / "b.npz")
    one, other = (load_digits(tmp_path / name)[0] for name in ("a.npz", "b.npz"))
    assert one.origin != other.origin
    assert elsewhere.checksum_of_digits(one) == elsewhere.checksum_of_digits(other)
