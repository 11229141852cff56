"""Trainings of the lab in this process, and what the library alone comes to."""

import numpy as np

from chainrule import initialise, train
from chainrule.lab.api import requests
from helpers import PATIENCE

ENDLESS = 10**9  # steps
BATCHES = {
    "hidden": [6],
    "loss": "cross_entropy",
    "optimizer": "momentum",
    "learning_rate": 0.02,
    "batch_size": 50,
    "steps": 240,
    "epochs": None,
    "seed": 3,
    "threads": None,
}
SLOW = BATCHES | {"hidden": [10], "batch_size": 60, "steps": ENDLESS}


def start(**changed):
    return requests.parse_order({"do": "start", "settings": BATCHES | changed})


def trained(sets, rate=0.02, engine="auto", **changed):
    """The parameters that the library alone comes to."""
    asking = BATCHES | changed
    rng = np.random.default_rng(asking["seed"])
    network = initialise((784, *asking["hidden"], 10), loss=asking["loss"], rng=rng)
    *_, last = train(
        network,
        sets[0],
        optimizer=asking["optimizer"],
        learning_rate=rate,
        batch_size=asking["batch_size"],
        steps=asking["steps"],
        rng=rng,
        engine=engine,
    )
    return last.network.parameters.tobytes()


def finish(lab):
    """The folder of the run, when it is finished."""
    training = lab.training
    training.thread.join(PATIENCE)
    assert training.state == "finished", training.error
    return training.folder
