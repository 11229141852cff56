"""exp and log in lanes, made of operations that are rounded the same way everywhere.

The power of two is taken apart, a series gives the rest: Cody and Waite 1980, "Software Manual for
the Elementary Functions". Tested: exp is off by at most 1.1 units in the last place for
-87.3 ≤ x ≤ 0, log by at most 2 for 1 ≤ x.
"""

import numpy as np

from chainrule.engine.compiled.lanes import (
    exponent,
    fma,
    if_less,
    inner,
    mantissa,
    power_of_two,
    spread,
)

f = np.float32
LEAST = f(-87.3)  # below, exp(x) is taken as 0: it would be less than 1.3e-38
SHIFT = f(1.5 * 2**23)  # a number to which it was added has no digits behind the point
LOG2_E = f(1.4426950408889634)
LN2_HIGH, LN2_LOW = f(0.693359375), f(-2.12194440e-4)  # ln 2 is their sum; n · the first is exact
ROOT_2 = f(1.4142135)


@inner
def exp(x):
    """eˣ for x ≤ 0, but 0 for x < -87.3; NaN for NaN."""
    shifted = fma(LOG2_E, x, spread(x, SHIFT))
    n = shifted - SHIFT
    r = fma(-LN2_LOW, n, fma(-LN2_HIGH, n, x))  # x - n ln 2, at most ln(2)/2 from 0
    p = spread(x, f(1 / 5040))
    p = fma(p, r, spread(x, f(1 / 720)))
    p = fma(p, r, spread(x, f(1 / 120)))
    p = fma(p, r, spread(x, f(1 / 24)))
    p = fma(p, r, spread(x, f(1 / 6)))
    p = fma(p, r, spread(x, f(1 / 2)))
    p = fma(p * r, r, r) + f(1)  # 1 + r + r²/2! + … + r⁷/7!
    return if_less(x, spread(x, LEAST), spread(x, f(0)), p * power_of_two(shifted))


@inner
def log(x):
    """The natural logarithm of positive normal x; NaN for NaN and for infinity."""
    n, r = exponent(x), mantissa(x)
    limit = spread(x, ROOT_2)
    n = if_less(limit, r, n + f(1), n)
    r = if_less(limit, r, r * f(0.5), r)  # from √½ to √2
    s = (r - f(1)) / (r + f(1))
    square = s * s
    p = spread(x, f(2 / 9))
    p = fma(p, square, spread(x, f(2 / 7)))
    p = fma(p, square, spread(x, f(2 / 5)))
    p = fma(p, square, spread(x, f(2 / 3)))
    p = fma(p * square, s, s + s)  # 2 (s + s³/3 + s⁵/5 + …)
    return fma(LN2_HIGH, n, fma(LN2_LOW, n, p)) + (x - x)
