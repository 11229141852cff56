"""The equations, each against an independent second answer."""

import importlib.util
from itertools import pairwise

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from helpers import ROOT, toy_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import backward, forward, gradient, initialise, loss, predict, probabilities
from chainrule.explain.check import check
from chainrule.explain.ledger import open_ledger
from chainrule.network import LOSSES, Network, error, softmax
from chainrule.plane import principal_plane

DEPTHS = [(5, 3), (5, 4, 3), (6, 5, 4, 3), (7, 6, 5, 4, 3)]


# ------------------------------------------------------------------------------ second answers


def test_one_step_by_hand():
    """A 2-2-2 network, one example, squared error, m = 1, worked on paper.

    X = (1, 2), W1 = (1 1; 1 -1), b1 = 0    Z1 = (3, -1)        A1 = (3, 0)
    W2 = (ln3/3 5; 0 7), b2 = 0             Z2 = (ln 3, 0)      A2 = (3/4, 1/4)
    Y = (0, 1)    E = 1/2 (9/16 + 9/16) = 9/16                  dA2 = (3/4, -3/4)
    Σ A2 dA2 = 9/16 - 3/16 = 3/8    dZ2 = (3/4 (3/4 - 3/8), 1/4 (-3/4 - 3/8)) = (9/32, -9/32)
    dW2 = dZ2 A1ᵀ = (27/32 0; -27/32 0)                         db2 = (9/32, -9/32)
    dA1 = W2ᵀ dZ2 = (3 ln3/32, -9/16), and unit 1 is off:       dZ1 = (3 ln3/32, 0)
    dW1 = dZ1 Xᵀ = (3 ln3/32 6 ln3/32; 0 0)                     db1 = (3 ln3/32, 0)
    """
    ln3 = np.log(3)
    start = np.array([1, 1, 1, -1, 0, 0, ln3 / 3, 5, 0, 7, 0, 0])
    X, Y = np.array([[1.0], [2.0]]), np.array([[0.0], [1.0]])
    network = Network((2, 2, 2), start)
    by_hand = (
        np.array(
            [3 * ln3, 6 * ln3, 0, 0, 3 * ln3, 0, 27, 0, -27, 0, 9, -9]  # dW1, db1, dW2, db2
        )
        / 32
    )
    assert loss(network, X, Y) == pytest.approx(9 / 16, rel=1e-15)
    assert forward(network, X).A[2][:, 0] == pytest.approx([3 / 4, 1 / 4], rel=1e-15)
    assert gradient(network, X, Y) == pytest.approx(by_hand, rel=1e-14)


