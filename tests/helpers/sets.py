"""Digits written as others publish them, each by code that owes nothing to our readers."""

import csv
import gzip
import io
import json
import struct

import numpy as np
from PIL import Image


def idx(array):
    """An IDX file of unsigned bytes."""
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def write_emnist(folder, name, train, test, *, first=0, ending=".gz"):
    """As EMNIST is published: gzipped IDX, named by set, each image with its axes exchanged."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, digits in (("train", train), ("test", test)):
        images = digits.images.reshape(-1, 28, 28).transpose(0, 2, 1)
        for kind, array in (
            ("images-idx3", np.ascontiguousarray(images)),
            ("labels-idx1", digits.labels + np.uint8(first)),
        ):
            content = idx(array)
            path = folder / f"{name}-{part}-{kind}-ubyte{ending}"
            path.write_bytes(gzip.compress(content) if ending == ".gz" else content)


def write_kaggle(
    path, digits, *, labels=True, delimiter=",", newline="\n", value=str, bom="", **way
):
    """As Kaggle has MNIST: a header, the label first, a row an image."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(bom)
        writer = csv.writer(file, delimiter=delimiter, lineterminator=newline, **way)
        writer.writerow(["label"] * labels + [f"pixel{k}" for k in range(784)])
        for image, label in zip(digits.images.tolist(), digits.labels.tolist(), strict=True):
            writer.writerow([label] * labels + [value(pixel) for pixel in image])


def write_keras(path, train, test):
    """As Keras has MNIST: four arrays in an .npz."""
    np.savez(
        path,
        x_train=train.images.reshape(-1, 28, 28),
        y_train=train.labels,
        x_test=test.images.reshape(-1, 28, 28),
        y_test=test.labels,
    )


def png(image, mode="L"):
    content = io.BytesIO()
    Image.fromarray(image.reshape(28, 28)).convert(mode).save(content, "PNG")
    return content.getvalue()


def write_pictures(folder, digits, names=tuple("0123456789")):
    """A folder a label, with a picture an image; read back they come label by label."""
    for place, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
        inner = folder / names[label]
        inner.mkdir(parents=True, exist_ok=True)
        (inner / f"{place:05}.png").write_bytes(png(image))


def write_hugging_face(path, digits, names=None):
    """As Hugging Face has MNIST: PNG bytes and paths, and the classes' names in the schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = names or [str(k) for k in range(10)]
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    schema = pa.schema(
        [
            ("image", pa.struct([("bytes", pa.binary()), ("path", pa.null())])),
            ("label", pa.int64()),
        ],
        metadata={b"huggingface": json.dumps({"info": {"features": features}}).encode()},
    )
    images = [{"bytes": png(image), "path": None} for image in digits.images]
    table = pa.table([images, digits.labels.tolist()], schema=schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=100)
