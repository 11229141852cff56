"""My code: a file opened, graded, and who may ask for that, since it runs what a person wrote."""

import asyncio
import base64
import json
import re
import socket
import threading

import pytest
from helpers import PATIENCE
from helpers.clients import HOST, client_of, posted
from helpers.mistaken import program
from hypothesis import given
from hypothesis import strategies as st

from chainrule.lab.api.desk import Desk
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import shipped
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server import app
from chainrule.lab.server.app import make_app
from chainrule.lab.server.reach import Reach
from chainrule.lab.server.served import Served

WRONG = program(("W not transposed",), seed=2)
ASKED = {"name": "mine.py", "text": WRONG, "loss": None}


@pytest.fixture(scope="module")
def runs_code():
    return Served(Lab(shipped(), ThreadedTraining, runs_code=True), 8765)


@pytest.fixture(scope="module")
def page(runs_code):
    return client_of(runs_code)


@pytest.fixture
def nothing_runs(monkeypatch):
    def never(*_):
        raise AssertionError("a file was run")

    monkeypatch.setattr(Desk, "grade", never)


def coded(data):
    return base64.b64encode(data).decode()


# -------------------------------------------------------------------------------- what is answered


@pytest.mark.parametrize(
    "text", [WRONG, program(seed=1), "def forward(:\n", "def softmax(Z):\n    return Z / 0 * nan\n"]
)
def test_it_says_what_the_command_says(page, inside, tmp_path, text):
    found = posted(page, "/api/grade", {**ASKED, "text": text})
    place = tmp_path / "mine.py"
    place.write_text(text, encoding="utf-8")
    done = inside("grade", place, "--json", "--hints", "3")
    (told,) = json.loads(done.stdout)["files"]
    for each in found["functions"]:
        del each["steps"]
    del told["who"], told["points"]
    assert {name: found[name] for name in told} == told
    assert found["text"] == text


def test_each_array_has_its_formula_and_each_mistake_its_words(page):
    found = posted(page, "/api/grade", ASKED)
    (backward,) = [each for each in found["functions"] if each["role"] == "backward"]
    steps = {step["array"]: (step["formula"], step["verdict"]) for step in backward["steps"]}
    assert list(steps) == ["dA2", "dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"]
    assert steps["dW2"] == ("dW2 = dZ2 A1ᵀ", "right")
    assert steps["dA1"] == ("dA1 = W2ᵀ dZ2", None)
    assert {name for name, (_, said) in steps.items() if said == "wrong"} == {*backward["wrong"]}
    (bug,) = found["bugs"].values()
    assert backward["mistakes"] == [bug["name"]] == ["W not transposed"]
    assert bug["steps"] == ["dA1 = W2ᵀ dZ2"]
    assert bug["losses"] == ["squared_error", "cross_entropy"]
    assert bug["question"] in backward["questions"]


def test_a_loss_can_be_named(page):
    alone = re.sub(r"def \w*(cost|loss)\w*", "def helper", WRONG)
    for loss in ("squared_error", "cross_entropy"):
        told = posted(page, "/api/grade", {"name": "b.py", "text": alone, "loss": loss})["loss"]
        assert told == loss.replace("_", " ")


