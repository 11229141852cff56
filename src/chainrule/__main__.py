"""The front door: `python -m chainrule`, and the script `chainrule`.

Only modules that Python has loaded anyway are imported here: NumPy and click take a tenth of a
second or more, and Ctrl-C may come in that time.
"""

import os
import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it in one line, from the first import to the last."""
    open_missing_streams()
    try:
        import signal

        # SIGINT that is ignored, as of a job in the background, stays ignored.
        ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if ours:
            # subtle: no exception while modules are loaded. One that is raised in a callback of
            # the import system is printed with its traceback, and then forgotten.
            signal.signal(signal.SIGINT, stopped)
        from chainrule.cli.main import main as commands

        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            commands()
        finally:
            let_go_of_streams()
            # The work is over: from here on Ctrl-C simply ends the process.
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, signal.SIG_DFL)
    except KeyboardInterrupt:
        stopped()


def open_missing_streams() -> None:
    """Stand in for a stdin, stdout or stderr that was closed before the start.

    Otherwise the next file that is opened, perhaps a model, would get the number of the closed
    stream, and whatever is printed would be written into that file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free: number
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def let_go_of_streams() -> None:
    """Throw away what stdout or stderr could not take.

    subtle: Python keeps such output and tries to write it again when it shuts down. If that fails,
    it prints a traceback and exits with code 120 instead of ours.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def stopped(*_: object) -> None:
    """Leave at once, without a traceback: nothing is under way."""
    try:
        os.write(2, b"chainrule: stopped before the end\n")
    finally:
        os._exit(130)


if __name__ == "__main__":
    main()
