"""ChainruleClassifier beside scikit-learn's MLPClassifier: time and accuracy on the same samples.

    python classifiers.py [ROUNDS] [--one-thread] [--quick] [--only=WORDS]

The same layer sizes, batches of 200, Adam at 0.001, no weight decay, float32, and the same number
of epochs for all. In each round each fits once, in turn, with the round's number as random_state,
and reads the held-out samples. A ratio is that of medians of one run, above 1: slower than the
compiled engine. With --one-thread each has one thread, BLAS too, and seconds are those of the
processor: on a machine that others use, they tell more than the clock. --quick takes a part of the
samples, to see that everything runs.
"""

import sys
import time
import warnings
from statistics import mean, median, stdev
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from chainrule import load_mnist
from chainrule.bridges.sklearn import ChainruleClassifier

REST = 0.2  # seconds between two: the threads of BLAS spin for a while after their work


class Work(NamedTuple):
    name: str
    hidden: tuple[int, ...]
    epochs: int
    X: np.ndarray
    y: np.ndarray
    held_X: np.ndarray
    held_y: np.ndarray


def works(quick):
    """Tables of rows; all but the pixels of digits are standardised."""
    X, y = load_iris(return_X_y=True)
    yield Work("iris, 4-100-3", (100,), 200, *split(X, y))
    X, y = load_digits(return_X_y=True)
    yield Work("digits 8 × 8, 64-100-10", (100,), 50, *split(X / 16, y, scale=False))
    train, test = (each[:5000] if quick else each for each in load_mnist())
    rows = [np.ascontiguousarray(each.X.T) for each in (train, test)]
    yield Work("MNIST, 784-128-10", (128,), 10, rows[0], train.labels, rows[1], test.labels)
    X, y = make_classification(
        **{"n_samples": 20_000 if quick else 581_012, "n_features": 54, "n_informative": 20},
        **{"n_classes": 7, "random_state": 0},
    )
    yield Work("as large as covertype, 54-100-7", (100,), 5, *split(X, y))


def split(X, y, scale=True):
    X, held_X, y, held_y = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    if scale:
        scaler = StandardScaler().fit(X)
        X, held_X = scaler.transform(X), scaler.transform(held_X)
    return X.astype(np.float32), y, held_X.astype(np.float32), held_y


def contestants(work, seed, threads=None):
    same = {"batch_size": min(200, len(work.X)), "max_iter": work.epochs, "random_state": seed}
    same |= {"tol": 0.0, "n_iter_no_change": work.epochs}
    return {
        "chainrule, compiled": ChainruleClassifier(
            work.hidden, **same, threads=threads, engine="compiled"
        ),
        "chainrule, NumPy": ChainruleClassifier(
            work.hidden, **same, threads=threads, engine="numpy"
        ),
        "MLPClassifier": MLPClassifier(work.hidden, **same, alpha=0.0),
    }


def measure(work, rounds, threads):
    """Seconds to fit, seconds to read the held-out samples, and accuracies, of each by name."""
    clock = time.process_time if threads == 1 else time.perf_counter
    seen = {name: ([], [], []) for name in contestants(work, 0)}
    for seed in range(rounds):
        for name, classifier in contestants(work, seed, threads).items():
            time.sleep(REST)
            began = clock()
            classifier.fit(work.X, work.y)
            fitted = clock()
            right = classifier.score(work.held_X, work.held_y)
            for many, one in zip(
                seen[name], (fitted - began, clock() - fitted, right), strict=True
            ):
                many.append(one)
            assert classifier.n_iter_ == work.epochs, name
    return seen


def main():
    quick = "--quick" in sys.argv
    rounds = int(next((each for each in sys.argv[1:] if each.isdecimal()), 5))
    threads = 1 if "--one-thread" in sys.argv else None
    warnings.simplefilter("ignore", ConvergenceWarning)
    with threadpool_limits(threads):
        compare(rounds, threads, quick)


def compare(rounds, threads, quick):
    """A table for each work."""
    (only,) = [each[7:] for each in sys.argv if each.startswith("--only=")] or [""]
    for work in works(quick):
        if only not in work.name:
            continue
        few = slice(0, 400)
        for classifier in contestants(work, 0).values():  # what is loaded or compiled once
            classifier.set_params(max_iter=1).fit(work.X[few], work.y[few]).predict(work.X)
        seen = measure(work, rounds, threads)
        print(
            f"\n| {work.name}, {len(work.X):,} samples, {work.epochs} epochs | fit, s | ratio |",
            end="",
        )
        print(" read, ms | ratio | held out read right, % |\n|---|---|---|---|---|---|")
        first = [median(each) for each in next(iter(seen.values()))]
        for name, (fit, read, right) in seen.items():
            spread = f"{100 * mean(right):.2f} ± {100 * stdev(right):.2f}"
            print(
                f"| {name} | {median(fit):.3f} | {median(fit) / first[0]:.2f} "
                f"| {1000 * median(read):.1f} | {median(read) / first[1]:.2f} | {spread} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
