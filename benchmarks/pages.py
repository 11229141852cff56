"""How many digits and strings are read right on pages with several lines of them, measured.

    python pages.py             on pages of test digits: the table of docs/reference/handwriting.md
    python pages.py --training  on pages of training digits, by which settings were chosen

A page is made with known truth: lines of ten digits of MNIST, in several sizes. Clean pages are
scans of dark ink on white paper. Hard ones are photos, turned by up to 10 degrees, in uneven light
with the edge of a shadow, many of them ruled or squared, some light on dark, some digits touching,
with specks, blur and noise, saved as JPEG.

The lines that are read are laid beside the true ones, in order, so that as few edits as possible
make one of the other: a digit changed, left out or put in. Each edit counts as a wrong digit, a
line too many or too few as ten. A string is right if its line is read without any.
"""

import io
import sys

import numpy as np
from PIL import Image
from scipy import ndimage

from chainrule import load_bundled, load_mnist, predict
from chainrule.handwriting import MOST_LONG, read_image, read_sheet
from chainrule.handwriting.stages import crop

LONG = 10  # digits in a line
PAGES = 60
MODELS = ("small", "large")


def enlarged(image, height):
    """A digit of MNIST as ink from 0 to 1, cut out; its 20 pixels become `height`."""
    side = max(28, round(28 * height / 20))
    fine = Image.fromarray(image.reshape(28, 28)).resize((side, side), Image.Resampling.BICUBIC)
    return crop(np.asarray(fine)) / 255


def line_of(images, height, gaps, rng):
    """Digits beside each other, at these gaps, with the wavering of a hand."""
    inks = [enlarged(image, height * rng.uniform(0.92, 1.08)) for image in images]
    width = sum(ink.shape[1] for ink in inks) + round(height * (2 + sum(np.maximum(gaps, 0))))
    line, right = np.zeros((round(1.5 * height), width)), round(height / 4)
    for ink, gap in zip(inks, gaps, strict=True):
        top = (line.shape[0] - ink.shape[0]) // 2 + round(height * rng.normal(0, 0.03))
        top = int(np.clip(top, 0, line.shape[0] - ink.shape[0]))
        part = line[top : top + ink.shape[0], right : right + ink.shape[1]]
        np.maximum(part, ink, out=part)
        right += max(1, ink.shape[1] + round(gap * height))
    return crop(np.rint(255 * line).astype(np.uint8)) / 255


def sheet_of(digits, hard, rng):
    """The ink of a page from 0 to 1, the height of its largest digits, and its strings."""
    lines, strings, highest = [], [], 0
    base = rng.uniform(28, 64)
    for images, labels in zip(
        digits.images.reshape(-1, LONG, 784), digits.labels.reshape(-1, LONG), strict=True
    ):
        height = base * rng.uniform(0.8, 1.25)
        gaps = rng.uniform(0.12, 0.6, LONG)
        if hard:
            gaps = np.where(rng.random(LONG) < 0.06, rng.uniform(-0.06, 0.04, LONG), gaps)
        lines.append(line_of(images, height, gaps, rng))
        strings.append("".join(map(str, labels)))
        highest = max(highest, height)
    margin = round(0.7 * highest) + round(0.2 * max(line.shape[1] for line in lines)) * hard
    rows, width = [np.zeros((margin, 1))], max(line.shape[1] for line in lines)
    for line in lines:
        indent = rng.integers(0, width - line.shape[1] + 1)
        rows.append(np.pad(line, ((0, 0), (indent, width - line.shape[1] - indent))))
        rows.append(np.zeros((round(highest * rng.uniform(0.35, 1)), 1)))
    rows.append(np.zeros((margin, 1)))
    ink = np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])
    return np.pad(ink, ((0, 0), (margin, margin))), highest, strings


def rules_of(shape, height, rng):
    """The rules of ruled or squared paper from 0 to 1; a third of pages has none."""
    rules, kind = np.zeros(shape), rng.integers(3)
    thick, strength = rng.uniform(1, 0.06 * height), rng.uniform(0.2, 0.6)
    apart = height * (rng.uniform(1.2, 2.2) if kind == 1 else rng.uniform(0.45, 0.9))
    for axis in range(kind):
        places = (np.arange(shape[axis]) + rng.uniform(0, apart)) % apart
        line = np.clip(thick / 2 + 0.5 - np.abs(places - apart / 2), 0, 1)
        np.maximum(rules, strength * (line[:, None] if axis == 0 else line), out=rules)
    return rules


