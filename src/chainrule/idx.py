"""IDX files: a big-endian header (a magic number, then one length for each axis) and then bytes.

Source: LeCun, Cortes and Burges, "The MNIST database".
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gzip import GzipFile
    from pathlib import Path

SIDE = 28
IMAGES_MAGIC = 0x00000803  # unsigned bytes, three axes
LABELS_MAGIC = 0x00000801  # unsigned bytes, one axis
CHUNK = 1 << 20  # bytes read at a time
LISTED = 8  # names in a message
DEFLATE_LIMIT = 1032  # no deflate stream grows by more than this factor


class DataError(ValueError):
    """A file or array of digits that cannot be used; the message names it and says why."""


# ----------------------------------------------------------------------------------- the folders


def find(folder: Path, name: str) -> Path:
    dotted = name.replace("-idx", ".idx")  # as some unpackers name it
    for each in (name, f"{name}.gz", dotted, f"{dotted}.gz"):
        if (folder / each).exists():
            return folder / each
    there = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(map(printable, there[:LISTED])) or "nothing"
    more = f" and {len(there) - LISTED:,} more" if len(there) > LISTED else ""
    raise DataError(f"{folder}: wanted {name}, or {name}.gz; there lies {shown}{more}")


def printable(name: str) -> str:
    """A name of a file as it may stand in a message; it may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in name[:60])


# -------------------------------------------------------------------------------- one file, alone


def read_idx(path: Path, magic: int, checksum: str | None = None) -> NDArray[np.uint8]:
    """The unsigned bytes of an IDX file with this magic number, in the shape of its header.

    A plain file of images is mapped, not read: pixels come into memory as they are used.
    Whatever the header promises, no more memory is taken than the file truly fills. `checksum` is
    the SHA-256 of the content, header included. Raises DataError, or OSError if unreadable.
    """
    import gzip
    import mmap
    import zlib

    with path.open("rb") as file:
        size = path.stat().st_size
        if path.suffix != ".gz":
            header, promised = read_header(path, file, magic, most=size)
            held = size - len(header)
            if held < promised:
                raise DataError(
                    f"{path}: the header promises {promised:,} bytes, "
                    f"the file holds {held:,}; fetch it again"
                )
            more = held > promised
            content: bytes | bytearray | memoryview
            if magic == IMAGES_MAGIC:
                content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                content = content[len(header) :]
            else:
                content = file.read(promised)
        else:
            try:
                stream = gzip.GzipFile(fileobj=file)
                header, promised = read_header(path, stream, magic, most=size * DEFLATE_LIMIT)
                content = read_content(path, stream, promised)
                more = bool(stream.read(1))
            except EOFError:
                raise DataError(f"{path}: the gzip file is cut short; fetch it again") from None
            except (zlib.error, gzip.BadGzipFile) as error:
                raise DataError(
                    f"{path}: the gzip file is damaged ({error}); fetch it again"
                ) from None
    if more:
        raise DataError(f"{path}: the file holds more than the {promised:,} bytes of its header")
    if checksum:
        import hashlib  # at the first file: it loads OpenSSL

        sha256 = hashlib.sha256(header)
        sha256.update(content)
        if sha256.hexdigest() != checksum:
            raise DataError(f"{path}: not the published content (SHA-256 differs); install again")
    _, *shape = struct.unpack(f">{len(header) // 4}I", header)
    array = np.frombuffer(content, dtype=np.uint8).reshape(shape)
    array.flags.writeable = False
    return array


def read_header(
    path: Path, stream: BinaryIO | GzipFile, magic: int, *, most: int
) -> tuple[bytes, int]:
    """The header and how many bytes it promises; `most` is the most the file can hold."""
    axes = magic & 0xFF
    header = stream.read(4 + 4 * axes)
    if len(header) < 4 + 4 * axes or header[:4] != magic.to_bytes(4, "big"):
        raise DataError(
            f"{path}: not an IDX file of {'images' if axes == 3 else 'labels'}: it must begin with "
            f"{magic:08x} and {axes} lengths, got {header[:4].hex() or 'an empty file'}"
        )
    _, *shape = struct.unpack(f">{1 + axes}I", header)
    if axes == 3 and shape[1:] != [SIDE, SIDE]:
        raise DataError(
            f"{path}: images must be {SIDE} × {SIDE} pixels, the header has {shape[1]} × {shape[2]}"
        )
    promised = math.prod(shape)
    if promised > most:
        raise DataError(
            f"{path}: the header promises {promised:,} bytes, the file cannot hold more than "
            f"{most:,}; fetch it again"
        )
    return header, promised


def read_content(path: Path, stream: GzipFile, promised: int) -> bytearray:
    """The promised bytes, piece by piece: a promise alone takes no memory."""
    content = bytearray()
    while len(content) < promised:
        chunk = stream.read(min(CHUNK, promised - len(content)))
        if not chunk:
            raise DataError(
                f"{path}: the header promises {promised:,} bytes, "
                f"the file holds {len(content):,}; fetch it again"
            )
        content += chunk
    return content
