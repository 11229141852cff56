"""The answers about a person's own code: forms to fill in, a file opened, and a file graded.

Grading runs what a person wrote, in a process of its own with limits (explain/grade/attempt.py).
Nothing else in the lab runs code, and a lab that other machines can reach does so only if it was
started for that.
"""

from chainrule.explain.bugs.bug import Bug
from chainrule.explain.grade.forms import STYLES, template_of
from chainrule.explain.grade.report import NAME, Finding, Report, fields_of
from chainrule.explain.grade.source import (
    MOST_BYTES,
    SourceError,
    code_in,
    is_notebook,
    source_of,
)
from chainrule.explain.grade.steps import concerned, steps_of
from chainrule.lab.api import checks, limits
from chainrule.lab.api.bugs import words_of
from chainrule.lab.api.lab import Lab
from chainrule.lab.wire import Answer, RefusedError
from chainrule.network import LOSSES

CLOSED = (
    "other machines can reach this lab, so it runs no code; whoever starts it can allow that by "
    "the option --run-code"
)


def forms(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """The forms to fill in. Asked with nothing.

    {forms: {style: text}}
    """
    checks.parse_query(query, ())
    return {"forms": {style: template_of(style) for style in STYLES}}


def code(lab: Lab, body: Answer) -> Answer:
    """The code in a file or a notebook, which is not run. Asked with its `name` and `file`: bytes.

    {name, text, notes: on how it was read}
    """
    asked = checks.parse_fields(body, "the body", ("name", "file"))
    name = parse_name(asked["name"])
    data = checks.parse_bytes(asked["file"], "file", 10 * MOST_BYTES)
    try:
        text, notes = code_in(data, name, notebook=is_notebook(name))
    except SourceError as error:
        raise RefusedError(str(error)) from None
    return {"name": name, "text": text, "notes": notes}


def grade(lab: Lab, body: Answer) -> Answer:
    """A file run and graded. Asked with its `name`, its `text`, and the `loss` of the task or null.

    {text: the code that was run, of which messages name the lines, bugs: {name: about a mistake
     that is named}, and what `chainrule grade --json --hints 3` prints of a file, with the steps of
     each function: [array, formula, verdict; null for one that the function does not give]}
    """
    asked = checks.parse_fields(body, "the body", ("name", "text", "loss"))
    name = parse_name(asked["name"])
    text = checks.parse_text(asked["text"], "text", 10 * MOST_BYTES)
    loss = asked["loss"]
    wanted = next((each for each in LOSSES if each == loss), None)
    if loss is not None:
        checks.parse_choice(loss, "loss", LOSSES)
    if not lab.runs_code:
        raise RefusedError(CLOSED, "conflict")
    try:
        pasted = text.lstrip().startswith("{") and '"cells"' in text
        code, notes = code_in(text, name, notebook=pasted)
        source = source_of(code, name, notes)
    except SourceError as error:
        return {"text": text, **fields_of(Report(name, refused=str(error)), NAME), "bugs": {}}
    report = lab.desk.grade(source, wanted)
    told = fields_of(report, NAME)
    for fields, finding in zip(told["functions"], report.findings, strict=True):
        fields["steps"] = steps_of(finding, report.by)
    return {"text": source.text, **told, "bugs": bugs_of(report)}


def bugs_of(report: Report) -> dict[str, Answer]:
    """What there is to know of the mistakes that a report names."""
    found: dict[str, Answer] = {}
    for finding in report.findings:
        for bug in (*finding.bugs, *finding.fragile):
            found[bug.name] = about(bug, finding, report)
    return found


def about(bug: Bug, finding: Finding, report: Report) -> Answer:
    return {**words_of(bug), "question": bug.question, "steps": concerned(bug, finding, report.by)}


def parse_name(value: object) -> str:
    """The name of a file, as messages have it."""
    name = checks.parse_text(value, "name", limits.NAME)
    if not name.strip() or not name.isprintable() or "/" in name or "\\" in name:
        raise RefusedError(f"name must be that of a file, got {checks.quoted(value)}")
    return name
