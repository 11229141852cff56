"""What the guide of the grader gives to teachers: its cells and files, as they stand there."""

import json
import re

from helpers import ROOT

GUIDE = ROOT / "docs/guide/grade.md"


def blocks(heading, language):
    """The fenced blocks of this language in the section under this heading."""
    text = GUIDE.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^### {heading}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def cells():
    """The two cells of tests for nbgrader: of one function, and with a part of the points."""
    whole, part = blocks("nbgrader", "py")
    return whole, part


def metadata():
    """The metadata of a cell of tests."""
    (text,) = blocks("nbgrader", "yaml")
    return json.loads(text)


def otter_files():
    """The two files of tests for Otter: in its format of exceptions, and in OK's."""
    raising, ok = blocks("Otter", "py")
    return raising, ok


def first_try():
    """The pupil's file of the guide, and the same without its mistake."""
    text = GUIDE.read_text(encoding="utf-8")
    wrong = text.split('"""')[1]
    right = wrong.replace("A2 * (1 - A2) * dA2", "A2 * (dA2 - (A2 * dA2).sum(axis=0))")
    assert right != wrong
    return wrong, right
