"""Digits as people have them: every kind that is read gives the pixels and labels written there."""

import gzip
import hashlib
import io
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from csv import QUOTE_ALL

import numpy as np
import pytest
from helpers.mutations import mutated
from helpers.sets import (
    png,
    write_emnist,
    write_hugging_face,
    write_kaggle,
    write_keras,
    write_pictures,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import DataError, Digits, load_digits
from chainrule.sources import csv
from chainrule.sources.opening import Reading, load_one, load_to_measure
from chainrule.sources.pickled import CONVERT
from chainrule.sources.written import write_digits

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@pytest.fixture(scope="module")
def few(mnist):
    """A few digits in memory, to train on and to test on."""
    return tuple(
        Digits(d.images[:m].copy(), d.labels[:m].copy())
        for d, m in zip(mnist, (60, 20), strict=True)
    )


@pytest.fixture(scope="module")
def letters(mnist):
    """Images of 26 classes, called by letters."""
    images = mnist[0].images[:104].copy()
    labels = (np.arange(104) % 26).astype(np.uint8)
    return Digits(images, labels, names=LETTERS), Digits(images[:52], labels[:52], names=LETTERS)


def same(one, other):
    return (
        np.array_equal(one.images, other.images)
        and np.array_equal(one.labels, other.labels)
        and one.names == other.names
    )


def refused(path, **reading):
    """What is said of a path that is refused: one line that names it."""
    with pytest.raises(DataError) as caught:
        load_digits(path, **reading)
    said = str(caught.value)
    assert said.isprintable()
    assert str(path) in said
    return said


def one_line(error):
    assert str(error).isprintable()


def parts_together(sets):
    """All images of two parts that were drawn, as sorted rows of pixels and label."""
    return sorted(
        bytes(image) + bytes([label])
        for digits in sets
        for image, label in zip(digits.images, digits.labels, strict=True)
    )


# ------------------------------------------------------------------------------------- each kind


def write_kind(kind, folder, train, test):
    """The folder or file of a kind that holds both parts."""
    folder.mkdir()
    match kind:
        case "idx":
            write_emnist(folder, "emnist-mnist", train, test)
        case "csv":
            write_kaggle(folder / "mnist_train.csv", train)
            write_kaggle(folder / "mnist_test.csv", test)
        case "npz":
            write_keras(folder / "mnist.npz", train, test)
        case "parquet":
            write_hugging_face(folder / "mnist/train-00000-of-00001.parquet", train)
            write_hugging_face(folder / "mnist/test-00000-of-00001.parquet", test)
        case "pictures":
            write_pictures(folder / "training", train)
            write_pictures(folder / "testing", test)
    return folder


KINDS = ("idx", "csv", "npz", "parquet", "pictures")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_gives_the_digits_written_there_also_in_another_process(kind, few, tmp_path):
    folder = write_kind(kind, tmp_path / "set", *few)
    loaded = load_digits(folder, transpose=kind == "idx")
    for wanted, came, part in zip(few, loaded, ("train", "t10k"), strict=True):
        if kind == "pictures":  # they come label by label
            order = np.argsort(wanted.labels, kind="stable")
            wanted = wanted[order]
        assert same(wanted, came)
        assert (came.name, came.origin.source.test_share) == (str(folder), None)
        assert same(load_one(folder, part, Reading(transpose=kind == "idx")), came)
        again = pickle.dumps(came[5:9])
        assert len(again) < 1000  # a reference, no pixels
        assert same(pickle.loads(again), came[5:9])
        with pytest.raises(ValueError, match="read-only"):
            came.images[0] = 1
    assert "a test part of its own" in refused(folder, test_share=0.5)


def test_a_worker_loads_digits_again_as_they_were_read(few, tmp_path):
    write_kaggle(tmp_path / "train.csv", few[0])
    train, test = load_digits(tmp_path / "train.csv", seed=5, transpose=True, test_share=0.3)
    code = (
        "import hashlib, pickle, sys\n"
        "for digits in pickle.load(sys.stdin.buffer):\n"
        "    print(hashlib.sha256(digits.images.tobytes() + digits.labels.tobytes()).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps((train, test)), capture_output=True
    )
    wanted = [
        hashlib.sha256(each.images.tobytes() + each.labels.tobytes()).hexdigest()
        for each in (train, test)
    ]
    assert done.stdout.decode().split() == wanted, done.stderr


# ----------------------------------------------------------------------------------- a drawn part


def test_where_no_test_part_is_one_is_drawn_from_the_seed(few, tmp_path):
    path = tmp_path / "train.csv"
    write_kaggle(path, few[0])
    sets = load_digits(path)
    assert list(map(len, sets)) == [54, 6]
    assert parts_together(sets) == parts_together(few[:1])
    assert sets[1].name == f"{path} (10 % of it, drawn with seed 0)"
    assert sets[0].name == str(path)
    assert all(same(*pair) for pair in zip(sets, load_digits(path), strict=True))
    others = load_digits(path, seed=1, test_share=0.25)
    assert list(map(len, others)) == [45, 15]
    assert parts_together(others) == parts_together(few[:1])
    assert not same(load_digits(path, seed=1)[1], sets[1])
    for share in (0, 1.5, -0.1, float("nan")):
        with pytest.raises(DataError, match="test_share must be"):
            load_digits(path, test_share=share)


def test_what_is_measured_is_the_test_part_or_all_where_none_is(few, tmp_path):
    write_kaggle(tmp_path / "a.csv", few[0])
    assert same(load_to_measure(tmp_path / "a.csv"), few[0])
    assert len(load_to_measure(tmp_path / "a.csv", Reading(0.5))) == 30
    write_keras(tmp_path / "b.npz", *few)
    assert same(load_to_measure(tmp_path / "b.npz"), few[1])


def test_kaggles_test_file_has_no_labels_so_it_is_not_the_test_part(few, tmp_path):
    write_kaggle(tmp_path / "train.csv", few[0])
    write_kaggle(tmp_path / "test.csv", few[1], labels=False)
    (tmp_path / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    sets = load_digits(tmp_path)
    assert list(map(len, sets)) == [54, 6]
    assert parts_together(sets) == parts_together(few[:1])
    assert "no column of labels" in refused(tmp_path / "test.csv")
    assert np.array_equal(csv.read_unlabelled(tmp_path / "test.csv"), few[1].images)
    assert np.array_equal(csv.read_unlabelled(tmp_path / "train.csv"), few[0].images)


# ------------------------------------------------------------------------------------- IDX folders


def test_of_several_sets_in_a_folder_a_file_names_the_one(few, letters, tmp_path):
    write_emnist(tmp_path, "emnist-letters", *letters, first=1)
    write_emnist(tmp_path, "emnist-digits", *few)
    said = refused(tmp_path)
    assert "2 sets fit" in said
    assert "emnist-letters-train-images-idx3-ubyte.gz" in said
    for part in ("train", "test"):
        path = tmp_path / f"emnist-letters-{part}-images-idx3-ubyte.gz"
        assert all(map(same, load_digits(path, transpose=True), letters))
    path = tmp_path / "emnist-digits-test-labels-idx1-ubyte.gz"
    assert all(map(same, load_digits(path, transpose=True), few))


def test_files_with_any_names_are_found_by_what_they_hold(few, tmp_path):
    write_emnist(tmp_path, "mine", *few, ending="")
    (tmp_path / "readme.md").write_text("hello")
    (tmp_path / "mine-train-images-idx3-ubyte").rename(tmp_path / "a.bin")
    (tmp_path / "mine-train-labels-idx1-ubyte").rename(tmp_path / "b.bin")
    for each in tmp_path.glob("mine-test*"):
        each.unlink()
    assert parts_together(load_digits(tmp_path, transpose=True)) == parts_together(few[:1])
    shutil.copy(tmp_path / "b.bin", tmp_path / "c.bin")
    said = refused(tmp_path)
    assert "two files of labels fit: b.bin, c.bin" in said


def test_a_folder_with_two_kinds_says_which(few, tmp_path):
    write_keras(tmp_path / "mnist.npz", *few)
    write_kaggle(tmp_path / "train.csv", few[0])
    said = refused(tmp_path)
    assert "CSV and .npz; name the file" in said
    assert same(load_digits(tmp_path / "mnist.npz")[1], few[1])


# ------------------------------------------------------------------------------------------- CSV


@pytest.mark.parametrize(
    "way",
    [
        {"delimiter": ";"},
        {"delimiter": "\t", "newline": "\r\n"},
        {"bom": "\ufeff"},
        {"value": lambda pixel: f"{pixel}.0"},
        {"quoting": QUOTE_ALL},
        {"value": lambda pixel: f" {pixel}"},
        {"value": lambda pixel: repr(pixel / 255)},
        {"newline": "\r\n"},
    ],
    ids=["semicolons", "tabs", "bom", "floats", "quotes", "spaces", "0 to 1", "crlf"],
)
def test_csv_in_all_its_dresses_gives_the_same_digits(few, tmp_path, way):
    write_kaggle(tmp_path / "a.csv", few[0], **way)
    assert same(load_to_measure(tmp_path / "a.csv"), few[0])


def test_csv_without_a_header_or_with_the_label_last(few, tmp_path):
    rows = np.column_stack([few[0].labels, few[0].images])
    np.savetxt(tmp_path / "a.csv", rows, fmt="%d", delimiter=",")
    assert same(load_to_measure(tmp_path / "a.csv"), few[0])
    last = np.column_stack([np.arange(1000, 1060), few[0].images, few[0].labels])
    head = ",".join(["id", *(f"{r}x{c}" for r in range(1, 29) for c in range(1, 29)), "class"])
    np.savetxt(tmp_path / "b.csv", last, fmt="%d", delimiter=",", header=head, comments="")
    assert same(load_to_measure(tmp_path / "b.csv"), few[0])


def test_csv_read_in_small_pieces_is_the_same(few, tmp_path, monkeypatch):
    write_kaggle(tmp_path / "a.csv", few[0])
    with (tmp_path / "a.csv").open("a") as file:
        file.write("\n" * 2000)
    for size in (1, 700, 5000):
        monkeypatch.setattr(csv, "PIECE", size)
        assert same(load_to_measure(tmp_path / "a.csv"), few[0])
        if size == 1:
            monkeypatch.setattr(csv, "PIECE", 333)


@pytest.mark.parametrize("size", [333, 5000, 40_000])
def test_a_line_is_counted_over_pieces(few, tmp_path, monkeypatch, size):
    monkeypatch.setattr(csv, "PIECE", size)
    path = tmp_path / "a.csv"
    write_kaggle(path, few[0])
    lines = path.read_text().splitlines()
    for wrong in (2, 30, 61):
        spoilt = [*lines[: wrong - 1], f"{lines[wrong - 1]}0x", *lines[wrong:]]
        path.write_text("\n".join(spoilt) + "\n")
        assert f"line {wrong}: pixels go from 0 to 255" in refused(path)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda fields: fields[:-1], "line 8: wanted 785 columns as in the first line, got 784"),
        (lambda fields: [*fields, "0"], "line 8: wanted 785 columns"),
        (lambda fields: [*fields[:-1], "256"], "line 8: pixels go from 0 to 255, got 256"),
        (lambda fields: [*fields[:-1], "-1"], "line 8: pixels go from 0 to 255, got -1"),
        (lambda fields: [*fields[:-1], ""], "line 8: pixels go from 0 to 255, got nothing"),
        (lambda fields: [*fields[:-1], "nan"], "line 8: pixels go from 0 to 255, got nan"),
        (lambda fields: [*fields[:-1], "1e999"], "line 8: pixels go from 0 to 255, got 1e999"),
        (lambda fields: ["", *fields[1:]], "line 8: its label is missing"),
        (
            lambda fields: ["0.5", *fields[1:]],
            "line 8: a label is a whole number or a name, got 0.5",
        ),
        (lambda fields: [*fields[:-1], '"0,5"'], "got 0,5; decimals need a point, not a comma"),
        (lambda fields: ["10", *fields[1:]], "labels must be digits 0 to 9, got 10 at index 6"),
        (lambda fields: ["x", *fields[1:]], "line 8: the label 'x' is no number as others are"),
        (lambda fields: ['"', *fields[1:]], "line 8: "),
        (lambda fields: ["\udcff", *fields[1:]], "line 8 is no text in UTF-8"),
    ],
)
def test_a_malformed_row_is_refused_by_its_number(few, tmp_path, spoil, says):
    path = tmp_path / "a.csv"
    write_kaggle(path, few[0])
    lines = path.read_text().splitlines()
    lines[7] = ",".join(spoil(lines[7].split(",")))
    path.write_text("\n".join(lines), errors="surrogateescape")
    assert says in refused(path)


