"""The lab's server: its answers against the library, what it refuses, how it starts and ends."""

import base64
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT, run, toy_problem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from chainrule import backward, evaluate, forward, gradient, initialise, loss, predict, save_model
from chainrule.lab import asked, moment, saved, server
from chainrule.lab.moment import Lab, named_model, shipped
from chainrule.lab.server import POLICY, Served, guarded, listen, make_app, page_files
from chainrule.ledger import open_cell, open_ledger

HOST = "127.0.0.1:8765"
PAGE = ROOT / "src/chainrule/lab"
MISREAD = {"network": "seed", "image": {"test": 1832}, "label": None}
SEVEN = {"strokes": [[60, 60, 200, 60], [200, 60, 120, 230]], "off": []}


@pytest.fixture(scope="module")
def lab():
    return Lab(shipped())


@pytest.fixture(scope="module")
def served(lab):
    return Served(lab, 8765)


def client_of(served, **headers):
    """A page that was let in: it has the cookie, and says where its requests come from."""
    usual = {
        "Host": HOST,
        "Origin": f"http://{HOST}",
        "Sec-Fetch-Site": "same-origin",
        "Cookie": f"{served.cookie}={served.ticket}",
        **headers,
    }
    kept = {name: value for name, value in usual.items() if value is not None}
    app = make_app(served)
    return TestClient(app, base_url=f"http://{HOST}", headers=kept, follow_redirects=False)


@pytest.fixture(scope="module")
def page(served):
    return client_of(served)


def f8(entry):
    return np.frombuffer(base64.b64decode(entry["f8"]), "<f8").reshape(entry["shape"])


def arrays_of(ledger):
    return {entry["name"]: f8(entry) for entry in ledger["arrays"]}


def posted(page, path, body):
    answer = page.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --------------------------------------------------------------------------------- what it answers


def test_the_networks_and_their_accuracy(page, lab, mnist):
    about = page.get("/api/lab").json()
    assert [each["id"] for each in about["networks"]] == ["seed", "stronger"]
    for entry, named in zip(about["networks"], lab.networks, strict=True):
        assert entry["accuracy"] == evaluate(named.network, mnist[1]).accuracy
        assert entry["sizes"] == list(named.network.sizes)
        assert entry["parameters"] == named.network.parameters.size
        assert entry["loss"] == named.network.loss
    assert about["images"] == 10_000
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
    # The first minute: a 3 that the seed network reads as a 5, 64 % sure.
    told = page.get("/api/mistakes", params={"network": "seed"}).json()
    place = told["indices"].index(1832)
    assert (told["labels"][place], told["predictions"][place]) == (3, 5)
    assert told["confidence"][place] == pytest.approx(0.64, abs=0.005)


def test_images_are_the_stored_bytes(page, mnist):
    told = page.get("/api/images", params={"start": 9950, "count": 100}).json()
    assert base64.b64decode(told["images"]) == mnist[1].images[9950:].tobytes()
    assert told["labels"] == mnist[1].labels[9950:].tolist()
    assert told["start"] == 9950


@pytest.mark.parametrize(("network", "number", "label"), [("seed", 1832, 7), ("stronger", 0, None)])
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
    stored = lab.named("seed").network
    exact = replace(stored, parameters=stored.parameters.astype(np.float64))
    digit = mnist[1][1832]
    flat = gradient(exact, digit.X.astype(np.float64), digit.Y.astype(np.float64))
    assert arrays_of(told)["dW2"][3, 7] == flat[784 * 10 + 10 + 3 * 10 + 7] != 0
    assert told["prediction"] == 5
    assert told["truth"] == 3


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
    model = ROOT / "src/chainrule/models/seed.safetensors"
    explained = answer("explain", model, "--test", 1832, "--cell", cell)
    assert told == {name: explained[name] for name in told}
    assert {"name", "value", "formula", "source", "terms", "total", "numerator"} <= set(told)


