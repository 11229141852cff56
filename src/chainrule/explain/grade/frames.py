"""Values between two processes as data alone: JSON for their structure, bytes for their numbers.

Nothing that is read is ever executed: no pickle, no object arrays. A frame is its length in 8
bytes, the length of its JSON in 4, the JSON, and the arrays' numbers one after another.
"""

import io
import json
import struct
from math import prod
from typing import IO, Any

import numpy as np

MOST_BYTES = 64_000_000  # in one frame
MOST_DEPTH = 8  # of structures within each other
MOST_PARTS = 2_000  # of one structure
LONG = 10  # a list of so many numbers, or of such lists, travels as an array


class FrameError(ValueError):
    """What came is not a frame, or is too large."""


class Opaque:
    """A value that does not travel: its class, and the attributes that do."""

    def __init__(self, kind: str, fields: dict[str, Any]) -> None:
        self.kind, self.fields = kind, fields


class Slot:
    """A value that stays in the other process, under a name, or a part of it."""

    def __init__(self, name: str, path: tuple[str | int, ...] = ()) -> None:
        self.name, self.path = name, path


class Made:
    """An object that is to be made in the other process: its class there, and its fields."""

    def __init__(self, kind: str, fields: dict[str, Any]) -> None:
        self.kind, self.fields = kind, fields


def pack(value: object) -> bytes:
    """A frame that holds a structure of lists, tuples, dicts, numbers, texts and arrays."""
    arrays: list[np.ndarray[Any, Any]] = []
    tree = encoded(value, arrays)
    kinds = [[each.dtype.newbyteorder("<").str, each.shape] for each in arrays]
    head = json.dumps([tree, kinds]).encode()
    body = b"".join(each.astype(each.dtype.newbyteorder("<")).tobytes() for each in arrays)
    size = 4 + len(head) + len(body)
    if size > MOST_BYTES:
        raise FrameError(f"wanted at most {MOST_BYTES:,} bytes, got {size:,}")
    return struct.pack(">QI", size, len(head)) + head + body


def unpack(stream: IO[bytes]) -> Any:  # noqa: ANN401, any structure
    """The next frame of a stream; EOFError where it ends, FrameError for anything else."""
    (size,) = struct.unpack(">Q", exactly(stream, 8))
    if not 4 <= size <= MOST_BYTES:
        raise FrameError(f"wanted a frame of at most {MOST_BYTES:,} bytes, got {size:,}")
    body = io.BytesIO(exactly(stream, size))
    (length,) = struct.unpack(">I", exactly(body, 4))
    try:
        tree, kinds = json.loads(exactly(body, length))
        arrays = [array_in(body, *kind) for kind in kinds]
        return decoded(tree, arrays)
    except (ValueError, TypeError, KeyError, IndexError, EOFError, RecursionError) as error:
        raise FrameError(f"not a frame: {error}") from None


def array_in(stream: IO[bytes], dtype: str, shape: list[int]) -> np.ndarray[Any, Any]:
    """The numbers of one array, whose size is checked before memory is taken."""
    kind = np.dtype(dtype)
    if kind.kind not in "biuf" or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise FrameError("not a frame: an array of no numbers")
    size = prod(shape) * kind.itemsize
    if size > MOST_BYTES:
        raise FrameError("not a frame: an array that is too large")
    return np.frombuffer(exactly(stream, size), kind).reshape(shape).copy()


def exactly(stream: IO[bytes], size: int) -> bytes:
    """So many bytes; EOFError if the stream ends before."""
    data = stream.read(size)
    if len(data) < size:
        raise EOFError(f"wanted {size} bytes, got {len(data)}")
    return data


def encoded(value: object, arrays: list[np.ndarray[Any, Any]]) -> list[Any]:
    """The structure as JSON can say it; each of its arrays goes into the list once."""
    parts = 0
    places: dict[int, tuple[int, object]] = {}

    def enter(value: object, depth: int) -> Any:  # noqa: ANN401
        nonlocal parts
        parts += 1
        if value is None or isinstance(value, bool | int | float):
            large = isinstance(value, int) and abs(value) >= 2**63
            return ["opaque", "int", {}] if large else ["value", value]
        if isinstance(value, str):
            return ["value", value]
        if isinstance(value, np.ndarray | np.generic):
            array = np.asarray(value)
            if array.dtype.kind not in "biuf":
                return ["opaque", f"array of {array.dtype}", {}]
            if id(value) not in places:
                places[id(value)] = len(arrays), value  # which also keeps it alive
                arrays.append(array)
            return ["array", places[id(value)][0]]
        if isinstance(value, Slot):
            return ["slot", value.name, list(value.path)]
        if depth >= MOST_DEPTH or parts > MOST_PARTS:
            return ["opaque", type(value).__name__, {}]
        if is_table(value):
            arrays.append(np.array(value, dtype=np.float64))
            return ["array", len(arrays) - 1]
        if isinstance(value, Made):
            return ["made", value.kind, {k: enter(v, depth + 1) for k, v in value.fields.items()}]
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            value = value._asdict()
        if isinstance(value, list | tuple):
            kind = "list" if isinstance(value, list) else "tuple"
            return [kind, [enter(each, depth + 1) for each in value]]
        if isinstance(value, dict):
            keys = [key for key in value if isinstance(key, str | int)]
            return ["dict", [[key, enter(value[key], depth + 1)] for key in keys]]
        fields = value.fields if isinstance(value, Opaque) else getattr(value, "__dict__", {})
        kind = value.kind if isinstance(value, Opaque) else type(value).__name__
        known = fields.items() if isinstance(fields, dict) and not isinstance(value, type) else ()
        return ["opaque", kind, {str(k): enter(v, depth + 1) for k, v in known if k[:2] != "__"}]

    found: list[Any] = enter(value, 0)
    return found


def is_table(value: object) -> bool:
    """Whether this is a long list of numbers, or a list of such lists, all of one length."""
    if not isinstance(value, list) or not value:
        return False
    if isinstance(value[0], list):
        same = all(isinstance(each, list) and len(each) == len(value[0]) for each in value)
        return same and all(map(is_table, value))
    return len(value) >= LONG and all(isinstance(each, int | float) for each in value)


def decoded(tree: list[Any], arrays: list[np.ndarray[Any, Any]]) -> Any:  # noqa: ANN401
    """The value that a structure in JSON stands for."""
    match tree:
        case ["value", value]:
            return value
        case ["array", int(index)]:
            return arrays[index]
        case ["slot", str(name), list(path)]:
            return Slot(name, tuple(path))
        case ["made", str(kind), dict(fields)]:
            return Made(kind, {key: decoded(part, arrays) for key, part in fields.items()})
        case ["list", list(parts)]:
            return [decoded(part, arrays) for part in parts]
        case ["tuple", list(parts)]:
            return tuple(decoded(part, arrays) for part in parts)
        case ["dict", list(pairs)]:
            return {key: decoded(part, arrays) for key, part in pairs}
        case ["opaque", str(kind), dict(fields)]:
            return Opaque(kind, {key: decoded(part, arrays) for key, part in fields.items()})
    raise FrameError("not a frame: an unknown kind of value")
