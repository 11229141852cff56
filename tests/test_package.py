"""The sdist and the wheel that is made from it: what is in them, and that it trains by itself."""

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest
from floors import PYTHONS, floors, pyproject
from helpers import ROOT

import chainrule


def test_every_dependency_has_a_floor_below_what_the_tests_ran_with():
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    for name, lowest in floors().items():
        pinned = re.search(rf"^{name}==([\d.]+)", constraints, re.MULTILINE)[1]
        low, high = ([int(part) for part in each.split(".")] for each in (lowest, pinned))
        assert low <= high, name


def test_every_tool_of_the_dependency_groups_has_a_pinned_version():
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    groups = pyproject()["dependency-groups"].values()
    for tool in {tool for group in groups for tool in group if isinstance(tool, str)}:
        name, _, lowest = tool.partition(">=")
        pinned = re.search(rf"^{name}==([\d.]+)", constraints, re.MULTILINE)[1]
        low, high = ([int(part) for part in each.split(".")] for each in (lowest or "0", pinned))
        assert low <= high, name


def test_the_citation_names_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)", citation, re.MULTILINE)[1] == chainrule.__version__


def test_the_workflows_try_every_python_and_take_actions_by_their_hash():
    workflows = {path.stem: path.read_text("utf-8") for path in ROOT.glob(".github/workflows/*")}
    tests = workflows["tests"]
    (listed,) = re.findall(r"^ +python: \[(.*)\]", tests, re.MULTILINE)
    assert tuple(re.findall(r"[\d.]+", listed)) == PYTHONS
    trials = re.findall(r"trial: ([\w.-]+)", tests)
    assert trials == ["lowest", *(f"newest-{version}" for version in PYTHONS)]
    for action in re.findall(r"uses: (.*)", "".join(workflows.values())):
        assert action.startswith("./") or re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    build = ["hatchling", "build", "--target", "sdist", "--directory", folder]
    subprocess.run([sys.executable, "-m", *build], check=True, cwd=ROOT)
    (path,) = folder.glob("chainrule-*.tar.gz")
    return path


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    subprocess.run([sys.executable, "-m", "pip", *build, "-w", folder, sdist], check=True)
    (path,) = folder.glob("chainrule-*.whl")
    return path


def test_the_sdist_has_all_that_make_test_needs_and_the_documents_link_to(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("Makefile", "constraints.txt", "pyproject.toml", "tests/conftest.py"):
        assert name in names
    for folder in ("docs", "benchmarks/log"):
        files = {path for path in (ROOT / folder).rglob("*") if path.suffix in (".md", ".png")}
        assert {path.relative_to(ROOT).as_posix() for path in files} <= names
    assert not [name for name in names if ".venv" in name or name.startswith("runs")]


def test_the_wheel_has_the_digits_their_licence_the_models_and_the_types(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith("dist-info/METADATA"))
        headers = archive.read(metadata).decode().partition("\n\n")[0]
    for name in (
        *("py.typed", "mnist/NOTICE", "mnist/LICENSE", "mnist/SHA256SUMS"),
        *(f"mnist/{part}-images-idx3-ubyte.gz" for part in ("train", "t10k")),
        *(f"mnist/{part}-labels-idx1-ubyte.gz" for part in ("train", "t10k")),
        *(f"models/{name}.safetensors" for name in ("small", "large")),
    ):
        assert f"chainrule/{name}" in names
    # The page of the lab, the trained models and whatever else a room reads beside its code.
    package = ROOT / "src/chainrule"
    files = {path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert package / "lab/page/index.html" in files
    assert {path.relative_to(package.parent).as_posix() for path in files} <= set(names)
    assert "License-Expression: MIT AND CC-BY-SA-3.0 AND LPPL-1.3c" in headers
    assert len(re.findall("^License-File: ", headers, re.MULTILINE)) == 4
    assert not [name for name in names if name.startswith(("tests", "docs"))]
    extras = re.findall("^Provides-Extra: (.*)", headers, re.MULTILINE)
    assert extras == ["all", "fast", "heic", "lab", "onnx", "ray", "sklearn", "tables"]


def test_the_installed_wheel_trains(wheel, tmp_path):
    """Installed alone into an empty folder, started elsewhere; its dependencies are this test's."""
    home = tmp_path / "site"
    install = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]
    subprocess.run([sys.executable, "-m", "pip", *install, home, wheel], check=True)
    program = home / ("Scripts" if os.name == "nt" else "bin") / "chainrule"
    env = {**os.environ, "PYTHONPATH": str(home), "PYTHONWARNINGS": "error"}
    found = subprocess.run(
        [sys.executable, "-c", "import chainrule; print(chainrule.__file__)"],
        **{"env": env, "cwd": tmp_path, "capture_output": True, "text": True, "check": True},
    )
    assert found.stdout.startswith(str(home))
    done = subprocess.run(
        [program, "train", "--steps", "30", "--json"],
        **{"env": env, "cwd": tmp_path, "capture_output": True, "text": True, "check": True},
    )
    result = json.loads(done.stdout)
    assert result["accuracy"] > 0.5
    assert (tmp_path / result["model"]).exists()
