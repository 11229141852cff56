"""A file that runs in a process of its own, within limits; what comes back is data alone.

    with Attempt(text, "mine.py") as attempt:
        attempt.load()
        answer = attempt.call("softmax", {"Z": Z})

The process has no input, may open no network where the system can forbid it, starts no program,
writes only in a folder that is removed, and has limits on time, memory and output. This protects
from mistakes. It is no sandbox against malice: run files of strangers on a machine made for that.
"""

import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from chainrule.explain.grade.frames import FrameError, pack, unpack

SECONDS = 5.0  # for the file itself, and for each call
MEMORY = 2_000_000_000  # bytes of addresses
AT_ONCE = 24  # calls in one exchange: a frame holds so many parts
GRACE = 2.0  # seconds after which a process that does not end by itself is ended


@dataclass(frozen=True)
class Trouble:
    """What went wrong in the file, as data: kind is the exception's class, or one of ours."""

    kind: str  # ValueError, …; OutOfTime, Refused; Ended: the process is gone
    message: str
    line: int | None = None
    text: str = ""  # that line of the file
    missing: str | None = None  # the module or file that is not there

    def in_words(self) -> str:
        """In one line: what happened, and where."""
        where = f" in line {self.line}: {self.text}" if self.line else ""
        match self.kind:
            case "OutOfTime":
                return f"it is still running after the time it has{where}"
            case "Refused":
                return self.message + where
            case "Ended":
                return f"its process ended: {self.message}"
            case "NotImplementedError":
                return "not written yet"
            case "MemoryError":
                return f"it needs more memory than it has{where}"
        return f"{self.kind}: {self.message}{where}" if self.message else f"{self.kind}{where}"


@dataclass(frozen=True)
class Answer:
    """The value of a call, or its trouble; and what it printed."""

    value: Any = None
    trouble: Trouble | None = None
    printed: int = 0  # characters


@dataclass
class Loaded:
    """How the file was run."""

    whole: bool  # False: its definitions alone
    trouble: Trouble | None = None  # of the whole file, if only its definitions could be run
    failed: list[Trouble] = field(default_factory=list)  # definitions that could not be run
    printed: int = 0


class Callee(ABC):
    """Somebody else's functions, wherever they run: asked by requests, answered as data."""

    shared: dict[str, Any]

    @abstractmethod
    def ask(self, request: dict[str, Any]) -> Answer:
        """One exchange."""

    @abstractmethod
    def reload(self) -> None:
        """Make global names mean what they meant at the beginning."""

    def call(
        self,
        function: str,
        named: dict[str, Any] | None = None,
        *,
        slot: str | None = None,
        given: bool = False,
    ) -> Answer:
        """Call a function of the file; with `slot` its value stays there under that name, too.

        With `given` the value is a pair: what it gave, and the arguments as it left them.
        """
        return self.ask({"do": "call", **calling(function, named or {}, slot, given)})

    def call_each(
        self, function: str, calls: Sequence[dict[str, Any]], *, given: bool = False
    ) -> list[Answer]:
        """Call a function with several sets of arguments, AT_ONCE of them in one exchange."""
        found: list[Answer] = []
        for first in range(0, len(calls), AT_ONCE):
            asked = [calling(function, each, None, given) for each in calls[first:][:AT_ONCE]]
            answer = self.ask({"do": "each", "calls": asked})
            if answer.trouble is not None:
                return found + [answer] * (len(calls) - len(found))
            found += map(read, answer.value)
        return found

    def share(self, values: dict[str, Any]) -> None:
        """Set global names of the file, where they are other ones than now."""
        same = values.keys() == self.shared.keys() and all(
            isinstance(each, int | float) and each == self.shared[name]
            for name, each in values.items()
        )
        if not same:
            self.shared = values
            self.ask({"do": "share", "values": values})

    def look(self, names: Sequence[str]) -> Answer:
        """The values that global names of the file have now."""
        return self.ask({"do": "look", "names": list(names)})

    def set(self, slot: str, **fields: object) -> Answer:
        return self.ask({"do": "set", "slot": slot, "fields": fields})

    def get(self, slot: str) -> Answer:
        return self.ask({"do": "get", "slot": slot})