def photographed(ink, height, rng):
    """A hard page: what a phone makes of a sheet with this ink."""
    room = max(ink.shape) // 6  # so that rules go on to the border, however they are turned
    rules = rules_of([side + 2 * room for side in ink.shape], height, rng)
    turn = rng.uniform(-10, 10)
    ink, rules = (
        np.asarray(
            Image.fromarray(np.rint(255 * layer).astype(np.uint8)).rotate(
                turn, Image.Resampling.BICUBIC
            )
        )
        / 255
        for layer in (ink, rules)
    )
    rules = rules[room:-room, room:-room]
    rows, columns = ink.shape
    for _ in range(rng.integers(0, 15)):
        y, x = rng.integers(0, rows - 3), rng.integers(0, columns - 3)
        ink[y : y + rng.integers(1, 4), x : x + rng.integers(1, 4)] = 1
    y, x = np.mgrid[:rows, :columns] / max(ink.shape) - 0.5
    angle, edge = rng.uniform(0, 2 * np.pi, 2)
    light = rng.uniform(150, 240) * (1 + 0.4 * (np.cos(angle) * x + np.sin(angle) * y))
    away = np.cos(edge) * x + np.sin(edge) * y - rng.uniform(-0.3, 0.3)
    light *= 1 - rng.uniform(0, 0.35) / (1 + np.exp(-away / rng.uniform(0.003, 0.03)))
    darkness = rng.uniform(0.45, 0.85)
    seen = np.maximum(ink, rules)
    seen = ndimage.gaussian_filter(seen, rng.uniform(0.3, 1.2))
    photo = light * (1 - darkness * seen) + rng.normal(0, rng.uniform(1, 6), ink.shape)
    if rng.random() < 1 / 6:
        photo = 255 - photo
    file = io.BytesIO()
    Image.fromarray(np.clip(photo, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=75)
    return read_image(file.getvalue(), longest=MOST_LONG)


def page_of(digits, hard, rng):
    """A page of these digits, ten in a line, as a picture, and its strings."""
    ink, height, strings = sheet_of(digits, hard, rng)
    if hard:
        return photographed(ink, height, rng), strings
    return np.rint(255 * (1 - 0.9 * ink)).astype(np.uint8), strings


def pages(digits, hard, count, seed=0):
    """`count` pages with 3 to 8 lines, of digits drawn from these."""
    rng = np.random.default_rng((seed, hard))
    for _ in range(count):
        chosen = rng.choice(len(digits), LONG * rng.integers(3, 9), replace=False)
        yield chosen, *page_of(digits[chosen], hard, rng)


# ------------------------------------------------------------------------------------- the score


def edits(one, other):
    """How many changes make one sequence of another, if each is a step of cost 1 (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def beside(true, read):
    """The true strings and those that were read, in pairs with the fewest edits; "" for none."""
    best = {(0, 0): (0, [])}
    for i in range(len(true) + 1):
        for j in range(len(read) + 1):
            ways = [(i - 1, j, true[i - 1 : i], [""]), (i, j - 1, [""], read[j - 1 : j])]
            ways.append((i - 1, j - 1, true[i - 1 : i], read[j - 1 : j]))
            for a, b, ours, theirs in ways:
                if (a, b) in best and min(a, b) >= 0:
                    cost, pairs = best[a, b]
                    cost += edits(ours[0], theirs[0])
                    if (i, j) not in best or cost < best[i, j][0]:
                        best[i, j] = cost, [*pairs, (ours[0], theirs[0])]
    return best[len(true), len(read)][1]


def measure(digits, hard, networks):
    """For each network: the shares of digits and strings read right, on pages and one by one."""
    scores = {name: np.zeros(4) for name in networks}
    total = 0
    for chosen, picture, strings in pages(digits, hard, PAGES):
        total += len(strings)
        for name, network in networks.items():
            read = ["".join(each.text for each in line) for line in read_sheet(picture, network)]
            pairs = beside(strings, read)
            right = predict(network, digits[chosen].X) == digits[chosen].labels
            scores[name] += (
                LONG * len(strings) - sum(edits(*pair) for pair in pairs),
                sum(ours == theirs for ours, theirs in pairs),
                right.sum(),
                right.reshape(-1, LONG).all(axis=1).sum(),
            )
    return {name: 100 * score / total / (LONG, 1, LONG, 1) for name, score in scores.items()}


def main():
    digits = load_mnist()["--training" not in sys.argv]
    networks = {name: load_bundled(name) for name in MODELS}
    print("| pages | network | digits | strings | digits one by one | strings one by one |")
    print("|---|---|---|---|---|---|")
    for hard in (False, True):
        for name, shares in measure(digits, hard, networks).items():
            shown = " | ".join(f"{share:.2f}" for share in shares)
            print(f"| {'hard' if hard else 'clean'} | {name} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
