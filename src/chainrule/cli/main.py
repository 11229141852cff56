"""The command line: its commands, and what becomes of an error."""

import codecs
import sys
from typing import NoReturn

import click
import numpy as np

from chainrule import __version__
from chainrule.cli.check import check_command
from chainrule.cli.compare import compare_command
from chainrule.cli.data import data_command
from chainrule.cli.engines import in_words as engine_in_words
from chainrule.cli.evaluate import evaluate_command
from chainrule.cli.explain import explain_command
from chainrule.cli.export import export_command
from chainrule.cli.grade import grade_command
from chainrule.cli.lab import lab_command
from chainrule.cli.models import models_command
from chainrule.cli.open import open_command
from chainrule.cli.predict import predict_command
from chainrule.cli.printing import fail, plain, show
from chainrule.cli.read import read_command
from chainrule.cli.runs import runs_command
from chainrule.cli.show import show_command
from chainrule.cli.sweep import sweep_command
from chainrule.cli.train import train_command
from chainrule.cli.worksheet import worksheet_command
from chainrule.data import DataError
from chainrule.engine.blas import blas_of_numpy
from chainrule.engine.choice import missing
from chainrule.explain.ledger import CellError
from chainrule.files import ModelError, in_words
from chainrule.runs.settings import RunError

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
        sys.exit(141)  # the reader of our output has gone: nothing more can be printed
    except (DataError, ModelError, RunError, CellError, ArithmeticError) as error:
        fail(str(error), 2)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        fail(f"{place}{in_words(error)}", 2)
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
        lines.append(engine_in_words("numpy" if missing() else "compiled", hint=True))
        show(lines)
        context.exit()


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


for command in (
    *(train_command, sweep_command),
    *(
        evaluate_command,
        predict_command,
        read_command,
        explain_command,
        check_command,
        grade_command,
    ),
    *(runs_command, compare_command, show_command, lab_command),
    *(data_command, worksheet_command, models_command, export_command, open_command),
):
    cli.add_command(command)
