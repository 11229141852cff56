"""Values as JSON that every reader takes: what JSON cannot carry becomes a word, or is refused."""

import json
import math

import numpy as np


def to_json(value: object) -> str:
    """The JSON of a value, in ASCII; floats that are not finite become "inf", "-inf" or "nan".

    Takes what JSON knows, tuples, named tuples as objects, and NumPy's arrays and numbers. Raises
    TypeError for anything else.
    """
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":"))


def plain(value: object) -> object:
    """The same value, made of what JSON can carry."""
    match value:
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            # A path that is not UTF-8 holds surrogates, which are no text.
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {plain(key): plain(each) for key, each in value.items()}
        case tuple() if isinstance(fields := getattr(value, "_fields", None), tuple):
            return {key: plain(each) for key, each in zip(fields, value, strict=True)}
        case list() | tuple():
            return [plain(each) for each in value]
        case np.ndarray() | np.generic():
            return plain(value.tolist())
    return value


def share(value: float) -> float | None:
    """A share for JSON: a share of nothing, which is NaN, becomes None, which is null."""
    return None if math.isnan(value) else value
