"""The process in which somebody else's file runs: limited, without input, answering in frames.

Started by attempt.py as `python -I -m chainrule.explain.grade.runner FOLDER SECONDS MEMORY`.
It keeps honest mistakes from doing harm. It is no sandbox against malice.
"""

import ast
import builtins
import contextlib
import copy
import ctypes
import io
import os
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from types import FrameType, ModuleType, SimpleNamespace
from typing import Any, NoReturn

MOST_PRINTED = 1_000_000  # characters
MOST_FILES = 20  # opened for writing
MOST_FILE_BYTES = 1_000_000
NEW_NETWORK, NEW_USER = 0x40000000, 0x10000000  # of Linux' unshare
STARTS_PROCESSES = ("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn")
CHANGES_FILES = {
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.symlink",
    "shutil.rmtree",
    "shutil.move",
}


class OutOfTime(BaseException):
    """The call has used its time."""


class Refused(PermissionError):  # noqa: N818 (it is said to the person by this name)
    """What a graded file may not do."""


class Printed(io.TextIOBase):
    """A stream that keeps the beginning of what is printed, and ends where it is too much."""

    def __init__(self) -> None:
        self.kept, self.count = "", 0

    def write(self, text: str) -> int:
        self.count += len(text)
        self.kept += text[: max(0, 200 - len(self.kept))]
        if self.count > MOST_PRINTED:
            raise Refused(f"it prints more than {MOST_PRINTED:,} characters")
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def limit_memory(memory: int) -> None:
    """Limits of the operating system, where there are any."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        for name, most in (("AS", memory), ("FSIZE", MOST_FILE_BYTES), ("CORE", 0)):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def leave_network() -> None:
    """A network of our own without any device, where Linux allows it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.unshare(NEW_NETWORK) != 0:
                libc.unshare(NEW_USER | NEW_NETWORK)


