"""Numbers that a file keeps outside arguments: attributes of an object, and global names."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chainrule.explain.grade.attempt import Answer, Callee, Trouble
from chainrule.explain.grade.frames import Opaque
from chainrule.explain.grade.layout import (
    ALPHA,
    RATES,
    SIZES,
    Asked,
    Form,
    Leaf,
    Numbers,
    depth_of,
    given,
    leaves,
)
from chainrule.explain.grade.layout import leaf_meaning as meaning_of_leaf
from chainrule.explain.grade.names import Role, meaning_of, role_of
from chainrule.explain.grade.source import Source


def construct(attempt: Callee, source: Source, owner: str, numbers: Numbers) -> Answer:
    """An object of a class, in a slot of its own; from sizes where it wants them."""
    sizes = list(numbers["sizes"])
    init = source.functions.get(f"{owner}.__init__")
    wanted = init.params[: init.required] if init else ()
    rates = {name: value for name in wanted if (value := rate_of(name)) is not None}
    left = [name for name in wanted if name not in rates]
    tries = [dict(zip(left, sizes, strict=False))] if len(left) <= len(sizes) else []
    tries += [{left[0]: sizes}] if left else []
    answer = Answer(trouble=Trouble("Unread", f"what {owner}(…) wants cannot be found out"))
    for named in tries:
        answer = attempt.call(owner, named | rates, slot=slot_of(owner))
        if not answer.trouble:
            break
    return answer


def slot_of(owner: str) -> str:
    """The slot in which the object of a class stays."""
    return f"the {owner}"


def rate_of(name: str) -> float | None:
    """The value of a learning rate or of a rate of an optimizer, by its name."""
    meaning = meaning_of(name)
    return {"alpha": ALPHA}.get(meaning or "", RATES.get(meaning or ""))


def attributes(known: dict[str, Any], form: Form, numbers: Numbers) -> dict[str, Any]:
    """What an object's attributes are to be for a case: its parameters and rates."""
    values = {}
    for l, (path, layer) in enumerate(layers_in(known), 1):
        for name in layer.fields:
            kind = meaning_of(name)
            if kind in ("W", "b") and f"W{l}" in numbers:
                values[f"{path}.{name}"] = given(form, numbers, Asked(f"{kind}{l}"))
    within = {path.partition(".")[0] for path, _ in layers_in(known)}
    for name, value in known.items():
        if name in within:
            continue
        meaning = meaning_of(name) or ""
        keys = tuple(map(str, value)) if isinstance(value, dict) else ()
        plain = isinstance(value, int | float) and meaning not in ("epsilon", "decay")
        rate = rate_of(name) if plain else None
        if rate is not None:
            values[name] = rate
        elif (meaning in numbers and meaning[0] in "Wb") or meaning in ("W", "b"):
            values[name] = given(form, numbers, Asked(meaning))
        elif meaning == "params":
            laid = replace(form, container="dict") if keys else form
            values[name] = given(laid, numbers, Asked("params", keys))
    return values


def layers_in(known: dict[str, Any]) -> Iterator[tuple[str, Opaque]]:
    """The objects within an object that have weights, in their order, and where they are."""
    for name, value in known.items():
        parts = {name: value}
        if isinstance(value, list | tuple):
            parts = {f"{name}.{place}": each for place, each in enumerate(value)}
        elif isinstance(value, dict):
            parts = {f"{name}.{key}": each for key, each in value.items()}
        for path, each in parts.items():
            if isinstance(each, Opaque) and any(meaning_of(field) == "W" for field in each.fields):
                yield path, each


def with_layers(known: dict[str, Any]) -> dict[str, Any]:
    """Attributes, and those of the layers within, by the number of their layer: W1, dW1, b1, …"""
    numbered = {
        f"{kind}{l}": value
        for l, (_, layer) in enumerate(layers_in(known), 1)
        for name, value in layer.fields.items()
        if (kind := meaning_of(name)) in ("W", "b", "dW", "db")
    }
    return known | numbered


def is_result(leaf: Leaf, numbers: Numbers, role: Role) -> bool:
    """Whether an attribute of an object is what a function of this role computes."""
    meaning = meaning_of_leaf(leaf, depth_of(numbers), 0) or ""
    if role == "forward":
        return meaning[:1] in ("Z", "A")
    return meaning.startswith("d") if role == "backward" else meaning[:1] in ("W", "b")


def global_parameters(source: Source) -> dict[str, Asked]:
    """The global names by which functions read parameters, and what each is to be."""
    found = {}
    for function in source.functions.values():
        for name in function.free & source.made:
            meaning = meaning_of(name) or ""
            numbered = meaning[:1] in ("W", "b") and meaning[1:] in ("1", "2", "3")
            if numbered or meaning == "params":
                found[name] = Asked(meaning, function.keys.get(name, ()))
    return found


def global_rates(source: Source) -> dict[str, float]:
    """The learning rate and other rates that functions read as global names."""
    free = frozenset[str]().union(*(each.free for each in source.functions.values()))
    rates: Iterator[tuple[str, float | None]] = (
        (name, rate_of(name)) for name in sorted(free & source.made)
    )
    return {
        name: rate
        for name, rate in rates
        if rate is not None and meaning_of(name) not in ("epsilon", "decay")
    }


# ------------------------------------------------------------------------------------ sizes

HIDDEN = r"n?h(1|idden)?|(n|num)?hidden(size|units?|dims?|nodes|neurons|layersize|layer)?"
MOST_UNITS = 2_000


def sizes_of(attempt: Callee, source: Source) -> tuple[int, ...]:
    """The units of each layer that a file means: what it makes for itself, or names."""
    for function in source.functions.values():
        if role_of(function.name) == "init" and not function.owner and not function.required:
            found = chained(attempt.call(function.name).value)
            if found:
                return found
    for owner in dict.fromkeys(each.owner for each in source.functions.values() if each.owner):
        init = source.functions.get(f"{owner}.__init__")
        if init and not init.required:
            attempt.call(owner, slot=slot_of(owner))
            found = chained(attempt.get(slot_of(owner)).value)
            if found:
                return found
    names = [name for name in source.made if re.fullmatch(HIDDEN, name.lower().replace("_", ""))]
    known = attempt.look(names).value or {}
    hidden = [n for n in known.values() if isinstance(n, int) and 0 < n <= MOST_UNITS]
    return (SIZES[0], hidden[0], SIZES[-1]) if hidden else SIZES


def chained(value: object) -> tuple[int, ...] | None:
    """The sizes of layers whose weights are in a value: each begins where the one before ends."""
    shapes = [leaf.array.shape for leaf in leaves(value) if leaf.array.ndim == 2]
    shapes = [each for each in shapes if min(each) > 1 and max(each) <= MOST_UNITS]
    if not shapes or SIZES[0] not in shapes[0]:
        return None
    sizes = [SIZES[0]]
    for shape in shapes:
        if sizes[-1] not in shape:
            break
        sizes.append(shape[0] if shape[1] == sizes[-1] else shape[1])
    return tuple(sizes) if sizes[-1] == SIZES[-1] else None
