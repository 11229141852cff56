"""A page that asks the lab in this process."""

import base64

import numpy as np
from starlette.testclient import TestClient

from chainrule.lab.server.app import make_app

HOST = "127.0.0.1:8765"
MISREAD = {"network": "small", "image": {"test": 1832}, "label": None}
SEVEN = {"strokes": [[60, 60, 200, 60], [200, 60, 120, 230]], "off": []}


def client_of(served, **headers):
    """A page that was let in: it has the cookie, and says where its requests come from."""
    usual = {
        "Host": HOST,
        "Origin": f"http://{HOST}",
        "Sec-Fetch-Site": "same-origin",
        "Cookie": f"{served.cookie}={served.ticket}",
        **headers,
    }
    kept = {name: value for name, value in usual.items() if value is not None}
    app = make_app(served)
    return TestClient(app, base_url=f"http://{HOST}", headers=kept, follow_redirects=False)


def f8(entry):
    return np.frombuffer(base64.b64decode(entry["f8"]), "<f8").reshape(entry["shape"])


def arrays_of(ledger):
    return {entry["name"]: f8(entry) for entry in ledger["arrays"]}


def posted(page, path, body):
    answer = page.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()
