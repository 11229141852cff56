"""Anything at every route is answered or refused."""

import base64
import json

import pytest
from helpers.clients import MISREAD, client_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import shipped
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.guard import POLICY
from chainrule.lab.server.served import Served

GETS = ["/", "/lab/index.html", "/api/lab", "/api/mistakes", "/api/images", "/api/lessons"]
GETS += ["/lab/style.css", "/api/sets", "/api/zoo", "/api/seen", "/api/forms"]
POSTS = ["ledger", "cell", "proof", "impostors", "step", "drawing", "collect", "save", "answer"]
POSTS += ["picture", "curve", "formula", "number", "name-set", "read-set", "bug", "truth"]
POSTS += ["code", "grade"]
FIELDS = ["network", "image", "label", "cell", "view", "drawings", "name"]
FIELDS += ["test", "strokes", "pixels", "off", "file", "x", "changes", "set", "most", "keep"]
FIELDS += ["bug", "loss", "text"]
KNOWN = ["small", "large", "dW2[3,7]", "E", "fit", 1832, 3, "AAAA", 2**64, -1, "A1[7]"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(KNOWN),
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inside, max_size=5)
    ),
    max_leaves=12,
)


def coded(most):
    return st.binary(max_size=most).map(base64.b64encode).map(bytes.decode)


IMAGES = (
    st.fixed_dictionaries({"test": st.integers(-1, 10_001) | VALUES})
    | st.fixed_dictionaries(
        {"strokes": st.lists(st.lists(st.integers(-1, 281), max_size=8), max_size=4) | VALUES},
        optional={"off": st.lists(st.sampled_from(["fit", "crop", "x"]), max_size=3) | VALUES},
    )
    | st.fixed_dictionaries(
        {"pixels": st.binary(max_size=800).map(base64.b64encode).map(bytes.decode)}
    )
    | st.fixed_dictionaries(
        {"file": st.binary(max_size=200).map(base64.b64encode).map(bytes.decode)}
    )
    | VALUES
)
CHANGES = (
    st.fixed_dictionaries(
        {},
        optional={
            "off": st.lists(st.sampled_from(["A1[7]", "A1[99]", "A2[0]", 7]), max_size=3) | VALUES,
            "set": st.lists(
                st.tuples(st.sampled_from(["W2[3,7]", "b1[4]", "W9[0,0]"]), st.floats()) | VALUES,
                max_size=3,
            )
            | VALUES,
        },
    )
    | VALUES
)
NEARLY = st.fixed_dictionaries(
    {"network": st.sampled_from(["small", "large"]) | VALUES, "image": IMAGES},
    optional={
        "label": st.integers(-1, 10) | VALUES,
        "cell": st.from_regex(r"d?[WbZAxyE]\d?(\[\d{1,3}(,\d{1,3})?\])?", fullmatch=True) | VALUES,
        "target": st.sampled_from(["dZ2", "dW1", "Z2"]) | VALUES,
        "formula": st.text("Ay1.()*-+@T", max_size=12) | VALUES,
        "number": st.text("0123456789.,e-/", max_size=6) | VALUES,
        "view": VALUES,
        "changes": CHANGES,
        "most": st.integers(3, 65) | VALUES,
        "keep": st.lists(st.sampled_from(["A1[7]", "A1[99]", 3]), max_size=3) | VALUES,
        "drawings": st.lists(VALUES, max_size=3),
        "lesson": st.sampled_from(["rate", "softmax", "mine"]) | VALUES,
        "answer": st.sampled_from(["0.9", "1/3", 1]) | VALUES,
    },
)
SIDES = st.fixed_dictionaries({"network": st.sampled_from(["small", "x"]) | VALUES})
PARTS = {
    "network": st.sampled_from(["small", "large", "784-10-10"]) | VALUES,
    "step": st.none() | st.integers(-1, 3) | VALUES,
    "damage": st.fixed_dictionaries({}, optional={"shift": st.just(2) | VALUES}) | VALUES,
    "threshold": st.floats(-0.1, 1.1) | VALUES,
    "curves": st.just(False) | VALUES,
    "truth": st.integers(-1, 10) | VALUES,
    "read": st.integers(-1, 10) | VALUES,
    "a": SIDES | VALUES,
    "b": SIDES | VALUES,
    "of": st.sampled_from(["pixels", "A1", "A9", "A0"]) | VALUES,
    "count": st.integers(0, 40) | VALUES,
    "changes": CHANGES,
    "layer": st.integers(0, 3) | VALUES,
    "run": st.sampled_from(["small", "784-10-10.squared_error.descent.1.5.all.9.seed0"]) | VALUES,
    "name": st.none() | st.text(max_size=70) | VALUES,
    "settings": st.fixed_dictionaries(
        {
            "hidden": st.lists(st.integers(0, 30), max_size=3) | VALUES,
            "loss": st.just("cross_entropy") | VALUES,
            "optimizer": st.just("adam") | VALUES,
            "learning_rate": st.none() | VALUES,
            "batch_size": st.none() | VALUES,
            "steps": st.none() | VALUES,
            "epochs": st.none() | VALUES,
            "seed": st.integers(-1, 9) | VALUES,
        },
        optional={"train_accuracy": VALUES, "weight_decay": VALUES},
    )
    | VALUES,
}
ALL = {  # that answer about all test images: what they want, and what they may be told
    "evaluate": ("network", "step damage threshold curves changes"),
    "confused": ("network truth read", "step damage changes"),
    "inside": ("network", "step"),
    "compare": ("a b", ""),
    "map": ("network of", "step count changes"),
    "operate": ("network changes", "step"),
    "matters": ("network", "step layer changes"),
    "preview": ("settings", ""),
    "rename": ("run name", ""),
}
many = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def is_answer_or_refusal(came):
    """2xx, a redirect or a 4xx with one line that says why; a fault of ours would have raised."""
    assert came.status_code < 500
    assert came.headers["content-security-policy"] == POLICY
    if came.status_code >= 400:
        assert came.headers["content-type"] == "application/json"
        reason = came.json()["error"]
        assert 0 < len(reason) < 400
        assert reason.isprintable()


