"""The kinds of values that settings have: which fit, and how a run's id has them."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

from chainrule.data import CLASSES, PIXELS

WHOLE = r"(?:0|[1-9][0-9]{0,15})"
NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?"


class Kind(Protocol):
    """A kind of values."""

    @property
    def pattern(self) -> str:
        """What stands for a value in an id: a regular expression without groups."""
        ...

    def fits(self, value: Any) -> bool:  # noqa: ANN401
        """Whether it is a value of this kind."""
        ...

    def write(self, value: Any) -> str:  # noqa: ANN401
        """The value in an id."""
        ...

    def read(self, text: str) -> Any:  # noqa: ANN401
        """The value that this text means."""
        ...


@dataclass(frozen=True)
class Place:
    """A folder, as text. It is not part of an id."""

    pattern = ""

    def fits(self, value: object) -> bool:
        return isinstance(value, str)

    def write(self, value: str) -> str:
        return value

    def read(self, text: str) -> str:
        return text


@dataclass(frozen=True)
class Widths:
    """The units of the hidden layers; an id has those of all layers, inputs first."""

    pattern = rf"{PIXELS}(?:-{WHOLE}){{0,20}}-{CLASSES}"

    def fits(self, value: object) -> bool:
        return isinstance(value, tuple) and all(map(is_count, value))

    def write(self, value: tuple[int, ...]) -> str:
        return "-".join(map(str, (PIXELS, *value, CLASSES)))

    def read(self, text: str) -> tuple[int, ...]:
        return tuple(map(int, text.split("-")[1:-1]))


@dataclass(frozen=True)
class Choice:
    """One of these names."""

    names: tuple[str, ...]

    @property
    def pattern(self) -> str:
        return f"(?:{'|'.join(self.names)})"

    def fits(self, value: object) -> bool:
        return value in self.names

    def write(self, value: str) -> str:
        return value

    def read(self, text: str) -> str:
        return text


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    pattern = "(?:yes|no)"

    def fits(self, value: object) -> bool:
        return type(value) is bool

    def write(self, value: bool) -> str:
        return "yes" if value else "no"

    def read(self, text: str) -> bool:
        return text == "yes"


@dataclass(frozen=True)
class Number:
    """A number from `least` on, or only above it, and below `most`."""

    words: str  # what is wanted
    least: float = 0.0
    above: bool = False
    most: float = math.inf
    pattern = NUMBER

    def fits(self, value: object) -> bool:
        low = type(value) is float and (value > self.least if self.above else value >= self.least)
        return type(value) is float and low and value < self.most

    def write(self, value: float) -> str:
        return shortest(value)

    def read(self, text: str) -> float:
        return float(text)


@dataclass(frozen=True)
class Whole:
    """A whole number from `least` on, exact as a float too."""

    least: int
    pattern = WHOLE

    def fits(self, value: object) -> bool:
        return type(value) is int and self.least <= value < 2**53

    def write(self, value: int) -> str:
        return str(value)

    def read(self, text: str) -> int:
        return int(text)


def is_count(n: object) -> bool:
    """Whether it is a number of things: whole, positive, and exact as a float too."""
    return Whole(1).fits(n)


def shortest(number: float) -> str:
    """A number as short as it can be and still be the same number."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)
