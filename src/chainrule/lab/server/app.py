"""The application: an address for each question, for the page and for its files.

Nothing is computed here: `lab.api` answers. docs/reference/lab.md lists what is refused.
"""

import asyncio
from collections.abc import Coroutine
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import quote, unquote_plus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from chainrule.encode import to_json
from chainrule.explain.ledger import CellError
from chainrule.lab.api.checks import parse_json
from chainrule.lab.api.desk import BUSY
from chainrule.lab.api.routes import MOMENT, ROUTES, ask
from chainrule.lab.api.saved import TYPES, page_files, saved_page
from chainrule.lab.server.feed import Feed
from chainrule.lab.server.guard import guarded
from chainrule.lab.server.replies import (
    Answer,
    broken,
    busy,
    computed,
    in_thread,
    read_body,
    refused,
)
from chainrule.lab.server.served import FULL, Served
from chainrule.lab.wire import RefusedError

TURN = 2.0  # seconds for a file before to end, which may have been stopped just now


def make_app(served: Served) -> ASGIApp:
    """The whole application, behind its guard."""
    files = page_files()
    routes = [
        Route("/", partial(shell, served, files)),
        Route("/lab/{name:path}", partial(page_file, served, files)),
        Route("/api/save", partial(save, served, files), methods=["POST"]),
        *(
            Route(f"/api/{name}", partial(answer_query, served, name))
            if route.body is None
            else Route(f"/api/{name}", partial(answer_body, served, name), methods=["POST"])
            for name, route in ROUTES.items()
        ),
        WebSocketRoute("/api/live", Feed(served.lab.live).watch),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            RefusedError: refused,
            CellError: refused,
            OverflowError: refused,
            HTTPException: refused,
            ClientDisconnect: refused,
            OSError: partial(crowded, served),
            Exception: broken,
        },
    )
    app.router.redirect_slashes = False
    return guarded(app, served)


async def answer_query(served: Served, name: str, request: Request) -> Response:
    """The answer to a request that says all in its address."""
    pairs = request.query_params.multi_items()
    return await computed(served, lambda: ask(served.lab, name, pairs))


async def answer_body(served: Served, name: str, request: Request) -> Response:
    """The answer to a request with a body."""
    route = ROUTES[name]
    body = await read_body(request, route.body or 0)

    def answer() -> object:
        return ask(served.lab, name, parse_json(body))

    if not route.apart:
        return await computed(served, answer)
    try:
        async with asyncio.timeout(TURN):
            await served.grading.acquire()
    except TimeoutError:
        raise RefusedError(BUSY, "conflict") from None
    try:
        return await unless_left(served, request, computed(served, answer, apart=True))
    finally:
        served.grading.release()


async def unless_left(
    served: Served, request: Request, answer: Coroutine[None, None, Response]
) -> Response:
    """The answer; where nobody waits for it any more, what is graded ends."""

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    work, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(left())
    try:
        await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        while not work.done():
            served.lab.desk.stop()  # again and again: it may not have begun
            await asyncio.wait((work,), timeout=0.1)
        return await work
    finally:
        leaving.cancel()


async def save(served: Served, files: dict[str, Path], request: Request) -> Response:
    """A moment as a page that needs no server, to be kept as a file."""
    body = await read_body(request, MOMENT)

    def page() -> tuple[str, bytes]:
        answer = ask(served.lab, "save", parse_json(body))
        return answer["name"], saved_page(files, TYPES, to_json(answer["moment"]))

    name, content = await in_thread(served, page)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Answer(served, content, headers=headers, media_type="text/html")


async def shell(served: Served, files: dict[str, Path], request: Request) -> Response:
    """The page; if its address holds a token, the browser gets its cookie first."""
    if "token" in request.query_params:
        return enter(request, served)
    return await file_response(served, request, files["index.html"])


async def page_file(served: Served, files: dict[str, Path], request: Request) -> Response:
    name = request.path_params["name"]
    if name not in files:
        raise RefusedError("no such file", "missing")
    return await file_response(served, request, files[name])


async def crowded(served: Served, _: Request, error: Exception) -> Response:
    """If too many files are open, the page is to come again; other OSErrors are bugs of ours."""
    if not isinstance(error, OSError) or error.errno not in FULL:
        raise error
    served.tell_full()
    return busy()


def enter(request: Request, served: Served) -> Response:
    """The start token becomes a cookie and leaves the address; the other parameters stay.

    A wrong token leaves it too, without a cookie: the page then says which address to open.
    """
    parts = request.scope["query_string"].decode("latin-1").split("&")
    named = [(unquote_plus(part.partition("=")[0]), part) for part in parts]
    tokens = [unquote_plus(part.partition("=")[2]) for name, part in named if name == "token"]
    rest = "&".join(part for name, part in named if name != "token" and part)
    safe = "".join(c if c.isascii() and c.isprintable() else "" for c in rest)
    # Relative: a proxy may have taken away a part of the path.
    address = "./?" + quote(safe, safe="!$&'()*+,;=:@/?-._~%[]") if safe else "./"
    response = RedirectResponse(address, 303)
    if len(tokens) == 1 and served.lets_in(tokens[0]):
        response.set_cookie(
            served.cookie,
            served.ticket,
            path=f"{served.reach.root}/",
            httponly=True,
            samesite="strict",
        )
    return response


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
    """A file's bytes, read once for each version of it; all answers share them."""
    return path.read_bytes()
