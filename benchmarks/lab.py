"""How long the lab takes: from the command to the first useful page, and for each route.

    .venv/bin/python benchmarks/lab.py [--live]

Prints tables for benchmarks/log, each time the best and the median. A page is useful when
it has its files, what there is (/api/lab) and the first moment (/api/ledger).

With --live: what training in the lab costs, by each engine. Two processes train by the same
settings, one on the command line and one in the lab, and take turns of a few seconds: one is
stopped while the other goes on, which nobody watches, or one page does, or one that also opens a
cell ten times a second, or Train open in a Chromium on the same cores. So each way is compared with
the command line of the same half minute, however much the machine's pace drifts; and the frames
that a page gets, how long a cell takes to open meanwhile, how often the curves are drawn. Prints
milliseconds a step, what they are over the command line (median and quartiles), and those on a CPU;
it needs /proc.
"""

import base64
import contextlib
import http.client
import io
import itertools
import json
import os
import resource
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path

import playwright.sync_api
from PIL import Image, ImageDraw
from websockets.sync.client import connect

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from browser import chromium  # it finds or installs one

STARTS, ASKED = 7, 25
TURNS, SETTLE, TURN = 12, 1.0, 3.0  # seconds
CHAINRULE = [sys.executable, "-c", "from chainrule.cli.main import main; main()"]
LAB = ["lab", "--no-browser"]
# The same, with the number of steps taken and the time of the last one in a file of 16 bytes. Steps
# are taken some at a time, which last about 0.05 s.
COUNTED = """
import mmap, os, struct, time
from chainrule.runs import going
file = mmap.mmap(os.open(os.environ["COUNTER"], os.O_RDWR), 16)
note = going.Record.note
def counted(record, snapshot, *more):
    struct.pack_into("<qd", file, 0, snapshot.step, time.monotonic())
    return note(record, snapshot, *more)
going.Record.note = counted
from chainrule.cli.main import main
main()
"""
SMALL = {"hidden": [10], "loss": "squared_error", "optimizer": "descent", "seed": 0}
LIVE = {  # longer than all turns together
    "the small network, all images a step": {"steps": 100_000},
    "the small network, batches of 64": {"batch_size": 64, "steps": 10_000_000},
    "784-128-10, cross-entropy, batches of 64": {
        "hidden": [128],
        "loss": "cross_entropy",
        "batch_size": 64,
        "steps": 10_000_000,
    },
}
ENGINES = ("numpy", "compiled")
DRAWS = """() => {
  window.drawn = 0;
  const { clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...area) {
    if (this.canvas.parentElement?.ariaLabel?.startsWith('Loss')) drawn += 1;
    return clearRect.apply(this, area);
  };
}"""


class Visit:
    """A running lab and a page that it let in."""

    def __init__(self, folder, program=CHAINRULE, **environment):
        self.began = time.perf_counter()
        env = {**os.environ, **environment}
        self.process = subprocess.Popen(
            [*program, *LAB], stdout=subprocess.PIPE, text=True, cwd=folder, env=env
        )
        address = self.process.stdout.readline().strip()
        self.printed = time.perf_counter() - self.began
        self.host, _, path = address.removeprefix("http://").partition("/")
        self.connection = http.client.HTTPConnection(self.host)
        self.headers = {}
        answer, _ = self.ask("GET", f"/{path}")
        self.headers = {
            "Cookie": answer.headers["set-cookie"].partition(";")[0],
            "Origin": f"http://{self.host}",
            "Content-Type": "application/json",
        }

    def ask(self, method, path, body=None):
        content = None if body is None else json.dumps(body).encode()
        self.connection.request(method, path, content, self.headers)
        answer = self.connection.getresponse()
        content = answer.read()
        assert answer.status in (200, 303), content
        return answer, content

    def first_page(self):
        """Seconds from the command until the page has its first moment."""
        self.ask("GET", "/")
        networks = json.loads(self.ask("GET", "/api/lab")[1])["networks"]
        subjects = next(each["subjects"] for each in networks if each["id"] == "small")
        self.ask("POST", "/api/ledger", moment("small", subjects[3][5]))
        return time.perf_counter() - self.began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.process.terminate()
        self.process.wait()


def moment(network, number=1832):
    return {"network": network, "image": {"test": number}, "label": None}


def operation(network, *values):
    return {"network": network, "changes": {"set": list(values)}}


def photo():
    """A 1 on white, 3,000 × 4,000 pixels."""
    image = Image.new("L", (3000, 4000), 240)
    ImageDraw.Draw(image).line([(1500, 600), (1500, 3400)], 20, 300)
    content = io.BytesIO()
    image.save(content, "JPEG")
    return base64.b64encode(content.getvalue()).decode()


