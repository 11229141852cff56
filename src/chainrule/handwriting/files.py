"""The bytes of an image file become a picture: PNG, JPEG, WebP, BMP, GIF, TIFF, HEIC."""

import io
import re
import threading
import warnings
from time import thread_time

import numpy as np
from PIL import Image, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from chainrule.handwriting.picture import HandwritingError, Picture

MOST_BYTES = 160_000_000  # of a file: 50 million pixels in colours that are not packed, and more
MOST_PIXELS = 50_000_000
HALVED = 25_000_000  # pixels beyond which a JPEG is decoded at half its size
MOST_OF_WEBP = 25_000_000  # pixels: each takes 16 bytes to decode, of other kinds at most 12
MOST_SIDE = 20_000  # pixels: each row of a picture costs memory, however short it is
MOST_SCANS = 100  # of a JPEG file: each goes over all pixels, and takes a few bytes
MOST_SECONDS = 10.0  # of a processor, to decode a file
BLOCK = 4096  # bytes of a file that are decoded at a time
PIECE = 1_000_000  # pixels that are made grey at a time
LONGEST = 560  # of a picture; larger ones are made smaller before the first stage
LEAST = 24  # of 255: what differs less from the paper is not ink
FULL = 1 << 14  # of 16 bits: if no level is as high, the picture has fewer bits
# By the first bytes; of RIFF and ftyp what follows is looked at, too.
KINDS: dict[bytes, type[ImageFile]] = {
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"\xff\xd8\xff": JpegImageFile,
    b"RIFF": WebPImageFile,
    b"BM": BmpImageFile,
    b"GIF87a": GifImageFile,
    b"GIF89a": GifImageFile,
    b"II*\0": TiffImageFile,
    b"MM\0*": TiffImageFile,
}
HEIC = (b"heic", b"heix", b"heim", b"heis", b"mif1")  # after ftyp, from the fifth byte on
WANTED = "a PNG, JPEG, WebP, BMP, GIF, TIFF or HEIC image"
decoding = threading.Lock()  # one file at a time: it bounds memory, and filters are global