@pytest.mark.parametrize("sizes", DEPTHS)
@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_that_of_automatic_differentiation(sizes, name):
    rng = np.random.default_rng(len(sizes))
    network, X, Y = toy_problem(rng, sizes, m=9, loss=name)

    def E(parameters):
        A, place = X, 0
        for inputs, units in pairwise(sizes):
            W = anp.reshape(parameters[place : place + units * inputs], (units, inputs))
            place += units * inputs
            Z = anp.dot(W, A) + anp.reshape(parameters[place : place + units], (units, 1))
            place += units
            A = anp.maximum(Z, 0)
        P = anp.exp(Z) / anp.sum(anp.exp(Z), axis=0)
        if name == "squared_error":
            return anp.sum((P - Y) ** 2) / (2 * X.shape[1])
        return -anp.sum(Y * anp.log(P)) / X.shape[1]

    theta = network.parameters
    assert loss(network, X, Y) == pytest.approx(E(theta), rel=1e-12)
    assert gradient(network, X, Y) == pytest.approx(autograd.grad(E)(theta), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("sizes", DEPTHS)
@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_the_slope_along_any_direction(sizes, name):
    rng = np.random.default_rng(7)
    network, X, Y = toy_problem(rng, sizes, loss=name)
    direction = rng.standard_normal(network.parameters.size)
    h = 1e-6  # the slope errs by h² from the difference and by 1e-16/h from rounding

    def E(by):
        return loss(Network(sizes, network.parameters + by * direction, name), X, Y)

    slope = (E(h) - E(-h)) / (2 * h)
    assert gradient(network, X, Y) @ direction == pytest.approx(slope, rel=1e-6)


def test_the_general_code_follows_the_literal_code_for_100_steps(mnist):
    file = importlib.util.spec_from_file_location("two_layers", ROOT / "docs/two_layers.py")
    literal = importlib.util.module_from_spec(file)
    file.loader.exec_module(literal)

    digits = mnist[0][:500]
    X, Y = digits.X.astype(np.float64), digits.Y.astype(np.float64)
    network = initialise((784, 10, 10), rng=np.random.default_rng(3), dtype=np.float64)
    parts = [part.copy() for layer in network.layers for part in layer]
    for _ in range(100):
        parts = literal.step(*parts, X, Y, 1.5)
        moved = network.parameters - 1.5 * gradient(network, X, Y)
        network = Network(network.sizes, moved)
    after = np.concatenate([part.ravel() for part in parts])
    assert network.parameters == pytest.approx(after, abs=1e-10)
    assert np.abs(after).max() > 0.1


# ---------------------------------------------------------------------------------- invariants


@pytest.mark.parametrize("name", LOSSES)
def test_columns_of_the_last_A_sum_to_1_and_of_its_dZ_to_0(name):
    network, X, Y = toy_problem(np.random.default_rng(1), loss=name)
    trace = forward(network, X)
    assert trace.A[2].sum(axis=0) == pytest.approx(np.ones(6), abs=1e-15)
    assert backward(network, trace, Y).dZ[2].sum(axis=0) == pytest.approx(np.zeros(6), abs=1e-16)


def test_softmax_is_unmoved_by_a_constant():
    Z = np.random.default_rng(2).standard_normal((10, 4))
    assert softmax(Z + 100) == pytest.approx(softmax(Z), rel=1e-12)  # 100 + Z rounds at 1e-14


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_does_not_depend_on_the_order_of_examples_and_parts_add_up(name):
    rng = np.random.default_rng(3)
    network, X, Y = toy_problem(rng, m=11, loss=name)
    whole = gradient(network, X, Y)
    order = rng.permutation(11)
    assert gradient(network, X[:, order], Y[:, order]) == pytest.approx(whole, abs=1e-15)
    parts = gradient(network, X[:, :4], Y[:, :4], m=11) + gradient(
        network, X[:, 4:], Y[:, 4:], m=11
    )
    assert parts == pytest.approx(whole, abs=1e-15)
    trace = [forward(network, part) for part in (X[:, :4], X[:, 4:])]
    E = error(network, trace[0], Y[:, :4], m=11) + error(network, trace[1], Y[:, 4:], m=11)
    assert pytest.approx(loss(network, X, Y), rel=1e-14) == E


@pytest.mark.parametrize("m", [0, 1, 511, 512, 513, 1500])
def test_probabilities_of_many_columns_are_those_of_the_forward_pass(m):
    network, X, _ = toy_problem(np.random.default_rng(4), m=m)
    A = forward(network, X).A[2]
    assert probabilities(network, X) == pytest.approx(A, rel=1e-12)
    assert predict(network, X).tolist() == A.argmax(axis=0).tolist()


def test_derivative_of_relu_at_0_is_0():
    network = Network((1, 1, 2), np.array([1.0, 0, 1, -1, 0, 0]))
    X, Y = np.array([[0.0]]), np.array([[1.0], [0.0]])
    trace = forward(network, X)
    derivatives = backward(network, trace, Y)
    assert trace.Z[1] == 0
    assert derivatives.dA[1] != 0
    assert derivatives.dZ[1] == 0


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_logits_stay_finite(name, dtype, size):
    Z = np.array([size, 0, -size], dtype=dtype)
    parameters = np.concatenate([np.zeros(3, dtype), Z])  # Z = b
    network = Network((1, 3), parameters, name)
    X, Y = np.ones((1, 3), dtype), np.eye(3, dtype=dtype)
    assert np.isfinite(loss(network, X, Y))
    assert np.isfinite(probabilities(network, X)).all()
    assert np.isfinite(gradient(network, X, Y)).all()
    # Cross-entropy of logits (s, 0, -s) for each true label: 0, s, 2s; squared error: 0, 1, 1.
    expected = 1e4 if name == "cross_entropy" else 2 / 3
    assert loss(network, X, Y) == pytest.approx(expected, rel=1e-6)


def test_dA_of_cross_entropy_is_infinite_where_the_probability_underflows():
    network = Network((1, 2), np.array([0.0, 0, 1e4, 0]), "cross_entropy")
    X, Y = np.ones((1, 1)), np.array([[0.0], [1.0]])
    derivatives = backward(network, forward(network, X), Y)
    assert derivatives.dA[1].tolist() == [[0], [-np.inf]]
    assert derivatives.dZ[1].tolist() == [[1], [-1]]


# -------------------------------------------------------------------------------------- stacks


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 20), min_size=2, max_size=4),
    m=st.sampled_from([1, 2, 3, 8, 9, 17, 130, 600]),
    stack=st.sampled_from([(1,), (3,), (2, 2)]),
    name=st.sampled_from(LOSSES),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 99),
)
def test_a_stack_is_bitwise_the_loop_over_it(sizes, m, stack, name, dtype, seed):
    rng = np.random.default_rng(seed)
    network, _, _ = toy_problem(rng, sizes, m=1, loss=name, dtype=dtype)
    # Columns in memory, as digits.X has them.
    X = rng.random((*stack, m, sizes[0])).astype(dtype).mT
    Y = np.eye(sizes[-1], dtype=dtype)[rng.integers(sizes[-1], size=(*stack, m))].mT
    many = Network(
        network.sizes, rng.standard_normal((*stack, network.parameters.size)).astype(dtype), name
    )
    for index in np.ndindex(*stack):
        one = Network(network.sizes, many.parameters[index], name)
        first = (0,) * len(stack)
        for function in (gradient, loss):
            assert_same_bits(function(network, X, Y)[index], function(network, X[index], Y[index]))
            assert_same_bits(
                function(many, X[first], Y[first])[index], function(one, X[first], Y[first])
            )
            assert_same_bits(function(many, X, Y)[index], function(one, X[index], Y[index]))
        assert_same_bits(probabilities(many, X)[index], probabilities(one, X[index]))
        assert_same_bits(predict(many, X)[index], predict(one, X[index]))


