"""Compiled code is kept where only the user can write, and is never taken if it may be wrong."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import llvmlite
import numba
import numpy as np
import pytest
from helpers import PATIENCE, ROOT
from numba.core.registry import cpu_target

from chainrule.engine import choice
from chainrule.engine.compiled import keeping, ready
from chainrule.engine.compiled.keeping import entries, place, version

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners of POSIX")
ONCE = "compiling once, which takes some seconds"
FULL = """
def save(self, *rest):
    raise OSError(28, "No space left on device")
caching.IndexDataCacheFile.save = save
"""
CANNOT = "compiled code cannot be kept, so it is compiled anew"

TRAINED = """
import hashlib
import numpy as np
from chainrule import initialise, Digits, train
from chainrule.engine.choice import opened
rng = np.random.default_rng(0)
images = rng.integers(256, size=(60, 784)).astype(np.uint8) * (rng.random((60, 784)) < 0.2)
digits = Digits(images.astype(np.uint8), rng.integers(10, size=60).astype(np.uint8))
digest = hashlib.sha256()
"""
ENDS = """
for batch_size in (None, 8):
    rng = np.random.default_rng(1)
    network = initialise((784, 20, 10), weight_decay=0.01, rng=rng)
    for snapshot in train(
        network, digits, batch_size=batch_size, steps=5, rng=rng, engine="compiled", threads=1
    ):
        digest.update(snapshot.network.parameters.tobytes())
print(digest.hexdigest())
"""
TOLD = """
with opened("compiled", threads=1, tell=print):
    pass
"""


@pytest.fixture(scope="module")
def wanted():
    """What the training above gives in this process. From here on the code is kept."""
    found = {}
    code = (TRAINED + ENDS).replace("print(digest.hexdigest())", "found = digest.hexdigest()")
    exec(code, found)
    return found["found"]


@pytest.fixture
def cache(tmp_path, wanted):
    """A copy of the folder in which the compiled code of this checkout is kept."""
    kept, reason = place()
    assert kept, reason
    own = Path(entries[0]._cache.cache_path)  # those of another checkout lie beside it
    home = tmp_path / "cache"
    copied = home / "chainrule" / kept.name
    copied.parent.mkdir(parents=True, mode=0o700)
    shutil.copytree(own, copied / own.relative_to(kept))
    return home


def files_of(home, function, ending):
    """The files of a compiled function: .nbi is the index, .nbc the code."""
    return list(home.rglob(f"*.{function}-*.{ending}"))


def told(home, script=TRAINED + TOLD + ENDS, **environment):
    """What a process prints that keeps its compiled code there."""
    env = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1", **environment}
    env |= {"XDG_CACHE_HOME": str(home), "LOCALAPPDATA": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        encoding="utf-8",
        env=env,
        timeout=PATIENCE,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.splitlines()


def now_in(monkeypatch, folder):
    """Where compiled code would be kept if this were the folder for caches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return place.__wrapped__()


# ------------------------------------------------------------------------------------ the folder


@POSIX
def test_the_folder_is_the_user_s_alone(tmp_path, monkeypatch):
    folder, reason = now_in(monkeypatch, tmp_path)
    assert reason == ""
    assert folder == tmp_path / "chainrule" / f"compiled-{version()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.stat().st_uid == os.getuid()
    assert now_in(monkeypatch, tmp_path) == (folder, "")


@POSIX
def test_it_is_kept_also_where_new_folders_are_the_group_s(tmp_path, monkeypatch):
    before = os.umask(0o002)
    try:
        folder, reason = now_in(monkeypatch, tmp_path)
    finally:
        os.umask(before)
    assert (folder is not None, reason) == (True, "")


@POSIX
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
@pytest.mark.parametrize("above", [False, True])
def test_where_others_may_write_nothing_is_kept(tmp_path, monkeypatch, mode, above):
    folder, _ = now_in(monkeypatch, tmp_path)
    open_to_others = folder.parent if above else folder
    open_to_others.chmod(mode)
    assert now_in(monkeypatch, tmp_path) == (
        None,
        f"{folder}: others may write to {open_to_others}",
    )


@POSIX
def test_in_somebody_else_s_folder_nothing_is_kept(tmp_path, monkeypatch):
    folder, _ = now_in(monkeypatch, tmp_path)
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    assert now_in(monkeypatch, tmp_path) == (None, f"{folder}: {folder} belongs to somebody else")


