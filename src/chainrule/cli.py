"""The command line: every command but `train`, and what becomes of an error."""

import codecs
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, NoReturn

import click
import numpy as np

from chainrule import __version__
from chainrule.data import CLASSES, PIXELS, DataError, Digits, bundled_mnist, load_one
from chainrule.encode import share
from chainrule.ledger import (
    CellError,
    array_formula,
    open_cell,
    open_ledger,
    overflowing,
    prediction,
)
from chainrule.model import MODEL, ModelError, load_model, write_whole
from chainrule.network import Array, Network
from chainrule.options import (
    Indices,
    Place,
    data_option,
    example,
    json_option,
    model_argument,
    quiet_option,
    read_digits,
)
from chainrule.printing import fail, plain, print_json, show, warn
from chainrule.proof import ALL_UP_TO, SAMPLE, H, check
from chainrule.reading import probabilities
from chainrule.runs import (
    RUN,
    Checkpoint,
    Entry,
    Run,
    RunError,
    list_runs,
    network_at,
    no_checkpoint,
    open_run,
    own_digits,
    read_checkpoint,
)
from chainrule.tiles import blas_of_numpy
from chainrule.train_command import train_command
from chainrule.training import evaluate

# -------------------------------------------------------------------------------- the front door


def main() -> NoReturn:
    """Run the command line: known errors become one line on stderr and exit code 2."""
    codecs.register_error("plain", plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="plain")
    try:
        code = cli.main(prog_name="chainrule", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.Abort:
        fail("stopped before the end", 130)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "chainrule"
        fail(f"{error.format_message().rstrip('.')}; see {command} -h", 2)
    except click.ClickException as error:
        fail(error.format_message(), 2)
    except BrokenPipeError:
        sys.exit(141)  # whoever read our output has left: nothing more can be said
    except (DataError, ModelError, RunError, CellError, ArithmeticError) as error:
        fail(str(error), 2)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        fail(f"{place}{(error.strerror or str(error)).lower()}", 2)
    except MemoryError:
        fail("not enough memory for that; try fewer or smaller hidden layers", 2)


def print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        import platform

        lines = [f"chainrule {__version__}, Python {platform.python_version()}"]
        blas = blas_of_numpy()
        for pool in blas:
            kernel = pool.get("architecture", "unknown kernel")
            threads = pool["num_threads"]
            lines.append(
                f"NumPy {np.__version__}, {pool['internal_api']} {pool['version']}, "
                f"{kernel}, {threads} thread{'s' if threads > 1 else ''}"
            )
        if not blas:
            lines.append(f"NumPy {np.__version__}, its BLAS is not known to threadpoolctl")
        show(lines)
        context.exit()


# --------------------------------------------------------------------------- what commands work on


class Subject(NamedTuple):
    """What a command works on: a network, and the run that it is of, if it is of one."""

    path: Path  # as it was given
    network: Network
    run: Run | None

    def test_set(self, data: Path | None) -> Digits:
        """The test digits that are asked for: in this folder, else the run's own, else MNIST's."""
        if data is None and self.run is not None:
            return own_digits(self.run)
        return load_one(None if data == bundled_mnist() else data, "t10k")

    @contextmanager
    def named(self) -> Iterator[None]:
        """Say whose numbers they are if they overflow."""
        try:
            yield
        except OverflowError as error:
            raise ModelError(f"{self.path}: {error}") from None


def read_subject(path: Path, step: int | None) -> Subject:
    """The network of a model file, of a folder with one, or of a run after a step."""
    file = path / MODEL if path.is_dir() else path
    folder = file.parent if file.name == MODEL else path
    run = open_run(folder) if (folder / RUN).exists() else None
    if step is not None:
        run = open_run(path)
        network = network_at(run, step)
    elif file.exists():
        network = load_model(file)
    elif run is not None:
        network, _ = last_of(run)
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
    return Subject(path, network, run)


def data_of(digits: Digits) -> str:
    """What JSON calls the digits that something was measured on."""
    folder = digits.origin.folder if digits.origin else None
    return "mnist" if folder is None else str(folder)


def last_of(run: Run) -> tuple[Network, Checkpoint]:
    """The network of a run at its last checkpoint, which is said if it is not its end."""
    reached = read_checkpoint(run)
    if reached is None:
        raise no_checkpoint(run)
    if reached.step < run.length:
        at = f"step {reached.step:,} of {run.length:,}"
        warn(f"{run.folder} is not finished: this is {at}")
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
@data_option("those of the run, or mnist")
@quiet_option
@json_option
def evaluate_command(
    model: Path, step: int | None, data: Path | None, quiet: bool, as_json: bool
) -> None:
    """Measure a model on the test images.

    Accuracy, also per digit, and which digits are read as which.

    MODEL is a model file, or the folder of a run.
    """
    subject = read_subject(model, step)
    test_set = subject.test_set(data)
    with subject.named():
        seen = evaluate(subject.network, test_set)
    if as_json:
        print_json(
            accuracy=seen.accuracy,
            loss=seen.loss,
            accuracy_per_digit=list(map(share, seen.accuracy_per_digit)),
            confusion=seen.confusion,
            model=str(model),
            step=step,
            data=data_of(test_set),
        )
        return
    from chainrule import report

    if not quiet:
        show([str(subject.network)])
        show(report.confusion(seen))
        show([f"loss {seen.loss:.4f} on the test images"])
    show([report.accuracy(seen, test_set.name)])


@cli.command(
    "predict",
    epilog=example("predict runs/first --test 0,7,12\n  chainrule predict runs/first my-7.png"),
)
@model_argument
@click.argument("images", nargs=-1, type=Place())
@click.option("--test", "indices", type=Indices(), help="Test images by number, from 0.")
@data_option("those of the run, or mnist")
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
    and it is said if one has several marks or is unlike any digit: with --quiet on stderr, where
    stdout has one digit a line.

    A picture that cannot be read is named on stderr, the others are read, and the exit code is 1.
    With --quiet its line is -, with --json it has an error instead of a prediction.
    """
    if bool(images) == (indices is not None):
        raise click.UsageError(
            "give image files or --test, one of the two", click.get_current_context()
        )
    if images and data is not None:
        raise click.UsageError("--data goes with --test", click.get_current_context())
    subject = read_subject(model, step)
    if indices is None:
        seen, on = read_images(images), None
    else:
        test_set = subject.test_set(data)
        seen, on = read_tests(test_set, indices), data_of(test_set)
    good = [each.x for each in seen if each.x is not None]
    with subject.named():
        answers = iter(probabilities(subject.network, np.array(good).T).T if good else ())
    read = [(each, None if each.x is None else next(answers)) for each in seen]
    if as_json:
        print_json(
            predictions=[
                each.about
                if A is None
                else {**each.about, "prediction": A.argmax(), "probabilities": A}
                for each, A in read
            ],
            model=str(model),
            step=step,
            data=on,
        )
    elif quiet:
        show("-" if A is None else str(A.argmax()) for _, A in read)
        for each in seen:
            if each.doubt:
                warn(f"{each.name}: {'. '.join(each.doubt)}")
    else:
        from chainrule import report

        for each, A in read:
            if each.x is not None and A is not None:
                show(report.reading(each.x, A, each.name, each.label, each.doubt))
    if len(good) < len(seen):
        sys.exit(1)


class Seen(NamedTuple):
    """What is to be read: its pixels, None where a picture is none, and what is known of it."""

    name: str
    about: dict[str, object]  # its fields in JSON
    x: Array | None  # (784,)
    label: int | None = None
    doubt: tuple[str, str] | None = None  # what it is instead of a digit, and why


def read_tests(test_set: Digits, indices: Sequence[int]) -> list[Seen]:
    chosen = pick(test_set, indices)
    return [
        Seen(
            f"test image {index} of {test_set.name}",
            {"test": index, "label": int(label)},
            x,
            int(label),
        )
        for index, label, x in zip(indices, chosen.labels, chosen.X.T, strict=True)
    ]


def read_images(paths: Sequence[Path]) -> list[Seen]:
    """Each picture as it was prepared; on stderr, a line for each that cannot be read."""
    try:
        from chainrule import handwriting
    except ModuleNotFoundError:
        needs = "image files need the extra lab: pip install pillow scipy"
        raise click.ClickException(needs) from None
    seen = []
    for path in paths:
        about: dict[str, object] = {"image": str(path)}
        try:
            with path.open("rb") as file:
                content = file.read(handwriting.MOST_BYTES + 1)
            made = handwriting.prepare(handwriting.read_image(content))
        except (handwriting.HandwritingError, OSError) as error:
            # An OSError says the file's name, too; here it comes first for every error.
            why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else error
            warn(f"{path}: {why}")
            seen.append(Seen(str(path), about | {"error": str(why)}, None))
            continue
        novelty = handwriting.novelty(made.pixels, made.stages)
        x = made.pixels.astype(np.float32) / np.float32(255)
        doubt = (novelty.kind, novelty.why) if novelty.unlike else None
        seen.append(Seen(str(path), about | {"unlike": novelty._asdict()}, x, doubt=doubt))
    return seen


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
@data_option("those of the run, or mnist")
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
    subject = read_subject(model, step)
    test_set = subject.test_set(data)
    chosen = pick(test_set, [index])
    truth = int(chosen.labels[0])
    label = truth if label is None else label
    ledger = open_ledger(subject.network, chosen.X[:, 0], label)
    read, overflows = prediction(ledger), overflowing(ledger)
    about = {
        "model": str(model),
        "step": step,
        "test": index,
        "label": label,
        "prediction": read,
        "m": 1,
        "data": data_of(test_set),
        "overflows": overflows,
    }
    if cell is not None:
        opened = open_cell(ledger, cell)
        if as_json:
            print_json(**about, **opened._asdict())
            return
    elif as_json:
        arrays = {
            name: {"formula": array_formula(ledger.network, name), "values": array}
            for name, array in ledger.arrays.items()
        }
        print_json(**about, arrays=arrays)
        return
    from chainrule import report

    show(report.moment(ledger, f"test image {index} of {test_set.name}", truth))
    with np.errstate(over="ignore", invalid="ignore"):
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
@data_option("those of the run, or mnist")
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

    MODEL is a model file, or the folder of a run. Exit code 1 if chainrule's own gradient fails,
    or if nothing can be told: where rounding is larger than the gradient.
    """
    subject = read_subject(model, step)
    test_set = subject.test_set(data)
    chosen = pick(test_set, indices)
    proof = check(subject.network, chosen.X, chosen.Y, sample=sample)
    if as_json:
        print_json(
            agrees=proof.own.agrees,
            h=H,
            parameters=proof.parameters,
            compared=proof.compared,
            kinks=proof.kinks,
            gradients={
                account.name: list(account.rows) for account in (proof.own, *proof.impostors)
            },
            model=str(model),
            step=step,
            data=data_of(test_set),
        )
    else:
        from chainrule import report

        show([] if quiet else report.proven(proof, indices, test_set.name))
        show([report.verdict(proof)])
    if not proof.own.agrees:
        sys.exit(1)


@cli.command("runs", epilog=example("runs trainings/monday"))
@click.argument("folder", type=Place(), default="runs")
@json_option
def runs_command(folder: Path, as_json: bool) -> None:
    """List the runs in a folder, by default those in runs.

    State, steps, loss, test accuracy, size and age of each.
    """
    found = list(list_runs(folder))
    entries = [each for each in found if isinstance(each, Entry)]
    refused = [each for each in found if isinstance(each, RunError)]
    damaged, newer = ([str(e) for e in refused if e.newer is which] for which in (False, True))
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
            newer=newer,
        )
        return
    from chainrule import report

    if entries:
        show(report.runs(entries, datetime.now(UTC)))
    elif not refused:
        show([f"no runs in {folder}; chainrule train makes one"])
    show(f"damaged: {line}" for line in damaged)
    show(f"not read: {line}" for line in newer)


