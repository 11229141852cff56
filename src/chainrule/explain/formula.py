"""A formula of one's own, read by the parser below: never given to Python.

    comparison = sum [(< | <= | > | >= | ==) sum]              1 where it is true, else 0
    sum        = product {(+ | -) product}
    product    = signed {(* | / | @) signed}                   * cell by cell, @ of matrices
    signed     = (+ | -) signed | power
    power      = factor [² | ** signed]                        by a constant from -8 to 8
    factor     = (number | name | function(…) | (comparison)) {.T}

Names are those of one image's ledger; W, b, Z, A, dA, dZ, dW and db without a number are the last
layer's. `evaluation` computes the tree that is read.
"""

import math
import re
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import numpy as np

from chainrule.explain.differences import quiet
from chainrule.explain.ledger import Ledger, split
from chainrule.explain.tree import (
    FUNCTIONS,
    SIGNS,
    Call,
    Joined,
    Name,
    Negative,
    Node,
    Number,
    Power,
    Transposed,
)

LENGTH = 500  # characters of a formula
DEPTH = 30  # of brackets and signs in each other
EXPONENT = 8.0


class FormulaError(ValueError):
    """A formula that cannot be read or computed: why, in one line, and at which character."""

    def __init__(self, reason: str, at: int | None = None) -> None:
        super().__init__(reason if at is None else f"{reason}, at character {at + 1}")
        self.at = at  # from 0


# ------------------------------------------------------------------------------------ the words

SAME = dict.fromkeys("−–", "-") | dict.fromkeys("·×⊙∘⋅∗", "*")
SAME |= {"÷": "/", "≤": "<=", "≥": ">=", "^": "**", "ᵀ": ".T"}
TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]+|\.(?![A-Za-z]))?|\.[0-9]+)(?:[eE][-+−]?[0-9]+)?)"
    r"|(?P<name>[A-Za-zλΣ][A-Za-z0-9_₀-₉]*)"
    r"|(?P<sign>\*\*|<=|>=|==|\.\s*[Tt]\b|[-+*/@<>=(),²" + "".join(SAME) + r"])"
    r"|(?P<end>\Z))"
)
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789", "_")
NUMBERED = ("W", "b", "Z", "A", "dA", "dZ", "dW", "db")
ALSO = {"X": "x", "A0": "x", "Y": "y", "lambda": "λ"}
HINTS = {
    "Σ": "write sum( ) for Σ",
    "ln": "write log for ln",
    "sqrt": "write ** 0.5 for a square root",
    "T": "write .T after an array, as in A1.T",
    "softmax": "softmax(Z) of the last layer is A",
}


NO_PART = {
    "[": ": it takes whole arrays",
    "]": ": it takes whole arrays",
    ".": ": write functions alone, as in sum(A)",
    "∑": ": write sum( )",
    "′": ": write ReLU′(Z1) as (Z1 > 0)",
    "'": ": write ReLU′(Z1) as (Z1 > 0), and .T to transpose",
}


class Token(NamedTuple):
    """A word of a formula, as it is meant and as it was written."""

    kind: str  # number, name, sign or end
    text: str
    at: int
    came: str = ""


def tokenise(text: str) -> list[Token]:
    """The words of a formula, the last one of kind end."""
    found: list[Token] = []
    at = 0
    while True:
        match = TOKEN.match(text, at)
        if not match:
            at += len(text[at:]) - len(text[at:].lstrip())
            reason = f"{quoted(text[at])} is no part of a formula{NO_PART.get(text[at], '')}"
            raise FormulaError(reason, at)
        kind = str(match.lastgroup)
        word, at = match[kind], match.end()
        meant = SAME.get(word, word)
        if meant[:1] == "." and kind == "sign":
            meant = ".T"
        found.append(Token(kind, meant, match.start(kind), word))
        if kind == "end":
            return found


def quoted(text: str) -> str:
    """A word as it came, printable and never long."""
    return repr(text if len(text) <= 20 else f"{text[:17]}...")


# ----------------------------------------------------------------------------------- the reading


