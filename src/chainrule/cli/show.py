"""`chainrule show`: a run as one page of HTML."""

from pathlib import Path

import click

from chainrule.cli.options import Place, data_option, example, read_digits
from chainrule.cli.printing import show
from chainrule.cli.subjects import last_of
from chainrule.files import write_whole
from chainrule.runs.digits import own_digits
from chainrule.runs.folder import open_run
from chainrule.training import evaluate


@click.command("show", epilog=example("show runs/first"))
@click.argument("run", type=Place())
@data_option("those of the run")
@click.option("--no-browser", is_flag=True, help="Write the page, and do not open it.")
def show_command(run: Path, data: Path | None, no_browser: bool) -> None:
    """Make a page of a run, and open it in the browser.

    Loss and accuracy curves, the confusion matrix, the first layer's weights as images, the
    worst mistakes: one HTML file in the run's folder, that needs nothing else.
    """
    try:
        from chainrule.cli.page import page
    except ModuleNotFoundError:
        needs = "show needs the extra lab: pip install pillow"
        raise click.ClickException(needs) from None
    opened = open_run(run)
    network, reached = last_of(opened)
    test_set = own_digits(opened) if data is None else read_digits(data)[1]
    content = page(opened, reached, network, test_set, evaluate(network, test_set, engine="numpy"))
    path = run / "report.html"
    write_whole(path, content.encode(errors="replace"))
    show([str(path)])
    if not no_browser:
        import webbrowser

        webbrowser.open(path.absolute().as_uri())
