"""What a page may ask: JSON from outside becomes values within limits, or a refusal with a reason.

Nothing here trusts its input. A refusal is one line: what was wanted, what came.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from chainrule.data import CLASSES, PIXELS
from chainrule.descent import OPTIMIZERS
from chainrule.model import shallow
from chainrule.network import LOSSES

PAD = 280  # a drawing's pad is PAD × PAD
STROKES = 100  # in a drawing
POINTS = 5_000  # in a drawing
DRAWINGS = 500  # in a collection
FILE = 10_000_000  # bytes of an image file
DEPTH = 20  # of the page's own state, in a saved moment
TEXT = 200  # characters of a name
ID = 3_000  # characters of a network's id
DEEP, BROAD = 10, 100_000  # hidden layers of a network to train, units in one
POINTED = 10_000  # test images on a map
LAST = 10**12  # a step, a seed
THREADS = 64


class RefusedError(ValueError):
    """A request that is not answered: the HTTP status, and one line that says why."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class Test(NamedTuple):
    """A test image, by number."""

    number: int


class Drawn(NamedTuple):
    """Strokes on the pad, each x0, y0, x1, y1, …, and the stages of preparation switched off."""

    strokes: tuple[tuple[int, ...], ...]
    off: tuple[str, ...]


class Pixels(NamedTuple):
    """A prepared image: 784 bytes, row by row."""

    content: bytes


class Upload(NamedTuple):
    """The bytes of an image file, and the stages of preparation switched off."""

    content: bytes
    off: tuple[str, ...]


Image = Test | Drawn | Pixels


class Moment(NamedTuple):
    """A network, an image, and the digit taken as true (None: the image's own, or what is read)."""

    network: str
    image: Image
    label: int | None
    step: int | None = None  # of a run; None: its latest


class Order(NamedTuple):
    """What is to become of the training: what to start, or what to do with the one that is on."""

    do: str
    what: str | dict[str, Any] = ""  # to start: a run's id, or settings by name
    threads: int | None = None
    rate: float | None = None  # from now on


class Damage(NamedTuple):
    """What is done to all test images."""

    noise: float = 0.0  # standard deviation, as a share of full ink
    rotation: float = 0.0  # degrees, counterclockwise
    shift: float = 0.0  # pixels to the right
    thickness: float = 0.0  # pixels on either side of a stroke


# Over these a page draws what each damage does; its sliders go from the first to the last.
CURVES = {
    "noise": (0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1),
    "rotation": (-45, -30, -20, -10, 0, 10, 20, 30, 45),
    "shift": (0, 1, 2, 3, 4, 6, 8),
    "thickness": (-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2),
}
DAMAGES = {"noise": (0, 1), "rotation": (-180, 180), "shift": (-28, 28), "thickness": (-4, 4)}


class EvaluationAsked(NamedTuple):
    """How a network does on the test images, damaged so; what it answers from a confidence on."""

    network: str
    step: int | None
    damage: Damage
    threshold: float
    curves: bool


class ConfusedAsked(NamedTuple):
    """The test images, damaged so, of a digit that a network reads as a digit."""

    network: str
    step: int | None
    damage: Damage
    truth: int
    read: int


class MapAsked(NamedTuple):
    """So many test images on the plane of what a layer makes of them; layer 0 is the pixels."""

    network: str
    step: int | None
    layer: int
    most: int


# ------------------------------------------------------------------------------------ JSON, checked


def read_json(content: bytes) -> dict[str, Any]:
    """The one object of a body; RefusedError for other values, names given twice, and NaN."""
    try:
        value = json.loads(
            shallow(content.decode("utf-8")), object_pairs_hook=once, parse_constant=no_such_number
        )
    except RefusedError:
        raise
    except ValueError as error:  # also of bytes that are not UTF-8 and of numbers without end
        raise RefusedError(f"the body must be one JSON object in UTF-8: {error!s:.100}") from None
    if not isinstance(value, dict):
        raise RefusedError(f"the body must be one JSON object, got {kind(value)}")
    return value


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusedError(f"the field {short(twice)} is given twice")
    return found


