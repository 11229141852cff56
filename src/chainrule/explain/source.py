"""The statement of network.py that computed a cell."""

import ast
import inspect
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import NamedTuple

from chainrule import network as equations
from chainrule.network import Loss

# Which function of network.py computes each kind of array.
COMPUTED_BY = {"x": "forward", "Z": "forward", "A": "forward", "E": "error"} | dict.fromkeys(
    ("dA", "dZ", "dW", "db"), "backward"
)


class Source(NamedTuple):
    """The statement of an installed file that computed an array, and the same for its layer."""

    file: str
    line: int
    code: str  # Z[l] = W[l] @ A[l - 1] + b[l]
    put_in: str  # Z[1] = W[1] @ A[0] + b[1]


@cache
def find_source(kind: str, l: int, L: int, loss: Loss, *, decay: bool = False) -> Source | None:
    """The statement of network.py that computed this array, found by the name it assigns.

    With weight decay a second statement changes E and dW; then it is that one. None if no statement
    there computes the array, or if the source cannot be read.
    """
    text, functions = read_equations()
    if kind not in COMPUTED_BY or not functions:
        return None
    wanted = {"E": "E", "x": "A[0]"}.get(kind, f"{kind}[{'L' if l == L else 'l'}]")
    statements = list(executed(functions[COMPUTED_BY[kind]].body, loss, decay))
    if decay and kind in ("E", "dW"):
        wanted, statements = kind if kind == "E" else "dW[l]", statements[::-1]
    for statement in statements:
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


def executed(body: list[ast.stmt], loss: Loss, decay: bool) -> Iterator[ast.stmt]:
    """The statements of a function in order: through loops, the case of this loss, and decay."""
    for statement in body:
        match statement:
            case ast.For() | ast.With():
                yield from executed(statement.body, loss, decay)
            case ast.If() if "weight_decay" in ast.unparse(statement.test):
                yield from executed(statement.body, loss, decay) if decay else ()
            case ast.Match():
                for case in statement.cases:
                    if ast.unparse(case.pattern) == repr(loss):
                        yield from executed(case.body, loss, decay)
            case _:
                yield statement


class PutIn(ast.NodeTransformer):
    """Replaces names by numbers, and works out sums of two numbers: l - 1 becomes 1."""

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
