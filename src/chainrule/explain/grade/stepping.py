"""A function that takes steps, taken several times: with what it remembers from one to the next."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.explain.check import arrays as cells_of_arrays
from chainrule.explain.grade.arguments import Reading
from chainrule.explain.grade.attempt import Trouble
from chainrule.explain.grade.frames import Slot
from chainrule.explain.grade.judge import Case, make_case, score_gradient
from chainrule.explain.grade.layout import ALPHA, RATES, Asked, Form, Numbers, contained, given
from chainrule.explain.grade.names import Role, kept_like, meaning_of
from chainrule.explain.grade.reading import Reader
from chainrule.explain.grade.results import Found
from chainrule.explain.grade.rules import Walk
from chainrule.explain.grade.source import Function
from chainrule.network import Array, Loss

STEPS = 4  # momentum and Adam are told apart by the second one already
SIMILAR = 0.4  # cosine of a step and its gradient from which one belongs to the other
Kept = Callable[[Form], Any]
SPEAKS_OF_MEMORY = ("momentum", "velocity", "adam", "nesterov")


@dataclass
class Stepper:
    """One function of a file that takes steps, on the way to its walk."""

    reader: Reader
    case: Case
    function: Function
    role: Role = "update"

    def read(self) -> tuple[Reading | None, Found]:
        """How it is called, with what to remember at the beginning where it wants that."""
        numbers, first = self.case.numbers(), None
        for kept in self.beginnings(numbers):
            self.reader.numbers = numbers | {"kept": kept}
            self.forget()
            reading, found = self.reader.read(self.function, self.role, self.score)
            first = first or found
            if reading is not None:
                return reading, found
        return None, first or Found()

    def score(self, found: Found) -> float:
        """A step is the better read, the more of its arrays go along their own gradients."""
        if self.role == "train_step":
            return score_gradient(self.case)(found)
        numbers = self.reader.numbers
        return sum(
            1.0 if cosine(numbers[name] - array, numbers[f"d{name}"]) > SIMILAR else 0.05
            for name, array in found.arrays.items()
        )

    # ------------------------------------------------------------------------------- memory

    def beginnings(self, numbers: Numbers) -> Iterator[dict[str, Kept]]:
        """What the function may remember before its first step, the likely ones first."""
        kept = self.memories()
        if not kept or kept == ["momentum"]:
            yield {}
        if kept:
            yield from self.made_by_file(kept, numbers)
            for keys in self.ways_to_name(kept):
                yield {name: zeros_like(name, keys, numbers) for name in kept}
            yield dict.fromkeys(kept, fixed({}))
            yield dict.fromkeys(kept, fixed(None))

    def memories(self) -> list[str]:
        """The arguments that hold what is remembered."""
        named = [each for each in self.function.params if kept_like(each) is not None]
        named = [each for each in named if each != "m" or len(named) > 1]
        named = [each for each in named if each != "momentum" or len(named) == 1]
        gradients = [each for each in self.function.params if meaning_of(each) == "grads"]
        named += [each for each in gradients if each.lower() == "g" and len(gradients) > 1]
        if named:
            return named
        known = {meaning_of(each) for each in self.function.params}
        unknown = [each for each in self.function.params if meaning_of(each) is None]
        return unknown if {"params", "grads"} <= known else []

    def ways_to_name(self, kept: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """A d before names or none, and the texts by which the function takes the parts."""
        for name in kept:
            keys = self.function.keys.get(name, ())
            if keys:
                derived = all((meaning_of(key) or "d")[0] == "d" for key in keys)
                yield "d" * derived, keys
        yield "", ()
        yield "d", ()

    def made_by_file(self, kept: list[str], numbers: Numbers) -> Iterator[dict[str, Kept]]:
        """What the file's own function makes, such as initialize_velocity(parameters)."""
        form = self.reader.forward.form if self.reader.forward else Form()
        for maker in self.reader.functions("init"):
            wants = maker.params[: maker.required]
            if maker.owner or [meaning_of(each) for each in wants] != ["params"]:
                continue
            keys = self.reader.keys_like("params")
            laid = replace(form, container="dict") if form.container == "apart" else form
            named = {wants[0]: given(laid, numbers, Asked("params", keys))}
            value = self.reader.attempt.call(maker.name, named).value
            parts = value if isinstance(value, tuple) else (value,)
            if len(parts) == len(kept):
                yield {k: fixed(part) for k, part in zip(kept, parts, strict=True)}

    def forget(self) -> None:
        """Begin again: what the file keeps in objects and global names is as after loading it."""
        reader = self.reader
        reader.made.discard(self.function.owner)
        known = {*reader.source.counts, *reader.globals, *reader.rates}
        if self.function.free & reader.source.made - known:
            reader.attempt.reload()

    # --------------------------------------------------------------------------------- walk

    def walk(self, reading: Reading, loss: Loss = "squared_error") -> Walk | Trouble:
        """Several steps, each from the parameters that the one before led to.

        A whole step of training is compared with the right gradients of a loss.
        """
        self.forget()
        kept = dict(self.reader.numbers["kept"])
        names = [name.removeprefix("d") for name in reading.gives]
        network, gradients = self.case.network, []
        thetas = [flat(names, self.case.numbers())]
        for t in range(1, STEPS + 1):
            X = self.case.X if t == 1 else make_case(network.sizes, self.case.m, 10 + t).X
            numbers = replace(self.case, network=network, X=X).numbers(loss)
            numbers |= {"kept": kept, "t": t}
            numbers |= self.handed_over(reading, numbers)
            found = self.reader.run(reading, numbers)
            if found.trouble:
                return found.trouble
            if not set(reading.gives) <= set(found.arrays) or found.shapes:
                return Trouble("Unread", f"it gives other arrays in step {t} than in the first one")
            kept |= self.remembered(found.raw[0], kept)
            after = {
                name: numbers[name] - ALPHA * found.arrays[given]
                if self.role == "train_step"
                else found.arrays[given]
                for name, given in zip(names, reading.gives, strict=True)
            }
            every = [name for name, _, _ in cells_of_arrays(network)]
            network = replace(network, parameters=flat(every, numbers | after))
            gradients.append(flat([f"d{name}" for name in names], numbers))
            thetas.append(flat(names, after))
        rates = {getattr(each, "meaning", "") for each in reading.binding.values()}
        rate = ALPHA if "alpha" in rates or self.says_rate() else None
        return Walk(thetas, gradients, places(self.case, names), rate, self.remembers())

    def handed_over(self, reading: Reading, numbers: Numbers) -> Numbers:
        """The gradients of one step: any numbers, or those of the file's own backward pass."""
        if self.role == "train_step":
            return {}
        if uses_backward(self.reader, reading):
            own = self.reader.backward
            return self.reader.run(own, numbers).arrays if own else {}
        rng = np.random.default_rng(numbers["t"])
        return {f"d{k}": rng.standard_normal(numbers[k].shape) for k in reading.gives}

    def says_rate(self) -> bool:
        """Whether the learning rate is in a global name or in an attribute."""
        if self.function.owner:
            fields = self.reader.attributes_of(self.function.owner)
            return any(meaning_of(name) == "alpha" for name in fields)
        names = self.function.free & set(self.reader.rates)
        return any(meaning_of(name) == "alpha" for name in names)

    def remembers(self) -> bool:
        """Whether it is handed a memory, or speaks of one: in its name, its rates, its object."""
        asked = {meaning_of(each) for each in self.function.params}
        held = self.reader.attributes_of(self.function.owner) if self.function.owner else {}
        names = {*held, *(self.function.free & self.reader.source.made)}
        return (
            bool(self.memories() or asked & {"beta", "beta1"})
            or any(each in self.function.name.lower() for each in SPEAKS_OF_MEMORY)
            or any(kept_like(name) or name.lower() in SPEAKS_OF_MEMORY for name in names)
        )

    def remembered(self, value: object, kept: dict[str, Kept]) -> dict[str, Kept]:
        """What it remembers after a step: returned under its name or in order, or left in place."""
        names = self.function.returned
        found = {name: Slot("after", (1, name)) for name in kept}
        if isinstance(names, list) and isinstance(value, list | tuple) and len(names) == len(value):
            by_name = {name: at for at, name in enumerate(names) if isinstance(name, str)}
            rest = [at for at, name in enumerate(names) if not self.reader.is_parameter(name)]
            if set(kept) <= set(by_name):
                found = {name: Slot("after", (0, by_name[name])) for name in kept}
            elif len(rest) == len(kept):
                found = {k: Slot("after", (0, at)) for k, at in zip(kept, rest, strict=True)}
        return {name: fixed(slot) for name, slot in found.items()}


