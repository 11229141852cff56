"""What the picture of the network is drawn from, held against the network itself."""

import base64

import numpy as np
import pytest
from helpers.clients import MISREAD, SEVEN, arrays_of, client_of, posted

from chainrule import initialise, load_bundled
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import named_model
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served
from chainrule.network import Network, backward, forward


def u8(text, shape=(-1, 784)):
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


def page_of(network):
    lab = Lab((named_model(network),), ThreadedTraining)
    return client_of(Served(lab, 8765)), lab.networks[0].id


def traced(network, digit, label):
    exact = Network(network.sizes, network.parameters.astype(np.float64), network.loss)
    trace = forward(exact, digit.X.astype(np.float64))
    Y = (np.arange(10) == label).astype(np.float64)[:, None]
    return exact, trace, backward(exact, trace, Y)


def test_the_small_network_is_shown_whole(page, mnist):
    told = posted(page, "/api/picture", MISREAD | {"edges": 100})
    exact, trace, d = traced(load_bundled("small"), mnist[1][1832], 3)
    assert (told["label"], told["truth"], told["prediction"]) == (3, 3, trace.A[2].argmax())
    x, hidden, answers = told["layers"]
    assert [each["name"] for each in told["layers"]] == ["x", "A1", "A2"]
    assert (hidden["shown"], hidden["more"], answers["shown"]) == ([*range(10)], 0, [*range(10)])
    assert told["to_learn"] == pytest.approx(min(1, (np.abs(d.dZ[2]).max() / 0.1) ** 0.5))
    assert hidden["on"] == (trace.A[1] > 0).sum()
    assert x["on"] == (mnist[1].images[1832] > 0).sum()
    assert hidden["values"] == trace.A[1][:, 0].tolist()
    assert answers["blame"] == d.dZ[2][:, 0].tolist()

    (forth,), (back,) = told["edges"], told["back"]
    assert (forth["from"], forth["to"]) == ("A1", "Z2")
    assert (back["from"], back["to"]) == ("dZ2", "dA1")
    (W1, _), (W2, b2) = exact.layers
    Z2, dA1 = b2[:, 0].copy(), np.zeros(10)
    for i, j, value in forth["list"]:
        assert value == W2[i, j] * trace.A[1][j, 0]
        Z2[i] += value
    for i, j, value in back["list"]:
        assert value == W2[i, j] * d.dZ[2][i, 0]
        dA1[j] += value
    np.testing.assert_allclose(Z2, trace.Z[2][:, 0], atol=1e-14)
    np.testing.assert_allclose(dA1, d.dA[1][:, 0], atol=1e-14)
    for flow in (forth, back):
        assert (flow["left_out"], flow["share"]) == (0, pytest.approx(1))
        sizes = [abs(value) for *_, value in flow["list"]]
        assert sizes == sorted(sizes, reverse=True)

    for name, scales, rows in (
        ("stencils", "stencil_scales", W1),
        ("steps", "step_scales", d.dW[1]),
    ):
        largest = np.abs(rows).max(axis=1)
        assert hidden[scales] == largest.tolist()
        shown = (u8(hidden[name]).astype(float) - 128) / 127 * largest[:, None]
        assert np.abs(shown - rows).max() <= 0.51 / 127 * largest.max()
    assert u8(x["pixels"]).tolist() == mnist[1].images[[1832]].tolist()
    blame = (W1 * d.dZ[1]).sum(axis=0)
    assert x["blame_scale"] == pytest.approx(np.abs(blame).max(), rel=1e-12)
    assert (u8(x["blame"])[0] - 128.0) / 127 * x["blame_scale"] == pytest.approx(
        blame, abs=0.51 / 127 * x["blame_scale"]
    )