def test_columns_that_are_not_a_label_and_784_pixels_in_order_are_refused(few, tmp_path):
    path = tmp_path / "a.csv"
    write_kaggle(path, few[0])
    head, *rows = path.read_text().splitlines()
    names = head.split(",")
    for wrong, says in (
        (names[:-1], "its first line has 784 columns"),
        (["Label", *names], "two columns are called as labels are"),
        (
            [*names[:5], names[6], names[5], *names[7:]],
            "must stand in order, got pixel4 after pixel5",
        ),
        (["a", "b"], "its first line has 2 columns"),
    ):
        path.write_text("\n".join([",".join(wrong), *rows]))
        assert says in refused(path)
    path.write_text(head + "\n")
    assert "at least one row" in refused(path)
    path.write_text("label" + "," * 200_000)
    assert "more than 100,000 bytes" in refused(path)


ROW = "7," + ",".join(str(k % 256) for k in range(784))


@settings(max_examples=60)
@given(st.data())
def test_a_mutated_csv_is_refused_or_read_as_python_reads_it(tmp_path_factory, data):
    content = data.draw(mutated((ROW + "\n" + ROW + "\n").encode()))
    path = tmp_path_factory.getbasetemp() / "mutated.csv"
    path.write_bytes(content)
    try:
        digits = load_to_measure(path)
    except DataError as error:
        one_line(error)
        return
    lines = [line for line in content.decode("utf-8-sig").splitlines() if line.strip()]
    rows = [
        [float(field.strip(' "')) for field in line.split(max(",;\t", key=line.count))]
        for line in lines
    ]
    if len(digits) < len(rows):  # the first line was read as a header
        rows = rows[1:]
    assert digits.labels.tolist() == [int(row[0]) for row in rows]


