"""A run: one training from start to stop, in a folder of its own, that no crash can lose or change.

    run.json                 what is trained; on disk before the data are read
    checkpoint.safetensors   parameters, the optimizer's rows, the step, the history so far
    history.csv              the history, for people and spreadsheets
    trajectory               parameters at steps spread over the run, to look back
    model.safetensors        the trained network, once the run is finished
    name.json                what somebody called it, if somebody did

A file is the old one or the new one, never half of one; the trajectory grows, and what a crash
leaves past its last checkpoint is dropped. Randomness is a key, so a run that is stopped anywhere
goes on to the same bytes. docs/reference/files.md describes the files field by field.
"""

import json
import math
import os
import re
import shlex
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.arrays import DIGITS, checked_names
from chainrule.data import CLASSES, DataError, Digits
from chainrule.engine.blas import machine
from chainrule.engine.choice import EngineName, choose
from chainrule.engine.with_numpy import NumpyEngine
from chainrule.files import (
    HEADER,
    ModelError,
    check_format,
    make_dated,
    make_folder,
    open_regular,
    shallow,
    write_whole,
)
from chainrule.model import MODEL, beyond, load_model, save_model
from chainrule.network import Network, initialise
from chainrule.runs.called import NAME, given_name
from chainrule.runs.digits import checksum, parts_of
from chainrule.runs.kinds import is_count
from chainrule.runs.run import (
    CHECKPOINT,
    FORMAT,
    FORMATS,
    HISTORY,
    RUN,
    START,
    TRAJECTORY,
    Run,
)
from chainrule.runs.settings import Change, Computing, Extension, RunError, Settings, refusal
from chainrule.training import settle

FILES = (RUN, START, MODEL, CHECKPOINT, HISTORY, TRAJECTORY)  # what a training writes


def new_folder(parent: Path) -> list[Path]:
    """Make a folder for a new run in this one, named after the time: 2026-11-26-181500.

    Returns the folder, then those above it that had to be made. Raises OSError if it cannot be
    made.
    """
    return make_dated(parent, make_folder)


def begin(
    folder: Path,
    settings: Settings,
    changes: tuple[Change, ...] = (),
    *,
    engine: EngineName = "auto",
    start: Network | None = None,
) -> Run:
    """A new run in this folder, with its run.json on disk; with `changes`, one like another.

    `start`, a network of these layers, is what it starts from. Raises RunError if the folder holds
    a file already that a run would write, ValueError if the engine cannot be used here.
    """
    engines = (Computing(0, choose(engine)),)
    for name in FILES:
        if os.path.lexists(folder / name):
            instead = f"go on with: {resume_command(folder)}, or " if name == RUN else ""
            raise RunError(f"{folder} already holds a {name}; {instead}give --out another folder")
    _, rng = start_of(settings)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    key = int(rng.integers(2**63))
    run = Run(folder, settings, key, started, (machine(),), None, changes, engines)
    try:
        if start is not None:
            save_model(start, folder / START)
            run = replace(run, start=sha256_of(folder / START))
        write_run(run)
    except BaseException:
        discard(run)
        raise
    return run


def start_of(settings: Settings, classes: int = CLASSES) -> tuple[Network, np.random.Generator]:
    """The network a run starts from, and the generator that then gives its key."""
    rng = np.random.default_rng(settings.seed)
    network = initialise(
        settings.sizes(classes), loss=settings.loss, weight_decay=settings.weight_decay, rng=rng
    )
    return network, rng


