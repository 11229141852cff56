"""Memory that is used again and again."""

import numpy as np


def keep_memory() -> None:
    """Have freed blocks of up to 31 MB kept for the next arrays.

    subtle: glibc gives a large block back to the system as soon as it is freed, until it has seen
    one freed of that size. Without this, a wide network pays for fresh pages again and again, with
    up to three times its time (784-800-10). Elsewhere it does nothing.
    """
    np.empty(31 << 20, np.uint8)
