"""The model file: one network in one safetensors file, which holds data and can hold no code.

docs/files.md describes it field by field. safetensors, and only it, is loaded at the first file.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np

from chainrule.network import LOSSES, Array, Loss, Network

FORMAT = 1
DTYPES = {"float32": "F32", "float64": "F64"}  # NumPy's name and the file's
MODEL = "model.safetensors"  # its name in a folder


class ModelError(ValueError):
    """A model file that is refused; the message names it and says what is wrong."""


def save_model(network: Network, path: str | Path) -> None:
    """Write the network to a model file: after a crash at any moment it is the old one or the new.

    The same network gives the same bytes. Raises ValueError for a stack of networks, parameters
    that are not finite, or another type than float32 and float64; OSError if it cannot be written.
    """
    from safetensors.numpy import save

    parameters = network.parameters
    if parameters.ndim != 1 or str(parameters.dtype) not in DTYPES:
        raise ValueError(f"a model file holds one float32 or float64 network, got {network}")
    if not np.isfinite(parameters).all():
        raise ValueError("a model file holds finite parameters, got NaN or infinity")
    tensors = named_tensors(network)
    metadata = {"chainrule": entry_of(network.loss, tensors)}
    # subtle: safetensors writes memory as it lies, so a view that is not C-contiguous would be
    # saved wrong without a word.
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    write_whole(Path(path), save(contiguous, metadata))


def load_model(path: str | Path) -> Network:
    """The network in a model file, or in the file model.safetensors of a folder.

    Raises ModelError if anything in it is not exactly as save_model writes it; OSError if it
    cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if path.is_dir():
        path = path / MODEL
    path.open("rb").close()  # a path that cannot be read says so in the system's own words
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            loss = loss_of(metadata)
            names = list(file.keys())
            parts = {name: file.get_slice(name) for name in names}
            unknown = {part.get_dtype() for part in parts.values()} - set(DTYPES.values())
            if unknown:
                raise ModelError(f"parameters must be float32 or float64, got {min(unknown)}")
            # Before any array is made: NumPy refuses some shapes of nothing in its own words.
            if any(len(shape := part.get_shape()) != 2 or 0 in shape for part in parts.values()):
                raise ModelError("its arrays must be matrices")
            tensors = {name: file.get_tensor(name) for name in names}
        return network_of(metadata["chainrule"], loss, tensors)
    except SafetensorError as error:
        raise ModelError(f"{path}: not a whole safetensors file ({printable(error)})") from None
    except ModelError as error:
        raise ModelError(f"{path}: {printable(error)}") from None


def printable(error: Exception) -> str:
    """The message in one line: it may quote the file, which may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in str(error))


def loss_of(metadata: dict[str, str]) -> Loss:
    """The loss this metadata names; ModelError unless its fields are those of this format.

    They come before the arrays, so that a newer format is called that and not damaged.
    """
    if set(metadata) != {"chainrule"}:
        raise ModelError("not a chainrule model: its metadata must be one entry, chainrule")
    try:
        fields = json.loads(metadata["chainrule"])
    except (ValueError, RecursionError):
        raise ModelError("damaged: its chainrule entry is not JSON") from None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        came = fields.get("format") if isinstance(fields, dict) else fields
        raise ModelError(f"this chainrule reads format {FORMAT}, the file has {came!r:.40}")
    if set(fields) != {"format", "loss", "sha256"}:
        raise ModelError("damaged: its fields must be format, loss and sha256")
    if fields["loss"] not in LOSSES:
        raise ModelError(f"the loss must be one of {', '.join(LOSSES)}, got {fields['loss']!r:.40}")
    loss: Loss = fields["loss"]
    return loss


def network_of(entry: str, loss: Loss, tensors: dict[str, Array]) -> Network:
    """The network of these contents; ModelError unless they are just as save_model makes them."""
    depth = len(tensors) // 2
    names = [f"{kind}{l}" for l in range(1, depth + 1) for kind in "Wb"]
    if not names or set(tensors) != set(names):
        came = ", ".join(sorted(tensors)) or "none"
        raise ModelError(f"its arrays must be W1, b1, W2, b2, …, got {came:.60}")
    sizes = (tensors["W1"].shape[1], *(len(tensors[f"W{l}"]) for l in range(1, depth + 1)))
    dtype = tensors["W1"].dtype
    for l, (inputs, units) in enumerate(pairwise(sizes), 1):
        for name, shape in ((f"W{l}", (units, inputs)), (f"b{l}", (units, 1))):
            array = tensors[name]
            if array.shape != shape or array.dtype != dtype:
                raise ModelError(
                    f"{name} must be {dtype} of shape {shape}, "
                    f"got {array.dtype} of shape {array.shape}"
                )
    tensors = {name: tensors[name] for name in names}
    if entry != entry_of(loss, tensors):
        raise ModelError("damaged: its content does not match its checksum")
    parameters = np.concatenate([array.ravel() for array in tensors.values()])
    if not np.isfinite(parameters).all():
        raise ModelError("its parameters are not finite")
    return Network(sizes, parameters, loss)


def named_tensors(network: Network) -> dict[str, Array]:
    """W1, b1, W2, b2, … as views of the parameters."""
    return {
        f"{kind}{l}": array
        for l, layer in enumerate(network.layers, 1)
        for kind, array in zip("Wb", layer, strict=True)
    }


def entry_of(loss: Loss, tensors: Mapping[str, Array]) -> str:
    """The metadata entry: the fields, and last the SHA-256 of them and of every tensor.

    It covers the other fields as JSON, then each tensor's name, dtype, shape and bytes.
    """
    import hashlib  # at the first file, like safetensors: it loads OpenSSL

    fields = {"format": FORMAT, "loss": loss}
    sha256 = hashlib.sha256(json.dumps(fields, sort_keys=True).encode())
    for name, array in tensors.items():
        sha256.update(json.dumps([name, str(array.dtype), array.shape]).encode())
        sha256.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return json.dumps({**fields, "sha256": sha256.hexdigest()}, sort_keys=True)


def write_whole(path: Path, content: bytes) -> None:
    """Put these bytes at this path; whatever happens, the path holds the old file or the new one.

    A temporary file in the same folder is written, made durable and moved over the old one.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder durable, where the system can (Windows cannot)."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