def routes(network):
    """Method, path, body of each request; a body that is a function is asked with 0, 1, 2, …"""
    cell = moment(network) | {"cell": "dW2[3,7]"}
    seven = {"strokes": [[60, 60, 130, 58, 200, 60], [200, 60, 160, 140, 120, 230]], "off": []}
    yield "GET", f"/api/mistakes?network={network}", None
    yield "GET", "/api/images?start=0&count=100", None
    yield "POST", "/api/ledger", lambda k: moment(network, k)
    yield "POST", "/api/cell", cell
    yield "POST", "/api/cell", moment(network) | {"cell": "Z1[3]"}
    yield "POST", "/api/proof", cell
    yield "POST", "/api/proof", cell | {"cell": "dW1[3,350]"}
    yield "POST", "/api/impostors", moment(network)
    yield "POST", "/api/step", moment(network)
    yield "POST", "/api/picture", lambda k: moment(network, k)
    yield "POST", "/api/curve", moment(network) | {"cell": "W2[3,7]"}
    # A value of its own each time: what is kept of the one before is of no use.
    yield "POST", "/api/operate", lambda k: operation(network, ["W1[7,350]", k / 100])
    yield "POST", "/api/operate", lambda k: operation(network, ["W2[3,7]", k / 100])
    yield "POST", "/api/matters", lambda k: operation(network, ["W2[3,7]", k / 100])
    yield "POST", "/api/drawing", {"network": network, "image": seven}
    yield "POST", "/api/drawing", {"network": network, "image": {"file": photo()}}
    drawings = [{"image": seven, "label": 7}] * 20
    yield "POST", "/api/collect", {"drawings": drawings}
    yield "POST", "/api/save", moment(network) | {"view": {"cell": "dW2[3,7]"}}


class Trained:
    """A process that trains while it is let, and counts its steps."""

    def __init__(self, process, counter):
        self.process, self.counter = process, counter

    def count(self):
        """Steps that it took, and when it took the last one."""
        return struct.unpack("<qd", self.counter.read_bytes())

    @contextlib.contextmanager
    def goes_on(self):
        self.process.send_signal(signal.SIGCONT)
        yield
        self.process.send_signal(signal.SIGSTOP)

    def measured(self, meanwhile=lambda: None):
        """Milliseconds a step, of the clock and on a CPU."""
        time.sleep(SETTLE)
        (taken, then), busy = self.count(), cpu(self.process)
        end = time.monotonic() + TURN
        while time.monotonic() < end:
            meanwhile()
            time.sleep(0.1)
        (now_taken, now), now_busy = self.count(), cpu(self.process)
        steps = (now_taken - taken) / 1000
        return (now - then) / steps, (now_busy - busy) / steps


def cpu(process):
    """Seconds on a CPU of a process that runs."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def on_the_command_line(folder, settings):
    """A training there."""
    options = [
        option
        for name, value in settings.items()
        for option in (
            f"--{name.replace('_', '-')}",
            str(value[0] if isinstance(value, list) else value).replace("_", "-"),
        )
    ]
    run = ["train", *options, "--quiet", "--checkpoint-every", "2", "--out", "run"]
    counter = Path(folder, "counter")
    counter.write_bytes(bytes(16))
    process = subprocess.Popen(
        [sys.executable, "-c", COUNTED, *run],
        cwd=folder,
        env={**os.environ, "COUNTER": str(counter)},
    )
    try:
        yield started(Trained(process, counter))
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def in_the_lab(folder, settings):
    """A training there, and who visits the lab."""
    counter = Path(folder, "counter")
    counter.write_bytes(bytes(16))
    with Visit(folder, [sys.executable, "-c", COUNTED], COUNTER=str(counter)) as visit:
        visit.first_page()
        time.sleep(2)  # what a drawing is compared with has been read
        visit.ask("POST", "/api/train", {"do": "start", "settings": settings})
        try:
            yield started(Trained(visit.process, counter)), visit
        finally:
            visit.process.kill()


def started(trained):
    while trained.count()[0] < 3:
        time.sleep(0.1)
    trained.process.send_signal(signal.SIGSTOP)
    return trained


@contextlib.contextmanager
def watching(visit):
    """A page that reads frames and draws nothing; when each came."""
    came, over = [], threading.Event()

    def watch():
        origin, cookie = visit.headers["Origin"], {"Cookie": visit.headers["Cookie"]}
        address = f"ws://{visit.host}/api/live"
        with connect(address, origin=origin, additional_headers=cookie) as page:
            while not over.is_set():
                page.recv()
                came.append(time.monotonic())

    thread = threading.Thread(target=watch)
    thread.start()
    yield came
    over.set()
    thread.join()


@contextlib.contextmanager
def in_a_browser(browser, visit):
    """Train open in a page; how often it has drawn the curve of the loss."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    name, _, value = visit.headers["Cookie"].partition("=")
    home = visit.headers["Origin"]
    context.add_cookies([{"name": name, "value": value, "url": home}])
    page = context.new_page()
    page.goto(f"{home}/?view=train")
    page.locator("#run-state", has_text="Training").wait_for()
    page.evaluate(DRAWS)
    yield lambda: page.evaluate("drawn")
    context.close()


