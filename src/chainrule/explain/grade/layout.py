"""How a file lays out its numbers: rows or columns, in lists or apart; there and back.

The numbers of one case are under the names of the equations: X, Y, labels, W1, b1, Z1, A1, dW1, …,
examples as columns, in float64.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.explain.grade.frames import Made, Opaque
from chainrule.explain.grade.names import meaning_of
from chainrule.network import Array, Network, backward, forward

Numbers = dict[str, Any]
Labels = Literal["one-hot", "flat", "row", "column"]
SIZES = (784, 10, 10)  # on which functions are judged
ALPHA = 0.5  # the learning rate of one step
RATES = {"beta": 0.9, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "decay": 0.1}  # of optimizers
CONTAINERS = ("pairs", "list", "dict", "dict of lists", "vector")


@dataclass(frozen=True)
class Form:
    """A way to lay out numbers. The first is that of the equations: examples are columns."""

    rows: bool = False
    inputs_first: bool = False  # W is (inputs, units)
    bias: Literal["column", "flat", "row"] = "column"
    single: bool = False  # one example at a time, as a vector
    container: str = "apart"  # how all parameters together are kept
    kind: str = ""  # the class of an object that keeps them
    ink: int = 1  # the largest pixel: 255 for a file that divides by it
    labels: Labels = "one-hot"
    bare: bool = False  # derivatives in a dict have the names of the parameters: W1, not dW1

    def in_words(self) -> str:
        """How examples and weights stand."""
        if self.single:
            return "one example at a time"
        weights = (
            ""
            if self.rows == self.inputs_first
            else (", W is (inputs, units)" if self.inputs_first else ", W is (units, inputs)")
        )
        return f"examples are {'rows' if self.rows else 'columns'}{weights}"

    def examples(self, A: Array) -> Array:
        return A[:, 0].copy() if self.single else A.T.copy() if self.rows else A.copy()

    def weight(self, W: Array) -> Array:
        return W.T.copy() if self.inputs_first else W.copy()

    def offset(self, b: Array) -> Array:
        return {"column": b, "flat": b[:, 0], "row": b.T}[self.bias].copy()

    def truth(self, numbers: Numbers, labels: Labels) -> Array:
        """The classes, one-hot or as labels."""
        flat = numbers["labels"]
        if labels == "one-hot":
            return self.examples(numbers["Y"])
        if self.single:
            return flat[0]
        return {"flat": flat, "row": flat[None, :], "column": flat[:, None]}[labels].copy()


FORMS = (
    Form(),
    Form(rows=True, inputs_first=True, bias="row"),
    Form(rows=True, inputs_first=True, bias="flat"),
    Form(rows=True, bias="flat"),
    Form(rows=True, bias="row"),
    Form(inputs_first=True),
    Form(bias="flat"),
    Form(rows=True, bias="column"),
)
ONE_IMAGE = (
    Form(single=True, bias="flat"),
    Form(single=True, inputs_first=True, bias="flat"),
    Form(),
)


def numbers_of(network: Network, X: Array, labels: NDArray[np.integer]) -> Numbers:
    """All numbers of one case by name, from the parameters to the derivatives, and the loss's."""
    Y = np.zeros((network.sizes[-1], len(labels)))
    Y[labels, np.arange(len(labels))] = 1
    trace = forward(network, X)
    found = backward(network, trace, Y)
    numbers: Numbers = {"X": X, "Y": Y, "labels": labels, "sizes": network.sizes}
    for l, (W, b) in enumerate(network.layers, 1):
        numbers |= {f"W{l}": W, f"b{l}": b, f"Z{l}": trace.Z[l], f"A{l}": trace.A[l]}
        numbers |= {f"d{kind}{l}": getattr(found, f"d{kind}")[l] for kind in "AZWb"}
    return numbers


def depth_of(numbers: Numbers) -> int:
    return len(numbers["sizes"]) - 1


class Asked(NamedTuple):
    """What one argument of a function is to be: its meaning, and texts it is indexed with."""

    meaning: str
    keys: tuple[str, ...] = ()


def given(form: Form, numbers: Numbers, asked: Asked) -> Any:  # noqa: ANN401
    """The value of an argument, as this form lays it out; KeyError where there is none."""
    name, keys = asked
    L, m = depth_of(numbers), numbers["X"].shape[1]
    match name:
        case "X":
            return form.ink * form.examples(numbers["X"])
        case "Y":
            return form.truth(numbers, form.labels)
        case "labels":
            return form.truth(numbers, "flat" if form.labels == "one-hot" else form.labels)
        case "probs" | "logits":
            return form.examples(numbers[f"{'A' if name == 'probs' else 'Z'}{L}"])
        case "alpha":
            return ALPHA
        case "m":
            return m
        case "batch":  # pairs of one image and its class
            return [
                tuple(given(form, one_of(numbers, at), Asked(each)) for each in "XY")
                for at in range(m)
            ]
        case "t":
            return numbers.get("t", 1)
        case "beta" | "beta1" | "beta2" | "epsilon" | "decay":
            return RATES[name]
        case "kept":
            return numbers["kept"][keys[0]](form)
        case "classes":
            return numbers["sizes"][-1]
        case "sizes":
            return list(numbers["sizes"])
        case "params" | "grads":
            return contained(form, numbers, "d" * (name == "grads"), keys)
        case "W" | "b" | "dW" | "db" | "Z" | "A":
            return [given(form, numbers, Asked(f"{name}{l}")) for l in range(1, L + 1)]
    array = numbers[name]
    kind = name.rstrip("0123456789")[-1]
    return {"W": form.weight, "b": form.offset}.get(kind, form.examples)(array)