# ------------------------------------------------------------------------------------------ .npz


def test_npz_of_floats_of_one_hot_labels_and_compressed(few, tmp_path):
    images, labels = few[0].images, few[0].labels
    for k, arrays in enumerate(
        (
            {"X": images / 255, "y": labels.astype(float)},
            {"X": np.asfortranarray(images), "y": np.eye(10)[labels]},
            {"images": images.reshape(-1, 28, 28, 1), "labels": labels[:, None].astype(np.int64)},
            {"X": (images / 255).astype(np.float32), "y": labels.astype(str)},
        )
    ):
        np.savez_compressed(tmp_path / f"{k}.npz", **arrays)
        assert same(load_to_measure(tmp_path / f"{k}.npz"), few[0])


def test_kmnist_in_four_files_of_one_array_each(few, tmp_path):
    for part, digits in (("train", few[0]), ("test", few[1])):
        images = digits.images.reshape(-1, 28, 28)
        np.savez_compressed(tmp_path / f"kmnist-{part}-imgs.npz", images)
        np.savez_compressed(tmp_path / f"kmnist-{part}-labels.npz", digits.labels)
    for wanted, came in zip(few, load_digits(tmp_path), strict=True):
        assert np.array_equal(wanted.images, came.images)
        assert np.array_equal(wanted.labels, came.labels)
        assert came.names == tuple("おきすつなはまやれを")
    (tmp_path / "kmnist-test-labels.npz").rename(tmp_path / "kmnist-test.npz")
    assert "two must be called labels and two test" in refused(tmp_path)
    (tmp_path / "kmnist-test.npz").unlink()
    assert "several .npz files fit" in refused(tmp_path)


