"""Every number of a pass, enclosed, beside other arithmetic, and our numbers beside that."""

import math
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import iv, mp

from chainrule import Network, initialise, load_bundled, save_model
from chainrule.explain import exact as room
from chainrule.explain.exact import ONE, Enclosure, exact, exp, log, whole
from chainrule.explain.ledger import open_ledger
from chainrule.explain.truth import beside, error_bounds, written
from chainrule.network import LOSSES

UNIT = Fraction(1, ONE)


def fraction(units):
    return units * UNIT


def point(number):
    """A float as mpmath's interval, exactly."""
    numerator, denominator = float(number).as_integer_ratio()
    return iv.mpf(numerator) / iv.mpf(denominator)


def by_mpmath(network, x, label):
    """The whole pass once more, in the interval arithmetic of mpmath, from its own matrices."""
    L = network.depth
    W, b = (
        [
            None,
            *([[point(v) for v in row] for row in layer[k].tolist()] for layer in network.layers),
        ]
        for k in (0, 1)
    )
    A, Z = [[point(v) for v in x]], [None]
    for l in range(1, L + 1):
        Z.append(
            [
                sum((w * a for w, a in zip(row, A[-1], strict=True)), iv.mpf(0)) + bias[0]
                for row, bias in zip(W[l], b[l], strict=True)
            ]
        )
        A.append([z if z.a > 0 else iv.mpf(0) for z in Z[l]])
    e = [iv.exp(z) for z in Z[L]]
    A[L] = [each / sum(e) for each in e]
    Y = [iv.mpf(int(k == label)) for k in range(len(e))]
    lost = network.loss == "squared_error"
    away = [a - y for a, y in zip(A[L], Y, strict=True)]
    E = sum(d * d for d in away) / 2 if lost else iv.log(sum(e)) - Z[L][label]
    E += point(network.weight_decay) / 2 * sum(w * w for M in W[1:] for row in M for w in row)
    mean = sum(a * d for a, d in zip(A[L], away, strict=True))
    dZ = [a * (d - mean) for a, d in zip(A[L], away, strict=True)] if lost else away
    found = {"E": [E], f"dA{L}": away if lost else [-y / a for y, a in zip(Y, A[L], strict=True)]}
    for l in range(L, 0, -1):
        decay = point(network.weight_decay)
        found |= {
            f"Z{l}": Z[l], f"A{l}": A[l], f"dZ{l}": dZ, f"db{l}": dZ,
            f"dW{l}": [d * a + decay * w for d, row in zip(dZ, W[l], strict=True)
                       for a, w in zip(A[l - 1], row, strict=True)],
        }  # fmt: skip
        if l > 1:
            dA = [sum(W[l][i][k] * dZ[i] for i in range(len(dZ))) for k in range(len(A[l - 1]))]
            found[f"dA{l - 1}"] = dA
            dZ = [d if z.a > 0 else iv.mpf(0) for d, z in zip(dA, Z[l - 1], strict=True)]
    return found


def random_network(seed, sizes=(9, 6, 5, 4), loss="squared_error", scale=1.0, dtype=np.float32):
    """A network with biases, and an image for it."""
    rng = np.random.default_rng(seed)
    network = initialise(sizes, loss=loss, weight_decay=0.01 * (seed % 2), rng=rng, dtype=dtype)
    more = 0.1 * rng.standard_normal(network.parameters.size)
    parameters = (scale * (network.parameters + more)).astype(dtype)
    x = (rng.random(sizes[0]) * (rng.random(sizes[0]) > 0.3)).astype(np.float32)
    return replace(network, parameters=parameters), x, int(rng.integers(sizes[-1]))


# ------------------------------------------------------------------------------------- the pass


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_pass_of_another_interval_arithmetic(loss, seed):
    sizes = [(9, 6, 5, 4), (7, 3), (4, 5, 5, 5, 2), (12, 8, 10)][seed]
    network, x, label = random_network(seed, sizes, loss, scale=[1, 3, 0.1, 2][seed])
    found = exact(network, x, label)
    with mpmath.workprec(53):
        iv.prec = 3000
        for name, theirs in by_mpmath(network, x, label).items():
            ours = [cell for row in found.rows(name) for cell in row]
            for (low, high), other in zip(ours, theirs, strict=True):
                # Both have the truth between them, and both are narrow.
                assert low - 1 <= mp_units(other.b, up=True)
                assert high + 1 >= mp_units(other.a, up=False)
                assert fraction(high - low) < Fraction(1, 2**1900)


