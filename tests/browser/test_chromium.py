"""How a browser is come by. Nothing is installed, and none is started."""

import itertools
import sys

import pytest

from browser.chromium import APT, PLAYWRIGHT, Step, install, next_step

BY_PLAYWRIGHT = Step("run", commands=(PLAYWRIGHT,))
BY_APT = Step("run", commands=(("apt-get", "update"), APT))


def steps(*places, root, debian):
    """Every step taken if none helps, with browsers at these places."""
    tried = []
    for _ in range(20):
        tried.append(next_step(places, tried, root=root, debian=debian))
        if tried[-1].kind == "fail":
            return tried
    raise AssertionError("no end")


@pytest.mark.parametrize(("root", "debian"), list(itertools.product([True, False], repeat=2)))
def test_a_browser_that_is_there_is_used(root, debian):
    step = next_step(["/usr/bin/chromium", "/opt/chrome"], [], root=root, debian=debian)
    assert step == Step("start", "/usr/bin/chromium")


def test_one_that_does_not_start_is_passed_over():
    first, second, third, *_ = steps("/snap/stub", "/opt/chrome", root=False, debian=False)
    assert (first, second) == (Step("start", "/snap/stub"), Step("start", "/opt/chrome"))
    assert third == BY_PLAYWRIGHT


def test_root_on_debian_asks_playwright_then_apt():
    *tried, last = steps(root=True, debian=True)
    assert tried == [BY_PLAYWRIGHT, BY_APT]
    assert last.message.endswith("run: apt-get install -y --no-install-recommends chromium")


@pytest.mark.parametrize(("root", "debian"), [(True, False), (False, True), (False, False)])
def test_nobody_else_runs_apt(root, debian):
    *tried, last = steps(root=root, debian=debian)
    assert tried == [BY_PLAYWRIGHT]
    command = "sudo apt-get" if debian else " ".join([*PLAYWRIGHT, "--with-deps"])
    assert f"run: {command}" in last.message


def test_what_an_installation_brought_is_started():
    tried = [BY_PLAYWRIGHT]
    assert next_step(["/new"], tried, root=True, debian=True) == Step("start", "/new")
    tried += [Step("start", "/new")]
    assert next_step(["/new"], tried, root=True, debian=True) == BY_APT
    assert next_step(["/new"], [*tried, BY_APT], root=True, debian=True).kind == "fail"


def test_a_failed_installation_says_why():
    python = [sys.executable, "-c"]
    for command, why in (
        (["no-such-program-here", "x"], "no-such-program-here: No such file or directory"),
        ([*python, "raise SystemExit('a\\nE: no such host\\n}')"], "E: no such host"),
        ([*python, "raise SystemExit('out of\\ndisk\\n\\n')"], "disk"),
        ([*python, "raise SystemExit(1)"], ""),
    ):
        (reason,) = install([[*python, ""], command, ["never-reached"]])
        assert reason.endswith(why)
    assert install([[*python, ""]]) == []