@cli.command("compare", epilog=example("compare runs/first runs/second --step 100"))
@click.argument("a", metavar="A", type=Place())
@click.argument("b", metavar="B", type=Place())
@click.option(
    "--step",
    type=click.IntRange(min=0),
    help="Compare them after this step, if both recorded it; by default at their ends.",
)
@data_option("those of A")
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
    test_set = own_digits(runs[0]) if data is None else read_digits(data)[1]
    found = compare(*runs, test_set, step=step)
    if as_json:
        print_json(
            a=str(a),
            b=str(b),
            steps=found.steps,
            settings=found.settings,
            rows=[
                {"step": row.step}
                | {name: list(map(share, getattr(row, name))) for name in row._fields[1:]}
                for row in found.rows
            ],
            apart=found.apart,
            accuracy=found.accuracy,
            answers=found.answers,
            data=data_of(test_set),
        )
        return
    from chainrule import report

    if not quiet:
        show([f"A {a}", f"B {b}"])
        show(report.compared(found))
    show(report.differing_answers(found, test_set))


@cli.command("show", epilog=example("show runs/first"))
@click.argument("run", type=Place())
@data_option("those of the run")
@click.option("--no-browser", is_flag=True, help="Write the page, and do not open it.")
def show_command(run: Path, data: Path | None, no_browser: bool) -> None:
    """Make a page of a run, and open it in the browser.

    Loss and accuracy curves, the confusion matrix, the first layer's weights as images, the
    worst mistakes: one HTML file in the run's folder, that needs nothing else.
    """
    try:
        from chainrule.page import page
    except ModuleNotFoundError:
        needs = "show needs the extra lab: pip install pillow"
        raise click.ClickException(needs) from None
    opened = open_run(run)
    network, reached = last_of(opened)
    test_set = own_digits(opened) if data is None else read_digits(data)[1]
    content = page(opened, reached, network, test_set, evaluate(network, test_set))
    path = run / "report.html"
    write_whole(path, content.encode(errors="replace"))
    show([str(path)])
    if not no_browser:
        import webbrowser

        webbrowser.open(path.absolute().as_uri())


