"""Every number of a pass, enclosed: a second answer to the whole of network.py, in whole numbers.

A parameter and a pixel are fractions whose denominator is a power of 2, and sums, products and ReLU
keep them so. Only softmax, and the loss of cross-entropy, do not. So each number is held between
two whole numbers of UNITs, the same ones as long as it is a whole number of them; else one is
rounded down and the other up, so that the truth never gets out. No floating point takes part.

The equations are those of network.py with m = 1, written again, number by number; exp and log are
series whose remainders are known. Who believes a digit of this file must trust it, Python's whole
numbers, and the reading of the model file. Source: Moore 1966, "Interval Analysis".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, SupportsFloat

from chainrule.network import Network

BITS = 2048
ONE = 1 << BITS  # in UNITs
LEAST = -922 * ONE  # exp of what is below is less than 10⁻⁴⁰⁰, and no more is said of it
TINY = ONE // 10**400 + 1
HALVINGS = 20  # of a number before the series of exp, whose sum is then squared as often
ARRAYS_UP_TO = 200_000  # parameters; of a larger network dW is enclosed cell by cell

Vector = tuple["Enclosure", ...]


class Enclosure(NamedTuple):
    """A number from `low` to `high`, both in UNITs of 2⁻²⁰⁴⁸."""

    low: int
    high: int

    def plus(self, other: "Enclosure") -> "Enclosure":
        """self + other"""
        return Enclosure(self.low + other.low, self.high + other.high)

    def minus(self, other: "Enclosure") -> "Enclosure":
        """self - other"""
        return Enclosure(self.low - other.high, self.high - other.low)

    def times(self, other: "Enclosure") -> "Enclosure":
        """self · other"""
        return dot((self,), (other,))

    def over(self, other: "Enclosure") -> "Enclosure":
        """self / other, of numbers from 0 on, the other above 0."""
        return Enclosure((self.low << BITS) // other.high, -((-self.high << BITS) // other.low))


def whole(number: SupportsFloat, bits: int = BITS) -> Enclosure:
    """A float as it is, in 2⁻ᵇⁱᵗˢ: its denominator is a power of 2 up to 2¹⁰⁷⁴."""
    numerator, denominator = float(number).as_integer_ratio()
    units = numerator << bits + 1 - denominator.bit_length()
    return Enclosure(units, units)


ZERO = Enclosure(0, 0)
HALF, UNITY = Enclosure(ONE // 2, ONE // 2), Enclosure(ONE, ONE)


def dot(one: Sequence[Enclosure], other: Sequence[Enclosure], bits: int = BITS) -> Enclosure:
    """Σ of the products, rounded once, at the end; `one` is in 2⁻ᵇⁱᵗˢ."""
    low = high = 0
    for (a, b), (c, d) in zip(one, other, strict=True):
        if a == b and c == d:
            low, high = low + a * c, high + a * c
        elif a == b or c == d:
            first, last = sorted((a * c, b * d))
            low, high = low + first, high + last
        else:
            ends = (a * c, a * d, b * c, b * d)
            low, high = low + min(ends), high + max(ends)
    return Enclosure(low >> bits, -(-high >> bits))


def weighed(rows: Iterable[Sequence[SupportsFloat]], vector: Vector) -> Vector:
    """W v, of floats and enclosures; a product with 0 is 0 and left out."""
    some, found = [k for k, each in enumerate(vector) if each != ZERO], []
    for row in rows:  # in as few bits as its numbers have
        bits = max((float(row[k]).as_integer_ratio()[1].bit_length() for k in some), default=1) - 1
        found.append(dot([whole(row[k], bits) for k in some], [vector[k] for k in some], bits))
    return tuple(found)


def total(numbers: Iterable[Enclosure]) -> Enclosure:
    lows, highs = zip(*numbers, strict=True)
    return Enclosure(sum(lows), sum(highs))


def exp(number: Enclosure) -> Enclosure:
    """e to a number that is at most 0; it grows with the number."""
    low = exp_of(number.low)
    return low if number.low == number.high else Enclosure(low.low, exp_of(number.high).high)


def exp_of(units: int) -> Enclosure:
    """e to -s · 2²⁰, by Σ (-s)ⁿ/n! and 20 squarings.

    The terms get smaller and change their sign, so what is left out is less than the last term.
    """
    if units < LEAST:
        return Enclosure(0, TINY)
    s = Enclosure(-units >> HALVINGS, -(units >> HALVINGS))
    found, term, n = UNITY, UNITY, 0
    while term.high > 1:
        n += 1
        term = term.times(s)
        term = Enclosure(term.low // n, -(-term.high // n))
        found = found.minus(term) if n % 2 else found.plus(term)
    found = Enclosure(found.low - term.high, found.high + term.high)
    for _ in range(HALVINGS):
        found = found.times(found)
    return Enclosure(max(found.low, 0), min(found.high, ONE))


def log(number: Enclosure) -> Enclosure:
    """The logarithm of a number that is at least 1/2; it grows with the number."""
    return Enclosure(log_of(number.low).low, log_of(number.high).high)


def log_of(units: int) -> Enclosure:
    """log(2ᵏ w) = k log 2 + log w, with w from 1 up to 2, of twice the number; less log 2."""
    k = (2 * units).bit_length() - BITS - 1
    two = log_near_1(2 * ONE, ONE)
    rest = log_near_1(2 * units, ONE << k)
    return Enclosure(k * two.low + rest.low, k * two.high + rest.high).minus(two)


def log_near_1(a: int, b: int) -> Enclosure:
    """log(a/b) = 2 (u + u³/3 + u⁵/5 + …), u = (a - b)/(a + b), with a/b from 1 to 2.

    u is at most 1/3: all that is left out is less than an eighth of the last power.
    """
    u = Enclosure(a - b, a - b).over(Enclosure(a + b, a + b))
    square = u.times(u)
    found, power, n = u, u, 1
    while power.high > 1:
        n += 2
        power = power.times(square)
        found = found.plus(Enclosure(power.low // n, -(-power.high // n)))
    return Enclosure(2 * found.low, 2 * (found.high + power.high))


def exponentials(Z: Vector) -> tuple[int, Vector]:
    """The greatest that a Z can be, and e to each Z less that, which is at most 1."""
    most = max(z.high for z in Z)
    return most, tuple(exp(Enclosure(z.low - most, z.high - most)) for z in Z)


@dataclass(frozen=True, eq=False)
class Exact:
    """The pass of one image, enclosed, with the names and places that its numbers have in a ledger.

    `vectors` has all but the weights and the derivatives by them. It has no dA[L] of cross-entropy,
    -1/A[L] for the true label, where that A[L] is only known to be below 10⁻⁴⁰⁰.
    """

    network: Network
    vectors: dict[str, Vector]

    def rows(self, array: str) -> list[Vector]:
        """A whole array, row by row, a vector as its only one; ValueError for too large a one."""
        if array in self.vectors:
            return [self.vectors[array]]
        if (size := self.network.parameters.size) > ARRAYS_UP_TO:
            raise ValueError(f"of {size:,} parameters, over {ARRAYS_UP_TO:,}, ask for single cells")
        l = int(array.lstrip("dW"))
        return [self.row(array, l, unit) for unit in range(self.network.sizes[l])]

    def row(self, array: str, l: int, unit: int) -> Vector:
        """W[l][unit,:], or dW[l][unit,:]."""
        return tuple(self.cell(array, unit, k) for k in range(self.network.sizes[l - 1]))

    def cell(self, array: str, *index: int) -> Enclosure:
        """One number, dW[l] = dZ[l] A[l-1]ᵀ + λ W[l]; KeyError or IndexError for no such one."""
        if len(index) < 2:
            return self.vectors[array][index[0] if index else 0]
        (unit, k), l = index, int(array.lstrip("dW"))
        w, decay = whole(self.network.layers[l - 1][0][index]), whole(self.network.weight_decay)
        if array[0] == "W":
            return w
        dW = self.vectors[f"dZ{l}"][unit].times(self.vectors[f"A{l - 1}" if l > 1 else "x"][k])
        return dW if decay == ZERO else dW.plus(decay.times(w))


def exact(network: Network, x: Sequence[SupportsFloat], label: int) -> Exact:
    """The pass of an image x (inputs,) whose true label is `label`, every number of it enclosed.

    x and the parameters are taken as the floats they are. Raises ValueError for those that are not
    finite or for an x of another length, IndexError for a label that the network has no unit for.
    """
    L, classes = network.depth, network.sizes[-1]
    if len(x) != network.sizes[0]:
        raise ValueError(f"x must have {network.sizes[0]} numbers, got {len(x)}")
    if not 0 <= label < classes:
        raise IndexError(f"the label must be from 0 to {classes - 1}, got {label}")
    found: dict[str, Vector] = {}
    A = [tuple(map(whole, x))]
    Z: list[Vector] = [()]
    for l, (W, bias) in enumerate(network.layers, 1):
        b = tuple(map(whole, bias[:, 0].tolist()))
        Z.append(tuple(z.plus(each) for z, each in zip(weighed(W.tolist(), A[-1]), b, strict=True)))
        e = exponentials(Z[l])[1] if l == L else ()
        hidden = [Enclosure(max(0, z.low), max(0, z.high)) for z in Z[l]]
        A.append(tuple(each.over(total(e)) for each in e) or tuple(hidden))
        found |= {f"b{l}": b, f"Z{l}": Z[l], f"A{l}": A[l]}
    Y = tuple(UNITY if k == label else ZERO for k in range(classes))
    found |= {"x": A[0], "y": Y, "E": (loss(network, Z[L], A[L], label),)}

    away = tuple(a.minus(y) for a, y in zip(A[L], Y, strict=True))
    if network.loss == "squared_error":
        found[f"dA{L}"] = away
        mean = dot(A[L], away)
        dZ = tuple(a.times(d.minus(mean)) for a, d in zip(A[L], away, strict=True))
    else:
        if A[L][label].low > 0:
            of_label = ZERO.minus(UNITY.over(A[L][label]))
            found[f"dA{L}"] = tuple(of_label if y == UNITY else ZERO for y in Y)
        dZ = away
    for l in range(L, 0, -1):
        found |= {f"dZ{l}": dZ, f"db{l}": dZ}
        if l > 1:
            dA = weighed(network.layers[l - 1][0].T.tolist(), dZ)
            dZ = tuple(map(through_relu, dA, Z[l - 1]))
            found[f"dA{l - 1}"] = dA
    return Exact(network, found)


def through_relu(da: Enclosure, z: Enclosure) -> Enclosure:
    """da where z > 0, 0 where it is not, and both where that cannot be said."""
    if z.low > 0:
        return da
    return ZERO if z.high <= 0 else Enclosure(min(da.low, 0), max(da.high, 0))


def loss(network: Network, Z: Vector, A: Vector, label: int) -> Enclosure:
    """E = 1/2 Σ (A - Y)², or log Σ exp(Z) - Z[label]; and λ/2 of the sum of all squared weights."""
    if network.loss == "squared_error":
        away = [a.minus(UNITY) if k == label else a for k, a in enumerate(A)]
        E = dot(away, away).times(HALF)
    else:
        most, e = exponentials(Z)
        E = log(total(e)).plus(Enclosure(most, most)).minus(Z[label])
    if network.weight_decay:
        rows = (row for W, _ in network.layers for row in W.tolist())
        squares = total(weighed([row], tuple(map(whole, row)))[0] for row in rows)
        E = E.plus(squares.times(whole(network.weight_decay)).times(HALF))
    return E
