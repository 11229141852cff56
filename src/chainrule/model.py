"""The model file: one network in one safetensors file, which holds data and can hold no code.

docs/reference/files.md describes it field by field. Only safetensors is loaded, at the first
file.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from chainrule.files import (
    DEEPEST,
    DTYPES,
    Kind,
    ModelError,
    Sealed,
    check_seal,
    seal,
    sealed,
    write_whole,
)
from chainrule.network import LOSSES, Array, Loss, Network, count_parameters

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 2
FORMATS = (1, FORMAT)  # those that are read; 1 knew no weight decay
MODEL = "model.safetensors"  # its name in a folder
LARGEST = 100_000_000  # parameters of one: 400 MB in float32


def save_model(network: Network, path: str | Path) -> None:
    """Write the network to a model file: after a crash at any moment it is the old one or the new.

    The same network gives the same bytes. Raises ValueError for a stack of networks, parameters
    that are not finite, or another type than float32 and float64; OSError if it cannot be written.
    """
    from pathlib import Path

    write_whole(Path(path), model_file(network))


def model_file(network: Network) -> bytes:
    """The bytes of a model file; raises ValueError as save_model does."""
    parameters = network.parameters
    if parameters.ndim != 1 or str(parameters.dtype) not in DTYPES:
        raise ValueError(f"a model file holds one float32 or float64 network, got {network}")
    if not np.isfinite(parameters).all():
        raise ValueError("a model file holds finite parameters, got NaN or infinity")
    decay = float(network.weight_decay)
    fields = {"format": FORMAT, "loss": network.loss, "weight_decay": decay}
    return seal(fields, named_tensors(network))


def load_model(path: str | Path) -> Network:
    """The network in a model file, or in the file model.safetensors of a folder.

    Raises ModelError if anything in it is not exactly as save_model writes it; OSError if it
    cannot be read.
    """
    from pathlib import Path

    path = Path(path)
    if path.is_dir():
        path = path / MODEL
    with sealed(path, FORMATS, {"loss"}, {"weight_decay"}, follow=True) as file:
        return network_of(file)


def bundled() -> tuple[str, ...]:
    """The names of the trained models in the package, the smallest first.

    They were made as docs/reference/files.md says.
    """
    paths = bundled_models().glob("*.safetensors")
    return tuple(path.stem for path in sorted(paths, key=lambda path: path.stat().st_size))


def bundled_models() -> Path:
    """The folder of the trained models in the package."""
    from pathlib import Path

    return Path(__file__).with_name("models")


def load_bundled(name: str) -> Network:
    """A trained model of the package: "small", 784-10-10, or "large", 784-128-10.

    Raises ValueError for another name, ModelError if the file of the package is damaged.
    """
    if name not in bundled():
        raise ValueError(f"the bundled models are {', '.join(bundled())}; got {name!r}")
    return load_model(bundled_models() / f"{name}.safetensors")


def network_of(file: Sealed) -> Network:
    """The network in this file; ModelError unless all is just as save_model makes it.

    What its header says is checked before any number is read.
    """
    loss: Loss = file.fields["loss"]
    if loss not in LOSSES:
        raise ModelError(f"the loss must be one of {', '.join(LOSSES)}, got {loss!r:.40}")
    decay = file.fields["weight_decay"] if file.fields["format"] > 1 else 0.0
    if type(decay) is not float or not 0 <= decay < np.inf:
        raise ModelError(f"the weight decay must be a number from 0, got {decay!r:.40}")
    arrays = file.arrays
    depth = len(arrays) // 2
    names = [f"{kind}{l}" for l in range(1, depth + 1) for kind in "Wb"]
    if not names or set(arrays) != set(names):
        came = ", ".join(sorted(arrays)) or "none"
        raise ModelError(f"its arrays must be W1, b1, W2, b2, …, got {came:.60}")
    sizes = (arrays["W1"].shape[1], *(arrays[f"W{l}"].shape[0] for l in range(1, depth + 1)))
    dtype = arrays["W1"].dtype
    for l, (inputs, units) in enumerate(pairwise(sizes), 1):
        for name, shape in ((f"W{l}", (units, inputs)), (f"b{l}", (units, 1))):
            if arrays[name] != (dtype, shape):
                raise ModelError(f"{name} must be {Kind(dtype, shape)}, got {arrays[name]}")
    if too_large := beyond(sizes):
        raise ModelError(too_large)
    tensors = {name: file.read(name) for name in names}
    check_seal(file, tensors)
    parameters = np.concatenate([array.ravel() for array in tensors.values()])
    if not np.isfinite(parameters).all():
        raise ModelError("its parameters are not finite")
    return Network(sizes, parameters, loss, decay)


def beyond(sizes: Sequence[int]) -> str | None:
    """How a network of these sizes is too deep or too large for a file, None if it is not."""
    if len(sizes) - 1 > DEEPEST:
        return f"a network may have {DEEPEST:,} layers, this one has {len(sizes) - 1:,}"
    n = count_parameters(sizes)
    if n > LARGEST:
        return f"a network may have {LARGEST:,} parameters, this one has {n:,}"
    return None


def named_tensors(network: Network) -> dict[str, Array]:
    """W1, b1, W2, b2, … as views of the parameters."""
    return {
        f"{kind}{l}": array
        for l, layer in enumerate(network.layers, 1)
        for kind, array in zip("Wb", layer, strict=True)
    }
