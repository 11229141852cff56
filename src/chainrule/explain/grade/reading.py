"""Which function computes what, and how it wants its arguments: by names first, then by trial."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, permutations
from typing import Any

from chainrule.explain.grade.attempt import Answer, Callee, Trouble
from chainrule.explain.grade.frames import Opaque, Slot
from chainrule.explain.grade.layout import (
    CONTAINERS,
    FORMS,
    ONE_IMAGE,
    Asked,
    Form,
    Labels,
    Leaf,
    Numbers,
    depth_of,
    given,
    leaf_meaning,
    leaves,
    shifted,
)
from chainrule.explain.grade.names import Role, meaning_of, role_of
from chainrule.explain.grade.results import Found, assigned, forward_arrays, walked
from chainrule.explain.grade.source import Function, Names, Source

MOST_TRIALS = 720  # orders of arguments whose names say nothing
NEAR = 1e-3  # of the size of an array: it is that one, also in float32
POOLS: dict[str, tuple[str, ...]] = {
    "forward": ("W1", "b1", "W2", "b2", "X"),
    "loss": ("probs", "Y", "W1", "b1", "W2", "b2", "X"),
    "backward": ("X", "Y", "W1", "b1", "W2", "b2", "Z1", "A1", "Z2", "probs"),
    "update": ("W1", "b1", "W2", "b2", "dW1", "db1", "dW2", "db2", "alpha"),
    "train_step": ("W1", "b1", "W2", "b2", "X", "Y", "alpha"),
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
class Reader:
    """Reads the functions of a file on the numbers of one case."""

    source: Source
    attempt: Callee
    numbers: Numbers
    single: bool = False  # one image at a time
    forward: Reading | None = None
    backward: Reading | None = None
    forward_right: bool = True
    instance: str | None = None  # the class whose object is in the slot "self"

    def functions(self, role: Role) -> list[Function]:
        """The functions of this role, those outside classes first."""
        found = [each for each in self.source.functions.values() if role_of(each.name) == role]
        return sorted(found, key=lambda each: bool(each.owner))

    # ------------------------------------------------------------------------------- reading

    def read(
        self, function: Function, role: Role, score: Callable[[Found], float]
    ) -> tuple[Reading | None, Found]:
        """The reading that scores best, and what it gave; without one, why."""
        if self.forward is not None and not self.forward.function.owner:
            self.run(self.forward, self.numbers)  # its value, which others take, is of this case
        best: tuple[float, Reading, Found] | None = None
        first: Trouble | None = None
        for form, bindings in self.trials(function, role):
            for binding, answer in self.answers(function, role, form, bindings):
                found = self.parsed(function, role, form, answer, self.numbers)
                first = first or found.trouble
                if found.trouble and found.trouble.kind == "OutOfTime":
                    return None, found
                value = score(found) if not found.trouble else 0
                if value > 0 and (best is None or value > best[0] + 1e-9):
                    best = value, Reading(function, role, form, binding, tuple(found.arrays)), found
            if best and best[0] >= len(best[2].arrays) > 0:
                break  # everything that it gives is what it should be
        if best is None:
            return None, Found(trouble=first or self.unreadable(function, role))
        return best[1], best[2]

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
        else:
            forms = [self.forward.form]
        meanings = {each: meaning_of(each) for each in function.params}
        holds = [each for each in function.params if meanings[each] in ("params", "grads")]
        containers: Sequence[str] = ("apart",)
        if holds and self.forward and self.forward.form.container != "apart":
            containers = (self.forward.form.container,)
        elif holds:
            keyed = any(self.keys_like(meanings[each]) for each in holds)
            containers = ("dict",) if keyed else CONTAINERS
        for form in forms:
            for container in containers:
                for labels in self.kinds_of_labels(function, role):
                    laid = replace(form, container=container, labels=labels)
                    bindings = list(islice(self.bindings(function, role), MOST_TRIALS))
                    if bindings:
                        yield laid, bindings

    def kinds_of_labels(self, function: Function, role: Role) -> Sequence[Labels]:
        """In which ways the classes may be wanted, the likely one first."""
        meanings = {meaning_of(each) for each in function.params}
        unknown = "Y" in POOLS.get(role, ()) and bool(self.unknown(function, role))
        if not unknown and not meanings & {"Y", "labels"}:
            return ("one-hot",)
        if function.indexing or "labels" in meanings:
            return ("flat", "one-hot", "row", "column")
        return ("one-hot", "flat", "row", "column")

    def unknown(self, function: Function, role: Role) -> list[str]:
        """The arguments whose names say nothing, or nothing that this function can want."""
        found, seen = [], set()
        for place, each in enumerate(function.params):
            value = self.by_name(function, each, role)
            twice = isinstance(value, Asked) and value.meaning in seen
            if (value is None or twice) and place < function.required:
                found.append(each)
            elif isinstance(value, Asked):
                seen.add(value.meaning)
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
        meaning = meaning_of(parameter)
        keys = function.keys.get(parameter) or self.keys_like(meaning)
        if self.forward is not None and role in ("backward", "loss", "train_step"):
            path = path_of(self.forward.function.returned, parameter)
            plain = meaning in self.numbers or meaning == "probs"
            ours = meaning is not None and meaning[0] in "WbXYl"
            if path is not None and not ours and not (plain and not self.forward_right):
                return Slot("forward", path)
        if meaning == "grads" and role == "update" and self.backward is not None:
            return Slot("backward")
        if meaning == "cache" and role in ("backward", "loss") and self.forward is not None:
            return Slot("forward", self.cache_path())
        meaning = meaning and shifted(meaning, self.shift(function))
        whole = ("X", "labels", "Y", "probs", "alpha", "m", "classes", "params", "grads", "sizes")
        lists = ("W", "b", "dW", "db", "Z", "A")
        if meaning == "alpha" and parameter.lower() == "a":
            meaning = f"A{depth_of(self.numbers)}" if role != "update" else "alpha"
        if meaning in whole or meaning in lists or meaning in self.numbers:
            return Asked(meaning, keys)
        return None

    def keys_like(self, meaning: str | None) -> tuple[str, ...]:
        """The texts by which any function of the file takes parts of such an argument."""
        if meaning not in ("params", "grads"):
            return ()
        every = self.source.functions.values()
        found = (
            keys
            for each in every
            for name, keys in each.keys.items()
            if keys and meaning_of(name) == meaning
        )
        return next(found, ())

    def shift(self, function: Function) -> int:
        """1 if the file counts layers from 0."""
        return int(any(meaning_of(each) in ("W0", "b0") for each in function.params))

    def cache_path(self) -> tuple[str | int, ...]:
        """Where in what forward gave its cache is: a container beside the result, or all of it."""
        value = self.attempt.get("forward").value
        if isinstance(value, list | tuple) and len(value) <= 3:
            for place in reversed(range(len(value))):
                if isinstance(value[place], list | tuple | dict | Opaque):
                    return (place,)
        return ()

    # ------------------------------------------------------------------------------- calling

    def answers(
        self, function: Function, role: Role, form: Form, bindings: Sequence[Binding]
    ) -> Iterator[tuple[Binding, Answer]]:
        """Each binding with what comes of it."""
        self.count(self.numbers)
        try:
            calls = [filled(form, binding, self.numbers) for binding in bindings]
        except KeyError:
            return
        if function.owner:
            for binding, call in zip(bindings, calls, strict=True):
                yield binding, self.call(function, form, call, self.numbers, role)
            return
        in_place = role in ("update", "train_step")
        answers = self.attempt.call_each(function.name, calls, given=in_place)
        yield from zip(bindings, answers, strict=True)

    def call(
        self,
        function: Function,
        form: Form,
        named: dict[str, Any],
        numbers: Numbers,
        role: Role,
        slot: str | None = None,
    ) -> Answer:
        """Call a function; one of a class on its object, whose parameters are set before."""
        self.count(numbers)
        in_place = role in ("update", "train_step")
        if not function.owner:
            return self.attempt.call(function.name, named, slot=slot, given=in_place)
        trouble = self.prepare(function, form, numbers, role)
        if trouble:
            return Answer(trouble=trouble)
        name = f"self.{function.name.partition('.')[2]}"
        answer = self.attempt.call(name, named, slot=slot)
        if answer.trouble:
            return answer
        fields = self.attempt.get("self").value
        return Answer([answer.value, fields], printed=answer.printed)

    def count(self, numbers: Numbers) -> None:
        """Give the file's global m, if its functions read one, the number of images here."""
        self.attempt.share(dict.fromkeys(self.source.counts, numbers["X"].shape[1]))

    def prepare(
        self, function: Function, form: Form, numbers: Numbers, role: Role
    ) -> Trouble | None:
        """An object of the class in the slot "self", with the parameters of the case."""
        if self.instance != function.owner:
            made = self.construct(function.owner, numbers)
            if made.trouble:
                return made.trouble
            self.instance = function.owner
        fields = self.attempt.get("self").value
        known = fields.fields if isinstance(fields, Opaque) else {}
        values = {}
        for name, value in known.items():
            meaning = meaning_of(name) or ""
            keys = tuple(value) if isinstance(value, dict) else ()
            if (meaning in numbers and meaning[0] in "Wb") or meaning in ("W", "b"):
                values[name] = given(form, numbers, Asked(meaning))
            elif meaning == "params":
                laid = replace(form, container="dict") if keys else form
                values[name] = given(laid, numbers, Asked("params", keys))
        answer = self.attempt.set("self", **values)
        if answer.trouble or role == "forward" or self.forward is None:
            return answer.trouble
        passed = filled(self.forward.form, self.forward.binding, numbers)
        method = f"self.{self.forward.function.name.partition('.')[2]}"
        return self.attempt.call(method, passed, slot="forward").trouble

    def construct(self, owner: str, numbers: Numbers) -> Answer:
        """An object of a class, from sizes where it wants them."""
        sizes = list(numbers["sizes"])
        init = self.source.functions.get(f"{owner}.__init__")
        wanted = init.params[: init.required] if init else ()
        tries = [dict(zip(wanted, sizes, strict=False))] if len(wanted) <= len(sizes) else []
        tries += [{wanted[0]: sizes}] if wanted else []
        answer = Answer(trouble=Trouble("Unread", f"what {owner}(…) wants cannot be found out"))
        for named in tries:
            answer = self.attempt.call(owner, named, slot="self")
            if not answer.trouble:
                break
        return answer

    def run(self, reading: Reading, numbers: Numbers) -> Found:
        """What the function gives on another case."""
        for before in (self.forward, self.backward):
            used = {each.name for each in reading.binding.values() if isinstance(each, Slot)}
            if before and before.role in used and not reading.function.owner:
                found = self.run(before, numbers)
                if found.trouble:
                    return found
        slot = reading.role if reading.role in ("forward", "backward") else None
        named = filled(reading.form, reading.binding, numbers)
        answer = self.call(reading.function, reading.form, named, numbers, reading.role, slot)
        return self.parsed(reading.function, reading.role, reading.form, answer, numbers)

    # --------------------------------------------------------------------------- what it gave

    def parsed(
        self, function: Function, role: Role, form: Form, answer: Answer, numbers: Numbers
    ) -> Found:
        """The arrays in an answer under the names of the equations."""
        if answer.trouble:
            return Found(trouble=answer.trouble)
        value, extra = answer.value, None
        if function.owner:
            value, extra = value
        elif role in ("update", "train_step"):
            value, arguments = value
            if not any(True for _ in leaves(value)):
                value = arguments
        names = function.returned
        found = list(leaves(value, names))
        if extra is not None and role != "loss":
            found += [each for each in leaves(extra) if self.is_result(each, role)]
        if role == "forward":
            return forward_arrays(form, found, numbers)
        if role == "loss":
            scalars = [float(each.array.reshape(())) for each in found if each.array.size == 1]
            return Found({"E": scalars[0]}) if scalars else Found()
        arrays = assigned(form, found, numbers, "d" if role == "backward" else "")
        return walked(arrays, numbers) if role == "train_step" else arrays

    def is_result(self, leaf: Leaf, role: Role) -> bool:
        """Whether an attribute of an object is what this function computes."""
        meaning = leaf_meaning(leaf, depth_of(self.numbers), 0) or ""
        if role == "forward":
            return meaning[:1] in ("Z", "A")
        return meaning.startswith("d") if role == "backward" else meaning[:1] in ("W", "b")


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
