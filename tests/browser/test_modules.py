"""The page's modules by themselves, in the Node.js of Playwright: no browser is started.

Their own tests stand in tests/page.
"""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import PAGE, PATIENCE, ROOT
from playwright._impl._driver import compute_driver_executable

TESTS = ROOT / "tests/page"


def node(*arguments):
    program, _ = compute_driver_executable()
    return subprocess.run(
        [program, *map(str, arguments)],
        **{"capture_output": True, "encoding": "utf-8", "timeout": PATIENCE, "cwd": ROOT},
    )


def test_modules_are_javascript(tmp_path):
    broken = tmp_path / "broken.js"
    broken.write_text("export const a = ;\n")
    modules = [broken, *PAGE.rglob("*.js")]
    with ThreadPoolExecutor(2) as pool:
        checks = pool.map(lambda path: node("--check", path).returncode, modules)
    refused = [path for path, code in zip(modules, checks, strict=True) if code != 0]
    assert refused == [broken]
    assert len(modules) > 20


@pytest.mark.parametrize("path", sorted(TESTS.glob("*.mjs")), ids=lambda path: path.stem)
def test_the_modules_own_tests(path):
    done = node("--test", "--test-reporter=tap", path)
    assert done.returncode == 0, done.stdout
    assert not done.stderr
    (passed,) = re.findall(r"^# pass (\d+)$", done.stdout, re.M)
    assert int(passed) >= 4
