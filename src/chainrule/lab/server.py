"""The lab's server: its routes, what it refuses, and how it starts.

It listens on 127.0.0.1 alone and answers only its own page. docs/design/lab.md says what is refused
and why.
"""

import asyncio
import base64
import errno
import hashlib
import logging
import os
import re
import secrets
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Any, TypeVar
from urllib.parse import quote, unquote_plus

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from threadpoolctl import threadpool_limits

from chainrule.encode import to_json
from chainrule.lab import asked, moment, testset
from chainrule.lab.asked import RefusedError
from chainrule.lab.connection import Requests, Watching
from chainrule.lab.feed import Feed
from chainrule.lab.moment import Lab
from chainrule.lab.saved import saved_page
from chainrule.ledger import CellError

Value = TypeVar("Value")

PORT = 8765
PAGE = Path(__file__).parent / "page"  # the browser's files
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}

SMALL = 1 << 18  # bytes of a body that holds a moment
UPLOAD = 14_000_000  # that holds an image file
COLLECTION = 8_000_000  # that holds labelled drawings
OPEN = 64  # requests at once; one more is told to come again
ANSWERS = 256_000_000  # bytes of answers that are being sent; one more is told to come again
PIECE = 1 << 16  # bytes of an answer that are sent at once
SOCKETS = 256  # pages that watch at once
MESSAGE = 4096  # bytes of what a page that watches may send; nothing reads it
COMPUTING = 2  # of them in threads; the others wait
PATIENCE = 30.0  # seconds for a body to arrive
WAITING = 128  # connections that the system keeps until they are taken
FULL = (errno.EMFILE, errno.ENFILE)  # no more files and connections can be open
SWITCH = 0.0002  # seconds that a thread waits before another must let go of the interpreter

ELSEWHERE = "this server is 127.0.0.1 and answers to no other name"
PLACED = Template((PAGE / "refused.template").read_text(encoding="utf-8"))
# That page stands by itself, at an address that has no style sheet: its own is let in by its hash.
_, STYLE, _ = re.split("</?style>", PLACED.template)
HASHED = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'self'; script-src 'self'; style-src 'self' 'sha256-{HASHED}'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(eq=False)
class Served:
    """One start of the server: its lab, its port, its secrets, and what it is busy with."""

    lab: Lab
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(32))  # the cookie's value
    once: str | None = None  # a token that lets in one browser, one time
    came: threading.Event = field(default_factory=threading.Event)  # set when that one is in
    open: int = 0
    sockets: int = 0
    sending: int = 0  # bytes of answers
    was_full: bool = False  # whether it has been said that too many files are open
    threads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(COMPUTING))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    def invite(self) -> str:
        """An address that lets in once."""
        self.once = secrets.token_urlsafe(32)
        return f"http://127.0.0.1:{self.port}/?token={self.once}"

    def lets_in(self, token: str) -> bool:
        if same(token, self.token):
            return True
        once = self.once
        if once is None or not same(token, once):
            return False
        self.once = None
        self.came.set()
        return True

    @property
    def cookie(self) -> str:
        return f"chainrule-{self.port}"

    @property
    def hosts(self) -> frozenset[bytes]:
        """What the header Host may be; browsers leave out the port if it is 80."""
        ports = (f":{self.port}", "") if self.port == 80 else (f":{self.port}",)
        names = ("127.0.0.1", "localhost", "[::1]")
        return frozenset(f"{name}{port}".encode() for name in names for port in ports)

    def tell_full(self) -> None:
        """Say once on the terminal that too many files are open; it may happen very often."""
        if not self.was_full:
            logging.getLogger("uvicorn.error").error(
                "too many open files or connections: new ones wait until others are closed; "
                "ulimit -n says how many there may be"
            )
        self.was_full = True


# --------------------------------------------------------------------------------------- the routes


