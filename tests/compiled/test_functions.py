"""exp and log in lanes beside float64, over all the numbers they are promised for."""

import numpy as np
import pytest
from numba import njit

from chainrule.engine.compiled.functions import exp, log
from chainrule.engine.compiled.lanes import address, load, store, zeros

EXP, LOG = 1.1, 2.0  # units in the last place
LEAST = np.float32(-87.3)
sixteen = zeros(16)


@njit(nogil=True)
def exp_of(x, y):
    for i in range(0, len(x), 16):
        store(address(y), i, exp(load(sixteen(), address(x), i)))


@njit(nogil=True)
def log_of(x, y):
    for i in range(0, len(x), 16):
        store(address(y), i, log(load(sixteen(), address(x), i)))


def of(function, x):
    """The function of each x, in lanes."""
    x = np.asarray(x, np.float32)
    padded = np.ones(-(-len(x) // 16) * 16, np.float32)
    padded[: len(x)] = x
    y = np.empty_like(padded)
    function(padded, y)
    return y[: len(x)]


def units_off(found, true):
    """By how many units in the last place, at most; the unit is that of the true number."""
    unit = 2.0 ** (np.maximum(np.floor(np.log2(np.abs(true))), -126) - 23)
    return float(np.max(np.abs(found - true) / unit))


def floats(first, last, step=1):
    """The float32 from first to last, every so many; both are positive."""
    bits = np.array([first, last], np.float32).view(np.uint32)
    return np.arange(bits[0], int(bits[1]) + 1, step, np.uint32).view(np.float32)


def largest(x, function, true):
    return units_off(of(function, x), true(x.astype(np.float64)))


@pytest.mark.parametrize("step", [701, 1009])
def test_exp_is_off_by_little(step):
    assert largest(-floats(1e-9, 87.3, step), exp_of, np.exp) <= EXP


@pytest.mark.parametrize("step", [1999, 3001])
def test_log_is_off_by_little(step):
    x = np.concatenate([floats(1, np.finfo(np.float32).max, step)[1:], floats(1.0001, 2, 11)])
    assert largest(x, log_of, np.log) <= LOG


@pytest.mark.long
@pytest.mark.parametrize(
    ("first", "last", "sign", "function", "true", "limit"),
    [(1e-9, 87.3, -1, exp_of, np.exp, EXP), (1, 3.4e38, 1, log_of, np.log, LOG)],
)
def test_every_float32_is_off_by_little(first, last, sign, function, true, limit):
    begin, end = np.array([first, last], np.float32).view(np.uint32)
    for bits in range(begin + 1, end + 1, 1 << 22):
        x = np.arange(bits, min(bits + (1 << 22), end + 1), dtype=np.uint32).view(np.float32)
        assert largest(sign * x, function, true) <= limit, (x[0], x[-1])


def test_exact_values():
    assert of(exp_of, [0, -0.0]).tolist() == [1, 1]
    assert of(log_of, [1, 2]).tolist() == [0, float(np.float32(np.log(2)))]


def test_exp_of_all_that_is_below_is_0():
    """Between the least x and there, numbers are the normal ones."""
    below = [np.nextafter(LEAST, np.float32(-100)), -88, -1000, -3e38, -np.inf]
    assert of(exp_of, below).tolist() == [0] * 5
    assert of(exp_of, [LEAST])[0] >= np.finfo(np.float32).tiny
    assert not np.signbit(of(exp_of, below)).any()


def test_tiny_numbers_change_nothing():
    assert (of(exp_of, [-1e-9, -1e-38, -1e-45]) == 1).all()


def test_what_is_not_finite_stays_so():
    assert np.isnan(of(exp_of, [np.nan, -np.nan])).all()
    assert np.isnan(of(log_of, [np.nan, np.inf])).all()


def test_neighbours_keep_their_order():
    """Where x grows, exp never falls by more than rounding: the pieces of the series meet."""
    x = -floats(0.3, 0.4, 7)[::-1]
    assert (np.diff(of(exp_of, x)) >= -2 * np.spacing(np.float32(0.8))).all()
    x = floats(1.4, 1.43)
    assert (np.diff(of(log_of, x)) >= -2 * np.spacing(np.float32(0.35))).all()
