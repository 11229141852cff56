"""The exam of the examiners: every rule against a second answer, and why wrong gradients pass."""

import importlib
import math
import re
import sys

import numpy as np
import pytest
import scipy.optimize
from helpers import ROOT

from chainrule import load_bundled
from chainrule.explain.bugs.bug import shows
from chainrule.explain.bugs.program import RIGHT, Case, run
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.check import NOISE, check, collect_evidence
from chainrule.explain.differences import central_differences
from chainrule.explain.rounding import loss_rounding
from chainrule.network import LOSSES, Network, error, forward, gradient, initialise

sys.path.insert(0, str(ROOT / "benchmarks"))
try:
    import acceptance
    import examiners
    import it_trains
finally:
    sys.path.pop(0)

AUTOGRAD = importlib.import_module("autograd.test_util")  # whose name begins as that of a test
RULES = {rule.name: rule for rule in acceptance.RULES}


def passes(check, *arguments, **settings):
    """Whether an assertion of a library holds."""
    try:
        check(*arguments, **settings)
    except AssertionError:
        return False
    return True


def each(close):
    """A rule for every pair of numbers, by a plain loop."""
    return lambda ours, theirs: all(
        close(float(a), float(n))
        for some, others in zip(ours, theirs, strict=True)
        for a, n in zip(some, others, strict=True)
    )


def norm(values):
    return math.sqrt(math.fsum(float(value) ** 2 for value in values))


def off(ours, theirs):
    return [
        a - n
        for some, others in zip(ours, theirs, strict=True)
        for a, n in zip(some, others, strict=True)
    ]


def flat(arrays):
    return [value for some in arrays for value in some]


def both(assertion, **settings):
    """An assertion of NumPy about every array; it is given ours first."""
    return lambda ours, theirs: all(
        passes(assertion, a, n, **settings) for a, n in zip(ours, theirs, strict=True)
    )


def turned(assertion, **settings):
    return lambda ours, theirs: both(assertion, **settings)(theirs, ours)


def scipy_says(ours, theirs):
    """The real check_grad, of a function that is linear: its slopes are theirs."""
    slopes, gradient = np.array(flat(theirs)), np.array(flat(ours))
    said = scipy.optimize.check_grad(
        lambda x: x @ slopes, lambda x: gradient, np.zeros(len(slopes))
    )
    return said < 1e-4


