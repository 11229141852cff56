"""Any cell of one image's forward and backward pass: its formula, the source line that computed it,
the terms it is the sum of, and its neighbours.

Everything is float64, computed by network.py on the stored parameters, with m = 1: E is the loss of
this one image. Layers count from 1 and cells from 0: x[350], Z1[3], dW2[3,7], E.
"""

import ast
import inspect
import math
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np

from chainrule import network as equations
from chainrule.network import Array, Loss, Network, backward, check_array, error, forward

# Which function of network.py computes each kind of array.
COMPUTED_BY = {"x": "forward", "Z": "forward", "A": "forward", "E": "error"} | dict.fromkeys(
    ("dA", "dZ", "dW", "db"), "backward"
)


class CellError(ValueError):
    """A cell that is not in the ledger; the message says what is."""


class Term(NamedTuple):
    """One summand: in names, with the numbers put in, and its value."""

    names: str  # W2[3,7] · A1[7]
    numbers: str  # -0.31 · 1.62
    value: float


class Source(NamedTuple):
    """The statement of an installed file that computed an array, and the same for its layer."""

    file: str
    line: int
    code: str  # Z[l] = W[l] @ A[l - 1] + b[l]
    put_in: str  # Z[1] = W[1] @ A[0] + b[1]


class Cell(NamedTuple):
    """One number of the pass, opened."""

    name: str
    value: float  # as it stands in its array
    formula: str  # of this cell
    source: Source | None  # None for what no line computes, or if the source cannot be read
    numerator: Term | None  # the value is the sum of the terms, or this divided by that sum
    terms: tuple[Term, ...]
    total: float  # the terms put together with math.fsum; owes nothing to how value was computed
    comes_from: tuple[str, ...]  # cells, or rows and columns of cells: W1[3,:]
    feeds: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Ledger:
    """Every number of one image's pass under its name, in the order of the pass.

    x and y, the biases, Z, A and their derivatives are (units,), the weights and their derivatives
    (units, inputs), E is ().
    """

    network: Network
    arrays: dict[str, Array]

    @property
    def squared(self) -> bool:
        """Whether the loss is squared error."""
        return self.network.loss == "squared_error"

    def units(self, l: int) -> range:
        """The unit numbers of layer l; layer 0 is the input."""
        return range(self.network.sizes[l])

    def number(self, array: str, *index: int) -> Term:
        """One number as it stands in its array."""
        value = float(self.arrays[array][index])
        return Term(named(array, *index), f"{value:.6g}", value)


def open_ledger(network: Network, x: Array, label: int) -> Ledger:
    """The ledger of an image x (inputs,) whose true label is `label`, in float64.

    What overflows stands in it as infinity or NaN, see `overflowing`. Raises ValueError for an x of
    another shape, IndexError for a label the network has no unit for.
    """
    check_array("x", x)
    if not 0 <= label < network.sizes[-1]:
        raise IndexError(f"the label must be from 0 to {network.sizes[-1] - 1}, got {label}")
    network = replace(network, parameters=network.parameters.astype(np.float64))
    L = network.depth
    X = x.astype(np.float64)[:, None]
    Y = np.zeros((network.sizes[-1], 1))
    Y[label] = 1
    with np.errstate(over="ignore", invalid="ignore"):
        trace = forward(network, X)
        derivatives = backward(network, trace, Y)
        E = error(network, trace, Y)
    arrays: dict[str, Array] = {"x": X[:, 0]}
    for l in range(1, L + 1):
        W, b = network.layers[l - 1]
        arrays |= {
            f"W{l}": W,
            f"b{l}": b[:, 0],
            f"Z{l}": trace.Z[l][:, 0],
            f"A{l}": trace.A[l][:, 0],
        }
    arrays |= {"y": Y[:, 0], "E": np.asarray(E)}
    for l in range(L, 0, -1):
        dA, dZ, dW, db = (d[l] for d in derivatives)
        arrays |= {f"dA{l}": dA[:, 0], f"dZ{l}": dZ[:, 0], f"dW{l}": dW, f"db{l}": db[:, 0]}
    return Ledger(network, arrays)