def test_numbers_that_are_not_finite_arrive(mnist):
    """Cross-entropy's dA2 where the true label's probability underflows."""
    network, _, _ = toy_problem(np.random.default_rng(0), (784, 3, 10), loss="cross_entropy")
    network.parameters[:] = 0
    network.parameters[-10] = 1e4
    page = client_of(Served(Lab((named_model(network),)), 8765))
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


def test_a_ledger_is_computed_once(lab, page, monkeypatch):
    posted(page, "/api/ledger", MISREAD | {"label": 8})
    before = lab.opened.cache_info().misses
    posted(page, "/api/cell", MISREAD | {"label": 8, "cell": "dW2[3,7]"})
    posted(page, "/api/cell", MISREAD | {"label": 8, "cell": "Z1[0]"})
    assert lab.opened.cache_info().misses == before
    assert lab.opened.cache_info().maxsize >= 8


# ------------------------------------------------------------------------------------ what is safe


def test_only_its_own_names_are_answered_to(served):
    """DNS rebinding: another site's name that leads here is refused on every route."""
    for path in ("/", "/lab/index.html", "/plotly/plotly.css", "/api/lab", "/nowhere"):
        for host in ("evil.example:8765", "127.0.0.1", "127.0.0.1:80", "localhost.evil:8765", ""):
            page = client_of(served, Host=host, Origin=None)
            assert page.get(path).status_code == 403, (path, host)
        for host in (HOST, "localhost:8765", "[::1]:8765", "LOCALHOST:8765"):
            page = client_of(served, Host=host, Origin=None)
            assert page.get(path).status_code != 403, (path, host)


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

    monkeypatch.setattr(server.secrets, "compare_digest", compare)
    client_of(served).get("/api/lab")
    client_of(served).get(f"/?token={served.token}")
    assert compared == [(served.ticket.encode(),) * 2, (served.token.encode(),) * 2]


