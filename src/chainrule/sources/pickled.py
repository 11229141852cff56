"""A pickle is refused: to load one is to run whatever its maker has put into it."""

from __future__ import annotations

from pathlib import Path

from chainrule.idx import DataError
from chainrule.sources.parts import Found

CONVERT = (
    "import gzip, pickle, numpy",
    'train, _, test = pickle.load(gzip.open("mnist.pkl.gz"), encoding="latin1")',
    'numpy.savez("mnist.npz", x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1])',
)


def read(path: Path) -> Found:
    """DataError, with the three lines of Python that make of mnist.pkl.gz what can be read."""
    raise DataError(
        f"{path}: it is a pickle, and a pickle can run any code when it is loaded, so it is never "
        f"loaded here; if you trust its maker, run in Python: {'; '.join(CONVERT)}"
    )