def overflowing(ledger: Ledger) -> str | None:
    """The first array of the pass in which a number is too large for float64; None if none is.

    dA of the last layer under cross-entropy is not meant: it may be infinite, see `backward`.
    """
    honest = None if ledger.squared else f"dA{ledger.network.depth}"
    arrays = ledger.arrays.items()
    return next((n for n, array in arrays if n != honest and not np.isfinite(array).all()), None)


def prediction(ledger: Ledger) -> int | None:
    """The digit that the network reads; None if its probabilities overflow."""
    A = ledger.arrays[f"A{ledger.network.depth}"]
    return int(A.argmax()) if np.isfinite(A).all() else None


def array_formula(network: Network, name: str) -> str:
    """How a whole array comes about, in the symbols of the equations."""
    kind, l = split(name)
    L = network.depth
    below = activation(l - 1)
    squared = network.loss == "squared_error"
    match kind:
        case "x":
            return "x = the pixels of the image / 255"
        case "y":
            return "y = 1 for the true label, else 0"
        case "W" | "b":
            return f"{name} is a stored parameter"
        case "Z":
            return f"Z{l} = W{l} {below} + b{l}"
        case "A":
            return f"A{l} = softmax(Z{l})" if l == L else f"A{l} = ReLU(Z{l})"
        case "E":
            return f"E = 1/2 Σ (A{L} - y)²" if squared else f"E = -Σ y log A{L}"
        case "dA" if l == L:
            return f"dA{l} = A{l} - y" if squared else f"dA{l} = -y / A{l}"
        case "dZ" if l == L:
            return f"dZ{l} = A{l} ⊙ (dA{l} - Σ A{l} dA{l})" if squared else f"dZ{l} = A{l} - y"
        case "dA":
            return f"dA{l} = W{l + 1}ᵀ dZ{l + 1}"
        case "dZ":
            return f"dZ{l} = dA{l} ⊙ ReLU′(Z{l})"
        case "dW":
            return f"dW{l} = dZ{l} {below}ᵀ"
        case _:
            return f"db{l} = dZ{l}"


def softmax_jacobian(ledger: Ledger) -> Array:
    """∂A[L][i]/∂Z[L][k] of the last layer in row i, column k: diag(A) - A Aᵀ, (10, 10)."""
    A = ledger.arrays[f"A{ledger.network.depth}"]
    return np.diag(A) - np.outer(A, A)


# ------------------------------------------------------------------------------ a cell in words


class Wording(NamedTuple):
    """What is the same for every cell of an array, but for the index."""

    formula: str  # dW2[i,j] = dZ2[i] A1[j]
    comes_from: tuple[str, ...]  # dZ2[i], A1[j]
    feeds: tuple[str, ...]


def pattern(network: Network, array: str) -> Wording:
    """The wording of any cell of an array; i, or i and j, stand for its index.

    With numbers put for the words i and j it is what open_cell says of that cell.
    """
    kind, _ = split(array)
    return word(network, array, *{"E": "", "W": "ij", "dW": "ij"}.get(kind, "i"))


def word(network: Network, array: str, *index: int | str) -> Wording:
    """The wording of the cell with this index, in numbers or in symbols."""
    formula, comes_from, feeds = say(network, *split(array), *index)
    cell = named(array, *index)
    return Wording(f"{cell} {formula}", tuple(comes_from.split()), tuple(feeds.split()))


