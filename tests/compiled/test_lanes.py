"""Each operation on lanes is one line of NumPy in float32, to the bit."""

import math
import platform
from fractions import Fraction

import numpy as np
import pytest
from numba import njit
from numba.core.registry import cpu_target

from chainrule.engine.compiled.lanes import (
    address,
    exponent,
    fma,
    has_wide_registers,
    if_equal,
    if_less,
    load,
    mantissa,
    power_of_two,
    root,
    spread,
    store,
    total,
    turn,
    zeros,
)
from chainrule.engine.compiled.layers import WIDE

f = np.float32
SIXTEEN, SIXTY_FOUR = zeros(16), zeros(64)
OPERATIONS = {
    "a + b": lambda a, b, c, x: a + b,
    "a - b": lambda a, b, c, x: a - b,
    "a * b": lambda a, b, c, x: a * b,
    "a / b": lambda a, b, c, x: a / b,
    "a + x": lambda a, b, c, x: a + x,
    "x - a": lambda a, b, c, x: x - a,
    "a * x": lambda a, b, c, x: a * x,
    "x / a": lambda a, b, c, x: x / a,
    "root": lambda a, b, c, x: np.sqrt(a),
    "if_less": lambda a, b, c, x: np.where(a < b, c, a),
    "if_equal": lambda a, b, c, x: np.where(a == b, c, a),
    "spread": lambda a, b, c, x: np.full_like(a, x),
}


def computing(zero, width):
    """A compiled function: row r of `out` becomes operation r of rows a, b, c and of x."""

    @njit
    def compute(a, b, c, x, out):
        size = len(a)
        to = address(out)
        for i in range(0, size, width):
            p, q = load(zero(), address(a), i), load(zero(), address(b), i)
            r = load(zero(), address(c), i)
            store(to, i, p + q)
            store(to, size + i, p - q)
            store(to, 2 * size + i, p * q)
            store(to, 3 * size + i, p / q)
            store(to, 4 * size + i, p + x)
            store(to, 5 * size + i, x - p)
            store(to, 6 * size + i, p * x)
            store(to, 7 * size + i, x / p)
            store(to, 8 * size + i, root(p))
            store(to, 9 * size + i, if_less(p, q, r, p))
            store(to, 10 * size + i, if_equal(p, q, r, p))
            store(to, 11 * size + i, spread(zero(), x))
            store(to, 12 * size + i, fma(p, q, r))
            store(to, 13 * size + i, fma(x, q, r))

    return compute


def taking_apart(zero, width):
    @njit
    def compute(x, n, out, sums):
        size = len(x)
        for i in range(0, size, width):
            lanes = load(zero(), address(x), i)
            store(address(out), i, exponent(lanes))
            store(address(out), size + i, mantissa(lanes))
            store(address(out), 2 * size + i, power_of_two(load(zero(), address(n), i)))
            sums[i // width] = total(lanes)

    return compute


@njit
def turned(source, i, row, target, j, column):
    turn(address(source), i, row, address(target), j, column)


WIDTHS = {
    width: (computing(zero, width), taking_apart(zero, width))
    for width, zero in ((16, SIXTEEN), (64, SIXTY_FOUR))
}
ODD = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1e-38, 3.4e38, -3.4e38]


def any_numbers(rng, count):
    """float32 of every kind: random bits, ordinary numbers, and each odd one beside each other."""
    bits = rng.integers(0, 2**32, count, np.uint32).view(f)
    plain = rng.standard_normal(count).astype(f)
    return np.concatenate([bits, plain, np.resize(rng.permutation(ODD * 20), count).astype(f)])


def same(found, wanted):
    """Bit for bit; any NaN is as good as another."""
    both = np.isnan(found) & np.isnan(wanted)
    return (both | (found.view(np.uint32) == wanted.view(np.uint32))).all()


@pytest.fixture(scope="module", params=[16, 64])
def computed(request):
    """Rows a, b, c, a number x, and what came of them."""
    rng = np.random.default_rng(0)
    a, b, c = (any_numbers(rng, 640) for _ in range(3))
    b[::7] = a[::7]
    x = f(0.37)
    out = np.empty((14, len(a)), f)
    WIDTHS[request.param][0](a, b, c, x, out)
    return a, b, c, x, out


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_that_of_numpy(computed, name):
    a, b, c, x, out = computed
    with np.errstate(all="ignore"):
        wanted = OPERATIONS[name](a, b, c, x)
    assert same(out[list(OPERATIONS).index(name)], wanted.astype(f))


