"""What the lab answers, against the library: networks, ledgers, cells, proofs, one step."""

import base64
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers import ROOT, toy_problem
from helpers.clients import MISREAD, arrays_of, client_of, f8, posted

from chainrule import backward, evaluate, forward, gradient, loss, predict
from chainrule.explain import truth
from chainrule.explain.ledger import open_ledger
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import named_model, shipped
from chainrule.lab.live.thread import ThreadedTraining
from chainrule.lab.server.served import Served

# --------------------------------------------------------------------------------- what it answers


def test_the_networks_and_their_accuracy(page, lab, mnist):
    about = page.get("/api/lab").json()
    assert [each["id"] for each in about["networks"]] == ["small", "large"]
    for entry, named in zip(about["networks"], lab.networks, strict=True):
        assert entry["accuracy"] == evaluate(named.network, mnist[1]).accuracy
        assert entry["sizes"] == list(named.network.sizes)
        assert entry["parameters"] == named.network.parameters.size
        assert entry["loss"] == named.network.loss
        assert (entry["digits"], entry["images"]) == ("MNIST", 10_000)
    assert about["given"] is None
    assert about["h"] == 1e-5


def test_mistakes_are_the_images_read_wrong(page, lab, mnist):
    for named in lab.networks:
        told = page.get("/api/mistakes", params={"network": named.id}).json()
        read = predict(named.network, mnist[1].X)
        wrong = [i for i in range(10_000) if read[i] != mnist[1].labels[i]]
        assert told["indices"] == wrong
        assert told["labels"] == [int(mnist[1].labels[i]) for i in wrong]
        assert told["predictions"] == [int(read[i]) for i in wrong]
        assert all(0.1 < sure <= 1 for sure in told["confidence"])
    # One of them is a 3 that the small network reads as a 5, 64 % sure.
    told = page.get("/api/mistakes", params={"network": "small"}).json()
    place = told["indices"].index(1832)
    assert (told["labels"][place], told["predictions"][place]) == (3, 5)
    assert told["confidence"][place] == pytest.approx(0.64, abs=0.005)


def test_images_are_the_stored_bytes(page, mnist):
    told = page.get("/api/images", params={"network": "small", "start": 9950, "count": 100}).json()
    assert base64.b64decode(told["images"]) == mnist[1].images[9950:].tobytes()
    assert told["labels"] == mnist[1].labels[9950:].tolist()
    assert told["start"] == 9950


@pytest.mark.parametrize(("network", "number", "label"), [("small", 1832, 7), ("large", 0, None)])
def test_every_array_of_the_ledger_is_the_librarys(page, lab, mnist, network, number, label):
    told = posted(
        page, "/api/ledger", {"network": network, "image": {"test": number}, "label": label}
    )
    stored = lab.named(network).network
    exact = replace(stored, parameters=stored.parameters.astype(np.float64))
    digit = mnist[1][number]
    X = digit.X.astype(np.float64)
    label = int(digit.labels[0]) if label is None else label
    Y = np.eye(10)[:, [label]]
    trace = forward(exact, X)
    d = backward(exact, trace, Y)
    wanted = {"x": X, "y": Y, "E": loss(exact, X, Y)}
    for l, (W, b) in enumerate(exact.layers, 1):
        wanted |= {f"W{l}": W, f"b{l}": b, f"Z{l}": trace.Z[l], f"A{l}": trace.A[l]}
        wanted |= {f"dA{l}": d.dA[l], f"dZ{l}": d.dZ[l], f"dW{l}": d.dW[l], f"db{l}": d.db[l]}
    came = arrays_of(told)
    assert set(came) == set(wanted)
    for name, array in wanted.items():
        assert came[name].tobytes() == array.tobytes(), name
    order = ["x", "W1", "b1", "Z1", "A1", "W2", "b2", "Z2", "A2", "y", "E"]
    order += ["dA2", "dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"]
    assert list(came) == order
    assert (told["network"], told["image"]) == (network, {"test": number})
    assert (told["label"], told["truth"], told["m"]) == (label, int(digit.labels[0]), 1)
    assert told["prediction"] == int(predict(stored, digit.X)[0])


