"""Digits in: what the bundled files hold, and that nothing but digits ever comes out of a folder.

The IDX writer here is the test's own, so reader and writer cannot share a mistake.
"""

import gzip
import hashlib
import struct
import subprocess
import sys
import tracemalloc
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from helpers.mutations import mutated
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule.data
from chainrule import DataError, Digits, evaluate, initialise, load_digits, load_mnist, train
from chainrule.engine.ink import by_ink
from chainrule.runs.digits import checksum

PUBLISHED = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
NAMES = tuple(PUBLISHED)
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES
MB = 1_000_000

plain_and_gzipped = pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])


def idx(array):
    """An IDX file of unsigned bytes: 00 00 08, the number of axes, their lengths, the bytes."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + bytes(array.ravel().tolist())


def header(*lengths):
    return struct.pack(f">{1 + len(lengths)}I", 0x800 + len(lengths), *lengths)


def small_contents(train=50, test=20):
    """Four small IDX files by name: random ink, labels 0 1 2 … 9 0 1 …."""
    rng = np.random.default_rng(1)
    contents = {}
    for part, m in (("train", train), ("t10k", test)):
        images = rng.integers(256, size=(m, 28, 28), dtype=np.uint8)
        contents[f"{part}-images-idx3-ubyte"] = idx(images)
        contents[f"{part}-labels-idx1-ubyte"] = idx(np.arange(m, dtype=np.uint8) % 10)
    return contents


def gzipped(content):
    return gzip.compress(content, mtime=0)


def write(folder, contents, *, zipped=False):
    for name, content in contents.items():
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzipped(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def write_with(folder, name, raw):
    """Small gzipped files, but in the place of this one these bytes as they are."""
    write(folder, small_contents(), zipped=True)
    (folder / f"{name}.gz").write_bytes(raw)
    return folder


def refusal(folder):
    """The message of the DataError for this folder; it is one line that names the folder."""
    with pytest.raises(DataError) as caught:
        load_digits(folder)
    message = str(caught.value)
    assert str(folder) in message
    assert message.isprintable()  # so there is no line break, nor anything a terminal obeys
    return message


@contextmanager
def memory_below(limit):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------ the bundled files


def test_the_bundled_files_are_the_published_ones():
    folder = Path(chainrule.data.__file__).with_name("mnist")
    sums = (folder / "SHA256SUMS").read_text(encoding="ascii")
    assert sums == "".join(f"{checksum}  {name}\n" for name, checksum in PUBLISHED.items())
    for name, published in PUBLISHED.items():
        content = gzip.decompress((folder / f"{name}.gz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == published


def test_the_bundled_digits_have_the_known_facts_of_mnist(mnist):
    train, test = mnist
    assert train.images.shape == (60_000, 784)
    assert test.images.shape == (10_000, 784)
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert round(train.images.mean(), 4) == 33.3184
    assert round(100 * np.count_nonzero(train.images) / train.images.size, 2) == 19.12
    assert np.count_nonzero(train.images.any(axis=0)) == 717


def test_the_bundled_digits_are_the_bytes_of_the_files_after_their_headers(mnist):
    folder = Path(chainrule.data.__file__).with_name("mnist")
    content = gzip.decompress((folder / f"{TEST_IMAGES}.gz").read_bytes())
    assert mnist[1].images.tobytes() == content[16:]


def test_a_bundled_file_that_is_not_the_published_one_is_refused(tmp_path, monkeypatch):
    contents = small_contents()
    sums = [f"{hashlib.sha256(content).hexdigest()}  {n}" for n, content in contents.items()]
    (tmp_path / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="ascii")
    monkeypatch.setattr(chainrule.data, "bundled_mnist", lambda: tmp_path)
    write(tmp_path, contents, zipped=True)
    assert len(load_mnist()[0]) == 50
    for name, content in contents.items():
        altered = content[:-1] + bytes([(content[-1] + 1) % 10])  # as good a pixel or label
        write(tmp_path, {**contents, name: altered}, zipped=True)
        with pytest.raises(DataError, match=rf"{name}\.gz: .*SHA-256 differs"):
            load_mnist()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_mnist_and_both_X_take_less_than_350_MB():
    # VmHWM and not ru_maxrss: the latter starts from the size of the process that forked.
    code = (
        "from chainrule import load_mnist\n"
        "train, test = load_mnist()\n"
        "X, X_test = train.X, test.X\n"
        "print(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    _, kilobytes, unit = done.stdout.split()
    assert unit == "kB"
    assert 188 * MB < int(kilobytes) * 1024 < 350 * MB


# --------------------------------------------------------------------------------- X, Y and slices


def test_X_holds_the_images_as_columns_between_0_and_1(mnist):
    digits = mnist[1]
    X = digits.X
    assert X.shape == (784, 10_000)
    assert X.dtype == np.float32
    assert X.min() == 0
    assert X.max() == 1
    for k in (0, 1, 4_321, 9_999):
        exact = np.array([pixel / 255 for pixel in digits.images[k].tolist()])
        # float32 rounds a number in [0, 1] by at most half a unit in the last place, 2^-25.
        assert np.abs(X[:, k].astype(np.float64) - exact).max() <= 2**-25


def test_X_keeps_each_image_in_one_piece_of_memory(mnist):
    X = mnist[1].X
    assert X.strides == (4, 784 * 4)
    assert X.base is not None


def test_Y_is_one_hot(mnist):
    digits = mnist[1]
    Y = digits.Y
    assert Y.shape == (10, 10_000)
    assert Y.dtype == np.float32
    assert Y.sum() == 10_000
    assert (Y[digits.labels, np.arange(10_000)] == 1).all()


def test_X_and_Y_are_made_anew_at_every_call(mnist):
    digits = mnist[1][:3]
    digits.X[:] = 7
    digits.Y[:] = 7
    assert digits.X.max() <= 1
    assert digits.Y.max() == 1


@pytest.mark.parametrize(
    ("chosen", "places"),
    [
        (3, [3]),
        (-1, [9_999]),
        (np.int64(3), [3]),
        (slice(2, 5), [2, 3, 4]),
        ([1, 2], [1, 2]),
        (np.array([7, 7, 0]), [7, 7, 0]),
    ],
)
def test_a_slice_of_digits_is_digits(mnist, chosen, places):
    digits = mnist[1]
    some = digits[chosen]
    assert isinstance(some, Digits)
    assert some.images.tolist() == [digits.images[k].tolist() for k in places]
    assert some.labels.tolist() == [int(digits.labels[k]) for k in places]


def test_by_ink_lots_leave_out_the_rarest_pixels_and_nothing_else(mnist):
    """All images are there once, with their labels, and blank in every pixel that is left out."""
    digits = Digits(mnist[1].images[:500].copy(), mnist[1].labels[:500])
    digits.images[7] = 0
    lots = by_ink(digits, 120)
    assert [len(lot.labels) for lot in lots] == [120, 120, 120, 120, 20]
    back = np.zeros_like(digits.images)
    for k, (images, _, pixels) in enumerate(lots):
        assert images[:, -1].any()  # the last pixel is needed
        assert pixels.tolist() == lots[-1].pixels[: len(pixels)].tolist()
        assert images.flags.c_contiguous
        back[120 * k : 120 * k + 120, pixels] = images
    assert not back[0].any()  # the blank one comes first
    used = [sum(image[pixel] > 0 for image in digits.images) for pixel in lots[-1].pixels]
    assert used == sorted(used, reverse=True)
    there = np.column_stack([back, np.concatenate([lot.labels for lot in lots])])
    given = np.column_stack([digits.images, digits.labels])
    assert sorted(map(bytes, there)) == sorted(map(bytes, given))
    assert [len(lot.labels) for lot in by_ink(digits, 300)] == [300, 200]
    assert by_ink(digits, 120) is lots  # two trainings of different shapes may take turns
    assert [len(lot.labels) for lot in by_ink(digits, 500)] == [500]
    assert by_ink(digits, 120) is not lots


def test_an_index_outside_is_an_IndexError_and_an_empty_slice_a_DataError(mnist):
    with pytest.raises(IndexError):
        mnist[1][10_000]
    with pytest.raises(DataError, match="at least one image"):
        mnist[1][2:2]


def test_loaded_images_and_labels_are_read_only(mnist):
    for digits in mnist:
        for array in (digits.images, digits.labels, digits[2:5].images):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1


def test_the_repr_says_how_many(mnist):
    assert repr(mnist[0]) == "Digits: 60,000 images 28 × 28 with labels"
    assert repr(mnist[0][3]) == "Digits: 1 images 28 × 28 with labels"


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (np.zeros((2, 784)), np.zeros(2, np.uint8), "float64"),
        (np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8), r"\(2, 28, 28\)"),
        (np.zeros((784, 2), np.uint8), np.zeros(2, np.uint8), r"\(784, 2\)"),
        (np.zeros((2, 784), np.uint8), np.zeros(2, np.int64), "int64"),
        (np.zeros((2, 784), np.uint8), np.zeros((2, 1), np.uint8), r"\(2, 1\)"),
        (np.zeros((2, 784), np.uint8), np.zeros(3, np.uint8), "2 images and 3 labels"),
        (np.zeros((2, 784), np.uint8), np.array([9, 10], np.uint8), "10 at index 1"),
        (np.zeros((0, 784), np.uint8), np.zeros(0, np.uint8), "got none"),
        ([[0] * 784], np.zeros(1, np.uint8), "images must be a NumPy array, got list"),
        (np.zeros((1, 784), np.uint8), [3], "labels must be a NumPy array, got list"),
        (
            np.ma.zeros((1, 784), np.uint8),
            np.zeros(1, np.uint8),
            "images must be a NumPy array, got MaskedArray",
        ),
    ],
)
def test_digits_of_other_shapes_types_or_labels_are_refused(images, labels, said):
    with pytest.raises(DataError, match=said):
        Digits(images, labels)


# ------------------------------------------------------------------------------- folders of files


@plain_and_gzipped
def test_names_with_a_dot_are_found_too(tmp_path, zipped):
    contents = small_contents()
    dotted = {name.replace("-idx", ".idx"): content for name, content in contents.items()}
    assert "train-images.idx3-ubyte" in dotted
    (tmp_path / "hyphen").mkdir()
    (tmp_path / "dot").mkdir()
    usual = load_digits(write(tmp_path / "hyphen", contents, zipped=zipped))
    found = load_digits(write(tmp_path / "dot", dotted, zipped=zipped))
    for one, other in zip(usual, found, strict=True):
        assert np.array_equal(one.images, other.images)
        assert np.array_equal(one.labels, other.labels)


def test_where_nothing_is_found_the_message_lists_what_lies_there(tmp_path):
    assert refusal(tmp_path).endswith("or folders of pictures); there lies nothing")
    for name in ("emnist-train.idx", "b\n\x1b[31m", *(f"c{n}" for n in range(10))):
        (tmp_path / name).touch()
    said = refusal(tmp_path)
    assert "there lies b??[31m, c0, c1, c2, c3, c4, c5, c6 and 4 more" in said


def test_a_mapped_file_that_shrinks_is_an_error_before_the_next_pass(tmp_path):
    write(tmp_path, small_contents())
    train_set, test_set = load_digits(tmp_path)
    network = initialise([784, 10], rng=np.random.default_rng(0))
    rng = np.random.default_rng(0)
    snapshots = train(network, train_set, steps=5, batch_size=2, rng=rng, engine="numpy")
    next(snapshots)
    with (tmp_path / "train-images-idx3-ubyte").open("r+b") as file:
        file.truncate(16)
    says = "train files: the images have become shorter while they are in use: they had"
    for use in (
        lambda: next(snapshots),
        lambda: evaluate(network, train_set, engine="numpy"),
        lambda: evaluate(network, train_set, engine="compiled"),
        lambda: train_set.X,
        lambda: by_ink(train_set, 2),
        lambda: train_set[[0]],
        lambda: train_set[0:2],
        lambda: checksum(train_set),
    ):
        with pytest.raises(DataError, match=says):
            use()
    assert evaluate(network, test_set).confusion.sum() == len(test_set)


@plain_and_gzipped
def test_a_folder_of_idx_files_gives_the_digits_written_there(tmp_path, mnist, zipped):
    train, test = mnist[0][:50], mnist[1][:20]
    contents = dict(
        zip(
            NAMES,
            [
                idx(train.images.reshape(50, 28, 28)),
                idx(train.labels),
                idx(test.images.reshape(20, 28, 28)),
                idx(test.labels),
            ],
            strict=True,
        )
    )
    write(tmp_path, contents, zipped=zipped)
    for folder in (tmp_path, str(tmp_path)):
        for wanted, came in zip((train, test), load_digits(folder), strict=True):
            assert np.array_equal(wanted.images, came.images)
            assert np.array_equal(wanted.labels, came.labels)


def test_plain_and_gzipped_files_may_stand_together(tmp_path):
    contents = small_contents()
    write(tmp_path, {name: contents[name] for name in NAMES[:2]})
    write(tmp_path, {name: contents[name] for name in NAMES[2:]}, zipped=True)
    assert [len(digits) for digits in load_digits(tmp_path)] == [50, 20]


def test_of_a_plain_and_a_gzipped_file_the_plain_one_is_read(tmp_path):
    write(tmp_path, small_contents())
    write(tmp_path, small_contents(train=7, test=5), zipped=True)
    assert [len(digits) for digits in load_digits(tmp_path)] == [50, 20]


@pytest.mark.parametrize("missing", NAMES)
def test_a_missing_file_is_refused_by_name(tmp_path, missing):
    contents = small_contents()
    del contents[missing]
    assert missing in refusal(write(tmp_path, contents))


def test_a_missing_folder_and_a_file_given_as_folder_are_refused(tmp_path):
    assert "nothing there" in refusal(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"")
    assert "an empty file" in refusal(tmp_path / "file")


def test_a_path_that_cannot_be_read_is_an_OSError(tmp_path):
    write(tmp_path, small_contents())
    (tmp_path / TRAIN_IMAGES).unlink()
    (tmp_path / TRAIN_IMAGES).mkdir()
    with pytest.raises(OSError, match=TRAIN_IMAGES):
        load_digits(tmp_path)


@plain_and_gzipped
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"hello, this is no IDX file", b"P5 28 28 255\n" + bytes(784)]
)
def test_what_is_not_idx_is_refused(tmp_path, name, content, zipped):
    write(tmp_path, {**small_contents(), name: content}, zipped=zipped)
    message = refusal(tmp_path)
    assert "not an IDX file" in message
    assert name in message


@plain_and_gzipped
@pytest.mark.parametrize("name", NAMES)
def test_another_magic_number_is_refused(tmp_path, name, zipped):
    contents = small_contents()
    right = contents[name][:4].hex()
    for magic in {"00000801", "00000803", "00000802", "00000903", "00000d01", "03080000"} - {right}:
        content = bytes.fromhex(magic) + contents[name][4:]
        write(tmp_path, {**contents, name: content}, zipped=zipped)
        assert f"got {magic}" in refusal(tmp_path)


@plain_and_gzipped
def test_labels_where_images_should_be_are_refused(tmp_path, zipped):
    contents = small_contents()
    swapped = {TRAIN_IMAGES: contents[TRAIN_LABELS], TRAIN_LABELS: contents[TRAIN_IMAGES]}
    assert TRAIN_LABELS in refusal(write(tmp_path, {**contents, **swapped}, zipped=zipped))


@pytest.mark.parametrize("name", [TRAIN_LABELS, TEST_LABELS])
def test_a_gzip_file_cut_anywhere_is_refused(tmp_path, name):
    whole = gzipped(small_contents()[name])
    for length in range(len(whole)):
        write_with(tmp_path, name, whole[:length])
        assert f"{name}.gz" in refusal(tmp_path)


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 100, 20_000, 30_000])
def test_gzipped_images_cut_short_are_refused(tmp_path, cut):
    whole = gzipped(small_contents()[TRAIN_IMAGES])
    write_with(tmp_path, TRAIN_IMAGES, whole[:-cut])
    assert "cut short" in refusal(tmp_path)


@plain_and_gzipped
@pytest.mark.parametrize("name", NAMES)
def test_content_cut_short_is_refused(tmp_path, name, zipped):
    contents = small_contents(train=3, test=2)
    content = contents[name]
    for length in {*range(8), len(content) // 2, len(content) - 1}:
        write(tmp_path, {**contents, name: content[:length]}, zipped=zipped)
        assert name in refusal(tmp_path)


def test_a_gzip_file_with_a_changed_byte_is_refused(tmp_path):
    whole = gzipped(small_contents()[TRAIN_LABELS])
    for place in range(10, len(whole)):  # the deflate stream, the CRC and the length
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        write_with(tmp_path, TRAIN_LABELS, damaged)
        assert f"{TRAIN_LABELS}.gz" in refusal(tmp_path)


def test_a_wrong_crc_is_called_damage(tmp_path):
    damaged = bytearray(gzipped(small_contents()[TRAIN_IMAGES]))
    damaged[-8] ^= 1
    write_with(tmp_path, TRAIN_IMAGES, damaged)
    assert "damaged" in refusal(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_gz_file_that_is_not_gzip_is_refused(tmp_path, name):
    write_with(tmp_path, name, small_contents()[name])
    assert f"{name}.gz" in refusal(tmp_path)


@plain_and_gzipped
@pytest.mark.parametrize("name", NAMES)
def test_one_byte_more_or_one_count_more_than_the_header_says_is_refused(tmp_path, name, zipped):
    contents = small_contents()
    content = contents[name]
    count = int.from_bytes(content[4:8], "big")
    write(tmp_path, {**contents, name: content + b"\0"}, zipped=zipped)
    assert "holds more than" in refusal(tmp_path)
    more = content[:4] + (count + 1).to_bytes(4, "big") + content[8:]
    write(tmp_path, {**contents, name: more}, zipped=zipped)
    assert "the header promises" in refusal(tmp_path)


@plain_and_gzipped
@pytest.mark.parametrize(
    ("name", "lengths"),
    [
        (TRAIN_LABELS, (2**32 - 1,)),
        (TRAIN_IMAGES, (5_500_000, 28, 28)),
        (TRAIN_IMAGES, (2**32 - 1, 28, 28)),
        (TRAIN_IMAGES, (2**32 - 1,) * 3),
        (TRAIN_IMAGES, (2**31, 2**31, 4)),  # 2^64, which is 0 in 64 bits
    ],
)
def test_a_promise_of_gigabytes_is_refused_without_taking_them(tmp_path, name, lengths, zipped):
    contents = small_contents()
    write(tmp_path, {**contents, name: header(*lengths) + bytes(1_000)}, zipped=zipped)
    with memory_below(4 * MB):
        assert name in refusal(tmp_path)


def test_a_promise_that_gzip_could_keep_takes_only_what_is_there(tmp_path):
    # 5 MB that do not compress could be 5 GB that do, so only reading can tell.
    content = header(2**32 - 1) + np.random.default_rng(2).bytes(5 * MB)
    write_with(tmp_path, TRAIN_LABELS, gzip.compress(content, compresslevel=1))
    with memory_below(30 * MB):
        assert "the file holds 5,000,000" in refusal(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_gzip_bomb_is_refused_without_unpacking_it(tmp_path, name):
    bomb = gzipped(small_contents()[name]) + 300 * gzipped(bytes(MB))
    assert len(bomb) < MB
    write_with(tmp_path, name, bomb)
    with memory_below(4 * MB):
        assert "holds more than" in refusal(tmp_path)


def test_a_gzip_bomb_of_larger_images_is_refused_without_unpacking_it(tmp_path):
    write_with(
        tmp_path, TRAIN_IMAGES, gzipped(header(300, 1_000, 1_000)) + 300 * gzipped(bytes(MB))
    )
    with memory_below(4 * MB):
        assert "1000 × 1000" in refusal(tmp_path)


@plain_and_gzipped
@pytest.mark.parametrize("part", ["train", "t10k"])
@pytest.mark.parametrize(("images", "labels"), [(49, 50), (50, 49)])
def test_counts_that_differ_are_refused(tmp_path, part, images, labels, zipped):
    contents = small_contents()
    contents[f"{part}-images-idx3-ubyte"] = idx(np.zeros((images, 28, 28), np.uint8))
    contents[f"{part}-labels-idx1-ubyte"] = idx(np.zeros(labels, np.uint8))
    message = refusal(write(tmp_path, contents, zipped=zipped))
    assert f"{images} images and {labels} labels" in message
    assert part in message


@pytest.mark.parametrize("name", [TRAIN_LABELS, TEST_LABELS])
@pytest.mark.parametrize("label", [10, 255])
def test_a_label_above_9_is_refused(tmp_path, name, label):
    contents = small_contents()
    contents[name] = contents[name][:12] + bytes([label]) + contents[name][13:]
    message = refusal(write(tmp_path, contents))
    assert f"{label} at index 4" in message


@pytest.mark.parametrize("name", [TRAIN_IMAGES, TEST_IMAGES])
@pytest.mark.parametrize("shape", [(32, 32), (28, 27), (27, 28), (14, 56), (784, 1), (1, 1)])
def test_images_of_another_size_are_refused(tmp_path, name, shape):
    contents = small_contents(train=20, test=20)
    contents[name] = idx(np.zeros((20, *shape), np.uint8))
    assert f"{shape[0]} × {shape[1]}" in refusal(write(tmp_path, contents))


@plain_and_gzipped
@pytest.mark.parametrize("part", ["train", "t10k"])
@pytest.mark.parametrize(
    "lengths",
    [
        (0, 28, 28),
        (20, 0, 0),
        (0, 2**32 - 1, 2**32 - 1),
        (2**32 - 1, 2**32 - 1, 0),
    ],
)
def test_no_images_at_all_are_refused(tmp_path, part, lengths, zipped):
    contents = small_contents()
    contents[f"{part}-images-idx3-ubyte"] = header(*lengths)
    contents[f"{part}-labels-idx1-ubyte"] = header(0)
    refusal(write(tmp_path, contents, zipped=zipped))


# --------------------------------------------------------------------------------- any bytes at all


TINY = small_contents(train=3, test=2)


@pytest.fixture(scope="module")
def tiny_folders(tmp_path_factory):
    return {
        zipped: write(tmp_path_factory.mktemp("tiny"), TINY, zipped=zipped)
        for zipped in (False, True)
    }


def load_with(folder, name, raw):
    """What a folder gives with these bytes in one file: digits as one IDX content, or a message."""
    path = next(folder.glob(f"{name}*"))
    whole = path.read_bytes()
    path.write_bytes(raw)
    try:
        sets = load_digits(folder)
        for digits in sets:
            assert digits.images.dtype == digits.labels.dtype == np.uint8
            assert digits.images.shape == (len(digits), 784)
            assert digits.labels.shape == (len(digits),)
            assert digits.labels.max() <= 9
        digits = sets[NAMES.index(name) // 2]
        # Plain images are mapped, so they are copied out before the file changes under them.
        return idx(digits.images.reshape(-1, 28, 28) if "images" in name else digits.labels), ""
    except DataError as error:
        return None, str(error)
    finally:
        path.write_bytes(whole)


def check_refused_or_whole(folder, name, raw, content):
    """Either a message, or digits that, written again, are all the content of the file."""
    again, message = load_with(folder, name, raw)
    if again is None:
        assert str(folder) in message
        assert message.isprintable()
    else:
        assert again == content


@settings(max_examples=100, deadline=None)
@given(name=st.sampled_from(NAMES), raw=st.binary(max_size=200))
def test_random_bytes_are_refused_or_are_digits(tiny_folders, name, raw):
    check_refused_or_whole(tiny_folders[False], name, raw, raw)
    check_refused_or_whole(tiny_folders[True], name, gzipped(raw), raw)


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(NAMES), data=st.data())
def test_a_mutated_file_is_refused_or_read_as_it_stands(tiny_folders, name, data):
    content = data.draw(mutated(TINY[name]))
    check_refused_or_whole(tiny_folders[False], name, content, content)
    check_refused_or_whole(tiny_folders[True], name, gzipped(content), content)


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(NAMES), data=st.data())
def test_a_mutated_gzip_file_is_refused_or_read_as_it_stands(tiny_folders, name, data):
    raw = data.draw(mutated(gzipped(TINY[name])))
    try:
        content = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error):
        content = None  # no digits equal it, so this file must be refused
    check_refused_or_whole(tiny_folders[True], name, raw, content)