CLOSE = np.testing.assert_allclose
SECOND = {
    "PyTorch, gradcheck": each(lambda a, n: abs(a - n) <= 1e-5 + 1e-3 * abs(n)),
    "TensorFlow, compute_gradient": both(CLOSE, rtol=1e-6, atol=1e-6),
    "Theano, verify_grad": each(
        lambda a, n: abs(a - n) <= 1e-4 or abs(a - n) / max(abs(a) + abs(n), 1e-8) <= 1e-4
    ),
    "Caffe, GradientChecker": each(lambda a, n: abs(a - n) <= 1e-3 * max(abs(a), abs(n), 1)),
    "scikit-learn, its network": both(np.testing.assert_almost_equal),
    "SciPy, check_grad below 1e-4": scipy_says,
    "CS231n, relative error 1e-2": each(
        lambda a, n: abs(a - n) / max(1e-8, abs(a) + abs(n)) <= 1e-2
    ),
    "CS231n, relative error 1e-4": each(
        lambda a, n: abs(a - n) / max(1e-8, abs(a) + abs(n)) <= 1e-4
    ),
    "CS231n, relative error 1e-7": each(
        lambda a, n: abs(a - n) / max(1e-8, abs(a) + abs(n)) <= 1e-7
    ),
    "DeepLearning.AI, gradient checking": lambda ours, theirs: (
        norm(off(ours, theirs)) / (norm(flat(ours)) + norm(flat(theirs))) <= 2e-7
    ),
    "Stanford ML course, exercise 4": lambda ours, theirs: (
        norm(off(ours, theirs)) / norm(off(ours, [-n for n in theirs])) < 1e-9
    ),
    "needle, CMU 10-414": lambda ours, theirs: (
        sum(norm(a - n) for a, n in zip(ours, theirs, strict=True)) < 1e-6
    ),
    "minitorch, grad_check": both(CLOSE, rtol=1e-2, atol=1e-2),
    "autograd, check_grads": lambda ours, theirs: bool(
        AUTOGRAD.scalar_close(theirs[0][0], ours[0][0])
    ),
    "JAX, check_grads": both(CLOSE, rtol=1e-5, atol=1e-5),
    "Chainer, check_backward": turned(CLOSE, rtol=1e-4, atol=1e-5),
    "numpy.allclose, torch.allclose": lambda ours, theirs: all(map(np.allclose, ours, theirs)),
    "numpy.testing.assert_allclose": both(CLOSE),
    "torch.testing.assert_close": both(CLOSE, rtol=1e-7, atol=1e-7),
    "pytest.approx": lambda ours, theirs: flat(ours) == pytest.approx(flat(theirs)),
    "Keras 3, assertAllClose": both(CLOSE, rtol=1e-6, atol=1e-6),
    "tinygrad, test_ops": both(CLOSE, rtol=1e-3, atol=1e-4),
    "micrograd, test_engine": each(lambda a, n: abs(a - n) < 1e-6),
    "CMU 10-414, homework 0": turned(CLOSE, rtol=1e-4, atol=1e-4),
    acceptance.ADVICE: lambda ours, theirs: all(
        norm(a - n) <= 1e-6 * norm(n) for a, n in zip(ours, theirs, strict=True)
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_its_library_or_a_plain_loop_says(name):
    """Two arrays whose sizes and distances run through all powers of ten, so both answers come."""
    rng, rule, said = np.random.default_rng(3), RULES[name], set()
    single = isinstance(rule.beside, acceptance.Along)
    for _ in range(150):
        sizes = 10 ** rng.uniform(-9, 1, 2)
        theirs = [size * rng.standard_normal(1 if single else 3) for size in sizes]
        theirs = theirs[: 1 if single else 2]
        share = 10 ** rng.uniform(-13, 1)
        ours = [
            n + share * size * rng.standard_normal(n.shape)
            for n, size in zip(theirs, sizes, strict=False)
        ]
        accepted = rule.accepts(ours, theirs)
        assert accepted == SECOND[name](ours, theirs), (ours, theirs)
        said.add(accepted)
    assert said == {True, False}


def test_rules_of_float32_take_its_numbers():
    ones = [np.ones(1, np.float32)]
    for name, apart, wider in (
        ("JAX, check_grads", 3e-3, 5e-3),
        ("Theano, verify_grad", 1.9e-2, 2.1e-2),
        ("torch.testing.assert_close", 1e-5, 1.3e-5),
        (acceptance.ADVICE, 0.9e-3, 1.1e-3),
    ):
        rule = RULES[name]
        assert rule.accepts([ones[0] + np.float32(apart)], ones), name
        assert not rule.accepts([ones[0] + np.float32(wider)], ones), name
        assert not rule.accepts([np.ones(1) + apart], [np.ones(1)]), name
    assert RULES["Theano, verify_grad"].beside.step(np.dtype(np.float32)) == 3e-4


@pytest.mark.parametrize(
    "name", ["PyTorch, gradcheck", "Caffe, GradientChecker", "tinygrad, test_ops"]
)
def test_the_reason_a_small_gradient_passes_whatever_it_is(name):
    """The wrong sign of a gradient of 1e-6 is nearer than 1e-5; relative to its size it is not."""
    right = [np.full(4, 1e-6)]
    wrong = [-each for each in right]
    assert RULES[name].accepts(wrong, right)
    assert not RULES[name].accepts([1e6 * each for each in wrong], [1e6 * each for each in right])
    assert not RULES[acceptance.ADVICE].accepts(wrong, right)


# ------------------------------------------------------------------------------- what is compared


def toy(loss, m=3, decay=0.0, sizes=(6, 5, 4), dtype=np.float64):
    rng = np.random.default_rng(8)
    network = initialise(sizes, loss=loss, weight_decay=decay, rng=rng, dtype=dtype)
    X = rng.random((sizes[0], m)).astype(dtype)
    X[1::3] = 0  # pixels without ink
    return Case(network, X, rng.integers(0, sizes[-1], m))


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("loss", LOSSES)
def test_quotients_are_those_of_the_check(loss, decay):
    case = toy(loss, decay=decay)
    cells = np.arange(case.network.parameters.size)
    own = examiners.Loss(RIGHT, case).quotients(cells, 1e-6, two_sided=True)
    known = central_differences(case.network, case.X, run(RIGHT, case).Y, cells, h=1e-6)
    np.testing.assert_allclose(own, known.values, rtol=0, atol=1e-9)
    assert (own[1:6:3] == 0).all() == (decay == 0)
    one_sided = examiners.Loss(RIGHT, case).quotients(cells, 1e-7, two_sided=False)
    np.testing.assert_allclose(one_sided, known.values, rtol=0, atol=1e-6)


def test_a_program_is_compared_with_its_own_loss_and_with_the_reference():
    """Labels off by one: the gradient belongs to a wrong loss, which only a reference can see."""
    case = toy("cross_entropy")
    (bug,) = [each for each in ZOO if each.name == "one-hot off by one"]
    program, truth = bug.in_(RIGHT), run(RIGHT, case).flat
    desk, gradient = examiners.Desk(case, truth, 0), run(program, case).flat
    own, reference = RULES["CS231n, relative error 1e-4"], RULES["tinygrad, test_ops"]
    assert examiners.accepts(own, *desk.beside(own, program, gradient))
    assert examiners.why(own, desk, program, gradient) == "its own loss"
    assert not examiners.accepts(reference, *desk.beside(reference, program, gradient))
    assert not own.accepts(*desk.beside(own, RIGHT, gradient))


def test_one_direction_is_the_gradient_along_it():
    case = toy("squared_error")
    truth = run(RIGHT, case).flat
    desk = examiners.Desk(case, truth, 0)
    for name in ("autograd, check_grads", "JAX, check_grads", "Chainer, check_backward"):
        ours, theirs = desk.beside(RULES[name], RIGHT, truth)
        direction, weight, _ = desk.along(RULES[name].beside, RIGHT)
        assert ours[0][0] == pytest.approx(truth @ direction * weight, rel=1e-12)
        assert ours[0][0] == pytest.approx(theirs[0][0], rel=1e-5)
        if RULES[name].beside.unit:
            assert np.linalg.norm(direction) == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_right_programs_differ_by_their_rounding_alone(dtype):
    case = toy("cross_entropy", m=5, decay=0.01, dtype=dtype)
    first, *others = examiners.right_gradients(case)
    for other in others:
        assert other.dtype == dtype
        np.testing.assert_allclose(other, first, rtol=0, atol=20 * np.finfo(dtype).eps)


def test_our_own_verdict_is_that_of_check():
    """Evidence that is collected once says of each gradient what `check` says of it."""
    case = toy("squared_error", dtype=np.float32)
    Y = run(RIGHT, case).Y
    cells = np.arange(case.network.parameters.size)
    evidence = examiners.evidence_of(case, cells)
    verdicts = set()
    for share in (0.0, 1e-6, 1e-3, 1.0):
        claim = run(RIGHT, case).flat * np.float32(1 + share)
        proof = check(case.network, case.X, Y, claim=claim)
        assert evidence.account("chainrule", claim) == proof.own
        verdicts.add(proof.own.agrees)
    assert {True, False} <= verdicts
    double = collect_evidence(case.network, case.X, Y, cells=cells)
    assert double.account("", run(RIGHT, examiners.doubled(case)).flat).agrees
    assert double.off.max() == 0 < evidence.off.max()


# ------------------------------------------------------------------- what the exam found in `check`


def test_no_wrong_gradient_agrees_where_all_derivatives_are_tiny(mnist):
    """On an image that the small network reads surely, derivatives are about 1e-7.

    The quotient is rounded far less there than at most; so 0.1 % too much is seen.
    """
    digits = mnist[1][[0]]
    case = examiners.doubled(Case(load_bundled("small"), digits.X, digits.labels))
    truth = run(RIGHT, case).flat
    cells = np.concatenate(examiners.Desk(case, truth, 0).cells)
    evidence = examiners.evidence_of(case, cells)
    assert np.abs(truth).max() < 2e-6
    assert evidence.account("", truth).agrees
    for bug in examiners.GRADIENTS:
        if shows(bug, case):
            assert evidence.account(bug.name, run(bug.in_(RIGHT), case).flat).agrees is False
    assert evidence.account("", truth * (1 + 1e-3)).agrees is False
    assert evidence.noise < NOISE / 100


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("loss", LOSSES)
def test_rounding_of_the_loss_is_within_its_bound_and_not_far_below(loss, decay):
    """The second answer is the same loss with the longer numbers of the processor."""
    if np.finfo(np.longdouble).eps >= np.finfo(float).eps:
        pytest.skip("this processor has no longer numbers than float64")
    rng, shares = np.random.default_rng(1), []
    for _ in range(60):
        sizes = tuple(map(int, rng.integers(2, 30, 3)))
        network = initialise(sizes, loss=loss, weight_decay=decay, rng=rng, dtype=np.float64)
        network.parameters[:] *= 10 ** rng.uniform(-1, 1)
        X = rng.random((sizes[0], 4))
        Y = np.eye(sizes[-1])[:, rng.integers(0, sizes[-1], 4)]
        long = Network(sizes, network.parameters.astype(np.longdouble), loss, decay)
        truth = error(long, forward(long, X.astype(np.longdouble)), Y)
        off = abs(float(error(network, forward(network, X), Y) - truth))
        shares.append(off / loss_rounding(network, X, Y))
    assert max(shares) <= 1
    assert max(shares) > 0.02  # a bound that is never neared would tell nothing


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [0.01, 1, 30])
def test_right_gradients_of_any_size_never_differ(loss, size):
    rng = np.random.default_rng(2)
    for m in (1, 2, 5):
        network = initialise((7, 6, 6, 4), loss=loss, rng=rng, dtype=np.float64)
        network.parameters[:] *= size
        X, Y = rng.random((7, m)), np.eye(4)[:, rng.integers(0, 4, m)]
        cells = np.arange(network.parameters.size)
        evidence = collect_evidence(network, X, Y, cells=cells)
        assert evidence.account("", gradient(network, X, Y)).agrees is not False


# ------------------------------------------------------------------------------------ the page


def test_the_page_has_the_rows_of_the_small_network_on_three_images():
    """Another processor adds in another order, which may move a verdict at the edge of a rule."""
    page = (ROOT / "docs/guide/examiners.md").read_text(encoding="utf-8")
    table = page.partition("--one`")[2].splitlines()
    records = examiners.examine(examiners.one_setting(), ["float64"])
    _, _, *rows = examiners.by_rule(records)
    for row in rows:
        rule = row.split("|")[1]
        (stated,) = [line for line in table if line.startswith(f"|{rule}|")]
        ours, theirs = (re.findall(r"(?<= )[\d,]+(?= of| \|)", line) for line in (row, stated))
        assert len(ours) == len(theirs) >= 2, rule
        for one, other in zip(ours, theirs, strict=True):
            assert abs(int(one) - int(other)) <= 2, (row, stated)
        assert re.findall(r"of [\d,]+", row) == re.findall(r"of [\d,]+", stated)


def test_the_page_names_every_rule_with_its_source():
    page = (ROOT / "docs/guide/examiners.md").read_text(encoding="utf-8")
    for rule in (*acceptance.RULES, *it_trains.LOOKS):
        assert f"- {rule.name}: {rule.source}" in page


def test_a_training_is_looked_at_as_a_person_would(mnist):
    """Uphill the loss grows; the right program reads better than at the start."""
    case, *looks = it_trains.begin(*it_trains.TRAININGS[0], mnist, seed=0)
    few = case._replace(X=case.X[:, :1500], labels=case.labels[:1500], steps=case.steps[:10])
    (uphill,) = [bug for bug in ZOO if bug.name == "uphill"]
    right, wrong = (it_trains.trained(each, few, *looks) for each in (RIGHT, uphill.in_(RIGHT)))
    falls = it_trains.LOOKS[0].accepts
    assert falls(right)
    assert not falls(wrong)
    assert right.test > 0.15 > wrong.test
    assert right.stuck == 0
    parameters = it_trains.learn(RIGHT, few)[-1]
    network = Network(case.network.sizes, parameters)
    A = forward(network, looks[1].X).A[2]
    assert right.test == np.mean(A.argmax(axis=0) == looks[1].labels)
