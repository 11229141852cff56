"""The rules by which courses and libraries accept a gradient, with the numbers that they publish.

A rule is given the arrays of a gradient, `ours`, and as many that they should equal, `theirs`, and
says whether it accepts. What theirs are is a part of the rule: a difference quotient of the loss
that the same program computes, all of it or along one random direction, or what a reference
solution gives. Only the arithmetic is here; `source` says where it is published.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

Arrays = Sequence[np.ndarray]  # numbers of W1, b1, W2, b2, … in this order, each (cells,)


class Quotient(NamedTuple):
    """(E(θ + h) - E(θ - h)) / 2h of the program's own loss, in the program's own precision."""

    h: float
    h32: float | None = None  # where float32 has another step
    two_sided: bool = True  # otherwise (E(θ + h) - E(θ)) / h
    one_cell: bool = False  # of one random cell of each array, not of all

    def step(self, dtype: np.dtype) -> float:
        return self.h32 if self.h32 and dtype == np.float32 else self.h

    @property
    def whole(self) -> "Quotient":
        """The same of all cells."""
        return self._replace(one_cell=False)


class Along(NamedTuple):
    """The quotient along one random direction, beside the gradient times that direction."""

    h: float
    unit: bool = False  # the direction has length 1, and not a length of about √n
    weighed: bool = False  # both are multiplied by one more random number

    @property
    def whole(self) -> "Along":
        """The same: one direction is all it has."""
        return self


class Reference(NamedTuple):
    """The gradient that a right program gives for the same parameters, computed in float64."""

    weights_only: bool = False

    @property
    def whole(self) -> "Reference":
        """The same of biases, too."""
        return Reference()


@dataclass(frozen=True)
class Rule:
    name: str
    source: str
    beside: Quotient | Along | Reference
    accepts: Callable[[Arrays, Arrays], bool]


# ------------------------------------------------------------------------- forms that rules have


def within(ours: Arrays, theirs: Arrays, *, rtol: float, atol: float) -> bool:
    """|a - n| ≤ atol + rtol |n| in every cell, as allclose of NumPy and PyTorch: n is theirs."""
    return all(
        bool((np.abs(a - n) <= atol + rtol * np.abs(n)).all())
        for a, n in zip(ours, theirs, strict=True)
    )


def within_of_ours(ours: Arrays, theirs: Arrays, *, rtol: float, atol: float) -> bool:
    """The same where the test has the two the other way round: what is wanted is ours."""
    return within(theirs, ours, rtol=rtol, atol=atol)


def by_precision(
    ours: Arrays, theirs: Arrays, *, float32: dict[str, float], float64: dict[str, float]
) -> bool:
    return within(ours, theirs, **(float32 if ours[0].dtype == np.float32 else float64))


def largest(ours: Arrays, theirs: Arrays, *, below: float) -> bool:
    """|a - n| < below in every cell."""
    return all(bool((np.abs(a - n) < below).all()) for a, n in zip(ours, theirs, strict=True))


def approx(ours: Arrays, theirs: Arrays, *, rel: float, atol: float) -> bool:
    """|a - n| ≤ max(rel |n|, atol) in every cell, as pytest.approx."""
    return all(
        bool((np.abs(a - n) <= np.maximum(rel * np.abs(n), atol)).all())
        for a, n in zip(ours, theirs, strict=True)
    )


def relative(ours: Arrays, theirs: Arrays, *, up_to: float) -> bool:
    """|a - n| / max(|a| + |n|, 1e-8) in every cell."""
    return all(
        bool((np.abs(a - n) <= up_to * np.maximum(np.abs(a) + np.abs(n), 1e-8)).all())
        for a, n in zip(ours, theirs, strict=True)
    )


def theano(ours: Arrays, theirs: Arrays) -> bool:
    """A cell fails only if it is off by more than the tolerance both absolutely and relatively."""
    tolerance = 1e-2 if ours[0].dtype == np.float32 else 1e-4
    for a, n in zip(ours, theirs, strict=True):
        off = np.abs(a - n)
        share = off / np.maximum(np.abs(a) + np.abs(n), 1e-8)
        if not (np.minimum(off, share) <= tolerance).all():
            return False
    return True


def caffe(ours: Arrays, theirs: Arrays, *, threshold: float) -> bool:
    """|a - n| ≤ threshold · max(|a|, |n|, 1) in every cell."""
    return all(
        bool((np.abs(a - n) <= threshold * np.maximum(np.maximum(abs(a), abs(n)), 1)).all())
        for a, n in zip(ours, theirs, strict=True)
    )


def scalar_close(ours: Arrays, theirs: Arrays) -> bool:
    """|a - n| < 1e-6 or |a - n| / |a + n| < 1e-6."""
    off = np.abs(ours[0] - theirs[0])
    return bool(((off < 1e-6) | (off < 1e-6 * np.abs(ours[0] + theirs[0]))).all())


def lengths(ours: Arrays, theirs: Arrays, *, below: float) -> bool:
    """‖a - n‖ / (‖a‖ + ‖n‖) of all parameters as one vector."""
    a, n = np.concatenate(ours), np.concatenate(theirs)
    return bool(length(a - n) <= below * (length(a) + length(n)))


def length_of_sum(ours: Arrays, theirs: Arrays, *, below: float) -> bool:
    """‖a - n‖ / ‖a + n‖ of all parameters as one vector."""
    a, n = np.concatenate(ours), np.concatenate(theirs)
    return bool(length(a - n) < below * length(a + n))


def sum_of_lengths(ours: Arrays, theirs: Arrays, *, below: float) -> bool:
    """Σ ‖a - n‖ over the arrays."""
    return bool(sum(length(a - n) for a, n in zip(ours, theirs, strict=True)) < below)


def one_length(ours: Arrays, theirs: Arrays, *, below: float) -> bool:
    """‖a - n‖ of all parameters as one vector."""
    return bool(length(np.concatenate(ours) - np.concatenate(theirs)) < below)


def each_length(ours: Arrays, theirs: Arrays, *, share: float, share32: float) -> bool:
    """‖a - n‖ ≤ share ‖n‖ in each array."""
    up_to = share32 if ours[0].dtype == np.float32 else share
    return all(bool(length(a - n) <= up_to * length(n)) for a, n in zip(ours, theirs, strict=True))


def length(values: np.ndarray) -> np.floating:
    return np.linalg.norm(values.astype(np.float64))


# ------------------------------------------------------------------------------------- the rules

ADVICE = "each array's length against a reference"

RULES = (
    Rule(
        "PyTorch, gradcheck",
        "torch.autograd.gradcheck: eps 1e-6, atol 1e-5, rtol 1e-3, made for float64; the same "
        "numbers in tinygrad's extra/gradcheck.py",
        Quotient(1e-6),
        partial(within, rtol=1e-3, atol=1e-5),
    ),
    Rule(
        "TensorFlow, compute_gradient",
        "tf.test.compute_gradient with assertAllClose, as its documentation shows: delta 1/1024, "
        "both tolerances 1e-6",
        Quotient(1 / 1024),
        partial(within, rtol=1e-6, atol=1e-6),
    ),
    Rule(
        "Theano, verify_grad",
        "theano/gradient.py: one-sided, eps 1e-7 (float32 3e-4), both tolerances 1e-4 (1e-2)",
        Quotient(1e-7, h32=3e-4, two_sided=False),
        theano,
    ),
    Rule(
        "Caffe, GradientChecker",
        "test_gradient_check_util.hpp, as test_inner_product_layer.cpp uses it: step 1e-2, "
        "threshold 1e-3, never of less than 1",
        Quotient(1e-2),
        partial(caffe, threshold=1e-3),
    ),
    Rule(
        "scikit-learn, its network",
        "sklearn/neural_network/tests/test_mlp.py: epsilon 1e-5, assert_almost_equal to 7 decimals",
        Quotient(1e-5),
        partial(largest, below=1.5e-7),
    ),
    Rule(
        "SciPy, check_grad below 1e-4",
        "scipy.optimize.check_grad as scikit-learn's test_nca.py uses it: one-sided, 1.49e-8",
        Quotient(float(np.finfo(float).eps ** 0.5), two_sided=False),
        partial(one_length, below=1e-4),
    ),
    Rule(
        "CS231n, relative error 1e-2",
        "notes and rel_error of the assignments: h 1e-5; above 1e-2 the gradient is probably wrong",
        Quotient(1e-5),
        partial(relative, up_to=1e-2),
    ),
    Rule(
        "CS231n, relative error 1e-4",
        "the same; up to 1e-4 is usually fine where there are kinks, as ReLU has",
        Quotient(1e-5),
        partial(relative, up_to=1e-4),
    ),
    Rule(
        "CS231n, relative error 1e-7",
        "the same; from 1e-7 down one should be happy",
        Quotient(1e-5),
        partial(relative, up_to=1e-7),
    ),
    Rule(
        "DeepLearning.AI, gradient checking",
        "gradient_check_n of the course's notebook: epsilon 1e-7, ratio of lengths up to 2e-7",
        Quotient(1e-7),
        partial(lengths, below=2e-7),
    ),
    Rule(
        "Stanford ML course, exercise 4",
        "checkNNGradients of the course's exercise: epsilon 1e-4, ‖n - a‖/‖n + a‖ below 1e-9",
        Quotient(1e-4),
        partial(length_of_sum, below=1e-9),
    ),
    Rule(
        "needle, CMU 10-414",
        "gradient_check of homework 1: eps 1e-4, the sum of the arrays' ‖a - n‖ below 1e-6",
        Quotient(1e-4),
        partial(sum_of_lengths, below=1e-6),
    ),
    Rule(
        "minitorch, grad_check",
        "minitorch/tensor_functions.py: one random cell of each array, 1e-6, both tolerances 1e-2",
        Quotient(1e-6, one_cell=True),
        partial(within, rtol=1e-2, atol=1e-2),
    ),
    Rule(
        "autograd, check_grads",
        "autograd/test_util.py: one direction, 1e-6; absolutely or relatively within 1e-6",
        Along(5e-7, weighed=True),
        scalar_close,
    ),
    Rule(
        "JAX, check_grads",
        "jax/_src/public_test_util.py: one direction, 1e-4, both tolerances 1e-5 (float32 2e-3)",
        Along(1e-4, weighed=True),
        partial(
            by_precision,
            float32={"rtol": 2e-3, "atol": 2e-3},
            float64={"rtol": 1e-5, "atol": 1e-5},
        ),
    ),
    Rule(
        "Chainer, check_backward",
        "chainer/gradient_check.py: one direction of length 1, eps 1e-3, atol 1e-5, rtol 1e-4",
        Along(1e-3, unit=True),
        partial(within_of_ours, rtol=1e-4, atol=1e-5),
    ),
    Rule(
        "numpy.allclose, torch.allclose",
        "the defaults of both: rtol 1e-5, atol 1e-8",
        Reference(),
        partial(within, rtol=1e-5, atol=1e-8),
    ),
    Rule(
        "numpy.testing.assert_allclose",
        "its defaults: rtol 1e-7, atol 0",
        Reference(),
        partial(within, rtol=1e-7, atol=0.0),
    ),
    Rule(
        "torch.testing.assert_close",
        "its defaults: rtol 1.3e-6 and atol 1e-5 in float32, both 1e-7 in float64",
        Reference(),
        partial(
            by_precision,
            float32={"rtol": 1.3e-6, "atol": 1e-5},
            float64={"rtol": 1e-7, "atol": 1e-7},
        ),
    ),
    Rule(
        "pytest.approx",
        "its defaults: rel 1e-6 or abs 1e-12, whichever allows more",
        Reference(),
        partial(approx, rel=1e-6, atol=1e-12),
    ),
    Rule(
        "Keras 3, assertAllClose",
        "keras/src/testing/test_case.py: both 1e-6",
        Reference(),
        partial(within, rtol=1e-6, atol=1e-6),
    ),
    Rule(
        "tinygrad, test_ops",
        "test/test_ops.py beside PyTorch: grad_atol 1e-4, grad_rtol 1e-3",
        Reference(),
        partial(within, rtol=1e-3, atol=1e-4),
    ),
    Rule(
        "micrograd, test_engine",
        "test/test_engine.py beside PyTorch: |a - n| below 1e-6",
        Reference(),
        partial(largest, below=1e-6),
    ),
    Rule(
        "CMU 10-414, homework 0",
        "test_nn_epoch: the step of W1 and W2 at rate 1, both tolerances 1e-4; no biases",
        Reference(weights_only=True),
        partial(within_of_ours, rtol=1e-4, atol=1e-4),
    ),
    Rule(
        ADVICE,
        "what this page recommends: ‖a - n‖ up to 1e-6 ‖n‖ in each array (float32 1e-3)",
        Reference(),
        partial(each_length, share=1e-6, share32=1e-3),
    ),
)
