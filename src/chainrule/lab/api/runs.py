"""The answers about runs: which there are, and what becomes of the one in training."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from chainrule.data import Digits
from chainrule.lab.api import checks, limits, requests
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import asked_for, digits_of_run
from chainrule.lab.api.sets import find_set, sets_folder
from chainrule.lab.live.control import check_size, ordered, trainable
from chainrule.lab.live.frames import sample_of, unit_view
from chainrule.lab.live.training import HistoryRow, Training, rows_of
from chainrule.lab.wire import Answer, RefusedError
from chainrule.runs.called import called, own_name, rename
from chainrule.runs.digits import count_learned
from chainrule.runs.folder import start_of
from chainrule.runs.lock import state_of
from chainrule.runs.names import run_id
from chainrule.runs.run import Run
from chainrule.runs.settings import Computing, RunError, Settings
from chainrule.training import settle


def runs(lab: Lab) -> Answer:
    """The runs on disk, the newest last, and which of them is being trained."""
    training = lab.live.training
    found, damaged = lab.shelf.look()
    entries = {run_id(run): run_entry(lab, run) for run in list(found.values())[-limits.RUNS :]}
    if training is not None:
        entries[training.id] = live_entry(lab, training)
    return {
        "runs": list(entries.values()),
        "damaged": damaged[-limits.RUNS :],
        "live": training.id if training else None,
    }


def run_entry(lab: Lab, run: Run) -> Answer:
    """What a page is told of a run on disk; None if it has just been damaged."""
    reached, state = None, "interrupted"
    with suppress(RunError, OSError):
        reached = lab.shelf.standing(run)
        state = state_of(run.folder)
    rows = rows_of(reached.history.tolist()) if reached else []
    return {
        "id": run_id(run),
        "name": called(run),
        "named": own_name(run) is not None,
        "settings": asked_for(run),
        "engines": [list(each) for each in run.engines],
        "classes": run.classes,
        "length": run.length,
        "step": reached.step if reached else 0,
        "kept": reached.kept if reached else 0,
        "ended": run.ended,
        "state": "new" if state == "interrupted" and not reached else state,
        "recorded": reached.recorded_steps if reached else [],
        "history": history_columns(rows),
        "changes": [list(change) for change in run.changes],
        **measured_on(digits_of_run(run), partial(lab.own_set, run)),
    }


def live_entry(lab: Lab, training: Training) -> Answer:
    """The same of the training that is on, which knows more than its last checkpoint."""
    return run_entry(lab, training.run) | {
        "step": training.step,
        "state": training.state,
        "recorded": training.recorded_steps,
        "history": history_columns(training.rows),
    }


def measured_on(name: str | None, load: Callable[[], Digits]) -> Answer:
    """The name of the test images that a network is measured on, and how many there are."""
    try:
        count = len(load())
    except RefusedError:
        count = 0  # they are gone, or not known
    return {"digits": name, "images": count}


def history_columns(rows: Sequence[HistoryRow]) -> Answer:
    names = (
        *("step", "loss", "train_accuracy", "test_accuracy"),
        *("validation_loss", "validation_accuracy"),
    )
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def order_training(lab: Lab, body: Answer) -> Answer:
    """Do what a page orders of the training, and tell what it is then."""
    order = requests.parse_order(body)
    if order.data is not None:  # one of the lab's own sets, never a path that a page gives
        find_set(lab, order.data)
        order = order._replace(data=str((sets_folder(lab) / order.data).absolute()))
    lab.live.execute(order)
    training = lab.live.training
    return {"live": live_entry(lab, training) if training else None}


def rename_run(lab: Lab, body: Answer) -> Answer:
    """Give a run another name, or none of its own, and tell how it is called then."""
    id, name = requests.parse_rename(body)
    training = lab.live.training
    run = training.run if training and training.id == id else lab.shelf.find(id)
    if run is None:
        raise RefusedError(f"{checks.quoted(id)} is no run here; runs have names", "missing")
    try:
        rename(run, name)
    except RunError as error:
        reason = str(error).replace(str(lab.shelf.folder), "runs")
        raise RefusedError(reason, "conflict") from None
    return {"name": called(run), "named": own_name(run) is not None}


def preview_run(lab: Lab, body: Answer) -> Answer:
    """What a training of these settings begins with: its units, and the images that are watched."""
    order = requests.parse_start(checks.parse_fields(body, "the body", ("settings",))["settings"])
    settings = ordered(order)
    check_size(settings)
    numbers = sample_of(lab.test_set)
    labels = lab.test_set.labels[numbers]
    network, _ = start_of(settings)
    return {
        "length": length_of(lab, settings),
        "units": {**unit_view(network), "all": network.sizes[1]},
        "answers": [
            {"index": index, "label": label, "read": None, "sure": None}
            for index, label in zip(numbers, labels, strict=True)
        ],
    }


def length_of(lab: Lab, settings: Settings) -> int:
    """The steps that a training of these settings on MNIST will have."""
    loss, optimizer, rate = settings.loss, settings.optimizer, settings.learning_rate
    size, steps, epochs = settings.batch_size, settings.steps, settings.epochs
    m = 1 if size is None else len(lab.train_set)  # which is not needed else, nor unpacked
    m = count_learned(settings, m)
    try:
        return settle(loss, optimizer, m, rate, size, steps, epochs)[1]
    except ValueError as error:
        raise RefusedError(str(error)) from None


def describe_run(_: Lab, body: Answer) -> Answer:
    """What the id of a run says of it. The run need not be here: it could be trained."""
    id = requests.parse_network(checks.parse_fields(body, "the body", ("run",))["run"])
    asked = trainable(id)
    engines = (Computing(0, asked.engine),)
    run = Run(Path(), asked.settings, 0, "", (), changes=asked.changes, engines=engines)
    return {
        "settings": asked_for(run),
        "engines": [list(each) for each in run.engines],
        "length": run.length,
        "changes": [list(change) for change in run.changes],
    }
