"""Bodies read, answers computed and sent."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chainrule.encode import to_json
from chainrule.lab.server.served import Served

Value = TypeVar("Value")
ANSWERS = 256_000_000  # bytes of answers that are being sent; one more is told to come again
PIECE = 1 << 16  # bytes of an answer that are sent at once
STATUSES = {"wrong": 400, "missing": 404, "conflict": 409, "unwritable": 500, "ended": 503}
PATIENCE = 30.0  # seconds for a body to arrive


async def read_body(request: Request, most: int) -> bytes:
    """The body of a request, read in pieces and no further than `most` bytes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "the content type must be application/json")
    too_large = HTTPException(413, f"the body must have at most {most:,} bytes")
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
        raise HTTPException(408, f"the body did not arrive within {PATIENCE:g} s") from None
    return bytes(body)


async def computed(
    served: Served, answer: Callable[[], object], *, apart: bool = False
) -> Response:
    """The JSON of what a function gives; `apart` from those that wait for each other."""

    def content_of() -> bytes:
        return to_json(answer()).encode()

    content = await (asyncio.to_thread(content_of) if apart else in_thread(served, content_of))
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
            status, reason = STATUSES[getattr(error, "kind", "wrong")], str(error)
    response = refusal(reason, status)
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def broken(_: Request, error: Exception) -> Response:
    """A bug of ours: the terminal has the traceback, the page one line."""
    reason = f"a fault in chainrule, see its terminal: {type(error).__name__}"
    return refusal(reason, 500)