def no_such_number(word: str) -> NoReturn:
    raise RefusedError(f"{word} is no number in JSON")


def short(value: object) -> str:
    """How a value is quoted in a refusal: in ASCII and never long."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**15:
        return "a number that large"
    if isinstance(value, dict | list):
        return kind(value)
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def kind(value: object) -> str:
    """The name of its type in JSON."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "null" if value is None else "a number")


def fields(
    value: object, what: str, wanted: tuple[str, ...], may: tuple[str, ...] = ()
) -> dict[str, Any]:
    """An object with exactly these fields, and perhaps those; RefusedError otherwise."""
    value = an_object(value, what)
    missing = [name for name in wanted if name not in value]
    unknown = [name for name in value if name not in wanted + may]
    if missing or unknown:
        came = f"{missing[0]} is missing" if missing else f"got {short(unknown[0])} too"
        raise RefusedError(f"the fields of {what} are {', '.join(wanted + may)}; {came}")
    return value


def an_object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RefusedError(f"{what} must be an object, got {kind(value)}")
    return value


def whole(value: object, what: str, low: int, high: int) -> int:
    """A whole number within these limits."""
    if type(value) is not int or not low <= value <= high:
        raise RefusedError(
            f"{what} must be a whole number from {low} to {high}, got {short(value)}"
        )
    return value


def text(value: object, what: str, most: int = TEXT) -> str:
    if not isinstance(value, str) or len(value) > most:
        came = f"{len(value)} characters" if isinstance(value, str) else kind(value)
        raise RefusedError(f"{what} must be a text of at most {most} characters, got {came}")
    return value


def listed(value: object, what: str, least: int, most: int) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        came = f"{len(value)} of them" if isinstance(value, list) else kind(value)
        raise RefusedError(f"{what} must be a list of {least} to {most}, got {came}")
    return value


