"""The classifier for scikit-learn: its own checks, and every number against a second answer."""

import pickle

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from chainrule import Digits, DivergenceError, Network, Table, gradient, initialise, loss
from chainrule.bridges.sklearn import ChainruleClassifier, at_epoch, examples_of
from chainrule.descent import MEMORY_ROWS, Rule, adam, take_step
from chainrule.training import Snapshot

# Of what scikit-learn leaves out where pandas, or SCIPY_ARRAY_API, is not there.
LEFT_OUT = {"check_array_api_input", "check_classifier_data_not_an_array"}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), np.array(["setosa", "versicolor", "virginica"])[y]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, test_size=0.4, random_state=0)


def quick(**settings):
    usual = {"hidden_layer_sizes": (16,), "learning_rate": 0.01, "max_iter": 30, "random_state": 0}
    return ChainruleClassifier(**usual | settings)


def bits(classifier):
    return classifier.network_.parameters.tobytes()


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
@pytest.mark.parametrize("usual", [False, pytest.param(True, marks=pytest.mark.long)])
def test_every_check_of_scikit_learn_passes(engine, usual):
    classifier = ChainruleClassifier(engine=engine) if usual else quick(engine=engine)
    checks = check_estimator(classifier, on_skip=None)
    assert len(checks) > 50
    done = {status: set() for status in ("passed", "skipped", "failed", "xfail")}
    for each in checks:
        done[each["status"]].add(each["check_name"])
    assert not done["failed"]
    assert not done["xfail"]
    assert done["skipped"] <= LEFT_OUT


@pytest.mark.parametrize("optimizer", ["descent", "momentum", "adam"])
@pytest.mark.parametrize("size", [40, None, "auto"])
def test_its_epochs_are_those_of_a_plain_loop(iris, optimizer, size):
    """The equations in float64, with the start and the orders that the seed gives."""
    X, y = iris
    classifier = quick(
        optimizer=optimizer, batch_size=size, max_iter=3, weight_decay=0.01, engine="numpy"
    ).fit(X, y)
    rng = np.random.default_rng(np.random.RandomState(0).randint(2**31))
    network = initialise((4, 16, 3), loss="cross_entropy", weight_decay=0.01, rng=rng)
    key, rule = int(rng.integers(2**63)), Rule(optimizer)
    theta = network.parameters.astype(np.float64)
    memory = np.zeros((MEMORY_ROWS[optimizer], theta.size))
    Y = (classifier.classes_[:, None] == y).astype(float)
    step, each, losses = 0, {40: 40, None: 150, "auto": 150}[size], []
    for epoch in range(3):
        total = 0
        order = np.random.default_rng((key, epoch)).permutation(150)
        for first in range(0, 150, each):
            chosen = order[first : first + each]
            now = Network((4, 16, 3), theta, "cross_entropy", 0.01)
            slope = gradient(now, X.T[:, chosen], Y[:, chosen])
            total += len(chosen) * loss(now, X.T[:, chosen], Y[:, chosen])
            step += 1
            theta, memory = take_step(rule, theta, slope, memory, learning_rate=0.01, step=step)
        if size is None:  # the loss after the step
            total = 150 * loss(Network((4, 16, 3), theta, "cross_entropy", 0.01), X.T, Y)
        losses.append(total / 150)
    # Three epochs of float32 against float64.
    np.testing.assert_allclose(classifier.network_.parameters, theta, rtol=1e-3, atol=1e-5)
    assert classifier.n_iter_ == 3
    assert classifier.loss_curve_ == pytest.approx(losses, rel=1e-4)
    assert classifier.loss_ == classifier.loss_curve_[-1]
    assert classifier.best_loss_ == min(classifier.loss_curve_)
    W, b = zip(*Network((4, 16, 3), theta).layers, strict=True)
    for ours, theirs in zip(classifier.coefs_, W, strict=True):
        np.testing.assert_allclose(ours, theirs.T, rtol=1e-3, atol=1e-5)
    for ours, theirs in zip(classifier.intercepts_, b, strict=True):
        np.testing.assert_allclose(ours, theirs.ravel(), rtol=1e-3, atol=1e-5)


