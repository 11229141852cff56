"""The lab in a process of its own: how it starts and ends, and what it is given."""

import asyncio
import contextlib
import hashlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import PATIENCE, run
from helpers.clients import MISREAD
from helpers.processes import ask, free_port, let_in, started

from chainrule import initialise, save_model
from chainrule.lab.api.networks import named_run
from chainrule.lab.server import start
from chainrule.lab.server.served import Served
from chainrule.lab.server.start import listen
from chainrule.runs.run import Run
from chainrule.runs.settings import Change, Settings

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


# -------------------------------------------------------------------------------- what it is given


def test_a_run_is_named_by_its_settings(small, tmp_path):
    settings = ("--data", small, "--steps", 3, "--hidden", "12", "--seed", 4)
    assert run("train", *settings, "--out", tmp_path / "r").returncode == 0
    with started(tmp_path / "r", "--port", free_port()) as lab:
        page = let_in(lab)
        about = json.loads(ask(lab, "GET", "/api/lab", **page).content)
        id = about["given"]
        assert re.fullmatch(
            r"784-12-10\.squared_error\.descent\.1\.5\.all\.3\.seed4\.compiled\.data-[0-9a-f]{8}",
            id,
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