def read_image(content: bytes, *, longest: int = LONGEST) -> Picture:
    """The grey picture in the bytes of an image file, made smaller until `longest` pixels long.

    That is PNG, JPEG, WebP, BMP, GIF and TIFF, of which the first image counts, and HEIC if
    pillow-heif is installed. The file's orientation is respected, what is transparent is white
    paper, 16 bits become 8; if they use less than a quarter of their range, their largest level is
    white. White ink on a transparent ground is ink: if nothing can be seen on white paper, what
    is opaque is taken for ink.

    Raises HandwritingError for other formats, for files that are damaged or cut short, and,
    before anything is decoded, for more than 160 MB, 50 million pixels (of WebP 25 million), a side
    of more than 20,000 pixels, or a JPEG of more than 100 scans. A JPEG of more than 25 million
    pixels is decoded at half its size. Decoding ends after 10 seconds of a processor, and takes at
    most about 600 MB beside the file.
    """
    if len(content) > MOST_BYTES:
        raise HandwritingError(
            f"an image file may have {MOST_BYTES:,} bytes, got {len(content):,}; make it smaller"
        )
    kind = kind_of(content)
    scans = count_scans(content) if kind is JpegImageFile else 0
    if scans > MOST_SCANS:
        raise HandwritingError(
            f"a JPEG image may have {MOST_SCANS} scans, got {scans} or more; "
            f"save it again as a baseline JPEG or as PNG"
        )
    most = MOST_OF_WEBP if kind is WebPImageFile else MOST_PIXELS
    with decoding, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow says of broken metadata of a good image
        try:
            with kind(Timed(content)) as image:
                width, height = image.size
                if width * height <= most and max(width, height) <= MOST_SIDE:
                    if kind is JpegImageFile and width * height > HALVED:
                        image.draft(image.mode, (width // 2, height // 2))
                    return grey(image, longest)
        except HandwritingError:
            raise
        except MemoryError:
            raise HandwritingError(
                "there is not enough memory for the image; make it smaller"
            ) from None
        except Exception as error:
            # Pillow raises a dozen classes for damaged files: OSError, SyntaxError, struct.error…
            raise HandwritingError(
                f"the {kind.format} image is damaged or cut short ({one_line(error)})"
            ) from error
    raise HandwritingError(
        f"a {kind.format} image may have {most:,} pixels and be {MOST_SIDE:,} long, "
        f"got {width:,} × {height:,}; make it smaller"
    )


def kind_of(content: bytes) -> type[ImageFile]:
    """What reads these bytes; HandwritingError if that is none of a few kinds.

    It is not left to Image.open, which would try all formats that there are.
    """
    for start, kind in KINDS.items():
        if content.startswith(start) and (start != b"RIFF" or content[8:12] == b"WEBP"):
            return kind
    if content[4:8] == b"ftyp" and content[8:12] in HEIC:
        try:
            from pillow_heif import HeifImageFile
        except ModuleNotFoundError:
            raise HandwritingError(
                "HEIC images need another library: pip install pillow-heif; or save it as JPEG"
            ) from None
        found: type[ImageFile] = HeifImageFile
        return found
    raise HandwritingError(f"wanted {WANTED}, got another kind of file")


class Timed(io.BytesIO):
    """The bytes of a file, which can be read for 10 seconds of a processor.

    Whatever a file does to Pillow, Pillow reads on in small pieces, so this ends it.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.end = thread_time() + MOST_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        if thread_time() > self.end:
            raise HandwritingError(
                f"the image takes more than {MOST_SECONDS:g} seconds to decode; "
                f"make it smaller, or save it again"
            )
        return super().read(size)


# In a JPEG file a marker is FF and a byte. 00 and D0 to D7 stand among the coded pixels, D8 begins
# the file and 01 says nothing; every other one begins a segment that says its length, but D9, the
# end.
MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd8\xff])")


def count_scans(content: bytes) -> int:
    """The scans of a JPEG file, counted without decoding; it stops at one too many."""
    scans, place = 0, 0
    while scans <= MOST_SCANS and (marker := MARKER.search(content, place)):
        if marker[1] == b"\xd9":
            break
        scans += marker[1] == b"\xda"
        length = int.from_bytes(content[marker.end() : marker.end() + 2])
        place = marker.end() + length
    return scans


def grey(image: Image.Image, longest: int = LONGEST) -> Picture:
    """The image upright, grey, on white, and at most this long."""
    if isinstance(image, ImageFile):
        image.decodermaxblock = BLOCK
    image.load()
    if image.mode == "F":
        raise HandwritingError("the image has floats for pixels; save it with 8 or 16 bits")
    factor = -(-max(image.size) // longest)
    # In strips, so that only the decoded image itself is as large as the file says.
    rows = factor * max(1, PIECE // (factor * image.width))
    cuts = [
        (0, top, image.width, min(top + rows, image.height)) for top in range(0, image.height, rows)
    ]
    deep = image.mode.startswith("I")  # 16 bits, which Pillow would cut off at 255
    most = max(int(np.asarray(image.crop(cut)).max()) for cut in cuts) if deep else 255
    strips = [shrunk(image.crop(cut), factor, most) for cut in cuts]
    small = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    for place, strip in enumerate(strips):
        small.paste(strip, (0, place * rows // factor))
    small.info = image.info
    ImageOps.exif_transpose(small, in_place=True)
    if small.mode == "L":
        return np.asarray(small)
    paper = Image.new("RGBA", small.size, "white")
    seen = np.asarray(Image.alpha_composite(paper, small).convert("L"))
    opaque = np.asarray(small.getchannel("A"))
    # subtle: white on a transparent ground is nothing on white paper; its shape is what is opaque.
    blank = np.ptp(seen) < LEAST <= np.ptp(opaque)
    return 255 - opaque if blank else seen


def in_8_bits(image: Image.Image, most: int) -> Image.Image:
    """An image of 16 bits in 8; if they use less than a quarter of their range, `most` is white."""
    levels, clear = np.asarray(image), image.info.get("transparency")
    bytes_of = levels >> 8 if most >= FULL else levels.astype(np.int64) * 255 // max(most, 1)
    found = Image.fromarray(np.clip(bytes_of, 0, 255).astype(np.uint8))
    if clear is not None:
        found.putalpha(Image.fromarray(np.where(levels == clear, 0, 255).astype(np.uint8)))
    found.info = image.info
    return found


def shrunk(image: Image.Image, factor: int, most: int) -> Image.Image:
    """A part of an image, smaller by a whole factor: grey, or in colours if it is transparent.

    `most` is the largest level of the whole image.
    """
    if image.mode.startswith("I"):
        image = in_8_bits(image, most)
    if image.has_transparency_data:
        return image.convert("RGBA").reduce(factor)
    return image.convert("L").reduce(factor)


def one_line(error: Exception) -> str:
    words = "".join(c if c.isprintable() else " " for c in str(error)) or type(error).__name__
    return " ".join(words.split())[:100]