def npz(path, **members):
    """An .npz with these bytes as members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


def npy(array, promised=None):
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content,
        {"descr": array.dtype.str, "fortran_order": False, "shape": promised or array.shape},
    )
    return content.getvalue() + array.tobytes()


def test_npz_with_objects_bombs_and_lies_is_refused_before_memory_is_taken(few, tmp_path):
    path = tmp_path / "a.npz"
    labels = npy(few[0].labels)
    np.savez(path, X=np.array([{"a": 1}], dtype=object), y=few[0].labels)
    assert "Python objects, which are loaded by running code" in refused(path)
    npz(path, X=npy(np.zeros(0, np.uint8), (10**12, 784)), y=labels)
    assert "at most 2,000,000 images are read" in refused(path)
    npz(path, X=npy(np.zeros(100, np.uint8), (10**6, 784)), y=labels)
    assert "promises 784,000,000 bytes, it cannot hold more" in refused(path)
    npz(path, X=npy(np.zeros((60, 784), np.uint8)) + bytes(30_000_000), y=labels)
    assert "must hold the 47,040 bytes of its header" in refused(path)
    npz(path, X=npy(np.zeros((59, 784), np.uint8)), y=labels)
    assert "X.npy: every image needs one label, got 59 images and 60 labels" in refused(path)
    npz(path, a=labels)
    assert "it has a" in refused(path)
    npz(path, X=labels, y=labels, x_train=labels, y_train=labels)
    assert "two pairs fit" in refused(path)
    npz(path, X=b"nothing", y=labels)
    assert "it is no array" in refused(path)


@settings(max_examples=60)
@given(st.data())
def test_a_mutated_npz_is_refused_or_is_digits(tmp_path_factory, data):
    content = io.BytesIO()
    np.savez(content, X=np.full((2, 784), 7, np.uint8), y=np.arange(2))
    path = tmp_path_factory.getbasetemp() / "mutated.npz"
    path.write_bytes(data.draw(mutated(content.getvalue())))
    try:
        digits = load_to_measure(path)
    except DataError as error:
        one_line(error)
    else:
        assert digits.images.shape == (len(digits), 784)


# -------------------------------------------------------------------------------------- pictures


def test_pictures_are_prepared_or_taken_as_they_are(few, tmp_path, mnist):
    from chainrule import handwriting

    write_pictures(tmp_path / "set", few[0])
    order = np.argsort(few[0].labels, kind="stable")
    assert same(load_to_measure(tmp_path / "set", Reading(prepare="never")), few[0][order])
    assert same(load_to_measure(tmp_path / "set"), few[0][order])
    always = load_to_measure(tmp_path / "set", Reading(prepare="always"))
    first = handwriting.prepare(few[0].images[order[0]].reshape(28, 28)).pixels
    assert np.array_equal(always.images[0], first)
    # Dark ink on light paper is a drawing, at 28 × 28 too.
    dark = tmp_path / "set/0/dark.png"
    dark.write_bytes(png(255 - few[0].images[order[0]]))
    auto = load_to_measure(tmp_path / "set")
    place = sorted(each.name for each in (tmp_path / "set/0").iterdir()).index("dark.png")
    assert auto.images[place].max() > 200
    assert np.median(auto.images[place]) == 0
    large = png(np.zeros(784, np.uint8))
    from PIL import Image

    content = io.BytesIO()
    Image.open(io.BytesIO(large)).resize((40, 40)).save(content, "PNG")
    dark.write_bytes(content.getvalue())
    assert "it has 40 × 40" in refused(tmp_path / "set", prepare="never").replace("\n", "")
    with pytest.raises(DataError, match="prepare must be"):
        load_digits(tmp_path / "set", prepare="no")


def test_a_damaged_picture_and_a_strange_file_are_named(few, tmp_path):
    write_pictures(tmp_path / "set", few[0])
    (tmp_path / "set/3/zz.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    assert "set/3/zz.png: the PNG image is damaged" in refused(tmp_path / "set")
    (tmp_path / "set/3/zz.png").rename(tmp_path / "set/3/notes.doc")
    assert "set/3: wanted image files and nothing else, got notes.doc" in refused(tmp_path / "set")


# --------------------------------------------------------------------------------------- parquet


def test_parquet_in_several_files_and_damaged(few, tmp_path):
    half = few[0][:30], few[0][30:]
    for k, digits in enumerate(half):
        write_hugging_face(
            tmp_path / f"set/train-0000{k}-of-00002.parquet", digits, list("zyxwvutsrq")
        )
    found = load_to_measure(tmp_path / "set")
    assert np.array_equal(found.images, few[0].images)
    assert (found.names, found.labels.tolist()) == (tuple("zyxwvutsrq"), few[0].labels.tolist())
    path = tmp_path / "set/train-00000-of-00002.parquet"
    content = path.read_bytes()
    for damaged in (content[:-20], content[:2000] + content[2100:], b"PAR1"):
        path.write_bytes(damaged)
        said = refused(tmp_path / "set") if damaged else ""
        assert "damaged" in said or "row" in said


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (
            {"image": [b"x"]},
            "wanted one column called image, .* and one called label; it has image",
        ),
        ({"label": [1]}, "wanted one column called image, .* it has label"),
        ({"image": [b"x"], "label": [1], "Class": [1]}, "it has image, label, Class"),
        ({"image": [None], "label": [1]}, "row 1: wanted the bytes of an image file, got NoneType"),
        ({"image": [[1, 2]], "label": [1]}, "row 1: wanted the bytes of an image file, got list"),
        ({"image": [b"x"], "label": [1]}, "row 1: wanted a PNG, JPEG"),
        ({"image": ["ok", "ok"], "label": [1, None]}, "a.parquet, row 2: its label is missing"),
        (
            {"image": ["ok", "ok"], "label": [1, 2.5]},
            "row 2: a label is a whole number or a name, got 2.5",
        ),
        ({"image": ["ok"], "label": [[1]]}, r"row 1: a label is a whole number .* got \[1\]"),
        ({"image": ["ok"], "label": ["x" * 1001]}, "row 1: a label is a whole number"),
        ({"image": [{"bytes": None, "path": "/etc/passwd"}], "label": [1]}, "got NoneType"),
    ],
)
def test_odd_columns_of_parquet_are_refused(few, tmp_path, columns, says):
    import pyarrow as pa
    import pyarrow.parquet as pq

    fine = png(few[0].images[0])
    columns = {
        name: [fine if each == "ok" else each for each in column]
        for name, column in columns.items()
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert re.search(says, refused(tmp_path / "a.parquet"))


def test_rows_that_share_one_picture_are_unpacked_a_few_at_a_time(tmp_path, monkeypatch):
    """A file of a kilobyte may promise any number of bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shared = pa.array([bytes(5_000_000)]).take(pa.array([0] * 200))
    table = pa.table({"image": shared, "label": [1] * 200})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, compression="zstd", write_statistics=False)
    assert path.stat().st_size < 2000
    before = pa.total_allocated_bytes()
    seen = []

    def look(where, content, prepare):
        seen.append(pa.total_allocated_bytes() - before)
        return np.zeros(784, np.uint8)

    monkeypatch.setattr("chainrule.sources.parquet.pixels", look)
    assert len(load_to_measure(path)) == 200
    assert max(seen) < 10 * 5_000_000
    monkeypatch.setattr("chainrule.sources.parquet.MOST_BYTES", 4_999_999)
    assert "may have 4,999,999 bytes, one has 5,000,0" in refused(path)


