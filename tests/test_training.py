"""Training: what a snapshot holds, that runs repeat, and that every default learns."""

from itertools import islice

import numpy as np
import pytest

from chainrule import DivergenceError, evaluate, gradient, initialise, loss, predict, train
from chainrule.descent import OPTIMIZERS
from chainrule.network import LOSSES, Network
from chainrule.training import RECIPES

# The first losses of `chainrule train`, recorded from a run in float64. In float32 they differ by
# less than 1e-6 on the CPUs tried; 1e-5 leaves room for others.
GOLDEN = [
    0.45203491, 0.44339555, 0.43605687, 0.42650858, 0.41805231,
    0.42010148, 0.42236240, 0.41757450, 0.39070908, 0.38047803,
]  # fmt: skip


def seed_network(seed=0, name="squared_error", dtype=np.float32, hidden=(10,)):
    rng = np.random.default_rng(seed)
    return initialise((784, *hidden, 10), loss=name, rng=rng, dtype=dtype), rng


def all_of(network, digits, **settings):
    return list(train(network, digits, **settings))


# ------------------------------------------------------------------------------------ snapshots


def test_the_default_training_begins_as_recorded(mnist):
    network, rng = seed_network()
    losses = [s.loss for s in islice(train(network, mnist[0], rng=rng), 10)]
    assert losses == pytest.approx(GOLDEN, rel=1e-5)


def test_a_full_batch_snapshot_has_the_loss_of_its_own_parameters(mnist):
    digits = mnist[0][:300]
    network, rng = seed_network()
    for snapshot in train(network, digits, steps=5, rng=rng):
        E = float(loss(snapshot.network, digits.X, digits.Y))
        assert snapshot.loss == pytest.approx(E, rel=1e-6)  # float32, summed in another order
        assert snapshot.loss_of == "training set"
    assert snapshot.step == 5


def test_a_mini_batch_snapshot_has_the_mean_over_its_batches(mnist):
    digits = mnist[0][:100]
    network, rng = seed_network()
    each = all_of(network, digits, batch_size=30, epochs=2, rng=rng)
    network, rng = seed_network()
    some = all_of(network, digits, batch_size=30, epochs=2, every=3, rng=rng)
    assert (
        each[0].loss == some[0].loss == pytest.approx(loss(network, digits.X, digits.Y), rel=1e-6)
    )
    assert [s.step for s in each] == list(range(9))
    assert [s.step for s in some] == [0, 3, 6, 8]
    assert each[0].loss_of == some[0].loss_of == "training set"
    assert {s.loss_of for s in each[1:] + some[1:]} == {"batches"}
    losses = [s.loss for s in each]
    expected = [np.mean(losses[a:b]) for a, b in [(1, 4), (4, 7), (7, 9)]]
    assert [s.loss for s in some[1:]] == pytest.approx(expected, rel=1e-12)


def test_mini_batches_are_each_epoch_anew_all_examples_once(mnist):
    """One step of plain descent tells its batch: followed here with orders of our own making."""
    digits = mnist[0][:70]
    X, Y = digits.X, digits.Y
    network, rng = seed_network()
    snapshots = all_of(network, digits, batch_size=32, epochs=2, learning_rate=0.5, rng=rng)
    key = snapshots[0].key
    theta = network.parameters
    for epoch in range(2):
        order = np.random.default_rng((key, epoch)).permutation(70)
        for step, first in enumerate((0, 32, 64), start=1 + 3 * epoch):
            batch = order[first : first + 32]
            theta = theta - 0.5 * gradient(snapshots[step - 1].network, X[:, batch], Y[:, batch])
            assert snapshots[step].network.parameters == pytest.approx(theta, abs=1e-6)


def test_the_first_step_of_adam_is_the_learning_rate_against_the_sign(mnist):
    """Its means start from zero and are freed of that by the number of the step."""
    digits = mnist[0][:100]
    network, rng = seed_network(dtype=np.float64)
    g = gradient(network, digits.X.astype(np.float64), digits.Y)
    *_, last = train(network, digits, optimizer="adam", learning_rate=0.1, steps=1, rng=rng)
    moved = last.network.parameters - network.parameters
    felt = np.abs(g) > 1e-4  # of the others the ε in Adam's divisor takes a part
    assert felt.sum() > 1000
    assert moved[felt] == pytest.approx(-0.1 * np.sign(g[felt]), rel=1e-3)


