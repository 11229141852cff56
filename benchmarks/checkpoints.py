"""What it costs that a run survives: the default training with and without its files.

    python checkpoints.py [ROUNDS]

Both compute the same snapshots and accuracies, in turn. The share is also measured directly, by
timing the writes alone, because two trainings of the same length differ by more than the writes.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from chainrule import initialise, load_mnist, train
from chainrule.runs import going
from chainrule.runs.folder import begin, prepare
from chainrule.runs.settings import Settings

SETTINGS = Settings(None, (10,), "squared_error", "descent", None, None, None, None, 0)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    train_set, test_set = load_mnist()
    plain, with_files, writing = [], [], []
    write = going.write_checkpoint

    def timed_write(*arguments):
        began = time.perf_counter()
        write(*arguments)
        writing.append(time.perf_counter() - began)

    going.write_checkpoint = timed_write
    for _ in range(rounds):
        rng = np.random.default_rng(0)
        network = initialise((784, 10, 10), rng=rng)
        began = time.perf_counter()
        for _ in train(network, train_set, every=10, test=test_set, train_accuracy=True, rng=rng):
            pass
        plain.append(time.perf_counter() - began)
        with tempfile.TemporaryDirectory(dir=".") as folder:
            began = time.perf_counter()
            run = prepare(begin(Path(folder), SETTINGS), train_set, test_set)
            for _ in going.go_on(run, train_set, test_set):
                pass
            with_files.append(time.perf_counter() - began)
    each = len(writing) / rounds
    share = sum(writing) / sum(with_files)
    print(
        f"the default training, median of {rounds} rounds: {median(plain):.1f} s without files, "
        f"{median(with_files):.1f} s as a run\n"
        f"{each:.0f} checkpoints, {1000 * median(writing):.1f} ms each: {share:.2%} of its time"
    )


if __name__ == "__main__":
    main()
