"""How the server starts and ends."""

import asyncio
import errno
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import uvicorn
from threadpoolctl import threadpool_limits

from chainrule.files import in_words
from chainrule.lab.api import about
from chainrule.lab.server.app import make_app
from chainrule.lab.server.connection import Requests, Watching
from chainrule.lab.server.reach import LOOPBACK
from chainrule.lab.server.served import FULL, Served

PORT = 8765
MESSAGE = 4096  # bytes of what a page that watches may send; nothing reads it
WAITING = 128  # connections that the system keeps until they are taken
SWITCH = 0.0002  # seconds that a thread waits before another must release the interpreter (GIL)


class PortTakenError(ValueError):
    """There is no listening at the port or the address that was asked for; says why."""


def listen(port: int | None, host: str = LOOPBACK) -> socket.socket:
    """A socket that listens at this address of the machine: at this port, or at PORT or the next
    that is free.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in [port] if port is not None else [*range(PORT, PORT + 100), 0]:
        # subtle: asyncio sends small answers at once only on a socket that says it is TCP; else the
        # system waits 40 ms for more to send.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":  # elsewhere it would share a port that is in use
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, candidate))
            listener.listen(WAITING)
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRNOTAVAIL:
                raise PortTakenError(f"{host} is no address of this machine") from None
            if port is not None:
                raise PortTakenError(
                    f"port {port}: {in_words(error)}; choose another, or leave it out"
                ) from None
        else:
            return listener
    raise PortTakenError(f"no free port on {host}")


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
            threading.Thread(target=about.warm, args=(served.lab,), daemon=True).start()
            threading.Thread(target=when_ready, daemon=True).start()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # Requests that are cut off now, or come too late, need no line on the terminal.
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
            # What is trained ends at a checkpoint; a second signal does not wait for it.
            ending = asyncio.create_task(asyncio.to_thread(served.lab.live.close))
            served.lab.desk.stop()
            await super().shutdown(sockets)
            while not ending.done() and not self.force_exit:
                await asyncio.wait((ending,), timeout=0.05)

    # Products here are small, and several are computed at once: more threads of BLAS would only
    # wait for each other, up to ten times as long. The bits are the same.
    threadpool_limits(1, user_api="blas")
    # A training releases the interpreter (GIL) at every product, and must get it back as often.
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
