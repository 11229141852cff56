"""A PyTorch `state_dict` in a safetensors file: weights and biases by name, and nothing else.

It says neither in which order the layers stand nor what lies between them. The order is found from
the shapes, and from numbers in the names where shapes leave a choice; between them ReLU is taken.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.bridges.layers import Found, Layer
from chainrule.files import DEEPEST, HEADER, NAMES, ModelError, open_regular, printable
from chainrule.model import LARGEST

DIMENSIONS = {"weight": 2, "bias": 1}


def read_state_dict(path: Path, order: Sequence[str] | None = None) -> Found:
    """The layers of a state_dict; `order` has their names, first to last, where it must be said.

    Raises ModelError for tensors that are no weights or biases of linear layers in float32 or
    float64, if no order fits or more than one does, and for a file that is not whole, or has more
    than 100,000,000 numbers; OSError if it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    with open_regular(path, follow=True) as file:
        length = int.from_bytes(file.read(8), "little")
    if length > HEADER:
        raise ModelError(f"not a safetensors file, or its header has more than {HEADER:,} bytes")
    try:
        with safe_open(path, framework="np") as file:
            if "chainrule" in (file.metadata() or {}):
                raise ModelError("it is a model of chainrule already: no need to open it")
            shapes = checked({name: file.get_slice(name) for name in file.keys()})  # noqa: SIM118
            layers = sizes_of(shapes)
            names = arranged(layers, order)
            arrays: list[Layer] = []
            for name in names:
                W = file.get_tensor(f"{name}.weight")
                has_bias = f"{name}.bias" in shapes
                b = file.get_tensor(f"{name}.bias") if has_bias else np.zeros(len(W), W.dtype)
                arrays.append((W, b))
    except SafetensorError as error:
        raise ModelError(f"not a whole safetensors file ({printable(error)})") from None
    said = ", ".join(
        f"{name or 'the layer'} {layers[name][0]} → {layers[name][1]}" for name in names
    )
    notes = ["a state_dict does not say what lies between layers: ReLU is taken, and softmax last"]
    return Found(arrays, f"a state_dict: {said}", tuple(notes))


def checked(parts: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor, of which nothing else has been read; ModelError for others."""
    if len(parts) > 2 * DEEPEST:
        raise ModelError(f"it may have {2 * DEEPEST:,} tensors, it has {len(parts):,}")
    shapes = {name: tuple(part.get_shape()) for name, part in sorted(parts.items())}
    for name, shape in shapes.items():
        if DIMENSIONS.get(name.rpartition(".")[2]) != len(shape):
            raise ModelError(
                f"{name!a:.60} of shape {shape} is no weight (units, inputs) or bias (units,) of a "
                f"linear layer; only chains of those are read"
            )
        if (dtype := parts[name].get_dtype()) not in NAMES:
            raise ModelError(f"{name!a:.60} must be float32 or float64, it is {dtype}")
    count = sum(prod(shape) for shape in shapes.values())
    if count > LARGEST:
        raise ModelError(f"a network may have {LARGEST:,} parameters, this one has {count:,}")
    return shapes


def sizes_of(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, int]]:
    """Inputs and units of each layer, by its name."""
    layers, biases = {}, set()
    for name, shape in shapes.items():
        layer, _, kind = name.rpartition(".")
        if kind == "weight":
            layers[layer] = (shape[1], shape[0])
        else:
            biases.add(layer)
    if alone := sorted(biases - set(layers)):
        raise ModelError(f"the bias of {alone[0]!a:.60} has no weights beside it")
    return layers


def arranged(layers: dict[str, tuple[int, int]], order: Sequence[str] | None) -> list[str]:
    """The names of the layers, first to last; ModelError where it must be said."""
    names = sorted(layers, key=numbered)
    if order is not None:
        if sorted(order) != sorted(names):
            raise ModelError(
                f"its layers are {', '.join(names)!a:.200}, got the order {', '.join(order)!a:.200}"
            )
        return list(order)
    same_words = len({re.sub(r"\d+", "", name) for name in names}) == 1
    if same_words and all(layers[a][1] == layers[b][0] for a, b in pairwise(names)):
        return names
    units = {layer[1] for layer in layers.values()}
    following = [name for name in names if layers[name][0] not in units]
    arranged, left = [], set(names)
    while len(following) == 1:
        arranged += following
        left -= set(following)
        following = [
            name for name in names if name in left and layers[name][0] == layers[arranged[-1]][1]
        ]
    if left:
        raise ModelError(
            f"the shapes of its layers do not say their order; say it, first to last: "
            f"{', '.join(names)!a:.200}"
        )
    return arranged


def numbered(name: str) -> list[tuple[int, str]]:
    """A key that sorts layers.10 after layers.9."""
    parts = re.split(r"(\d+)", name)
    return [(int(part[:18]), "") if part.isdecimal() else (-1, part) for part in parts]
