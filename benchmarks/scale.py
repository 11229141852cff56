"""How long a step takes on many workers: a simulation, and the measurements that it is checked by.

    python benchmarks/scale.py            the table of docs/design/scale.md
    python benchmarks/scale.py measure    measure on this machine, and compare

The simulation follows one step of `engine/sharing.py`: the parameters are put down once, each
worker is given a run of tiles, and another as soon as its part has come back; the process that
asked computes, too, and adds all parts at the end. It knows seven numbers, each measured alone.
"""

import heapq
import sys
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import mul

EACH = 3  # runs of tiles for each worker, as in engine/compiled/tiled.py
TILE = 1024
SHAPES = {"784-10-10": (784, 10, 10), "784-128-10": (784, 128, 10)}


@dataclass(frozen=True)
class Way:
    """What it costs to have something done by others, in seconds and bytes a second."""

    task: float  # of the process that asks, for a task: to send it and to take its part
    trip: float  # for a task to travel both ways, beside that
    rate: float  # of parameters and parts through the one link of the process that asks
    put: float = 0.0  # to put the parameters down, once a step
    each: bool = False  # parameters travel with each task, not once to each machine
    cores: int = 0  # of all workers together, if they share one machine; 0: one for each worker
    per_machine: int = 1  # workers that share a copy of the parameters


