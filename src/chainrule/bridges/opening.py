"""Open a network that was made elsewhere: what kind of file it is, and what it says."""

from collections.abc import Sequence
from pathlib import Path

from chainrule.bridges.layers import Opened, opened, scaling
from chainrule.bridges.onnx import read_onnx
from chainrule.bridges.state_dict import read_state_dict
from chainrule.files import ModelError, open_regular, printable
from chainrule.network import Loss

# What a file begins with that is no network to be read, and what to do instead.
REFUSED = {
    b"PK\x03\x04": (
        "a zip file, as torch.save and Keras write it: the former is a pickle, which can run code. "
        "In PyTorch: safetensors.torch.save_file(model.state_dict(), 'model.safetensors'); "
        "in Keras: model.export('model.onnx', format='onnx')"
    ),
    b"\x80": (
        "a pickle, which can run code, so it is not read; from scikit-learn use "
        "chainrule.bridges.sklearn.from_sklearn, from PyTorch a state_dict in safetensors"
    ),
    b"\x89HDF": "an HDF5 file, as Keras writes it: model.export('model.onnx', format='onnx')",
}


def open_network(
    path: str | Path,
    *,
    pixels: str,
    loss: Loss | None = None,
    layers: Sequence[str] | None = None,
) -> Opened:
    """The network in an ONNX file, or in a PyTorch state_dict saved as safetensors.

    `pixels` says what the network takes: "0-1", "0-255", or "MEAN,DEVIATION" of pixels from 0 to 1;
    the scaling is folded into W1 and b1, so that it takes pixels from 0 to 1 and all of chainrule
    can use it. It keeps its type, float32 or float64. `loss` is what training it further, and its
    derivatives, minimise: the one that the file names, as our own exports do, or cross-entropy.
    `layers` are the names of a state_dict's layers, first to last, where the file leaves a choice.

    Raises ValueError for other pixels; ModelError, with the file's name, for a file that is
    neither, or a network that is no such chain; OSError if it cannot be read; ModuleNotFoundError
    for an ONNX file without the package onnx.
    """
    path, scale = Path(path), scaling(pixels)
    with open_regular(path, follow=True) as file:
        head = file.read(9)
    try:
        for start, why in REFUSED.items():
            if head.startswith(start):
                raise ModelError(why)
        if head[8:] == b"{":  # a safetensors file: 8 bytes of length, then JSON
            found = read_state_dict(path, layers)
        elif layers is not None:
            raise ModelError("an ONNX file says the order of its layers; leave it out")
        else:
            found = read_onnx(path)
        return opened(found, scale, loss)
    except ModelError as error:
        raise ModelError(f"{path}: {printable(error)}") from None
