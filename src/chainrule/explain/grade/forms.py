"""The forms that a learner fills in."""

from importlib.resources import files

STYLES = ("columns", "rows", "layers")


def template_of(style: str) -> str:
    """The text of the form in this style."""
    place = files("chainrule.explain.grade") / "templates" / f"{style}.txt"
    return place.read_text(encoding="utf-8")