def say(
    network: Network, kind: str, l: int, i: int | str = 0, j: int | str = 0
) -> tuple[str, str, str]:
    """Formula, comes_from and feeds of cell i or i, j of an array of this kind in layer l.

    Names of cells are parted by spaces.
    """
    L = network.depth
    last, squared = l == L, network.loss == "squared_error"
    below, above = activation(l - 1), l + 1
    after_dZ = f"dW{l}[{i},:] db{l}[{i}]" + (f" dA{l - 1}[:]" if l > 1 else "")
    match kind:
        case "x":
            return "= pixel / 255", "", f"Z1[:] dW1[:,{i}]"
        case "y":
            feeds = f"E dA{L}[{i}]" + ("" if squared else f" dZ{L}[{i}]")
            return "= 1 for the true label, else 0", "", feeds
        case "W":
            return "is a stored parameter", "", f"Z{l}[{i}]" + (f" dA{l - 1}[{j}]" if l > 1 else "")
        case "b":
            return "is a stored parameter", "", f"Z{l}[{i}]"
        case "Z":
            comes_from = f"W{l}[{i},:] {below}[:] b{l}[{i}]"
            feeds = f"A{l}[:]" + ("" if squared else " E") if last else f"A{l}[{i}] dZ{l}[{i}]"
            return f"= Σk W{l}[{i},k] {below}[k] + b{l}[{i}]", comes_from, feeds
        case "A" if last:
            formula = f"= exp(Z{l}[{i}] - M) / Σk exp(Z{l}[k] - M), M = max Z{l}"
            feeds = f"dA{l}[{i}] " + (f"E dZ{l}[:]" if squared else f"dZ{l}[{i}]")
            return formula, f"Z{l}[:]", feeds
        case "A":
            return f"= max(0, Z{l}[{i}])", f"Z{l}[{i}]", f"Z{above}[:] dW{above}[:,{i}]"
        case "E":
            log = f"= log Σk exp(Z{L}[k] - M) - Σk y[k] (Z{L}[k] - M), M = max Z{L}"
            formula = f"= 1/2 Σk (A{L}[k] - y[k])²" if squared else log
            return formula, f"A{L}[:] y[:]" if squared else f"Z{L}[:] y[:]", ""
        case "dA" if last:
            formula = f"= A{l}[{i}] - y[{i}]" if squared else f"= -y[{i}] / A{l}[{i}]"
            return formula, f"A{l}[{i}] y[{i}]", f"dZ{l}[:]" if squared else ""
        case "dZ" if last and squared:
            formula = f"= A{l}[{i}] (dA{l}[{i}] - Σk A{l}[k] dA{l}[k])"
            return formula, f"A{l}[:] dA{l}[:]", after_dZ
        case "dZ" if last:
            return f"= A{l}[{i}] - y[{i}]", f"A{l}[{i}] y[{i}]", after_dZ
        case "dA":
            formula = f"= Σk W{above}[k,{i}] dZ{above}[k]"
            return formula, f"W{above}[:,{i}] dZ{above}[:]", f"dZ{l}[{i}]"
        case "dZ":
            return f"= dA{l}[{i}] ReLU′(Z{l}[{i}])", f"dA{l}[{i}] Z{l}[{i}]", after_dZ
        case "dW":
            return f"= dZ{l}[{i}] {below}[{j}]", f"dZ{l}[{i}] {below}[{j}]", ""
        case _:
            return f"= dZ{l}[{i}]", f"dZ{l}[{i}]", ""


# -------------------------------------------------------------------------------- opening a cell


def open_cell(ledger: Ledger, name: str) -> Cell:
    """The cell of this name, such as dW2[3,7]; CellError if the ledger has no such cell."""
    array, index = locate(ledger, name)
    kind, l = split(array)
    terms, numerator = add_up(ledger, kind, l, *index)
    total = sum_of(term.value for term in terms)
    wording = word(ledger.network, array, *index)
    return Cell(
        name=named(array, *index),
        value=float(ledger.arrays[array][index]),
        formula=wording.formula,
        source=find_source(kind, l, ledger.network.depth, ledger.network.loss),
        numerator=numerator,
        terms=tuple(terms),
        total=numerator.value / (total or math.nan) if numerator else total,
        comes_from=wording.comes_from,
        feeds=wording.feeds,
    )


def sum_of(values: Iterable[float]) -> float:
    """The exact sum, rounded once; infinity or NaN where it overflows."""
    values = list(values)
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # a partial sum is too large; or infinity - infinity
        return sum(values)


