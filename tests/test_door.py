"""The front door in odd places: streams that are closed, full or left, Ctrl-C, narrow terminals."""

import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import sys

import pytest
from helpers import run

from chainrule.cli.printing import visible

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a shell and signals")
PROGRAM = [sys.executable, "-m", "chainrule"]
LONG = 120  # seconds that a machine may take which does much else


# Streams keep what they cannot write, as on most machines, though a test's own need not.
ENVIRONMENT = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
ENVIRONMENT["PYTHONWARNINGS"] = "error"


def in_shell(streams, *arguments, cwd=None, program=PROGRAM):
    """Run the command line with streams as a shell redirects them; what is left is captured."""
    command = ["sh", "-c", f'exec "$@" {streams}', "sh", *program, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT, timeout=LONG, check=False
    )


# ---------------------------------------------------------------------------------------- streams

ALL_CLOSED = "<&- >&- 2>&-"


@pytest.fixture(scope="module")
def training(small, tmp_path_factory):
    """The arguments of a short training, and the run it makes."""
    folder = tmp_path_factory.mktemp("training") / "runs/first"
    arguments = ("train", "--data", small, "--steps", 2, "--out")
    assert run(*arguments, folder).returncode == 0
    return arguments, folder


@pytest.fixture(scope="module")
def model(training):
    return training[1] / "model.safetensors"


@pytest.mark.parametrize(
    ("streams", "code", "says"),
    [
        ("<&-", 0, ""),
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        (ALL_CLOSED, 0, ""),
        ("2>/dev/full", 0, ""),
        (">/dev/full", 2, "chainrule: stdout: no space left on device\n"),
        (">/dev/full 2>&1", 2, ""),
    ],
)
def test_a_training_is_done_whatever_its_streams_are(
    streams, code, says, training, model, tmp_path
):
    arguments, _ = training
    done = in_shell(streams, *arguments, tmp_path / "run")
    assert (done.returncode, done.stderr) == (code, says)
    assert (tmp_path / "run/model.safetensors").read_bytes() == model.read_bytes()


def left(*arguments, **settings):
    """Run the command line for a reader that has left."""
    read, write = os.pipe()
    os.close(read)
    try:
        return subprocess.run(
            [*PROGRAM, *map(str, arguments)],
            **{"stdout": write, "stderr": subprocess.PIPE, "timeout": LONG, **settings},
            env=ENVIRONMENT,
            check=False,
        )
    finally:
        os.close(write)


def test_a_training_is_done_though_nobody_reads(training, model, tmp_path):
    arguments, _ = training
    done = left(*arguments, tmp_path / "run")
    assert (done.returncode, done.stderr) == (141, b"")
    assert (tmp_path / "run/model.safetensors").read_bytes() == model.read_bytes()


@pytest.mark.parametrize("command", ["predict {} --test 0", "explain {} --test 0 --json"])
def test_what_cannot_be_printed_is_one_line_or_none(command, model):
    arguments = command.format(model).split()
    assert in_shell(ALL_CLOSED, *arguments).returncode == 0
    full = in_shell(">/dev/full", *arguments)
    said = "chainrule: stdout: no space left on device\n"
    assert (full.returncode, full.stderr) == (2, said)
    gone = left(*arguments)
    assert (gone.returncode, gone.stderr) == (141, b"")


def test_an_error_has_its_exit_code_where_it_cannot_be_said():
    for streams in ("2>/dev/full", ALL_CLOSED):
        assert in_shell(streams, "evaluate", "nowhere").returncode == 2


def test_a_file_never_gets_the_number_of_a_closed_stream(tmp_path):
    code = (
        "import os, sys\n"
        "from chainrule.__main__ import open_missing_streams\n"
        "open_missing_streams()\n"
        "with open('file', 'w') as file:\n"
        "    print('printed')\n"
        "    sys.stdout.flush()\n"
        "    os.system('echo by a child; echo by a child >&2')\n"
        "    os.write(1, b'by C')\n"
        "    file.write(f'{file.fileno() > 2} {sys.stdin.read()!r}')\n"
    )
    for streams in (ALL_CLOSED, ">&-", "<&- 2>&-"):
        done = in_shell(streams, program=[sys.executable, "-c", code], cwd=tmp_path)
        assert done.returncode == 0
        assert (tmp_path / "file").read_text() == "True ''", streams


