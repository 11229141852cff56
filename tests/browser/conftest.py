"""A real server, a real browser, and a watch on all that the page may not do."""

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import playwright.sync_api
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from browser import chromium

SECONDS = 10  # that the page may take for anything
DESK = {"width": 1280, "height": 900}

# Every policy violation is said on the console, where the watch finds it.
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
"""


class Lab:
    """`chainrule lab` in a process of its own, in a folder of its own."""

    def __init__(self, folder, *arguments, port=None):
        self.folder, self.arguments = folder, arguments
        self.port = port or free_port()
        self.start()

    def start(self):
        """Start it, at the port it had before; `address` is the one it prints."""
        program = [sys.executable, "-c", "from chainrule.cli import main; main()", "lab"]
        settings = ["--no-browser", "--port", str(self.port)]
        env = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1"}
        self.process = subprocess.Popen(
            [*program, *map(str, self.arguments), *settings],
            **{"cwd": self.folder, "env": env, "encoding": "utf-8"},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT},
        )
        self.said, lines = [], queue.Queue()

        def listen(stream):
            with stream:
                for line in stream:
                    self.said.append(line)
                    lines.put(line)
            lines.put(None)

        threading.Thread(target=listen, args=(self.process.stdout,), daemon=True).start()
        self.address = None
        end = time.monotonic() + 30
        while self.address is None:
            try:
                line = lines.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                line = None
            if line is None:
                self.kill()
                raise AssertionError(f"chainrule lab printed no address: {''.join(self.said)!r}")
            if found := re.search(r"http://127\.0\.0\.1:\d+\S*", line):
                self.address = found[0]
        self.home = "{0.scheme}://{0.netloc}/".format(urlsplit(self.address))

    def kill(self):
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        """Ask it to end, as Ctrl-C does, and see that it does so cleanly."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        assert code in (0, 130), "".join(self.said)
        assert "Traceback" not in "".join(self.said)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Watch:
    """All that pages did and may not: errors, violations, failed or foreign requests."""

    home: str = "http://"  # only requests to here are its own
    seen: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, pattern):
        """This test brings about what this pattern says."""
        self.allowed.append(pattern)

    def page(self, page: Page):
        page.on("console", lambda m: m.type in ("error", "warning") and self.note(m.type, m.text))
        page.on("pageerror", lambda error: self.note("page error", str(error)))
        page.on("requestfailed", self.failed)
        page.on("request", lambda request: self.request(request.url))
        page.on("response", lambda r: r.status >= 400 and self.note(str(r.status), r.url))

    def request(self, url):
        if not url.startswith((self.home, "data:", "blob:", "file:")):
            self.note("foreign", url)

    def failed(self, request):
        if request.failure != "net::ERR_ABORTED":  # the page asked for something newer, or is left
            self.note("failed", request.url, str(request.failure))

    def note(self, *what):
        self.seen.append(" ".join(what))

    @property
    def complaints(self):
        return [each for each in self.seen if not any(re.search(p, each) for p in self.allowed)]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with playwright.sync_api.sync_playwright() as driver:
        started = chromium.start(driver)
        playwright.sync_api.expect.set_options(timeout=SECONDS * 1000)
        yield started
        started.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """The lab that most tests visit."""
    started = Lab(tmp_path_factory.mktemp("lab"))
    yield started
    started.stop()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    yield watching
    assert not watching.complaints


OUTCOME = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[OUTCOME] = report.failed
    return report


@pytest.fixture
def visit(browser, watch, lab, request, tmp_path):
    """Open a page of the lab in a context of its own; settings are those of a context.

    What a failed test saw last is kept as pictures in its tmp_path.
    """
    contexts: list[BrowserContext] = []

    def open_page(query="", *, at=lab, **settings) -> Page:
        watch.home = at.home
        context = browser.new_context(**{"viewport": DESK, **settings})
        contexts.append(context)
        context.set_default_timeout(SECONDS * 1000)
        context.add_init_script(TELL_VIOLATIONS)
        context.on("page", watch.page)
        assert context.request.get(at.address).ok  # the token is exchanged for a cookie
        page = context.new_page()
        page.goto(at.home + query)
        page.locator("main:not([aria-busy])").wait_for()  # it has something to show
        return page

    yield open_page
    failed = request.node.stash.get(OUTCOME, True)
    pages = [page for context in contexts for page in context.pages if failed]
    for k, page in enumerate(pages):
        picture = tmp_path / f"failed-{k}.png"
        page.screenshot(path=picture)
        print(f"{page.url} looked like {picture}")
    for context in contexts:
        context.close()  # again, if a test did so, is nothing


@pytest.fixture
def page(visit) -> Page:
    """The first page that a visitor sees."""
    return visit()