def test_the_first_minutes_cell_is_the_gradient(page, lab, mnist):
    told = posted(page, "/api/ledger", MISREAD)
    stored = lab.named("small").network
    exact = replace(stored, parameters=stored.parameters.astype(np.float64))
    digit = mnist[1][1832]
    flat = gradient(exact, digit.X.astype(np.float64), digit.Y.astype(np.float64))
    assert arrays_of(told)["dW2"][3, 7] == flat[784 * 10 + 10 + 3 * 10 + 7] != 0
    assert told["prediction"] == 5
    assert told["truth"] == 3


def test_input_times_weight_adds_up_to_the_sums(page):
    told = posted(page, "/api/ledger", MISREAD)
    arrays = arrays_of(told)
    weighted = np.frombuffer(base64.b64decode(told["weighted"]), "<f8").reshape(10, 784)
    np.testing.assert_allclose(weighted.sum(axis=1) + arrays["b1"], arrays["Z1"], rtol=1e-12)
    assert not weighted[:, arrays["x"] == 0].any()


def test_the_jacobian_is_the_slope_of_softmax(page):
    told = posted(page, "/api/ledger", MISREAD)
    Z, J = arrays_of(told)["Z2"], f8(told["jacobian"])
    for j in range(10):
        nudge = 1e-6 * np.eye(10)[j]
        above, below = (np.exp(z) / np.exp(z).sum() for z in (Z + nudge, Z - nudge))
        np.testing.assert_allclose(J[:, j], (above - below) / 2e-6, atol=1e-9)
    assert told["jacobian"]["name"] == "∂A2/∂Z2"
    assert told["jacobian"]["shape"] == [10, 10]


def test_patterns_put_in_are_the_cells_own_words(page):
    """The page puts the index in; the library says the same of the cell."""

    def put_in(text, i, j):
        return re.sub(r"\bj\b", str(j), re.sub(r"\bi\b", str(i), text))

    told = posted(page, "/api/ledger", MISREAD)
    for entry in told["arrays"]:
        i, j = (3, 7)[: len(entry["shape"])] + ("", "")[len(entry["shape"]) :]
        name = entry["name"] + {0: "", 1: "[3]", 2: "[3,7]"}[len(entry["shape"])]
        opened = posted(page, "/api/cell", MISREAD | {"cell": name})
        assert put_in(entry["cell"]["formula"], i, j) == opened["formula"]
        for neighbours in ("comes_from", "feeds"):
            assert [put_in(each, i, j) for each in entry["cell"][neighbours]] == opened[neighbours]
        assert entry["source"] == opened["source"]


@pytest.mark.parametrize("cell", ["dW2[3,7]", "A2[5]", "Z1[3]", "E", "x[350]", "dZ2[ 3 ]"])
def test_a_cell_is_what_explain_says(page, answer, cell):
    told = posted(page, "/api/cell", MISREAD | {"cell": cell})
    model = ROOT / "src/chainrule/models/small.safetensors"
    explained = answer("explain", model, "--test", 1832, "--cell", cell)
    assert told == {name: explained[name] for name in told}
    assert {"name", "value", "formula", "source", "terms", "total", "numerator"} <= set(told)


def test_numbers_that_are_not_finite_arrive(mnist):
    """Cross-entropy's dA2 where the true label's probability underflows."""
    network, _, _ = toy_problem(np.random.default_rng(0), (784, 3, 10), loss="cross_entropy")
    network.parameters[:] = 0
    network.parameters[-10] = 1e4
    page = client_of(Served(Lab((named_model(network),), ThreadedTraining), 8765))
    (entry,) = page.get("/api/lab").json()["networks"]
    asking = {"network": entry["id"], "image": {"test": 0}, "label": 4}
    assert arrays_of(posted(page, "/api/ledger", asking))["dA2"][4] == -np.inf
    opened = posted(page, "/api/cell", asking | {"cell": "dA2[4]"})
    assert opened["value"] == opened["total"] == "-inf"


