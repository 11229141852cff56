"""The functions of a notebook that is running, graded where they are.

    report = grade_names(get_ipython().user_ns)

They are called in this very process, with all that the cells before have made: a file can be run
again apart, but cells that have loaded data or trained for an hour cannot. What a call prints or
warns goes nowhere, a call has its time where the system has a clock for it, and afterwards every
global name means what it meant before.
"""

import ast
import inspect
import io
import linecache
import signal
import textwrap
import threading
import warnings
from collections.abc import Iterator
from types import FunctionType, ModuleType, TracebackType
from typing import Any

import numpy as np

from chainrule.explain.grade.attempt import SECONDS, Answer, Callee, Loaded, Trouble, read
from chainrule.explain.grade.frames import FrameError, pack, unpack
from chainrule.explain.grade.grading import report_on
from chainrule.explain.grade.names import role_of
from chainrule.explain.grade.report import Report
from chainrule.explain.grade.runner import Room, out_of_time
from chainrule.explain.grade.source import Function, Source, described
from chainrule.network import Loss

NAME = "notebook"


def grade_names(
    names: dict[str, Any], *, loss: Loss | None = None, seconds: float = SECONDS
) -> Report:
    """The report on the functions that these names mean, such as globals().

    Only those count that were defined where the names are, and not those that were imported.
    """
    functions = functions_of(names)
    known = [each for each in functions.values() if role_of(each.name)]
    if not known:
        return Report(
            NAME,
            refused="no function is known by its name; wanted forward, loss, backward or others of "
            "chainrule grade --template, and the cells that define them run",
        )
    made = frozenset(
        name
        for name, value in names.items()
        if not callable(value) and not isinstance(value, ModuleType)
    )
    source = Source(NAME, "", functions, made=made)
    with Session(names, seconds=seconds) as session:
        return report_on(session, source, Loaded(whole=True), loss)


class Session(Callee):
    """Names of this process, called in a `with`, which leaves them as they were."""

    def __init__(self, names: dict[str, Any], *, seconds: float = SECONDS) -> None:
        self.shared = {}
        # Python lets only its main thread hear the clock.
        clock = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
        self.room = Room(seconds if clock else 0)
        self.room.names = names
        ours = [function for _, function in defined_in(names)]
        files = {each.__code__.co_filename for each in ours}
        self.room.texts = {file: linecache.getlines(file) for file in files}
        # subtle: names may be a copy of what the functions take their global names from.
        scopes = {id(each.__globals__): each.__globals__ for each in ours}
        self.scopes = list(scopes.values())

    def __enter__(self) -> "Session":
        self.before, self.random = list(map(dict, self.scopes)), np.random.get_state()
        held = [value for scope in self.scopes for value in scope.values()]
        self.contents = [(each, each.copy()) for each in held if type(each) in (dict, list)]
        if self.room.seconds:
            self.heard: Any = signal.signal(signal.SIGALRM, out_of_time)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.room.seconds:
            signal.signal(signal.SIGALRM, self.heard)
        np.random.set_state(self.random)
        for scope, before in zip(self.scopes, self.before, strict=True):
            for name in scope.keys() - before.keys():
                del scope[name]
        self.reload()

    def reload(self) -> None:
        """Global names mean what they meant; dicts and lists among them get back what they had."""
        for scope, before in zip(self.scopes, self.before, strict=True):
            scope.update(before)
        for value, content in self.contents:
            if isinstance(value, dict):
                value.clear()
                value.update(content)
            else:
                value[:] = content

    def share(self, values: dict[str, Any]) -> None:
        """Set global names of the functions."""
        for scope in self.scopes:
            scope.update(values)

    def ask(self, request: dict[str, Any]) -> Answer:
        """One exchange; values travel as between two processes, so that neither side changes one.

        Raises KeyboardInterrupt where the person, or the tool, interrupts the cell.
        """
        try:
            request = unpack(io.BytesIO(pack(request)))
        except FrameError as error:
            return Answer(trouble=Trouble("FrameError", str(error)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = read(unpack(io.BytesIO(self.room.reply(request))))
        if answer.trouble is not None and answer.trouble.kind == "KeyboardInterrupt":
            raise KeyboardInterrupt
        return answer


def functions_of(names: dict[str, Any]) -> dict[str, Function]:
    """The functions and methods that were defined where the names are, as they are written."""
    found = {}
    for name, function in defined_in(names):
        owner, _, own = name.rpartition(".")
        node = written(function)
        if node is None:
            found[name] = unwritten(name, owner, function)
        else:
            found[name] = described(own, node.args, node, owner)
    return found


def defined_in(names: dict[str, Any]) -> Iterator[tuple[str, FunctionType]]:
    """Each function by its name, and each method by Class.method, below what decorates it."""
    here = names.get("__name__")
    for name, value in list(names.items()):
        if name.startswith("_") or not isinstance(value, FunctionType | type):
            continue
        if value.__module__ != here:
            continue
        inside = vars(value).items() if isinstance(value, type) else [("", value)]
        for inner, function in inside:
            function = getattr(function, "__func__", function)  # of a staticmethod
            if isinstance(function, FunctionType):
                yield f"{name}.{inner}".removesuffix("."), undecorated(function)


def undecorated(function: FunctionType) -> FunctionType:
    inner = vars(function).get("__wrapped__")
    return undecorated(inner) if isinstance(inner, FunctionType) else function


def written(function: FunctionType) -> ast.FunctionDef | ast.Lambda | None:
    """The definition of a function as it is written; None where its text is not known."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function.__code__)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    nodes = (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.Lambda))
    return next(nodes, None)


def unwritten(name: str, owner: str, function: FunctionType) -> Function:
    """What the code alone tells of a function whose text is not known, as below %%time."""
    code = function.__code__
    params = code.co_varnames[: code.co_argcount][bool(owner) :]
    required = max(0, len(params) - len(function.__defaults__ or ()))
    return Function(
        name, code.co_firstlineno, params, required, owner=owner, free=frozenset(code.co_names)
    )
