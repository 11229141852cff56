"""The values of a request, checked one by one."""

import json
import re
from typing import Any, NoReturn

from chainrule.files import shallow
from chainrule.lab.api import limits
from chainrule.lab.wire import RefusedError, decode_bytes

# --------------------------------------------------------------------------------- values from JSON


def parse_json(content: bytes, what: str = "the body") -> dict[str, Any]:
    """The one object of a body; RefusedError for other values, names given twice, and NaN."""
    try:
        text = shallow(content.decode("utf-8"))
        value = json.loads(text, object_pairs_hook=unique_fields, parse_constant=no_such_number)
    except RefusedError:
        raise
    except ValueError as error:  # also of bytes that are not UTF-8 and of numbers without end
        raise RefusedError(f"{what} must be one JSON object in UTF-8: {error!s:.100}") from None
    if not isinstance(value, dict):
        raise RefusedError(f"{what} must be one JSON object, got {kind_of(value)}")
    return value


def unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusedError(f"the field {quoted(twice)} is given twice")
    return found


def no_such_number(word: str) -> NoReturn:
    raise RefusedError(f"{word} is no number in JSON")


def quoted(value: object) -> str:
    """How a value is quoted in a refusal: in ASCII and never long."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**15:
        return "a number that large"
    if isinstance(value, dict | list):
        return kind_of(value)
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def kind_of(value: object) -> str:
    """The name of its type in JSON."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "null" if value is None else "a number")


def parse_fields(
    value: object, what: str, wanted: tuple[str, ...], may: tuple[str, ...] = ()
) -> dict[str, Any]:
    """An object with exactly these fields, and perhaps those; RefusedError otherwise."""
    value = parse_object(value, what)
    missing = [name for name in wanted if name not in value]
    unknown = [name for name in value if name not in wanted + may]
    if missing or unknown:
        came = f"{missing[0]} is missing" if missing else f"got {quoted(unknown[0])} too"
        raise RefusedError(f"the fields of {what} are {', '.join(wanted + may)}; {came}")
    return value


def parse_object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RefusedError(f"{what} must be an object, got {kind_of(value)}")
    return value


def parse_whole(value: object, what: str, low: int, high: int) -> int:
    """A whole number within these limits."""
    if type(value) is not int or not low <= value <= high:
        raise RefusedError(
            f"{what} must be a whole number from {low} to {high}, got {quoted(value)}"
        )
    return value


def parse_flag(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise RefusedError(f"{what} must be true or false, got {quoted(value)}")
    return value


def parse_text(value: object, what: str, most: int = limits.TEXT) -> str:
    if not isinstance(value, str) or len(value) > most:
        came = f"{len(value)} characters" if isinstance(value, str) else kind_of(value)
        raise RefusedError(f"{what} must be a text of at most {most} characters, got {came}")
    return value


def parse_list(value: object, what: str, least: int, most: int) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        came = f"{len(value)} of them" if isinstance(value, list) else kind_of(value)
        raise RefusedError(f"{what} must be a list of {least} to {most}, got {came}")
    return value


def parse_bytes(value: object, what: str, most: int) -> bytes:
    """Bytes that travel as base64."""
    try:
        content = decode_bytes(parse_text(value, what, 4 * -(-most // 3)))
    except RefusedError:
        raise
    except ValueError as error:
        raise RefusedError(f"{what} {error}") from None
    if len(content) > most:
        raise RefusedError(f"{what} must be at most {most} bytes, got {len(content)}")
    return content


def parse_number(value: object, what: str, low: float, high: float) -> float:
    """A number within these limits."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise RefusedError(f"{what} must be a number from {low:g} to {high:g}, got {quoted(value)}")
    return float(value)


def parse_choice(value: object, what: str, names: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in names:
        raise RefusedError(f"{what} must be one of {', '.join(names)}, got {quoted(value)}")
    return value


def parse_query(
    pairs: list[tuple[str, str]], wanted: tuple[str, ...], may: tuple[str, ...] = ()
) -> dict[str, str]:
    """The parameters of a query string: exactly these, perhaps those, each once."""
    return parse_fields(unique_fields(pairs), "the query", wanted, may)


def parse_count(value: str, what: str, low: int, high: int) -> int:
    """A whole number written in a query string."""
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise RefusedError(
            f"{what} must be a whole number from {low} to {high}, got {quoted(value)}"
        )
    return parse_whole(int(value), what, low, high)
