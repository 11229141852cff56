"""Images without labels in a CSV file, as Kaggle's test.csv: a header, then 784 pixels a row."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chainrule.data import PIXELS, DataError
from chainrule.files import open_regular

MOST_BYTES = 2_000_000_000
LONGEST = 100_000  # bytes of the header


def read_unlabelled(path: Path) -> NDArray[np.uint8]:
    """The images (m, 784) of unsigned bytes, in the order of the rows.

    Raises DataError unless every row is 784 whole numbers from 0 to 255, and for more than 2 GB;
    OSError if it cannot be read.
    """
    with open_regular(path, follow=True) as file:
        if (size := os.fstat(file.fileno()).st_size) > MOST_BYTES:
            raise DataError(f"{path}: a CSV file may have {MOST_BYTES:,} bytes, it has {size:,}")
        columns = file.readline(LONGEST).count(b",") + 1
        if columns != PIXELS or not file.read(1):
            what = f"{columns} columns" if columns != PIXELS else "no rows"
            raise DataError(f"{path}: wanted a header and rows of {PIXELS} pixels, got {what}")
    try:
        return np.loadtxt(path, np.uint8, delimiter=",", skiprows=1, ndmin=2, comments=None)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