# --------------------------------------------------------------------------------------- pickles


def test_a_pickle_is_refused_and_the_three_lines_convert_it(few, tmp_path, monkeypatch):
    sets = [
        (each.images / np.float32(255), each.labels.astype(np.int64)) for each in (*few, few[1])
    ]
    path = tmp_path / "mnist.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps([sets[0], sets[1], sets[1]], protocol=2)))
    for place in (path, tmp_path):
        said = refused(place)
        assert "a pickle can run any code" in said
        assert all(line in said for line in CONVERT)
    monkeypatch.chdir(tmp_path)
    exec("\n".join(CONVERT), {})
    for wanted, came in zip(few, load_digits("mnist.npz"), strict=True):
        assert same(wanted, came)
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(sets))
    assert "it is a pickle" in refused(tmp_path / "a.pickle")


def test_what_is_no_set_of_digits_is_refused(few, tmp_path):
    for name, content, says in (
        ("a.png", png(few[0].images[0]), "it is one picture"),
        ("a.zip", b"PK\x03\x04" + bytes(30), "unpack it first (unzip)"),
        ("a.csv.gz", gzip.compress(b"label,1,2"), "unpack it first (gunzip)"),
        ("a.gz", b"\x1f\x8b" + bytes(20), "the gzip file is damaged"),
        ("a.bin", b"\x7fELF\0\0\0\0", "begins with 7f454c46"),
        ("a.txt", b"hello\n", "its first line has 1 column"),
        ("a.csv", "label,1".encode("utf-16"), "it is text in UTF-16; save it as UTF-8"),
        ("a.npy", b"\x93NUMPY\x01\0" + bytes(30), "one array, without labels; save both"),
        ("a.npz", b"PK\x05\x06" + bytes(18), "found no pair of images and labels; it has nothing"),
    ):
        (tmp_path / name).write_bytes(content)
        assert says in refused(tmp_path / name)
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat/a.png").write_bytes(png(few[0].images[0]))
    assert "put them into a folder for each label" in refused(tmp_path / "flat")


