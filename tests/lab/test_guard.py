"""Who may ask: its own pages alone, and what every answer carries."""

import asyncio
import base64
import hashlib
import json
import re

import pytest
from helpers import PAGE, PATIENCE
from helpers.clients import HOST, MISREAD, client_of
from helpers.elements import Elements

from chainrule.lab.server.app import make_app, page_files
from chainrule.lab.server.guard import POLICY
from chainrule.lab.server.served import Served


def test_only_its_own_names_are_answered_to(served):
    """DNS rebinding: another site's name that leads here is refused on every route."""
    for path in ("/", "/lab/index.html", "/lab/style.css", "/api/lab", "/nowhere"):
        for host in ("evil.example:8765", "127.0.0.1", "127.0.0.1:80", "localhost.evil:8765", ""):
            page = client_of(served, Host=host, Origin=None)
            assert page.get(path).status_code == 403, (path, host)
        for host in (HOST, "localhost:8765", "[::1]:8765", "LOCALHOST:8765"):
            page = client_of(served, Host=host, Origin=None)
            assert page.get(path).status_code != 403, (path, host)


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "evil.example:8765", "classroom", ""])
def test_who_comes_by_another_address_is_told_on_a_page(served, host):
    """A person reads which address it is and how to forward the port, and gets no key to it."""
    page = client_of(served, Host=host, Origin=None, Accept="text/html,*/*;q=0.8")
    for path in ("/", "/?view=draw", f"/?token={served.token}", "/nowhere"):
        came = page.get(path)
        assert came.status_code == 403
        assert came.headers["content-type"] == "text/html; charset=utf-8"
        assert came.headers["content-security-policy"] == POLICY
        assert came.headers["cache-control"] == "no-store"
        assert "http://127.0.0.1:8765" in came.text
        assert "ssh -L 8765:127.0.0.1:8765" in came.text
        assert not {served.token, served.ticket} & {*re.findall(r"[\w-]{43}", came.text)}
        assert "set-cookie" not in came.headers
        tags = {tag for tag, _ in Elements(came.text).tags}
        assert not tags & {"script", "link", "form", "a", "img"}  # the policy forbids them
    for refused in (page.get("/api/lab"), page.post("/"), page.get("/", headers={"Accept": "*/*"})):
        assert refused.status_code == 403
        assert refused.json() == {"error": "this server does not answer to this name"}


def test_at_port_80_browsers_leave_out_the_port(lab):
    served = Served(lab, 80)
    page = client_of(served, Host="127.0.0.1", Origin="http://127.0.0.1")
    assert page.post("/api/cell", json=MISREAD | {"cell": "E"}).status_code == 200
    for wrong in ({"Host": "127.0.0.1:8765"}, {"Host": "evil.example"}):
        assert client_of(served, Origin=None, **wrong).get("/").status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["null", "http://evil.example", "https://127.0.0.1:8765", "http://127.0.0.1:80", "file://", ""],
)
def test_other_origins_change_and_read_nothing(served, origin):
    page = client_of(served, Origin=origin)
    assert page.post("/api/ledger", json=MISREAD).status_code == 403
    assert page.get("/api/lab").status_code == 403
    assert page.get("/").status_code == 403


def test_a_missing_origin_is_for_reading_alone(served):
    page = client_of(served, Origin=None)
    assert page.post("/api/ledger", json=MISREAD).status_code == 403
    assert page.get("/api/lab").status_code == 200
    for site, status in (("none", 200), ("cross-site", 403), ("same-site", 403), ("x", 403)):
        page = client_of(served, Origin=None, **{"Sec-Fetch-Site": site})
        assert page.get("/api/lab").status_code == status
        assert page.get("/").status_code == 200  # the shell holds nothing, links may lead to it
    page = client_of(served, Origin=None, **{"Sec-Fetch-Site": None})
    assert page.get("/api/lab").status_code == 200


def test_the_token_becomes_a_cookie_and_leaves_the_address(served):
    page = client_of(served, Cookie=None, Origin=None)
    rest = "view=inside&cell=dW2[3,7]&strokes=1-2~3-4&pixels=a_b-%2B"
    entered = page.get(f"/?view=inside&token={served.token}&{rest.partition('&')[2]}")
    assert entered.status_code == 303
    assert entered.headers["location"] == f"./?{rest}"
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith(f"chainrule-8765={served.ticket};")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert served.token not in entered.text + str(entered.headers)
    assert page.get(f"/?token={served.token}").headers["location"] == "./"


@pytest.mark.parametrize("token", ["", "x", "ÿ", "%ff", "\U0001f600", "a&token=b"])
def test_a_wrong_token_is_worth_nothing(served, token):
    page = client_of(served, Cookie=None, Origin=None)
    entered = page.get(f"/?token={token}&view=draw")
    assert entered.status_code == 303
    assert "set-cookie" not in entered.headers
    assert entered.headers["location"] == "./?view=draw"


def test_secrets_are_compared_in_constant_time(served, monkeypatch):
    compared = []

    def compare(a, b):
        compared.append((a, b))
        return a == b

    monkeypatch.setattr("secrets.compare_digest", compare)
    client_of(served).get("/api/lab")
    client_of(served).get(f"/?token={served.token}")
    assert compared == [(served.ticket.encode(),) * 2, (served.token.encode(),) * 2]


