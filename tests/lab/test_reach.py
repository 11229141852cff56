"""Where the lab can be reached: behind other ports, names and paths, and only there."""

import re
import socket

import pytest
from helpers.clients import MISREAD, client_of

from chainrule.lab.server.reach import Reach, ReachError
from chainrule.lab.server.served import Served


@pytest.fixture
def forwarded(lab):
    """A lab behind another port, a name of its own, and a path."""
    names = ("localhost:9000", "hub.example.org")
    return Served(lab, 8765, Reach(names=names, root="/user/anna/proxy/8765"))


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("localhost:9000", "http://localhost:9000"),
        ("hub.example.org", "https://hub.example.org"),
        ("HUB.example.org", "https://hub.example.org"),
        ("localhost:8765", "https://hub.example.org"),  # a proxy that renames only the host
    ],
)
def test_it_answers_to_the_names_that_are_allowed(forwarded, host, origin):
    page = client_of(forwarded, Host=host, Origin=origin)
    assert page.post("/api/cell", json=MISREAD | {"cell": "E"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("hub.example.org:80", "https://hub.example.org"),
        ("localhost:9001", "http://localhost:9001"),
        ("evil.hub.example.org", "https://evil.hub.example.org"),
        ("hub.example.org", "https://evil.example"),
        ("hub.example.org", "https://hub.example.org:444"),
        ("127.0.0.1:8765", "https://127.0.0.1:8765"),
        ("hub.example.org", "null"),
    ],
)
def test_and_to_no_others(forwarded, host, origin):
    page = client_of(forwarded, Host=host, Origin=origin)
    assert page.post("/api/cell", json=MISREAD | {"cell": "E"}).status_code == 403
    assert page.get("/api/lab").status_code == 403


def test_the_path_of_a_proxy_may_be_there_or_taken_away(forwarded):
    page = client_of(forwarded, Host="hub.example.org", Origin=None)
    root = "/user/anna/proxy/8765"
    for path in ("/lab/main.js", "/api/lab", "/"):
        assert page.get(path).content == page.get(root + path).content
    assert page.get(f"{root}/api/lab").json()["version"]
    for wrong in (f"{root}x/api/lab", "/user/anna/api/lab", f"{root}{root}/api/lab"):
        assert page.get(wrong).status_code == 404
    came = page.get(f"{root}?view=draw", follow_redirects=False)
    assert (came.status_code, came.headers["location"]) == (307, f"{root}/?view=draw")


def test_the_token_opens_it_there_and_its_cookie_goes_nowhere_else(forwarded):
    page = client_of(forwarded, Host="hub.example.org", Origin=None, Cookie=None)
    root = "/user/anna/proxy/8765"
    came = page.get(f"{root}/?token={forwarded.token}&view=draw", follow_redirects=False)
    assert (came.status_code, came.headers["location"]) == (303, "./?view=draw")
    assert f"Path={root}/;" in came.headers["set-cookie"]
    assert forwarded.addresses == [
        f"http://localhost:9000{root}/?token={forwarded.token}",
        f"https://hub.example.org{root}/?token={forwarded.token}",
        f"http://127.0.0.1:8765{root}/?token={forwarded.token}",
    ]


def test_who_comes_by_another_name_is_told_how_to_allow_it(forwarded):
    for host, told in (
        ("gate.example.org:81", "chainrule lab --allow-host gate.example.org:81"),
        ("<b>", "chainrule lab --allow-host THE-NAME-IN-THE-ADDRESS"),
    ):
        page = client_of(forwarded, Host=host, Origin=None, Accept="text/html")
        assert told in page.get("/").text
        assert "<b>" not in page.get("/").text


def test_where_other_machines_may_come_the_address_they_came_to_is_a_name(lab):
    """No name of another site: those are still refused."""
    open_to_all = Served(lab, 8765, Reach("0.0.0.0"))
    assert open_to_all.answers_to("192.168.1.5:8765", "192.168.1.5")
    assert open_to_all.answers_to("[fe80::1]:8765", "fe80::1")
    assert open_to_all.answers_to("192.168.1.5:8765", "::ffff:192.168.1.5")
    assert open_to_all.answers_to("localhost:8765", "127.0.0.1")
    assert not open_to_all.answers_to("evil.example:8765", "192.168.1.5")
    assert not open_to_all.answers_to("192.168.1.6:8765", "192.168.1.5")
    assert not Served(lab, 8765).answers_to("192.168.1.5:8765", "192.168.1.5")
    page = client_of(open_to_all, Cookie=None)
    assert page.get("/api/lab").status_code == 403  # the token lets in, on every first visit


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "example.org"},
        {"host": ""},
        {"names": ("https://hub.example.org",)},
        {"names": ("hub.example.org/",)},
        {"names": ("",)},
        {"names": ("a b",)},
        {"root": "user/anna"},
        {"root": "/a//b"},
        {"root": "/a?b"},
        {"root": '/"><b>'},
    ],
)
def test_what_is_no_place_is_refused(wrong):
    with pytest.raises(ReachError, match=r"^wanted [^\n]+, got [^\n]*$"):
        Reach(**wrong)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "here"), "wanted an address of this machine such as 0.0.0.0"),
        (("--host", "192.0.2.7"), "192.0.2.7 is no address of this machine"),
        (("--allow-host", "http://x"), "wanted a name as the browser shows it"),
        (("--root-path", "x"), "wanted a path such as"),
    ],
)
def test_a_wrong_place_is_one_line(inside, arguments, said):
    done = inside("lab", "--no-browser", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_other_machines_are_warned_of(inside, monkeypatch):
    """Here it listens on this machine all the same."""
    from chainrule.lab.server import start

    def listen(port, host):
        assert host == "0.0.0.0"
        return socket.create_server(("127.0.0.1", 0))

    monkeypatch.setattr(start, "listen", listen)
    monkeypatch.setattr(start, "serve", lambda *_: None)
    said = inside("lab", "--no-browser", "--host", "0.0.0.0").stdout
    assert "other machines can reach it, without encryption" in said
    assert "nothing leaves this computer" not in said
    assert len(re.findall(r"http://\S+/\?token=", said)) == 2
