"""Everything is compiled, or read from the folder where it is kept, before the first step."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from chainrule.data import Digits
from chainrule.deform import Deform
from chainrule.descent import Rule
from chainrule.engine.compiled.columns import FEW, read_columns
from chainrule.engine.compiled.engine import CompiledEngine
from chainrule.engine.compiled.keeping import is_kept, keep_no_more, note_kept, place, remove_kept
from chainrule.engine.interface import Plan
from chainrule.network import initialise

lock = threading.Lock()
done = False


def make_ready(tell: Callable[[str], object] = lambda line: None) -> None:
    """Have all compiled functions ready; `tell` is given what a person should know, a line each."""
    global done
    with lock:
        if done:
            return
        folder, reason = place()
        if folder is None:
            tell(f"compiled code cannot be kept, so it is compiled anew each time: {reason}")
        kept = is_kept()
        if not kept:
            remove_kept()
            tell("compiling once, which takes some seconds")
        try:
            use_all()
            if not kept:
                note_kept()
        except Exception as error:  # the disk may be full, and the folder may hold anything
            if folder is None:
                raise
            keep_no_more()
            reason = " ".join(str(error).split())[:200]
            tell(f"compiled code cannot be kept, so it is compiled anew: {folder}: {reason}")
            use_all()
        done = True


def use_all() -> None:
    """A step of every kind on a few examples: it calls each compiled function once."""
    images = np.zeros((20, 784), np.uint8)
    images[:, 300:310] = 255
    labels = np.zeros(20, np.uint8)
    network = initialise((784, 16, 10), rng=np.random.default_rng(0))
    for batch_size, deform in ((None, None), (10, None), (10, Deform(noise=0.1))):
        plan = Plan(
            network.sizes,
            network.loss,
            0.1,
            Digits(images, labels),
            Rule("descent"),
            batch_size,
            0,
            2,
            deform,
        )
        engine = CompiledEngine(None, 1)
        memory = np.zeros((0, len(network.parameters)), np.float32)
        at = engine.begin(plan, network.parameters, memory, 0, answers=True)
        engine.advance(plan, at, [0.1], answers=True)
    for m in (1, FEW + 1):
        read_columns(network, np.zeros((784, m), np.float32), 1)
