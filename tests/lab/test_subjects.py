"""The images that stories and lessons begin with: the rule, against each image opened alone."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule import Digits, gradient, initialise, predict
from chainrule.lab.api.about import about
from chainrule.lab.api.lab import Lab
from chainrule.lab.api.networks import named_model, shipped
from chainrule.lab.api.subjects import find_subjects, squared_gradients, subjects
from chainrule.lab.live.thread import ThreadedTraining


def size(network, digits, number):
    """‖g‖ of one image, from the whole gradient in float64."""
    exact = replace(network, parameters=network.parameters.astype(np.float64), weight_decay=0.0)
    digit = digits[int(number)]
    return np.linalg.norm(gradient(exact, digit.X.astype(np.float64), digit.Y))


def by_hand(network, digits, read):
    """The rule in plain words, one image after the other."""
    table = [[None] * 10 for _ in range(10)]
    for truth in range(10):
        own = np.flatnonzero(digits.labels == truth)
        misread = [number for number in own if read[number] != truth]
        sizes = {number: size(network, digits, number) for number in misread or own}
        for answer in range(10):
            among = [n for n in sizes if answer in (truth, read[n])]
            table[truth][answer] = int(max(among, key=sizes.get)) if among else None
    return table


def told(lab):
    return {each["id"]: each["subjects"] for each in about(lab, [])["networks"]}


@pytest.mark.parametrize("name", ["small", "large"])
def test_the_rule_against_every_misread_image_alone(lab, page, mnist, name):
    named = next(each for each in lab.networks if each.id == name)
    table = by_hand(named.network, mnist[1], predict(named.network, mnist[1].X))
    assert told(lab)[name] == table
    sent = page.get("/api/lab").json()["networks"]
    assert next(each for each in sent if each["id"] == name)["subjects"] == table
    assert None not in [table[digit][digit] for digit in range(10)]


def test_the_small_network_misreads_a_3_as_5(lab, mnist):
    """The page begins there, so there must be one."""
    number = told(lab)["small"][3][5]
    digit = mnist[1][number]
    (read,) = predict(lab.networks[0].network, digit.X)
    assert (int(digit.labels[0]), int(read)) == (3, 5)


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("hidden", [(), (7,), (6, 5)])
def test_the_size_of_a_gradient_for_any_depth_and_loss(mnist, loss, hidden):
    """More images than are computed at a time; weight decay adds nothing to it."""
    rng = np.random.default_rng(11)
    network = initialise((784, *hidden, 10), loss=loss, weight_decay=0.3, rng=rng, dtype=np.float64)
    digits = mnist[1][:600]
    sizes = squared_gradients(network, digits)
    assert sizes.shape == (600,)
    for number in (0, 1, 511, 512, 599):
        assert sizes[number] == pytest.approx(size(network, digits, number) ** 2, rel=1e-12)


def test_a_network_that_misreads_nothing_learns_most_from_what_it_is_least_sure_of(mnist):
    """The labels are what it reads: only the diagonal is filled, from all images of a digit."""
    network = shipped()[0].exact
    images = mnist[1].images[:400]
    read = predict(network, mnist[1].X[:, :400])
    digits = Digits(images, read.astype(np.uint8))
    table = find_subjects(network, digits, read)
    assert table == by_hand(network, digits, read)
    assert all((table[d][r] is None) == (d != r) for d in range(10) for r in range(10))


def test_other_digits_have_other_subjects_and_some_none(mnist):
    """Digits on their side, without any 4: nothing stands in that row."""
    network = shipped()[0].exact
    few = mnist[1][np.flatnonzero(mnist[1].labels[:300] != 4)]
    turned = few.images.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784)
    digits = Digits(turned, few.labels)
    read = predict(network, digits.X)
    table = find_subjects(network, digits, read)
    assert table == by_hand(network, digits, read)
    assert table[4] == [None] * 10
    assert table != find_subjects(network, few, predict(network, few.X))


def test_a_run_has_no_subjects(lab):
    """It changes while one looks; the page takes those of the first network."""
    assert subjects(lab, replace(lab.networks[0], id="784-10-10.run", run=object())) is None


@pytest.mark.parametrize("sizes", [(1e30, 1e30), (1e170, 1e-100)])
def test_numbers_that_overflow_have_no_subjects(tmp_path, sizes):
    """As it reads, with float32, or only in the squares of its gradients."""
    rng = np.random.default_rng(3)
    dtype = np.float32 if sizes[0] < 1e38 else np.float64
    network = initialise((784, 10, 10), loss="cross_entropy", rng=rng, dtype=dtype)
    for (W, _), size in zip(network.layers, sizes, strict=True):
        W *= dtype(size)
    lab = Lab((*shipped(), named_model(network)), ThreadedTraining, folder=tmp_path)
    given = about(lab, [])["networks"][-1]
    assert given["subjects"] is None
    assert (given["accuracy"] is None) == (dtype == np.float32)
