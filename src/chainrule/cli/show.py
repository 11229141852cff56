"""`chainrule show`: a run as one page of HTML."""

from pathlib import Path

import click

from chainrule.cli.options import Asked, Place, example, measured_option
from chainrule.cli.printing import show
from chainrule.cli.subjects import check_classes, last_of, test_digits
from chainrule.files import write_whole
from chainrule.runs.folder import open_run
from chainrule.training import evaluate


@click.command("show", epilog=example("show runs/first"))
@click.argument("run", type=Place())
@measured_option("those of the run")
@click.option("--no-browser", is_flag=True, help="Write the page, and do not open it.")
def show_command(run: Path, data: Asked, no_browser: bool) -> None:
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
    test_set = test_digits(opened, data)
    check_classes(test_set, network.sizes[-1], run)
    content = page(opened, reached, network, test_set, evaluate(network, test_set, engine="numpy"))
    path = run / "report.html"
    write_whole(path, content.encode(errors="replace"))
    show([str(path)])
    if not no_browser:
        import webbrowser

        webbrowser.open(path.absolute().as_uri())
