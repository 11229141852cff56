"""The command `train`: a new run, or one that goes on, until it ends or is asked to stop."""

import hashlib
import math
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from chainrule.cli.engines import check_engine, engine_option, get_ready, to_measure
from chainrule.cli.options import (
    NumberType,
    Place,
    dashed,
    data_option,
    example,
    json_option,
    meant,
    quiet_option,
    read_digits,
    recipes,
    setting_options,
)
from chainrule.cli.printing import fail, print_json, show, warn
from chainrule.cli.progress import progress
from chainrule.data import Digits, bundled_mnist
from chainrule.engine.choice import ENGINES, EngineName
from chainrule.files import make_folder, remove_empty
from chainrule.model import MODEL, load_model
from chainrule.runs.checkpoint import Checkpoint, read_checkpoint, what_is_safe
from chainrule.runs.digits import reading_of
from chainrule.runs.folder import (
    begin,
    change_engine,
    change_rate,
    discard,
    is_there,
    new_folder,
    open_run,
    prepare,
    resume_command,
    start_of,
)
from chainrule.runs.going import CHECKPOINT_EVERY, engine_of, go_on
from chainrule.runs.kinds import Number
from chainrule.runs.lock import locked
from chainrule.runs.machine import machine_difference
from chainrule.runs.run import Run
from chainrule.runs.settings import RunError, Settings
from chainrule.sources.summary import TRANSPOSED, looks_transposed
from chainrule.training import DivergenceError, Snapshot, evaluate


@click.command("train", epilog=f"\b\n{recipes()}\n\n{example('train --hidden 128 --seed 1')}")
@data_option("mnist, which is in the package")
@setting_options
@engine_option
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads to compute with, by default one for each core; the result is the same.",
)
@click.option(
    "--out",
    type=Place(),
    help="The folder for the run; by default runs/<date-time>.",
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
    out: Path | None,
    resume: Path | None,
    checkpoint_every: float,
    quiet: bool,
    as_json: bool,
    **wanted: Any,  # noqa: ANN401, the options that are settings
) -> None:
    """Train a network, measure it, and save it.

    Without options: the small network (784-10-10, squared error) by full-batch gradient
    descent.

    The training is a run in a folder of its own. Ctrl-C stops it after the current step. However it
    was stopped, --resume goes on with it to the same bytes. With --resume you may give --threads,
    --checkpoint-every, --quiet, --json, --data if the digits have moved, --learning-rate, which
    changes the rate from the current step on, and --engine, where the bytes will differ from there
    on; the run records both. Without --engine it goes on with its own.
    """
    check_engine(engine)
    if resume is not None:
        refuse_settings()
        open_run(resume)
    place = None if data in (None, bundled_mnist()) else str(data.absolute())
    asking = Settings(data=place, **meant(wanted))
    shown = not (quiet or as_json)
    with (
        stop_signals() as asked,
        output_folder(out) if resume is None else nullcontext(resume) as folder,
        locked(folder),
    ):
        if resume is None:
            run, digits = new_run(folder, asking, engine)
        else:
            run, digits = resumed_run(resume, data, asking.learning_rate, engine)
        where = where_it_stopped(run, read_checkpoint(run))
        get_ready(run, where, hint=resume is None and engine == "auto", shown=shown)
        if shown:
            with suppress(OSError):  # the training goes on even if nobody reads this
                show(run_lines(run, digits[0]))
        try:
            snapshots = go_on(
                run,
                *digits,
                threads=threads,
                checkpoint_every=checkpoint_every,
                allowed=lambda step: 0 if asked else math.inf,
            )
            follow(snapshots, run.length, shown)
        except DivergenceError:
            if resume is None:  # it would diverge again at the same step
                discard(run)
            raise
        reached = read_checkpoint(run)
        if reached is None or reached.step < run.length:
            fail(f"stopped {where_it_stopped(run, reached)}", 128 + asked[0])
    tell(run, reached, digits, threads, shown=shown, as_json=as_json)


def new_run(
    folder: Path, settings: Settings, engine: EngineName
) -> tuple[Run, tuple[Digits, Digits]]:
    """A new run with these settings, and its digits; what cannot begin leaves no run behind."""
    run = begin(folder, settings, engine=engine)
    try:
        digits = read_digits(place_of(settings), reading_of(settings))
        if looks_transposed(digits[0]):
            warn(f"{digits[0].name}: {TRANSPOSED}")
        return prepare_or_refuse(run, digits), digits
    except BaseException:
        discard(run)
        raise


