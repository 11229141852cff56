"""Try the lowest versions that pyproject.toml allows, and the newest: `make test-floors`.

The lowest versions are tried on Python 3.11, the lowest too; the newest on each Python from 3.11
on that is found here. Each trial has an environment of its own in .venv-floors, made anew, with the
test tools of constraints.txt. There the suite runs without the browser, to which these versions
make no difference. A requirement that chainrule does not pass with at its floor has the wrong
floor.

    python tests/floors.py [lowest] [newest] [newest-3.12 ...] [-- what pytest is told]
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")  # the lowest is that of requires-python
FLOOR = re.compile(r"([\w-]+)>=([\d.]+)")


def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def floors():
    """The name and the lowest version of all that chainrule needs, and of what builds it."""
    project = pyproject()["project"]
    extras = project["optional-dependencies"]
    requirements = project["dependencies"]
    for extra in ("fast", "heic", "lab", "onnx", "ray", "sklearn", "tables"):
        requirements = requirements + extras[extra]
    requirements += pyproject()["build-system"]["requires"]
    requirements.remove("chainrule[fast]")
    found = {each: FLOOR.fullmatch(each) for each in requirements}
    if without := [each for each, floor in found.items() if not floor]:
        raise SystemExit(f"pyproject.toml: wanted name>=version, got {', '.join(without)}")
    return {floor[1]: floor[2] for floor in found.values()}


def pinned_tools():
    """The lines of constraints.txt for the dependency group `test`, the tools of these tests."""
    tools = {re.match(r"[\w-]+", each)[0] for each in pyproject()["dependency-groups"]["test"]}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {name: line for line in lines if (name := line.partition("==")[0]) in tools}
    if missing := tools - set(pinned):
        raise SystemExit(f"constraints.txt: no version of {', '.join(sorted(missing))}")
    return [line for name, line in pinned.items() if name not in floors()]


def wanted(kind):
    """What pip is told of this kind, beside chainrule itself."""
    tools = ["editables", *pinned_tools()]
    if kind == "newest":
        return [*floors(), *tools]
    lowest = [f"{name}=={version}" for name, version in floors().items()]
    # The test client of an old Starlette wants httpx, not httpx2, and names that anyio had then.
    return [*lowest, "httpx", "anyio<4.15", *tools]


def interpreter(version):
    """The Python of this version, or None. A name on the path may start nothing (pyenv)."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = sys.executable if version == here else shutil.which(f"python{version}")
    if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
        return found
    return None


def trials(asked):
    """(name, kind, Python) of each trial that is asked for, by its name or the start of it."""
    lowest = interpreter(PYTHONS[0])
    if "lowest" in asked and not lowest:
        raise SystemExit(f"the lowest versions are tried on Python {PYTHONS[0]}: install it")
    if lowest and "lowest" in asked:
        yield f"lowest-{PYTHONS[0]}", "lowest", lowest
    for version in PYTHONS:
        python, name = interpreter(version), f"newest-{version}"
        if name in asked and not python:
            raise SystemExit(f"{name}: there is no python{version} here")
        if python and {"newest", name} & set(asked):
            yield name, "newest", python


def attempt(name, kind, python, told):
    """Whether the suite passes with the versions of this kind, in an environment made for it."""
    home = ROOT / ".venv-floors" / name
    subprocess.run([python, "-m", "venv", "--clear", home], check=True)
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet"]
    subprocess.run([*install, "--upgrade", *wanted(kind)], check=True)
    subprocess.run([*install, "--no-deps", "--no-build-isolation", "-e", ROOT], check=True)
    subprocess.run([*pip, "check"], check=True)
    listed = subprocess.run(
        [*pip, "list", "--format=freeze"], check=True, capture_output=True, encoding="utf-8"
    )
    lines = listed.stdout.lower().replace("_", "-").split()  # a name is written in both ways
    versions = dict(line.split("==") for line in lines)
    used = ", ".join(f"{each} {versions[each]}" for each in floors())
    print(f"{name}: {used}", flush=True)
    suite = ["-m", "pytest", "-m", "not long", "-n", "2", "--dist", "worksteal"]
    suite += ["-p", "no:anyio", "--ignore", "tests/browser", *told]  # its plugin is for its age
    return subprocess.run([python, *suite], cwd=ROOT).returncode == 0


if __name__ == "__main__":
    before, _, told = " ".join(sys.argv[1:]).partition("--")
    asked = before.split() or ["lowest", "newest"]
    names = {"lowest", "newest", *(f"newest-{version}" for version in PYTHONS)}
    if unknown := set(asked) - names:
        raise SystemExit(f"wanted {', '.join(sorted(names))}; got {', '.join(sorted(unknown))}")
    passed = {name: attempt(name, *rest, told.split()) for name, *rest in trials(asked)}
    print(", ".join(f"{name}: {'passed' if ok else 'FAILED'}" for name, ok in passed.items()))
    sys.exit(not all(passed.values()))
