"""The layers that another tool has learned become a network of ours.

Other tools may scale pixels in another way. Ours go from 0, paper, to 1, ink; a scaling is a line
t·p + s, so it can be folded into the first layer, which then takes our pixels.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import isfinite
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from chainrule import network as equations
from chainrule.data import MNIST, PIXELS
from chainrule.files import DTYPES, ModelError
from chainrule.model import beyond
from chainrule.network import Array, Loss, Network

Layer = tuple[NDArray[Any], NDArray[Any]]  # W (units, inputs) and b (units,)
KINDS = "0-1, 0-255, or MEAN,DEVIATION such as 0.1307,0.3081"  # of scalings, as they are written
Range = Literal["0-1", "0-255"]  # of the pixels that an exported network takes
BYTES: Range = "0-255"
RANGES: tuple[Range, ...] = get_args(Range)
TRIED = 1_000  # images on which it is measured what folding costs


class Scaling(NamedTuple):
    """What a tool makes of our pixel p before its first layer: times · p + plus.

    Both are numbers, the same for all pixels, or arrays (inputs,) with one for each.
    """

    times: float | NDArray[np.float64]
    plus: float | NDArray[np.float64]

    def then(self, other: "Scaling") -> "Scaling":
        """This one, and the other one after it."""
        return Scaling(other.times * self.times, other.times * self.plus + other.plus)

    @property
    def nothing(self) -> bool:
        """Whether it changes no pixel."""
        return bool(np.all(self.times == 1) and np.all(self.plus == 0))

    def of(self, p: Array) -> Array:
        """The columns p (inputs, m), scaled."""
        return np.reshape(self.times, (-1, 1)) * p + np.reshape(self.plus, (-1, 1))


AS_IT_IS, OF_BYTES = Scaling(1.0, 0.0), Scaling(255.0, 0.0)


def scaling(pixels: str) -> Scaling:
    """The scaling that is written "0-1", "0-255" or "MEAN,DEVIATION".

    The mean and the deviation are those of pixels from 0 to 1: a tool takes the mean away and
    divides by the deviation. Raises ValueError for anything else.
    """
    if pixels == "0-1":
        return AS_IT_IS
    if pixels == BYTES:
        return OF_BYTES
    try:
        mean, deviation = map(float, pixels.split(","))
        times, plus = 1 / deviation, -mean / deviation
    except (ValueError, ZeroDivisionError):
        times, plus = 0.0, 0.0
    if times <= 0 or not (isfinite(times) and isfinite(plus)):
        raise ValueError(f"pixels must be scaled as {KINDS}, got {pixels!r:.40}")
    return Scaling(times, plus)


class Opened(NamedTuple):
    """A network that was made elsewhere."""

    network: Network  # it takes our pixels
    found: str  # what the file has, such as ONNX: Gemm, Relu, Gemm, Softmax
    notes: tuple[str, ...]  # what was taken to be so, and what was left out
    cost: float  # the most that folding changes a probability, 0 if nothing was folded


class Found(NamedTuple):
    """What a file holds: its layers as they stand there, and what is said of them."""

    layers: Sequence[Layer]
    found: str
    notes: tuple[str, ...] = ()
    loss: Loss | None = None  # None if the file does not say it
    weight_decay: float = 0.0
    scale: Scaling = AS_IT_IS  # what it makes of its input itself, before the first layer
    whole: bool = False  # whether its input is of whole numbers


def opened(found: Found, scale: Scaling, loss: Loss | None) -> Opened:
    """The network of these layers; ModelError if they are none, or not finite when folded.

    `scale` is what its input is of our pixels. Without a loss it is the file's own, or
    cross-entropy.
    """
    if found.whole and scale is not OF_BYTES:
        raise ModelError(f"it takes whole numbers, so its pixels can only be {BYTES}")
    scale = scale.then(found.scale)
    theirs = assembled(found.layers, loss or found.loss or "cross_entropy", found.weight_decay)
    ours = folded(theirs, scale)
    return Opened(ours, found.found, found.notes, cost(theirs, ours, scale))


def assembled(layers: Sequence[Layer], loss: Loss, weight_decay: float = 0.0) -> Network:
    """A network of these layers, first to last, in their own type, float32 or float64.

    Raises ModelError if they do not fit each other, are of other types, or are not finite.
    """
    if not layers:
        raise ModelError("it has no layers")
    types = sorted({str(array.dtype) for layer in layers for array in layer})
    if len(types) > 1 or types[0] not in DTYPES:
        raise ModelError(f"parameters must be all float32 or all float64, got {', '.join(types)}")
    for l, (W, b) in enumerate(layers, 1):
        if W.ndim != 2 or W.size == 0 or b.shape != W.shape[:1]:
            raise ModelError(
                f"layer {l} must have weights (units, inputs) and one bias a unit, "
                f"got shapes {W.shape} and {b.shape}"
            )
    for l, ((before, _), (W, _)) in enumerate(pairwise(layers), 2):
        if len(before) != W.shape[1]:
            raise ModelError(
                f"layer {l} takes {W.shape[1]:,} numbers, and the one before it gives "
                f"{len(before):,}"
            )
    sizes = (layers[0][0].shape[1], *(len(b) for _, b in layers))
    if sizes[-1] < 2:
        raise ModelError("it has one output; a network of ours has one for each class, two or more")
    if too_large := beyond(sizes):
        raise ModelError(too_large)
    parameters = np.concatenate([array.ravel() for layer in layers for array in layer])
    if not np.isfinite(parameters).all():
        raise ModelError("its parameters are not finite")
    return Network(sizes, parameters, loss, weight_decay)


def folded(network: Network, scale: Scaling) -> Network:
    """The network that takes pixels from 0 to 1 and gives what this one gives on scaled ones.

    W (t p + s) + b is (t W) p + (b + Σ s W), each row summed; t and s may differ from pixel to
    pixel. That is computed in float64 and rounded to the type of the parameters. Raises ModelError
    if it is too large for that type.
    """
    if scale.nothing:
        return network
    parameters = network.parameters.astype(np.float64)
    W, b = replace(network, parameters=parameters).layers[0]
    with np.errstate(over="ignore", invalid="ignore"):
        b += (scale.plus * W).sum(axis=1, keepdims=True)
        W *= scale.times
        parameters = parameters.astype(network.parameters.dtype)
    if not np.isfinite(parameters).all():
        raise ModelError("folding the scaling of the pixels makes its parameters infinite")
    return replace(network, parameters=parameters)


def cost(theirs: Network, ours: Network, scale: Scaling) -> float:
    """The most that folding changes a probability, of 1,000 images, computed in float64.

    They are the first test images of MNIST, or random pixels if the network takes no digits.
    """
    if ours is theirs:
        return 0.0
    inputs = ours.sizes[0]
    if inputs == PIXELS:
        p = MNIST.load("t10k")[:TRIED].X.astype(np.float64)
    else:
        p = np.random.default_rng(0).random((inputs, TRIED))
    before = exact(theirs, scale.of(p))
    return float(np.abs(exact(ours, p) - before).max())


def exact(network: Network, X: Array) -> Array:
    """The probabilities in float64; ModelError if the network's numbers overflow."""
    network = replace(network, parameters=network.parameters.astype(np.float64))
    try:
        return equations.probabilities(network, X)
    except OverflowError as error:
        raise ModelError(str(error)) from None
