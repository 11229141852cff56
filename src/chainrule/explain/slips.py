"""Wrong derivatives that people write down often, by name: the impostors, and those of the zoo."""

from collections.abc import Iterator

import numpy as np

from chainrule.explain.bugs.program import RIGHT, Case, run
from chainrule.explain.bugs.zoo import ZOO
from chainrule.explain.differences import quiet
from chainrule.explain.impostors import IMPOSTORS
from chainrule.explain.ledger import Ledger, split
from chainrule.network import Array, forward

NO_Y = "y left out"
NO_FORMULA = {"float16 on the way", "weights updated first", "stale activations"}
SENTENCES = {bug.name: bug.sentence for bug in ZOO} | {
    NO_Y: "Only the true label's probability counts in E, so y belongs into its derivative."
}


@quiet
def known_mistakes(ledger: Ledger, target: str) -> dict[str, Array]:
    """Wrong values of an array of derivatives under their names, each in the array's shape.

    SENTENCES has what the others than the impostors do.
    """
    network, (kind, l) = ledger.network, split(target)
    trace = forward(network, ledger.arrays["x"][:, None])
    Y = ledger.arrays["y"][:, None]
    found = {}
    for name, impostor in IMPOSTORS[network.loss].items():
        dA, dZ, dW, db = impostor(network, trace, Y)
        wrong = {"dA": dA, "dZ": dZ, "dW": dW, "db": db}[kind][l]
        if kind != "dA" or l < network.depth:  # the impostors begin with dZ of the last layer
            found[name] = wrong.reshape(ledger.arrays[target].shape)
    known = [ledger.arrays[target], *found.values()]
    for name, wrong in slips(ledger, kind, l):
        if not any(np.allclose(wrong, each, rtol=1e-9, atol=0, equal_nan=True) for each in known):
            found[name] = wrong
            known.append(wrong)
    return found


def slips(ledger: Ledger, kind: str, l: int) -> Iterator[tuple[str, Array]]:
    """The mistakes that can be made with this very array."""
    label, shape = int(ledger.arrays["y"].argmax()), ledger.arrays[f"{kind}{l}"].shape
    case = Case(ledger.network, ledger.arrays["x"][:, None], np.array([label]))
    parts = {f"{kind}_last", "away"} if kind in ("dA", "dZ") and l == case.network.depth else {kind}
    for bug in ZOO:
        if parts >= set(bug.parts) and bug.name not in NO_FORMULA and bug.applies(case):
            wrong: Array = getattr(run(bug.in_(RIGHT), case), kind)[l]
            yield bug.name, wrong.reshape(shape)
    if kind == "dA" and l == case.network.depth and not ledger.squared:
        yield NO_Y, -1 / ledger.arrays[f"A{l}"]
