"""The command line: the only place that prints or exits."""

import codecs
import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO, cast

import click
import numpy as np

from chainrule import __version__
from chainrule.data import CLASSES, PIXELS, DataError, Digits, load_digits, load_mnist
from chainrule.descent import OPTIMIZERS, Optimizer
from chainrule.ledger import CellError, array_formula, open_cell, open_ledger
from chainrule.model import MODEL, ModelError, load_model, save_model
from chainrule.network import LOSSES, Loss, Network, initialise, probabilities
from chainrule.proof import ALL_UP_TO, SAMPLE, H, check
from chainrule.training import (
    BATCH_EPOCHS,
    RECIPES,
    DivergenceError,
    Snapshot,
    evaluate,
    settle,
    train,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

# What is said instead where the output cannot encode more than ASCII.
PLAIN = {
    "→": "->", "α": "alpha", "θ": "theta", "Σ": "sum", "²": "^2", "×": "x", "·": "*", "⊙": "*",
    "ᵀ": "^T", "′": "'", "‖": "||", "±": "+-", "…": "...", "½": "1/2", "█": "#", "▓": "+",
    "▒": "=", "░": ".", "\u2009": " ",
}  # fmt: skip


# -------------------------------------------------------------------------------- the front door


def main() -> NoReturn:
    """Run the command line: known errors become one line on stderr and exit code 2."""
    codecs.register_error("plain", plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="plain")
    try:
        code = cli.main(prog_name="chainrule", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except click.Abort:
        fail("stopped before the end", 130)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "chainrule"
        fail(f"{error.format_message().rstrip('.')}; see {command} -h", 2)
    except click.ClickException as error:
        fail(error.format_message(), 2)
    except BrokenPipeError:
        # Whoever read our output has left. Nothing more can be said, not even at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (DataError, ModelError, CellError, DivergenceError) as error:
        fail(str(error), 2)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        fail(f"{place}{(error.strerror or str(error)).lower()}", 2)
    except MemoryError:
        fail("not enough memory for that; try fewer or smaller hidden layers", 2)


def fail(message: str, code: int) -> NoReturn:
    print(f"chainrule: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


def plain(error: UnicodeError) -> tuple[str, int]:
    """The codec error handler that says it in ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unsaid = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in unsaid), error.end


def print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        import platform

        from threadpoolctl import threadpool_info

        click.echo(f"chainrule {__version__}, Python {platform.python_version()}")
        blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        for pool in blas:
            kernel = pool.get("architecture", "unknown kernel")
            threads = pool["num_threads"]
            click.echo(
                f"NumPy {np.__version__}, {pool['internal_api']} {pool['version']}, "
                f"{kernel}, {threads} thread{'s' if threads > 1 else ''}"
            )
        if not blas:
            click.echo(f"NumPy {np.__version__}, its BLAS is not known to threadpoolctl")
        context.exit()


# -------------------------------------------------------------------------------------- settings


class Widths(click.ParamType[tuple[int, ...]]):
    """Widths of hidden layers: 10, or 300,100, or none."""

    name = "widths"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        if value == "none":
            return ()
        widths = numbers(str(value))
        if not widths or not all(1 <= width <= 1_000_000 for width in widths):
            self.fail(f"wanted widths from 1 to 1,000,000 such as 300,100 or none, got {value!r}")
        return widths


class Indices(click.ParamType[tuple[int, ...]]):
    """Numbers of images, from 0: 0,7,12."""

    name = "list"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        indices = numbers(str(value))
        if not indices:
            self.fail(f"wanted numbers of test images such as 0,7,12, got {value!r}")
        return indices


class Rate(click.ParamType[float]):
    """A positive, finite number."""

    name = "rate"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            rate = float(str(value))
        except ValueError:
            rate = math.nan
        if not (math.isfinite(rate) and rate > 0):
            self.fail(f"wanted a positive number such as 0.5, got {value!r}")
        return rate


class BatchSize(click.ParamType[int]):
    """A number of images, or 0 for all of them."""

    name = "n|all"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if value in ("all", 0):
            return 0
        size = numbers(str(value))
        if len(size) != 1 or size[0] < 1:
            self.fail(f"wanted a number of images from 1 or all, got {value!r}")
        return size[0]


def numbers(text: str) -> tuple[int, ...]:
    """Whole numbers parted by commas; none at all if anything else stands there."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() and len(part) <= 18 for part in parts):
        return ()
    return tuple(int(part) for part in parts)


def dashed(name: str) -> str:
    return name.replace("_", "-")


def recipes() -> str:
    """The defaults of each pair of loss and optimizer, for the help."""
    lines = ["Defaults, for the full batch and for batches:"]
    lines += [f"  {'loss':15}{'optimizer':11}rate   steps   rate (batches)   epochs (batches)"]
    for (loss, optimizer), recipe in RECIPES.items():
        lines.append(
            f"  {dashed(loss):15}{optimizer:11}{recipe.learning_rate:<7g}{recipe.steps:<8}"
            f"{recipe.batch_learning_rate:<17g}{BATCH_EPOCHS}"
        )
    return "\n".join(lines)


def example(line: str) -> str:
    return f"\b\nExample:\n  chainrule {line}"


def data_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--data",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        help="A folder of four IDX files, gzipped or not, in place of the bundled MNIST.",
    )(command)


def json_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."
    )(command)


def quiet_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("-q", "--quiet", is_flag=True, help="Print the result alone.")(command)


model_argument = click.argument("model", type=click.Path(path_type=Path))


def read_digits(folder: Path | None) -> tuple[Digits, Digits]:
    return load_mnist() if folder is None else load_digits(folder)


def read_model(path: Path) -> Network:
    if not (path / MODEL if path.is_dir() else path).exists():
        raise ModelError(
            f"{path}: wanted a model file or a folder with {MODEL}, found none; "
            f"chainrule train makes one"
        )
    network = load_model(path)
    if (network.sizes[0], network.sizes[-1]) != (PIXELS, CLASSES):
        raise ModelError(
            f"{path}: a model for digits has {PIXELS} inputs and {CLASSES} outputs, "
            f"got {network.sizes[0]} and {network.sizes[-1]}"
        )
    return network


def pick(digits: Digits, indices: Sequence[int]) -> Digits:
    if max(indices) >= len(digits):
        raise click.BadParameter(
            f"test images go from 0 to {len(digits) - 1}, got {max(indices)}",
            click.get_current_context(),
            param_hint="--test",
        )
    return digits[list(indices)]


@contextmanager
def output_folder(path: Path | None) -> Iterator[Path]:
    """The folder for a new model, made before the work starts, so that it cannot fail after.

    Nothing is left behind if the work is not finished.
    """
    if path is None:
        now = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
        names = (now, *(f"{now}-{n}" for n in range(2, 100)))
        path = next(folder for name in names if not (folder := Path("runs", name)).exists())
    if (path / MODEL).exists():
        raise ModelError(f"{path} already holds a {MODEL}; give --out another folder")
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(13, "cannot be written", str(path))
        yield path
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


# -------------------------------------------------------------------------------------- commands


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Print the versions, the BLAS kernel and its threads, as a bug report needs them.",
)
@click.pass_context
def cli(context: click.Context) -> None:
    """A neural network you can read, check and watch: handwritten digits with NumPy alone.

    \b
    Example:
      chainrule train --out runs/first
      chainrule explain runs/first --test 0 --cell 'dW2[3,7]'
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command("train", epilog=f"\b\n{recipes()}\n\n{example('train --hidden 128 --seed 1')}")
@data_option
@click.option(
    "--hidden",
    type=Widths(),
    default="10",
    show_default=True,
    help="Widths of the hidden layers, such as 10 or 300,100 or none.",
)
@click.option(
    "--loss",
    type=click.Choice([dashed(loss) for loss in LOSSES]),
    default=dashed(LOSSES[0]),
    show_default=True,
)
@click.option(
    "--optimizer", type=click.Choice(OPTIMIZERS), default=OPTIMIZERS[0], show_default=True
)
@click.option("--learning-rate", type=Rate(), help="The step's size; its default is below.")
@click.option(
    "--batch-size",
    type=BatchSize(),
    default="all",
    show_default=True,
    help="Images a step; all of them, or batches shuffled every epoch.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Length in steps; its default is below.")
@click.option("--epochs", type=click.IntRange(min=1), help="Length in passes over the images.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Decides the start and the order of batches.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads to compute with, by default one for each core; the result is the same.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=f"The folder for {MODEL}; by default runs/<date-time>.",
)
@quiet_option
@json_option
def train_command(
    data: Path | None,
    hidden: tuple[int, ...],
    loss: str,
    optimizer: Optimizer,
    learning_rate: float | None,
    batch_size: int,
    steps: int | None,
    epochs: int | None,
    seed: int,
    threads: int | None,
    out: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train a network, measure it, and save it.

    Without options: the seed's network (784-10-10, squared error) by full-batch gradient
    descent.
    """
    train_set, test_set = read_digits(data)
    name = cast("Loss", loss.replace("-", "_"))
    batch = batch_size or None
    try:
        rate, length = settle(name, optimizer, len(train_set), learning_rate, batch, steps, epochs)
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context()) from None
    settings = {
        "data": "mnist" if data is None else str(data),
        "hidden": list(hidden),
        "loss": loss,
        "optimizer": optimizer,
        "learning_rate": rate,
        "batch_size": batch or "all",
        "steps": length,
        "seed": seed,
    }
    rng = np.random.default_rng(seed)
    network = initialise((PIXELS, *hidden, CLASSES), loss=name, rng=rng)
    shown = not (quiet or as_json)
    with output_folder(out) as folder:
        if shown:
            m = len(train_set)
            seen = f"batches of {batch:,} of {m:,} images" if batch else f"all {m:,} images"
            how = f"{optimizer}, α = {rate:g}, {length:,} steps of {seen}, seed {seed}"
            show([str(network), how])
        snapshots = train(
            network,
            train_set,
            optimizer=optimizer,
            learning_rate=rate,
            batch_size=batch,
            steps=length,
            every=max(1, length // 100),
            rng=rng,
            threads=threads,
        )
        last, seconds = follow(snapshots, test_set, length, bar=shown and sys.stderr.isatty())
        network = last.network
        on_train, on_test = (
            evaluate(network, digits, threads=threads) for digits in (train_set, test_set)
        )
        save_model(network, folder / MODEL)  # last, so that whatever stops before leaves nothing
    model = str(folder / MODEL)
    if as_json:
        print_json(
            accuracy=on_test.accuracy,
            train_accuracy=on_train.accuracy,
            loss=on_train.loss,
            test_loss=on_test.loss,
            steps=last.step,
            seconds=seconds,
            model=model,
            parameters_sha256=hashlib.sha256(network.parameters.tobytes()).hexdigest(),
            settings=settings,
        )
        return
    from chainrule import report

    if shown:
        show(report.confusion(on_test))
        show(
            [
                f"loss {on_train.loss:.4f} on the training images, {on_test.loss:.4f} on the "
                f"test images",
                f"training accuracy {report.percent(on_train.accuracy)}, "
                f"{seconds:.1f} s of training",
                f"model {model}",
            ]
        )
    show([report.accuracy(on_test)])


def follow(
    snapshots: Iterator[Snapshot], test_set: Digits, length: int, *, bar: bool
) -> tuple[Snapshot, float]:
    """The last snapshot and the seconds spent on training alone; with a bar on stderr if wanted."""
    update = progress(length, test_set) if bar else nullcontext()
    with update as shown:
        seconds, began = 0.0, time.perf_counter()
        for snapshot in snapshots:
            seconds += time.perf_counter() - began
            if shown:
                shown(snapshot)
            began = time.perf_counter()
    return snapshot, seconds


@contextmanager
def progress(length: int, test_set: Digits) -> Iterator[Callable[[Snapshot], None]]:
    """A bar with loss, test accuracy and time left; it goes when the training is over."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from chainrule.report import percent

    with Progress(
        TextColumn("step {task.completed:,.0f} of {task.total:,.0f}"),
        BarColumn(bar_width=None),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
        console=console(sys.stderr),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=length)

        def update(snapshot: Snapshot) -> None:
            seen = percent(evaluate(snapshot.network, test_set).accuracy, 1)
            words = f"loss {snapshot.loss:.4f}, test accuracy {seen}"
            bar.update(task, completed=snapshot.step, description=words)

        yield update


@cli.command("evaluate", epilog=example("evaluate runs/first"))
@model_argument
@data_option
@quiet_option
@json_option
def evaluate_command(model: Path, data: Path | None, quiet: bool, as_json: bool) -> None:
    """Measure a model on the test images.

    Accuracy, also per digit, and which digits are read as which.

    MODEL is a model file, or the folder that a training made.
    """
    network = read_model(model)
    _, test_set = read_digits(data)
    seen = evaluate(network, test_set)
    if as_json:
        print_json(
            accuracy=seen.accuracy,
            loss=seen.loss,
            accuracy_per_digit=seen.accuracy_per_digit.tolist(),
            confusion=seen.confusion.tolist(),
            model=str(model),
        )
        return
    from chainrule import report

    if not quiet:
        show([str(network)])
        show(report.confusion(seen))
        show([f"loss {seen.loss:.4f} on the test images"])
    show([report.accuracy(seen)])


@cli.command("predict", epilog=example("predict runs/first --test 0,7,12"))
@model_argument
@click.option(
    "--test", "indices", type=Indices(), required=True, help="Test images by number, from 0."
)
@data_option
@quiet_option
@json_option
def predict_command(
    model: Path, indices: tuple[int, ...], data: Path | None, quiet: bool, as_json: bool
) -> None:
    """Read test images by number.

    Each one drawn, with its ten probabilities and the truth.

    MODEL is a model file, or the folder that a training made.
    """
    network = read_model(model)
    _, test_set = read_digits(data)
    chosen = pick(test_set, indices)
    X = chosen.X
    A = probabilities(network, X)
    readings = A.argmax(axis=0)
    if as_json:
        print_json(
            predictions=[
                {
                    "test": index,
                    "label": int(chosen.labels[k]),
                    "prediction": int(readings[k]),
                    "probabilities": A[:, k].tolist(),
                }
                for k, index in enumerate(indices)
            ],
            model=str(model),
        )
    elif quiet:
        show(map(str, readings))
    else:
        from chainrule import report

        for k, index in enumerate(indices):
            show(report.reading(X[:, k], A[:, k], index, int(chosen.labels[k])))


@cli.command("explain", epilog=example("explain runs/first --test 0 --cell 'dW2[3,7]'"))
@model_argument
@click.option(
    "--test", "index", type=click.IntRange(min=0), required=True, help="A test image, from 0."
)
@click.option(
    "--label",
    type=click.IntRange(0, CLASSES - 1),
    help="The digit taken as true; by default the image's label.",
)
@click.option("--cell", metavar="NAME", help="Open one cell, such as dW2[3,7], b1[4] or E.")
@click.option("--full", is_flag=True, help="Print every number, and terms that are 0.")
@data_option
@json_option
def explain_command(
    model: Path,
    index: int,
    label: int | None,
    cell: str | None,
    full: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Open every number of one test image's pass.

    The whole forward and backward pass (m = 1: E is the loss of this one image), or any cell of
    it with its formula, the source line that computed it, and the sum it is.

    MODEL is a model file, or the folder that a training made. Everything is computed in float64
    on the stored parameters.
    """
    network = read_model(model)
    _, test_set = read_digits(data)
    chosen = pick(test_set, [index])
    truth = int(chosen.labels[0])
    label = truth if label is None else label
    ledger = open_ledger(network, chosen.X[:, 0], label)
    A = ledger.arrays[f"A{network.depth}"]
    about = {
        "model": str(model),
        "test": index,
        "label": label,
        "prediction": int(A.argmax()),
        "m": 1,
    }
    if cell is not None:
        opened = open_cell(ledger, cell)
        if as_json:
            print_json(
                **about,
                **opened._asdict()
                | {
                    "terms": [term._asdict() for term in opened.terms],
                    "numerator": opened.numerator and opened.numerator._asdict(),
                    "source": opened.source and opened.source._asdict(),
                },
            )
            return
    elif as_json:
        arrays = {
            name: {"formula": array_formula(network, name), "values": array.tolist()}
            for name, array in ledger.arrays.items()
        }
        print_json(**about, arrays=arrays)
        return
    from chainrule import report

    taken = "" if label == truth else f", taken as a {label}"
    show(
        [
            f"test image {index}, a {truth}{taken}, "
            f"read as {A.argmax()} ({report.percent(A.max(), 1)})",
            "m = 1: E is the loss of this one image; every number is float64",
        ]
    )
    if cell is not None:
        show(report.opened(opened, full=full))
        return
    for name in ledger.arrays:
        if name[0] not in "Wby":  # what was given: the parameters and the label
            show(report.explained(ledger, name, full=full))


@cli.command("check", epilog=example("check runs/first --test 0,1,2"))
@model_argument
@click.option(
    "--test",
    "indices",
    type=Indices(),
    default="0,1,2",
    show_default=True,
    help="The test images, from 0.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    help=f"Check this many parameters; by default all, above {ALL_UP_TO:,} a sample of {SAMPLE:,}.",
)
@data_option
@quiet_option
@json_option
def check_command(
    model: Path,
    indices: tuple[int, ...],
    sample: int | None,
    data: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Prove the gradient by central differences.

    Every parameter is nudged up and down by h, and the change of E compared with the gradient.
    The impostors, wrong gradients that are often copied, must fail the same check.

    MODEL is a model file, or the folder that a training made. Exit code 1 if chainrule's own
    gradient fails.
    """
    network = read_model(model)
    _, test_set = read_digits(data)
    chosen = pick(test_set, indices)
    proof = check(network, chosen.X, chosen.Y, sample=sample)
    if as_json:
        print_json(
            agrees=proof.own.agrees,
            h=H,
            parameters=proof.parameters,
            compared=proof.compared,
            kinks=list(proof.kinks),
            gradients={
                account.name: [row._asdict() for row in account.rows]
                for account in (proof.own, *proof.impostors)
            },
            model=str(model),
        )
    else:
        from chainrule import report

        show([] if quiet else report.proven(proof, indices))
        show([report.verdict(proof)])
    if not proof.own.agrees:
        sys.exit(1)


# -------------------------------------------------------------------------------------- printing


def console(file: TextIO) -> "Console":
    """A rich console: no colour without a terminal or under NO_COLOR, then 80 columns."""
    from rich.console import Console

    return Console(
        file=file,
        color_system="auto" if file.isatty() and not os.environ.get("NO_COLOR") else None,
        width=None if file.isatty() else 80,
        soft_wrap=True,
        highlight=False,
        markup=False,
        emoji=False,
    )


def show(pieces: Iterable["str | Text | Table"]) -> None:
    """Print lines and tables on stdout."""
    out = console(sys.stdout)
    for piece in pieces:
        out.print(piece)


def print_json(**fields: object) -> None:
    print(json.dumps(fields))
