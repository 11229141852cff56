"""The library's own answers, to hold against what the page shows."""

import re
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np

import chainrule
from chainrule import Digits, load_mnist, load_model, predict
from chainrule.explain.ledger import open_ledger

MODELS = Path(chainrule.__file__).with_name("models")
MINUS = "\N{MINUS SIGN}"
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
NUMBER = re.compile(
    rf"([+\-{MINUS}]?)(\d[\d,\u202f\u2009]*(?:\.\d+)?)"
    rf"(?:(?:e|\s?×\s?10)([+\-{MINUS}]?\d+|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+))?"
)
NAME = re.compile(r"(?<![\d.])[A-Za-z]\w*(?:\[[^\]]*\])?", re.ASCII)  # x, W2[3,7], but not 1e-07


@cache
def held_out():
    """The 10,000 test digits."""
    return load_mnist()[1]


@cache
def network(name="small"):
    return load_model(MODELS / f"{name}.safetensors")


def ledger(image, label=None, *, name="small"):
    """The ledger of a test image, by its number, or of 784 bytes with a label."""
    if isinstance(image, int):
        digits = held_out()[image]
    else:
        digits = Digits(image.reshape(1, 784), np.array([label], np.uint8))
    label = int(digits.labels[0]) if label is None else label
    return open_ledger(network(name), digits.X[:, 0], label)


@cache
def beginning():
    """The test image that the page begins with, found by opening every image that it might be.

    Of the 3s that the small network reads as 5 it is the one with the largest gradient.
    """
    digits = held_out()
    misread = np.flatnonzero((digits.labels == 3) & (predict(network(), digits.X) == 5))

    def size(image):
        arrays = ledger(int(image)).arrays.items()
        return sum(np.sum(array**2) for name, array in arrays if name.startswith(("dW", "db")))

    return int(max(misread, key=size))


@cache
def first_cell():
    """The number that the first minute opens: of row 3 of dW2 the one that is furthest from 0."""
    return f"dW2[3,{np.abs(ledger(beginning()).arrays['dW2'][3]).argmax()}]"


def first_verdict():
    """What the page says of the image that it begins with."""
    return f"I say 5 ({100 * ledger(beginning()).arrays['A2'][5]:.0f} %). It is a 3."


def numbers(text):
    """Every number that a text shows, exactly as it stands there; W2[3,7] is none."""
    found = []
    for sign, digits, exponent in NUMBER.findall(NAME.sub(" ", text)):
        power = exponent.translate(RAISED).replace(MINUS, "-") or "0"
        minus = "-" if sign in ("-", MINUS) else ""
        plain = re.sub("[,\u202f\u2009]", "", digits)
        found.append(Decimal(f"{minus}{plain}e{power}"))
    return found


def shows(number, value, *, figures=4):
    """Whether a shown number is this float, correct to its last shown digit.

    It must show so many significant figures, unless it is 0 or shows the whole float.
    """
    exact = Decimal(float(value))
    if float(number) == float(value):
        return True
    half = Decimal(1).scaleb(number.as_tuple().exponent) / 2
    return abs(number - exact) <= half and len(number.as_tuple().digits) >= figures


def says_share(text, share):
    """Whether a text that ends in 64 % or > 99.9 % says this share, as far as it goes."""
    number = numbers(text)[-1]
    if ">" in text:
        return float(number) < 100 * share < 100
    return text.rstrip(" ).").endswith("%") and shows(number, 100 * share, figures=1)