def mp_units(end, *, up):
    """An end of mpmath's interval in UNITs, rounded outward."""
    sign, mantissa, exponent, _ = end.a._mpi_[0] if hasattr(end, "_mpi_") else end._mpf_
    units = Fraction(-mantissa if sign else mantissa) * Fraction(2) ** (exponent + room.BITS)
    return math.ceil(units) if up else math.floor(units)


def test_up_to_the_last_Z_it_is_exact():
    network, x, label = random_network(3)
    found = exact(network, x, label)
    A = [Fraction(float(v)) for v in x]
    for l, (W, b) in enumerate(network.layers, 1):
        Z = [
            sum((Fraction(w) * a for w, a in zip(row, A, strict=True)), Fraction(bias[0]))
            for row, bias in zip(W.tolist(), b.tolist(), strict=True)
        ]
        assert [fraction(low) for low, _ in found.vectors[f"Z{l}"]] == Z
        assert all(low == high for low, high in found.vectors[f"Z{l}"])
        A = [max(Fraction(0), z) for z in Z]


@pytest.mark.parametrize("name", ["small", "large"])
def test_the_networks_of_the_package_are_within_their_bounds(name, mnist):
    network, digits = load_bundled(name), mnist[1][1832:1833]
    x, label = digits.X[:, 0], int(digits.labels[0])
    found, ledger = exact(network, x, label), open_ledger(network, x, label)
    bounds = error_bounds(ledger)
    worst = 0.0
    for array in bounds:
        if array == "dW1":
            continue  # rows of it below
        for row, ours, bound in zip(*three(found, ledger, bounds, array), strict=True):
            worst = max(worst, *(worst_of(*each) for each in zip(row, ours, bound, strict=True)))
    for unit in (0, network.sizes[1] - 1):
        cells = found.row("dW1", 1, unit), ledger.arrays["dW1"][unit], bounds["dW1"][unit]
        worst = max(worst, *(worst_of(*each) for each in zip(*cells, strict=True)))
    assert 0 < worst < 1


def three(found, ledger, bounds, array):
    """The rows of an array, enclosed, ours, and its bounds."""
    return found.rows(array), *(np.atleast_2d(each[array]) for each in (ledger.arrays, bounds))


def worst_of(cell, ours, bound):
    """How much of its bound a number of ours takes; it is within it."""
    said = beside(float(ours), cell, float(bound))
    assert said.within
    off = max(abs(whole(ours).low - end) for end in cell)
    return 0.0 if bound == 0 or math.isinf(bound) else float(fraction(off) / Fraction(float(bound)))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    classes=st.integers(2, 6),
    loss=st.sampled_from(LOSSES),
    exponent=st.floats(-5, 6),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_of_any_network_every_number_is_within_its_bound(
    seed, sizes, classes, loss, exponent, dtype
):
    network, x, label = random_network(seed, (*sizes, classes), loss, 10**exponent, dtype)
    found, ledger = exact(network, x, label), open_ledger(network, x, label)
    bounds = error_bounds(ledger)
    for array in bounds:
        if array in found.vectors or array.startswith("dW"):
            for row, ours, bound in zip(*three(found, ledger, bounds, array), strict=True):
                for each in zip(row, ours, bound, strict=True):
                    if np.isfinite(each[1]):
                        worst_of(*each)


def test_an_error_beyond_the_bound_is_found_and_one_inside_is_not_claimed():
    network, x, label = random_network(1)
    found, ledger = exact(network, x, label), open_ledger(network, x, label)
    bounds = error_bounds(ledger)
    for array in ("Z1", "A3", "dZ3", "dW2", "dW1", "E"):
        cell, ours, bound = (rows[0] for rows in three(found, ledger, bounds, array))
        cell, ours, bound = cell[0], float(ours.flat[0]), float(bound.flat[0])
        assert beside(ours, cell, bound).within is True
        assert beside(ours + 3 * bound, cell, bound).within is False
        assert beside(ours - 3 * bound, cell, bound).within is False
        wide = Enclosure(cell.low - whole(4 * bound).low, cell.high + whole(4 * bound).low)
        assert beside(ours + 2 * bound, wide, bound).within is None


