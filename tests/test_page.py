"""The plan of the page: which of its modules may import which, and how long they are."""

import re
from functools import cache
from posixpath import dirname, join, normpath

import pytest
from helpers import PAGE, ROOT

TESTS = ROOT / "tests/page"

# Folders, and the modules beside main.js. A view may import its own folder too.
MAY_IMPORT = {
    "strings": {"strings"},
    "address": set(),
    "state": {"address"},
    "ask": {"ask", "strings"},
    "parts": {"parts", "strings"},
    "views": {"parts", "ask", "state", "strings"},
    "main": {"views", "parts", "ask", "state", "strings"},
}
# Parts that show what the server knows: test images, and the networks to choose from.
ASKING = {"parts/pictures.js", "parts/networks.js"}
CONNECTS = re.compile(r"\b(fetch\s*\(|WebSocket\b|EventSource\b|sendBeacon\b|XMLHttpRequest\b)")
IMPORT = re.compile(r"""^(?:import|export)\b([^;"']*?)(?:\bfrom\s*)?["'](\.[^"']*)["'];""", re.M)
EXPORT = re.compile(r"^export (?:async )?(?:function|const|let|class) (\w+)", re.M)
MODULES = sorted(path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*.js"))


@cache
def text(name):
    return (PAGE / name).read_text(encoding="utf-8")


def imports(name):
    """The modules that a module imports, each with what it takes from it."""
    for names, address in IMPORT.findall(text(name)):
        taken = re.search(r"\{(.*)\}", names, re.DOTALL)
        words = [each.split(" as ")[0].strip() for each in (taken[1] if taken else "").split(",")]
        yield normpath(join(dirname(name), address)), {word for word in words if word}


def room(name):
    """The folder of a module, or the module itself if it stands beside main.js."""
    return name.split("/")[0].removesuffix(".js")


@pytest.mark.parametrize("name", MODULES)
def test_modules_import_what_the_plan_allows(name):
    allowed = MAY_IMPORT[room(name)] | ({"ask", "state"} if name in ASKING else set())
    for other, _ in imports(name):
        assert other in MODULES
        own = room(name) == "views" and dirname(other).startswith(dirname(name))
        within = room(name) == "views" and dirname(name).startswith(dirname(other))
        counted = room(name) == "strings" and other == "parts/numbers.js"
        assert own or within or counted or room(other) in allowed, other


def test_no_import_comes_back_to_where_it_began():
    finished, path = set(), []

    def follow(name):
        assert name not in path, " → ".join([*path, name])
        if name in finished:
            return
        path.append(name)
        for other, _ in imports(name):
            follow(other)
        finished.add(path.pop())

    follow("main.js")
    assert finished == set(MODULES)  # there is no module that nothing needs


def test_what_is_exported_is_imported():
    taken = {(other, word) for name in MODULES for other, words in imports(name) for word in words}
    tested = "".join(path.read_text(encoding="utf-8") for path in TESTS.glob("*.mjs"))
    for name in MODULES:
        for word in EXPORT.findall(text(name)):
            assert (name, word) in taken or re.search(rf"\b{word}\b", tested), f"{name}: {word}"


def test_only_ask_fetches_or_opens_a_socket():
    assert {room(name) for name in MODULES if CONNECTS.search(text(name))} == {"ask"}
    shell = text("index.html")
    assert re.findall(r'(?:src|href)="([^"]*)"', shell) == [
        "data:,",
        "lab/style.css",
        "lab/main.js",
    ]


def test_no_address_begins_at_the_root_of_the_server():
    for name in [*MODULES, "style.css", "index.html"]:
        assert not re.search(r"""["'`(]/(?:api|lab)\b|(?:src|href)="/""", text(name)), name


@pytest.mark.parametrize("name", MODULES)
def test_modules_and_functions_are_short(name):
    lines = text(name).splitlines()
    assert len(lines) <= 300
    assert [line for line in lines if len(line) > 100] == []
    for first, length in functions(lines):
        assert length <= 60, lines[first].strip()


HEAD = re.compile(r"\bfunction\b.*\{$|=>( [({\[]{1,2})?$|^ *(?:async )?\w+\(.*\) \{$")


def functions(lines):
    """Where each function begins and how many lines of its own it has.

    What a function contains counts for itself: a part of the page is one function with others in
    it. Told by indentation, which the modules keep.
    """
    found, open_ones = [], []
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        while open_ones and line.strip() and indent <= open_ones[-1][1]:
            first, _, inner = open_ones.pop()
            total = number - first + 1
            found.append((first, total - inner))
            if open_ones:
                open_ones[-1][2] += total
        if HEAD.search(line) and not re.match(r" *(if|for|while|switch|catch)\b", line):
            open_ones.append([number, indent, 0])
    return found


def test_functions_are_measured():
    source = """\
export function outer() {
  const inner = (a) => {
    one(a);
    two(a);
  };
  if (inner) {
    three();
  }
  return inner;
}
"""
    assert sorted(functions(source.splitlines())) == [(0, 10 - 4), (1, 4)]


def test_each_view_has_a_folder():
    (views,) = re.findall(r"VIEWS = (\[.*\])", text("address.js"))
    folders = {path.name for path in (PAGE / "views").iterdir()}
    assert folders == {*re.findall(r'"(\w+)"', views), "frame", "lessons"}
