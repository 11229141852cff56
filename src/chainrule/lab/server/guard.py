"""Requests that are refused before their content is read: from other sites, or too many at once."""

import base64
import hashlib
import re
from pathlib import Path
from string import Template

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chainrule.lab.server.reach import NAME
from chainrule.lab.server.replies import busy, refusal
from chainrule.lab.server.served import Served, same

OPEN = 64  # requests at once; one more is told to come again
SOCKETS = 256  # pages that watch at once
ELSEWHERE = "this server does not answer to this name"
PLACED = Template(
    Path(__file__).parents[1].joinpath("page/refused.template").read_text(encoding="utf-8")
)
# That page is at an address that has no style sheet, so its style is in it: the policy allows it by
# its hash.
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
            scope = beneath(scope, served.reach.root)
            reason = objection(scope, served)
            answer = app if reason is None else refusal_of(reason, scope, served)
            if not scope["path"]:  # so that the page's relative addresses are right
                query = scope["query_string"].decode("latin-1")
                answer = RedirectResponse(f"{served.reach.root}/?{query}")
            await answer(scope, receive, dressed)
        finally:
            served.sockets -= watches
            served.open -= not watches

    return guard


def beneath(scope: Scope, root: str) -> Scope:
    """The request without the path in front of the lab's own, if a proxy has left it there."""
    path = scope["path"]
    if not root or not f"{path}/".startswith(f"{root}/"):
        return scope
    return {**scope, "path": path[len(root) :]}


def is_api(scope: Scope) -> bool:
    return scope["path"] == "/api" or scope["path"].startswith("/api/")


def refusal_of(reason: str, scope: Scope, served: Served) -> Response:
    """What a refused request is told: one line, or a page for a person at another address."""
    reads = scope.get("method") == "GET" and "text/html" in Headers(scope=scope).get("accept", "")
    if reason == ELSEWHERE and reads and not is_api(scope):
        headers = {"Cache-Control": "no-store"}
        came = Headers(scope=scope).get("host", "").lower()
        name = came if NAME.fullmatch(came) else "THE-NAME-IN-THE-ADDRESS"
        return HTMLResponse(PLACED.substitute(port=served.port, name=name), 403, headers)
    return refusal(reason, 403)


def objection(scope: Scope, served: Served) -> str | None:
    """Why a request is refused before anything looks at it, or None."""
    headers = Headers(scope=scope)
    hosts = [host.lower() for host in headers.getlist("host")]
    at, _ = scope.get("server") or ("", 0)
    if len(hosts) != 1 or not served.answers_to(hosts[0], at):
        # Another name that leads here is another site's: DNS rebinding.
        return ELSEWHERE
    origins = [origin.lower() for origin in headers.getlist("origin")]
    if origins and not (len(origins) == 1 and served.is_own(origins[0], hosts[0])):
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
