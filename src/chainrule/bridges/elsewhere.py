"""Work that is done on other machines: how it travels, and what is done with it there.

Parameters and numbers of stacks travel, pixels do not. Digits that were loaded travel by name, and
whoever receives them loads them and compares their checksum. Other examples, and digits that are
not found there, are taken from a store, once.
"""

from __future__ import annotations

import inspect
import io
import pickle
import platform
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from chainrule import __version__
from chainrule.data import DataError, Digits, Examples, Origin, found
from chainrule.engine.blas import machine
from chainrule.engine.tiles import Work
from chainrule.files import checksum_of

KEPT = 4  # sets of examples from a store that a worker keeps: `found` keeps as many


class WorkerError(ConnectionError):
    """Workers elsewhere cannot do their part; the message is one line."""


class Named(NamedTuple):
    """Digits that lie somewhere, and the SHA-256 that they have."""

    origin: Origin
    sha256: str


class NotHere(NamedTuple):
    """What a worker answers that does not find these digits as they are elsewhere."""

    origin: Origin


class Raised(NamedTuple):
    """What a worker answers instead of a result."""

    error: Exception


class Message(NamedTuple):
    """What several tasks have in common, and what a worker must be like to do them."""

    number: str  # no other message has it
    like: dict[str, str]
    content: Any  # the pickled bytes, or what stands for them
    stored: list[Any]  # what stands for the examples in a store


# ------------------------------------------------------------------------------------ on the way


class Packer(pickle.Pickler):
    """Pickles anything but examples. `stored` gives what stands for them; None: their name does."""

    def __init__(self, file: io.BytesIO, stored: Callable[[Examples], Any | None]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.put = stored
        self.stored: list[Any] = []

    def persistent_id(self, thing: Any) -> Named | int | None:  # noqa: ANN401
        if isinstance(thing, np.ndarray | type) or not isinstance(thing, Examples):
            return None
        standing = self.put(thing)
        if standing is None:
            assert isinstance(thing, Digits)
            assert thing.origin
            return Named(thing.origin, checksum_of_digits(thing))
        self.stored.append(standing)
        return len(self.stored) - 1


class Unpacker(pickle.Unpickler):
    """Reads what was packed; `fetched` gives the examples that something in a store stands for."""

    def __init__(self, content: Any, stored: list[Any], fetched: Callable[[Any], Any]) -> None:  # noqa: ANN401
        super().__init__(io.BytesIO(content))
        self.stored = stored
        self.fetched = fetched

    def persistent_load(self, standing: Named | int) -> Examples:
        if isinstance(standing, Named):
            return digits_named(standing)
        return self.fetched(self.stored[standing])


def likeness(owner: object) -> dict[str, str]:
    """What a worker must have too, so that its bits are those computed here."""
    if isinstance(owner, Work):  # of NumPy: its sums depend on the processor
        like = {name: value for name, value in machine().items() if name != "python"}
    else:
        like = {"numpy": np.__version__}
    return {"chainrule": __version__, **like}


def owner_of(call: Callable[..., Any]) -> tuple[Any, str]:
    """What is packed for many calls, and the method of it that is called; "": it is called."""
    return (call.__self__, call.__name__) if inspect.ismethod(call) else (call, "")


def pixels_of(examples: Examples) -> Examples:
    """The same examples; digits that know where they lie are pickled with their pixels."""
    if isinstance(examples, Digits) and examples.origin:
        examples.check_file()
        return Digits(examples.images, examples.labels, None, examples.names)
    return examples


def checksum_of_digits(digits: Digits) -> str:
    """The SHA-256 of the images, then the labels; kept as long as the digits are."""
    if (known := sums.get(digits)) is None:
        digits.check_file()
        known = sums[digits] = checksum_of(digits.images, digits.labels)
    return known


sums: WeakKeyDictionary[Digits, str] = WeakKeyDictionary()

# ----------------------------------------------------------------------------------- at the worker


class NotFoundError(Exception):
    """These digits are not here, or others lie in their place."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin


def digits_named(named: Named) -> Digits:
    """The digits that lie there; NotFoundError unless they are the same as elsewhere."""
    try:
        digits = found(named.origin)
        if checksum_of_digits(digits) == named.sha256:
            return digits
    except (DataError, OSError):
        pass
    raise NotFoundError(named.origin)


def compute(
    message: Message,
    fetch: Callable[[Any], Any],
    method: str,
    arguments: tuple[Any, ...],
) -> Any:  # noqa: ANN401, whatever the call gives
    """One task: what the call gives, or NotHere, or Raised.

    `fetch` gets what something in the store stands for.
    """
    try:
        check_like(message.like)
        owner = unpacked(message, fetch)
        return (getattr(owner, method) if method else owner)(*arguments)
    except NotFoundError as error:
        return NotHere(error.origin)
    except ImportError as error:
        return Raised(WorkerError(f"the worker on {host()} lacks what it needs: {error}"))
    except Exception as error:
        return Raised(error)


def unpacked(message: Message, fetch: Callable[[Any], Any]) -> Any:  # noqa: ANN401
    """What was packed; the last is kept for the next task."""
    if message.number not in last:
        last.clear()
        content = fetch(message.content)

        def fetched(standing: Any) -> Any:  # noqa: ANN401
            if standing not in kept:
                kept[standing] = fetch(standing)
                while len(kept) > KEPT:
                    kept.popitem(last=False)
            kept.move_to_end(standing)
            return kept[standing]

        last[message.number] = Unpacker(content, message.stored, fetched).load()
    return last[message.number]


last: dict[str, Any] = {}
kept: OrderedDict[Any, Any] = OrderedDict()


def check_like(wanted: dict[str, str]) -> None:
    """WorkerError unless what is computed here has the bits that are wanted."""
    here = {"chainrule": __version__, **machine()}
    differ = [name for name in wanted if wanted[name] != here[name]]
    if not differ:
        return
    which = ", ".join(f"{name} is {here[name]}, there {wanted[name]}" for name in differ)
    advice = "use the same on all"
    if set(differ) <= {"processor", "blas", "kernel"}:
        advice = "--engine compiled gives the same bits on all processors"
    raise WorkerError(f"the worker on {host()} would compute other bits: {which}; {advice}")


@cache
def host() -> str:
    return platform.node() or "another machine"
