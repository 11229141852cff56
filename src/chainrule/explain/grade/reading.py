"""Functions are read by calling them, and run: what they give, as the equations have it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chainrule.explain.grade.arguments import Arguments, Binding, Reading, filled
from chainrule.explain.grade.attempt import AT_ONCE, Answer, Trouble
from chainrule.explain.grade.frames import Opaque, Slot
from chainrule.explain.grade.layout import (
    Form,
    Numbers,
    given,
    leaves,
)
from chainrule.explain.grade.names import Role, meaning_of
from chainrule.explain.grade.objects import (
    attributes,
    construct,
    is_result,
    slot_of,
    with_layers,
)
from chainrule.explain.grade.results import Found, assigned, forward_arrays, walked
from chainrule.explain.grade.source import Function, Names


@dataclass
class Reader(Arguments):
    """Reads the functions of a file on the numbers of one case."""

    # ------------------------------------------------------------------------------- reading

    def read(
        self, function: Function, role: Role, score: Callable[[Found], float]
    ) -> tuple[Reading | None, Found]:
        """The reading that scores best, and what it gave; without one, why."""
        if self.forward is not None and not self.forward.function.owner:
            self.run(self.forward, self.numbers)  # its value, which others take, is of this case
        if self.backward is not None and role == "update":
            self.run(self.backward, self.numbers)
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
                    if value >= len(found.arrays) > 0:
                        self.learn(binding)
                        return best[1], found  # everything that it gives is what it should be
        if best is None:
            return None, Found(trouble=first or self.unreadable(function, role))
        self.learn(best[1].binding)
        return best[1], best[2]

    def first(
        self, role: Role, score: Callable[[Found], float]
    ) -> tuple[Reading | None, Found, Function | None]:
        """The reading of the first function that computes this; without one, the one that fails.

        A backward pass may be beside the loss, or take the step itself. Methods of several classes
        are layers of one network, and nothing fails where none of them can be read.
        """
        functions = self.functions(role)
        others: list[tuple[Role, list[Function]]] = [(role, functions)]
        if role == "backward":
            others += [("train_step", functions)] if functions else [(role, self.functions("loss"))]
        failed = Found()
        for meant, each in ((meant, each) for meant, some in others for each in some):
            reading, found = self.read(each, meant, score)
            if reading is not None:
                return reading, found, None
            failed = failed if failed.trouble else found
        alone = len({each.owner for each in functions}) == 1
        return None, failed, functions[0] if alone else None

    # ------------------------------------------------------------------------------- calling

    def answers(
        self, function: Function, role: Role, form: Form, bindings: Sequence[Binding]
    ) -> Iterator[tuple[Binding, Answer]]:
        """Each binding with what comes of it."""
        self.share(form, self.numbers)
        try:
            calls = [filled(form, binding, self.numbers) for binding in bindings]
        except KeyError:
            return
        if function.owner or self.globals:
            for binding, call in zip(bindings, calls, strict=True):
                yield binding, self.call(function, form, call, self.numbers, role)
            return
        in_place = role in ("update", "train_step")
        for first in range(0, len(calls), AT_ONCE):
            some = calls[first : first + AT_ONCE]
            answers = self.attempt.call_each(function.name, some, given=in_place)
            yield from zip(bindings[first:], answers, strict=False)

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
        self.share(form, numbers)
        in_place = role in ("update", "train_step")
        if not function.owner:
            answer = self.attempt.call(function.name, named, slot=slot, given=in_place)
            if not in_place or not self.globals or answer.trouble:
                return answer
            value, arguments = answer.value
            after = self.attempt.look(list(self.globals)).value
            return replace(answer, value=[value, arguments | after])
        trouble = self.prepare(function, form, numbers, role)
        if trouble:
            return Answer(trouble=trouble)
        place = slot_of(function.owner)
        name = f"{place}.{function.name.partition('.')[2]}"
        answer = self.attempt.call(name, named, slot=slot, given=in_place)
        if answer.trouble:
            return answer
        return replace(answer, value=[answer.value, self.attempt.get(place).value])

    def share(self, form: Form, numbers: Numbers) -> None:
        """Give the file's global names, as far as functions read them, their values of this case.

        A global m is the number of images, W1 is W1, and a learning rate the one of every step.
        """
        values: dict[str, Any] = dict.fromkeys(self.source.counts, numbers["X"].shape[1])
        for name, asked in self.globals.items():
            laid = replace(form, container="dict") if asked.keys else form
            values[name] = given(laid, numbers, asked)
        self.attempt.share(values | self.rates)

    def prepare(
        self, function: Function, form: Form, numbers: Numbers, role: Role
    ) -> Trouble | None:
        """An object of the class in its slot, with the parameters of the case."""
        slot = slot_of(function.owner)
        if function.owner not in self.made:
            made = construct(self.attempt, self.source, function.owner, numbers)
            if made.trouble:
                return made.trouble
            self.made.add(function.owner)
        known = self.attributes_of(function.owner)
        trouble = self.attempt.set(slot, **attributes(known, form, numbers)).trouble
        before = [self.forward] if role != "forward" else []
        before += [self.backward] if role == "update" else []
        for reading in before:
            if trouble is None and reading and reading.function.owner == function.owner:
                passed = filled(reading.form, reading.binding, numbers)
                method = f"{slot}.{reading.function.name.partition('.')[2]}"
                trouble = self.attempt.call(method, passed, slot=reading.role).trouble
        return trouble

    def attributes_of(self, owner: str) -> dict[str, Any]:
        """The attributes that the object of a class has now."""
        fields = self.attempt.get(slot_of(owner)).value
        return fields.fields if isinstance(fields, Opaque) else {}

    def run(self, reading: Reading, numbers: Numbers) -> Found:
        """What the function gives on another case."""
        for before in (self.forward, self.backward):
            used = {each.name for each in reading.binding.values() if isinstance(each, Slot)}
            apart = before and before.function.owner != reading.function.owner
            if before and before.role in used and (apart or not reading.function.owner):
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
            extra = with_layers(extra.fields) if isinstance(extra, Opaque) else extra
        names, raw = function.returned, value
        if role in ("update", "train_step"):
            value, names = self.moved(value[0], value[1], names)
        found = list(leaves(value, names))
        if extra is not None and role != "loss":
            found += [each for each in leaves(extra) if is_result(each, self.numbers, role)]
        if role == "forward":
            return forward_arrays(form, found, numbers)
        if role == "loss":
            scalars = [float(each.array.reshape(())) for each in found if each.array.size == 1]
            return Found({"E": scalars[0]}) if scalars else Found()
        arrays = assigned(form, found, numbers, "d" if role == "backward" else "")
        arrays.raw = raw
        return walked(arrays, numbers) if role == "train_step" else arrays

    def moved(self, value: object, arguments: dict[str, Any], names: Names) -> tuple[Any, Names]:
        """The parameters after a step, apart from what it remembers; with their names."""
        if not any(True for _ in leaves(value)):
            held = {name: each for name, each in arguments.items() if self.is_parameter(name)}
            others = {name: each for name, each in arguments.items() if meaning_of(name) != "grads"}
            return held or others, None
        if isinstance(value, list | tuple) and isinstance(names, list) and len(value) == len(names):
            known = [name for name in names if self.is_parameter(name)]
            if known:  # what has no name, W - α dW, is a parameter, too
                pairs = zip(value, names, strict=True)
                kept = [(each, name) for each, name in pairs if name is None or name in known]
                return [each for each, _ in kept], [name for _, name in kept]
        return value, names
