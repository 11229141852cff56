"""The answers: what the library says of a moment, as values that JSON can carry.

Every number comes from the rooms that `chainrule explain` and `chainrule check` use. Arrays travel
as base64 of little-endian float64, so that every bit arrives, infinity too.
"""

import base64
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from chainrule import __version__
from chainrule.data import PIXELS, Digits, load_mnist, load_one
from chainrule.encode import to_json
from chainrule.lab import asked
from chainrule.lab.asked import Moment, RefusedError
from chainrule.lab.live import CHECKPOINT_EVERY, LARGEST, UNITS, Live, Row, Training, row_of
from chainrule.lab.shelf import Shelf, run_id, settings_of
from chainrule.ledger import (
    Ledger,
    array_formula,
    find_source,
    named,
    open_cell,
    open_ledger,
    overflowing,
    pattern,
    prediction,
    softmax_jacobian,
    split,
)
from chainrule.model import bundled, load_bundled
from chainrule.network import Array, Network, count_parameters
from chainrule.proof import H_OF_ONE, learn_once, prove, prove_output, why_not
from chainrule.reading import probabilities
from chainrule.runs import Part, Run, RunError, network_at, own_digits, read_checkpoint, state_of
from chainrule.tiles import cores
from chainrule.training import BATCH_EPOCHS, RECIPES

if TYPE_CHECKING:
    from chainrule.handwriting import Novelty, Prepared

Answer = dict[str, Any]
Key = TypeVar("Key")
Value = TypeVar("Value")

KEPT = 100_000_000  # bytes of ledgers that stay open
MOST_RUNS = 100  # in one answer
MOST_IMAGES = 500  # in one answer
MOST_SAVED = 2_000_000  # bytes of opened cells in a saved page
MOST_PROOFS = 300  # in a saved page
MOST_POINTS = 100_000  # of all drawings of a collection
MOST_LENGTH = 1_000_000  # of all their strokes


# ------------------------------------------------------------------------------------- the networks


@dataclass(frozen=True, eq=False)
class Named:
    """A network under the id that links use, with the settings it was trained with, if known."""

    id: str
    name: str
    network: Network
    settings: dict[str, Any] | None = None
    step: int | None = None  # of a run
    run: Run | None = None

    @property
    def size(self) -> int:
        """The bytes it has, also in float64."""
        return 12 * self.network.parameters.size

    @property
    def own_digits(self) -> str | None:
        """The SHA-256 of its own test digits; None if it is measured on MNIST."""
        run = self.run
        return run.data["test"] if run and run.data and run.settings.data is not None else None

    @cached_property
    def exact(self) -> Network:
        """The same in float64, as the ledger has it."""
        return replace(self.network, parameters=self.network.parameters.astype(np.float64))


def shipped() -> tuple[Named, ...]:
    """The two trained networks of the package."""
    return tuple(Named(id, f"{id} network", load_bundled(id)) for id in bundled())


def named_model(network: Network) -> Named:
    """A network under the first digits of the SHA-256 of its parameters."""
    first = sha256(network.parameters.tobytes()).hexdigest()[:8]
    return Named(f"model-{first}", f"model {first}", network)


def named_run(run: Run, network: Network, step: int) -> Named:
    """The network of a run after a step, under the run's id."""
    name = f"run {run.folder.absolute().name}"
    return Named(run_id(run), name, network, asked_for(run), step, run)


def asked_for(run: Run) -> Answer:
    """The settings of a run, as an order to start one has them."""
    settings = asdict(run.settings) | {"hidden": list(run.settings.hidden)}
    # Where other digits lie is nobody's business.
    return settings | {"data": "mnist" if settings["data"] is None else "other digits"}


