"""One start of the server, and what it is busy with."""

import asyncio
import errno
import logging
import secrets
import threading
from dataclasses import dataclass, field

from chainrule.lab.api.lab import Lab
from chainrule.lab.server.reach import Reach

COMPUTING = 2  # answers at once, each in a thread; the others wait
FULL = (errno.EMFILE, errno.ENFILE)  # no more files and connections can be open


@dataclass(eq=False)
class Served:
    """One start of the server: its lab, where it is, its secrets, and what it is busy with."""

    lab: Lab
    port: int
    reach: Reach = field(default_factory=Reach)
    opens: str = ""  # what its addresses open, as they have it behind the token
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(32))  # the cookie's value
    once: str | None = None  # a token that lets in one browser, one time
    came: threading.Event = field(default_factory=threading.Event)  # set when that one is in
    open: int = 0
    sockets: int = 0
    sending: int = 0  # bytes of answers
    was_full: bool = False  # whether it has been said that too many files are open
    grading: asyncio.Lock = field(default_factory=asyncio.Lock)  # of one file at a time
    threads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(COMPUTING))

    @property
    def address(self) -> str:
        """What a browser of this machine opens."""
        return self.addresses[-1]

    @property
    def addresses(self) -> list[str]:
        """What browsers open, elsewhere and here."""
        return [
            f"{seen}{self.reach.root}/?token={self.token}{self.opens}"
            for seen in self.reach.seen_as(self.port)
        ]

    def invite(self) -> str:
        """An address that lets in once."""
        self.once = secrets.token_urlsafe(32)
        return f"http://{self.reach.own}:{self.port}/?token={self.once}{self.opens}"

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

    def answers_to(self, host: str, at: str) -> bool:
        """Whether the header Host, in small letters, may be this, on a connection to `at`.

        Browsers leave out the port if it is 80. Where other machines may come, so may the address
        at which the connection was made: that is a number, and no name that was led here.
        """
        names = {"127.0.0.1", "localhost", "[::1]", self.reach.own}
        if self.reach.open:
            at = at.removeprefix("::ffff:")  # how a socket for both kinds of addresses tells one
            names.add(f"[{at}]" if ":" in at else at)
        ports = (f":{self.port}", "") if self.port == 80 else (f":{self.port}",)
        return host in self.reach.names or host in {name + port for name in names for port in ports}

    def is_own(self, origin: str, host: str) -> bool:
        """Whether an origin, in small letters, is the page's own, asked for under this host."""
        wanted = {f"http://{host}"}
        for name in self.reach.names:  # in front of which may stand a proxy that speaks TLS
            wanted |= {f"http://{name}", f"https://{name}"}
        return origin in wanted

    def tell_full(self) -> None:
        """Say once on the terminal that too many files are open; it may happen very often."""
        if not self.was_full:
            logging.getLogger("uvicorn.error").error(
                "too many open files or connections: new ones wait until others are closed; "
                "ulimit -n says how many there may be"
            )
        self.was_full = True


def same(came: str, wanted: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how far they are."""
    return secrets.compare_digest(came.encode("utf-8", "surrogatepass"), wanted.encode())