# --------------------------------------------------------------------------------------- classes


def test_classes_are_named_by_a_file_or_known_by_the_name(letters, few, tmp_path):
    write_digits(tmp_path / "written", *letters)
    assert (tmp_path / "written/classes.txt").read_text() == "".join(f"{c}\n" for c in LETTERS)
    assert all(map(same, load_digits(tmp_path / "written"), letters))
    (tmp_path / "written/classes.txt").unlink()
    assert "got 25 at index 25; of other classes the names are needed, classes.txt" in refused(
        tmp_path / "written"
    )
    # Labels that start at 1, which EMNIST's letters do.
    write_emnist(tmp_path / "emnist-letters", "letters", *letters, first=1)
    assert all(map(same, load_digits(tmp_path / "emnist-letters", transpose=True), letters))
    write_emnist(tmp_path / "other", "set", *letters, first=1)
    (tmp_path / "other/classes.txt").write_text("\ufeff" + "\r\n".join(LETTERS), encoding="utf-8")
    assert all(map(same, load_digits(tmp_path / "other", transpose=True), letters))
    for name, known in (("fashion-mnist", "Ankle boot"), ("KMNIST", "を"), ("digits", "9")):
        write_digits(tmp_path / name, *few)
        assert load_digits(tmp_path / name)[0].names[9] == known
    for wrong, says in (
        ("A\nA\n", "'A' twice"),
        ("A\n", "2 to 62 classes, got 1"),
        ("A\nB\n", "2 classes from 0, got"),
        ("A\n" * 6000, "2 to 62 classes"),
        ("x" * 30 + "\nB", "1 to 24 characters"),
    ):
        (tmp_path / "digits/classes.txt").write_text(wrong)
        assert says in refused(tmp_path / "digits")