class Kept(Generic[Key, Value]):
    """Values that were computed last; they go, the oldest first, when they have too many bytes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self.values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self.misses = 0
        self.lock = threading.Lock()

    def find(self, key: Key) -> Value | None:
        with self.lock:
            return self.values[key][0] if key in self.values else None

    def get(self, key: Key, make: Callable[[], Value], size: int) -> Value:
        """The value of this key, made if it is not here; it counts as so many bytes."""
        with self.lock:
            if key in self.values:
                self.values.move_to_end(key)
                return self.values[key][0]
            self.misses += 1
        value = make()
        with self.lock:
            if key not in self.values:
                self.values[key] = value, size
                self.bytes += size
            while self.bytes > self.most and len(self.values) > 1:
                _, (_, gone) = self.values.popitem(last=False)
                self.bytes -= gone
        return value


# ------------------------------------------------------------------------------------------ the lab


@dataclass(frozen=True, eq=False)
class Lab:
    """What a server answers from: the networks, the test digits, and the moments opened last."""

    networks: tuple[Named, ...]
    given: str | None = None
    folder: Path = field(default_factory=Path.cwd)  # for drawings and runs
    given_run: Path | None = None  # the folder of a run that may lie elsewhere
    collecting: threading.Lock = field(default_factory=threading.Lock)  # one folder at a time
    opened: Kept[Moment, Ledger] = field(default_factory=lambda: Kept(KEPT))
    moments: Kept[tuple[str, int], Named] = field(default_factory=lambda: Kept(KEPT))
    readings: Kept[tuple[str, int | None, asked.Damage], Array] = field(
        default_factory=lambda: Kept(KEPT // 4)
    )
    damaged: Kept[Any, Digits] = field(default_factory=lambda: Kept(KEPT // 4))
    planes: Kept[Any, Any] = field(default_factory=lambda: Kept(KEPT // 16))
    sets: Kept[Any, Digits] = field(default_factory=lambda: Kept(KEPT))  # of runs with their own

    @cached_property
    def shelf(self) -> Shelf:
        return Shelf(self.folder / "runs", self.given_run)

    @cached_property
    def live(self) -> Live:
        return Live(self.shelf, self.digits)

    def digits(self) -> tuple[Digits, Digits]:
        """The digits to train on and to test on."""
        return self.train_set, self.test_set

    @cached_property
    def train_set(self) -> Digits:
        return load_mnist()[0]

    @cached_property
    def test_set(self) -> Digits:
        return load_one(None, "t10k")

    def own_set(self, run: Run | None, part: Part = "test") -> Digits:
        """The digits that a run is tested or trained on; those of MNIST for what is no run."""
        if run is None or run.settings.data is None:
            return self.test_set if part == "test" else self.train_set
        key = run.settings.data, run.data and run.data[part]
        size = PIXELS * len(self.test_set)  # about
        try:
            return self.sets.get(key, lambda: own_digits(run, part), size)
        except RunError as error:
            reason = str(error).replace(str(run.folder), run_id(run)).partition("; say")[0]
            raise RefusedError(reason.replace(run.settings.data, digits_of_run(run)), 404) from None

    def test_set_of(self, named: Named) -> Digits:
        """The test images that a network is measured on."""
        return self.own_set(named.run)

    def read(self, named: Named) -> Array:
        """A network's ten probabilities of every one of its test images (10, m)."""
        digits = self.test_set_of(named)
        key = named.id, named.step, asked.Damage()
        return self.readings.get(
            key, lambda: probabilities(named.network, digits.X), 40 * len(digits)
        )

    def named(self, id: str, step: int | None = None) -> Named:
        """The network with this id; of a run after this step, None: the latest."""
        fixed = next((each for each in self.networks if each.id == id), None)
        if fixed is not None and fixed.step is None:
            if step is not None:
                raise RefusedError(f"{id} is no run: it has no steps, got {step}", 404)
            return fixed
        if step is not None and (kept := self.moments.find((id, step))):
            return kept
        found = self.in_training(id, step) or self.on_shelf(id, step)
        if found is None and fixed is not None and step in (None, fixed.step):
            found = fixed
        if found is None:
            known = ", ".join(each.id for each in self.networks)
            raise RefusedError(f"no network {asked.short(id)} here; there are {known}", 404)
        return self.moments.get((id, found.step or 0), lambda: found, found.size)

    def in_training(self, id: str, step: int | None) -> Named | None:
        """The network of the training that is on, if that is the run and it is at the step."""
        training = self.live.training
        snapshot = training.snapshot if training else None
        if training is None or snapshot is None or training.id != id:
            return None
        if step is not None and (passed := training.passed.get(step)):
            return named_run(training.run, passed, step)
        if step not in (None, snapshot.step):
            return None
        return named_run(training.run, snapshot.network, snapshot.step)

    def on_shelf(self, id: str, step: int | None) -> Named | None:
        """The network of a run that is on disk."""
        run = self.shelf.find(id)
        if run is None:
            return None
        if count_parameters(run.settings.sizes) > LARGEST:
            raise RefusedError(f"{id} has more than {LARGEST:,} parameters, too many for a page")
        try:
            standing = self.shelf.standing(run)
            if step is None and standing and (kept := self.moments.find((id, standing.step))):
                return kept
            reached = read_checkpoint(run)
            if reached is None:
                raise RefusedError(f"{id} has no checkpoint yet", 404)
            if step in (None, reached.step):
                network = Network(run.settings.sizes, reached.parameters, run.settings.loss)
                return named_run(run, network, reached.step)
            return named_run(run, network_at(run, step), step)
        except RunError as error:
            reason = str(error).replace(str(run.folder), id)
            raise RefusedError(reason, 404) from None

    def image(self, moment: Moment) -> Digits:
        """The image of a moment as one digit; its label is 0 where nobody has told it."""
        image = moment.image
        match image:
            case asked.Test(number):
                digits = self.test_set_of(self.named(moment.network, moment.step))
                if number >= len(digits):
                    last = len(digits) - 1
                    raise RefusedError(f"test images go from 0 to {last}, got {number}", 404)
                return digits[number]
            case _:
                return digits_of([bytes_of(image)])

    def open(self, moment: Moment) -> Ledger:
        if moment.label is None:
            raise ValueError("wanted a settled moment, got one without a label")
        x = self.image(moment).X[:, 0]
        return open_ledger(self.named(moment.network, moment.step).network, x, moment.label)

    def ledger(self, moment: Moment) -> Ledger:
        """The ledger of a settled moment; the last ones stay open."""
        n = self.named(moment.network, moment.step).network.parameters.size
        return self.opened.get(moment, lambda: self.open(moment), max(16 * n, KEPT // 16))

    def settled(self, moment: Moment) -> Moment:
        """The moment with its step and its label.

        The step of a run is its latest, the label the image's own, or for a drawing what the
        network reads.
        """
        named = self.named(moment.network, moment.step)
        moment = moment._replace(step=named.step)
        if moment.label is not None:
            return moment
        image = self.image(moment)
        if isinstance(moment.image, asked.Test):
            return moment._replace(label=int(image.labels[0]))
        A = probabilities(named.exact, image.X.astype(np.float64))
        return moment._replace(label=int(A[:, 0].argmax()))


def digits_of(contents: Sequence[bytes], labels: Sequence[int] | None = None) -> Digits:
    """Images of 784 bytes as digits."""
    images = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, PIXELS)
    return Digits(images, np.array(labels or [0] * len(images), np.uint8))


def prepared(image: asked.Drawn | asked.Upload) -> "Prepared":
    """A drawing or a file after every stage; RefusedError if it cannot be read."""
    from chainrule.handwriting import HandwritingError, draw, prepare, read_image

    try:
        match image:
            case asked.Drawn(strokes, off):
                return prepare(draw(strokes), off)
            case asked.Upload(content, off):
                return prepare(read_image(content), off)
    except HandwritingError as error:
        raise RefusedError(str(error)) from None


def bytes_of(image: asked.Drawn | asked.Pixels) -> bytes:
    """The 784 bytes of an image that is no test image."""
    return image.content if isinstance(image, asked.Pixels) else pixels_of(image)


@lru_cache(64)
def pixels_of(drawing: asked.Drawn) -> bytes:
    """The 784 bytes that a drawing becomes."""
    return prepared(drawing).pixels.tobytes()


# ------------------------------------------------------------------------------ values for the wire


def f8(array: Array) -> str:
    """An array as base64 of little-endian float64 in C order."""
    return packed(np.ascontiguousarray(array, "<f8").tobytes())


def packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


# -------------------------------------------------------------------------------------- GET answers


def about(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """What there is: the networks with their accuracy on the test images, and where to begin."""
    from chainrule.handwriting import STAGES, measured

    asked.query(query, ())
    costs = measured()["costs"]
    return {
        "version": __version__,
        "networks": [
            {
                "id": each.id,
                "name": each.name,
                "sizes": each.network.sizes,
                "loss": each.network.loss,
                "parameters": each.network.parameters.size,
                "accuracy": accuracy_of(lab, each),
                "settings": each.settings,
                **measured_on(lab, each.run),
            }
            for each in lab.networks
        ],
        "given": lab.given,
        "first": {"test": "seed", "drawing": "stronger"},
        "defaults": defaults(),
        "batch_epochs": BATCH_EPOCHS,
        "cores": cores(),
        **runs(lab),
        "stages": [{"name": name, "costs": costs.get(name, {})} for name in STAGES],
        "limits": limits(),
        "h": H_OF_ONE,
    }


def limits() -> Answer:
    """What a page keeps to as well: it is told, so that no number is written twice."""
    from chainrule.handwriting import PAD, PEN

    return {
        "pad": PAD,
        "pen": PEN,
        "strokes": asked.STROKES,
        "points": asked.POINTS,
        "file": asked.FILE,
        "layers": asked.DEEP,
        "width": asked.BROAD,
        "threads": asked.THREADS,
        "last": asked.LAST,
        "units": UNITS,
        "checkpoint_every": CHECKPOINT_EVERY,
        "map": asked.POINTED,
        "damage": {name: (x[0], x[-1]) for name, x in asked.CURVES.items()},
    }


def accuracy_of(lab: Lab, named: Named) -> float | None:
    """The share of its test images that a network reads right; None if it can read none."""
    try:
        return float(np.mean(lab.read(named).argmax(axis=0) == lab.test_set_of(named).labels))
    except (RefusedError, OverflowError):  # whoever looks at this network is told why
        return None


def measured_on(lab: Lab, run: Run | None) -> Answer:
    """The name of the test images that a network is measured on, and how many there are."""
    try:
        count = len(lab.own_set(run))
    except RefusedError:
        count = 0  # they are gone
    return {"digits": "MNIST" if run is None else digits_of_run(run), "images": count}


def digits_of_run(run: Run) -> str:
    """What a page calls the digits of a run: where they lie is nobody's business."""
    return "MNIST" if run.settings.data is None else Path(run.settings.data).name


def defaults() -> Answer:
    """What suits each loss and optimizer."""
    losses = {loss for loss, _ in RECIPES}
    return {
        loss: {how: recipe._asdict() for (of, how), recipe in RECIPES.items() if of == loss}
        for loss in sorted(losses)
    }


def runs(lab: Lab) -> Answer:
    """The runs on disk, the newest last, and which of them is being trained."""
    training = lab.live.training
    found, damaged = lab.shelf.look()
    entries = {run_id(run): run_entry(lab, run) for run in list(found.values())[-MOST_RUNS:]}
    if training is not None:
        entries[training.id] = live_entry(lab, training)
    return {
        "runs": list(entries.values()),
        "damaged": damaged[-MOST_RUNS:],
        "live": training.id if training else None,
    }


def run_entry(lab: Lab, run: Run) -> Answer:
    """What a page is told of a run on disk; what has just been damaged is left out."""
    reached, state = None, "interrupted"
    with suppress(RunError, OSError):
        reached = lab.shelf.standing(run)
        state = state_of(run.folder)
    rows = [row_of(*row[:4]) for row in reached.history.tolist()] if reached else []
    return {
        "id": run_id(run),
        "name": run.folder.absolute().name,
        "settings": asked_for(run),
        "length": run.length,
        "step": reached.step if reached else 0,
        "state": "new" if state == "interrupted" and not reached else state,
        "recorded": reached.recorded if reached else [],
        "history": columns(rows),
        "changes": [list(change) for change in run.changes],
        **measured_on(lab, run),
    }


def live_entry(lab: Lab, training: Training) -> Answer:
    """The same of the training that is on, which knows more than its last checkpoint."""
    return run_entry(lab, training.run) | {
        "step": training.step,
        "state": training.state,
        "recorded": training.recorded,
        "history": columns(training.rows),
    }


def columns(rows: Sequence[Row]) -> Answer:
    names = ("step", "loss", "train_accuracy", "test_accuracy")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def order(lab: Lab, body: Answer) -> Answer:
    """Do what a page orders of the training, and tell what it is then."""
    lab.live.obey(asked.order(body))
    training = lab.live.training
    return {"live": live_entry(lab, training) if training else None}


def described(_: Lab, body: Answer) -> Answer:
    """What the id of a run says of it that may not be here; it could be trained."""
    id = asked.network(asked.fields(body, "the body", ("run",))["run"])
    settings, changes = settings_of(id)
    run = Run(Path(), settings, 0, "", (), changes=changes)
    return {
        "settings": asked_for(run),
        "length": run.length,
        "changes": [list(change) for change in run.changes],
    }


def mistakes(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """The test images a network reads wrong, in their order."""
    found = asked.query(query, ("network",), ("step",))
    step = found.get("step")
    named = lab.named(
        asked.network(found["network"]),
        None if step is None else asked.counted(step, "step", 0, asked.LAST),
    )
    A, labels = lab.read(named), lab.test_set_of(named).labels
    predictions = A.argmax(axis=0)
    wrong = np.flatnonzero(predictions != labels)
    return {
        "indices": wrong,
        "labels": labels[wrong],
        "predictions": predictions[wrong],
        "confidence": A.max(axis=0)[wrong].astype(np.float64),
    }


def images(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """Some of the test images of a network, one after the other, as bytes, with their labels."""
    found = asked.query(query, ("network", "start", "count"))
    test_set = lab.test_set_of(lab.named(asked.network(found["network"])))
    m = len(test_set)
    start = asked.counted(found["start"], "start", 0, m - 1)
    count = asked.counted(found["count"], "count", 1, MOST_IMAGES)
    digits = test_set[start : start + count]
    return {"start": start, "images": packed(digits.images.tobytes()), "labels": digits.labels}


# ------------------------------------------------------------------------------------- POST answers


def ledger(lab: Lab, body: Answer) -> Answer:
    """Every number of a moment's pass, in the order of the pass."""
    moment, _ = asked.moment(body)
    return ledger_of(lab, moment)


def ledger_of(lab: Lab, moment: Moment) -> Answer:
    settled = lab.settled(moment)
    opened = lab.ledger(settled)
    network = opened.network
    L = network.depth
    digits = lab.image(moment)
    is_test = isinstance(moment.image, asked.Test)
    return {
        "network": settled.network,
        "step": settled.step,
        "image": image_of(moment.image),
        "label": settled.label,
        "truth": int(digits.labels[0]) if is_test else None,
        "prediction": prediction(opened),
        "overflows": overflowing(opened),
        "m": 1,
        "arrays": [
            {
                "name": name,
                "shape": array.shape,
                "f8": f8(array),
                "formula": array_formula(network, name),
                "cell": pattern(network, name)._asdict(),
                "source": find_source(*split(name), L, network.loss),
            }
            for name, array in opened.arrays.items()
        ],
        "jacobian": {
            "name": f"∂A{L}/∂Z{L}",
            "shape": (network.sizes[-1], network.sizes[-1]),
            "f8": f8(softmax_jacobian(opened)),
            "formula": f"∂A{L}[i]/∂Z{L}[j] = A{L}[i] ((i = j) - A{L}[j])",
        },
        "weighted": f8(opened.arrays["W1"] * opened.arrays["x"]),  # the terms of Z1, to shade W1
        "unlike": None if isinstance(moment.image, asked.Test) else novelty_of(moment.image),
    }


def image_of(image: asked.Image) -> Answer:
    """The image as it was asked for."""
    match image:
        case asked.Test(number):
            return {"test": number}
        case asked.Drawn(strokes, off):
            return {"strokes": strokes, "off": off}
        case asked.Pixels(content):
            return {"pixels": packed(content)}


def cell(lab: Lab, body: Answer) -> Answer:
    """One cell of a moment, opened."""
    opened, name = cell_asked(lab, body)
    return open_cell(opened, name)._asdict()


def proof(lab: Lab, body: Answer) -> Answer:
    """One derivative of a moment beside its central difference."""
    opened, name = cell_asked(lab, body)
    return prove(opened, name)._asdict()


def cell_asked(lab: Lab, body: Answer) -> tuple[Ledger, str]:
    moment, more = asked.moment(body, "cell")
    name = asked.text(more["cell"], "cell", 40)
    return lab.ledger(lab.settled(moment)), name


def impostors(lab: Lab, body: Answer) -> Answer:
    """dZ of the last layer, as chainrule and as the impostors compute it."""
    moment, _ = asked.moment(body)
    return impostors_of(lab.ledger(lab.settled(moment)))


def impostors_of(opened: Ledger) -> Answer:
    return prove_output(opened)._asdict()


def step(lab: Lab, body: Answer) -> Answer:
    """One step on this image alone, at many learning rates."""
    moment, _ = asked.moment(body)
    return step_of(lab.ledger(lab.settled(moment)))


def step_of(opened: Ledger) -> Answer:
    return learn_once(opened)._asdict()


# ---------------------------------------------------------------------------------------- drawings


def drawing(lab: Lab, body: Answer) -> Answer:
    """A drawing or an image file after every stage, and what the network reads at each."""
    found = asked.fields(body, "the body", ("network", "image"), ("step",))
    step = asked.step(found.get("step"))
    network = lab.named(asked.network(found["network"]), step).exact
    made = prepared(asked.drawing(found["image"]))
    seen = digits_of([*(stage.pixels.tobytes() for stage in made.stages), made.pixels.tobytes()])
    *readings, last = probabilities(network, seen.X.astype(np.float64)).T
    return {
        "stages": [
            {
                "name": stage.name,
                "off": stage.off,
                "width": stage.picture.shape[1],
                "height": stage.picture.shape[0],
                "pixels": packed(stage.picture.tobytes()),
                "prediction": A.argmax(),
                "probabilities": A,
            }
            for stage, A in zip(made.stages, readings, strict=True)
        ],
        "pixels": packed(made.pixels.tobytes()),
        "prediction": last.argmax(),
        "probabilities": last,
        "unlike": unlike(made),
    }


def unlike(made: "Prepared") -> "Novelty":
    """Whether what was prepared is unlike what was learned from."""
    from chainrule.handwriting import novelty

    return novelty(made.pixels, made.stages)


@lru_cache(64)
def novelty_of(image: asked.Drawn | asked.Pixels) -> "Novelty":
    """Whether an image is unlike what was learned from; of pixels nothing else is known."""
    from chainrule.handwriting import Prepared

    if isinstance(image, asked.Drawn):
        return unlike(prepared(image))
    return unlike(Prepared((), np.frombuffer(image.content, np.uint8)))


def collect(lab: Lab, body: Answer) -> Answer:
    """Labelled drawings become a folder of IDX files; every fifth is for testing, or the last."""
    from chainrule.handwriting import write_digits

    found = asked.drawings(asked.fields(body, "the body", ("drawings",))["drawings"])
    check_ink([image.strokes for image, _ in found if isinstance(image, asked.Drawn)])
    digits = digits_of([bytes_of(image) for image, _ in found], [label for _, label in found])
    for_test = np.arange(len(digits)) % 5 == 4
    for_test[-1] |= not for_test.any()
    train, test = (digits[np.flatnonzero(which)] for which in (~for_test, for_test))
    now = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    with lab.collecting:
        names = (f"drawings/{now}{n}" for n in ("", *range(-2, -1000, -1)))  # -2, -3, …
        place = next(name for name in names if not (lab.folder / name).exists())
        try:
            write_digits(lab.folder / place, train, test)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RefusedError(f"{place} cannot be written: {reason}", 500) from None
    return {"folder": place, "train": len(train), "test": len(test)}


def check_ink(drawings: Sequence[tuple[tuple[int, ...], ...]]) -> None:
    """Drawings take time by their points and their length, so a collection has so much of both."""
    from chainrule.handwriting import length_of

    points = sum(len(stroke) for strokes in drawings for stroke in strokes) // 2
    length = sum(map(length_of, drawings))
    for amount, most, what in (
        (points, MOST_POINTS, "have at most {:,} points"),
        (length, MOST_LENGTH, "are at most {:,} long"),
    ):
        if amount > most:
            raise RefusedError(
                f"the drawings of a collection {what.format(most)} in all, got {amount:,.0f}; "
                f"take some out, and save them in a second set"
            )


# ----------------------------------------------------------------------------------- a moment saved


def saved(lab: Lab, body: Answer) -> tuple[str, Answer]:
    """A name for the file of a moment, and all that its page shows without a server."""
    moment, more = asked.moment(body, "view")
    view = asked.state(asked.an_object(more["view"], "view"))
    settled = lab.settled(moment)
    opened = lab.ledger(settled)
    arrays = dict(small_arrays(opened))
    names = {name for each in arrays.values() for name in each}
    proven: set[str] = set()
    for array, cells in arrays.items():
        if array.startswith("d") and len(proven) + len(cells) <= MOST_PROOFS:
            proven.update(cells)
    chosen = view.get("cell")
    if isinstance(chosen, str) and chosen:
        name = open_cell(opened, chosen).name
        names.add(name)
        proven |= {name} if why_not(opened, name) is None else set()
    which = f"test{moment.image.number}" if isinstance(moment.image, asked.Test) else "drawing"
    at = "" if settled.step is None else f"-step{settled.step}"
    there = about(lab, [])
    own = [run for run in there["runs"] if run["id"] == settled.network]
    return f"chainrule-{settled.network[:150]}{at}-{which}.html", {
        "lab": there | {"runs": own, "damaged": [], "live": None},  # others are not of this moment
        "ledger": ledger_of(lab, moment),
        "mistakes": None,
        "cells": {name: open_cell(opened, name) for name in sorted(names)},
        "proofs": {name: prove(opened, name) for name in sorted(proven)},
        "impostors": impostors_of(opened),
        "step": step_of(opened),
        "view": view,
    }


def small_arrays(opened: Ledger) -> Iterator[tuple[str, list[str]]]:
    """The arrays whose cells, all opened, a page can still carry, with the names of their cells."""
    costs = {}
    for name, array in opened.arrays.items():
        first = named(name, *(0,) * array.ndim)
        costs[name] = array.size * len(to_json(open_cell(opened, first)))
    spent = 0
    for name in sorted(costs, key=costs.__getitem__):
        spent += costs[name]
        if spent <= MOST_SAVED:
            yield name, [named(name, *index) for index in np.ndindex(opened.arrays[name].shape)]


def warm(lab: Lab) -> None:
    """Have ready what the first page asks for, then what a drawing is compared with."""
    about(lab, [])
    novelty_of(asked.Pixels(lab.test_set.images[0].tobytes()))