def test_snapshots_are_never_written_again(mnist):
    network, rng = seed_network()
    seen = [
        (s, s.network.parameters.tobytes(), s.memory.tobytes())
        for s in train(network, mnist[0][:50], optimizer="adam", steps=5, rng=rng)
    ]
    for snapshot, parameters, memory in seen:
        assert snapshot.network.parameters.tobytes() == parameters
        assert snapshot.memory.tobytes() == memory
    assert len({parameters for _, parameters, _ in seen}) == 6


def test_accuracies_when_asked_for(mnist):
    digits, test = mnist[0][:200], mnist[1][:100]
    network, rng = seed_network()
    plain = all_of(network, digits, steps=2, rng=rng)[-1]
    assert (plain.train_accuracy, plain.test_accuracy) == (None, None)
    network, rng = seed_network()
    asked = all_of(network, digits, steps=2, test=test, train_accuracy=True, rng=rng)[-1]
    assert asked.network.parameters.tobytes() == plain.network.parameters.tobytes()
    for accuracy, of in [(asked.train_accuracy, digits), (asked.test_accuracy, test)]:
        assert accuracy == np.mean(predict(asked.network, of.X) == of.labels)


def test_a_snapshot_says_what_it_is(mnist):
    network, rng = seed_network()
    (first, *_) = train(network, mnist[0][:10], steps=1, rng=rng)
    assert repr(first).startswith("Snapshot: step 0, loss 0.")


