"""How long the lab takes: from the command to the first useful page, and for each route.

    .venv/bin/python benchmarks/lab.py [--live]

Prints the tables of docs/design/lab.md, each time the best and the median. A page is useful when
it has its files, what there is (/api/lab) and the first moment (/api/ledger).

With --live: what training in the lab costs. The same run on the command line, in the lab, in the
lab with one page that watches, with one that also opens a cell ten times a second, and with Train
open in a Chromium on the same cores, in turns; the frames that a page gets; how long a cell takes
to open meanwhile. Where other work shares the cores the time on a CPU says more than the clock: it
needs /proc.
"""

import base64
import http.client
import io
import json
import os
import resource
import statistics
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
TURNS = 5
CHAINRULE = [sys.executable, "-c", "from chainrule.cli import main; main()"]
COMMAND = [*CHAINRULE, "lab", "--no-browser"]
LIVE = {
    "the seed, all images a step": {"steps": 100},
    "the seed, batches of 64": {"batch_size": 64, "steps": 15_000},
    "784-128-10, cross-entropy, batches of 64": {
        "hidden": [128],
        "loss": "cross_entropy",
        "batch_size": 64,
        "steps": 4000,
    },
}
DRAWS = """() => {
  window.drawn = 0;
  const { clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...area) {
    if (this.canvas.parentElement?.ariaLabel?.startsWith('Loss')) drawn += 1;
    return clearRect.apply(this, area);
  };
}"""
SEED = {"hidden": [10], "loss": "squared_error", "optimizer": "descent", "seed": 0}


class Visit:
    """A running lab and a page that it let in."""

    def __init__(self, folder):
        self.began = time.perf_counter()
        self.process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True, cwd=folder)
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
        self.ask("GET", "/api/lab")
        self.ask("POST", "/api/ledger", moment("seed"))
        return time.perf_counter() - self.began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.process.terminate()
        self.process.wait()


def moment(network, number=1832):
    return {"network": network, "image": {"test": number}, "label": None}


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
    yield "POST", "/api/drawing", {"network": network, "image": seven}
    yield "POST", "/api/drawing", {"network": network, "image": {"file": photo()}}
    drawings = [{"image": seven, "label": 7}] * 20
    yield "POST", "/api/collect", {"drawings": drawings}
    yield "POST", "/api/save", moment(network) | {"view": {"cell": "dW2[3,7]"}}


def on_the_command_line(folder, settings):
    """Seconds of training, as the run's own history counts them, and on a CPU but for the start."""
    options = [
        option
        for name, value in settings.items()
        for option in (
            f"--{name.replace('_', '-')}",
            str(value[0] if isinstance(value, list) else value).replace("_", "-"),
        )
    ]
    out = tempfile.mkdtemp(dir=folder)
    run = [*CHAINRULE, "train", *options, "--quiet", "--checkpoint-every", "2"]
    spent = []
    for more in (["--steps", "1", "--out", f"{out}/start"], ["--out", f"{out}/whole"]):
        before = children()
        subprocess.run([*run, *more], check=True, stdout=subprocess.DEVNULL)
        spent.append(children() - before)
    return seconds_of(Path(out, "whole")), spent[1] - spent[0]


def children():
    """Seconds on a CPU of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu(process):
    """Seconds on a CPU of a process that runs."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds_of(run):
    return float((run / "history.csv").read_text().strip().splitlines()[-1].split(",")[-1])