@cli.command("lab", epilog=example("lab runs/first"))
@click.argument("model", metavar="[RUN|MODEL]", required=False, type=Place())
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

    if not all(map(find_spec, ("starlette", "uvicorn", "websockets", "PIL", "scipy"))):
        install = "pip install starlette uvicorn websockets pillow scipy"
        needs = f"lab needs the extra lab: {install}"
        raise click.ClickException(needs)
    from chainrule.lab.browser import Invitation
    from chainrule.lab.live import LARGEST
    from chainrule.lab.moment import Lab, named_model, named_run, shipped
    from chainrule.lab.server import PortTakenError, Served, listen, serve

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    networks, given, run = shipped(), None, None
    if model is not None:
        _, network, run = read_subject(model, None)
        if network.parameters.size > LARGEST:
            raise ModelError(
                f"{model}: the lab shows networks of up to {LARGEST:,} parameters, "
                f"this one has {network.parameters.size:,}"
            )
        if run is None:
            given = named_model(network)
        else:
            own_digits(run)  # where they are gone, it is said before anything is opened
            reached = read_checkpoint(run)
            if reached is None:
                raise no_checkpoint(run)
            given = named_run(run, network, reached.step)
        networks = (*networks, given)
    try:
        listener = listen(port)
    except PortTakenError as error:
        raise click.UsageError(str(error), click.get_current_context()) from None
    lab = Lab(networks, given.id if given else None, given_run=run.folder if run else None)
    served = Served(lab, listener.getsockname()[1])
    invitation = Invitation(served)

    def ready() -> None:
        if not no_browser and (why_not := invitation.open()):
            with suppress(OSError):  # nobody may be listening any more
                show([why_not])

    with listener, closing(invitation), suppress(KeyboardInterrupt):
        with suppress(OSError):  # it serves as well where nobody reads its address
            show([served.address, "Ctrl-C stops it; nothing leaves this computer."])
        serve(served, listener, ready)
    sys.exit(130)


if __name__ == "__main__":
    from chainrule.__main__ import main as front_door

    front_door()
