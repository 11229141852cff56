"""What `chainrule grade` tells of files: sentences, tables, CSV, JUnit XML, JSON."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from chainrule.cli.answers import harmless
from chainrule.cli.printing import Column, Piece, table
from chainrule.files import write_whole

if TYPE_CHECKING:
    from chainrule.explain.grade.report import Report

Whose = tuple[str, "Report"]  # who has handed it in
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def told(report: "Report", hints: int, most: float | None) -> list[Piece]:
    """One file in sentences."""
    from chainrule.explain.grade.report import lines, total

    said: list[Piece] = list(lines(report, hints))
    if report.judged:
        points = "" if most is None else f", {points_of(report, most):g} of {most:g} points"
        said.append(total(report) + points)
    return said


def overview(reports: Sequence[Whose], most: float | None) -> list[Piece]:
    """A table for the teacher: a line a file."""
    rows = [row_of(who, report, most) for who, report in reports]
    names = ["file", "right"] + ["points"] * (most is not None)
    columns = [Column(name, [row[name] for row in rows], left=name == "file") for name in names]
    told = [f"{row['file']}: {row['mistakes']}" for row in rows if row["mistakes"]]
    return [table(columns), "", *told] if told else [table(columns)]


def row_of(who: str, report: "Report", most: float | None) -> dict[str, str]:
    """A file in a line of a table."""
    from chainrule.explain.grade.report import total

    mistakes = [
        f"{each.function}: {', '.join(bug.name for bug in each.bugs) or each.verdict}"
        for each in report.findings
        if each.verdict != "right" and each.follows is None
    ]
    return {
        "who": who,
        "file": report.file,
        "right": total(report).removesuffix(" right") if report.judged else "not graded",
        "points": "" if most is None else f"{points_of(report, most):g}",
        "mistakes": (report.refused or "; ".join(mistakes)).removeprefix(report.file).lstrip(":, "),
    }


def points_of(report: "Report", most: float) -> float:
    return round(most * report.share, 2)


def write_table(place: Path, reports: Sequence[Whose], most: float | None) -> None:
    """The table as CSV; no cell of it is a formula in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ["who", "file", "right", "points", "mistakes"]
    writer.writerow(names)
    for who, report in reports:
        row = row_of(who, report, most)
        writer.writerow(harmless([row[name] for name in names]))
    write_whole(place, text.getvalue().encode())


def write_junit(place: Path, reports: Sequence["Report"], hints: int) -> None:
    """JUnit XML: a suite for each file, a case for each function that was judged.

    What is wrong, or could not be judged, is a failure; its text has as many hints as are wanted.
    """
    from chainrule.explain.grade.report import lines_of

    root = ElementTree.Element("testsuites", name="chainrule grade")
    for report in reports:
        wrong = [each for each in report.findings if each.verdict != "right"]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=plain(report.file),
            tests=str(max(len(report.findings), 1)),
            failures=str(len(wrong)),
            errors=str(int(not report.judged)),
        )
        for each in report.findings:
            case = add_case(suite, report.file, each.function)
            if each.verdict != "right":
                first, *rest = lines_of(each, hints)
                failure = ElementTree.SubElement(case, "failure", message=plain(first))
                failure.text = plain("\n".join(rest))
        if not report.judged:
            case = add_case(suite, report.file, "the file")
            ElementTree.SubElement(case, "error", message=plain(report.refused or "not graded"))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    write_whole(place, text + b"\n")


def add_case(suite: ElementTree.Element, file: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=plain(file), name=plain(name))


def plain(text: str) -> str:
    """A text without the characters that XML cannot have."""
    return NOT_IN_XML.sub("�", text)