def start_of_run(run: Run) -> tuple[Network, np.random.Generator]:
    """The same of a run, which may start from a model; RunError if that is not there any more."""
    network, rng = start_of(run.settings, len(run.classes))
    if run.start is None:
        return network, rng
    path = run.folder / START
    try:
        if sha256_of(path) != run.start:
            raise RunError(f"{path}: it is not the model that the run started from")
        model = load_model(path)
    except (OSError, ModelError) as error:
        raise refusal(path if isinstance(error, OSError) else None, error) from None
    if model.sizes != run.sizes:
        raise RunError(
            f"{path}: a run on these digits has the layers {'-'.join(map(str, run.sizes))}, "
            f"the model that it is to start from has {'-'.join(map(str, model.sizes))}"
        )
    return run.network(model.parameters.astype(np.float32)), rng


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file that is one."""
    import hashlib

    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def prepare(run: Run, train_set: Digits, test_set: Digits) -> Run:
    """The run with its digits' checksums, their classes, its length and this machine written down.

    Raises RunError if its digits were others, ValueError if its settings do not fit them.
    """
    data = {"training": checksum(train_set), "test": checksum(test_set)}
    for part in data:
        if run.data is not None and run.data[part] != data[part]:
            raise RunError(
                f"{run.folder}: it was trained on other {part} digits: SHA-256 "
                f"{run.data[part][:12]}…, these have {data[part][:12]}…"
            )
    if run.data is not None and train_set.classes != len(run.classes):
        raise RunError(
            f"{run.folder}: it tells {len(run.classes)} classes apart, "
            f"these have {train_set.classes}"
        )
    machines = run.machines if run.machines[-1] == machine() else (*run.machines, machine())
    settled = run if run.data is not None else settle_run(run, train_set)
    prepared = replace(settled, data=data, machines=machines)
    if prepared != run:
        write_run(prepared)
    return prepared


def settle_run(run: Run, train_set: Digits) -> Run:
    """A run whose digits were not known yet, with what follows from them; nothing is written.

    That is its classes, its key, its length and its learning rate. Raises as `prepare` does.
    """
    settings, classes = run.settings, train_set.names
    if too_large := beyond(settings.sizes(len(classes))):
        raise RunError(too_large)
    _, rng = start_of(settings, len(classes))
    key = int(rng.integers(2**63))  # begin took ten classes
    loss, optimizer, rate = settings.loss, settings.optimizer, settings.learning_rate
    size, steps, epochs = settings.batch_size, settings.steps, settings.epochs
    m = len(parts_of(run, train_set)[0])
    rate, length = settle(loss, optimizer, m, rate, size, steps, epochs)
    share = train_set.origin.source.test_share if train_set.origin else None
    settings = replace(settings, learning_rate=rate, steps=length, test_share=share)
    return replace(run, settings=settings, key=key, classes=classes)


def discard(run: Run) -> None:
    """Remove the run's files, if they are still its own; the folder stays."""
    if is_there(run):
        own = (NAME,) if given_name(run) is not None else ()
        for name in (*own, CHECKPOINT, HISTORY, TRAJECTORY, RUN, START):
            (run.folder / name).unlink(missing_ok=True)


def is_there(run: Run) -> bool:
    """Whether the folder holds this run: it may have been moved, and another be in its place."""
    try:
        found = open_run(run.folder)
    except RunError:
        return False
    return (found.key, found.started) == (run.key, run.started)


def resume_command(folder: Path) -> str:
    """The command that goes on with the run in this folder, as a shell takes it."""
    return shlex.join(["chainrule", "train", "--resume", str(folder)])


# ---------------------------------------------------------------------------------------- run.json


def write_run(run: Run) -> None:
    content = {
        "format": FORMAT,
        "settings": run.settings.as_json(),
        "key": run.key,
        "started": run.started,
        "machines": list(run.machines),
        "data": run.data,
        "changes": [change._asdict() for change in run.changes],
        "engines": [each._asdict() for each in run.engines],
        "classes": list(run.classes),
        "extensions": [each._asdict() for each in run.extensions],
        "ended": run.ended,
        "start": run.start,
    }
    content["sha256"] = json_checksum(content)
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    # A path that is not UTF-8 is written with the escapes that JSON has for such bytes in Python.
    write_whole(run.folder / RUN, text.encode(errors="backslashreplace"))


def json_checksum(content: dict[str, Any]) -> str:
    import hashlib

    rest = {name: value for name, value in content.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def open_run(folder: str | Path) -> Run:
    """The run in a folder, as its run.json says; RunError if that is missing or damaged."""
    folder = Path(folder)
    path = folder / RUN
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            text = file.read() if size <= HEADER else b""
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"{folder}: wanted the folder of a run, found no {RUN} in it") from None
    except OSError as error:
        raise refusal(path, error) from None
    if size > HEADER:
        raise RunError(f"{path}: damaged: it may have {HEADER:,} bytes, it has {size:,}")
    try:
        content = json.loads(shallow(text.decode()))
    except ValueError:
        raise RunError(f"{path}: damaged: it is not JSON, or nested too deeply") from None
    try:
        return run_of(folder, content)
    except (ModelError, RunError) as error:
        raise refusal(path, error) from None