def test_a_pasted_notebook_comes_back_as_its_code(page):
    cells = [{"cell_type": "code", "source": cell} for cell in ("%pylab", program(seed=1))]
    text = json.dumps({"cells": cells, "nbformat": 4})
    found = posted(page, "/api/grade", {**ASKED, "text": text})
    assert found["text"] == "pass\n\n" + program(seed=1)
    assert found["code"] == 0
    assert "magics are left out" in found["notes"][0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_file_of_any_encoding_is_opened_and_not_run(page, nothing_runs, encoding):
    text = "# é\r\nraise SystemExit\r\n"
    found = posted(page, "/api/code", {"name": "a b.py", "file": coded(text.encode(encoding))})
    assert (found["name"], found["text"]) == ("a b.py", text.replace("\r", ""))
    assert len(found["notes"]) == (encoding in ("utf-16", "latin-1"))


def test_the_code_of_an_opened_notebook_can_be_graded(page):
    cells = [{"cell_type": "code", "source": ["import numpy as np\n"]}]
    cells += [{"cell_type": "code", "source": program(seed=1)}]
    data = json.dumps({"cells": cells}).encode()
    found = posted(page, "/api/code", {"name": "mine.ipynb", "file": coded(data)})
    graded = posted(page, "/api/grade", {**ASKED, "name": found["name"], "text": found["text"]})
    assert (graded["code"], graded["file"]) == (0, "mine.ipynb")


def test_the_forms_are_those_of_the_command(page, inside):
    told = page.get("/api/forms").json()["forms"]
    assert list(told) == ["columns", "rows", "layers"]
    for style, text in told.items():
        assert inside("grade", "--template", style).stdout == text


@pytest.mark.parametrize(
    ("route", "changed", "why"),
    [
        ("code", {"file": coded(b"a\0b")}, "zero bytes"),
        ("code", {"file": coded(b"#" * 1_000_001)}, "at most 1,000,000 bytes"),
        ("code", {"name": "mine.ipynb", "file": coded(b"{}")}, "no notebook"),
        ("code", {"file": "?"}, "base64"),
        ("code", {"name": "../mine.py"}, "name must be that of a file"),
        ("code", {"name": "a\nb.py"}, "name must be that of a file"),
        ("code", {"name": " "}, "name must be that of a file"),
        ("grade", {"name": "a\\b.py"}, "name must be that of a file"),
        ("grade", {"text": None}, "text must be a text"),
        ("grade", {"loss": "hinge"}, "loss must be one of"),
        ("grade", {"more": 1}, "got 'more' too"),
    ],
)
def test_what_is_refused(page, nothing_runs, route, changed, why):
    usual = {"name": "mine.py", "file": coded(b"x = 1")} if route == "code" else ASKED
    came = page.post(f"/api/{route}", json=usual | changed)
    assert came.status_code == 400
    assert why in came.json()["error"]


def test_a_text_that_is_too_long_is_the_verdict(page, nothing_runs):
    told = posted(page, "/api/grade", {**ASKED, "text": "#" * 1_000_001})
    assert told["refused"] == "mine.py: wanted at most 1,000,000 bytes, got more"


@given(st.text(max_size=60), st.binary(max_size=60), st.sampled_from(["a.py", "b.ipynb"]))
def test_any_text_and_any_file_is_answered_or_refused(page, text, data, name):
    told = posted(page, "/api/grade", {"name": name, "text": text, "loss": None})
    assert told["refused"] or told["functions"]
    came = page.post("/api/code", json={"name": name, "file": coded(data)})
    assert came.status_code in (200, 400)


# ------------------------------------------------------------------------------------- who may ask


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "http://localhost:8765"}, 403),  # another origin than 127.0.0.1
        ({"Origin": "null"}, 403),
        ({"Origin": None}, 403),
        ({"Cookie": None}, 403),
        ({"Cookie": "chainrule-8765=guessed"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "evil.example:8765"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_another_site_can_have_nothing_run(runs_code, nothing_runs, headers, status):
    page = client_of(runs_code, **{name: headers.get(name) for name in headers})
    content = {"Content-Type": headers.get("Content-Type", "application/json")}
    came = page.post("/api/grade", content=json.dumps(ASKED), headers=content)
    assert came.status_code == status
    assert page.get("/api/grade").status_code >= 400


def test_a_lab_that_may_not_run_code_runs_none(nothing_runs):
    page = client_of(Served(Lab(shipped(), ThreadedTraining), 8765))
    came = page.post("/api/grade", json=ASKED)
    assert came.status_code == 409
    assert "--run-code" in came.json()["error"]
    assert page.get("/api/lab").json()["runs_code"] is False
    assert page.get("/api/forms").status_code == 200


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ((), True),
        (("--host", "127.0.0.1"), True),
        (("--host", "0.0.0.0"), False),
        (("--allow-host", "hub.example.org"), False),
        (("--allow-host", "localhost:9000"), False),
        (("--allow-host", "hub.example.org", "--run-code"), True),
        (("--host", "0.0.0.0", "--run-code"), True),
    ],
)
def test_a_lab_that_others_can_reach_runs_code_only_if_asked_to(inside, monkeypatch, options, runs):
    from chainrule.lab.server import start

    def listen(port, host):  # on this machine all the same
        return socket.create_server(("127.0.0.1", 0))

    served = []
    monkeypatch.setattr(start, "serve", lambda one, *_: served.append(one))
    monkeypatch.setattr(start, "listen", listen)
    done = inside("lab", "--no-browser", *options)
    (one,) = served
    assert one.lab.runs_code is runs
    assert ("files of Python run here" in done.stdout) == ("--run-code" in options)


