"""The small forms in which a lesson's file says a number: 0.5 * -1.2, exp(Z2[read] - Z2[true]).

Numbers, cells of the ledger, + - * / and brackets, exp, log, sqrt and abs. In an index `true` is
the label that is taken as true, and `read` the digit that the network reads. Nothing is handed to
eval.
"""

import ast
import math
import warnings
from collections.abc import Callable

from chainrule.explain.ledger import CellError, Ledger, locate, named, prediction

MOST = 100  # characters of a form
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "abs": abs,
}
TWO: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
DIGITS = ("true", "read")


class FormError(ValueError):
    """A text that is no form, or a form that has no value here; the message says why."""


def parse_form(text: str) -> ast.expr:
    """The form that a text says; FormError for anything else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # such as of 1or
            form = ast.parse(text[: MOST + 1].strip(), mode="eval").body
    except (SyntaxError, ValueError):
        form = None
    if form is None or len(text) > MOST or not is_form(form):
        raise FormError(
            f"wanted a form such as 0.5 * -1.2 or exp(Z2[read] - Z2[true]) "
            f"of at most {MOST} characters, got {text[:40]!a}"
        )
    return form


def is_form(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value):
            return type(value) in (int, float)
        case ast.UnaryOp(ast.USub(), inner):
            return is_form(inner)
        case ast.BinOp(left, how, right):
            return type(how) in TWO and is_form(left) and is_form(right)
        case ast.Call(ast.Name(name), [inner], []):
            return name in FUNCTIONS and is_form(inner)
        case ast.Name("E"):
            return True
        case ast.Subscript(ast.Name(), ast.Tuple(parts)):
            return all(map(is_index, parts))
        case ast.Subscript(ast.Name(), part):
            return is_index(part)
    return False


def is_index(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value):
            return type(value) is int
        case ast.Name(name):
            return name in DIGITS
    return False


def names_cells(form: ast.expr) -> bool:
    """Whether the value is one of an image, and not the same everywhere."""
    return any(isinstance(node, ast.Subscript) for node in ast.walk(form)) or any(
        isinstance(node, ast.Name) and node.id == "E" for node in ast.walk(form)
    )


def value_of(form: ast.expr, ledger: Ledger | None = None) -> float:
    """The value of a form; its cells are those of the ledger. FormError if it has none."""
    try:
        value = worked_out(form, ledger)
    except (ArithmeticError, ValueError) as error:
        raise FormError(f"{ast.unparse(form)} has no value here: {error}") from None
    if not math.isfinite(value):
        raise FormError(f"{ast.unparse(form)} is not finite here")
    return value


def worked_out(node: ast.expr, ledger: Ledger | None) -> float:
    match node:
        case ast.Constant(value):
            return float(value)  # type: ignore[arg-type]  # is_form has seen it
        case ast.UnaryOp(_, inner):
            return -worked_out(inner, ledger)
        case ast.BinOp(left, how, right):
            return TWO[type(how)](worked_out(left, ledger), worked_out(right, ledger))
        case ast.Call(ast.Name(name), [inner]):
            return FUNCTIONS[name](worked_out(inner, ledger))
        case ast.Subscript(ast.Name(array), ast.Tuple(parts)):
            return cell_of(ledger, array, *parts)
        case ast.Subscript(ast.Name(array), part):
            return cell_of(ledger, array, part)
    return cell_of(ledger, "E")


def cell_of(ledger: Ledger | None, array: str, *index: ast.expr) -> float:
    """The number in a cell, whose index may say `true` or `read`."""
    if ledger is None:
        raise CellError("it is a cell of an image, and there is no image")
    places = (whole(ledger, each) for each in index)
    array, place = locate(ledger, named(array, *places))
    return float(ledger.arrays[array][place])


def whole(ledger: Ledger, node: ast.expr) -> int:
    if isinstance(node, ast.Constant):
        return int(node.value)  # type: ignore[arg-type]  # is_index has seen it
    if isinstance(node, ast.Name) and node.id == "true":
        return int(ledger.arrays["y"].argmax())
    read = prediction(ledger)
    if read is None:
        raise CellError("the network reads nothing, its numbers overflow")
    return read
