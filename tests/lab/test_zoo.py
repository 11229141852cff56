"""The zoo, asked of the lab: its mistakes, and what one does to a training."""

import numpy as np
from helpers.clients import posted

from chainrule.explain.bugs.program import RIGHT
from chainrule.explain.bugs.training import Setting, measure, train_with
from chainrule.explain.bugs.zoo import ZOO


def test_all_mistakes_are_told(page):
    families = page.get("/api/zoo").json()["families"]
    told = [bug for family in families for bug in family["bugs"]]
    assert [bug["name"] for bug in told] == [bug.name for bug in ZOO]
    assert [bug["sentence"] for bug in told] == [bug.sentence for bug in ZOO]
    losses = {bug["name"]: bug["losses"] for bug in told}
    assert losses["softmax left out"] == ["cross_entropy"]
    assert losses["ReLU\N{PRIME} of the layer below"] == []


def test_a_training_with_a_mistake_beside_the_right_one(page, mnist):
    answer = posted(page, "/api/bug", {"bug": "uphill", "loss": "squared_error"})
    setting = Setting("squared_error")
    assert (answer["optimizer"], answer["learning_rate"]) == ("descent", setting.learning_rate)
    train, test = mnist
    last = train_with(RIGHT, setting, train, seed=0)[-1]
    loss, accuracy = measure(RIGHT, last, test[: answer["images"]])
    right, wrong = answer["right"], answer["wrong"]
    assert right["steps"] == wrong["steps"] == list(range(0, answer["steps"] + 1, 20))
    assert (right["loss"][-1], right["accuracy"][-1]) == (loss, accuracy)
    assert accuracy > 0.85
    assert right["loss"][0] == wrong["loss"][0] < wrong["loss"][-1]
    assert np.all(np.diff(wrong["loss"][:3]) > 0)


def test_what_is_not_there_is_refused(page):
    for body, why in (
        ({"bug": "gone", "loss": "squared_error"}, "bug must be the name of a mistake"),
        ({"bug": 3, "loss": "squared_error"}, "bug must be the name of a mistake"),
        ({"bug": "uphill", "loss": "hinge"}, "loss must be one of"),
        ({"bug": "softmax left out", "loss": "squared_error"}, "cannot be made"),
        ({"bug": "uphill"}, "loss"),
    ):
        refused = page.post("/api/bug", json=body)
        assert refused.status_code == 400
        assert why in refused.json()["error"]
