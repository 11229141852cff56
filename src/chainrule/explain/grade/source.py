"""The text of a file that somebody hands in, and what can be seen in it without running it."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chainrule.explain.grade.names import meaning_of

MOST_BYTES = 1_000_000  # of a file; of a notebook, whose pictures count, ten times as many
Names = str | list["Names"] | None  # what a `return` names: Z1, or [dW1, db1], or [[…], […]]


class SourceError(ValueError):
    """A file that cannot be graded: wanted, came, do, in one line."""


@dataclass(frozen=True)
class Function:
    """A function of the file, as it is written."""

    name: str
    line: int
    params: tuple[str, ...]  # without self
    required: int  # so many of them have no default
    returned: Names = None
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)  # texts in parameter["…"]
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)  # names in parameter.name
    kinds: dict[str, str] = field(default_factory=dict)  # the classes that annotations say
    indexing: frozenset[str] = frozenset()  # parameters used as indices, or made one-hot
    owner: str = ""  # its class
    free: frozenset[str] = frozenset()  # names that it reads and does not make
    scales: bool = False  # it has the number 255, by which pixels are divided


@dataclass(frozen=True)
class Source:
    """The text, its functions by name in the order of the file, and what was done to read it."""

    name: str
    text: str
    functions: dict[str, Function]
    notes: tuple[str, ...] = ()
    made: frozenset[str] = frozenset()  # names that are given values outside functions

    @property
    def counts(self) -> tuple[str, ...]:
        """The global names by which functions take the number of images, such as m."""
        free = frozenset[str]().union(*(each.free for each in self.functions.values()))
        found = [name for name in sorted(free) if meaning_of(name) == "m"]
        return tuple(name for name in found if name != "n" or len(found) == 1)


def read_source(path: Path, name: str | None = None) -> Source:
    """The functions of a .py or .ipynb file, called by this name; SourceError if there are none."""
    name = name or path.name
    if path.exists() and not path.is_file():  # a pipe would have us wait for ever
        what = "a folder" if path.is_dir() else "something else"
        raise SourceError(f"{name}: wanted a file of Python, got {what}")
    notebook = is_notebook(path.name)
    with path.open("rb") as file:
        data = file.read(most_bytes(notebook) + 1)
    text, notes = code_in(data, name, notebook=notebook)
    return source_of(text, name, notes)


def is_notebook(name: str) -> bool:
    """Whether a file of this name is a notebook."""
    return name.lower().endswith(".ipynb")


def most_bytes(notebook: bool) -> int:
    return MOST_BYTES * (10 if notebook else 1)


def code_in(data: bytes | str, name: str, *, notebook: bool) -> tuple[str, tuple[str, ...]]:
    """The code in what a file holds, as bytes or as a text that is decoded, and notes on it.

    SourceError if it cannot be read.
    """
    size = len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "replace"))
    if size > most_bytes(notebook):
        raise SourceError(f"{name}: wanted at most {most_bytes(notebook):,} bytes, got more")
    text, notes = decoded(data, name) if isinstance(data, bytes) else (plain_lines(data), ())
    if notebook:
        text, more = code_of_notebook(text, name)
        notes += more
    return text, notes


def source_of(text: str, name: str, notes: tuple[str, ...] = ()) -> Source:
    """What a text defines; SourceError if it is empty or no Python."""
    if not text.strip():
        raise SourceError(f"{name} is empty; wanted functions such as forward and backward")
    try:
        tree = ast.parse(text, name)
        functions = {each.name: each for each in functions_in(tree)}
        made = frozenset(made_in(tree))
    except SyntaxError as error:
        said = (error.text or "").strip()[:60]
        raise SourceError(
            f"{name}, line {error.lineno}: Python cannot read it: {error.msg}"
            + (f": {said}" if said else "")
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"{name}: Python cannot read it: {error}") from None
    if not functions:
        raise SourceError(
            f"{name} defines no function; wanted forward, loss, backward or others of "
            f"chainrule grade --template"
        )
    return Source(name, text, functions, notes, made)


def decoded(data: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    """The text of these bytes, and a note where the encoding is not UTF-8."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return plain_lines(data.decode("utf-16")), (
                "read as UTF-16; UTF-8 is what Python expects",
            )
        except UnicodeDecodeError:
            raise SourceError(f"{name} is no text; wanted a file of Python") from None
    if b"\0" in data:
        raise SourceError(f"{name} is no text, it holds zero bytes; wanted a file of Python")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return plain_lines(data.decode(encoding)), ()
    except (SyntaxError, UnicodeDecodeError, LookupError):
        text = plain_lines(data.decode("latin-1"))
        return text, ("not UTF-8, read as Latin-1; save it as UTF-8",)


