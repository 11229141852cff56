"""What `train` says of a run: before it starts, where it stopped, and how good its network is."""

import hashlib

from chainrule.cli.engines import to_measure
from chainrule.cli.options import dashed
from chainrule.cli.printing import print_json, show
from chainrule.data import Digits
from chainrule.model import MODEL, load_model
from chainrule.runs.checkpoint import Checkpoint, read_checkpoint, what_is_safe
from chainrule.runs.digits import count_learned, parts_of
from chainrule.runs.folder import is_there, resume_command, start_of_run
from chainrule.runs.run import START, Run
from chainrule.training import evaluate


def run_lines(run: Run, digits: Digits) -> list[str]:
    """What is trained, on which digits, and where it stands."""
    settings, reached = run.settings, read_checkpoint(run)
    network, _ = start_of_run(run)
    m = count_learned(settings, len(digits))
    size = settings.batch_size
    seen = f"batches of {size:,} of {m:,} images" if size else f"all {m:,} images"
    seen += f" of {digits.name}"
    rate = f"α = {run.learning_rate(-1):g}"
    rate += f", {dashed(settings.schedule)}" if settings.schedule != "constant" else ""
    how = f"{settings.optimizer}, {rate}, {run.length:,} steps of {seen}, seed {settings.seed}"
    lines = [str(network), how]
    if run.start is not None:
        lines.append(f"from the model with SHA-256 {run.start[:12]}…, kept as {START}")
    if m < len(digits):
        waits = f", patience {settings.patience}" if settings.patience else ""
        lines.append(f"{len(digits) - m:,} images are set apart to validate on{waits}")
    if settings.deform != "none":
        lines.append(f"each epoch sees other deformed copies of the images: {settings.deform}")
    if run.extensions:
        lines.append(f"made longer after step {run.extensions[-1].step:,}")
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
        "schedule": dashed(settings["schedule"]),
        "batch_size": settings["batch_size"] or "all",
    }


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
    learned, validation = parts_of(run, digits[0])
    on_train, on_test = (
        evaluate(network, each, engine=to_measure(run), threads=threads)
        for each in (learned, digits[1])
    )
    on_validation = row_of(run, reached) if validation else None
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
            validation=on_validation,
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
                *validation_lines(run, on_validation),
                f"model {model}",
            ]
        )
    show([tables.accuracy(on_test, digits[1].name)])


def row_of(run: Run, reached: Checkpoint) -> dict[str, float]:
    """What the history says of the validation at the step of the model."""
    step, _ = reached.kept(run)
    *_, loss, accuracy = reached.history[reached.history[:, 0] == step][0].tolist()
    return {"step": step, "loss": loss, "accuracy": accuracy}


def validation_lines(run: Run, found: dict[str, float] | None) -> list[str]:
    """How the model does on the validation images, and at which step it was the best."""
    from chainrule.cli import tables

    if found is None:
        return []
    right = tables.percent(found["accuracy"])
    lines = [f"loss {found['loss']:.4f} on the validation images, accuracy {right}"]
    if run.settings.patience is not None:
        at = f"the model is that of step {found['step']:,}, where the validation loss was lowest"
        lines.append(f"stopped early after step {run.ended:,}; {at}" if run.ended else at)
    return lines