def rounded(exact):
    """The float32 that is nearest to a fraction, the even one of two."""
    if exact == 0:
        return 0.0
    size = abs(exact)
    e = math.frexp(float(size))[1] if Fraction(1, 2**200) < size < 2**200 else -149
    e = max(e - 24, -149)
    while size >= Fraction(2) ** (e + 24):
        e += 1
    units = round(size / Fraction(2) ** e)  # Python rounds halves to even
    value = float(Fraction(units) * Fraction(2) ** e)
    value = math.inf if value >= 2.0**128 else value
    return math.copysign(value, exact)


@pytest.mark.parametrize("scalar", [False, True])
def test_fma_is_rounded_once(computed, scalar):
    a, b, c, x, out = computed
    factors = np.full_like(a, x) if scalar else a
    finite = np.flatnonzero(np.isfinite(factors) & np.isfinite(b) & np.isfinite(c))
    assert len(finite) > 1000
    for k in finite:
        found = out[12 + scalar, k]
        exact = Fraction(float(factors[k])) * Fraction(float(b[k])) + Fraction(float(c[k]))
        assert found == f(rounded(exact)), (factors[k], b[k], c[k])


def test_fma_is_not_two_roundings(computed):
    a, b, c, _, out = computed
    with np.errstate(all="ignore"):
        assert not same(out[12], a * b + c)


@pytest.fixture(scope="module", params=[16, 64])
def apart(request):
    rng = np.random.default_rng(1)
    x = np.abs(any_numbers(rng, 640))
    x = np.where(np.isfinite(x) & (x >= np.finfo(f).tiny), x, f(1.5))
    n = np.resize(np.arange(-126, 128), len(x)).astype(f)
    out, sums = np.empty((3, len(x)), f), np.empty(len(x) // request.param, f)
    WIDTHS[request.param][1](x, n + f(1.5 * 2**23), out, sums)
    return x, n, out, sums


def test_exponent_and_mantissa_take_a_number_apart(apart):
    x, _, (exponents, mantissas, _), _ = apart
    m, e = np.frexp(x)
    assert np.array_equal(exponents, e - 1)
    assert np.array_equal(mantissas, 2 * m)


def test_power_of_two(apart):
    _, n, (_, _, powers), _ = apart
    assert np.array_equal(powers, np.exp2(n.astype(np.float64)))


def test_total_adds_the_upper_half_to_the_lower_again_and_again(apart):
    x, _, _, found = apart
    sums = x.reshape(len(found), -1)
    with np.errstate(over="ignore"):
        while (half := sums.shape[1] // 2) > 0:
            sums = sums[:, :half] + sums[:, half:]
    assert same(found, sums[:, 0])


@pytest.mark.parametrize(("row", "column"), [(16, 16), (16, 40), (33, 16), (64, 80)])
def test_turn_is_transposed(row, column):
    rng = np.random.default_rng(2)
    source = rng.standard_normal(16 * row + 3).astype(f)
    target = np.zeros(16 * column + 5, f)
    turned(source, 3, row, target, 5, column)
    block = source[3:].reshape(16, row)[:, :16]
    found = target[5:].reshape(16, column)
    assert np.array_equal(found[:, :16], block.T)
    assert not found[:, 16:].any()


def test_turned_twice_in_its_place_it_is_as_it_was():
    block = np.arange(256, dtype=f)
    again = block.copy()
    for _ in range(2):
        turned(again, 0, 16, again, 0, 16)
    assert np.array_equal(again, block)


def test_wide_registers_are_those_of_avx_512():
    assert has_wide_registers() is (WIDE == 64)
    features = set(cpu_target.target_context.codegen().magic_tuple()[2].split(","))
    if has_wide_registers():
        assert "+avx512f" in features
    elif "+avx512f" in features:
        assert "+prefer-256-bit" in features or "x86" not in platform.machine()