def test_a_wrong_pass_is_outside():
    """The gradient of cross-entropy under squared error, as an impostor has it."""
    network, x, label = random_network(2)
    ledger = open_ledger(network, x, label)
    bounds = error_bounds(ledger)
    other = exact(replace(network, loss="cross_entropy"), x, label)
    said = [
        beside(float(v), cell, float(bound)).within
        for v, cell, bound in zip(
            ledger.arrays["dZ3"], other.vectors["dZ3"], bounds["dZ3"], strict=True
        )
    ]
    assert said == [False] * 4


# --------------------------------------------------------------------------------- exp, log, ReLU


@settings(max_examples=30, deadline=None)
@given(st.floats(-900, 0), st.floats(0.5, 1e6))
def test_exp_and_log_enclose(t, y):
    with mpmath.workprec(2300):
        for found, other in (
            (exp(whole(t)), mp.exp(mp.mpf(t))),
            (log(whole(y)), mp.log(mp.mpf(y))),
        ):
            low, high = (mp.mpf(end) / mp.mpf(ONE) for end in found)
            assert low <= other <= high
            assert high - low < mp.mpf(2) ** -2000


def test_below_ten_to_the_minus_400_it_says_no_more():
    assert exp(whole(-921.0)).low > 0
    low, high = exp(whole(-923.0))
    assert (low, fraction(high) >= Fraction(1, 10**400)) == (0, True)
    assert fraction(high) < Fraction(2, 10**400)
    # Of a loss of cross-entropy the same image has an E all the same; -1/A is left out.
    network = Network((1, 2), np.array([2000.0, 0, 0, 0], np.float32), "cross_entropy")
    found = exact(network, [1.0], 1)
    low, high = found.vectors["E"][0]
    assert low <= 2000 * ONE <= high
    assert "dA1" not in found.vectors
    assert written(found.vectors["E"][0]) == "2000." + "0" * 26


def test_a_unit_at_0_and_one_that_cannot_be_told():
    parameters = np.array([1, 1, 0, 0, 1, 2, 3, 4, 0, 0], np.float32)
    network = Network((1, 2, 2), parameters[: 2 + 2 + 4 + 2])
    at_0 = exact(network, [0.0], 0)  # Z1 is exactly 0: ReLU′(0) is taken as 0, as ours is
    assert at_0.vectors["dZ1"] == (Enclosure(0, 0),) * 2
    ledger = open_ledger(network, np.zeros(1), 0)
    assert not ledger.arrays["dZ1"].any()
    assert room.through_relu(Enclosure(3, 5), Enclosure(-1, 1)) == Enclosure(0, 5)
    assert room.through_relu(Enclosure(-5, -3), Enclosure(-1, 1)) == Enclosure(-5, 0)
    # Where float64 cannot be sure of the sign, the bound of dZ has all of dA in it.
    W = np.array([[0.1, -0.1 + 1e-17]])
    unsure = Network((2, 1, 2), np.concatenate([W.ravel(), [0], [1, -1], [0, 0]]))
    ledger = open_ledger(unsure, np.ones(2), 0)
    bounds = error_bounds(ledger)
    assert bounds["dZ1"][0] >= abs(ledger.arrays["dA1"][0])


# ------------------------------------------------------------------------------------- in words


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (0.5, "0.5"),
        (-0.1, "−0.100000000000000005551115123126"),
        (1e-9, "1.00000000000000006228159145778e-9"),
        (12345.0, "12345"),
    ],
)
def test_digits_are_those_of_the_number(number, text):
    assert written(whole(number)) == text


