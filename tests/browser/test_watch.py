"""The watch is itself watched: a page that misbehaves in every way must be complained of."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from helpers.hands import eventually
from helpers.processes import free_port
from helpers.visits import TELL_VIOLATIONS, Watch

PAGE = """<!doctype html><title>badly behaved</title><link rel="icon" href="data:,">
<script src="/script.js"></script><script>inline = 1</script>"""
SCRIPT = """addEventListener('load', () => {
  console.log('quiet'); console.warn('hm'); console.error('oh');
  fetch('/missing'); fetch('http://127.0.0.1:%d/elsewhere').catch(() => 0);
  nothing.at.all;
})"""
COMPLAINTS = {
    "warning hm",
    "error oh",
    "404 ",
    "foreign http",
    "failed http",
    "page error nothing is not defined",
    "error CSP: script-src-elem inline",
}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        known = {"/": ("text/html", PAGE), "/script.js": ("text/javascript", SCRIPT % free_port())}
        kind, text = known.get(self.path, ("text/plain", ""))
        self.send_response(200 if self.path in known else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", "script-src 'self'")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Say nothing."""


def all_seen(page, watch):
    page.wait_for_timeout(10)  # events are told meanwhile
    for complaint in COMPLAINTS:
        assert any(each.startswith(complaint) for each in watch.complaints), complaint


def test_every_misdeed_is_seen_and_only_what_is_allowed_is_forgiven(browser):
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        watch = Watch(f"http://127.0.0.1:{server.server_port}/")
        with browser.new_context() as context:
            context.add_init_script(TELL_VIOLATIONS)
            context.on("page", watch.page)
            page = context.new_page()
            page.goto(watch.home)
            eventually(lambda: all_seen(page, watch))
        server.shutdown()
    assert not any("quiet" in each for each in watch.complaints)
    watch.allow("^error oh$")
    assert "error oh" not in watch.complaints
    assert "warning hm" in watch.complaints