def plain_lines(text: str) -> str:
    """Line ends as \\n."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def code_of_notebook(text: str, name: str) -> tuple[str, tuple[str, ...]]:
    """The code cells of a notebook one after another; magics, and cells of broken code, left out.

    A notebook of which no cell can be read raises SourceError.
    """
    try:
        cells = json.loads(text)["cells"]
        code = [each for each in cells if each["cell_type"] == "code"]
        texts = ["".join(each["source"]) for each in code]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SourceError(
            f"{name} is no notebook; wanted the JSON that Jupyter writes, in format 4"
        ) from None
    kept, broken = [], 0
    for cell in texts:
        plain = without_magics(cell)
        try:
            ast.parse(plain)
            kept.append(plain)
        except (SyntaxError, ValueError):
            broken += 1
    if broken and not any(each.strip() for each in kept):
        raise SourceError(f"{name}: Python can read none of its {broken} cells")
    notes = [f"a notebook: its {len(kept)} cells of code are read, magics are left out"]
    notes += [f"{broken} of its cells are not Python and left out"] if broken else []
    return "\n\n".join(kept), tuple(notes)


def without_magics(cell: str) -> str:
    """A cell in which each line of IPython is `pass`; a cell in another language goes."""
    if re.match(r"\s*%%(?!time|capture|prun)", cell):
        return ""
    magic = r"(?m)^([ \t]*)(?:[%!?].*|\w+ *= *[%!].*|[\w.]+\?+)$"
    return re.sub(magic, r"\1pass", cell)


# ------------------------------------------------------------------------------------- functions


def functions_in(tree: ast.Module) -> Iterator[Function]:
    """Functions, methods of classes, and lambdas with a name; later ones replace earlier ones."""
    plain = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    for node in tree.body:
        match node:
            case ast.FunctionDef():
                yield described(node.name, node.args, node)
            case ast.ClassDef():
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef):
                        yield described(inner.name, inner.args, inner, node.name)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda() as value):
                yield described(name, value.args, value)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=other)):
                if other in plain:
                    yield described(name, plain[other].args, plain[other])


def described(
    name: str, arguments: ast.arguments, node: ast.FunctionDef | ast.Lambda, owner: str = ""
) -> Function:
    names, many = in_order(arguments)
    static = isinstance(node, ast.FunctionDef) and any(
        isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list
    )
    params = names[1:] if owner and not static else names
    body = list(walk_inside(node))
    free = free_names(node) - set(names)
    return Function(
        name=f"{owner}.{name}" if owner else name,
        line=node.lineno,
        params=tuple(params),
        required=max(0, len(params) - many),
        returned=returned(body),
        keys={each: keys_of(each, body) for each in {*params, *free}},
        fields={each: fields_of(each, body) for each in params},
        kinds=kinds_of(arguments),
        indexing=frozenset(each for each in params if indexes(each, body)),
        owner=owner,
        free=free,
        scales=any(isinstance(each, ast.Constant) and each.value == 255 for each in body),
    )


def in_order(arguments: ast.arguments) -> tuple[list[str], int]:
    """The names of all arguments, those with a default last, and how many those are."""
    plain = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    defaults = len(arguments.defaults)
    wanted, optional = plain[: len(plain) - defaults], plain[len(plain) - defaults :]
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        (wanted if default is None else optional).append(each.arg)
    return wanted + optional, len(optional)


def free_names(node: ast.AST) -> frozenset[str]:
    """The names that are read in a function and nowhere set in it, and those it says are global."""
    every = list(ast.walk(node))
    names = [each for each in every if isinstance(each, ast.Name)]
    made = {each.id for each in names if not isinstance(each.ctx, ast.Load)}
    outside = [name for each in every if isinstance(each, ast.Global) for name in each.names]
    return (frozenset(each.id for each in names) - made).union(outside)


def made_in(tree: ast.Module) -> Iterator[str]:
    """The names that get a value at the top of a file, loops included."""
    for each in walk_inside(tree):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id


def walk_inside(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function in the order of the text, not those of functions inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from walk_inside(child)


def returned(body: list[ast.AST]) -> Names:
    """What the last `return` names; a name that stands for a tuple is opened."""
    values = [each.value for each in body if isinstance(each, ast.Return) and each.value]
    meant = {
        each.targets[0].id: each.value
        for each in body
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
    }

    def names(value: ast.expr, depth: int = 0) -> Names:
        match value:
            case ast.Name(id=name):
                stands_for = meant.get(name)
                if isinstance(stands_for, ast.Tuple) and stands_for.elts and depth < 4:
                    return names(stands_for, depth + 1)
                return name
            case ast.Attribute(attr=name):
                return name
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return [names(part, depth) for part in parts]
        return None

    return names(values[-1]) if values else None


def keys_of(parameter: str, body: list[ast.AST]) -> tuple[str, ...]:
    """The texts k in parameter["k"], in the order of the text."""
    found: dict[str, None] = {}
    for each in body:
        match each:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
                if name == parameter:
                    found[key] = None
    return tuple(found)


def fields_of(parameter: str, body: list[ast.AST]) -> tuple[str, ...]:
    """The names in parameter.name that are those of parameters or derivatives."""
    found: dict[str, None] = {}
    for each in body:
        match each:
            case ast.Attribute(value=ast.Name(id=name), attr=field) if name == parameter:
                if (meaning_of(field) or "").lstrip("d")[:1] in ("W", "b"):
                    found[field] = None
    return tuple(found)


def kinds_of(arguments: ast.arguments) -> dict[str, str]:
    """The classes by which arguments are annotated."""
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return {each.arg: each.annotation.id for each in every if isinstance(each.annotation, ast.Name)}


def indexes(parameter: str, body: list[ast.AST]) -> bool:
    """Whether a parameter is used as labels: as an index, or given to a function that says so."""

    def named(node: ast.AST) -> bool:
        return any(isinstance(each, ast.Name) and each.id == parameter for each in ast.walk(node))

    for each in body:
        match each:
            case ast.Subscript(slice=index) if named(index) and not isinstance(index, ast.Slice):
                uses_shape = any(isinstance(n, ast.Attribute | ast.Call) for n in ast.walk(index))
                if not uses_shape or direct_index(index, parameter):
                    return True
            case ast.Call(func=function, args=[first, *_]) if named(first):
                called = ast.unparse(function).lower().replace("_", "")
                if re.search(r"onehot|categorical|encode", called):
                    return True
    return False


def direct_index(index: ast.expr, parameter: str) -> bool:
    """Whether the parameter itself, or one made whole or flat, is an index: A[np.arange(m), y]."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    for part in parts:
        while isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            if part.func.attr not in ("astype", "ravel", "flatten", "squeeze", "reshape"):
                break
            part = part.func.value
        if isinstance(part, ast.Name) and part.id == parameter:
            return True
    return False
