"""What a lesson is, and how its file is read: TOML, checked field by field.

docs/guide/write-a-lesson.md has the format. An error is one line: file, field, wanted, came.
"""

import ast
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from chainrule.lessons.forms import FormError, parse_form
from chainrule.lessons.tasks import SHEETS

HERE = Path(__file__).parent
LARGEST = 100_000  # bytes of a file
FILES = 200  # in a folder
WORDS = 600  # characters of a text
ID = re.compile(r"(?:[0-9]+-)?([a-z][a-z0-9-]{0,39})", re.ASCII)
PARAMETER = re.compile(r"[a-z][a-z_]{0,19}", re.ASCII)


class LessonError(ValueError):
    """A file that is no lesson; the message says which field, what was wanted and what came."""


class Step(NamedTuple):
    """What a step says, and the state of the lab that it shows, as parameters of its address."""

    words: str
    link: str


class Wrong(NamedTuple):
    """A wrong answer that many give, and what is wrong with it."""

    answer: ast.expr
    why: str


class Choice(NamedTuple):
    words: str
    why: str | None  # what is wrong with it; None of the right one


class Question(NamedTuple):
    """A question: for a number, with an answer, or with choices."""

    words: str
    because: str  # said of the right answer
    link: str | None  # the state that it is asked of; None: that of the last step
    answer: ast.expr | None
    digits: int | None  # how many must be right, the last one off by one at most
    within: float | None  # or how far from the answer it may be
    wrong: tuple[Wrong, ...]
    choices: tuple[Choice, ...]


class Teacher(NamedTuple):
    """What a teacher is told: how the time goes, where pupils stumble, links with parts hidden."""

    time: str
    pitfalls: tuple[str, ...]
    links: tuple[Step, ...]


class Lesson(NamedTuple):
    """A lesson of the lab, under the id that links use."""

    id: str
    title: str
    aim: str
    prior: str
    minutes: int
    steps: tuple[Step, ...]
    question: Question
    teacher: Teacher
    sheet: str | None  # the sheet to print that belongs to it


