"""`chainrule lab`: the page on this computer."""

import signal
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainrule.cli.options import (
    Asked,
    Place,
    example,
    measured_option,
    model_place,
    read_digits,
)
from chainrule.cli.printing import Piece, show
from chainrule.cli.subjects import check_classes, model_name, read_subject
from chainrule.data import CLASSES, DataError, bundled_mnist
from chainrule.files import ModelError
from chainrule.model import bundled
from chainrule.runs.checkpoint import last_checkpoint
from chainrule.runs.digits import own_digits
from chainrule.runs.settings import ENTRIES
from chainrule.sources.opening import PLAIN, load_one, load_to_measure

SHUT = "nothing leaves this computer."
OPEN = (
    "other machines can reach it, without encryption: only who has an address above, with its "
    "token, comes in."
)
RUNS = "Who comes in can have files of Python run here."

if TYPE_CHECKING:
    import socket

    from chainrule.lab.api.networks import GivenSet, NamedNetwork
    from chainrule.lab.server.reach import Reach
    from chainrule.lab.server.served import Served
    from chainrule.lessons.lesson import Lesson


@click.command("lab", epilog=example("lab runs/first"))
@click.argument("model", metavar="[RUN|MODEL]", required=False, type=model_place())
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="The port on 127.0.0.1; by default 8765, or the next that is free.",
)
@click.option(
    "--lessons",
    "more",
    metavar="FOLDER",
    type=Place(),
    help="A folder of lessons of yours, beside those of the package.",
)
@click.option(
    "--many",
    metavar="SETTINGS",
    help="With RUN: open all runs that differ from it in these alone, such as hidden,seed.",
)
@measured_option("those of the run, or mnist")
@click.option("--no-browser", is_flag=True, help="Print the address, and do not open it.")
@click.option(
    "--allow-host",
    "names",
    metavar="NAME",
    multiple=True,
    help="A name by which browsers reach it through a proxy or another forwarded port.",
)
@click.option("--root-path", "root", metavar="PATH", default="", help="The path that a proxy adds.")
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    help="Listen at another address of this machine: others can then try to come in.",
)
@click.option(
    "--run-code",
    is_flag=True,
    help="With --host or --allow-host: files of Python that are checked on the page run here.",
)
def lab_command(
    model: Path | None,
    port: int | None,
    more: Path | None,
    many: str | None,
    data: Asked,
    no_browser: bool,
    names: tuple[str, ...],
    root: str,
    host: str,
    run_code: bool,
) -> None:
    """Look inside in a browser: every number of a test image's pass, or of your own drawing.

    The page is served by this computer to itself alone, and needs no network. Two trained
    networks are in the package; a run or a model file of yours comes beside them.
    With --data the page shows these digits, class by class; RUN or MODEL is measured on them.

    Behind a proxy or another forwarded port it answers only to a name that --allow-host gives.
    """
    check_installed()
    from chainrule.lab.api.lab import Lab
    from chainrule.lab.api.networks import shipped
    from chainrule.lab.live.thread import ThreadedTraining
    from chainrule.lab.server.browser import Invitation
    from chainrule.lab.server.served import Served
    from chainrule.lab.server.start import serve

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    shown = None if data.place is None else given_set(data, alone=model is None)
    given = None if model is None else given_network(model, shown)
    opens = many_runs(many, given)
    lessons = all_lessons(more)
    reach, listener = reached(host, names, root, port)
    beside = (given,) if given and given.id not in bundled() else ()
    lab = Lab(
        (*shipped(), *beside),
        ThreadedTraining,
        given=given.id if given else None,
        given_run=given.run.folder if given and given.run else None,
        lessons=lessons,
        given_set=shown,
        runs_code=run_code or not reach.away,
    )
    served = Served(lab, listener.getsockname()[1], reach, opens)
    invitation = Invitation(served)

    def ready() -> None:
        if not no_browser and (why_not := invitation.open()):
            with suppress(OSError):  # nobody may be listening any more
                show([why_not])

    with listener, closing(invitation), suppress(KeyboardInterrupt):
        with suppress(OSError):  # it serves as well where nobody reads its address
            show(greeting(served))
        serve(served, listener, ready)
    sys.exit(130)