def test_folders_name_their_classes(letters, tmp_path):
    write_pictures(tmp_path / "set", letters[0], LETTERS)
    found = load_to_measure(tmp_path / "set")
    assert found.names == LETTERS
    order = np.argsort(letters[0].labels, kind="stable")
    assert same(found, letters[0][order])
    shutil.move(tmp_path / "set/A", tmp_path / "set/zebra")
    assert load_to_measure(tmp_path / "set").names == (*LETTERS[1:], "zebra")
    (tmp_path / "set/classes.txt").write_text("zebra\n" + "\n".join(LETTERS[1:]))
    assert load_to_measure(tmp_path / "set").names == ("zebra", *LETTERS[1:])


# ---------------------------------------------------------------------------------------- arrays


def test_arrays_of_every_form_give_the_same_digits(few):
    images, labels = few[0].images, few[0].labels
    for form in (
        images,
        images.reshape(-1, 28, 28),
        images.reshape(-1, 28, 28, 1),
        images.tolist(),
        images / 255,
        (images / 255).astype(np.float32),
        images.astype(np.float64),
        images.astype(np.int64),
    ):
        assert same(Digits.from_arrays(form, labels), few[0])
    for form in (
        labels.tolist(),
        labels.astype(float),
        labels[:, None],
        [str(label) for label in labels],
        np.array([str(label) for label in labels], object),
        np.eye(10)[labels],
        np.eye(10, dtype=bool)[labels],
    ):
        assert same(Digits.from_arrays(images, form), few[0])
    assert same(Digits.from_arrays(images.T, labels, columns=True), few[0])
    assert same(Digits.from_arrays(images.T / 255, np.eye(10)[labels].T, columns=True), few[0])
    turned = images.reshape(-1, 28, 28).transpose(0, 2, 1)
    assert same(Digits.from_arrays(turned, labels, transpose=True), few[0])
    named = Digits.from_arrays(images, [f"number {label}" for label in labels])
    assert named.names == tuple(f"number {k}" for k in range(10))
    assert np.array_equal(named.labels, labels)
    assert same(
        Digits.from_arrays(images[:3], ["B", "A", "B"], names=("A", "B")),
        Digits(images[:3], np.array([1, 0, 1], np.uint8), names=("A", "B")),
    )


