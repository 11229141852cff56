"""The works of `make bench`: what is to be done, by whom, and what is hoped for.

A bar is a ratio of medians of one run: so many times as long as the compiled engine the fastest of
some others must take, at least. They are those that the compiled engine was built for.
"""

from typing import NamedTuple

OTHERS = ("numpy_plain", "torch_eager", "torch_compiled", "jax_jitted", "jax_scan", "sklearn_mlp")


class Bar(NamedTuple):
    """How fast somebody must be."""

    factor: float
    against: tuple[str, ...] = OTHERS  # the fastest of those that ran counts
    aim: float | None = None
    of: str = "chainrule_compiled"


class Work(NamedTuple):
    """What is to be done, and who does it."""

    name: str
    unit: str  # what a median is of
    job: dict[str, object]
    contestants: tuple[str, ...]
    rounds: int
    bars: tuple[Bar, ...]
    examples: str = "digits"  # or "table": 100 numbers of each digit, none of them 0


def training(sizes: tuple[int, ...], batch: int, steps: int) -> dict[str, object]:
    return {
        "sizes": sizes, "loss": "cross_entropy", "learning_rate": 0.02, "momentum": 0.9,
        "batch": batch, "steps": steps, "inference": False,
    }  # fmt: skip


def probabilities(images: int, times: int) -> dict[str, object]:
    return training((784, 800, 10), 0, times) | {"inference": True, "images": images}


OURS = ("chainrule_compiled", "chainrule_numpy")
EPOCH = (*OURS, *OTHERS)
TABLE = (*OURS, "jax_jitted", "jax_scan")
PROBABILITIES = (*OURS, "torch_eager", "onnx_runtime", "sklearn_mlp")
SMALL_STEP = training((784, 10, 10), 0, 30) | {
    "loss": "squared_error", "learning_rate": 1.5, "momentum": 0.0,
}  # fmt: skip
NOT_SLOWER = Bar(1 / 1.3, ("chainrule_numpy",))
WORKS = [
    Work(
        "the small network's full-batch step, 60,000 images",
        "step",
        SMALL_STEP,
        (
            *OURS,
            "chainrule_numpy_dense",
            "dense_limit",
            "numpy_float64",
            "numpy_plain",
            "torch_eager",
            "torch_compiled",
            "jax_jitted",
        ),
        9,
        (Bar(3.5, aim=6), Bar(1, ("dense_limit",))),
    ),
    Work(
        "one epoch 784-128-10, cross-entropy, momentum, batch 64",
        "epoch",
        training((784, 128, 10), 64, 938),
        EPOCH,
        7,
        (Bar(3, aim=5),),
    ),
    Work(
        "one epoch 784-800-10, cross-entropy, momentum, batch 128",
        "epoch",
        training((784, 800, 10), 128, 469),
        EPOCH,
        5,
        (Bar(2, aim=3.5),),
    ),
    Work(
        "one epoch 784-512-256-10, cross-entropy, momentum, batch 128",
        "epoch",
        training((784, 512, 256, 10), 128, 469),
        EPOCH,
        5,
        (Bar(1.3, aim=2),),
    ),
    Work(
        "a fifth of an epoch 784-2048-1024-512-10, cross-entropy, momentum, batch 128",
        "94 steps",
        training((784, 2048, 1024, 512, 10), 128, 94),
        EPOCH,
        5,
        (Bar(1, aim=1.3),),
    ),
    Work(
        "a table without zeros, 100-128-10, full-batch step, 60,000 examples",
        "step",
        training((100, 128, 10), 0, 10),
        TABLE[:-1],
        7,
        (NOT_SLOWER,),
        examples="table",
    ),
    Work(
        "a table without zeros, one epoch 100-128-10, batch 64",
        "epoch",
        training((100, 128, 10), 64, 938),
        TABLE,
        7,
        (NOT_SLOWER,),
        examples="table",
    ),
    Work(
        "probabilities for 10,000 images, 784-800-10",
        "call",
        probabilities(10_000, 5),
        PROBABILITIES,
        15,
        (Bar(2, ("onnx_runtime",), aim=3),),
    ),
    Work(
        "probabilities for one image, 784-800-10",
        "call",
        probabilities(1, 200),
        PROBABILITIES,
        9,
        (Bar(1, ("onnx_runtime",), aim=1.5),),
    ),
]
COMMAND = Bar(3, ("chainrule train --engine numpy",), of="chainrule train --engine compiled")
BEFORE = Bar(0.95, ("chainrule_before",), of="chainrule_numpy")  # what is less is noise
