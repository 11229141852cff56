"""How well drawings and photos are prepared, and what is found unlike a digit, measured.

    python handwriting.py

It writes src/chainrule/handwriting.json, which the lab shows, and prints the tables of
docs/handwriting.md. It takes some minutes. Fashion-MNIST comes from the Debian package
dataset-fashion-mnist; without it the table says that it was not measured.
"""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from chainrule import handwriting, load_digits, load_mnist, load_model, predict
from chainrule.handwriting import (
    LIMIT,
    PAD,
    STAGES,
    WAYS,
    compared,
    crop,
    draw,
    learned,
    prepare,
)

PACKAGE = Path(handwriting.__file__).parent
MODELS = ("seed", "stronger")
FASHION = Path("/usr/share/datasets/fashion-mnist")

# Strokes on a grid 10 wide and 14 high, y down, parted by "/": points "x,y".
LETTERS = {
    "A": "0,14 5,0 10,14 / 2,9 8,9",
    "B": "0,14 0,0 6,0 9,2 9,5 6,7 0,7 / 6,7 10,9 10,12 6,14 0,14",
    "C": "10,2 7,0 4,0 1,3 0,7 1,11 4,14 7,14 10,12",
    "D": "0,0 0,14 5,14 9,11 10,7 9,3 5,0 0,0",
    "E": "10,0 0,0 0,14 10,14 / 0,7 8,7",
    "F": "10,0 0,0 0,14 / 0,7 8,7",
    "G": "10,2 7,0 4,0 1,3 0,7 1,11 4,14 8,14 10,11 10,8 6,8",
    "H": "0,0 0,14 / 10,0 10,14 / 0,7 10,7",
    "I": "5,0 5,14 / 2,0 8,0 / 2,14 8,14",
    "J": "3,0 9,0 / 7,0 7,11 5,14 2,14 0,11",
    "K": "0,0 0,14 / 9,0 0,8 / 3,6 10,14",
    "L": "0,0 0,14 9,14",
    "M": "0,14 0,0 5,8 10,0 10,14",
    "N": "0,14 0,0 10,14 10,0",
    "O": "5,0 2,1 0,5 0,9 2,13 5,14 8,13 10,9 10,5 8,1 5,0",
    "P": "0,14 0,0 7,0 10,2 10,6 7,8 0,8",
    "Q": "5,0 2,1 0,5 0,9 2,13 5,14 8,13 10,9 10,5 8,1 5,0 / 6,10 10,14",
    "R": "0,14 0,0 7,0 10,2 10,5 7,7 0,7 / 5,7 10,14",
    "S": "10,2 7,0 3,0 0,2 1,5 5,7 9,9 10,12 7,14 3,14 0,12",
    "T": "0,0 10,0 / 5,0 5,14",
    "U": "0,0 0,10 2,13 5,14 8,13 10,10 10,0",
    "V": "0,0 5,14 10,0",
    "W": "0,0 2,14 5,5 8,14 10,0",
    "X": "0,0 10,14 / 10,0 0,14",
    "Y": "0,0 5,7 10,0 / 5,7 5,14",
    "Z": "0,0 10,0 0,14 10,14",
}
DIGITS = {
    "0": "5,0 2,1 0,5 0,9 2,13 5,14 8,13 10,9 10,5 8,1 5,0",
    "1": "5,0 5,14",
    "2": "0,3 2,0 6,0 9,2 9,5 6,9 0,14 10,14",
    "3": "0,1 4,0 8,1 9,4 7,6 4,7 8,8 10,11 8,13 4,14 0,13",
    "4": "6,0 0,9 10,9 / 8,3 8,14",
    "5": "9,0 2,0 1,6 5,5 8,6 10,9 9,12 6,14 3,14 0,12",
    "6": "8,0 4,2 1,7 0,11 2,14 6,14 9,12 9,9 6,7 3,8 1,10",
    "7": "0,0 10,0 6,7 4,14",
    "8": "8,2 5,0 2,1 1,4 4,6 8,8 9,11 7,14 3,14 1,12 2,9 6,6 9,4 8,2",
    "9": "9,3 6,0 2,1 0,4 2,7 6,7 9,4 9,3 9,8 7,14",
}


def written(shape: str, rng: np.random.Generator) -> list[list[int]]:
    """The strokes of a letter or digit on the pad as a hand would vary them."""
    tilt, slant = rng.normal(0, 0.07), rng.normal(0.1, 0.12)
    width, height = rng.uniform(90, 150), rng.uniform(130, 190)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    place = rng.uniform(-25, 25, 2) + PAD / 2
    strokes = []
    for stroke in shape.split("/"):
        points = np.array([point.split(",") for point in stroke.split()], float)
        points += rng.normal(0, 0.3, points.shape)
        points = (points - (5, 7)) / (10, 14) * (width, height)
        points[:, 0] -= slant * points[:, 1]
        points = np.rint(points @ turn + place).clip(0, PAD).astype(int)
        strokes.append(points.ravel().tolist())
    return strokes


