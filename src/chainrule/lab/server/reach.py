"""Where the lab is reached: the address it listens on, its names, the path in front of its own."""

import ipaddress
import re
import socket
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]+\])(?::\d{1,5})?")
ROOT = re.compile(r"(?:/[\w.~@%+-]+)+")


class ReachError(ValueError):
    """A name or a path at which the lab cannot be reached; the message says what was wanted."""


@dataclass(frozen=True)
class Reach:
    """Where the lab is reached, besides this machine at its own port.

    host: the address that it listens on; names: what a browser calls it, as in the header Host;
    root: the path in front of its own, such as /proxy/8765, or nothing.
    """

    host: str = LOOPBACK
    names: tuple[str, ...] = ()
    root: str = ""

    def __post_init__(self) -> None:
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            raise ReachError(
                f"wanted an address of this machine such as 0.0.0.0 or 192.168.1.5, "
                f"got {self.host[:60]!r}"
            ) from None
        for name in self.names:
            if not NAME.fullmatch(name):
                raise ReachError(
                    f"wanted a name as the browser shows it, such as hub.example.org or "
                    f"localhost:9000, got {name[:60]!r}"
                )
        if self.root and not ROOT.fullmatch(self.root):
            raise ReachError(f"wanted a path such as /user/anna/proxy/8765, got {self.root[:60]!r}")

    @property
    def open(self) -> bool:
        """Whether other machines can reach it."""
        return not ipaddress.ip_address(self.host).is_loopback

    @property
    def away(self) -> bool:
        """Whether a browser elsewhere may reach it: by itself, or by what forwards a name."""
        return self.open or bool(self.names)

    @property
    def own(self) -> str:
        """The address of this machine at which it listens, as it stands in a URL."""
        address = ipaddress.ip_address(self.host)
        if address.is_unspecified:
            return LOOPBACK if address.version == 4 else "[::1]"
        return self.host if address.version == 4 else f"[{self.host}]"

    def seen_as(self, port: int) -> list[str]:
        """How browsers reach it, as the beginning of a URL: elsewhere, then on this machine."""
        plain = re.compile(r"(localhost|[\d.]+|\[.*\])(:\d+)?")
        away = [f"http{'' if plain.fullmatch(name) else 's'}://{name}" for name in self.names]
        if self.open and ipaddress.ip_address(self.host).is_unspecified:
            away.append(f"http://{address_here()}:{port}")
        return [*away, f"http://{self.own}:{port}"]


def address_here() -> str:
    """This machine's address in its network, or its name where it has none; asks nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.1", 9))  # chooses a way; a datagram would only be sent later
        except OSError:
            return socket.gethostname()
        return str(asked.getsockname()[0])