def locate(ledger: Ledger, name: str) -> tuple[str, tuple[int, ...]]:
    """The array and the index that the name of a cell means."""
    parts = re.fullmatch(r"(\w+)(?:\[(\d{1,9})(?:,(\d{1,9}))?\])?", name.replace(" ", ""), re.ASCII)
    if not parts or parts[1] not in ledger.arrays:
        raise CellError(
            f"no cell is called {name!r}; a cell is one of {', '.join(ledger.arrays)} "
            f"and its index, such as x[350] or dW1[3,350]"
        )
    array, *digits = parts.groups()
    index = tuple(int(each) for each in digits if each)
    shape = ledger.arrays[array].shape
    if len(index) != len(shape) or any(i >= n for i, n in zip(index, shape, strict=True)):
        first, last = ",".join("0" for _ in shape), ",".join(str(n - 1) for n in shape)
        wanted = f"goes from {array}[{first}] to {array}[{last}]" if shape else "has no index"
        raise CellError(f"{array} {wanted}, got {name}")
    return array, index


def named(array: str, *index: int | str) -> str:
    """The name of a cell: dW2[3,7], dW2[i,j], b1[4] or E."""
    return f"{array}[{','.join(map(str, index))}]" if index else array


def add_up(
    ledger: Ledger, kind: str, l: int, i: int = 0, j: int = 0
) -> tuple[list[Term], Term | None]:
    """The terms a cell is the sum of; or a numerator, and the terms of what it is divided by."""
    number, below, last = ledger.number, activation(l - 1), l == ledger.network.depth
    match kind:
        case "Z":
            products = [
                product(number(f"W{l}", i, k), number(below, k)) for k in ledger.units(l - 1)
            ]
            return [*products, number(f"b{l}", i)], None
        case "A" if last:
            exps = exponentials(ledger)
            return exps, exps[i]
        case "A":
            z = number(f"Z{l}", i)
            return [Term(f"max(0, {z.names})", f"max(0, {z.numbers})", max(0.0, z.value))], None
        case "E":
            return squares(ledger) if ledger.squared else logarithms(ledger), None
        case "dA" if last and not ledger.squared:
            a, y = number(f"A{l}", i), number("y", i)
            value = -y.value / a.value if a.value else (-math.inf if y.value else 0.0)
            return [Term(f"-{y.names} / {a.names}", f"-{y.numbers} / {a.numbers}", value)], None
        case "dZ" if last and ledger.squared:
            a = number(f"A{l}", i)
            return [product(a, number(f"dA{l}", i))] + [
                minus(product(a, number(f"A{l}", k), number(f"dA{l}", k))) for k in ledger.units(l)
            ], None
        case "dA" | "dZ" if last:
            return [number(f"A{l}", i), minus(number("y", i))], None
        case "dA":
            W, dZ = f"W{l + 1}", f"dZ{l + 1}"
            return [product(number(W, k, i), number(dZ, k)) for k in ledger.units(l + 1)], None
        case "dZ":
            z = number(f"Z{l}", i)
            slope = Term(f"ReLU′({z.names})", f"{int(z.value > 0)}", float(z.value > 0))
            return [product(number(f"dA{l}", i), slope)], None
        case "dW":
            return [product(number(f"dZ{l}", i), number(below, j))], None
        case "db":
            return [number(f"dZ{l}", i)], None
        case "W":
            return [number(f"W{l}", i, j)], None
        case _:  # x, y, b: given, like W
            return [number(f"{kind}{l or ''}", i)], None


def squares(ledger: Ledger) -> list[Term]:
    """The terms of squared error, one for each unit of the last layer."""
    L = ledger.network.depth
    terms = []
    for k in ledger.units(L):
        a, y = ledger.number(f"A{L}", k), ledger.number("y", k)
        names, numbers = (f"1/2 ({p} - {q})²" for p, q in zip(a[:2], y[:2], strict=True))
        difference = a.value - y.value
        terms.append(Term(names, numbers, difference * difference / 2))
    return terms