def test_it_reads_what_the_equations_say(iris):
    X, y = iris
    for engine in ("compiled", "numpy"):
        classifier = quick(engine=engine, max_iter=100).fit(X, y)
        Z = X
        *hidden, (W, b) = zip(classifier.coefs_, classifier.intercepts_, strict=True)
        for V, c in hidden:
            Z = np.maximum(0, Z @ V + c)
        A = np.exp(Z @ W + b)
        A /= A.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(classifier.predict_proba(X), A, atol=1e-6)
        assert (classifier.predict(X) == classifier.classes_[A.argmax(axis=1)]).all()
        assert classifier.score(X, y) == (classifier.predict(X) == y).mean() > 0.95
    assert classifier.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert classifier.n_features_in_ == 4


def test_the_same_random_state_gives_the_same_bits(iris):
    X, y = iris
    alone = bits(quick(threads=1).fit(X, y))
    assert bits(quick(threads=3).fit(X, y)) == alone
    assert bits(quick(random_state=np.random.RandomState(0)).fit(X, y)) == alone
    assert bits(quick(random_state=1).fit(X, y)) != alone
    assert bits(clone(quick()).fit(X, y)) == alone


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_epoch_by_epoch_it_learns_the_same(iris, engine):
    X, y = iris
    whole = quick(max_iter=4, batch_size=40, engine=engine).fit(X, y)
    parts = quick(batch_size=40, engine=engine)
    for epoch in range(4):
        parts.partial_fit(X, y, classes=np.unique(y) if epoch == 0 else None)
        parts = pickle.loads(pickle.dumps(parts))
    assert bits(parts) == bits(whole)
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.n_iter_ == 1


def test_parts_of_other_sizes_keep_what_adam_remembers():
    rng = np.random.default_rng(0)
    network = initialise((2, 2), rng=rng, dtype=np.float64)
    theta, memory = network.parameters, np.zeros((2, 6))
    for step in range(1, 4):
        theta, memory = adam(theta, rng.standard_normal(6), memory, learning_rate=0.1, step=step)
    before = Snapshot(network, memory, 3, 0, loss=1.0, loss_of="batches")
    after = at_epoch(before, "adam", 10)
    assert after.step == 10
    for decay, old, new in zip((0.9, 0.999), memory, after.memory, strict=True):
        np.testing.assert_allclose(new / (1 - decay**10), old / (1 - decay**3), rtol=1e-12)
    assert at_epoch(before, "adam", 3).memory is memory
    assert at_epoch(before, "momentum", 10).memory is memory


def test_parts_of_other_sizes_are_learned(digits):
    X, held_X, y, held_y = digits
    classifier = quick(hidden_layer_sizes=(32,), batch_size=25)
    for _ in range(15):
        for part in np.split(np.arange(len(X)), (7, 500, 508)):
            classifier.partial_fit(X[part], y[part], classes=range(10))
    assert classifier.score(held_X, held_y) > 0.93
    assert len(classifier.loss_curve_) == 60


def test_pictures_are_learned_by_their_ink(mnist):
    digits = mnist[0][:1500]
    X, labels = digits.images / 255, digits.labels.astype(np.intp)  # float64, as people divide
    found = examples_of(X.astype(np.float32), labels, 10)
    assert isinstance(found, Digits)
    assert np.array_equal(found.images, digits.images)
    assert np.array_equal(found.labels, digits.labels)
    letters = examples_of(X.astype(np.float32), labels, 26)
    assert isinstance(letters, Digits)
    assert letters.names == tuple(map(str, range(26)))
    others = [digits.images.astype(np.float32), -X.astype(np.float32), X.astype(np.float32) / 2]
    others += [X.astype(np.float32), X.astype(np.float32)]
    others[3][1400, 300] = np.nextafter(np.float32(1), np.float32(0))
    for k, each in enumerate(others):
        found = examples_of(each, labels, 10 if k < 4 else 63)
        assert isinstance(found, Table)
        assert np.array_equal(found.X, each.T)
    # The same training, whichever way: a shade more in one pixel makes them a table.
    settings = {"optimizer": "momentum", "max_iter": 2, "engine": "compiled"}
    one, other = (quick(**settings).fit(each, labels) for each in (X, others[3]))
    np.testing.assert_allclose(*(each.network_.parameters for each in (one, other)), atol=2e-3)
    assert (one.predict(X) == other.predict(X)).mean() > 0.995