def watch(folder: str) -> None:
    """Refuse what Python itself tells of: networks, processes, and files outside the folder."""
    inside = os.path.realpath(folder) + os.sep
    opened = 0

    def allowed(path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return True
        place = os.path.realpath(os.fsdecode(path))
        return (place + os.sep).startswith(inside) or place == os.devnull

    def hook(event: str, about: tuple[Any, ...]) -> None:
        nonlocal opened
        if event == "open":
            path, mode, flags = about
            writes = bool(flags & (os.O_WRONLY | os.O_RDWR)) if mode is None else False
            writes |= any(each in (mode or "") for each in "wax+")
            if writes and not allowed(path):
                raise Refused(f"it writes to {path}; a graded file writes nothing")
            opened += writes
            if opened > MOST_FILES:
                raise Refused(f"it writes more than {MOST_FILES} files")
        elif event.startswith("socket.") and event != "socket.gethostname":
            raise Refused("it uses the network; a graded file stands alone")
        elif event.startswith(STARTS_PROCESSES) or event == "os.kill":
            raise Refused("it starts or ends other programs; a graded file stands alone")
        elif event in CHANGES_FILES and about and not all(map(allowed, about[:2])):
            raise Refused("it changes files that are not its own")

    sys.addaudithook(hook)


def no_input(*_: object) -> NoReturn:
    raise Refused("it waits for input(), and nobody types while a file is graded")


def out_of_time(_: int, __: FrameType | None) -> NoReturn:
    raise OutOfTime


class Room:
    """What the file has defined, and the values that stay here under names."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds  # 0: without a clock
        self.texts: dict[str, list[str]] = {}  # the lines of each file whose functions are called
        self.names: dict[str, Any] = {}  # what the file defines
        self.slots: dict[str, Any] = {}

    def reply(self, request: dict[str, Any]) -> bytes:
        """The answer as a frame; a value that cannot travel is an error."""
        import numpy as np

        from chainrule.explain.grade.frames import pack

        np.random.seed(0)
        found = self.answer(request)
        try:
            return pack(found)
        except Exception as error:
            return pack({**found, "value": None, "error": self.said(error)})

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked, within the time, and say what came of it."""
        printed, began = Printed(), time.perf_counter()
        found: dict[str, Any] = {}
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                self.start_clock(self.seconds)
                try:
                    found["value"] = getattr(self, f"do_{request.pop('do')}")(**request)
                finally:
                    self.start_clock(0)
        except BaseException as error:
            found["error"] = self.said(error)
        found["printed"] = [printed.count, printed.kept]
        found["seconds"] = time.perf_counter() - began
        return found

    def start_clock(self, seconds: float) -> None:
        if self.seconds and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, seconds)

    def said(self, error: BaseException) -> dict[str, Any]:
        """An error as data: its kind, its message, and the line of the file it came from."""
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if frame.filename in self.texts]
        line = ours[-1].lineno if ours else getattr(error, "lineno", None)
        name = ours[-1].filename if ours else next(iter(self.texts), "")
        lines = self.texts.get(name, [])
        text = lines[line - 1].strip() if line and line <= len(lines) else ""
        kind = "Refused" if isinstance(error, Refused) else type(error).__name__
        try:
            message = str(error)
        except Exception:
            message = ""
        missing = getattr(error, "name", None) or getattr(error, "filename", None)
        return {
            "kind": kind,
            "message": message[:300],
            "line": line if text else None,  # of a text that is not known it tells nothing
            "text": text[:100],
            "missing": missing if isinstance(missing, str) else None,
        }

    def do_load(self, text: str, name: str, definitions: bool) -> dict[str, Any]:
        """Run the file; of `definitions` alone, each by itself, and say which cannot be run."""
        self.texts = {name: text.splitlines()}
        sys.modules["attempt"] = module = ModuleType("attempt")
        self.names = module.__dict__
        self.names["__file__"] = name
        failed = []
        tree = ast.parse(text, name)
        if not definitions:
            exec(compile(tree, name, "exec"), self.names)
            return {"failed": []}
        for statement in tree.body:
            if is_definition(statement):
                part = ast.Module([statement], [])
                try:
                    exec(compile(part, name, "exec"), self.names)
                except OutOfTime:
                    raise
                except BaseException as error:
                    failed.append(self.said(error))
        return {"failed": failed}

    def do_call(
        self, function: str, named: dict[str, Any], slot: str | None, given: bool
    ) -> object:
        """Call a function, or Slot.method, of the file; keep its value under the slot's name.

        With `given`, what it was given comes back as well, because functions change it in place;
        both stay here under the name "after", too.
        """
        first, _, rest = function.partition(".")
        kept = self.slots if rest else self.names
        if first not in kept:
            raise NameError(f"name {first!r} is not defined")
        target: Any = kept[first]
        for part in rest.split(".") if rest else ():
            target = getattr(target, part)
        arguments = {key: self.resolve(each) for key, each in named.items()}
        value = target(**arguments)
        if slot is not None:
            self.slots[slot] = value
        if not given:
            return value
        self.slots["after"] = (value, arguments)
        return [value, arguments]

    def do_each(self, calls: list[dict[str, Any]]) -> list[Any]:
        """Several calls, each with its own error."""
        found = []
        for call in calls:
            try:
                # subtle: packed at once, or a later call could change what an earlier one gave.
                found.append({"value": copy.deepcopy(self.do_call(**call))})
            except Exception as error:
                found.append({"error": self.said(error)})
        return found

    def do_share(self, values: dict[str, Any]) -> None:
        """Set global names of the file."""
        self.names.update({name: self.resolve(each) for name, each in values.items()})

    def do_look(self, names: list[str]) -> dict[str, Any]:
        """What global names of the file stand for."""
        return {name: self.names.get(name) for name in names}

    def do_set(self, slot: str, fields: dict[str, Any]) -> None:
        """Set attributes of an object that stays here; layers.0.W is one of a part of it."""
        for path, value in fields.items():
            *steps, name = path.split(".")
            target = self.slots[slot]
            for step in steps:
                if isinstance(target, dict):
                    target = target[step]
                else:
                    target = target[int(step)] if step.isdigit() else getattr(target, step)
            setattr(target, name, self.resolve(value))

    def do_get(self, slot: str) -> object:
        return self.slots[slot]

    def resolve(self, value: object) -> Any:  # noqa: ANN401
        """The value with what stays here in the place of its name."""
        import numpy as np

        from chainrule.explain.grade.frames import Made, Slot

        if isinstance(value, Made):
            kind = self.names.get(value.kind, SimpleNamespace)
            return kind(**{key: self.resolve(each) for key, each in value.fields.items()})
        if isinstance(value, Slot):
            kept = self.slots[value.name]
            for step in value.path:
                kept = kept[step]
            return copy.deepcopy(kept)
        if isinstance(value, np.ndarray):
            return value.copy()  # the file may change it in place
        if isinstance(value, list | tuple):
            return type(value)(map(self.resolve, value))
        if isinstance(value, dict):
            return {key: self.resolve(each) for key, each in value.items()}
        return value


def is_definition(statement: ast.stmt) -> bool:
    """A function, a class, an import, or a name for something that needs no computing."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
        return True
    if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
        value = statement.value
        plain = (
            ast.Constant,
            ast.UnaryOp,
            ast.BinOp,
            ast.Name,
            ast.Attribute,
            ast.operator,
            ast.unaryop,
            ast.expr_context,
            ast.Tuple,
            ast.List,
            ast.Dict,
        )
        return isinstance(value, ast.Lambda) or all(isinstance(n, plain) for n in ast.walk(value))
    return False


def main() -> None:
    folder, seconds, memory = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    for descriptor in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    leave_network()  # while there is one thread
    from chainrule.explain.grade.frames import unpack

    limit_memory(memory)
    sys.dont_write_bytecode = True
    sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 (as long as we live)
    builtins.input = no_input
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, out_of_time)
    warnings.simplefilter("ignore")
    watch(folder)
    room = Room(seconds)
    while True:
        try:
            request = unpack(requests)
        except EOFError:
            return
        answers.write(room.reply(request))
        answers.flush()


if __name__ == "__main__":
    main()
