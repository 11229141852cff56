"""The built wheel: what is in it, and that it trains by itself."""

import json
import os
import re
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT
from floors import floors


def test_every_dependency_has_a_floor_below_what_the_tests_ran_with():
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    for name, lowest in floors().items():
        pinned = re.search(rf"^{name}==([\d.]+)", constraints, re.MULTILINE)[1]
        low, high = ([int(part) for part in each.split(".")] for each in (lowest, pinned))
        assert low <= high, name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    subprocess.run([sys.executable, "-m", "pip", *build, "-w", folder, ROOT], check=True)
    (path,) = folder.glob("chainrule-*.whl")
    return path


def test_the_wheel_has_the_digits_their_licence_the_models_and_the_types(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith("dist-info/METADATA"))
        headers = archive.read(metadata).decode().partition("\n\n")[0]
    for name in (
        *("py.typed", "mnist/NOTICE", "mnist/LICENSE", "mnist/SHA256SUMS"),
        *(f"mnist/{part}-images-idx3-ubyte.gz" for part in ("train", "t10k")),
        *(f"mnist/{part}-labels-idx1-ubyte.gz" for part in ("train", "t10k")),
        *(f"models/{name}.safetensors" for name in ("seed", "stronger")),
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