def packed(value: object, what: str, most: int) -> bytes:
    """Bytes that travel as base64."""
    coded = text(value, what, 4 * -(-most // 3))
    try:
        content = base64.b64decode(coded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise RefusedError(f"{what} must be base64") from None
    if len(content) > most:
        raise RefusedError(f"{what} must be at most {most} bytes, got {len(content)}")
    return content


# ------------------------------------------------------------------------------------ what is asked


def moment(value: object, *more: str) -> tuple[Moment, dict[str, Any]]:
    """The moment in the fields of a body, and its further fields of these names."""
    found = fields(value, "the body", ("network", "image", *more), ("label", "step"))
    label = found.get("label")
    asked = Moment(
        network(found["network"]),
        image(found["image"]),
        None if label is None else whole(label, "label", 0, CLASSES - 1),
        step(found.get("step")),
    )
    return asked, {name: found[name] for name in more}


def network(value: object) -> str:
    """The id of a network."""
    return text(value, "network", ID)


def step(value: object) -> int | None:
    """A step of a run; None is its latest."""
    return None if value is None else whole(value, "step", 0, LAST)


def number(value: object, what: str, low: float, high: float) -> float:
    """A number within these limits."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise RefusedError(f"{what} must be a number from {low:g} to {high:g}, got {short(value)}")
    return float(value)


def order(value: object) -> Order:
    """What a page orders of the training."""
    do = an_object(value, "the body").get("do")
    if do == "start":
        found = fields(value, "the body", ("do",), ("settings", "run", "rate"))
        if ("settings" in found) == ("run" in found) or {"settings", "rate"} <= set(found):
            raise RefusedError("to start takes settings, or a run and perhaps another rate for it")
        if "settings" in found:
            return started(found["settings"])
        wanted = rate(found["rate"], "rate") if "rate" in found else None
        return Order(do, network(found["run"]), rate=wanted)
    if do == "rate":
        found = fields(value, "the body", ("do", "rate"))
        return Order(do, rate=rate(found["rate"], "rate"))
    if do not in ("pause", "go", "step", "epoch", "stop"):
        raise RefusedError(
            f"do must be start, pause, go, step, epoch, stop or rate, got {short(do)}"
        )
    fields(value, "the body", ("do",))
    return Order(do)


def rate(value: object, what: str) -> float:
    return number(value, what, 1e-30, 1e30)


def started(value: object) -> Order:
    """The order to start a training with these settings."""
    lengths = ("batch_size", "steps", "epochs")
    names = ("hidden", "loss", "optimizer", "seed")
    found = fields(value, "settings", names, ("learning_rate", *lengths, "threads"))
    hidden = listed(found["hidden"], "hidden", 0, DEEP)
    alpha, threads = found.get("learning_rate"), found.get("threads")
    settings = {
        "hidden": tuple(whole(width, "a width", 1, BROAD) for width in hidden),
        "loss": one_of(found["loss"], "loss", LOSSES),
        "optimizer": one_of(found["optimizer"], "optimizer", OPTIMIZERS),
        "learning_rate": None if alpha is None else rate(alpha, "learning_rate"),
        "seed": whole(found["seed"], "seed", 0, LAST),
        **{
            name: None if (n := found.get(name)) is None else whole(n, name, 1, LAST)
            for name in lengths
        },
    }
    return Order(
        "start", settings, None if threads is None else whole(threads, "threads", 1, THREADS)
    )


def one_of(value: object, what: str, names: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in names:
        raise RefusedError(f"{what} must be one of {', '.join(names)}, got {short(value)}")
    return value


def evaluation(value: object) -> EvaluationAsked:
    """What is to be measured on the test images."""
    may = ("step", "damage", "threshold", "curves")
    found = fields(value, "the body", ("network",), may)
    curves = found.get("curves", False)
    if not isinstance(curves, bool):
        raise RefusedError(f"curves must be true or false, got {short(curves)}")
    return EvaluationAsked(
        network(found["network"]),
        step(found.get("step")),
        damage(found.get("damage", {})),
        number(found.get("threshold", 0), "threshold", 0, 1),
        curves,
    )


def damage(value: object) -> Damage:
    found = fields(value, "damage", (), tuple(DAMAGES))
    return Damage(**{name: number(amount, name, *DAMAGES[name]) for name, amount in found.items()})


def confused(value: object) -> ConfusedAsked:
    """Which cell of the confusion matrix is to be opened."""
    found = fields(value, "the body", ("network", "truth", "read"), ("step", "damage"))
    return ConfusedAsked(
        network(found["network"]),
        step(found.get("step")),
        damage(found.get("damage", {})),
        whole(found["truth"], "truth", 0, CLASSES - 1),
        whole(found["read"], "read", 0, CLASSES - 1),
    )


def recorded(value: object) -> tuple[str, int | None]:
    """A run and a step of it."""
    found = fields(value, "the body", ("network",), ("step",))
    return network(found["network"]), step(found.get("step"))


def pair(value: object) -> tuple[tuple[str, int | None], tuple[str, int | None]]:
    """Two runs, each with a step."""
    found = fields(value, "the body", ("a", "b"))
    a, b = (fields(found[name], name, ("network",), ("step",)) for name in ("a", "b"))
    return (network(a["network"]), step(a.get("step"))), (
        network(b["network"]),
        step(b.get("step")),
    )


def mapping(value: object) -> MapAsked:
    """What a map is to show."""
    found = fields(value, "the body", ("network", "of"), ("step", "count"))
    of = text(found["of"], "of", 10)
    layer = re.fullmatch(r"A([1-9][0-9]{0,2})", of, re.ASCII)
    if layer is None and of != "pixels":
        raise RefusedError(f"of must be pixels or A1, A2, …, got {short(of)}")
    return MapAsked(
        network(found["network"]),
        step(found.get("step")),
        int(layer[1]) if layer else 0,
        whole(found.get("count", POINTED), "count", 2, POINTED),
    )


def image(value: object) -> Image:
    """A test image by number, a drawing, or 784 pixels."""
    came = set(value) if isinstance(value, Mapping) else set()
    if "test" in came:
        number = fields(value, "a test image", ("test",))["test"]
        return Test(whole(number, "test", 0, 10**9))
    if "strokes" in came:
        return drawn(value)
    if "pixels" in came:
        content = packed(fields(value, "an image", ("pixels",))["pixels"], "pixels", PIXELS)
        if len(content) != PIXELS:
            raise RefusedError(f"pixels must be {PIXELS} bytes, row by row, got {len(content)}")
        return Pixels(content)
    raise RefusedError("image must be an object with one of test, strokes or pixels")


def drawing(value: object) -> Drawn | Upload:
    """What is still to be prepared: strokes, or an image file."""
    came = an_object(value, "image")
    if "strokes" in came:
        return drawn(value)
    if "file" in came:
        found = fields(value, "an upload", ("file",), ("off",))
        return Upload(packed(found["file"], "file", FILE), off(found.get("off", [])))
    raise RefusedError("image must be an object with strokes or a file")


def drawn(value: object) -> Drawn:
    found = fields(value, "a drawing", ("strokes",), ("off",))
    return Drawn(strokes(found["strokes"]), off(found.get("off", [])))


def drawings(value: object) -> list[tuple[Drawn | Pixels, int]]:
    """Drawings, or prepared images, with the digits they are."""
    found = []
    for each in listed(value, "drawings", 2, DRAWINGS):
        entry = fields(each, "one of drawings", ("image", "label"))
        kind = image(entry["image"])
        if isinstance(kind, Test):
            raise RefusedError("one of drawings must have strokes or pixels, got a test image")
        found.append((kind, whole(entry["label"], "label", 0, CLASSES - 1)))
    return found


def strokes(value: object) -> tuple[tuple[int, ...], ...]:
    """Strokes as the pad sends them: x and y in turn, whole numbers from 0 to PAD."""
    found = []
    points = 0
    for stroke in listed(value, "strokes", 0, STROKES):
        numbers = listed(stroke, "a stroke", 2, 2 * POINTS)
        points += len(numbers) // 2
        if len(numbers) % 2 or points > POINTS:
            raise RefusedError(f"a drawing has at most {POINTS} points, each of them an x and a y")
        found.append(tuple(whole(number, "a coordinate", 0, PAD) for number in numbers))
    return tuple(found)


def off(value: object) -> tuple[str, ...]:
    """Names of stages, each once; whether there are such stages is for handwriting to say."""
    names = tuple(text(name, "a stage", 40) for name in listed(value, "off", 0, 20))
    if len(set(names)) < len(names):
        raise RefusedError("off must name each stage once")
    return names


def query(
    pairs: list[tuple[str, str]], wanted: tuple[str, ...], may: tuple[str, ...] = ()
) -> dict[str, str]:
    """The parameters of a query string: exactly these, perhaps those, each once."""
    return fields(once(pairs), "the query", wanted, may)


def counted(value: str, what: str, low: int, high: int) -> int:
    """A whole number written in a query string."""
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise RefusedError(
            f"{what} must be a whole number from {low} to {high}, got {short(value)}"
        )
    return whole(int(value), what, low, high)


def state(value: dict[str, Any]) -> dict[str, Any]:
    """The page's own state, any JSON of finite numbers that is not too deep."""
    level: list[object] = [value]
    for _ in range(DEPTH):
        if any(isinstance(each, float) and not math.isfinite(each) for each in level):
            raise RefusedError("view must hold finite numbers")
        level = [child for each in level for child in children(each)]
    if level:
        raise RefusedError(f"view may be nested {DEPTH} deep, not more")
    return value


def children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
