"""The zoo: each mistake is what it says it is, and is seen where it says it is."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers import ROOT

from chainrule.descent import MEMORY_ROWS, Rule, take_step
from chainrule.explain.bugs.bug import classes, result, same, shows
from chainrule.explain.bugs.program import RIGHT, Case, learn, run
from chainrule.explain.bugs.training import STEPS, curve, setting_for
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.check import check
from chainrule.explain.impostors import IMPOSTORS
from chainrule.network import LOSSES, backward, error, forward, gradient, initialise

SHAPES = ((12, 4, 4, 3), (7, 3), (9, 9, 5, 7, 4))
RULES = (Rule(), Rule("momentum", 0.8), Rule("adam"))
BY_NAME = {bug.name: bug for bug in ZOO}


def case_of(sizes, loss="squared_error", *, m=5, fresh=False, decay=0.0, rule=RULES[0], seed=0):
    """Random images and labels; a network in whose hidden layers some units are on and some off."""
    rng = np.random.default_rng(seed)
    network = initialise(sizes, loss=loss, weight_decay=decay, rng=rng, dtype=np.float64)
    if not fresh:
        noise = 0.3 * rng.normal(size=network.parameters.size)
        network = replace(network, parameters=network.parameters + noise)
    X = rng.integers(1, 255, (sizes[0], m)) / 255 * (rng.random((sizes[0], m)) < 0.7)
    X[0] = 1.0
    labels = rng.integers(0, sizes[-1], m)
    return Case(network, X, labels, rule, 0.1, ((m,),) if m == 1 else ((2,), (2,)))


def all_cases():
    for seed, sizes in enumerate(SHAPES):
        for loss in LOSSES:
            for rule in RULES:
                for fresh, decay, m in ((True, 0.0, 5), (False, 0.01, 5), (False, 0.0, 1)):
                    yield case_of(
                        sizes, loss, m=m, fresh=fresh, decay=decay, rule=rule, seed=31 + seed
                    )
            yield case_of(sizes, loss, seed=31 + seed)._replace(steps=((3, 1),))


CASES = list(all_cases())


def test_the_right_program_is_network_py():
    for case in CASES:
        at = run(RIGHT, case)
        trace = forward(case.network, case.X)
        ours = backward(case.network, trace, at.Y)
        for mine, theirs in ((at.Z, trace.Z), (at.A, trace.A)):
            assert all(np.array_equal(mine[l], theirs[l]) for l in theirs)
        for mine, theirs in zip(at.derivatives, ours, strict=True):
            assert all(np.array_equal(mine[l], theirs[l]) for l in theirs)
        assert error(case.network, trace, at.Y) == at.E


def test_the_right_steps_are_those_of_descent_py():
    for case in CASES:
        network, first = case.network, 0
        memory = np.zeros((MEMORY_ROWS[case.rule.optimizer], network.parameters.size))
        for k, sizes in enumerate(case.steps):
            X, labels = (each[..., first : first + sum(sizes)] for each in (case.X, case.labels))
            first += sum(sizes)
            Y = np.eye(case.network.sizes[-1])[labels].T
            theta, memory = take_step(
                case.rule,
                network.parameters,
                gradient(network, X, Y),
                memory,
                learning_rate=case.learning_rate,
                step=k + 1,
            )
            network = replace(network, parameters=theta)
            np.testing.assert_allclose(learn(RIGHT, case)[k], theta, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_mistake_is_seen_exactly_where_it_says(name):
    bug = BY_NAME[name]
    for case in CASES:
        if bug.applies(case):
            assert shows(bug, case) == bug.differs(case), case


# A Z that is exactly 0, one that overflows, and a true label whose probability underflows are rare.
def test_what_is_seen_only_at_special_numbers():
    case = case_of((12, 4, 4, 3), "cross_entropy")
    at_0 = case.network.parameters.copy()
    at_0[: 4 * 13] = 0.0  # W1 and b1, so that Z1 is 0
    kink = case._replace(network=replace(case.network, parameters=at_0))
    assert shows(BY_NAME["≥ for >"], kink)
    huge = case._replace(network=replace(case.network, parameters=case.network.parameters * 300))
    assert shows(BY_NAME["no maximum taken away"], huge)
    assert shows(BY_NAME["log of 0"], huge)
    for bug in (BY_NAME["≥ for >"], BY_NAME["no maximum taken away"], BY_NAME["log of 0"]):
        assert not shows(bug, case)
        assert bug.differs(kink) == shows(bug, kink)
        assert bug.differs(huge) == shows(bug, huge)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("pixels counted for m", {"X": np.full((4, 4), 0.5), "labels": np.array([0, 1, 2, 0])}),
        ("shuffled apart", {"labels": np.full(5, 2)}),
        ("learning rate twice", {"learning_rate": 1.0}),
    ],
)
def test_what_is_not_seen_where_two_numbers_happen_to_agree(name, changed):
    """As many images as pixels; one label for all; a learning rate of 1."""
    bug, case = BY_NAME[name], case_of((4, 4, 3))
    assert shows(bug, case)
    alike = case._replace(**changed)
    assert bug.applies(alike)
    assert not bug.differs(alike)
    assert not shows(bug, alike)


def test_every_mistake_has_its_words_and_is_seen_somewhere():
    assert len(BY_NAME) == len(ZOO) >= 40
    rare = {"≥ for >", "no maximum taken away", "log of 0"}
    for bug in ZOO:
        assert bug.name in rare or any(shows(bug, case) for case in CASES), bug.name
        assert bug.sentence.endswith(".")
        assert bug.effect.endswith(".")
        assert bug.question.endswith("?")
        for text in (bug.seen, bug.where):
            assert text
            assert text[-1] not in ".?"


def test_the_impostors_are_in_the_zoo():
    names = {
        ("squared_error", "A - Y"): "A − Y with squared error",
        ("squared_error", "s(1 - s)"): "s(1 − s)",
        ("cross_entropy", "s(1 - s)"): "s(1 − s)",
        ("cross_entropy", "A ⊙ (dA - Σ A dA)"): "softmax twice on the way back",
    }
    for (loss, name), ours in names.items():
        case = case_of((12, 4, 4, 3), loss)
        trace = forward(case.network, case.X)
        wrong = IMPOSTORS[loss][name](case.network, trace, run(RIGHT, case).Y)
        assert same(run(BY_NAME[ours].in_(RIGHT), case).flat, wrong.flat)


def written_out(name, W, b, X, Y):
    """dW1, db1, dW2, db2 of 12-4-4 squared error, as somebody may write them, by loops."""
    m = X.shape[1]
    dW = [np.zeros_like(each) for each in W]
    db = [np.zeros_like(each) for each in b]
    for i in range(m):
        x, y = X[:, i], Y[:, i]
        z1 = W[0] @ x + b[0][:, 0]
        a1 = np.where(z1 > 0, z1, 0)
        e = np.exp(W[1] @ a1 + b[1][:, 0])
        a2 = e / e.sum()
        jacobian = np.diag(a2) - np.outer(a2, a2)
        if name == "s(1 − s)":
            jacobian = np.diag(a2 * (1 - a2))
        dz2 = jacobian @ (a2 - y)
        if name == "A − Y with squared error":
            dz2 = a2 - y
        dz1 = (W[1] if name == "W not transposed" else W[1].T) @ dz2
        if name != "no ReLU′":
            dz1 = dz1 * (z1 > 0)
        share = {"1/m missing": 1, "1/m twice": m * m}.get(name, m)
        dW[0] += np.outer(dz1, x) / share
        dW[1] += np.outer(dz2, a2 if name == "A of its own layer" else a1) / share
        if name == "dW transposed":
            dW[1] += (np.outer(dz2, a1).T - np.outer(dz2, a1)) / m
        db[0][:, 0] += (dz1.sum() if name == "one db for all units" else dz1) / share
        db[1][:, 0] += (dz2.sum() if name == "one db for all units" else dz2) / share
    return np.concatenate([each.ravel() for pair in zip(dW, db, strict=True) for each in pair])


@pytest.mark.parametrize(
    "name",
    [
        *("", "1/m missing", "1/m twice", "A − Y with squared error", "s(1 − s)", "no ReLU′"),
        *("W not transposed", "A of its own layer", "dW transposed", "one db for all units"),
    ],
)
def test_a_mistake_is_what_a_loop_with_it_gives(name):
    case = case_of((12, 4, 4))
    (W1, b1), (W2, b2) = case.network.layers
    program = BY_NAME[name].in_(RIGHT) if name else RIGHT
    at = run(program, case)
    np.testing.assert_allclose(
        at.flat, written_out(name, [W1, W2], [b1, b2], case.X, at.Y), rtol=1e-9, atol=1e-12
    )


def as_somebody_writes(name, W1, b1, W2, b2, X, Y):
    """dW1, db1, dW2, db2 of squared error, as a notebook has them, with this mistake in it."""
    m = X.shape[0] if name == "pixels counted for m" else X.shape[1]
    A1 = np.maximum(W1 @ X + b1, 0)
    e = np.exp(W2 @ A1 + b2)
    A2 = e / e.sum(axis=0)
    dZ2 = A2 * (A2 - Y - (A2 * (A2 - Y)).sum(axis=0)) / m
    dW2 = dZ2 @ A1.T
    dA1 = (dW2 if name == "dW for W" else W2).T @ dZ2
    slope = A1 if name == "ReLU′ written into A" else A1.copy()
    slope[slope > 0] = 1
    dZ1 = slope if name == "ReLU′ alone" else dA1 * slope
    dW2 = dZ2 @ A1.T  # after the slope
    dW1 = (dZ2 if name == "dZ of the layer above" else dZ1) @ X.T
    db1, db2 = dZ1.sum(axis=1), dZ2.sum(axis=1)
    return np.concatenate([each.ravel() for each in (dW1, db1, dW2, db2)])


@pytest.mark.parametrize(
    "name",
    [
        *("", "dZ of the layer above", "ReLU′ written into A", "ReLU′ alone", "dW for W"),
        "pixels counted for m",
    ],
)
def test_a_mistake_is_what_a_notebook_with_it_gives(name):
    case = case_of((12, 4, 4))
    (W1, b1), (W2, b2) = case.network.layers
    at = run(BY_NAME[name].in_(RIGHT) if name else RIGHT, case)
    theirs = as_somebody_writes(name, W1, b1, W2, b2, case.X, at.Y)
    np.testing.assert_allclose(at.flat, theirs, rtol=1e-9, atol=1e-12)


def test_weight_decay_with_the_wrong_sign_makes_weights_grow():
    case = case_of((12, 4, 4, 3), decay=0.01)
    plain = replace(case.network, weight_decay=0.0)
    at = run(BY_NAME["−λ"].in_(RIGHT), case)
    g = replace(plain, parameters=gradient(plain, case.X, at.Y))
    for l, ((W, _), (dW, db)) in enumerate(zip(plain.layers, g.layers, strict=True), 1):
        np.testing.assert_allclose(at.dW[l], dW - 0.01 * W, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(at.db[l], db, rtol=1e-12, atol=1e-15)


def test_shuffled_apart_each_image_has_the_label_of_the_next():
    case = case_of((12, 4, 4, 3))
    labels = [*case.labels[1:], case.labels[0]]
    Y = np.eye(3)[labels].T
    wrong = run(BY_NAME["shuffled apart"].in_(RIGHT), case).flat
    np.testing.assert_allclose(wrong, gradient(case.network, case.X, Y), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["log with base 10", "binary cross-entropy"])
def test_a_wrong_loss_is_what_a_loop_gives(name):
    case = case_of((12, 4, 4, 3), "cross_entropy")
    A = forward(case.network, case.X).A[3]
    total = 0.0
    for i, label in enumerate(case.labels):
        if name == "log with base 10":
            total -= math.log10(A[label, i])
            continue
        for j in range(3):
            total -= math.log(A[j, i] if j == label else 1 - A[j, i])
    wrong = run(BY_NAME[name].in_(RIGHT), case).E
    assert float(wrong) == pytest.approx(total / case.m, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        *(("", each) for each in ("descent", "momentum", "adam")),
        *(("step on a copy", each) for each in ("descent", "momentum", "adam")),
        *(("learning rate twice", each) for each in ("descent", "momentum")),
        ("Adam's t counted for each array", "adam"),
        ("Adam keeps its correction", "adam"),
    ],
)
def test_steps_are_those_of_a_loop_over_the_arrays(name, optimizer):
    case = case_of((6, 4, 3), rule=Rule(optimizer), m=6)._replace(steps=((2,), (2,), (2,)))
    program = BY_NAME[name].in_(RIGHT) if name else RIGHT
    mean, square, t, network = {}, {}, 0, case.network
    for k, found in enumerate(learn(program, case)):
        few = slice(2 * k, 2 * k + 2)
        g = gradient(network, case.X[:, few], np.eye(3)[case.labels[few]].T)
        layers = zip(network.layers, replace(network, parameters=g).layers, strict=True)
        moved = []
        for place, (old, d) in enumerate(
            (old, d) for pair in layers for old, d in zip(*pair, strict=True)
        ):
            d = 0.1 * d if name == "learning rate twice" else d
            mean.setdefault(place, 0.0)
            square.setdefault(place, 0.0)
            t = t + 1 if name == "Adam's t counted for each array" else k + 1
            if optimizer == "momentum":
                d = mean[place] = 0.9 * mean[place] + d
            if optimizer == "adam":
                mean[place] = 0.9 * mean[place] + 0.1 * d
                square[place] = 0.999 * square[place] + 0.001 * d * d
                ahead, size = mean[place] / (1 - 0.9**t), square[place] / (1 - 0.999**t)
                if name == "Adam keeps its correction":
                    mean[place], square[place] = ahead, size
                d = ahead / (np.sqrt(size) + 1e-8)
            moved.append(old if name == "step on a copy" else old - 0.1 * d)
        flat = np.concatenate([each.ravel() for each in moved])
        np.testing.assert_allclose(found, flat, rtol=1e-9, atol=1e-12)
        network = replace(network, parameters=flat)


def test_identical_mistakes_are_one_class():
    case = case_of((12, 4, 4, 3))
    found = [{bug.name for bug in each} for each in classes(ZOO, case)]
    assert {"softmax without its sum", "softmax's sum without A"} in found
    assert {"1/m missing"} in found
    assert sum(map(len, found)) == len(set().union(*found))
    once = [{bug.name for bug in each} for each in classes(ZOO, case, "step")]
    assert {"uphill", "Y − A"} in once
    # Where they cannot be seen they are in no class.
    alone = [{bug.name for bug in each} for each in classes(ZOO, case_of((12, 4, 4, 3), m=1))]
    assert "1/m missing" not in set().union(*alone)


def test_two_mistakes_can_be_made_at_once():
    case = case_of((12, 4, 4, 3))
    one, other = BY_NAME["1/m missing"], BY_NAME["no ReLU′"]
    both = run(other.in_(one.in_(RIGHT)), case).flat
    np.testing.assert_allclose(both, case.m * run(other.in_(RIGHT), case).flat)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sizes", [(12, 4, 4, 3), (9, 9, 5, 4)])
def test_no_wrong_gradient_passes_the_check(loss, sizes):
    case = case_of(sizes, loss, m=3, decay=0.01)
    Y = run(RIGHT, case).Y
    seen = 0
    for bug in ZOO:
        if bug.judged == "gradient" and shows(bug, case):
            wrong = result(bug.in_(RIGHT), case, "gradient")
            assert check(case.network, case.X, Y, claim=wrong).own.agrees is False, bug.name
            seen += 1
    assert seen > 40


def test_the_page_has_every_mistake_as_the_code_says_it():
    page = (ROOT / "docs/guide/bugs.md").read_text("utf-8")
    rows = [line.split(" | ")[0:4] for line in page.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0] != "| mistake"]
    assert rows == [
        [f"| {bug.name}", f"{bug.sentence} Where it differs: {bug.where}.", bug.effect, bug.seen]
        for bug in ZOO
    ]
    read = [re.findall(r"\| (\d+) \((\d+)\)", line) for line in page.splitlines()]
    read = [figures for figures in read if figures]
    well = [any(int(right) - int(wrong) <= 5 for wrong, right in figures) for figures in read]
    assert f"Of the {len(read)} that the small network can have, {sum(well)} read" in page


def test_the_documents_say_how_many_mistakes_there_are():
    for file, words in (
        ("docs/guide/bugs.md", "keeps {} mistakes"),
        ("docs/guide/lab.md", "has the {} mistakes"),
        ("docs/guide/grade.md", "a collection of {}]"),
        ("CHANGELOG.md", "A zoo of {} mistakes"),
    ):
        assert words.format(len(ZOO)) in (ROOT / file).read_text("utf-8"), file


def test_what_a_mistake_does_to_training(mnist):
    train, test = (digits[:3000] for digits in mnist)
    setting = setting_for(BY_NAME["uphill"], "squared_error")
    right = curve(RIGHT, setting, train, test, every=STEPS)
    wrong = curve(BY_NAME["uphill"].in_(RIGHT), setting, train, test, every=STEPS)
    assert right.steps == (0, STEPS)
    assert right.accuracy[0] == wrong.accuracy[0] < 0.3
    assert right.loss[-1] < right.loss[0] < wrong.loss[-1]
    assert setting_for(BY_NAME["softmax left out"], "squared_error") is None
    assert setting_for(BY_NAME["2λ"], "squared_error").weight_decay > 0
    assert setting_for(BY_NAME["Adam's t stays 1"], "cross_entropy").optimizer == "adam"
