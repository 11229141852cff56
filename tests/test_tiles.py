"""The tile engine: the same bits however the work is spread, with one BLAS thread in a tile."""

import pickle
import struct
import subprocess
import sys
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from chainrule import Digits, evaluate, forward, gradient, initialise, load_digits, loss, train
from chainrule.descent import OPTIMIZERS
from chainrule.engine import blas as threads_of_blas
from chainrule.engine import tiles as room
from chainrule.engine.batches import Batch, tiling
from chainrule.engine.blas import blas, blas_of_numpy, one_blas_thread
from chainrule.engine.ink import orders
from chainrule.engine.sums import Part, Tree, tree_sum
from chainrule.engine.tiles import total
from chainrule.network import LOSSES

SHAPES = [(784, 10, 10), (784, 60, 20, 10), (784, 10)]


def blas_threads():
    controllers = [each for each in blas().lib_controllers if each.user_api == "blas"]
    (threads,) = {each.num_threads for each in controllers}  # SciPy may have brought a second
    return threads


def test_the_blas_that_counts_is_numpy_s():
    import scipy.linalg  # noqa: F401, brings a BLAS of its own

    (pool,) = blas_of_numpy()
    assert pool["version"] == np.show_config("dicts")["Build Dependencies"]["blas"]["version"]


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


# ------------------------------------------------------------------------------------- same bits


def ends(digits, lengths, sizes, name, optimizer, **how):
    """The bytes of parameters and memory after so many full-batch steps, and steps of batches."""
    for steps, batch_size in zip(lengths, (None, 64), strict=True):
        rng = np.random.default_rng(0)
        network = initialise(sizes, loss=name, rng=rng)
        *_, last = train(
            network, digits, optimizer=optimizer, every=10**6, rng=rng,
            batch_size=batch_size, steps=steps, engine="numpy", **how,
        )  # fmt: skip
        yield last.network.parameters.tobytes()
        yield last.memory.tobytes()


def same_for_everybody(mnist, processes, lengths, *training):
    """All that are asked to train this end in the bits of one thread; an epoch is 94 batches."""
    asked = mnist[0][:6000], lengths, *training
    alone = list(ends(*asked, threads=1))
    for threads in (2, 3, 5):
        assert list(ends(*asked, threads=threads)) == alone, threads
    assert list(ends(*asked, threads=2, executor=processes)) == alone


@pytest.mark.parametrize(
    ("sizes", "name", "optimizer"),
    [
        ((784, 10, 10), "squared_error", "descent"),
        ((784, 60, 20, 10), "cross_entropy", "momentum"),
        ((784, 10), "cross_entropy", "adam"),
    ],
)
def test_any_number_of_workers_gives_the_same_bits(mnist, processes, sizes, name, optimizer):
    same_for_everybody(mnist, processes, (20, 100), sizes, name, optimizer)


@pytest.mark.long
@pytest.mark.parametrize("sizes", SHAPES)
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_any_number_of_workers_gives_the_same_bits_everywhere(
    mnist, processes, sizes, name, optimizer
):
    same_for_everybody(mnist, processes, (50, 188), sizes, name, optimizer)


def test_runs_of_stacks_are_branches_of_the_tree(mnist):
    """The whole training set is 32 stacks, which several workers take in runs of several."""
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    for m in (60_000, 50_000):
        digits = mnist[0][:m]
        alone = total(network, digits, Batch(m))
        for workers in (2, 3, 5, 7):
            with ThreadPoolExecutor(workers) as pool:
                part = total(network, digits, Batch(m), executor=pool, workers=workers)
            assert part.gradient.tobytes() == alone.gradient.tobytes(), workers
            assert part.loss == alone.loss
            assert np.array_equal(part.confusion, alone.confusion)


def test_evaluation_does_not_depend_on_the_workers_either(mnist, processes):
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    alone = evaluate(network, mnist[1], engine="numpy", threads=1)
    for how in ({"threads": 3}, {"executor": processes}):
        seen = evaluate(network, mnist[1], engine="numpy", **how)
        assert seen.loss == alone.loss
        assert np.array_equal(seen.confusion, alone.confusion)


