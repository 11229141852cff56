"""The fixtures of every test: the real digits, commands, and one default training."""

import gzip
import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest
from filelock import FileLock

from chainrule import load_mnist
from chainrule.cli.main import main

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts us in the background ignores Ctrl-C, and so would all that we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest.register_assert_rewrite("helpers")
from helpers import run  # noqa: E402 (only from here on do its asserts say what they saw)


def pytest_configure(config):
    """`make test` tries the same examples every time, `make test-long` looks for others."""
    same = config.option.markexpr == "not long"
    slow = [hypothesis.HealthCheck.too_slow]  # says how fast the machine is
    hypothesis.settings.register_profile(
        "any speed", derandomize=same, deadline=None, suppress_health_check=slow
    )
    hypothesis.settings.load_profile("any speed")


@pytest.fixture
def inside(monkeypatch, capsys):
    """As `run`, in this process: wherever a process of its own is not the point."""
    here = Path.cwd()

    def command(*arguments, cwd=None):
        monkeypatch.chdir(cwd or here)
        monkeypatch.setattr(sys, "argv", ["chainrule", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code, said.out, said.err)

    return command


@pytest.fixture(scope="session")
def mnist():
    return load_mnist()


@pytest.fixture(scope="session", autouse=True)
def compiled(tmp_path_factory):
    """The compiled engine is ready and kept before the first test, so nobody says that it compiles.

    One worker compiles, the others find what it kept.
    """
    from chainrule.engine.compiled.ready import make_ready

    base = tmp_path_factory.getbasetemp()
    with FileLock((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compiled.lock"):
        make_ready()


@pytest.fixture(scope="session")
def default_training(tmp_path_factory):
    """`chainrule train` with its default settings: the folder it ran in, and what it printed.

    Workers share it: the first to ask trains, with one thread, because others need the other cores.
    Tests that write work on a copy.
    """
    base = tmp_path_factory.getbasetemp()
    shared = "PYTEST_XDIST_WORKER" in os.environ
    folder = (base.parent if shared else base) / "default"
    printed = folder / "printed.txt"
    with FileLock(folder.with_suffix(".lock")):
        if not printed.exists():
            folder.mkdir()
            threads = ("--threads", 1) if shared else ()
            done = run("train", "--out", "runs/first", *threads, cwd=folder)
            assert done.returncode == 0, done.stderr
            printed.write_text(done.stdout, encoding="utf-8")
    return folder, printed.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def model(default_training):
    """The model of the default training."""
    return default_training[0] / "runs/first/model.safetensors"


@pytest.fixture(scope="session")
def small(tmp_path_factory, mnist):
    """A folder of IDX files with the first 600 training and 200 test images."""
    folder = tmp_path_factory.mktemp("small")
    for part, digits, m in (("train", mnist[0], 600), ("t10k", mnist[1], 200)):
        images, labels = digits.images[:m], digits.labels[:m]
        (folder / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">4I", 0x803, m, 28, 28) + images.tobytes()
        )
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(struct.pack(">2I", 0x801, m) + labels.tobytes())
        )
    return folder


@pytest.fixture
def answer(inside):
    """Run a command with --json and give its one object."""

    def command(*arguments, **options):
        done = inside(*arguments, "--json", **options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return command


@pytest.fixture
def fake_browser(tmp_path):
    """A browser that notes what it is told, and ends when the test does."""
    script = tmp_path / "a browser"
    script.mkdir()
    script /= "script"
    script.write_text(
        "#!/bin/sh\nexec > /dev/null 2>&1\n"
        'echo "$$ $1" > "$0.new" && mv "$0.new" "$0.told"\n'
        'while [ ! -e "$0.done" ]; do sleep 0.05; done\n'
    )
    script.chmod(0o755)

    def told():
        note = script.with_name("script.told")
        return note.exists() and note.read_text().split()

    yield SimpleNamespace(command=f"'{script}' %s", script=script, told=told)
    script.with_name("script.done").touch()
