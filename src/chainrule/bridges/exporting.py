"""Give a network to other tools: the kinds of file, by name."""

from typing import Literal, get_args

from chainrule.bridges.layers import Range
from chainrule.bridges.onnx import onnx_file
from chainrule.bridges.text import c_file, csv_file, python_file
from chainrule.network import Network

Kind = Literal["onnx", "python", "c", "csv"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SUFFIXES: dict[Kind, str] = {"onnx": ".onnx", "python": ".py", "c": ".c", "csv": ".csv"}


def exported(network: Network, kind: Kind, pixels: Range = "0-1") -> bytes:
    """The file of this kind; the same network gives the same bytes.

    With pixels "0-255" it takes bytes and makes them 0 to 1 itself; a table has no input, so it
    takes none. Raises ValueError for a network that is too large to be text, ModuleNotFoundError
    for ONNX without the package onnx.
    """
    match kind:
        case "onnx":
            return onnx_file(network, pixels)
        case "python":
            return python_file(network, pixels).encode("ascii")
        case "c":
            return c_file(network, pixels).encode("ascii")
        case "csv":
            return csv_file(network).encode("ascii")
