"""The command line: every command but `train`, and what becomes of an error."""

import codecs
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, NoReturn

import click
import numpy as np

from chainrule import __version__
from chainrule.data import CLASSES, PIXELS, DataError, Digits
from chainrule.ledger import CellError, array_formula, open_cell, open_ledger
from chainrule.model import MODEL, ModelError, load_model, write_whole
from chainrule.network import Network, probabilities
from chainrule.options import (
    Indices,
    data_option,
    example,
    json_option,
    model_argument,
    quiet_option,
    read_digits,
)
from chainrule.printing import fail, plain, print_json, show
from chainrule.proof import ALL_UP_TO, SAMPLE, H, check
from chainrule.runs import (
    RUN,
    Checkpoint,
    Entry,
    Run,
    RunError,
    list_runs,
    network_at,
    open_run,
    read_checkpoint,
)
from chainrule.tiles import blas_of_numpy
from chainrule.train_command import train_command
from chainrule.training import DivergenceError, evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chainrule.handwriting import Novelty


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
    except (DataError, ModelError, RunError, CellError, DivergenceError) as error:
        fail(str(error), 2)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        fail(f"{place}{(error.strerror or str(error)).lower()}", 2)
    except MemoryError:
        fail("not enough memory for that; try fewer or smaller hidden layers", 2)


def print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        import platform

        click.echo(f"chainrule {__version__}, Python {platform.python_version()}")
        blas = blas_of_numpy()
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


# --------------------------------------------------------------------------- what commands work on


def read_model(path: Path, step: int | None) -> Network:
    """The network of a model file, of a folder with one, or of a run after a step."""
    if step is not None:
        network = network_at(open_run(path), step)
    elif (path / MODEL if path.is_dir() else path).exists():
        network = load_model(path)
    elif (path / RUN).exists():
        network, _ = last_of(open_run(path))
    else:
        raise ModelError(
            f"{path}: wanted a model file, a folder with {MODEL} or a run, found none; "
            f"chainrule train makes one"
        )
    if (network.sizes[0], network.sizes[-1]) != (PIXELS, CLASSES):
        raise ModelError(
            f"{path}: a model for digits has {PIXELS} inputs and {CLASSES} outputs, "
            f"got {network.sizes[0]} and {network.sizes[-1]}"
        )
    return network


def last_of(run: Run) -> tuple[Network, Checkpoint]:
    """The network of a run at its last checkpoint, which is said if it is not its end."""
    reached = read_checkpoint(run)
    if reached is None:
        raise RunError(f"{run.folder}: no checkpoint yet; chainrule train --resume goes on with it")
    if reached.step < run.length:
        at = f"step {reached.step:,} of {run.length:,}"
        print(f"chainrule: {run.folder} is not finished: this is {at}", file=sys.stderr)
    return Network(run.settings.sizes, reached.parameters, run.settings.loss), reached


def pick(digits: Digits, indices: Sequence[int]) -> Digits:
    if max(indices) >= len(digits):
        raise click.BadParameter(
            f"test images go from 0 to {len(digits) - 1}, got {max(indices)}",
            click.get_current_context(),
            param_hint="--test",
        )
    return digits[list(indices)]


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


cli.add_command(train_command)


@cli.command("evaluate", epilog=example("evaluate runs/first"))
@model_argument
@data_option
@quiet_option
@json_option
def evaluate_command(
    model: Path, step: int | None, data: Path | None, quiet: bool, as_json: bool
) -> None:
    """Measure a model on the test images.

    Accuracy, also per digit, and which digits are read as which.

    MODEL is a model file, or the folder of a run.
    """
    network = read_model(model, step)
    _, test_set = read_digits(data)
    seen = evaluate(network, test_set)
    if as_json:
        print_json(
            accuracy=seen.accuracy,
            loss=seen.loss,
            accuracy_per_digit=seen.accuracy_per_digit.tolist(),
            confusion=seen.confusion.tolist(),
            model=str(model),
            step=step,
        )
        return
    from chainrule import report

    if not quiet:
        show([str(network)])
        show(report.confusion(seen))
        show([f"loss {seen.loss:.4f} on the test images"])
    show([report.accuracy(seen)])


