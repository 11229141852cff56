"""What a request may change in a network before it is asked about it."""

import re
from collections.abc import Iterable

import numpy as np

from chainrule.explain.surgery import AS_IT_IS, PARAMETER, UNIT, Changes
from chainrule.lab.api import limits
from chainrule.lab.api.checks import parse_fields, parse_list, parse_number, parse_text, quoted
from chainrule.lab.wire import RefusedError

LARGEST = float(np.finfo(np.float32).max)


def parse_changes(value: object) -> Changes:
    """{"off": ["A1[7]", …], "set": [["W2[3,7]", 0.25], …]}, in one order, rounded to float32.

    Whether the network has these units and parameters is for the network to say.
    """
    if value is None:
        return AS_IT_IS
    found = parse_fields(value, "changes", (), ("off", "set"))
    off = parse_list(found.get("off", []), "off", 0, limits.CHANGES)
    pairs = parse_list(found.get("set", []), "set", 0, limits.CHANGES)
    if len(off) + len(pairs) > limits.CHANGES:
        raise RefusedError(
            f"changes may be {limits.CHANGES}, not more, got {len(off) + len(pairs)}"
        )
    units = [parse_name(name, "A1[7]", UNIT) for name in off]
    values = [parse_pair(pair) for pair in pairs]
    check_once(units)
    check_once(name for name, _ in values)
    return Changes(tuple(sorted(values)), tuple(sorted(units)))


def parse_pair(value: object) -> tuple[str, float]:
    pair = parse_list(value, "one of set", 2, 2)
    name = parse_name(pair[0], "W2[3,7] or b1[4]", PARAMETER)
    return name, float(np.float32(parse_number(pair[1], name, -LARGEST, LARGEST)))


def parse_name(value: object, example: str, form: re.Pattern[str]) -> str:
    name = parse_text(value, "a name in changes")
    if not form.fullmatch(name):
        raise RefusedError(f"a change names {example}, got {quoted(name)}")
    return name


def check_once(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise RefusedError(f"{name} is changed twice; name it once")
        seen.add(name)