@dataclass(frozen=True)
class Step:
    """A step of so many images by a network of this shape."""

    sizes: tuple
    m: int
    image: float  # seconds of one core for an image, forward and back
    add: float  # seconds to add a byte of a part, and to move a byte of the parameters

    @property
    def bytes(self):
        """Of the parameters, and of a part: units lie in lanes of 16."""
        return 4 * sum(a * (-(-b // 16) * 16) + b for a, b in pairwise(self.sizes))


def runs_of(tiles, workers):
    """The tiles of each run, as Sharing cuts them; the last first."""
    size = 1
    while -(-tiles // (2 * size)) >= EACH * workers:
        size *= 2
    return [min(size, tiles - first) for first in range(0, tiles, size)][::-1]


def tile_of(sizes):
    """Images in a tile, as the compiled engine cuts them."""
    tile = TILE
    while tile > 128 and tile * sum(map(mul, sizes, sizes[1:])) > 1_000_000_000:
        tile //= 2
    return tile


def simulate(step, way, workers):
    """Seconds of one step by so many workers, of which one is the process that asks.

    Gives also the share of that time in which a worker computes, in the mean.
    """
    tile = tile_of(step.sizes)
    runs = runs_of(-(-step.m // tile), workers)
    if workers == 1:
        return step.m * step.image + step.bytes * step.add, 1.0
    slower = max(1.0, workers / way.cores) if way.cores else 1.0
    cost = min(tile, step.m) * step.image * slower  # of a tile
    now = way.put
    link = 0.0  # when the link is free again
    asks = way.put  # when the process that asks is free to send or to take
    machines, events, computing, left = {}, [], 0.0, list(runs)

    def send(worker, at):
        """A run goes to a worker; its part is ready there after it has the parameters."""
        nonlocal link, computing
        arrives = at + way.trip / 2
        machine = worker // way.per_machine
        if way.each or machine not in machines:
            link = max(link, at) + step.bytes / way.rate
            machines.setdefault(machine, link + way.trip / 2)
            arrives = max(arrives, link)
        arrives = max(arrives, machines[machine])
        seconds = left.pop(0) * cost
        computing += seconds
        heapq.heappush(events, (arrives + seconds, worker))

    for worker in range(1, workers):
        if left:
            asks += way.task / 2
            send(worker, asks)
    own = asks  # the process that asks computes beside, and takes parts in another thread
    while left or events:
        if left and (not events or own <= events[0][0]):
            seconds = left.pop(0) * cost
            computing += seconds
            own += seconds
            continue
        ready, worker = heapq.heappop(events)
        link = max(link, ready) + step.bytes / way.rate
        asks = max(asks, link + way.trip / 2) + way.task
        now = asks
        if left:
            send(worker, asks)
    seconds = max(now, own) + (len(runs) + 1) * step.bytes * step.add
    return seconds, min(1.0, computing / (seconds * workers))


def in_a_tree(step, way, workers):
    """The same, if each worker had one task, and parts were added two and two on the way.

    This is not built. Each level of the tree sends the parameters on, and a part back.
    """
    runs = -(-step.m // tile_of(step.sizes))
    mine = -(-runs // workers) * min(tile_of(step.sizes), step.m) * step.image
    level = 2 * step.bytes / way.rate + way.trip + 2 * way.task + step.bytes * step.add
    return mine + (workers - 1).bit_length() * level + 2 * step.bytes * step.add


# ------------------------------------------------------------------------- what was measured

# By `measure`, on 2026-11-28: benchmarks/log/2026-11-28-ray.md.
ADD = 2.36e-11
FREE = 1.15  # cores that others left, of two: the time of one thread over that of two
BOUND = 1.8  # times that the simulation is off, at most
HERE = {
    "processes": Way(0.000238, 0, 2.98e08, 0, each=True, cores=FREE),
    "Ray": Way(0.00113, 0.000508, 3.97e08, 0.00077, each=False, cores=FREE),
}
# Seconds of a step with one thread, and shared, by way, workers with the one that asks, and images.
POINTS = {
    ("processes", 2, "784-10-10", 15000): (0.0042, 0.0104),
    ("processes", 2, "784-10-10", 60000): (0.0278, 0.0216),
    ("processes", 2, "784-128-10", 15000): (0.0476, 0.0215),
    ("processes", 2, "784-128-10", 60000): (0.1199, 0.1354),
    ("Ray", 2, "784-10-10", 15000): (0.0042, 0.0126),
    ("Ray", 2, "784-10-10", 60000): (0.0158, 0.0222),
    ("Ray", 2, "784-128-10", 15000): (0.0250, 0.0317),
    ("Ray", 2, "784-128-10", 60000): (0.1096, 0.1181),
    ("processes", 3, "784-10-10", 15000): (0.0042, 0.0075),
    ("processes", 3, "784-10-10", 60000): (0.0158, 0.0233),
    ("processes", 3, "784-128-10", 15000): (0.0247, 0.0378),
    ("processes", 3, "784-128-10", 60000): (0.1021, 0.1026),
    ("Ray", 3, "784-10-10", 15000): (0.0042, 0.0097),
    ("Ray", 3, "784-10-10", 60000): (0.0161, 0.0229),
    ("Ray", 3, "784-128-10", 15000): (0.0254, 0.0338),
    ("Ray", 3, "784-128-10", 60000): (0.1017, 0.1019),
}


def predicted(point):
    """What the simulation says of a measured point, from the time of one thread and the costs."""
    way, workers, shape, m = point
    one = min(one for (*_, name, count), (one, _) in POINTS.items() if (name, count) == (shape, m))
    step = Step(SHAPES[shape], m, one / m, ADD)
    return simulate(step, HERE[way], workers)[0]


def compared():
    """Each point: measured, simulated, and their ratio."""
    for point, (one, shared) in POINTS.items():
        said = predicted(point)
        way, workers, shape, m = point
        yield f"| {way} | {workers} | {shape} | {m:,} | {1e3 * one:.1f} | {1e3 * shared:.1f} | " + (
            f"{1e3 * said:.1f} | {said / shared:.2f} |"
        )


# ------------------------------------------------------------------------- far beyond that

PER_MACHINE = 50
NETWORK = 1.25e9  # bytes a second: 10 Gbit/s


def cluster():
    """Machines of 50 workers at 10 Gbit/s; tasks cost what Ray's cost here."""
    return replace(HERE["Ray"], rate=NETWORK, trip=0.001, cores=0, per_machine=PER_MACHINE)


def image_of(shape):
    """Seconds of one core for an image: of the largest points."""
    return min(one / m for (_, _, name, m), (one, _) in POINTS.items() if name == shape)


def table():
    """A line each: seconds of a step for so many images and workers, and the bytes of all parts."""
    for shape, sizes in SHAPES.items():
        for m in (60_000, 1_000_000, 10_000_000, 100_000_000):
            step = Step(sizes, m, image_of(shape), ADD)
            cells = []
            for workers in (1, 10, 100, 1000):
                seconds, busy = simulate(step, cluster(), workers)
                cells.append(f"{seconds:.3g} ({100 * busy:.0f} %)")
            parts = len(runs_of(-(-m // tile_of(sizes)), 1000))
            tree = in_a_tree(step, cluster(), 1000)
            cells += [f"{parts * step.bytes / 1e9:.2g}", f"{tree:.3g}"]
            yield f"| {shape} | {m:,} | " + " | ".join(cells) + " |"


def measure():
    """The numbers, then the points, a line each."""
    import numpy as np

    from chainrule import load_mnist
    from chainrule.bridges.ray import RayExecutor

    digits = load_mnist()[0]
    part = np.ones(600_000, np.float32)
    print(f"ADD = {clocked(lambda: part + part, 30) / part.nbytes:.3g}")
    points = {}
    for name, workers, executor in executors(RayExecutor):
        with executor:
            if workers == 2:
                print(f"{name}: {way_of(name, executor)}", flush=True)
            for shape, sizes in SHAPES.items():
                for m in (15_000, 60_000):
                    points[name, workers, shape, m] = a_step(digits[:m], sizes, executor, workers)
    print("POINTS = {")
    for point, (one, shared) in points.items():
        print(f"    {point}: ({one:.4f}, {shared:.4f}),")
    print("}")


def executors(ray):
    """Name, workers with this process, and executor of each way that is measured."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    for others in (1, 2):
        yield "processes", 1 + others, ProcessPoolExecutor(others, get_context("spawn"))
        yield "Ray", 1 + others, ray(workers=others)


def clocked(call, times):
    """The least seconds that a call takes: others use this machine, too."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)


def a_step(digits, sizes, executor, workers):
    """Seconds of a full-batch step with the compiled engine: with one thread, and shared.

    They take turns, since others use this machine, too; the quickest of some.
    """
    import numpy as np

    from chainrule import initialise, train

    steps = 60 if sizes[1] < 100 else 25
    trainings = []
    for who in ({"threads": 1}, {"executor": executor, "threads": workers}):
        rng = np.random.default_rng(0)
        network = initialise(sizes, rng=rng)
        trainings.append(train(network, digits, rng=rng, steps=99, engine="compiled", **who))
        for _ in range(2):
            next(trainings[-1])
    pairs = [[clocked(each.__next__, 1) for each in trainings] for _ in range(steps)]
    return tuple(min(column) for column in zip(*pairs, strict=True))


def way_of(name, executor):
    """The costs of this way, measured by tasks that do nothing, and by some that carry much."""
    import numpy as np

    trip = clocked(lambda: executor.submit(abs, -1).result(), 100)
    many = clocked(lambda: [each.result() for each in [executor.submit(abs, -1)] * 1], 1)
    many = clocked(lambda: [f.result() for f in [executor.submit(abs, 1) for _ in range(100)]], 5)
    task = many / 100
    big = 2_500_000
    whole = clocked(lambda: executor.submit(np.ones, big // 4, np.float32).result(), 20)
    rate = big / max(whole - trip, 1e-6)
    put = 0.0
    if name == "Ray":
        content = np.zeros(50_000, np.uint8)
        put = clocked(lambda: executor.ray.put(content), 50)
    return Way(task, max(0.0, trip - task), rate, put, each=name == "processes", cores=2)


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        measure()
    else:
        print(*compared(), "", *table(), sep="\n")