def test_the_lab_serves_without_streams(model):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*PROGRAM, "lab", model, "--port", str(port), "--no-browser"]
    process = subprocess.Popen(["sh", "-c", f'exec "$@" {ALL_CLOSED}', "sh", *command])
    try:
        while process.poll() is None:
            # A port that nobody listens at may connect to itself, and send back what it gets.
            with (
                contextlib.suppress(ConnectionError),
                socket.create_connection(("127.0.0.1", port), timeout=LONG) as page,
            ):
                page.sendall(b"GET / HTTP/1.1\r\n\r\n")
                if page.recv(5) == b"HTTP/":
                    break
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=LONG) == 130
    finally:
        process.kill()
        process.wait()


# ----------------------------------------------------------------------------------------- Ctrl-C

# As sitecustomize: Ctrl-C comes, or its exception, when a module is about to be imported.
AT_AN_IMPORT = """
import signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            sys.meta_path.remove(self)
            {happens}

sys.meta_path.insert(0, Finder())
"""
ASKS = "signal.raise_signal(signal.SIGINT)"
# Where an exception would be printed with its traceback, and forgotten.
IN_A_CALLBACK = f"type('', (), {{'__del__': lambda self: {ASKS}}})()"
STOPPED = "chainrule: stopped before the end"


@pytest.mark.parametrize(
    ("name", "happens"),
    [
        ("chainrule.cli", ASKS),
        ("click", ASKS),
        ("numpy", ASKS),
        ("numpy", "raise KeyboardInterrupt"),
        ("numpy", IN_A_CALLBACK),
        ("numpy.random._generator", ASKS),
        ("chainrule.runs", ASKS),
        ("rich.table", ASKS),  # in a command, which imports it late
    ],
)
def test_ctrl_c_while_modules_are_loaded_is_one_line(name, happens, model, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(AT_AN_IMPORT.format(name=name, happens=happens))
    done = run("predict", model, "--test", 0, PYTHONPATH=str(tmp_path))
    assert done.returncode == 130
    assert done.stderr.strip() == STOPPED
    assert done.stdout == ""


def test_ctrl_c_at_the_very_end_is_no_traceback(model, tmp_path):
    ends = f"import atexit, signal\natexit.register(lambda: {ASKS})\n"
    (tmp_path / "sitecustomize.py").write_text(ends)
    done = run("predict", model, "--test", 0, "--quiet", PYTHONPATH=str(tmp_path))
    assert done.returncode in (-signal.SIGINT, 130)  # the system's own end, or ours
    assert done.stderr == ""
    assert re.fullmatch(r"\d\n", done.stdout)


def test_ctrl_c_stays_ignored_where_it_was(model, tmp_path):
    happens = AT_AN_IMPORT.format(name="numpy", happens=ASKS)
    (tmp_path / "sitecustomize.py").write_text(happens)
    done = subprocess.run(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *PROGRAM, "predict", model, "--test", "0"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        **{"capture_output": True, "text": True, "timeout": LONG, "check": False},
    )
    assert (done.returncode, done.stderr) == (0, "")


# ----------------------------------------------------------------------------- python -m chainrule


@pytest.mark.parametrize("module", ["chainrule", "chainrule.cli"])
def test_python_m_is_the_same_program(module):
    program = [sys.executable, "-m", module]
    help_text = in_shell("", "-h", program=program)
    assert help_text.returncode == 0
    assert help_text.stdout.startswith("Usage: chainrule [OPTIONS]")
    wrong = in_shell("", "frobnicate", program=program)
    assert wrong.returncode == 2
    assert wrong.stderr.endswith("see chainrule -h\n")


# ---------------------------------------------------------------------------- a narrow terminal

pseudo_terminal = pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")


def on_terminal(*arguments, columns, cwd=None, **environment):
    """What a terminal gets from a command, its line ends as \\n."""
    import fcntl
    import termios

    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
    env.pop("COLUMNS", None)
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), slave)
    process = subprocess.Popen([*PROGRAM, *map(str, arguments)], cwd=cwd, env=env, **streams)
    os.close(slave)
    printed = b""
    with contextlib.suppress(OSError):  # Linux: the other end is closed
        while part := os.read(master, 65536):
            printed += part
    os.close(master)
    assert process.wait(timeout=LONG) in (0, 1), printed  # 1: a check that did not agree
    return printed.decode().replace("\r\n", "\n")


