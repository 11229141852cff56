"""A network that is operated on, through every route, against networks built by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.clients import MISREAD, SEVEN, arrays_of, client_of, posted

from chainrule import evaluate, initialise, load_bundled, loss, predict, probabilities
from chainrule.explain.learning import learn_once
from chainrule.explain.ledger import open_ledger
from chainrule.lab.api import lab as lab_module
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import named_model, shipped
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served

CHANGES = {"off": ["A1[7]", "A1[3]"], "set": [["W2[3,7]", 0.1], ["b1[4]", -1]]}
CHANGED = MISREAD | {"changes": CHANGES}


def operated(name="small"):
    """The same, done by hand."""
    network = load_bundled(name)
    network = replace(network, parameters=network.parameters.copy())
    (W1, b1), (W2, _) = network.layers
    W2[3, 7] = np.float32(0.1)
    b1[4] = -1
    W1[[3, 7]] = 0
    b1[[3, 7]] = -1
    return network


def test_every_number_is_that_of_the_changed_network(page, mnist):
    book = open_ledger(operated(), mnist[1].X[:, 1832], 3)
    told = posted(page, "/api/ledger", CHANGED)
    arrays = arrays_of(told)
    assert list(arrays) == list(book.arrays)
    for name, values in book.arrays.items():
        assert arrays[name].tolist() == values.tolist(), name
    assert told["prediction"] == int(book.arrays["A2"].argmax())
    assert arrays["A1"][7] == 0

    for cell in ("dW2[3,7]", "dW1[3,350]", "dW1[4,350]", "dZ1[7]", "dA1[7]", "dW2[0,4]"):
        proof = posted(page, "/api/proof", CHANGED | {"cell": cell})
        assert proof["agrees"], cell
        assert proof["kink"] is None
        assert proof["E"] == float(book.arrays["E"])
        assert posted(page, "/api/cell", CHANGED | {"cell": cell})["value"] == proof["ours"]

    step = posted(page, "/api/step", CHANGED)
    assert step["measured"] == learn_once(book).measured.tolist()
    accounts = posted(page, "/api/impostors", CHANGED)["accounts"]
    assert accounts[0]["agrees"]
    assert accounts[0]["values"] == book.arrays["dZ2"].tolist()

    curve = posted(page, "/api/curve", CHANGED | {"cell": "W2[3,7]"})
    assert curve["value"] == float(np.float32(0.1))
    by = curve["moves"][5]
    moved = replace(book.network, parameters=book.network.parameters.copy())
    moved.layers[1][0][3, 7] += by
    x, y = (book.arrays[each][:, None] for each in "xy")
    assert curve["errors"][5] == pytest.approx(float(loss(moved, x, y)), rel=1e-12)


def test_the_picture_keeps_units_that_are_off_and_what_they_looked_for(page):
    plain = posted(page, "/api/picture", MISREAD)["layers"][1]
    hidden = posted(page, "/api/picture", CHANGED)["layers"][1]
    assert hidden["off"] == [3, 7]
    assert hidden["stencils"] == plain["stencils"]
    assert hidden["values"][7] == hidden["blame"][7] == 0
    wide = MISREAD | {"network": "large", "most": 4}
    shown = posted(page, "/api/picture", wide)["layers"][1]["shown"]
    away = next(unit for unit in range(128) if unit not in shown)
    cut = posted(page, "/api/picture", wide | {"changes": {"off": [f"A1[{away}]"]}})["layers"][1]
    assert away in cut["shown"]
    assert cut["off"] == [away]


@pytest.mark.parametrize("name", ["small", "large"])
def test_what_changes_cost_is_counted_on_all_images(page, mnist, name):
    digits = mnist[1]
    told = posted(page, "/api/operate", {"network": name, "changes": CHANGES})
    was, now = (predict(each, digits.X) for each in (load_bundled(name), operated(name)))
    then, still = was == digits.labels, now == digits.labels
    assert told["images"] == 10_000
    assert told["accuracy"] == {"before": then.mean(), "after": still.mean()}
    for when, network in (("before", load_bundled(name)), ("after", operated(name))):
        wanted = evaluate(network, digits, engine="numpy").accuracy_per_digit.tolist()
        assert told["per_digit"][when] == wanted
    for what, chosen in (("gained", ~then & still), ("lost", then & ~still)):
        few = told[what]
        assert few["count"] == chosen.sum() > 0
        assert len(few["indices"]) == min(12, few["count"])
        assert chosen[few["indices"]].all()
        for field, values in (("labels", digits.labels), ("before", was), ("after", now)):
            assert few[field] == values[few["indices"]].tolist()


def test_all_images_are_read_by_the_changed_network(page, mnist):
    digits, network = mnist[1], operated()
    A = probabilities(network, digits.X)
    wrong = np.flatnonzero(A.argmax(axis=0) != digits.labels)
    asking = {"network": "small", "changes": CHANGES}
    query = {"network": "small", "changes": json.dumps(CHANGES)}
    came = page.get("/api/mistakes", params=query)
    assert came.status_code == 200
    assert came.json()["indices"] == wrong.tolist()
    told = posted(page, "/api/evaluate", asking)
    assert told["accuracy"] == 1 - len(wrong) / 10_000
    damaged = posted(page, "/api/evaluate", asking | {"damage": {"shift": 2}})
    assert (
        damaged["accuracy"]
        != posted(page, "/api/evaluate", {"network": "small", "damage": {"shift": 2}})["accuracy"]
    )
    cell = posted(page, "/api/confused", asking | {"truth": 3, "read": 5})
    assert cell["count"] == told["confusion"][3][5]
    there = posted(page, "/api/map", asking | {"of": "A1", "count": 50})
    plain = posted(page, "/api/map", {"network": "small", "of": "A1", "count": 50})
    assert there["predictions"] == A[:, :50].argmax(axis=0).tolist()
    assert there["x"] != plain["x"]
    drawing = posted(page, "/api/drawing", asking | {"image": SEVEN})
    plain = posted(page, "/api/drawing", {"network": "small", "image": SEVEN})
    assert drawing["probabilities"] != plain["probabilities"]


@pytest.mark.parametrize(
    "changes",
    [
        {"off": ["A1[0]", "A2[6]"]},
        {"set": [["W1[2,300]", 0.5], ["b2[3]", 1], ["W3[9,0]", -2]]},
        {"off": ["A2[1]"], "set": [["W3[1,1]", 4]]},
        {"off": ["A1[4]"], "set": [["W1[0,200]", 0.3], ["W1[4,200]", 9]]},
    ],
)
def test_images_are_read_as_by_a_network_of_its_own(mnist, changes):
    """Only what has changed is computed again, in a network of two hidden layers too.

    To the same bits, but for units of the first layer that got other weights: their products are
    made alone, and BLAS adds up a product of few rows in another order.
    """
    network = initialise((784, 9, 8, 10), rng=np.random.default_rng(7))
    lab = Lab((named_model(network),), ThreadedTraining)
    page = client_of(Served(lab, 8765))
    id = lab.networks[0].id
    told = posted(page, "/api/operate", {"network": id, "changes": changes})
    (after,) = (found for found, _ in lab.changed.values.values())
    whole = probabilities(after.network, mnist[1].X)
    found = lab.read(after)
    if "W1" in str(changes):
        np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-7)
    else:
        assert found.tobytes() == whole.tobytes()
    assert told["accuracy"]["after"] == np.mean(found.argmax(axis=0) == mnist[1].labels)
    assert abs(told["accuracy"]["after"] - np.mean(whole.argmax(axis=0) == mnist[1].labels)) <= 1e-4


def test_what_is_changed_and_what_is_not_do_not_mix(tmp_path, monkeypatch):
    """In any order, from whatever is kept; and a plain request takes no other way than before."""
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    other = {"off": ["A1[1]"]}
    again = {"set": CHANGES["set"][::-1], "off": CHANGES["off"][::-1]}  # the same in another order
    ways = [{}, {"changes": CHANGES}, {"changes": other}]
    of_one = ("ledger", "step", "picture")
    of_all = ("evaluate", "matters")

    def answers(way):
        return [posted(page, f"/api/{each}", MISREAD | way) for each in of_one] + [
            posted(page, f"/api/{each}", {"network": "small"} | way) for each in of_all
        ]

    first = [answers(way) for way in ways]
    for way, told in reversed([*zip(ways, first, strict=True)]):
        assert answers(way) == told
    for k in range(len(first[0])):
        assert len({json.dumps(told[k]) for told in first}) == 3

    opened = []
    real = lab_module.open_ledger
    monkeypatch.setattr(lab_module, "open_ledger", lambda *a: opened.append(a) or real(*a))
    assert posted(page, "/api/ledger", MISREAD | {"changes": again}) == first[1][0]
    assert posted(page, "/api/ledger", MISREAD | {"changes": {}}) == first[0][0]
    assert posted(page, "/api/ledger", MISREAD | {"changes": None}) == first[0][0]
    assert not opened


def test_a_saved_moment_is_that_of_the_changed_network(page):
    kept = page.post("/api/save", json=CHANGED | {"view": {"cut": "1.7"}})
    disposition = 'attachment; filename="chainrule-small-changed-test1832.html"'
    assert kept.headers["content-disposition"] == disposition
    assert posted(page, "/api/ledger", CHANGED)["arrays"][2]["f8"] in kept.text


@pytest.mark.parametrize("name", ["small", "large"])
def test_what_each_unit_is_worth(page, mnist, name):
    told = posted(page, "/api/matters", {"network": name})
    network, digits = load_bundled(name), mnist[1]
    base = predict(network, digits.X)
    assert told["images"] == 10_000
    assert told["accuracy"] == np.mean(base == digits.labels)
    units = told["units"]
    assert sorted(each["unit"] for each in units) == [*range(network.sizes[1])]
    assert [each["cost"] for each in units] == sorted((e["cost"] for e in units), reverse=True)
    assert told["more"] == 0
    for each in (units[0], units[1], units[-1]):
        assert each["cost"] == pytest.approx(told["accuracy"] - each["accuracy"], abs=1e-12)
        off = {"network": name, "changes": {"off": [f"A1[{each['unit']}]"]}}
        alone = posted(page, "/api/operate", off)
        # In float32 the two ways round differently: an image on the edge may fall either way.
        assert each["accuracy"] == pytest.approx(alone["accuracy"]["after"], abs=1.01e-4)
    first = posted(
        page, "/api/operate", {"network": name, "changes": {"off": [f"A1[{units[0]['unit']}]"]}}
    )["per_digit"]
    costs = np.subtract(first["before"], first["after"])
    assert units[0]["digit"] == costs.argmax()
    assert units[0]["digit_cost"] == pytest.approx(costs.max(), abs=2e-3)


def test_a_unit_that_is_off_already_costs_nothing(page):
    told = posted(page, "/api/matters", {"network": "small", "changes": CHANGES})
    costs = {each["unit"]: each for each in told["units"]}
    for unit in (3, 7):
        assert costs[unit]["cost"] == costs[unit]["digit_cost"] == 0
        assert costs[unit]["digit"] is None
    assert max(each["cost"] for each in told["units"]) > 0


def test_units_of_a_wide_network_are_ranked_on_fewer_images(monkeypatch):
    network = initialise((784, 6, 300, 10), rng=np.random.default_rng(1))
    lab = Lab((named_model(network),), ThreadedTraining)
    page = client_of(Served(lab, 8765))
    monkeypatch.setattr("chainrule.lab.api.surgery.WORK", 300 * 10 * 700)
    told = posted(page, "/api/matters", {"network": lab.networks[0].id, "layer": 2})
    assert (told["layer"], told["images"]) == (2, 700)
    assert (len(told["units"]), told["more"]) == (200, 100)


def test_numbers_that_overflow_are_a_refusal_or_are_shown(page):
    wild = {"changes": {"set": [["b1[0]", 3e38], ["W2[3,0]", 3e38]]}}
    refused = page.post("/api/operate", json={"network": "small"} | wild)
    assert refused.status_code == 400
    assert "Z2 overflows" in refused.json()["error"]
    assert posted(page, "/api/ledger", MISREAD | wild)["overflows"] is None  # float64 holds it
    told = posted(page, "/api/matters", {"network": "small"} | wild)
    assert told["images"] == 10_000


REFUSED = [
    ([], "changes must be an object, got a list"),
    ({"cut": []}, "the fields of changes are off, set; got 'cut' too"),
    ({"off": "A1[7]"}, "off must be a list"),
    ({"off": [7]}, "a name in changes must be a text"),
    ({"off": ["A2"]}, "a change names A1[7], got 'A2'"),
    ({"off": ["W1[0,0]"]}, "a change names A1[7], got 'W1[0,0]'"),
    ({"off": ["A1[7]", "A1[7]"]}, "A1[7] is changed twice"),
    ({"off": ["A1[10]"]}, "'A1[10]' is no hidden unit; there are A1[0] to A1[9]"),
    ({"off": ["A2[0]"]}, "'A2[0]' is no hidden unit"),
    ({"off": ["A1[1]"] * 201}, "off must be a list of 0 to 200"),
    (
        {"off": [f"A1[{k}]" for k in range(150)], "set": [[f"b1[{k}]", 0] for k in range(51)]},
        "changes may be 200, not more, got 201",
    ),
    ({"set": {"W2[3,7]": 1}}, "set must be a list"),
    ({"set": [["W2[3,7]"]]}, "one of set must be a list of 2 to 2, got 1 of them"),
    ({"set": [["W2[3,7]", "1"]]}, "W2[3,7] must be a number"),
    ({"set": [["W2[3,7]", True]]}, "W2[3,7] must be a number"),
    ({"set": [["W2[3,7]", 1e39]]}, "W2[3,7] must be a number from -3.40282e+38 to 3.40282e+38"),
    ({"set": [["W2[3,7]", 10**400]]}, "W2[3,7] must be a number"),
    ({"set": [["dW2[3,7]", 1]]}, "a change names W2[3,7] or b1[4], got 'dW2[3,7]'"),
    ({"set": [["W2[3, 7]", 1]]}, "a change names W2[3,7] or b1[4]"),
    ({"set": [["W2[3,10]", 1]]}, "'W2[3,10]' is no parameter; the last ones are W1[9,783], b1[9]"),
    ({"set": [["b3[0]", 1]]}, "'b3[0]' is no parameter"),
    ({"set": [["b1[0]", 1], ["b1[0]", 2]]}, "b1[0] is changed twice"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_changes_that_cannot_be(page, changes, reason):
    for path, asking in (("ledger", MISREAD), ("operate", {"network": "small"})):
        refused = page.post(f"/api/{path}", json=asking | {"changes": changes})
        assert refused.status_code == 400
        assert reason in refused.json()["error"]
        assert "\n" not in refused.json()["error"]
        assert len(refused.text) < 400


def test_what_else_cannot_be_asked(page):
    for path, asking, reason in (
        ("operate", {"network": "small"}, "changes is missing"),
        ("operate", {"network": "small", "changes": {}, "step": 3}, "is no run"),
        ("matters", {"network": "small", "layer": 2}, "layer must be a whole number from 1 to 1"),
        ("matters", {"network": "small", "layer": 0}, "layer must be a whole number from 1 to 1"),
    ):
        refused = page.post(f"/api/{path}", json=asking)
        assert refused.status_code in (400, 404)
        assert reason in refused.json()["error"]
    for text in ("x", "[]", '{"off": ["A1[99]"]}'):
        query = {"network": "small", "changes": text}
        assert page.get("/api/mistakes", params=query).status_code == 400
    flat = Lab(
        (named_model(initialise((784, 10), rng=np.random.default_rng(0))),), ThreadedTraining
    )
    id = flat.networks[0].id
    page = client_of(Served(flat, 8765))
    assert "no hidden units" in page.post("/api/matters", json={"network": id}).json()["error"]
    refused = page.post("/api/operate", json={"network": id, "changes": {"off": ["A1[0]"]}})
    assert "there are none" in refused.json()["error"]
    told = posted(page, "/api/operate", {"network": id, "changes": {"set": [["b1[3]", 2]]}})
    assert told["gained"]["count"] + told["lost"]["count"] > 0


def test_changes_of_nothing_cost_nothing(page):
    told = posted(page, "/api/operate", {"network": "small", "changes": {}})
    assert told["accuracy"]["before"] == told["accuracy"]["after"]
    assert told["gained"]["count"] == told["lost"]["count"] == 0
