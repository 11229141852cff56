"""What is asked is checked, and what cannot be is refused in one line."""

import asyncio
import json

import pytest
from helpers import PATIENCE
from helpers.clients import HOST, MISREAD
from starlette.testclient import TestClient

from chainrule.lab.api.routes import MOMENT, ROUTES, Route
from chainrule.lab.server import guard, replies
from chainrule.lab.server.app import make_app
from chainrule.lab.server.guard import POLICY, guarded
from chainrule.lab.server.served import COMPUTING, Served


def test_other_methods_are_refused(page):
    for method, path, allowed in (
        ("GET", "/api/ledger", "POST"),
        ("HEAD", "/api/cell", "POST"),
        ("DELETE", "/api/ledger", "POST"),
        ("POST", "/api/lab", "GET, HEAD"),
        ("PUT", "/", "GET, HEAD"),
        ("OPTIONS", "/api/lab", "GET, HEAD"),
        ("BREW", "/lab/index.html", "GET, HEAD"),
    ):
        refused = page.request(method, path)
        assert refused.status_code == 405, (method, path)
        assert set(refused.headers["allow"].split(", ")) == set(allowed.split(", "))


def test_a_large_body_is_refused_before_it_is_read(page):
    most = MOMENT
    content = json.dumps(MISREAD).encode()
    fits = content + b" " * (most - len(content))
    headers = {"Content-Type": "application/json"}
    assert page.post("/api/ledger", content=fits, headers=headers).status_code == 200
    assert page.post("/api/ledger", content=fits + b" ", headers=headers).status_code == 413

    taken = []

    def pieces():
        for _ in range(1000):
            taken.append(1)
            yield b" " * 65536

    lying = page.post("/api/ledger", content=pieces(), headers=headers)
    assert "content-length" not in lying.request.headers
    assert lying.status_code == 413


