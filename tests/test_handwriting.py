"""Drawings and photos: what comes in, each stage, what is unlike a digit, what is collected."""

import io
import json
import os
import random
import re
import struct
import subprocess
import sys
import zlib
from itertools import pairwise

import numpy as np
import pytest
from helpers import ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy.spatial import KDTree

from chainrule import Digits, load_digits, load_model, predict
from chainrule.handwriting import (
    MOST_BYTES,
    STAGES,
    HandwritingError,
    draw,
    measured,
    novelty,
    prepare,
    read_image,
)
from chainrule.handwriting.files import MOST_SCANS, count_scans, decoding, grey
from chainrule.handwriting.stages import centre, crop, fit, slant, specks, thickness, threshold
from chainrule.handwriting.strokes import MOST_POINTS
from chainrule.handwriting.unlike import APART, LIMIT, SOLID, WIDE, compared, count_marks, solidity
from chainrule.sources.written import write_digits

sys.path.insert(0, str(ROOT / "benchmarks"))
try:
    import handwriting as measuring  # the script, not our room
finally:
    sys.path.pop(0)

MODELS = ROOT / "src/chainrule/models"


@pytest.fixture(scope="module")
def large():
    return load_model(MODELS / "large.safetensors")


def read(network, pixels):
    return int(predict(network, pixels[:, None].astype(np.float32) / np.float32(255))[0])


def pens_own(shape, *, size, scale, pen, at):
    """A digit in black on white by Pillow: it owes nothing to draw."""
    image = Image.new("L", size, 255)
    pencil = ImageDraw.Draw(image)
    for stroke in shape.split("/"):
        points = [[float(n) for n in point.split(",")] for point in stroke.split()]
        points = [(at[0] + scale * x, at[1] + scale * y) for x, y in points]
        pencil.line(points, fill=0, width=pen, joint="curve")
        for x, y in points:
            pencil.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=0)
    return np.asarray(image)


