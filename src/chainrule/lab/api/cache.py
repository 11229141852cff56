"""The values that were computed last, so that they need not be computed again."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """Values that were computed last; they go, the oldest first, when they have too many bytes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self.values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self.lock = threading.Lock()

    def find(self, key: Key) -> Value | None:
        with self.lock:
            return self.values[key][0] if key in self.values else None

    def get(self, key: Key, make: Callable[[], Value], size: int) -> Value:
        """The value of this key, made if it is not here; it counts as so many bytes."""
        with self.lock:
            if key in self.values:
                self.values.move_to_end(key)
                return self.values[key][0]
        value = make()
        with self.lock:
            if key not in self.values:
                self.values[key] = value, size
                self.bytes += size
            while self.bytes > self.most and len(self.values) > 1:
                _, (_, gone) = self.values.popitem(last=False)
                self.bytes -= gone
        return value
