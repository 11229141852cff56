"""Chromium or Chrome for the tests: found, or installed, or said how to.

What to do next is decided by `next_step`, which looks at nothing and changes nothing; `start` does
it until a browser runs or there is nothing left to try.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import playwright.sync_api

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MACOS = ("Chromium.app/Contents/MacOS/Chromium", "Google Chrome.app/Contents/MacOS/Google Chrome")
WINDOWS = ("Google/Chrome/Application/chrome.exe", "Chromium/Application/chrome.exe")
MINUTES = 20  # that one installation, or a start, may take

PLAYWRIGHT = (sys.executable, "-m", "playwright", "install", "chromium")
APT = ("apt-get", "install", "-y", "--no-install-recommends", "chromium")


class Step(NamedTuple):
    """Start the browser at a place, run commands, or give up with a message."""

    kind: Literal["start", "run", "fail"]
    place: str = ""
    commands: tuple[tuple[str, ...], ...] = ()
    message: str = ""


def next_step(places: Sequence[str], tried: Sequence[Step], *, root: bool, debian: bool) -> Step:
    """What to do after the steps that did not help, with browsers at these places."""
    installations = [Step("run", commands=(PLAYWRIGHT,))]
    if root and debian:
        installations.append(Step("run", commands=(("apt-get", "update"), APT)))
    for step in (*(Step("start", place) for place in places), *installations):
        if step not in tried:
            return step
    by_hand = APT if debian else (*PLAYWRIGHT, "--with-deps")
    command = " ".join(by_hand if root or not debian else ("sudo", *by_hand))
    return Step(
        "fail",
        message=f"the browser tests want Chromium or Chrome, found none that starts; "
        f"run: {command}",
    )


def places(downloaded: str) -> list[str]:
    """Where there is a browser: on the path, where the system keeps programs, Playwright's own."""
    found = [path for name in NAMES if (path := shutil.which(name))]
    if sys.platform == "darwin":
        roots, names = [Path("/Applications"), Path.home() / "Applications"], MACOS
    elif sys.platform == "win32":
        variables = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
        roots, names = [Path(os.environ[v]) for v in variables if v in os.environ], WINDOWS
    else:
        roots, names = [], ()
    usual = [root / name for root in roots for name in names] + [Path(downloaded)]
    return found + [str(path) for path in usual if path.exists()]


def start(driver: playwright.sync_api.Playwright) -> playwright.sync_api.Browser:
    """A running Chromium or Chrome; RuntimeError with the one command to run if there is none."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    debian = Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None
    tried: list[Step] = []
    reasons: list[str] = []
    while True:
        here = places(driver.chromium.executable_path)
        step = next_step(here, tried, root=root, debian=debian)
        tried.append(step)
        match step.kind:
            case "start":
                try:
                    return driver.chromium.launch(
                        executable_path=step.place, timeout=MINUTES * 60_000
                    )
                except playwright.sync_api.Error as error:
                    reasons.append(f"{step.place}: {error.message.splitlines()[0]}")
            case "run":
                reasons += install(step.commands)
            case "fail":
                raise RuntimeError(f"{step.message} ({'; '.join(reasons)})")


def install(commands: Sequence[Sequence[str]]) -> list[str]:
    """Run the commands of an installation; why it failed, or nothing."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in commands:
        print(f"no browser yet: {' '.join(command)}", file=sys.__stderr__, flush=True)
        try:
            subprocess.run(
                command,
                **{"check": True, "env": env, "timeout": MINUTES * 60, "stdin": subprocess.DEVNULL},
                **{"capture_output": True, "encoding": "utf-8", "errors": "replace"},
            )
        except subprocess.TimeoutExpired:
            return [f"{' '.join(command)}: not done after {MINUTES} minutes"]
        except subprocess.CalledProcessError as error:
            lines = [line for line in (error.stderr or error.stdout).splitlines() if line.strip()]
            said = next((line for line in lines if line.startswith("E")), *lines[-1:] or [""])
            return [f"{' '.join(command)}: {said}"]
        except OSError as error:
            return [f"{command[0]}: {error.strerror}"]
    return []
