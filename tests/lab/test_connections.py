"""Who keeps the lab waiting, and for what."""

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import time
from pathlib import Path

import pytest
from helpers import PATIENCE
from helpers.clients import SEVEN, client_of
from helpers.processes import ask, free_port, let_in, started
from starlette.responses import Response

from chainrule.lab.server import app, connection, replies
from chainrule.lab.server.served import Served


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
