"""`chainrule sweep`: many runs side by side, one for each combination of settings."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import click

from chainrule.cli.engines import check_engine, compile_once, engine_option, in_words
from chainrule.cli.options import (
    Place,
    WidthsType,
    dashed,
    data_option,
    example,
    json_option,
    meant,
    quiet_option,
    recipes,
    said,
    setting_option,
    type_of,
)
from chainrule.cli.printing import fail, paragraph, print_json, show, warn
from chainrule.cli.progress import SweepLine
from chainrule.cli.swept import as_csv, as_fields, words_of
from chainrule.cli.train import stop_signals
from chainrule.cli.workers import HERE, ray_option
from chainrule.cli.writing import force_option, write_new
from chainrule.data import bundled_mnist
from chainrule.engine.blas import cores
from chainrule.engine.choice import EngineName, choose
from chainrule.runs.folder import open_run
from chainrule.runs.kinds import Flag, Widths
from chainrule.runs.kinds import Place as PlaceKind
from chainrule.runs.machine import machine_difference
from chainrule.runs.settings import ENTRIES, RunError, Settings
from chainrule.sources.summary import TRANSPOSED, looks_transposed
from chainrule.sweeps.grid import MOST_RUNS, Sets, Wanted, combinations, count_runs, wanted_runs
from chainrule.sweeps.jobs import Job, News, Workers
from chainrule.sweeps.processes import in_processes
from chainrule.sweeps.results import Row, outcome_of, rows_of

RUNS = Path("runs")
HIDDEN = (
    "Widths of hidden layers: 10,32,128 are three networks of one hidden layer each, 300-100 is "
    "one of two, none has none."
)


class Several(click.ParamType[tuple[Any, ...]]):
    """Values separated by commas, each of them another one."""

    def __init__(self, one: click.ParamType[Any]) -> None:
        self.one = one
        self.name = one.name

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        whole = isinstance(self.one, click.IntRange)
        one = "N" if whole else self.one.get_metavar(param, ctx) or self.one.name.upper()
        return f"{one}[,...]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        texts = str(value).split(",")
        values = [self.one.convert(text.strip(), param, ctx) for text in texts]
        for k, each in enumerate(values):
            if each in values[:k]:
                self.fail(f"wanted each value once, got {texts[k].strip()!r} twice", param, ctx)
        return tuple(values)


def list_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for every setting but the place of the digits; all but flags take lists."""
    for name in reversed(ENTRIES):
        entry = ENTRIES[name]
        if isinstance(entry.kind, PlaceKind):
            continue
        if isinstance(entry.kind, Flag):
            command = setting_option(name)(command)
            continue
        one = WidthsType("-") if isinstance(entry.kind, Widths) else type_of(entry)
        usual = said(entry, getattr(Settings(), name))
        command = click.option(
            f"--{dashed(name)}",
            type=Several(one),
            default=usual,
            show_default=usual is not None,
            help=HIDDEN if isinstance(entry.kind, Widths) else entry.help or None,
        )(command)
    return command


