"""Test images whose labels people doubt, from published work: doubted.json names it."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from chainrule.lab.api.networks import NamedNetwork

LIST = Path(__file__).with_name("doubted.json")


class Doubt(NamedTuple):
    """How five people judged a label: a guess was offered beside it."""

    label: int
    guess: int
    for_label: int
    for_guess: int
    for_neither: int


@cache
def doubts() -> dict[int, Doubt]:
    """The doubted images of the test set of MNIST, by number."""
    images = json.loads(LIST.read_text(encoding="utf-8"))["images"]
    return {number: Doubt(*judged) for number, *judged in images}


def doubts_of(named: NamedNetwork, numbers: Iterable[int]) -> list[dict[str, int] | None]:
    """For each of these test images of a network how its label was judged; None: nobody doubts."""
    known = doubts() if named.own_digits is None else {}
    found = [known.get(int(number)) for number in numbers]
    return [doubt and doubt._asdict() for doubt in found]
