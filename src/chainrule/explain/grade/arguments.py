"""What each argument of a function may be: by its name first, then every order of what is left."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, permutations, product
from typing import Any

import numpy as np

from chainrule.explain.grade.attempt import Callee, Trouble
from chainrule.explain.grade.frames import Opaque, Slot
from chainrule.explain.grade.layout import (
    CONTAINERS,
    FORMS,
    ONE_IMAGE,
    RATES,
    Asked,
    Form,
    Labels,
    Numbers,
    depth_of,
    given,
    shifted,
)
from chainrule.explain.grade.names import COUNTS, Role, meaning_of, of_training, role_of, squeezed
from chainrule.explain.grade.objects import global_parameters, global_rates
from chainrule.explain.grade.source import Function, Names, Source

MOST_KEYS = 4  # an argument of which so many texts are taken holds all parameters
MOST_TRIALS = 720  # orders of arguments whose names say nothing
POOLS: dict[str, tuple[str, ...]] = {
    "forward": ("W1", "b1", "W2", "b2", "X"),
    "loss": ("probs", "Y", "W1", "b1", "W2", "b2", "X"),
    "backward": ("X", "Y", "W1", "b1", "W2", "b2", "Z1", "A1", "Z2", "probs"),
    "update": ("W1", "b1", "W2", "b2", "dW1", "db1", "dW2", "db2", "alpha"),
    "train_step": ("W1", "b1", "W2", "b2", "X", "Y", "alpha"),
}
WHOLE = {
    *(
        "X",
        "Y",
        "labels",
        "batch",
        "probs",
        "alpha",
        "m",
        "decay",
        "classes",
        "params",
        "grads",
        "sizes",
    ),
    *("W", "b", "dW", "db", "Z", "A"),  # lists of all layers
}
Binding = dict[str, Asked | Slot]


@dataclass(frozen=True)
class Reading:
    """How a function was read: what each argument is, and where in its value each array stands."""

    function: Function
    role: Role
    form: Form
    binding: Binding
    gives: tuple[str, ...] = ()

    def in_words(self) -> str:
        """In one line, for the person who wrote it."""
        named = ", ".join(self.function.params)
        said = [] if self.role == "loss" else [self.form.in_words()]
        for parameter, asked in self.binding.items():
            if isinstance(asked, Asked) and asked.meaning in ("Y", "labels"):
                what = "one-hot" if self.truth == "one-hot" else "labels"
                said.append(f"{parameter} is {what}")
            elif isinstance(asked, Asked) and asked.meaning != (meaning_of(parameter) or ""):
                said.append(f"{parameter} is {asked.meaning}")
        said += [f"gives {' '.join(self.gives)}"] if self.gives else []
        return f"{self.function.name}({named}): {', '.join(said)}"

    @property
    def truth(self) -> Labels:
        asked = {each.meaning for each in self.binding.values() if isinstance(each, Asked)}
        return "flat" if "labels" in asked and self.form.labels == "one-hot" else self.form.labels


@dataclass
class Arguments:
    """What is known of a file so far, and so what its functions may want."""

    source: Source
    attempt: Callee
    numbers: Numbers
    single: bool = False  # one image at a time
    forward: Reading | None = None
    backward: Reading | None = None
    forward_right: bool = True
    made: set[str] = field(default_factory=set)  # the classes of which there is an object
    meant: dict[str, str] = field(default_factory=dict)  # names of arguments found out by trial

    def __post_init__(self) -> None:
        self.globals = global_parameters(self.source)
        self.rates = global_rates(self.source)

    def functions(self, role: Role) -> list[Function]:
        """The functions of this role, those outside classes first."""
        found = [
            each
            for each in self.source.functions.values()
            if self.role(each) == role and not any(map(of_training, each.params))
        ]
        return sorted(found, key=lambda each: bool(each.owner))

    def role(self, function: Function) -> Role | None:
        """What a function computes, by its name; a step without images is an update."""
        role = role_of(function.name)
        meanings = {self.meaning(each) for each in function.params}
        if role == "train_step" and not meanings & {"X", "Y", "labels", "batch", None}:
            return "update"
        return role

    def learn(self, binding: Binding) -> None:
        """Other functions may use the same names for the same things."""
        for name, asked in binding.items():
            if isinstance(asked, Asked) and meaning_of(name) is None:
                self.meant.setdefault(name, asked.meaning)

    def meaning(self, parameter: str) -> str | None:
        """What an argument of this name is, by itself or in another function of the file."""
        known = meaning_of(parameter) or self.meant.get(parameter)
        if known is None:
            functions = self.source.functions.values()
            keyed = any(len(each.keys.get(parameter, ())) >= MOST_KEYS for each in functions)
            return "params" if keyed else None
        return known

    def is_parameter(self, name: object) -> bool:
        """Whether this is a name of one parameter or of all."""
        meaning = (self.meaning(name) if isinstance(name, str) else None) or ""
        return meaning == "params" or (meaning[:1] in ("W", "b") and meaning not in RATES)

    def unreadable(self, function: Function, role: Role) -> Trouble:
        """What to say of a function that could not be called, or gave nothing that was wanted."""
        unknown = self.unknown(function, role)
        if unknown:
            return Trouble(
                "Unread",
                f"what {', '.join(unknown)} of {function.name} is cannot be found out; wanted "
                f"names such as {', '.join(POOLS.get(role, ('Z',)))}",
            )
        gives = {"forward": "the last A, or Z1 A1 Z2 A2", "backward": "dW1 db1 dW2 db2"}
        wanted = gives.get(role, "arrays of numbers")
        return Trouble("Unread", f"{function.name} gives nothing that can be read; wanted {wanted}")

    def trials(self, function: Function, role: Role) -> Iterator[tuple[Form, list[Binding]]]:
        """Layouts, the likely ones first, and for each the ways to fill the arguments."""
        if self.forward is None:
            forms: Sequence[Form] = ONE_IMAGE if self.single else FORMS
            if function.scales:
                forms = [*forms, *(replace(form, ink=255) for form in forms)]
        else:
            forms = [self.forward.form]
            if self.single and role != "update":
                # Columns of one, or images one by one from a batch.
                others = [*ONE_IMAGE, *(form for form in FORMS if form.rows)]
                forms += [form for form in others if form != self.forward.form]
        meanings = {each: self.meaning(each) for each in function.params}
        holds = [each for each in function.params if meanings[each] in ("params", "grads")]
        containers: Sequence[str] = ("apart",)
        kind = self.kind_like("params")
        if holds and self.forward and self.forward.form.container != "apart":
            containers = (self.forward.form.container,)
        elif holds:
            keyed = any(self.keys_like(meanings[each]) for each in holds)
            if next(self.fields_like("params"), None):
                containers = ("object",)
            else:
                containers = ("dict",) if keyed else CONTAINERS
        bare = (False, True) if role == "update" and "dict" in containers else (False,)
        for form, container, without_d in product(forms, containers, bare):
            for labels in self.kinds_of_labels(function, role):
                laid = replace(form, container=container, labels=labels, bare=without_d, kind=kind)
                bindings = list(islice(self.bindings(function, role), MOST_TRIALS))
                if bindings:
                    yield laid, bindings

    def kinds_of_labels(self, function: Function, role: Role) -> Sequence[Labels]:
        """In which ways the classes may be wanted, the likely one first."""
        if role == "update":
            return ("one-hot",)
        meanings = {self.meaning(each) for each in function.params}
        unknown = "Y" in POOLS.get(role, ()) and bool(self.unknown(function, role))
        if not unknown and not meanings & {"Y", "labels"}:
            return ("one-hot",)
        if function.indexing or "labels" in meanings:
            return ("flat", "one-hot", "row", "column")
        return ("one-hot", "flat", "row", "column")

    def unknown(self, function: Function, role: Role) -> list[str]:
        """The arguments whose names say nothing, or nothing that this function can want."""
        found, seen = list[str](), set[Asked]()
        for place, each in enumerate(function.params):
            value = self.by_name(function, each, role)
            what = (
                Asked(value.meaning, value.keys * (value.meaning == "kept"))
                if isinstance(value, Asked)
                else None
            )
            twice = what in seen
            if twice and role == "loss" and what is not None and what.meaning == "Y":
                found += [p for p in function.params if meaning_of(p) == "Y" and p != each]
            if (value is None or twice) and place < function.required:
                found.append(each)
            elif what is not None:
                seen.add(what)
        return found

    def bindings(self, function: Function, role: Role) -> Iterator[Binding]:
        """The arguments by their names; for those that say nothing every order of what is left."""
        unknown = self.unknown(function, role)
        known: Binding = {}
        for each in function.params:
            value = self.by_name(function, each, role)
            if value is not None and each not in unknown:
                known[each] = value
        taken = {each.meaning for each in known.values() if isinstance(each, Asked)}
        pool = [each for each in POOLS.get(role, ()) if each not in taken]
        if role == "backward" and "labels" in taken:
            pool = [each for each in pool if each != "Y"]
        for order in permutations(pool, len(unknown)):
            every = known | dict(zip(unknown, map(Asked, order), strict=True))
            yield {each: every[each] for each in function.params if each in every}

    def by_name(self, function: Function, parameter: str, role: Role) -> Asked | Slot | None:
        """What an argument of this name is."""
        if role in ("update", "train_step"):
            known = self.of_update(function, parameter)
            if known is not None:
                return known
            kind = (meaning_of(parameter) or "?").lstrip("d")[:1]
            if role == "update" and kind in tuple("ZAXY"):
                return None
            kind = (meaning_of(parameter) or "?")[0]
            if kind in "Wb" and function.params.index(parameter) >= function.required:
                return None  # b1=0.9 is no bias
        meaning = self.meaning(parameter)
        keys = tuple(dict.fromkeys((*self.keys_like(meaning), *function.keys.get(parameter, ()))))
        if self.forward is not None and role in ("backward", "loss", "train_step"):
            path = path_of(self.forward.function.returned, parameter)
            plain = meaning in self.numbers or meaning == "probs"
            ours = meaning is not None and meaning[0] in "WbXYl"
            if path is not None and not ours and not (plain and not self.forward_right):
                return Slot("forward", path)
        if meaning in ("Z", "A") and role == "backward" and self.forward is not None:
            path = self.list_path(meaning)
            return Asked(meaning) if path is None else Slot("forward", path)
        if meaning == "grads" and role == "update" and self.backward is not None:
            return Slot("backward")
        if meaning == "cache" and role in ("backward", "loss") and self.forward is not None:
            return Slot("forward", self.cache_path())
        meaning = meaning and shifted(meaning, self.shift(function))
        if role == "backward" and meaning == "dZ":
            meaning = f"dZ{depth_of(self.numbers)}"  # dlogits, say
        if meaning == "alpha" and parameter.lower() == "a":
            meaning = f"A{depth_of(self.numbers)}" if role != "update" else "alpha"
        if role == "forward" and meaning and meaning.lstrip("d")[0] not in "WbXYlpms":
            return None  # the a or h that a network is handed is X
        if meaning in WHOLE or meaning in self.numbers:
            return Asked(meaning, keys)
        return None

    def of_update(self, function: Function, parameter: str) -> Asked | None:
        """What an update is handed beside parameters, gradients and the learning rate."""
        meaning = meaning_of(parameter)
        others = [each for each in function.params if each != parameter]
        if meaning in RATES and not function.keys.get(parameter) and not self.holds(parameter):
            optional = function.params.index(parameter) >= function.required
            return None if optional and meaning in ("epsilon", "decay") else Asked(meaning)
        targets = {meaning_of(each) for each in others} & {"Y", "labels", "grads"}
        if re.fullmatch(COUNTS, squeezed(parameter)) and (targets or meaning != "Y"):
            counted = meaning != "alpha" or any(meaning_of(each) == "alpha" for each in others)
            return Asked("t") if counted else None
        return Asked("kept", (parameter,)) if self.holds(parameter) else None

    def holds(self, parameter: str) -> bool:
        """Whether this case has a memory for an argument of an update."""
        return parameter in self.numbers.get("kept", {})

    def keys_like(self, meaning: str | None) -> tuple[str, ...]:
        """The texts by which any function of the file takes parts of such an argument."""
        if meaning not in ("params", "grads"):
            return ()
        every = self.source.functions.values()
        found = (
            keys
            for each in every
            for name, keys in each.keys.items()
            if keys and self.meaning(name) == meaning
        )
        return max(found, key=len, default=()) or next(self.fields_like(meaning), ())

    def fields_like(self, meaning: str | None) -> Iterator[tuple[str, ...]]:
        """The names by which functions of the file take parts of such an object."""
        for each in self.source.functions.values():
            for name, fields in each.fields.items():
                if fields and meaning_of(name) == meaning:
                    yield fields

    def kind_like(self, meaning: str) -> str:
        """The class of an object that holds all parameters; "" for any."""
        every = [pair for each in self.source.functions.values() for pair in each.kinds.items()]
        return next((kind for name, kind in every if meaning_of(name) == meaning), "")

    def shift(self, function: Function) -> int:
        """1 if the file counts layers from 0."""
        return int(any(meaning_of(each) in ("W0", "b0") for each in function.params))

    def list_path(self, kind: str) -> tuple[str | int, ...] | None:
        """Where in what forward gave the list of all Z, or of all A, is: X may be its first."""
        last = self.numbers[f"{kind}{depth_of(self.numbers)}"]
        value = self.attempt.get("forward").value
        for place, each in enumerate(value if isinstance(value, list | tuple) else ()):
            if isinstance(each, list | tuple) and each and isinstance(each[-1], np.ndarray):
                found = each[-1].T if self.forward and self.forward.form.rows else each[-1]
                if found.shape == last.shape and np.allclose(found, last, rtol=1e-3):
                    return (place,)
        return None

    def cache_path(self) -> tuple[str | int, ...]:
        """Where in what forward gave its cache is: a container beside the result, or all of it."""
        value = self.attempt.get("forward").value
        if isinstance(value, list | tuple) and len(value) <= 3:
            for place in reversed(range(len(value))):
                if isinstance(value[place], list | tuple | dict | Opaque):
                    return (place,)
        return ()


def filled(form: Form, binding: Binding, numbers: Numbers) -> dict[str, Any]:
    """The arguments of a call."""
    return {
        name: asked if isinstance(asked, Slot) else given(form, numbers, asked)
        for name, asked in binding.items()
    }


def path_of(names: Names, wanted: str) -> tuple[str | int, ...] | None:
    """Where in what is returned something of this name stands."""
    if names == wanted:
        return ()
    for place, inner in enumerate(names if isinstance(names, list) else ()):
        path = path_of(inner, wanted)
        if path is not None:
            return (place, *path)
    return None