def test_concurrent_products_of_all_transpose_kinds_are_those_computed_alone():
    """OpenBLAS once corrupted these when it was itself threaded (NumPy issue 31618)."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 200, 200), dtype=np.float32)
    kinds = [(a, b), (a.T, b), (a, b.T), (a.T, b.T)]
    with one_blas_thread:
        alone = [(x @ y).tobytes() for x, y in kinds]

        def product(k):
            x, y = kinds[k % 4]
            return (x @ y).tobytes() == alone[k % 4]

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(product, range(4000)))


# ------------------------------------------------------------------------------- the right answer


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sizes", SHAPES)
@pytest.mark.parametrize("m", [1, 7, 120, 121, 2000, 6000])
@pytest.mark.parametrize("by_ink", [False, True])
def test_the_sum_over_tiles_is_the_gradient_of_all(mnist, sizes, name, m, by_ink):
    network = initialise(sizes, loss=name, rng=np.random.default_rng(0), dtype=np.float64)
    digits = mnist[0][:m]
    part = total(network, digits, Batch(m, by_ink=by_ink))
    X, Y = digits.X.astype(np.float64), digits.Y
    assert part.gradient == pytest.approx(gradient(network, X, Y), abs=1e-13)
    assert part.loss == pytest.approx(float(loss(network, X, Y)), rel=1e-12)
    answers = forward(network, X).A[network.depth].argmax(axis=0)
    for truth, answer in np.ndindex(10, 10):
        count = np.sum((digits.labels == truth) & (answers == answer))
        assert part.confusion[truth, answer] == count


def test_by_ink_a_stack_is_computed_without_its_blank_pixels(mnist, monkeypatch):
    """Also one without any ink at all, which is computed from one pixel."""
    digits = mnist[0][:6000]
    blank = Digits(np.zeros_like(digits.images), digits.labels)
    inputs = []
    seen = room.forward

    def watched(network, X):
        inputs.append(network.sizes[0])
        return seen(network, X)

    monkeypatch.setattr(room, "forward", watched)
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    for given in (digits, blank):
        total(network, given, Batch(6000, by_ink=True))
    used = np.argsort(-(digits.images > 0).sum(axis=0), kind="stable")
    last = sorted(int(np.flatnonzero(image)[-1]) + 1 for image in digits.images[:, used])
    assert inputs[:4] == [last[1919], last[3839], last[5759], last[5999]]
    assert set(inputs[4:]) == {1}


def test_a_full_batch_goes_by_ink_unless_the_copy_would_be_large(mnist, monkeypatch):
    network = initialise((784, 10), rng=np.random.default_rng(0))
    for most, copied in ((299, False), (300, True)):
        digits = mnist[0][:300]
        monkeypatch.setattr("chainrule.engine.ink.INK_ORDERED", most)
        list(train(network, digits, steps=1, rng=np.random.default_rng(0), engine="numpy"))
        assert (digits in orders) == copied
    digits = mnist[0][:300]
    rng = np.random.default_rng(0)
    list(train(network, digits, batch_size=50, epochs=1, rng=rng, engine="numpy"))
    assert digits not in orders


def test_the_tiling_covers_a_batch_and_knows_nothing_of_workers():
    for sizes in [(784, 10, 10), (784, 128, 10), (784, 800, 10), (784, 10), (784, 2, 2)]:
        for columns in (1, 2, 63, 64, 120, 121, 1000, 60_000, 1_000_000):
            tile, stacked, stacks = tiling(sizes, columns)
            assert 1 <= tile <= columns
            assert stacked & (stacked - 1) == 0
            assert (stacks - 1) * stacked * tile < columns <= stacks * stacked * tile


def test_the_tree_is_one_whatever_the_branches_computed_apart():
    """Floats that show every change of order, in all sizes and all powers of two as branches."""
    rng = np.random.default_rng(0)

    def leaf(x):
        return Part(float(x), np.zeros((10, 10), np.intp), np.array([x]))

    for n in range(1, 70):
        numbers = rng.standard_normal(n) * 10.0 ** rng.integers(-8, 8, n)
        tree = Tree()
        most = 0
        for x in numbers:
            tree.add(leaf(x))
            most = max(most, len(tree.sums))
        assert most <= np.log2(n) + 1
        root = tree.root()
        assert root.loss == root.gradient[0] == tree_sum(numbers)
        for branch in (1, 2, 4, 8):
            upper = Tree()
            for first in range(0, n, branch):
                lower = Tree()
                for x in numbers[first : first + branch]:
                    lower.add(leaf(x))
                upper.add(lower.root())
            assert upper.root().loss == root.loss


# --------------------------------------------------------------------------------------- workers


class Watched(Executor):
    """An executor with threads to spare, which pickles its tasks and counts those under way."""

    def __init__(self):
        self.pool, self.lock = ThreadPoolExecutor(6), threading.Lock()
        self.sizes, self.under_way, self.most = [], 0, 0

    def submit(self, call, /, *arguments):
        self.sizes.append(len(pickle.dumps((call, arguments))))
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)

        def computed():
            try:
                return call(*arguments)
            finally:
                with self.lock:
                    self.under_way -= 1

        return self.pool.submit(computed)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.pool.shutdown(wait, cancel_futures=cancel_futures)


def test_workers_receive_parameters_and_numbers_and_never_pixels(mnist):
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    with Watched() as watched:
        for batch in (Batch(60_000), Batch(60_000, 1, 0, (0, 30_000))):
            total(network, mnist[0], batch, executor=watched, workers=3)
    assert len(watched.sizes) > 6
    assert max(watched.sizes) < network.parameters.nbytes + 2000
    assert watched.most == 2  # this thread is the third worker
    assert watched.under_way == 0


def test_loaded_digits_travel_as_a_reference_and_come_back_the_same(mnist, tmp_path):
    part = mnist[0][100:6000][10:500]
    assert np.array_equal(part.images, mnist[0].images[110:600])
    message = pickle.dumps(part)
    assert len(message) < 300
    again = pickle.loads(message)
    assert np.array_equal(again.images, part.images)
    assert np.array_equal(again.labels, part.labels)
    made = pickle.loads(pickle.dumps(part[[3, 4]]))
    assert np.array_equal(made.images, part.images[[3, 4]])


def test_a_worker_that_fails_stops_the_sum_and_restores_the_threads(mnist):
    before = blas_threads()
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))

    class Broken(Digits):
        @property
        def images(self):
            raise KeyboardInterrupt

    broken = object.__new__(Broken)
    object.__setattr__(broken, "labels", mnist[0].labels)
    with ThreadPoolExecutor(2) as pool:
        for how in ({}, {"executor": pool, "workers": 2}):
            with pytest.raises(KeyboardInterrupt):
                total(network, broken, Batch(60_000), **how)
            assert blas_threads() == before


class AtOnce(Executor):
    """Has done everything before anybody looks."""

    def submit(self, work, *args):
        future = Future()
        future.set_result(work(*args))
        return future


class HeldUp(Executor):
    """Begins a task only when its result is asked for: when everybody else has done all."""

    def submit(self, work, *args):
        class Late(Future):
            def result(self, timeout=None):
                return work(*args)

        return Late()


def test_nobody_waits_for_a_worker_that_is_held_up(mnist, monkeypatch):
    """This thread has computed all other runs before it asks for that one."""
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    computed = []
    run = room.Work.run
    monkeypatch.setattr(
        room.Work, "run", lambda work, *stacks: computed.append(stacks) or run(work, *stacks)
    )
    total(network, mnist[0], Batch(20_000), executor=HeldUp(), workers=2)
    assert len(computed) > 3
    assert computed == [*sorted(computed[:-1], reverse=True), max(computed)]


@pytest.mark.parametrize("executor", [AtOnce, HeldUp])
def test_whoever_computes_a_run_of_stacks_the_bits_are_the_same(mnist, executor):
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    alone = total(network, mnist[0], Batch(20_000))
    for workers in (2, 3):
        spread = total(network, mnist[0], Batch(20_000), executor=executor(), workers=workers)
        assert spread.loss == alone.loss
        assert spread.gradient.tobytes() == alone.gradient.tobytes()
        assert np.array_equal(spread.confusion, alone.confusion)


# ------------------------------------------------------------------------------- one BLAS thread


@pytest.fixture
def two_blas_threads():
    """Start from two BLAS threads, as on a machine with more than one core."""
    threads_of_blas.take_control()
    with blas().limit(limits=2, user_api="blas"):
        assert blas_threads() == 2
        yield
    threads_of_blas.take_control()


def test_a_tile_has_one_blas_thread_and_a_yield_has_all(mnist, two_blas_threads, monkeypatch):
    inside = []
    real = room.forward
    monkeypatch.setattr(room, "forward", lambda *a: (inside.append(blas_threads()), real(*a))[1])
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    for threads in (1, 2):
        rng = np.random.default_rng(0)
        for _ in train(network, mnist[0][:6000], steps=3, rng=rng, engine="numpy", threads=threads):
            assert blas_threads() == 2
    assert len(inside) >= 8
    assert set(inside) == {1}


def test_the_last_one_out_restores_the_threads_whoever_it_is(two_blas_threads):
    """Two users overlap and the second, on another thread, leaves last; then the other way."""
    for main_first in (True, False):
        entered, leave = threading.Event(), threading.Event()

        def other(entered=entered, leave=leave):
            with one_blas_thread:
                entered.set()
                leave.wait()

        thread = threading.Thread(target=other)
        if main_first:
            with one_blas_thread:
                thread.start()
                entered.wait()
                assert blas_threads() == 1
        else:
            thread.start()
            entered.wait()
            with one_blas_thread:
                assert blas_threads() == 1
        assert blas_threads() == 1  # the other one is still inside
        leave.set()
        thread.join()
        assert blas_threads() == 2


def test_two_trainings_that_overlap_end_as_each_alone(mnist, two_blas_threads):
    digits = mnist[0][:2000]

    def end(seed):
        rng = np.random.default_rng(seed)
        network = initialise((784, 10, 10), rng=rng)
        *_, last = train(network, digits, steps=20, rng=rng, engine="numpy", threads=2)
        return last.network.parameters.tobytes()

    alone = [end(0), end(1)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(end, (0, 1))) == alone
    assert blas_threads() == 2


def test_the_controller_is_looked_for_once(mnist, monkeypatch):
    import threadpoolctl

    looked = []
    real = threadpoolctl.ThreadpoolController
    monkeypatch.setattr(
        threadpoolctl, "ThreadpoolController", lambda: (looked.append(1), real())[1]
    )
    blas.cache_clear()
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    for _ in range(5):
        total(network, mnist[0][:500], Batch(500))
    assert len(looked) == 1


# --------------------------------------------------------------------------------------- memory


@pytest.mark.skipif(sys.platform != "linux", reason="counts the pages that Linux hands out")
def test_the_steps_of_a_wide_network_take_no_fresh_pages():
    """Of the 20 MB that a step of 784-800-10 touches; without care about 550 pages are fresh."""
    code = """if True:
        import resource
        import numpy as np
        from chainrule import Digits, initialise, train

        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (512, 784), dtype=np.uint8)
        digits = Digits(images, rng.integers(0, 10, 512, dtype=np.uint8))
        network = initialise((784, 800, 10), loss="cross_entropy", rng=rng)
        settings = dict(optimizer="momentum", batch_size=128, steps=60, rng=rng, threads=1)
        for snapshot in train(network, digits, every=20, engine="numpy", **settings):
            del snapshot
            print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    faults = np.diff([int(line) for line in done.stdout.split()])
    assert faults[-1] / 20 < 200