def assert_same_bits(a, b):
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes()


# ------------------------------------------------------------------------- the network as a value


def test_initialise_is_he_with_zero_biases_in_the_stated_order():
    network = initialise([784, 300, 10], rng=np.random.default_rng(5))
    rng = np.random.default_rng(5)
    for (W, b), inputs in zip(network.layers, (784, 300), strict=True):
        expected = rng.standard_normal(W.shape) * np.sqrt(2 / inputs)
        assert np.array_equal(W, expected.astype(np.float32))
        assert not b.any()
    assert network.layers[0][0].std() == pytest.approx(np.sqrt(2 / 784), rel=0.01)


def test_layers_are_views_of_the_flat_parameters_row_by_row():
    network = Network((3, 2, 2), np.arange(14.0))
    (W1, b1), (W2, b2) = network.layers
    assert W1.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert b1.tolist() == [[6], [7]]
    assert W2.tolist() == [[8, 9], [10, 11]]
    assert b2.tolist() == [[12], [13]]
    assert all(np.shares_memory(part, network.parameters) for part in (W1, b1, W2, b2))


def test_a_gradient_has_the_form_and_type_of_the_parameters(mnist):
    network = initialise([784, 10, 10], rng=np.random.default_rng(0))
    digits = mnist[1][:20]
    g = gradient(network, digits.X, digits.Y)
    assert (g.shape, g.dtype) == ((7960,), np.float32)


def test_the_network_says_what_it_is():
    network = initialise([784, 10, 10], rng=np.random.default_rng(0))
    assert repr(network) == "Network 784 → 10 → 10, squared error, 7,960 parameters, float32"
    three = Network((784, 10, 10), np.zeros((3, 7960)), "cross_entropy")
    assert repr(three) == "3 networks 784 → 10 → 10, cross entropy, 7,960 parameters, float64"


