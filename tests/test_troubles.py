"""The measures of a step against numbers made here; each trouble provoked, and none invented."""

import math

import numpy as np
import pytest

from chainrule import DivergenceError, gradient, initialise, load_bundled, probabilities, train
from chainrule.network import LOSSES
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.folder import open_run
from chainrule.runs.trajectory import network_at
from chainrule.troubles import SAMPLE, SURE, Measures, measure, troubles


def watched(digits, test_set, *, hidden=(10,), loss="squared_error", seed=0, **settings):
    """The history of a training, its last measures, and what is said of it at each row."""
    rng = np.random.default_rng(seed)
    network = initialise((784, *hidden, 10), loss=loss, rng=rng)
    by_batches = "batch_size" in settings
    history, said = [], []
    try:
        for each in train(
            network, digits, test=test_set, train_accuracy=not by_batches, rng=rng, **settings
        ):
            on_train = math.nan if by_batches else each.train_accuracy
            history.append([each.step, each.loss, on_train, each.test_accuracy])
            measures = measure(each.network, digits)
            said.append(troubles(np.array(history), measures, loss=loss))
    except DivergenceError:
        history.append([each.step + 1, math.nan, math.nan, math.nan])
        said.append(troubles(np.array(history), measures, loss=loss))
    return history, said


def names(found):
    return [trouble.name for trouble in found]


# ----------------------------------------------------------------------------------- the measures


@pytest.mark.parametrize("loss", LOSSES)
def test_the_sizes_of_dW_are_those_of_the_gradient(mnist, loss):
    network = initialise((784, 9, 10), loss=loss, rng=np.random.default_rng(0), dtype=np.float64)
    digits = mnist[0][:SAMPLE]
    g = gradient(network, digits.X.astype(np.float64), digits.Y)
    sizes = [np.sqrt((g[: 784 * 9] ** 2).sum()), np.sqrt((g[785 * 9 : 785 * 9 + 90] ** 2).sum())]
    assert measure(network, digits).dW == pytest.approx(sizes, rel=1e-6)


def test_a_unit_that_is_on_for_no_image_is_dead(mnist):
    network = initialise((784, 5, 4, 10), rng=np.random.default_rng(0))
    (_, b1), (W2, b2), _ = network.layers
    b1[:] = [[100], [-1000], [100], [-1000], [100]]
    W2[:], b2[:] = 0, [[1], [0], [-1], [2]]  # 0 is not on
    assert measure(network, mnist[0]).dead == (2 / 5, 2 / 4)
    assert measure(initialise((784, 10), rng=np.random.default_rng(0)), mnist[0]).dead == ()


@pytest.mark.parametrize("loss", LOSSES)
def test_what_a_mistake_teaches_is_the_length_of_dZ(mnist, loss):
    """The second answer goes image by image and has the Jacobian of softmax as a matrix."""
    network, digits = load_bundled("small"), mnist[1][:SAMPLE]
    network = type(network)(network.sizes, network.parameters, loss)
    wrong, sure, lengths = 0, 0, []
    for k, label in enumerate(digits.labels):
        a = probabilities(network, digits.X[:, [k]]).astype(np.float64)[:, 0]
        if a.argmax() != label:
            y = np.eye(10)[label]
            jacobian = np.diag(a) - np.outer(a, a)
            dA = a - y if loss == "squared_error" else -y / a
            lengths.append(np.linalg.norm(jacobian @ dA))
            wrong += 1
            sure += a.max() >= SURE
    found = measure(network, digits)
    assert found.right == 1 - wrong / SAMPLE
    assert found.sure_mistakes == sure / SAMPLE > 0
    assert found.lesson == pytest.approx(np.mean(lengths), rel=1e-4)


def test_the_sample_is_spread_and_always_the_same(mnist):
    network = load_bundled("small")
    spread = mnist[0][np.arange(SAMPLE) * 120]
    assert measure(network, mnist[0]) == measure(network, spread) == measure(network, mnist[0])
    few = mnist[0][:7]
    assert measure(network, few).right in {k / 7 for k in range(8)}


def test_parameters_that_are_not_finite_are_measured_as_they_are(mnist):
    network = load_bundled("small")
    broken = type(network)(network.sizes, network.parameters * np.float32(np.nan), network.loss)
    assert math.isnan(measure(broken, mnist[0]).dW[0])