# ----------------------------------------------------------------------------------- out of core


@pytest.fixture(scope="module")
def large_folder(tmp_path_factory, mnist):
    """240,000 images, 188 MB, in plain files: the bundled ones four times over."""
    folder = tmp_path_factory.mktemp("large")
    for part, digits, times in (("train", mnist[0], 4), ("t10k", mnist[1], 1)):
        m = times * len(digits)
        with (folder / f"{part}-images-idx3-ubyte").open("wb") as file:
            file.write(struct.pack(">4I", 0x803, m, 28, 28))
            for _ in range(times):
                file.write(digits.images)
        labels = struct.pack(">2I", 0x801, m) + digits.labels.tobytes() * times
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    return folder


def test_a_plain_folder_is_mapped_and_takes_little_memory(large_folder):
    """Private memory, as the kernel counts it; as float32 the images would take 753 MB."""
    code = f"""if True:
        import re
        from pathlib import Path
        import numpy as np
        from chainrule import initialise, load_digits, train

        def private():
            status = Path("/proc/self/status").read_text()
            return int(re.search(r"RssAnon:\\s+(\\d+)", status)[1]) / 1024

        digits, _ = load_digits({str(large_folder)!r})
        rng = np.random.default_rng(0)
        network = initialise((784, 10, 10), rng=rng)
        for batch in (None, 64):
            for _ in train(
                    network, digits, steps=2, batch_size=batch, rng=rng, engine="numpy", threads=2
                ):
                print(private())
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert max(map(float, done.stdout.split())) < 150


@pytest.mark.parametrize("by_ink", [False, True])
def test_mapped_and_unpacked_digits_give_the_same_bits(large_folder, mnist, by_ink):
    mapped, _ = load_digits(large_folder)
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    a = total(network, mapped[:6000], Batch(6000, by_ink=by_ink))
    b = total(network, mnist[0][:6000], Batch(6000, by_ink=by_ink))
    assert a.gradient.tobytes() == b.gradient.tobytes()