def test_a_warm_start_goes_on(iris):
    X, y = iris
    classifier = quick(max_iter=3, warm_start=True).fit(X, y)
    first = classifier.network_
    classifier.set_params(max_iter=2).fit(X, y)
    assert classifier.n_iter_ == 2
    assert len(classifier.loss_curve_) == 5
    assert classifier.loss_curve_[3] < classifier.loss_curve_[0]
    anew = clone(classifier).set_params(max_iter=2).fit(X, y)
    assert bits(anew) != bits(classifier)
    assert classifier.network_ is not first
    with pytest.raises(ValueError, match="goes on with the classes of the fit before"):
        classifier.fit(X[:100], y[:100])


def test_early_stopping_keeps_the_best_epoch(digits):
    X, _, y, _ = digits
    classifier = quick(
        hidden_layer_sizes=(32,), max_iter=200, early_stopping=True, validation_fraction=0.2
    ).fit(X, y)
    scores = classifier.validation_scores_
    assert classifier.n_iter_ == len(scores) == len(classifier.loss_curve_) < 200
    assert classifier.best_validation_score_ == max(scores)
    first = np.random.RandomState(0)
    _, held_X, _, held_y = train_test_split(X, y, test_size=0.2, stratify=y, random_state=first)
    assert accuracy_score(held_y, classifier.predict(held_X)) == max(scores)
    until_best = clone(classifier).set_params(max_iter=scores.index(max(scores)) + 1)
    assert bits(until_best.fit(X, y)) == bits(classifier)
    # It waited for 11 epochs that were not better than the best before them.
    best, waited = -1, 0
    for score in scores:
        waited = 0 if score >= best + 1e-4 else waited + 1
        best = max(best, score)
    assert waited == 11


def test_it_stops_when_the_loss_no_longer_falls_and_warns_if_it_still_does(iris, recwarn):
    X, y = iris
    classifier = quick(tol=0.05, n_iter_no_change=3, max_iter=500).fit(X, y)
    best, waited = np.inf, []
    for each in classifier.loss_curve_:
        waited.append(0 if each <= best - 0.05 else waited[-1] + 1)
        best = min(best, each)
    assert waited.index(4) == len(waited) - 1 == classifier.n_iter_ - 1 < 499
    assert not recwarn
    with pytest.warns(ConvergenceWarning, match="still falls after 5 epochs"):
        quick(max_iter=5, tol=1e-6).fit(X, y)


def test_it_stands_in_pipelines_searches_and_other_processes(iris):
    X, y = iris
    pipe = make_pipeline(StandardScaler(), quick(engine="numpy", threads=1, max_iter=100))
    grid = {"chainruleclassifier__hidden_layer_sizes": [(), (8,)]}
    search = GridSearchCV(pipe, grid, cv=2, n_jobs=2).fit(X, y)
    alone = GridSearchCV(pipe, grid, cv=2).fit(X, y)
    assert search.best_score_ > 0.9
    assert bits(search.best_estimator_[-1]) == bits(alone.best_estimator_[-1])
    scores = [search.cv_results_[f"split{k}_test_score"][search.best_index_] for k in (0, 1)]
    again = cross_val_score(clone(search.best_estimator_), X, y, cv=2)
    assert again.tolist() == scores


