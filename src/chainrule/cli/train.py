"""The command `train`: a new run, or one that goes on, until it ends or is asked to stop."""

import math
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from click.core import ParameterSource

from chainrule.cli.engines import check_engine, engine_option, get_ready
from chainrule.cli.options import (
    NumberType,
    Place,
    data_option,
    example,
    json_option,
    meant,
    model_place,
    quiet_option,
    read_digits,
    recipes,
    setting_options,
)
from chainrule.cli.printing import fail, show, warn
from chainrule.cli.progress import progress
from chainrule.cli.told import run_lines, tell, where_it_stopped
from chainrule.cli.workers import ray_option, ray_workers, warn_if_alone, workers_line
from chainrule.data import PIXELS, Digits, bundled_mnist
from chainrule.engine.choice import ENGINES, EngineName
from chainrule.files import ModelError, make_folder, remove_empty
from chainrule.model import load_model
from chainrule.network import Network
from chainrule.runs.changes import change_engine, change_rate, extend
from chainrule.runs.checkpoint import read_checkpoint
from chainrule.runs.digits import count_learned, reading_of
from chainrule.runs.folder import (
    begin,
    discard,
    is_there,
    new_folder,
    open_run,
    prepare,
    resume_command,
    start_of_run,
)
from chainrule.runs.going import CHECKPOINT_EVERY, engine_of, go_on
from chainrule.runs.kinds import Number
from chainrule.runs.lock import locked
from chainrule.runs.machine import machine_difference
from chainrule.runs.run import Run
from chainrule.runs.settings import RunError, Settings
from chainrule.sources.summary import TRANSPOSED, looks_transposed
from chainrule.training import DivergenceError, Snapshot, settle

if TYPE_CHECKING:
    from chainrule.bridges.ray import RayExecutor


@click.command("train", epilog=f"\b\n{recipes()}\n\n{example('train --hidden 128 --seed 1')}")
@data_option("mnist, which is in the package")
@setting_options
@engine_option
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads to compute with, by default one for each core; the result is the same.",
)
@ray_option("Compute on the workers of the Ray cluster at HOST:PORT or auto")
@click.option(
    "--out",
    type=Place(),
    help="The folder for the run; by default runs/<date-time>.",
)
@click.option(
    "--from",
    "start",
    metavar="MODEL",
    type=model_place(),
    help="Start from this network, with its layers, and if not told its loss and weight decay.",
)
@click.option(
    "--resume",
    metavar="RUN",
    type=Place(),
    help="Go on with the run in this folder, to the same bytes as if it had not stopped.",
)
@click.option(
    "--checkpoint-every",
    metavar="SECONDS",
    type=NumberType(Number("a positive number such as 0.5", above=True)),
    default=CHECKPOINT_EVERY,
    show_default=True,
    help="How often the state is put on disk.",
)
@quiet_option
@json_option
def train_command(
    data: Path | None,
    engine: EngineName,
    threads: int | None,
    ray: str | None,
    out: Path | None,
    start: Path | None,
    resume: Path | None,
    checkpoint_every: float,
    quiet: bool,
    as_json: bool,
    **wanted: Any,  # noqa: ANN401, the options that are settings
) -> None:
    """Train a network, measure it, and save it.

    Without options: the small network (784-10-10, squared error) by full-batch gradient descent.

    The training is a run in a folder of its own. Ctrl-C stops it after the current step. However it
    was stopped, --resume goes on with it to the same bytes. With --resume you may give --threads,
    --ray, --checkpoint-every, --quiet, --json, --data if the digits have moved, --learning-rate,
    which changes the rate from the current step on, --engine, where the bytes will differ from
    there on, and --epochs or --steps, which make a finished run longer, to so many in all; the run
    records these. Without --engine it goes on with its own.
    """
    check_engine(engine)
    if resume is not None:
        refuse_settings()
        open_run(resume)
    place = None if data in (None, bundled_mnist()) else str(data.absolute())
    model = None if start is None else model_to_start(start, wanted)
    asking = Settings(data=place, **meant(wanted))
    shown = not (quiet or as_json)
    with (
        stop_signals() as asked,
        ray_workers(ray, threads) as executor,
        output_folder(out) if resume is None else nullcontext(resume) as folder,
        locked(folder),
    ):
        if resume is None:
            run, digits = new_run(folder, asking, engine, model)
        else:
            run, digits = resumed_run(resume, data, asking, engine)
        where = where_it_stopped(run, read_checkpoint(run))
        get_ready(run, where, hint=resume is None and engine == "auto", shown=shown)
        announce(run, digits[0], shown, executor, ray)
        snapshots = go_on(
            run,
            *digits,
            threads=threads,
            executor=executor,
            checkpoint_every=checkpoint_every,
            allowed=lambda step: 0 if asked else math.inf,
        )
        run = follow(run, snapshots, shown, new=resume is None)
        reached = read_checkpoint(run)
        if reached is None or reached.step < run.length:
            fail(f"stopped {where_it_stopped(run, reached)}", 128 + asked[0])
    tell(run, reached, digits, threads, shown=shown, as_json=as_json)


