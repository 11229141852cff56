"""Whether an answer is right, and if not, what is wrong with it."""

import math
import re
from contextlib import suppress
from typing import Literal, NamedTuple

from chainrule.explain.ledger import Ledger
from chainrule.lessons.forms import FormError, names_cells, value_of
from chainrule.lessons.lesson import Question

MOST = 40  # characters of an answer
NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]{1,3})?"
FRACTION = re.compile(rf"({NUMBER})(?:/({NUMBER}))?(%?)", re.ASCII)
THOUSANDS = re.compile(r"[-+]?[0-9]{1,3}(?:,[0-9]{3})+", re.ASCII)
CLOSE = 10  # so many times what is allowed is called close

# unread: it is no number; explained: a wrong answer that the lesson knows; sign: its negative is
# right; close: nearly.
Kind = Literal["right", "wrong", "unread", "explained", "sign", "close"]


class Verdict(NamedTuple):
    """What becomes of an answer, and the lesson's words about it, if it has any."""

    kind: Kind
    says: str | None = None


def needs_image(question: Question) -> bool:
    """Whether the answer depends on the image that is shown."""
    forms = [question.answer, *(each.answer for each in question.wrong)]
    return any(form is not None and names_cells(form) for form in forms)


def judge_choice(question: Question, chosen: int) -> Verdict:
    why = question.choices[chosen].why
    return Verdict("right", question.because) if why is None else Verdict("explained", why)


def judge_number(question: Question, given: str, ledger: Ledger | None = None) -> Verdict:
    """The verdict on a typed number; FormError if the answer has no value for this image."""
    if question.answer is None:
        raise FormError("this question has choices, not a number")
    wanted = value_of(question.answer, ledger)
    most = allowed(question, wanted)
    found = readings(given)
    if not found:
        return Verdict("unread")
    if any(near(each, wanted, most) for each in found):
        return Verdict("right", question.because)
    for wrong in question.wrong:
        with suppress(FormError):
            value = value_of(wrong.answer, ledger)
            if any(near(each, value, allowed(question, value)) for each in found):
                return Verdict("explained", wrong.why)
    if any(near(-each, wanted, most) for each in found):
        return Verdict("sign")
    return Verdict("close" if any(near(each, wanted, CLOSE * most) for each in found) else "wrong")


def allowed(question: Question, value: float) -> float:
    """How far an answer may be from this value: one unit of the last digit that is wanted."""
    if question.within is not None:
        return question.within
    first = math.floor(math.log10(abs(value))) if value else 0
    return 10.0 ** (first + 1 - (question.digits or 1))


def near(number: float, value: float, most: float) -> bool:
    # What is exactly as far as allowed is near, although the difference was rounded.
    return abs(number - value) <= most * (1 + 1e-9)


def readings(text: str) -> list[float]:
    """The numbers that a typed text may mean: 0,36 with a comma, 1,200 in two ways, 1/3, 36 %."""
    text = re.sub(r"\s", "", text).lower().replace("−", "-")
    texts = [text.replace(",", "")] if THOUSANDS.fullmatch(text) else []
    if text.count(",") <= 1 and not ("," in text and "." in text):
        texts.append(text.replace(",", "."))
    found = []
    for each in texts if len(text) <= MOST else []:
        if parts := FRACTION.fullmatch(each):
            above, below = float(parts[1]), float(parts[2] or 1)
            if below and math.isfinite(value := above / below / (100 if parts[3] else 1)):
                found.append(value)
    return found
