"""scikit-learn: the network as a classifier, which takes its place in pipelines and searches.

scikit-learn keeps samples in rows; they are turned into columns here, once. It needs the extra
`sklearn`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from chainrule.arrays import MOST_CLASSES, names_of
from chainrule.bridges.mlp import from_sklearn as from_sklearn
from chainrule.data import PIXELS, Digits, Table, as_columns
from chainrule.descent import Array, Optimizer, adam
from chainrule.engine.choice import EngineName, choose
from chainrule.network import Loss, Network, initialise
from chainrule.reading import read
from chainrule.training import Snapshot, checked_count, train

BLOCK = 1000  # samples that are looked at together
USUAL = signature(adam).parameters  # of which train takes the decays of both running means
AUTO_BATCH = 200  # samples, as in scikit-learn's own network
DENSE = 1_000_000_000  # numbers that a sparse table becomes: 4 GB
DECAYS = np.array([[USUAL[name].default] for name in ("decay", "square_decay")])
TAKEN: dict[str, Any] = {"dtype": np.float32, "order": "C", "accept_sparse": "csr"}


class ChainruleClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # no types
    """A network with ReLU inside and softmax at the end, for any numbers and any classes.

    Settings that `MLPClassifier` has too have its names and meanings: `hidden_layer_sizes`,
    `batch_size` ("auto" is 200; None is the full batch), `max_iter` in epochs, `tol` and
    `n_iter_no_change`, after which so many epochs without progress the training ends,
    `early_stopping`, which measures progress on a share `validation_fraction` of the samples and
    keeps the best epoch, `warm_start`, `random_state`. The others are chainrule's: `loss`,
    `optimizer`, `learning_rate` (None: what suits these two), `weight_decay`, `engine`, and
    `threads` (None: one for each core). Numbers are computed in float32. The same random_state
    gives the same bits, with any number of threads.

    After fit: `classes_`, `n_features_in_`, `network_` (a chainrule.Network, float32), `coefs_`
    and `intercepts_` (W and b of each layer, W with inputs in rows), `n_iter_` (epochs of the last
    call), `loss_curve_` (the mean loss of each epoch, as it went), `loss_`, `best_loss_`; with
    early_stopping `validation_scores_` and `best_validation_score_`, else these two are None.

    fit raises ValueError for settings that cannot be and for fewer than two classes, and
    chainrule.DivergenceError if the learning rate is too large; it warns (ConvergenceWarning) if
    max_iter epochs end while the loss still falls. There are no sample weights. Sparse samples, as
    TfidfVectorizer gives them, are made dense, up to 1,000,000,000 numbers.
    """

    classes_: NDArray[Any]
    n_features_in_: int
    network_: Network
    n_iter_: int
    loss_: float
    loss_curve_: list[float]
    best_loss_: float
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    _snapshot: Snapshot

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        *,
        loss: Loss = "cross_entropy",
        optimizer: Optimizer = "adam",
        learning_rate: float | None = None,
        weight_decay: float = 0.0,
        batch_size: int | str | None = "auto",
        max_iter: int = 200,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        engine: EngineName = "auto",
        threads: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.random_state = random_state
        self.engine = engine
        self.threads = threads

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # ------------------------------------------------------------------------------ what it learns

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn the samples X (m, features) and their classes y (m,)."""
        going_on = self.warm_start and hasattr(self, "network_")
        samples, labels = self._checked(X, y, reset=not going_on)
        classes = np.unique(labels)
        if going_on and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start goes on with the classes of the fit before, {self.classes_}, "
                f"got {classes}"
            )
        self.classes_ = classes
        checked_count("max_iter", self.max_iter)
        random = check_random_state(self.random_state)
        held_out = None
        if self.early_stopping:
            share = {"test_size": self.validation_fraction, "stratify": labels}
            samples, held_samples, labels, held_labels = train_test_split(
                samples, labels, random_state=random, **share
            )
            held_out = self._examples(held_samples, held_labels)
        rng = np.random.default_rng(random.randint(2**31))
        examples = self._examples(samples, labels)
        network = self.network_ if going_on else self._start(examples, rng)
        if not going_on:
            self._forget(scored=held_out is not None)
        snapshots = self._training(network, examples, self.max_iter, rng=rng, test=held_out)
        self._follow(snapshots, len(examples))
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Go on for one epoch over these samples; the first call is told all the classes."""
        if self.early_stopping:
            raise ValueError("partial_fit takes one epoch, so early_stopping must be False")
        first = not hasattr(self, "network_")
        samples, labels = self._checked(X, y, reset=first)
        if first and classes is None:
            raise ValueError("classes must be given at the first call of partial_fit")
        if classes is not None:
            known = np.unique(classes)
            if not first and not np.array_equal(known, self.classes_):
                raise ValueError(f"classes must stay those of the first call, {self.classes_}")
            self.classes_ = known
        if unknown := sorted(set(labels.tolist()) - set(self.classes_.tolist()), key=str):
            raise ValueError(f"y has classes that are not among {self.classes_}: {unknown}")
        examples = self._examples(samples, labels)
        if first:
            rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
            self._forget(scored=False)
            snapshots = self._training(self._start(examples, rng), examples, 1, rng=rng)
        else:
            start = at_epoch(self._snapshot, self.optimizer, self._steps(len(examples)))
            snapshots = self._training(start.network, examples, 1, start=start)
        *_, last = snapshots
        self._take(last, len(examples))
        self.n_iter_ = 1
        return self

    def _checked(self, X: ArrayLike, y: ArrayLike, *, reset: bool) -> tuple[Array, NDArray[Any]]:
        """X in float32 and y, one a sample, of classes that have names."""
        with np.errstate(over="ignore", invalid="ignore"):  # infinity is refused
            samples, labels = validate_data(self, X, y, reset=reset, **TAKEN)
        labels = column_or_1d(labels, warn=True)
        check_classification_targets(labels)
        return dense(samples), labels

    def _examples(self, X: Array, y: NDArray[Any]) -> Digits | Table:
        """The samples as examples, with labels from 0."""
        count = len(self.classes_)
        if count < 2:
            raise ValueError(f"wanted samples of two classes or more, got 1 class: {self.classes_}")
        return examples_of(X, np.searchsorted(self.classes_, y), count)

    def _start(self, examples: Digits | Table, rng: np.random.Generator) -> Network:
        sizes = self.hidden_layer_sizes
        hidden = [sizes] if isinstance(sizes, int | np.integer) else list(sizes)
        return initialise(
            [examples.inputs, *hidden, examples.classes],
            loss=self.loss,
            weight_decay=self.weight_decay,
            rng=rng,
        )

    def _batch(self, m: int) -> int | None:
        """The samples in a batch, at most all m; None is the full batch."""
        size = self.batch_size
        if size is None:
            return None
        return min(m, AUTO_BATCH if size == "auto" else checked_count("batch_size", size))

    def _steps(self, m: int) -> int:
        """The steps of an epoch of m samples."""
        return math.ceil(m / (self._batch(m) or m))

    def _training(
        self,
        network: Network,
        examples: Digits | Table,
        epochs: int,
        *,
        rng: np.random.Generator | None = None,
        start: Snapshot | None = None,
        test: Digits | Table | None = None,
    ) -> Iterator[Snapshot]:
        """A snapshot after each epoch; but for a training that goes on, also one at its start."""
        m = len(examples)
        steps, before = self._steps(m), 0 if start is None else start.step
        return train(
            network,
            examples,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            batch_size=self._batch(m),
            steps=before + epochs * steps,
            every=steps,
            test=test,
            rng=rng,
            start=start,
            engine=self.engine,
            threads=self.threads,
        )

    def _forget(self, *, scored: bool) -> None:
        """Nothing is learned yet."""
        self.loss_curve_, self.best_loss_ = [], math.inf
        self.validation_scores_ = [] if scored else None
        self.best_validation_score_ = -math.inf if scored else None

    def _follow(self, snapshots: Iterator[Snapshot], m: int) -> None:
        """Take epoch after epoch until there is no progress; of a scored training keep the best."""
        next(snapshots)  # the start
        best, waited = None, 0
        self.n_iter_ = 0
        for snapshot in snapshots:
            loss_so_far, score = self.best_loss_, snapshot.test_accuracy
            self._take(snapshot, m)
            self.n_iter_ += 1
            if score is None:
                progress = self.loss_ <= loss_so_far - self.tol
            else:
                scores = self.validation_scores_ = [*(self.validation_scores_ or ()), score]
                so_far = max(scores[:-1], default=-math.inf)
                progress = score >= so_far + self.tol
                if score > so_far:
                    best, self.best_validation_score_ = snapshot, score
            waited = 0 if progress else waited + 1
            if waited > self.n_iter_no_change:
                break
        else:
            warnings.warn(
                f"the loss still falls after {self.max_iter} epochs; a larger max_iter goes on",
                ConvergenceWarning,
                stacklevel=3,
            )
        if best:
            self.network_, self._snapshot = best.network, best

    def _take(self, snapshot: Snapshot, m: int) -> None:
        """What an epoch over m samples has learned."""
        sizes = np.full(self._steps(m), self._batch(m) or m)
        sizes[-1] -= sizes.sum() - m  # the last batch may be smaller
        losses = snapshot.losses or [snapshot.loss]
        self.loss_ = float(np.average(losses, weights=sizes))
        self.loss_curve_.append(self.loss_)
        self.best_loss_ = min(self.best_loss_, self.loss_)
        self.network_, self._snapshot = snapshot.network, snapshot

    # ------------------------------------------------------------------------------- what it reads

    def predict_proba(self, X: ArrayLike) -> Array:
        """The probability of each class, in the order of classes_, for each sample: (m, classes).

        float32; each row sums to 1.
        """
        check_is_fitted(self)
        with np.errstate(over="ignore", invalid="ignore"):
            samples = validate_data(self, X, reset=False, **TAKEN)
        network, columns = self.network_, dense(samples).T
        if choose(self.engine) == "numpy":
            # subtle: in float32 BLAS would round a sample differently beside other samples.
            network = replace(network, parameters=network.parameters.astype(np.float64))
            columns = columns.astype(np.float64)
        A = read(network, columns, engine=self.engine)
        return np.ascontiguousarray(A.T, dtype=np.float32)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each sample (m,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer (inputs, units), as scikit-learn has them."""
        return [W.T for W, _ in self.network_.layers]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer (units,)."""
        return [b[:, 0] for _, b in self.network_.layers]


def dense(X: Any) -> Array:  # noqa: ANN401, SciPy ships no types
    """The samples (m, features) as an array; ValueError for a sparse table that is too large."""
    if isinstance(X, np.ndarray):
        return X
    if math.prod(X.shape) > DENSE:
        raise ValueError(
            f"a sparse table is made dense, and may then have {DENSE:,} numbers, got "
            f"{X.shape[0]:,} × {X.shape[1]:,}; take fewer features, such as max_features of "
            f"TfidfVectorizer or TruncatedSVD"
        )
    return np.asarray(X.toarray())


def examples_of(X: Array, labels: NDArray[np.intp], classes: int) -> Digits | Table:
    """Samples X (m, features) as digits if they are pictures, of 2 to 62 classes, else as a table.

    Pictures are bytes divided by 255; what is blank in them need not be computed. They are digits
    only if dividing gives every number again.
    """
    if X.shape[1] == PIXELS and 2 <= classes <= MOST_CLASSES:
        images = np.empty(X.shape, np.uint8)
        for first in range(0, len(X), BLOCK):
            part = X[first : first + BLOCK]
            if part.min() < 0 or part.max() > 1:
                break
            images[first : first + BLOCK] = np.rint(255 * part)
            if not np.array_equal(as_columns(images[first : first + BLOCK]).T, part):
                break
        else:
            return Digits(images, labels.astype(np.uint8), names=names_of(classes))
    return Table(X.T, labels, classes)


def at_epoch(snapshot: Snapshot, optimizer: Optimizer, steps: int) -> Snapshot:
    """The snapshot as one that ends an epoch of so many steps, to go on with other samples.

    Its number of steps is raised to the end of an epoch. Adam's running means are small in the
    first steps and are divided by 1 - decay^step; they are scaled here so that these quotients stay
    what they are.
    """
    step = math.ceil(snapshot.step / steps) * steps
    if optimizer != "adam" or step == snapshot.step:
        return replace(snapshot, step=step)
    scale = (1 - DECAYS**step) / (1 - DECAYS**snapshot.step)
    return replace(
        snapshot, step=step, memory=(snapshot.memory * scale).astype(snapshot.memory.dtype)
    )
