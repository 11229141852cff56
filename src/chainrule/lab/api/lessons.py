"""The answers about lessons: which there are, and whether an answer to a question is right."""

from chainrule.lab.api import checks, requests
from chainrule.lab.api.lab import Lab
from chainrule.lab.wire import Answer, RefusedError
from chainrule.lessons.answers import MOST, judge_choice, judge_number, needs_image
from chainrule.lessons.forms import FormError
from chainrule.lessons.lesson import Lesson, Question


def list_lessons(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """Every lesson with its steps, its question and its notes for teachers, but no answer."""
    checks.parse_query(query, ())
    return {
        "lessons": [
            {
                **each._asdict(),
                "question": asked(each.question),
            }
            for each in lab.lessons
        ]
    }


def asked(question: Question) -> Answer:
    """A question as a page is told it: nothing in it says which answer is right."""
    return {
        "words": question.words,
        "link": question.link,
        "digits": question.digits,
        "within": question.within,
        "choices": [each.words for each in question.choices],
    }


def check_answer(lab: Lab, body: Answer) -> Answer:
    """Whether an answer is right; what depends on an image depends on that of the moment."""
    moment, more = requests.parse_moment(body, "lesson", "answer")
    lesson = lesson_of(lab, more["lesson"])
    question, given = lesson.question, more["answer"]
    if question.choices:
        last = len(question.choices) - 1
        return judge_choice(question, checks.parse_whole(given, "answer", 0, last))._asdict()
    text = checks.parse_text(given, "answer", MOST)
    ledger = lab.ledger(lab.resolve(moment)) if needs_image(question) else None
    try:
        return judge_number(question, text, ledger)._asdict()
    except FormError as error:
        raise RefusedError(f"the answer cannot be computed for this image: {error}") from None


def lesson_of(lab: Lab, value: object) -> Lesson:
    id = checks.parse_text(value, "lesson", 40)
    found = next((each for each in lab.lessons if each.id == id), None)
    if found is None:
        known = ", ".join(each.id for each in lab.lessons)
        raise RefusedError(f"no lesson {checks.quoted(id)} here; there are {known}", "missing")
    return found
