"""The answers about the zoo: its mistakes, and what one of them does to a training."""

from functools import lru_cache

from chainrule.data import Digits, load_mnist
from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import RIGHT
from chainrule.explain.bugs.training import BATCH, STEPS, Curve, Setting, curve, setting_for
from chainrule.explain.bugs.zoo import FAMILIES, ZOO
from chainrule.lab.api import checks
from chainrule.lab.api.lab import Lab
from chainrule.lab.wire import Answer, RefusedError
from chainrule.network import LOSSES

EVERY = 20  # steps between two measurements
IMAGES = 1_000  # test images on which it is measured


def zoo(lab: Lab, query: list[tuple[str, str]]) -> Answer:
    """All mistakes. Asked with nothing.

    {families: [{name, bugs: [{name, sentence, effect, seen, where, losses: with which the small
    network can be trained with it}]}]}
    """
    checks.parse_query(query, ())
    return {
        "families": [
            {"name": name, "bugs": [words_of(bug) for bug in bugs]}
            for name, bugs in FAMILIES.items()
        ]
    }


def words_of(bug: Bug) -> Answer:
    return {
        "name": bug.name,
        "sentence": bug.sentence,
        "effect": bug.effect,
        "seen": bug.seen,
        "where": bug.where,
        "losses": [loss for loss in LOSSES if setting_for(bug, loss)],
    }


def bug(lab: Lab, body: Answer) -> Answer:
    """Two trainings of the small network, one with a mistake. Asked with `bug` and `loss`.

    {bug, loss, optimizer, learning_rate, weight_decay, batch, images: of the test set that are
     measured, right: {steps, loss, accuracy}, wrong: the same}

    Each is measured by its own forward pass, and by its own loss.
    """
    asked = checks.parse_fields(body, "the body", ("bug", "loss"))
    names = {each.name: each for each in ZOO}
    if not isinstance(asked["bug"], str) or asked["bug"] not in names:
        raise RefusedError(f"bug must be the name of a mistake, got {checks.quoted(asked['bug'])}")
    wanted = checks.parse_choice(asked["loss"], "loss", LOSSES)
    found = names[asked["bug"]]
    setting = next(setting_for(found, loss) for loss in LOSSES if loss == wanted)
    if setting is None:
        raise RefusedError(f"{found.name!r} cannot be made in the small network with {wanted}")
    return {
        "bug": found.name,
        **setting._asdict(),
        "learning_rate": setting.learning_rate,
        "steps": STEPS,
        "batch": BATCH,
        "images": IMAGES,
        "right": trained(None, setting)._asdict(),
        "wrong": trained(found, setting)._asdict(),
    }


@lru_cache(maxsize=64)
def trained(found: Bug | None, setting: Setting) -> Curve:
    """The curve of a training with a mistake, or of the right one: always the same."""
    train, test = digits()
    return curve(found.in_(RIGHT) if found else RIGHT, setting, train, test, every=EVERY)


@lru_cache(maxsize=1)
def digits() -> tuple[Digits, Digits]:
    train, test = load_mnist()
    return train, test[:IMAGES]
