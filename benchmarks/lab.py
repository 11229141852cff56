"""How long the lab takes: from the command to the first useful page, and for each route.

    .venv/bin/python benchmarks/lab.py

Prints the tables of docs/design/lab.md, each time the best and the median. A page is useful when
it has its files, what there is (/api/lab) and the first moment (/api/ledger).
"""

import base64
import http.client
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise

from PIL import Image, ImageDraw

STARTS, ASKED = 7, 25
COMMAND = [sys.executable, "-c", "from chainrule.cli import main; main()", "lab", "--no-browser"]


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


def main():
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