CODE = re.compile(r"\x1b\[([\d;?]*)([A-Za-z])")


@pseudo_terminal
@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_a_training_fits_its_terminal_and_has_no_colour(columns, small, tmp_path):
    steps = 20
    # On a terminal of its own the bar is drawn at least at its start and at its end.
    text = on_terminal(
        *("train", "--data", small, "--steps", steps, "--out", "run"), columns=columns, cwd=tmp_path
    )
    styles = {
        code for codes, kind in CODE.findall(text) if kind == "m" for code in codes.split(";")
    }
    assert styles <= {"", "0", "1", "7"}
    lines = [line.strip() for line in re.split(r"[\n\r]", CODE.sub("", text))]
    # A path is one word, and is left in one piece.
    assert not [line for line in lines if len(line) > columns and "/" not in line]
    assert not [line for line in lines if "…" in line]
    last = [line for line in lines if line.startswith("step ")][-1]
    parts = [
        rf"step {steps} of {steps}",
        r"loss \d\.\d{4}",
        r"test \d+\.\d %",
        r"\d:\d\d:\d\d",
        "━+",
    ]
    shown = parts[: {40: 3, 60: 4, 80: 5, 200: 5}[columns]]
    assert re.fullmatch(" ".join(shown), last), last


@pseudo_terminal
def test_every_command_fits_a_narrow_terminal(model):
    run_folder = model.parent
    for arguments in (
        ("evaluate", model),
        ("predict", model, "--test", 8),
        ("explain", model, "--test", 8),
        ("explain", model, "--test", 8, "--cell", "dZ2[5]"),
        ("check", model, "--sample", 50),
        ("runs", run_folder.parent),
        ("compare", run_folder, run_folder),
    ):
        text = CODE.sub("", on_terminal(*arguments, columns=40))
        for line in text.split("\n"):
            assert len(line) <= 40 or "/" in line, (arguments, line)


@pseudo_terminal
def test_weight_on_a_terminal_and_nothing_under_NO_COLOR(model):
    arguments = ("predict", model, "--test", 8)
    assert "\x1b[1m" in on_terminal(*arguments, columns=80, NO_COLOR="")
    assert "\x1b" not in on_terminal(*arguments, columns=80, NO_COLOR="1")


# ----------------------------------------------------------------------------- control characters

EVIL = "\x1b]0;x\x07\x1b[31m\n\u202e\x9b\udcff"


def test_names_reach_no_terminal_with_what_it_would_obey(small, tmp_path, inside):
    runs, name = tmp_path / "runs", tmp_path / "runs" / EVIL
    said = [run("train", "--data", small, "--steps", 2, "--out", name)]
    shown = visible(EVIL)
    assert shown in said[0].stdout
    settings = name / "run.json"
    said += [inside("train", "--resume", name), inside("runs", runs), inside("compare", name, name)]
    said += [inside("show", name, "--no-browser"), inside("check", name, "--sample", 5)]
    said += [inside(command, EVIL) for command in ("evaluate", "runs", "compare", "show", "lab")]
    said += [inside("predict", name, EVIL), inside("explain", name, "--test", 0, "--cell", EVIL)]
    said += [inside(EVIL), inside(f"--{EVIL}")]
    said += [inside("train", option, EVIL) for option in ("--loss", "--hidden", "--steps")]
    settings.write_text(settings.read_text().replace('"descent"', '"\\u001b[31m"'))
    said += [inside("runs", runs), inside("evaluate", name)]
    for done in said:
        text = done.stdout + done.stderr
        assert text
        assert all(c == "\n" or c == visible(c) for c in text), (done.args, text)
        assert done.stderr.count("\n") <= 1, done
    assert shown in inside("evaluate", EVIL).stderr
