"""The notebooks run from top to bottom in a kernel, and are kept without outputs."""

import nbformat
import pytest
from helpers import ROOT
from helpers.kernels import execute

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 5


def quick_or_long():
    """Each notebook; what trains for long is run by `make test-long`."""
    for path in NOTEBOOKS:
        marks = [pytest.mark.long] if "training" in path.stem else []
        yield pytest.param(path, marks=marks, id=path.stem)


@pytest.mark.parametrize("path", list(quick_or_long()))
def test_a_notebook_runs_and_every_value_is_drawn(path, tmp_path):
    kept = nbformat.read(path, as_version=4)
    nbformat.validate(kept)
    first, *_ = kept.cells
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    for cell in kept.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
    for cell in execute(nbformat.read(path, as_version=4), tmp_path).cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text  # a warning is an error, too
            plain = output.get("data", {}).get("text/plain", "")
            # What is a value of ours is drawn, and never the repr of an object.
            assert "object at 0x" not in plain
            if plain.startswith(("Network", "Snapshot", "Evaluation", "Ledger", "Cell", "Proof")):
                assert "text/html" in output.data
