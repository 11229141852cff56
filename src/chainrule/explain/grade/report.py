"""What is told of a file: a finding for each function, and the whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from chainrule.explain.bugs.bug import Bug
from chainrule.explain.grade.attempt import Loaded, Trouble
from chainrule.explain.grade.judge import Place
from chainrule.explain.grade.layout import Form
from chainrule.explain.grade.losses import Judged
from chainrule.explain.grade.naming import Explanation
from chainrule.explain.grade.source import Source

Verdict = Literal["right", "wrong", "failed", "not written", "not read"]
VERDICT, WHERE, QUESTION, NAME = range(4)  # how much is told: the levels of hints


@dataclass(frozen=True)
class Finding:
    """One function of the file: how it was read, whether it is right, and what is wrong with it."""

    function: str
    role: str
    verdict: Verdict
    reading: str | None = None
    trouble: str | None = None  # why it failed, or could not be read
    wrong: tuple[str, ...] = ()  # arrays
    place: Place | None = None  # where it shows most
    explanation: Explanation | None = None
    form: Form | None = None  # how it lays out its numbers
    gives: tuple[str, ...] = ()  # arrays
    follows: str | None = None  # the function whose mistake this is
    notes: tuple[str, ...] = ()
    fragile: tuple[Bug, ...] = ()  # right here, and wrong on other numbers

    @property
    def bugs(self) -> tuple[Bug, ...]:
        """The likeliest mistakes, the first one first."""
        return self.explanation.bugs if self.explanation else ()

    @property
    def others(self) -> tuple[Bug, ...]:
        """Mistakes that cannot be told from the one that is named."""
        return self.explanation.others if self.explanation else ()


def finding_of(function: str, role: str, trouble: Trouble | None) -> Finding:
    """The finding on a function that gave nothing to judge."""
    trouble = trouble or Trouble("Unread", "it gives nothing that can be read")
    verdicts: dict[str, Verdict] = {"NotImplementedError": "not written", "Unread": "not read"}
    verdict = verdicts.get(trouble.kind, "failed")
    words = trouble.message if trouble.kind == "Unread" else trouble.in_words()
    return Finding(function, role, verdict, trouble=None if verdict == "not written" else words)


def how_it_ran(loaded: Loaded) -> Iterator[str]:
    """What is to be said of the run of the file."""
    if loaded.whole:
        return
    if loaded.trouble:
        yield (
            f"its top-level code does not run to its end ({loaded.trouble.in_words()}); only "
            f"functions, classes and imports are used"
        )
    for trouble in loaded.failed:
        if trouble != loaded.trouble:
            yield f"left out: {trouble.in_words()}"


def counted(source: Source) -> Iterator[str]:
    """What is to be said of global names that functions read."""
    if source.counts:
        names = " and ".join(source.counts)
        yield f"the global {names} is set to the number of images of each call; X.shape tells it"


@dataclass(frozen=True)
class Report:
    """What is told of a file."""

    file: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()  # how the file was read
    by: Judged | None = None  # the loss whose gradient was wanted
    others: tuple[str, ...] = ()  # functions that were not judged
    refused: str | None = None  # why nothing could be judged

    @property
    def loss(self) -> str | None:
        """The loss that a gradient was judged by, and why that one."""
        return self.by.why if self.by else None

    @property
    def right(self) -> bool:
        return self.judged and all(each.verdict == "right" for each in self.findings)

    @property
    def judged(self) -> bool:
        """Whether anything could be judged."""
        return self.refused is None and bool(self.findings)

    @property
    def share(self) -> float:
        """The part of the functions that is right."""
        right = sum(each.verdict == "right" for each in self.findings)
        return right / len(self.findings) if self.judged else 0.0

    @property
    def code(self) -> int:
        """The exit code: 0 all right, 1 something wrong, 2 nothing could be judged."""
        return 2 if not self.judged else int(not self.right)


def asked_for(report: Report, roles: Sequence[str]) -> Report:
    """The same on the functions of a task alone: one for each role, and none is not written."""
    if report.refused is not None or not roles:
        return report
    last = {each.role: each for each in report.findings}
    for role in set(roles) - set(last):
        last[role] = Finding(role, role, "not written", trouble="it is not there")
    chosen = [last[role] for role in roles]
    names = {each.function for each in chosen}
    return replace(
        report,
        findings=tuple(
            each if each.follows in names else replace(each, follows=None) for each in chosen
        ),
        others=tuple(each.function for each in report.findings if each.function not in names)
        + report.others,
    )


def sentence(report: Report, hints: int) -> str:
    """In one line what is wrong with the first function that is not right; empty if none is."""
    if report.refused is not None:
        return report.refused
    wrong = [each for each in report.findings if each.verdict != "right"]
    if not wrong:
        return ""
    said = [line.strip() for line in lines_of(wrong[0], hints) if not line.startswith("  read as ")]
    return "; ".join(each.removesuffix(".") for each in said).replace("; wrong: ", " in ", 1)


def total(report: Report) -> str:
    """How many of the functions are right."""
    right = sum(each.verdict == "right" for each in report.findings)
    return f"{right} of {len(report.findings)} right"


def fields_of(report: Report, hints: int) -> dict[str, Any]:
    """The report as data for JSON, as far as the hints go.

    `fragile` are mistakes that show on other numbers only: their names, or their questions.
    """

    def told(bug: Bug) -> str:
        return bug.name if hints >= NAME else bug.question

    return {
        "file": report.file,
        "code": report.code,
        "refused": report.refused,
        "notes": report.notes,
        "loss": report.loss,
        "functions": [
            {
                "function": each.function,
                "role": each.role,
                "verdict": each.verdict,
                "reading": each.reading,
                "trouble": each.trouble,
                "wrong": each.wrong if hints >= WHERE else None,
                "most_in": each.place._asdict() if each.place and hints >= WHERE else None,
                "questions": [bug.question for bug in each.bugs] if hints >= QUESTION else None,
                "mistakes": [bug.name for bug in each.bugs] if hints >= NAME else None,
                "sure": each.explanation.sure if each.explanation and hints >= NAME else None,
                "alike": [bug.name for bug in each.others] if hints >= NAME else None,
                "fragile": [told(bug) for bug in each.fragile] if hints >= QUESTION else None,
                "follows": each.follows,
                "notes": each.notes,
            }
            for each in report.findings
        ],
        "not_judged": report.others,
    }


def lines(report: Report, hints: int) -> list[str]:
    """The report in sentences, with as many hints as are wanted."""
    if report.refused is not None:
        return [report.refused]
    said = [f"{report.file}: {note}" for note in report.notes]
    for finding in report.findings:
        said += [*lines_of(finding, hints)]
    if report.loss:
        said.append(f"the gradient is judged by the difference quotients of {report.loss}")
    if report.others:
        said.append(f"not judged: {', '.join(report.others)}")
    return said


def lines_of(finding: Finding, hints: int) -> list[str]:
    """A finding in sentences; the first line is the verdict."""
    told = {"failed": "does not run", "not read": "cannot be read"}
    verdict = told.get(finding.verdict, finding.verdict)
    said = [f"{finding.function}: {verdict}"]
    if finding.reading:
        said.append(f"  read as {finding.reading}")
    if finding.trouble:
        said.append(f"  {finding.trouble}")
    if hints >= WHERE and finding.verdict == "wrong":
        said += [f"  {line}" for line in where(finding)]
    if finding.follows:
        said.append(f"  it follows from {finding.follows}")
    else:
        said += [f"  {line}" for line in hinted(finding, hints)]
    said += [f"  note: {note}" for note in finding.notes]
    for bug in finding.fragile:
        words = {QUESTION: bug.question, NAME: f"{bug.name}: {bug.sentence}"}
        said += (
            [f"  note, right here, but not for all numbers: {words[hints]}"]
            if hints >= QUESTION
            else []
        )
    return said


def where(finding: Finding) -> list[str]:
    """Which arrays are wrong, and where it shows most."""
    said = [f"wrong: {' '.join(finding.wrong)}"] if finding.wrong else []
    if finding.place:
        array, row, column, yours, quotient = finding.place
        cell = f"{array}[{row}]" if array[1] == "b" else f"{array}[{row},{column}]"
        said.append(f"most in {cell}: yours is {yours:.6g}, the difference quotient {quotient:.6g}")
    return said


def hinted(finding: Finding, hints: int) -> list[str]:
    """What is told of the mistakes: a question that leads on; or their names."""
    explanation = finding.explanation
    if explanation is None or hints < QUESTION or explanation.right:
        return []
    if not explanation.bugs and explanation.remark:
        name = [explanation.remark] * (hints >= NAME)
        return [*name, f"question: {explanation.question}"]
    if not explanation.bugs:
        where = "" if finding.role == "update" else "; begin with the last layer"
        return [f"none of the known mistakes gives these numbers{where}"]
    said = []
    for place, bug in enumerate(explanation.bugs):
        perhaps = "" if explanation.sure else "perhaps: "
        if hints >= NAME:
            either = "".join(f", or {each.name}" for each in explanation.others)
            said.append(f"{perhaps}{bug.name}{either}: {bug.sentence}")
        question = f"question: {bug.question}"
        if question not in said:
            said.append(question if place == 0 or hints >= NAME else f"and: {bug.question}")
    if explanation.remark and hints >= NAME:
        said.append(explanation.remark)
    return said
