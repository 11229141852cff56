"""A network small enough for a sheet of paper, and its pass in fractions.

3 → 2 → 3, with whole numbers and halves, so that W, Z1, A1 and Z2 are exact by hand. e to each Z2
is rounded to four decimals, as it is printed; from there on everything is exact again.
"""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from hashlib import sha256
from random import Random
from typing import NamedTuple

Vector = tuple[Fraction, ...]
Matrix = tuple[Vector, ...]

HALF = Fraction(1, 2)
PIXELS = (Fraction(0), HALF, Fraction(1))
WEIGHTS_1 = tuple(map(Fraction, (-2, -1, 1, 2)))
WEIGHTS_2 = (Fraction(-1), -HALF, HALF, Fraction(1))
BIASES = tuple(map(Fraction, (-1, 0, 1)))
MOST_1, MOST_2 = 3, 2  # of |Z1| and |Z2|
LAST_PLACE = Decimal("0.0001")


class Small(NamedTuple):
    """A network 3 → 2 → 3, an image of three pixels, and its true label."""

    x: Vector
    W1: Matrix
    b1: Vector
    W2: Matrix
    b2: Vector
    label: int


class Pass(NamedTuple):
    """The numbers of a forward pass, exact from the printed powers of e."""

    Z1: Vector
    A1: Vector
    Z2: Vector
    powers: Vector  # e to each Z2, as it is printed
    S: Fraction  # their sum
    A2: Vector
    y: Vector


def draw_networks(seed: int, pupils: int) -> tuple[Small, ...]:
    """A network for each pupil, no two the same; in every third one a hidden unit is off."""
    found: list[Small] = []
    for pupil in range(1, pupils + 1):
        rng = Random(int.from_bytes(sha256(f"{seed} {pupil}".encode()).digest()))
        small = draw_network(rng)
        while small in found or not suits(small, off=pupil % 3 == 0):
            small = draw_network(rng)
        found.append(small)
    return tuple(found)


def draw_network(rng: Random) -> Small:
    return Small(
        x=draw(rng, PIXELS, 3),
        W1=(draw(rng, WEIGHTS_1, 3), draw(rng, WEIGHTS_1, 3)),
        b1=draw(rng, BIASES, 2),
        W2=tuple(draw(rng, WEIGHTS_2, 2) for _ in range(3)),
        b2=draw(rng, BIASES, 3),
        label=int(rng.random() * 3),
    )


def draw(rng: Random, values: Vector, n: int) -> Vector:
    # Of Random only random() gives the same numbers in every version of Python.
    return tuple(values[int(rng.random() * len(values))] for _ in range(n))


def suits(small: Small, *, off: bool) -> bool:
    """Whether the sums are small, something is to be learned, and a unit is off or none is."""
    Z1 = layer(small.W1, small.x, small.b1)
    Z2 = layer(small.W2, relu(Z1), small.b2)
    on = sum(z > 0 for z in Z1)
    return (
        sum(x > 0 for x in small.x) >= 2
        and all(0 < abs(z) <= MOST_1 for z in Z1)
        and on == (1 if off else 2)
        and all(abs(z) <= MOST_2 for z in Z2)
        and len(set(Z2)) == 3
        and small.label != Z2.index(max(Z2))
        # Else no blame would reach a hidden unit: the cells of dZ2 add up to 0.
        and all(len(set(weights)) > 1 for weights in zip(*small.W2, strict=True))
    )


def pass_of(small: Small) -> Pass:
    """The forward pass."""
    Z1 = layer(small.W1, small.x, small.b1)
    A1 = relu(Z1)
    Z2 = layer(small.W2, A1, small.b2)
    powers = tuple(map(printed_power, Z2))
    S = sum(powers, Fraction(0))
    y = tuple(Fraction(i == small.label) for i in range(3))
    return Pass(Z1, A1, Z2, powers, S, tuple(power / S for power in powers), y)


def layer(W: Matrix, A: Vector, b: Vector) -> Vector:
    return tuple(dot(row, A) + bias for row, bias in zip(W, b, strict=True))


def relu(Z: Vector) -> Vector:
    return tuple(max(Fraction(0), z) for z in Z)


def dot(a: Vector, b: Vector) -> Fraction:
    return sum((p * q for p, q in zip(a, b, strict=True)), Fraction(0))


def minus(a: Vector, b: Vector) -> Vector:
    return tuple(p - q for p, q in zip(a, b, strict=True))


def squared_error(A: Vector, y: Vector) -> Fraction:
    """1/2 Σ (A - y)²."""
    difference = minus(A, y)
    return dot(difference, difference) / 2


def dZ_of(A: Vector, dA: Vector) -> Vector:
    """The derivatives by Z2: dZ = A (dA - Σ A dA)."""
    mean = dot(A, dA)
    return tuple(a * (d - mean) for a, d in zip(A, dA, strict=True))


def jacobian_of(A: Vector) -> Matrix:
    """∂A[i]/∂Z[k] = A[i] ((i = k) - A[k]) in row i, column k."""
    return tuple(
        tuple(A[i] * (Fraction(i == k) - A[k]) for k in range(len(A))) for i in range(len(A))
    )


def printed_power(z: Fraction) -> Fraction:
    """e to this power, rounded to four decimals; the same on every machine."""
    with localcontext(prec=40):
        return rounded((Decimal(z.numerator) / Decimal(z.denominator)).exp())


def printed_log(value: Fraction) -> Fraction:
    """The natural logarithm, rounded to four decimals."""
    with localcontext(prec=40):
        return rounded((Decimal(value.numerator) / Decimal(value.denominator)).ln())


def rounded(value: Decimal) -> Fraction:
    return Fraction(value.quantize(LAST_PLACE, ROUND_HALF_EVEN))
