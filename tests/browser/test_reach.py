"""The lab behind another forwarded port and the path of a proxy, in a browser."""

import contextlib
import select
import socket
import socketserver
import threading
from urllib.parse import urlsplit

from helpers.visits import Lab
from playwright.sync_api import expect


class Forwarded(socketserver.ThreadingTCPServer):
    """A port that hands on each connection to another, byte by byte, as ssh -L does."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), HandOn)
        self.to = 0

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class HandOn(socketserver.BaseRequestHandler):
    def handle(self):
        near, far = self.request, socket.create_connection(("127.0.0.1", self.server.to))
        with far, contextlib.suppress(OSError):
            while True:
                for source in select.select([near, far], [], [])[0]:
                    if not (data := source.recv(1 << 16)):
                        return
                    (near if source is far else far).sendall(data)


def test_all_of_it_works_behind_another_port_and_a_path(visit, tmp_path):
    with Forwarded() as gate:
        name = f"localhost:{gate.server_address[1]}"
        away = Lab(tmp_path, "--allow-host", name, "--root-path", "/user/anna/proxy/8765")
        gate.to = away.port
        try:
            assert urlsplit(away.address).netloc == name  # the first that it prints
            away.home = f"http://{name}/user/anna/proxy/8765/"
            page = visit("?view=train", at=away)
            with page.expect_websocket() as watching:
                page.reload()
            assert watching.value.url == f"ws://{name}/user/anna/proxy/8765/api/live"
            page.get_by_role("button", name="Look inside").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("I say 5")
            assert page.url.startswith(away.home)
            page.close()
        finally:
            away.stop()