@pytest.mark.parametrize(
    ("images", "labels", "more", "says"),
    [
        (np.eye(784), np.zeros(784), {}, "columns=False or columns=True"),
        (np.ones((2, 784), np.uint8), [0, 1], {}, "full ink is 1, or it is 255"),
        (np.full((2, 784), 1.5), [0, 1], {}, "full ink is 1, or it is 255"),
        (np.zeros((784, 2)), [0, 1], {}, "images in columns need columns=True"),
        (np.zeros((2, 27, 28)), [0, 1], {}, r"\(2, 27, 28\)"),
        (np.zeros((28, 28)), [0], {}, r"\(28, 28\)"),
        (np.full((2, 784), -0.5), [0, 1], {}, "undo a scaling by mean and deviation"),
        (np.full((2, 784), np.nan), [0, 1], {}, "got NaN"),
        (np.full((2, 784), np.inf), [0, 1], {}, "pixels go from 0"),
        (np.full((2, 784), 256), [0, 1], {}, "from 0 to 255, got 256"),
        (np.full((2, 784), 200.0), [0, 1], {"most": 1}, "from 0 to 1, got 200"),
        (np.full((2, 784), 200.0), [0, 1], {"most": 7}, "most must be 1 or 255"),
        ([[1, 2], [3]], [0, 1], {}, "images must be an array of numbers"),
        ([["a"] * 784], [0], {}, "images must be an array of numbers"),
        (np.ma.zeros((2, 784)), [0, 1], {}, "a masked one"),
        (np.zeros((0, 784)), [], {}, "at least one image"),
        (np.zeros((2, 784)), [0], {}, "2 images and 1 labels"),
        (np.zeros((2, 784)), [0.5, 1], {}, "whole numbers or text, got 0.5"),
        (np.zeros((2, 784)), [0, -1], {}, "digits 0 to 9, got -1 at index 1"),
        (np.zeros((2, 784)), [0, 10], {}, "got 10 at index 1; of other classes the names"),
        (np.zeros((2, 784)), ["a", "a"], {}, "2 to 62 classes, got 1"),
        (np.zeros((2, 784)), ["a", "c"], {"names": ("a", "b")}, "'c' is none of the classes: a, b"),
        (np.zeros((3, 784)), [[0, 1, 0], [0, 0, 1], [1, 0, 0]], {}, "say columns=False or"),
        (np.zeros((2, 784)), [[1, 1, 0], [0, 0, 1]], {}, "must be one-hot"),
        (np.zeros((2, 784)), [None, 1], {}, "labels must be whole numbers or text"),
    ],
)
def test_arrays_that_are_ambiguous_or_no_digits_are_refused(images, labels, more, says):
    with pytest.raises(DataError, match=says):
        Digits.from_arrays(images, labels, **more)


def test_most_decides_what_numbers_alone_do_not():
    ones = np.ones((2, 784), np.uint8)
    assert Digits.from_arrays(ones, [0, 1], most=1).images.min() == 255
    assert Digits.from_arrays(ones, [0, 1], most=255).images.max() == 1


@settings(max_examples=60)
@given(st.integers(0, 255), st.sampled_from([np.float32, np.float64]))
def test_every_byte_survives_as_a_float_from_0_to_1(byte, dtype):
    images = np.full((2, 784), byte, np.uint8)
    images[0, 0] = 255
    again = Digits.from_arrays(images.astype(dtype) / dtype(255), [0, 1])
    assert np.array_equal(again.images, images)
