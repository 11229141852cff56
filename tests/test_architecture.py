"""The plan of the house: which room may import which, kept by reading the imports."""

import ast
import subprocess
import sys

from conftest import ROOT

ROOMS = ROOT / "src/chainrule"
MAY_IMPORT = {
    "network": set(),
    "descent": set(),
    "data": set(),
    "tiles": {"network", "data"},
    "training": {"network", "descent", "data", "tiles"},
    "proof": {"network", "ledger"},
    "ledger": {"network"},
    "model": {"network"},
    "runs": {"network", "descent", "data", "tiles", "training", "model"},
    "handwriting": {"data", "model"},
    "compare": {"network", "data", "runs"},
    "distort": {"data"},
    "troubles": {"network", "data", "tiles"},
    "plane": {"network", "tiles"},
    "report": {"network", "data", "training", "proof", "ledger", "runs", "compare"},
    "page": {"network", "data", "training", "runs"},
    "options": {"data", "training"},
    "printing": set(),
    "train_command": {
        *("options", "printing"),
        *("network", "descent", "training", "model", "runs", "report"),
    },
    "cli": {
        *("options", "printing", "train_command"),
        *("network", "data", "tiles", "training", "proof", "ledger", "model", "runs"),
        *("report", "page", "compare", "handwriting"),
        *("lab.browser", "lab.live", "lab.moment", "lab.server"),
    },
    "__init__": {"network", "data", "training", "model"},
    "lab.__init__": set(),
    "lab.asked": {"network", "descent", "data"},
    "lab.shelf": {"lab.asked", *("network", "descent", "data", "model", "runs")},
    "lab.live": {"lab.asked", "lab.shelf", *("network", "data", "runs", "training", "troubles")},
    "lab.moment": {
        *("lab.asked", "lab.shelf", "lab.live"),
        *("network", "data", "tiles", "training", "proof", "ledger"),
        *("model", "runs", "handwriting"),
    },
    "lab.testset": {
        *("lab.asked", "lab.live", "lab.moment", "lab.shelf"),
        *("network", "data", "runs", "troubles", "compare", "distort", "plane"),
    },
    "lab.browser": {"lab.server"},
    "lab.connection": set(),
    "lab.feed": {"lab.live", "lab.moment"},
    "lab.saved": set(),
    "lab.server": {
        *("lab.asked", "lab.connection", "lab.feed", "lab.moment", "lab.saved", "lab.testset"),
        "ledger",
    },
}
DOORS = {
    "lab.browser",
    "lab.live",
    "lab.moment",
    "lab.server",
    "handwriting",
    "page",
}  # they need the extra
NUMPY_ONLY = {"network", "descent", "data", "proof", "ledger", "distort"}
FORBIDDEN = {"utils", "common", "base", "core", "helpers", "exceptions"}


def imports(room):
    for node in ast.walk(read(room)):
        yield from imported(node)


def imported(node):
    """The full names that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "rooms are named in full"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)


def read(room):
    return ast.parse((ROOMS / f"{room.replace('.', '/')}.py").read_text(encoding="utf-8"))


def ours(names):
    """The rooms that these names are, or are in."""
    parts = [name.split(".")[1:] for name in names if name.startswith("chainrule.")]
    return {".".join(part[:2] if part[0] == "lab" else part[:1]) for part in parts}


def test_rooms_import_what_the_plan_allows():
    files = {path.relative_to(ROOMS).with_suffix("") for path in ROOMS.glob("**/*.py")}
    assert {".".join(path.parts) for path in files} == set(MAY_IMPORT)
    assert not FORBIDDEN & set(MAY_IMPORT)
    for room, allowed in MAY_IMPORT.items():
        assert ours(imports(room)) - {"__version__"} <= allowed, room
        others = {name.split(".")[0] for name in imports(room)} - sys.stdlib_module_names
        if room in NUMPY_ONLY:
            assert others <= {"numpy", "chainrule"}, room


def test_a_door_is_opened_only_inside_the_command_that_needs_it():
    for room in ("cli", "train_command", "__init__"):
        at_the_top = {name for node in read(room).body for name in imported(node)}
        assert not ours(at_the_top) & DOORS


def test_only_the_command_line_prints_or_exits():
    for room in set(MAY_IMPORT) - {"cli", "train_command", "printing"}:
        calls = {
            ast.unparse(node.func) for node in ast.walk(read(room)) if isinstance(node, ast.Call)
        }
        assert not calls & {"print", "exit", "sys.exit", "click.echo", "out.print"}, room


def test_importing_chainrule_loads_numpy_and_nothing_else():
    def loaded(name):
        code = f"import sys, {name}; print(*{{name.split('.')[0] for name in sys.modules}})"
        done = subprocess.run(
            [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
        )
        return set(done.stdout.split()) - sys.stdlib_module_names

    assert loaded("chainrule") - loaded("numpy") == {"chainrule"}
