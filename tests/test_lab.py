"""The lab's server: its answers against the library, what it refuses, how it starts and ends."""

import asyncio
import base64
import contextlib
import errno
import hashlib
import http.client
import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from helpers import PATIENCE, ROOT, run, toy_problem
from helpers.clients import HOST, MISREAD, SEVEN, arrays_of, client_of, f8, posted
from helpers.elements import Elements
from helpers.processes import (
    ask,
    cookie_for,
    free_port,
    let_in,
    private_file,
    started,
    token_in,
    waiting,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import Response
from starlette.testclient import TestClient

from chainrule import backward, evaluate, forward, gradient, initialise, loss, predict, save_model
from chainrule.data import PIXELS
from chainrule.encode import plain
from chainrule.explain.ledger import open_ledger
from chainrule.handwriting import MOST_BYTES
from chainrule.lab.api import requests, saved
from chainrule.lab.api.drawings import MOST_POINTS, collect_drawings
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import named_model, named_run, shipped
from chainrule.lab.api.routes import MOMENT, ROUTES, UPLOAD, Route
from chainrule.lab.live.control import LARGEST
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server import app, browser, connection, guard, replies, start
from chainrule.lab.server.app import make_app, page_files
from chainrule.lab.server.guard import POLICY, guarded
from chainrule.lab.server.served import COMPUTING, Served
from chainrule.lab.server.start import listen
from chainrule.lab.wire import RefusedError
from chainrule.network import LOSSES
from chainrule.runs.run import Run
from chainrule.runs.settings import Change, Settings

PAGE = ROOT / "src/chainrule/lab/page"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab(shipped(), ThreadedTraining, folder=tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def served(lab):
    return Served(lab, 8765)


@pytest.fixture(scope="module")
def page(served):
    return client_of(served)


# --------------------------------------------------------------------------------- what it answers


def test_the_networks_and_their_accuracy(page, lab, mnist):
    about = page.get("/api/lab").json()
    assert [each["id"] for each in about["networks"]] == ["small", "large"]
    for entry, named in zip(about["networks"], lab.networks, strict=True):
        assert entry["accuracy"] == evaluate(named.network, mnist[1]).accuracy
        assert entry["sizes"] == list(named.network.sizes)
        assert entry["parameters"] == named.network.parameters.size
        assert entry["loss"] == named.network.loss
        assert (entry["digits"], entry["images"]) == ("MNIST", 10_000)
    assert about["given"] is None
    assert about["h"] == 1e-5


def test_mistakes_are_the_images_read_wrong(page, lab, mnist):
    for named in lab.networks:
        told = page.get("/api/mistakes", params={"network": named.id}).json()
        read = predict(named.network, mnist[1].X)
        wrong = [i for i in range(10_000) if read[i] != mnist[1].labels[i]]
        assert told["indices"] == wrong
        assert told["labels"] == [int(mnist[1].labels[i]) for i in wrong]
        assert told["predictions"] == [int(read[i]) for i in wrong]
        assert all(0.1 < sure <= 1 for sure in told["confidence"])
    # The first minute: a 3 that the small network reads as a 5, 64 % sure.
    told = page.get("/api/mistakes", params={"network": "small"}).json()
    place = told["indices"].index(1832)
    assert (told["labels"][place], told["predictions"][place]) == (3, 5)
    assert told["confidence"][place] == pytest.approx(0.64, abs=0.005)


def test_images_are_the_stored_bytes(page, mnist):
    told = page.get("/api/images", params={"network": "small", "start": 9950, "count": 100}).json()
    assert base64.b64decode(told["images"]) == mnist[1].images[9950:].tobytes()
    assert told["labels"] == mnist[1].labels[9950:].tolist()
    assert told["start"] == 9950


@pytest.mark.parametrize(("network", "number", "label"), [("small", 1832, 7), ("large", 0, None)])
def test_every_array_of_the_ledger_is_the_librarys(page, lab, mnist, network, number, label):
    told = posted(
        page, "/api/ledger", {"network": network, "image": {"test": number}, "label": label}
    )
    stored = lab.named(network).network
    exact = replace(stored, parameters=stored.parameters.astype(np.float64))
    digit = mnist[1][number]
    X = digit.X.astype(np.float64)
    label = int(digit.labels[0]) if label is None else label
    Y = np.eye(10)[:, [label]]
    trace = forward(exact, X)
    d = backward(exact, trace, Y)
    wanted = {"x": X, "y": Y, "E": loss(exact, X, Y)}
    for l, (W, b) in enumerate(exact.layers, 1):
        wanted |= {f"W{l}": W, f"b{l}": b, f"Z{l}": trace.Z[l], f"A{l}": trace.A[l]}
        wanted |= {f"dA{l}": d.dA[l], f"dZ{l}": d.dZ[l], f"dW{l}": d.dW[l], f"db{l}": d.db[l]}
    came = arrays_of(told)
    assert set(came) == set(wanted)
    for name, array in wanted.items():
        assert came[name].tobytes() == array.tobytes(), name
    order = ["x", "W1", "b1", "Z1", "A1", "W2", "b2", "Z2", "A2", "y", "E"]
    order += ["dA2", "dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"]
    assert list(came) == order
    assert (told["network"], told["image"]) == (network, {"test": number})
    assert (told["label"], told["truth"], told["m"]) == (label, int(digit.labels[0]), 1)
    assert told["prediction"] == int(predict(stored, digit.X)[0])


def test_the_first_minutes_cell_is_the_gradient(page, lab, mnist):
    told = posted(page, "/api/ledger", MISREAD)
    stored = lab.named("small").network
    exact = replace(stored, parameters=stored.parameters.astype(np.float64))
    digit = mnist[1][1832]
    flat = gradient(exact, digit.X.astype(np.float64), digit.Y.astype(np.float64))
    assert arrays_of(told)["dW2"][3, 7] == flat[784 * 10 + 10 + 3 * 10 + 7] != 0
    assert told["prediction"] == 5
    assert told["truth"] == 3


def test_input_times_weight_adds_up_to_the_sums(page):
    told = posted(page, "/api/ledger", MISREAD)
    arrays = arrays_of(told)
    weighted = np.frombuffer(base64.b64decode(told["weighted"]), "<f8").reshape(10, 784)
    np.testing.assert_allclose(weighted.sum(axis=1) + arrays["b1"], arrays["Z1"], rtol=1e-12)
    assert not weighted[:, arrays["x"] == 0].any()


def test_the_jacobian_is_the_slope_of_softmax(page):
    told = posted(page, "/api/ledger", MISREAD)
    Z, J = arrays_of(told)["Z2"], f8(told["jacobian"])
    for j in range(10):
        nudge = 1e-6 * np.eye(10)[j]
        above, below = (np.exp(z) / np.exp(z).sum() for z in (Z + nudge, Z - nudge))
        np.testing.assert_allclose(J[:, j], (above - below) / 2e-6, atol=1e-9)
    assert told["jacobian"]["name"] == "∂A2/∂Z2"
    assert told["jacobian"]["shape"] == [10, 10]


def test_patterns_put_in_are_the_cells_own_words(page):
    """The page puts the index in; the library says the same of the cell."""

    def put_in(text, i, j):
        return re.sub(r"\bj\b", str(j), re.sub(r"\bi\b", str(i), text))

    told = posted(page, "/api/ledger", MISREAD)
    for entry in told["arrays"]:
        i, j = (3, 7)[: len(entry["shape"])] + ("", "")[len(entry["shape"]) :]
        name = entry["name"] + {0: "", 1: "[3]", 2: "[3,7]"}[len(entry["shape"])]
        opened = posted(page, "/api/cell", MISREAD | {"cell": name})
        assert put_in(entry["cell"]["formula"], i, j) == opened["formula"]
        for neighbours in ("comes_from", "feeds"):
            assert [put_in(each, i, j) for each in entry["cell"][neighbours]] == opened[neighbours]
        assert entry["source"] == opened["source"]


@pytest.mark.parametrize("cell", ["dW2[3,7]", "A2[5]", "Z1[3]", "E", "x[350]", "dZ2[ 3 ]"])
def test_a_cell_is_what_explain_says(page, answer, cell):
    told = posted(page, "/api/cell", MISREAD | {"cell": cell})
    model = ROOT / "src/chainrule/models/small.safetensors"
    explained = answer("explain", model, "--test", 1832, "--cell", cell)
    assert told == {name: explained[name] for name in told}
    assert {"name", "value", "formula", "source", "terms", "total", "numerator"} <= set(told)


def test_numbers_that_are_not_finite_arrive(mnist):
    """Cross-entropy's dA2 where the true label's probability underflows."""
    network, _, _ = toy_problem(np.random.default_rng(0), (784, 3, 10), loss="cross_entropy")
    network.parameters[:] = 0
    network.parameters[-10] = 1e4
    page = client_of(Served(Lab((named_model(network),), ThreadedTraining), 8765))
    (entry,) = page.get("/api/lab").json()["networks"]
    asking = {"network": entry["id"], "image": {"test": 0}, "label": 4}
    assert arrays_of(posted(page, "/api/ledger", asking))["dA2"][4] == -np.inf
    opened = posted(page, "/api/cell", asking | {"cell": "dA2[4]"})
    assert opened["value"] == opened["total"] == "-inf"


def test_pixels_are_an_image(page, mnist):
    """The pixels of a test image give its ledger."""
    content = base64.b64encode(mnist[1].images[1832].tobytes()).decode()
    told = posted(page, "/api/ledger", MISREAD | {"image": {"pixels": content}})
    same = posted(page, "/api/ledger", MISREAD | {"label": 5})
    assert told["label"] == told["prediction"] == 5  # nobody said what it is: what is read
    assert told["truth"] is None
    assert told["arrays"] == same["arrays"]
    assert told["image"] == {"pixels": content}


def test_a_ledger_is_computed_once(tmp_path, monkeypatch):
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    opened = []

    def counted(network, x, label):
        opened.append(label)
        return open_ledger(network, x, label)

    monkeypatch.setattr("chainrule.lab.api.lab.open_ledger", counted)
    posted(page, "/api/ledger", MISREAD | {"label": 8})
    posted(page, "/api/cell", MISREAD | {"label": 8, "cell": "dW2[3,7]"})
    posted(page, "/api/cell", MISREAD | {"label": 8, "cell": "Z1[0]"})
    assert opened == [8]
    for label in [*range(8)] * 2:
        posted(page, "/api/ledger", MISREAD | {"label": label})
    assert opened == [8, *range(8)]


# ------------------------------------------------------------------------------------ what is safe


def test_only_its_own_names_are_answered_to(served):
    """DNS rebinding: another site's name that leads here is refused on every route."""
    for path in ("/", "/lab/index.html", "/lab/style.css", "/api/lab", "/nowhere"):
        for host in ("evil.example:8765", "127.0.0.1", "127.0.0.1:80", "localhost.evil:8765", ""):
            page = client_of(served, Host=host, Origin=None)
            assert page.get(path).status_code == 403, (path, host)
        for host in (HOST, "localhost:8765", "[::1]:8765", "LOCALHOST:8765"):
            page = client_of(served, Host=host, Origin=None)
            assert page.get(path).status_code != 403, (path, host)


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "evil.example:8765", "classroom", ""])
def test_who_comes_by_another_address_is_told_on_a_page(served, host):
    """A person reads which address it is and how to forward the port, and gets no key to it."""
    page = client_of(served, Host=host, Origin=None, Accept="text/html,*/*;q=0.8")
    for path in ("/", "/?view=draw", f"/?token={served.token}", "/nowhere"):
        came = page.get(path)
        assert came.status_code == 403
        assert came.headers["content-type"] == "text/html; charset=utf-8"
        assert came.headers["content-security-policy"] == POLICY
        assert came.headers["cache-control"] == "no-store"
        assert "http://127.0.0.1:8765" in came.text
        assert "ssh -L 8765:127.0.0.1:8765" in came.text
        assert not {served.token, served.ticket} & {*re.findall(r"[\w-]{43}", came.text)}
        assert "set-cookie" not in came.headers
        tags = {tag for tag, _ in Elements(came.text).tags}
        assert not tags & {"script", "link", "form", "a", "img"}  # the policy forbids them
    for refused in (page.get("/api/lab"), page.post("/"), page.get("/", headers={"Accept": "*/*"})):
        assert refused.status_code == 403
        assert refused.json() == {"error": "this server is 127.0.0.1 and answers to no other name"}