def make_app(served: Served) -> ASGIApp:
    """The whole application, behind its guard."""
    files = page_files()
    lab = served.lab

    def get(answer: Callable[[Lab, Any], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            pairs = request.query_params.multi_items()
            return await computed(served, lambda: answer(lab, pairs))

        return endpoint

    def post(answer: Callable[[Lab, Any], Any], most: int = SMALL) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            body = await read_body(request, most)
            return await computed(served, lambda: answer(lab, asked.read_json(body)))

        return endpoint

    async def save(request: Request) -> Response:
        body = await read_body(request, SMALL)

        def page() -> tuple[str, bytes]:
            name, answer = moment.saved(lab, asked.read_json(body))
            return name, saved_page(files, TYPES, to_json(answer))

        name, content = await in_thread(served, page)
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        return Answer(served, content, headers=headers, media_type="text/html")

    async def shell(request: Request) -> Response:
        if "token" in request.query_params:
            return enter(request, served)
        return await file_of_page(request, "index.html")

    async def page_file(request: Request) -> Response:
        return await file_of_page(request, request.path_params["name"])

    async def file_of_page(request: Request, name: str) -> Response:
        if name not in files:
            raise RefusedError("no such file", 404)
        return await file_response(served, request, files[name])

    async def crowded(_: Request, error: Exception) -> Response:
        if not isinstance(error, OSError) or error.errno not in FULL:
            raise error
        served.tell_full()
        return busy()

    routes = [
        Route("/", shell),
        Route("/lab/{name:path}", page_file),
        Route("/api/lab", get(moment.about)),
        Route("/api/mistakes", get(moment.mistakes)),
        Route("/api/images", get(moment.images)),
        Route("/api/ledger", post(moment.ledger), methods=["POST"]),
        Route("/api/cell", post(moment.cell), methods=["POST"]),
        Route("/api/proof", post(moment.proof), methods=["POST"]),
        Route("/api/impostors", post(moment.impostors), methods=["POST"]),
        Route("/api/step", post(moment.step), methods=["POST"]),
        Route("/api/drawing", post(moment.drawing, UPLOAD), methods=["POST"]),
        Route("/api/collect", post(moment.collect, COLLECTION), methods=["POST"]),
        Route("/api/save", save, methods=["POST"]),
        Route("/api/evaluate", post(testset.evaluate), methods=["POST"]),
        Route("/api/confused", post(testset.confused), methods=["POST"]),
        Route("/api/inside", post(testset.inside), methods=["POST"]),
        Route("/api/compare", post(testset.compare), methods=["POST"]),
        Route("/api/map", post(testset.plane), methods=["POST"]),
        Route("/api/train", post(moment.order), methods=["POST"]),
        Route("/api/described", post(moment.described), methods=["POST"]),
        WebSocketRoute("/api/live", Feed(lab.live).watch),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            RefusedError: refused,
            CellError: refused,
            OverflowError: refused,
            HTTPException: refused,
            ClientDisconnect: refused,
            OSError: crowded,
            Exception: broken,
        },
    )
    app.router.redirect_slashes = False
    return guarded(app, served)


def page_files() -> dict[str, Path]:
    """The page's files by their paths in its folder; there are no others."""
    found = sorted(path for path in PAGE.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(PAGE).as_posix(): path for path in found}


def enter(request: Request, served: Served) -> Response:
    """The start token becomes a cookie and leaves the address; the other parameters stay.

    A wrong token leaves it too, without a cookie: the page then says which address to open.
    """
    parts = request.scope["query_string"].decode("latin-1").split("&")
    named = [(unquote_plus(part.partition("=")[0]), part) for part in parts]
    tokens = [unquote_plus(part.partition("=")[2]) for name, part in named if name == "token"]
    rest = "&".join(part for name, part in named if name != "token" and part)
    safe = "".join(c if c.isascii() and c.isprintable() else "" for c in rest)
    address = "/?" + quote(safe, safe="!$&'()*+,;=:@/?-._~%[]") if safe else "/"
    response = RedirectResponse(address, 303)
    if len(tokens) == 1 and served.lets_in(tokens[0]):
        response.set_cookie(served.cookie, served.ticket, httponly=True, samesite="strict")
    return response


def same(came: str, wanted: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how far they are."""
    return secrets.compare_digest(came.encode("utf-8", "surrogatepass"), wanted.encode())


async def file_response(served: Served, request: Request, path: Path) -> Response:
    """A file to be asked for again each time, and sent only if it has changed."""
    stat = await asyncio.to_thread(path.stat)
    etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    content = await asyncio.to_thread(content_of, path, etag)
    return Answer(served, content, headers=headers, media_type=TYPES[path.suffix])


@lru_cache(64)
def content_of(path: Path, _: str) -> bytes:
    """A file's bytes, read once for each of its states; all who are sent them share them."""
    return path.read_bytes()


# ---------------------------------------------------------------------------- reading and answering


async def read_body(request: Request, most: int) -> bytes:
    """The body of a request, read in pieces and no further than `most` bytes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusedError("the content type must be application/json", 415)
    too_large = RefusedError(f"the body must have at most {most:,} bytes", 413)
    promised = request.headers.get("content-length", "0")
    if promised.isdecimal() and len(promised) < 20 and int(promised) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise RefusedError(f"the body did not arrive within {PATIENCE:g} s", 408) from None
    return bytes(body)


async def computed(served: Served, answer: Callable[[], object]) -> Response:
    """The JSON of what a function gives."""
    content = await in_thread(served, lambda: to_json(answer()).encode())
    headers = {"Cache-Control": "no-store"}
    return Answer(served, content, headers=headers, media_type="application/json")


async def in_thread(served: Served, work: Callable[[], Value]) -> Value:
    """What a function gives, computed in a thread: the loop never waits for NumPy."""
    async with served.threads:
        return await asyncio.to_thread(work)


class Answer(Response):
    """A response that is sent in pieces, each when the one before it has been taken.

    So the memory that answers take is known: the bytes of those that are being sent are counted.
    """

    def __init__(
        self, served: Served, content: bytes, headers: dict[str, str], media_type: str
    ) -> None:
        super().__init__(content, headers=headers, media_type=media_type)
        self.served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served, size = self.served, len(self.body)
        if served.sending and served.sending + size > ANSWERS:
            await busy()(scope, receive, send)
            return
        served.sending += size
        try:
            start = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **start})
            for at in range(0, max(size, 1), PIECE):
                piece = {"body": self.body[at : at + PIECE], "more_body": at + PIECE < size}
                await send({"type": "http.response.body", **piece})
        finally:
            served.sending -= size


def refusal(reason: str, status: int) -> Response:
    """One line that says why, as JSON."""
    headers = {"Cache-Control": "no-store"}
    content = to_json({"error": reason})
    return Response(content, status, headers, media_type="application/json")


def busy() -> Response:
    response = refusal("busy; ask again in a second", 503)
    response.headers["Retry-After"] = "1"
    return response


async def refused(_: Request, error: Exception) -> Response:
    match error:
        case HTTPException():
            status, reason = error.status_code, error.detail
        case ClientDisconnect():
            status, reason = 400, "the connection was closed"
        case _:
            status, reason = getattr(error, "status", 400), str(error)
    response = refusal(reason, status)
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def broken(_: Request, error: Exception) -> Response:
    """A fault of ours: the terminal has the traceback, the page one line."""
    reason = f"a fault in chainrule, see its terminal: {type(error).__name__}"
    return refusal(reason, 500)


# ---------------------------------------------------------------------------------------- the guard


def guarded(app: ASGIApp, served: Served) -> ASGIApp:
    """The application behind its guard; every answer, a refusal too, carries the headers."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        watches = scope["type"] == "websocket"

        async def dressed(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers[name] = value
                if message["status"] > 400:
                    # Its body may not have been read, and is not read now.
                    headers["Connection"] = "close"
            await send(message)

        if served.sockets >= SOCKETS if watches else served.open >= OPEN:
            await busy()(scope, receive, dressed)
            return
        served.sockets += watches
        served.open += not watches
        try:
            reason = objection(scope, served)
            answer = app if reason is None else refusal_of(reason, scope, served)
            await answer(scope, receive, dressed)
        finally:
            served.sockets -= watches
            served.open -= not watches

    return guard


def is_api(scope: Scope) -> bool:
    return scope["path"] == "/api" or scope["path"].startswith("/api/")


def refusal_of(reason: str, scope: Scope, served: Served) -> Response:
    """What a refused request is told: one line, or a page for a person at another address."""
    reads = scope.get("method") == "GET" and "text/html" in Headers(scope=scope).get("accept", "")
    if reason == ELSEWHERE and reads and not is_api(scope):
        headers = {"Cache-Control": "no-store"}
        return HTMLResponse(PLACED.substitute(port=served.port), 403, headers)
    return refusal(reason, 403)


def objection(scope: Scope, served: Served) -> str | None:
    """Why a request is refused before anything looks at it, or None."""
    headers = Headers(scope=scope)
    hosts = [value.lower() for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1 or hosts[0] not in served.hosts:
        # Another name that leads here is another site's: DNS rebinding.
        return ELSEWHERE
    origins = headers.getlist("origin")
    own = f"http://{hosts[0].decode()}"
    if origins and [origin.lower() for origin in origins] != [own]:
        return "another site asked for this"
    if scope.get("method") not in ("GET", "HEAD") and not origins:  # a WebSocket has no method
        return "a change must say which page asks for it: the header Origin is missing"
    if is_api(scope):
        sites = headers.getlist("sec-fetch-site")
        if not set(sites) <= {"same-origin", "none"}:
            return "another site asked for this"
        if not same(HTTPConnection(scope).cookies.get(served.cookie, ""), served.ticket):
            return "open the address that chainrule lab printed: it lets this browser in"
    return None


# ---------------------------------------------------------------------------------------- the start


class PortTakenError(ValueError):
    """The port that was asked for is in use; the message says which."""


def listen(port: int | None) -> socket.socket:
    """A socket that listens on 127.0.0.1: at this port, or at PORT or the next that is free."""
    for candidate in [port] if port is not None else [*range(PORT, PORT + 100), 0]:
        # subtle: asyncio sends small answers at once only on a socket that says it is TCP; else the
        # system waits 40 ms for more to send.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":  # elsewhere it would share a port that is in use
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", candidate))
            listener.listen(WAITING)
        except OSError as error:
            listener.close()
            if port is not None:
                reason = (error.strerror or str(error)).lower()
                raise PortTakenError(
                    f"port {port}: {reason}; choose another, or leave it out"
                ) from None
        else:
            return listener
    raise PortTakenError("no free port on 127.0.0.1")


def serve(served: Served, listener: socket.socket, when_ready: Callable[[], object]) -> None:
    """Answer until a signal asks to stop; `when_ready` is called, in a thread, once it answers."""

    def fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in FULL:
            served.tell_full()  # asyncio tries again in a second
        else:
            loop.default_exception_handler(context)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            asyncio.get_running_loop().set_exception_handler(fault)
            await super().startup(sockets)
            threading.Thread(target=moment.warm, args=(served.lab,), daemon=True).start()
            threading.Thread(target=when_ready, daemon=True).start()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # Requests that are cut off now are no news, nor is what asyncio would still take in.
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
            # What is trained ends at a checkpoint; a second signal does not wait for it.
            ending = asyncio.create_task(asyncio.to_thread(served.lab.live.close))
            await super().shutdown(sockets)
            while not ending.done() and not self.force_exit:
                await asyncio.wait((ending,), timeout=0.05)

    # Products here are small, and several are computed at once: more threads of BLAS would only
    # wait for each other, up to ten times as long. The bits are the same.
    threadpool_limits(1, user_api="blas")
    # A training lets go of the interpreter at every product, and asks for it back this often.
    sys.setswitchinterval(SWITCH)
    config = uvicorn.Config(
        make_app(served),
        http=Requests,
        ws=Watching,
        ws_max_size=MESSAGE,
        ws_per_message_deflate=False,
        loop="asyncio",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=WAITING,
        timeout_graceful_shutdown=1,
    )
    Server(config).run(sockets=[listener])