class Attempt(Callee):
    """A file in its own process. Use it in a `with`; it ends the process and removes the folder."""

    def __init__(
        self,
        text: str,
        name: str,
        *,
        seconds: float = SECONDS,
        memory: int = MEMORY,
        whole: float = math.inf,
    ) -> None:
        """`seconds` are for the file and for each call; `whole`: for all of them together."""
        self.text, self.name, self.seconds, self.memory = text, name, seconds, memory
        self.until = time.monotonic() + whole
        self.folder = tempfile.TemporaryDirectory(prefix="chainrule-grade-")
        self.process: subprocess.Popen[bytes] | None = None
        self.definitions = False
        self.shared = {}

    def __enter__(self) -> "Attempt":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
        self.folder.cleanup()

    def load(self) -> Loaded:
        """Run the file; where that fails or takes too long, its definitions alone."""
        answer = self.ask(self.loading())
        if answer.trouble is None:
            return Loaded(True, printed=answer.printed)
        self.definitions = True
        again = self.ask(self.loading())
        if again.trouble is not None:
            return Loaded(False, answer.trouble, [again.trouble], answer.printed)
        failed = [Trouble(**each) for each in again.value["failed"]]
        return Loaded(False, answer.trouble, failed, answer.printed)

    def reload(self) -> None:
        """Run the file again."""
        self.shared = {}
        self.ask(self.loading())

    def loading(self) -> dict[str, Any]:
        return {
            "do": "load",
            "text": self.text,
            "name": self.name,
            "definitions": self.definitions,
        }

    def ask(self, request: dict[str, Any]) -> Answer:
        """One exchange; a process that is gone is started again, and knows the file again."""
        try:
            frame = pack(request)
        except FrameError as error:
            return Answer(trouble=Trouble("FrameError", str(error)))
        if time.monotonic() > self.until:
            return Answer(trouble=Trouble("OutOfTime", ""))
        if self.process is None:
            self.start()
            if request["do"] != "load":
                again = self.exchange(pack(self.loading()))
                if again.trouble is not None:
                    return again
                if self.shared:
                    self.exchange(pack({"do": "share", "values": self.shared}))
        return self.exchange(frame)

    def exchange(self, frame: bytes) -> Answer:
        process = self.process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        overdue = threading.Event()

        def stop() -> None:
            overdue.set()
            process.kill()

        clock = threading.Timer(self.seconds + GRACE, stop)
        clock.start()
        try:
            process.stdin.write(frame)
            process.stdin.flush()
            return read(unpack(process.stdout))
        except (OSError, EOFError, FrameError) as error:
            self.end()
            if overdue.is_set() or time.monotonic() > self.until:
                return Answer(trouble=Trouble("OutOfTime", ""))
            why = str(error) if isinstance(error, FrameError) else ended(process.returncode)
            return Answer(trouble=Trouble("Ended", why))
        finally:
            clock.cancel()

    def start(self) -> None:
        folder = self.folder.name
        kept = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT") if key in os.environ}
        one = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-m",
                "chainrule.explain.grade.runner",
                folder,
                str(self.seconds),
                str(self.memory),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={**kept, **one, "HOME": folder, "TMPDIR": folder, "MPLBACKEND": "Agg"},
        )

    def stop(self) -> None:
        """Give it no more time. Another thread may ask this: whoever waits gets OutOfTime."""
        self.until = -math.inf
        if process := self.process:
            process.kill()

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def calling(function: str, named: dict[str, Any], slot: str | None, given: bool) -> dict[str, Any]:
    return {"function": function, "named": named, "slot": slot, "given": given}


def read(found: dict[str, Any]) -> Answer:
    """The answer in what came back."""
    try:
        printed = found.get("printed", [0])[0]
        if error := found.get("error"):
            return Answer(trouble=Trouble(**error), printed=printed)
        return Answer(found["value"], printed=printed)
    except (TypeError, KeyError, AttributeError, IndexError):
        raise FrameError("not an answer") from None


def ended(code: int | None) -> str:
    """Why a process is gone, as far as its exit code tells."""
    if code is not None and code < 0:
        return f"the system ended it with signal {-code}"
    return f"it left with exit code {code}"