@click.command(
    "sweep",
    epilog=f"\b\n{recipes()}\n\n"
    + example("sweep --hidden 10,32,128 --learning-rate 0.01,0.1 --seeds 5"),
)
@data_option("mnist, which is in the package")
@list_options
@click.option(
    "--seeds",
    type=click.IntRange(1, MOST_RUNS),
    help="So many seeds, from --seed on: --seeds 5 are 0 to 4.",
)
@engine_option
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="So many runs at once, by default one for each core; the results are the same.",
)
@ray_option("Train the runs on the workers of the Ray cluster at HOST:PORT or auto")
@click.option("--out", type=Place(), help="Write the table to this file, too, as CSV.")
@force_option
@quiet_option
@json_option
def sweep_command(
    data: Path | None,
    seeds: int | None,
    engine: EngineName,
    processes: int | None,
    ray: str | None,
    out: Path | None,
    force: bool,
    quiet: bool,
    as_json: bool,
    **wanted: Any,  # noqa: ANN401, the options that are settings
) -> None:
    """Train a network for each combination of settings, and put them in a table.

    Every setting of chainrule train may be a list, with commas between its values. Each
    combination is a run in the folder runs, as chainrule train makes it, to the same bytes; several
    run at once.

    A run that is there already is not trained again, and one that was stopped goes on. So after
    Ctrl-C, or a crash, the same command goes on with the sweep, and with more values it adds to it.

    A run that fails has a line on stderr, the others go on, and the exit code is 1.
    """
    check_engine(engine)
    check_out(out)
    choices = choices_of(wanted, seeds)
    place = None if data in (None, bundled_mnist()) else str(data.absolute())
    loud = not (quiet or as_json)
    sets = Sets()
    try:
        asked = combinations(choices, Settings(data=place, **fixed_of(wanted)))
        named = wanted_runs(asked, choose(engine), RUNS, sets)
    except RunError:
        raise
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context()) from None
    if looks_transposed(sets.of(asked[0])[0]):
        warn(f"{sets.of(asked[0])[0].name}: {TRANSPOSED}")
    jobs = jobs_of(named, choose(engine))
    at_once = min(processes or cores(), max(1, len(jobs)))
    threads = max(1, cores() // at_once)
    if loud:
        with suppress(OSError):  # the training goes on even if nobody reads this
            where = f"at once: {at_once}, threads of each: {threads}"
            if ray is not None:
                where = f"on the workers of Ray on {'this machine' if ray == HERE else ray}"
            show(heading(choices, named, where, choose(engine)))
            sys.stdout.flush()
    if jobs and choose(engine) == "compiled":  # once, before each process needs it
        compile_once(lambda line: show([line]) if loud else None, "stopped before the first run")
    with stop_signals() as stopped:
        workers: Workers = partial(in_processes, count=at_once, threads=threads)
        if ray is not None:
            workers = on_cluster(ray, at_once)
        failed = follow(jobs, named, choices, workers, lambda: bool(stopped), loud)
        if stopped:
            fail("stopped; the same command goes on with the sweep", 128 + stopped[0])
    tell(rows_of(found_again(named, choose(engine), sets)), choices, out, force, loud, as_json)
    if failed:
        sys.exit(1)


def on_cluster(address: str, count: int) -> Workers:
    """The workers of a Ray cluster; of one that is started here there are so many."""
    from chainrule.sweeps.clusters import on_ray

    return partial(on_ray, address=None if address == HERE else address, count=count)


def check_out(out: Path | None) -> None:
    """UsageError for a place where no table can be written once the runs are there."""
    context = click.get_current_context()
    if out is not None and out.suffix.lower() != ".csv":
        raise click.UsageError(f"--out wants a file that ends in .csv, got {out}", context)
    if out is not None and not out.parent.is_dir():
        raise click.UsageError(f"--out {out}: there is no folder {out.parent}", context)


def choices_of(wanted: Mapping[str, Any], seeds: int | None) -> dict[str, list[Any]]:
    """The values of each setting that may have several, in the words of the library."""
    given = {name: wanted[name] for name in ENTRIES if isinstance(wanted.get(name), tuple)}
    if seeds is not None:
        first, *others = given["seed"]
        if others:
            raise click.UsageError(
                "--seeds counts on from one --seed; give one of them a single value",
                click.get_current_context(),
            )
        given["seed"] = tuple(range(first, first + seeds))
    count_runs(given)  # before anything is as long as that
    return {name: [meant({name: each})[name] for each in given[name]] for name in given}


def fixed_of(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that have one value for all runs: flags."""
    return {name: value for name, value in wanted.items() if isinstance(value, bool)}


def jobs_of(named: Sequence[Wanted], engine: EngineName) -> list[Job]:
    """What is to be done, the first seed of every combination first; no run twice."""
    seeds = list(dict.fromkeys(each.settings.seed for each in named))
    jobs: dict[object, Job] = {}
    for number, each in enumerate(named):
        if not each.finished:
            folder = each.run.folder.absolute() if each.begun else None
            job = Job(number, each.settings, engine, RUNS.absolute(), folder)
            jobs.setdefault(each.name, job)
        if each.begun and not each.finished and (differs := machine_difference(each.run)):
            warn(f"{each.run.folder}: bytes may differ from here on: {differs}")
    return sorted(jobs.values(), key=lambda job: seeds.index(job.settings.seed))


def heading(
    choices: Mapping[str, Sequence[Any]],
    named: Sequence[Wanted],
    where: str,
    engine: str,
) -> list[Any]:
    """How many runs there are to be, of what, and how they are done."""
    there = sum(each.finished for each in named)
    half = sum(each.begun and not each.finished for each in named)
    usual = Settings()
    told = {n: v for n, v in choices.items() if n == "seed" or list(v) != [getattr(usual, n)]}
    lines = [f"{counted(len(named), 'run')}: {'; '.join(words_of(told))}"]
    if there:
        lines.append(f"{there:,} of them are there already")
    if half:
        lines.append(f"{half:,} of them were begun, and go on")
    if there < len(named):
        lines += [where, in_words(engine, hint=True)]
    return [paragraph(line, further="  ") for line in lines]


def counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' if n != 1 else ''}"


def follow(
    jobs: Sequence[Job],
    named: Sequence[Wanted],
    choices: Mapping[str, Sequence[Any]],
    workers: Workers,
    stopping: Callable[[], bool],
    loud: bool,
) -> int:
    """Have the jobs done, with a line for each that is; how many failed."""
    steps = {job.number: 0 for job in jobs}
    done = failed = 0
    total = sum(named[job.number].run.settings.steps or 0 for job in jobs)
    live = loud and sys.stderr.isatty() and jobs
    with (
        SweepLine(len(jobs), total) if live else nullcontext() as line,
        closing(cast("Any", workers(jobs, stopping))) as news,
    ):
        for each in cast("Sequence[News]", news):
            if each.folder is None and each.error is None:
                steps[each.job.number] = each.step
            else:
                ended = ending(each, named[each.job.number], choices)
                failed += ended.failed
                done += ended.finished
                steps[each.job.number] = named[each.job.number].run.settings.steps or 0
                with line.aside() if line else nullcontext():
                    tell_end(ended, f"{done} of {len(jobs)}: ", loud)
            if line:
                line.update(sum(steps.values()), done)
    return failed


class Ended(NamedTuple):
    """A job at its end: what is said of it. One that was stopped is neither."""

    text: str
    finished: bool = False
    failed: bool = False


def ending(news: News, wanted: Wanted, choices: Mapping[str, Sequence[Any]]) -> Ended:
    """How a job came to its end."""
    settings, folder, error = wanted.settings, news.folder or Path(), news.error
    one = {name: [getattr(settings, name)] for name in choices if len(choices[name]) > 1}
    words = ", ".join(words_of(one)) or f"seed {settings.seed}"
    found = None
    if error is None:
        try:
            found = outcome_of(open_run(folder))
        except RunError as refused:  # somebody has removed it, or it was damaged
            error = str(refused)
    place = RUNS / folder.name
    if error is not None:
        return Ended(f"{words}: {error.replace(str(RUNS.absolute()), str(RUNS))}", failed=True)
    if found is None:
        return Ended(f"{words}: stopped on the way, {place}")
    right = f"test {100 * found.accuracy:.2f} %, {found.seconds:.1f} s"
    return Ended(f"{words}: {right}, {place}", finished=True)


def tell_end(ended: Ended, count: str, loud: bool) -> None:
    with suppress(OSError):  # the others go on even if nobody reads this
        if ended.failed:
            warn(ended.text)
        elif loud:
            show([count + ended.text if ended.finished else ended.text])
            sys.stdout.flush()


def found_again(named: Sequence[Wanted], engine: EngineName, sets: Sets) -> list[Wanted]:
    """The same runs as they are in their folder now."""
    return wanted_runs([each.settings for each in named], engine, RUNS, sets)


def tell(
    rows: Sequence[Row],
    choices: Mapping[str, Sequence[Any]],
    out: Path | None,
    force: bool,
    loud: bool,
    as_json: bool,
) -> None:
    """Print the table, and write it if a file is wanted."""
    several = [name for name in choices if len(choices[name]) > 1 and name != "seed"]
    if as_json:
        print_json(rows=[as_fields(row) for row in rows])
    else:
        from chainrule.cli import swept

        show(["", *swept.table_of(rows, several)] if loud else swept.table_of(rows, several))
        if loud:
            show(swept.in_the_lab(rows))
    if out is not None:
        write_new(out, as_csv(rows), force=force)
        if loud:
            show([str(out)])