def test_pixels_are_an_image(page, mnist):
    """The pixels of a test image give its ledger."""
    content = base64.b64encode(mnist[1].images[1832].tobytes()).decode()
    told = posted(page, "/api/ledger", MISREAD | {"image": {"pixels": content}})
    same = posted(page, "/api/ledger", MISREAD | {"label": 5})
    assert told["label"] == told["prediction"] == 5  # nobody said what it is: what is read
    assert told["truth"] is None
    assert told["arrays"] == same["arrays"]
    assert told["image"] == {"pixels": content}


def test_a_ledger_is_computed_once(tmp_path, monkeypatch):
    page = client_of(Served(Lab(shipped(), ThreadedTraining, folder=tmp_path), 8765))
    opened = []

    def counted(network, x, label):
        opened.append(label)
        return open_ledger(network, x, label)

    monkeypatch.setattr("chainrule.lab.api.lab.open_ledger", counted)
    posted(page, "/api/ledger", MISREAD | {"label": 8})
    posted(page, "/api/cell", MISREAD | {"label": 8, "cell": "dW2[3,7]"})
    posted(page, "/api/cell", MISREAD | {"label": 8, "cell": "Z1[0]"})
    assert opened == [8]
    for label in [*range(8)] * 2:
        posted(page, "/api/ledger", MISREAD | {"label": label})
    assert opened == [8, *range(8)]


# ---------------------------------------------------------------- proofs, impostors and one step


@pytest.mark.parametrize("network", ["small", "large"])
@pytest.mark.parametrize("cell", ["dW2[3,7]", "dW1[3,350]", "db1[4]", "dZ2[3]", "dA1[7]"])
def test_a_proof_is_a_central_difference(page, lab, mnist, network, cell):
    told = posted(page, "/api/proof", MISREAD | {"network": network, "cell": cell})
    assert told["agrees"]
    assert told["cell"] == cell
    assert told["nudged"] == cell[1:]
    assert told["quotient"] == (told["E_above"] - told["E_below"]) / (2 * told["h"])
    opened = posted(page, "/api/cell", MISREAD | {"network": network, "cell": cell})
    assert told["ours"] == opened["value"] == pytest.approx(told["quotient"], abs=1e-9)
    # E + h, worked here by the network alone, for a parameter.
    if cell[1] in "Wb":
        exact = lab.named(network).exact
        digit = mnist[1][1832]
        moved = replace(exact, parameters=exact.parameters.copy())
        array = moved.layers[int(cell[2]) - 1]["Wb".index(cell[1])]
        array[tuple(map(int, cell[4:-1].split(",")))] += told["h"]
        E = loss(moved, digit.X.astype(np.float64), digit.Y.astype(np.float64))
        assert told["E_above"] == pytest.approx(float(E), rel=1e-14)


def test_no_proof_of_what_is_no_derivative(page):
    refused = page.post("/api/proof", json=MISREAD | {"cell": "W2[3,7]"})
    assert refused.status_code == 400
    assert "dW2[3,7]" in refused.json()["error"]


@pytest.mark.parametrize("network", ["small", "large"])
def test_the_true_digits_are_those_of_explain_exact(page, answer, network):
    cells = ["dW2[3,7]", "dW1[3,350]", "db1[4]", "dZ2[3]", "dA1[7]", "dA2[5]", "E", "Z1[2]", "x[1]"]
    for cell in cells:
        told = posted(page, "/api/truth", MISREAD | {"network": network, "cell": cell})
        explained = answer("explain", network, "--test", "1832", "--cell", cell, "--exact")
        assert told == explained["exact"]
        assert told["cell"] == cell
        assert told["truth"][: told["agree"]] == told["ours"][: told["agree"]]
        assert told["within"] is True
        opened = posted(page, "/api/cell", MISREAD | {"network": network, "cell": cell})
        assert float(told["ours"].replace("−", "-")) == opened["value"]
    refused = page.post("/api/truth", json=MISREAD | {"cell": "dW9[0,0]"})
    assert (refused.status_code, "no cell is called" in refused.json()["error"]) == (400, True)