def announce(
    run: Run, digits: Digits, shown: bool, executor: "RayExecutor | None", ray: str | None
) -> None:
    """Say what is trained and who computes, if it is to be shown; and if nothing is shared."""
    if shown:
        with suppress(OSError):  # the training goes on even if nobody reads this
            show([*run_lines(run, digits), *workers_line(executor, ray)])
    warn_if_alone(executor, run, len(digits))


def new_run(
    folder: Path, settings: Settings, engine: EngineName, start: Network | None
) -> tuple[Run, tuple[Digits, Digits]]:
    """A new run with these settings, and its digits; what cannot begin leaves no run behind."""
    run = begin(folder, settings, engine=engine, start=start)
    try:
        digits = read_digits(place_of(settings), reading_of(settings))
        if looks_transposed(digits[0]):
            warn(f"{digits[0].name}: {TRANSPOSED}")
        run = prepare_or_refuse(run, digits)
        start_of_run(run)  # refuses a model that does not fit the digits
        return run, digits
    except BaseException:
        discard(run)
        raise


def resumed_run(
    folder: Path, data: Path | None, asking: Settings, engine: EngineName
) -> tuple[Run, tuple[Digits, Digits]]:
    """The run in this folder, perhaps longer, at another rate or by another engine from here on."""
    run = open_run(folder)
    reached = read_checkpoint(run)
    step = reached.step if reached else 0
    another = engine not in ("auto", run.engine)
    at_end = reached is not None and step == run.length
    longer = asking.steps is not None or asking.epochs is not None
    if not (another and run.engine in ENGINES) and not (at_end and not longer):
        engine_of(run)  # refuses what cannot be used here
    place = place_of(run.settings) if data is None else data
    digits = read_digits(place, reading_of(run.settings))
    differs = machine_difference(run)
    warning = f"bytes may differ from here on: {differs}" if differs else None
    run = prepare_or_refuse(run, digits)
    if longer:
        run = lengthened(run, digits[0], asking, at_end=at_end)
    if asking.learning_rate is not None:
        run = change_rate(run, step, asking.learning_rate)
    if another:
        warning = f"bytes differ from here on: the engine was {run.engine}, is {engine}"
        run = change_engine(run, step, engine)
    if warning:
        warn(warning)
    return run, digits


def lengthened(run: Run, train_set: Digits, asking: Settings, *, at_end: bool) -> Run:
    """The run, to go on to the length that is asked for; RunError unless it is at its end."""
    settings, m = run.settings, count_learned(run.settings, len(train_set))
    kind = settings.loss, settings.optimizer
    _, length = settle(*kind, m, None, settings.batch_size, asking.steps, asking.epochs)
    if at_end:
        return extend(run, length)
    if length != run.length:
        raise RunError(
            f"{run.folder} is to take {run.length:,} steps, and has not yet; first go on with: "
            f"{resume_command(run.folder)}, then make it longer"
        )
    return run  # the same command again, after it was stopped