@pytest.mark.parametrize("rows", [400, pytest.param(None, marks=pytest.mark.long)])
def test_it_reads_as_well_as_scikit_learn_s_own_network(digits, rows):
    """On the same samples of 8 × 8 digits, over three seeds each: equal within their spread."""
    X, held_X, y, held_y = digits
    same = {"hidden_layer_sizes": (32,), "max_iter": 40}
    ours, theirs = (
        [
            make(**same, **rate, random_state=seed).fit(X[:rows], y[:rows]).score(held_X, held_y)
            for seed in range(3)
        ]
        for make, rate in (
            (ChainruleClassifier, {"learning_rate": 0.01}),
            (MLPClassifier, {"learning_rate_init": 0.01}),
        )
    )
    assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=0.02)
    assert min(ours) > 0.9


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_iter": 0}, "max_iter must be a whole number from 1, got 0"),
        ({"batch_size": 2.5}, r"batch_size must be a whole number from 1, got 2\.5"),
        ({"batch_size": "all"}, "batch_size must be a whole number from 1, got 'all'"),
        ({"optimizer": "sgd"}, "optimizer must be one of descent, momentum, adam, got 'sgd'"),
        ({"loss": "log_loss"}, "the loss must be one of squared_error, cross_entropy"),
        ({"hidden_layer_sizes": (0,)}, "sizes must be two or more positive whole numbers"),
        ({"learning_rate": -1}, "learning_rate must be a positive number"),
        ({"engine": "gpu"}, "engine must be one of auto, numpy, compiled, got 'gpu'"),
        ({"threads": 0}, "threads must be a whole number from 1"),
        ({"weight_decay": -1}, "weight_decay must be 0 or more"),
    ],
)
def test_settings_that_cannot_be_are_refused(iris, settings, says):
    with pytest.raises(ValueError, match=says):
        quick(**settings).fit(*iris)


def test_samples_that_cannot_be_learned_are_refused(iris):
    X, y = iris
    with pytest.raises(ValueError, match="two classes or more, got 1 class"):
        quick().fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="infinity or a value too large for dtype"):
        quick().fit(X * 1e300, y)
    with pytest.raises(DivergenceError, match="learning rate"):
        quick(optimizer="descent", learning_rate=1e30).fit(X * 1e20, y)
    with pytest.raises(ValueError, match="partial_fit takes one epoch"):
        quick(early_stopping=True).partial_fit(X, y, classes=np.unique(y))
    with pytest.raises(ValueError, match="classes must be given at the first call"):
        quick().partial_fit(X, y)
    begun = quick().partial_fit(X, y, classes=np.unique(y))
    with pytest.raises(ValueError, match="classes must stay"):
        begun.partial_fit(X, y, classes=["setosa", "virginica"])
    with pytest.raises(ValueError, match=r"not among .*: \['lily'\]"):
        begun.partial_fit(X[:1], ["lily"])
    before = begun.network_
    with pytest.raises(TypeError, match="sample_weight"):
        begun.fit(X, y, sample_weight=np.ones(150))
    assert begun.network_ is before


WORDS = np.array([f"word{number}" for number in range(300)])


def texts(rng, m=200):
    """Texts of two kinds: each has its own thirty words oftener than the others."""
    kinds = rng.integers(2, size=m)
    odds = np.ones((2, 300))
    odds[0, :30] = odds[1, 30:60] = 8
    odds /= odds.sum(axis=1, keepdims=True)
    lines = [" ".join(rng.choice(WORDS, 25, p=odds[kind])) for kind in kinds]
    return lines, np.array(["letter", "novel"])[kinds]


def test_the_sparse_table_of_a_text_is_learned_as_the_dense_one_is(monkeypatch):
    rng = np.random.default_rng(0)
    (learned, y), (held, truth) = texts(rng), texts(rng)
    pipeline = make_pipeline(TfidfVectorizer(), quick()).fit(learned, y)
    table = pipeline[0].transform(learned)
    assert issparse(table)
    assert bits(pipeline[1]) == bits(quick().fit(table.toarray(), y))
    assert bits(pipeline[1]) == bits(quick().fit(table.tocoo(), y))
    parts = quick(engine="numpy").partial_fit(table, y, classes=np.unique(y))
    assert bits(parts) == bits(
        quick(engine="numpy").partial_fit(table.toarray(), y, classes=np.unique(y))
    )
    A = pipeline.predict_proba(held)
    assert (pipeline[1].predict_proba(pipeline[0].transform(held).toarray()) == A).all()
    theirs = make_pipeline(
        TfidfVectorizer(), MLPClassifier((16,), learning_rate_init=0.01, max_iter=30)
    ).fit(learned, y)
    assert pipeline.score(held, truth) > theirs.score(held, truth) - 0.05
    assert pipeline.score(held, truth) > 0.9
    monkeypatch.setattr("chainrule.bridges.sklearn.DENSE", 1000)
    for use in (pipeline.predict, lambda texts: quick().fit(table, y)):
        with pytest.raises(ValueError, match=r"may then have 1,000 numbers, got 200 × 300; take"):
            use(held)