def test_only_digits_that_are_sure_are_written():
    third = ONE // 3
    assert written(Enclosure(third, third + 1)) == "0." + "3" * 30
    wide = Enclosure(third, third + ONE // 10**6)
    assert written(wide) == "0.33333"
    assert written(Enclosure(-ONE, ONE)) == "between -1 and 1"


def test_ours_beside_the_truth():
    said = beside(0.1, Enclosure(ONE // 10, ONE // 10 + 1), 1e-17)
    assert said.in_words == ("0.1" + "0" * 29, "0.100000000000000005551115123126", 19)
    assert said.within
    assert said.ulps == pytest.approx(0.4)
    assert said.share == pytest.approx(0.555, rel=1e-3)
    assert math.isinf(beside(math.inf, Enclosure(0, 1), 1.0).ulps)


@pytest.mark.parametrize(
    ("x", "label", "error"),
    [([0.0] * 8, 0, ValueError), ([0.0] * 9, 4, IndexError), ([0.0] * 9, -1, IndexError),
     ([math.inf] * 9, 0, OverflowError), ([math.nan] * 9, 0, ValueError)],
)  # fmt: skip
def test_what_is_no_image_is_refused(x, label, error):
    network, _, _ = random_network(0)
    with pytest.raises(error):
        exact(network, x, label)


def test_of_a_large_network_there_are_single_cells(monkeypatch):
    network, x, label = random_network(5, (60, 40, 3))
    monkeypatch.setattr(room, "ARRAYS_UP_TO", network.parameters.size - 1)
    found = exact(network, x, label)
    with pytest.raises(ValueError, match="ask for single cells"):
        found.rows("dW1")
    ledger = open_ledger(network, x, label)
    bound = error_bounds(ledger)["dW1"][7, 11]
    assert beside(float(ledger.arrays["dW1"][7, 11]), found.cell("dW1", 7, 11), bound).within
    assert found.cell("E") == found.vectors["E"][0]
    assert found.cell("dZ2", 1) == found.vectors["dZ2"][1]


# ----------------------------------------------------------------------------- on the command line


def test_a_cell_with_its_true_digits(answer, inside):
    told = answer("explain", "small", "--test", "1832", "--cell", "dW2[3,7]", "--exact")
    said = told["exact"]
    assert said["within"] is True
    assert said["truth"][: said["agree"]] == said["ours"][: said["agree"]]
    assert said["agree"] >= 12
    assert float(said["ours"].replace("−", "-")) == told["value"]
    assert (
        answer("explain", "small", "--test", "1", "--cell", "y[2]", "--exact")["exact"]["ulps"] == 0
    )
    assert answer("explain", "small", "--test", "1", "--cell", "E")["exact"] is None
    refused = inside("explain", "small", "--test", "1", "--exact")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "--exact goes with --cell" in refused.stderr


def test_all_derivatives_with_their_true_values(answer, inside, tmp_path):
    told = answer("check", "small", "--exact", "--test", "0")
    assert told["within"] is True
    assert [(row["array"], row["cells"]) for row in told["arrays"]] == [
        ("dW1", 7840), ("db1", 10), ("dW2", 100), ("db2", 10)
    ]  # fmt: skip
    assert all(0 < row["share"] < 1 for row in told["arrays"])
    shown = inside("check", "small", "--exact", "--test", "0")
    assert shown.stdout.count("within its bounds") == 4
    quiet = inside("check", "small", "--exact", "--test", "0", "--quiet")
    assert quiet.stdout == "every derivative is as near to the truth as it must be\n"
    for words in (("--sample", "3"), ("--engine", "numpy")):
        refused = inside("check", "small", "--exact", *words)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    large = tmp_path / "large.safetensors"
    save_model(initialise((784, 300, 10), rng=np.random.default_rng(0)), large)
    refused = inside("check", large, "--exact")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "explain --cell … --exact takes single cells" in refused.stderr


def test_a_gradient_that_is_wrong_fails(inside, monkeypatch):
    right = room.through_relu
    monkeypatch.setattr(room, "through_relu", lambda da, z: right(da, Enclosure(-z.high, -z.low)))
    failed = inside("check", "small", "--exact", "--test", "0")
    assert failed.returncode == 1
    assert failed.stdout.count("FURTHER off") == 2
    assert failed.stdout.endswith("FAILS\n")