def test_at_port_80_browsers_leave_out_the_port(lab):
    served = Served(lab, 80)
    page = client_of(served, Host="127.0.0.1", Origin="http://127.0.0.1")
    assert page.post("/api/cell", json=MISREAD | {"cell": "E"}).status_code == 200
    for wrong in ({"Host": "127.0.0.1:8765"}, {"Host": "evil.example"}):
        assert client_of(served, Origin=None, **wrong).get("/").status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["null", "http://evil.example", "https://127.0.0.1:8765", "http://127.0.0.1:80", "file://", ""],
)
def test_other_origins_change_and_read_nothing(served, origin):
    page = client_of(served, Origin=origin)
    assert page.post("/api/ledger", json=MISREAD).status_code == 403
    assert page.get("/api/lab").status_code == 403
    assert page.get("/").status_code == 403


def test_a_missing_origin_is_for_reading_alone(served):
    page = client_of(served, Origin=None)
    assert page.post("/api/ledger", json=MISREAD).status_code == 403
    assert page.get("/api/lab").status_code == 200
    for site, status in (("none", 200), ("cross-site", 403), ("same-site", 403), ("x", 403)):
        page = client_of(served, Origin=None, **{"Sec-Fetch-Site": site})
        assert page.get("/api/lab").status_code == status
        assert page.get("/").status_code == 200  # the shell holds nothing, links may lead to it
    page = client_of(served, Origin=None, **{"Sec-Fetch-Site": None})
    assert page.get("/api/lab").status_code == 200


def test_the_token_becomes_a_cookie_and_leaves_the_address(served):
    page = client_of(served, Cookie=None, Origin=None)
    rest = "view=inside&cell=dW2[3,7]&strokes=1-2~3-4&pixels=a_b-%2B"
    entered = page.get(f"/?view=inside&token={served.token}&{rest.partition('&')[2]}")
    assert entered.status_code == 303
    assert entered.headers["location"] == f"/?{rest}"
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith(f"chainrule-8765={served.ticket};")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert served.token not in entered.text + str(entered.headers)
    assert page.get(f"/?token={served.token}").headers["location"] == "/"


@pytest.mark.parametrize("token", ["", "x", "ÿ", "%ff", "\U0001f600", "a&token=b"])
def test_a_wrong_token_is_worth_nothing(served, token):
    page = client_of(served, Cookie=None, Origin=None)
    entered = page.get(f"/?token={token}&view=draw")
    assert entered.status_code == 303
    assert "set-cookie" not in entered.headers
    assert entered.headers["location"] == "/?view=draw"


def test_secrets_are_compared_in_constant_time(served, monkeypatch):
    compared = []

    def compare(a, b):
        compared.append((a, b))
        return a == b

    monkeypatch.setattr("secrets.compare_digest", compare)
    client_of(served).get("/api/lab")
    client_of(served).get(f"/?token={served.token}")
    assert compared == [(served.ticket.encode(),) * 2, (served.token.encode(),) * 2]


@pytest.mark.parametrize("cookie", [None, "", "chainrule-8765=", "chainrule-8765=x", "chainrule=ÿ"])
def test_without_the_cookie_nothing_of_the_api(served, cookie):
    page = client_of(served, Cookie=cookie and cookie.encode("latin-1"))
    for path in (
        "/api/lab",
        "/api/images?network=small&start=0&count=1",
        "/api/nowhere",
        "/api",
        "/api/",
    ):
        refused = page.get(path)
        assert refused.status_code == 403
        assert "open the address that chainrule lab printed" in refused.json()["error"]
    assert page.post("/api/ledger", json=MISREAD).status_code == 403
    assert page.get("/").status_code == 200


