"""How well drawings and photos are prepared, and what is found unlike a digit, measured.

    python handwriting.py

It writes src/chainrule/handwriting/measured.json, which the lab shows, and prints the tables of
docs/reference/handwriting.md. It takes some minutes. Fashion-MNIST comes from the Debian package
dataset-fashion-mnist; without it the table says that it was not measured.
"""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from chainrule import handwriting, load_bundled, load_digits, load_mnist, predict
from chainrule.handwriting import STAGES, Prepared, draw, prepare
from chainrule.handwriting.stages import WAYS, crop
from chainrule.handwriting.strokes import PAD
from chainrule.handwriting.unlike import (
    APART,
    LIMIT,
    SOLID,
    WIDE,
    compared,
    count_marks,
    learned,
    solidity,
    strange_form,
)

PACKAGE = Path(handwriting.__file__).parent
MODELS = ("small", "large")
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


def row(images, rng):
    """Digits beside each other on one sheet, dark on light, 5 to 60 % of their height apart."""
    sheet, right = np.zeros((180, 200 * len(images))), 40
    for image in images:
        ink = Image.fromarray(crop(image.reshape(28, 28)))
        height = rng.integers(70, 101)
        width = max(4, round(ink.width * height / ink.height))
        top = 40 + rng.integers(-6, 7)
        sheet[top : top + height, right : right + width] = ink.resize(
            (width, height), Image.Resampling.BICUBIC
        )
        right += width + round(85 * rng.uniform(0.05, 0.6))
    return np.rint(255 - sheet[:, : right + 40]).astype(np.uint8)


def page(images, rng):
    """Rows of digits, three in each, below each other."""
    rows = [row(three, rng) for three in images.reshape(-1, 3, 784)]
    width = max(each.shape[1] for each in rows)
    return np.vstack(
        [np.pad(each, ((0, 0), (0, width - each.shape[1])), constant_values=255) for each in rows]
    )


def solid_shape(rng):
    """A disc, a square or a triangle, full of ink, of some size, on 200 × 200."""
    y, x = np.mgrid[:200, :200] - 99.5
    turn, size = rng.uniform(0, 2 * np.pi), rng.uniform(20, 75)
    x, y = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    disc, square = np.hypot(x, y) < size, np.maximum(abs(x), abs(y)) < 0.8 * size
    triangle = (y > -size / 2) & (y < size - abs(x) * np.sqrt(3))
    return np.where((disc, square, triangle)[rng.integers(3)], 0, 255).astype(np.uint8)


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
    return {name: load_bundled(name) for name in MODELS}


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


def drawings(kind, count, rng):
    """`count` of each shape of LETTERS or DIGITS, drawn."""
    return (draw(written(shape, rng)) for shape in kind.values() for _ in range(count))


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


def fitted_forms(train):
    """APART, SOLID and WIDE: each leaves 99.95 % of the training digits, moved, alone."""
    rng = np.random.default_rng(0)
    gaps = np.arange(0.02, 0.5, 0.01)
    falls, solid, wide = np.zeros(len(gaps)), [], []
    for image in train.images:
        picture = moved(image, rng)
        for name in ("polarity", "threshold", "specks"):
            picture = WAYS[name][0](picture)
        ink = crop(picture)
        if count_marks(ink, 0) > 1:
            falls += [count_marks(ink, gap) > 1 for gap in gaps]
        solid.append(solidity(ink))
        wide.append(ink.shape[1] / ink.shape[0])
    least = gaps[np.argmax(falls <= 0.0005 * len(train))]
    return least, *(float(np.quantile(each, 0.9995)) for each in (solid, wide))


def are_unlike(made):
    """What `novelty` finds of what was prepared, many at a time: a word for each, or none."""
    _, features = learned()
    found, pixels = [], []
    for each in made:
        strange = strange_form(each.pixels, each.stages)
        found.append(strange and ("several" if strange.several else "form"))
        pixels.append(each.pixels)
    for first in range(0, len(pixels), 250):
        some = np.array(pixels[first : first + 250])
        likeness = (compared(some) @ features.T).max(axis=1)
        beyond = (1 - likeness > LIMIT) | (some.min(axis=1) == some.max(axis=1))
        for k in np.flatnonzero(beyond):
            found[first + k] = found[first + k] or "unlike"
    return found