class Fields:
    """The fields of one table of a lesson's file; each is taken once, and none may be left."""

    def __init__(self, file: str, where: str, value: object) -> None:
        self.file, self.where = file, where
        self.left: dict[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            raise self.wrong("", "a table", value)

    def wrong(self, name: str, wanted: str, came: object) -> LessonError:
        field = ".".join(filter(None, (self.where, name))) or "the file"
        said = "nothing" if came is None else ascii(came)
        said = said if len(said) <= 60 else f"{said[:57]}..."
        return LessonError(f"{self.file}: {field}: wanted {wanted}, got {said}")

    def text(self, name: str, most: int = WORDS) -> str:
        value = self.left.pop(name, None)
        if not isinstance(value, str) or not value.strip() or len(value) > most:
            raise self.wrong(name, f"a text of 1 to {most} characters", value)
        return " ".join(value.split())

    def whole(self, name: str, low: int, high: int) -> int:
        value = self.left.pop(name, None)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(name, f"a whole number from {low} to {high}", value)
        return value

    def link(self, name: str = "link") -> str:
        """The parameters of an address, such as network=small&test=3as5&phase=A2."""
        value = self.left.pop(name, None)
        if not isinstance(value, str) or not 1 <= len(value) <= 2_000 or not value.isprintable():
            raise self.wrong(name, "parameters such as network=small&test=3as5", value)
        try:
            pairs = parse_qsl(value, keep_blank_values=True, strict_parsing=True)
        except ValueError:
            pairs = []
        names = [each for each, _ in pairs]
        good = names and len(set(names)) == len(names) and all(map(PARAMETER.fullmatch, names))
        if not good or {"lesson", "at", "token"} & set(names):
            raise self.wrong(name, "parameters such as network=small&test=3as5", value)
        return value

    def form(self, name: str) -> ast.expr:
        value = self.left.pop(name, None)
        text = str(value) if type(value) in (int, float) else value
        try:
            return parse_form(text if isinstance(text, str) else "")
        except FormError as error:
            raise self.wrong(
                name, str(error).partition("wanted ")[2].partition(", got")[0], value
            ) from None

    def tables(self, name: str, least: int, most: int) -> "list[Fields]":
        value = self.left.pop(name, [])
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise self.wrong(name, f"{least} to {most} of [[{name}]]", value or None)
        where = ".".join(filter(None, (self.where, name)))
        return [Fields(self.file, f"{where}[{k}]", each) for k, each in enumerate(value, 1)]

    def table(self, name: str) -> "Fields":
        return Fields(self.file, name, self.left.pop(name, None))

    def end(self) -> None:
        for name, value in self.left.items():
            raise self.wrong(name, "no such field", value)


def package_lessons() -> tuple[Lesson, ...]:
    """The lessons of the package, in their order."""
    return read_lessons(HERE)


def read_lessons(folder: Path, beside: Sequence[Lesson] = ()) -> tuple[Lesson, ...]:
    """The lessons in the files *.toml of a folder, in the order of their names.

    Raises LessonError for a file that is none, for an id that is there twice, also `beside` these,
    and for a folder without lessons; OSError if it cannot be read.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    if not 1 <= len(paths) <= FILES:
        raise LessonError(f"{folder}: wanted 1 to {FILES} files *.toml, got {len(paths)}")
    lessons = tuple(map(read_lesson, paths))
    taken = {each.id for each in beside}
    for path, lesson in zip(paths, lessons, strict=True):
        if lesson.id in taken:
            raise LessonError(
                f"{path.name}: there is a lesson {lesson.id} already; rename the file"
            )
        taken.add(lesson.id)
    return lessons


def read_lesson(path: Path) -> Lesson:
    """The lesson in a file, whose name is its id behind a number: 03-softmax.toml."""
    id = ID.fullmatch(path.stem)
    if id is None:
        raise LessonError(f"{path.name}: wanted a name such as 03-softmax.toml")
    content = path.read_bytes()
    if len(content) > LARGEST:
        raise LessonError(f"{path.name}: wanted at most {LARGEST:,} bytes, got {len(content):,}")
    try:
        found = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # bytes that are not UTF-8, too
        raise LessonError(f"{path.name}: wanted TOML in UTF-8, got {error!s:.100}") from None
    return parse_lesson(path.name, id[1], found)


def parse_lesson(file: str, id: str, found: dict[str, Any]) -> Lesson:
    fields = Fields(file, "", found)
    sheet = fields.left.pop("sheet", None)
    if sheet is not None and sheet not in SHEETS:
        raise fields.wrong("sheet", f"one of {', '.join(SHEETS)}", sheet)
    lesson = Lesson(
        id,
        title=fields.text("title", 80),
        aim=fields.text("aim"),
        prior=fields.text("prior"),
        minutes=fields.whole("minutes", 1, 180),
        steps=tuple(map(parse_step, fields.tables("steps", 3, 6))),
        question=parse_question(fields.table("question")),
        teacher=parse_teacher(fields.table("teacher")),
        sheet=sheet,
    )
    fields.end()
    return lesson


def parse_step(fields: Fields) -> Step:
    step = Step(fields.text("words"), fields.link())
    fields.end()
    return step


def parse_question(fields: Fields) -> Question:
    words, because = fields.text("words"), fields.text("because")
    link = fields.link() if "link" in fields.left else None
    choices = tuple(map(parse_choice, fields.tables("choices", 0, 6)))
    if choices:
        rights = [each for each in choices if each.why is None]
        if len(choices) < 2 or len(rights) != 1:
            raise fields.wrong("choices", "two or more, one of them right", len(rights))
        fields.end()
        return Question(words, because, link, None, None, None, (), choices)
    answer = fields.form("answer")
    digits = fields.whole("digits", 1, 6) if "digits" in fields.left else None
    within = fields.left.pop("within", None)
    number = type(within) in (int, float) and 0 < within < 1e6
    if (within is not None and not number) or (within is None) == (digits is None):
        raise fields.wrong("within", "a number above 0, or digits instead of it", within)
    wrong = tuple(
        Wrong(each.form("answer"), each.text("why")) for each in fields.tables("wrong", 0, 6)
    )
    fields.end()
    return Question(words, because, link, answer, digits, within, wrong, ())


def parse_choice(fields: Fields) -> Choice:
    words = fields.text("words", 200)
    right = fields.left.pop("right", False)
    if not isinstance(right, bool):
        raise fields.wrong("right", "true or false", right)
    choice = Choice(words, None if right else fields.text("why"))
    fields.end()
    return choice


def parse_teacher(fields: Fields) -> Teacher:
    time, pitfalls = fields.text("time"), fields.left.pop("pitfalls", None)
    good = isinstance(pitfalls, list) and 1 <= len(pitfalls) <= 6
    if not good or not all(isinstance(each, str) and 0 < len(each) <= WORDS for each in pitfalls):
        raise fields.wrong(
            "pitfalls", f"a list of 1 to 6 texts of at most {WORDS} characters", pitfalls
        )
    links = tuple(map(parse_step, fields.tables("links", 0, 6)))
    fields.end()
    return Teacher(time, tuple(pitfalls), links)