# ---------------------------------------------------------------------------- provoked, one by one


@pytest.fixture(scope="module")
def some(mnist):
    return mnist[0][:2000], mnist[1][:1000]


def test_squared_error_that_collapses_teaches_nothing(some):
    """α = 10: after ten steps nine tenths are read wrong with certainty, and dZ is 3e-6 long."""
    history, said = watched(*some, learning_rate=10.0, steps=20, seed=3)
    (trouble,) = [each for each in said[-1] if each.name == "mistakes teach nothing"]
    assert trouble.numbers["sure mistakes"] > 0.8
    assert trouble.numbers["lesson"] < 1e-3
    assert f"{trouble.numbers['sure mistakes']:.0%} of the training images" in trouble.shows
    assert "cross-entropy" in trouble.remedy
    assert history[-1][1] == pytest.approx(history[-5][1], rel=1e-4)  # it is stuck indeed
    assert "loss grows" in names(said[-1])
    assert said[0] == []


def test_cross_entropy_is_never_said_to_teach_nothing(some):
    """As sure and as wrong, but dZ of such a mistake is √2 long."""
    _, said = watched(*some, learning_rate=1000.0, steps=10, loss="cross_entropy")
    assert "loss grows" in names(said[-1])
    assert "mistakes teach nothing" not in {name for found in said for name in names(found)}


@pytest.mark.parametrize(
    ("loss", "optimizer", "rate"),
    [
        ("squared_error", "descent", 30.0),
        ("cross_entropy", "descent", 3.0),
        ("cross_entropy", "momentum", 1.0),
        ("cross_entropy", "adam", 1.0),
    ],
)
def test_huge_rates_kill_units(some, loss, optimizer, rate):
    _, said = watched(*some, loss=loss, optimizer=optimizer, learning_rate=rate, steps=30)
    assert "dead units" in names(said[-1])
    (trouble,) = [each for each in said[-1] if each.name == "dead units"]
    assert trouble.numbers["layer"] == 1
    assert f"{trouble.numbers['dead']:.0%} of the units of hidden layer 1" in trouble.shows


def test_few_images_are_learnt_by_heart(mnist):
    _, said = watched(
        mnist[0][:600], mnist[1], hidden=(128,), loss="cross_entropy", optimizer="adam", steps=60,
        every=20, learning_rate=0.01,
    )  # fmt: skip
    assert names(said[0]) == []
    assert names(said[-1]) == ["overfitting"]
    assert said[-1][0].numbers["training"] - said[-1][0].numbers["test"] > 0.1


def test_a_loss_that_is_not_finite_is_the_one_thing_said(some):
    _, said = watched(*some, learning_rate=1e38, steps=3)
    assert names(said[-1]) == ["loss not finite"]
    assert said[-1][0].shows == "After step 1 the loss is nan: the steps were far too long."


# ------------------------------------------------------------------------------- and none invented


def test_the_default_training_has_no_trouble_at_any_moment(mnist, default_training):
    a_run = open_run(default_training[0] / "runs/first")
    history = read_checkpoint(a_run).history
    for k in range(0, len(history), 5):
        measures = measure(network_at(a_run, int(history[k, 0])), mnist[0])
        assert troubles(history[: k + 1], measures, loss="squared_error") == []


def test_784_128_10_with_cross_entropy_and_momentum_has_none(mnist):
    known = {"hidden": (128,), "loss": "cross_entropy", "optimizer": "momentum"}
    _, said = watched(*mnist, **known, batch_size=64, learning_rate=0.03, steps=400, every=50)
    assert said == [[]] * 9
    end = measure(load_bundled("large"), mnist[0])
    history = np.array([[0, 2.4, math.nan, 0.1], [18760, 0.001, math.nan, 0.9812]])
    assert troubles(history, end, loss="cross_entropy") == []


def test_a_gap_before_anything_is_learnt_is_chance():
    measures = Measures((1.0,), (), 0.3, 0.0, 0.2)
    history = np.array([[0, 0.45, math.nan, 0.2]])
    assert troubles(history, measures, loss="squared_error") == []
    learnt = troubles(history, measures._replace(right=0.9), loss="squared_error")
    assert names(learnt) == ["overfitting"]
