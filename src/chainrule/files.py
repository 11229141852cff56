"""Files on disk: whole, whatever happens, and sealed, so that damage is noticed.

A whole file is the old one or the new one, never half of one. A sealed file is a safetensors file
whose metadata holds a checksum of everything in it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pathlib import Path

Made = TypeVar("Made")
DTYPES = {"float32": "F32", "float64": "F64"}  # NumPy's name of a type, and the file's name of it
NAMES = {theirs: ours for ours, theirs in DTYPES.items()}
DEEPEST = 1_000  # layers of a network in a file
HEADER = 10_000_000  # bytes of a file's header
NESTED = 64  # lists and objects in each other, in any JSON that is read
# subtle: the last quote is optional, so a string without an end matches up to the end of the text.
# Otherwise the search would start again at each quote, and take quadratic time.
STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
BRACKET = re.compile(r"[\[\]{}]")


class ModelError(ValueError):
    """A model file that is refused; the message names it and says what is wrong."""


class NewerFormatError(ModelError):
    """A file of a format that only a newer chainrule reads."""


def printable(error: Exception) -> str:
    """The message in one line: it may quote the file, which may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in str(error))


# ---------------------------------------------------------------- a safetensors file with a seal


def seal(fields: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """A safetensors file: its one metadata entry is the fields and a checksum of everything."""
    from safetensors.numpy import save

    # subtle: safetensors writes memory as it lies, so a view that is not C-contiguous would be
    # saved wrong without a word.
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    return save(contiguous, {"chainrule": entry_of(fields, tensors)})


class Kind(NamedTuple):
    """What the header says of an array: its type, as NumPy calls it, and its rows and columns."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} of shape {self.shape}"


class Sealed(NamedTuple):
    """A sealed file of which the header has been read; `read` gives an array, by name."""

    entry: str
    fields: dict[str, Any]
    arrays: dict[str, Kind]
    read: Callable[[str], NDArray[Any]]


@contextmanager
def sealed(
    path: Path,
    formats: tuple[int, ...],
    keys: set[str],
    newest: Collection[str] = (),
    *,
    follow: bool = False,
) -> Iterator[Sealed]:
    """A sealed file, open to be read; of its numbers nothing has been read yet.

    Raises ModelError unless it is a whole safetensors file of one of these formats, with just
    these keys beside `format` and `sha256` (those of `newest` in the last format only), and
    matrices of float32 or float64. The caller, who knows the names and shapes, calls check_seal; a
    ModelError that it raises gets the file's name. Raises OSError if it cannot be read; a link is
    read only if it is to be followed.
    """
    from safetensors import SafetensorError, safe_open

    with open_regular(path, follow=follow) as file:
        length = int.from_bytes(file.read(8), "little")
        size = os.fstat(file.fileno()).st_size
    try:
        if HEADER < length < size:
            raise ModelError(f"its header may have {HEADER:,} bytes, it has {length:,}")
        with safe_open(path, framework="np") as file:
            entry, fields = fields_of(file.metadata() or {}, formats, keys, newest)
            names = list(file.keys())
            if len(names) > 2 * DEEPEST:
                raise ModelError(f"it may have {2 * DEEPEST:,} arrays, it has {len(names):,}")
            parts = {name: file.get_slice(name) for name in names}
            arrays = {
                name: Kind(NAMES.get(part.get_dtype(), part.get_dtype()), tuple(part.get_shape()))
                for name, part in parts.items()
            }
            unknown = {array.dtype for array in arrays.values()} - set(DTYPES)
            if unknown:
                raise ModelError(f"parameters must be float32 or float64, got {min(unknown)}")
            # Before any array is made: NumPy refuses some shapes of nothing in its own words.
            if any(len(array.shape) != 2 or 0 in array.shape for array in arrays.values()):
                raise ModelError("its arrays must be matrices")
            yield Sealed(entry, fields, arrays, file.get_tensor)
    except SafetensorError as error:
        raise ModelError(f"{path}: not a whole safetensors file ({printable(error)})") from None
    except ModelError as error:
        raise type(error)(f"{path}: {printable(error)}") from None


def fields_of(
    metadata: dict[str, str], formats: tuple[int, ...], keys: set[str], newest: Collection[str]
) -> tuple[str, dict[str, Any]]:
    """The entry and its fields; checked first, so that a newer format is called newer."""
    import json

    if set(metadata) != {"chainrule"}:
        raise ModelError("not a chainrule file: its metadata must be one entry, chainrule")
    entry = metadata["chainrule"]
    try:
        content = json.loads(shallow(entry))
    except ValueError:
        raise ModelError("damaged: its chainrule entry is not JSON, or nested too deeply") from None
    fields = check_format(content, formats)
    more = newest if fields["format"] == formats[-1] else ()
    wanted = sorted({"format", "sha256", *keys, *more})
    if sorted(fields) != wanted:
        raise ModelError(f"damaged: its fields must be {', '.join(wanted)}")
    return entry, fields


def check_format(content: object, formats: tuple[int, ...]) -> dict[str, Any]:
    """The content, which is an object of one of these formats; ModelError for any other."""
    came = content.get("format") if isinstance(content, dict) else content
    *others, last = map(str, formats)
    known = f"{', '.join(others)} and {last}" if others else last
    if not isinstance(content, dict) or type(came) is not int or came < min(formats):
        raise ModelError(f"damaged: this chainrule reads format {known}, the file has {came!r:.40}")
    if came not in formats:
        raise NewerFormatError(
            f"made by a newer chainrule: this one reads format {known}, the file has {came!r:.40}"
        )
    return content


def shallow(text: str) -> str:
    """This JSON text, to be read; ValueError if it is nested more than NESTED deep.

    Python's own reader goes to another depth in each version, and then raises RecursionError.
    """
    brackets = BRACKET.findall(STRING.sub("", text))
    depth = max(accumulate(1 if each in "[{" else -1 for each in brackets), default=0)
    if depth > NESTED:
        raise ValueError(f"nested too deeply: {depth:,} levels, at most {NESTED} are read")
    return text


def entry_of(fields: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> str:
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


def check_seal(file: Sealed, tensors: Mapping[str, NDArray[Any]]) -> None:
    """ModelError unless the entry is that of the fields and of these tensors, in this order."""
    if file.entry != entry_of(file.fields, tensors):
        raise ModelError("damaged: its content does not match its checksum")


# ------------------------------------------------------------------------------ files and folders


def open_regular(path: Path, mode: str = "rb", *, follow: bool = False) -> BinaryIO:
    """Open a file to read it ("rb"), to change it ("r+b") or to write it anew ("wb").

    Raises OSError if it cannot be opened, and if something else has its name: a folder, a pipe,
    which would have us wait for ever, or a link, unless it is to be followed.
    """
    if path.is_symlink() and not follow:
        raise OSError(errno.ELOOP, "is a link, wanted a file", str(path))
    flags = {"rb": os.O_RDONLY, "r+b": os.O_RDWR, "wb": os.O_WRONLY | os.O_CREAT | os.O_TRUNC}[mode]
    for name in ("O_BINARY", "O_CLOEXEC", "O_NONBLOCK", *([] if follow else ["O_NOFOLLOW"])):
        flags |= getattr(os, name, 0)  # each where the system has it
    handle = os.open(path, flags, 0o666)
    try:
        kind = os.fstat(handle).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, "is a folder, wanted a file", str(path))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, "is not a file that can be read again", str(path))
        return cast("BinaryIO", os.fdopen(handle, mode))
    except BaseException:
        os.close(handle)
        raise


def in_words(error: OSError) -> str:
    """The system's words for this error: permission denied."""
    return (error.strerror or "").lower() or str(error)


def checksum_of(*arrays: NDArray[Any]) -> str:
    """The SHA-256 of the bytes of these arrays, one after the other."""
    import hashlib

    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(np.ascontiguousarray(array).data)
    return sha256.hexdigest()


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
        if isinstance(error, OSError) and error.errno:
            # Nobody knows the name of the temporary file, and some calls give no name at all.
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def make_folder(folder: Path, *, exist_ok: bool = False) -> list[Path]:
    """Make a folder, and those above it that are missing; those it made, the innermost first.

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
    except BaseException as error:
        remove_empty(made)
        if isinstance(error, OSError) and error.errno and not error.filename:
            raise OSError(error.errno, error.strerror, str(folder)) from None  # fsync knows no name
        raise


def make_dated(parent: Path, make: Callable[[Path], Made]) -> Made:
    """What `make` makes in this folder under a name that is free: the time, 2026-11-26-181500.

    `make` raises FileExistsError if the name is taken; then the next one is 2026-11-26-181500-2.
    So two that begin in the same second never get the same folder.
    """
    now = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    n = 1
    while True:
        path = parent / (now if n == 1 else f"{now}-{n}")
        try:
            return make(path)
        except FileExistsError:
            # A folder above may be no folder. Another process may have removed this one again.
            if any(os.path.lexists(above) and not above.is_dir() for above in path.parents):
                raise
        n += 1


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove these folders in this order, as far as nothing is in them."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def sync_folder(folder: Path) -> None:
    """Make new names in this folder durable, where the system and the file system can."""
    if hasattr(os, "O_DIRECTORY"):  # Windows cannot
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except PermissionError:  # one may write in it, and not read it
            return
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP):
                raise
        finally:
            os.close(handle)
