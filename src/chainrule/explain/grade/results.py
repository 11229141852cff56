"""What a function gave, as the equations have it: each array in its place and turned back."""

from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from chainrule.explain.grade.attempt import Trouble
from chainrule.explain.grade.layout import (
    ALPHA,
    Asked,
    Form,
    Leaf,
    Numbers,
    back,
    depth_of,
    given,
    leaf_meaning,
    shifted,
)
from chainrule.network import Array

NEAR = 1e-3  # of the size of an array: it is that one, also in float32


@dataclass
class Found:
    """What a function gave on one case, as the equations have it."""

    arrays: Numbers = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of those that do not fit
    trouble: Trouble | None = None
    dtypes: frozenset[str] = frozenset()
    raw: Any = None  # of a step: what it gave, and its arguments as it left them

    @property
    def misshapen(self) -> tuple[str, ...]:
        """The arrays of a shape that cannot be meant: not one number for all cells either."""
        return tuple(name for name, shape in self.shapes.items() if prod(shape) != 1)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of shapes that do not fit."""
        return tuple(
            f"{name} has the shape {shape}; it should be that of {name[1:]}"
            for name, shape in self.shapes.items()
        )


def forward_arrays(form: Form, found: list[Leaf], numbers: Numbers) -> Found:
    """Z and A of each layer: those that are what they should be, then those of that name."""
    L, result = depth_of(numbers), Found(dtypes=dtypes(found))
    wanted = [f"{kind}{l}" for l in range(1, L + 1) for kind in "ZA"]
    left = []
    for leaf in found:
        fits = {name: back(form, name, leaf.array, numbers) for name in wanted}
        same = [
            name
            for name, array in fits.items()
            if array is not None and name not in result.arrays and near(array, numbers[name])
        ]
        if same:
            result.arrays[same[0]] = fits[same[0]]
        elif any(array is not None for array in fits.values()):
            left.append((leaf, fits))
    for leaf, fits in left:
        many = sum(each.path[:-1] == leaf.path[:-1] for each in found)
        name = leaf_meaning(leaf, L, many) or ""
        array = fits.get(name)
        if array is not None and name not in result.arrays:
            result.arrays[name] = array
    last = [fits[f"A{L}"] for _, fits in left if fits[f"A{L}"] is not None]
    if f"A{L}" not in result.arrays and last:
        result.arrays[f"A{L}"] = last[0] if len(found) == 1 else last[-1]
    result.arrays = {name: result.arrays[name] for name in wanted if name in result.arrays}
    return result


def walked(found: Found, numbers: Numbers) -> Found:
    """The gradient along which a step has gone: what it took away, over the learning rate."""
    arrays = {f"d{name}": (numbers[name] - new) / ALPHA for name, new in found.arrays.items()}
    return replace(found, arrays=arrays, shapes={f"d{k}": v for k, v in found.shapes.items()})


def assigned(form: Form, found: list[Leaf], numbers: Numbers, d: str) -> Found:
    """W and b of each layer, or their derivatives: by name, then by size, then in order."""
    L, result = depth_of(numbers), Found(dtypes=dtypes(found))
    if len(found) == 1 and form.container == "vector":
        found = parts_of(form, found[0], numbers, d)
    wanted = [f"{d}{kind}{l}" for l in range(1, L + 1) for kind in "Wb"]
    placed: dict[str, Array] = {}
    left: list[Array] = []
    others: list[Array] = []
    shift = int(any((leaf_meaning(each, L, 0, d) or "").endswith("0") for each in found))
    for leaf in found:
        many = sum(each.path[:-1] == leaf.path[:-1] for each in found)
        name = shifted(leaf_meaning(leaf, L, many, d) or "", shift)
        if name in wanted and name not in placed:
            placed[name] = leaf.array
        elif leaf_meaning(leaf, L, many, d) is None:
            left.append(leaf.array)
        else:
            others.append(leaf.array)  # dZ1, say, which of one image is db1 as well
    missing = [name for name in wanted if name not in placed]
    if len(left) < len(missing) == len(left) + len(others):
        left = [each.array for each in found if not any(each.array is a for a in placed.values())]
    if len(left) > len(missing):
        left = [each for each in left if each.size > 1]  # a loss beside them
    if len(left) >= len(missing) > 0:
        placed |= by_size(left, missing, numbers)
    for name in wanted:
        if name in placed:
            array = placed[name]
            if array.size == 1 and numbers[name].size > 1:
                result.shapes[name] = array.shape
                result.arrays[name] = np.full(numbers[name].shape, float(array.reshape(())))
                continue
            laid = back(form, name, array, numbers)
            if laid is None:
                result.shapes[name] = array.shape
            result.arrays[name] = np.full(numbers[name].shape, np.nan) if laid is None else laid
    return result


def parts_of(form: Form, whole: Leaf, numbers: Numbers, d: str) -> list[Leaf]:
    """The arrays of all layers, which stand one after another in a vector."""
    found, at = [], 0
    for l in range(1, depth_of(numbers) + 1):
        for kind in "Wb":
            like: Array = given(form, numbers, Asked(f"{kind}{l}"))
            part = whole.array.ravel()[at : at + like.size]
            if part.size == like.size:
                found.append(Leaf((l, kind), f"{d}{kind}{l}", part.reshape(like.shape)))
            at += like.size
    return found if at == whole.array.size else [whole]


def by_size(arrays: list[Array], missing: list[str], numbers: Numbers) -> dict[str, Array]:
    """Arrays without names: each weight by its size, the biases in the order of the weights."""
    placed: dict[str, Array] = {}
    weights = [name for name in missing if "W" in name]
    rest = []
    order = []
    for array in arrays:
        fits = [w for w in weights if w not in placed and numbers[w].size == array.size]
        if fits:
            placed[fits[0]] = array
            order.append(fits[0])
        else:
            rest.append(array)
    biases = [name.replace("W", "b") for name in order]
    biases = [each for each in biases if each in missing]
    others = [name for name in missing if name not in placed and name not in biases]
    placed |= dict(zip([*biases, *others], rest, strict=False))
    return placed


def near(a: Array, b: Array, most: float = NEAR) -> bool:
    """Whether two arrays are the same, in float32 too."""
    return bool(np.linalg.norm(a - b) <= most * np.linalg.norm(b))


def dtypes(found: list[Leaf]) -> frozenset[str]:
    return frozenset(str(each.array.dtype) for each in found)