def file_of(image, kind="PNG", **options):
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
        file, kind, **options
    )
    return file.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width, height, data=b""):
    """A PNG that promises a size, whatever it holds."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


# ------------------------------------------------------------------------------------- strokes


def test_a_drawing_is_the_area_that_the_pen_covers():
    strokes = [[60, 60, 200, 90, 70, 220], [150, 30]]
    drawing = draw(strokes)
    assert drawing.shape == (280, 280)
    # A second answer: 16 points in each pixel, covered if a point of the stroke's middle is near.
    middles = [[(150, 30)]]
    for (ax, ay), (bx, by) in pairwise([(60, 60), (200, 90), (70, 220)]):
        t = np.linspace(0, 1, 2000)
        middles.append(np.column_stack([ax + t * (bx - ax), ay + t * (by - ay)]))
    x = (np.arange(1120) + 0.5) / 4
    points = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    distance, _ = KDTree(np.concatenate(middles)).query(points, distance_upper_bound=10)
    covered = np.isfinite(distance).reshape(280, 4, 280, 4).mean(axis=(1, 3))
    averaged = 255 * (1 - covered)
    assert np.abs(drawing - averaged).max() < 40  # of 255, at the rim: 16 points are few
    assert np.abs(drawing - averaged).mean() < 0.3


def test_a_dot_is_as_large_as_the_pen():
    ink = 1 - draw([[100, 140]]) / 255
    assert ink.sum() == pytest.approx(np.pi * 10**2, rel=0.005)
    y, x = np.mgrid[:280, :280] + 0.5
    assert (x * ink).sum() / ink.sum() == pytest.approx(100)
    assert (y * ink).sum() / ink.sum() == pytest.approx(140)


def test_ink_at_the_edge_is_cut_off():
    assert draw([[0, 0]])[0, 0] == 0
    assert draw([[280, 280]])[279, 279] == 0
    assert (draw([[0, 0, 280, 280]]) < 128).any(axis=1).all()


def test_order_and_direction_of_strokes_do_not_matter():
    strokes = [[10, 20, 110, 200, 30, 40], [200, 200, 250, 100]]
    back = [[200, 200, 250, 100][i] for i in (2, 3, 0, 1)]
    assert np.array_equal(draw(strokes), draw([back, strokes[0]]))


def test_no_strokes_are_an_empty_pad():
    assert (draw([]) == 255).all()


@pytest.mark.parametrize(
    ("strokes", "says"),
    [
        ([[1, 2, 3]], "an x and a y for each point, got 3 numbers"),
        ([[]], "got 0 numbers"),
        ([[1, 281]], "from 0 to 280, got 281"),
        ([[-1, 0]], "got -1"),
        ([[1.0, 2]], "whole numbers.*got 1.0"),
        ([[True, 2]], "got True"),
        ([["1", 2]], "got '1'"),
        ("12", "lists of numbers"),
        ([1, 2], "lists of numbers"),
        ({"a": 1}, "lists of numbers"),
        (None, "lists of numbers"),
        ([[0, 0] * (MOST_POINTS + 1)], "at most 5,000 points, got 5,001"),
        ([[0, 0, 280, 280] * 100], "at most 50,000 long, got 78,800"),
    ],
)
def test_strokes_that_are_none_are_refused(strokes, says):
    with pytest.raises(HandwritingError, match=says) as refusal:
        draw(strokes)
    assert "\n" not in str(refusal.value)


# --------------------------------------------------------------------------------------- files


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (40, 30)).astype(np.uint8)


def test_grey_and_palette_files_arrive_as_they_are(picture):
    assert np.array_equal(read_image(file_of(picture)), picture)
    palette = Image.fromarray(picture).convert("P")
    assert np.array_equal(read_image(file_of(palette)), picture)
    black_and_white = Image.fromarray(picture).convert("1", dither=Image.Dither.NONE)
    assert np.array_equal(read_image(file_of(black_and_white)), np.where(picture >= 128, 255, 0))
    jpeg = read_image(file_of(picture, "JPEG", quality=100))
    assert np.abs(jpeg.astype(int) - picture).mean() < 3


def test_16_bits_become_8(picture):
    file = file_of(Image.fromarray(picture.astype(np.uint16) * 257))
    assert Image.open(io.BytesIO(file)).mode.startswith("I")
    assert np.array_equal(read_image(file), picture)


def test_colours_are_as_bright_as_they_look():
    image = np.zeros((1, 4, 3), np.uint8)
    image[0] = [(0, 0, 255), (255, 255, 0), (255, 255, 255), (0, 0, 0)]
    blue, yellow, white, black = read_image(file_of(image))[0]
    assert black == 0 < blue < 64 < 192 < yellow < 255 == white
    assert read_image(file_of(Image.new("CMYK", (5, 5)), "JPEG")).min() > 250


def test_what_is_transparent_is_white_paper():
    image = np.zeros((1, 3, 4), np.uint8)  # black: transparent, half, opaque
    image[0, :, 3] = (0, 128, 255)
    assert read_image(file_of(image))[0].tolist() == [255, 127, 0]
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), "L").convert("P")
    palette.putpalette([0, 0, 0, 10, 10, 10])
    assert read_image(file_of(palette, transparency=0))[0].tolist() == [255, 10]
    grey_and_alpha = Image.merge("LA", (Image.new("L", (1, 1)), Image.new("L", (1, 1), 0)))
    assert read_image(file_of(grey_and_alpha)).tolist() == [[255]]
    deep = Image.fromarray(np.array([[7, 257 * 100]], np.uint16))
    assert read_image(file_of(deep, transparency=7))[0].tolist() == [255, 100]


def on_transparent(ink):
    """A file of each kind in which 255 is opaque and white, 0 transparent."""
    white, alpha = Image.new("L", ink.shape[::-1], 255), Image.fromarray(ink)
    palette = Image.fromarray(ink // 255).convert("P")
    palette.putpalette([255] * 6)
    return {
        "RGBA": file_of(Image.merge("RGBA", (white, white, white, alpha))),
        "LA": file_of(Image.merge("LA", (white, alpha))),
        "palette": file_of(palette, transparency=0),
        "palette, half": file_of(palette, transparency=bytes([0, 255])),
        "grey, one level": file_of(alpha, transparency=0),
        "black and white": file_of(alpha.convert("1"), transparency=0),
        "colours, one of them": file_of(Image.merge("RGB", [alpha] * 3), transparency=(0, 0, 0)),
        "16 bits": file_of(Image.fromarray(ink.astype(np.uint16) * 257), transparency=0),
    }


@pytest.mark.parametrize("kind", on_transparent(np.zeros((1, 1), np.uint8)))
def test_white_ink_on_a_transparent_ground_is_ink(kind, large):
    ink = 255 - pens_own(measuring.DIGITS["3"], size=(160, 210), scale=14, pen=14, at=(8, 8))
    ink = np.where(ink > 127, 255, 0).astype(np.uint8)
    picture = read_image(on_transparent(ink)[kind])
    assert np.array_equal(picture, 255 - ink)
    assert read(large, prepare(picture).pixels) == 3


def test_alpha_is_ink_only_where_nothing_else_is():
    shade, alpha = np.full((2, 9, 9), 255, np.uint8)
    alpha[:3] = 0
    shade[6:, 6:] = 40  # ink that can be seen

    def seen(alpha):
        return read_image(file_of(Image.fromarray(np.dstack([shade] * 3 + [alpha]))))

    assert seen(alpha)[7, 7] == 40
    assert seen(alpha)[4, 4] == 255
    shade[:] = 250  # nearly white is not seen either
    assert seen(alpha)[:, 0].tolist() == [255] * 3 + [0] * 6
    for constant in (0, 99, 255):
        assert np.ptp(seen(np.full_like(alpha, constant))) == 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_orientation_that_the_camera_noted_is_respected(kind):
    upright = np.zeros((40, 24), np.uint8)
    upright[:16, :8] = 255  # bright at the top left
    turned = np.rot90(upright, -3)  # the camera lay on its side: 6 says "turn right to see it"
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = read_image(file_of(np.ascontiguousarray(turned), kind, exif=exif.tobytes()))
    assert seen.shape == upright.shape
    assert np.abs(seen.astype(int) - upright).mean() < 12


def test_large_images_are_made_smaller():
    image = np.full((3000, 1000), 255, np.uint8)
    image[:1500] = 0
    seen = read_image(file_of(image))
    assert seen.shape == (500, 167)
    assert seen[:240].max() == 0
    assert seen[260:].min() == 255


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "wanted a PNG, JPEG, WebP, BMP, GIF, TIFF or HEIC image, got another kind of file"),
        (b"GIF89a" + bytes(50), "GIF image is damaged or cut short"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "wanted a PNG, JPEG, WebP"),
        (b"\x89PNG\r\n\x1a\n", "PNG image is damaged or cut short"),
        (b"\xff\xd8\xff", "JPEG image is damaged or cut short"),
        (png_of(10, 10, b"nonsense"), "damaged or cut short"),
        (png_of(0, 10), "damaged or cut short"),
        (png_of(10_001, 5000), "50,000,000 pixels and be 20,000 long, got 10,001 × 5,000"),
        (png_of(2**31 - 1, 2**31 - 1), "long, got 2,147,483,647"),
        (png_of(1, 50_000_000), "20,000 long, got 1 × 50,000,000"),
        (png_of(20_001, 1), "20,000 long, got 20,001 × 1"),
        (bytes(MOST_BYTES + 1), "may have 160,000,000 bytes, got 160,000,001"),
    ],
)
def test_files_that_are_none_are_refused_in_one_line(content, says):
    with pytest.raises(HandwritingError, match=says) as refusal:
        read_image(content)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 200
    assert isinstance(refusal.value, ValueError)


@pytest.mark.parametrize("kind", ["PPM", "ICO", "PCX", "TGA", "DDS"])
def test_other_formats_are_refused_whatever_they_hold(kind, picture):
    with pytest.raises(HandwritingError, match="wanted a PNG, JPEG, WebP"):
        read_image(file_of(Image.fromarray(picture).convert("RGB"), kind))


@pytest.mark.parametrize("kind", ["WEBP", "BMP", "GIF", "TIFF"])
def test_more_formats_arrive_as_they_are(kind, picture):
    exact = {"WEBP": {"lossless": True}, "TIFF": {"compression": "tiff_lzw"}}.get(kind, {})
    assert np.array_equal(read_image(file_of(picture, kind, **exact)), picture)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP"])
def test_of_several_images_in_a_file_the_first_counts(kind, picture):
    first, other = Image.fromarray(picture), Image.fromarray(255 - picture)
    more = {"save_all": True, "append_images": [other]} | (
        {"lossless": True} if kind == "WEBP" else {}
    )
    assert np.array_equal(read_image(file_of(first, kind, **more)), picture)


def test_heic_is_read_where_its_library_is_and_else_it_says_which(picture, monkeypatch):
    import pillow_heif

    content = io.BytesIO()
    heif = pillow_heif.from_pillow(Image.fromarray(picture).convert("RGB"))
    heif.save(content, quality=-1, chroma=444)
    seen = read_image(content.getvalue())
    assert seen.shape == picture.shape
    assert np.abs(seen.astype(int) - picture).mean() < 3
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(HandwritingError, match="pip install pillow-heif; or save it as JPEG"):
        read_image(content.getvalue())


def test_16_bits_that_are_12_are_read_by_their_own_range(picture):
    levels = picture.astype(np.uint16) * 16 + 5
    for kind in ("PNG", "TIFF"):
        seen = read_image(file_of(Image.fromarray(levels), kind))
        wanted = levels.astype(int) * 255 // int(levels.max())
        assert np.array_equal(seen, wanted)
    with pytest.raises(HandwritingError, match="floats for pixels"):
        read_image(file_of(Image.fromarray(picture / np.float32(255)), "TIFF"))


def a_photo(mode="L", height=7100):
    """49.7 million pixels, white and black: 7000 wide."""
    large = Image.new(mode, (7000, height), "white")
    large.paste("black", (3500, 0, 7000, height))
    return large


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_photo_of_up_to_50_million_pixels_is_read(kind, monkeypatch):
    decoded = []
    monkeypatch.setattr(
        "chainrule.handwriting.files.grey",
        lambda image, longest: decoded.append(image.size) or grey(image, longest),
    )
    for content in (
        file_of(a_photo(), kind, **({"quality": 40} if kind == "JPEG" else {"compress_level": 1})),
        *([file_of(a_photo(), kind, quality=40, progressive=True)] if kind == "JPEG" else []),
    ):
        seen = read_image(content)
        assert decoded[-1] == ((3500, 3550) if kind == "JPEG" else (7000, 7100))  # half its size
        assert max(seen.shape) <= 560
        assert abs(seen.shape[0] / seen.shape[1] - 7100 / 7000) < 0.01
        assert seen[:, :200].min() > 250
        assert seen[:, -200:].max() < 5
    with pytest.raises(HandwritingError, match=f"a {kind} image may have 50,000,000 pixels"):
        read_image(file_of(a_photo(height=7200), kind, **{"quality": 40, "compress_level": 1}))


def test_a_webp_takes_more_memory_so_it_may_have_fewer_pixels():
    content = bytearray(file_of(Image.new("L", (64, 64)), "WEBP"))
    content[26:30] = (5001).to_bytes(2, "little") + (5000).to_bytes(2, "little")  # VP8's header
    with pytest.raises(HandwritingError, match=r"a WEBP image may have 25,000,000 pixels.* 5,001"):
        read_image(bytes(content))


PEAK = """
import re, sys
from pathlib import Path
import pillow_heif
from chainrule.handwriting import read_image

