"""The plan of the house: which room may import which, kept by reading the imports."""

import ast
import re
import subprocess
import sys
from importlib import import_module

from helpers import ROOT

import chainrule

ROOMS = ROOT / "src/chainrule"
HOUSE = ROOT / "docs/design/house.md"
# They need the extra: a command imports them when it is called.
DOORS = {"lab", "handwriting", "bridges.sklearn", "notebook", "cli.page"}
NUMPY_ONLY = {"network", "descent", "idx", "data", "reading", "explain", "distort"}
FORBIDDEN = {"utils", "common", "base", "core", "helpers", "exceptions"}
# What files that are asked from anywhere must not know: a server, or threads of their own.
SERVING = {"starlette", "uvicorn", "websockets", "socket", "asyncio", "http"}

LONGEST_FILE, LONGEST_FUNCTION = 400, 60  # lines


def files():
    """Every file of the package by its dotted name, without that of the package; __init__ too."""
    found = {}
    for path in sorted(ROOMS.glob("**/*.py")):
        parts = path.relative_to(ROOMS).with_suffix("").parts
        inner = parts[-1] == "__init__" and len(parts) > 1
        found[".".join(parts[:-1] if inner else parts)] = path
    return found


def table():
    """What each room may import, as docs/design/house.md says."""
    rows = re.findall(r"^\| `([\w.]+)` \|(.*)\|$", HOUSE.read_text(encoding="utf-8"), re.MULTILINE)
    return {room: set(re.findall(r"`([\w.]+)`", may)) for room, may in rows}


def is_in(file, room):
    return file == room or file.startswith(f"{room}.")


def imported(node):
    """The full names that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "rooms are named in full"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)


def read(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path):
    return {name for node in ast.walk(read(path)) for name in imported(node)}


def ours(names):
    """The files that these names are, or are in."""
    known, found = files(), set()
    for name in names:
        if name.startswith("chainrule.") and name != "chainrule.__version__":
            inner = name.removeprefix("chainrule.")
            found.add(inner if inner in known else inner.rpartition(".")[0] or inner)
    assert found <= set(known)
    return found


def test_rooms_import_what_the_plan_allows():
    plan = table()
    for file, path in files().items():
        rooms = [room for room in plan if is_in(file, room)]
        if not rooms:
            assert file == "lab", f"{file} has no row"
            continue
        (room,) = rooms
        beyond = {
            other
            for other in ours(imports(path))
            if not is_in(other, room) and not any(is_in(other, may) for may in plan[room])
        }
        assert not beyond, f"{file} imports {beyond}"


def test_every_row_of_the_plan_is_a_room_and_is_used():
    plan, known = table(), files()
    assert not FORBIDDEN & {part for file in known for part in file.split(".")}
    for room, may in plan.items():
        inside = {file for file in known if is_in(file, room)}
        assert inside, f"there is no {room}"
        assert all(any(is_in(file, other) for file in known) for other in may), room


def test_no_imports_go_round_in_a_circle():
    graph = {
        file: ours({name for node in read(path).body for name in imported(node)}) - {file}
        for file, path in files().items()
    }
    while free := {file for file, needs in graph.items() if not needs & set(graph)}:
        graph = {file: needs for file, needs in graph.items() if file not in free}
    assert not graph, f"a circle is among {sorted(graph)}"


def test_rooms_for_readers_need_numpy_alone():
    for file, path in files().items():
        if any(is_in(file, room) for room in NUMPY_ONLY):
            others = {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names
            assert others <= {"numpy", "chainrule"}, file


def test_answers_know_no_server_and_only_one_file_starts_a_thread():
    for file, path in files().items():
        if is_in(file, "lab.api") or is_in(file, "lab.live") or file == "lab.wire":
            assert not SERVING & {name.split(".")[0] for name in imports(path)}, file
            starts = "Thread(" in path.read_text(encoding="utf-8")
            assert starts == (file == "lab.live.thread"), file
        elif not is_in(file, "lab.server"):
            assert not {"starlette", "uvicorn", "websockets"} & {
                name.split(".")[0] for name in imports(path)
            }, file


def test_a_door_is_opened_only_inside_the_command_that_needs_it():
    for file, path in files().items():
        if is_in(file, "cli") or file in ("__main__", "__init__"):
            top = ours({name for node in read(path).body for name in imported(node)})
            assert not {each for each in top for door in DOORS if is_in(each, door)}, file


def test_only_the_command_line_and_a_notebook_s_watch_print_and_nothing_else_exits():
    for file, path in files().items():
        if not is_in(file, "cli") and file != "notebook.watching":
            calls = {ast.unparse(n.func) for n in ast.walk(read(path)) if isinstance(n, ast.Call)}
            assert not calls & {"print", "exit", "sys.exit", "click.echo", "out.print"}, file


def test_files_and_functions_are_short_or_say_why():
    for file, path in files().items():
        tree = read(path)
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_FILE:
            assert "Longer than" in (ast.get_docstring(tree) or ""), f"{file} has {lines} lines"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    assert "Longer than" in (ast.get_docstring(node) or ""), (
                        f"{file}.{node.name} has {lines} lines"
                    )


def test_what_tests_share_stands_in_helpers_and_no_test_file_imports_another():
    for path in ROOT.glob("tests/**/*.py"):
        parts = {part for name in imports(path) for part in name.split(".")}
        others = {part for part in parts if part.startswith("test_") or part == "conftest"}
        assert not others, f"{path.relative_to(ROOT)} imports {others}"


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
        top = {name for node in read(files()[room]).body for name in imported(node)}
        assert top <= {"os", "sys"}, room  # Python has them already


def test_the_names_of_the_package_its_table_and_its_types_are_the_same():
    (types,) = (
        node for node in read(files()["__init__"]).body if ast.unparse(node).startswith("if TYPE")
    )
    typed = [(node.module, alias.name) for node in types.body for alias in node.names]
    assert sorted(name for _, name in typed) == sorted(chainrule.__all__)
    for room, name in typed:
        assert getattr(chainrule, name) is getattr(import_module(room), name), name
    known = {name for room, _ in typed for name in vars(import_module(room)) if name[0] != "_"}
    offered = {name for name in known if hasattr(chainrule, name)}
    assert offered <= {*chainrule.__all__, *files(), "TYPE_CHECKING"}
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
