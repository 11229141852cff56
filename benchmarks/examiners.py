"""The exam of the examiners: which wrong gradients the usual rules accept, which right ones fail.

    python examiners.py [--one] [--only=WORDS] [--quick] [--log]

Every mistake of the zoo (chainrule.explain.bugs) is put into a right program and run on networks,
fresh and trained, of four shapes and two losses, with 1, 3 and 32 images, in float32 and float64.
Each rule of acceptance.py, and chainrule's own check, says whether it accepts what came out. Three
right programs, which add up in different orders, stand before the same rules. --one takes the small
network of the package with three images in float64 and nothing else, --only the networks that have
these words in their names; --quick leaves the trainings out; --log writes all tables to
benchmarks/log. Nothing depends on the clock: the same numbers come out again.
"""

import platform
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import it_trains
import numpy as np
from acceptance import RULES, Along, Quotient, Reference, Rule, each_length
from exam_tables import DTYPES, GRADIENTS, IMAGES, OF_A_WRONG_LOSS, OWN, Record, by_rule, tables
from threadpoolctl import threadpool_limits

from chainrule import Network, Table, initialise, load_bundled, load_mnist, train
from chainrule.explain.bugs.bug import shows
from chainrule.explain.bugs.program import RIGHT, Case, Pass, Program, run
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.check import Evidence, arrays, collect_evidence
from chainrule.explain.differences import quiet

CELLS = 1_000  # of a larger array so many are compared, drawn by the seed
NETWORKS = (  # sizes, loss, λ
    ((784, 10, 10), "squared_error", 0.0),
    ((784, 10, 10), "cross_entropy", 0.0),
    ((49, 16, 10), "cross_entropy", 0.0),
    ((49, 12, 12, 10), "squared_error", 0.001),
    ((49, 10), "cross_entropy", 0.0),
)
FORWARD = ("X", "Y", "Z", "A", "A_last", "E")  # the parts on which the loss depends
WRONG_LOSSES = tuple(bug for bug in ZOO if bug.judged == "loss")


class Setting(NamedTuple):
    """One network on some images: a case in float32, and the same numbers in float64."""

    name: str
    state: str  # fresh or trained
    case: Case
    case64: Case
    number: int  # the seed of what is drawn at random


# ------------------------------------------------------------------------------------- the cases


def settings(only: str = "") -> Iterator[Setting]:
    """All cases; `only` takes those with these words in their names."""
    sets = load_mnist()
    for number, (sizes, loss, decay) in enumerate(NETWORKS):
        name = f"{'-'.join(map(str, sizes))}, {loss.replace('_', ' ')}"
        if only not in name:
            continue
        training, test = (shrunk(each) if sizes[0] == 49 else table(each) for each in sets)
        for state, network in both_states(sizes, loss, decay, training).items():
            for m in IMAGES:
                case = Case(network, test.X[:, :m], test.labels[:m])
                yield Setting(name, state, case, doubled(case), 100 * number + m)


def both_states(sizes, loss, decay, training) -> dict[str, Network]:
    """The network before and after a training; the small network is the package's."""
    rng = np.random.default_rng(0)
    fresh = initialise(sizes, loss=loss, weight_decay=decay, rng=rng)
    if sizes == (784, 10, 10) and loss == "squared_error":
        return {"fresh": fresh, "trained": load_bundled("small")}
    *_, last = train(
        fresh, training, optimizer="adam", learning_rate=0.003, batch_size=100, epochs=5, every=600,
        rng=rng, engine="numpy",
    )  # fmt: skip
    return {"fresh": fresh, "trained": last.network}


def table(digits) -> Table:
    return Table(np.ascontiguousarray(digits.X), digits.labels.astype(np.intp), 10)


def shrunk(digits) -> Table:
    """The same images of 7 × 7 pixels, each the mean of 4 × 4."""
    X = digits.X.reshape(7, 4, 7, 4, -1).mean(axis=(1, 3)).reshape(49, -1)
    return Table(np.ascontiguousarray(X, dtype=np.float32), digits.labels.astype(np.intp), 10)


def doubled(case: Case) -> Case:
    """The same numbers in float64."""
    parameters = case.network.parameters.astype(np.float64)
    network = replace(case.network, parameters=parameters)
    return case._replace(network=network, X=case.X.astype(np.float64))


def right_gradients(case: Case) -> Iterator[np.ndarray]:
    """What three right programs give: all at once, backwards, and image by image."""
    yield run(RIGHT, case).flat
    yield run(RIGHT, case._replace(X=case.X[:, ::-1], labels=case.labels[::-1])).flat
    each = (
        case._replace(X=case.X[:, i : i + 1], labels=case.labels[i : i + 1]) for i in range(case.m)
    )
    yield sum(run(RIGHT, one).flat for one in each) / case.X.dtype.type(case.m)


def one_setting() -> Setting:
    """The small network of the package on three test images."""
    _, test = load_mnist()
    case = Case(load_bundled("small"), test[:3].X, test.labels[:3])
    return Setting("784-10-10, squared error", "trained", case, doubled(case), 3)


# --------------------------------------------------------------------------- what a rule looks at


