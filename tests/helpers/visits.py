"""The lab in a process of its own for a browser, and a watch on all that its pages may not do."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Page

from helpers import PATIENCE, ROOT
from helpers.processes import free_port

SECONDS = 120  # that the page may take for anything, so that no test depends on how fast it is
DESK = {"width": 1280, "height": 900}

# Every policy violation is said on the console, where the watch finds it.
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
"""

TESTS = str(ROOT / "tests")
START = """
if held := {1}:
    import sys
    sys.path.insert(0, {0!r})
    from helpers import held as room
    from chainrule.lab.live import thread
    thread.ThreadedTraining.allowed = room.held(*held)
{2}
from chainrule.cli.main import main
main()
"""


class Lab:
    """`chainrule lab` in a process of its own, in a folder of its own."""

    def __init__(self, folder, *arguments, port=None, held=(), first=""):
        """`held` are the steps at which its training waits to be paused or stopped; `first` is code
        that its process runs before it begins."""
        self.folder, self.arguments, self.held, self.first = folder, arguments, held, first
        self.port = port or free_port()
        self.start()

    def start(self):
        """Start it, at the port it had before; `address` is the one it prints."""
        program = [sys.executable, "-c", START.format(TESTS, tuple(self.held), self.first)]
        settings = ["lab", "--no-browser", "--port", str(self.port)]
        env = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1"}
        self.process = subprocess.Popen(
            [*program, *settings, *map(str, self.arguments)],
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
        end = time.monotonic() + PATIENCE
        while self.address is None:
            try:
                line = lines.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                line = None
            if line is None:
                self.kill()
                raise AssertionError(f"chainrule lab printed no address: {''.join(self.said)!r}")
            if found := re.search(r"http://(?:127\.0\.0\.1|localhost):\d+\S*", line):
                self.address = found[0]
        self.home = "{0.scheme}://{0.netloc}/".format(urlsplit(self.address))

    def kill(self):
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self):
        """Ask it to end, as Ctrl-C does, and see that it does so cleanly."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        assert code in (0, 130), "".join(self.said)
        assert "Traceback" not in "".join(self.said)


@dataclass
class Watch:
    """All that pages did and may not: errors, violations, failed or foreign requests."""

    home: str = "http://"  # only requests to here are its own
    seen: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    listening: list[tuple] = field(default_factory=list)

    def allow(self, pattern):
        """This test brings about what this pattern says."""
        self.allowed.append(pattern)

    def page(self, page: Page):
        """Watch this page from now on."""
        handlers = {
            "console": lambda m: m.type in ("error", "warning") and self.note(m.type, m.text),
            "pageerror": lambda error: self.note("page error", str(error)),
            "requestfailed": self.failed,
            "request": lambda request: self.request(request.url),
            "response": lambda r: r.status >= 400 and self.note(str(r.status), r.url),
        }
        for event, handler in handlers.items():
            page.on(event, handler)
            self.listening.append((page, event, handler))

    def leave(self, page: Page):
        """Watch this page no longer."""
        for one, event, handler in self.listening:
            if one is page:
                page.remove_listener(event, handler)

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