@pytest.mark.parametrize("cookie", [None, "", "chainrule-8765=", "chainrule-8765=x", "chainrule=ÿ"])
def test_without_the_cookie_nothing_of_the_api(served, cookie):
    page = client_of(served, Cookie=cookie and cookie.encode("latin-1"))
    for path in ("/api/lab", "/api/images?start=0&count=1", "/api/nowhere", "/api", "/api/"):
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
        *("/lab/server.py", "/lab/__init__.py", "/lab/saved.template", "/lab/", "/lab", "/index"),
        *("/lab/../server.py", "/lab/..%2fserver.py", "/lab/%2e%2e/network.py", "/lab/..\\data.py"),
        *("/lab//etc/passwd", "/lab/%2fetc%2fpasswd", "//etc/passwd", "/lab/index.html%00"),
        *("/plotly/../plotly/plotly.css", "/plotly/plotly.js", "/plotly/%2e%2e/__init__.py"),
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
    import asyncio

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
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        made.close()
        return answer

    head, _, body = asyncio.run(talk()).partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def test_pages_files_are_the_packages_and_no_others(page):
    files = page_files()
    assert "index.html" in files
    assert all(path.parent == PAGE for path in files.values())
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
        *(page.get("/plotly/plotly.css"), page.put("/"), stranger.get("/"), page.get("/?token=x")),
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
    assert directives["style-src"] == directives["connect-src"] == "'self'"
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
    most = server.SMALL
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
    (b'{"network": "seed", "network": "seed"}', "'network' is given twice"),
    (b'{"network": "seed"}', "image is missing"),
    (b"[" * 100_000, "nested too deeply"),
    (b'{"x":' * 40_000, "nested too deeply"),
    (b'{"network": ' + b"9" * 5000 + b"}", "JSON"),
    ({"network": "seed", "image": {"test": 0}, "more": 1}, "got 'more' too"),
    ({"network": 1, "image": {"test": 0}}, "network must be a text"),
    ({"network": "seed", "image": {"test": True}}, "test must be a whole number"),
    ({"network": "seed", "image": {"test": 1.0}}, "test must be a whole number"),
    ({"network": "seed", "image": {"test": -1}}, "test must be a whole number"),
    ({"network": "seed", "image": {"test": 10**30}}, "got a number that large"),
    ({"network": "seed", "image": {"test": 0, "strokes": []}}, "the fields of a test image"),
    ({"network": "seed", "image": {}}, "one of test, strokes or pixels"),
    ({"network": "seed", "image": [1832]}, "one of test, strokes or pixels"),
    ({"network": "seed", "image": {"test": 0}, "label": 10}, "label must be a whole number"),
    ({"network": "seed", "image": {"test": 0}, "label": False}, "label must be a whole number"),
    ({"network": "seed", "image": {"pixels": "AAAA"}}, "pixels must be 784 bytes"),
    ({"network": "seed", "image": {"pixels": "?" * 1048}}, "pixels must be base64"),
    ({"network": "seed", "image": {"pixels": "\ud800"}}, "pixels must be base64"),
    ({"network": "seed", "image": {"strokes": [[1, 2, 3]]}}, "an x and a y"),
    ({"network": "seed", "image": {"strokes": [[0, 281]]}}, "a coordinate must be"),
    ({"network": "seed", "image": {"strokes": [[0, 1.5]]}}, "a coordinate must be"),
    ({"network": "seed", "image": {"strokes": [[]]}}, "a stroke must be a list of 2"),
    ({"network": "seed", "image": {"strokes": [[1, 1]] * 101}}, "strokes must be a list of 0 to"),
    ({"network": "seed", "image": {"strokes": [[1, 1] * 3000] * 2}}, "at most 5000 points"),
    ({"network": "seed", "image": {"strokes": [], "off": ["a", "a"]}}, "each stage once"),
    ({"network": "seed", "image": {"strokes": [], "off": "crop"}}, "off must be a list"),
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
    asking = {"network": "../models/seed.safetensors", "image": {"test": 0}}
    refused = page.post("/api/ledger", json=asking)
    assert refused.status_code == 404
    assert "there are seed, stronger" in refused.json()["error"]
    refused = page.post("/api/ledger", json={"network": "seed", "image": {"test": 10_000}})
    assert (refused.status_code, "from 0 to 9999" in refused.text) == (404, True)
    assert page.get("/api/mistakes", params={"network": "other"}).status_code == 404
    assert page.get("/api/nowhere").status_code == 404


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
    refused = page.get(f"/api/images?{query}")
    assert refused.status_code == 400
    assert refused.json()["error"]


def test_a_cell_that_is_not_there(page):
    for cell in ("dW2[10,0]", "W9", "dW2", "<b>", "dW2[3,7]" * 10, "__class__"):
        refused = page.post("/api/cell", json=MISREAD | {"cell": cell})
        assert refused.status_code == 400
        assert refused.headers["content-type"] == "application/json"


def test_at_most_so_many_are_computed_at_once(lab):
    """Many ask at the same time: two are computed, some wait, more are told to come again."""
    import asyncio
    import threading

    busy, most, lock = 0, 0, threading.Lock()

    def slow(*_):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02)
        with lock:
            busy -= 1
        return {}

    served = Served(lab, 8765)

    async def app(scope, receive, send):
        await (await server.computed(served, slow))(scope, receive, send)

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
        return await asyncio.gather(*(one() for _ in range(server.OPEN + 6)))

    statuses = [status for (status,) in asyncio.run(many())]
    assert statuses.count(503) == 6
    assert statuses.count(200) == server.OPEN
    assert most == server.COMPUTING
    assert served.open == 0


def test_a_fault_of_ours_is_one_line_too(served, monkeypatch):
    def faulty(*_):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(moment, "about", faulty)
    app = make_app(served)
    usual = {"Host": HOST, "Cookie": f"{served.cookie}={served.ticket}"}
    page = TestClient(app, f"http://{HOST}", raise_server_exceptions=False, headers=usual)
    came = page.get("/api/lab")
    assert came.status_code == 500
    assert came.json() == {"error": "a fault in chainrule, see its terminal: ZeroDivisionError"}
    assert came.headers["content-security-policy"] == POLICY
