"""How time and memory grow with the images, and that more of them are trained on than memory holds.

    python out_of_core.py [IMAGES]

Takes full-batch steps of the small network on 6,000, on 60,000 and on IMAGES images, a million if
that is not said, each in a process of its own, by both engines. The images lie in a mapped folder
of 784 bytes each, made of the bundled ones, several times over, in a temporary place.

The compiled engine keeps lists of the ink, up to a limit; with more images it reads what it needs
from the folder at each step, as the NumPy engine does above 131,072 images. The last row is that
way, by a limit of 0. Memory is private (RssAnon), the most seen while reading and training, over
what the process had before it began.
"""

import json
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import numpy as np

from chainrule import Digits, initialise, load_digits, load_mnist, train

MILLION = 1_000_000
FEW = 1000  # images that a process trains on first, so that everything is compiled and loaded
LOOK = 0.01  # seconds between two looks at the memory


def write_folder(folder: Path, images: int) -> None:
    """Four plain IDX files, the training part repeated until it has this many images."""
    for part, digits, m in zip(("train", "t10k"), load_mnist(), (images, 10_000), strict=True):
        with (folder / f"{part}-images-idx3-ubyte").open("wb") as file:
            file.write(struct.pack(">4I", 0x803, m, 28, 28))
            for first in range(0, m, len(digits)):
                file.write(digits.images[: m - first])
        labels = np.resize(digits.labels, m).tobytes()
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, m) + labels)


def private() -> int:
    """RssAnon of this process, bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", status)[1])


class Most:
    """The most private memory between entering and leaving, bytes over that at the beginning."""

    def __enter__(self):
        self.before, self.bytes, self.over = private(), 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self) -> None:
        while not self.over.wait(LOOK):
            self.bytes = max(self.bytes, private() - self.before)

    def __exit__(self, *error):
        self.over.set()
        self.thread.join()


def measure(folder: str, images: int, engine: str) -> dict[str, float]:
    """Seconds until the first step, seconds a step, and memory."""
    if engine == "out of core":
        from chainrule.engine.compiled import examples

        examples.KEPT, engine = 0, "compiled"
    digits, _ = load_digits(folder)
    rng = np.random.default_rng(0)
    network = initialise((784, 10, 10), rng=rng)
    few = Digits(digits.images[:FEW].copy(), digits.labels[:FEW].copy())
    for _ in train(network, few, steps=2, rng=rng, engine=engine):
        pass
    seconds, began = [], time.perf_counter()
    with Most() as most:
        for _ in train(network, digits[:images], steps=6, rng=rng, engine=engine):
            seconds.append(time.perf_counter() - began)
            began = time.perf_counter()
    return {"first": seconds[0], "step": median(seconds[1:]), "bytes": most.bytes}


def main() -> None:
    if len(sys.argv) == 4:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
        return
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MILLION
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), many)
        columns = ("engine", "images", "ns an example", "first step after, s", "MB", "B an image")
        print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
        runs = [(each, m) for each in ("compiled", "numpy") for m in (6_000, 60_000, many)]
        for engine, m in (*runs, ("out of core", many)):
            command = [sys.executable, __file__, folder, str(m), engine]
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            each, first = 1e9 * found["step"] / m, found["first"]
            size, of_one = found["bytes"] / 1e6, found["bytes"] / m
            print(f"| {engine} | {m:,} | {each:.0f} | {first:.1f} | {size:.0f} | {of_one:.0f} |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