def fixed(value: object) -> Kept:
    """What is remembered, in every form."""
    return lambda form: value


def uses_backward(reader: Reader, reading: Reading) -> bool:
    """Whether the gradient is that of the file's own backward pass, and not handed over."""
    asked = {getattr(each, "meaning", "") for each in reading.binding.values()} - set(RATES)
    return reader.backward is not None and not any(each[:1] == "d" for each in asked)


def zeros_like(name: str, way: tuple[str, tuple[str, ...]], numbers: Numbers) -> Kept:
    """Zeros like one array, or like all of them."""
    kind = kept_like(name)
    zeros = numbers | {k: 0 * v for k, v in numbers.items() if k.lstrip("d")[:1] in ("W", "b")}
    d, keys = way

    def laid(form: Form) -> Any:  # noqa: ANN401
        if kind:
            return given(form, zeros, Asked(kind))
        kept = replace(form, container="dict") if form.container == "apart" else form
        return contained(kept, zeros, d, keys)

    return laid


def flat(names: Sequence[str], arrays: Numbers) -> Array:
    return np.concatenate([np.ravel(arrays[name]) for name in names])


def places(case: Case, names: Sequence[str]) -> dict[str, slice]:
    """Where each array stands in a vector of these."""
    sizes = {name: shape[0] * shape[1] for name, _, shape in cells_of_arrays(case.network)}
    ends = np.cumsum([sizes[name] for name in names]).tolist()
    return {name: slice(end - sizes[name], end) for name, end in zip(names, ends, strict=True)}


def cosine(a: Array, b: Array) -> float:
    """How far two arrays point the same way or the opposite one, from 0 to 1."""
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return abs(float((a * b).sum())) / size if np.isfinite(size) and size else 0.0
