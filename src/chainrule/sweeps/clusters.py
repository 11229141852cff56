"""Jobs done side by side by the workers of a Ray cluster: a run a task, a processor a run.

The folder of the runs must be there for every worker, at the same path. A worker that dies costs
its own job, as a process does, and the same command goes on from the run's last checkpoint.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import inf
from typing import Any

from chainrule.bridges.cluster import first_line, joined
from chainrule.sweeps.grid import Sets
from chainrule.sweeps.jobs import Job, News, train_run
from chainrule.sweeps.processes import FAILURES, LOOK_UP


def on_ray(
    jobs: Sequence[Job], stopping: Callable[[], bool], *, address: str | None, count: int | None
) -> Iterator[News]:
    """Do these jobs on the cluster at an address; at None on a Ray of this machine with so many
    workers, which is started for them. There is news of ends alone.

    Once `stopping` is true those under way are broken off, and stand at their last checkpoints.
    Raises WorkerError if the cluster cannot be used.
    """
    with joined(address, count) as ray:
        remote: Any = ray.remote(num_cpus=1, max_retries=0)
        under_way = {remote(on_worker).remote(job): job for job in jobs}
        while under_way and not stopping():
            done, _ = ray.wait(list(under_way), timeout=LOOK_UP)
            for ref in done:
                job = under_way.pop(ref)
                try:
                    yield News(job, 0, *ray.get(ref))
                except ray.exceptions.RayError as error:
                    why = f"its worker ended ({first_line(error)}); the same command goes on"
                    yield News(job, error=why)
        for ref in under_way:
            ray.cancel(ref, force=True)


@cache
def sets() -> Sets:
    """The digits that a worker has loaded."""
    return Sets()


def on_worker(job: Job) -> tuple[Any, str | None]:
    """Train a run to its end; its folder, or what is wrong."""
    try:
        digits = sets().of(job.settings)
        return train_run(job, digits, threads=1, allowed=lambda step: inf), None
    except FAILURES as error:
        return None, str(error) or type(error).__name__