@pytest.mark.parametrize("batch_size", [None, 32])
def test_a_learning_rate_that_is_a_function_is_asked_before_each_step(mnist, batch_size):
    """The second answer is plain descent by hand, on batches of our own making."""
    digits = mnist[0][:70]
    X, Y = digits.X, digits.Y
    rates, asked = [0.5, 0.1, 2.0, 0.01, 0.7], []

    def rate(step):
        asked.append(step)
        return rates[step]

    network, rng = seed_network()
    snapshots = train(network, digits, learning_rate=rate, batch_size=batch_size, steps=5, rng=rng)
    theta = network.parameters
    for snapshot in snapshots:
        step = snapshot.step
        assert asked == list(range(step)), "a rate is asked for when its step is taken, not before"
        assert snapshot.network.parameters == pytest.approx(theta, abs=1e-6)
        if step < 5:
            batch = slice(None)
            if batch_size:
                order = np.random.default_rng((snapshot.key, step // 3)).permutation(70)
                batch = order[32 * (step % 3) :][:32]
            theta = theta - rates[step] * gradient(snapshot.network, X[:, batch], Y[:, batch])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_function_that_never_changes_is_a_fixed_rate(mnist, optimizer):
    def end(learning_rate):
        network, rng = seed_network()
        *_, last = train(
            network, mnist[0][:50], optimizer=optimizer, learning_rate=learning_rate, steps=5,
            rng=rng,
        )  # fmt: skip
        return last.network.parameters.tobytes()

    assert end(0.07) == end(lambda step: 0.07) != end(lambda step: 0.07 + 0.01 * (step == 4))


# ------------------------------------------------------------------------------------- the same


@pytest.mark.parametrize("batch_size", [None, 32])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_going_on_from_any_snapshot_ends_in_the_same_bytes(mnist, optimizer, batch_size):
    digits = mnist[0][:100]
    settings = {"optimizer": optimizer, "batch_size": batch_size, "steps": 9}
    network, rng = seed_network()
    whole = all_of(network, digits, rng=rng, **settings)
    for start in (whole[0], whole[3], whole[4], whole[8]):
        rest = all_of(network, digits, start=start, **settings)
        assert [s.step for s in rest] == list(range(start.step + 1, 10))
        assert rest[-1].network.parameters.tobytes() == whole[-1].network.parameters.tobytes()
        assert rest[-1].memory.tobytes() == whole[-1].memory.tobytes()
        assert rest[-1].key == whole[0].key


def test_the_seed_decides(mnist):
    def end(seed):
        network, rng = seed_network(seed)
        *_, last = train(network, mnist[0][:100], batch_size=10, steps=5, rng=rng)
        return last.network.parameters.tobytes()

    assert end(1) == end(1) != end(2)


# ---------------------------------------------------------------------------------------- learns


@pytest.mark.parametrize(("name", "optimizer"), RECIPES)
def test_every_default_learns(mnist, name, optimizer):
    """On 3,000 images each pair's own rate and length end well above 85 % on unseen images.

    An untrained network is at 10 %; the full 60,000 images give 91 to 93 % (docs/design).
    """
    assert set(RECIPES) == {(n, o) for n in LOSSES for o in OPTIMIZERS}
    train_set, test_set = mnist[0][:3000], mnist[1]
    for settings in ({}, {"batch_size": 64}):
        network, rng = seed_network(0, name)
        every = 10**6
        first, last = train(
            network, train_set, optimizer=optimizer, every=every, rng=rng, **settings
        )
        assert last.step == (470 if settings else RECIPES[name, optimizer].steps)
        assert evaluate(first.network, test_set).accuracy < 0.3
        assert evaluate(last.network, test_set).accuracy > 0.85, settings


def test_deeper_and_no_hidden_layers_learn(mnist):
    for hidden in ((), (30, 20)):
        network, rng = seed_network(0, "cross_entropy", hidden=hidden)
        *_, last = train(
            network, mnist[0][:6000], optimizer="adam", batch_size=64, epochs=5, rng=rng
        )
        assert evaluate(last.network, mnist[1]).accuracy > 0.85


def test_evaluation_counts(mnist):
    network, _ = seed_network(1)
    digits = mnist[1][:2500]
    seen = evaluate(network, digits)
    answers = predict(network, digits.X)
    assert seen.confusion.sum() == 2500
    assert seen.confusion[3, 7] == np.sum((digits.labels == 3) & (answers == 7))
    assert seen.accuracy == np.mean(answers == digits.labels)
    assert seen.accuracy_per_digit[4] == np.mean(answers[digits.labels == 4] == 4)
    assert seen.loss == pytest.approx(float(loss(network, digits.X, digits.Y)), rel=1e-6)
    only_ones = digits[np.flatnonzero(digits.labels == 1)]
    assert np.isnan(evaluate(network, only_ones).accuracy_per_digit).sum() == 9


# --------------------------------------------------------------------------------------- refused


def test_a_loss_that_is_not_finite_stops_it_and_names_step_rate_and_remedy(mnist):
    network, rng = seed_network()
    with pytest.raises(DivergenceError, match=r"nan after step 1: .* 1e\+38 .* try 1e\+37"):
        all_of(network, mnist[0][:50], learning_rate=1e38, rng=rng)


def test_a_loss_that_is_not_finite_names_the_rate_in_force(mnist):
    network, rng = seed_network()
    rates = (0.1, 0.2, 1e38, 0.3)
    with pytest.raises(DivergenceError, match=r"nan after step 3: .* 1e\+38 .* try 1e\+37"):
        all_of(network, mnist[0][:50], learning_rate=lambda step: rates[step], steps=4, rng=rng)
    network.parameters[:] *= 1e30
    with pytest.raises(DivergenceError, match=r"before the first step: start from smaller"):
        all_of(network, mnist[0][:50], steps=4, rng=rng)


@pytest.mark.parametrize("bad", [0, -1.0, np.nan, np.inf])
def test_a_rate_that_cannot_be_is_refused_at_its_step(mnist, bad):
    network, rng = seed_network()
    snapshots = train(
        network, mnist[0][:50], learning_rate=lambda step: (1.0, bad)[step], steps=2, rng=rng
    )
    assert [next(snapshots).step, next(snapshots).step] == [0, 1]
    with pytest.raises(ValueError, match=f"learning_rate must be a positive number, got {bad}"):
        next(snapshots)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"optimizer": "sgd"}, "one of descent, momentum, adam, got 'sgd'"),
        ({"learning_rate": 0}, "learning_rate must be a positive number, got 0"),
        ({"learning_rate": float("nan")}, "got nan"),
        ({"steps": 0}, "steps must be a whole number from 1, got 0"),
        ({"epochs": -1}, "epochs must be a whole number from 1"),
        ({"every": 0}, "every must be a whole number from 1"),
        ({"threads": 0}, "threads must be a whole number from 1"),
        ({"batch_size": 0}, "batch_size must be a whole number from 1"),
        ({"steps": 2.5}, "steps must be a whole number from 1, got 2.5"),
        ({"steps": True}, "steps must be a whole number from 1, got True"),
        ({"steps": "3"}, "steps must be a whole number from 1, got '3'"),
        ({"epochs": 1.1, "batch_size": 5}, "epochs must be a whole number from 1, got 1.1"),
        ({"batch_size": 5.0}, "batch_size must be a whole number from 1, got 5.0"),
        ({"every": 2.5}, "every must be a whole number from 1, got 2.5"),
        ({"threads": 1.5}, "threads must be a whole number from 1, got 1.5"),
        ({"learning_rate": "0.1"}, "learning_rate must be a positive number, got '0.1'"),
        ({"rng": 0}, "a numpy.random.Generator, got int"),
        ({"rng": np.random.RandomState(0)}, "a numpy.random.Generator, got RandomState"),
        ({"start": "runs/first"}, "start must be a Snapshot of an earlier call, got str"),
        ({"test": (1, 2)}, "wanted Digits, got tuple"),
        ({"batch_size": 51}, "at most the 50 examples, got 51"),
        ({"steps": 1, "epochs": 1}, "not both"),
        ({"rng": None}, "rng is missing"),
    ],
)
def test_settings_that_cannot_be_are_refused_when_called(mnist, settings, says):
    network, rng = seed_network()
    with pytest.raises(ValueError, match=says):
        train(network, mnist[0][:50], **{"rng": rng, **settings})


