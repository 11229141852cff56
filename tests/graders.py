"""nbgrader and Otter grade with the cells and files of the guide: `make test-graders`.

A course is made with them, and a right notebook, a wrong one and one that never ends are handed
in. The points must be those that each function is worth, and the feedback must name the mistake.
nbgrader and Otter are the programs themselves, in an environment of their own; they start kernels
on this machine alone. Otter grades as `otter run`, which needs no Docker.
"""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from helpers.guide import cells, first_try, metadata, otter_files
from nbformat.v4 import new_code_cell, new_notebook

WRONG, RIGHT = first_try()
ENDLESS = RIGHT + "\n\ndef backward(W2, X, Y, Z1, A1, A2):\n    while True:\n        pass\n"
MISTAKE = "s(1 − s): The diagonal of the softmax Jacobian is taken for all of it"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "course"\n'


def tool(name, *arguments, folder):
    """Run one of the tools in a folder, with a home of its own."""
    home = folder / "home"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls others
    names = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    done = subprocess.run(
        [sys.executable, "-m", name, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **dict.fromkeys(names, str(home)), "PATH": path, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode != 0:
        raise SystemExit(f"{name} {arguments[0]}: exit code {done.returncode}\n{done.stderr}")


def write(place, *code):
    """A notebook of cells, which are text or made already."""
    made = [new_code_cell(each) if isinstance(each, str) else each for each in code]
    place.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=made, metadata={"kernelspec": KERNEL}), place)


def named(cell):
    """The guide's cell of tests, but told to name the mistake."""
    return cell.replace("hints=1", "hints=3").replace("grade()", "grade(hints=3)")


def nbgrader_cells():
    """The cell that pupils fill in, and two of tests with 4 and 6 points."""
    form = {**metadata()["nbgrader"], "grade": False, "solution": True, "locked": False}
    form = {**form, "grade_id": "network"}
    del form["points"]
    yield new_code_cell(
        f"### BEGIN SOLUTION\n{RIGHT}\n### END SOLUTION", metadata={"nbgrader": form}
    )
    whole, part = cells()
    yield new_code_cell(named(whole), metadata=metadata())
    more = {**metadata()["nbgrader"], "grade_id": "part", "points": 6}
    yield new_code_cell(named(part), metadata={"nbgrader": more})


def try_nbgrader(folder):
    """The score of each person, and the text of the feedback."""
    (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    write(folder / "source/task/network.ipynb", *nbgrader_cells())
    tool("nbgrader", "generate_assignment", "task", folder=folder)
    released = nbformat.read(folder / "release/task/network.ipynb", as_version=4)
    assert "def forward" not in str(released.cells), "the solution is not to be released"
    for who, text in {"right": RIGHT, "wrong": WRONG, "endless": ENDLESS}.items():
        handed = nbformat.from_dict(json.loads(json.dumps(released)))
        handed.cells[0].source = text
        place = folder / f"submitted/{who}/task/network.ipynb"
        place.parent.mkdir(parents=True)
        nbformat.write(handed, place)
    for step in (("autograde", "task"), ("generate_feedback", "task"), ("export",)):
        tool("nbgrader", *step, folder=folder)
    with (folder / "grades.csv").open(encoding="utf-8", newline="") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    pages = {who: folder / f"feedback/{who}/task/network.html" for who in scores}
    texts = {
        who: re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")) for who, page in pages.items()
    }
    return scores, texts


def try_otter(folder):
    """The score of each person in each file of tests, and what is told of it."""
    scores, texts = {}, {}
    for form, text in zip(("exceptions", "OK"), otter_files(), strict=True):
        tests = folder / form / "tests"
        tests.mkdir(parents=True)
        (tests / "network.py").write_text(named(text), encoding="utf-8")
        tool("otter", "generate", "-t", tests, "-o", folder / f"{form}.zip", folder=folder)
        for who, code in {"right": RIGHT, "wrong": WRONG}.items():
            write(folder / f"{who}.ipynb", code)
            out = folder / form / who
            out.mkdir()
            options = ("-a", folder / f"{form}.zip", "-o", out, "--no-logo")
            tool("otter", "run", folder / f"{who}.ipynb", *options, folder=folder)
            results = json.loads((out / "results.json").read_text(encoding="utf-8"))["tests"]
            (result,) = [each for each in results if each["name"] == "network"]
            scores[form, who] = result["score"]
            texts[form, who] = result["output"]
    return scores, texts


def expect(what, got, wanted):
    print(f"{what}: {got}" + ("" if got == wanted else f", wanted {wanted}"), flush=True)
    return got == wanted


def main():
    with tempfile.TemporaryDirectory(prefix="chainrule-graders-") as name:
        course, otters = Path(name, "course"), Path(name, "otter")
        course.mkdir()
        otters.mkdir()
        scores, texts = try_nbgrader(course)
        passed = [
            expect("nbgrader, points of 10", scores, {"right": 10.0, "wrong": 4.0, "endless": 4.0}),
            expect("nbgrader, the mistake named", MISTAKE in texts["wrong"], True),
            expect("nbgrader, the loop told", "still running" in texts["endless"], True),
            expect("nbgrader, our lines in the feedback", "grading.py" in texts["wrong"], False),
        ]
        scores, texts = try_otter(otters)
        for form in ("exceptions", "OK"):
            found = {who: scores[form, who] for who in ("right", "wrong")}
            told = MISTAKE in texts[form, "wrong"]
            passed.append(expect(f"Otter ({form}), points of 6", found, {"right": 6, "wrong": 2}))
            passed.append(expect(f"Otter ({form}), the mistake named", told, True))
    print("passed" if all(passed) else "FAILED")
    sys.exit(not all(passed))


if __name__ == "__main__":
    main()