def test_public_functions_change_no_argument():
    network, X, Y = toy_problem(np.random.default_rng(0))
    before = [a.tobytes() for a in (network.parameters, X, Y)]
    trace = forward(network, X)
    backward(network, trace, Y)
    gradient(network, X, Y)
    loss(network, X, Y)
    assert [a.tobytes() for a in (network.parameters, X, Y)] == before


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda n, X, Y: forward(n, X.T), r"X must have shape \(5, m\), got \(6, 5\); pass X.T"),
        (lambda n, X, Y: forward(n, X[:, 0]), r"got \(5,\); pass X\[:, None\]"),
        (lambda n, X, Y: forward(n, X[:4]), r"got \(4, 6\); examples are columns"),
        (lambda n, X, Y: forward(n, X.astype(np.uint8)), "got uint8; divide pixels by 255"),
        (lambda n, X, Y: loss(n, X, Y[:, :3]), r"Y must be one-hot of shape \(3, 6\)"),
        (lambda n, X, Y: gradient(n, X, Y[0]), r"got \(6,\)"),
        (lambda n, X, Y: predict(n, X * np.nan), "X must be finite, got NaN or infinity"),
        (lambda n, X, Y: forward(n, X.tolist()), "X must be a NumPy array, got list"),
        (lambda n, X, Y: forward(n, X.view(np.matrix)), "X must be a NumPy array, got matrix"),
        (lambda n, X, Y: predict(n, np.ma.array(X)), "X must be a NumPy array, got MaskedArray"),
        (lambda n, X, Y: loss(n, X, Y.tolist()), "Y must be a NumPy array, got list"),
        (lambda n, X, Y: backward(n, forward(n, X), np.ma.array(Y)), "Y must be a NumPy array"),
        (lambda n, X, Y: loss(n, X, 2 * Y), "Y must be one-hot"),
        (lambda n, X, Y: loss(n, X, 0 * Y), "Y must be one-hot"),
        (lambda n, X, Y: gradient(n, X, np.full_like(Y, 1 / 3)), "Y must be one-hot"),
        (lambda n, X, Y: gradient(n, X, Y * np.nan), "Y must be one-hot"),
        (lambda n, X, Y: gradient(n, X, 1 - Y), "Y must be one-hot"),
        (lambda n, X, Y: check(n, X, Y / 2), "Y must be one-hot"),
        (lambda n, X, Y: check(n, X.tolist(), Y), "X must be a NumPy array, got list"),
        (lambda n, X, Y: open_ledger(n, X[:, 0].tolist(), 0), "x must be a NumPy array, got list"),
        (lambda n, X, Y: principal_plane(X.tolist()), "A must be a NumPy array, got list"),
        (lambda n, X, Y: initialise([784, 10], rng=0), "a numpy.random.Generator, got int"),
        (
            lambda n, X, Y: initialise([784, 10], rng=np.random.RandomState(0)),
            "a numpy.random.Generator, got RandomState",
        ),
        (lambda n, X, Y: Network((1, 1), [0.0, 0.0]), "parameters must be a NumPy array, got list"),
        (lambda n, X, Y: initialise([784], rng=None), "two or more positive"),
        (lambda n, X, Y: initialise([784, 0, 10], rng=None), r"got \(784, 0, 10\)"),
        (lambda n, X, Y: Network((2, 2), np.zeros(5)), r"2 → 2 has 6 parameters, .* \(5,\)"),
        (lambda n, X, Y: Network((2, 2), np.zeros(6, int)), "floating point"),
        (lambda n, X, Y: Network((2, 2), np.zeros(6), "hinge"), "squared_error, cross_entropy"),
    ],
)
def test_wrong_input_says_what_was_wanted_and_what_came(call, says):
    with pytest.raises(ValueError, match=says):
        call(*toy_problem(np.random.default_rng(0)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_overflows_is_named(dtype):
    network = initialise([4, 3, 3, 2], rng=np.random.default_rng(0), dtype=dtype)
    root = {np.float32: 1e20, np.float64: 1e160}[dtype]  # its square is too large
    large = Network(network.sizes, network.parameters * dtype(root))
    with pytest.raises(OverflowError, match=f"Z2 overflows: .*, the largest of {dtype.__name__}"):
        predict(large, np.ones((4, 5), dtype))