def test_numbers_of_numpy_are_whole_numbers_too(mnist):
    network, rng = seed_network()
    counts = {"steps": np.int64(3), "batch_size": np.int32(10), "every": np.uint8(2)}
    found = list(train(network, mnist[0][:50], rng=rng, **counts))
    assert [snapshot.step for snapshot in found] == [0, 2, 3]


@pytest.mark.parametrize("sizes", [(1000, 10), (100, 10), (784, 5), (784, 10, 20)])
def test_a_network_that_does_not_fit_the_digits_is_refused_when_called(mnist, sizes):
    network, digits = initialise(sizes, rng=np.random.default_rng(0)), mnist[0][:50]
    says = f"784 inputs and 10 outputs, got {sizes[0]:,} and {sizes[-1]}"
    for batch_size in (None, 10):
        with pytest.raises(ValueError, match=says):
            train(network, digits, rng=np.random.default_rng(0), batch_size=batch_size)
    with pytest.raises(ValueError, match=says):
        evaluate(network, digits)


def test_evaluate_says_what_it_wants(mnist):
    network, _ = seed_network()
    digits = mnist[1][:50]
    with pytest.raises(ValueError, match="wanted Digits, got tuple; load_mnist"):
        evaluate(network, (digits.X, digits.labels))
    with pytest.raises(ValueError, match="wanted a Network, got Snapshot"):
        evaluate(next(train(network, digits, rng=np.random.default_rng(0))), digits)
    for threads in (0, -1, 1.5):
        with pytest.raises(ValueError, match="threads must be a whole number from 1"):
            evaluate(network, digits, threads=threads)
    large = Network(network.sizes, network.parameters * np.float32(1e30))
    with pytest.raises(OverflowError, match="the weights are too large for float32"):
        evaluate(large, digits)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_parameters_that_are_not_finite_are_refused(mnist, bad):
    network, rng = seed_network()
    network.parameters[5] = bad
    with pytest.raises(ValueError, match="must be finite"):
        train(network, mnist[0][:5], rng=rng)


def test_a_start_of_another_kind_is_refused(mnist):
    digits = mnist[0][:50]
    network, rng = seed_network()
    *_, start = train(network, digits, steps=1, rng=rng)
    other, _ = seed_network(0, "cross_entropy")
    with pytest.raises(ValueError, match=r"start must be a snapshot of .*, cross"):
        train(other, digits, start=start)
    with pytest.raises(ValueError, match="adam remembers"):
        train(network, digits, optimizer="adam", start=start)