def test_who_pushed_each_answer(page):
    told = posted(page, "/api/picture", MISREAD | {"network": "large"})
    arrays = arrays_of(posted(page, "/api/ledger", MISREAD | {"network": "large"}))
    for i, answer in enumerate(told["answers"]):
        assert (answer["Z"], answer["A"]) == (arrays["Z2"][i], arrays["A2"][i])
        assert answer["bias"] == arrays["b2"][i]
        assert (len(answer["push"]), answer["others"]) == (12, 116)
        for unit, value in answer["push"]:
            assert value == arrays["W2"][i, unit] * arrays["A1"][unit]
        whole = answer["bias"] + sum(value for _, value in answer["push"]) + answer["rest"]
        assert whole == pytest.approx(answer["Z"], abs=1e-13)


def test_a_wide_layer_shows_its_strongest_units(page):
    asking = MISREAD | {"network": "large"}
    arrays = arrays_of(posted(page, "/api/ledger", asking))
    pushed = np.abs(arrays["W2"] * arrays["A1"]).sum(axis=0)
    for most in (4, 18, 64):
        hidden = posted(page, "/api/picture", asking | {"most": most})["layers"][1]
        assert hidden["shown"] == sorted(np.argsort(-pushed, kind="stable")[:most].tolist())
        assert (hidden["units"], hidden["more"]) == (128, 128 - most)
        assert u8(hidden["stencils"]).shape == (most, 784)
    weakest = int(pushed.argmin())
    keeping = posted(page, "/api/picture", asking | {"most": 4, "keep": [f"A1[{weakest}]"]})
    assert weakest in keeping["layers"][1]["shown"]
    few = posted(page, "/api/picture", asking | {"edges": 5})["edges"][0]
    assert len(few["list"]) == 5
    assert few["left_out"] > 0
    assert 0 < few["share"] < 1


@pytest.mark.parametrize("hidden", [(), (9, 80, 7), (5,) * 10])
def test_networks_of_any_depth(hidden, mnist):
    network = initialise((784, *hidden, 10), rng=np.random.default_rng(4))
    page, id = page_of(network)
    told = posted(page, "/api/picture", {"network": id, "image": SEVEN, "label": 7})
    depth = len(hidden) + 1
    assert [each["name"] for each in told["layers"]] == [
        "x",
        *(f"A{l}" for l in range(1, depth + 1)),
    ]
    assert [each["to"] for each in told["edges"]] == [f"Z{l}" for l in range(2, depth + 1)]
    assert [each["to"] for each in told["back"]] == [f"dA{l}" for l in range(depth - 1, 0, -1)]
    assert told["truth"] is None
    for each, units in zip(told["layers"][1:], (*hidden, 10), strict=True):
        assert len(each["shown"]) == (units if each["units"] == 10 else min(units, 12))


def test_a_picture_is_small(page):
    for network in ("small", "large"):
        came = page.post("/api/picture", json=MISREAD | {"network": network})
        assert len(came.content) < 60_000


def test_what_overflows_is_drawn_too():
    network = initialise((784, 4, 10), rng=np.random.default_rng(4), dtype=np.float64)
    network.parameters[:] *= 1e300
    page, id = page_of(network)
    told = posted(page, "/api/picture", {"network": id, "image": {"test": 0}, "label": 1})
    assert told["overflows"] == "Z2"
    assert told["prediction"] is None


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"most": 3}, "most must be a whole number from 4 to 64"),
        ({"most": 65}, "most must be a whole number from 4 to 64"),
        ({"edges": 0}, "edges must be a whole number from 1 to 1000"),
        ({"keep": "A1[7]"}, "keep must be a list"),
        ({"keep": ["A1[10]"]}, "'A1[10]' is no hidden unit; there are A1[0] to A1[9]"),
        ({"keep": ["A2[3]"]}, "'A2[3]' is no hidden unit"),
        ({"keep": ["W2[3,7]"]}, "'W2[3,7]' is no hidden unit"),
        ({"keep": [7]}, "a unit to keep must be a text"),
        ({"units": 9}, "got 'units' too"),
    ],
)
def test_pictures_that_cannot_be(page, more, reason):
    refused = page.post("/api/picture", json=MISREAD | more)
    assert refused.status_code == 400
    assert reason in refused.json()["error"]