REFUSED = [
    (b"", "JSON"),
    (b"[1]", "object, got a list"),
    (b"\xff\xfe{}", "UTF-8"),
    (b'{"network": NaN}', "NaN is no number"),
    (b'{"network": "small", "network": "small"}', "'network' is given twice"),
    (b'{"network": "small"}', "image is missing"),
    (b"[" * 100_000, "nested too deeply"),
    (b'{"x":' * 40_000, "nested too deeply"),
    ({"network": json.loads("[" * 70 + "]" * 70)}, "nested too deeply"),
    (b'{"network": ' + b"9" * 5000 + b"}", "JSON"),
    ({"network": "small", "image": {"test": 0}, "more": 1}, "got 'more' too"),
    ({"network": 1, "image": {"test": 0}}, "network must be a text"),
    ({"network": "small", "image": {"test": True}}, "test must be a whole number"),
    ({"network": "small", "image": {"test": 1.0}}, "test must be a whole number"),
    ({"network": "small", "image": {"test": -1}}, "test must be a whole number"),
    ({"network": "small", "image": {"test": 10**30}}, "got a number that large"),
    ({"network": "small", "image": {"test": 0, "strokes": []}}, "the fields of a test image"),
    ({"network": "small", "image": {}}, "one of test, strokes or pixels"),
    ({"network": "small", "image": [1832]}, "one of test, strokes or pixels"),
    ({"network": "small", "image": {"test": 0}, "label": 10}, "label must be a whole number"),
    ({"network": "small", "image": {"test": 0}, "label": False}, "label must be a whole number"),
    ({"network": "small", "image": {"pixels": "AAAA"}}, "pixels must be 784 bytes"),
    ({"network": "small", "image": {"pixels": "?" * 1048}}, "pixels must be base64"),
    ({"network": "small", "image": {"pixels": "\ud800"}}, "pixels must be base64"),
    ({"network": "small", "image": {"strokes": [[1, 2, 3]]}}, "an x and a y"),
    ({"network": "small", "image": {"strokes": [[0, 281]]}}, "a coordinate must be"),
    ({"network": "small", "image": {"strokes": [[0, 1.5]]}}, "a coordinate must be"),
    ({"network": "small", "image": {"strokes": [[]]}}, "a stroke must be a list of 2"),
    ({"network": "small", "image": {"strokes": [[1, 1]] * 101}}, "strokes must be a list of 0 to"),
    ({"network": "small", "image": {"strokes": [[1, 1] * 3000] * 2}}, "at most 5000 points"),
    ({"network": "small", "image": {"strokes": [], "off": ["a", "a"]}}, "each stage once"),
    ({"network": "small", "image": {"strokes": [], "off": "crop"}}, "off must be a list"),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_is_asked_is_checked(page, body, reason):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    refused = page.post(
        "/api/ledger", content=content, headers={"Content-Type": "application/json"}
    )
    assert refused.status_code == 400
    assert set(refused.json()) == {"error"}
    assert reason in refused.json()["error"]
    assert len(refused.text) < 400
    assert "\n" not in refused.json()["error"]


def test_what_is_not_there_is_404(page):
    asking = {"network": "../models/small.safetensors", "image": {"test": 0}}
    refused = page.post("/api/ledger", json=asking)
    assert refused.status_code == 404
    assert "there are small, large" in refused.json()["error"]
    refused = page.post("/api/ledger", json={"network": "small", "image": {"test": 10_000}})
    assert (refused.status_code, "from 0 to 9999" in refused.text) == (404, True)
    assert page.get("/api/mistakes", params={"network": "other"}).status_code == 404
    assert page.get("/api/nowhere").status_code == 404


@pytest.mark.parametrize(("old", "new"), [("seed", "small"), ("stronger", "large")])
def test_a_network_under_its_old_name_is_said_to_have_another(page, old, new):
    refused = page.post("/api/ledger", json={"network": old, "image": {"test": 0}})
    assert refused.status_code == 404
    assert refused.json() == {"error": f"the network {old} is called {new} now"}
    assert page.get("/api/lab").json()["renamed"][old] == new


@pytest.mark.parametrize(
    "query",
    [
        "",
        "start=0",
        "start=0&count=0",
        "start=0&count=501",
        "start=10000&count=1",
        "start=-1&count=1",
        "start=0&count=1&x=1",
        "start=0&start=1&count=1",
        "start=٣&count=1",
        "start=1e3&count=1",
        "start=0&count=" + "9" * 500,
        "start=%00&count=1",
        "start=%ff&count=1",
        "start= 1&count=1",
    ],
)
def test_queries_are_checked(page, query):
    refused = page.get(f"/api/images?network=small&{query}")
    assert refused.status_code == 400
    assert refused.json()["error"]


def test_a_cell_that_is_not_there(page):
    for cell in ("dW2[10,0]", "W9", "dW2", "<b>", "dW2[3,7]" * 10, "__class__"):
        refused = page.post("/api/cell", json=MISREAD | {"cell": cell})
        assert refused.status_code == 400
        assert refused.headers["content-type"] == "application/json"


def test_at_most_so_many_are_computed_at_once(lab):
    """Many ask at the same time: two are computed, some wait, more are told to come again."""
    import threading

    busy, most, lock, go = 0, 0, threading.Lock(), threading.Event()

    def slow(*_):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        assert go.wait(PATIENCE)
        with lock:
            busy -= 1
        return {}

    served = Served(lab, 8765)

    async def app(scope, receive, send):
        await (await replies.computed(served, slow))(scope, receive, send)

    async def one():
        statuses = []

        async def receive():
            return {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        headers = [(b"host", HOST.encode())]
        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
        await guarded(app, served)(scope, receive, send)
        return statuses

    async def many():
        asking = [asyncio.create_task(one()) for _ in range(guard.OPEN + 6)]
        while busy < COMPUTING:
            await asyncio.sleep(0.01)
        go.set()  # all have asked by now
        return await asyncio.gather(*asking)

    statuses = [status for (status,) in asyncio.run(many())]
    assert statuses.count(503) == 6
    assert statuses.count(200) == guard.OPEN
    assert most == COMPUTING
    assert served.open == 0


def test_a_fault_of_ours_is_one_line_too(served, monkeypatch):
    def faulty(*_):
        raise ZeroDivisionError("secret")

    monkeypatch.setitem(ROUTES, "lab", Route(faulty, None))
    app = make_app(served)
    usual = {"Host": HOST, "Cookie": f"{served.cookie}={served.ticket}"}
    page = TestClient(app, f"http://{HOST}", raise_server_exceptions=False, headers=usual)
    came = page.get("/api/lab")
    assert came.status_code == 500
    assert came.json() == {"error": "a fault in chainrule, see its terminal: ZeroDivisionError"}
    assert came.headers["content-security-policy"] == POLICY