def test_secrets_are_fresh_and_long(lab):
    one, other = Served(lab, 8765), Served(lab, 8765)
    assert len({one.token, other.token, one.ticket, other.ticket}) == 4
    assert min(map(len, (one.token, one.ticket))) >= 43  # 256 bits


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
)
def test_bodies_are_json_alone(page, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    refused = page.post("/api/ledger", content=json.dumps(MISREAD), headers=headers)
    assert refused.status_code == 415
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert page.post("/api/ledger", content=json.dumps(MISREAD), headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/lab/wire.py", "/lab/__init__.py", "/lab/saved.template", "/lab/", "/lab", "/index"),
        *(
            "/lab/page/main.js",
            "/lab/parts",
            "/lab/parts/",
            "/lab/parts/../main.js",
            "/lab//main.js",
        ),
        *("/lab/../wire.py", "/lab/..%2fwire.py", "/lab/%2e%2e/network.py", "/lab/..\\data.py"),
        *("/lab//etc/passwd", "/lab/%2fetc%2fpasswd", "//etc/passwd", "/lab/index.html%00"),
        *("/lab/index.html/", "/LAB/index.html", "/lab/INDEX.HTML", "/lab/%69ndex.htm"),
    ],
)
def test_no_path_leads_out_of_the_page(served, path):
    """Asked as it stands, without the client making it shorter."""
    status, _, body = raw(served, f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert status == 404
    assert set(json.loads(body)) == {"error"}


def raw(served, request):
    """What the application answers to a request line and headers as they are."""
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.server import ServerState

    async def talk():
        config = uvicorn.Config(make_app(served), lifespan="off", log_level="critical")
        config.load()
        protocol = asyncio.get_running_loop()
        made = await protocol.create_server(
            lambda: H11Protocol(config, ServerState(), {}), "127.0.0.1", 0
        )
        port = made.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        made.close()
        return answer

    head, _, body = asyncio.run(talk()).partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def test_pages_files_are_the_packages_and_no_others(page):
    files = page_files()
    assert "index.html" in files
    assert all(path == PAGE / name for name, path in files.items())
    assert not [name for name in files if name.endswith((".py", ".template"))]
    for name, path in files.items():
        came = page.get(f"/lab/{name}")
        assert came.status_code == 200
        assert came.content == path.read_bytes()
        assert came.headers["cache-control"] == "no-cache"
    assert page.get("/").content == (PAGE / "index.html").read_bytes()
    assert page.get("/").headers["content-type"] == "text/html; charset=utf-8"


def test_an_unchanged_file_is_not_sent_again(page):
    first = page.get("/lab/index.html")
    again = page.get("/lab/index.html", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    again = page.get("/lab/index.html", headers={"If-None-Match": '"other"'})
    assert again.content == first.content


def test_every_answer_carries_the_policy(page, served):
    stranger = client_of(served, Host="evil.example")
    for came in (
        *(page.get(path) for path in ("/", "/lab/index.html", "/api/lab", "/api/nowhere", "/x")),
        *(page.post("/api/ledger", json=body) for body in (MISREAD, [])),
        *(page.get("/lab/style.css"), page.put("/"), stranger.get("/"), page.get("/?token=x")),
    ):
        assert came.headers["content-security-policy"] == POLICY
        assert came.headers["x-content-type-options"] == "nosniff"
        assert came.headers["x-frame-options"] == "DENY"
        assert came.headers["referrer-policy"] == "no-referrer"
        assert came.headers["cross-origin-opener-policy"] == "same-origin"
        assert came.headers["cross-origin-resource-policy"] == "same-origin"
        if came.request.url.path.startswith("/api/"):
            assert came.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in came.headers
    directives = dict(part.split(maxsplit=1) for part in POLICY.split("; "))
    assert directives["default-src"] == directives["script-src"] == "'self'"
    assert directives["connect-src"] == "'self'"
    # No style but the style sheet's, and that of the page that stands by itself.
    elsewhere = stranger.get("/", headers={"Accept": "text/html"}).text
    (style,) = re.findall("<style>(.*?)</style>", elsewhere, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert directives["style-src"] == f"'self' 'sha256-{hashed}'"
    assert not [name for name in directives if name.startswith("style-src-")]
    assert "style=" not in elsewhere
    assert directives["frame-ancestors"] == directives["object-src"] == "'none'"
    assert directives["base-uri"] == directives["form-action"] == "'none'"


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


# ---------------------------------------------------------------- proofs, impostors and one step


@pytest.mark.parametrize("network", ["small", "large"])
@pytest.mark.parametrize("cell", ["dW2[3,7]", "dW1[3,350]", "db1[4]", "dZ2[3]", "dA1[7]"])
def test_a_proof_is_a_central_difference(page, lab, mnist, network, cell):
    told = posted(page, "/api/proof", MISREAD | {"network": network, "cell": cell})
    assert told["agrees"]
    assert told["cell"] == cell
    assert told["nudged"] == cell[1:]
    assert told["quotient"] == (told["E_above"] - told["E_below"]) / (2 * told["h"])
    opened = posted(page, "/api/cell", MISREAD | {"network": network, "cell": cell})
    assert told["ours"] == opened["value"] == pytest.approx(told["quotient"], abs=1e-9)
    # E + h, worked here by the network alone, for a parameter.
    if cell[1] in "Wb":
        exact = lab.named(network).exact
        digit = mnist[1][1832]
        moved = replace(exact, parameters=exact.parameters.copy())
        array = moved.layers[int(cell[2]) - 1]["Wb".index(cell[1])]
        array[tuple(map(int, cell[4:-1].split(",")))] += told["h"]
        E = loss(moved, digit.X.astype(np.float64), digit.Y.astype(np.float64))
        assert told["E_above"] == pytest.approx(float(E), rel=1e-14)


def test_no_proof_of_what_is_no_derivative(page):
    refused = page.post("/api/proof", json=MISREAD | {"cell": "W2[3,7]"})
    assert refused.status_code == 400
    assert "dW2[3,7]" in refused.json()["error"]


def test_only_chainrules_own_dZ_agrees(page):
    told = posted(page, "/api/impostors", MISREAD)
    dZ2 = arrays_of(posted(page, "/api/ledger", MISREAD))["dZ2"]
    assert told["array"] == "dZ2"
    np.testing.assert_allclose(told["quotients"], dZ2, atol=1e-9)
    own, *impostors = told["accounts"]
    assert (own["name"], own["agrees"], own["values"]) == ("chainrule", True, dZ2.tolist())
    assert [each["name"] for each in impostors] == ["A - Y", "s(1 - s)"]
    assert not any(each["agrees"] for each in impostors)
    fields = {"name", "values", "relative", "largest", "agrees"}
    assert all(set(each) == fields for each in told["accounts"])


def test_one_step_keeps_its_promise(page, lab, mnist):
    told = posted(page, "/api/step", MISREAD)
    exact = lab.named("small").exact
    digit = mnist[1][1832]
    X, Y = digit.X.astype(np.float64), digit.Y.astype(np.float64)
    g = gradient(exact, X, Y)
    assert told["slope"] == pytest.approx(float(g @ g), rel=1e-12)
    assert len(told["rates"]) == len(told["measured"]) == len(told["predictions_after"]) == 50
    for k in (0, 25, 49):
        alpha = told["rates"][k]
        after = replace(exact, parameters=exact.parameters - alpha * g)
        assert told["promised"][k] == pytest.approx(-alpha * float(g @ g), rel=1e-12)
        change = float(loss(after, X, Y)) - float(loss(exact, X, Y))
        assert told["measured"][k] == pytest.approx(change, abs=1e-13)
        A = forward(after, X).A[2][:, 0]
        assert told["probabilities_after"][k] == pytest.approx(A.tolist(), abs=1e-13)
        assert told["predictions_after"][k] == int(A.argmax())
    assert told["measured"][0] == pytest.approx(told["promised"][0], rel=0.01)
    assert 3 in told["predictions_after"]  # the 5 becomes a 3


# ---------------------------------------------------------------------------------------- drawings


def test_a_drawing_is_prepared_and_read(page, lab):
    from chainrule.handwriting import STAGES, draw, novelty, prepare

    told = posted(page, "/api/drawing", {"network": "large", "image": SEVEN})
    made = prepare(draw(SEVEN["strokes"]))
    assert [stage["name"] for stage in told["stages"]] == list(STAGES)
    for stage, wanted in zip(told["stages"], made.stages, strict=True):
        assert base64.b64decode(stage["pixels"]) == wanted.picture.tobytes()
        assert (stage["height"], stage["width"]) == wanted.picture.shape
        X = wanted.pixels[:, None] / np.float32(255)
        A = forward(lab.named("large").exact, X.astype(np.float64)).A[2][:, 0]
        assert stage["probabilities"] == pytest.approx(A.tolist(), abs=1e-12)
        assert stage["prediction"] == int(A.argmax())
        assert not stage["off"]
    assert base64.b64decode(told["pixels"]) == made.pixels.tobytes()
    assert told["prediction"] == 7
    assert told["unlike"] == plain(novelty(made.pixels, made.stages))
    # Look inside opens the very same numbers.
    ledger = posted(page, "/api/ledger", {"network": "large", "image": SEVEN})
    assert arrays_of(ledger)["A2"].tolist() == pytest.approx(told["probabilities"], abs=1e-15)
    pixels = (255 * arrays_of(ledger)["x"]).round().astype(np.uint8)
    assert pixels.tobytes() == made.pixels.tobytes()
    assert ledger["label"] == ledger["prediction"] == 7
    assert ledger["image"] == SEVEN
    assert ledger["unlike"] == told["unlike"]


def test_several_marks_are_said_by_drawing_and_ledger(page):
    """8 × 8 dots: a drawing shows them, of which its 784 pixels alone show nothing."""
    image = {
        "strokes": [[20 + 31 * x, 20 + 31 * y] for x in range(8) for y in range(8)],
        "off": [],
    }
    told = posted(page, "/api/drawing", {"network": "large", "image": image})
    assert told["unlike"]["unlike"]
    assert told["unlike"]["several"]
    assert told["unlike"]["score"] == 64
    ledger = posted(page, "/api/ledger", {"network": "large", "image": image})
    assert ledger["unlike"] == told["unlike"]
    pixels = {"pixels": told["pixels"]}
    ledger = posted(page, "/api/ledger", {"network": "large", "image": pixels})
    assert not ledger["unlike"]["several"]
    ledger = posted(page, "/api/ledger", {"network": "large", "image": {"test": 0}})
    assert ledger["unlike"] is None


def test_a_stage_can_be_off(page):
    asking = {"network": "small", "image": SEVEN | {"off": ["centre", "fit"]}}
    told = posted(page, "/api/drawing", asking)
    assert [stage["name"] for stage in told["stages"] if stage["off"]] == ["fit", "centre"]
    asking["image"]["off"] = ["centering"]
    refused = page.post("/api/drawing", json=asking)
    assert (refused.status_code, "stages are polarity" in refused.text) == (400, True)


def picture(format="PNG", size=(60, 80)):
    from PIL import Image, ImageDraw

    drawn = Image.new("L", size, 255)
    ImageDraw.Draw(drawn).line([(size[0] // 2, 10), (size[0] // 2, size[1] - 10)], 0, 8)
    content = io.BytesIO()
    drawn.save(content, format)
    return content.getvalue()


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_a_file_is_prepared_and_read(page, format):
    upload = {"file": base64.b64encode(picture(format)).decode(), "off": ["specks"]}
    told = posted(page, "/api/drawing", {"network": "large", "image": upload})
    assert told["prediction"] == 1
    ledger = posted(page, "/api/ledger", {"network": "large", "image": {"pixels": told["pixels"]}})
    assert ledger["prediction"] == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "wanted a PNG or JPEG"),
        (b"GIF89a" + bytes(100), "wanted a PNG or JPEG"),
        (picture()[:100], "damaged or cut short"),
        (picture("GIF"), "wanted a PNG or JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "wanted a PNG or JPEG"),
        (picture(size=(5001, 5000)), "25,000,000 pixels"),
        (picture(size=(2, 20_001)), "20,000 long"),
        (picture() + bytes(MOST_BYTES), "file must be a text"),
        (picture().ljust(MOST_BYTES + 1, b" "), "file must be at most 10000000 bytes"),
    ],
    ids=["empty", "gif head", "cut", "gif", "svg", "pixels", "side", "bytes", "one byte"],
)
def test_other_files_are_refused(page, content, reason):
    upload = {"file": base64.b64encode(content).decode()}
    refused = page.post("/api/drawing", json={"network": "small", "image": upload})
    assert refused.status_code == 400
    assert reason in refused.json()["error"]


def test_what_the_id_of_a_run_says(page):
    id = "784-30-20-10.cross_entropy.adam.0.001.64.900.seed3.rate40-0.0005"
    told = posted(page, "/api/described", {"run": id})
    assert (
        told["settings"]
        | {
            "hidden": [30, 20],
            "loss": "cross_entropy",
            "optimizer": "adam",
            "learning_rate": 0.001,
            "batch_size": 64,
            "seed": 3,
        }
        == told["settings"]
    )
    assert (told["length"], told["changes"]) == (900, [[40, 0.0005]])
    for bad, reason in {
        "seed": "that is no run's id",
        f"{id}.data-12345678": "its digits are not in the package",
        id.replace("seed3", "seed03"): "that is no run's id",
        id.replace("0.001", "1e-3"): "that run is written",
    }.items():
        refused = page.post("/api/described", json={"run": bad})
        assert refused.status_code == 404
        assert reason in refused.json()["error"]


def test_pages_are_told_the_limits_at_which_requests_are_refused(page):
    told = page.get("/api/lab").json()["limits"]
    assert (told["side"] ** 2, told["parameters"]) == (PIXELS, LARGEST)
    pixels, pad = base64.b64encode(bytes(PIXELS)).decode(), told["pad"]
    settings = {"hidden": [told["width"]] * told["layers"], "loss": LOSSES[0]}
    settings |= {"optimizer": "adam", "seed": told["last"], "threads": told["threads"]}
    assert 4 * -(-told["file"] // 3) + 1000 < UPLOAD

    def check(parse, value):
        """It is taken with what is at the limit, and refused with one more of any of it."""
        parse(value)
        for more in one_more(value):
            with pytest.raises(RefusedError):
                parse(more)

    def one_more(value):
        match value:
            case int():
                yield value + 1
            case list():
                yield [*value, value[-1]]
                yield from ([each, *value[1:]] for each in one_more(value[0]))
            case dict():
                for name in value:
                    yield from (value | {name: each} for each in one_more(value[name]))

    check(requests.parse_image, {"strokes": [[pad, pad]] * told["strokes"]})
    check(requests.parse_image, {"strokes": [[pad, pad] * told["points"]]})
    check(requests.parse_order, {"do": "start", "settings": settings})
    check(requests.parse_map, {"network": "small", "of": "pixels", "count": told["map"]})
    check(requests.parse_drawings, [{"image": {"pixels": pixels}, "label": 9}] * told["drawings"])
    for name, (low, high) in told["damage"].items():
        for amount in (low, high):
            requests.parse_evaluation({"network": "small", "damage": {name: amount}})
    images = {"network": "small", "start": 0}
    for count in (told["images"], told["images"] + 1):
        came = page.get("/api/images", params=images | {"count": count})
        assert came.status_code == (200 if count == told["images"] else 400)


def test_drawings_are_collected_for_data(tmp_path, mnist):
    from chainrule import load_digits
    from chainrule.handwriting import draw, prepare

    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    pixels = [mnist[1].images[k].tobytes() for k in range(10)]
    drawings = [
        {"image": {"pixels": base64.b64encode(each).decode()}, "label": k % 10}
        for k, each in enumerate(pixels)
    ]
    drawings.append({"image": SEVEN, "label": 7})
    told = posted(page, "/api/collect", {"drawings": drawings})
    assert re.fullmatch(r"drawings/\d{4}-\d\d-\d\d-\d{6}", told["folder"])
    assert (told["train"], told["test"]) == (9, 2)
    train, test = load_digits(tmp_path / told["folder"])
    assert test.images.tobytes() == pixels[4] + pixels[9]
    assert test.labels.tolist() == [4, 9]
    assert train.labels.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 7]
    assert train.images[-1].tobytes() == prepare(draw(SEVEN["strokes"])).pixels.tobytes()
    # Two in the same second do not meet; of two drawings one is for testing.
    folders = {posted(page, "/api/collect", {"drawings": drawings[:2]})["folder"] for _ in "ab"}
    assert len(folders | {told["folder"]}) == 3
    assert [len(part) for part in load_digits(tmp_path / max(folders))] == [1, 1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drawings"]


def test_two_labs_that_collect_in_the_same_second_get_a_folder_each(tmp_path, monkeypatch):
    """Both have found the name free, and then both move their folder to it."""
    from chainrule import load_digits

    now = datetime(2026, 11, 26, 18, 15, 0)
    monkeypatch.setattr("chainrule.files.datetime", SimpleNamespace(now=lambda: now))
    rename, both = Path.rename, threading.Barrier(2)

    def meet(path, target):
        if target.name == "2026-11-26-181500":
            both.wait(PATIENCE)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", meet)
    labs = [Lab(shipped(), ThreadedTraining, folder=tmp_path) for _ in "ab"]
    bodies = [{"drawings": [{"image": SEVEN, "label": label}] * 2} for label in (3, 7)]
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(collect_drawings, labs, bodies))
    names = ["drawings/2026-11-26-181500", "drawings/2026-11-26-181500-2"]
    assert sorted(each["folder"] for each in told) == names
    labels = [load_digits(tmp_path / each["folder"])[0].labels.tolist() for each in told]
    assert labels == [[3], [7]]


@pytest.mark.parametrize(
    ("drawings", "reason"),
    [
        ([], "drawings must be a list of 2 to 500"),
        ([{"image": SEVEN, "label": 7}], "drawings must be a list of 2 to 500"),
        ([{"image": SEVEN, "label": 7}] * 501, "drawings must be a list of 2 to 500"),
        ([{"image": SEVEN, "label": None}] * 2, "label must be"),
        ([{"image": SEVEN}] * 2, "label is missing"),
        ([{"image": {"test": 0}, "label": 1}] * 2, "got a test image"),
        ([{"image": {"file": ""}, "label": 1}] * 2, "one of test, strokes or pixels"),
    ],
)
def test_collections_are_checked(tmp_path, drawings, reason):
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    refused = page.post("/api/collect", json={"drawings": drawings})
    assert refused.status_code == 400
    assert reason in refused.json()["error"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("strokes", "reason"),
    [
        ([[5, 5] * 5_000], "have at most 100,000 points in all, got 105,000; take some out"),
        ([[0, 0, 280, 280] * 63], "are at most 1,000,000 long in all, got 1,039,"),
    ],
    ids=["points", "length"],
)
def test_a_collection_has_so_many_points_and_so_much_length(tmp_path, strokes, reason, monkeypatch):
    """The work is counted, not timed: nothing is drawn of what is refused."""

    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    each = {"image": {"strokes": strokes}, "label": 7}
    monkeypatch.setattr("chainrule.handwriting.draw", lambda _: pytest.fail("it was drawn"))
    refused = page.post("/api/collect", json={"drawings": [each] * 21})
    assert refused.status_code == 400
    assert reason in refused.json()["error"]
    assert list(tmp_path.iterdir()) == []


def test_a_full_collection_is_taken(tmp_path, monkeypatch):
    """As many drawings, points and length as there may be; each is drawn once."""

    drawn, paper = [], np.full((9, 9), 255, np.uint8)
    monkeypatch.setattr(
        "chainrule.handwriting.draw", lambda strokes: drawn.append(strokes) or paper
    )
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    drawings = [
        {"image": {"strokes": [[k % 280, k // 280, k % 280, 3] * 100]}, "label": k % 10}
        for k in range(500)
    ]
    told = posted(page, "/api/collect", {"drawings": drawings})
    assert (told["train"], told["test"]) == (400, 100)
    assert len(drawn) == 500
    assert sum(len(stroke) for strokes in drawn for stroke in strokes) == 2 * MOST_POINTS


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "drawings").write_text("in the way")
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    refused = page.post("/api/collect", json={"drawings": [{"image": SEVEN, "label": 7}] * 2})
    assert refused.status_code == 500
    assert refused.json()["error"].startswith("the folder drawings cannot be written: ")
    assert str(tmp_path) not in refused.text


# ---------------------------------------------------------------------------------- a moment saved


VIEW = {"view": "inside", "cell": "dW1[3,350]", "note": "</script><script>alert(1)</script><!--"}


@pytest.fixture(scope="module")
def kept(page):
    return page.post("/api/save", json=MISREAD | {"view": VIEW})


def test_a_saved_moment_holds_the_answers(page, kept):
    assert kept.status_code == 200
    disposition = 'attachment; filename="chainrule-small-test1832.html"'
    assert kept.headers["content-disposition"] == disposition
    block = json.loads(Elements(kept.text).only("script", id="moment")[1])
    assert block["view"] == VIEW
    assert block["lab"] == page.get("/api/lab").json()
    assert block["mistakes"] is None
    for route in ("ledger", "impostors", "step"):
        assert block[route] == posted(page, f"/api/{route}", MISREAD)
    every = {"E", "b1[0]", "Z1[9]", "A2[5]", "W2[3,7]", "dW2[3,7]", "db1[4]", "y[3]", "dW1[3,350]"}
    assert every <= set(block["cells"])
    assert "dW1[3,351]" not in block["cells"]  # too many: only the selected one
    for name in every:
        assert block["cells"][name] == posted(page, "/api/cell", MISREAD | {"cell": name})
    assert {"dW2[3,7]", "dZ2[0]", "dA1[9]", "dW1[3,350]"} <= set(block["proofs"])
    told = posted(page, "/api/proof", MISREAD | {"cell": "dW1[3,350]"})
    assert block["proofs"]["dW1[3,350]"] == told
    assert len(kept.content) < 3_000_000


def test_a_saved_moment_needs_and_tells_nobody(kept):
    elements = Elements(kept.text)
    policy = elements.only("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert policy == (
        "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    names = [tag for tag, _ in elements.tags]
    before = elements.tags[: names.index("style")]
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": policy}) in before
    for tag, attributes in elements.tags:
        for name in ("src", "href", "action"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    (_, style) = elements.only("style")
    assert all(
        url.startswith(("data:", "#")) for url in re.findall(r"""url\(["']?([^)]*)""", style)
    )
    assert "@import" not in style
    # No text of the moment ends its element or begins another.
    assert names.count("script") == 3
    assert "alert(1)" not in kept.text.replace("\\u003cscript>alert(1)\\u003c/script>", "")


def test_a_saved_moments_modules_find_each_other(kept):
    elements = Elements(kept.text)
    (_, text) = elements.only("script", type="importmap")
    modules = json.loads(text)["imports"]
    files = {name for name in page_files() if name.endswith(".js")}
    assert set(modules) == files
    for name, url in modules.items():
        kind, _, content = url.partition(",")
        assert kind == "data:text/javascript;base64"
        code = base64.b64decode(content).decode()
        wanted = (PAGE / name).read_text(encoding="utf-8")
        statement = r"""^(?:import|export)\b[^"';]*\bfrom ["'](.*)["'];"""
        needs = re.findall(statement, code, re.MULTILINE)
        originally = re.findall(statement, wanted, re.MULTILINE)
        assert [PAGE / each for each in needs] == [
            ((PAGE / name).parent / each).resolve() for each in originally
        ]
        assert set(needs) <= files
        assert not re.search(r"""import\(\s*["'`]\.""", code)
    (main,) = re.findall(r'import "(.*)";', elements.texts[-1] + kept.text.split("</head>")[0])
    assert main in modules


def test_what_is_inlined(tmp_path):
    """The rewriting by itself, on a page made for it."""
    files = {
        "index.html": '<head>\n<link rel="stylesheet" href="lab/looks/a.css">\n'
        '<script type="module" src="lab/main.js"></script>\n</head><body>$x</body>',
        "looks/a.css": '@font-face { src: url("f.woff2") } '
        "a { background: url(../f.woff2), url(#b) }",
        "main.js": 'import { a } from "./in/b.js";\nimport "./in/b.js";\n'
        "await import(\"./in/b.js\");\nexport * from './in/deep/c.js';\n",
        "in/b.js": 'export const a = "from ./b";\n',
        "in/deep/c.js": 'import { a } from "../b.js";\nimport "./d.js";\nimport "../../main.js";\n',
        "in/deep/d.js": "export const d = 4;\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "f.woff2").write_bytes(b"font")
    (tmp_path / "looks/f.woff2").write_bytes(b"other")
    paths = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*.*")}
    made = saved.saved_page(paths, app.TYPES, '{"a":"</script>"}').decode()
    font, other = "url(data:font/woff2;base64,Zm9udA==)", "url(data:font/woff2;base64,b3RoZXI=)"
    assert f"src: {other} }} a {{ background: {font}, url(#b)" in made
    assert '<script type="application/json" id="moment">{"a":"\\u003c/script>"}</script>' in made
    modules = json.loads(Elements(made).only("script", type="importmap")[1])["imports"]
    codes = {
        name: base64.b64decode(url.partition(",")[2]).decode() for name, url in modules.items()
    }
    assert codes == {
        "main.js": files["main.js"].replace("./in", "in"),
        "in/b.js": files["in/b.js"],
        "in/deep/c.js": 'import { a } from "in/b.js";\nimport "in/deep/d.js";\nimport "main.js";\n',
        "in/deep/d.js": files["in/deep/d.js"],
    }
    assert 'import "main.js";' in made
    assert made.endswith("</head><body>$x</body>")


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (None, "view must be an object"),
        ([], "view must be an object"),
        ({"cell": "dW9[0]"}, "no cell is called"),
        ({"a": json.loads("[" * 30 + "]" * 30)}, "nested 20 deep"),
    ],
)
def test_a_view_is_checked(page, view, reason):
    refused = page.post("/api/save", json=MISREAD | {"view": view})
    assert refused.status_code == 400
    assert reason in refused.json()["error"]
    infinite = json.dumps(MISREAD | {"view": {"a": 1}}).replace(": 1}", ": 1e999}")
    headers = {"Content-Type": "application/json"}
    assert page.post("/api/save", content=infinite, headers=headers).status_code == 400


# ------------------------------------------------------------------------ anything at every route


GETS = ["/", "/lab/index.html", "/api/lab", "/api/mistakes", "/api/images", "/lab/style.css"]
POSTS = ["ledger", "cell", "proof", "impostors", "step", "drawing", "collect", "save"]
FIELDS = ["network", "image", "label", "cell", "view", "drawings"]
FIELDS += ["test", "strokes", "pixels", "off", "file", "x"]
KNOWN = ["small", "large", "dW2[3,7]", "E", "fit", 1832, 3, "AAAA", 2**64, -1]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(KNOWN),
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inside, max_size=5)
    ),
    max_leaves=12,
)


def coded(most):
    return st.binary(max_size=most).map(base64.b64encode).map(bytes.decode)


IMAGES = (
    st.fixed_dictionaries({"test": st.integers(-1, 10_001) | VALUES})
    | st.fixed_dictionaries(
        {"strokes": st.lists(st.lists(st.integers(-1, 281), max_size=8), max_size=4) | VALUES},
        optional={"off": st.lists(st.sampled_from(["fit", "crop", "x"]), max_size=3) | VALUES},
    )
    | st.fixed_dictionaries(
        {"pixels": st.binary(max_size=800).map(base64.b64encode).map(bytes.decode)}
    )
    | st.fixed_dictionaries(
        {"file": st.binary(max_size=200).map(base64.b64encode).map(bytes.decode)}
    )
    | VALUES
)
NEARLY = st.fixed_dictionaries(
    {"network": st.sampled_from(["small", "large"]) | VALUES, "image": IMAGES},
    optional={
        "label": st.integers(-1, 10) | VALUES,
        "cell": st.from_regex(r"d?[WbZAxyE]\d?(\[\d{1,3}(,\d{1,3})?\])?", fullmatch=True) | VALUES,
        "view": VALUES,
        "drawings": st.lists(VALUES, max_size=3),
    },
)
SIDES = st.fixed_dictionaries({"network": st.sampled_from(["small", "x"]) | VALUES})
PARTS = {
    "network": st.sampled_from(["small", "large", "784-10-10"]) | VALUES,
    "step": st.none() | st.integers(-1, 3) | VALUES,
    "damage": st.fixed_dictionaries({}, optional={"shift": st.just(2) | VALUES}) | VALUES,
    "threshold": st.floats(-0.1, 1.1) | VALUES,
    "curves": st.just(False) | VALUES,
    "truth": st.integers(-1, 10) | VALUES,
    "read": st.integers(-1, 10) | VALUES,
    "a": SIDES | VALUES,
    "b": SIDES | VALUES,
    "of": st.sampled_from(["pixels", "A1", "A9", "A0"]) | VALUES,
    "count": st.integers(0, 40) | VALUES,
}
ALL = {  # that answer about all test images: what they want, and what they may be told
    "evaluate": ("network", "step damage threshold curves"),
    "confused": ("network truth read", "step damage"),
    "inside": ("network", "step"),
    "compare": ("a b", ""),
    "map": ("network of", "step count"),
}
many = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def is_answer_or_refusal(came):
    """2xx, a redirect or a 4xx with one line that says why; a fault of ours would have raised."""
    assert came.status_code < 500
    assert came.headers["content-security-policy"] == POLICY
    if came.status_code >= 400:
        assert came.headers["content-type"] == "application/json"
        reason = came.json()["error"]
        assert 0 < len(reason) < 400
        assert reason.isprintable()


def goes_on(page):
    assert page.post("/api/cell", json=MISREAD | {"cell": "E"}).status_code == 200


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """A page whose collections go to a folder of their own."""
    return client_of(
        Served(Lab(shipped(), ThreadedTraining, folder=tmp_path_factory.mktemp("sandbox")), 8765)
    )


@pytest.mark.parametrize("route", POSTS)
@many
@given(body=VALUES | NEARLY)
def test_any_json_is_answered_or_refused(sandbox, route, body):
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    came = sandbox.post(f"/api/{route}", content=content, headers=headers)
    if route != "save" or came.status_code != 200:
        is_answer_or_refusal(came)
    goes_on(sandbox)


@pytest.mark.parametrize("route", ALL)
@many
@given(data=st.data())
def test_any_json_about_all_images_is_answered_or_refused(sandbox, route, data):
    wanted, may = ({name: PARTS[name] for name in names.split()} for names in ALL[route])
    body = data.draw(st.fixed_dictionaries(wanted, optional=may) | VALUES)
    headers = {"Content-Type": "application/json"}
    content = json.dumps(body).encode()
    is_answer_or_refusal(sandbox.post(f"/api/{route}", content=content, headers=headers))
    goes_on(sandbox)


@many
@given(route=st.sampled_from([*POSTS, *ALL, "train"]), content=st.binary(max_size=300))
def test_any_bytes_are_refused(sandbox, route, content):
    headers = {"Content-Type": "application/json"}
    came = sandbox.post(f"/api/{route}", content=content, headers=headers)
    assert came.status_code == 400
    is_answer_or_refusal(came)


HEADER = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30)
NAMES = ["Host", "Origin", "Cookie", "Content-Type", "Sec-Fetch-Site", "Content-Length", "Accept"]


@many
@given(
    path=st.sampled_from([*GETS, *(f"/api/{route}" for route in POSTS)]),
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "OPTIONS", "TRACE", "X"]),
    headers=st.dictionaries(st.sampled_from([*NAMES, "If-None-Match", "X-Y"]), HEADER, max_size=4),
    query=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
)
def test_any_headers_and_queries_are_answered_or_refused(served, path, method, headers, query):
    coded = {name: value.encode("latin-1") for name, value in headers.items()}
    page = client_of(served)
    query = query.replace("#", "")
    came = page.request(method, f"{path}?{query}", headers=coded)
    if not (came.status_code < 300 or method == "HEAD"):
        is_answer_or_refusal(came) if came.status_code >= 400 else None
    assert came.status_code < 500


# ---------------------------------------------------------------------------- a process of its own


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with started("--port", free_port(), cwd=tmp_path_factory.mktemp("running")) as lab:
        yield lab


def test_the_printed_address_lets_in(running):
    assert ask(running, "GET", "/").status == 200
    assert ask(running, "GET", "/api/lab").status == 403
    page = let_in(running)
    told = json.loads(ask(running, "POST", "/api/ledger", MISREAD, **page).content)
    assert told["prediction"] == 5
    assert json.loads(ask(running, "GET", "/api/lab", **page).content)["given"] is None
    assert ask(running, "POST", "/api/step", MISREAD, **page | {"Origin": "null"}).status == 403


def test_it_listens_on_this_machine_alone(running):
    """Every address of this machine but 127.0.0.1 refuses the connection."""
    listeners = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    port = f"{running.port:04X}"
    ours = [place for _, place, _, state, *_ in listeners if state == "0A" and place.endswith(port)]
    assert ours == [f"0100007F:{port}"]


MALFORMED = [
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",  # no Host
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"GET /%zz%00%ff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA" + b"a" * 100_000 + b": b\r\n\r\n",
    b"POST /api/ledger HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /api/ledger HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"POST /api/ledger HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),  # TLS
    bytes(range(256)) * 40,
    b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"GET /api/lab HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
]


def test_malformed_http_is_refused_and_it_goes_on(running):
    for request in MALFORMED:
        with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            with contextlib.suppress(ConnectionError):
                while piece := connection.recv(65536):
                    answer += piece
        assert not answer or re.match(rb"HTTP/1\.1 4\d\d ", answer), (request[:60], answer[:200])
        assert ask(running, "GET", "/").status == 200
    assert running.process.poll() is None


def test_a_body_without_end_is_stopped(running):
    """Chunks without a length: the answer comes, and the connection ends, before 16 MB are in."""
    page = let_in(running)
    head = "".join(f"{name}: {value}\r\n" for name, value in page.items())
    head = f"POST /api/ledger HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n{head}"
    sent = 0
    with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                connection.sendall(b"40000\r\n" + b" " * 0x40000 + b"\r\n")
                sent += 0x40000
        assert sent < 16 << 20
    assert ask(running, "GET", "/").status == 200


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_quietly(number, code):
    with started("--port", free_port()) as lab:
        page = let_in(lab)
        idle = socket.create_connection(("127.0.0.1", lab.port))  # a browser keeps connections
        assert ask(lab, "GET", "/api/lab", **page).status == 200
        # A request that never comes to its end must not keep the server.
        half = http.client.HTTPConnection("127.0.0.1", lab.port)
        half.putrequest("POST", "/api/ledger")
        for name, value in page.items():
            half.putheader(name, value)
        half.putheader("Content-Length", "100")
        half.putheader("Expect", "100-continue")
        half.endheaders()
        assert half.sock.recv(1000).startswith(b"HTTP/1.1 100 ")  # it waits for the body
        half.send(b"{")
        lab.process.send_signal(number)
        lab.process.wait(timeout=PATIENCE)
        assert b" 408 " not in half.sock.recv(1000)  # the rest of the body was not waited for
        # Not communicate: the first line may have brought more into the stream's own memory.
        printed, complained = lab.process.stdout.read(), lab.process.stderr.read()
        idle.close()
        half.close()
    assert lab.process.returncode == code
    assert printed == "Ctrl-C stops it; nothing leaves this computer.\n"
    assert complained == ""


def test_a_closed_terminal_ends_it_quietly():
    with started("--port", free_port()) as lab:
        lab.process.send_signal(signal.SIGHUP)
        _, complained = lab.process.communicate(timeout=PATIENCE)
    assert lab.process.returncode == -signal.SIGHUP
    assert complained == ""


def test_a_port_in_use(running):
    done = run("lab", "--no-browser", "--port", running.port)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(
        rf"chainrule: port {running.port}: address already in use; choose another, or leave it "
        r"out; see chainrule lab -h\n",
        done.stderr,
    )
    for port in ("0", "65536", "x"):
        assert run("lab", "--port", port).returncode == 2


def test_without_port_the_next_free_one(monkeypatch):
    monkeypatch.setattr(start, "PORT", free_port())
    with listen(None) as first, listen(None) as second:
        assert first.getsockname() == ("127.0.0.1", start.PORT)
        assert start.PORT < second.getsockname()[1] < start.PORT + 100
        with pytest.raises(start.PortTakenError, match=f"port {start.PORT}: "):
            listen(start.PORT)


def test_small_answers_are_sent_at_once():
    """asyncio switches off the system's delay only on sockets that say they are TCP."""
    with listen(None) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_the_browser_is_opened_once_it_answers(monkeypatch, lab):
    import threading

    import uvicorn

    came = threading.Event()
    statuses = []
    listener = listen(None)
    served = Served(lab, listener.getsockname()[1])

    def ready():
        statuses.append(ask(SimpleNamespace(port=served.port), "GET", "/").status)
        came.set()

    stopping = []
    monkeypatch.setattr(
        uvicorn.Server,
        "on_tick",
        lambda self, _: asyncio.sleep(0, came.is_set() or stopping),
    )
    with listener:
        start.serve(served, listener, ready)
    assert statuses == [200]


# ------------------------------------------------------------------------ the browser it opens


def test_no_token_is_on_a_command_line(fake_browser):
    """What another person reads on this machine: every command, and no private file."""
    with started("--port", free_port(), browser=fake_browser.command) as lab:
        process, file = private_file(fake_browser)
        assert str(file).encode() in Path(f"/proc/{process}/cmdline").read_bytes()
        once = token_in(file)
        assert once != lab.token
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        another = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        listed = subprocess.run(
            ["sh", "-c", f"cat /proc/*/cmdline; echo; cat '{file}'"], capture_output=True, **another
        ).stdout
        assert str(file).encode() in listed
        assert lab.token.encode() not in listed
        assert not another or once.encode() not in listed
        # It lets in once, and is removed.
        assert "HttpOnly" in cookie_for(lab, once)
        waiting(lambda: not file.parent.exists())
        assert cookie_for(lab, once) is None
        assert cookie_for(lab, lab.token)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_unused_file_goes_when_the_lab_ends(fake_browser, number):
    with started("--port", free_port(), browser=fake_browser.command) as lab:
        _, file = private_file(fake_browser)
        assert file.exists()
        lab.process.send_signal(number)
        lab.process.wait(timeout=PATIENCE)
        assert not file.parent.exists()
        assert lab.process.stderr.read() == ""


class Opener:
    """A browser that notes what it is told."""

    name = "opener"

    def __init__(self, monkeypatch):
        self.told = []
        monkeypatch.setattr(browser.webbrowser, "get", lambda: self)

    def open(self, address):
        self.told.append(address)


def test_a_file_that_nobody_opens_does_not_stay(monkeypatch, served):
    monkeypatch.setattr(browser, "PATIENCE", 0.1)
    opener = Opener(monkeypatch)
    invitation = browser.Invitation(served)
    assert invitation.open() is None
    (address,) = opener.told
    waiting(lambda: not Path(unquote(urlsplit(address).path)).parent.exists())
    assert served.once is None
    # Nothing is opened by a lab that has ended.
    assert invitation.open() is None
    assert opener.told == [address]


def test_a_browser_that_is_shut_in_is_not_opened(tmp_path, fake_browser):
    place = tmp_path / "snap/bin/firefox"
    place.parent.mkdir(parents=True)
    place.symlink_to(fake_browser.script)
    wrapper = tmp_path / "firefox"
    wrapper.write_text(f"#!/bin/sh\nexec {place} $@\n")
    wrapper.chmod(0o755)
    with ThreadPoolExecutor() as reader, started("--port", free_port(), browser=wrapper) as lab:
        assert lab.process.stdout.readline().startswith("Ctrl-C stops it")
        said = reader.submit(lab.process.stdout.readline).result(timeout=PATIENCE)
        assert said.startswith("The browser here cannot read a private file (")
        assert said.endswith("): open the address above by hand.\n")
        assert not fake_browser.told()
        assert cookie_for(lab, lab.token)


def test_where_no_file_can_be_written_it_is_said(monkeypatch, served):
    def full(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    opener = Opener(monkeypatch)
    monkeypatch.setattr(browser.tempfile, "mkdtemp", full)
    said = browser.Invitation(served).open()
    assert said is not None
    assert "can be written (read-only file system): open the address above" in said
    assert not opener.told


DESKTOP = {
    "firefox_firefox.desktop": ("Exec=env X=y /snap/bin/firefox %u", False),
    "org.mozilla.firefox.desktop": ("Exec=/usr/bin/flatpak run org.mozilla.firefox %u", False),
    "firefox.desktop": ("Exec=/usr/lib/firefox/firefox %u", True),
}


@pytest.mark.parametrize("launcher", ["xdg-open", "gio open -- %s"])
@pytest.mark.parametrize("name", DESKTOP)
def test_the_browser_that_was_chosen_decides(monkeypatch, tmp_path, name, launcher):
    asked_for = tmp_path / "xdg-settings"
    asked_for.write_text(f"#!/bin/sh\necho {name}\n")
    asked_for.chmod(0o755)
    place = tmp_path / "applications" / name
    place.parent.mkdir()
    text, reads = DESKTOP[name]
    place.write_text(f"[Desktop Entry]\n{text}\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert browser.reads_files(launcher) == reads


def test_a_browser_of_windows_does_not_read_our_files(monkeypatch):
    assert browser.reads_files("firefox")
    wsl = SimpleNamespace(release="5.15.167.4-microsoft-standard-WSL2")
    monkeypatch.setattr(browser.platform, "uname", lambda: wsl)
    assert not browser.reads_files("firefox")


# --------------------------------------------------------------- who keeps it waiting, and for what


@contextlib.asynccontextmanager
async def talking(app):
    """The connections of the lab, with this application; gives what opens one."""
    import uvicorn
    from uvicorn.server import ServerState

    config = uvicorn.Config(app, ws=connection.Watching, lifespan="off", log_level="critical")
    config.load()
    listener = await asyncio.get_running_loop().create_server(
        lambda: connection.Requests(config, ServerState(), {}), "127.0.0.1", 0
    )
    writers = []

    async def connect(request=b""):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what is not read waits
        client.connect(listener.sockets[0].getsockname())
        reader, writer = await asyncio.open_connection(sock=client, limit=1 << 13)
        writer.write(request)
        writers.append(writer)
        return reader, writer

    try:
        async with asyncio.timeout(60):  # for all of it
            yield connect
    finally:
        listener.close()
        for writer in writers:
            writer.transport.abort()


async def end_of(reader):
    """What comes until the connection ends."""
    came = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            came += piece
    return bytes(came)


GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
UPGRADE = GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
HANDSHAKE = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
UNREAD = UPGRADE + b"X: " + b"x" * 20_000 + b"\r\n" + HANDSHAKE  # more than websockets reads


async def hello(scope, receive, send):
    await Response("hello")(scope, receive, send)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", GET, UNREAD, GET + b"\r\n"])
@pytest.mark.parametrize("drips", [False, True])
def test_a_connection_without_a_whole_request_is_closed(monkeypatch, sent, drips):
    """Silent or byte by byte, at first or after an answer, for a page or for a WebSocket."""
    monkeypatch.setattr(connection, "HEAD", 0.2)

    async def drip(writer):
        while True:
            await asyncio.sleep(0.01)
            writer.write(b"X")

    async def talk():
        async with talking(hello) as connect:
            reader, writer = await connect(sent)
            dripping = asyncio.create_task(drip(writer)) if drips else None
            came = await end_of(reader)
            if dripping:
                dripping.cancel()
            return came

    assert asyncio.run(talk()).endswith(b"hello" if sent == GET + b"\r\n" else b"")


def test_who_waits_for_us_is_not_closed(monkeypatch):
    """An answer that takes longer than the limit, and an open WebSocket."""
    monkeypatch.setattr(connection, "HEAD", 0.1)
    go_on = asyncio.Event()

    async def app(scope, receive, send):
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        await go_on.wait()
        if scope["type"] == "websocket":
            await send({"type": "websocket.send", "text": "still here"})
        else:
            await hello(scope, receive, send)

    async def talk():
        async with talking(app) as connect:
            asking, _ = await connect(GET + b"\r\n")
            watching, _ = await connect(UPGRADE + HANDSHAKE)
            assert b" 101 " in await watching.readuntil(b"\r\n\r\n")
            for _ in range(2):  # came later, and are closed
                silent, _ = await connect()
                assert await end_of(silent) == b""
            go_on.set()
            assert (await asking.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
            assert (await watching.readexactly(12))[2:] == b"still here"

    asyncio.run(talk())


LARGE = bytes(range(256)) * (1 << 17)  # 32 MB, more than the system takes for a slow reader


def answering(served):
    async def app(scope, receive, send):
        answer = replies.Answer(served, LARGE, {"Cache-Control": "no-store"}, "text/plain")
        await answer(scope, receive, send)

    return app


@pytest.mark.parametrize("trickles", [False, True])
def test_who_does_not_read_an_answer_is_dropped(served, monkeypatch, trickles):
    """Also who reads, but too slowly: 16 kB a millisecond, of 32 MB; who reads gets every byte."""
    monkeypatch.setattr(connection, "TAKEN", 0.3)

    async def talk():
        async with talking(answering(served)) as connect:
            reader, _ = await connect(GET + b"\r\n")
            came = len(await reader.readuntil(b"\r\n\r\n"))
            while served.sending:
                await asyncio.sleep(0.001)
                came += len(await reader.read(1 << 14)) if trickles else 0
            came += len(await end_of(reader))
            assert came < len(LARGE)
            monkeypatch.setattr(connection, "TAKEN", 60)
            reader, _ = await connect(GET + b"Connection: close\r\n\r\n")
            assert (await end_of(reader)).partition(b"\r\n\r\n")[2] == LARGE
            assert served.sending == 0

    asyncio.run(talk())


def test_answers_under_way_have_a_limit_of_bytes(served, monkeypatch):
    """One is always sent, however large; what would be too much with it is to come again."""
    monkeypatch.setattr(replies, "ANSWERS", len(LARGE) + 1)

    async def talk():
        async with talking(answering(served)) as connect:
            first, slow = await connect(GET + b"\r\n")
            assert b" 200 " in await first.readuntil(b"\r\n\r\n")
            assert served.sending == len(LARGE)
            reader, _ = await connect(GET + b"Connection: close\r\n\r\n")
            refused = await end_of(reader)
            assert refused.startswith(b"HTTP/1.1 503 ")
            assert refused.endswith(b'{"error":"busy; ask again in a second"}')
            slow.transport.abort()
            while served.sending:
                await asyncio.sleep(0.01)
            reader, _ = await connect(GET + b"Connection: close\r\n\r\n")
            assert (await end_of(reader)).endswith(LARGE)

    asyncio.run(talk())


def test_an_answer_waits_for_its_reader_in_small_pieces(served):
    """Of a large answer the connection itself keeps no copy."""
    most = 0

    async def app(scope, receive, send):
        nonlocal most

        async def counted(message):
            nonlocal most
            await send(message)
            most = max(most, len(message.get("body", b"")))

        await answering(served)(scope, receive, counted)

    async def talk():
        async with talking(app) as connect:
            reader, _ = await connect(GET + b"Connection: close\r\n\r\n")
            assert (await end_of(reader)).endswith(LARGE)

    asyncio.run(talk())
    assert 0 < most <= replies.PIECE


def test_a_page_that_watches_and_does_not_read_is_dropped(monkeypatch):
    monkeypatch.setattr(connection, "STUCK", 0.2)

    async def talk():
        dropped = asyncio.get_running_loop().create_future()

        async def app(scope, receive, send):
            await send({"type": "websocket.accept"})
            try:
                for _ in range(2000):  # 200 MB, more than lie anywhere on the way
                    await send({"type": "websocket.send", "text": "x" * 100_000})
            except OSError:
                dropped.set_result(True)
            else:
                dropped.set_result(False)

        async with talking(app) as connect:
            await connect(UPGRADE + HANDSHAKE)
            assert await dropped

    asyncio.run(talk())


def test_a_refused_websocket_prints_nothing():
    with started("--port", free_port()) as lab:
        page = let_in(lab)
        for refused in ({"Cookie": "x"}, {"Origin": "null"}, {"Host": "evil.example"}):
            own = {"Host": f"127.0.0.1:{lab.port}", **page, **refused}
            head = "".join(f"{name}: {value}\r\n" for name, value in own.items())
            with socket.create_connection(("127.0.0.1", lab.port), timeout=PATIENCE) as client:
                asking = UPGRADE.replace(b"/ ", b"/api/live ").replace(b"Host: x\r\n", b"")
                client.sendall(asking + head.encode() + HANDSHAKE)
                answer = b"".join(iter(lambda c=client: c.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 403 ")
        lab.process.send_signal(signal.SIGINT)
        lab.process.wait(timeout=PATIENCE)
        assert lab.process.stderr.read() == ""


def test_too_many_open_files_are_one_line_and_it_lives_on():
    """Connections use up what the system allows, twice; then it answers as before."""
    import resource

    with started("--port", free_port()) as lab:
        page = let_in(lab)
        drawing = {"network": "small", "image": SEVEN}
        for path, body in (("lab", None), ("drawing", drawing)):  # what it opens at first is open
            method = "POST" if body else "GET"
            assert ask(lab, method, f"/api/{path}", body, **page).status == 200
        files = Path(f"/proc/{lab.process.pid}/fd")
        _, most = resource.prlimit(lab.process.pid, resource.RLIMIT_NOFILE)
        limit = max(int(each.name) for each in files.iterdir()) + 8
        resource.prlimit(lab.process.pid, resource.RLIMIT_NOFILE, (limit, most))
        for _ in range(2):
            with contextlib.ExitStack() as held:
                for _ in range(12):
                    held.enter_context(socket.create_connection(("127.0.0.1", lab.port)))
                until = time.monotonic() + PATIENCE
                while len(list(files.iterdir())) < limit:
                    assert time.monotonic() < until
                    time.sleep(0.01)
            assert ask(lab, "GET", "/lab/main.js", **page).status == 200
        lab.process.send_signal(signal.SIGINT)
        lab.process.wait(timeout=PATIENCE)
        (line,) = lab.process.stderr.read().splitlines()
        assert "too many open files or connections" in line


def test_a_file_that_cannot_be_opened_for_now_is_one_line(served, monkeypatch):
    def full(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    said = []
    monkeypatch.setattr(app, "content_of", full)
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "error", said.append)
    page = client_of(Served(served.lab, 8765))
    for _ in range(3):
        came = page.get("/lab/main.js")
        assert (came.status_code, came.headers["retry-after"]) == (503, "1")
    assert len(said) == 1


# -------------------------------------------------------------------------------- what it is given


def test_a_run_is_named_by_its_settings(small, tmp_path):
    settings = ("--data", small, "--steps", 3, "--hidden", "12", "--seed", 4)
    assert run("train", *settings, "--out", tmp_path / "r").returncode == 0
    with started(tmp_path / "r", "--port", free_port()) as lab:
        page = let_in(lab)
        about = json.loads(ask(lab, "GET", "/api/lab", **page).content)
        id = about["given"]
        assert re.fullmatch(
            r"784-12-10\.squared_error\.descent\.1\.5\.all\.3\.seed4\.data-[0-9a-f]{8}", id
        )
        told = about["networks"][-1]
        assert (told["id"], told["sizes"]) == (id, [784, 12, 10])
        assert told["settings"]["learning_rate"] == 1.5
        assert str(small) not in json.dumps(about)
        asking = {"network": id, "image": {"test": 0}, "cell": "b1[0]"}
        value = json.loads(ask(lab, "POST", "/api/cell", asking, **page).content)["value"]
    from chainrule import load_model

    assert value == float(load_model(tmp_path / "r").layers[0][1][0, 0])


def test_a_run_is_named_by_what_decides_its_bits(tmp_path):
    asking = Settings(None, (10,), "squared_error", "descent", 1.5, None, 1000, None, 0)
    one = Run(tmp_path, asking, 1, "", ({},), {"training": "a" * 64, "test": "b" * 64})
    network = initialise((784, 10, 10), rng=np.random.default_rng(0))
    named = named_run(one, network, 300)
    assert named.id == "784-10-10.squared_error.descent.1.5.all.1000.seed0"
    assert named.step == 300
    other = replace(one, settings=replace(asking, learning_rate=0.1234567891, batch_size=64))
    assert ".0.1234567891.64." in named_run(other, network, 0).id
    changed = replace(one, changes=(Change(120, 0.3), Change(500, 1e-7)))
    assert named_run(changed, network, 0).id.endswith(".seed0.rate120-0.3.rate500-1e-07")


def test_a_model_file_is_named_by_its_parameters(tmp_path):
    network = initialise((784, 5, 10), rng=np.random.default_rng(3))
    save_model(network, tmp_path / "mine.safetensors")
    sha256 = hashlib.sha256(network.parameters.tobytes()).hexdigest()
    with started(tmp_path / "mine.safetensors", "--port", free_port()) as lab:
        about = json.loads(ask(lab, "GET", "/api/lab", **let_in(lab)).content)
    assert about["given"] == f"model-{sha256[:8]}" == about["networks"][-1]["id"]
    assert about["networks"][-1]["settings"] is None


def test_a_network_too_large_for_a_page(tmp_path):
    network = initialise((784, 4000, 10), rng=np.random.default_rng(3))
    save_model(network, tmp_path / "large.safetensors")
    done = run("lab", tmp_path / "large.safetensors", "--no-browser")
    assert done.returncode == 2
    assert "the lab shows networks of up to 3,000,000 parameters" in done.stderr
    assert done.stderr.count("\n") == 1
    assert run("lab", tmp_path / "none").returncode == 2


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "websockets", "PIL", "scipy"])
def test_without_the_extra_one_line(missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from chainrule.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "lab", "--no-browser"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("chainrule: lab needs the extra lab: pip install starlette")
    assert done.stderr.count("\n") == 1


# ------------------------------------------------------------------------------------- the page


def test_the_page_names_no_other_host_and_no_inline_script():
    for name, path in page_files().items():
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text(encoding="utf-8")
            hosts = set(re.findall(r"\b(?:https?:)?//([a-z][\w.-]*\.[a-z]+)", text))
            assert hosts <= {"www.w3.org"}, name  # the names of MathML and SVG
    for tag, attributes in Elements((PAGE / "index.html").read_text(encoding="utf-8")).tags:
        assert tag != "style"
        assert tag != "script" or "src" in attributes
        assert not [name for name in attributes if name.startswith("on")]
