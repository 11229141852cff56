"""What the lab answers from: networks, digits, runs, and what was computed last."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from chainrule.data import MNIST, PIXELS, Digits
from chainrule.explain.ledger import Ledger, open_ledger
from chainrule.explain.surgery import AS_IT_IS, Changes, changed_units
from chainrule.explain.truth import Truth
from chainrule.lab.api import checks, requests
from chainrule.lab.api.cache import Cache
from chainrule.lab.api.desk import Desk
from chainrule.lab.api.images import bytes_of, digits_of
from chainrule.lab.api.networks import (
    RENAMED,
    GivenSet,
    NamedNetwork,
    changed,
    digits_of_run,
    named_run,
)
from chainrule.lab.api.readings import first_layer, read_again
from chainrule.lab.api.requests import Moment
from chainrule.lab.live.control import LARGEST, Live
from chainrule.lab.live.training import Training
from chainrule.lab.wire import RefusedError
from chainrule.lessons.lesson import Lesson, package_lessons
from chainrule.network import Array, count_parameters
from chainrule.reading import probabilities
from chainrule.runs.checkpoint import last_checkpoint
from chainrule.runs.digits import DigitsPart, own_digits
from chainrule.runs.names import run_id
from chainrule.runs.run import Run
from chainrule.runs.settings import RunError
from chainrule.runs.shelf import Shelf
from chainrule.runs.trajectory import network_at

KEPT = 100_000_000  # bytes of ledgers that stay open


class Resolved(NamedTuple):
    """A moment, with the network and the image that it names, looked up once."""

    moment: Moment  # with its step and its label
    label: int
    named: NamedNetwork
    image: Digits  # one digit; its label is 0 if it is not known


@dataclass(frozen=True, eq=False)
class Lab:
    """What a server answers from: the networks, the test digits, and the moments opened last."""

    networks: tuple[NamedNetwork, ...]
    trainer: Callable[..., Training]  # makes a training, and drives it
    given: str | None = None
    folder: Path = field(default_factory=Path.cwd)  # for drawings and runs
    given_run: Path | None = None  # the folder of a run that may lie elsewhere
    given_set: GivenSet | None = None  # digits to look at
    runs_code: bool = False  # whether files may be graded, which runs them
    desk: Desk = field(default_factory=Desk)
    lessons: tuple[Lesson, ...] = field(default_factory=package_lessons)
    opened: Cache[Moment, Ledger] = field(default_factory=lambda: Cache(KEPT))
    true: Cache[Moment, Truth] = field(default_factory=lambda: Cache(KEPT))
    moments: Cache[tuple[str, int], NamedNetwork] = field(default_factory=lambda: Cache(KEPT))
    readings: Cache[Any, Array] = field(default_factory=lambda: Cache(KEPT // 4))
    damaged: Cache[Any, Digits] = field(default_factory=lambda: Cache(KEPT // 4))
    planes: Cache[Any, Any] = field(default_factory=lambda: Cache(KEPT // 16))
    # Of networks that were operated on; a dragged weight makes many of them.
    changed: Cache[Any, NamedNetwork] = field(default_factory=lambda: Cache(KEPT // 16))
    read_after: Cache[Any, Array] = field(default_factory=lambda: Cache(KEPT // 16))
    first_layers: Cache[Any, Array] = field(default_factory=lambda: Cache(KEPT // 2))
    subjects: Cache[str, Any] = field(default_factory=lambda: Cache(KEPT // 16))
    sets: Cache[Any, Digits] = field(default_factory=lambda: Cache(KEPT))  # of runs with their own

    @cached_property
    def shelf(self) -> Shelf:
        return Shelf(self.folder / "runs", self.given_run)

    @cached_property
    def live(self) -> Live:
        return Live(self.shelf, self.digits, self.trainer, drawn=self.folder / "drawings")

    def digits(self) -> tuple[Digits, Digits]:
        """The digits to train on and to test on."""
        return self.train_set, self.test_set

    @cached_property
    def train_set(self) -> Digits:
        return MNIST.load("train")

    @cached_property
    def test_set(self) -> Digits:
        return MNIST.load("t10k")

    def own_set(self, run: Run | None, part: DigitsPart = "test") -> Digits:
        """The digits that a run is tested or trained on; those of MNIST for what is no run."""
        if run is None or run.settings.data is None:
            return self.test_set if part == "test" else self.train_set
        key = run.settings.data, run.data and run.data[part]
        size = PIXELS * len(self.test_set)  # about
        try:
            return self.sets.get(key, lambda: own_digits(run, part), size)
        except RunError as error:
            reason = str(error).replace(str(run.folder), run_id(run)).partition("; say")[0]
            raise RefusedError(
                reason.replace(run.settings.data, digits_of_run(run)), "missing"
            ) from None

    def test_set_of(self, named: NamedNetwork) -> Digits:
        """The test images that a network is measured on; RefusedError if they are not known."""
        if named.on is not None:
            return named.on.test
        if named.digits is None:
            raise RefusedError(f"it is not known which digits {named.id} reads", "missing")
        return self.own_set(named.run)

    def training_set_of(self, named: NamedNetwork) -> Digits | None:
        """The images that lie beside those, to train on; None if there are none."""
        return named.on.train if named.on else self.own_set(named.run, "training")

    def read(self, named: NamedNetwork) -> Array:
        """A network's probabilities of every one of its test images (classes, m)."""
        digits = self.test_set_of(named)
        size = 4 * len(named.classes) * len(digits)
        if named.before is not None:
            return self.read_after.get(named.key, lambda: self.after(named, digits), size)
        key = *named.key, requests.Damage()
        return self.readings.get(key, lambda: probabilities(named.network, digits.X), size)

    def after(self, named: NamedNetwork, digits: Digits) -> Array:
        """What a network that was operated on reads in all its test images."""
        network, before = named.network, named.before
        size = 4 * network.sizes[1] * len(digits)
        if before is None or network.depth == 1 or size > self.first_layers.most:
            return probabilities(network, digits.X)
        key = named.id, named.step
        Z1 = self.first_layers.get(key, lambda: first_layer(before, digits), size)
        return read_again(network, Z1, changed_units(named.changes, 1), digits)

    def named(self, id: str, step: int | None = None, changes: Changes = AS_IT_IS) -> NamedNetwork:
        """The network with this id; of a run after this step, None: the latest. Then changed so."""
        found = self.unchanged(id, step)
        if changes == AS_IT_IS:
            return found
        key = found.id, found.step, changes
        return self.changed.get(key, lambda: changed(found, changes), found.size)

    def unchanged(self, id: str, step: int | None) -> NamedNetwork:
        """The network with this id, as it was trained."""
        if id in RENAMED:
            raise RefusedError(f"the network {id} is called {RENAMED[id]} now", "missing")
        fixed = next((each for each in self.networks if each.id == id), None)
        if fixed is not None and fixed.step is None:
            if step is not None:
                raise RefusedError(f"{id} is no run: it has no steps, got {step}", "missing")
            return fixed
        if step is not None and (kept := self.moments.find((id, step))):
            return kept
        found = self.in_training(id, step) or self.on_shelf(id, step)
        if found is None and fixed is not None and step in (None, fixed.step):
            found = fixed
        if found is None:
            known = ", ".join(each.id for each in self.networks)
            raise RefusedError(f"no network {checks.quoted(id)} here; there are {known}", "missing")
        return self.moments.get((id, found.step or 0), lambda: found, found.size)

    def in_training(self, id: str, step: int | None) -> NamedNetwork | None:
        """The network of the training that is on, if that is the run and it is at the step."""
        training = self.live.training
        snapshot = training.snapshot if training else None
        if training is None or snapshot is None or training.id != id:
            return None
        if step is None and training.run.settings.patience and training.state == "finished":
            return None  # the network that it keeps is on disk
        if step is not None and (passed := training.passed.get(step)):
            return named_run(training.run, passed, step)
        if step not in (None, snapshot.step):
            return None
        return named_run(training.run, snapshot.network, snapshot.step)

    def on_shelf(self, id: str, step: int | None) -> NamedNetwork | None:
        """The network of a run that is on disk."""
        run = self.shelf.find(id)
        if run is None:
            return None
        if count_parameters(run.sizes) > LARGEST:
            raise RefusedError(f"{id} has more than {LARGEST:,} parameters, too many for a page")
        try:
            standing = self.shelf.standing(run)
            if step is None and standing and (kept := self.moments.find((id, standing.kept))):
                return kept
            reached = last_checkpoint(run)
            at, parameters = (
                reached.kept(run) if step is None else (reached.step, reached.parameters)
            )
            if step in (None, at):
                return named_run(run, run.network(parameters), at)
            return named_run(run, network_at(run, step), step)
        except RunError as error:
            reason = str(error).replace(str(run.folder), id).partition("; go on with")[0]
            raise RefusedError(reason, "missing") from None

    def resolve(self, moment: Moment) -> Resolved:
        """The network and the image of a moment, and the moment with its step and its label.

        The step of a run is its latest, the label the image's own, or for a drawing what the
        network reads.
        """
        named = self.named(moment.network, moment.step, moment.changes)
        image, label = self.image(named, moment.image), moment.label
        if label is None and isinstance(moment.image, requests.TestImage):
            label = int(image.labels[0])
        elif label is None:
            A = probabilities(named.exact, image.X.astype(np.float64))
            label = int(A[:, 0].argmax())
        if label >= len(named.classes):
            most = len(named.classes) - 1
            raise RefusedError(f"label must be a whole number from 0 to {most}, got {label}")
        return Resolved(moment._replace(step=named.step, label=label), label, named, image)

    def image(self, named: NamedNetwork, image: requests.Image) -> Digits:
        """An image as one digit; its label is 0 if it is not known."""
        match image:
            case requests.TestImage(number):
                digits = self.test_set_of(named)
                if number >= len(digits):
                    last = len(digits) - 1
                    raise RefusedError(f"test images go from 0 to {last}, got {number}", "missing")
                return digits[number]
            case _:
                return digits_of([bytes_of(image)])

    def ledger(self, found: Resolved) -> Ledger:
        """The ledger of a moment; the last ones stay open."""
        network, x = found.named.network, found.image.X[:, 0]
        size = max(16 * network.parameters.size, KEPT // 16)
        return self.opened.get(found.moment, lambda: open_ledger(network, x, found.label), size)

    def truth(self, found: Resolved) -> Truth:
        """The ledger of a moment beside its true digits, which are worked out when one is asked."""
        sizes, opened = found.named.network.sizes, self.ledger(found)
        size = 16 * found.named.network.parameters.size + 10_000 * sum(sizes)
        return self.true.get(found.moment, lambda: Truth(opened), size)
