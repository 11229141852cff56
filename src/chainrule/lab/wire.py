"""How the parts of the lab and its pages exchange arrays, as text, and refusals.

Arrays travel as base64 of little-endian float64, so that every bit arrives, infinity too.
"""

import base64
import binascii
from typing import Any, Literal

import numpy as np

from chainrule.network import Array

Answer = dict[str, Any]

# wrong: it cannot be answered as it is; missing: what it names is not here; conflict: not now;
# unwritable: the disk does not take it; ended: the lab ends.
Kind = Literal["wrong", "missing", "conflict", "unwritable", "ended"]


class RefusedError(ValueError):
    """A request that is not answered: of which kind the refusal is, and one line that says why."""

    def __init__(self, reason: str, kind: Kind = "wrong") -> None:
        super().__init__(reason)
        self.kind: Kind = kind


def encode_array(array: Array) -> str:
    """An array as base64 of little-endian float64 in C order."""
    return encode_bytes(np.ascontiguousarray(array, "<f8").tobytes())


def encode_bytes(content: bytes) -> str:
    return base64.b64encode(content).decode()


def decode_bytes(coded: str) -> bytes:
    """The bytes of base64; ValueError if it is none."""
    try:
        return base64.b64decode(coded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("must be base64") from None