def test_in_a_folder_that_cannot_be_written_nothing_is_kept(tmp_path, monkeypatch):
    folder, _ = now_in(monkeypatch, tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert now_in(monkeypatch, tmp_path) == (None, f"{folder}: it cannot be written")


@POSIX
def test_where_no_folder_can_be_made_nothing_is_kept(tmp_path, monkeypatch):
    (tmp_path / "chainrule").write_text("a file")
    folder, reason = now_in(monkeypatch, tmp_path)
    assert folder is None
    assert reason == f"{tmp_path}/chainrule/compiled-{version()}: File exists"


# --------------------------------------------------------------------------------- another folder


def test_other_sources_have_another_folder(tmp_path, monkeypatch):
    """Any byte of any file of the engine counts."""
    here = Path(keeping.__file__).parent
    copied = tmp_path / "compiled"
    shutil.copytree(here, copied, ignore=shutil.ignore_patterns("__pycache__"))
    found = {version()}
    monkeypatch.setattr(keeping, "__file__", str(copied / "keeping.py"))
    assert {version()} == found
    names = sorted(path.name for path in copied.glob("*.py"))
    for name in names:
        (copied / name).write_bytes((copied / name).read_bytes() + b"\n")
        found.add(version())
    assert len(found) == len(names) + 1


@pytest.mark.parametrize("library", [numba, llvmlite, np])
def test_other_versions_have_another_folder(library, monkeypatch):
    before = version()
    monkeypatch.setattr(library, "__version__", "99.1.0")
    assert version() != before


def test_another_python_and_another_processor_have_another_folder(monkeypatch):
    found = {version()}
    with monkeypatch.context() as patch:
        patch.setattr(sys, "version", "4.0.0")
        found.add(version())
    library = type(cpu_target.target_context.codegen())
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    for changed in ((triple, "another", features), (triple, name, features + ",+another")):
        with monkeypatch.context() as patch:
            patch.setattr(library, "magic_tuple", lambda self, changed=changed: changed)
            found.add(version())
    assert len(found) == 4


# -------------------------------------------------------------------------------- what lies there


def test_everything_is_compiled_once_and_for_one_kind_of_arguments(wanted):
    """So nothing is compiled on the way, whatever is trained, in the tests before this one too."""
    assert len(entries) >= 4
    assert all(len(each.signatures) == 1 for each in entries), entries


def test_kept_code_is_taken_without_a_word(cache, wanted):
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")}
    assert len(before) >= 2 * len(entries)
    assert told(cache) == [wanted]
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")} == before


def garbled(content):
    return hashlib.sha256(content).digest() * 100


def cut(content):
    return content[: len(content) // 2]


def damage(home, function, ending, change):
    paths = files_of(home, function, ending)
    assert paths
    for path in paths:
        path.write_bytes(change(path.read_bytes()))


@pytest.mark.long
@pytest.mark.parametrize(
    ("ending", "change"),
    [
        ("nbc", cut),
        ("nbi", garbled),
        pytest.param("nbi", cut),
        pytest.param("nbi", lambda content: b""),
        pytest.param("nbc", garbled),
        pytest.param("nbc", lambda content: b""),
    ],
)
def test_damaged_code_is_compiled_again_and_kept(cache, wanted, ending, change):
    damage(cache, "add_decay", ending, change)
    assert told(cache) == [ONCE, wanted]
    assert told(cache) == [wanted]


@pytest.mark.long
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("change", [garbled, cut])
def test_of_the_largest_function_too(cache, wanted, ending, change):
    damage(cache, "run", ending, change)
    assert told(cache) == [ONCE, wanted]


@pytest.mark.long
def test_where_it_can_no_longer_be_written_it_is_said_in_one_line(cache, wanted):
    """As on a full disk: the folder was there, and then nothing can be put into it."""
    script = "import numba.core.caching as caching\n" + FULL + TRAINED + TOLD + ENDS
    damage(cache, "add_decay", "nbc", cut)
    once, line, digest = told(cache, script)
    assert once == ONCE
    assert line.startswith(f"{CANNOT}: {cache}/chainrule/compiled-{version()}: ")
    assert digest == wanted


def test_a_changed_byte_within_the_code_is_noticed(cache, monkeypatch):
    """It would end the process, or compute something else. All code is then compiled again."""
    (path,) = files_of(cache, "add_decay", "nbc")
    monkeypatch.setattr(keeping, "own_folder", lambda: path.parent)
    assert keeping.is_kept(), "a copy is as good"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert not keeping.is_kept()
    keeping.remove_kept()  # this process has written such code itself
    assert list(path.parent.glob("*.nb?"))
    monkeypatch.setattr(keeping, "entries", [])
    keeping.remove_kept()
    assert list(path.parent.glob("*.nb?")) == []


@pytest.mark.long
@pytest.mark.parametrize("ending", ["nbc", "nbi"])
def test_a_missing_piece_of_code_is_compiled_again_and_kept(cache, wanted, ending):
    """A process may have been killed between writing the index and the code."""
    (path,) = files_of(cache, "add_decay", ending)
    path.unlink()
    assert told(cache)[-1] == wanted
    assert files_of(cache, "add_decay", "nbc")
    assert told(cache) == [wanted]


def test_code_of_another_installation_is_not_ours(wanted):
    """Numba keeps code by the path of the source, so a second environment compiles again."""
    folder, _ = place()
    assert keeping.own_folder().parent == folder
    assert keeping.is_kept()


@pytest.mark.long
@POSIX
def test_two_processes_may_compile_at_once(tmp_path, wanted):
    """Each says so, both are right, and the third finds all that they kept."""
    script = TRAINED + TOLD + ENDS
    env = {**os.environ, "PYTHONWARNINGS": "error", "XDG_CACHE_HOME": str(tmp_path)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    both = [subprocess.Popen([sys.executable, "-c", script], env=env, **pipes) for _ in range(2)]
    for process in both:
        said, wrong = process.communicate(timeout=PATIENCE)
        assert (wrong, process.returncode) == ("", 0)
        assert said.splitlines() == [ONCE, wanted]
    assert told(tmp_path) == [wanted]


@pytest.mark.long
@POSIX
def test_where_nothing_can_be_kept_it_is_compiled_each_time(tmp_path, wanted):
    (tmp_path / "chainrule").write_text("a file")
    folder = f"{tmp_path}/chainrule/compiled-{version()}"
    why = f"{CANNOT} each time: {folder}: Not a directory"
    assert told(tmp_path) == [why, ONCE, wanted]


# --------------------------------------------------------------------------------- without Numba


@pytest.fixture
def anew(monkeypatch):
    """Whether there is a compiled engine is asked again, before the test and after it."""
    choice.missing.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    choice.missing.cache_clear()


def without_compiled(reason):
    assert choice.choose("auto") == "numpy"
    with pytest.raises(ValueError, match="the compiled engine cannot be used") as caught:
        choice.choose("compiled")
    words = f"the compiled engine cannot be used: {reason}; engine='numpy' can"
    assert str(caught.value) == words


@pytest.mark.parametrize("value", ["1", "2"])
def test_where_numba_may_not_compile_numpy_computes(anew, value):
    anew.setenv("NUMBA_DISABLE_JIT", value)
    without_compiled("NUMBA_DISABLE_JIT is set")


@pytest.mark.parametrize("value", ["0", ""])
def test_where_numba_may_compile_it_does(anew, value):
    anew.setenv("NUMBA_DISABLE_JIT", value)
    assert choice.choose("auto") == choice.choose("compiled") == "compiled"


@pytest.mark.parametrize("name", ["numba", "platformdirs"])
def test_where_it_is_not_installed_numpy_computes(anew, name):
    anew.setitem(sys.modules, name, None)
    without_compiled(f"{name} is not installed (pip install 'chainrule[fast]')")


def test_where_numba_is_too_old_numpy_computes(anew):
    anew.setattr(numba, "__version__", "0.60.1")
    without_compiled("Numba is 0.60.1, and 0.61 is wanted")


def test_in_a_process_of_its_own_too(tmp_path):
    """Numba reads the variable when it is loaded; nothing is left in the folder for caches."""
    script = TRAINED + ENDS.replace("engine=", "engine='auto' or ")
    lines = told(tmp_path, script, NUMBA_DISABLE_JIT="1")
    assert len(lines) == 1
    assert list(tmp_path.iterdir()) == []


def test_it_is_made_ready_once(monkeypatch, wanted):
    """A second training in a process asks nothing and says nothing."""
    monkeypatch.setattr(ready, "use_all", None)
    said = []
    ready.make_ready(said.append)
    assert said == []


def test_kept_code_lies_outside_the_checkout(wanted):
    folder, _ = place()
    assert ROOT not in folder.parents
