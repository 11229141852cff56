"""Write docs/reference/api.md from the docstrings of the package: `make api`.

Every name of `chainrule.__all__` is shown as its source has it: the line of its definition, its
fields and their shapes, its public methods, and its docstring.
"""

import ast
import inspect
import re
import sys
import textwrap
from pathlib import Path

import chainrule

PAGE = Path(__file__).with_name("api.md")
ORDER = ("network", "data", "training", "reading", "model")  # as one reads; others come after

ABOVE = """# The names of the package

`from chainrule import …` gives these. This page is made from their docstrings by `make api`.

Examples are columns: X is (784, m) for m images, Y is (10, m) and one-hot, labels are (m,). Arrays are positional, every setting is a keyword, and no function changes an argument. A function checks what it is given, and says what was wanted, what came and what to do.

`Array` is a NumPy array of float32 or float64, `Layers` a dictionary from a layer's number to its array. A loss is `"squared_error"` or `"cross_entropy"`, an optimizer `"descent"`, `"momentum"` or `"adam"`. [First steps](../start/python.md) show the names in use.
"""  # noqa: E501 (a paragraph is a line)


def page():
    """The text of the page."""
    rooms = {}
    for name in chainrule.__all__:
        rooms.setdefault(getattr(chainrule, name).__module__, []).append(name)
    known = [f"chainrule.{room}" for room in ORDER]
    order = sorted(rooms, key=lambda room: (known.index(room) if room in known else 99, room))
    parts = [ABOVE, *contents(rooms, order)]
    for room in order:
        module = sys.modules[room]
        file = Path(module.__file__).relative_to(Path(chainrule.__file__).parent).as_posix()
        parts.append(f"\n## [{file}](../../src/chainrule/{file})\n\n{summary(module)}\n")
        parts += [entry(name) for name in sorted(rooms[room], key=line_of)]
    return "".join(parts)


def contents(rooms, order):
    for room in order:
        yield "\n"
        for name in sorted(rooms[room], key=line_of):
            yield f"- [{name}](#{name.lower()}): {summary(getattr(chainrule, name))}\n"


def entry(name):
    """One name: its definition and its docstring, and those of its public methods."""
    node = ast.parse(textwrap.dedent(inspect.getsource(getattr(chainrule, name)))).body[0]
    lines = inspect.getsource(getattr(chainrule, name)).splitlines()
    text = [f"\n### {name}", fenced(definition(node, lines)), markdown(ast.get_docstring(node))]
    if isinstance(node, ast.ClassDef):
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and shown(method):
                decorated = [f"@{ast.unparse(each)}" for each in method.decorator_list]
                head = "\n".join([*decorated, definition(method, lines)])
                text += [fenced(head), markdown(ast.get_docstring(method))]
    return "\n".join(text) + "\n"


def shown(method):
    return not method.name.startswith("_") and ast.get_docstring(method)


def definition(node, lines):
    """The lines from `def` or `class` to the docstring, and the fields of a class."""
    head = lines[node.lineno - 1 : node.body[0].lineno - 1]
    if isinstance(node, ast.ClassDef):
        for field in node.body:
            if isinstance(field, ast.AnnAssign):
                head += lines[field.lineno - 1 : field.end_lineno]
    return textwrap.dedent("\n".join(head)).removesuffix(":")


def fenced(code):
    return f"\n```py\n{code}\n```\n"


def markdown(docstring):
    """A docstring as a document says it: signs that would be read as Markdown are escaped."""
    return re.sub(r"([*<|])", r"\\\1", docstring)


def summary(documented):
    return markdown(inspect.getdoc(documented).split("\n\n")[0].replace("\n", " ")).strip()


def line_of(name):
    return inspect.getsourcelines(getattr(chainrule, name))[1]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