def most():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

content = Path(sys.argv[1]).read_bytes()
read_image(Path(sys.argv[2]).read_bytes())
before = most()
read_image(content)
print(most() - before)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is told otherwise")
@pytest.mark.parametrize(
    ("kind", "mode", "options", "most"),
    [
        ("PNG", "RGBA", {"compress_level": 1}, 240),
        ("JPEG", "RGB", {}, 80),
        ("JPEG", "CMYK", {"progressive": True}, 480),
        ("BMP", "RGB", {}, 240),
        ("GIF", "L", {}, 80),
        ("TIFF", "RGBA", {"compression": "tiff_lzw"}, 240),
        ("HEIF", "RGB", {"quality": 50}, 420),
        ("WEBP", "RGBA", {"method": 0}, 600),
    ],
)
def test_decoding_takes_no_more_memory_than_is_said(tmp_path, kind, mode, options, most):
    """In MB beside the file, of 50 million pixels; of WebP 25 million."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    for name, height in (("large", 3500 if kind == "WEBP" else 7100), ("small", 70)):
        (tmp_path / name).write_bytes(file_of(a_photo(mode, height), kind, **options))
    command = [sys.executable, "-c", PEAK, tmp_path / "large", tmp_path / "small"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert 20 < int(done.stdout) / 1000 < most


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_files_that_are_cut_short_are_refused(kind, picture):
    content = file_of(picture, kind)
    for length in range(8, len(content) - 60, 37):
        with pytest.raises(HandwritingError, match="cut short"):
            read_image(content[:length])


def with_scans(count, *, comment=b""):
    """A progressive JPEG whose last scan is repeated until there are so many."""
    content = file_of(Image.new("RGB", (64, 64), (9, 90, 200)), "JPEG", progressive=True)
    scan = content[content.rindex(b"\xff\xda") : -2]
    more = count - len(re.findall(b"\xff\xda", content))
    return content[:2] + comment + content[2:-2] + more * scan + content[-2:]


def test_a_jpeg_of_more_than_100_scans_is_refused_before_it_is_decoded(monkeypatch):
    assert read_image(with_scans(MOST_SCANS)).shape == (64, 64)
    monkeypatch.setattr(
        "chainrule.handwriting.files.grey", lambda *_: pytest.fail("it was decoded")
    )
    for scans in (MOST_SCANS + 1, 3000):
        with pytest.raises(HandwritingError, match="100 scans, got 101 or more; save it again"):
            read_image(with_scans(scans))


LOOKS_LIKE_SCANS = 400 * b"\xff\xda"


@pytest.mark.parametrize(
    ("content", "scans"),
    [
        (with_scans(37, comment=b"\xff\xfe\x03\x22" + LOOKS_LIKE_SCANS), 37),  # says it is 802 long
        (with_scans(12) + LOOKS_LIKE_SCANS, 12),  # after the end, where phones put a film
        (with_scans(12, comment=b"\xff\xff\xff\xfe\x00\x02"), 12),  # FF may be said more than once
        (file_of(np.eye(200, dtype=np.uint8) * 255, "JPEG", restart_marker_rows=1), 1),
    ],
    ids=["comment", "after the end", "filled up", "restarts"],
)
def test_only_scans_are_counted(content, scans):
    assert count_scans(content) == scans
    assert min(read_image(content).shape) > 0


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xda", LOOKS_LIKE_SCANS])
def test_what_is_no_jpeg_has_scans_that_can_be_counted(content):
    assert count_scans(content) <= 1


def decoded_in(seconds_a_read, content, monkeypatch):
    """How often Pillow reads on before it is stopped, on a clock that goes on at each read."""
    clock = iter(np.arange(0, 1e6, seconds_a_read))
    reads = []

    def now():
        reads.append(1)
        return next(clock)

    monkeypatch.setattr("chainrule.handwriting.files.thread_time", now)
    with pytest.raises(HandwritingError, match=r"more than 10 seconds to decode; make it smaller"):
        read_image(content)
    return len(reads)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_decoding_ends_after_a_few_seconds(kind, monkeypatch):
    """The clock is ours: a slow machine and a quick one stop at the same read."""
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000)).astype(np.uint8)
    content = file_of(noise, kind, **({"quality": 95} if kind == "JPEG" else {}))
    assert decoded_in(0.1, content, monkeypatch) == 102
    assert decoded_in(11, content, monkeypatch) == 2
    assert not decoding.locked()
    monkeypatch.undo()
    assert read_image(content).shape == (500, 500)


def test_a_file_of_many_chunks_ends_too(monkeypatch):
    content = png_of(9, 9, zlib.compress(bytes(90)))
    many = content[:33] + 600 * chunk(b"teSt", b"") + content[33:]
    assert decoded_in(0.02, many, monkeypatch) == 502


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the most that was held")
@pytest.mark.parametrize(("mode", "pixel"), [("P", 1), ("I;16", 2), ("RGBA", 4)])
def test_memory_is_that_of_the_decoded_image_alone(mode, pixel):
    """In a process of its own: the most it held, above what it held before, in MB."""
    image = Image.new(mode, (3000, 3000))
    if mode == "P":
        image.putpalette([0, 0, 0])
    transparent = {"transparency": 0} if mode == "P" else {}
    content = file_of(image, compress_level=1, **transparent)
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from chainrule.handwriting import read_image\n"
        "def most():\n"
        "    status = Path('/proc/self/status').read_text(encoding='ascii')\n"
        "    return int(re.search(r'VmHWM:\\s*(\\d+)', status)[1]) // 1024\n"
        "content, before = sys.stdin.buffer.read(), most()\n"
        "read_image(content)\n"
        "print(most() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True)
    assert done.stderr == b""
    assert 0 < int(done.stdout) <= 9 * pixel + 25


def test_too_little_memory_is_said_of_the_image(picture, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr("chainrule.handwriting.files.grey", full)
    with pytest.raises(HandwritingError, match="not enough memory for the image; make it smaller"):
        read_image(file_of(picture))


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(
        "chainrule.handwriting.files.grey", lambda *_: pytest.fail("it was decoded")
    )
    with pytest.raises(HandwritingError, match="pixels"):
        read_image(png_of(60_000, 60_000, zlib.compress(bytes(10_000_000))))


SEEDS = [
    file_of(Image.fromarray(np.arange(480, dtype=np.uint16).astype(np.uint8).reshape(24, 20)), k)
    for k in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
] + [
    file_of(Image.new("RGBA", (9, 9), (9, 9, 9, 99))),
    file_of(Image.new("P", (9, 9)), transparency=0),
]


@settings(deadline=None)  # time is never tested
@given(st.sampled_from(SEEDS), st.integers(0, 2**32), st.integers(1, 12))
@example(SEEDS[0], 0, 1)
def test_no_damaged_file_gives_more_than_a_refusal(content, seed, count):
    rng, changed = random.Random(seed), bytearray(content)
    for _ in range(count):
        place = rng.randrange(len(changed))
        match rng.randrange(3):
            case 0:
                changed[place] = rng.randrange(256)
            case 1:
                del changed[place : place + rng.randrange(1, 9)]
            case _:
                changed[place:place] = rng.randbytes(rng.randrange(1, 9))
        changed = changed or bytearray(b"\0")
    try:
        picture = read_image(bytes(changed))
    except HandwritingError as error:
        said = str(error)
    else:
        said = f"{prepare(picture).pixels.shape}"
    assert "\n" not in said


# -------------------------------------------------------------------------------------- stages


def test_a_digit_of_mnist_comes_out_as_it_went_in(mnist):
    """The stages do nothing where there is nothing to do."""
    for image in mnist[1].images[:200]:
        before = image.reshape(28, 28)
        # The other stages measure grey levels; these place, and must agree with MNIST's own way.
        pixels = prepare(before, off=("threshold", "slant", "thickness")).pixels.reshape(28, 28)
        rows = np.flatnonzero(before.max(axis=1) > 64)
        columns = np.flatnonzero(before.max(axis=0) > 64)
        if max(np.ptp(rows), np.ptp(columns)) == 19:
            # Faint rims beyond the 20 × 20 go; the rest is the same byte for byte.
            inner = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            shifted = np.abs(pixels[inner].astype(int) - before[inner]).max()
            moved = np.argwhere(pixels > 64).min(axis=0) - (rows[0], columns[0])
            assert shifted == 0 or np.abs(moved).max() == 1


def test_prepared_test_images_are_read_about_as_well(mnist, large):
    """A sample of the 10,000; benchmarks/handwriting.py has all."""
    test = mnist[1][::40]
    X = np.array([prepare(image.reshape(28, 28)).pixels for image in test.images]).T
    right = np.mean(predict(large, X.astype(np.float32) / 255) == test.labels)
    as_they_are = np.mean(predict(large, test.X) == test.labels)
    assert right >= as_they_are - 0.012


@pytest.mark.parametrize("shape", measuring.DIGITS)
def test_each_digit_drawn_by_strokes_is_read_right(shape, large):
    rng = np.random.default_rng(1)
    for _ in range(5):
        strokes = measuring.written(measuring.DIGITS[shape], rng)
        pixels = prepare(draw(strokes)).pixels
        assert read(large, pixels) == int(shape)
        assert not novelty(pixels).unlike


HARD = {
    "thin": {"size": (600, 600), "scale": 30, "pen": 4, "at": (140, 80)},
    "thick": {"size": (600, 600), "scale": 30, "pen": 80, "at": (140, 80)},
    "in the corner": {"size": (560, 560), "scale": 6, "pen": 6, "at": (480, 460)},
    "wide": {"size": (560, 60), "scale": 3, "pen": 5, "at": (100, 10)},
    "large": {"size": (160, 210), "scale": 14, "pen": 14, "at": (8, 8)},
    "cut out": {"size": (154, 210), "scale": 14, "pen": 14, "at": (7, 7)},
}


@pytest.mark.parametrize("how", HARD)
@pytest.mark.parametrize("light_on_dark", [False, True])
def test_any_pen_place_and_polarity_is_read_right(how, light_on_dark, large):
    for shape in "23457":
        picture = pens_own(measuring.DIGITS[shape], **HARD[how])
        picture = 255 - picture if light_on_dark else picture
        assert read(large, prepare(picture).pixels) == int(shape), shape


def photo(shape):
    """A digit on a sheet with uneven light, the edge of a shadow, specks and noise, as JPEG."""
    rng = np.random.default_rng(3)
    ink = pens_own(measuring.DIGITS[shape], size=(450, 600), scale=14, pen=9, at=(90, 150))
    y, x = np.mgrid[:600, :450]
    light = 210 - x / 9 - y / 10 - 40 / (1 + np.exp(-(x - y + 100) / 10))
    light[rng.integers(0, 600, 8), rng.integers(0, 450, 8)] *= 0.4
    image = light * (0.4 + 0.6 * ink / 255) + rng.normal(0, 4, ink.shape)
    return read_image(file_of(image.clip(0, 255).astype(np.uint8), "JPEG", quality=80))


@pytest.mark.parametrize("shape", "234567")
def test_a_photo_in_uneven_light_is_read_right(shape, large):
    pixels = prepare(photo(shape)).pixels
    assert read(large, pixels) == int(shape)
    assert not novelty(pixels).unlike


def test_the_paper_of_a_photo_becomes_0():
    stages = {stage.name: stage.picture for stage in prepare(photo("4")).stages}
    assert np.mean(stages["polarity"] > 0) > 0.99
    assert np.mean(stages["specks"] > 0) < 0.1
    assert stages["specks"].max() == 255


@pytest.mark.parametrize("towards", [0, 1, 2, 3])
def test_a_shadow_in_a_corner_is_paper(towards):
    ink = pens_own(measuring.DIGITS["4"], size=(400, 400), scale=12, pen=10, at=(140, 110)) / 255
    y, x = np.mgrid[:400, :400] / 400
    shadow = 1 / (1 + np.exp(-(x + y - 1.5) / 0.02))
    picture = 220 * (1 - 0.3 * np.rot90(shadow, towards)) * (0.4 + 0.6 * ink)
    found = threshold(255 - picture.astype(np.uint8))
    assert (found[ink < 0.5] > 64).all()
    digit = (slice(90, 300), slice(120, 280))
    assert np.mean(found > 64) < np.mean(found[digit] > 64) * found[digit].size / found.size + 0.01
    kept = specks(found)
    kept[digit] = 0
    assert not kept.any()


def test_polarity_does_not_matter():
    picture = pens_own(measuring.DIGITS["5"], **HARD["large"])
    assert np.array_equal(prepare(picture).pixels, prepare(255 - picture).pixels)


def test_place_and_size_hardly_matter():
    large = pens_own(measuring.DIGITS["5"], size=(600, 600), scale=30, pen=30, at=(40, 40))
    small = pens_own(measuring.DIGITS["5"], size=(400, 300), scale=15, pen=15, at=(200, 50))
    a, b = (prepare(picture).pixels.astype(int) for picture in (large, small))
    assert np.abs(a - b).sum() < 0.08 * a.sum()


def test_specks_away_from_the_digit_go_and_its_parts_stay():
    page = np.zeros((100, 100), np.uint8)
    page[20:80, 30:40] = 255  # a bar
    page[20:26, 44:70] = 255  # its roof, not quite touching
    page[5:9, 90:94] = 255  # a speck
    page[95, 5] = 255
    kept = specks(page)
    assert (kept[20:80] == page[20:80]).all()
    assert kept[:20].max() == kept[80:].max() == 0


def test_crop_fit_and_centre_by_hand():
    page = np.zeros((50, 60), np.uint8)
    page[10:40, 20:35] = 200  # 30 × 15
    cropped = crop(page)
    assert cropped.shape == (30, 15)
    fitted = fit(cropped)
    assert fitted.shape == (20, 10)
    assert (fitted == 200).all()
    # Left half twice as dark: 5 · 2 + 5 · 1 columns; centre of mass (2.5 · 2 + 7.5 · 1) / 3 = 4.17
    fitted = fitted.copy()
    fitted[:, 5:] = 100
    placed = centre(fitted)
    rows, columns = (np.flatnonzero(placed.any(axis=axis)) for axis in (1, 0))
    assert (rows[0], rows[-1]) == (4, 23)
    assert (columns[0], columns[-1]) == (10, 19)


def test_centre_is_mnists_own(mnist):
    """In MNIST the centre of mass lies in the pixel right of and below the middle."""
    for image in mnist[0].images[:2000]:
        page = image.reshape(28, 28)
        assert np.array_equal(centre(page), page)


@pytest.mark.parametrize(("pen", "wide"), [(4, 2.0), (16, 2.5), (120, 4.0)])
def test_thickness_makes_strokes_as_wide_as_mnists(pen, wide):
    bar = np.zeros((600, 600), np.uint8)
    bar[50:550, 300 - pen // 2 : 300 + pen // 2] = 255
    bar[50 : 50 + pen, 300:500] = 255
    stroke = fit(thickness(crop(bar)))[14].sum() / 255
    # 16 of 500 would be 0.64: it is one of the thin, too.
    assert stroke == pytest.approx(2.0 if pen < 40 else wide, abs=0.45)
    medium = np.zeros((100, 60), np.uint8)
    medium[:, 20:33] = 255
    assert np.array_equal(thickness(medium), medium)


def test_slant_sets_up_what_leans_and_nothing_else():
    def bar(shear):
        page = Image.new("L", (400, 400))
        ImageDraw.Draw(page).line((200 - 150 * shear, 50, 200 + 150 * shear, 350), 255, width=20)
        return np.asarray(page)

    def lean(page):
        y, x = np.nonzero(page > 128)
        return np.polyfit(y, x, 1)[0]

    for shear, wanted in ((-1, -0.44), (-0.7, -0.44), (0.5, 0.13), (1, 0.13)):
        assert lean(bar(shear)) == pytest.approx(shear, abs=0.02)
        assert lean(slant(bar(shear))) == pytest.approx(wanted, abs=0.02)
    for shear in (-0.4, 0, 0.1):
        assert np.array_equal(slant(bar(shear)), bar(shear))


@pytest.mark.parametrize("shear", [-0.8, 0.5])
def test_a_digit_that_leans_is_read_right(shear, large):
    for shape in "23457":
        points = measuring.DIGITS[shape].split(" / ")
        leaning = " / ".join(
            " ".join(
                f"{float(x) + shear * (float(y) - 7)},{y}"
                for x, y in (point.split(",") for point in stroke.split())
            )
            for stroke in points
        )
        picture = pens_own(leaning, size=(700, 600), scale=30, pen=34, at=(200, 80))
        assert read(large, prepare(picture).pixels) == int(shape), shape


@pytest.mark.parametrize("off", [(), *((stage,) for stage in STAGES), STAGES])
def test_each_stage_can_be_switched_off(off):
    picture = pens_own(measuring.DIGITS["7"], **HARD["in the corner"])
    prepared = prepare(picture, off)
    assert tuple(stage.name for stage in prepared.stages) == STAGES
    assert tuple(stage.name for stage in prepared.stages if stage.off) == off
    for stage in prepared.stages:
        assert stage.picture.dtype == stage.pixels.dtype == np.uint8
        assert stage.pixels.shape == (784,)
    assert prepared.stages[-1].picture.shape == (28, 28)
    assert np.array_equal(prepared.stages[-1].picture.ravel(), prepared.pixels)
    if off:
        assert not np.array_equal(prepared.pixels, prepare(picture).pixels) or off[0] in (
            *("threshold", "specks", "slant"),  # clean paper, an upright digit
        )


def test_with_no_stage_the_whole_picture_is_shrunk():
    picture = pens_own(measuring.DIGITS["3"], **HARD["thick"])[:560, :560]
    shrunk = prepare(picture, STAGES).pixels.reshape(28, 28)
    means = picture.reshape(28, 20, 28, 20).mean(axis=(1, 3))
    assert np.abs(shrunk - means).mean() < 12
    assert shrunk[0, 0] == 255


@pytest.mark.parametrize(
    ("picture", "off", "says"),
    [
        (np.zeros((5, 5)), (), "unsigned bytes.*float64"),
        (np.zeros((5, 5, 3), np.uint8), (), r"shape \(5, 5, 3\)"),
        (np.zeros((0, 5), np.uint8), (), r"shape \(0, 5\)"),
        (np.zeros((5, 5), np.uint8), ("colour",), "stages are polarity.*got 'colour'"),
    ],
)
def test_pictures_and_stages_that_are_none_are_refused(picture, off, says):
    with pytest.raises(HandwritingError, match=says):
        prepare(picture, off)


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from(["noise", "flat", "sparse", "ramp", "stripes"]),
    st.sets(st.sampled_from(STAGES)),
    st.integers(0, 2**32),
)
def test_any_picture_becomes_784_pixels(shape, kind, off, seed):
    rng = np.random.default_rng(seed)
    picture = {
        "noise": rng.integers(0, 256, shape),
        "flat": np.full(shape, rng.integers(0, 256)),
        "sparse": 255 * (rng.random(shape) < 0.03),
        "ramp": np.add.outer(np.arange(shape[0]), np.arange(shape[1])),
        "stripes": np.broadcast_to(255 * (np.arange(shape[1]) % 2), shape),
    }[kind].astype(np.uint8)
    before = picture.copy()
    prepared = prepare(picture, off)
    assert prepared.pixels.shape == (784,)
    assert np.array_equal(picture, before)
    if kind == "flat" and "threshold" not in off:
        assert not prepared.pixels.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 560), (560, 1), (2, 3), (560, 560)])
def test_pictures_of_any_form_become_784_pixels(shape):
    for fill in (0, 255):
        assert prepare(np.full(shape, fill, np.uint8)).pixels.shape == (784,)


# ------------------------------------------------------------------------------ unlike a digit


def test_an_empty_pad_is_unlike_a_digit():
    found = novelty(prepare(draw([])).pixels)
    assert found.unlike
    assert found.why == "There is no ink: all pixels are the same."


def test_noise_is_unlike_a_digit():
    rng = np.random.default_rng(0)
    for noise in rng.integers(0, 256, (50, 784)).astype(np.uint8):
        assert novelty(noise).unlike


def test_the_score_is_1_less_the_largest_correlation(mnist):
    pixels = mnist[1].images[3]
    small = mnist[0].images[:3000].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)
    one = pixels.reshape(14, 2, 14, 2).mean(axis=(1, 3)).ravel()
    by_numpy = np.corrcoef(one, small)[0, 1:]
    ours = compared(mnist[0].images[:3000]) @ compared(pixels[None])[0]
    np.testing.assert_allclose(ours, by_numpy, atol=1e-5)  # float32
    found = novelty(pixels)
    assert found.score <= 1 - by_numpy.max() + 1e-5
    assert found.limit == LIMIT
    assert found.unlike == (found.score > LIMIT)
    assert re.search(r"Of 60,000 training digits the most similar, a \d, correlates", found.why)


def test_a_training_digit_is_like_itself(mnist):
    found = novelty(mnist[0].images[7])
    assert found.score == pytest.approx(0, abs=1e-5)
    assert f"a {mnist[0].labels[7]}, correlates with it by 1.00" in found.why


def judged(picture):
    made = prepare(picture)
    return novelty(made.pixels, made.stages)


def beside(*shapes, gap=12, side=200):
    """Digits beside each other in black on white, by Pillow, the same height."""
    size, scale = (side * len(shapes), 260), side / 20
    sheet = np.full(size[::-1], 255, np.uint8)
    for k, shape in enumerate(shapes):
        at = (side / 5 + k * (10 * scale + gap), 50)
        sheet = np.minimum(
            sheet, pens_own(measuring.DIGITS[shape], size=size, scale=scale, pen=14, at=at)
        )
    return sheet


@pytest.mark.parametrize("shapes", ["12", "05", "05221859"])
@pytest.mark.parametrize("light_on_dark", [False, True])
def test_several_digits_are_counted(shapes, light_on_dark):
    picture = beside(*shapes, gap=50)
    found = judged(255 - picture if light_on_dark else picture)
    assert found.unlike
    assert found.several
    assert (found.score, found.limit) == (len(shapes), 1)
    assert found.kind == "several marks"
    assert found.why == (
        f"It has {len(shapes)} marks, further apart than the parts of a digit are. "
        f"Cut out one digit, and read that."
    )


def test_a_page_of_digits_has_as_many_marks():
    page = np.vstack([beside(*row, gap=60) for row in ("1234", "5670", "9876")])
    found = judged(page)
    assert found.several
    assert found.score == 12
    assert judged(np.rot90(page)).score == 12


TWO_PARTS = {  # digits in two strokes that do not meet
    "4": "5,0 0,8 7,8 / 9,3 9,14",
    "5": "1.8,1 0.5,6 5,5 8,6 10,9 9,12 6,14 3,14 0,12 / 3.5,0 10,0",
    "0": "4,0 1,2 0,7 1,12 4,14 / 6,0 9,2 10,7 9,12 6,14",
    "7": "0,0 10,0 6,6.5 / 5.5,8.5 4,14",
}


@pytest.mark.parametrize("shape", TWO_PARTS)
def test_a_digit_in_two_parts_is_one(shape):
    picture = pens_own(TWO_PARTS[shape], size=(400, 500), scale=24, pen=14, at=(80, 80))
    assert count_marks(specks(255 - picture), 0) == 2
    assert not judged(picture).unlike


def test_a_small_mark_beside_a_digit_does_not_count():
    """A blot that is kept, because it has much ink, is not long enough to be a digit."""
    picture = pens_own(measuring.DIGITS["3"], size=(460, 400), scale=20, pen=20, at=(50, 60)).copy()
    picture[20:85, 380:445] = 0
    ink = prepare(picture).stages[STAGES.index("specks")].picture
    assert ink[50, 400] == 255
    assert not judged(picture).several


def solids():
    y, x = np.mgrid[:200, :200] - 99.5
    for size in (6, 20, 50, 70, 80):
        yield f"a disc of {size}", np.hypot(x, y) < size
        yield f"a square of {size}", np.maximum(abs(x), abs(y)) < size
    yield "a triangle", (y > -30) & (y < 60 - abs(x) * np.sqrt(3))
    yield "a disc in the corner", np.hypot(x + 60, y + 60) < 30
    yield "a blot", np.hypot(x, y) < 40 + 8 * np.sin(7 * np.arctan2(y, x))


@pytest.mark.parametrize(("name", "ink"), list(solids()))
@pytest.mark.parametrize("light_on_dark", [False, True])
def test_a_solid_shape_is_unlike_a_digit(name, ink, light_on_dark):
    found = judged(np.where(ink ^ light_on_dark, 0, 255).astype(np.uint8))
    assert found.unlike
    assert not found.several
    assert found.kind == "unlike any digit"


def test_how_solid_is_the_radius_for_the_length():
    y, x = np.mgrid[:200, :200] - 99.5
    for ink, radius in (
        (np.hypot(x, y) < 60, 1 / 2),
        (np.maximum(abs(x), abs(y)) < 60, 1 / 2),
        (np.hypot(x, 2 * y) < 60, 1 / 4),
        (np.maximum(abs(x), 4 * abs(y)) < 60, 1 / 8),
    ):
        picture = np.where(ink, 255, 0).astype(np.uint8)
        assert solidity(picture) == pytest.approx(radius, abs=0.02)
    assert solidity(np.zeros((5, 9), np.uint8)) == 0


def test_what_is_wider_than_a_digit_is_unlike_one():
    joined = " ".join(f"{x},{7 + 3 * (x % 2)}" for x in range(12))  # a row in one stroke
    found = judged(pens_own(joined, size=(500, 500), scale=30, pen=12, at=(60, 60)))
    assert found.unlike
    assert found.score > WIDE == found.limit
    assert "times as wide as it is high" in found.why


def test_without_stages_the_form_is_that_of_the_pixels():
    for picture in (beside(*"12", gap=50), np.where(np.eye(9) > 2, 255, 0).astype(np.uint8)):
        assert novelty(prepare(picture).pixels).unlike
    page = np.zeros((28, 28), np.uint8)
    page[4:24, 6:10] = page[4:24, 17:21] = 255
    assert novelty(page.ravel()).several
    page[4:24, 4:24] = 255
    assert novelty(page.ravel()).limit == SOLID


@pytest.mark.parametrize("off", [*((stage,) for stage in STAGES), STAGES])
def test_the_form_is_looked_at_whatever_is_switched_off(off):
    for picture in (beside(*"7"), beside(*"17"), np.full((9, 9), 7, np.uint8)):
        made = prepare(picture, off)
        assert isinstance(novelty(made.pixels, made.stages).unlike, bool)


@pytest.mark.parametrize("pixels", [np.zeros(784), np.zeros((28, 28), np.uint8)])
def test_novelty_wants_784_bytes(pixels):
    with pytest.raises(HandwritingError, match="784 unsigned bytes, got"):
        novelty(pixels)


# -------------------------------------------------------------------------------- the measured


def assert_still(count, measured_share, of, now):
    """A share of a sample is within four standard errors, and one, of the measured one."""
    error = np.sqrt(max(measured_share * (1 - measured_share), 0.01) / count)
    assert abs(now - measured_share) <= 4 * error + 1 / count, f"{of}: {now} of {measured_share}"


def test_the_figures_of_the_stages_are_still_true(mnist, large):
    figures = measured()
    test = mnist[1][::40]
    for name, damage in measuring.DAMAGES.items():
        rng = np.random.default_rng(5)
        pictures = [damage(image, rng) for image in test.images]
        for off, key in (((), "accuracy"), (STAGES, "unprepared")):
            X = np.array([measuring.readable(each, off) for each in pictures]).T
            share = np.mean(predict(large, X.astype(np.float32) / 255) == test.labels)
            assert_still(len(test), figures[name][key]["large"] / 100, f"{name} {key}", share)
    assert set(figures["costs"]) == set(STAGES)
    assert figures["costs"] == figures["moved"]["costs"]
    assert figures["limit"] == LIMIT


def test_false_alarms_are_at_most_2_percent(mnist):
    figures = measured()["unlike"]
    assert figures["test digits"]["images"] == 10_000
    assert figures["test digits"]["unlike"] <= 2
    found = share_unlike(measuring.as_pixels(mnist[1].images[::20]))
    assert found[:40] == [novelty(image).unlike for image in mnist[1].images[:800:20]]
    assert_still(len(found), figures["test digits"]["unlike"] / 100, "false alarms", np.mean(found))


def share_unlike(made):
    return [rule is not None for rule in measuring.are_unlike(made)]


def alarms_of_form(some):
    """The share of these digits, each moved, whose form is said to be that of no digit."""
    rng = np.random.default_rng(6)
    made = [prepare(measuring.moved(image, rng)) for image in some.images]
    return np.mean([measuring.strange_form(each.pixels, each.stages) is not None for each in made])


def test_the_form_of_a_digit_is_a_false_alarm_in_at_most_half_a_percent(mnist):
    """Of the test digits as they are, and as pictures; every twelfth is looked at again, moved."""
    figures = measured()["unlike"]
    for name in ("test digits", *(f"test digits, {damage}" for damage in measuring.DAMAGES)):
        assert figures[name]["images"] == 10_000
        assert figures[name]["several"] + figures[name]["form"] <= 0.5, name
    assert alarms_of_form(mnist[1][::12]) <= 0.005


@pytest.mark.long
def test_the_form_of_every_fourth_digit_is_a_false_alarm_in_at_most_half_a_percent(mnist):
    assert alarms_of_form(mnist[1][::4]) <= 0.005


def test_the_shares_caught_are_still_true(mnist):
    figures, rng = measured()["unlike"], np.random.default_rng(9)
    some = mnist[1].images
    seen = {
        "letters drawn by strokes": map(prepare, measuring.drawings(measuring.LETTERS, 5, rng)),
        "scribbles": (prepare(draw(measuring.scribble(rng))) for _ in range(60)),
        "two digits": (prepare(measuring.row(some[k : k + 2], rng)) for k in range(0, 100, 2)),
        "pages of 24": (prepare(measuring.page(some[k : k + 24], rng)) for k in range(0, 96, 24)),
        "solid shapes": (prepare(measuring.solid_shape(rng)) for _ in range(50)),
    }
    for name, made in seen.items():
        found = share_unlike(made)
        assert_still(len(found), figures[name]["unlike"] / 100, name, np.mean(found))


@pytest.mark.long
def test_the_limits_are_those_that_were_fitted(mnist):
    assert measuring.fitted_limit() == pytest.approx(LIMIT, abs=0.002)
    limits = (APART, SOLID, WIDE)
    for fitted, limit in zip(measuring.fitted_forms(mnist[0]), limits, strict=True):
        assert fitted <= limit <= 1.2 * fitted


@pytest.mark.long
def test_every_measured_figure_is_still_true(mnist):
    figures = measured()
    test = mnist[1][::20]
    for name, damage in measuring.DAMAGES.items():
        now = measuring.measure_stages(test, damage)
        for model in measuring.MODELS:
            before = figures[name]["accuracy"][model] / 100
            assert_still(500, before, name, now["accuracy"][model] / 100)
            for stage in STAGES:
                share = (now["accuracy"][model] - now["costs"][stage][model]) / 100
                old = before - figures[name]["costs"][stage][model] / 100
                assert_still(500, old, f"{name} without {stage}", share)


def test_the_tables_of_the_document_are_the_measured_ones():
    document = (ROOT / "docs/reference/handwriting.md").read_text(encoding="utf-8")
    table = [line for line in measuring.tables(measured()) if line]
    assert [line for line in table if line not in document] == []


# ------------------------------------------------------------------------------ what is collected


def collected(seed=0, train=5, test=2):
    rng = np.random.default_rng(seed)
    return tuple(
        Digits(
            rng.integers(0, 256, (m, 784)).astype(np.uint8),
            rng.integers(0, 10, m).astype(np.uint8),
        )
        for m in (train, test)
    )


def test_collected_digits_are_read_back(tmp_path):
    train, test = collected()
    write_digits(tmp_path / "a/mine", train, test)
    for ours, back in zip((train, test), load_digits(tmp_path / "a/mine"), strict=True):
        assert np.array_equal(ours.images, back.images)
        assert np.array_equal(ours.labels, back.labels)
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_the_same_digits_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_digits(tmp_path / name, *collected())
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
        assert path.read_bytes()[4:8] == bytes(4)  # gzip's time


def test_a_folder_is_not_overwritten_and_never_half_there(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    with pytest.raises(FileExistsError):
        write_digits(tmp_path / "mine", *collected())
    assert list((tmp_path / "mine").iterdir()) == []

    def full(path, content):
        if "t10k-labels" in path.name:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("chainrule.sources.written.write_whole", full)
    with pytest.raises(OSError, match="No space left"):
        write_digits(tmp_path / "yours", *collected())
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


# ----------------------------------------------------------------------------- the command line


SMALL = MODELS / "small.safetensors"
LARGE = MODELS / "large.safetensors"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for shape in "37":
        picture = pens_own(measuring.DIGITS[shape], **HARD["large"])
        (folder / f"a {shape}.png").write_bytes(file_of(picture))
    (folder / "photo.jpg").write_bytes(file_of(photo("4"), "JPEG"))
    (folder / "empty.png").write_bytes(file_of(np.full((50, 50), 255, np.uint8)))
    (folder / "text.png").write_text("no image")
    (folder / "none").mkdir()
    (folder / "row.png").write_bytes(file_of(beside(*"05221859", gap=50)))
    (folder / "cut.png").write_bytes((folder / "a 3.png").read_bytes()[:-30])
    return folder


def test_predict_reads_image_files(inside, images, answer):
    paths = [images / name for name in ("a 3.png", "a 7.png", "photo.jpg", "empty.png")]
    result = answer("predict", LARGE, *paths)
    found = result["predictions"]
    assert [each["image"] for each in found] == list(map(str, paths))
    assert [each["prediction"] for each in found[:3]] == [3, 7, 4]
    assert [each["unlike"]["unlike"] for each in found] == [False, False, False, True]
    assert set(found[0]) == {"image", "prediction", "probabilities", "unlike"}
    assert sum(found[0]["probabilities"]) == pytest.approx(1, abs=1e-5)
    quiet = inside("predict", LARGE, *paths[:3], "--quiet")
    assert quiet.stdout.split() == ["3", "7", "4"]
    printed = inside("predict", LARGE, paths[1], paths[3], cwd=images).stdout
    assert f"{paths[1]}: read as 7\n" in printed
    assert "truth" not in printed
    assert f"{paths[3]}: unlike any digit; taken for one digit, it would be" in printed
    assert printed.count("unlike any digit") == 1
    assert "There is no ink" in printed
    assert len([line for line in printed.splitlines() if "█" in line[:28]]) > 5


def test_several_marks_are_said_by_predict(inside, images, answer):
    row = images / "row.png"
    (found,) = answer("predict", LARGE, row)["predictions"]
    assert found["unlike"]["several"]
    assert found["unlike"]["score"] == 8
    why = "It has 8 marks, further apart than the parts of a digit are. Cut out one digit,"
    assert found["unlike"]["why"].startswith(why)
    first, *_, last = inside("predict", LARGE, row).stdout.splitlines()
    digit = found["prediction"]
    assert first == f"{row}: several marks; taken for one digit, it would be {digit}"
    assert last == "and read that. chainrule read reads lines of digits."


def test_quiet_says_what_is_no_digit_on_stderr(images, inside):
    done = inside("predict", LARGE, "a 3.png", "empty.png", "row.png", "-q", cwd=images)
    assert done.returncode == 0
    first, *others = done.stdout.split()
    assert first == "3"
    assert [len(digit) for digit in others] == [1, 1]
    empty, row = done.stderr.splitlines()
    assert (
        empty == "chainrule: empty.png: unlike any digit. There is no ink: all pixels are the same."
    )
    assert row.startswith("chainrule: row.png: several marks. It has 8 marks, further apart")


BAD = {
    "text.png": "wanted a PNG, JPEG, WebP, BMP, GIF, TIFF or HEIC image, got another kind of file",
    "nowhere.png": "no such file or directory",
    "none": "a folder without image files",
    "cut.png": r"the PNG image is damaged or cut short \(.*\)",
}


@pytest.mark.parametrize("how", ["", "--quiet", "--json"])
def test_a_bad_picture_does_not_end_the_others(how, images, inside):
    paths = ["text.png", "a 3.png", "nowhere.png", "none", "a 7.png", "cut.png"]
    done = inside("predict", LARGE, *paths, *how.split(), cwd=images)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    for line, path in zip(lines, [path for path in paths if path in BAD], strict=True):
        assert re.fullmatch(f"chainrule: {re.escape(path)}: {BAD[path]}", line), line
    if how == "--quiet":
        assert done.stdout.split("\n") == ["-", "3", "-", "-", "7", "-", ""]
    elif how == "--json":
        found = json.loads(done.stdout)["predictions"]
        assert [each["image"] for each in found] == paths
        assert [each.get("prediction") for each in found] == [None, 3, None, None, 7, None]
        for each, line in zip([each for each in found if "error" in each], lines, strict=True):
            assert set(each) == {"image", "error"}
            assert line == f"chainrule: {each['image']}: {each['error']}"
    else:
        assert "a 3.png: read as 3\n" in done.stdout
        assert "a 7.png: read as 7\n" in done.stdout


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads anything")
def test_a_picture_without_permission_is_a_bad_one(images, tmp_path, inside):
    path = tmp_path / "mine.png"
    path.write_bytes((images / "a 3.png").read_bytes())
    path.chmod(0)
    done = inside("predict", LARGE, path, images / "a 7.png", "-q")
    assert (done.returncode, done.stdout) == (1, "-\n7\n")
    assert done.stderr == f"chainrule: {path}: permission denied\n"


@pytest.mark.parametrize("path", BAD)
def test_one_bad_picture_alone_is_exit_code_1_too(path, images, inside):
    done = inside("predict", SMALL, path, cwd=images)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(f"chainrule: {re.escape(path)}: {BAD[path]}\n", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give image files or --test, one of the two.*predict -h"),
        (["a 3.png", "--test", "1"], "give image files or --test, one of the two"),
        (["a 3.png", "--data", "x"], "--data goes with --test"),
    ],
)
def test_wrong_images_are_one_line_and_exit_code_2(arguments, says, images, inside):
    for mode in ([], ["--json"], ["--quiet"]):
        done = inside("predict", SMALL, *arguments, *mode, cwd=images)
        assert done.returncode == 2
        assert done.stdout == ""
        assert re.fullmatch(f"chainrule: .*{says}.*\n", done.stderr), done.stderr


def test_without_the_extra_it_says_so_in_one_line(images):
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        f"sys.argv = ['chainrule', 'predict', {str(SMALL)!r}, {str(images / 'a 3.png')!r}]\n"
        "from chainrule.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "chainrule: image files need the extra lab: pip install pillow scipy\n"


def test_measured_is_small_and_sorted():
    path = ROOT / "src/chainrule/handwriting/measured.json"
    text = path.read_text(encoding="utf-8")
    assert len(text) < 10_000
    assert json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n" == text
