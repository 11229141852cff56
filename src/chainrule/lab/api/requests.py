"""What a page may ask: JSON from outside becomes values within limits, or a refusal with a reason.

Nothing here trusts its input. A refusal is one line: what was wanted, what came.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from chainrule.arrays import MOST_CLASSES
from chainrule.data import CLASSES, PIXELS
from chainrule.engine.choice import ENGINES
from chainrule.explain.surgery import AS_IT_IS, Changes
from chainrule.lab.api import limits
from chainrule.lab.api.changes import parse_changes
from chainrule.lab.api.checks import (
    parse_bytes,
    parse_choice,
    parse_fields,
    parse_flag,
    parse_list,
    parse_number,
    parse_object,
    parse_text,
    parse_whole,
    quoted,
)
from chainrule.lab.live.control import Order
from chainrule.lab.wire import RefusedError
from chainrule.runs.called import checked_name
from chainrule.runs.kinds import Choice, Number, Whole, Widths
from chainrule.runs.settings import ENTRIES, Entry, RunError

SMALLEST, LARGEST_RATE = 1e-30, 1e30  # of numbers like a learning rate


class TestImage(NamedTuple):
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


Image = TestImage | Drawn | Pixels


class Moment(NamedTuple):
    """A network, an image, and the class taken as true (None: the image's own, or what is read)."""

    network: str
    image: Image
    label: int | None
    step: int | None = None  # of a run; None: its latest
    changes: Changes = AS_IT_IS  # of the network


class Damage(NamedTuple):
    """What is done to all test images."""

    noise: float = 0.0  # standard deviation, as a share of full ink
    rotation: float = 0.0  # degrees, counterclockwise
    shift: float = 0.0  # pixels to the right
    thickness: float = 0.0  # pixels on either side of a stroke


class EvaluationAsked(NamedTuple):
    """How a network does on the damaged test images, if it may abstain below a confidence."""

    network: str
    step: int | None
    damage: Damage
    threshold: float
    curves: bool
    changes: Changes


class ConfusedAsked(NamedTuple):
    """The damaged test images of one class that a network reads as another, or as itself."""

    network: str
    step: int | None
    damage: Damage
    truth: int
    read: int
    changes: Changes


class MapAsked(NamedTuple):
    """So many test images on the plane of what a layer makes of them; layer 0 is the pixels."""

    network: str
    step: int | None
    layer: int
    most: int
    changes: Changes


def parse_moment(
    value: object, *more: str, may: tuple[str, ...] = ()
) -> tuple[Moment, dict[str, Any]]:
    """The moment in a body, and its further fields: all of `more`, and what it has of `may`."""
    found = parse_fields(
        value, "the body", ("network", "image", *more), ("label", "step", "changes", *may)
    )
    label = found.get("label")
    asked = Moment(
        parse_network(found["network"]),
        parse_image(found["image"]),
        None if label is None else parse_whole(label, "label", 0, MOST_CLASSES - 1),
        parse_step(found.get("step")),
        parse_changes(found.get("changes")),
    )
    return asked, {name: found[name] for name in (*more, *may) if name in found}


def parse_network(value: object) -> str:
    """The id of a network."""
    return parse_text(value, "network", limits.ID)


def parse_step(value: object) -> int | None:
    """A step of a run; None is its latest."""
    return None if value is None else parse_whole(value, "step", 0, limits.LAST)


def parse_order(value: object) -> Order:
    """What a page orders of the training."""
    do = parse_object(value, "the body").get("do")
    if do == "start":
        found = parse_fields(value, "the body", ("do",), ("settings", "run", "rate", "set"))
        both = {"settings", "rate"} <= set(found) or {"run", "set"} <= set(found)
        if ("settings" in found) == ("run" in found) or both:
            raise RefusedError(
                "to start takes settings and perhaps a set of drawings, or a run and perhaps "
                "another rate for it"
            )
        if "settings" in found:
            drawn = parse_text(found["set"], "set") if "set" in found else None
            return parse_start(found["settings"])._replace(data=drawn)
        wanted = parse_rate(found["rate"], "rate") if "rate" in found else None
        return Order(do, parse_network(found["run"]), rate=wanted)
    if do == "rate":
        found = parse_fields(value, "the body", ("do", "rate"))
        return Order(do, rate=parse_rate(found["rate"], "rate"))
    if do not in ("pause", "go", "step", "epoch", "stop"):
        raise RefusedError(
            f"do must be start, pause, go, step, epoch, stop or rate, got {quoted(do)}"
        )
    parse_fields(value, "the body", ("do",))
    return Order(do)


def parse_rename(body: object) -> tuple[str, str | None]:
    """The id of a run, and the name that it is to have; None is the one made of its settings."""
    found = parse_fields(body, "the body", ("run", "name"))
    name, id = found["name"], parse_network(found["run"])
    try:
        return id, None if name is None else checked_name(name)
    except RunError as error:
        raise RefusedError(str(error)) from None


def parse_rate(value: object, what: str) -> float:
    return parse_number(value, what, SMALLEST, LARGEST_RATE)


def parse_start(value: object) -> Order:
    """The order to start a training with these settings."""
    entries = {name: entry for name, entry in ENTRIES.items() if not entry.of_digits}
    must = tuple(name for name, each in entries.items() if each.none is None and each.since == 1)
    may = (*(set(entries) - set(must)), "threads", "engine", "train_accuracy")
    found = parse_fields(value, "settings", must, may)
    threads, engine = found.pop("threads", None), found.pop("engine", None)
    measured = parse_flag(found.pop("train_accuracy", False), "train_accuracy")
    settings = {name: parse_setting(name, entries[name], each) for name, each in found.items()}
    if threads is not None:
        threads = parse_whole(threads, "threads", 1, limits.THREADS)
    if engine is not None:
        engine = parse_choice(engine, "engine", ENGINES)
    return Order("start", settings, threads, engine=engine or "auto", train_accuracy=measured)


def parse_setting(name: str, entry: Entry, value: object) -> object:
    """The value of a setting, within the limits that the lab has for its kind."""
    if value is None and entry.none is not None:
        return None
    match entry.kind:
        case Widths():
            widths = parse_list(value, name, 0, limits.LAYERS)
            return tuple(parse_whole(width, "a width", 1, limits.WIDTH) for width in widths)
        case Choice(names):
            return parse_choice(value, name, names)
        case Whole(least):
            return parse_whole(value, name, least, limits.LAST)
        case Number() as kind:
            low = max(kind.least, SMALLEST) if kind.above else kind.least
            return parse_number(value, name, low, min(kind.most, LARGEST_RATE))
        case _:
            raise RefusedError(f"{name} is no setting of the lab")


def parse_evaluation(value: object) -> EvaluationAsked:
    """What is to be measured on the test images."""
    may = ("step", "damage", "threshold", "curves", "changes")
    found = parse_fields(value, "the body", ("network",), may)
    return EvaluationAsked(
        parse_network(found["network"]),
        parse_step(found.get("step")),
        parse_damage(found.get("damage", {})),
        parse_number(found.get("threshold", 0), "threshold", 0, 1),
        parse_flag(found.get("curves", False), "curves"),
        parse_changes(found.get("changes")),
    )


def parse_damage(value: object) -> Damage:
    found = parse_fields(value, "damage", (), tuple(limits.DAMAGE))
    return Damage(
        **{name: parse_number(amount, name, *limits.DAMAGE[name]) for name, amount in found.items()}
    )


def parse_confused(value: object) -> ConfusedAsked:
    """Which cell of the confusion matrix is to be opened."""
    may = ("step", "damage", "changes")
    found = parse_fields(value, "the body", ("network", "truth", "read"), may)
    return ConfusedAsked(
        parse_network(found["network"]),
        parse_step(found.get("step")),
        parse_damage(found.get("damage", {})),
        parse_whole(found["truth"], "truth", 0, MOST_CLASSES - 1),
        parse_whole(found["read"], "read", 0, MOST_CLASSES - 1),
        parse_changes(found.get("changes")),
    )


def parse_run_step(value: object, what: str = "the body") -> tuple[str, int | None]:
    """A run and a step of it."""
    found = parse_fields(value, what, ("network",), ("step",))
    return parse_network(found["network"]), parse_step(found.get("step"))


def parse_pair(value: object) -> tuple[tuple[str, int | None], tuple[str, int | None]]:
    """Two runs, each with a step."""
    found = parse_fields(value, "the body", ("a", "b"))
    return parse_run_step(found["a"], "a"), parse_run_step(found["b"], "b")


def parse_map(value: object) -> MapAsked:
    """What a map is to show."""
    found = parse_fields(value, "the body", ("network", "of"), ("step", "count", "changes"))
    of = parse_text(found["of"], "of", 10)
    layer = re.fullmatch(r"A([1-9][0-9]{0,2})", of, re.ASCII)
    if layer is None and of != "pixels":
        raise RefusedError(f"of must be pixels or A1, A2, …, got {quoted(of)}")
    return MapAsked(
        parse_network(found["network"]),
        parse_step(found.get("step")),
        int(layer[1]) if layer else 0,
        parse_whole(found.get("count", limits.MAP), "count", 2, limits.MAP),
        parse_changes(found.get("changes")),
    )


def parse_image(value: object) -> Image:
    """A test image by number, a drawing, or 784 pixels."""
    came = set(value) if isinstance(value, Mapping) else set()
    if "test" in came:
        number = parse_fields(value, "a test image", ("test",))["test"]
        return TestImage(parse_whole(number, "test", 0, 10**9))
    if "strokes" in came:
        return parse_drawn(value)
    if "pixels" in came:
        pixels = parse_fields(value, "an image", ("pixels",))["pixels"]
        content = parse_bytes(pixels, "pixels", PIXELS)
        if len(content) != PIXELS:
            raise RefusedError(f"pixels must be {PIXELS} bytes, row by row, got {len(content)}")
        return Pixels(content)
    raise RefusedError("image must be an object with one of test, strokes or pixels")


def parse_drawing(value: object) -> Drawn | Upload:
    """What is still to be prepared: strokes, or an image file."""
    came = parse_object(value, "image")
    if "strokes" in came:
        return parse_drawn(value)
    if "file" in came:
        found = parse_fields(value, "an upload", ("file",), ("off",))
        content = parse_bytes(found["file"], "file", limits.FILE)
        return Upload(content, parse_off(found.get("off", [])))
    raise RefusedError("image must be an object with strokes or a file")


def parse_drawn(value: object) -> Drawn:
    found = parse_fields(value, "a drawing", ("strokes",), ("off",))
    return Drawn(parse_strokes(found["strokes"]), parse_off(found.get("off", [])))


def parse_drawings(value: object) -> list[tuple[Drawn | Pixels, int]]:
    """Drawings, or prepared images, with the digits they are."""
    found = []
    for each in parse_list(value, "drawings", 2, limits.DRAWINGS):
        entry = parse_fields(each, "one of drawings", ("image", "label"))
        kind = parse_image(entry["image"])
        if isinstance(kind, TestImage):
            raise RefusedError("one of drawings must have strokes or pixels, got a test image")
        found.append((kind, parse_whole(entry["label"], "label", 0, CLASSES - 1)))
    return found


def parse_strokes(value: object) -> tuple[tuple[int, ...], ...]:
    """Strokes as the pad sends them: x and y in turn, whole numbers from 0 to PAD."""
    from chainrule.handwriting import MOST_POINTS, PAD

    found = []
    points = 0
    for stroke in parse_list(value, "strokes", 0, limits.STROKES):
        numbers = parse_list(stroke, "a stroke", 2, 2 * MOST_POINTS)
        points += len(numbers) // 2
        if len(numbers) % 2 or points > MOST_POINTS:
            raise RefusedError(
                f"a drawing has at most {MOST_POINTS} points, each of them an x and a y"
            )
        found.append(tuple(parse_whole(number, "a coordinate", 0, PAD) for number in numbers))
    return tuple(found)


def parse_off(value: object) -> tuple[str, ...]:
    """Names of stages, each once; whether there are such stages is for handwriting to say."""
    names = tuple(parse_text(name, "a stage", 40) for name in parse_list(value, "off", 0, 20))
    if len(set(names)) < len(names):
        raise RefusedError("off must name each stage once")
    return names


def parse_view(value: dict[str, Any]) -> dict[str, Any]:
    """The page's own state, any JSON of finite numbers that is not too deep."""
    level: list[object] = [value]
    for _ in range(limits.LEVELS):
        if any(isinstance(each, float) and not math.isfinite(each) for each in level):
            raise RefusedError("view must hold finite numbers")
        level = [child for each in level for child in children(each)]
    if level:
        raise RefusedError(f"view may be nested {limits.LEVELS} deep, not more")
    return value


def children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