def test_the_pass_is_enclosed_once_for_a_moment_and_never_for_a_quotient(page, monkeypatch):
    enclosed = []
    right = truth.exact
    monkeypatch.setattr(truth, "exact", lambda *of: enclosed.append(of) or right(*of))
    moment = MISREAD | {"image": {"test": 77}}
    posted(page, "/api/proof", moment | {"cell": "dW2[3,7]"})
    assert enclosed == []
    for cell in ("dW2[3,7]", "dZ1[0]", "E", "dW2[3,7]"):
        posted(page, "/api/truth", moment | {"cell": cell})
    assert len(enclosed) == 1


def test_a_moment_without_truth_or_at_a_corner_is_a_sentence(page):
    bias = {"set": [[f"b2[{k}]", 3000.0 if k == 5 else -3000.0] for k in range(10)]}
    moment = MISREAD | {"network": "large", "changes": bias}
    told = posted(page, "/api/truth", moment | {"cell": "dA2[3]"})
    assert told["truth"] is None
    assert (told["ours"], told["ulps"], told["within"]) == ("-inf", "inf", None)
    assert "there is no truth to be had" in told["says"][0]
    # A unit without weights and bias: Z1 is truly 0.
    at_0 = {"set": [["b1[0]", 0.0]]}
    black = base64.b64encode(bytes(784)).decode()
    moment = {"network": "small", "image": {"pixels": black}, "label": 3, "changes": at_0}
    told = posted(page, "/api/truth", moment | {"cell": "dZ1[0]"})
    assert told["says"] == ["Z1[0] is truly 0, the corner of ReLU; its slope there is taken as 0."]
    assert (told["truth"], told["ours"], told["within"]) == ("0", "0", True)


def test_only_chainrules_own_dZ_agrees(page):
    told = posted(page, "/api/impostors", MISREAD)
    dZ2 = arrays_of(posted(page, "/api/ledger", MISREAD))["dZ2"]
    assert told["array"] == "dZ2"
    np.testing.assert_allclose(told["quotients"], dZ2, atol=1e-9)
    own, *impostors = told["accounts"]
    assert (own["name"], own["agrees"], own["values"]) == ("chainrule", True, dZ2.tolist())
    assert [each["name"] for each in impostors] == ["A - Y", "s(1 - s)"]
    assert not any(each["agrees"] for each in impostors)
    fields = {"name", "values", "relative", "largest", "agrees"}
    assert all(set(each) == fields for each in told["accounts"])


def test_one_step_keeps_its_promise(page, lab, mnist):
    told = posted(page, "/api/step", MISREAD)
    exact = lab.named("small").exact
    digit = mnist[1][1832]
    X, Y = digit.X.astype(np.float64), digit.Y.astype(np.float64)
    g = gradient(exact, X, Y)
    assert told["slope"] == pytest.approx(float(g @ g), rel=1e-12)
    assert len(told["rates"]) == len(told["measured"]) == len(told["predictions_after"]) == 50
    for k in (0, 25, 49):
        alpha = told["rates"][k]
        after = replace(exact, parameters=exact.parameters - alpha * g)
        assert told["promised"][k] == pytest.approx(-alpha * float(g @ g), rel=1e-12)
        change = float(loss(after, X, Y)) - float(loss(exact, X, Y))
        assert told["measured"][k] == pytest.approx(change, abs=1e-13)
        A = forward(after, X).A[2][:, 0]
        assert told["probabilities_after"][k] == pytest.approx(A.tolist(), abs=1e-13)
        assert told["predictions_after"][k] == int(A.argmax())
    assert told["measured"][0] == pytest.approx(told["promised"][0], rel=0.01)
    assert 3 in told["predictions_after"]  # the 5 becomes a 3