def inputs(test):
    """Each kind of input as a function of a generator, which gives it prepared, one by one."""

    def made(picture_of, groups):
        return lambda rng: (prepare(picture_of(group, rng)) for group in groups)

    some = np.random.default_rng(0).permutation(test.images)
    pages = some[:2400].reshape(100, 24, 784)
    noise = np.random.default_rng(0).integers(0, 256, (1000, 28, 28)).astype(np.uint8)
    kinds = {
        "test digits": lambda _: as_pixels(test.images),
        **{f"test digits, {name}": made(way, test.images) for name, way in DAMAGES.items()},
        "digits drawn by strokes": lambda rng: map(prepare, drawings(DIGITS, 50, rng)),
        "two digits": made(row, some[:2000].reshape(1000, 2, 784)),
        "rows of five": made(row, some[:2500].reshape(500, 5, 784)),
        "pages of 24": made(page, pages),
        "pages of 24, only the pixels": lambda rng: as_pixels(
            prepare(page(each, rng)).pixels for each in pages
        ),
        "solid shapes": lambda rng: (prepare(solid_shape(rng)) for _ in range(500)),
        "noise": lambda _: as_pixels(noise.reshape(-1, 784)),
        "noise, prepared": lambda _: map(prepare, noise),
        "an empty pad": lambda _: [prepare(draw([]))],
        "letters drawn by strokes": lambda rng: map(prepare, drawings(LETTERS, 40, rng)),
        "scribbles": lambda rng: (prepare(draw(scribble(rng))) for _ in range(500)),
    }
    if FASHION.exists():
        fashion = load_digits(FASHION)[1].images[:1000]
        kinds["Fashion-MNIST"] = lambda _: as_pixels(fashion)
        kinds["Fashion-MNIST, prepared"] = lambda _: map(prepare, fashion.reshape(-1, 28, 28))
    return kinds


def measure_novelty(test):
    """The share that is found unlike a digit, of each kind of input, and by which rule."""
    return {
        name: measure_kind(name, made(np.random.default_rng(0)))
        for name, made in inputs(test).items()
    }


def measure_kind(name, made):
    found = are_unlike(made)
    shares = {"images": len(found), "unlike": percent(found, *RULES)}
    shares |= {rule: percent(found, rule) for rule in RULES[:2]}
    if name.startswith("letters"):
        each = np.reshape([rule is not None for rule in found], (len(LETTERS), -1))
        shares["each"] = {
            letter: round(100 * float(share))
            for letter, share in zip(LETTERS, each.mean(axis=1), strict=True)
        }
    print(name, json.dumps(shares), flush=True)
    return shares


RULES = ("several", "form", "unlike")


def as_pixels(images):
    """Images of which nothing but the pixels is known."""
    return (Prepared((), image) for image in images)


def percent(found, *rules):
    return round(100 * float(np.mean([rule in rules for rule in found])), 2)


# --------------------------------------------------------------------------------------- main


def main():
    train, test = load_mnist()
    result = {"as they are": accuracies(test.images, test.labels)}
    for name, damage in DAMAGES.items():
        result[name] = measure_stages(test if name == "moved" else test[::10], damage)
        print(name, json.dumps(result[name]), flush=True)
    result["costs"] = result["moved"]["costs"]
    result["unlike"] = measure_novelty(test)
    result["limit"] = LIMIT
    print(f"LIMIT = {fitted_limit():.4f}, the module has {LIMIT}")
    apart, solid, wide = fitted_forms(train)
    print(f"APART = {apart:.2f}, SOLID = {solid:.3f}, WIDE = {wide:.2f}, ", end="")
    print(f"the module has {APART}, {SOLID}, {WIDE}")
    path = PACKAGE / "measured.json"
    path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print("\n".join(tables(result)))


def tables(result):
    """The tables of docs/reference/handwriting.md, line by line."""
    columns = [(damage, model) for damage in DAMAGES for model in MODELS]
    yield "| | " + " | ".join(f"{d}, {m}" for d, m in columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for title, row in (("all stages", "accuracy"), ("no stage", "unprepared")):
        yield f"| {title} | " + " | ".join(f"{result[d][row][m]:.2f}" for d, m in columns) + " |"
    for stage in STAGES:
        costs = (f"{0 - result[d]['costs'][stage][m]:+.2f}" for d, m in columns)
        yield f"| without `{stage}` | " + " | ".join(costs) + " |"
    yield ""
    yield "| input | images | several marks, % | solid or wide, % | unlike in all, % |"
    yield "|---|---|---|---|---|"
    for name, row in result["unlike"].items():
        shares = " | ".join(f"{row[rule]:.2f}" for rule in ("several", "form", "unlike"))
        yield f"| {name} | {row['images']:,} | {shares} |"


if __name__ == "__main__":
    main()
