"""`chainrule lab` in a process of its own: started, asked and watched."""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

from websockets.sync.client import connect

from helpers import PATIENCE


@contextlib.contextmanager
def started(*arguments, cwd=None, first="", browser=None):
    """A running `chainrule lab`: the process, its port, its token, and the headers of its page.

    `first` is code that its process runs before it begins.
    """
    command = [sys.executable, "-c", f"{first}\nfrom chainrule.cli.main import main; main()", "lab"]
    command += ["--no-browser"] if browser is None else []
    env = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1", "BROWSER": str(browser)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    process = subprocess.Popen([*command, *map(str, arguments)], cwd=cwd, env=env, **pipes)
    try:
        address = process.stdout.readline().strip()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]+)", address)
        assert found, address + process.stderr.read()
        yield SimpleNamespace(process=process, address=address, port=int(found[1]), token=found[2])
    finally:
        process.kill()
        process.communicate()


def ask(lab, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=PATIENCE)
    connection.request(method, path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    answer.content = answer.read()
    connection.close()
    return answer


def let_in(lab):
    """The headers of a page that has opened the printed address."""
    cookie = ask(lab, "GET", f"/?token={lab.token}").headers["set-cookie"].partition(";")[0]
    origin = f"http://127.0.0.1:{lab.port}"
    return {"Cookie": cookie, "Origin": origin, "Content-Type": "application/json"}


def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def waiting(what):
    until = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < until
        time.sleep(0.01)
    return found


def private_file(browser):
    """The process of a fake browser, and the file that it was told to open."""
    process, address = waiting(browser.told)
    assert address.startswith("file:///")
    return int(process), Path(unquote(urlsplit(address).path))


def token_in(file):
    (found,) = set(re.findall(r"http://127\.0\.0\.1:\d+/\?token=([\w-]{43})", file.read_text()))
    return found


def cookie_for(lab, token):
    return ask(lab, "GET", f"/?token={token}").headers["set-cookie"]


PATIENT = {"open_timeout": PATIENCE, "ping_interval": None, "close_timeout": 1}


@contextlib.contextmanager
def page_of(running, **headers):
    """A page's socket."""
    own = let_in(running)
    extra = {"Cookie": own["Cookie"]} | headers
    with connect(
        f"ws://127.0.0.1:{running.port}/api/live",
        origin=own["Origin"],
        additional_headers=extra,
        compression=None,
        max_size=None,
        **PATIENT,
    ) as page:
        yield page


def newest(page):
    return json.loads(page.recv(timeout=PATIENCE))["live"]


def order(running, **body):
    answer = ask(running, "POST", "/api/train", body, **let_in(running))
    return answer.status, json.loads(answer.content)