@cli.command(
    "predict",
    epilog=example("predict runs/first --test 0,7,12\n  chainrule predict runs/first my-7.png"),
)
@model_argument
@click.argument("images", nargs=-1, type=click.Path(path_type=Path))
@click.option("--test", "indices", type=Indices(), help="Test images by number, from 0.")
@data_option
@quiet_option
@json_option
def predict_command(
    model: Path,
    step: int | None,
    images: tuple[Path, ...],
    indices: tuple[int, ...] | None,
    data: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Read test images by number, or images of one digit each.

    Each one drawn, with its ten probabilities, and the truth where it is known.

    MODEL is a model file, or the folder of a run. IMAGES are PNG or JPEG files (extra lab): dark
    on light or light on dark, drawn, scanned or photographed. They are prepared as MNIST was,
    and it is said if one is unlike any digit.
    """
    if bool(images) == (indices is not None):
        raise click.UsageError(
            "give image files or --test, one of the two", click.get_current_context()
        )
    if images and data is not None:
        raise click.UsageError("--data goes with --test", click.get_current_context())
    network = read_model(model, step)
    about: list[dict[str, object]]
    if indices is not None:
        _, test_set = read_digits(data)
        chosen = pick(test_set, indices)
        X = chosen.X
        about = [
            {"test": index, "label": int(label)}
            for index, label in zip(indices, chosen.labels, strict=True)
        ]
        names = [f"test image {index}" for index in indices]
    else:
        pixels, unlike = read_images(images)
        X = np.array(pixels, np.float32).T / np.float32(255)
        about = [
            {"image": str(path), "unlike": each._asdict()}
            for path, each in zip(images, unlike, strict=True)
        ]
        names = list(map(str, images))
    A = probabilities(network, X)
    readings = A.argmax(axis=0)
    if as_json:
        print_json(
            predictions=[
                {
                    **fields,
                    "prediction": int(readings[k]),
                    "probabilities": A[:, k].tolist(),
                }
                for k, fields in enumerate(about)
            ],
            model=str(model),
            step=step,
        )
    elif quiet:
        show(map(str, readings))
    else:
        from chainrule import report

        for k, name in enumerate(names):
            label = None if indices is None else int(chosen.labels[k])
            show(report.reading(X[:, k], A[:, k], name, label))
            if indices is None and unlike[k].unlike:
                show(wrap(f"This is unlike any digit. {unlike[k].why}", 80))


def read_images(paths: Sequence[Path]) -> "tuple[list[NDArray[np.uint8]], list[Novelty]]":
    """The 784 pixels of each image file, and whether they are unlike a digit."""
    try:
        from chainrule import handwriting
    except ModuleNotFoundError:
        needs = "image files need the extra lab: pip install pillow scipy"
        raise click.ClickException(needs) from None
    pixels = []
    for path in paths:
        try:
            with path.open("rb") as file:
                content = file.read(handwriting.MOST_BYTES + 1)
            pixels.append(handwriting.prepare(handwriting.read_image(content)).pixels)
        except handwriting.HandwritingError as error:
            raise click.ClickException(f"{path}: {error}") from None
    return pixels, [handwriting.novelty(each) for each in pixels]


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
    step: int | None,
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

    MODEL is a model file, or the folder of a run. Everything is computed in float64
    on the stored parameters.
    """
    network = read_model(model, step)
    _, test_set = read_digits(data)
    chosen = pick(test_set, [index])
    truth = int(chosen.labels[0])
    label = truth if label is None else label
    ledger = open_ledger(network, chosen.X[:, 0], label)
    A = ledger.arrays[f"A{network.depth}"]
    about = {
        "model": str(model),
        "step": step,
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
    step: int | None,
    indices: tuple[int, ...],
    sample: int | None,
    data: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Prove the gradient by central differences.

    Every parameter is nudged up and down by h, and the change of E compared with the gradient.
    The impostors, wrong gradients that are often copied, must fail the same check.

    MODEL is a model file, or the folder of a run. Exit code 1 if chainrule's own
    gradient fails.
    """
    network = read_model(model, step)
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
            step=step,
        )
    else:
        from chainrule import report

        show([] if quiet else report.proven(proof, indices))
        show([report.verdict(proof)])
    if not proof.own.agrees:
        sys.exit(1)


@cli.command("runs", epilog=example("runs trainings/monday"))
@click.argument("folder", type=click.Path(path_type=Path), default="runs")
@json_option
def runs_command(folder: Path, as_json: bool) -> None:
    """List the runs in a folder, by default those in runs.

    State, steps, loss, test accuracy, size and age of each.
    """
    found = list(list_runs(folder))
    entries = [each for each in found if isinstance(each, Entry)]
    damaged = [str(each) for each in found if isinstance(each, RunError)]
    if as_json:
        print_json(
            runs=[
                entry._asdict()
                | {
                    "folder": str(entry.folder),
                    "started": str(entry.started),
                    "changes": [change._asdict() for change in entry.changes],
                }
                for entry in entries
            ],
            damaged=damaged,
        )
        return
    from chainrule import report

    if entries:
        show(report.runs(entries, datetime.now(UTC)))
    elif not damaged:
        show([f"no runs in {folder}; chainrule train makes one"])
    show(f"damaged: {line}" for line in damaged)


@cli.command("compare", epilog=example("compare runs/first runs/second --step 100"))
@click.argument("a", metavar="A", type=click.Path(path_type=Path))
@click.argument("b", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--step",
    type=click.IntRange(min=0),
    help="Compare them after this step, if both recorded it; by default at their ends.",
)
@data_option
@quiet_option
@json_option
def compare_command(
    a: Path, b: Path, step: int | None, data: Path | None, quiet: bool, as_json: bool
) -> None:
    """Put two runs side by side.

    The settings that differ, losses and accuracies over the recorded steps, how far the weights
    are apart, and the test images that one reads right and the other does not.

    A and B are the folders of two runs.
    """
    from chainrule.compare import compare

    runs = open_run(a), open_run(b)
    place = data or runs[0].settings.data
    _, test_set = read_digits(None if place is None else Path(place))
    found = compare(*runs, test_set, step=step)
    if as_json:
        answers = {name: numbers.tolist() for name, numbers in found.answers._asdict().items()}
        print_json(
            a=str(a),
            b=str(b),
            steps=found.steps,
            settings=found.settings,
            rows=[
                {"step": row.step}
                | {
                    name: [None if np.isnan(x) else x for x in getattr(row, name)]
                    for name in row._fields[1:]
                }
                for row in found.rows
            ],
            apart=found.apart and [each._asdict() for each in found.apart],
            accuracy=found.accuracy,
            answers=answers,
        )
        return
    from chainrule import report

    if not quiet:
        show([f"A {a}", f"B {b}"])
        show(report.compared(found))
    show(report.differing_answers(found, len(test_set)))


@cli.command("show", epilog=example("show runs/first"))
@click.argument("run", type=click.Path(path_type=Path))
@data_option
@click.option("--no-browser", is_flag=True, help="Write the page, and do not open it.")
def show_command(run: Path, data: Path | None, no_browser: bool) -> None:
    """Make a page of a run, and open it in the browser.

    Loss and accuracy curves, the confusion matrix, the first layer's weights as images, the
    worst mistakes: one HTML file in the run's folder, that needs nothing else.
    """
    try:
        from chainrule.page import page
    except ModuleNotFoundError:
        needs = "show needs the extra lab: pip install plotly pillow"
        raise click.ClickException(needs) from None
    opened = open_run(run)
    network, reached = last_of(opened)
    place = data or opened.settings.data
    _, test_set = read_digits(None if place is None else Path(place))
    content = page(opened, reached, network, test_set, evaluate(network, test_set))
    path = run / "report.html"
    write_whole(path, content.encode())
    show([str(path)])
    if not no_browser:
        import webbrowser

        webbrowser.open(path.absolute().as_uri())


@cli.command("lab", epilog=example("lab runs/first"))
@click.argument("model", metavar="[RUN|MODEL]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="The port on 127.0.0.1; by default 8765, or the next that is free.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, and do not open it.")
def lab_command(model: Path | None, port: int | None, no_browser: bool) -> None:
    """Look inside in a browser: every number of a test image's pass, or of your own drawing.

    The page is served by this computer to itself alone, and needs no network. Two trained
    networks are in the package; a run or a model file of yours comes beside them.
    """
    from importlib.util import find_spec

    if not all(map(find_spec, ("starlette", "uvicorn", "websockets", "plotly", "PIL", "scipy"))):
        install = "pip install starlette uvicorn websockets plotly pillow scipy"
        needs = f"lab needs the extra lab: {install}"
        raise click.ClickException(needs)
    from chainrule.lab.browser import Invitation
    from chainrule.lab.live import LARGEST
    from chainrule.lab.moment import Lab, named_model, named_run, shipped
    from chainrule.lab.server import PortTakenError, Served, listen, serve

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    networks, given = shipped(), None
    is_run = model is not None and (model / RUN).exists()
    if model is not None:
        network = read_model(model, None)
        if network.parameters.size > LARGEST:
            raise ModelError(
                f"{model}: the lab shows networks of up to {LARGEST:,} parameters, "
                f"this one has {network.parameters.size:,}"
            )
        if is_run:
            run = open_run(model)
            reached = read_checkpoint(run)
            if reached is None:
                raise RunError(f"{model}: no checkpoint yet; chainrule train --resume goes on")
            given = named_run(run, network, reached.step)
        else:
            given = named_model(network)
        networks = (*networks, given)
    try:
        listener = listen(port)
    except PortTakenError as error:
        raise click.UsageError(str(error), click.get_current_context()) from None
    lab = Lab(networks, given.id if given else None, given_run=model if is_run else None)
    served = Served(lab, listener.getsockname()[1])
    invitation = Invitation(served)

    def ready() -> None:
        if not no_browser and (why_not := invitation.open()):
            with suppress(OSError):  # nobody may be listening any more
                show([why_not])

    with listener, closing(invitation), suppress(KeyboardInterrupt):
        show([served.address, "Ctrl-C stops it; nothing leaves this computer."])
        sys.stdout.flush()
        serve(served, listener, ready)
    sys.exit(130)
