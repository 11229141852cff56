"""Jobs done side by side in processes of this machine.

A worker reads its jobs from a pipe and writes there how far it is. To stop it is to write anything
more, or to close the pipe: then its run ends at a checkpoint. So workers whose sweep was killed
end by themselves, and a worker that is killed costs nothing but its own job.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from math import inf
from multiprocessing.connection import Connection, wait
from pathlib import Path

from chainrule.sweeps.grid import Sets
from chainrule.sweeps.jobs import Job, News, train_run

LOOK_UP = 0.2  # seconds: so long a wish to stop may wait
FAILURES = (ArithmeticError, MemoryError, OSError, ValueError)  # what a training may raise


def in_processes(
    jobs: Sequence[Job], stopping: Callable[[], bool], *, count: int, threads: int
) -> Iterator[News]:
    """Do these jobs, `count` at a time with so many threads each; the news of all of them.

    Once `stopping` is true no job is begun any more, and those under way end at a checkpoint. A job
    whose process ends by itself has failed; another process takes the next. If this is closed on
    the way, the processes are killed.
    """
    waiting = deque(jobs)
    crew: list[Worker] = []
    try:
        while waiting or crew:
            if stopping():
                waiting.clear()
                for worker in crew:
                    worker.stop()
            while waiting and len(crew) < count:
                crew.append(Worker(threads))
                crew[-1].give(waiting.popleft())
            for worker in ready(crew):
                news = worker.news()
                yield news
                if not (news.folder or news.error):
                    continue
                if waiting and worker.process.is_alive() and not worker.stopped:
                    worker.give(waiting.popleft())
                else:
                    crew.remove(worker)
                    worker.dismiss()
    finally:
        for worker in crew:
            worker.process.kill()
            worker.dismiss()


class Worker:
    """A process that does one job after another."""

    job: Job

    def __init__(self, threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # no lock of ours is copied half-way
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, threads), daemon=True)
        with no_signals():
            self.process.start()
        theirs.close()
        self.stopped = False

    def give(self, job: Job) -> None:
        self.job = job
        with suppress(OSError):  # of one that has ended there will be news
            self.pipe.send(job)

    def stop(self) -> None:
        if not self.stopped:
            self.stopped = True
            with suppress(OSError):
                self.pipe.send(None)

    def news(self) -> News:
        """What it has written, or that it has ended."""
        try:
            step, folder, error = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            return News(self.job, error=f"its process ended ({how}); the same command goes on")
        return News(self.job, step, folder, error)

    def dismiss(self) -> None:
        """Let it end: it is at no job any more."""
        self.pipe.close()
        self.process.join()
        self.process.close()


def ready(crew: Sequence[Worker]) -> list[Worker]:
    """Those who have news; there may be none within LOOK_UP seconds."""
    found = wait([worker.pipe for worker in crew], LOOK_UP)
    return [worker for worker in crew if worker.pipe in found]


@contextmanager
def no_signals() -> Iterator[None]:
    """Start processes in which Ctrl-C and SIGTERM do nothing: the pipe alone stops them.

    subtle: they inherit what is blocked here, so not even one that is still importing is
    interrupted. What comes meanwhile is delivered to this process right after.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(pipe: Connection, threads: int) -> None:
    """Do the jobs that come through the pipe, until anything else comes or it is closed."""
    sets = Sets()

    def tell(step: int, folder: Path | None = None, error: str | None = None) -> None:
        with suppress(OSError):  # nobody may listen any more
            pipe.send((step, folder, error))

    with suppress(EOFError):
        while isinstance(job := pipe.recv(), Job):
            try:
                folder = train_run(
                    job,
                    sets.of(job.settings),
                    threads=threads,
                    allowed=lambda step: 0 if pipe.poll() else inf,
                    told=tell,
                )
            except FAILURES as error:
                tell(0, error=str(error) or type(error).__name__)
            else:
                tell(0, folder)