def scribble(rng: np.random.Generator) -> list[list[int]]:
    """A pen that wanders over the pad."""
    heading, place, points = rng.uniform(0, 2 * np.pi), rng.uniform(60, 220, 2), []
    for _ in range(rng.integers(20, 80)):
        points += place.astype(int).tolist()
        heading += rng.normal(0, 0.9)
        step = rng.uniform(10, 40) * np.array([np.cos(heading), np.sin(heading)])
        place = np.clip(place + step, 10, PAD - 10)
    return [points]


# ---------------------------------------------------------------------------- damaged digits


def enlarged(image, side):
    small = Image.fromarray(image.reshape(28, 28))
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))


def moved(image, rng):
    """Scaled by 0.6 to 1.4 and shifted by up to 6 pixels on 56 × 56, polarity by chance."""
    side = round(28 * rng.uniform(0.6, 1.4))
    down, right = (56 - side) // 2 + rng.integers(-6, 7, 2)
    sheet = np.zeros((56, 56), np.uint8)
    sheet[down : down + side, right : right + side] = enlarged(image, side)
    return 255 - sheet if rng.random() < 0.5 else sheet


def photographed(image, rng):
    """Dark ink on a sheet of 160 × 160 in uneven light with a shadow, specks, noise, as JPEG."""
    side = rng.integers(56, 141)
    down, right = rng.integers(0, 161 - side, 2)
    ink = np.zeros((160, 160))
    ink[down : down + side, right : right + side] = enlarged(image, side) / 255
    for _ in range(rng.integers(0, 7)):
        y, x = rng.integers(0, 157, 2)
        ink[y : y + rng.integers(1, 4), x : x + rng.integers(1, 4)] = 1
    y, x = np.mgrid[:160, :160] / 160 - 0.5
    angle, edge = rng.uniform(0, 2 * np.pi, 2)
    light = rng.uniform(150, 240) * (1 + 0.4 * (np.cos(angle) * x + np.sin(angle) * y))
    shadow = 1 / (
        1 + np.exp(-(np.cos(edge) * x + np.sin(edge) * y - rng.uniform(-0.3, 0.3)) / 0.03)
    )
    light *= 1 - rng.uniform(0, 0.35) * shadow
    ink = ndimage.gaussian_filter(ink, rng.uniform(0.3, 1.2))
    photo = light * (1 - rng.uniform(0.4, 0.85) * ink) + rng.normal(0, rng.uniform(1, 6), ink.shape)
    file = io.BytesIO()
    Image.fromarray(np.clip(photo, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=75)
    return handwriting.read_image(file.getvalue())


def with_another_pen(image, rng):
    """Redrawn with strokes 0.8 to 6 pixels wide, of 28: MNIST's are 2.5 on average."""
    ink = crop(image.reshape(28, 28))
    size = [6 * length for length in ink.shape[::-1]]
    fine = (
        np.pad(np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BICUBIC)), 30) >= 128
    )
    inside = ndimage.distance_transform_edt(fine)
    depth = inside - ndimage.distance_transform_edt(~fine)
    stroke = 4 * (inside[fine].mean() - 0.5)
    grown = (6 * rng.uniform(0.8, 6) - stroke) / 2
    return 255 - np.rint(255 * np.clip(depth + grown + 0.5, 0, 1)).astype(np.uint8)


DAMAGES = {"moved": moved, "photographed": photographed, "pens": with_another_pen}


def readable(picture, off=()):
    """The pixels alone, as `prepare` makes them, without the pictures between."""
    for name, (way, simple) in WAYS.items():
        picture = (simple if name in off else way)(picture)
    return picture.reshape(784)


def each_way(picture):
    """The pixels with all stages, with none, and without each; stages before it are shared."""
    ways = {"none": readable(picture, STAGES)}
    for place, stage in enumerate(STAGES):
        way, simple = WAYS[stage]
        without = simple(picture)
        for later in STAGES[place + 1 :]:
            without = WAYS[later][0](without)
        ways[stage] = without.reshape(784)
        picture = way(picture)
    return ways | {"all": picture.reshape(784)}


def accuracies(images, labels):
    X = (np.asarray(images, np.float32) / 255).T
    return {
        name: round(100 * float(np.mean(predict(network, X) == labels)), 2)
        for name, network in networks().items()
    }


def networks():
    return {name: load_model(PACKAGE / "models" / f"{name}.safetensors") for name in MODELS}