class Reader:
    """The words of a formula, taken one after the other; a method for each line of the grammar."""

    def __init__(self, tokens: list[Token], name: Callable[[Token], str]) -> None:
        self.tokens, self.name = tokens, name
        self.taken = self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.taken]

    def take(self, *texts: str) -> Token | None:
        """The next word, if it is one of these signs."""
        token = self.next
        if token.kind != "sign" or token.text not in texts:
            return None
        self.taken += 1
        return token

    def refuse(self, wanted: str) -> NoReturn:
        token = self.next
        came = "the end of the formula" if token.kind == "end" else quoted(token.came)
        raise FormulaError(f"expected {wanted}, got {came}", token.at)

    def deeper(self, by: int) -> None:
        self.depth += by
        if self.depth > DEPTH:
            raise FormulaError(f"brackets and signs are nested deeper than {DEPTH}", self.next.at)

    def whole(self) -> Node:
        node = self.comparison()
        token = self.next
        match token.text:
            case "=":
                raise FormulaError("type what stands right of = alone, or == to compare", token.at)
            case "," if self.taken and self.tokens[self.taken - 1].kind == "number":
                self.refuse("an operator or the end (write 0.5 with a point)")
            case "<" | "<=" | ">" | ">=" | "==":
                raise FormulaError("compare two things at a time", token.at)
        if token.kind != "end":
            self.refuse("an operator such as * or the end")
        return node

    def comparison(self) -> Node:
        left = self.sum()
        token = self.take("<", "<=", ">", ">=", "==")
        return Joined(token.text, left, self.sum(), token.at) if token else left

    def sum(self) -> Node:
        left = self.product()
        while token := self.take("+", "-"):
            left = Joined(token.text, left, self.product(), token.at)
        return left

    def product(self) -> Node:
        left = self.signed()
        while token := self.take("*", "/", "@"):
            left = Joined(token.text, left, self.signed(), token.at)
        return left

    def signed(self) -> Node:
        token = self.take("+", "-")
        if not token:
            return self.power()
        self.deeper(1)
        operand = self.signed()
        self.deeper(-1)
        return Negative(operand) if token.text == "-" else operand

    def power(self) -> Node:
        base = self.factor()
        if self.take("²"):
            return Power(base, 2.0)
        if not (token := self.take("**")):
            return base
        self.deeper(1)
        exponent = constant(self.signed())
        self.deeper(-1)
        if exponent is None or not abs(exponent) <= EXPONENT:
            raise FormulaError(
                f"an exponent must be a number from -{EXPONENT:g} to {EXPONENT:g}", token.at
            )
        return Power(base, exponent)

    def factor(self) -> Node:
        node = self.atom()
        turned = False
        while self.take(".T"):
            turned = not turned
        return Transposed(node) if turned else node

    def atom(self) -> Node:
        token = self.next
        if token.kind == "number":
            self.taken += 1
            value = float(token.text.replace("−", "-"))
            if value == math.inf:
                raise FormulaError(f"{quoted(token.text)} is too large a number", token.at)
            return Number(value)
        if token.kind == "name":
            self.taken += 1
            function = token.text.lower()
            if function in FUNCTIONS:
                return self.call(function, token)
            return Name(self.name(token))
        if not self.take("("):
            self.refuse("a name, a number or (")
        (node,) = self.inside(1, "brackets")
        return node

    def call(self, function: str, token: Token) -> Node:
        if not self.take("("):
            self.refuse(f"( after {function}")
        most = 2 if function == "max" else 1
        return Call(function, tuple(self.inside(most, function)), token.at)

    def inside(self, most: int, what: str) -> list[Node]:
        """What stands in brackets, parted by commas, and the bracket that ends it."""
        self.deeper(1)
        found = [self.comparison()]
        while self.next.text == "," and len(found) < most:
            self.taken += 1
            found.append(self.comparison())
        if self.next.text == ",":
            takes = "two arguments" if most == 2 else "one argument, and takes all its numbers"
            decimal = self.tokens[self.taken - 1].kind == "number"
            hint = "write 0.5 with a point" if decimal else f"{what} has {takes}"
            self.refuse(f") ({hint})")
        if not self.take(")"):
            self.refuse(")" if self.next.kind == "end" else "an operator such as * or )")
        self.deeper(-1)
        return found


def constant(node: Node) -> float | None:
    """The number that a tree without names is, or None."""
    match node:
        case Number(value):
            return value
        case Negative(operand):
            inner = constant(operand)
            return None if inner is None else -inner
        case Joined(sign, left, right) if sign in ("+", "-", "*", "/"):
            first, second = constant(left), constant(right)
            if first is None or second is None or (sign == "/" and second == 0):
                return None
            return float(SIGNS[sign](np.array(first), np.array(second)))
    return None


# ------------------------------------------------------------------------- names of one's ledger


def targets(ledger: Ledger) -> list[str]:
    """The arrays that a formula may be for: every derivative, from the last layer on."""
    return [name for name in ledger.arrays if name.startswith("d")]


@quiet
def read_formula(ledger: Ledger, target: str, text: str) -> Node:
    """The tree of a formula for an array of derivatives such as dZ2.

    Raises FormulaError if it cannot be read, or names what is computed from its own target.
    """
    if len(text) > LENGTH:
        raise FormulaError(f"a formula has at most {LENGTH} characters, got {len(text)}")

    def name(token: Token) -> str:
        whole = whole_name(ledger, token.text)
        if whole not in ledger.arrays and whole not in ("m", "λ"):
            raise FormulaError(unknown(ledger, whole), token.at)
        if whole == target:
            reason = f"{whole} is what the formula is for: use what it comes from"
            raise FormulaError(reason, token.at)
        if comes_from(whole, target):
            reason = f"{whole} is computed from {target}: use what {target} comes from"
            raise FormulaError(reason, token.at)
        return whole

    tokens = tokenise(text)
    if len(tokens) > 1 and tokens[1].text == "=":
        if whole_name(ledger, tokens[0].text) != target:
            raise FormulaError(f"the formula is for {target}: type what it is", tokens[0].at)
        tokens = tokens[2:]
    if tokens[0].kind == "end":
        raise FormulaError("there is no formula yet")
    return Reader(tokens, name).whole()


def whole_name(ledger: Ledger, text: str) -> str:
    """The name that is meant: A2 for A or A_2 or A₂, x for A0."""
    plain = text.translate(SUBSCRIPTS)
    return ALSO.get(plain, f"{plain}{ledger.network.depth}" if plain in NUMBERED else plain)


def comes_from(name: str, target: str) -> bool:
    """Whether an array of derivatives is computed from another."""
    (kind, l), (of, at) = split(name), split(target)
    if not kind.startswith("d") or of in ("dW", "db"):
        return False
    return l < at or (l == at and of == "dA") or (l == at and kind in ("dW", "db"))


def unknown(ledger: Ledger, name: str) -> str:
    """What to say of a name that is not there."""
    if name in HINTS:
        return HINTS[name]
    alike = [each for each in ledger.arrays if each.lower() == name.lower()]
    alike += [each for each in NUMBERED if each.lower() == name.lower()]
    if alike:
        return f"there is no {quoted(name)}; did you mean {alike[0]}?"
    L = ledger.network.depth
    return (
        f"there is no {quoted(name)}; names are x, y, m, E, and W, b, Z, A, dA, dZ, dW, db "
        f"with the number of a layer, 1 to {L}; functions are {', '.join(FUNCTIONS)}"
    )