def logarithms(ledger: Ledger) -> list[Term]:
    """The terms of cross-entropy: the logarithm, then one for each unit of the last layer."""
    L = ledger.network.depth
    inside = sum_of(e.value for e in exponentials(ledger))
    log = math.log(inside) if inside > 0 else math.nan
    terms = [Term(f"log Σk exp(Z{L}[k] - M)", f"log {inside:.6g}", log)]
    M = float(ledger.arrays[f"Z{L}"].max())
    for k in ledger.units(L):
        z, y = ledger.number(f"Z{L}", k), ledger.number("y", k)
        numbers = f"-{y.numbers} ({z.numbers} - {M:.6g})"
        terms.append(Term(f"-{y.names} ({z.names} - M)", numbers, -y.value * (z.value - M)))
    return terms


def product(*factors: Term) -> Term:
    return Term(
        " · ".join(factor.names for factor in factors),
        " · ".join(factor.numbers for factor in factors),
        math.prod(factor.value for factor in factors),
    )


def minus(term: Term) -> Term:
    return Term(f"-{term.names}", f"-{term.numbers}", -term.value)


def exponentials(ledger: Ledger) -> list[Term]:
    """exp(Z - M) of each unit of the last layer, M being the largest Z."""
    L = ledger.network.depth
    Z = ledger.arrays[f"Z{L}"].tolist()
    largest = max(Z)
    return [
        Term(f"exp(Z{L}[{k}] - M)", f"exp({z:.6g} - {largest:.6g})", math.exp(z - largest))
        for k, z in enumerate(Z)
    ]


def activation(l: int) -> str:
    return f"A{l}" if l else "x"


def split(array: str) -> tuple[str, int]:
    """dW2 is of kind dW in layer 2; x, y and E are of no layer (0)."""
    kind = array.rstrip("0123456789")
    return kind, int(array[len(kind) :] or 0)


# --------------------------------------------------------------------------------- its source line


@cache
def find_source(kind: str, l: int, L: int, loss: Loss) -> Source | None:
    """The statement of network.py that computed this array, found by the name it assigns.

    None for what no statement there computes, and if the source cannot be read.
    """
    text, functions = read_equations()
    if kind not in COMPUTED_BY or not functions:
        return None
    wanted = {"E": "E", "x": "A[0]"}.get(kind, f"{kind}[{'L' if l == L else 'l'}]")
    for statement in executed(functions[COMPUTED_BY[kind]].body, loss):
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == wanted:
            code = " ".join((ast.get_source_segment(text, statement) or "").split())
            put_in = ast.unparse(PutIn(l=l, L=L, m=1).visit(deepcopy(statement)))
            return Source("network.py", statement.lineno, code, put_in)
    return None


@cache
def read_equations() -> tuple[str, dict[str, ast.FunctionDef]]:
    """The text of network.py and its functions by name, both empty if it cannot be read."""
    try:
        text = inspect.getsource(equations)
    except OSError:
        return "", {}
    functions = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    return text, {function.name: function for function in functions}


def executed(body: list[ast.stmt], loss: Loss) -> Iterator[ast.stmt]:
    """The statements of a function in order, through loops and the case of this loss."""
    for statement in body:
        match statement:
            case ast.For() | ast.With():
                yield from executed(statement.body, loss)
            case ast.Match():
                for case in statement.cases:
                    if ast.unparse(case.pattern) == repr(loss):
                        yield from executed(case.body, loss)
            case _:
                yield statement


class PutIn(ast.NodeTransformer):
    """Puts numbers for names, and takes sums of two numbers."""

    def __init__(self, **numbers: int) -> None:
        self.numbers = numbers

    def visit_Name(self, node: ast.Name) -> ast.expr:
        number = self.numbers.get(node.id)
        return node if number is None else ast.Constant(number)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.BinOp(ast.Constant(int(a)), ast.Add(), ast.Constant(int(b))):
                return ast.Constant(a + b)
            case ast.BinOp(ast.Constant(int(a)), ast.Sub(), ast.Constant(int(b))):
                return ast.Constant(a - b)
        return node