def goes_on(page):
    assert page.post("/api/cell", json=MISREAD | {"cell": "E"}).status_code == 200


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """A page whose collections go to a folder of their own."""
    return client_of(
        Served(Lab(shipped(), ThreadedTraining, folder=tmp_path_factory.mktemp("sandbox")), 8765)
    )


@pytest.mark.parametrize("route", POSTS)
@many
@given(body=VALUES | NEARLY)
def test_any_json_is_answered_or_refused(sandbox, route, body):
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    came = sandbox.post(f"/api/{route}", content=content, headers=headers)
    if route != "save" or came.status_code != 200:
        is_answer_or_refusal(came)
    goes_on(sandbox)


@pytest.mark.parametrize("route", ALL)
@many
@given(data=st.data())
def test_any_json_about_all_images_is_answered_or_refused(sandbox, route, data):
    wanted, may = ({name: PARTS[name] for name in names.split()} for names in ALL[route])
    body = data.draw(st.fixed_dictionaries(wanted, optional=may) | VALUES)
    headers = {"Content-Type": "application/json"}
    content = json.dumps(body).encode()
    is_answer_or_refusal(sandbox.post(f"/api/{route}", content=content, headers=headers))
    goes_on(sandbox)


@many
@given(route=st.sampled_from([*POSTS, *ALL, "train"]), content=st.binary(max_size=300))
def test_any_bytes_are_refused(sandbox, route, content):
    headers = {"Content-Type": "application/json"}
    came = sandbox.post(f"/api/{route}", content=content, headers=headers)
    assert came.status_code == 400
    is_answer_or_refusal(came)


HEADER = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30)
NAMES = ["Host", "Origin", "Cookie", "Content-Type", "Sec-Fetch-Site", "Content-Length", "Accept"]


@many
@given(
    path=st.sampled_from([*GETS, *(f"/api/{route}" for route in POSTS)]),
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "OPTIONS", "TRACE", "X"]),
    headers=st.dictionaries(st.sampled_from([*NAMES, "If-None-Match", "X-Y"]), HEADER, max_size=4),
    query=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
)
def test_any_headers_and_queries_are_answered_or_refused(served, path, method, headers, query):
    coded = {name: value.encode("latin-1") for name, value in headers.items()}
    page = client_of(served)
    query = query.replace("#", "")
    came = page.request(method, f"{path}?{query}", headers=coded)
    if not (came.status_code < 300 or method == "HEAD"):
        is_answer_or_refusal(came) if came.status_code >= 400 else None
    assert came.status_code < 500