class Loss:
    """E of a program as a function of its parameters, by its own way forward."""

    def __init__(self, program: Program, case: Case) -> None:
        self.theta = case.network.parameters.copy()
        network = replace(case.network, parameters=self.theta)  # its parameters are this array
        self.program, self.at = program, Pass(case._replace(network=network))
        self.at.A[0], self.at.Y = program.X(self.at, 0), program.Y(self.at, self.at.L)

    def __call__(self) -> float:
        program, at = self.program, self.at
        for l in range(1, at.L + 1):
            at.Z[l] = program.Z(at, l)
            at.A[l] = program.A(at, l) if l < at.L else program.A_last(at, l)
        return float(program.E(at, at.L))

    def moved(self, cells: Any, by: Any) -> float:
        """E after some cells, or one, have been moved; they go back to where they were."""
        kept = self.theta[cells]  # a copy: cells is a number or an array of numbers
        self.theta[cells] = kept + by
        E = self()
        self.theta[cells] = kept
        return E

    def quotients(self, cells: np.ndarray, h: float, two_sided: bool) -> np.ndarray:
        """The quotient of each of these cells. What pixels without ink hang on is known to be 0."""
        slopes = np.zeros(len(cells))
        here, below = self(), h if two_sided else 0.0
        still = self.blank(cells)
        if self.moved(cells[still], h) != here or self.moved(cells[still], -h) != here:
            still[:] = False  # these cells do count
        for i in np.flatnonzero(~still):
            lower = self.moved(cells[i], -below) if two_sided else here
            slopes[i] = (self.moved(cells[i], h) - lower) / (h + below)
        return slopes

    def blank(self, cells: np.ndarray) -> np.ndarray:
        """Which of these cells are weights of pixels that are 0 in every image."""
        units, inputs = self.at.W[1].shape
        dark = ~self.at.A[0].any(axis=1)
        return (cells < units * inputs) & dark[cells % inputs]


@dataclass(eq=False)
class Desk:
    """A case in one precision with what all programs on it share: cells, truth, quotients."""

    case: Case
    truth: np.ndarray  # (n,) of the right program in float64
    number: int
    known: dict = field(default_factory=dict)

    @cached_property
    def spans(self) -> dict[str, slice]:
        every = arrays(self.case.network)
        return {name: slice(first, first + np.prod(shape)) for name, first, shape in every}

    @cached_property
    def cells(self) -> list[np.ndarray]:
        """The cells of each array that are compared."""
        rng = np.random.default_rng(self.number)
        every = [np.arange(span.start, span.stop) for span in self.spans.values()]
        return [np.sort(rng.permutation(each)[:CELLS]) for each in every]

    @cached_property
    def one_of_each(self) -> list[np.ndarray]:
        rng = np.random.default_rng(self.number)
        return [rng.integers(span.start, span.stop, 1) for span in self.spans.values()]

    def beside(self, rule: Rule, program: Program, gradient: np.ndarray) -> tuple[list, list]:
        """Ours and theirs, as this rule compares them."""
        looks = rule.beside
        match looks:
            case Reference():
                pairs = zip(self.spans, self.cells, strict=True)
                cells = [each for name, each in pairs if name[0] == "W" or not looks.weights_only]
                return [gradient[each] for each in cells], [self.truth[each] for each in cells]
            case Quotient():
                cells = self.one_of_each if looks.one_cell else self.cells
                return [gradient[each] for each in cells], self.slopes(looks, program, cells)
            case Along():
                direction, weight, slope = self.along(looks, program)
                ours = np.dot(gradient.astype(np.float64), direction) * weight
                return [np.array([ours], dtype=gradient.dtype)], [np.array([slope * weight])]

    def slopes(self, looks: Quotient, program: Program, cells: list) -> list[np.ndarray]:
        """The quotients of a program's own loss; programs with the same way forward share them."""
        key = (looks, way_forward(program))
        if key not in self.known:
            loss, h = Loss(program, self.case), looks.step(self.case.X.dtype)
            self.known[key] = [loss.quotients(each, h, looks.two_sided) for each in cells]
        return self.known[key]

    def along(self, looks: Along, program: Program) -> tuple[np.ndarray, float, float]:
        key = (looks, way_forward(program))
        if key not in self.known:
            rng = np.random.default_rng(self.number)
            loss = Loss(program, self.case)
            direction, weight = rng.standard_normal(loss.theta.size), rng.standard_normal()
            if looks.unit:
                direction /= np.linalg.norm(direction)
            everywhere, h = np.arange(loss.theta.size), looks.h
            rise = loss.moved(everywhere, h * direction) - loss.moved(everywhere, -h * direction)
            self.known[key] = direction, weight if looks.weighed else 1.0, rise / (2 * h)
        return self.known[key]


def way_forward(program: Program) -> tuple:
    return tuple(getattr(program, part) for part in FORWARD)


# --------------------------------------------------------------------------------------- verdicts


def accepts(rule: Rule, ours, theirs) -> bool:
    """What the rule says; numbers that are not finite are never accepted."""
    finite = all(np.isfinite(each).all() for each in (*ours, *theirs))
    return finite and rule.accepts(ours, theirs)


