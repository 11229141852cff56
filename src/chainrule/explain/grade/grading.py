"""A file graded: it runs apart, is read, and every function is judged and its mistakes named."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from chainrule.explain.bugs.bug import Bug
from chainrule.explain.grade.arguments import Reading
from chainrule.explain.grade.attempt import SECONDS, Attempt, Callee, Loaded, Trouble
from chainrule.explain.grade.judge import (
    Place,
    against_quotients,
    cases,
    compared,
    kinked,
    make_case,
    own_quotients,
    sampled,
    score_forward,
    score_gradient,
)
from chainrule.explain.grade.layout import SIZES, Numbers
from chainrule.explain.grade.losses import (
    Judged,
    decay_in_gradient,
    decaying,
    infinite_far_off,
    judge_loss,
    other_scale,
    own_cases,
    score_loss,
)
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
    of_shapes,
    with_factor,
    with_other_loss,
)
from chainrule.explain.grade.objects import sizes_of
from chainrule.explain.grade.own_loss import of_own_loss
from chainrule.explain.grade.parts import judge_parts
from chainrule.explain.grade.reading import Reader
from chainrule.explain.grade.report import Finding, Report, counted, finding_of, how_it_ran
from chainrule.explain.grade.results import Found
from chainrule.explain.grade.rules import Known, Walk, named, recognise
from chainrule.explain.grade.source import Source, SourceError, read_source
from chainrule.explain.grade.stepping import Stepper
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
        report = alone if alone.right else min(report, alone, key=unjudged)
    sizes = sizes_of(attempt, source) if unjudged(report) else SIZES
    if sizes != SIZES:
        note = f"judged on a network {' → '.join(map(str, sizes))}, as the file has it"
        other = Grading(attempt, source, loss, sizes=sizes).report(loaded)
        other = replace(other, notes=(*other.notes, note))
        report = min(report, other, key=unjudged)
    return report


def unjudged(report: Report) -> int:
    """How many functions do not run or cannot be read."""
    return sum(each.verdict in ("failed", "not read") for each in report.findings)


@dataclass
class Grading:
    """One file on its way from its functions to a report."""

    attempt: Callee
    source: Source
    asked: Loss | None
    single: bool = False  # one image at a time
    sizes: tuple[int, ...] = SIZES
    findings: list[Finding] = field(default_factory=list)
    judged: Judged | None = None
    loss_reading: Reading | None = None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cases = cases(single=self.single, sizes=self.sizes)
        self.case = self.cases[0]
        self.reader = Reader(self.source, self.attempt, self.case.numbers(), self.single)

    def report(self, loaded: Loaded) -> Report:
        source = self.source
        self.judge_forward()
        self.findings[:0] = judge_parts(self.reader, make_case(SIZES, self.case.m, 1))
        self.judge_loss()
        self.judge_gradient("backward")
        self.judge_gradient("train_step")
        self.judge_update()
        told = {each.function for each in self.findings}
        others = [name for name in source.functions if name not in told and "__" not in name]
        refused = None
        if not self.findings:
            refused = (
                f"{source.name}: no function can be read; wanted forward, loss, backward "
                f"or others of chainrule grade --template, got {', '.join(source.functions)}"
            )
        return Report(
            file=source.name,
            findings=tuple(self.findings),
            notes=(*source.notes, *how_it_ran(loaded), *counted(source), *self.notes),
            by=self.judged,
            others=tuple(others),
            refused=refused,
        )

    def first_read(
        self, role: Role, score: Callable[[Found], float]
    ) -> tuple[Reading | None, Found]:
        """The reading of the first function of this role that can be read; else its trouble."""
        reading, found, failed = self.reader.first(role, score)
        if failed is not None:
            self.add_trouble(failed.name, role, found.trouble)
        return reading, found

    # ----------------------------------------------------------------------------- forward

    def judge_forward(self) -> None:
        reading, _ = self.first_read("forward", score_forward(self.case))
        if reading is None:
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
        self.judged = Judged(self.asked, None, self.asked.replace("_", " ")) if self.asked else None
        for function in self.reader.functions("loss"):
            reading, found = self.reader.read(function, "loss", score_loss(self.case))
            if reading is None:
                self.add_trouble(function.name, "loss", found.trouble)
                continue
            judged = judge_loss(self.reader, reading, own_cases(self.case, single=self.single))
            if judged is None:
                self.add(reading, False, Explanation((named(SLOPES),), sure=False), ("E",))
                continue
            self.judged, self.loss_reading = judged, reading
            far_off = infinite_far_off(self.reader, reading, judged, self.case)
            self.cases = decaying(self.cases, judged.decay)
            self.add(reading, True, fragile=(named(LOG_OF_0),) * far_off)
            return

    def judge_gradient(self, role: Role) -> None:
        if role == "train_step" and self.judge_steps():
            return
        reading, found = self.first_read(role, score_gradient(self.case))
        if reading is None:
            return
        function = reading.function
        if reading.role == "backward":
            self.reader.backward = reading
        claims = self.claims(reading)
        if not claims:
            trouble = self.reader.run(reading, self.cases[0].numbers()).trouble
            self.add_trouble(function.name, role, trouble)
            return
        self.recognise_decay(claims)
        misshapen = tuple(name for name in found.misshapen if name not in claims[0])
        explanation = self.explained(claims, "step" if reading.role == "train_step" else "gradient")
        if self.judged is not None and self.judged.loss is None:
            self.judge_by_own_loss(reading, claims[0], explanation)
            return
        if self.judged is None:
            why = "recognised" if explanation.bugs or explanation.right else "taken"
            why = f"{explanation.loss.replace('_', ' ')}, {why} in the gradient"
            self.judged = Judged(explanation.loss, None, why)
        others, place = self.compare(claims, explanation.loss)
        wrong = (*misshapen, *others)
        if wrong and not explanation.bugs and set(wrong) <= set(found.shapes):
            explanation = of_shapes(wrong)
        right = explanation.right and not wrong
        fragile = self.at_zero(reading, explanation.loss) if right else ()
        self.add(reading, right, explanation, wrong, place, fragile, found.notes)

    def recognise_decay(self, claims: list[Numbers]) -> None:
        """Weight decay in a gradient, where the file has no loss, or one without it."""
        known = self.judged.loss if self.judged else None
        if (self.judged and known is None) or any(c.network.weight_decay for c in self.cases):
            return
        losses = (known,) if known else LOSSES
        decay = decay_in_gradient(self.cases[: len(claims)], claims, losses, self.factors())
        self.cases = decaying(self.cases, decay)
        if decay:
            rate = decay[self.cases[0].m]
            self.notes.append(f"the gradient has weight decay, λ = {rate:.4g}, and no loss has it")

    def claims(self, reading: Reading) -> list[Numbers]:
        """What a function gives on each case, as far as it runs."""
        found = [self.reader.run(reading, case.numbers()) for case in self.cases]
        runs = [each for each in found if not each.trouble and each.arrays]
        unfit = {name for each in runs[:1] for name in each.misshapen}
        return [{k: v for k, v in each.arrays.items() if k not in unfit} for each in runs]

    def factors(self) -> Factors:
        """What may stand before the gradient: the factor of the file's loss, or a usual one."""
        scale = self.judged.scale if self.judged else None
        if scale is not None:
            return lambda loss, m: (scale.get(m, 1.0),)
        return lambda loss, m: SQUARED_FACTORS if loss == "squared_error" else CROSSED_FACTORS

    def explained(self, claims: list[Numbers], kind: Kind) -> Explanation:
        known = self.judged.loss if self.judged else None
        own = self.cases[: len(claims)]
        lineups = [Lineup(own, loss, kind) for loss in ((known,) if known else LOSSES)]
        if known and self.judged and self.judged.scale:
            plain = other_scale(claims, lineups[0], self.judged.scale)
            if plain:
                return plain
        own_loss = self.judged is not None and known is None
        elsewhere = any(each.verdict == "failed" for each in self.findings)  # not the last reading
        found = explain(claims, lineups, self.factors(), most=1 if own_loss or elsewhere else 2)
        if self.judged and self.judged.why.endswith("computes it"):
            others = [Lineup(own, loss, kind) for loss in LOSSES if loss != known]
            found = with_other_loss(found, claims, others)
        return found if found.bugs or found.right else with_factor(found, claims, lineups[0])

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
        """By the rule that several steps follow: descent, momentum, Adam, or another known one."""
        for function in self.reader.functions("update")[:1]:
            stepper = Stepper(self.reader, self.case, function)
            reading, found = stepper.read()
            walk = stepper.walk(reading) if reading else found.trouble
            if reading and isinstance(walk, Walk):
                self.add_known(reading, recognise(walk))
            else:
                self.add_trouble(function.name, "update", None if isinstance(walk, Walk) else walk)

    def judge_steps(self) -> bool:
        """A step of training that remembers something, by several steps; False if none does."""
        for function in self.reader.functions("train_step")[:1]:
            stepper = Stepper(self.reader, self.case, function, "train_step")
            reading, _ = stepper.read()
            if reading is None or not stepper.remembers():
                return False
            known = self.judged.loss if self.judged else None
            for loss in (known,) if known else LOSSES:
                walk = stepper.walk(reading, loss)
                found = recognise(walk) if isinstance(walk, Walk) else None
                if found and (found.bugs or not found.wrong):
                    self.add_known(reading, found)
                    return True
        return False

    def add_known(self, reading: Reading, known: Known) -> None:
        """What is told of steps: their rule, or the mistake in them."""
        told = Explanation(known.bugs, known.alike, sure=bool(known.bugs) or not known.wrong)
        notes = (f"it steps by {known.words}",) if known.words and not known.wrong else ()
        self.add(reading, not known.wrong, told, known.wrong, notes=notes)

    # ------------------------------------------------------------------------------ findings

    def add(
        self,
        reading: Reading,
        right: bool,
        explanation: Explanation | None = None,
        wrong: tuple[str, ...] = (),
        place: Place | None = None,
        fragile: tuple[Bug, ...] = (),
        notes: tuple[str, ...] = (),
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
                notes=notes,
                fragile=tuple(
                    bug for bug in fragile if not any(bug in each.fragile for each in self.findings)
                ),
            )
        )

    def add_trouble(self, function: str, role: str, trouble: Trouble | None) -> None:
        self.findings.append(finding_of(function, role, trouble))
