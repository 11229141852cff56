"""Train on a million images from a mapped folder, and on fewer, and compare memory and time.

Up to 131,072 images a full batch is put in order of its ink, which saves a third of its time and
takes a copy; more are taken as they come. Makes the folder (784 MB) from the bundled images,
several times over, in a temporary place.
"""

import re
import struct
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from chainrule import Digits, initialise, load_digits, load_mnist, train

IMAGES = 1_000_000


def write_folder(folder: Path, images: int) -> None:
    """Four plain IDX files, the training part repeated until it has this many images."""
    for part, digits, m in zip(("train", "t10k"), load_mnist(), (images, 10_000), strict=True):
        with (folder / f"{part}-images-idx3-ubyte").open("wb") as file:
            file.write(struct.pack(">4I", 0x803, m, 28, 28))
            for first in range(0, m, len(digits)):
                file.write(digits.images[: m - first])
        labels = np.resize(digits.labels, m).tobytes()
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, m) + labels)


def private() -> float:
    """RssAnon of this process, MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024


def measure(digits: Digits) -> tuple[float, float]:
    """Seconds for one example in a full-batch step, and the most private memory seen, MB."""
    rng = np.random.default_rng(0)
    network = initialise((784, 10, 10), rng=rng)
    seconds, most, began = [], 0.0, time.perf_counter()
    for _ in train(network, digits, steps=6, rng=rng):
        seconds.append((time.perf_counter() - began) / len(digits))
        most = max(most, private())
        began = time.perf_counter()
    return median(seconds[1:]), most


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        write_folder(Path(name), IMAGES)
        digits, _ = load_digits(name)
        for some in (digits[:60_000], digits[:140_000], digits):
            per_example, most = measure(some)
            print(
                f"{len(some):9,} images: {1e9 * per_example:6.0f} ns an example, "
                f"private memory at most {most:.0f} MB"
            )


if __name__ == "__main__":
    main()
