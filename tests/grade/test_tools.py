"""What the guide gives to teachers runs as it stands there: cells, files of tests, commands.

The tools themselves grade with them in `make test-graders`.
"""

import re
import shlex
from xml.etree import ElementTree

import pytest
from helpers import guide
from helpers.kernels import execute
from nbformat.v4 import new_code_cell, new_notebook

WRONG, RIGHT = guide.first_try()

# Otter's decorator, as far as its files use it; Otter itself is in an environment of its own.
OTTER = """
import sys, types
module = types.ModuleType("otter.test_files")
def test_case(**fields):
    return lambda function: (fields, function)
module.test_case = test_case
sys.modules["otter"] = sys.modules["otter.test_files"] = module
"""
RAISING = """
cases = {}
exec(FILE, cases)
for fields, function in [each for each in cases.values() if isinstance(each, tuple)]:
    try:
        function(env=globals())
        print(fields["name"], fields["points"], "passed")
    except AssertionError as error:
        print(fields["name"], fields["points"], error)
"""
OK = """
import doctest
found = {}
exec(FILE, found)
(suite,) = found["test"]["suites"]
for points, case in zip(found["test"]["points"], suite["cases"], strict=True):
    examples = doctest.DocTestParser().get_doctest(case["code"], globals(), "ok", None, None)
    result = doctest.DocTestRunner(verbose=False).run(examples, out=lambda text: None)
    print(points, len(examples.examples), result.failed)
"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each cell of a notebook with a wrong backward gives."""
    whole, part = guide.cells()
    raising, ok = guide.otter_files()
    texts = [WRONG, whole, part, OTTER, f"FILE = {raising!r}{RAISING}", f"FILE = {ok!r}{OK}"]
    texts += ["from chainrule.notebook import grade\ngrade(hints=0)", RIGHT, whole, part]
    notebook = new_notebook(cells=[new_code_cell(each) for each in texts])
    ran = execute(notebook, tmp_path_factory.mktemp("kernel"), errors=True)
    return [cell.outputs for cell in ran.cells]


def printed(outputs):
    assert {each.name for each in outputs} == {"stdout"}
    return "".join(each.text for each in outputs)


def test_a_cell_of_nbgrader_fails_in_one_sentence(outputs):
    (error,) = outputs[1]
    assert error.ename == "AssertionError"
    assert re.fullmatch(r"backward: wrong in dW1 db1 dW2 db2; most in db2\[5\]: .*", error.evalue)
    assert error.traceback == [f"AssertionError: {error.evalue}"]
    assert outputs[8] == []


def test_a_part_of_the_points_is_a_number(outputs):
    for place, points in ((2, 4), (9, 6)):
        (result,) = outputs[place]
        assert result.output_type == "execute_result"
        assert float(result.data["text/plain"]) == points


def test_the_file_of_otter_has_a_case_for_each_function(outputs):
    forward, backward = printed(outputs[4]).splitlines()
    assert forward == "forward 2 passed"
    assert backward.startswith("backward 4 backward: wrong in dW1 db1 dW2 db2; most in ")


def test_the_file_of_ok_is_a_doctest(outputs):
    assert printed(outputs[5]) == "2 2 0\n4 2 1\n"


def test_a_notebook_shows_the_report(outputs):
    (result,) = outputs[6]
    assert result.data["text/plain"].endswith("2 of 3 right")


def test_the_metadata_is_that_of_a_cell_of_tests():
    fields = guide.metadata()["nbgrader"]
    assert (fields.pop("grade_id"), fields.pop("points")) == ("backward", 4)
    assert fields == {
        **{"schema_version": 3, "grade": True, "locked": True},
        **{"solution": False, "task": False},
    }


@pytest.mark.parametrize(("text", "codes"), [(RIGHT, [0, 0, 0, 0]), (WRONG, [0, 1, 1, 1])])
def test_the_commands_of_the_workflows_run(inside, tmp_path, text, codes):
    (tmp_path / "network.py").write_text(text, encoding="utf-8")
    (workflow, pipeline) = guide.blocks("GitHub Classroom", "yaml")
    commands = re.findall(r"(?:command:|run:|-) chainrule (.*)", workflow + pipeline)
    results = tmp_path / "results.xml"
    for command, code in zip(commands, codes, strict=True):
        results.unlink(missing_ok=True)
        assert inside(*shlex.split(command), cwd=tmp_path).returncode == code
        if "--junit" in command:
            (suite,) = ElementTree.parse(results).getroot()
            assert suite.get("failures") == str(code)
    # Each step is read by its name where the results are added up.
    names = re.findall(r"- id: (\w+)", workflow)
    assert re.search(r"runners: (.*)", workflow)[1].split(",") == names
    for name in names:
        assert f'{name.upper()}_RESULTS: "${{{{ steps.{name}.outputs.result }}}}"' in workflow
