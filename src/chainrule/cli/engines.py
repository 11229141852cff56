"""Which engine computes: what is said of it, and what is done before it begins."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import click

from chainrule.cli.printing import show, warn
from chainrule.engine.choice import ENGINES, TO_GET_IT, EngineName, missing
from chainrule.runs.run import Run

engine_option = click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    show_default=True,
    help="What computes; auto: compiled where the extra fast is installed, else numpy.",
)


def check_engine(wanted: EngineName) -> None:
    """A usage error if the engine that is asked for cannot be used here."""
    if wanted == "compiled" and (reason := missing()):
        raise click.ClickException(
            f"the compiled engine cannot be used here: {reason}; --engine numpy can"
        )


def in_words(engine: str, *, hint: bool) -> str:
    """Which engine computes, as the first line of a training; with `hint`, why no faster one."""
    if engine == "compiled":
        if reason := missing():  # of a finished run
            return f"engine: compiled, which cannot be used here: {reason}"
        import numba

        return f"engine: compiled (Numba {numba.__version__})"
    return slower(missing() if hint else None)


def slower(reason: str | None) -> str:
    """That NumPy computes, and why the compiled engine does not, if that is worth a word."""
    if reason is None:
        return "engine: NumPy"
    if TO_GET_IT in reason:
        return f"engine: NumPy; {TO_GET_IT} makes it several times faster"
    return f"engine: NumPy; the compiled one, which is faster, cannot be used: {reason}"


def to_measure(run: Run) -> EngineName:
    """The engine that measures a run's network: its own, which is loaded, if that can be."""
    return "compiled" if run.engine == "compiled" and not missing() else "numpy"


def get_ready(run: Run, where: str, *, hint: bool, shown: bool) -> None:
    """Have the run's engine ready, so that no step waits for it; say so, if it is to be shown.

    `where` says where the run stands, if it is stopped meanwhile.
    """

    def tell(line: str) -> None:
        with suppress(OSError):  # the training goes on even if nobody reads this
            if shown:
                show([line])
                sys.stdout.flush()  # before the wait

    if shown:  # else nobody asks for what missing() looks for
        tell(in_words(run.engine, hint=hint))
    if to_measure(run) == "compiled":
        compile_once(tell, f"stopped {where}")


def compile_once(tell: Callable[[str], object], stopped: str) -> None:
    """Have the compiled engine ready; `stopped` is what is said if Ctrl-C ends it meanwhile."""
    from chainrule.engine.compiled.ready import make_ready

    with leaving_at_once(stopped):
        make_ready(tell)


@contextmanager
def leaving_at_once(message: str) -> Iterator[None]:
    """Within this, Ctrl-C or SIGTERM ends the process, in one line.

    subtle: not by an exception. One that is raised in a callback of the compiler or of the import
    system is printed with its traceback, and then forgotten.
    """

    def leave(number: int, _: object) -> None:
        try:
            warn(message)
        finally:
            os._exit(128 + number)

    before = {each: signal.signal(each, leave) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