def live(browser):
    for (name, changed), engine in itertools.product(LIVE.items(), ENGINES):
        name = f"{name}, {engine}"
        settings = SMALL | changed | {"engine": engine}
        took, frames, draws, cells, number = {}, [], [], [], itertools.count()

        def note(way, found, took=took):
            took.setdefault(way, []).append(found)

        with (
            tempfile.TemporaryDirectory() as one,
            tempfile.TemporaryDirectory() as other,
            on_the_command_line(one, settings) as alone,
            in_the_lab(other, settings) as (trained, visit),
        ):

            def open_cell(visit=visit, cells=cells, number=number):
                body = moment("small", next(number)) | {"cell": "dW2[3,7]"}
                began = time.perf_counter()
                visit.ask("POST", "/api/cell", body)
                cells.append(1000 * (time.perf_counter() - began))

            for _ in range(TURNS):
                with alone.goes_on():
                    note("command line", alone.measured())
                with trained.goes_on():
                    note("lab", trained.measured())
                    with watching(visit) as came:
                        note("lab, watched", trained.measured())
                        frames.append((len(came) - 1) / (came[-1] - came[0]))
                        visit.connection.close()  # it was idle for too long
                        note("lab, watched and asked", trained.measured(open_cell))
                with alone.goes_on():
                    note("command line again", alone.measured())
                with trained.goes_on(), in_a_browser(browser, visit) as drawn:
                    before, began = drawn(), time.monotonic()
                    note("lab, in Chromium", trained.measured())
                    draws.append((drawn() - before) / (time.monotonic() - began))
        own = took["command line"]
        again = took["command line again"]
        for way, found in took.items():
            nearest = again if "Chromium" in way else own
            clock, busy = (statistics.median(each) for each in zip(*found, strict=True))
            ratios = [a / b for (a, _), (b, _) in zip(found, nearest, strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            slower = f"{middle - 1:+.0%} ({low - 1:+.0%} to {high - 1:+.0%})"
            print(f"| {name} | {way} | {clock:.3g} | {slower} | {busy:.3g} |", flush=True)
        late = statistics.quantiles(cells, n=20)[-1]
        print(
            f"| {name} | frames a second: {min(frames):.1f} to {max(frames):.1f}; a cell opens in "
            f"{statistics.median(cells):.1f} ms, 95th percentile {late:.1f} ms ({len(cells)}); "
            f"curves drawn a second: {min(draws):.1f} to {max(draws):.1f} |"
        )
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def main():
    if "--live" in sys.argv:
        with playwright.sync_api.sync_playwright() as driver:
            browser = chromium.start(driver)
            live(browser)
            browser.close()
        return
    with tempfile.TemporaryDirectory() as folder:
        printed, useful, work = [], [], []
        for _ in range(STARTS):
            with Visit(folder) as visit:
                useful.append(visit.first_page())
                printed.append(visit.printed)
            work.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime)
        work = [after - before for before, after in pairwise([0, *work])]
        for what, times in (("address", printed), ("useful page", useful), ("of a CPU", work)):
            print(f"| {what} | {min(times):.2f} | {statistics.median(times):.2f} |")
        with Visit(folder) as visit:
            visit.first_page()
            for network in ("small", "large"):
                for method, path, body in routes(network):
                    times, size = [], 0
                    for k in range(ASKED):
                        began = time.perf_counter()
                        _, content = visit.ask(method, path, body(k) if callable(body) else body)
                        times.append(1000 * (time.perf_counter() - began))
                        size = len(content)
                    what = body.get("cell", "") if isinstance(body, dict) else ""
                    print(
                        f"| {network} | `{path}` {what} | {min(times):.1f} "
                        f"| {statistics.median(times):.1f} | {size / 1000:,.0f} kB |"
                    )


if __name__ == "__main__":
    main()