def in_the_lab(folder, settings, watched, asked):
    """The same, with the frames a second that a page gets and the times of cells."""
    frames, cells, done = 0, [], threading.Event()
    with Visit(folder) as visit:
        visit.first_page()
        first = settings | {"steps": 1}
        visit.ask("POST", "/api/train", {"do": "start", "settings": first})
        time.sleep(2)  # the digits have been read, and what a drawing is compared with
        visit.ask("POST", "/api/train", {"do": "stop"})
        began_at = cpu(visit.process)
        visit.ask("POST", "/api/train", {"do": "start", "settings": settings})

        def watch():
            nonlocal frames
            began = time.perf_counter()
            address = f"ws://{visit.host}/api/live"
            cookie = {"Cookie": visit.headers["Cookie"]}
            with connect(
                address, origin=visit.headers["Origin"], additional_headers=cookie
            ) as page:
                while json.loads(page.recv())["live"]["state"] == "running":
                    frames += 1
            frames /= time.perf_counter() - began
            done.set()

        if watched:
            threading.Thread(target=watch).start()
        number = 0
        while not done.is_set():
            if asked:
                number += 1
                body = moment("seed", number) | {"cell": "dW2[3,7]"}
                began = time.perf_counter()
                visit.ask("POST", "/api/cell", body)
                cells.append(1000 * (time.perf_counter() - began))
            if not watched:
                live = json.loads(visit.ask("GET", "/api/lab")[1])
                (run,) = (run for run in live["runs"] if run["id"] == live["live"])
                if run["state"] != "running":
                    break
            time.sleep(0.1 if watched else 2)
        spent = cpu(visit.process) - began_at
        visit.connection.close()  # it may have been idle for too long
        visit.ask("POST", "/api/train", {"do": "stop"})
    (last,) = sorted(Path(folder, "runs").iterdir())[-1:]
    return seconds_of(last), spent, frames, cells


def in_a_browser(browser, folder, settings):
    """The same, with Train open in a browser; how often a second it draws the curve of the loss."""
    with Visit(folder) as visit:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        name, _, value = visit.headers["Cookie"].partition("=")
        home = visit.headers["Origin"]
        context.add_cookies([{"name": name, "value": value, "url": home}])
        page = context.new_page()
        page.goto(f"{home}/?view=train")
        page.locator("main:not([aria-busy])").wait_for()
        page.evaluate(DRAWS)
        time.sleep(3)  # the digits have been read, and the page has settled
        began_at = cpu(visit.process)
        visit.ask("POST", "/api/train", {"do": "start", "settings": settings})
        visit.connection.close()  # it may be idle for too long
        page.locator("#run-state", has_text="Training").wait_for()
        began, drawn = time.perf_counter(), page.evaluate("drawn")
        page.locator("#run-state", has_text="Finished").wait_for(timeout=600_000)
        draws = (page.evaluate("drawn") - drawn) / (time.perf_counter() - began)
        spent = cpu(visit.process) - began_at
        context.close()
    (run,) = Path(folder, "runs").iterdir()
    return seconds_of(run), spent, draws


def live(browser):
    ways = ("command line", "lab", "lab, watched", "lab, watched and asked", "lab, in Chromium")
    for name, changed in LIVE.items():
        settings = SEED | changed
        seconds, spent = {way: [] for way in ways}, {way: [] for way in ways}
        frames, cells, draws = [], [], []

        def note(way, took, busy, seconds=seconds, spent=spent):
            seconds[way].append(took)
            spent[way].append(busy)

        for _ in range(TURNS):
            with tempfile.TemporaryDirectory() as folder:
                note(ways[0], *on_the_command_line(folder, settings))
                for way in ways[1:4]:
                    watched, asked = "watched" in way, "asked" in way
                    *found, per_second, opened = in_the_lab(folder, settings, watched, asked)
                    note(way, *found)
                    frames += [per_second] if watched else []
                    cells += opened
            with tempfile.TemporaryDirectory() as folder:
                *found, per_second = in_a_browser(browser, folder, settings)
                note(ways[4], *found)
                draws.append(per_second)
        own = min(seconds[ways[0]]), statistics.median(seconds[ways[0]])
        for way, times in seconds.items():
            best, middle = min(times), statistics.median(times)
            slower = f"{best / own[0] - 1:+.0%} | {middle / own[1] - 1:+.0%}"
            busy = f"{min(spent[way]):.2f} | {statistics.median(spent[way]):.2f}"
            print(f"| {name} | {way} | {best:.2f} | {middle:.2f} | {slower} | {busy} |", flush=True)
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
            for network in ("seed", "stronger"):
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