def measure_stages(test, damage):
    """Accuracy, in percent: with all stages, with none, and the points lost without each."""
    rng = np.random.default_rng(0)
    ways = [each_way(damage(image, rng)) for image in test.images]
    found = {
        name: accuracies([each[name] for each in ways], test.labels)
        for name in ("all", "none", *STAGES)
    }
    best = found["all"]
    return {
        "images": len(test),
        "accuracy": best,
        "unprepared": found["none"],
        "costs": {
            stage: {name: round(best[name] - found[stage][name], 2) for name in MODELS}
            for stage in STAGES
        },
    }


# ------------------------------------------------------------------------------- unlike a digit


def strokes_of(kind, count, rng):
    """`count` of each shape of LETTERS or DIGITS, as the pixels of their drawings."""
    return [
        prepare(draw(written(shape, rng))).pixels for shape in kind.values() for _ in range(count)
    ]


def fitted_limit():
    """The score that 1.5 % of the training digits exceed, each compared with all others."""
    _, features = learned()
    chosen = np.random.default_rng(0).choice(len(features), 6000, replace=False)
    scores = []
    for some in np.split(chosen, 24):
        likeness = features[some] @ features.T
        likeness[np.arange(len(some)), some] = -1
        scores += (1 - likeness.max(axis=1)).tolist()
    return float(np.quantile(scores, 0.985))


def are_unlike(images):
    """What `novelty` finds of each image, many at a time."""
    _, features = learned()
    found = []
    for first in range(0, len(images), 250):
        some = images[first : first + 250]
        likeness = (compared(some) @ features.T).max(axis=1)
        found += ((1 - likeness > LIMIT) | (some.min(axis=1) == some.max(axis=1))).tolist()
    return found


def measure_novelty(test):
    """The share that is found unlike a digit, of each kind of input."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1000, 28, 28)).astype(np.uint8)
    kinds = {
        "test digits": test.images,
        "test digits, moved and prepared": [readable(moved(i, rng)) for i in test.images[::5]],
        "digits drawn by strokes": strokes_of(DIGITS, 50, rng),
        "noise": noise.reshape(-1, 784),
        "noise, prepared": [readable(picture) for picture in noise],
        "an empty pad": [prepare(draw([])).pixels],
        "letters drawn by strokes": strokes_of(LETTERS, 40, rng),
        "scribbles": [prepare(draw(scribble(rng))).pixels for _ in range(500)],
    }
    if FASHION.exists():
        fashion = load_digits(FASHION)[1].images[:1000]
        kinds["Fashion-MNIST"] = fashion
        kinds["Fashion-MNIST, prepared"] = [readable(i.reshape(28, 28)) for i in fashion]
    shares = {}
    for name, images in kinds.items():
        found = are_unlike(np.asarray(images))
        shares[name] = {"images": len(found), "unlike": round(100 * float(np.mean(found)), 2)}
        if name.startswith("letters"):
            each = np.reshape(found, (len(LETTERS), -1)).mean(axis=1)
            shares[name]["each"] = {
                letter: round(100 * float(share))
                for letter, share in zip(LETTERS, each, strict=True)
            }
    return shares


# --------------------------------------------------------------------------------------- main


def main():
    _, test = load_mnist()
    result = {"as they are": accuracies(test.images, test.labels)}
    for name, damage in DAMAGES.items():
        result[name] = measure_stages(test if name == "moved" else test[::10], damage)
        print(name, json.dumps(result[name]), flush=True)
    result["costs"] = result["moved"]["costs"]
    result["unlike"] = measure_novelty(test)
    result["limit"] = LIMIT
    print(f"LIMIT = {fitted_limit():.4f}, the module has {LIMIT}")
    path = PACKAGE / "handwriting.json"
    path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print("\n".join(tables(result)))


def tables(result):
    """The tables of docs/handwriting.md, line by line."""
    columns = [(damage, model) for damage in DAMAGES for model in MODELS]
    yield "| | " + " | ".join(f"{d}, {m}" for d, m in columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for title, row in (("all stages", "accuracy"), ("no stage", "unprepared")):
        yield f"| {title} | " + " | ".join(f"{result[d][row][m]:.2f}" for d, m in columns) + " |"
    for stage in STAGES:
        costs = (f"{0 - result[d]['costs'][stage][m]:+.2f}" for d, m in columns)
        yield f"| without `{stage}` | " + " | ".join(costs) + " |"
    yield ""
    yield "| input | images | unlike, % |"
    yield "|---|---|---|"
    for name, row in result["unlike"].items():
        yield f"| {name} | {row['images']:,} | {row['unlike']:.1f} |"


if __name__ == "__main__":
    main()
