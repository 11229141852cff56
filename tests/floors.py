"""Try the oldest versions that pyproject.toml allows, and the newest: `make test-floors`.

Each kind has an environment of its own in .venv-floors, made anew, with the test tools of
constraints.txt. There the suite runs without the browser, to which these versions make no
difference. The lowest versions are tried on Python 3.11, the lowest too; the newest on the Python
that runs this. A requirement that chainrule does not pass with at its floor has the wrong floor.

    python tests/floors.py [lowest] [newest] [-- what pytest is told]
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOOLS = ("autograd", "httpx2", "hypothesis", "mypy", "pytest", "pytest-xdist")
OLDEST = "3.11"  # as requires-python says
FLOOR = re.compile(r"([\w-]+)>=([\d.]+)")


def floors():
    """The name and the lowest version of all that chainrule needs, and of what builds it."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = wanted["project"]
    requirements = project["dependencies"] + project["optional-dependencies"]["lab"]
    requirements += wanted["build-system"]["requires"]
    found = {each: FLOOR.fullmatch(each) for each in requirements}
    if without := [each for each, floor in found.items() if not floor]:
        raise SystemExit(f"pyproject.toml: wanted name>=version, got {', '.join(without)}")
    return {floor[1]: floor[2] for floor in found.values()}


def pinned_tools():
    """The lines of constraints.txt for the tools that run the tests."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.partition("==")[0] in TOOLS]


def wanted(kind):
    """What pip is told of this kind, beside chainrule itself."""
    tools = ["editables", *pinned_tools()]
    if kind == "newest":
        return [*floors(), *tools]
    lowest = [f"{name}=={version}" for name, version in floors().items()]
    # The test client of an old Starlette wants httpx, not httpx2, and names that anyio had then.
    return [*lowest, "httpx", "anyio<4.15", *tools]


def interpreter(kind):
    """The Python that this kind is tried on."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if kind == "newest" or here == OLDEST:
        return sys.executable
    if found := shutil.which(f"python{OLDEST}"):
        return found
    raise SystemExit(f"the lowest versions are tried on Python {OLDEST}: install python{OLDEST}")


def attempt(kind, told):
    """Whether the suite passes with the versions of this kind, in an environment made for it."""
    home = ROOT / ".venv-floors" / kind
    subprocess.run([interpreter(kind), "-m", "venv", "--clear", home], check=True)
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet"]
    subprocess.run([*install, "--upgrade", *wanted(kind)], check=True)
    subprocess.run([*install, "--no-deps", "--no-build-isolation", "-e", ROOT], check=True)
    subprocess.run([*pip, "check"], check=True)
    listed = subprocess.run(
        [*pip, "list", "--format=freeze"], check=True, capture_output=True, encoding="utf-8"
    )
    versions = dict(line.split("==") for line in listed.stdout.lower().split())
    used = ", ".join(f"{name} {versions[name]}" for name in floors())
    version = subprocess.run([python, "--version"], check=True, capture_output=True, text=True)
    print(f"{kind}: {version.stdout.strip()}, {used}", flush=True)
    suite = ["-m", "pytest", "-m", "not long", "-n", "2", "--dist", "worksteal"]
    suite += ["-p", "no:anyio", "--ignore", "tests/browser", *told]  # its plugin is for its age
    return subprocess.run([python, *suite], cwd=ROOT).returncode == 0


if __name__ == "__main__":
    kinds, _, told = " ".join(sys.argv[1:]).partition("--")
    passed = {kind: attempt(kind, told.split()) for kind in kinds.split() or ("lowest", "newest")}
    print(", ".join(f"{kind}: {'passed' if ok else 'FAILED'}" for kind, ok in passed.items()))
    sys.exit(not all(passed.values()))