def test_where_it_can_be_reached_from_elsewhere():
    assert not Reach().away
    assert not Reach("127.0.0.2").away
    assert Reach("0.0.0.0").away
    assert Reach(names=("localhost:9000",)).away


# ------------------------------------------------------------------------- one at a time, and apart


def test_there_is_one_file_at_a_time(page, runs_code):
    with runs_code.lab.desk.taken:
        came = page.post("/api/grade", json=ASKED)
    assert came.status_code == 409
    assert "another file is being checked" in came.json()["error"]
    assert posted(page, "/api/grade", ASKED)["code"] == 1


def test_where_no_process_can_be_started_it_is_said(page, monkeypatch):
    def none(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryDirectory", none)
    came = page.post("/api/grade", json=ASKED)
    assert came.status_code == 500
    assert came.json()["error"] == "the file cannot be run: no space left on device"
    monkeypatch.undo()
    assert posted(page, "/api/grade", ASKED)["code"] == 1


async def asked(served, path, body=None, gone=None):
    """What the application answers to a page that leaves when `gone` is set: status and body."""
    came, content = [], b"" if body is None else json.dumps(body).encode()
    headers = {
        "host": HOST,
        "origin": f"http://{HOST}",
        "cookie": f"{served.cookie}={served.ticket}",
        "content-type": "application/json",
    }
    pending = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive():
        if pending:
            return pending.pop()
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message):
        came.append(message)

    scope = {
        "type": "http",
        "method": "GET" if body is None else "POST",
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", 8765),
    }
    await make_app(served)(scope, receive, send)
    return came[0]["status"], b"".join(each.get("body", b"") for each in came[1:])


@pytest.fixture
def held(monkeypatch):
    """Grading that begins and then waits to be stopped."""
    begun, stopped = threading.Event(), threading.Event()

    def hold(*_):
        begun.set()
        assert stopped.wait(PATIENCE)
        raise AssertionError("it has ended")

    monkeypatch.setattr(Desk, "grade", hold)
    monkeypatch.setattr(Desk, "stop", lambda _: stopped.set())
    return begun, stopped


def test_a_file_that_runs_keeps_no_other_answer_waiting(held, tmp_path):
    begun, stopped = held

    async def visit():
        served = Served(Lab(shipped(), ThreadedTraining, folder=tmp_path, runs_code=True), 8765)
        served.threads = asyncio.Semaphore(1)  # where one more would have to wait
        running = asyncio.ensure_future(asked(served, "/api/grade", ASKED))
        await asyncio.to_thread(begun.wait, PATIENCE)
        status, _ = await asyncio.wait_for(asked(served, "/api/sets"), PATIENCE)
        assert not running.done()
        stopped.set()
        with pytest.raises(AssertionError, match="it has ended"):
            await running
        return status

    assert asyncio.run(visit()) == 200


def test_a_second_file_is_told_to_wait_and_its_page_ends_nothing(held, tmp_path, monkeypatch):
    begun, stopped = held
    monkeypatch.setattr(app, "TURN", 0.01)

    async def visit():
        served = Served(Lab(shipped(), ThreadedTraining, folder=tmp_path, runs_code=True), 8765)
        running = asyncio.ensure_future(asked(served, "/api/grade", ASKED))
        await asyncio.to_thread(begun.wait, PATIENCE)
        gone = asyncio.Event()
        gone.set()
        status, content = await asked(served, "/api/grade", ASKED, gone)
        assert not stopped.is_set()
        stopped.set()
        with pytest.raises(AssertionError, match="it has ended"):
            await running
        return status, json.loads(content)["error"]

    status, why = asyncio.run(visit())
    assert status == 409
    assert why.startswith("another file is being checked")


def test_a_page_that_leaves_ends_what_runs_for_it(held, tmp_path):
    begun, _ = held

    async def visit():
        served = Served(Lab(shipped(), ThreadedTraining, folder=tmp_path, runs_code=True), 8765)
        gone = asyncio.Event()
        running = asyncio.ensure_future(asked(served, "/api/grade", ASKED, gone))
        await asyncio.to_thread(begun.wait, PATIENCE)
        assert not running.done()
        gone.set()
        with pytest.raises(AssertionError, match="it has ended"):
            await asyncio.wait_for(running, PATIENCE)

    asyncio.run(visit())
