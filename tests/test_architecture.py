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
    "runs": {"network", "descent", "data", "training", "model"},
    "compare": {"network", "data", "runs"},
    "distort": {"data"},
    "troubles": {"network", "data", "tiles"},
    "plane": {"network", "tiles"},
    "report": {"network", "data", "training", "proof", "ledger", "runs", "compare"},
    "page": {"network", "data", "training", "runs"},
    "options": {"training"},
    "cli": {
        "options",
        *("network", "descent", "data", "training", "proof", "ledger", "model", "runs"),
        *("report", "page", "compare"),
    },
    "__init__": {"network", "data", "training", "model"},
}
NUMPY_ONLY = {"network", "descent", "data", "proof", "ledger", "distort"}
FORBIDDEN = {"utils", "common", "base", "core", "helpers", "exceptions"}


def imports(room):
    tree = ast.parse((ROOMS / f"{room}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "rooms are named in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_rooms_import_what_the_plan_allows():
    assert {path.stem for path in ROOMS.glob("*.py")} == set(MAY_IMPORT)
    assert not FORBIDDEN & set(MAY_IMPORT)
    for room, allowed in MAY_IMPORT.items():
        ours = {name.split(".")[1] for name in imports(room) if name.startswith("chainrule.")}
        assert ours - {"__version__"} <= allowed, room
        others = {name.split(".")[0] for name in imports(room)} - sys.stdlib_module_names
        if room in NUMPY_ONLY:
            assert others <= {"numpy", "chainrule"}, room


def test_only_the_command_line_prints_or_exits():
    for room in set(MAY_IMPORT) - {"cli"}:
        tree = ast.parse((ROOMS / f"{room}.py").read_text(encoding="utf-8"))
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & {"print", "exit", "sys.exit", "click.echo", "out.print"}, room


def test_importing_chainrule_loads_numpy_and_nothing_else():
    def loaded(name):
        code = f"import sys, {name}; print(*{{name.split('.')[0] for name in sys.modules}})"
        done = subprocess.run(
            [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
        )
        return set(done.stdout.split()) - sys.stdlib_module_names

    assert loaded("chainrule") - loaded("numpy") == {"chainrule"}
