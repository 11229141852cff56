"""What is said of a sweep: its settings in words, its table, and where the lab shows it."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chainrule.cli.options import said
from chainrule.cli.printing import Column, Piece, table
from chainrule.runs.kinds import Widths
from chainrule.runs.names import run_id
from chainrule.runs.settings import ENTRIES
from chainrule.sweeps.results import Row, Spread, best_of

FIELDS = ("accuracy", "validation", "loss", "seconds")  # of an outcome, in a file


def value_text(name: str, value: object) -> str:
    """A value of a setting as `sweep` takes it."""
    entry = ENTRIES[name]
    if isinstance(entry.kind, Widths) and isinstance(value, tuple):
        return "-".join(map(str, value)) or "none"
    return said(entry, value) or "default"


def words_of(choices: Mapping[str, Sequence[Any]]) -> list[str]:
    """Each of these settings with its values."""
    return [
        f"{name.replace('_', ' ')} {', '.join(value_text(name, each) for each in values)}"
        for name, values in choices.items()
    ]


# ---------------------------------------------------------------------------------------- the table


def table_of(rows: Sequence[Row], several: Sequence[str]) -> Iterator[Piece]:
    """A row for each combination, in the order of the grid; the best is bold."""
    best = best_of(rows)
    columns = [
        Column(
            name.replace("_", " "),
            [value_text(name, getattr(row.settings, name)) for row in rows],
        )
        for name in several
    ]
    columns.append(Column("runs", [f"{row.finished} of {len(row.runs)}" for row in rows], 3))
    columns.append(Column("test, %", [shares(row.spread("accuracy")) for row in rows]))
    if any(row.spread("validation") for row in rows):
        columns.append(
            Column("validation, %", [shares(row.spread("validation")) for row in rows], 1)
        )
    columns.append(Column("loss", [spread(row.spread("loss"), 4) for row in rows], 2))
    columns.append(Column("time", [spread(row.spread("seconds"), 1, " s") for row in rows], 4))
    yield table(columns, bold=[row is best and len(rows) > 1 for row in rows])
    yield ""
    if any(len(row.runs) > 1 for row in rows):
        yield "mean ± standard deviation over the seeds"
    if best and several:
        words = ", ".join(
            f"{name.replace('_', ' ')} {value_text(name, getattr(best.settings, name))}"
            for name in several
        )
        by = "validation" if best.spread("validation") else "test"
        yield f"best by {by} accuracy: {words}"


def shares(found: Spread | None) -> str:
    """A mean share and its spread in percent."""
    if found is None:
        return ""
    return spread(Spread(100 * found.mean, found.deviation and 100 * found.deviation), 2)


def spread(found: Spread | None, digits: int, unit: str = "") -> str:
    if found is None:
        return ""
    apart = "" if found.deviation is None else f" ± {found.deviation:.{digits}f}"
    return f"{found.mean:.{digits}f}{apart}{unit}"


def in_the_lab(rows: Sequence[Row]) -> Iterator[Piece]:
    """The command that opens the lab where the finished runs stand side by side."""
    best = best_of(rows)
    if best is None:
        return
    runs = [each.run for row in rows for each, found in row.runs if found]
    first = next(each.run for each, found in best.runs if found)
    differ = [name for name in ENTRIES if len({varies(run, name) for run in runs}) > 1]
    many = ",".join(name for name in differ if ENTRIES[name].identity) or "seed"
    yield f"side by side: chainrule lab {first.folder} --many {many}"


def varies(run: Any, name: str) -> object:  # noqa: ANN401
    return run.length if name == "steps" else getattr(run.settings, name)


# ------------------------------------------------------------------------------------ for programs


def as_csv(rows: Sequence[Row]) -> bytes:
    """The table as a file: all settings, then mean and deviation of each figure."""
    names = [name for name, entry in ENTRIES.items() if name != "seed" and not entry.of_digits]
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    figures = [f"{field}_{part}" for field in FIELDS for part in ("mean", "deviation")]
    lines.writerow([*names, "runs", *figures])
    for row in rows:
        values = []
        for field in FIELDS:
            found = row.spread(field) or (None, None)
            values += ["" if value is None else repr(value) for value in found]
        settings = row.runs[0][0].run.settings
        texts = [in_file(name, getattr(settings, name)) for name in names]
        lines.writerow([*texts, row.finished, *values])
    return text.getvalue().encode()


def in_file(name: str, value: object) -> str:
    return "" if value is None and ENTRIES[name].none != "all" else value_text(name, value)


def as_fields(row: Row) -> dict[str, Any]:
    """A row as the fields of a JSON object."""
    settings = row.runs[0][0].run.settings.as_json()
    del settings["seed"]
    return {
        "settings": settings,
        "finished": row.finished,
        **{field: as_object(row.spread(field)) for field in FIELDS},
        "runs": [
            {
                "seed": each.settings.seed,
                "folder": str(each.run.folder) if each.begun else None,
                "id": run_id(each.run) if each.begun and each.run.data else None,
                **({} if found is None else found._asdict()),
            }
            for each, found in row.runs
        ],
    }


def as_object(found: Spread | None) -> dict[str, float | None] | None:
    return None if found is None else found._asdict()