def reached(
    host: str, names: tuple[str, ...], root: str, port: int | None
) -> "tuple[Reach, socket.socket]":
    """Where it is reached, and the socket that listens there; UsageError if none can."""
    from chainrule.lab.server.reach import Reach, ReachError
    from chainrule.lab.server.start import PortTakenError, listen

    try:
        reach = Reach(host, tuple(name.lower() for name in names), root.rstrip("/"))
        return reach, listen(port, host)
    except (ReachError, PortTakenError) as error:
        raise click.UsageError(str(error), click.get_current_context()) from None


def greeting(served: "Served") -> list[Piece]:
    """Its addresses, how it is stopped, and who can come in."""
    reach = served.reach
    said = f"Ctrl-C stops it; {OPEN if reach.open else SHUT}"
    runs = [RUNS] if reach.away and served.lab.runs_code else []
    return [*served.addresses, said, *runs]


def many_runs(many: str | None, given: "NamedNetwork | None") -> str:
    """What an address opens: the runs that differ from the given one in these settings alone.

    Nothing if none are asked for; UsageError if there is no run, or no such setting.
    """
    context = click.get_current_context()
    if many is None:
        return ""
    if given is None or given.run is None:
        raise click.UsageError("--many goes with a run: chainrule lab RUN --many SETTINGS", context)
    known = [name for name, entry in ENTRIES.items() if entry.identity]
    if not set(many.split(",")) <= set(known):
        raise click.UsageError(
            f"--many wants some of {','.join(known)} with commas between them, got {many!r:.60}",
            context,
        )
    return f"&view=compare&many={many}"


def check_installed() -> None:
    """ClickException if the lab's libraries are missing."""
    from importlib.util import find_spec

    if not all(map(find_spec, ("starlette", "uvicorn", "websockets", "PIL", "scipy"))):
        install = "pip install starlette uvicorn websockets pillow scipy"
        needs = f"lab needs the extra lab: {install}"
        raise click.ClickException(needs)


def all_lessons(folder: Path | None) -> "tuple[Lesson, ...]":
    """The lessons of the package, and those in this folder behind them."""
    from chainrule.lessons.lesson import LessonError, package_lessons, read_lessons

    ours = package_lessons()
    try:
        return ours if folder is None else (*ours, *read_lessons(folder, beside=ours))
    except LessonError as error:
        raise click.ClickException(str(error)) from None


def given_set(data: Asked, *, alone: bool) -> "GivenSet":
    """The digits at the place that --data names: `alone` as `chainrule data` has them.

    Beside a network they are what it is measured on, as `chainrule evaluate` does: where there is
    no test part, on all.
    """
    from chainrule.lab.api.networks import GivenSet

    place = None if data.place == bundled_mnist() else data.place
    name = "MNIST" if place is None else place.absolute().name
    if alone:
        return GivenSet(name, *read_digits(place, data.reading(PLAIN)))
    test_set = load_to_measure(place, data.reading(PLAIN))
    whole = test_set.origin is not None and test_set.origin.source.test_share == 1
    train_set = None if whole else load_one(place, "train", data.reading(PLAIN))
    return GivenSet(name, train_set, test_set)


def given_network(path: Path, on: "GivenSet | None" = None) -> "NamedNetwork":
    """The network of a run or of a model file, as the lab shows it beside those of the package."""
    from chainrule.lab.api.networks import named_model, named_run, shipped
    from chainrule.lab.live.control import LARGEST

    if on is None and (name := model_name(path)) in bundled():
        return next(each for each in shipped() if each.id == name)
    _, network, run = read_subject(path, None)
    if network.parameters.size > LARGEST:
        raise ModelError(
            f"{path}: the lab shows networks of up to {LARGEST:,} parameters, "
            f"this one has {network.parameters.size:,}"
        )
    if on is not None:
        check_classes(on.test, network.sizes[-1], path)
        return named_model(network, on=on)
    if run is None:
        if network.sizes[-1] != CLASSES:
            raise DataError(
                f"{path}: it tells {network.sizes[-1]} classes apart; "
                f"say with --data which digits it reads"
            )
        return named_model(network)
    own_digits(run)  # where they are gone, it is said before anything is opened
    return named_run(run, network, last_checkpoint(run).step)