def run_of(folder: Path, content: object) -> Run:
    """The run of this content; RunError or ModelError unless it is just what write_run writes."""
    content = check_format(content, FORMATS)
    wanted = {"format", "settings", "key", "started", "machines", "data", "sha256"}
    if content["format"] > 1:
        wanted.add("changes")
    if content["format"] > 2:
        wanted.add("engine" if content["format"] == 3 else "engines")
    if content["format"] > 4:
        wanted.add("classes")
    if content["format"] > 5:
        wanted |= {"extensions", "ended", "start"}
    if set(content) != wanted:
        must, came = (", ".join(sorted(each)) for each in (wanted, content))
        raise RunError(f"damaged: its fields must be {must}, got {came:.100}")
    if content["sha256"] != json_checksum(content):
        raise RunError(
            "damaged or edited: its content does not match its checksum; start a new run instead"
        )
    settings, machines, data = content["settings"], content["machines"], content["data"]
    asked = Settings.of_json(settings, content["format"])
    possible = {
        "key": type(content["key"]) is int and 0 <= content["key"] < 2**63,
        "started": has_zone(content["started"]),
        "machines": isinstance(machines, list)
        and machines
        and all(isinstance(each, dict) for each in machines),
        "data": data is None
        or (
            isinstance(data, dict)
            and set(data) == {"training", "test"}
            and all(isinstance(sha256, str) for sha256 in data.values())
        ),
    }
    for name, fine in possible.items():
        if not fine:
            raise RunError(f"its {name} cannot be {content[name]!r:.60}")
    for name in ("steps", "learning_rate"):
        if data is not None and getattr(asked, name) is None:
            raise RunError(f"the setting {name} cannot be None once the digits have been read")
    changes = changes_of(content.get("changes", []))
    key, started = content["key"], content["started"]
    only = [{"step": 0, "engine": content.get("engine", NumpyEngine.name)}]
    engines = engines_of(content.get("engines", only))
    classes = names_of(content.get("classes", list(DIGITS)))
    run = Run(folder, asked, key, started, tuple(machines), data, changes, engines, classes)
    return with_length(run, content)


def with_length(run: Run, content: dict[str, Any]) -> Run:
    """The run with its extensions, its end and its start; RunError unless they can be."""
    ended, start = content.get("ended"), content.get("start")
    if not (start is None or (isinstance(start, str) and re.fullmatch("[0-9a-f]{64}", start))):
        raise RunError(f"its start cannot be {start!r:.60}")
    extensions = content.get("extensions", [])
    for each in extensions if isinstance(extensions, list) else [None]:
        if not isinstance(each, dict) or list(each) != list(Extension._fields):
            raise RunError(f"its extensions cannot be {extensions!r:.60}")
        step, steps = each.values()
        counts = run.data is not None and is_count(step) and is_count(steps)
        if not counts or not run.legs[-1].step < step < steps or step not in run.moments:
            raise RunError(f"its extensions cannot have {each!r:.60}")
        run = replace(run, extensions=(*run.extensions, Extension(step, steps)))
    if ended is not None and not (
        run.settings.patience
        and run.data
        and type(ended) is int
        and ended in run.moments
        and ended > run.legs[-1].step
    ):
        raise RunError(f"its ended cannot be {ended!r:.60}")
    return replace(run, ended=ended, start=start)


def names_of(content: object) -> tuple[str, ...]:
    """The classes in a run.json; RunError unless they can be."""
    try:
        return checked_names(content if isinstance(content, list) else [])
    except DataError as error:
        raise RunError(f"its classes cannot be: {error}") from None


def has_zone(started: object) -> bool:
    """Whether it is a date and a time with a zone."""
    with suppress(ValueError):
        return isinstance(started, str) and datetime.fromisoformat(started).tzinfo is not None
    return False


def changes_of(content: object) -> tuple[Change, ...]:
    """The changes in a run.json; RunError unless they are just what write_run writes."""
    steps = [-1]
    changes = []
    for each in content if isinstance(content, list) else [None]:
        if not isinstance(each, dict) or list(each) != list(Change._fields):
            raise RunError(f"its changes cannot be {content!r:.60}")
        step, rate = each.values()
        if not (
            (step == 0 or is_count(step))
            and type(step) is int
            and step > steps[-1]
            and type(rate) is float
            and 0 < rate < math.inf
        ):
            raise RunError(f"its changes cannot have {each!r:.60}")
        steps.append(step)
        changes.append(Change(step, rate))
    return tuple(changes)


def engines_of(content: object) -> tuple[Computing, ...]:
    """The engines in a run.json; RunError unless they are just what write_run writes."""
    engines: list[Computing] = []
    for each in content if isinstance(content, list) and content else [None]:
        if not isinstance(each, dict) or list(each) != list(Computing._fields):
            raise RunError(f"its engines cannot be {content!r:.60}")
        step, engine = each.values()
        ascending = is_count(step) and step > engines[-1].step if engines else step == 0
        if not (
            ascending
            and type(step) is int
            and isinstance(engine, str)
            and engine.isascii()
            and engine.isidentifier()
            and len(engine) <= 40
            and not (engines and engine == engines[-1].engine)
        ):
            raise RunError(f"its engines cannot have {each!r:.60}")
        engines.append(Computing(step, engine))
    return tuple(engines)
