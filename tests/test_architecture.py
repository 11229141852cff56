"""The plan of the house: which room may import which, kept by reading the imports."""

import ast
import subprocess
import sys

from conftest import ROOT

import chainrule

ROOMS = ROOT / "src/chainrule"
MAY_IMPORT = {
    "network": set(),
    "descent": set(),
    "data": set(),
    "tiles": {"network", "data"},
    "training": {"network", "descent", "data", "tiles"},
    "reading": {"network", "data"},
    "proof": {"network", "ledger"},
    "ledger": {"network"},
    "model": {"network"},
    "runs": {"network", "descent", "data", "tiles", "training", "model"},
    "handwriting": {"data", "model"},
    "compare": {"network", "data", "reading", "runs"},
    "distort": {"data"},
    "troubles": {"network", "data", "tiles"},
    "plane": {"network", "tiles"},
    "report": {"network", "data", "training", "proof", "ledger", "runs", "compare", "printing"},
    "page": {"network", "data", "reading", "training", "runs"},
    "encode": set(),
    "options": {"data", "training"},
    "printing": {"encode"},
    "train_command": {
        *("options", "printing"),
        *("network", "data", "descent", "training", "model", "runs", "report"),
    },
    "cli": {
        "__main__",  # so that `python -m chainrule.cli` goes through the front door, too
        *("options", "printing", "train_command"),
        *("network", "data", "tiles", "training", "reading", "proof", "ledger", "model", "runs"),
        *("report", "page", "compare", "handwriting", "encode"),
        *("lab.browser", "lab.live", "lab.moment", "lab.server"),
    },
    "__main__": {"cli"},
    "__init__": {"network", "data", "training", "reading", "model"},
    "lab.__init__": set(),
    "lab.asked": {"network", "descent", "data", "model"},
    "lab.shelf": {"lab.asked", *("network", "descent", "data", "model", "runs")},
    "lab.live": {
        *("lab.asked", "lab.shelf"),
        *("network", "data", "model", "runs", "training", "troubles"),
    },
    "lab.moment": {
        *("lab.asked", "lab.shelf", "lab.live", "encode"),
        *("network", "data", "tiles", "training", "reading", "proof", "ledger"),
        *("model", "runs", "handwriting"),
    },
    "lab.testset": {
        *("lab.asked", "lab.live", "lab.moment", "lab.shelf"),
        *("network", "data", "encode", "reading", "runs", "training", "troubles", "compare"),
        *("distort", "plane"),
    },
    "lab.feed": {"lab.live", "encode"},
    "lab.saved": {"encode"},
    "lab.browser": {"lab.server"},
    "lab.connection": set(),
    "lab.server": {
        *("lab.asked", "lab.connection", "lab.feed", "lab.moment", "lab.saved", "lab.testset"),
        *("encode", "ledger"),
    },
}
# They need the extra.
DOORS = {"lab.browser", "lab.live", "lab.moment", "lab.server", "handwriting", "page"}
NUMPY_ONLY = {"network", "descent", "data", "reading", "proof", "ledger", "distort"}
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
    for room in ("cli", "train_command", "__main__", "__init__"):
        at_the_top = {name for node in read(room).body for name in imported(node)}
        assert not ours(at_the_top) & DOORS


def test_only_the_command_line_prints_or_exits():
    for room in set(MAY_IMPORT) - {"cli", "train_command", "printing"}:
        calls = {
            ast.unparse(node.func) for node in ast.walk(read(room)) if isinstance(node, ast.Call)
        }
        assert not calls & {"print", "exit", "sys.exit", "click.echo", "out.print"}, room


def loaded(statement):
    """The packages from outside the standard library that a statement loads."""
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split()) - sys.stdlib_module_names


def test_importing_chainrule_loads_numpy_and_nothing_else():
    numpy = loaded("import numpy")
    assert loaded("import chainrule") - numpy == {"chainrule"}
    assert loaded("from chainrule import train, load_mnist, predict") - numpy == {"chainrule"}
    assert loaded("from chainrule import *") - numpy == {"chainrule"}


def test_the_front_door_is_ready_for_ctrl_c_before_anything_is_loaded():
    nothing = loaded("pass")
    assert loaded("import chainrule") - nothing == {"chainrule"}
    assert loaded("import chainrule.__main__") - nothing == {"chainrule"}
    for room in ("__init__", "__main__"):
        top = {name for node in read(room).body for name in imported(node)}
        assert top <= {"os", "sys"}, room  # Python has them already


def test_the_names_of_the_package_its_table_and_its_types_are_the_same():
    (types,) = (node for node in read("__init__").body if ast.unparse(node).startswith("if TYPE"))
    typed = [f"{node.module}.{alias.name}" for node in types.body for alias in node.names]
    table = [
        f"chainrule.{room}.{name}" for room, names in chainrule._ROOMS.items() for name in names
    ]
    assert sorted(typed) == sorted(table)
    assert sorted(name.split(".")[-1] for name in table) == sorted(chainrule.__all__)
    assert set(chainrule.__all__) <= set(dir(chainrule))


def test_the_package_is_used_as_if_its_rooms_were_open():
    code = (
        "import chainrule, pickle, pydoc\n"
        "train, test = chainrule.load_mnist()\n"
        "assert type(pickle.loads(pickle.dumps(test))) is chainrule.Digits\n"
        "assert chainrule.network.forward is chainrule.forward\n"
        "assert 'initialise(' in pydoc.plain(pydoc.render_doc(chainrule))\n"
        "try: chainrule.trian\n"
        "except AttributeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "module 'chainrule' has no attribute 'trian'\n"


def test_a_type_checker_knows_the_names_and_no_others(tmp_path):
    user = tmp_path / "user.py"
    user.write_text(
        "import numpy as np\n"
        "import chainrule\n"
        "from chainrule import Network, initialise, load_mnist, train\n"
        "network: Network = initialise([784, 10], rng=np.random.default_rng(0))\n"
        "chainrule.predict(network, load_mnist()[1].X)\n"
        "wrong: int = chainrule.__version__\n"
        "chainrule.trian\n"
    )
    cache = ROOT / ".mypy_cache"  # what `make lint` has left saves the time for NumPy's types
    check = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, user]
    done = subprocess.run(check, capture_output=True, text=True, cwd=ROOT)
    errors = [line.split("error: ")[1] for line in done.stdout.splitlines() if "error: " in line]
    assert [error.split("[")[1] for error in errors] == ["assignment]", "attr-defined]"], (
        done.stdout
    )
    assert 'has no attribute "trian"' in errors[1]
