"""The documents tell the truth: every code block in README and docs runs, and says what it printed.

```python   runs, block after block of one file in one namespace; a ```text block right after it is
            what it prints
```console  each line after "$ " is run, and what follows is what it prints
```sh       set-up, run by other tests: only lines listed here
```py       how something is defined, in the API reference, which is compared with the source
"""

import contextlib
import io
import os
import re
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import PATIENCE, ROOT

import chainrule
from chainrule.cli.engines import slower
from chainrule.engine.choice import TO_GET_IT

# Documents whose blocks run, and those whose links are followed, too.
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
LINKED = sorted({*DOCUMENTS, *ROOT.glob("*.md"), *(ROOT / "benchmarks").glob("[!.]*/*.md")})
LINKED += [ROOT / "benchmarks/README.md"]
SET_UP = {
    "make train",
    "make lab",
    "make test",
    "make test-long",
    "make lint",
    "python3 -m venv .venv",
    ".venv/bin/pip install .",
    ".venv/bin/pip install '.[lab]'",
    ".venv/bin/python -m pip install 'pip>=25.1'",
    ".venv/bin/pip install -c constraints.txt -e '.[lab]' --group dev",
    '.venv/bin/python -m pytest -m "not long" -n 2',
    ".venv/bin/chainrule train",
    ".venv/bin/chainrule lab",
    "source .venv/bin/activate",
}
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


# Names of runs, times, versions, and how far a run came before it was killed.
VARIES = re.compile(
    r"(?<=model )runs/[-\w]+|[\d.]+ s of training|\d+ of 100 .*|\d+ (?:s|min|h)(?= *$)|─+"
    r"|[\d.]+(?: ± [\d.]+)? s(?=, runs/| *$)|runs/\d{4}-\d\d-\d\d-\d{6}(?:-\d+)?|Numba [\d.]+",
    re.MULTILINE,
)

# `timeout` kills after seconds, in which one machine has done nothing yet and another everything.
# Here the same training is killed as soon as it has something to go on from.
KILLED = """
import os, signal
from chainrule.runs import going
from chainrule.cli.main import main
write = going.write_checkpoint
going.write_checkpoint = lambda *what: write(*what) or os.kill(os.getpid(), signal.SIGKILL)
main()
"""


def blocks(path):
    """(language, body, the line it begins at) of each fenced block."""
    text = path.read_text(encoding="utf-8")
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield found[1], found[2], text[: found.start()].count("\n") + 2


def assert_prints(printed, stated):
    """The same words, and numbers as near as another CPU may come to them."""
    printed, stated = (
        re.sub(VARIES, "…", text).split("\n") for text in (printed.strip(), stated.strip())
    )
    for ours, theirs in zip(printed, stated, strict=True):
        assert " ".join(NUMBER.sub("#", ours).split()) == " ".join(NUMBER.sub("#", theirs).split())
        for a, b in zip(NUMBER.findall(ours), NUMBER.findall(theirs), strict=True):
            assert near(a, b), f"printed {ours!r}, the document says {theirs!r}"


def near(a, b):
    whole = "." not in a + b
    a, b = (float(number.replace(",", "")) for number in (a, b))
    if max(abs(a), abs(b)) < 1e-6:  # what rounding makes of a difference: its size matters
        return True
    # Another CPU sums in another order; after 1,000 steps a few digits are read differently.
    return abs(a - b) <= max(0.05 * abs(b), 20 if whole else 0.05)


def in_shell(command, folder):
    """What a line with another program prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == 0, command
    return done.stdout


def killed(command, folder):
    """Run what `timeout -s KILL SECONDS` is to kill; what it prints before that."""
    _, training = re.fullmatch(r"timeout -s KILL ([\d.]+) chainrule (.*)", command).groups()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *shlex.split(training)],
        **{"cwd": folder, "capture_output": True, "encoding": "utf-8", "timeout": PATIENCE},
    )
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    return done.stdout


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_blocks_run_and_print_what_they_say(
    inside, path, default_training, tmp_path, monkeypatch
):
    first, trained = default_training
    folder = shutil.copytree(first, tmp_path / "folder")
    monkeypatch.chdir(folder)
    names, printed = {"__name__": path.stem}, None
    for language, body, line in blocks(path):
        place = "\n" * (line - 1)
        before, printed = printed, None
        if language == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(place + body, path, "exec"), names)
            printed = out.getvalue()
        elif language == "text":
            assert before is not None, f"{path.name}:{line}: no python block before it prints this"
            assert_prints(before, body)
        elif language == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, stated = part.partition("\n")
                if command == "make train":
                    made, first_line, *rest = stated.split("\n")
                    assert made == ".venv/bin/chainrule train"
                    assert first_line == slower(TO_GET_IT)  # of NumPy alone; here it is compiled
                    assert_prints(trained.partition("\n")[2], "\n".join(rest))
                    continue
                program, *arguments = shlex.split(command)
                if program in ("timeout", "cmp"):
                    said = (killed if program == "timeout" else in_shell)(command, folder)
                    assert_prints(said, stated.removeprefix("Killed\n"))
                    continue
                assert program == "chainrule", command
                done = inside(*arguments, cwd=folder)
                wrong = arguments[0] == "grade" and done.returncode == 1  # it found a mistake
                assert done.returncode == 0 or wrong, done.stderr
                assert_prints(done.stdout, stated)
        elif language == "sh":
            assert set(body.splitlines()) <= SET_UP
        else:
            assert language in ("math", "toml", "yaml", "py"), (
                f"{path.name}:{line}: what is ```{language}?"
            )


def test_the_literal_code_in_the_equations_is_the_file():
    literal = (ROOT / "docs/two_layers.py").read_text(encoding="utf-8")
    assert literal in [body for _, body, _ in blocks(ROOT / "docs/guide/equations.md")]


def test_the_api_reference_is_what_the_docstrings_give():
    maker = runpy.run_path(str(ROOT / "docs/reference/make_api.py"))
    written = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    assert maker["page"]() == written, "run `make api`"
    for name in chainrule.__all__:
        assert f"\n### {name}\n" in written


def headings(path):
    """The names of the places in a page, as GitHub makes them of its headings."""
    for title in re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", LINKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    for link, place in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
        target = path.parent / link if link else path
        assert target.exists(), link
        assert not place or place in headings(target), f"{link}#{place}"


def test_tests_that_documents_name_exist():
    source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/*.py"))
    tests = set(re.findall(r"^def (test_\w+)", source, re.MULTILINE))
    for path in LINKED:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"`(test(?:_[a-z0-9]+){3,})`", text)) <= tests, path.name
        for file in re.findall(r"`(tests/\w+\.py)`", text):
            assert (ROOT / file).exists(), file


def test_every_design_page_is_one_page_and_the_readme_is_short():
    for path in (ROOT / "docs/design").glob("*.md"):
        assert len(path.read_text(encoding="utf-8")) < 10_000, path.name
    assert (ROOT / "README.md").read_text(encoding="utf-8").count("\n") <= 150


def test_set_up_lines_are_real():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in SET_UP:
        if line.startswith("make "):
            assert re.search(rf"^{line.split()[1]}:", makefile, re.MULTILINE)