def why(rule: Rule, desk: Desk, program: Program, gradient: np.ndarray) -> str:
    """Why a wrong gradient was accepted: one of REASONS."""
    looks = rule.beside
    if not isinstance(looks, Reference) and way_forward(program) != way_forward(RIGHT):
        own = desk.slopes(Quotient(1e-5), program, desk.cells)
        if each_length([gradient[each] for each in desk.cells], own, share=0.01, share32=0.01):
            return OF_A_WRONG_LOSS
    whole = replace(rule, beside=looks.whole)
    if whole.beside != looks and not accepts(whole, *desk.beside(whole, program, gradient)):
        return "few cells"
    ours, theirs = desk.beside(rule, program, gradient)
    sizes = [np.abs([a, n]).max(initial=0) for a, n in zip(ours, theirs, strict=True)]
    if not accepts(rule, *scaled(ours, theirs, [max(sizes)] * len(sizes))):
        return "all is small"
    if not accepts(rule, *scaled(ours, theirs, sizes)):
        return "an array is small"
    return "few cells" if isinstance(looks, Along) else "wide"


def scaled(ours: list, theirs: list, sizes: list) -> tuple[list, list]:
    """Both divided by the size of each array, where that is not 0."""
    sizes = [size or 1.0 for size in sizes]
    return tuple(
        [(each / size).astype(each.dtype) for each, size in zip(side, sizes, strict=True)]
        for side in (ours, theirs)
    )


@quiet
def examine(setting: Setting, dtypes: Sequence[str] = DTYPES) -> list[Record]:
    """All verdicts of one network on some images."""
    name, state, case, case64, number = setting
    truth = run(RIGHT, case64).flat
    shown = [bug for bug in GRADIENTS if shows(bug, case64)]
    records = []
    for each in (one for one in (case64, case) if one.X.dtype.name in dtypes):
        desk, dtype = Desk(each, truth, number), each.X.dtype.name
        evidence = evidence_of(each, np.concatenate(desk.cells))

        def note(
            rule: str, kind: str, bug: str, accepted: bool | None, why: str = "", dtype: str = dtype
        ) -> None:
            record = Record(rule, name, state, case.m, dtype, kind, bug, accepted, why)
            records.append(record)

        for gradient in right_gradients(each):
            for rule in RULES:
                note(rule.name, "right", "", accepts(rule, *desk.beside(rule, RIGHT, gradient)))
            note(OWN, "right", "", evidence.account("", gradient).agrees)
        for bug in shown:
            program = bug.in_(RIGHT)
            gradient = run(program, each).flat
            for rule in RULES:
                accepted = accepts(rule, *desk.beside(rule, program, gradient))
                reason = why(rule, desk, program, gradient) if accepted else ""
                note(rule.name, "wrong", bug.name, accepted, reason)
            note(OWN, "wrong", bug.name, evidence.account("", gradient).agrees)
        for bug in WRONG_LOSSES:
            if shows(bug, case64):
                program, gradient = bug.in_(RIGHT), run(RIGHT, each).flat
                for rule in RULES:
                    if not isinstance(rule.beside, Reference):
                        accepted = accepts(rule, *desk.beside(rule, program, gradient))
                        note(rule.name, "loss", bug.name, accepted)
    return records


def evidence_of(case: Case, cells: np.ndarray) -> Evidence:
    """What `chainrule check` compares with: quotients of network.py's loss, in float64."""
    rounded = case.X.dtype == np.float32
    return collect_evidence(case.network, case.X, run(RIGHT, case).Y, cells=cells, rounded=rounded)


def page(records: list[Record], trainings: list) -> list[str]:
    """The page of the log."""
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    return [
        f"# The exam of the examiners\n\n`benchmarks/examiners.py --log`, {versions}. "
        "[What it means](../../docs/guide/examiners.md).\n",
        *tables(records),
        *(["", "## It trains\n", *it_trains.table(trainings), ""] if trainings else [""]),
        *(
            f"Accepted in every training by *{look.name}*: "
            f"{', '.join(it_trains.passed(trainings, look.name)) or 'none'}.\n"
            for look in it_trains.LOOKS
            if trainings
        ),
        "## The rules\n",
        *(f"- {rule.name}: {rule.source}" for rule in (*RULES, *it_trains.LOOKS)),
    ]


def main() -> None:
    if "--one" in sys.argv:
        print("\n".join(by_rule(examine(one_setting(), ["float64"]))))
        return
    (only,) = [each[7:] for each in sys.argv if each.startswith("--only=")] or [""]
    which = range(0 if "--quick" in sys.argv else len(it_trains.TRAININGS))
    every = list(settings(only))
    with ProcessPoolExecutor(2, initializer=partial(threadpool_limits, 1)) as workers:
        later = workers.map(it_trains.verdicts, which)
        records = [record for some in workers.map(examine, every) for record in some]
        trainings = [verdict for some in later for verdict in some]
    lines = page(records, trainings)
    print("\n".join(lines))
    if "--log" in sys.argv:
        log = Path(__file__).parent / f"log/{date.today()}-examiners.md"
        log.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
