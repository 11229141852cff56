"""Who computes beside this process: the option --ray, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from chainrule.cli.engines import leaving_at_once
from chainrule.cli.printing import warn
from chainrule.engine.choice import shares
from chainrule.runs.run import Run

if TYPE_CHECKING:
    from chainrule.bridges.ray import RayExecutor

HERE = "local"


def ray_option(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option --ray; `what` says what is done there."""
    return click.option(
        "--ray",
        metavar="[ADDRESS]",
        is_flag=False,
        flag_value=HERE,
        help=f"{what}, or of a Ray that is started on this machine; the result is the same.",
    )


@contextmanager
def ray_workers(address: str | None, threads: int | None) -> Iterator[RayExecutor | None]:
    """The workers of a Ray cluster, or None if none are asked for.

    With `threads` so many compute in all, of which this process is one.
    """
    if address is None:
        yield None
        return
    from chainrule.bridges.ray import RayExecutor

    workers = None if threads is None else max(1, threads - 1)
    if address == HERE:
        made = RayExecutor(workers=workers)
    else:
        with leaving_at_once("stopped before the start"):
            made = RayExecutor(address, workers=workers)
    with made as executor:
        yield executor


def workers_line(executor: RayExecutor | None, address: str | None) -> list[str]:
    """A line that says where it is computed, if that is not here alone."""
    if executor is None:
        return []
    where = "this machine" if address == HERE else address
    return [f"workers: this process, and {executor.workers} of Ray on {where}"]


def warn_if_alone(executor: RayExecutor | None, run: Run, m: int) -> None:
    """Say that the workers have little to do, if the steps of this run are not shared."""
    if executor and not shares(run.engine, run.sizes, m, run.settings.batch_size):
        warn("its steps are too small to be shared: Ray's workers only help to measure")
