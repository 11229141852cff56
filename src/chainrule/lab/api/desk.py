"""Where files are graded, one at a time."""

import threading

from chainrule.explain.grade.attempt import Attempt
from chainrule.explain.grade.grading import report_on
from chainrule.explain.grade.report import Report
from chainrule.explain.grade.source import Source
from chainrule.files import in_words
from chainrule.lab.wire import RefusedError
from chainrule.network import Loss

SECONDS = 60.0  # for all that a file is asked
BUSY = "another file is being checked; wait until that is done, and check again"


class Desk:
    """Where one file at a time is graded, whoever asks."""

    def __init__(self) -> None:
        self.taken = threading.Lock()
        self.attempt: Attempt | None = None

    def grade(self, source: Source, loss: Loss | None) -> Report:
        """The report on a file; RefusedError while there is another one, or if none can be run."""
        if not self.taken.acquire(blocking=False):
            raise RefusedError(BUSY, "conflict")
        try:
            with Attempt(source.text, source.name, whole=SECONDS) as self.attempt:
                return report_on(self.attempt, source, self.attempt.load(), loss)
        except OSError as error:
            raise RefusedError(f"the file cannot be run: {in_words(error)}", "unwritable") from None
        finally:
            self.attempt = None
            self.taken.release()

    def stop(self) -> None:
        """End what runs: its report comes at once, with what is known so far."""
        if attempt := self.attempt:
            attempt.stop()
