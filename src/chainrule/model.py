"""The model file: one network in one safetensors file, which holds data and can hold no code.

docs/files.md describes it field by field. safetensors, and only it, is loaded at the first file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.network import LOSSES, Array, Loss, Network

if TYPE_CHECKING:  # what only files need is loaded at the first one
    from pathlib import Path

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
    from pathlib import Path

    parameters = network.parameters
    if parameters.ndim != 1 or str(parameters.dtype) not in DTYPES:
        raise ValueError(f"a model file holds one float32 or float64 network, got {network}")
    if not np.isfinite(parameters).all():
        raise ValueError("a model file holds finite parameters, got NaN or infinity")
    write_whole(Path(path), seal({"format": FORMAT, "loss": network.loss}, named_tensors(network)))


def load_model(path: str | Path) -> Network:
    """The network in a model file, or in the file model.safetensors of a folder.

    Raises ModelError if anything in it is not exactly as save_model writes it; OSError if it
    cannot be read.
    """
    from pathlib import Path

    path = Path(path)
    if path.is_dir():
        path = path / MODEL
    entry, fields, tensors = unseal(path, (FORMAT,), {"loss"})
    try:
        return network_of(entry, fields, tensors)
    except ModelError as error:
        raise ModelError(f"{path}: {printable(error)}") from None


def bundled() -> tuple[str, ...]:
    """The names of the trained models in the package; docs/files.md says how they were made."""
    return tuple(sorted(path.stem for path in bundled_models().glob("*.safetensors")))


def bundled_models() -> Path:
    """The folder of the trained models in the package."""
    from pathlib import Path

    return Path(__file__).with_name("models")


def load_bundled(name: str) -> Network:
    """A trained model of the package: "seed", 784-10-10, or "stronger", 784-128-10.

    Raises ValueError for another name.
    """
    if name not in bundled():
        raise ValueError(f"the bundled models are {', '.join(bundled())}; got {name!r}")
    return load_model(bundled_models() / f"{name}.safetensors")


def printable(error: Exception) -> str:
    """The message in one line: it may quote the file, which may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in str(error))


def network_of(entry: str, fields: dict[str, Any], tensors: dict[str, Array]) -> Network:
    """The network of these contents; ModelError unless they are just as save_model makes them."""
    loss: Loss = fields["loss"]
    if loss not in LOSSES:
        raise ModelError(f"the loss must be one of {', '.join(LOSSES)}, got {loss!r:.40}")
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
    check_seal(entry, fields, tensors)
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


# ---------------------------------------------------------------- a safetensors file with a seal


def seal(fields: Mapping[str, Any], tensors: Mapping[str, Array]) -> bytes:
    """A safetensors file: its one metadata entry is the fields and a checksum of everything."""
    from safetensors.numpy import save

    # subtle: safetensors writes memory as it lies, so a view that is not C-contiguous would be
    # saved wrong without a word.
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    return save(contiguous, {"chainrule": entry_of(fields, tensors)})


def unseal(
    path: Path, formats: tuple[int, ...], keys: set[str]
) -> tuple[str, dict[str, Any], dict[str, Array]]:
    """The metadata entry of a sealed file, its fields, and its tensors by name.

    Raises ModelError unless it is a whole safetensors file of one of these formats, with just
    these keys beside `format` and `sha256`, and matrices of float32 or float64. The caller, who
    knows the names and shapes, calls check_seal. Raises OSError if it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    path.open("rb").close()  # a path that cannot be read says so in the system's own words
    try:
        with safe_open(path, framework="np") as file:
            entry, fields = fields_of(file.metadata() or {}, formats, keys)
            names = list(file.keys())
            parts = {name: file.get_slice(name) for name in names}
            unknown = {part.get_dtype() for part in parts.values()} - set(DTYPES.values())
            if unknown:
                raise ModelError(f"parameters must be float32 or float64, got {min(unknown)}")
            # Before any array is made: NumPy refuses some shapes of nothing in its own words.
            if any(len(shape := part.get_shape()) != 2 or 0 in shape for part in parts.values()):
                raise ModelError("its arrays must be matrices")
            return entry, fields, {name: file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise ModelError(f"{path}: not a whole safetensors file ({printable(error)})") from None
    except ModelError as error:
        raise ModelError(f"{path}: {printable(error)}") from None


def fields_of(
    metadata: dict[str, str], formats: tuple[int, ...], keys: set[str]
) -> tuple[str, dict[str, Any]]:
    """The entry and its fields; they come first, so that a newer format is called that."""
    import json

    if set(metadata) != {"chainrule"}:
        raise ModelError("not a chainrule file: its metadata must be one entry, chainrule")
    entry = metadata["chainrule"]
    try:
        fields = json.loads(entry)
    except (ValueError, RecursionError):
        raise ModelError("damaged: its chainrule entry is not JSON") from None
    came = fields.get("format") if isinstance(fields, dict) else fields
    if not isinstance(fields, dict) or type(came) is not int or came not in formats:
        known = " and ".join(map(str, formats))
        raise ModelError(f"this chainrule reads format {known}, the file has {came!r:.40}")
    wanted = sorted({"format", "sha256", *keys})
    if sorted(fields) != wanted:
        raise ModelError(f"damaged: its fields must be {', '.join(wanted)}")
    return entry, fields


def entry_of(fields: Mapping[str, Any], tensors: Mapping[str, Array]) -> str:
    """The metadata entry: the fields, and last the SHA-256 of them and of every tensor.

    It covers the other fields as JSON, then each tensor's name, dtype, shape and bytes.
    """
    import hashlib
    import json

    fields = {key: value for key, value in fields.items() if key != "sha256"}
    sha256 = hashlib.sha256(json.dumps(fields, sort_keys=True).encode())
    for name, array in tensors.items():
        sha256.update(json.dumps([name, str(array.dtype), array.shape]).encode())
        sha256.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return json.dumps({**fields, "sha256": sha256.hexdigest()}, sort_keys=True)


def check_seal(entry: str, fields: Mapping[str, Any], tensors: Mapping[str, Array]) -> None:
    """ModelError unless this is the entry of these fields and tensors, in this order."""
    if entry != entry_of(fields, tensors):
        raise ModelError("damaged: its content does not match its checksum")


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
        sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)  # a full disk is noticed by calls that know no name
        raise


def make_folder(folder: Path, *, exist_ok: bool = False) -> list[Path]:
    """Make a folder, and those above it that are missing; those it made, the inmost first.

    Raises FileExistsError if it is there, unless that is fine, and OSError if it cannot be made;
    then nothing is left behind.
    """
    made: list[Path] = []
    tries = 100  # the folder above it may be removed again and again by those who give up
    try:
        while True:
            try:
                folder.mkdir()
            except FileNotFoundError:
                tries -= 1
                if not tries or folder.parent == folder:
                    raise
                made = [*make_folder(folder.parent, exist_ok=True), *made]
            except FileExistsError:
                if not (exist_ok and folder.is_dir()):
                    raise
                return made
            else:
                made = [folder, *made]
                sync_folder(folder.parent)
                return made
    except BaseException:
        remove_empty(made)
        raise


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove these folders in this order, as far as nothing is in them."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder durable, where the system can (Windows cannot)."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