@pytest.mark.parametrize("cookie", [None, "", "chainrule-8765=", "chainrule-8765=x", "chainrule=ÿ"])
def test_without_the_cookie_nothing_of_the_api(served, cookie):
    page = client_of(served, Cookie=cookie and cookie.encode("latin-1"))
    for path in (
        "/api/lab",
        "/api/images?network=small&start=0&count=1",
        "/api/nowhere",
        "/api",
        "/api/",
    ):
        refused = page.get(path)
        assert refused.status_code == 403
        assert "open the address that chainrule lab printed" in refused.json()["error"]
    assert page.post("/api/ledger", json=MISREAD).status_code == 403
    assert page.get("/").status_code == 200


def test_secrets_are_fresh_and_long(lab):
    one, other = Served(lab, 8765), Served(lab, 8765)
    assert len({one.token, other.token, one.ticket, other.ticket}) == 4
    assert min(map(len, (one.token, one.ticket))) >= 43  # 256 bits


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
)
def test_bodies_are_json_alone(page, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    refused = page.post("/api/ledger", content=json.dumps(MISREAD), headers=headers)
    assert refused.status_code == 415
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert page.post("/api/ledger", content=json.dumps(MISREAD), headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/lab/wire.py", "/lab/__init__.py", "/lab/saved.template", "/lab/", "/lab", "/index"),
        *(
            "/lab/page/main.js",
            "/lab/parts",
            "/lab/parts/",
            "/lab/parts/../main.js",
            "/lab//main.js",
        ),
        *("/lab/../wire.py", "/lab/..%2fwire.py", "/lab/%2e%2e/network.py", "/lab/..\\data.py"),
        *("/lab//etc/passwd", "/lab/%2fetc%2fpasswd", "//etc/passwd", "/lab/index.html%00"),
        *("/lab/index.html/", "/LAB/index.html", "/lab/INDEX.HTML", "/lab/%69ndex.htm"),
    ],
)
def test_no_path_leads_out_of_the_page(served, path):
    """Asked as it stands, without the client making it shorter."""
    status, _, body = raw(served, f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert status == 404
    assert set(json.loads(body)) == {"error"}


def raw(served, request):
    """What the application answers to a request line and headers as they are."""
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.server import ServerState

    async def talk():
        config = uvicorn.Config(make_app(served), lifespan="off", log_level="critical")
        config.load()
        protocol = asyncio.get_running_loop()
        made = await protocol.create_server(
            lambda: H11Protocol(config, ServerState(), {}), "127.0.0.1", 0
        )
        port = made.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        made.close()
        return answer

    head, _, body = asyncio.run(talk()).partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def test_pages_files_are_the_packages_and_no_others(page):
    files = page_files()
    assert "index.html" in files
    assert all(path == PAGE / name for name, path in files.items())
    assert not [name for name in files if name.endswith((".py", ".template"))]
    for name, path in files.items():
        came = page.get(f"/lab/{name}")
        assert came.status_code == 200
        assert came.content == path.read_bytes()
        assert came.headers["cache-control"] == "no-cache"
    assert page.get("/").content == (PAGE / "index.html").read_bytes()
    assert page.get("/").headers["content-type"] == "text/html; charset=utf-8"


def test_an_unchanged_file_is_not_sent_again(page):
    first = page.get("/lab/index.html")
    again = page.get("/lab/index.html", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    again = page.get("/lab/index.html", headers={"If-None-Match": '"other"'})
    assert again.content == first.content


def test_every_answer_carries_the_policy(page, served):
    stranger = client_of(served, Host="evil.example")
    for came in (
        *(page.get(path) for path in ("/", "/lab/index.html", "/api/lab", "/api/nowhere", "/x")),
        *(page.post("/api/ledger", json=body) for body in (MISREAD, [])),
        *(page.get("/lab/style.css"), page.put("/"), stranger.get("/"), page.get("/?token=x")),
    ):
        assert came.headers["content-security-policy"] == POLICY
        assert came.headers["x-content-type-options"] == "nosniff"
        assert came.headers["x-frame-options"] == "DENY"
        assert came.headers["referrer-policy"] == "no-referrer"
        assert came.headers["cross-origin-opener-policy"] == "same-origin"
        assert came.headers["cross-origin-resource-policy"] == "same-origin"
        if came.request.url.path.startswith("/api/"):
            assert came.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in came.headers
    directives = dict(part.split(maxsplit=1) for part in POLICY.split("; "))
    assert directives["default-src"] == directives["script-src"] == "'self'"
    assert directives["connect-src"] == "'self'"
    # No style but the style sheet's, and that of the page that stands by itself.
    elsewhere = stranger.get("/", headers={"Accept": "text/html"}).text
    (style,) = re.findall("<style>(.*?)</style>", elsewhere, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert directives["style-src"] == f"'self' 'sha256-{hashed}'"
    assert not [name for name in directives if name.startswith("style-src-")]
    assert "style=" not in elsewhere
    assert directives["frame-ancestors"] == directives["object-src"] == "'none'"
    assert directives["base-uri"] == directives["form-action"] == "'none'"