def one_of(numbers: Numbers, at: int) -> Numbers:
    """The image and the class at one place of a case."""
    one = slice(at, at + 1)
    kept = {"X": numbers["X"][:, one], "Y": numbers["Y"][:, one], "labels": numbers["labels"][one]}
    return kept | {"sizes": numbers["sizes"]}


def contained(form: Form, numbers: Numbers, d: str, keys: Sequence[str]) -> Any:  # noqa: ANN401
    """All parameters, or with d="d" all derivatives, in the container of the form."""
    L = depth_of(numbers)
    W, b = ([given(form, numbers, Asked(f"{d}{k}{l}")) for l in range(1, L + 1)] for k in "Wb")
    pairs = list(zip(W, b, strict=True))
    match form.container:
        case "pairs":
            return pairs
        case "list":
            return [each for pair in pairs for each in pair]
        case "vector":
            return np.concatenate([each.ravel() for pair in pairs for each in pair])
        case "dict of lists":
            return {f"{d}W": [W for W, _ in pairs], f"{d}b": [b for _, b in pairs]}
    if form.container == "object":
        return Made(form.kind, dict_of(form, numbers, d, keys, pairs))
    return dict_of(form, numbers, d, keys, pairs)


def dict_of(
    form: Form, numbers: Numbers, d: str, keys: Sequence[str], pairs: list[tuple[Array, Array]]
) -> dict[str, Array]:
    """The same as a dict, under the keys by which a file takes them, if it says any."""
    L = len(pairs)
    meant = {key: meaning_of(key) or "" for key in keys}
    if not any(meant.values()) and len(keys) == 2 * L:  # W1, b1, … in the order in which they stand
        meant = dict(zip(keys, (f"{k}{l}" for l in range(1, L + 1) for k in "Wb"), strict=True))
    wanted = {f"{d}{k}{l}" for k in "Wb" for l in range(1, L + 1)}
    shift = 1 if any(meaning in ("W0", "b0", "dW0", "db0") for meaning in meant.values()) else 0
    found = {}
    for key, meaning in meant.items():
        name = shifted(meaning, shift)
        name = name if name.startswith("d") or not d else f"d{name}"
        if name in wanted:
            found[key] = given(form, numbers, Asked(name))
        elif name in (f"{d}W", f"{d}b"):
            found[key] = given(form, numbers, Asked(name))
            wanted = {each for each in wanted if each[: len(name)] != name}
    lists = sum(isinstance(each, list) for each in found.values())
    if len(found) - lists < len(wanted):
        before = "" if form.bare else d
        ordered = ((k, l) for l in range(1, L + 1) for k in "Wb")
        found = {f"{before}{k}{l}": pairs[l - 1]["Wb".index(k)] for k, l in ordered}
    return found


def shifted(name: str, by: int) -> str:
    """W0 as W1, where layers are counted from 0."""
    return f"{name[:-1]}{int(name[-1]) + by}" if by and name[-1:].isdigit() else name


# ------------------------------------------------------------------------------------------- back


class Leaf(NamedTuple):
    """An array within what a function gave, and the name that it has there."""

    path: tuple[str | int, ...]
    name: str | None
    array: Array


def leaves(value: object, names: object = None) -> Iterator[Leaf]:
    """The numbers within a value, with names: keys, attributes, and what `return` says."""

    def enter(value: object, names: object, path: tuple[str | int, ...]) -> Iterator[Leaf]:
        if isinstance(value, Opaque):
            value = value.fields
        if isinstance(value, np.ndarray | float | int) and not isinstance(value, bool):
            yield Leaf(path, names if isinstance(names, str) else None, np.asarray(value))
        elif isinstance(value, dict):
            for key, part in value.items():
                yield from enter(part, str(key), (*path, key))
        elif isinstance(value, list | tuple):
            same = isinstance(names, list) and len(names) == len(value)
            for place, part in enumerate(value):
                name = names[place] if same and isinstance(names, list) else None
                if isinstance(names, str):
                    name = f"{names}#{place}"
                yield from enter(part, name, (*path, place))

    yield from enter(value, names, ())


def leaf_meaning(leaf: Leaf, depth: int, many: int, d: str = "") -> str | None:
    """What a leaf holds, by its name: dW1; of a list named dW its place tells the layer.

    `many` is how many leaves that list has: where there is one more than layers, the first is
    number 0. With d="d", W1 among derivatives is dW1.
    """
    if leaf.name is None:
        return None
    name, _, place = leaf.name.partition("#")
    meaning = meaning_of(name)
    if place and not place.isdigit():
        return None
    if place and meaning in ("W", "b", "dW", "db", "Z", "A", "dZ", "dA", "cache"):
        kind = "A" if meaning == "cache" else meaning
        meaning = f"{kind}{int(place) + 1 - (many == depth + 1)}"
    elif place:
        return None
    if meaning == "probs":
        meaning = f"A{depth}"
    if d and meaning and meaning[0] in "Wb" and meaning[-1:].isdigit():
        meaning = f"d{meaning}"
    return meaning


def back(form: Form, name: str, array: Array, numbers: Numbers) -> Array | None:
    """An array of the file as the equations have it; None if its shape is another."""
    wanted = np.shape(numbers[name])
    array = np.asarray(array, dtype=np.float64)
    kind = name.rstrip("0123456789")[-1]
    if kind == "b":
        return array.reshape(wanted) if array.size == wanted[0] else None
    if form.single and kind != "W" and wanted == (array.size, 1):
        return array.reshape(wanted)
    turned = form.inputs_first if kind == "W" else form.rows
    array = array.T if turned else array
    return array if array.shape == wanted else None


def with_labels(form: Form, labels: Labels) -> Form:
    return replace(form, labels=labels)