def model_to_start(path: Path, wanted: dict[str, Any]) -> Network:
    """The network to start from; the settings that come from it are put among those wanted."""
    network = load_model(path)
    context = click.get_current_context()
    given = context.get_parameter_source
    hidden = network.sizes[1:-1]
    if given("hidden") is ParameterSource.COMMANDLINE and wanted["hidden"] != hidden:
        raise click.UsageError(
            f"--hidden: {path} has {','.join(map(str, hidden)) or 'no'} hidden units, "
            f"and a run keeps the layers that it starts with",
            context,
        )
    if network.sizes[0] != PIXELS:
        raise ModelError(f"{path}: a model for digits has {PIXELS} inputs, got {network.sizes[0]}")
    if network.parameters.dtype != np.float32:
        warn(f"{path}: its numbers are rounded to float32, in which runs are trained")
    wanted["hidden"] = hidden
    for name in ("loss", "weight_decay"):
        if given(name) is not ParameterSource.COMMANDLINE:
            wanted[name] = getattr(network, name)
    return network


def place_of(settings: Settings) -> Path | None:
    """Where the digits lie; None: the MNIST of the package."""
    return None if settings.data is None else Path(settings.data)


def prepare_or_refuse(run: Run, digits: tuple[Digits, Digits]) -> Run:
    """The run, prepared; a usage error if its settings do not fit the digits."""
    try:
        return prepare(run, *digits)
    except RunError:
        raise
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context()) from None


def follow(run: Run, snapshots: Iterable[Snapshot], shown: bool, *, new: bool) -> Run:
    """Let the training go on to its last snapshot, on a terminal with a bar; the run as it is then.

    A new run that diverges is removed: it would diverge again at the same step.
    """
    try:
        with progress(run.length) if shown and sys.stderr.isatty() else nullcontext() as bar:
            for snapshot in snapshots:
                if bar:
                    bar(snapshot)
    except DivergenceError:
        if new:
            discard(run)
        raise
    return open_run(run.folder) if is_there(run) else run  # its patience may have ended it


def refuse_settings() -> None:
    """A usage error if anything but what may go with --resume was given."""
    context = click.get_current_context()
    may = {"resume", "learning_rate", "engine", "data", "steps", "epochs"}
    may |= {"threads", "ray", "checkpoint_every", "quiet", "as_json"}
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name not in may:
            raise click.UsageError(
                f"{parameter.opts[0]} does not go with --resume: a run keeps its settings", context
            )


@contextmanager
def output_folder(path: Path | None) -> Iterator[Path]:
    """The folder for a new run, made before the work starts, so that it cannot fail after.

    Nothing is left behind if the work ends before there is a run in it.
    """
    made = new_folder(Path("runs")) if path is None else make_folder(path, exist_ok=True)
    folder = made[0] if path is None else path
    try:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "cannot be written", str(folder))
        yield folder
    except BaseException:
        remove_empty(made)
        raise


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """The signals that asked to stop: the first Ctrl-C or SIGTERM is noted, the next one acts."""
    asked: list[int] = []
    stopping = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.getsignal(each) for each in stopping}

    def note(number: int, _: object) -> None:
        asked.append(number)
        if len(asked) > 1:
            ignore_all()
            sys.exit(128 + number)  # in silence: a handler may interrupt another print

    def ignore_all() -> None:
        # Once it is leaving, a further one would only make a traceback of a clean end.
        for each in stopping:
            signal.signal(each, signal.SIG_IGN)

    for each in stopping:
        signal.signal(each, note)
    try:
        yield asked
    finally:
        if asked:
            ignore_all()
        else:
            for each, handler in before.items():
                signal.signal(each, handler)
