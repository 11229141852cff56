"""How long a connection may keep the server waiting: uvicorn's two protocols, with limits.

A connection that reaches its limit is dropped: what was still to be sent to it is thrown away.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    import h11
    import websockets.http11
    from uvicorn._types import ASGISendEvent

HEAD = 10.0  # seconds for the head of a request: from the connection, or from the last answer
TAKEN = 60.0  # seconds for an answer to be read, from when the connection waits for it
STUCK = 20.0  # seconds for a page that watches to go on reading


class Limited(asyncio.Protocol):
    """A connection with a moment at which it is dropped, unless there is a new one before."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    due: asyncio.TimerHandle | None = None

    def within(self, seconds: float | None) -> None:
        """Drop the connection after so many seconds; None is never."""
        if self.due is not None:
            self.due.cancel()
        wait = self.loop.call_later
        self.due = None if seconds is None else wait(seconds, self.transport.abort)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.within(HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self.within(None)
        super().connection_lost(exc)


class Requests(Limited, H11Protocol):
    """A connection that asks and is answered."""

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:  # a request's head is there
            self.within(TAKEN if self.flow.write_paused else None)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self.within(None)
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.due is None:  # reading a little now and then does not give it more time
            self.within(TAKEN)

    def on_response_complete(self) -> None:
        self.within(HEAD)
        super().on_response_complete()


class Watching(Limited, WebSocketsSansIOProtocol):
    """The WebSocket of a page that watches."""

    def handle_connect(self, event: websockets.http11.Request) -> None:
        self.within(None)
        super().handle_connect(event)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.within(STUCK)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.within(None)

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # subtle: uvicorn takes a refusal for a fault of the application, and says so on the
            # terminal, unless the handshake is over.
            self.handshake_complete = True
