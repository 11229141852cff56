"""Short trainings by the compiled engine, and a hash of all they give.

Run as a program it prints the hashes as JSON, with the registers that its compiled code uses: the
environment says for which processor Numba compiles.
"""

import hashlib
import json
import re
import sys

import numpy as np

from chainrule import Table, evaluate, initialise, load_mnist, train
from chainrule.deform import MOST

IMAGES = 300
STEPS = 7
SHAPES = {  # those with many units are computed by all threads together
    "ink": [(784, 10, 10), (784, 70, 10), (784, 33, 330, 17, 10), (784, 10)],
    "dense": [(20, 10, 3), (20, 330, 3)],
    "many": [(20, 500)],
}
RATES = {"descent": 0.3, "momentum": 0.05, "adam": 0.01}


def examples():
    """Digits, and tables without blanks whose numbers come from whole numbers alone."""
    k = np.arange(20 * IMAGES) * 7919 % 1009
    X = (k / 504.5 - 1).astype(np.float32).reshape(20, IMAGES)
    return {
        "ink": load_mnist()[0][:IMAGES],
        "dense": Table(X, np.arange(IMAGES) % 3, 3),
        "many": Table(X, np.arange(IMAGES) * 7 % 500, 500),
    }


def start(sizes):
    """A network whose parameters come from whole numbers alone."""
    network = initialise(sizes, rng=np.random.default_rng(0))
    k = np.arange(network.parameters.size) * 104729 % 2003
    network.parameters[:] = (k / 1001 - 1) * 0.1
    return network


def hashes(threads):
    """The SHA-256 of parameters, memory and losses of each training, by its name."""
    found = {}
    for kind, data in examples().items():
        for sizes in SHAPES[kind]:
            for loss in ("squared_error", "cross_entropy"):
                for optimizer, rate in RATES.items():
                    for batch_size in (None, 50):
                        name = f"{'-'.join(map(str, sizes))} {loss} {optimizer} {batch_size}"
                        found[name] = one(data, sizes, loss, optimizer, rate, batch_size, threads)
    digits = examples()["ink"]
    for batch_size in (None, 50):
        for name, deform in (("full", "full"), ("most", MOST)):
            kind = (784, 70, 10), "cross_entropy", "momentum", RATES["momentum"]
            found[f"{name} {batch_size}"] = one(digits, *kind, batch_size, threads, deform)
    return found


def one(data, sizes, loss, optimizer, rate, batch_size, threads, deform=None):
    from dataclasses import replace

    *_, last = train(
        replace(start(sizes), loss=loss, weight_decay=0.01 if optimizer == "adam" else 0.0),
        data,
        optimizer=optimizer,
        learning_rate=rate,
        batch_size=batch_size,
        deform=deform,
        steps=STEPS,
        every=3,
        rng=np.random.default_rng(1),
        engine="compiled",
        threads=threads,
    )
    digest = hashlib.sha256(last.network.parameters.tobytes() + last.memory.tobytes())
    seen = evaluate(last.network, data, engine="compiled", threads=threads)
    digest.update(repr((last.loss, last.losses, seen.loss)).encode() + seen.confusion.tobytes())
    return digest.hexdigest()


def registers():
    """The widest registers of the compiled steps, and whether they have instructions for fma."""
    from chainrule.engine.compiled import steps

    code = "\n".join(steps.run.inspect_asm().values())
    kinds = {"zmm": r"%zmm\d", "ymm": r"%ymm\d", "xmm": r"%xmm\d", "neon": r"v\d+\.4s"}
    widest = next(kind for kind, pattern in kinds.items() if re.search(pattern, code))
    return widest, "vfmadd" in code or "fmla" in code


if __name__ == "__main__":
    threads = int(sys.argv[1])
    print(json.dumps([hashes(threads), *registers()]))
