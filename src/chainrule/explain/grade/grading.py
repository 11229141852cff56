"""A file graded: it runs apart, is read, and every function is judged and its mistakes named."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import RIGHT, run
from chainrule.explain.bugs.program import Case as Given
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.grade.attempt import SECONDS, Attempt, Callee, Loaded, Trouble
from chainrule.explain.grade.judge import (
    SIZES,
    Case,
    Judged,
    Place,
    against_quotients,
    cases,
    compared,
    judge_loss,
    kinked,
    make_case,
    own_quotients,
    sampled,
    score_forward,
    score_gradient,
)
from chainrule.explain.grade.layout import Numbers
from chainrule.explain.grade.names import Role
from chainrule.explain.grade.naming import (
    CROSSED_FACTORS,
    SQUARED_FACTORS,
    Explanation,
    Factors,
    Kind,
    Lineup,
    alike,
    explain,
)
from chainrule.explain.grade.own_loss import of_own_loss
from chainrule.explain.grade.parts import judge_parts
from chainrule.explain.grade.reading import Reader, Reading
from chainrule.explain.grade.report import Finding, Report, counted, finding_of, how_it_ran, misfits
from chainrule.explain.grade.results import Found
from chainrule.explain.grade.source import Source, SourceError, read_source
from chainrule.network import LOSSES, Loss

OWN_SAMPLE = 4  # cells of each array, where the loss is one that only the file computes
KINK = "≥ for >"
OVERFLOW = "no maximum taken away"
LOG_OF_0 = "log of 0"
SLOPES = "argmax in the loss"


def grade(
    path: Path, *, name: str | None = None, loss: Loss | None = None, seconds: float = SECONDS
) -> Report:
    """The report on a file; what cannot be read or run at all is refused in it.

    `name` is what the file is called in the report, `loss` that of the task, for a file without a
    loss. Raises OSError for a file that is not there, or that nobody may read.
    """
    try:
        source = read_source(path, name)
    except SourceError as error:
        return Report(name or path.name, refused=str(error))
    return grade_source(source, loss=loss, seconds=seconds)


def grade_source(source: Source, *, loss: Loss | None = None, seconds: float = SECONDS) -> Report:
    """The same of a text that is read."""
    with Attempt(source.text, source.name, seconds=seconds) as attempt:
        return report_on(attempt, source, attempt.load(), loss)


def report_on(attempt: Callee, source: Source, loaded: Loaded, loss: Loss | None) -> Report:
    """The same of functions that can be called."""
    report = Grading(attempt, source, loss).report(loaded)
    if any(each.verdict == "failed" or each.notes for each in report.findings):
        alone = Grading(attempt, source, loss, single=True).report(loaded)
        return alone if alone.right else report
    return report


def named(name: str) -> Bug:
    return next(bug for bug in ZOO if bug.name == name)


@dataclass
class Grading:
    """One file on its way from its functions to a report."""

    attempt: Callee
    source: Source
    asked: Loss | None
    single: bool = False  # one image at a time
    findings: list[Finding] = field(default_factory=list)
    judged: Judged | None = None
    loss_reading: Reading | None = None

    def __post_init__(self) -> None:
        self.cases = cases(single=self.single)
        self.case = self.cases[0]
        self.reader = Reader(self.source, self.attempt, self.case.numbers(), self.single)

    def report(self, loaded: Loaded) -> Report:
        source = self.source
        self.judge_forward()
        self.findings[:0] = judge_parts(self.reader, self.case)
        self.judge_loss()
        self.judge_gradient("backward")
        self.judge_gradient("train_step")
        self.judge_update()
        told = {each.function for each in self.findings}
        others = [name for name in source.functions if name not in told and "__" not in name]
        refused = None
        if not self.findings:
            refused = (
                f"{source.name}: no function is known by its name; wanted forward, loss, backward "
                f"or others of chainrule grade --template, got {', '.join(source.functions)}"
            )
        return Report(
            file=source.name,
            findings=tuple(self.findings),
            notes=(*source.notes, *how_it_ran(loaded), *counted(source)),
            by=self.judged,
            others=tuple(others),
            refused=refused,
        )

    # ----------------------------------------------------------------------------- forward

    def judge_forward(self) -> None:
        functions = self.reader.functions("forward")
        if not functions:
            return
        function = functions[0]
        reading, found = self.reader.read(function, "forward", score_forward(self.case))
        if reading is None:
            self.add_trouble(function.name, "forward", found.trouble)
            return
        self.reader.forward = reading
        claims = self.claims(reading)
        lineup = Lineup(self.cases, "squared_error", "forward")
        explanation = explain(claims, [lineup], lambda loss, m: (1.0,))
        truth = self.case.numbers()
        wrong = tuple(k for k, array in claims[0].items() if not alike(array, truth[k]))
        self.reader.forward_right = not wrong
        self.add(reading, explanation.right, explanation, wrong, fragile=self.overflow(reading))

    def overflow(self, reading: Reading) -> tuple[Bug, ...]:
        """The mistake that only numbers that are too large for exp show."""
        large = replace(
            self.case,
            network=replace(self.case.network, parameters=400 * self.case.network.parameters),
        )
        found = self.reader.run(reading, large.numbers())
        fine = all(np.isfinite(each).all() for each in found.arrays.values())
        return () if fine or found.trouble else (named(OVERFLOW),)

    # ------------------------------------------------------------------------ loss, gradient

    def judge_loss(self) -> None:
        self.judged = Judged(self.asked, None, said(self.asked)) if self.asked else None
        for function in self.reader.functions("loss"):
            reading, found = self.reader.read(function, "loss", self.score_loss)
            if reading is None:
                self.add_trouble(function.name, "loss", found.trouble)
                continue
            own = [
                self.case,
                make_case(SIZES, 3, 6),
                make_case(SIZES, 1, 2),
                make_case(SIZES, 1, 7),
            ]
            own = [case for case in own if case.m == self.case.m or not self.single]
            judged = judge_loss(self.reader, reading, own)
            if judged is None:
                worthless = Explanation((named(SLOPES),), sure=False)
                self.add(reading, False, worthless, ("E",))
                continue
            self.judged, self.loss_reading = judged, reading
            self.add(reading, True, fragile=self.log_of_zero(reading, judged))
            return

    def score_loss(self, found: Found) -> float:
        """A loss is read best where it is one of the two, up to a factor that is a usual one."""
        value = found.arrays.get("E")
        if value is None or not np.isfinite(value):
            return 0.0
        ratios = [value / run(RIGHT, given(self.case, loss)).E for loss in LOSSES]
        m, classes = self.case.m, SIZES[-1]
        usual = [a * b for a in (1, 2, m) for b in (1, 1 / classes, m, 1 / m, 2)]
        return 1.0 if any(abs(r / u - 1) < 1e-4 for r in ratios for u in usual) else 0.5

    def log_of_zero(self, reading: Reading, judged: Judged) -> tuple[Bug, ...]:
        if judged.loss != "cross_entropy":
            return ()
        network = self.case.network
        far = replace(self.case, network=replace(network, parameters=3000 * network.parameters))
        found = self.reader.run(reading, far.numbers("cross_entropy"))
        value = found.arrays.get("E", 0.0)
        return () if found.trouble or np.isfinite(value) else (named(LOG_OF_0),)

    def judge_gradient(self, role: Role) -> None:
        functions = self.reader.functions(role)
        if not functions:
            return
        function = functions[0]
        reading, found = self.reader.read(function, role, score_gradient(self.case))
        if reading is None:
            self.add_trouble(function.name, role, found.trouble)
            return
        if role == "backward":
            self.reader.backward = reading
        claims = self.claims(reading)
        if not claims:
            trouble = self.reader.run(reading, self.cases[0].numbers()).trouble
            self.add_trouble(function.name, role, trouble)
            return
        explanation = self.explained(claims, "step" if role == "train_step" else "gradient")
        if self.judged is not None and self.judged.loss is None:
            self.judge_by_own_loss(reading, claims[0], explanation)
            return
        if self.judged is None:
            why = "recognised" if explanation.bugs or explanation.right else "taken"
            self.judged = Judged(
                explanation.loss, None, f"{said(explanation.loss)}, {why} in the gradient"
            )
        wrong, place = self.compare(claims, explanation.loss)
        right = explanation.right and not wrong
        fragile = self.at_zero(reading, explanation.loss) if right else ()
        self.add(reading, right, explanation, wrong, place, fragile, found)

    def claims(self, reading: Reading) -> list[Numbers]:
        """What a function gives on each case, as far as it runs."""
        found = [self.reader.run(reading, case.numbers()) for case in self.cases]
        return [each.arrays for each in found if not each.trouble and each.arrays]

    def factors(self) -> Factors:
        """What may stand before the gradient: the factor of the file's loss, or a usual one."""
        scale = self.judged.scale if self.judged else None
        if scale is not None:
            return lambda loss, m: (scale.get(m, 1.0),)
        return lambda loss, m: SQUARED_FACTORS if loss == "squared_error" else CROSSED_FACTORS

    def explained(self, claims: list[Numbers], kind: Kind) -> Explanation:
        known = self.judged.loss if self.judged else None
        losses = (known,) if known else LOSSES
        own = self.cases[: len(claims)]
        lineups = [Lineup(own, loss, kind) for loss in losses]
        if known and self.judged and self.judged.scale:
            plain = other_scale(claims, lineups[0], self.judged.scale)
            if plain:
                return plain
        own_loss = self.judged is not None and known is None
        return explain(claims, lineups, self.factors(), most=1 if own_loss else 2)

    def compare(self, claims: list[Numbers], loss: Loss) -> tuple[tuple[str, ...], Place | None]:
        """The arrays that disagree with the quotients, by the factor that makes fewest of them."""
        best: tuple[tuple[str, ...], Place | None] | None = None
        case = self.cases[0]
        for factor in self.factors()(loss, case.m):
            agree, place = against_quotients(case, claims[0], loss, factor)
            truth = case.numbers(loss)
            wrong = tuple(
                name
                for name, same in agree.items()
                if not (same and alike(claims[0][name], factor * truth[name]))
            )
            if best is None or len(wrong) < len(best[0]):
                best = wrong, place
        assert best is not None
        return best

    def judge_by_own_loss(self, reading: Reading, claim: Numbers, explanation: Explanation) -> None:
        """By quotients of a loss that is neither of the two, as the file itself computes it."""
        assert self.loss_reading is not None
        wrong, worst = [], None
        for name, first, shape, cells in sampled(self.case, claim):
            some = cells[:: max(1, len(cells) // OWN_SAMPLE)]
            measured = own_quotients(self.reader, self.loss_reading, self.case, first + some)
            same, place = compared(name, shape, some, claim[name].ravel()[some], measured)
            if not same:
                wrong.append(name)
                worst = place[1] if worst is None else worst
        if wrong:
            explanation = of_own_loss(explanation, self.reader, self.loss_reading, self.cases)
        self.add(reading, not wrong, explanation, tuple(wrong), worst)

    def at_zero(self, reading: Reading, loss: Loss) -> tuple[Bug, ...]:
        """The mistake that shows only where some Z is exactly 0."""
        case = kinked(self.case)
        found = self.reader.run(reading, case.numbers())
        bug = named(KINK)
        other = Lineup([case], loss, "gradient").arrays(0, (bug,))["db1"]
        plain = Lineup([case], loss, "gradient").arrays(0, ())["db1"]
        yours = found.arrays.get("db1")
        if yours is None or alike(other, plain):
            return ()
        factors = self.factors()(loss, case.m)
        return (bug,) if any(alike(yours, other * factor) for factor in factors) else ()

    # -------------------------------------------------------------------------------- update

    def judge_update(self) -> None:
        functions = self.reader.functions("update")
        if not functions:
            return
        function = functions[0]
        reading, found = self.reader.read(function, "update", lambda found: len(found.arrays))
        if reading is None:
            self.add_trouble(function.name, "update", found.trouble)
            return
        numbers = self.case.numbers()
        moved = self.reader.run(reading, numbers).arrays
        given_by = self.reader.backward
        uses = given_by is not None and not any(
            getattr(each, "meaning", "").startswith("d") for each in reading.binding.values()
        )
        gradient = self.reader.run(given_by, numbers).arrays if uses and given_by else numbers
        right, up = (
            all(alike(moved[k], numbers[k] + sign * 0.5 * gradient[f"d{k}"]) for k in moved)
            for sign in (-1, 1)
        )
        wrong = tuple(k for k in moved if not alike(moved[k], numbers[k] - 0.5 * gradient[f"d{k}"]))
        bugs = (named("uphill"),) if up else ()
        self.add(reading, right, Explanation(bugs, sure=bool(bugs) or right), wrong)

    # ------------------------------------------------------------------------------ findings

    def add(
        self,
        reading: Reading,
        right: bool,
        explanation: Explanation | None = None,
        wrong: tuple[str, ...] = (),
        place: Place | None = None,
        fragile: tuple[Bug, ...] = (),
        found: Found | None = None,
    ) -> None:
        bugs = explanation.bugs if explanation and not right else ()
        before = [each.function for each in self.findings if bugs and each.bugs == bugs]
        if place and place.array[1] == "W" and reading.form.inputs_first:
            place = place._replace(row=place.column, column=place.row)
        self.findings.append(
            Finding(
                function=reading.function.name,
                role=reading.role,
                verdict="right" if right else "wrong",
                reading=reading.in_words(),
                wrong=() if right else wrong,
                place=None if right else place,
                explanation=None if right else explanation,
                follows=before[0] if before else None,
                form=reading.form,
                gives=reading.gives,
                notes=tuple(misfits(found)) if found else (),
                fragile=tuple(
                    bug for bug in fragile if not any(bug in each.fragile for each in self.findings)
                ),
            )
        )

    def add_trouble(self, function: str, role: str, trouble: Trouble | None) -> None:
        self.findings.append(finding_of(function, role, trouble))


def given(case: Case, loss: Loss) -> Given:
    return Given(replace(case.network, loss=loss), case.X, case.labels)


def said(loss: Loss | None) -> str:
    return (loss or "").replace("_", " ")


def other_scale(
    claims: list[Numbers], lineup: Lineup, scale: dict[int, float]
) -> Explanation | None:
    """Which loss has this factor, where the gradient is right but for it."""
    if all(abs(each - 1) < 1e-4 for each in scale.values()):
        return None
    if not explain(claims, [lineup], lambda loss, m: (1.0,), most=0).right:
        return None
    for bug in ZOO:
        if bug.judged == "loss" and "E" in bug.parts:
            ratios = {}
            for case in lineup.cases:
                at = given(case, lineup.loss)
                if bug.applies(at):
                    ratios[case.m] = float(run(bug.in_(RIGHT), at).E / run(RIGHT, at).E)
            if ratios and all(abs(scale[m] / each - 1) < 1e-4 for m, each in ratios.items()):
                return Explanation((bug,), loss=lineup.loss)
    return None
