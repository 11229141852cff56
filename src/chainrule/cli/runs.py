"""`chainrule runs`: a list of runs."""

from datetime import UTC, datetime
from pathlib import Path

import click

from chainrule.cli.options import Place, example, json_option
from chainrule.cli.printing import print_json, show
from chainrule.runs.listing import Entry, list_runs
from chainrule.runs.settings import RunError


@click.command("runs", epilog=example("runs trainings/monday"))
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
    from chainrule.cli import tables

    if entries:
        show(tables.runs(entries, datetime.now(UTC)))
    elif not refused:
        show([f"no runs in {folder}; chainrule train makes one"])
    show(f"damaged: {line}" for line in damaged)
    show(f"not read: {line}" for line in newer)