def resumed_run(
    folder: Path, data: Path | None, learning_rate: float | None, engine: EngineName
) -> tuple[Run, tuple[Digits, Digits]]:
    """The run in this folder, perhaps at another rate or by another engine from here on."""
    run = open_run(folder)
    reached = read_checkpoint(run)
    step = reached.step if reached else 0
    another = engine not in ("auto", run.engine)
    if not (another and run.engine in ENGINES) and not (reached and step == run.length):
        engine_of(run)  # refuses what cannot be used here
    place = place_of(run.settings) if data is None else data
    digits = read_digits(place, reading_of(run.settings))
    differs = machine_difference(run)
    warning = f"bytes may differ from here on: {differs}" if differs else None
    run = prepare_or_refuse(run, digits)
    if learning_rate is not None:
        run = change_rate(run, step, learning_rate)
    if another:
        warning = f"bytes differ from here on: the engine was {run.engine}, is {engine}"
        run = change_engine(run, step, engine)
    if warning:
        warn(warning)
    return run, digits


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


def follow(snapshots: Iterable[Snapshot], length: int, shown: bool) -> None:
    """Let the training go on to its last snapshot, on a terminal with a bar."""
    with progress(length) if shown and sys.stderr.isatty() else nullcontext() as bar:
        for snapshot in snapshots:
            if bar:
                bar(snapshot)


def where_it_stopped(run: Run, reached: Checkpoint | None) -> str:
    """Where a run stopped before its end, and how to go on with it."""
    if not is_there(run):
        return f"on the way; {what_is_safe(run)}"
    at = f"step {reached.step:,} of {run.length:,}" if reached else "the start"
    return f"at {at}; go on with: {resume_command(run.folder)}"


def tell(
    run: Run,
    reached: Checkpoint,
    digits: tuple[Digits, Digits],
    threads: int | None,
    *,
    shown: bool,
    as_json: bool,
) -> None:
    """Measure the network of a finished run, and print how good it is."""
    network = load_model(run.folder)
    on_train, on_test = (
        evaluate(network, each, engine=to_measure(run), threads=threads) for each in digits
    )
    model = str(run.folder / MODEL)
    if as_json:
        print_json(
            accuracy=on_test.accuracy,
            train_accuracy=on_train.accuracy,
            loss=on_train.loss,
            test_loss=on_test.loss,
            steps=run.length,
            seconds=reached.seconds,
            model=model,
            parameters_sha256=hashlib.sha256(network.parameters.tobytes()).hexdigest(),
            settings=settings_as_asked(run),
            classes=run.classes,
            engine=run.engine,
            changes=[change._asdict() for change in run.changes],
        )
        return
    from chainrule.cli import tables

    if shown:
        show(tables.confusion(on_test, digits[1].names))
        show(
            [
                f"loss {on_train.loss:.4f} on the training images, {on_test.loss:.4f} on the "
                f"test images",
                f"training accuracy {tables.percent(on_train.accuracy)}, "
                f"{reached.seconds:.1f} s of training",
                f"model {model}",
            ]
        )
    show([tables.accuracy(on_test, digits[1].name)])


def refuse_settings() -> None:
    """A usage error if anything but what may go with --resume was given."""
    context = click.get_current_context()
    may = {"resume", "learning_rate", "engine", "data"}
    may |= {"threads", "checkpoint_every", "quiet", "as_json"}
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name not in may:
            raise click.UsageError(
                f"{parameter.opts[0]} does not go with --resume: a run keeps its settings", context
            )


def run_lines(run: Run, digits: Digits) -> list[str]:
    """What is trained, on which digits, and where it stands."""
    settings, reached, m = run.settings, read_checkpoint(run), len(digits)
    network, _ = start_of(settings, len(run.classes))
    size = settings.batch_size
    seen = f"batches of {size:,} of {m:,} images" if size else f"all {m:,} images"
    seen += f" of {digits.name}"
    rate = f"α = {run.learning_rate(-1):g}"
    how = f"{settings.optimizer}, {rate}, {run.length:,} steps of {seen}, seed {settings.seed}"
    lines = [str(network), how]
    if run.changes:
        lines.append(run.rates)
    if len(run.engines) > 1:
        lines.append(f"computed by {run.computed}")
    kept, moments = len(run.recorded_steps), len(run.moments)
    if kept < moments:
        lines.append(f"{kept} of {moments} moments are kept to look back: the network is large")
    if (run.folder / MODEL).exists():
        lines.append(f"{run.folder} is finished: there is nothing left to train")
    elif reached is not None:
        lines.append(f"going on after step {reached.step:,}")
    return lines


def settings_as_asked(run: Run) -> dict[str, object]:
    """The settings of a run in the words of the options."""
    settings = run.settings.as_json() | {"steps": run.length}
    del settings["epochs"]
    return {
        **settings,
        "data": "mnist" if settings["data"] is None else settings["data"],
        "loss": dashed(settings["loss"]),
        "batch_size": settings["batch_size"] or "all",
    }


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
