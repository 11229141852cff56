"""Functions that are judged by themselves: softmax, ReLU and its slope, one-hot."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.grade.attempt import Answer, Trouble
from chainrule.explain.grade.judge import Case
from chainrule.explain.grade.layout import Form, Numbers, leaves
from chainrule.explain.grade.names import Role, meaning_of
from chainrule.explain.grade.naming import Explanation, alike, explain_part
from chainrule.explain.grade.reading import Reader
from chainrule.explain.grade.report import Finding, finding_of
from chainrule.explain.grade.source import Function
from chainrule.network import Array

ROLES: tuple[Role, ...] = ("softmax", "relu", "relu_derivative", "one_hot")
FRAGILE = {"softmax": "no maximum taken away", "relu_derivative": "≥ for >"}


def judge_parts(reader: Reader, case: Case) -> Iterator[Finding]:
    """A finding for each of these functions that the file has."""
    for role in ROLES:
        for function in reader.functions(role)[:1]:
            if not function.owner:
                yield judge_part(reader, case, function, role)


def judge_part(reader: Reader, case: Case, function: Function, role: Role) -> Finding:
    numbers = case.numbers()
    forms = [reader.forward.form] if reader.forward else [Form(), Form(rows=True)]
    forms += [Form(single=True)] * reader.single
    trouble: Trouble | None = None
    tried: list[tuple[Form, str, Array]] = []
    for form in forms:
        answer = called(reader, function, role, numbers, form)
        trouble = trouble or answer.trouble
        words = form.in_words() if role == "softmax" else ""
        for each in arrays_in(answer.value):
            for value in (each.T if form.rows else each, each.T if role == "one_hot" else each):
                if form.single and value.size == wanted(role, numbers).size:
                    value = value.reshape(-1, 1)
                if value.shape == wanted(role, numbers).shape:
                    tried.append((form, words, value))
    if not tried:
        return finding_of(function.name, role, trouble or shapeless(role, numbers))
    for form, words, value in tried:
        if right(role, value, numbers):
            rare = is_fragile(reader, function, role, numbers, form)
            fragile = tuple(bug for bug in ZOO if rare and bug.name == FRAGILE[role])
            return Finding(function.name, role, "right", said(function, words), fragile=fragile)
    _, words, value = tried[0]
    part, l = {"softmax": ("A_last", 2), "one_hot": ("Y", 2), "relu": ("A", 1)}.get(role, ("dZ", 1))
    off = numbers["Z1"] != 0
    found = explain_part(
        part,
        l,
        case,
        lambda each: (
            alike(np.where(off, each, 0), np.where(off, value, 0))
            if role == "relu_derivative"
            else alike(each, value)
        ),
    )
    return Finding(
        function.name,
        role,
        "wrong",
        said(function, words),
        explanation=found if found.bugs else Explanation(sure=False),
    )


def called(reader: Reader, function: Function, role: Role, numbers: Numbers, form: Form) -> Answer:
    """The function on Z of its layer, or on labels; other arguments by their names."""
    first = {"softmax": "Z2", "one_hot": "labels"}.get(role, "Z1")
    values = {}
    many = function.params[: max(1, function.required)]
    for place, name in enumerate(many):
        meaning = meaning_of(name) or ""
        of_dA = meaning[:1] == "d" or (place == 0 and meaning[:1] not in ("Z", "A"))
        value: Any
        if role == "relu_derivative" and len(many) == 2 and of_dA:
            value = form.examples(np.ones_like(numbers["Z1"]))
        elif place and role == "one_hot":
            value = len(numbers["Y"])
        else:
            value = form.truth(numbers, "flat") if first == "labels" else numbers[first]
            value = value if first == "labels" else form.examples(value)
        values[name] = value
    if not function.params:
        return Answer(trouble=Trouble("Unread", f"{function.name} takes no argument"))
    return reader.attempt.call(function.name, values)


def wanted(role: Role, numbers: Numbers) -> Array:
    """What the function should give."""
    Z = numbers["Z1"]
    return {"softmax": numbers["A2"], "one_hot": numbers["Y"], "relu": numbers["A1"]}.get(
        role, (Z > 0).astype(np.float64)
    )


def right(role: Role, value: Array, numbers: Numbers) -> bool:
    return alike(value, wanted(role, numbers))


def is_fragile(
    reader: Reader, function: Function, role: Role, numbers: Numbers, form: Form
) -> bool:
    """Whether it is wrong for numbers that are rare: exactly 0, or too large for exp."""
    if role == "softmax":
        large = called(reader, function, role, numbers | {"Z2": 1000 * numbers["Z2"]}, form)
        return any(not np.isfinite(each).all() for each in arrays_in(large.value))
    if role == "relu_derivative":
        zero = called(reader, function, role, numbers | {"Z1": 0 * numbers["Z1"]}, form)
        return any(bool((each == 1).all()) for each in arrays_in(zero.value))
    return False


def arrays_in(value: object) -> Iterator[Array]:
    """The arrays in what a function gave, which may be lists of numbers, or have a cache beside."""
    if isinstance(value, list) and value and isinstance(value[0], int | float | list):
        try:
            yield np.array(value, dtype=np.float64)
        except (ValueError, TypeError):
            return
    else:
        yield from (leaf.array.astype(np.float64) for leaf in leaves(value) if leaf.array.ndim)


def said(function: Function, words: str) -> str:
    return f"{function.name}({', '.join(function.params)})" + (f": {words}" if words else "")


def shapeless(role: Role, numbers: Numbers) -> Trouble:
    return Trouble("Unread", f"it gives no array of the shape {wanted(role, numbers).shape}")
